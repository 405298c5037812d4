//! Where in a long sorted list may this key stand? A table of contents, by the high bits of the keys.

use std::cmp::Ordering;
use std::ops::Range;

/// A directory has at most two to this many parts: 4 MiB.
const BITS_MAX: u32 = 20;
/// Rows are dealt into at most two to this many parts at once: as many as the processor can write to by turns.
const DEALT_BITS_MAX: u32 = 11;

/// The directory of a list that is sorted by key and never changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    /// Where each part begins, and where the last one ends; empty for an empty list.
    starts: Vec<u32>,
    /// The first key of the list.
    first: u64,
    /// Shifts the distance from the first key down to the number of a part.
    shift: u32,
}

/// Shorter lists are sorted as usual.
const SORTED_IN_PARTS_MIN: usize = 4096;

/// Sorts a long list whose order is that of its keys before all: it is dealt out into parts, each of those into
/// parts again, which are short unless somebody took pains, and then those are sorted.
pub(super) fn sort<T: Copy>(
    mut rows: Vec<T>,
    key: impl Fn(&T) -> u64,
    order: impl Fn(&T, &T) -> Ordering,
) -> Vec<T> {
    if rows.len() < SORTED_IN_PARTS_MIN {
        rows.sort_unstable_by(order);
        return rows;
    }
    let mut dealt = rows.clone();
    let (mut parts, mut shorter_parts) = (Vec::new(), Vec::new());
    deal(&rows, &mut dealt, &key, &mut parts);
    for part in ranges(&parts) {
        let sorted = &mut rows[part.clone()];
        deal(&dealt[part], sorted, &key, &mut shorter_parts);
        for part in ranges(&shorter_parts).filter(|part| part.len() > 1) {
            sorted[part].sort_unstable_by(&order);
        }
    }
    rows
}

/// Copies rows by the high bits of their keys, into about as many parts as there are rows, as far as that
/// goes; `ends` becomes where each part ends.
fn deal<T: Copy>(rows: &[T], dealt: &mut [T], key: impl Fn(&T) -> u64, ends: &mut Vec<u32>) {
    ends.clear();
    let bounds = |(first, last): (u64, u64), key: u64| (first.min(key), last.max(key));
    let (first, last) = rows.iter().map(&key).fold((u64::MAX, 0), bounds);
    if first >= last {
        dealt.copy_from_slice(rows);
        return ends.push(narrow(rows.len()));
    }
    let shift = shift(rows.len(), DEALT_BITS_MAX, first, last);
    let part_of = |row: &T| ((key(row) - first) >> shift) as usize;
    ends.resize(((last - first) >> shift) as usize + 2, 0);
    rows.iter().for_each(|row| ends[part_of(row) + 1] += 1);
    (1..ends.len()).for_each(|part| ends[part] += ends[part - 1]);
    // Each is where its part begins now, and moves to where it ends.
    for row in rows {
        let end = &mut ends[part_of(row)];
        dealt[*end as usize] = *row;
        *end += 1;
    }
}

/// The parts that end there.
fn ranges(ends: &[u32]) -> impl Iterator<Item = Range<usize>> {
    let starts = std::iter::once(&0).chain(ends);
    starts.zip(ends).map(|(start, end)| *start as usize..*end as usize)
}

/// By how much the distance from the first key is shifted down, for about a part a key.
fn shift(length: usize, bits_max: u32, first: u64, last: u64) -> u32 {
    let bits = (length.ilog2() + 1).min(bits_max);
    (64 - (last - first).leading_zeros()).saturating_sub(bits)
}

impl Directory {
    /// The directory of `sorted`, with about a part for each key.
    pub(super) fn of<T>(sorted: &[T], key: impl Fn(&T) -> u64) -> Directory {
        let (Some(first), Some(last)) = (sorted.first().map(&key), sorted.last().map(&key)) else {
            return Directory::default();
        };
        let shift = shift(sorted.len(), BITS_MAX, first, last);
        let part_of = |key: u64| ((key - first) >> shift) as usize;
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

    /// The positions among which the key stands, or between which it would stand.
    pub(super) fn near(&self, key: u64) -> Range<usize> {
        let Some(distance) = key.checked_sub(self.first) else { return 0..0 };
        let part = usize::try_from(distance >> self.shift).unwrap_or(usize::MAX);
        match self.starts.get(part..).unwrap_or_default() {
            [start, end, ..] => *start as usize..*end as usize,
            _ => {
                let end = self.starts.last().copied().unwrap_or_default() as usize;
                end..end
            }
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
    fn long_lists_are_sorted_in_parts_as_short_ones_are_at_once() {
        type Make<'a> = (&'a str, fn(u64) -> u64);
        let makes: [Make<'_>; 4] = [
            ("evenly", |number| number * 0x9E37_79B1 % (1 << 32)),
            ("all the same", |_| 7),
            ("two heaps", |number| number % 2 * (u64::MAX - 9) + number % 5),
            ("backwards", |number| 100_000 - number),
        ];
        for (row, make) in makes {
            for length in [SORTED_IN_PARTS_MIN - 1, SORTED_IN_PARTS_MIN, 3 * SORTED_IN_PARTS_MIN] {
                let rows: Vec<(u64, u32)> =
                    (0..length as u32).map(|number| (make(number.into()), length as u32 - number)).collect();
                let mut wanted = rows.clone();
                wanted.sort();
                assert!(sort(rows, |row| row.0, Ord::cmp) == wanted, "{row}: {length}");
            }
        }
    }

    #[test]
    fn every_key_is_where_the_directory_says() {
        let even: Vec<u64> = (0..1000).map(|number| number * 77).collect();
        let rows: [(&str, &[u64]); 7] = [
            ("none", &[]),
            ("one", &[7]),
            ("the two ends", &[0, u64::MAX]),
            ("side by side", &[5, 6, 7, 8, 9]),
            ("all the same", &[5, 5, 5]),
            ("one far off", &[1, 2, 3, 1 << 50]),
            ("evenly", &even),
        ];
        for (row, keys) in rows {
            let directory = Directory::of(keys, |&key| key);
            for (position, &key) in keys.iter().enumerate() {
                assert!(directory.near(key).contains(&position), "{row}: {key}");
            }
            for key in
                keys.iter().flat_map(|&key| [key.saturating_sub(1), key.saturating_add(1), 0, u64::MAX])
            {
                let near = directory.near(key);
                let place = keys.partition_point(|&other| other < key);
                assert!((near.start..=near.end).contains(&place), "{row}: {key}");
            }
        }
        assert!(
            even.iter().all(|&key| Directory::of(&even, |&key| key).near(key).len() < 4),
            "parts are small"
        );
    }
}
