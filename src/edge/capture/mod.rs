//! Packets from the world: recorded files, an interface, a command.
//!
//! `run` carries out a `CapturePlan` and returns `CaptureFacts`; nothing here decides about them.

pub mod account;
pub mod ahead;
pub mod audience;
#[cfg(test)]
mod audience_tests;
pub mod command;
mod escape;
pub mod evidence;
pub mod files;
pub mod filter;
pub mod glob;
pub mod hub;
pub mod indexed;
pub mod inputs;
pub mod interface;
mod known;
pub mod link;
pub mod lint;
mod listener;
pub mod lists;
mod losses;
mod member;
mod pcapng;
mod pen;
pub mod probes;
pub mod published;
pub mod recordings;
pub mod run;
pub mod screen;
pub mod session;
pub mod shut_out;
pub mod stop;
pub mod stream;
mod survey;
mod tail;
pub mod tap;
pub mod texts;
mod unclaimed;
pub mod vault;
