//! The only integration test binary; one module a room.

mod bundle;
mod intake;
mod letters;
mod mail;
mod sample;
