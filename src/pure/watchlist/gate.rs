//! May this end of a packet match any entry of any run? The question that is asked of every packet, of
//! all runs together.
//!
//! It must never say no where one of its indexes has a match.

use super::addresses::Addresses;
use super::blocks::{Blocks, high};
use super::bloom::{BloomFilter, hash};
use super::index::{End, Index};
use super::names::{Names, may_be_below};
use super::part::Part;
use super::ports::PortSet;
use std::net::IpAddr;
use std::sync::Arc;

/// What several indexes look for together; `default` is nothing. It is quickly built from them, and one
/// part that nearly all of them share lends its Bloom filter.
#[derive(Clone, Debug)]
pub struct Gate {
    v4: BloomFilter,
    networks_v4: Blocks,
    v6: BloomFilter,
    networks_v6: Blocks,
    ports: PortSet,
    names: BloomFilter,
    has_domains: bool,
    /// Each once.
    parts: Vec<Arc<Part>>,
}

impl Default for Gate {
    fn default() -> Gate {
        Gate::of([])
    }
}

impl Gate {
    /// The gate of these indexes.
    pub fn of<'a>(indexes: impl IntoIterator<Item = &'a Index>) -> Gate {
        let mut parts: Vec<Arc<Part>> = indexes.into_iter().flat_map(Index::parts).cloned().collect();
        parts.sort_by_key(Arc::as_ptr);
        parts.dedup_by(|one, other| Arc::ptr_eq(one, other));
        let mut ports = PortSet::default();
        parts.iter().for_each(|part| ports.unite(part.ports.set()));
        Gate {
            v4: united(parts.iter().map(|part| &part.v4).map(addresses).collect()),
            networks_v4: Blocks::united(32, parts.iter().map(|part| part.networks_v4.blocks())),
            v6: united(parts.iter().map(|part| &part.v6).map(addresses).collect()),
            networks_v6: Blocks::united(64, parts.iter().map(|part| part.networks_v6.blocks())),
            ports,
            names: united(parts.iter().map(|part| &part.names).map(names).collect()),
            has_domains: parts.iter().any(|part| part.has_domains()),
            parts,
        }
    }

    /// Whether any entry is a name, so that payloads have to be looked into.
    pub fn has_domains(&self) -> bool {
        self.has_domains
    }

    /// Whether an entry names the address, a network around it, or the port of the end; ports that narrow
    /// an entry are not looked at, and a port that is not known may be any. When not, the end certainly matches nothing.
    #[inline(always)]
    pub fn may_match(&self, end: End) -> bool {
        let may_hold = match end.address {
            IpAddr::V4(address) => {
                let key = u32::from(address);
                self.v4.may_contain(hash(key)) || self.networks_v4.may_contain(high(key))
            }
            IpAddr::V6(address) => {
                let key = u128::from(address);
                self.v6.may_contain(hash(key)) || self.networks_v6.may_contain(high(key))
            }
        };
        (may_hold && self.holds(end.address)) || (!self.ports.is_empty() && self.ports.may_contain(end))
    }

    /// Whether the name, in lower case and without a final dot, may be or lie below one of the entries;
    /// when not, it certainly matches nothing.
    pub fn may_match_name(&self, name: &str) -> bool {
        self.has_domains && may_be_below(&self.names, name)
    }

    /// Whether the address is there indeed.
    #[cold]
    #[inline(never)]
    fn holds(&self, address: IpAddr) -> bool {
        self.parts.iter().any(|part| part.holds(address))
    }
}

/// What stands in front of one table of one part.
struct Front<'a, H> {
    bloom: &'a BloomFilter,
    /// How many hashes the Bloom filter holds, and which.
    count: usize,
    hashes: H,
}

fn addresses<K: Copy + Ord + Into<u128>>(table: &Addresses<K>) -> Front<'_, impl Iterator<Item = u64>> {
    Front { bloom: table.bloom(), count: table.rows().len(), hashes: table.hashes() }
}

fn names(table: &Names) -> Front<'_, impl Iterator<Item = u64>> {
    Front { bloom: table.bloom(), count: table.len(), hashes: table.hashes() }
}

/// One Bloom filter of all: the largest one as it is when it has room for the others.
fn united<H: Iterator<Item = u64>>(mut fronts: Vec<Front<'_, H>>) -> BloomFilter {
    fronts.retain(|front| front.count > 0);
    fronts.sort_by_key(|front| std::cmp::Reverse(front.count));
    let total = fronts.iter().map(|front| front.count).sum();
    let others_from = usize::from(fronts.first().is_some_and(|largest| largest.bloom.has_room_for(total)));
    let mut bloom = match fronts.first() {
        Some(largest) if others_from == 1 => largest.bloom.clone(),
        _ => BloomFilter::with_room_for(total),
    };
    if fronts.len() > others_from {
        bloom.extend(fronts.into_iter().skip(others_from).flat_map(|front| front.hashes));
    }
    bloom
}

#[cfg(test)]
mod tests {
    use super::super::compile::Draft;
    use super::super::{CompiledList, Entry, PortRange, Watchlist};
    use super::*;

    fn index(texts: &[&str], file: Option<&Arc<Part>>) -> Index {
        let entries = texts.iter().flat_map(|text| Entry::parse(text).expect(text)).collect();
        let watchlist = Watchlist { name: "a".to_owned(), entries, ..Watchlist::default() };
        Index::compile(&[CompiledList { watchlist: &watchlist, file: file.cloned() }])
    }

    fn end(address: &str, port: u16) -> End {
        let address = address.parse().expect(address);
        End { address, protocol: 6, port: Some(port), is_outside: true }
    }

    #[test]
    fn what_any_index_looks_for_passes_and_nothing_else() {
        let one = index(&["192.0.2.1", "198.51.100.0/24", "tcp/25"], None);
        let other = index(&["2001:db8::1", "2001:db8:7::/48", "evil.example"], None);
        let (gate, nothing) = (Gate::of([&one, &other]), Gate::default());
        let rows = [
            ("an address", "192.0.2.1", 80, true),
            ("its neighbour", "192.0.2.2", 80, false),
            ("in a network", "198.51.100.255", 80, true),
            ("beside it", "198.51.101.0", 80, false),
            ("a port", "203.0.113.1", 25, true),
            ("another", "203.0.113.1", 26, false),
            ("an address of IPv6", "2001:db8::1", 80, true),
            ("its neighbour", "2001:db8::2", 80, false),
            ("in a network of IPv6", "2001:db8:7::9", 80, true),
            ("beside it", "2001:db8:8::", 80, false),
        ];
        for (row, address, port, wanted) in rows {
            assert_eq!(gate.may_match(end(address, port)), wanted, "{row}: {address}");
            assert!(!nothing.may_match(end(address, port)), "{row}: nothing is looked for");
        }
        for (name, wanted) in [("evil.example", true), ("a.evil.example", true), ("example", false)] {
            assert_eq!(gate.may_match_name(name), wanted, "{name}");
            assert!(!nothing.may_match_name(name), "{name}: nothing is looked for");
        }
        assert!(gate.has_domains() && !nothing.has_domains() && !Gate::of([&one]).has_domains());
    }

    #[test]
    fn a_port_is_one_of_its_protocol_and_may_be_any_where_it_is_not_known() {
        let gate = |text: &str| {
            let ports = vec![PortRange::parse(text).expect(text)];
            let watchlist = Watchlist { name: "a".to_owned(), ports, ..Watchlist::default() };
            Gate::of([&Index::compile(&[CompiledList { watchlist: &watchlist, file: None }])])
        };
        let end = |protocol: u8, port: Option<u16>| End {
            address: "203.0.113.1".parse().expect("one"),
            protocol,
            port,
            is_outside: true,
        };
        for (text, protocol, wanted) in [
            ("tcp/25", 6, true),
            ("tcp/25", 17, false),
            ("25", 17, true),
            ("25", 132, true),
            ("25", 136, true),
            ("25", 33, true),
            ("25", 1, false),
        ] {
            for port in [Some(25), None] {
                assert_eq!(gate(text).may_match(end(protocol, port)), wanted, "{text}: {protocol}, {port:?}");
            }
            assert!(!gate(text).may_match(end(protocol, Some(26))), "{text}: {protocol}");
            let inside = End { is_outside: false, ..end(protocol, None) };
            assert!(!gate(text).may_match(inside), "{text}: {protocol}");
        }
    }

    #[test]
    fn a_part_that_all_share_is_there_once_and_lends_its_bloom_filter() {
        let mut draft = Draft::default();
        (0..10_000).for_each(|number| draft.take_v4(number << 8));
        let part = Arc::new(draft.build());
        let runs: Vec<Index> =
            ["192.0.2.1", "192.0.2.2"].iter().map(|own| index(&[own], Some(&part))).collect();
        let gate = Gate::of(&runs);
        assert_eq!(gate.parts.len(), 3);
        for address in ["192.0.2.1", "192.0.2.2", "0.0.9.0"] {
            assert!(gate.may_match(end(address, 80)), "{address}");
        }
        assert!(Gate::of([&index(&[], Some(&part))]).v4.is_same(part.v4.bloom()));
    }
}
