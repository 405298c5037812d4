//! Which entries of one file, or of one list's own keys, does an address, a port or a name match?
//!
//! A part never changes and belongs to no list: runs whose lists name the same file share it. What a
//! list adds to it (its ports, its exceptions) stands in [`super::Index`].

use super::addresses::Addresses;
use super::index::{Counts, End, MatchKind};
use super::networks::Networks;
use super::ports::Ports;
use super::{Entry, PortRange, Target};
use std::collections::HashMap;
use std::net::IpAddr;

/// The number of an entry within its part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place(pub(super) u32);

/// Compiled entries.
#[derive(Clone, Debug)]
pub struct Part {
    entries: Vec<Entry>,
    /// How many entries there are when each range is one.
    distinct: u32,
    v4: Addresses<u32>,
    v6: Addresses<u128>,
    networks_v4: Networks<u32>,
    networks_v6: Networks<u128>,
    ports: Ports,
    domains: HashMap<String, Vec<Place>>,
    counts: Counts,
}

impl Part {
    /// Compiles entries. The networks of a range stand side by side with one spelling and are one entry.
    pub fn of(entries: Vec<Entry>) -> Part {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        let (mut networks_v4, mut networks_v6) = (Vec::new(), Vec::new());
        let mut ports = Vec::new();
        let mut domains: HashMap<String, Vec<Place>> = HashMap::new();
        let (mut place, mut distinct) = (Place(0), 0);
        for (number, entry) in entries.iter().enumerate() {
            if number == 0 || entries[number - 1].text != entry.text {
                place = Place(u32::try_from(number).expect("fewer than 2^32 entries fit in memory"));
                distinct += 1;
            }
            match &entry.target {
                Target::Address(IpAddr::V4(address)) => v4.push(((*address).into(), place)),
                Target::Address(IpAddr::V6(address)) => v6.push(((*address).into(), place)),
                Target::Network(ipnet::IpNet::V4(network)) => {
                    networks_v4.push((network.network().into(), network.broadcast().into(), place));
                }
                Target::Network(ipnet::IpNet::V6(network)) => {
                    networks_v6.push((network.network().into(), network.broadcast().into(), place));
                }
                Target::Domain(name) => domains.entry(name.clone()).or_default().push(place),
                Target::Anywhere => ports.extend(entry.ports.map(|range| (range, place))),
            }
        }
        Part {
            distinct,
            v4: Addresses::new(v4),
            v6: Addresses::new(v6),
            networks_v4: Networks::new(networks_v4, 32),
            networks_v6: Networks::new(networks_v6, 128),
            ports: Ports::new(ports),
            domains,
            counts: Counts::of(&entries),
            entries,
        }
    }

    /// How many entries there are of each kind.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many numbers of entries it uses.
    pub(super) fn places(&self) -> u32 {
        u32::try_from(self.entries.len()).expect("fewer than 2^32 entries fit in memory")
    }

    /// How many entries there are when each range is one.
    pub(super) fn distinct(&self) -> u32 {
        self.distinct
    }

    pub(super) fn text(&self, place: Place) -> &str {
        &self.entries[place.0 as usize].text
    }

    /// The entry's own ports.
    pub(super) fn ports_of(&self, place: Place) -> Option<PortRange> {
        self.entries[place.0 as usize].ports
    }

    /// Adds the plain spelling of every entry to `lines`.
    pub(super) fn push_lines(&self, lines: &mut Vec<String>) {
        for entry in &self.entries {
            let mut line = String::new();
            entry.push_canonical(&mut line);
            lines.push(line);
        }
    }

    pub(super) fn v4(&self) -> &Addresses<u32> {
        &self.v4
    }

    pub(super) fn v6(&self) -> &Addresses<u128> {
        &self.v6
    }

    pub(super) fn networks_v4(&self) -> &Networks<u32> {
        &self.networks_v4
    }

    pub(super) fn networks_v6(&self) -> &Networks<u128> {
        &self.networks_v6
    }

    pub(super) fn ports(&self) -> &Ports {
        &self.ports
    }

    pub(super) fn has_domains(&self) -> bool {
        !self.domains.is_empty()
    }

    /// Whether an entry names the address, or a network around it.
    pub(super) fn holds(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => {
                self.v4.contains(address.into()) || self.networks_v4.contains(address.into())
            }
            IpAddr::V6(address) => {
                self.v6.contains(address.into()) || self.networks_v6.contains(address.into())
            }
        }
    }

    /// Tells every entry that the end matches; an entry's own ports and the list's are not looked at. The
    /// same entry may be told twice: a range is several networks.
    pub(super) fn look_up(&self, end: End, mut tell: impl FnMut(MatchKind, Place)) {
        match end.address {
            IpAddr::V4(address) => {
                self.v4.entries(address.into()).for_each(|place| tell(MatchKind::Address, place));
                self.networks_v4.entries(address.into()).for_each(|place| tell(MatchKind::Network, place));
            }
            IpAddr::V6(address) => {
                self.v6.entries(address.into()).for_each(|place| tell(MatchKind::Address, place));
                self.networks_v6.entries(address.into()).for_each(|place| tell(MatchKind::Network, place));
            }
        }
        self.ports.entries(end).for_each(|place| tell(MatchKind::Port, place));
    }

    /// Tells every entry that the name is, or lies below.
    pub(super) fn look_up_name(&self, name: &str, mut tell: impl FnMut(Place)) {
        let mut rest = Some(name).filter(|_| self.has_domains());
        while let Some(suffix) = rest {
            self.domains.get(suffix).into_iter().flatten().for_each(|&place| tell(place));
            rest = suffix.split_once('.').map(|(_, after)| after);
        }
    }
}
