//! Packets from the world: recorded files, an interface, a command.
//!
//! Carries out a `CapturePlan` and returns `CaptureFacts`; decides nothing about them.

pub mod evidence;
pub mod files;
pub mod filter;
pub mod interface;
pub mod link;
pub mod lint;
mod pcapng;
pub mod recorded;
pub mod session;
pub mod stop;
pub mod stream;
mod words;
