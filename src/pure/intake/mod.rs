//! What does somebody outside claim? Pasted pages and mails in, [`Report`] out.
//!
//! Right of it is `ticket`. It must never guess: what a text does not say stays `None`, and a text
//! that is no report is refused with what to do instead.

use crate::pure::watchlist::Transport;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// What somebody outside claims about a public address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// As the report spells it, trimmed; `None` when it names none.
    pub malware: Option<String>,
    /// When the traffic was seen, by the reporter's clock.
    pub seen: Timestamp,
    /// How far that clock may be off, in seconds.
    pub clock_error_s: u64,
    /// The public address that is blamed; `None` when the text does not show it.
    pub public: Option<IpAddr>,
    /// The sinkhole (or victim) that was called.
    pub remote: Option<IpAddr>,
    pub port: Option<u16>,
    /// The port on the public side of the NAT.
    pub source_port: Option<u16>,
    pub protocol: Option<Transport>,
    /// Where it came from: `cbl-text`, `flags`, `note`.
    pub origin: String,
}
