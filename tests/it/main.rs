//! The one integration test binary: a file a room.

mod capture_files;
mod commands;
mod doctor;
mod files;
mod frames;
mod ground_truth;
mod life;
mod live;
mod messages;
mod names;
mod packets;
mod recordings;
mod scan;
mod windows;
mod world;
