//! Where in a long sorted list may this key stand? A table of contents, by the high bits of the keys.

use std::ops::Range;

/// A directory has at most two to this many parts: 4 MiB.
const BITS_MAX: u32 = 20;

/// The directory of a list that is sorted by key and never changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    /// Where each part begins, and where the last one ends; empty for an empty list.
    starts: Vec<u32>,
    /// The first key of the list.
    first: u128,
    /// Shifts the distance from the first key down to the number of a part.
    shift: u32,
}

impl Directory {
    /// The directory of `sorted`, with about a part for each key.
    pub(super) fn of<T>(sorted: &[T], key: impl Fn(&T) -> u128) -> Directory {
        let (Some(first), Some(last)) = (sorted.first().map(&key), sorted.last().map(&key)) else {
            return Directory::default();
        };
        let bits = (sorted.len().ilog2() + 1).min(BITS_MAX);
        let span_bits = 128 - (last - first).leading_zeros();
        let shift = span_bits.saturating_sub(bits);
        let part_of = |key: u128| ((key - first) >> shift) as usize;
        let mut starts = Vec::with_capacity(part_of(last) + 2);
        for (position, row) in sorted.iter().enumerate() {
            let part = part_of(key(row));
            if part >= starts.len() {
                starts.resize(part + 1, narrow(position));
            }
        }
        starts.push(narrow(sorted.len()));
        Directory { starts, first, shift }
    }

    /// The positions among which the key stands, if it stands anywhere.
    pub(super) fn near(&self, key: u128) -> Range<usize> {
        let Some(distance) = key.checked_sub(self.first) else { return 0..0 };
        let part = usize::try_from(distance >> self.shift).unwrap_or(usize::MAX);
        match self.starts.get(part..).unwrap_or_default() {
            [start, end, ..] => *start as usize..*end as usize,
            _ => 0..0,
        }
    }
}

fn narrow(position: usize) -> u32 {
    u32::try_from(position).expect("fewer than 2^32 entries fit in memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_where_the_directory_says() {
        let even: Vec<u128> = (0..1000).map(|number| number * 77).collect();
        let rows: [(&str, &[u128]); 7] = [
            ("none", &[]),
            ("one", &[7]),
            ("the two ends", &[0, u128::MAX]),
            ("side by side", &[5, 6, 7, 8, 9]),
            ("all the same", &[5, 5, 5]),
            ("one far off", &[1, 2, 3, 1 << 100]),
            ("evenly", &even),
        ];
        for (row, keys) in rows {
            let directory = Directory::of(keys, |&key| key);
            for (position, &key) in keys.iter().enumerate() {
                assert!(directory.near(key).contains(&position), "{row}: {key}");
            }
            for key in
                keys.iter().flat_map(|&key| [key.saturating_sub(1), key.saturating_add(1), 0, u128::MAX])
            {
                let found = keys[directory.near(key)].contains(&key);
                assert_eq!(found, keys.contains(&key), "{row}: {key}");
            }
        }
        assert!(
            even.iter().all(|&key| Directory::of(&even, |&key| key).near(key).len() < 4),
            "parts are small"
        );
    }
}
