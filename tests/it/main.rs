//! The one integration test binary; a module a room.

mod capture_files;
mod ground_truth;
mod packets;
mod recordings;
mod scan;
