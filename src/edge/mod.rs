//! A file an outside thing: each touches the world and decides nothing.

pub mod capture;
pub mod clock;
pub mod files;
pub mod health;
