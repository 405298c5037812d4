//! Who contacted what? Sightings in, a [`HostFinding`] a host out.
//!
//! Its memory is bounded by hosts and hits. What arrives from outside only may fill half of each
//! budget, so that a flood from a watchlist entry never hides a host that answers the call. A packet
//! beyond the budgets still counts at its host, and as unlisted.

use super::budget::Budget;
use super::hash::FastMap;
use super::spans::Spans;
use super::{
    CONTACT_GAP_SECONDS, CONTACT_SPANS_MAX, ContactSpan, Handshake, Hit, HostFinding, InPart, Matched,
};
use crate::pure::moment::of_nanoseconds;
use crate::pure::packet::Mac;
use crate::pure::protocol::{ACK, ICMP, ICMP_6, RST, SYN, TCP, UDP};
use crate::pure::watchlist::{EntryId, Index};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// So many hosts with sightings are told apart; as many again when they send.
pub const FINDING_HOSTS_MAX: usize = 65_536;
/// So many hits (host, entry and outside end) get a row; as many again when the host sends.
pub const HITS_MAX: usize = 65_536;
/// So many pairs of host and entry have contacts of their own; as many again when the host sends.
/// Further entries of a host share one count of contacts.
const PAIRS_MAX: usize = 65_536;
pub(super) const CONTACT_GAP_NS: i64 = CONTACT_GAP_SECONDS as i64 * 1_000_000_000;

/// One packet between an inside host and the entries that it matched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sighting<'a> {
    pub(super) host: IpAddr,
    pub(super) remote: IpAddr,
    pub(super) protocol: u8,
    pub(super) port: Option<u16>,
    pub(super) tcp_flags: u8,
    /// Whether the host sent it.
    pub(super) is_out: bool,
    /// Whether it answers what the host must have sent: it accepts a connection, or tells of a name.
    pub(super) is_answer: bool,
    pub(super) time_ns: i64,
    /// 0 when it is not known.
    pub(super) wire_length: u32,
    /// The entries and how each matched, the most telling first.
    pub(super) matches: &'a [(Matched, EntryId)],
}

/// All sightings of a capture by host.
#[derive(Debug, Default)]
pub(super) struct Findings {
    hosts: FastMap<IpAddr, Host>,
    hits: Budget,
    pairs: Budget,
    unlisted: u64,
}

#[derive(Debug, Default)]
struct Host {
    /// Contacts by entry; `None` is for entries beyond [`PAIRS_MAX`].
    pairs: HashMap<Option<EntryId>, Tally>,
    rows: FastMap<Row, RowTally>,
    /// Entries of lists that require all, to which the host sent something, by list.
    contacted: HashMap<usize, HashSet<EntryId>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Row {
    entry: EntryId,
    matched: Matched,
    remote: IpAddr,
    protocol: u8,
    port: Option<u16>,
}

#[derive(Debug)]
struct RowTally {
    tally: Tally,
    /// `None` when the length of one of them is not known.
    bytes: Option<u64>,
    handshake: Handshake,
    has_answer: bool,
}

#[derive(Clone, Debug)]
struct Tally {
    sightings: u64,
    sightings_out: u64,
    first_ns: i64,
    last_ns: i64,
    spans: Spans,
}

impl Tally {
    const NONE: Tally =
        Tally { sightings: 0, sightings_out: 0, first_ns: i64::MAX, last_ns: i64::MIN, spans: Spans::EMPTY };

    fn add(&mut self, sighting: &Sighting<'_>) {
        self.sightings += 1;
        self.sightings_out += u64::from(sighting.is_out);
        self.first_ns = self.first_ns.min(sighting.time_ns);
        self.last_ns = self.last_ns.max(sighting.time_ns);
        self.spans.add(sighting.time_ns, sighting.is_out, CONTACT_GAP_NS, CONTACT_SPANS_MAX);
    }
}

impl Findings {
    /// Counts one sighting, which matches at least one entry.
    pub(super) fn add(&mut self, sighting: &Sighting<'_>, index: &Index) {
        let known_hosts = self.hosts.len();
        let hosts_max = FINDING_HOSTS_MAX * if sighting.is_out { 2 } else { 1 };
        if known_hosts >= hosts_max && !self.hosts.contains_key(&sighting.host) {
            self.unlisted += 1;
            return;
        }
        let host = self.hosts.entry(sighting.host).or_default();
        for entry in attributed(sighting.matches, index) {
            host.tally(entry, sighting, &mut self.pairs).add(sighting);
        }
        let mut is_listed = true;
        for &(matched, entry) in sighting.matches {
            is_listed &= host.add_row(matched, entry, sighting, &mut self.hits);
            if sighting.is_out && index.required(entry).is_some() {
                host.contacted.entry(index.list(entry)).or_default().insert(entry);
            }
        }
        self.unlisted += u64::from(!is_listed);
    }

    /// Notes that a connection was refused by somebody under way. That is no sighting: only hits that there
    /// are learn of it.
    pub(super) fn refuse(&mut self, sighting: &Sighting<'_>) {
        let &Sighting { remote, protocol, port, .. } = sighting;
        let Some(host) = self.hosts.get_mut(&sighting.host).filter(|_| protocol == TCP) else { return };
        for &(matched, entry) in sighting.matches {
            if let Some(row) = host.rows.get_mut(&Row { entry, matched, remote, protocol, port }) {
                row.handshake = row.handshake.max(Handshake::Refused);
            }
        }
    }

    /// Whether the host has sightings of all these entries at this remote.
    pub(super) fn knows(&self, sighting: &Sighting<'_>) -> bool {
        let &Sighting { remote, protocol, port, .. } = sighting;
        let host = self.hosts.get(&sighting.host);
        let is_known = |&(matched, entry): &(Matched, EntryId)| {
            host.is_some_and(|host| host.rows.contains_key(&Row { entry, matched, remote, protocol, port }))
        };
        sighting.matches.iter().all(is_known)
    }

    /// Hits of which only answers were seen: the host must have called, unless somebody forged them.
    pub(super) fn unseen_calls(&self) -> u64 {
        let rows = self.hosts.values().flat_map(|host| host.rows.values());
        rows.filter(|row| row.has_answer && row.tally.sightings_out == 0).count() as u64
    }

    /// Whether the host has any sighting.
    pub(super) fn contains(&self, host: IpAddr) -> bool {
        self.hosts.contains_key(&host)
    }

    /// Sightings that have no row of their own, because there were too many.
    pub(super) fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// What resolvers asked for others, in its final order: no contact is theirs.
    pub(super) fn finish_indirect(
        &self,
        index: &Index,
        identities: &HashMap<IpAddr, Mac>,
    ) -> Vec<HostFinding> {
        let (mut asked, mut answered) = self.finish(index, identities);
        asked.append(&mut answered);
        for finding in &mut asked {
            finding.contacts = 0;
            finding.hits.iter_mut().for_each(|hit| (hit.contacts, hit.is_indirect) = (0, true));
        }
        sort(&mut asked);
        asked
    }

    /// What was seen of lists that require all, and not all of it, by host and list.
    pub(super) fn in_part(&self, index: &Index, identities: &HashMap<IpAddr, Mac>) -> Vec<InPart> {
        let of_host = |(address, host): (&IpAddr, &Host)| {
            host.in_part(*address, identities.get(address).copied(), index)
        };
        let mut in_part: Vec<InPart> = self.hosts.iter().flat_map(of_host).collect();
        in_part.sort_by(|a, b| (a.finding.host, &a.watchlist).cmp(&(b.finding.host, &b.watchlist)));
        in_part
    }

    /// Hosts that made contact, and those that only received, both in their final order.
    pub(super) fn finish(
        &self,
        index: &Index,
        identities: &HashMap<IpAddr, Mac>,
    ) -> (Vec<HostFinding>, Vec<HostFinding>) {
        let mut findings: Vec<HostFinding> = self
            .hosts
            .iter()
            .filter_map(|(&address, host)| host.finding(address, identities.get(&address).copied(), index))
            .collect();
        sort(&mut findings);
        findings.into_iter().partition(|finding| finding.contacts > 0)
    }
}

/// Most contacts first, then by address.
pub(super) fn sort(findings: &mut [HostFinding]) {
    findings.sort_by(|a, b| b.contacts.cmp(&a.contacts).then(a.host.cmp(&b.host)));
    for finding in findings {
        finding.hits.sort_by(|a, b| {
            let key = |hit: &Hit| (hit.remote, hit.port, hit.matched as u8);
            let names = |hit: &Hit| (hit.entry.clone(), hit.watchlist.clone(), hit.protocol.clone());
            b.contacts.cmp(&a.contacts).then(key(a).cmp(&key(b))).then_with(|| names(a).cmp(&names(b)))
        });
    }
}

/// The entries whose contact a packet is: one, however many it matched, so that an address that stands
/// in two lists and in a listed network is called once. Lists that require all count only together,
/// so that they come into it only when no other list matched.
fn attributed<'a>(matches: &'a [(Matched, EntryId)], index: &'a Index) -> impl Iterator<Item = EntryId> + 'a {
    let plain = matches.iter().map(|&(_, entry)| entry).find(|&entry| index.required(entry).is_none());
    let required = matches.iter().map(|&(_, entry)| entry).filter(move |_| plain.is_none());
    plain.into_iter().chain(required)
}

impl Host {
    fn tally(&mut self, entry: EntryId, sighting: &Sighting<'_>, budget: &mut Budget) -> &mut Tally {
        let is_known = self.pairs.contains_key(&Some(entry));
        let has_room = is_known || budget.has_room(sighting.is_out, PAIRS_MAX);
        if !is_known && has_room {
            budget.spend(sighting.is_out);
        }
        self.pairs.entry(has_room.then_some(entry)).or_insert(Tally::NONE)
    }

    /// Whether there was room for it.
    fn add_row(
        &mut self,
        matched: Matched,
        entry: EntryId,
        sighting: &Sighting<'_>,
        budget: &mut Budget,
    ) -> bool {
        let &Sighting { remote, protocol, port, is_out, .. } = sighting;
        let key = Row { entry, matched, remote, protocol, port };
        if !self.rows.contains_key(&key) {
            if !budget.has_room(is_out, HITS_MAX) {
                return false;
            }
            budget.spend(is_out);
        }
        let new =
            || RowTally { tally: Tally::NONE, bytes: Some(0), handshake: Handshake::None, has_answer: false };
        let row = self.rows.entry(key).or_insert_with(new);
        row.tally.add(sighting);
        let length = Some(u64::from(sighting.wire_length)).filter(|length| *length > 0);
        row.bytes = row.bytes.zip(length).map(|(all, more)| all + more);
        row.handshake = row.handshake.max(handshake(sighting));
        row.has_answer |= sighting.is_answer;
        true
    }

    /// `None` when it contacted some entries of a list that requires all, and nothing else.
    fn finding(&self, address: IpAddr, mac: Option<Mac>, index: &Index) -> Option<HostFinding> {
        let counts = |entry: Option<EntryId>| entry.is_none_or(|entry| self.is_satisfied(entry, index));
        self.finding_of((address, mac), index, &counts)
    }

    /// What it did with some entries of a list that requires all, a row for each such list.
    fn in_part(&self, address: IpAddr, mac: Option<Mac>, index: &Index) -> Vec<InPart> {
        let begun =
            self.contacted.iter().filter_map(|(list, entries)| Some((*list, *entries.iter().next()?)));
        let of_list = |(list, entry): (usize, EntryId)| {
            let wanted = index.required(entry).filter(|_| !self.is_satisfied(entry, index))?;
            let counts = |entry: Option<EntryId>| entry.is_some_and(|entry| index.list(entry) == list);
            let finding = self.finding_of((address, mac), index, &counts)?;
            Some(InPart { watchlist: index.list_name(entry).to_owned(), wanted, finding })
        };
        begun.filter_map(of_list).collect()
    }

    /// What it did with the entries that count; `None` is for those without contacts of their own.
    fn finding_of(
        &self,
        (address, mac): (IpAddr, Option<Mac>),
        index: &Index,
        counts: &dyn Fn(Option<EntryId>) -> bool,
    ) -> Option<HostFinding> {
        let pairs = self.pairs.iter().filter(|(entry, _)| counts(**entry)).map(|(_, tally)| tally);
        let mut all = Tally::NONE;
        let mut contacts = 0;
        for tally in pairs {
            contacts += tally.spans.contacts();
            all.absorb(tally);
        }
        let rows = self.rows.iter().filter(|(row, _)| counts(Some(row.entry)));
        (all.sightings > 0).then(|| HostFinding {
            host: address,
            mac,
            name: None,
            contacts,
            sightings: all.sightings,
            sightings_out: all.sightings_out,
            first: of_nanoseconds(all.first_ns),
            last: of_nanoseconds(all.last_ns),
            hits: rows.map(|(row, tally)| hit(row, tally, index)).collect(),
            spans: contact_spans(&all.spans),
        })
    }

    fn is_satisfied(&self, entry: EntryId, index: &Index) -> bool {
        let contacted = || self.contacted.get(&index.list(entry)).map_or(0, HashSet::len);
        index.required(entry).is_none_or(|wanted| contacted() >= wanted as usize)
    }
}

impl Tally {
    /// Adds another entry's; only spans in which the host sent something.
    fn absorb(&mut self, other: &Tally) {
        self.sightings += other.sightings;
        self.sightings_out += other.sightings_out;
        self.first_ns = self.first_ns.min(other.first_ns);
        self.last_ns = self.last_ns.max(other.last_ns);
        self.spans.absorb_sent(&other.spans, CONTACT_GAP_NS, CONTACT_SPANS_MAX);
    }
}

/// The same as they go out.
pub(super) fn contact_spans(spans: &Spans) -> Vec<ContactSpan> {
    let span = |span: super::spans::Span| ContactSpan {
        first: of_nanoseconds(span.first_ns),
        last: of_nanoseconds(span.last_ns),
    };
    spans.iter().map(span).collect()
}

fn hit(row: &Row, counted: &RowTally, index: &Index) -> Hit {
    let tally = &counted.tally;
    Hit {
        entry: index.text(row.entry).into_owned(),
        is_indirect: false,
        watchlist: index.list_name(row.entry).to_owned(),
        matched: row.matched,
        remote: row.remote,
        protocol: protocol_name(row.protocol),
        port: row.port,
        sightings: tally.sightings,
        sightings_out: tally.sightings_out,
        contacts: tally.spans.contacts(),
        bytes: counted.bytes,
        handshake: counted.handshake,
        first: of_nanoseconds(tally.first_ns),
        last: of_nanoseconds(tally.last_ns),
    }
}

/// "tcp", "udp", "icmp", "icmp6", or the IANA number.
pub fn protocol_name(protocol: u8) -> String {
    match protocol {
        ICMP => "icmp".to_owned(),
        TCP => "tcp".to_owned(),
        UDP => "udp".to_owned(),
        ICMP_6 => "icmp6".to_owned(),
        other => other.to_string(),
    }
}

/// How far the connection had got when this packet was sent. An answer of SYN,ACK, or any later
/// segment with ACK, means that it was accepted; an RST from outside that it was refused, unless it
/// had been accepted before.
fn handshake(sighting: &Sighting<'_>) -> Handshake {
    let &Sighting { protocol, tcp_flags: flags, is_out, .. } = sighting;
    let (has_syn, has_rst, has_ack) = (flags & SYN != 0, flags & RST != 0, flags & ACK != 0);
    match protocol {
        TCP if has_rst && !is_out => Handshake::Refused,
        TCP if has_rst => Handshake::Syn,
        TCP if has_ack && (!has_syn || !is_out) => Handshake::Established,
        TCP => Handshake::Syn,
        _ => Handshake::None,
    }
}
