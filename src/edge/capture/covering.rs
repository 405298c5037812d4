//! When did a recorder run? By the times of the packets that it wrote, one after the other.
//!
//! A file covers from its first to its last packet (design: interfaces, simulate), however quiet the network
//! was. A time that is wrong, or a recorder that hung for hours, must never cover what nobody recorded.

const SECOND_NS: i64 = 1_000_000_000;
/// No packet for so long is no quiet network: within a file, nothing was recorded meanwhile.
const SILENCE_NS_MAX: i64 = 3600 * SECOND_NS;

/// Packets lie out of order by so much at most: a queue for each processor, several interfaces in one file.
const DISORDER_NS_MAX: i64 = 10 * SECOND_NS;

/// Pieces kept of one file: six weeks of a packet every hour. Further ones cover nothing.
const PIECES_MAX: usize = 1024;

/// A stretch of time with packets, none further from the next than the longest silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) first_ns: i64,
    pub(super) last_ns: i64,
    /// The longest step to a packet outside it: a silence that this network keeps, where packets lie in order.
    pub(super) silence_ns: i64,
}

/// What is covered so far.
#[derive(Debug, Default)]
pub(super) struct Covering {
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
    pub(super) fn note(&mut self, time_ns: i64) {
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
    pub(super) fn finish(mut self) -> Vec<Piece> {
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
