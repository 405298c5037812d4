//! Which entries of which lists does this end of a packet match? All lists of a run, compiled into
//! one structure that costs a few nanoseconds for the packets that match none.
//!
//! Left of it are `entry` and `file`, right of it `sighting`. It must never forget a list: an entry
//! that several lists name is there once for each of them.

use super::addresses::Addresses;
use super::networks::Networks;
use super::{Entry, PortRange, Require, Target, Watchlist, compile};
use ipnet::IpNet;
use std::collections::HashMap;
use std::net::IpAddr;

/// A watchlist with the entries that its file held.
#[derive(Clone, Copy, Debug)]
pub struct CompiledList<'a> {
    pub watchlist: &'a Watchlist,
    pub file_entries: &'a [Entry],
}

/// One entry of one list, by its number in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub u32);

/// How many entries of each kind an index holds, over all lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub addresses: u64,
    pub networks: u64,
    pub ports: u64,
    pub domains: u64,
}

impl Counts {
    /// All kinds together.
    pub fn total(&self) -> u64 {
        let Counts { addresses, networks, ports, domains } = *self;
        addresses + networks + ports + domains
    }

    /// Counts entries of any source.
    pub fn of<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Counts {
        let mut counts = Counts::default();
        for entry in entries {
            match entry.target {
                Target::Address(_) => counts.addresses += 1,
                Target::Network(_) => counts.networks += 1,
                Target::Anywhere => counts.ports += 1,
                Target::Domain(_) => counts.domains += 1,
            }
        }
        counts
    }
}

/// An entry that matched, and by what part of it. Sorts the most telling first: an address before
/// the networks around it, those before ports, and names last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Match {
    pub kind: MatchKind,
    pub entry: EntryId,
}

/// What kind of target matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MatchKind {
    Address,
    Network,
    Port,
    Domain,
}

/// The end of a packet that may be a watchlist entry.
#[derive(Clone, Copy, Debug)]
pub struct End {
    pub address: IpAddr,
    /// IANA protocol number of the packet.
    pub protocol: u8,
    /// Port at this end; `None` where there is none or it could not be read.
    pub port: Option<u16>,
    /// Whether entries that name ports alone may match here: only at ends outside the site.
    pub is_outside: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Interned {
    /// Where its spelling lies in the text of all entries.
    pub(super) text_start: u32,
    pub(super) text_end: u32,
    pub(super) list: u16,
    pub(super) ports: Option<PortRange>,
}

#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) name: String,
    /// Narrow its addresses and networks; empty: no narrowing.
    pub(super) ports: Vec<PortRange>,
    pub(super) except: Vec<IpNet>,
    pub(super) require: Require,
    /// Its entries, from and up to these ids.
    pub(super) first: u32,
    pub(super) end: u32,
}

/// All lists of a run, compiled; never changes.
#[derive(Clone, Debug)]
pub struct Index {
    pub(super) texts: String,
    pub(super) interned: Vec<Interned>,
    pub(super) lists: Vec<List>,
    pub(super) v4: Addresses<u32>,
    pub(super) v6: Addresses<u128>,
    pub(super) networks_v4: Networks<u32>,
    pub(super) networks_v6: Networks<u128>,
    /// One bit a port: TCP's 1024 words, then UDP's.
    pub(super) port_bits: Vec<u64>,
    pub(super) port_entries: Vec<EntryId>,
    pub(super) domains: HashMap<String, Vec<EntryId>>,
    pub(super) counts: Counts,
    pub(super) sha256: String,
}

impl Index {
    /// Compiles the lists of a run. At most 65,535 lists; a run's stage names a handful.
    pub fn compile(lists: &[CompiledList<'_>]) -> Index {
        compile::compile(lists)
    }

    /// How many entries there are of each kind.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// SHA-256 over the sorted, distinct entries in their plain spelling, a line each; hexadecimal.
    /// Two files with the same entries in another order or spelling have the same.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Whether any entry is a name, so that payloads have to be looked into.
    pub fn has_domains(&self) -> bool {
        !self.domains.is_empty()
    }

    /// The entry as its list spells it.
    pub fn text(&self, entry: EntryId) -> &str {
        let Interned { text_start, text_end, .. } = self.interned[entry.0 as usize];
        &self.texts[text_start as usize..text_end as usize]
    }

    /// The name of the list that the entry stands in.
    pub fn list_name(&self, entry: EntryId) -> &str {
        &self.list_of(entry).name
    }

    /// Number of the list that the entry stands in.
    pub fn list(&self, entry: EntryId) -> usize {
        usize::from(self.interned[entry.0 as usize].list)
    }

    /// Whether only hosts count that contacted every entry of the list that `entry` stands in, and
    /// how many distinct entries those are.
    pub fn required(&self, entry: EntryId) -> Option<u32> {
        let list = self.list_of(entry);
        (list.require == Require::All).then_some(list.end - list.first)
    }

    fn list_of(&self, entry: EntryId) -> &List {
        &self.lists[usize::from(self.interned[entry.0 as usize].list)]
    }

    /// Whether the end may match; when not, it certainly matches nothing. The fast path.
    #[inline(always)]
    pub fn may_match(&self, end: End) -> bool {
        let has_address = match end.address {
            IpAddr::V4(address) => {
                let key = u32::from(address);
                self.v4.may_contain(key) || self.networks_v4.may_contain(key)
            }
            IpAddr::V6(address) => {
                let key = u128::from(address);
                self.v6.may_contain(key) || self.networks_v6.may_contain(key)
            }
        };
        has_address || (!self.port_entries.is_empty() && end.is_outside && self.has_port(end))
    }

    #[inline]
    fn has_port(&self, end: End) -> bool {
        let (Some(port), true) = (end.port, matches!(end.protocol, 6 | 17)) else { return false };
        let half = if end.protocol == 17 { 1024 } else { 0 };
        self.port_bits[half + usize::from(port / 64)] & (1 << (port % 64)) != 0
    }

    /// Adds every entry that `end` matches to `found`; `other` is the packet's other end, which an
    /// `except` may name too.
    pub fn look_up(&self, end: End, other: IpAddr, found: &mut Vec<Match>) {
        let addresses = |entry| Match { kind: MatchKind::Address, entry };
        let networks = |entry| Match { kind: MatchKind::Network, entry };
        let start = found.len();
        match end.address {
            IpAddr::V4(address) => {
                found.extend(self.v4.entries(address.into()).map(addresses));
                found.extend(self.networks_v4.entries(address.into()).map(networks));
            }
            IpAddr::V6(address) => {
                found.extend(self.v6.entries(address.into()).map(addresses));
                found.extend(self.networks_v6.entries(address.into()).map(networks));
            }
        }
        if end.is_outside && self.has_port(end) {
            found.extend(self.port_entries.iter().map(|&entry| Match { kind: MatchKind::Port, entry }));
        }
        self.keep(start, found, |interned, list| {
            has_ports(interned, list, end) && !is_excepted(list, end.address, other)
        });
    }

    /// Adds every domain entry that `name` is, or lies below, to `found`. `name` is in lower case,
    /// without a final dot; the two addresses are the packet's ends.
    pub fn look_up_name(&self, name: &str, ends: (IpAddr, IpAddr), found: &mut Vec<Match>) {
        let start = found.len();
        let mut rest = Some(name);
        while let Some(suffix) = rest {
            let entries = self.domains.get(suffix).into_iter().flatten();
            found.extend(entries.map(|&entry| Match { kind: MatchKind::Domain, entry }));
            rest = suffix.split_once('.').map(|(_, after)| after);
        }
        self.keep(start, found, |_, list| !is_excepted(list, ends.0, ends.1));
    }

    /// Drops those from `start` on that do not hold, and repetitions (a range is several networks).
    fn keep(&self, start: usize, found: &mut Vec<Match>, holds: impl Fn(&Interned, &List) -> bool) {
        let mut kept = start;
        for position in start..found.len() {
            let matched = found[position];
            let interned = &self.interned[matched.entry.0 as usize];
            let is_new = !found[..kept].iter().any(|other| other.entry == matched.entry);
            if is_new && holds(interned, &self.lists[usize::from(interned.list)]) {
                found[kept] = matched;
                kept += 1;
            }
        }
        found.truncate(kept);
    }
}

fn has_ports(interned: &Interned, list: &List, end: End) -> bool {
    let holds = |range: &PortRange| end.port.is_some_and(|port| range.contains(end.protocol, port));
    match &interned.ports {
        Some(own) => holds(own),
        None => list.ports.is_empty() || list.ports.iter().any(holds),
    }
}

fn is_excepted(list: &List, one: IpAddr, other: IpAddr) -> bool {
    list.except.iter().any(|network| network.contains(&one) || network.contains(&other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(name: &str, entries: &[&str]) -> Watchlist {
        let entries = entries.iter().flat_map(|text| Entry::parse(text).expect(text)).collect();
        Watchlist { name: name.to_owned(), entries, ..Watchlist::default() }
    }

    fn ports(texts: &[&str]) -> Vec<PortRange> {
        texts.iter().map(|text| PortRange::parse(text).expect(text)).collect()
    }

    fn compile(lists: &[Watchlist]) -> Index {
        let lists: Vec<_> =
            lists.iter().map(|watchlist| CompiledList { watchlist, file_entries: &[] }).collect();
        Index::compile(&lists)
    }

    /// The entries that match the outside end `address`, as "list:entry", in the order of telling.
    fn found(index: &Index, address: &str, protocol: u8, port: u16, other: &str) -> String {
        let address = address.parse().expect("an address");
        let end = End { address, protocol, port: Some(port), is_outside: true };
        let mut found = Vec::new();
        index.look_up(end, other.parse().expect("an address"), &mut found);
        found.sort_unstable();
        assert!(found.is_empty() || index.may_match(end), "the fast path must never miss");
        let name = |m: &Match| format!("{}:{}", index.list_name(m.entry), index.text(m.entry));
        found.iter().map(name).collect::<Vec<_>>().join(" ")
    }

    const HOST: &str = "10.0.0.1";

    #[test]
    fn an_address_on_several_lists_keeps_all_their_names_and_covering_networks() {
        let index = compile(&[
            list("a", &["38.229.131.151", "38.229.128.0/18", "38.0.0.0/8"]),
            list("b", &["38.229.131.151", "2001:db8::/32"]),
        ]);
        let rows = [
            ("38.229.131.151", "a:38.229.131.151 b:38.229.131.151 a:38.229.128.0/18 a:38.0.0.0/8"),
            ("38.229.191.255", "a:38.229.128.0/18 a:38.0.0.0/8"),
            ("38.229.192.0", "a:38.0.0.0/8"),
            ("39.0.0.0", ""),
            ("2001:db8::7", "b:2001:db8::/32"),
            ("2001:db9::", ""),
        ];
        for (address, wanted) in rows {
            assert_eq!(found(&index, address, 6, 80, HOST), wanted, "{address}");
        }
    }

    #[test]
    fn a_range_is_one_entry() {
        let index = compile(&[list("a", &["10.9.0.1-10.9.0.9"])]);
        assert_eq!(found(&index, "10.9.0.5", 6, 80, HOST), "a:10.9.0.1-10.9.0.9");
        assert_eq!(found(&index, "10.9.0.10", 6, 80, HOST), "");
        assert_eq!(index.interned.len(), 1);
    }

    #[test]
    fn ports_narrow_addresses_and_stand_anywhere_only_when_alone() {
        let narrowed = Watchlist { ports: ports(&["tcp/80"]), ..list("n", &["1.2.3.4", "1.2.3.5:443"]) };
        let alone = Watchlist { ports: ports(&["tcp/4152-4177"]), ..list("p", &[]) };
        let unread = Watchlist { ports: ports(&["tcp/81"]), file: Some("gone.txt".into()), ..list("f", &[]) };
        let index = compile(&[narrowed, alone, unread]);
        let rows = [
            ("the port narrows", "1.2.3.4", 6, 80, "n:1.2.3.4"),
            ("another port", "1.2.3.4", 6, 81, ""),
            ("another protocol", "1.2.3.4", 17, 80, ""),
            ("an entry's own port", "1.2.3.5", 6, 443, "n:1.2.3.5:443"),
            ("not the list's", "1.2.3.5", 6, 80, ""),
            ("below the range", "9.9.9.9", 6, 4151, ""),
            ("its first port", "9.9.9.9", 6, 4152, "p:tcp/4152-4177"),
            ("its last port", "9.9.9.9", 6, 4177, "p:tcp/4152-4177"),
            ("above the range", "9.9.9.9", 6, 4178, ""),
            ("a list whose file is gone", "9.9.9.9", 6, 81, ""),
        ];
        for (row, address, protocol, port, wanted) in rows {
            assert_eq!(found(&index, address, protocol, port, HOST), wanted, "{row}");
        }
    }

    #[test]
    fn neither_end_of_an_excepted_packet_is_a_hit() {
        let except = vec!["192.0.2.25/32".parse().expect("a network"), "10.16.0.25/32".parse().expect("one")];
        let spam = Watchlist { except, ..list("spam", &["tcp/25"]) };
        let index = compile(&[spam, list("other", &["192.0.2.25"])]);
        assert_eq!(found(&index, "9.9.9.9", 6, 25, HOST), "spam:tcp/25");
        assert_eq!(found(&index, "9.9.9.9", 6, 25, "10.16.0.25"), "");
        assert_eq!(
            found(&index, "192.0.2.25", 6, 25, HOST),
            "other:192.0.2.25",
            "other lists do not except it"
        );
    }

    #[test]
    fn a_domain_matches_itself_and_names_below_it_only() {
        let index = compile(&[list("a", &["evil.example", "c2.evil.example"])]);
        let ends = (HOST.parse().expect("one"), "10.0.0.2".parse().expect("one"));
        for (name, wanted) in [
            ("evil.example", 1),
            ("x.c2.evil.example", 2),
            ("c2.evil.example", 2),
            ("notevil.example", 0),
            ("evil.example.test", 0),
            ("example", 0),
            ("", 0),
        ] {
            let mut found = Vec::new();
            index.look_up_name(name, ends, &mut found);
            assert_eq!(found.len(), wanted, "{name}");
        }
    }

    #[test]
    fn the_hash_is_of_what_is_looked_for_not_of_how_it_is_written() {
        let one = compile(&[list("a", &["1.2.3.4", "Evil.Example"])]);
        let same = compile(&[list("b", &["evil.example."]), list("c", &["hxxp://1[.]2[.]3[.]4", "1.2.3.4"])]);
        let other = compile(&[list("a", &["1.2.3.4:80", "evil.example"])]);
        assert_eq!(one.sha256(), same.sha256());
        assert_ne!(one.sha256(), other.sha256());
    }
}
