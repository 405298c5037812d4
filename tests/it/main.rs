//! The one integration test binary; a module a room.

mod capture_files;
mod commands;
mod doctor;
mod files;
mod frames;
mod ground_truth;
mod live;
mod messages;
mod names;
mod packets;
mod recordings;
mod scan;
mod windows;
