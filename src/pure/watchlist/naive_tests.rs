//! Is every entry found that a plain comparison finds, and no other? Made-up lists against made-up ends.

use super::{CompiledList, End, Entry, Gate, Index, Target, Watchlist, read_file};
use proptest::prelude::*;
use std::net::IpAddr;
use std::sync::Arc;

/// Addresses that are near each other, so that lists and ends meet.
fn address() -> impl Strategy<Value = String> {
    prop_oneof![
        (0..3_u8, 0..3_u8, 0..=255_u8).prop_map(|(a, b, c)| format!("1.{a}.{b}.{c}")),
        (0..3_u16, 0..9_u16).prop_map(|(a, b)| format!("2001:db8:{a}::{b}")),
    ]
}

fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => address(),
        1 => address().prop_map(|address| address.replace('.', "[.]")),
        2 => (address(), 1..4_u16).prop_map(|(address, port)| match address.contains(':') {
            true => format!("[{address}]:{port}"),
            false => format!("{address}:{port}"),
        }),
        2 => (address(), 0..=32_u8).prop_map(|(address, length)| network(&address, length)),
        1 => (0..3_u8, 0..200_u8, 0..55_u8).prop_map(|(a, b, c)| format!("1.0.{a}.{b}-1.0.{a}.{}", b + c)),
        1 => (1..5_u16, 0..3_u16).prop_map(|(first, more)| format!("tcp/{first}-{}", first + more)),
        2 => "[ab](\\.[ab]){1,3}\\.(test|Example)",
    ]
}

fn network(address: &str, length: u8) -> String {
    let address: IpAddr = address.parse().expect("an address");
    ipnet::IpNet::new(address, length).expect("a length").trunc().to_string()
}

/// What the entries of the lines match, by comparing all of them.
fn naively(entries: &[Entry], end: End) -> Vec<String> {
    let is_port = |entry: &Entry| {
        entry.ports.is_none_or(|range| end.port.is_some_and(|port| range.contains(end.protocol, port)))
    };
    let is_place = |entry: &Entry| match &entry.target {
        Target::Address(address) => *address == end.address,
        Target::Network(network) => network.contains(&end.address),
        Target::Anywhere => end.is_outside,
        Target::Domain(_) => false,
    };
    sorted(entries.iter().filter(|entry| is_port(entry) && is_place(entry)).map(|entry| entry.text.clone()))
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut texts: Vec<String> = texts.collect();
    texts.sort();
    texts.dedup();
    texts
}

/// Entries of a file and of keys, as one list and as entries.
fn made(in_file: &[String], in_keys: &[String]) -> (Index, Vec<Entry>) {
    let entries = |lines: &[String]| -> Vec<Entry> {
        lines.iter().flat_map(|line| Entry::parse(line).expect("a good line")).collect()
    };
    let part = read_file(in_file.join("\n").as_bytes()).expect("a plain file").part;
    let watchlist =
        Watchlist { entries: entries(in_keys), file: Some("feed".into()), ..Watchlist::default() };
    let index = Index::compile(&[CompiledList { watchlist: &watchlist, file: Some(Arc::new(part)) }]);
    (index, [entries(in_file), entries(in_keys)].concat())
}

proptest! {
    #[test]
    fn every_entry_is_found_that_a_plain_comparison_finds(
        in_file in prop::collection::vec(line(), 0..60),
        in_keys in prop::collection::vec(line(), 0..6),
        ends in prop::collection::vec((address(), 1..6_u16, any::<bool>()), 20),
        names in prop::collection::vec("[ab](\\.[ab]){0,4}\\.(test|example)", 20),
    ) {
        let (index, entries) = made(&in_file, &in_keys);
        let (other, _) = made(&["9.9.9.9".to_owned()], &[]);
        let gate = Gate::of([&other, &index]);
        let stranger: IpAddr = "10.0.0.1".parse().expect("an address");
        let texts = |found: &[super::Match]| {
            sorted(found.iter().map(|found| index.text(found.entry).into_owned()))
        };
        for (address, port, is_outside) in ends {
            let address: IpAddr = address.parse().expect("an address");
            let end = End { address, protocol: 6, port: Some(port), is_outside };
            let mut found = Vec::new();
            index.look_up(end, stranger, &mut found);
            prop_assert_eq!(texts(&found), naively(&entries, end), "{:?}", end);
            prop_assert!(found.is_empty() || gate.may_match(end), "the gate must never miss");
        }
        for name in names {
            let is_below = |entry: &&Entry| match &entry.target {
                Target::Domain(listed) => name == *listed || name.ends_with(&format!(".{listed}")),
                _ => false,
            };
            let wanted = sorted(entries.iter().filter(is_below).map(|entry| entry.text.clone()));
            let mut found = Vec::new();
            index.look_up_name(&name, (stranger, stranger), &mut found);
            prop_assert_eq!(texts(&found), wanted, "{}", name);
            prop_assert!(found.is_empty() || gate.may_match_name(&name), "the gate must never miss");
        }
    }
}
