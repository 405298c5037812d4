//! Is this very address on a list, and by which entries?
//!
//! A filter of one bit per hash stands in front of a table of positions in a sorted list: nearly
//! every packet is on no list, and the filter answers for it from the cache.

use super::EntryId;

/// Odd multiplier with well mixed high bits (2^64 divided by the golden ratio; Knuth, TAOCP 6.4).
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
/// Bits of the filter for each address: of the addresses on no list, 1 in 16 passes it.
const FILTER_BITS_EACH: usize = 16;
/// Slots of the table for each address: half of them stay empty.
const SLOTS_EACH: usize = 2;
const EMPTY: u32 = u32::MAX;

/// Addresses of one family, `K` being `u32` or `u128`, with the entries that name them.
#[derive(Clone, Debug)]
pub(super) struct Addresses<K> {
    filter: Vec<u64>,
    /// Shifts a hash down to a bit number of the filter.
    filter_shift: u32,
    slots: Vec<u32>,
    slot_shift: u32,
    /// By address; equal addresses lie side by side.
    sorted: Vec<(K, EntryId)>,
}

impl<K: Copy + Ord + Into<u128>> Addresses<K> {
    pub(super) fn new(mut sorted: Vec<(K, EntryId)>) -> Addresses<K> {
        sorted.sort_unstable();
        sorted.dedup();
        let filter_bits = (sorted.len() * FILTER_BITS_EACH).next_power_of_two().max(64);
        let slot_count = (sorted.len() * SLOTS_EACH).next_power_of_two().max(2);
        let mut table = Addresses {
            filter: vec![0; filter_bits / 64],
            filter_shift: 64 - filter_bits.trailing_zeros(),
            slots: vec![EMPTY; slot_count],
            slot_shift: 64 - slot_count.trailing_zeros(),
            sorted,
        };
        for position in 0..table.sorted.len() {
            let key = table.sorted[position].0;
            if position == 0 || table.sorted[position - 1].0 != key {
                table.insert(key, u32::try_from(position).expect("fewer than 2^32 entries fit in memory"));
            }
        }
        table
    }

    fn insert(&mut self, key: K, position: u32) {
        let hash = hash(key);
        let bit = hash >> self.filter_shift;
        self.filter[(bit / 64) as usize] |= 1 << (bit % 64);
        let mut slot = (hash >> self.slot_shift) as usize;
        while self.slots[slot] != EMPTY {
            slot = (slot + 1) % self.slots.len();
        }
        self.slots[slot] = position;
    }

    /// Whether it may be on a list; when not, it certainly is on none.
    #[inline]
    pub(super) fn may_contain(&self, key: K) -> bool {
        let bit = hash(key) >> self.filter_shift;
        self.filter[(bit / 64) as usize] & (1 << (bit % 64)) != 0
    }

    /// The entries that name it.
    pub(super) fn entries(&self, key: K) -> impl Iterator<Item = EntryId> + '_ {
        let start = self.position(key).unwrap_or(self.sorted.len());
        self.sorted[start..].iter().take_while(move |(other, _)| *other == key).map(|&(_, entry)| entry)
    }

    fn position(&self, key: K) -> Option<usize> {
        let mut slot = (hash(key) >> self.slot_shift) as usize;
        while self.slots[slot] != EMPTY {
            let position = self.slots[slot] as usize;
            if self.sorted[position].0 == key {
                return Some(position);
            }
            slot = (slot + 1) % self.slots.len();
        }
        None
    }
}

#[inline]
fn hash<K: Into<u128>>(key: K) -> u64 {
    let wide: u128 = key.into();
    let folded = (wide as u64) ^ ((wide >> 64) as u64).wrapping_mul(MIX | 2);
    (folded ^ (folded >> 32)).wrapping_mul(MIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_address_is_found_and_no_other() {
        let listed = |index: u32| index.wrapping_mul(0x9E37_79B1);
        let table = Addresses::new((0..200_000).map(|index| (listed(index), EntryId(index))).collect());
        for index in 0..200_000 {
            let key = listed(index);
            assert!(table.may_contain(key));
            assert_eq!(table.entries(key).collect::<Vec<_>>(), [EntryId(index)]);
        }
        let strangers = 200_000..400_000;
        let passed = strangers.clone().filter(|&index| table.may_contain(listed(index))).count();
        assert!(passed < 200_000 / 8, "{passed} of 200,000 strangers pass the filter");
        assert!(strangers.map(listed).all(|key| table.entries(key).next().is_none()));
    }

    #[test]
    fn an_empty_table_holds_nothing_and_a_shared_address_all_its_entries() {
        let empty = Addresses::<u128>::new(Vec::new());
        assert!(!empty.may_contain(7) && empty.entries(7).next().is_none());
        let shared = Addresses::new(vec![(7_u128, EntryId(3)), (8, EntryId(1)), (7, EntryId(2))]);
        assert_eq!(shared.entries(7).collect::<Vec<_>>(), [EntryId(2), EntryId(3)]);
    }
}
