//! How do entries become a [`Part`]?
//!
//! Left of it are `entry` and `file`. It takes entries one after the other and keeps no text of those that
//! are spelt as we would spell them.

use super::addresses::Addresses;
use super::blocks::high;
use super::directory;
use super::index::Counts;
use super::names::Names;
use super::networks::{Networks, Span};
use super::part::{Part, Spelled};
use super::ports::Ports;
use super::spelling::spell;
use super::tag::Tag;
use super::{Entry, PortRange, Target};
use ipnet::IpNet;
use std::net::IpAddr;

/// What was taken so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    texts: String,
    spelled: Vec<Spelled>,
    v4: Vec<(u32, Tag)>,
    v6: Vec<(u128, Tag)>,
    networks_v4: Vec<Span<u32>>,
    networks_v6: Vec<Span<u128>>,
    ports: Vec<(PortRange, Tag)>,
    names: Names,
    counts: Counts,
    plain: String,
}

impl Draft {
    /// An address of IPv4 in its only spelling: nearly every line of a large list.
    #[inline]
    pub(super) fn take_v4(&mut self, address: u32) {
        self.counts.addresses += 1;
        self.v4.push((address, Tag::PLAIN));
    }

    /// A name in its plain spelling.
    pub(super) fn take_name(&mut self, name: &str) {
        self.counts.domains += 1;
        self.names.push(name, Tag::PLAIN);
    }

    /// Any entry. The networks of a range come one after the other with one spelling and are one entry.
    pub(super) fn take(&mut self, text: &str, target: &Target, ports: Option<PortRange>) {
        let tag = self.tag(text, target, ports);
        self.counts.add(target);
        match target {
            Target::Address(IpAddr::V4(address)) => self.v4.push(((*address).into(), tag)),
            Target::Address(IpAddr::V6(address)) => self.v6.push(((*address).into(), tag)),
            Target::Network(IpNet::V4(network)) => {
                self.networks_v4.push((network.network().into(), network.broadcast().into(), tag));
            }
            Target::Network(IpNet::V6(network)) => {
                self.networks_v6.push((network.network().into(), network.broadcast().into(), tag));
            }
            Target::Domain(name) => self.names.push(name, tag),
            Target::Anywhere => self.ports.extend(ports.map(|ports| (ports, tag))),
        }
    }

    fn tag(&mut self, text: &str, target: &Target, ports: Option<PortRange>) -> Tag {
        self.plain.clear();
        spell(target, ports, &mut self.plain);
        if let Some(tag) = Tag::plain(ports).filter(|_| self.plain == text) {
            return tag;
        }
        let is_last = |last: &Spelled| self.texts[last.text.start as usize..] == *text && last.ports == ports;
        if !self.spelled.last().is_some_and(is_last) {
            let start = narrow(self.texts.len());
            self.texts.push_str(text);
            self.spelled.push(Spelled { text: start..narrow(self.texts.len()), ports });
        }
        Tag::spelled(self.spelled.len() - 1)
    }

    /// All of it, ready to be looked up in.
    pub(super) fn build(mut self) -> Part {
        self.names.sort();
        Part {
            texts: self.texts,
            spelled: self.spelled,
            v4: Addresses::new(sorted(self.v4)),
            v6: Addresses::new(sorted(self.v6)),
            networks_v4: Networks::new(self.networks_v4, 32),
            networks_v6: Networks::new(self.networks_v6, 128),
            ports: Ports::new(self.ports),
            names: self.names,
            counts: self.counts,
        }
    }
}

fn sorted<K: Copy + Ord + Into<u128>>(rows: Vec<(K, Tag)>) -> Vec<(K, Tag)> {
    let mut rows = directory::sort(rows, |&(key, _)| high(key), Ord::cmp);
    rows.dedup();
    rows.shrink_to_fit();
    rows
}

fn narrow(length: usize) -> u32 {
    u32::try_from(length).expect("watchlists hold less than 4 GiB of text")
}

impl Part {
    /// Compiles entries that somebody has at hand.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Part {
        let mut draft = Draft::default();
        for Entry { text, target, ports } in entries {
            draft.take(text, target, *ports);
        }
        draft.build()
    }
}
