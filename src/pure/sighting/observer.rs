//! What does one frame after the other show, and to whom? The loop of the packet path: each frame is
//! decoded once for all runs that listen to the source, and only those are asked whose lists it may match.
//!
//! It allocates nothing for a packet that matches nothing.

use super::flow::Flow;
use super::glance::{Glance, Lookout};
use super::hearing::Hearing;
use super::leave::Shown;
use super::ledger::Ledger;
use super::probe::{Probe, Probed};
use super::watch::Watch;
use super::{Observation, Presence};
use crate::pure::packet::{self, Decoded, Frame, Mac, Packet, Quoted};
use crate::pure::watchlist::{Gate, Index};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

/// What a packet counts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// It passed the filter: looked up in the watchlists too.
    Matched,
    /// It is a later fragment, and whether the filter would let its datagram pass is not known: doubt where a
    /// watchlist may be about it.
    Doubtful,
    /// It did not: heard, and its sender present, and nothing else.
    CoverageOnly,
}

/// What a packet turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whether it matches a watchlist entry of any run, with an inside host or without: evidence. Then
    /// [`Observer::sighted`] tells whose.
    pub is_sighting: bool,
    /// Whether it is a probe that was waited for, and none of what the source shows otherwise.
    pub is_probe: bool,
}

const NO_SIGHTING: Seen = Seen { is_sighting: false, is_probe: false };

/// One of the runs that an observer serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(u64);

/// Observes one source (or several files read as one), packet by packet, for any number of runs that
/// come and go.
#[derive(Debug)]
pub struct Observer {
    hearing: Hearing,
    watches: Vec<(WatchId, Watch)>,
    /// Whether one of them has not heard a packet yet.
    has_newcomer: bool,
    /// Those that the last frame was a sighting for, by their place in `watches`.
    sighted: Vec<usize>,
    next_id: u64,
    probe: Option<Probe>,
}

/// What a run took along when it left; `default` is what nobody heard.
#[derive(Debug, Default)]
pub struct Left {
    pub observation: Observation,
    pub presences: Vec<Presence>,
    /// Of the stretch that it was there.
    pub ledger: Ledger,
    /// Whether IPv6 was heard between addresses that are routed: more than the neighbours' talk that every
    /// network has.
    pub has_routed_ipv6: bool,
}

impl Default for Observer {
    fn default() -> Observer {
        Observer {
            hearing: Hearing::new(),
            watches: Vec::new(),
            has_newcomer: false,
            sighted: Vec::new(),
            next_id: 0,
            probe: None,
        }
    }
}

impl Observer {
    /// An observer for a single run that looks for the entries of `index` at hosts of the `inside`
    /// networks, from the first packet on.
    pub fn alone(index: Index, inside: &[IpNet]) -> (Observer, WatchId) {
        let mut observer = Observer::default();
        let id = observer.join(Watch::new(index, inside), i64::MIN);
        (observer, id)
    }

    /// Looks for probes from now on, which are none of what the source shows otherwise.
    pub fn look_for_probe(&mut self, probe: Option<Probe>) {
        self.probe = probe;
        self.attend();
    }

    /// Lets a run look on from now. `from_ns` is when its window begins: hosts that fell silent before
    /// are none of its coverage.
    pub fn join(&mut self, mut watch: Watch, from_ns: i64) -> WatchId {
        let id = WatchId(self.next_id);
        self.next_id += 1;
        (watch.joined, watch.joined_ns) = (self.hearing.tally(), from_ns);
        watch.joined_passed_over = self.hearing.passed_over().clone();
        self.watches.push((id, watch));
        self.has_newcomer = true;
        self.attend();
        id
    }

    /// Ends a run: everything it saw. `wanted` are the hosts whose presence it asks for, each known by
    /// address and, where known, by MAC address; hosts with findings are told too. Losses and incomplete
    /// files are the reader's to add. `None` when there is no such run.
    pub fn leave(&mut self, id: WatchId, wanted: &[(IpAddr, Option<Mac>)]) -> Option<Left> {
        let place = self.watches.iter().position(|(known, _)| *known == id)?;
        let (_, watch) = self.watches.remove(place);
        self.sighted.clear();
        let shown = Shown {
            tally: self.hearing.tally(),
            passed_over: self.hearing.passed_over().clone(),
            times_ns: self.hearing.times_ns(),
            company: self.hearing.company_since(watch.joined_ns),
        };
        let mut observation = watch.observation(&shown);
        let Observation { hosts, inbound_only, indirect, in_part, .. } = &mut observation;
        let in_part = in_part.iter_mut().map(|part| &mut part.finding);
        for finding in hosts.iter_mut().chain(inbound_only).chain(indirect).chain(in_part) {
            finding.name = self.hearing.called.of(finding.host, finding.mac);
        }
        let presences = watch.presence_of(wanted, &shown);
        let ledger = self.hearing.ledger().since(watch.joined_ns.div_euclid(1_000_000_000));
        let has_routed_ipv6 = shown.tally.since(&watch.joined).kinds.has_routed_ipv6();
        self.attend();
        if let Some(earliest) = self.watches.iter().map(|(_, watch)| watch.joined_ns).min() {
            self.hearing.forget_before(earliest);
        }
        Some(Left { observation, presences, ledger, has_routed_ipv6 })
    }

    /// The run as it stands now.
    pub fn watch(&self, id: WatchId) -> Option<&Watch> {
        self.watches.iter().find(|(known, _)| *known == id).map(|(_, watch)| watch)
    }

    /// Those that the last frame was a sighting for; stands until the next frame.
    pub fn sighted(&self) -> impl Iterator<Item = (WatchId, &Watch)> {
        self.sighted.iter().map(|place| &self.watches[*place]).map(|(id, watch)| (*id, watch))
    }

    /// Notes what was found of the source itself at a time: whether its link is up, and how many packets
    /// it lost since it was opened, where it tells.
    pub fn look(&mut self, time_ns: i64, is_up: bool, lost_packets: Option<u64>) {
        self.hearing.look(time_ns, is_up, lost_packets);
    }

    /// Notes that the source's positive control was seen at a time.
    pub fn control_seen(&mut self, time_ns: i64) {
        self.hearing.control_seen(time_ns);
    }

    /// Takes the next frame, in any order of time. `scope` is asked for a run whose lists the frame may
    /// match, and for no other: whether the frame passed its filter.
    #[inline]
    pub fn see(&mut self, frame: &Frame<'_>, scope: impl FnMut(WatchId) -> Scope) -> Seen {
        let glance = self.hearing.lookout.glance(frame);
        self.see_glanced(frame, glance, scope)
    }

    /// How to glance at frames, until a run joins or leaves.
    pub fn lookout(&self) -> Arc<Lookout> {
        Arc::clone(&self.hearing.lookout)
    }

    /// Like [`Observer::see`], with what a glance of [`Observer::lookout`] told of the frame.
    // Nearly all packets end here. The others are decoded again, so that no packet travels through memory,
    // which costs more than reading it.
    #[inline(always)]
    pub fn see_glanced(
        &mut self,
        frame: &Frame<'_>,
        glance: Glance,
        scope: impl FnMut(WatchId) -> Scope,
    ) -> Seen {
        self.hearing.hear(frame);
        if self.has_newcomer {
            self.welcome(frame.time_ns);
        }
        match glance.traits() {
            Some(traits) => {
                self.hearing.note_traits(&traits, frame.time_ns);
                NO_SIGHTING
            }
            None => self.see_closely(frame, scope),
        }
    }

    #[inline(never)]
    fn see_closely(&mut self, frame: &Frame<'_>, mut scope: impl FnMut(WatchId) -> Scope) -> Seen {
        if let Some(plain) = packet::plain_ipv4(frame) {
            return self.see_packet(&plain.packet(frame), scope);
        }
        if let Some(plain) = packet::plain_ipv6(frame) {
            return self.see_packet(&plain.packet(frame), scope);
        }
        match packet::decode(frame) {
            Decoded::Packet(packet) => {
                self.hearing.note_unusual(&packet);
                let packet = self.hearing.attribute(packet);
                let mut seen = self.see_packet(&packet, &mut scope);
                if let Some(quoted) = packet::quoted(&packet) {
                    seen = self.see_quoted(&packet, &quoted, seen, &mut scope);
                }
                let mut others = packet::besides(frame, &packet).peekable();
                if others.peek().is_some() {
                    seen = self.see_others(others, seen, scope);
                }
                seen
            }
            other => {
                self.hearing.note_other(frame, &other);
                NO_SIGHTING
            }
        }
    }

    /// An ICMP error tells the sender of a packet what became of it, and us that it was sent.
    fn see_quoted(
        &mut self,
        error: &Packet<'_>,
        quoted: &Quoted<'_>,
        seen: Seen,
        mut scope: impl FnMut(WatchId) -> Scope,
    ) -> Seen {
        let about = &quoted.packet;
        if about.source != error.destination || !self.hearing.lookout.may_know_destination(about) {
            return seen;
        }
        if !seen.is_sighting {
            self.sighted.clear();
        }
        for (place, (id, watch)) in self.watches.iter_mut().enumerate() {
            let is_sighted = self.sighted.contains(&place);
            let is_heard =
                scope(*id) == Scope::Matched && watch.hear_of(about, quoted.is_refused, is_sighted);
            if is_heard && !is_sighted {
                self.sighted.push(place);
            }
        }
        self.sighted.sort_unstable();
        Seen { is_sighting: !self.sighted.is_empty(), ..seen }
    }

    fn see_packet(&mut self, packet: &Packet<'_>, scope: impl FnMut(WatchId) -> Scope) -> Seen {
        if let Some(probed) = self.probe.as_mut().and_then(|probe| probe.recognise(packet)) {
            self.hearing.note_probe(packet, probed);
            return Seen { is_probe: probed == Probed::New, ..NO_SIGHTING };
        }
        let lookout = &self.hearing.lookout;
        let flow = Flow::of(packet);
        let ends = lookout.ends(flow);
        let (is_listed, may_have_name) = (lookout.has_listed_end(flow, ends), lookout.may_have_name(packet));
        self.hearing.note(packet, ends);
        if is_listed {
            self.look_closer(packet, scope)
        } else if may_have_name {
            self.look_at_name(packet, scope)
        } else {
            NO_SIGHTING
        }
    }

    #[inline(never)]
    fn look_at_name(&mut self, packet: &Packet<'_>, scope: impl FnMut(WatchId) -> Scope) -> Seen {
        self.hearing.read_names(packet);
        let lookout = &self.hearing.lookout;
        if self.hearing.names().iter().any(|name| lookout.is_listed_name(packet, name)) {
            self.ask(packet, scope)
        } else {
            NO_SIGHTING
        }
    }

    #[inline(never)]
    fn look_closer(&mut self, packet: &Packet<'_>, scope: impl FnMut(WatchId) -> Scope) -> Seen {
        self.hearing.read_names(packet);
        self.ask(packet, scope)
    }

    /// Looks at the ends of the tunnels that the innermost packet came in, and where each goes in the end: whoever
    /// sends to a listed address makes contact, whatever is in it and by way of whom.
    #[cold]
    fn see_others<'a>(
        &mut self,
        packets: impl Iterator<Item = Packet<'a>>,
        seen: Seen,
        mut scope: impl FnMut(WatchId) -> Scope,
    ) -> Seen {
        if !seen.is_sighting {
            self.sighted.clear();
        }
        for packet in packets {
            let flow = Flow::of(&packet);
            let lookout = &self.hearing.lookout;
            if lookout.has_listed_end(flow, lookout.ends(flow)) {
                self.hearing.forget_names();
                self.ask_more(&packet, &mut scope);
            }
        }
        self.sighted.sort_unstable();
        self.sighted.dedup();
        Seen { is_sighting: !self.sighted.is_empty(), ..seen }
    }

    /// Asks every run whether the packet, with its names, is a sighting for it.
    fn ask(&mut self, packet: &Packet<'_>, scope: impl FnMut(WatchId) -> Scope) -> Seen {
        self.sighted.clear();
        self.ask_more(packet, scope);
        Seen { is_sighting: !self.sighted.is_empty(), ..NO_SIGHTING }
    }

    /// The same of one more packet in the frame.
    fn ask_more(&mut self, packet: &Packet<'_>, mut scope: impl FnMut(WatchId) -> Scope) {
        for (place, (id, watch)) in self.watches.iter_mut().enumerate() {
            match scope(*id) {
                Scope::Matched if watch.see(packet, self.hearing.names()) => self.sighted.push(place),
                Scope::Doubtful => watch.doubt(packet),
                Scope::Matched | Scope::CoverageOnly => {}
            }
        }
    }

    #[cold]
    fn welcome(&mut self, time_ns: i64) {
        for (_, watch) in &mut self.watches {
            watch.first_ns.get_or_insert(time_ns);
        }
        self.has_newcomer = false;
    }

    /// Listens for all that are there: hosts of any of their networks, names if any of them wants names.
    fn attend(&mut self) {
        let sites: BTreeSet<&[IpNet]> = self.watches.iter().map(|(_, watch)| watch.networks()).collect();
        let networks: BTreeSet<IpNet> = sites.iter().copied().flatten().copied().collect();
        let watched = self.watches.iter().flat_map(|(_, watch)| watch.indexes());
        let gate = Gate::of(watched.chain(self.probe.as_ref().map(Probe::index)));
        let networks: Vec<IpNet> = networks.into_iter().collect();
        self.hearing.lookout = Arc::new(Lookout::new(&networks, gate, sites.len() > 1));
    }
}
