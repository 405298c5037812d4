//! How did a host call before it was cleaned? Its contacts and the time watched in, what a caller can be
//! judged by out.
//!
//! Left of it is `ticket::exposure`, which reads the runs on record; right of it `learn`. It must never
//! take time that nobody watched for time without a contact.

use std::collections::BTreeMap;

/// A gap of which at least this share was watched is known whole.
const WHOLE_MIN: f64 = 0.95;

/// A gap of which more than this share was watched may have hidden a contact or two: of a timer it still
/// tells the interval, of an irregular caller only the rate.
const MOSTLY_MIN: f64 = 0.5;

/// Tails of gaps are counted by length, in classes of a tenth: at most some 220 of them from a second to
/// 1e9 s, however many runs there were.
const CLASS: f64 = 1.1;

/// What was seen of a host's calling between its first and its last contact. Each gap is in one of `whole`,
/// `mostly` and `seldom`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Gaps between contacts, seen whole or not.
    pub gaps: u64,
    /// Watched seconds between the first and the last contact.
    pub exposed_s: f64,
    /// Gaps watched throughout.
    pub whole: Lengths,
    /// Gaps with holes, of which the greater part was watched.
    pub mostly: Lengths,
    /// Gaps that span longer unwatched times: only their number and exposure count.
    pub seldom: Rate,
    /// The part of `seldom` from the contact to the end of the watching: the gap was longer than this.
    pub tails: Pieces,
}

/// How many gaps there were in so much exposure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    pub count: f64,
    pub exposed_s: f64,
}

impl Rate {
    fn add(&mut self, exposed_s: f64) {
        self.count += 1.0;
        self.exposed_s += exposed_s;
    }
}

/// Gaps at their full length: mean and spread of their logarithms, and how much of them was watched.
#[derive(Clone, Debug, PartialEq)]
pub struct Lengths {
    pub rate: Rate,
    pub ln_mean: f64,
    /// Sum of the squared distances from the mean.
    pub ln_squares: f64,
    pub ln_least: f64,
}

impl Default for Lengths {
    fn default() -> Lengths {
        Lengths { rate: Rate::default(), ln_mean: 0.0, ln_squares: 0.0, ln_least: f64::INFINITY }
    }
}

impl Lengths {
    fn add(&mut self, length_s: f64, exposed_s: f64) {
        let ln_length = length_s.max(1.0).ln();
        let distance = ln_length - self.ln_mean;
        self.rate.add(exposed_s);
        self.ln_mean += distance / self.rate.count;
        self.ln_squares += distance * (ln_length - self.ln_mean);
        self.ln_least = self.ln_least.min(ln_length);
    }
}

/// Lengths, counted in classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pieces(BTreeMap<i32, (f64, f64)>);

impl Pieces {
    fn add(&mut self, length_s: f64) {
        if length_s > 0.0 {
            let class = (length_s.ln() / CLASS.ln()).floor() as i32;
            let (count, sum_s) = self.0.entry(class).or_default();
            *count += 1.0;
            *sum_s += length_s;
        }
    }

    /// Each class: how many, and how long in the mean, in seconds.
    pub fn classes(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.0.values().map(|(count, sum_s)| (*count, sum_s / count))
    }
}

impl Past {
    /// Out of the instants of contacts and the stretches watched, both in seconds from any origin and in
    /// order of time; stretches do not overlap.
    pub fn of(contacts_s: &[f64], watched_s: &[(f64, f64)]) -> Past {
        let mut past = Past::default();
        let mut rest = watched_s;
        for gap in contacts_s.windows(2) {
            let passed = rest.iter().take_while(|(_, to)| *to <= gap[0]).count();
            rest = &rest[passed..];
            past.add(gap[0], gap[1], rest);
        }
        past
    }

    /// One gap, of which the stretches of `watched` were watched that lie in it.
    fn add(&mut self, from_s: f64, to_s: f64, watched: &[(f64, f64)]) {
        let inside = watched.iter().take_while(|(from, _)| *from < to_s);
        let lengths = inside.map(|(from, to)| (to.min(to_s) - from.max(from_s)).max(0.0));
        let (exposed_s, length_s) = (lengths.sum::<f64>(), to_s - from_s);
        self.gaps += 1;
        self.exposed_s += exposed_s;
        if exposed_s >= WHOLE_MIN * length_s {
            self.whole.add(length_s, exposed_s);
        } else if exposed_s > MOSTLY_MIN * length_s {
            self.mostly.add(length_s, exposed_s);
        } else {
            let first = watched.first().filter(|(from, _)| *from <= from_s);
            let tail_s = first.map_or(0.0, |(_, to)| to - from_s);
            self.tails.add(tail_s);
            self.seldom.add(exposed_s - tail_s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(pieces: &Pieces) -> Vec<(f64, f64)> {
        pieces.classes().collect()
    }

    #[test]
    fn a_gap_counts_by_the_share_of_it_that_was_watched() {
        for (row, watched, counts, exposed_s) in [
            ("throughout", vec![(0.0, 100.0)], (1.0, 0.0, 0.0), 100.0),
            ("95 of 100", vec![(-5.0, 40.0), (45.0, 200.0)], (1.0, 0.0, 0.0), 95.0),
            ("94 of 100", vec![(-5.0, 40.0), (46.0, 200.0)], (0.0, 1.0, 0.0), 94.0),
            ("51 of 100", vec![(-5.0, 20.0), (69.0, 200.0)], (0.0, 1.0, 0.0), 51.0),
            ("50 of 100", vec![(-5.0, 20.0), (70.0, 200.0)], (0.0, 0.0, 1.0), 50.0),
            ("never", vec![], (0.0, 0.0, 1.0), 0.0),
        ] {
            let past = Past::of(&[0.0, 100.0], &watched);
            let found = (past.whole.rate.count, past.mostly.rate.count, past.seldom.count);
            assert_eq!((past.gaps, found, past.exposed_s), (1, counts, exposed_s), "{row}");
        }
    }

    #[test]
    fn of_a_gap_that_spans_unwatched_time_only_what_was_seen_counts() {
        let past = Past::of(&[10.0, 300.0], &[(0.0, 20.0), (100.0, 130.0), (200.0, 240.0), (290.0, 310.0)]);
        assert_eq!(lengths(&past.tails), [(1.0, 10.0)]);
        assert_eq!(past.seldom, Rate { count: 1.0, exposed_s: 80.0 });
        assert_eq!((past.gaps, past.exposed_s), (1, 90.0));
    }

    #[test]
    fn memory_is_bounded_by_lengths_and_not_by_contacts() {
        let contacts: Vec<f64> = (0..262_144).map(|index| f64::from(index) * 1000.0).collect();
        let watched: Vec<(f64, f64)> =
            contacts.iter().map(|at| (at - 10.0 - at % 97.0, at + 20.0 + at % 89.0)).collect();
        let past = Past::of(&contacts, &watched);
        assert_eq!(past.gaps, 262_143);
        assert!(past.tails.classes().count() < 40);
    }
}
