//! Every decision of allclear, without I/O, clock, randomness or async.
//!
//! In reading order, which is also the order in which they may import each other (a file uses only
//! what stands above it).

pub mod address;
pub mod hexadecimal;
pub mod interval;
pub mod lost;
pub mod mail_event;
pub mod moment;
pub mod number;
pub mod problem;
pub mod protocol;
pub mod secret;
pub mod shown;
pub mod watched;
pub mod watchlist;

pub mod site;

pub mod listing;

pub mod schedule;

pub mod playbook;

pub mod document;

pub mod recording;

pub mod packet;

pub mod sighting;

pub mod verdict;

pub mod filter;

pub mod assurance;

pub mod earliest;

pub mod intake;

pub mod ticket;

pub mod letterbox;

pub mod detection;

pub mod queue;

pub mod plan;

pub mod direction;

pub mod words;

pub mod layout;

pub mod picture;

pub mod report;

pub mod digest;

pub mod script;
