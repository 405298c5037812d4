//! What could a capture see? Told with what was seen, since silence means nothing without it.
//!
//! Filled in by `observer` and by whoever listened (`verdict::listened`); read by `verdict`.

use super::{LayerCount, OffStamps};
use crate::pure::lost::Lost;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// Cut so short that addresses or ports (or names, while names are looked for, or what the filter asks for) could
    /// not be read.
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
    /// Rows of a text table that may hide a name, while names are looked for; in `truncated_packets` too.
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
