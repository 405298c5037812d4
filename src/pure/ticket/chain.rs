//! Is the log what was written? Each event's hash covers the one before it.

use super::{Event, TicketId};
use crate::pure::hexadecimal;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// The version of the stored form of events.
pub const EVENT_VERSION: u32 = 1;

/// The hash before the first event.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What an event's hash covers besides the one before it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub seq: u64,
    pub at: Timestamp,
    pub ticket: TicketId,
    pub by: &'a str,
    /// The event as it is stored.
    pub body: &'a str,
}

/// The hash of an event: SHA-256, in hexadecimal, of these lines, each ended by a line feed: the
/// previous hash, sequence number, time in nanoseconds since 1970, ticket, who (as a JSON string),
/// version, and the event as JSON.
pub fn link(previous: &str, entry: &Entry<'_>) -> String {
    let Entry { seq, at, ticket, by, body } = *entry;
    let by = serde_json::Value::from(by);
    let at = at.as_nanosecond();
    let head = format!("{previous}\n{seq}\n{at}\n{ticket}\n{by}\n{EVENT_VERSION}\n");
    // The event is long: it is hashed where it stands.
    let hasher = Sha256::new().chain_update(head).chain_update(body).chain_update("\n");
    hexadecimal::text(&hasher.finalize())
}

/// The event as it is stored.
pub fn body(event: &Event) -> String {
    serde_json::to_string(event).expect("events are plain data, which JSON can always hold")
}
