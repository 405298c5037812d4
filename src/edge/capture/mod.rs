//! Packets from the world: recorded files, an interface, a command.
//!
//! Carries out a `CapturePlan` and returns `CaptureFacts`; decides nothing about them.

pub mod filter;
pub mod lint;
mod words;
