//! The one integration test binary; a module a room.

mod bundle;
mod capture_files;
mod doctor;
mod files;
mod frames;
mod ground_truth;
mod intake;
mod letters;
mod live;
mod mail;
mod messages;
mod names;
mod packets;
mod recordings;
mod sample;
mod windows;
