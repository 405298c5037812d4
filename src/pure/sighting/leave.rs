//! What does one run have to tell when it leaves its source? What it found, and what of the source is its own: since it
//! joined, at its own hosts.
//!
//! Left of it is `watch`, which saw. It must never count for a run what was heard before it joined.

use super::heard::Company;
use super::hearing::PassedOver;
use super::one_way::one_way;
use super::tally::Tally;
use super::watch::Watch;
use super::{Coverage, Observation, Presence};
use crate::pure::moment::of_nanoseconds;
use crate::pure::packet::Mac;
use std::net::IpAddr;

/// What its source showed in all, when a run leaves.
pub(super) struct Shown {
    pub(super) tally: Tally,
    pub(super) passed_over: PassedOver,
    pub(super) times_ns: (i64, i64),
    pub(super) company: Company,
}

impl Watch {
    /// The presence of the `wanted` hosts, each known by address and, where known, by MAC address, and
    /// of every host with findings; by address. Hosts that said nothing are not there.
    pub(super) fn presence_of(&self, wanted: &[(IpAddr, Option<Mac>)], shown: &Shown) -> Vec<Presence> {
        shown.company.presences(|address, mac| {
            let is_same =
                |&(host, known): &(IpAddr, Option<Mac>)| host == address || (known.is_some() && known == mac);
            let is_ours = self.inside.contains(address);
            let has_findings = self.findings.contains(address) || self.indirect.contains(address);
            is_ours && (wanted.iter().any(is_same) || has_findings)
        })
    }

    /// Everything that it saw. Losses, incomplete files and names of hosts are others' to add.
    pub(super) fn observation(&self, shown: &Shown) -> Observation {
        let identities = shown.company.identities();
        let (hosts, inbound_only) = self.findings.finish(&self.index, &identities);
        Observation {
            coverage: self.coverage(shown),
            hosts,
            inbound_only,
            indirect: self.indirect.finish_indirect(&self.index, &identities),
            in_part: self.findings.in_part(&self.index, &identities),
            unattributed_sightings: self.unattributed.sightings(),
            unattributed_spans: self.unattributed.spans(),
            unseen_calls: self.unseen_calls + self.findings.unseen_calls(),
            unlisted_sightings: self.findings.unlisted() + self.indirect.unlisted(),
        }
    }

    fn coverage(&self, shown: &Shown) -> Coverage {
        let heard = shown.tally.since(&self.joined);
        let PassedOver { undecoded, without_ip } = &shown.passed_over;
        let names = if self.index.has_domains() { heard } else { Tally::default() };
        let nameless = names.cut_names + names.unread_names;
        let unanswered = self.portless_fragments + self.unanswered_packets;
        // Frames may be out of order: the first that it heard need not be the earliest.
        let is_from_start = self.joined.heard_packets == 0;
        let first_ns = self.first_ns.map(|first_ns| if is_from_start { shown.times_ns.0 } else { first_ns });
        Coverage {
            first: first_ns.map(of_nanoseconds),
            last: first_ns.map(|first_ns| of_nanoseconds(first_ns.max(shown.times_ns.1))),
            heard_packets: heard.heard_packets,
            heard_bytes: Some(heard.heard_bytes),
            lost_packets: None,
            is_lost_in_part: false,
            truncated_packets: heard.truncated_packets + nameless + unanswered,
            undecoded_packets: heard.undecoded_packets,
            duplicate_packets: heard.duplicate_packets,
            inside_hosts: shown.company.count(|address| self.inside.contains(address)),
            incomplete_files: Vec::new(),
            ip_packets: heard.ip_packets(),
            unicast_packets: heard.kinds.unicast(),
            split_names: names.split_names,
            unread_names: names.unread_names,
            conflicting_names: names.conflicting_names,
            nameless_packets: 0,
            portless_fragments: self.portless_fragments,
            undecoded: undecoded.since(&self.joined_passed_over.undecoded),
            without_ip: without_ip.since(&self.joined_passed_over.without_ip),
            one_way: one_way(heard.kinds.outbound_answers(), heard.kinds.inbound_answers()),
            filter: None,
            off_stamps: None,
            notes: shown.company.note().into_iter().collect(),
        }
    }
}
