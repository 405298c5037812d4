//! What did several sources show together?

use super::findings::sort;
use super::undecoded;
use super::{CONTACT_SPANS_MAX, ContactSpan, Coverage, Hit, HostFinding, Observation, OffStamps};
use jiff::{SignedDuration, Timestamp};
use std::cmp::{max, min};
use std::collections::HashMap;
use std::net::IpAddr;

impl Observation {
    /// Adds what another source of the same window showed. Packets that both saw count twice, but
    /// contacts of one host that both saw count once. How many inside hosts there are together is not
    /// known; the larger number is taken.
    pub fn merge(&mut self, other: Observation) {
        self.coverage.merge(other.coverage);
        self.add_findings(other.hosts.into_iter().chain(other.inbound_only));
        add_all(&mut self.indirect, other.indirect);
        sort(&mut self.indirect);
        self.in_part.extend(other.in_part);
        self.unattributed_sightings += other.unattributed_sightings;
        self.unattributed_spans.extend(other.unattributed_spans);
        self.unseen_calls += other.unseen_calls;
        self.unlisted_sightings += other.unlisted_sightings;
    }

    /// Adds what else was found of inside hosts.
    pub(super) fn add_findings(&mut self, others: impl IntoIterator<Item = HostFinding>) {
        let mut contacting = std::mem::take(&mut self.hosts);
        contacting.append(&mut self.inbound_only);
        add_all(&mut contacting, others);
        sort(&mut contacting);
        (self.hosts, self.inbound_only) = contacting.into_iter().partition(|finding| finding.contacts > 0);
    }
}

fn add_all(known: &mut Vec<HostFinding>, others: impl IntoIterator<Item = HostFinding>) {
    let mut places: HashMap<IpAddr, usize> = known.iter().map(|known| known.host).zip(0..).collect();
    for finding in others {
        let place = *places.entry(finding.host).or_insert(known.len());
        match known.get_mut(place) {
            Some(known) => known.merge(finding),
            None => known.push(finding),
        }
    }
}

impl Coverage {
    fn merge(&mut self, other: Coverage) {
        self.note_lost(self.lost().and(other.lost()));
        let Coverage { first, last, incomplete_files, notes, undecoded, without_ip, .. } = other;
        self.first = earlier(self.first, first);
        self.last = max(self.last, last);
        self.heard_packets += other.heard_packets;
        self.heard_bytes = together(self.heard_bytes, other.heard_bytes);
        self.truncated_packets += other.truncated_packets;
        self.portless_fragments += other.portless_fragments;
        self.ip_packets += other.ip_packets;
        self.unicast_packets += other.unicast_packets;
        self.split_names += other.split_names;
        self.unread_names += other.unread_names;
        self.conflicting_names += other.conflicting_names;
        self.nameless_packets += other.nameless_packets;
        self.undecoded_packets += other.undecoded_packets;
        undecoded::merge(&mut self.undecoded, undecoded);
        undecoded::merge(&mut self.without_ip, without_ip);
        self.duplicate_packets += other.duplicate_packets;
        // What one of them heard in both directions tells nothing of the other.
        self.one_way = self.one_way.or(other.one_way);
        self.inside_hosts = max(self.inside_hosts, other.inside_hosts);
        self.incomplete_files.extend(incomplete_files);
        self.off_stamps = OffStamps::together(self.off_stamps, other.off_stamps);
        self.filter = max(self.filter, other.filter);
        self.notes.extend(notes);
    }
}

/// The sum of two counts, of which one that is unknown makes both so.
fn together(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.zip(other).map(|(one, other)| one + other)
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(min(one, other)),
        (one, other) => one.or(other),
    }
}

impl HostFinding {
    fn merge(&mut self, other: HostFinding) {
        let seen_by_both = other.spans.iter().filter(|span| span.is_near(&self.spans)).count() as u64;
        let together = (self.contacts + other.contacts).saturating_sub(seen_by_both);
        self.contacts = together.max(self.contacts).max(other.contacts);
        // Two sources that know it by different MAC addresses know it by none.
        self.mac = if self.mac == other.mac { self.mac } else { self.mac.xor(other.mac) };
        self.name = self.name.take().or(other.name);
        self.sightings += other.sightings;
        self.sightings_out += other.sightings_out;
        self.first = min(self.first, other.first);
        self.last = max(self.last, other.last);
        for hit in other.hits {
            match self.hits.iter_mut().find(|known| known.is_same(&hit)) {
                Some(known) => known.merge(hit),
                None => self.hits.push(hit),
            }
        }
        self.spans = ContactSpan::joined(self.spans.drain(..).chain(other.spans));
        // The newest, when there are too many.
        self.spans.drain(..self.spans.len().saturating_sub(CONTACT_SPANS_MAX));
    }
}

/// Whether two spans are one contact seen twice.
fn touches(one: ContactSpan, other: ContactSpan) -> bool {
    let gap = SignedDuration::from_secs(super::CONTACT_GAP_SECONDS as i64);
    max(one.first, other.first).duration_since(min(one.last, other.last)) <= gap
}

impl ContactSpan {
    /// Whether it is no further than the contact gap from one of these.
    pub fn is_near<'a>(self, spans: impl IntoIterator<Item = &'a ContactSpan>) -> bool {
        spans.into_iter().any(|known| touches(*known, self))
    }

    /// In order of time, with those as one that lie no further apart than the contact gap: what two sources or
    /// two runs saw of one contact counts once.
    pub fn joined(spans: impl IntoIterator<Item = ContactSpan>) -> Vec<ContactSpan> {
        let mut sorted: Vec<ContactSpan> = spans.into_iter().collect();
        sorted.sort_by_key(|span| (span.first, span.last));
        let mut joined: Vec<ContactSpan> = Vec::with_capacity(sorted.len());
        for span in sorted {
            match joined.last_mut() {
                Some(last) if touches(*last, span) => last.last = max(last.last, span.last),
                _ => joined.push(span),
            }
        }
        joined
    }
}

impl Hit {
    fn is_same(&self, other: &Hit) -> bool {
        let key = |hit: &Hit| (hit.matched, hit.remote, hit.port);
        key(self) == key(other)
            && self.is_indirect == other.is_indirect
            && self.entry == other.entry
            && self.watchlist == other.watchlist
            && self.protocol == other.protocol
    }

    fn merge(&mut self, other: Hit) {
        self.sightings += other.sightings;
        self.sightings_out += other.sightings_out;
        self.contacts = max(self.contacts, other.contacts);
        self.bytes = together(self.bytes, other.bytes);
        self.handshake = max(self.handshake, other.handshake);
        self.first = min(self.first, other.first);
        self.last = max(self.last, other.last);
    }
}
