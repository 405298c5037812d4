//! What does a DNSBL say of an address? Names to ask for, and replies to listed, not listed or unknown.
//!
//! Left of it is `site`, right of it `ticket`; `edge/resolver` asks. It must never take silence, an
//! error or a broken list for "not listed", and never let a key out of a query name.

mod codes;
mod names;
mod reply;

pub use codes::{CODES, Code, Meaning};
pub use names::{Key, Question, Questions, not_public, questions};
pub use reply::{Finding, NoReply, Record, RecordData, Reply, ReplyCode, clear_test, find, listed_test};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Answers are kept for their time to live, but no longer than this, in seconds: a wrong one must not
/// stand for a day.
const KEPT_SECONDS_MAX: u32 = 3600;

/// Listed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listing {
    Listed,
    NotListed,
    Unknown,
}

/// One look-up with all that came back. Nothing in it shows a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lookup {
    pub address: IpAddr,
    pub answer: Listing,
    /// What was found, in a sentence; of an unknown one also what to do.
    pub why: String,
    /// When the reply came.
    pub at: Timestamp,
    pub zone: String,
    pub resolver: SocketAddr,
    /// For how long the reply holds, in seconds; `None` where it does not say.
    pub ttl_s: Option<u32>,
    /// The addresses of the reply, in order; none when the name does not exist.
    pub codes: Vec<Ipv4Addr>,
    /// What the list says in words (TXT).
    pub texts: Vec<String>,
    /// What the entry that has to be listed answered just before. Older logs do not know it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test_codes: Vec<Ipv4Addr>,
}

impl Lookup {
    /// A look-up that found nothing out.
    pub fn unknown(
        address: IpAddr,
        zone: &str,
        resolver: SocketAddr,
        at: Timestamp,
        why: impl Into<String>,
    ) -> Lookup {
        Lookup {
            address,
            answer: Listing::Unknown,
            why: why.into(),
            at,
            zone: zone.to_owned(),
            resolver,
            ttl_s: None,
            codes: Vec::new(),
            texts: Vec::new(),
            test_codes: Vec::new(),
        }
    }

    /// Until when nobody has to be asked again.
    pub fn holds_until(&self) -> Timestamp {
        let seconds = self.ttl_s.unwrap_or(0).min(KEPT_SECONDS_MAX);
        self.at.saturating_add(jiff::SignedDuration::from_secs(i64::from(seconds))).unwrap_or(self.at)
    }

    /// Whether it still answers the question at `now`, for somebody who wants nothing from before
    /// `not_before`.
    pub fn holds(&self, now: Timestamp, not_before: Timestamp) -> bool {
        self.at <= now && now < self.holds_until() && self.at >= not_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a second")
    }

    #[test]
    fn an_answer_holds_as_long_as_it_says_and_an_hour_at_most() {
        let address = IpAddr::from([192, 0, 2, 17]);
        let asked =
            Lookup::unknown(address, "xbl.example", SocketAddr::from(([127, 0, 0, 1], 53)), at(1000), "");
        for (row, ttl_s, now, not_before, holds) in [
            ("within", Some(60), 1059, 1000, true),
            ("over", Some(60), 1060, 0, false),
            ("before the run began", Some(60), 1030, 1001, false),
            ("the clock was set back", Some(60), 999, 0, false),
            ("no time told", None, 1000, 0, false),
            ("a day", Some(86_400), 1000 + 3599, 0, true),
            ("a day, an hour later", Some(86_400), 1000 + 3600, 0, false),
        ] {
            let lookup = Lookup { ttl_s, ..asked.clone() };
            assert_eq!(lookup.holds(at(now), at(not_before)), holds, "{row}");
        }
    }
}
