//! Is this very address on a list, and by which entries?
//!
//! A [`BloomFilter`] answers for nearly every packet; behind it, a [`Directory`] of a sorted list finds the few
//! addresses that are worth a comparison. However a list is made up, no search takes more than a
//! bisection of it.

use super::blocks::high;
use super::bloom::{BloomFilter, hash};
use super::directory::Directory;
use super::tag::Tag;

/// Addresses of one family, `K` being `u32` or `u128`, with the entries that name them.
#[derive(Clone, Debug)]
pub(super) struct Addresses<K> {
    bloom: BloomFilter,
    /// By address, each entry once; the entries of one address lie side by side.
    rows: Vec<(K, Tag)>,
    directory: Directory,
}

impl<K: Copy + Ord + Into<u128>> Addresses<K> {
    /// `rows` are sorted, and differ.
    pub(super) fn new(rows: Vec<(K, Tag)>) -> Addresses<K> {
        let mut bloom = BloomFilter::with_room_for(rows.len());
        bloom.extend(rows.iter().map(|&(key, _)| hash(key)));
        let directory = Directory::of(&rows, |&(key, _)| high(key));
        Addresses { bloom, rows, directory }
    }

    /// All of them, in order.
    pub(super) fn rows(&self) -> &[(K, Tag)] {
        &self.rows
    }

    pub(super) fn bloom(&self) -> &BloomFilter {
        &self.bloom
    }

    /// What the Bloom filter knows them by.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> + '_ {
        self.rows.iter().map(|&(key, _)| hash(key))
    }

    /// Whether it is on the list.
    pub(super) fn contains(&self, key: K) -> bool {
        self.entries(key).next().is_some()
    }

    /// The entries that name it, each with its position.
    pub(super) fn entries(&self, key: K) -> impl Iterator<Item = (usize, Tag)> + '_ {
        let is_possible = self.bloom.may_contain(hash(key));
        let near = if is_possible { self.directory.near(high(key)) } else { 0..0 };
        let start = near.start + self.rows[near.clone()].partition_point(|&(other, _)| other < key);
        let candidates = self.rows[start..near.end].iter().enumerate();
        let same = candidates.take_while(move |(_, (other, _))| *other == key);
        same.map(move |(offset, &(_, tag))| (start + offset, tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_address_is_found_and_no_other() {
        let listed = |number: u32| number.wrapping_mul(0x9E37_79B1);
        let mut rows: Vec<(u32, Tag)> = (0..200_000).map(|number| (listed(number), Tag::PLAIN)).collect();
        rows.sort_unstable();
        let table = Addresses::new(rows.clone());
        for (position, (key, tag)) in rows.into_iter().enumerate() {
            assert_eq!(table.entries(key).collect::<Vec<_>>(), [(position, tag)]);
        }
        assert!((200_000..400_000).map(listed).all(|key| !table.contains(key)));
    }

    #[test]
    fn a_shared_address_has_all_its_entries() {
        let (one, other) = (Tag::PLAIN, Tag::spelled(2));
        let shared = Addresses::new(vec![(7_u128, one), (7, other), (8, one)]);
        assert_eq!(shared.entries(7).collect::<Vec<_>>(), [(0, one), (1, other)]);
        assert!(!shared.contains(6) && !shared.contains(9));
    }
}
