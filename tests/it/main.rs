//! The one integration test binary: a file a room.

mod bundle;
mod capture_files;
mod commands;
mod crash;
mod doctor;
mod feeds;
mod files;
mod frames;
mod ground_truth;
mod intake;
mod letters;
mod life;
mod live;
mod mail;
mod messages;
mod names;
mod packets;
mod recordings;
mod sample;
mod scan;
mod serve;
mod simulate;
mod traffic;
mod windows;
mod world;
