//! Is this very address on a list, and by which entries?
//!
//! A [`Filter`] answers for nearly every packet; behind it, a directory of a sorted list finds the few
//! addresses that are worth a comparison. However a list is made up, no search takes more than a
//! bisection of it.

use super::filter::{Filter, hash};
use super::part::Place;

/// The directory has at most so many parts: 4 MiB.
const DIRECTORY_BITS_MAX: u32 = 20;

/// Addresses of one family, `K` being `u32` or `u128`, with the entries that name them.
#[derive(Clone, Debug)]
pub(super) struct Addresses<K> {
    filter: Filter,
    /// By address; equal addresses lie side by side.
    sorted: Vec<(K, Place)>,
    /// Where the addresses with the same high bits, as counted from the first address, begin.
    directory: Vec<u32>,
    directory_shift: u32,
}

impl<K: Copy + Ord + Into<u128>> Addresses<K> {
    pub(super) fn new(mut sorted: Vec<(K, Place)>) -> Addresses<K> {
        sorted.sort_unstable();
        sorted.dedup();
        let mut filter = Filter::with_room_for(sorted.len());
        filter.extend(sorted.iter().map(|&(key, _)| hash(key)));
        let (directory, directory_shift) = directory(&sorted);
        Addresses { filter, sorted, directory, directory_shift }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.sorted.len()
    }

    pub(super) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// What the filter knows them by.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> + '_ {
        self.sorted.iter().map(|&(key, _)| hash(key))
    }

    /// Whether it is on the list.
    pub(super) fn contains(&self, key: K) -> bool {
        self.entries(key).next().is_some()
    }

    /// The entries that name it.
    pub(super) fn entries(&self, key: K) -> impl Iterator<Item = Place> + '_ {
        let is_possible = self.filter.may_contain(hash(key));
        let candidates = if is_possible { self.near(key) } else { &[] };
        let start = candidates.partition_point(|&(other, _)| other < key);
        candidates[start..].iter().take_while(move |(other, _)| *other == key).map(|&(_, place)| place)
    }

    /// Those with the same high bits.
    fn near(&self, key: K) -> &[(K, Place)] {
        let Some(&(first, _)) = self.sorted.first().filter(|&&(first, _)| first <= key) else { return &[] };
        let part = (key.into() - first.into()) >> self.directory_shift;
        let part = usize::try_from(part).unwrap_or(usize::MAX - 1);
        match self.directory.get(part..part.saturating_add(2)) {
            Some(ends) => &self.sorted[ends[0] as usize..ends[1] as usize],
            None => &[],
        }
    }
}

/// The directory of a sorted list, and the bits that are shifted out of an address to find its part.
fn directory<K: Copy + Into<u128>>(sorted: &[(K, Place)]) -> (Vec<u32>, u32) {
    let (Some(&(first, _)), Some(&(last, _))) = (sorted.first(), sorted.last()) else {
        return (Vec::new(), 0);
    };
    let wanted_bits = sorted.len().ilog2().min(DIRECTORY_BITS_MAX);
    let span_bits = 128 - (last.into() - first.into()).leading_zeros();
    let shift = span_bits.saturating_sub(wanted_bits);
    let part_of = |key: K| ((key.into() - first.into()) >> shift) as usize;
    let mut directory = Vec::with_capacity(part_of(last) + 2);
    for (position, &(key, _)) in sorted.iter().enumerate() {
        let position = u32::try_from(position).expect("fewer than 2^32 entries fit in memory");
        directory.resize(directory.len().max(part_of(key) + 1), position);
    }
    directory.push(u32::try_from(sorted.len()).expect("fewer than 2^32 entries fit in memory"));
    (directory, shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_address_is_found_and_no_other() {
        let listed = |number: u32| number.wrapping_mul(0x9E37_79B1);
        let table = Addresses::new((0..200_000).map(|number| (listed(number), Place(number))).collect());
        for number in 0..200_000 {
            assert_eq!(table.entries(listed(number)).collect::<Vec<_>>(), [Place(number)]);
        }
        assert!((200_000..400_000).map(listed).all(|key| !table.contains(key)));
    }

    #[test]
    fn lists_of_every_make_up_are_searched() {
        let rows: [(&str, &[u128]); 5] = [
            ("none", &[]),
            ("one", &[7]),
            ("the two ends", &[0, u128::MAX]),
            ("side by side", &[5, 6, 7, 8, 9]),
            ("one far off", &[1, 2, 3, 1 << 100]),
        ];
        for (row, keys) in rows {
            let table = Addresses::new(keys.iter().map(|&key| (key, Place(key as u32))).collect());
            for key in keys.iter().flat_map(|&key| [key.saturating_sub(1), key, key.saturating_add(1)]) {
                assert_eq!(table.contains(key), keys.contains(&key), "{row}: {key}");
            }
        }
    }

    #[test]
    fn a_shared_address_has_all_its_entries() {
        let shared = Addresses::new(vec![(7_u128, Place(3)), (8, Place(1)), (7, Place(2))]);
        assert_eq!(shared.entries(7).collect::<Vec<_>>(), [Place(2), Place(3)]);
    }
}
