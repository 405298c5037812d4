//! Packets from the world: recorded files, an interface, a command.
//!
//! Carries out a `CapturePlan` and returns `SourceFacts`; decides nothing about them.

pub mod files;
pub mod recorded;
pub mod stream;
