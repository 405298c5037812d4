//! How do the lists of a run become one [`Index`]?
//!
//! Left of it are `entry` and `file`; `index` is what it builds.

use super::addresses::Addresses;
use super::index::{CompiledList, Counts, EntryId, Index, Interned, List};
use super::networks::Networks;
use super::{Entry, Target, Watchlist};
use crate::pure::hexadecimal;
use ipnet::IpNet;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::IpAddr;

/// See [`Index::compile`].
pub(super) fn compile(lists: &[CompiledList<'_>]) -> Index {
    let mut draft = Draft::default();
    let lists = lists.iter().enumerate().map(|(number, list)| draft.take_list(number, *list)).collect();
    draft.build(lists)
}

/// What is collected before the tables are built.
#[derive(Default)]
struct Draft {
    texts: String,
    interned: Vec<Interned>,
    v4: Vec<(u32, EntryId)>,
    v6: Vec<(u128, EntryId)>,
    networks_v4: Vec<(u32, u32, EntryId)>,
    networks_v6: Vec<(u128, u128, EntryId)>,
    port_entries: Vec<EntryId>,
    domains: HashMap<String, Vec<EntryId>>,
    counts: Counts,
    /// The plain spellings of all entries, and where each ends.
    canonical: String,
    canonical_ends: Vec<usize>,
}

impl Draft {
    fn take_list(&mut self, number: usize, compiled: CompiledList<'_>) -> List {
        let CompiledList { watchlist, file_entries } = compiled;
        let list = u16::try_from(number).expect("a stage names fewer than 65,536 watchlists");
        let first = self.next_id();
        for entry in watchlist.entries.iter().chain(file_entries) {
            self.take_entry(list, entry);
        }
        let mut narrowing = watchlist.ports.clone();
        if has_ports_alone(watchlist) {
            for range in narrowing.drain(..) {
                let text = range.to_string();
                self.take_entry(list, &Entry { text, target: Target::Anywhere, ports: Some(range) });
            }
        }
        List {
            name: watchlist.name.clone(),
            ports: narrowing,
            except: watchlist.except.clone(),
            require: watchlist.require,
            first,
            end: self.next_id(),
        }
    }

    fn next_id(&self) -> u32 {
        u32::try_from(self.interned.len()).expect("fewer than 2^32 entries fit in memory")
    }

    fn take_entry(&mut self, list: u16, entry: &Entry) {
        let id = self.intern(list, entry);
        entry.push_canonical(&mut self.canonical);
        self.canonical_ends.push(self.canonical.len());
        match &entry.target {
            Target::Address(IpAddr::V4(address)) => self.v4.push(((*address).into(), id)),
            Target::Address(IpAddr::V6(address)) => self.v6.push(((*address).into(), id)),
            Target::Network(IpNet::V4(network)) => {
                self.networks_v4.push((network.network().into(), network.broadcast().into(), id));
            }
            Target::Network(IpNet::V6(network)) => {
                self.networks_v6.push((network.network().into(), network.broadcast().into(), id));
            }
            Target::Domain(name) => self.domains.entry(name.clone()).or_default().push(id),
            Target::Anywhere => self.port_entries.push(id),
        }
        let Counts { addresses, networks, ports, domains } = Counts::of([entry]);
        self.counts.addresses += addresses;
        self.counts.networks += networks;
        self.counts.ports += ports;
        self.counts.domains += domains;
    }

    /// The parts of one range stand side by side with one spelling and are one entry.
    fn intern(&mut self, list: u16, entry: &Entry) -> EntryId {
        if let Some(last) = self.interned.last()
            && last.list == list
            && self.texts[last.text_start as usize..] == entry.text
        {
            return EntryId(self.next_id() - 1);
        }
        let id = EntryId(self.next_id());
        let text_start = u32::try_from(self.texts.len()).expect("watchlists hold less than 4 GiB of text");
        self.texts.push_str(&entry.text);
        let text_end = u32::try_from(self.texts.len()).expect("watchlists hold less than 4 GiB of text");
        self.interned.push(Interned { text_start, text_end, list, ports: entry.ports });
        id
    }

    fn build(self, lists: Vec<List>) -> Index {
        let sha256 = self.hash();
        let port_bits = self.port_bits();
        Index {
            texts: self.texts,
            interned: self.interned,
            lists,
            v4: Addresses::new(self.v4),
            v6: Addresses::new(self.v6),
            networks_v4: Networks::new(self.networks_v4, 32),
            networks_v6: Networks::new(self.networks_v6, 128),
            port_bits,
            port_entries: self.port_entries,
            domains: self.domains,
            counts: self.counts,
            sha256,
        }
    }

    fn hash(&self) -> String {
        let starts = std::iter::once(0).chain(self.canonical_ends.iter().copied());
        let spans = starts.zip(&self.canonical_ends);
        let mut lines: Vec<(u64, &str)> =
            spans.map(|(start, &end)| by_start(&self.canonical[start..end])).collect();
        lines.sort_unstable();
        lines.dedup();
        let mut hasher = Sha256::new();
        for (_, line) in lines {
            hasher.update(line);
            hasher.update("\n");
        }
        hexadecimal::text(&hasher.finalize())
    }

    fn port_bits(&self) -> Vec<u64> {
        let mut bits = vec![0; 2048];
        let ranges = self.port_entries.iter().filter_map(|entry| self.interned[entry.0 as usize].ports);
        for range in ranges {
            for (protocol, half) in [(6, 0), (17, 1024)] {
                if range.contains(protocol, range.first) {
                    (range.first..=range.last)
                        .for_each(|port| bits[half + usize::from(port / 64)] |= 1_u64 << (port % 64));
                }
            }
        }
        bits
    }
}

/// Whether the list's ports have nothing to narrow. A list with a file has, even when the file turned
/// out empty: else an unreadable file would blame whoever uses the port.
fn has_ports_alone(watchlist: &Watchlist) -> bool {
    let is_place = |entry: &Entry| matches!(entry.target, Target::Address(_) | Target::Network(_));
    watchlist.file.is_none() && !watchlist.entries.iter().any(is_place)
}

/// A line with its first bytes as a number, which decides most comparisons in the order of the lines.
fn by_start(line: &str) -> (u64, &str) {
    let mut start = [0; 8];
    let length = line.len().min(start.len());
    start[..length].copy_from_slice(&line.as_bytes()[..length]);
    (u64::from_be_bytes(start), line)
}
