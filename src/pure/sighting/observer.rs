//! What does one frame after the other show, and to whom? The loop of the packet path: each frame is
//! decoded once for all runs that listen to the source, and only those are asked whose lists it may match.
//!
//! It allocates nothing for a packet that matches nothing.

use super::hearing::{Ends, Hearing};
use super::ledger::Ledger;
use super::watch::{Shown, Watch, destination, source};
use super::{Observation, Presence};
use crate::pure::packet::{self, Decoded, Frame, Mac, Packet};
use crate::pure::watchlist::{End, Gate, Index};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

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
    /// Whether it matches a watchlist entry of any run, with an inside host or without: evidence. Then
    /// [`Observer::sighted`] tells whose.
    pub is_sighting: bool,
}

const NO_SIGHTING: Seen = Seen { is_sighting: false };

/// One of the runs that an observer serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(u64);

/// Observes one source (or several files read as one), packet by packet, for any number of runs that
/// come and go.
#[derive(Debug)]
pub struct Observer {
    hearing: Hearing,
    watches: Vec<(WatchId, Watch)>,
    /// What all of them look for together.
    gate: Gate,
    /// Whether one of them has not heard a packet yet.
    has_newcomer: bool,
    /// Whether they differ in what is inside.
    has_several_sites: bool,
    /// Those that the last frame was a sighting for, by their place in `watches`.
    sighted: Vec<usize>,
    next_id: u64,
}

/// What a run took along when it left.
#[derive(Debug)]
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
            gate: Gate::default(),
            has_newcomer: false,
            has_several_sites: false,
            sighted: Vec::new(),
            next_id: 0,
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

    /// Lets a run look on from now. `from_ns` is when its window begins: hosts that fell silent before
    /// are none of its coverage.
    pub fn join(&mut self, mut watch: Watch, from_ns: i64) -> WatchId {
        let id = WatchId(self.next_id);
        self.next_id += 1;
        (watch.joined, watch.joined_ns) = (self.hearing.tally(), from_ns);
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
            times_ns: self.hearing.times_ns(),
            company: self.hearing.heard.since(watch.joined_ns),
        };
        let mut observation = watch.observation(&shown);
        for finding in observation.hosts.iter_mut().chain(&mut observation.inbound_only) {
            finding.name = self.hearing.called.of(finding.host, finding.mac);
        }
        let presences = watch.presence_of(wanted, &shown);
        let ledger = self.hearing.ledger().since(watch.joined_ns.div_euclid(1_000_000_000));
        let has_routed_ipv6 = shown.tally.since(&watch.joined).routed_ipv6_packets > 0;
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
    // The plain packet has a way of its own, on which it never travels through memory.
    #[inline]
    pub fn see(&mut self, frame: &Frame<'_>, scope: impl FnMut(WatchId) -> Scope) -> Seen {
        self.hearing.hear(frame);
        if self.has_newcomer {
            self.welcome(frame.time_ns);
        }
        match packet::plain_ipv4(frame) {
            Some(packet) => self.see_packet(&packet, scope),
            None => self.see_unusual(frame, scope),
        }
    }

    #[inline(never)]
    fn see_unusual(&mut self, frame: &Frame<'_>, scope: impl FnMut(WatchId) -> Scope) -> Seen {
        if let Some(packet) = packet::plain_ipv6(frame) {
            self.hearing.note_unusual(&packet);
            return self.see_packet(&packet, scope);
        }
        match packet::decode(frame) {
            Decoded::Packet(packet) => {
                self.hearing.note_unusual(&packet);
                self.see_packet(&packet, scope)
            }
            other => {
                self.hearing.note_other(frame, &other);
                NO_SIGHTING
            }
        }
    }

    #[inline(always)]
    fn see_packet(&mut self, packet: &Packet<'_>, scope: impl FnMut(WatchId) -> Scope) -> Seen {
        let ends = self.hearing.note(packet);
        if self.has_listed_end(packet, ends) {
            self.look_closer(packet, scope)
        } else if self.hearing.may_have_name(packet) {
            self.look_at_name(packet, scope)
        } else {
            NO_SIGHTING
        }
    }

    /// Whether an address or a port may stand on a list: nearly always not.
    #[inline(always)]
    fn has_listed_end(&self, packet: &Packet<'_>, Ends { from_inside, to_inside }: Ends) -> bool {
        if from_inside != to_inside && !self.has_several_sites {
            // Chosen first and looked up once: which way a packet goes cannot be foreseen.
            let ports = packet.ports;
            let port = ports.map(|ports| if from_inside { ports.destination } else { ports.source });
            let address = if from_inside { packet.destination } else { packet.source };
            return self.gate.may_match(End { address, protocol: packet.protocol, port, is_outside: true });
        }
        // What is inside one site is outside another.
        let is_outside = |is_inside: bool| !is_inside || self.has_several_sites;
        self.gate.may_match(destination(packet, is_outside(to_inside)))
            || self.gate.may_match(source(packet, is_outside(from_inside)))
    }

    #[inline(never)]
    fn look_at_name(&mut self, packet: &Packet<'_>, scope: impl FnMut(WatchId) -> Scope) -> Seen {
        self.hearing.read_names(packet);
        if self.hearing.names().is_empty() { NO_SIGHTING } else { self.ask(packet, scope) }
    }

    #[inline(never)]
    fn look_closer(&mut self, packet: &Packet<'_>, scope: impl FnMut(WatchId) -> Scope) -> Seen {
        self.hearing.read_names(packet);
        self.ask(packet, scope)
    }

    /// Asks every run whether the packet, with its names, is a sighting for it.
    fn ask(&mut self, packet: &Packet<'_>, mut scope: impl FnMut(WatchId) -> Scope) -> Seen {
        self.sighted.clear();
        for (place, (id, watch)) in self.watches.iter_mut().enumerate() {
            if scope(*id) == Scope::Matched && watch.see(packet, self.hearing.names()) {
                self.sighted.push(place);
            }
        }
        Seen { is_sighting: !self.sighted.is_empty() }
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
        self.has_several_sites = sites.len() > 1;
        self.gate = Gate::of(self.watches.iter().map(|(_, watch)| watch.index()));
        self.hearing.attend(&networks.into_iter().collect::<Vec<_>>(), self.gate.has_domains());
    }
}
