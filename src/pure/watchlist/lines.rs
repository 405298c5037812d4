//! What is the fingerprint of what is looked for? SHA-256 over the sorted, distinct entries in their plain
//! form, a line each.
//!
//! Addresses of IPv4 are told as numbers that have the order of their spellings, so that of a million only one
//! is spelt out at a time.

use super::directory;
use super::part::{Part, SHELVES, Shelf};
use super::spelling::push_canonical;
use super::{PortRange, Target};
use crate::pure::hexadecimal;
use sha2::{Digest, Sha256};
use std::net::Ipv4Addr;

/// The fingerprint of several parts together, in hexadecimal.
pub(super) fn sha256<'a>(parts: impl Iterator<Item = &'a Part> + Clone) -> String {
    let mut addresses: Vec<u32> = Vec::new();
    let mut written = String::new();
    for part in parts.clone() {
        for &(address, tag) in part.v4.rows() {
            match part.ports_of(tag) {
                None => addresses.push(address),
                ports => push_line(&mut written, &Target::Address(Ipv4Addr::from(address).into()), ports),
            }
        }
        for shelf in SHELVES.into_iter().filter(|shelf| !matches!(shelf, Shelf::V4 | Shelf::Names)) {
            for (target, tag) in part.rows(shelf) {
                push_line(&mut written, &target, part.ports_of(tag));
            }
        }
    }
    // Those of one part are sorted already, which is told sooner than sorted again.
    if !addresses.is_sorted() {
        addresses = directory::sort(addresses, |&address| address.into(), Ord::cmp);
    }
    addresses.dedup();
    let names = parts.flat_map(|part| part.names.iter().map(|(name, _)| by_start(name)));
    let mut lines: Vec<(u64, &str)> = written.lines().map(by_start).chain(names).collect();
    lines.sort_unstable();
    lines.dedup();
    digest(&Octets::new(), &addresses, lines.into_iter().map(|(_, line)| line))
}

fn push_line(written: &mut String, target: &Target, ports: Option<PortRange>) {
    push_canonical(target, ports, written);
    written.push('\n');
}

/// Hashes both kinds of lines in the order of all; none is of both kinds. The addresses are sorted as numbers.
fn digest<'a>(octets: &Octets, addresses: &[u32], others: impl Iterator<Item = &'a str>) -> String {
    let mut lines = Lines { hasher: Sha256::new(), text: [0; TEXT_BYTES], length: 0 };
    let mut others = others.peekable();
    octets.each_in_order(addresses, |ranked| {
        while let Some(before) = others.next_if(|other| octets.is_behind(ranked, other)) {
            lines.hash(before.as_bytes());
        }
        lines.hash_address(octets, ranked);
    });
    others.for_each(|line| lines.hash(line.as_bytes()));
    lines.finish()
}

/// So much text is hashed in one go, in bytes: it stays in the first-level cache.
const TEXT_BYTES: usize = 16 * 1024;

/// Lines on their way into a hash.
struct Lines {
    hasher: Sha256,
    text: [u8; TEXT_BYTES],
    /// How much of it there is.
    length: usize,
}

impl Lines {
    fn hash(&mut self, line: &[u8]) {
        self.flush();
        self.hasher.update(line);
        self.hasher.update(b"\n");
    }

    /// Written where it is hashed: a spelling that is made elsewhere and copied costs twice as much.
    #[inline]
    fn hash_address(&mut self, octets: &Octets, ranked: u32) {
        if self.length + ADDRESS_BYTES_MAX > TEXT_BYTES {
            self.flush();
        }
        self.length += octets.write(ranked, &mut self.text[self.length..]);
        self.text[self.length - 1] = b'\n';
    }

    fn flush(&mut self) {
        self.hasher.update(&self.text[..self.length]);
        self.length = 0;
    }

    fn finish(mut self) -> String {
        self.flush();
        hexadecimal::text(&self.hasher.finalize())
    }
}

/// A line with its first bytes as a number, which decides most comparisons in the order of the lines.
fn by_start(line: &str) -> (u64, &str) {
    let mut start = [0; 8];
    let length = line.len().min(start.len());
    start[..length].copy_from_slice(&line.as_bytes()[..length]);
    (u64::from_be_bytes(start), line)
}

/// Where the addresses end among sorted ones that begin with the same two bytes, by those.
fn ends_of_starts(addresses: &[u32]) -> Vec<usize> {
    let mut ends = vec![0; 1 << 16];
    addresses.iter().for_each(|address| ends[(address >> 16) as usize] += 1);
    (1..ends.len()).for_each(|start| ends[start] += ends[start - 1]);
    ends
}

/// The longest spelling of an address of IPv4, with a sign behind it.
const ADDRESS_BYTES_MAX: usize = 16;

/// The numbers from 0 to 255 in the order of their spellings, in which `10` stands before `2`: what ends a
/// number in a line (a dot, a blank, the end) stands before every digit.
struct Octets {
    rank_of: [u8; 256],
    /// By rank: the spelling with a dot behind it, and how long both are.
    spelt: [([u8; 4], usize); 256],
}

impl Octets {
    fn new() -> Octets {
        let mut with_rank: Vec<u8> = (0..=255).collect();
        with_rank.sort_unstable_by_key(u8::to_string);
        let mut octets = Octets { rank_of: [0; 256], spelt: [([0; 4], 0); 256] };
        for (rank, octet) in (0..=255).zip(with_rank) {
            octets.rank_of[usize::from(octet)] = rank;
            let text = format!("{octet}.");
            let (spelling, length) = &mut octets.spelt[usize::from(rank)];
            spelling[..text.len()].copy_from_slice(text.as_bytes());
            *length = text.len();
        }
        octets
    }

    /// Tells the numbers of sorted addresses in the order of the spellings. Addresses that begin alike stand side
    /// by side in both orders: few are left to sort.
    fn each_in_order(&self, addresses: &[u32], mut tell: impl FnMut(u32)) {
        let ends = ends_of_starts(addresses);
        let mut alike = Vec::new();
        for start in self.starts_in_order() {
            let first = start.checked_sub(1).map_or(0, |before| ends[before]);
            alike.clear();
            alike.extend(addresses[first..ends[start]].iter().map(|&address| self.ranked(address)));
            alike.sort_unstable();
            alike.iter().for_each(|&ranked| tell(ranked));
        }
    }

    /// The first two bytes of all addresses, in the order of their spellings.
    fn starts_in_order(&self) -> impl Iterator<Item = usize> {
        let mut octets: [usize; 256] = std::array::from_fn(|octet| octet);
        octets.sort_unstable_by_key(|&octet| self.rank_of[octet]);
        octets.into_iter().flat_map(move |first| octets.into_iter().map(move |second| first << 8 | second))
    }

    /// A number for each address, in the order of the addresses' spellings.
    fn ranked(&self, address: u32) -> u32 {
        u32::from_be_bytes(address.to_be_bytes().map(|octet| self.rank_of[usize::from(octet)]))
    }

    /// Writes the spelling of the address with that number and a dot behind it; answers how long they are.
    #[inline]
    fn write(&self, ranked: u32, text: &mut [u8]) -> usize {
        let mut length = 0;
        for rank in ranked.to_be_bytes() {
            // Always four bytes, of which the next spelling writes over what is too much.
            let (spelling, used) = &self.spelt[usize::from(rank)];
            text[length..length + 4].copy_from_slice(spelling);
            length += used;
        }
        length
    }

    /// Whether the address with that number stands behind the line.
    fn is_behind(&self, ranked: u32, line: &str) -> bool {
        let mut text = [0; ADDRESS_BYTES_MAX];
        let length = self.write(ranked, &mut text);
        *line.as_bytes() < text[..length - 1]
    }
}

#[cfg(test)]
mod tests {
    use super::super::Entry;
    use super::*;

    /// As it is described, without any haste.
    fn plainly(entries: &[Entry]) -> String {
        let mut lines: Vec<String> = entries
            .iter()
            .map(|entry| {
                let mut line = String::new();
                push_canonical(&entry.target, entry.ports, &mut line);
                line + "\n"
            })
            .collect();
        lines.sort();
        lines.dedup();
        hexadecimal::text(&Sha256::digest(lines.concat()))
    }

    #[test]
    fn the_fingerprint_is_of_the_sorted_lines_of_all_parts() {
        let texts = [
            "1.2.3.4",
            "1.2.3.45",
            "1.2.3.4:80",
            "1.2.30.4",
            "1.2.3.0/24",
            "10.2.3.4",
            "2.0.0.1",
            "9.255.100.0",
            "1[.]2[.]3[.]4",
            "evil.example",
            "1evil.example",
            "10.example",
            "tcp/25",
            "2001:db8::1",
            "2001:db8::/32",
            "[2001:db8::1]:443",
            "Evil.Example",
            "10.0.0.1-10.0.0.9",
            "200.1.1.1",
            "20.1.1.1",
            "2.1.1.1",
        ];
        let entries: Vec<Entry> = texts.iter().flat_map(|text| Entry::parse(text).expect(text)).collect();
        for split in [0, 1, 9, entries.len()] {
            let (one, other) = entries.split_at(split);
            let parts = [Part::of(one), Part::of(other), Part::of(one)];
            assert_eq!(sha256(parts.iter()), plainly(&entries), "split at {split}");
        }
        assert_eq!(sha256([].into_iter()), plainly(&[]));
    }
}
