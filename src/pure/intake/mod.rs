//! What does somebody outside claim? Pasted pages and mails in, [`Report`] out.
//!
//! Right of it is `ticket`. It must never guess: what a text does not say stays `None`, and a text
//! that is no report is refused with what to do instead.

pub mod cbl;
mod pasted;

use crate::pure::watchlist::Transport;
use jiff::{SignedDuration, Timestamp};
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
    /// Where it came from: `cbl-text`, `flags`, `note`, or [`DETECTED`].
    pub origin: String,
}

/// The origin of a report that a `detect` run made of contacts.
pub const DETECTED: &str = "detect";

impl Report {
    /// Whether it tells of a time that has not come, by more than a clock or a time zone can be
    /// wrong (a day): a mistyped date, which no cleaning could ever follow.
    pub fn is_of_the_future(&self, now: Timestamp) -> bool {
        self.seen.duration_since(now) > SignedDuration::from_hours(24)
    }
}

/// The longest text that is read, in bytes: the longest known page is below 20 KiB, and a mail with
/// pictures in it is no report that a person pasted.
pub const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// Why a text is no report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// The text is longer than [`TEXT_BYTES_MAX`].
    #[error("the text has {bytes} bytes, more than {TEXT_BYTES_MAX}: paste the page's text alone")]
    TooLong { bytes: usize },
    /// The page says that the address is not listed.
    #[error(
        "the page says that {} is not listed, so it reports no infection: open a ticket only when it is listed",
        address.map_or("the address".to_string(), |address| address.to_string())
    )]
    NotListed { address: Option<IpAddr> },
    /// A time stands where the page states it, but it cannot be trusted.
    #[error("the time after '{after}' cannot be read as UTC ('{text}'): state it with --seen TIME")]
    BadTime { after: &'static str, text: String },
    /// Nothing of what a report states was found.
    #[error(
        "this is no CBL page (looked for 'last detected at TIME GMT' and 'at exactly TIME (UTC)'): \
         paste the whole page, or give its facts with ticket open --malware NAME --seen TIME"
    )]
    NoReport,
}
