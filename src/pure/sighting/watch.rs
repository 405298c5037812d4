//! What does one run see of what its source shows? Packets that may matter to it in, findings out.
//!
//! `observer` asks it only about packets that an entry of somebody's watchlists may match, so that a run
//! costs its hits and not the traffic.

use super::Matched;
use super::asked::{dns_client, is_acceptance, is_told};
use super::findings::{Findings, Sighting};
use super::flow::Flow;
use super::glance::Ends;
use super::hearing::PassedOver;
use super::inside::Inside;
use super::tally::Tally;
use super::translation::Translation;
use super::unattributed::Unattributed;
use crate::pure::address::Translator;
use crate::pure::packet::{self, Name, NameKind, Packet, quoted};
use crate::pure::protocol::has_ports;
use crate::pure::watchlist::{End, EntryId, Index, Match, MatchKind};
use ipnet::IpNet;
use std::borrow::Cow;
use std::net::IpAddr;

/// One run's share of a source: what it looks for, at whose hosts, and what it found.
#[derive(Debug)]
pub struct Watch {
    pub(super) index: Index,
    networks: Vec<IpNet>,
    pub(super) inside: Inside,
    /// Hosts that ask DNS for others.
    resolvers: Vec<IpNet>,
    translation: Translation,
    pub(super) findings: Findings,
    /// What they ask so.
    pub(super) indirect: Findings,
    pub(super) unattributed: Unattributed,
    pub(super) unseen_calls: u64,
    pub(super) portless_fragments: u64,
    pub(super) unanswered_packets: u64,
    hits: Vec<Side>,
    found: Vec<Match>,
    /// The counts of its source as it joined.
    pub(super) joined: Tally,
    pub(super) joined_passed_over: PassedOver,
    /// Hosts heard before are none of its coverage.
    pub(super) joined_ns: i64,
    /// Time of the first packet heard after it joined; `None` before that.
    pub(super) first_ns: Option<i64>,
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

impl Watch {
    /// A run that looks for the entries of `index` at hosts of the `inside` networks.
    pub fn new(index: Index, inside: &[IpNet]) -> Watch {
        Watch {
            index,
            networks: inside.to_vec(),
            inside: Inside::new(inside),
            resolvers: Vec::new(),
            translation: Translation::default(),
            findings: Findings::default(),
            indirect: Findings::default(),
            unattributed: Unattributed::default(),
            unseen_calls: 0,
            portless_fragments: 0,
            unanswered_packets: 0,
            hits: Vec::new(),
            found: Vec::new(),
            joined: Tally::default(),
            joined_passed_over: PassedOver::default(),
            joined_ns: i64::MIN,
            first_ns: None,
        }
    }

    /// The same for a site whose own resolvers are these.
    pub fn with_resolvers(self, resolvers: &[IpNet]) -> Watch {
        Watch { resolvers: resolvers.to_vec(), ..self }
    }

    /// The same for a site whose own translators are these.
    pub fn with_translators(self, translators: &[Translator]) -> Watch {
        Watch { translation: Translation::by(translators), ..self }
    }

    /// What it looks for.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// All that may be about a packet that it has to see.
    pub(super) fn indexes(&self) -> impl Iterator<Item = &Index> {
        std::iter::once(&self.index).chain(self.translation.index())
    }

    pub(super) fn networks(&self) -> &[IpNet] {
        &self.networks
    }

    fn ends(&self, packet: &Packet<'_>) -> Ends {
        Ends {
            from_inside: self.inside.contains(packet.source),
            to_inside: self.inside.contains(packet.destination),
        }
    }

    /// Notes a packet of which nobody knows whether it passes the filter: a later fragment, one that was cut, or a row.
    #[cold]
    pub(super) fn doubt(&mut self, packet: &Packet<'_>) {
        let may_name = |packet: &Packet<'_>| self.may_name_an_end(packet, self.ends(packet));
        let translated = self.translation.of_packet(packet);
        let is_doubt = may_name(packet) || translated.as_ref().is_some_and(may_name);
        self.portless_fragments += u64::from(is_doubt && packet.is_later_fragment);
        let is_cut = packet.payload_truncated || packet.wire_length == 0;
        self.unanswered_packets += u64::from(is_doubt && !packet.is_later_fragment && is_cut);
    }

    /// Looks a packet up whose ends or names may stand on a list; tells whether one does.
    pub(super) fn see(&mut self, packet: &Packet<'_>, names: &[Name]) -> bool {
        self.hits.clear();
        let translated = self.translation.of_packet(packet);
        if translated.is_some() {
            // A list may spell it as it is, too.
            self.match_addresses(packet, self.ends(packet));
        }
        let packet = translated.as_ref().unwrap_or(packet);
        let ends = self.ends(packet);
        self.match_addresses(packet, ends);
        names.iter().for_each(|name| self.match_name(packet, name, ends));
        if self.hits.is_empty() {
            self.portless_fragments += u64::from(lacks_ports(packet) && self.may_name_an_end(packet, ends));
            return false;
        }
        self.record(packet, names);
        true
    }

    /// Whether an entry names an end of the packet, perhaps at certain ports only, or ports of its protocol at
    /// whatever stands outside.
    fn may_name_an_end(&self, packet: &Packet<'_>, ends: Ends) -> bool {
        let is_to_or_from_outside = ends.from_inside != ends.to_inside;
        self.index.holds(packet.source)
            || self.index.holds(packet.destination)
            || is_to_or_from_outside && self.index.names_port_of(packet.protocol)
    }

    /// The list and the entry, as spelt there, of each match of the last frame that was a sighting.
    pub fn last_matches(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        self.hits.iter().map(|hit| (self.index.list_name(hit.entry), self.index.text(hit.entry)))
    }

    /// Looks up each end as the other end's remote. With both ends outside nobody is to blame.
    fn match_addresses(&mut self, packet: &Packet<'_>, Ends { from_inside, to_inside }: Ends) {
        let flow = Flow::of(packet);
        let is_attributable = from_inside || to_inside;
        if from_inside || !is_attributable {
            let blamed = from_inside.then_some(Blamed { is_source: true, is_out: true });
            self.match_end(packet, flow.destination(!to_inside), blamed);
        }
        if to_inside || !is_attributable {
            let blamed = to_inside.then_some(Blamed { is_source: false, is_out: false });
            self.match_end(packet, flow.source(!from_inside), blamed);
        }
    }

    fn match_end(&mut self, packet: &Packet<'_>, end: End, blamed: Option<Blamed>) {
        let address = end.address;
        let other = if address == packet.destination { packet.source } else { packet.destination };
        self.found.clear();
        self.index.look_up(end, other, &mut self.found);
        let side = |&Match { kind, entry }: &Match| Side { blamed, kind, entry, matched: kind.into() };
        self.hits.extend(self.found.iter().map(side));
    }

    /// Blames the client that asks for the name, else the inside server that is asked.
    fn match_name(&mut self, packet: &Packet<'_>, name: &Name, Ends { from_inside, to_inside }: Ends) {
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
        match name.text.literal() {
            Some(literal) if matched == Matched::Http => self.look_up_literal(packet, literal, name.port),
            _ => {
                let ends = (packet.source, packet.destination);
                self.index.look_up_name(name.text.as_str(), ends, &mut self.found);
            }
        }
        let side = |&Match { kind, entry }: &Match| Side { blamed, kind, entry, matched };
        self.hits.extend(self.found.iter().map(side));
    }

    /// An address in an HTTP request counts as that address, unless the packet goes there anyway.
    fn look_up_literal(&mut self, packet: &Packet<'_>, literal: IpAddr, port: Option<u16>) {
        let literal = self.translation.of_address(literal);
        if literal != packet.destination {
            let port = port.or(packet.ports.map(|ports| ports.destination));
            let end = End { address: literal, protocol: packet.protocol, port, is_outside: false };
            self.index.look_up(end, packet.source, &mut self.found);
        }
    }

    /// Counts the packet once for each end that is to blame, or as unattributed.
    fn record(&mut self, packet: &Packet<'_>, names: &[Name]) {
        let resolver = self.asking_resolver(packet, names);
        self.hits.sort_unstable();
        // Two names of one packet may lie below one entry.
        self.hits.dedup();
        if self.hits.iter().all(|hit| hit.blamed.is_none()) {
            self.unattributed.note(packet.time_ns);
        }
        for is_source in [true, false] {
            let of_end = |hit: &&Side| hit.blamed.is_some_and(|blamed| blamed.is_source == is_source);
            let matches: Vec<_> =
                self.hits.iter().filter(of_end).map(|hit| (hit.matched, hit.entry)).collect();
            if matches.is_empty() {
                continue;
            }
            let is_out =
                self.hits.iter().filter(of_end).any(|hit| hit.blamed.is_some_and(|blamed| blamed.is_out));
            let mut sighting = sighting(packet, is_source, is_out, &matches);
            sighting.is_answer = !is_source && (is_acceptance(packet) || is_told(&matches, names));
            let is_indirect = resolver == Some(sighting.host);
            let findings = if is_indirect { &mut self.indirect } else { &mut self.findings };
            findings.add(&sighting, &self.index);
        }
    }

    /// The resolver that asks, or is answered, by DNS in this packet: for another host.
    fn asking_resolver(&self, packet: &Packet<'_>, names: &[Name]) -> Option<IpAddr> {
        if self.resolvers.is_empty() {
            return None;
        }
        let client = match quoted(packet) {
            Some(quoted) => dns_client(&quoted.packet, &[]),
            None => dns_client(packet, names),
        };
        client.filter(|client| self.resolvers.iter().any(|network| network.contains(client)))
    }

    /// Notes what an error tells of a packet of an inside host, which it may know: that there was one, and
    /// perhaps that it was refused. The error came in, and where the packet itself was not seen it proves no
    /// more than other packets that come in; then it is a sighting, besides what the error itself may be.
    pub(super) fn hear_of(&mut self, packet: &Packet<'_>, is_refused: bool, is_sighted: bool) -> bool {
        let translated = self.translation.of_packet(packet);
        let packet = translated.as_ref().unwrap_or(packet);
        if !self.inside.contains(packet.source) {
            return false;
        }
        let is_outside = !self.inside.contains(packet.destination);
        let own_hits = std::mem::take(&mut self.hits);
        let blamed = Some(Blamed { is_source: false, is_out: false });
        self.match_end(packet, Flow::of(packet).destination(is_outside), blamed);
        let matches = self.hits.iter().map(|hit| (hit.matched, hit.entry)).collect::<Vec<_>>();
        let sighting = sighting(packet, true, false, &matches);
        let is_indirect = self.asking_resolver(packet, &[]).is_some();
        let findings = if is_indirect { &mut self.indirect } else { &mut self.findings };
        let is_new = !matches.is_empty() && !findings.knows(&sighting);
        if is_new {
            self.unseen_calls += u64::from(!is_indirect);
            findings.add(&sighting, &self.index);
        }
        if is_refused {
            findings.refuse(&sighting);
        }
        if is_sighted {
            self.hits.extend(own_hits);
        }
        is_new
    }
}

/// Whether it is a later fragment whose first one, which has the ports, perhaps behind other headers, was not seen
/// before it.
fn lacks_ports(packet: &Packet<'_>) -> bool {
    let may_have_ports = has_ports(packet.protocol) || packet::is_extension(packet.protocol);
    packet.is_later_fragment && packet.ports.is_none() && may_have_ports
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
        is_answer: false,
        time_ns: packet.time_ns,
        wire_length: packet.wire_length,
        matches,
    }
}
