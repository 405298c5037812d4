//! Which listed networks cover this address?
//!
//! Two networks are either disjoint or one holds the other, so sorted ranges with a link to the
//! next wider one report every covering network, narrowest first.

use super::blocks::{Blocks, High, high};
use super::directory::{self, Directory};
use super::tag::Tag;

const NONE: u32 = u32::MAX;

/// First and last address of a network, with the entry that names it.
pub(super) type Span<K> = (K, K, Tag);

#[derive(Clone, Copy, Debug)]
struct Range<K> {
    first: K,
    last: K,
    tag: Tag,
    /// Position of the next wider range that holds this one.
    wider: u32,
}

/// Networks of one family, `K` being `u32` or `u128`.
#[derive(Clone, Debug)]
pub(super) struct Networks<K> {
    /// By first address, wider before narrower.
    ranges: Vec<Range<K>>,
    directory: Directory,
    blocks: Blocks,
}

impl<K: Copy + Ord + Into<u128>> Networks<K> {
    /// `bits` is the length of an address, 32 or 128.
    pub(super) fn new(networks: Vec<Span<K>>, bits: u32) -> Networks<K> {
        let order = |a: &Span<K>, b: &Span<K>| (a.0, b.1, a.2).cmp(&(b.0, a.1, b.2));
        let mut networks = directory::sort(networks, |&(first, ..)| high(first), order);
        networks.dedup();
        let range = |(first, last, tag)| Range { first, last, tag, wider: NONE };
        let ranges: Vec<Range<K>> = networks.into_iter().map(range).collect();
        let directory = Directory::of(&ranges, |range| high(range.first));
        let mut built = Networks { ranges, directory, blocks: Blocks::new(bits.min(64)) };
        built.link();
        built.blocks = Blocks::of(bits.min(64), built.spans());
        built
    }

    fn link(&mut self) {
        let mut open: Vec<u32> = Vec::new();
        for position in 0..self.ranges.len() {
            let first = self.ranges[position].first;
            while open.last().is_some_and(|&wide| self.ranges[wide as usize].last < first) {
                open.pop();
            }
            self.ranges[position].wider = open.last().copied().unwrap_or(NONE);
            open.push(u32::try_from(position).expect("fewer than 2^32 networks fit in memory"));
        }
    }

    /// Where each begins and ends.
    fn spans(&self) -> impl ExactSizeIterator<Item = (High, High)> + '_ {
        self.ranges.iter().map(|range| (high(range.first), high(range.last)))
    }

    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// All of them, by number; see [`Networks::entries`].
    pub(super) fn get(&self, number: usize) -> Span<K> {
        let Range { first, last, tag, .. } = self.ranges[self.ranges.len() - 1 - number];
        (first, last, tag)
    }

    /// Where they lie, roughly.
    pub(super) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Whether some network covers it.
    pub(super) fn contains(&self, key: K) -> bool {
        self.entries(key).next().is_some()
    }

    /// The entries of all networks that cover it, narrowest first, each with its number; the narrower of
    /// two has the lower one.
    pub(super) fn entries(&self, key: K) -> impl Iterator<Item = (usize, Tag)> + '_ {
        let is_possible = self.blocks.may_contain(high(key));
        let near = if is_possible { self.directory.near(high(key)) } else { 0..0 };
        let after = near.start + self.ranges[near].partition_point(|range| range.first <= key);
        let mut next = after.checked_sub(1);
        std::iter::from_fn(move || {
            while let Some((position, range)) = next.map(|position| (position, &self.ranges[position])) {
                next = (range.wider != NONE).then_some(range.wider as usize);
                if range.last >= key {
                    return Some((self.ranges.len() - 1 - position, range.tag));
                }
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_covering_network_is_reported_and_their_neighbours_are_not() {
        let tag = Tag::spelled;
        let networks = Networks::new(
            vec![
                (10, 10, tag(4)),
                (0, 99, tag(1)),
                (8, 15, tag(2)),
                (0, 99, tag(3)),
                (8, 15, tag(2)),
                (40, 49, tag(5)),
            ],
            32,
        );
        assert_eq!(networks.len(), 5, "one was there twice");
        let rows: [(u32, &[usize]); 7] = [
            (10, &[4, 2, 3, 1]),
            (8, &[2, 3, 1]),
            (15, &[2, 3, 1]),
            (16, &[3, 1]),
            (49, &[5, 3, 1]),
            (99, &[3, 1]),
            (100, &[]),
        ];
        for (key, wanted) in rows {
            let found: Vec<(usize, Tag)> = networks.entries(key).collect();
            assert_eq!(
                found.iter().map(|(_, tag)| *tag).collect::<Vec<_>>(),
                wanted.iter().map(|&w| tag(w)).collect::<Vec<_>>(),
                "address {key}"
            );
            assert!(found.iter().all(|&(number, tag)| networks.get(number).2 == tag), "address {key}");
            assert!(found.is_sorted_by_key(|(number, _)| *number), "address {key}: narrowest first");
        }
    }
}
