//! How long was something true? Half-open stretches of time and sets of them.
//!
//! Coverage, presence and exposure are all sets of [`Interval`]s: they are united so that the same
//! second never counts twice, and intersected so that only seconds count that were both watched
//! and lived.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The time from `from` up to, not including, `to`. Empty when `to <= from`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    pub from: Timestamp,
    pub to: Timestamp,
}

impl Interval {
    /// The interval between two instants, in that order.
    pub fn new(from: Timestamp, to: Timestamp) -> Interval {
        Interval { from, to }
    }

    /// The interval that begins at `from` and lasts `length`; ends at the end of time when it is
    /// too long to be represented.
    pub fn lasting(from: Timestamp, length: Duration) -> Interval {
        let to = from.checked_add(length).unwrap_or(Timestamp::MAX);
        Interval { from, to }
    }

    /// Whether no instant lies in it.
    pub fn is_empty(&self) -> bool {
        self.to <= self.from
    }

    /// Whether `time` lies in it.
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }

    /// Whether it shares an instant with `other`.
    pub fn overlaps(&self, other: Interval) -> bool {
        !self.intersection(other).is_empty()
    }

    /// What both have in common; possibly empty.
    pub fn intersection(&self, other: Interval) -> Interval {
        Interval::new(self.from.max(other.from), self.to.min(other.to))
    }

    /// Its length in seconds; 0 when empty.
    pub fn seconds(&self) -> f64 {
        if self.is_empty() { 0.0 } else { self.to.duration_since(self.from).as_secs_f64() }
    }
}

/// A set of instants: intervals in order of time, none empty, no two touching.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intervals(Vec<Interval>);

impl Intervals {
    /// The union of any intervals, in any order.
    pub fn of(intervals: impl IntoIterator<Item = Interval>) -> Intervals {
        let mut sorted: Vec<Interval> = intervals.into_iter().filter(|i| !i.is_empty()).collect();
        sorted.sort_by_key(|interval| interval.from);
        let mut merged: Vec<Interval> = Vec::with_capacity(sorted.len());
        for next in sorted {
            match merged.last_mut() {
                Some(last) if next.from <= last.to => last.to = last.to.max(next.to),
                _ => merged.push(next),
            }
        }
        Intervals(merged)
    }

    /// The intervals, in order of time.
    pub fn as_slice(&self) -> &[Interval] {
        &self.0
    }

    /// Whether no instant lies in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// From its first to its last instant; `None` when it is empty.
    pub fn hull(&self) -> Option<Interval> {
        let (first, last) = (self.0.first()?, self.0.last()?);
        Some(Interval::new(first.from, last.to))
    }

    /// The instants of either set.
    pub fn union(&self, other: &Intervals) -> Intervals {
        Intervals::of(self.0.iter().chain(&other.0).copied())
    }

    /// The instants of both sets.
    pub fn intersection(&self, other: &Intervals) -> Intervals {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut common = Vec::new();
        while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
            let both = a.intersection(**b);
            if !both.is_empty() {
                common.push(both);
            }
            if a.to <= b.to {
                left.next()
            } else {
                right.next()
            };
        }
        Intervals(common)
    }

    /// The instants of this set that are not in the other.
    pub fn without(&self, other: &Intervals) -> Intervals {
        let mut kept = Vec::new();
        for interval in &self.0 {
            let mut from = interval.from;
            for hole in other.0.iter().filter(|hole| hole.overlaps(*interval)) {
                kept.push(Interval::new(from, hole.from));
                from = hole.to;
            }
            kept.push(Interval::new(from, interval.to));
        }
        Intervals::of(kept)
    }

    /// The instants of the set that lie within `limits`.
    pub fn within(&self, limits: Interval) -> Intervals {
        Intervals::of(self.0.iter().map(|interval| interval.intersection(limits)))
    }

    /// How long it lasts in all, in seconds.
    pub fn seconds(&self) -> f64 {
        // The sum of no floats is -0, which a person would read as it stands.
        self.0.iter().map(Interval::seconds).fold(0.0, |all, seconds| all + seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_at_all_is_shown_without_a_sign() {
        assert_eq!(Intervals::default().seconds().to_string(), "0");
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn set(pairs: &[(i64, i64)]) -> Intervals {
        Intervals::of(pairs.iter().map(|&(from, to)| Interval::new(at(from), at(to))))
    }

    #[test]
    fn union_joins_what_touches_and_drops_what_is_empty() {
        assert_eq!(set(&[(5, 9), (0, 5), (20, 20), (7, 8)]), set(&[(0, 9)]));
        assert_eq!(set(&[(0, 5), (6, 9)]).seconds(), 8.0);
    }

    #[test]
    fn intersection_keeps_only_common_instants() {
        let common = set(&[(0, 10), (20, 30)]).intersection(&set(&[(5, 22), (29, 40)]));
        assert_eq!(common, set(&[(5, 10), (20, 22), (29, 30)]));
        assert!(set(&[(0, 5)]).intersection(&set(&[(5, 9)])).is_empty(), "half-open ends do not meet");
    }

    #[test]
    fn what_is_taken_away_leaves_the_rest() {
        let from = set(&[(0, 10), (20, 30)]);
        for (away, left) in [
            (set(&[]), from.clone()),
            (set(&[(3, 5), (6, 7), (9, 22)]), set(&[(0, 3), (5, 6), (7, 9), (22, 30)])),
            (set(&[(0, 10)]), set(&[(20, 30)])),
            (set(&[(-5, 40)]), set(&[])),
        ] {
            assert_eq!(from.without(&away), left, "{away:?}");
        }
    }
}
