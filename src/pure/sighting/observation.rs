//! What did one capture show? Who made contact with what, who only heard from it, and who was there.
//!
//! Made by `findings` and `merge`; read by `verdict`, `ticket` and `report`. Most of it is `scan --json`.

use super::{Coverage, InPart};
use crate::pure::interval::Intervals;
use crate::pure::packet::Mac;
use crate::pure::watchlist::MatchKind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Sightings of one host and one entry that lie at most this far apart are one contact, in seconds
/// (design: "contact gap").
pub const CONTACT_GAP_SECONDS: u64 = 60;

/// A host is present this long before and after each packet that it sent, in seconds.
pub const PRESENCE_SECONDS: u64 = 300;

/// Everything one capture showed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    pub coverage: Coverage,
    /// Inside hosts that made contact, most contacts first, then by address.
    pub hosts: Vec<HostFinding>,
    /// Inside hosts that only received from a watchlist entry; contacts and sightings_out are 0.
    pub inbound_only: Vec<HostFinding>,
    /// The site's own resolvers that asked for a name, or a server, of a watchlist: for other hosts, so
    /// that contacts are 0. A resolver that made contact itself is in `hosts` too.
    #[serde(default)]
    pub indirect: Vec<HostFinding>,
    /// Inside hosts that contacted some entries of a list that requires all, as far as this source saw: a row for
    /// each host and list. Never kept: [`complete`](super::complete) asks it while the sources of a run are put
    /// together.
    #[serde(skip)]
    pub in_part: Vec<InPart>,
    /// Packets with a watchlist entry and no inside host.
    pub unattributed_sightings: u64,
    /// When they came, as if they were contacts. Never kept: only the judge asks it.
    #[serde(skip)]
    pub unattributed_spans: Vec<ContactSpan>,
    /// Calls of inside hosts to a watchlist entry that were not seen, and that errors or answers which came back
    /// tell of, one for each hit.
    #[serde(default)]
    pub unseen_calls: u64,
    /// Sightings without a row in `hits`, because there were more than [`HITS_MAX`](super::HITS_MAX) hits or more than
    /// [`FINDING_HOSTS_MAX`](super::FINDING_HOSTS_MAX) hosts; 0 in nearly every capture. Not part of `scan --json`.
    #[serde(skip_serializing, default)]
    pub unlisted_sightings: u64,
}

/// One inside host and what it contacted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostFinding {
    pub host: IpAddr,
    /// `None` when unknown or when several inside addresses use it at one time (a router's).
    pub mac: Option<Mac>,
    /// What it calls itself in DHCP, printable ASCII of at most 63 bytes; `None` when it was not heard.
    pub name: Option<String>,
    pub contacts: u64,
    /// Packets of its hits in both directions.
    pub sightings: u64,
    /// Those that the host sent.
    pub sightings_out: u64,
    pub first: Timestamp,
    pub last: Timestamp,
    pub hits: Vec<Hit>,
    /// When each contact began and ended, over all entries, in order of time; no two closer than
    /// the contact gap. At most [`CONTACT_SPANS_MAX`]; not part of `scan --json`.
    #[serde(skip_serializing, default)]
    pub spans: Vec<ContactSpan>,
}

/// How many contact spans are kept of one host in one run: enough for a contact a minute for a week.
pub const CONTACT_SPANS_MAX: usize = 10_080;

/// One contact: from its first to its last sighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactSpan {
    pub first: Timestamp,
    pub last: Timestamp,
}

/// One host, one watchlist entry, one outside end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// As the watchlist spells it.
    pub entry: String,
    /// Whether a resolver asked for another host by DNS.
    #[serde(rename = "indirect", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_indirect: bool,
    pub watchlist: String,
    pub matched: Matched,
    /// The outside end; for `dns` hits the server that was asked.
    pub remote: IpAddr,
    /// "tcp", "udp", "icmp", "icmp6" or the protocol's number.
    pub protocol: String,
    /// The outside end's port; `None` where the protocol has none.
    pub port: Option<u16>,
    pub sightings: u64,
    pub sightings_out: u64,
    pub contacts: u64,
    /// Their lengths on the wire, in bytes; `None` when one of them is not known.
    pub bytes: Option<u64>,
    pub handshake: Handshake,
    pub first: Timestamp,
    pub last: Timestamp,
}

/// What part of the packet the entry matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Matched {
    Address,
    Network,
    Port,
    Dns,
    Tls,
    Http,
}

impl From<MatchKind> for Matched {
    /// What an end of a packet matched by: no name.
    fn from(kind: MatchKind) -> Matched {
        match kind {
            MatchKind::Address => Matched::Address,
            MatchKind::Network => Matched::Network,
            MatchKind::Port | MatchKind::Domain => Matched::Port,
        }
    }
}

/// How far a TCP connection got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Handshake {
    /// Not TCP.
    None,
    Syn,
    Refused,
    Established,
}

/// When an inside host was there, by the packets it sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Presence {
    pub host: IpAddr,
    /// As in [`HostFinding::mac`].
    pub mac: Option<Mac>,
    /// Widened by [`PRESENCE_SECONDS`] on both sides; not clipped to the window.
    pub present: Intervals,
}
