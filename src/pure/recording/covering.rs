//! When did a recorder run? By the times of the packets that it wrote, one after the other.
//!
//! A file covers from its first to its last packet (design: interfaces, simulate), however quiet the network
//! was, and what lies between two files is covered where it is no more than a seam. A time that is wrong, or a recorder
//! that hung for hours, must never cover what nobody recorded.

use crate::pure::interval::{Interval, Intervals};
use crate::pure::moment::of_nanoseconds;
use jiff::SignedDuration;

const SECOND_NS: i64 = 1_000_000_000;
/// No packet for so long is no quiet network: within a file, nothing was recorded meanwhile.
const SILENCE_NS_MAX: i64 = 3600 * SECOND_NS;

/// Packets lie out of order by so much at most: a queue for each processor, several interfaces in one file.
const DISORDER_NS_MAX: i64 = 10 * SECOND_NS;

/// Pieces kept of one file: six weeks of a packet every hour. Further ones cover nothing.
const PIECES_MAX: usize = 1024;

/// The time between two files is no longer than this where one was closed to begin the next (design:
/// interfaces, simulate).
pub const SEAM_SECONDS_MAX: i64 = 10;

/// What is recorded beside a seam is so many times as long at least.
const SEAM_PART: i64 = 5;

/// The union of what the pieces of all files cover and of the seams between them, each piece with whether its file is
/// whole: a recorder that closes a file and begins the next one misses little, and the network may have been silent.
/// What follows a fault in a file is not known, so there is no seam behind it.
pub fn covered<'a>(pieces: impl Iterator<Item = (&'a Piece, bool)>) -> Intervals {
    let mut pieces: Vec<(&Piece, bool)> = pieces.collect();
    pieces.sort_by_key(|(piece, _)| piece.first_ns);
    let mut intervals: Vec<Interval> = Vec::new();
    // The one that ends last of those that end soundly.
    let mut sound: Option<&Piece> = None;
    for (piece, is_whole) in pieces {
        let seam = sound.filter(|before| is_seam(before, piece));
        intervals.extend(
            seam.map(|before| Interval::new(of_nanoseconds(before.last_ns), of_nanoseconds(piece.first_ns))),
        );
        intervals.push(span_of(piece.first_ns, piece.last_ns));
        if is_whole && sound.is_none_or(|sound| sound.last_ns < piece.last_ns) {
            sound = Some(piece);
        }
    }
    Intervals::of(intervals)
}

/// From the first to the last of packets, that one included.
pub fn span_of(first_ns: i64, last_ns: i64) -> Interval {
    Interval::new(of_nanoseconds(first_ns), of_nanoseconds(last_ns) + SignedDuration::from_nanos(1))
}

/// Whether the time between two files counts as watched: it is short beside one of them, or no longer than a
/// silence within one. Else a ring of moments would cover the hours between them.
fn is_seam(before: &Piece, after: &Piece) -> bool {
    let seam_ns = after.first_ns.saturating_sub(before.last_ns);
    let is_short_beside = |piece: &Piece| {
        let length_ns = piece.last_ns.saturating_sub(piece.first_ns);
        seam_ns <= piece.silence_ns || seam_ns <= length_ns / SEAM_PART
    };
    seam_ns <= SEAM_SECONDS_MAX * SECOND_NS && (is_short_beside(before) || is_short_beside(after))
}

/// A stretch of time with packets, none further from the next than the longest silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub first_ns: i64,
    pub last_ns: i64,
    /// The longest step to a packet outside it: a silence that this network keeps, where packets lie in order.
    pub silence_ns: i64,
}

/// What is covered so far.
#[derive(Debug, Default)]
pub struct Covering {
    /// In any order; two that have grown together stay two until the end.
    pieces: Vec<Piece>,
    /// The one that the last packet fell into.
    current: usize,
    /// The last packet that is believed.
    believed_ns: Option<i64>,
    /// The packet behind that one, while it is not known whether it is a stray.
    doubted_ns: Option<i64>,
}

impl Covering {
    /// Notes the next packet of the file.
    #[inline]
    pub fn note(&mut self, time_ns: i64) {
        if let Some(doubted_ns) = self.doubted_ns.take()
            && !self.is_in_order(time_ns)
        {
            self.believe(doubted_ns);
        }
        if self.is_in_order(time_ns) {
            self.believe(time_ns);
        } else {
            self.doubted_ns = Some(time_ns);
        }
    }

    /// Whether it goes on near the last packet that is believed: what lay far off in between was a stray.
    #[inline]
    fn is_in_order(&self, time_ns: i64) -> bool {
        let is_near =
            |believed_ns: i64| time_ns.saturating_sub(believed_ns).saturating_abs() <= DISORDER_NS_MAX;
        self.believed_ns.is_none_or(is_near)
    }

    /// The pieces in order of time, further apart than the longest silence.
    pub fn finish(mut self) -> Vec<Piece> {
        if let Some(doubted_ns) = self.doubted_ns.take() {
            self.believe(doubted_ns);
        }
        self.pieces.sort_by_key(|piece| piece.first_ns);
        let mut joined: Vec<Piece> = Vec::new();
        for piece in self.pieces {
            match joined.last_mut() {
                Some(last) if last.is_near(piece.first_ns) => last.join(piece),
                _ => joined.push(piece),
            }
        }
        joined
    }

    #[inline]
    fn believe(&mut self, time_ns: i64) {
        self.believed_ns = Some(time_ns);
        match self.pieces.get_mut(self.current) {
            Some(piece) if piece.is_near(time_ns) => piece.add(time_ns),
            _ => self.enter_other(time_ns),
        }
    }

    /// Goes on with another piece, or begins one.
    #[cold]
    fn enter_other(&mut self, time_ns: i64) {
        if let Some(place) = self.pieces.iter().position(|piece| piece.is_near(time_ns)) {
            self.current = place;
            self.pieces[place].add(time_ns);
        } else if self.pieces.len() < PIECES_MAX {
            self.current = self.pieces.len();
            self.pieces.push(Piece { first_ns: time_ns, last_ns: time_ns, silence_ns: 0 });
        }
    }
}

impl Piece {
    #[inline]
    fn is_near(&self, time_ns: i64) -> bool {
        self.first_ns.saturating_sub(time_ns) <= SILENCE_NS_MAX
            && time_ns.saturating_sub(self.last_ns) <= SILENCE_NS_MAX
    }

    #[inline]
    fn add(&mut self, time_ns: i64) {
        if time_ns > self.last_ns {
            self.silence_ns = self.silence_ns.max(time_ns - self.last_ns);
            self.last_ns = time_ns;
        } else if time_ns < self.first_ns {
            self.silence_ns = self.silence_ns.max(self.first_ns - time_ns);
            self.first_ns = time_ns;
        }
    }

    /// `later` begins in it or shortly behind it.
    fn join(&mut self, later: Piece) {
        self.add(later.first_ns);
        self.silence_ns = self.silence_ns.max(later.silence_ns);
        self.last_ns = self.last_ns.max(later.last_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What packets of these seconds cover, and the longest silence of each piece.
    fn covered(seconds: &[i64]) -> Vec<(i64, i64, i64)> {
        let mut covering = Covering::default();
        seconds.iter().for_each(|second| covering.note(second * SECOND_NS));
        let pieces = covering.finish().into_iter();
        let shown = |piece: Piece| [piece.first_ns, piece.last_ns, piece.silence_ns].map(|ns| ns / SECOND_NS);
        pieces.map(|piece| shown(piece).into()).collect()
    }

    #[test]
    fn packets_cover_what_lies_between_them_unless_it_is_too_long() {
        type Row = (&'static str, &'static [i64], &'static [(i64, i64, i64)]);
        let rows: [Row; 14] = [
            ("none", &[], &[]),
            ("one", &[7], &[(7, 7, 0)]),
            ("the longest silence", &[0, 3600, 3610], &[(0, 3610, 3600)]),
            ("a second more", &[0, 3601, 3610], &[(0, 0, 0), (3601, 3610, 9)]),
            ("out of order", &[5, 0, 9, 4], &[(0, 9, 5)]),
            ("a recorder that hung", &[0, 100, 5000, 5050], &[(0, 100, 100), (5000, 5050, 50)]),
            ("a stray far ahead", &[1000, 1001, 9000, 1002, 1003], &[(1000, 1003, 1)]),
            ("a stray shortly ahead", &[1000, 1001, 1201, 1002, 1003], &[(1000, 1003, 1)]),
            ("a stray shortly back", &[1000, 1001, 801, 1002, 1003], &[(1000, 1003, 1)]),
            ("a stray at the beginning", &[0, 5000, 5001], &[(0, 0, 0), (5000, 5001, 1)]),
            ("a stray at the end", &[1000, 1001, 9000], &[(1000, 1001, 1), (9000, 9000, 0)]),
            ("two strays together", &[1000, 9000, 9001, 1001], &[(1000, 1001, 1), (9000, 9001, 1)]),
            ("two files, one behind the other", &[1000, 1100, 900, 950, 1050], &[(900, 1100, 100)]),
            ("grown together", &[0, 4000, 8000, 5000, 6000, 1000, 2000, 3000], &[(0, 8000, 3000)]),
        ];
        for (name, seconds, wanted) in rows {
            assert_eq!(covered(seconds), wanted, "{name}");
        }
    }

    #[test]
    fn a_short_time_between_two_files_is_a_seam() {
        let piece = |from: i64, to: i64, silence: i64| Piece {
            first_ns: from * SECOND_NS,
            last_ns: to * SECOND_NS,
            silence_ns: silence * SECOND_NS,
        };
        // The two files, whether the first is whole, and how many stretches they cover together.
        let rows = [
            ("a fifth of the first", piece(0, 25, 1), piece(30, 31, 1), true, 1),
            ("a fifth of the second", piece(0, 1, 1), piece(6, 31, 1), true, 1),
            ("more than that", piece(0, 24, 1), piece(29, 30, 1), true, 2),
            ("no longer than a silence", piece(0, 5, 5), piece(10, 11, 1), true, 1),
            ("ten seconds", piece(0, 1000, 1), piece(1010, 2000, 1), true, 1),
            ("a second more", piece(0, 1000, 1), piece(1011, 2000, 1), true, 2),
            ("behind a fault", piece(0, 1000, 1), piece(1001, 2000, 1), false, 2),
        ];
        for (row, before, after, is_whole, stretches) in rows {
            let covered = super::covered([(&after, true), (&before, is_whole)].into_iter());
            assert_eq!(covered.as_slice().len(), stretches, "{row}");
        }
    }

    #[test]
    fn a_network_that_is_quiet_is_covered_and_no_file_takes_much_memory() {
        let quiet: Vec<i64> = (0..100).map(|number| number * 3599).collect();
        assert_eq!(covered(&quiet), [(0, 99 * 3599, 3599)]);
        let hostile: Vec<i64> = (0..10_000).map(|number| number * 10_000).collect();
        assert_eq!(covered(&hostile).len(), PIECES_MAX);
        let mut covering = Covering::default();
        [i64::MIN, i64::MAX, 0, i64::MIN].into_iter().for_each(|time_ns| covering.note(time_ns));
        assert!(covering.finish().iter().all(|piece| piece.first_ns == piece.last_ns));
    }
}
