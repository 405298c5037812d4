//! The one integration test binary; a module a room.

mod capture_files;
mod frames;
mod ground_truth;
mod live;
mod names;
mod packets;
mod recordings;
mod scan;
mod windows;
