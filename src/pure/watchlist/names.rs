//! Which listed names is this name, or does it lie below?
//!
//! Names are hashed from their last letter to their first, so that one pass over a name gives the hashes
//! of all names above it.

use super::bloom::{BloomFilter, mixed};
use super::directory::{self, Directory};
use super::tag::Tag;

/// Ends each name in the text of all.
const END: char = '\n';

/// Offset basis and prime of the hash (FNV-1a; Fowler, Noll, Vo).
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

#[derive(Clone, Copy, Debug)]
struct Row {
    /// High half of the name's hash.
    hash: u32,
    /// Where the name stands in the text.
    start: u32,
    tag: Tag,
}

/// Names that are looked for, in lower case and without a final dot.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    text: String,
    /// By hash, then by name.
    rows: Vec<Row>,
    bloom: BloomFilter,
    directory: Directory,
}

impl Names {
    /// Takes a name in; [`Names::sort`] must follow before any is looked up.
    pub(super) fn push(&mut self, name: &str, tag: Tag) {
        let hash = name.bytes().rev().fold(BASIS, step);
        let start = u32::try_from(self.text.len()).expect("watchlists hold less than 4 GiB of text");
        self.text.push_str(name);
        self.text.push(END);
        self.rows.push(Row { hash: high(hash), start, tag });
    }

    /// Brings those that were taken in into order, each once.
    pub(super) fn sort(&mut self) {
        self.text.shrink_to_fit();
        let text = &self.text;
        let order = |a: &Row, b: &Row| {
            let names = || at(text, a.start).cmp(at(text, b.start));
            a.hash.cmp(&b.hash).then_with(names).then(a.tag.cmp(&b.tag))
        };
        self.rows = directory::sort(std::mem::take(&mut self.rows), |row| u64::from(row.hash), order);
        self.rows
            .dedup_by(|a, b| (a.hash, a.tag) == (b.hash, b.tag) && at(text, a.start) == at(text, b.start));
        self.rows.shrink_to_fit();
        let mut bloom = BloomFilter::with_room_for(self.rows.len());
        bloom.extend(self.hashes());
        self.bloom = bloom;
        self.directory = Directory::of(&self.rows, |row| u64::from(row.hash));
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// All of them, with how their entries are spelt.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Tag)> {
        (0..self.len()).map(|position| self.get(position))
    }

    /// The name at a position, and how its entry is spelt.
    pub(super) fn get(&self, position: usize) -> (&str, Tag) {
        let Row { start, tag, .. } = self.rows[position];
        (at(&self.text, start), tag)
    }

    /// What tells most strangers from its names: see [`may_be_below`].
    pub(super) fn bloom(&self) -> &BloomFilter {
        &self.bloom
    }

    /// The hashes that its Bloom filter holds.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> {
        self.rows.iter().map(|row| mixed(u64::from(row.hash)))
    }

    /// Tells the position of every entry that `name` is, or lies below, the shortest name first.
    pub(super) fn look_up(&self, name: &str, mut tell: impl FnMut(usize, Tag)) {
        if self.rows.is_empty() {
            return;
        }
        for (start, hash) in parents(name) {
            self.look_up_whole(&name[start..], hash, &mut tell);
        }
    }

    fn look_up_whole(&self, name: &str, hash: u32, tell: &mut impl FnMut(usize, Tag)) {
        if !self.bloom.may_contain(mixed(u64::from(hash))) {
            return;
        }
        let near = self.directory.near(u64::from(hash));
        let key = |row: &Row| (row.hash, at(&self.text, row.start));
        let start = near.start + self.rows[near.clone()].partition_point(|row| key(row) < (hash, name));
        let same = self.rows[start..near.end].iter().take_while(|row| key(row) == (hash, name));
        same.enumerate().for_each(|(offset, row)| tell(start + offset, row.tag));
    }
}

/// Whether `name` may be, or lie below, a name whose hash was put into the Bloom filter; when not, it certainly
/// does not.
pub(super) fn may_be_below(bloom: &BloomFilter, name: &str) -> bool {
    parents(name).any(|(_, hash)| bloom.may_contain(mixed(u64::from(hash))))
}

/// The names above a name and itself, the shortest first: where each begins, and its hash.
fn parents(name: &str) -> impl Iterator<Item = (usize, u32)> {
    let bytes = name.as_bytes();
    let mut hash = BASIS;
    let hashed = bytes.iter().enumerate().rev().map(move |(start, &byte)| {
        hash = step(hash, byte);
        (start, hash)
    });
    hashed
        .filter(|(start, _)| *start == 0 || bytes[start - 1] == b'.')
        .map(|(start, hash)| (start, high(hash)))
}

fn step(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(PRIME)
}

/// The half of a hash that is kept: its bits depend on all letters.
fn high(hash: u64) -> u32 {
    (mixed(hash) >> 32) as u32
}

/// The name that begins there.
fn at(text: &str, start: u32) -> &str {
    let rest = &text[start as usize..];
    rest.split_once(END).map_or(rest, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_by_itself_and_by_what_lies_below() {
        let mut names = Names::default();
        for (number, name) in ["evil.example", "c2.evil.example", "b.test", "evil.example"].iter().enumerate()
        {
            names.push(name, if number == 3 { Tag::spelled(7) } else { Tag::PLAIN });
        }
        names.push("b.test", Tag::PLAIN);
        names.sort();
        assert_eq!(names.len(), 4, "one was there twice");
        let rows = [
            ("evil.example", "evil.example evil.example"),
            ("x.c2.evil.example", "evil.example evil.example c2.evil.example"),
            ("notevil.example", ""),
            ("evil.example.test", ""),
            ("a.b.test", "b.test"),
            ("", ""),
            (".", ""),
        ];
        for (name, wanted) in rows {
            let mut found = Vec::new();
            names.look_up(name, |position, tag| {
                assert_eq!(names.get(position).1, tag);
                found.push(names.get(position).0);
            });
            assert_eq!(found.join(" "), wanted, "{name}");
        }
    }

    #[test]
    fn of_many_names_each_is_found() {
        let name = |number: u32| format!("host-{}.d{}.example", number, number % 97);
        let mut names = Names::default();
        (0..20_000).for_each(|number| names.push(&name(number), Tag::PLAIN));
        names.sort();
        let found = |number| {
            let mut found = 0;
            names.look_up(&name(number), |position, _| {
                found += u32::from(names.get(position).0 == name(number))
            });
            found
        };
        assert!((0..20_000).all(|number| found(number) == 1));
        assert!((20_000..40_000).all(|number| found(number) == 0));
    }
}
