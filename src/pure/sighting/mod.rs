//! What was seen of the watchlists, by whom, and what could be seen at all? Packets in,
//! [`Observation`] out.
//!
//! Left of it are `watchlist` (what to look for) and `packet`; right of it `verdict`. It must never
//! grow with the traffic: its memory is bounded by inside hosts and hits.

mod asked;
mod budget;
mod called;
mod duplicates;
mod findings;
mod flow;
mod fragments;
mod glance;
mod hash;
mod head;
mod heads;
mod heard;
mod hearing;
mod initials;
mod inside;
mod kind;
mod ledger;
mod merge;
mod observer;
mod one_way;
mod pieces;
mod probe;
mod senders;
mod spans;
mod stamps;
mod streams;
mod tally;
mod tandem;
mod translation;
mod unattributed;
mod undecoded;
mod watch;

pub use duplicates::DUPLICATE_NS;
pub use findings::{FINDING_HOSTS_MAX, HITS_MAX, protocol_name};
pub use fragments::Fragments;
pub use glance::{Glance, Lookout};
pub use heard::HEARD_HOSTS_MAX;
pub use ledger::{BUCKET_SECONDS, Bucket, Ledger, Link};
pub use observer::{Left, Observer, Scope, Seen, WatchId};
pub use probe::{Probe, payload as probe_payload};
pub use stamps::{OffStamps, STAMP_ERROR_SECONDS_MAX, Stamps};
pub use tandem::{InPart, complete};
pub use undecoded::LayerCount;
pub use watch::Watch;

use crate::pure::interval::Intervals;
use crate::pure::lost::Lost;
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
    /// each host and list. Never kept: [`complete`] asks it while the sources of a run are put together.
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
    /// Sightings without a row in `hits`, because there were more than [`HITS_MAX`] hits or more than
    /// [`FINDING_HOSTS_MAX`] hosts; 0 in nearly every capture. Not part of `scan --json`.
    #[serde(skip_serializing, default)]
    pub unlisted_sightings: u64,
}

/// What a capture could see.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Time of the first packet heard; `None` when nothing was.
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
    /// Every frame the source showed, those without IP too.
    pub heard_packets: u64,
    /// Their lengths on the wire, in bytes; `None` when rows of a text table are among them, which shows no
    /// bytes.
    pub heard_bytes: Option<u64>,
    /// As far as they are counted; `None` when none is known and the source, or a part of it, cannot count
    /// its losses.
    pub lost_packets: Option<u64>,
    /// Whether more may be lost than `lost_packets`, since a part of the source cannot count its losses.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_lost_in_part: bool,
    /// Cut so short that addresses or ports (or names, while names are looked for) could not be read.
    pub truncated_packets: u64,
    /// Should carry IP and could not be read down to addresses.
    pub undecoded_packets: u64,
    /// Copies made by mirrors; counted in `heard_packets` too.
    pub duplicate_packets: u64,
    /// How many different inside hosts sent something.
    pub inside_hosts: u64,
    /// Files that ended in the middle of a record or could not be read to their end.
    pub incomplete_files: Vec<String>,
    /// Frames that should carry IP, those undecoded and truncated among them (all but the likes of
    /// ARP and spanning tree); 0 when not counted, and then all that were heard stand in for it.
    #[serde(default)]
    pub ip_packets: u64,
    /// TCP streams and QUIC connections whose name spans several packets, is sealed so that no key opens it, or is
    /// compressed (HTTP/2 without TLS); counted only while names are looked for.
    #[serde(default)]
    pub split_names: u64,
    /// Of those, how many have a name that was never read; in `truncated_packets` too. On a busy network
    /// there are always some: clients that gave up, segments out of order.
    #[serde(default)]
    pub unread_names: u64,
    /// Of those, how many came with other bytes in the same place: what the receiver took is not known, and may be the
    /// name of a watchlist.
    #[serde(default)]
    pub conflicting_names: u64,
    /// Rows of a text table whose names are not shown, while names are looked for; in `truncated_packets` too.
    #[serde(default)]
    pub nameless_packets: u64,
    /// Later fragments that lists or the filter may name by their port, which only the first fragment tells; in
    /// `truncated_packets` too.
    #[serde(default)]
    pub portless_fragments: u64,
    /// Which layers stopped those of `undecoded_packets`, most first; their sum.
    #[serde(default)]
    pub undecoded: Vec<LayerCount>,
    /// What the frames carried that are no IP and none of `ip_packets` (ARP, spanning tree), most first.
    #[serde(default)]
    pub without_ip: Vec<LayerCount>,
    /// IP packets to one machine, not to all or to a group: without any, a port shows only what every port
    /// does that mirrors nothing.
    #[serde(default)]
    pub unicast_packets: u64,
    /// The one direction that was heard between inside and outside, as of a mirror that copies only that;
    /// `None` when both were, or when too little was heard to tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_way: Option<OneWay>,
    /// Who applied the run's filter first; `None` when it has none. Where the kernel did, what is heard
    /// and who is there are only what passed: the filter, and with it the positive control, ARP, DHCP and
    /// the blamed hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<FilterPlace>,
    /// Packets of a live source whose stamps could not be true: they count by the time at which they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_stamps: Option<OffStamps>,
    /// What the source could not do as it was asked (a smaller ring, an interface that was gone for a
    /// while), in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// Where a filter is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilterPlace {
    /// Here, after everything was heard.
    User,
    /// In the kernel, which holds frames back, and here again.
    Kernel,
}

impl FilterPlace {
    /// Whether the kernel held frames back for any of the time.
    pub fn of(is_filtered: bool) -> FilterPlace {
        if is_filtered { FilterPlace::Kernel } else { FilterPlace::User }
    }
}

impl Coverage {
    /// What is known of the packets that were lost.
    pub fn lost(&self) -> Lost {
        Lost::of(self.lost_packets, self.is_lost_in_part)
    }

    /// Notes what is known of the packets that were lost.
    pub fn note_lost(&mut self, lost: Lost) {
        (self.lost_packets, self.is_lost_in_part) = (lost.packets(), lost.is_in_part());
    }

    /// Notes that `rows` of what was heard are rows of text tables, and that `nameless` of them may hide a name
    /// that is looked for.
    pub fn note_rows(&mut self, rows: u64, nameless: u64) {
        if rows > 0 {
            self.heard_bytes = None;
            self.nameless_packets += nameless;
            self.truncated_packets += nameless;
        }
    }
}

/// A direction of traffic between inside and outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OneWay {
    /// Only what inside hosts send: their calls are seen, and no answer.
    Outbound,
    /// Only what they are sent: their calls are not seen.
    Inbound,
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

#[cfg(test)]
mod name_tests;
#[cfg(test)]
mod shared_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod translated_tests;
#[cfg(test)]
mod unusual_tests;
