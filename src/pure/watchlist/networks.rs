//! Which listed networks cover this address?
//!
//! Two networks are either disjoint or one holds the other, so sorted ranges with a link to the
//! next wider one report every covering network, narrowest first.

use super::blocks::{Blocks, High};
use super::part::Place;

const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Range<K> {
    first: K,
    last: K,
    entry: Place,
    /// Position of the next wider range that holds this one.
    wider: u32,
}

/// Networks of one family, `K` being `u32` or `u128`.
#[derive(Clone, Debug)]
pub(super) struct Networks<K> {
    /// By first address, wider before narrower.
    ranges: Vec<Range<K>>,
    blocks: Blocks,
    /// Length of an address, 32 or 128.
    bits: u32,
}

impl<K: Copy + Ord + Into<u128>> Networks<K> {
    /// `networks` are first and last address of each; `bits` is the length of an address, 32 or 128.
    pub(super) fn new(networks: Vec<(K, K, Place)>, bits: u32) -> Networks<K> {
        let mut built = Networks { ranges: Vec::new(), blocks: Blocks::new(bits.min(64)), bits };
        built.ranges = networks
            .into_iter()
            .map(|(first, last, entry)| Range { first, last, entry, wider: NONE })
            .collect();
        built.ranges.sort_by(|a, b| (a.first, b.last, a.entry).cmp(&(b.first, a.last, b.entry)));
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
    pub(super) fn spans(&self) -> impl Iterator<Item = (High, High)> + '_ {
        self.ranges.iter().map(|range| (self.high(range.first), self.high(range.last)))
    }

    fn high(&self, key: K) -> High {
        (key.into() >> self.bits.saturating_sub(64)) as High
    }

    /// Where they lie, roughly.
    pub(super) fn blocks(&self) -> &Blocks {
        &self.blocks
    }

    /// Whether some network covers it.
    pub(super) fn contains(&self, key: K) -> bool {
        self.entries(key).next().is_some()
    }

    /// The entries of all networks that cover it, narrowest first.
    pub(super) fn entries(&self, key: K) -> impl Iterator<Item = Place> + '_ {
        let is_possible = self.blocks.may_contain(self.high(key));
        let after = if is_possible { self.ranges.partition_point(|range| range.first <= key) } else { 0 };
        let mut next = after.checked_sub(1);
        std::iter::from_fn(move || {
            while let Some(range) = next.map(|position| &self.ranges[position]) {
                next = (range.wider != NONE).then_some(range.wider as usize);
                if range.last >= key {
                    return Some(range.entry);
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
        let networks = Networks::new(
            vec![
                (10, 10, Place(4)),
                (0, 99, Place(1)),
                (8, 15, Place(2)),
                (0, 99, Place(3)),
                (40, 49, Place(5)),
            ],
            32,
        );
        let rows: [(u32, &[u32]); 7] = [
            (10, &[4, 2, 3, 1]),
            (8, &[2, 3, 1]),
            (15, &[2, 3, 1]),
            (16, &[3, 1]),
            (49, &[5, 3, 1]),
            (99, &[3, 1]),
            (100, &[]),
        ];
        for (key, wanted) in rows {
            let found: Vec<u32> = networks.entries(key).map(|entry| entry.0).collect();
            assert_eq!(found, wanted, "address {key}");
        }
    }
}
