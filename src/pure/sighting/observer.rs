//! What does one packet after the other show? The loop of the packet path: coverage, presence,
//! sightings.
//!
//! It allocates nothing for a packet that matches nothing.

use super::called::Called;
use super::duplicates::Recent;
use super::findings::{Findings, Sighting};
use super::heads::Heads;
use super::heard::{Heard, timestamp};
use super::inside::Inside;
use super::{Coverage, Matched, Observation, Presence};
use crate::pure::packet::{self, Decoded, Frame, Mac, Name, NameKind, NameRead, NotIp, Packet};
use crate::pure::watchlist::{End, EntryId, Index, Match, MatchKind};
use ipnet::IpNet;
use std::net::IpAddr;

const TCP: u8 = 6;

/// What a packet counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// It passed the filter: looked up in the watchlists too.
    Matched,
    /// It did not: heard, and its sender present, and nothing else.
    CoverageOnly,
}

/// What a packet turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whether it matches a watchlist entry, with an inside host or without: evidence.
    pub is_sighting: bool,
}

/// Observes one capture (or several files read as one), packet by packet.
#[derive(Debug)]
pub struct Observer<'a> {
    index: &'a Index,
    inside: Inside,
    heard: Heard,
    called: Called,
    heads: Heads,
    findings: Findings,
    recent: Recent,
    coverage: Coverage,
    times_ns: Option<(i64, i64)>,
    unattributed: u64,
    has_routed_ipv6: bool,
    hits: Vec<Side>,
    found: Vec<Match>,
}

/// An entry that a packet matched, and who is to blame for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Side {
    /// `None` when no end of the packet is inside.
    blamed: Option<Blamed>,
    kind: MatchKind,
    entry: EntryId,
    matched: Matched,
}

/// Which end of a packet is the inside host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Blamed {
    is_source: bool,
    /// Whether it called; an inside server that is asked, or the answer to a question, is none.
    is_out: bool,
}

impl<'a> Observer<'a> {
    /// An observer that looks for the entries of `index` at hosts of the `inside` networks.
    pub fn new(index: &'a Index, inside: &[IpNet]) -> Observer<'a> {
        Observer {
            index,
            inside: Inside::new(inside),
            heard: Heard::default(),
            called: Called::default(),
            heads: Heads::default(),
            findings: Findings::default(),
            recent: Recent::new(),
            coverage: Coverage::default(),
            times_ns: None,
            unattributed: 0,
            has_routed_ipv6: false,
            hits: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Takes the next frame, in any order of time.
    // The plain packet has a way of its own, on which it never travels through memory.
    #[inline]
    pub fn see(&mut self, frame: &Frame<'_>, scope: Scope) -> Seen {
        self.hear(frame);
        match packet::plain_ipv4(frame) {
            Some(packet) => self.see_packet(&packet, scope),
            None => self.see_unusual(frame, scope),
        }
    }

    #[inline(never)]
    fn see_unusual(&mut self, frame: &Frame<'_>, scope: Scope) -> Seen {
        if let Some(packet) = packet::plain_ipv6(frame) {
            self.has_routed_ipv6 |= is_routed_ipv6(&packet);
            return self.see_packet(&packet, scope);
        }
        let decoded = packet::decode(frame);
        if let Decoded::Packet(packet) = &decoded {
            self.has_routed_ipv6 |= is_routed_ipv6(packet);
            return self.see_packet(packet, scope);
        }
        let is_copy = self.recent.is_copy_of_frame(frame.bytes, frame.time_ns);
        self.coverage.duplicate_packets += u64::from(is_copy);
        self.see_other(frame, &decoded);
        Seen { is_sighting: false }
    }

    /// Frames that tell who is there at most, or that could not be read.
    fn see_other(&mut self, frame: &Frame<'_>, decoded: &Decoded<'_>) {
        match decoded {
            Decoded::NotIp(NotIp::Arp { sender, mac }) => {
                if self.inside.contains(*sender) {
                    self.heard.note(*sender, Some(*mac), frame.time_ns);
                }
            }
            Decoded::Undecoded(_) => {
                self.coverage.ip_packets += 1;
                self.coverage.undecoded_packets += 1;
            }
            Decoded::Truncated => {
                self.coverage.ip_packets += 1;
                self.coverage.truncated_packets += 1;
            }
            Decoded::NotIp(NotIp::Other(_)) | Decoded::Packet(_) => {}
        }
    }

    #[inline]
    fn hear(&mut self, frame: &Frame<'_>) {
        self.coverage.heard_packets += 1;
        self.coverage.heard_bytes += u64::from(frame.wire_length);
        let (first, last) = self.times_ns.unwrap_or((frame.time_ns, frame.time_ns));
        self.times_ns = Some((first.min(frame.time_ns), last.max(frame.time_ns)));
    }

    #[inline(always)]
    fn see_packet(&mut self, packet: &Packet<'_>, scope: Scope) -> Seen {
        self.coverage.ip_packets += 1;
        let is_copy = self.recent.is_copy_of_packet(packet.ip_bytes, packet.time_ns);
        self.coverage.duplicate_packets += u64::from(is_copy);
        let (from_inside, to_inside) =
            (self.inside.contains(packet.source), self.inside.contains(packet.destination));
        if from_inside {
            self.heard.note(packet.source, packet.source_mac, packet.time_ns);
        }
        if let Some(client) = packet::dhcp_client(packet) {
            self.called.note(client);
        }
        if self.may_match(packet, from_inside, to_inside) {
            return self.look_closer(packet, from_inside, to_inside, scope);
        }
        self.coverage.truncated_packets += u64::from(packet.ports_truncated);
        Seen { is_sighting: false }
    }

    /// Whether an address, a port or a name may stand on a list: nearly always not.
    #[inline(always)]
    fn may_match(&self, packet: &Packet<'_>, from_inside: bool, to_inside: bool) -> bool {
        let has_listed_end = if from_inside == to_inside {
            self.index.may_match(destination(packet, !to_inside))
                || self.index.may_match(source(packet, !from_inside))
        } else {
            // Chosen first and looked up once: which way a packet goes cannot be foreseen.
            let ports = packet.ports;
            let port = ports.map(|ports| if from_inside { ports.destination } else { ports.source });
            let address = if from_inside { packet.destination } else { packet.source };
            self.index.may_match(End { address, protocol: packet.protocol, port, is_outside: true })
        };
        has_listed_end || self.may_have_name(packet)
    }

    #[inline(never)]
    fn look_closer(&mut self, packet: &Packet<'_>, from_inside: bool, to_inside: bool, scope: Scope) -> Seen {
        let name = self.name(packet);
        let is_cut = packet.ports_truncated || (name == Some(NameRead::Cut) && self.index.has_domains());
        self.coverage.truncated_packets += u64::from(is_cut);
        if scope == Scope::CoverageOnly {
            return Seen { is_sighting: false };
        }
        self.hits.clear();
        self.match_addresses(packet, from_inside, to_inside);
        if let Some(NameRead::Name(name)) = name {
            self.match_name(packet, &name, from_inside, to_inside);
        }
        if self.hits.is_empty() {
            return Seen { is_sighting: false };
        }
        self.record(packet);
        Seen { is_sighting: true }
    }

    /// Whether IPv6 was heard between addresses that are routed: more than the neighbours' talk that every
    /// network has.
    pub fn has_routed_ipv6(&self) -> bool {
        self.has_routed_ipv6
    }

    /// The list and the entry, as spelt there, of each match of the last frame that was a sighting.
    pub fn last_matches(&self) -> impl Iterator<Item = (&str, &str)> {
        self.hits.iter().map(|hit| (self.index.list_name(hit.entry), self.index.text(hit.entry)))
    }

    /// Names are looked for where they can match: domains anywhere, literal addresses in HTTP, whose
    /// requests begin with a word in capitals.
    #[inline]
    fn may_have_name(&self, packet: &Packet<'_>) -> bool {
        self.index.has_domains() || is_request(packet)
    }

    fn name(&mut self, packet: &Packet<'_>) -> Option<NameRead> {
        if self.index.has_domains() {
            self.heads.join(packet, packet::name(packet))
        } else if is_request(packet) {
            packet::name(packet)
        } else {
            None
        }
    }

    /// Looks up each end as the other end's remote. With both ends outside nobody is to blame.
    fn match_addresses(&mut self, packet: &Packet<'_>, from_inside: bool, to_inside: bool) {
        let is_attributable = from_inside || to_inside;
        if from_inside || !is_attributable {
            let blamed = from_inside.then_some(Blamed { is_source: true, is_out: true });
            self.match_end(packet, destination(packet, !to_inside), blamed);
        }
        if to_inside || !is_attributable {
            let blamed = to_inside.then_some(Blamed { is_source: false, is_out: false });
            self.match_end(packet, source(packet, !from_inside), blamed);
        }
    }

    fn match_end(&mut self, packet: &Packet<'_>, end: End, blamed: Option<Blamed>) {
        if self.index.may_match(end) {
            self.match_entries(packet, end, blamed);
        }
    }

    fn match_entries(&mut self, packet: &Packet<'_>, end: End, blamed: Option<Blamed>) {
        let address = end.address;
        let other = if address == packet.destination { packet.source } else { packet.destination };
        self.found.clear();
        self.index.look_up(end, other, &mut self.found);
        self.hits.extend(self.found.iter().map(|&Match { kind, entry }| {
            let matched = match kind {
                MatchKind::Address => Matched::Address,
                MatchKind::Network => Matched::Network,
                MatchKind::Port | MatchKind::Domain => Matched::Port,
            };
            Side { blamed, kind, entry, matched }
        }));
    }

    /// Blames the client that asks for the name, else the inside server that is asked.
    fn match_name(&mut self, packet: &Packet<'_>, name: &Name, from_inside: bool, to_inside: bool) {
        let (matched, is_answer) = match name.kind {
            NameKind::Dns { is_answer, .. } => (Matched::Dns, is_answer),
            NameKind::Tls => (Matched::Tls, false),
            NameKind::Http => (Matched::Http, false),
        };
        let is_client_inside = if is_answer { to_inside } else { from_inside };
        let is_source = if is_client_inside { !is_answer } else { from_inside };
        let is_out = is_client_inside && !is_answer;
        let blamed = (from_inside || to_inside).then_some(Blamed { is_source, is_out });
        self.found.clear();
        let text = name.text.as_str();
        match text.parse::<IpAddr>() {
            Ok(literal) if matched == Matched::Http => self.look_up_literal(packet, literal),
            _ => self.index.look_up_name(text, (packet.source, packet.destination), &mut self.found),
        }
        let side = |&Match { kind, entry }: &Match| Side { blamed, kind, entry, matched };
        self.hits.extend(self.found.iter().map(side));
    }

    /// An address in HTTP Host counts as that address, unless the packet goes there anyway.
    fn look_up_literal(&mut self, packet: &Packet<'_>, literal: IpAddr) {
        if literal != packet.destination {
            let port = packet.ports.map(|ports| ports.destination);
            let end = End { address: literal, protocol: packet.protocol, port, is_outside: false };
            self.index.look_up(end, packet.source, &mut self.found);
        }
    }

    /// Counts the packet once for each end that is to blame, or as unattributed.
    fn record(&mut self, packet: &Packet<'_>) {
        self.hits.sort_unstable();
        self.unattributed += u64::from(self.hits.iter().all(|hit| hit.blamed.is_none()));
        for is_source in [true, false] {
            let of_end = |hit: &&Side| hit.blamed.is_some_and(|blamed| blamed.is_source == is_source);
            let matches: Vec<_> =
                self.hits.iter().filter(of_end).map(|hit| (hit.matched, hit.entry)).collect();
            if matches.is_empty() {
                continue;
            }
            let is_out =
                self.hits.iter().filter(of_end).any(|hit| hit.blamed.is_some_and(|blamed| blamed.is_out));
            self.findings.add(&sighting(packet, is_source, is_out, &matches), self.index);
        }
    }

    /// The presence of the `wanted` hosts, each known by address and, where known, by MAC address, and
    /// of every host with findings; by address. Hosts that said nothing are not there.
    pub fn presence_of(&self, wanted: &[(IpAddr, Option<Mac>)]) -> Vec<Presence> {
        self.heard.presences(|address, mac| {
            let is_same =
                |&(host, known): &(IpAddr, Option<Mac>)| host == address || (known.is_some() && known == mac);
            wanted.iter().any(is_same) || self.findings.contains(address)
        })
    }

    /// Everything that was seen. Losses and incomplete files are the reader's to add.
    pub fn finish(self) -> Observation {
        let identities = self.heard.identities();
        let (mut hosts, mut inbound_only) = self.findings.finish(self.index, &identities);
        for finding in hosts.iter_mut().chain(&mut inbound_only) {
            finding.name = self.called.of(finding.host, finding.mac);
        }
        let coverage = Coverage {
            first: self.times_ns.map(|(first, _)| timestamp(first)),
            last: self.times_ns.map(|(_, last)| timestamp(last)),
            inside_hosts: self.heard.count(),
            truncated_packets: self.coverage.truncated_packets + self.heads.unread(),
            split_names: self.heads.begun(),
            unread_names: self.heads.unread(),
            ..self.coverage
        };
        Observation {
            coverage,
            hosts,
            inbound_only,
            unattributed_sightings: self.unattributed,
            unlisted_sightings: self.findings.unlisted(),
        }
    }
}

/// Both ends are global or unique local addresses (RFC 4291, 2.4; RFC 4193).
fn is_routed_ipv6(packet: &Packet<'_>) -> bool {
    let is_routed = |address: IpAddr| match address {
        IpAddr::V6(address) => matches!(address.segments()[0] & 0xe000, 0x2000) || address.is_unique_local(),
        IpAddr::V4(_) => false,
    };
    is_routed(packet.source) && is_routed(packet.destination)
}

/// Whether it may be an HTTP request, which begins with a word in capitals.
fn is_request(packet: &Packet<'_>) -> bool {
    packet.protocol == TCP && packet.payload.first().is_some_and(u8::is_ascii_uppercase)
}

fn destination(packet: &Packet<'_>, is_outside: bool) -> End {
    let port = packet.ports.map(|ports| ports.destination);
    End { address: packet.destination, protocol: packet.protocol, port, is_outside }
}

fn source(packet: &Packet<'_>, is_outside: bool) -> End {
    let port = packet.ports.map(|ports| ports.source);
    End { address: packet.source, protocol: packet.protocol, port, is_outside }
}

fn sighting<'a>(
    packet: &Packet<'_>,
    is_source: bool,
    is_out: bool,
    matches: &'a [(Matched, EntryId)],
) -> Sighting<'a> {
    let (host, remote, port) = if is_source {
        (packet.source, packet.destination, packet.ports.map(|ports| ports.destination))
    } else {
        (packet.destination, packet.source, packet.ports.map(|ports| ports.source))
    };
    Sighting {
        host,
        remote,
        protocol: packet.protocol,
        port,
        tcp_flags: packet.tcp_flags,
        is_out,
        time_ns: packet.time_ns,
        wire_length: packet.wire_length,
        matches,
    }
}
