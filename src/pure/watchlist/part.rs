//! Which entries of one file, or of one list's own keys, does an address, a port or a name match?
//!
//! A part is made by `compile`, never changes and belongs to no list: runs whose lists name the same file
//! share it. What a list adds to it (its ports, its exceptions) stands in [`super::Index`].

use super::addresses::Addresses;
use super::index::{Counts, End, MatchKind};
use super::names::Names;
use super::networks::Networks;
use super::ports::Ports;
use super::spelling::spell;
use super::tag::{Meaning, Tag};
use super::{Entry, PortRange, Target};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// The number of an entry within its part: first those with a spelling of their own, then the rows of the
/// tables, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place(pub(super) u32);

/// An entry that is not spelt plainly, or has many ports of its own.
#[derive(Clone, Debug)]
pub(super) struct Spelled {
    /// Where its spelling stands in the text of all.
    pub(super) text: Range<u32>,
    pub(super) ports: Option<PortRange>,
}

/// Compiled entries.
#[derive(Clone, Debug)]
pub struct Part {
    pub(super) texts: String,
    pub(super) spelled: Vec<Spelled>,
    pub(super) v4: Addresses<u32>,
    pub(super) v6: Addresses<u128>,
    pub(super) networks_v4: Networks<u32>,
    pub(super) networks_v6: Networks<u128>,
    pub(super) ports: Ports,
    pub(super) names: Names,
    pub(super) counts: Counts,
}

/// The tables of a part, in the order of their entries' numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shelf {
    V4,
    V6,
    NetworksV4,
    NetworksV6,
    Ports,
    Names,
}

pub(super) const SHELVES: [Shelf; 6] =
    [Shelf::V4, Shelf::V6, Shelf::NetworksV4, Shelf::NetworksV6, Shelf::Ports, Shelf::Names];

impl Part {
    /// How many entries were read of each kind; what stands there twice counts twice.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Every target that is looked for, with the spelling of its entry, by kind and then in order.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let rows = SHELVES.into_iter().flat_map(|shelf| self.rows(shelf));
        rows.map(|(target, tag)| self.entry(target, tag))
    }

    pub(super) fn entry(&self, target: Target, tag: Tag) -> Entry {
        let text = self.spelling(&target, tag).into_owned();
        Entry { text, target, ports: self.ports_of(tag) }
    }

    /// How many numbers of entries it uses.
    pub(super) fn places(&self) -> u32 {
        self.start(SHELVES.len())
    }

    /// How many distinct entries there are when each range is one.
    pub(super) fn distinct(&self) -> u32 {
        let v4 = self.v4.rows().iter().map(|row| row.1);
        let v6 = self.v6.rows().iter().map(|row| row.1);
        let networks_v4 = (0..self.networks_v4.len()).map(|number| self.networks_v4.get(number).2);
        let networks_v6 = (0..self.networks_v6.len()).map(|number| self.networks_v6.get(number).2);
        let others = self.ports.rows().iter().map(|row| row.1).chain(self.names.iter().map(|(_, tag)| tag));
        let all = v4.chain(v6).chain(networks_v4).chain(networks_v6).chain(others);
        narrow(self.spelled.len() + all.filter(|tag| matches!(tag.meaning(), Meaning::Plain(_))).count())
    }

    /// The entry as its list spells it.
    pub(super) fn text(&self, place: Place) -> Cow<'_, str> {
        if let Some(spelled) = self.spelled.get(place.0 as usize) {
            return Cow::Borrowed(&self.texts[spelled.text.start as usize..spelled.text.end as usize]);
        }
        let shelf = (1..SHELVES.len()).rev().find(|&shelf| self.start(shelf) <= place.0).unwrap_or(0);
        let (target, tag) = self.row(SHELVES[shelf], (place.0 - self.start(shelf)) as usize);
        Cow::Owned(self.spelling(&target, tag).into_owned())
    }

    fn spelling(&self, target: &Target, tag: Tag) -> Cow<'_, str> {
        match tag.meaning() {
            Meaning::Spelled(number) => {
                let Range { start, end } = self.spelled[number].text;
                Cow::Borrowed(&self.texts[start as usize..end as usize])
            }
            Meaning::Plain(ports) => {
                let mut text = String::new();
                spell(target, ports, &mut text);
                Cow::Owned(text)
            }
        }
    }

    /// The entry's own ports.
    pub(super) fn ports_of(&self, tag: Tag) -> Option<PortRange> {
        match tag.meaning() {
            Meaning::Plain(ports) => ports,
            Meaning::Spelled(number) => self.spelled[number].ports,
        }
    }

    pub(super) fn has_domains(&self) -> bool {
        self.names.len() > 0
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

    /// Tells every entry that the end matches, with its own ports, which are not looked at. The same entry
    /// may be told twice: a range is several networks.
    pub(super) fn look_up(&self, end: End, mut tell: impl FnMut(MatchKind, Place, Option<PortRange>)) {
        let mut found = |shelf, (position, tag)| {
            let kind = match shelf {
                Shelf::V4 | Shelf::V6 => MatchKind::Address,
                Shelf::NetworksV4 | Shelf::NetworksV6 => MatchKind::Network,
                Shelf::Ports | Shelf::Names => MatchKind::Port,
            };
            tell(kind, self.place(shelf, position, tag), self.ports_of(tag));
        };
        match end.address {
            IpAddr::V4(address) => {
                self.v4.entries(address.into()).for_each(|row| found(Shelf::V4, row));
                self.networks_v4.entries(address.into()).for_each(|row| found(Shelf::NetworksV4, row));
            }
            IpAddr::V6(address) => {
                self.v6.entries(address.into()).for_each(|row| found(Shelf::V6, row));
                self.networks_v6.entries(address.into()).for_each(|row| found(Shelf::NetworksV6, row));
            }
        }
        self.ports.entries(end).for_each(|row| found(Shelf::Ports, row));
    }

    /// Tells every entry that the name is, or lies below.
    pub(super) fn look_up_name(&self, name: &str, mut tell: impl FnMut(Place)) {
        self.names.look_up(name, |position, tag| tell(self.place(Shelf::Names, position, tag)));
    }

    fn place(&self, shelf: Shelf, position: usize, tag: Tag) -> Place {
        match tag.meaning() {
            Meaning::Spelled(number) => Place(narrow(number)),
            Meaning::Plain(_) => Place(self.start(shelf as usize) + narrow(position)),
        }
    }

    /// The number of the first entry of a table.
    fn start(&self, shelf: usize) -> u32 {
        let rows: usize = SHELVES[..shelf].iter().map(|&shelf| self.len(shelf)).sum();
        narrow(self.spelled.len() + rows)
    }

    pub(super) fn len(&self, shelf: Shelf) -> usize {
        match shelf {
            Shelf::V4 => self.v4.rows().len(),
            Shelf::V6 => self.v6.rows().len(),
            Shelf::NetworksV4 => self.networks_v4.len(),
            Shelf::NetworksV6 => self.networks_v6.len(),
            Shelf::Ports => self.ports.rows().len(),
            Shelf::Names => self.names.len(),
        }
    }

    /// All rows of a table: what is looked for, and how its entry is spelt.
    pub(super) fn rows(&self, shelf: Shelf) -> impl Iterator<Item = (Target, Tag)> + '_ {
        (0..self.len(shelf)).map(move |position| self.row(shelf, position))
    }

    pub(super) fn row(&self, shelf: Shelf, position: usize) -> (Target, Tag) {
        match shelf {
            Shelf::V4 => {
                let (key, tag) = self.v4.rows()[position];
                (Target::Address(Ipv4Addr::from(key).into()), tag)
            }
            Shelf::V6 => {
                let (key, tag) = self.v6.rows()[position];
                (Target::Address(Ipv6Addr::from(key).into()), tag)
            }
            Shelf::NetworksV4 => {
                let (first, last, tag) = self.networks_v4.get(position);
                (Target::Network(IpNet::V4(network_v4(first, last))), tag)
            }
            Shelf::NetworksV6 => {
                let (first, last, tag) = self.networks_v6.get(position);
                (Target::Network(IpNet::V6(network_v6(first, last))), tag)
            }
            Shelf::Ports => (Target::Anywhere, self.ports.rows()[position].1),
            Shelf::Names => {
                let (name, tag) = self.names.get(position);
                (Target::Domain(name.to_owned()), tag)
            }
        }
    }
}

fn network_v4(first: u32, last: u32) -> Ipv4Net {
    let length = (first ^ last).leading_zeros() as u8;
    Ipv4Net::new(first.into(), length).expect("a length up to 32")
}

fn network_v6(first: u128, last: u128) -> Ipv6Net {
    let length = (first ^ last).leading_zeros() as u8;
    Ipv6Net::new(first.into(), length).expect("a length up to 128")
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).expect("fewer than 2^32 entries fit in memory")
}
