//! The one integration test binary: a file a room.

mod capture_files;
mod frames;
mod ground_truth;
mod life;
mod live;
mod names;
mod packets;
mod recordings;
mod scan;
mod windows;
mod world;
