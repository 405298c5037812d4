//! Which bytes of the beginning of a stream are there, in whatever order they came?
//!
//! Bounded by [`PIECES_BYTES_MAX`]; what lies beyond is dropped.

use std::ops::Range;

/// Bytes kept of the beginning of one stream: eight times the ClientHello of a browser with post-quantum
/// keys, and twice the largest request head that most web servers take.
pub(super) const PIECES_BYTES_MAX: usize = 16_384;

/// So many gaps may there be. A browser that shuffles its QUIC handshake leaves about ten.
const RANGES_MAX: usize = 64;

/// The beginning of a stream, with gaps.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Zero where nothing came yet.
    bytes: Vec<u8>,
    /// What is there: in order, without touching each other.
    ranges: Vec<Range<usize>>,
}

impl Pieces {
    /// Puts bytes into their place; whether the front grew by them. Of what came twice the first stands: that is
    /// what the receiver has taken.
    pub(super) fn add(&mut self, at: usize, bytes: &[u8]) -> bool {
        let front = self.front().len();
        self.put(at, bytes);
        self.front().len() > front
    }

    /// The front as it would be with these bytes in their place, where others stand already; empty where a gap
    /// lies before them. `None` where all that is there agrees.
    pub(super) fn otherwise(&self, at: usize, bytes: &[u8]) -> Option<Vec<u8>> {
        let end = at.saturating_add(bytes.len());
        let is_other = |range: &Range<usize>| {
            let (from, to) = (range.start.max(at), range.end.min(end));
            from < to && self.bytes.get(from..to) != bytes.get(from - at..to - at)
        };
        self.ranges.iter().any(is_other).then(|| match self.front().get(..at) {
            Some(before) => {
                let behind = self.front().get(end..).unwrap_or_default();
                [before, bytes, behind].concat()
            }
            None => Vec::new(),
        })
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        let end = at.saturating_add(bytes.len()).min(PIECES_BYTES_MAX);
        let Some(bytes) = end.checked_sub(at).and_then(|length| bytes.get(..length)) else { return };
        let touched = self.touched(&(at..end));
        if bytes.is_empty() || touched.is_empty() && self.ranges.len() >= RANGES_MAX {
            return;
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        let mut from = at;
        for known in self.ranges.get(touched.clone()).unwrap_or_default() {
            fill(&mut self.bytes, from..known.start, at, bytes);
            from = from.max(known.end);
        }
        fill(&mut self.bytes, from..end, at, bytes);
        self.join(at..end, touched);
    }

    /// Which ranges a new one touches.
    fn touched(&self, new: &Range<usize>) -> Range<usize> {
        let first = self.ranges.partition_point(|range| range.end < new.start);
        first..self.ranges.partition_point(|range| range.start <= new.end).max(first)
    }

    fn join(&mut self, new: Range<usize>, touched: Range<usize>) {
        let known = self.ranges.get(touched.clone()).unwrap_or_default();
        let start = known.first().map_or(new.start, |range| range.start.min(new.start));
        let end = known.last().map_or(new.end, |range| range.end.max(new.end));
        self.ranges.splice(touched, std::iter::once(start..end));
    }

    /// Adds all that another holds, those bytes aside that lie before `from`, where this one begins; whether the
    /// front grew by it.
    pub(super) fn add_all(&mut self, other: &Pieces, from: usize) -> bool {
        let front = self.front().len();
        for range in &other.ranges {
            let start = range.start.max(from);
            self.put(start - from, other.bytes.get(start..range.end).unwrap_or_default());
        }
        self.front().len() > front
    }

    /// Whether another has other bytes for the same place.
    pub(super) fn disagrees(&self, other: &Pieces) -> bool {
        let piece = |range: &Range<usize>| other.bytes.get(range.clone()).unwrap_or_default();
        other.ranges.iter().any(|range| self.otherwise(range.start, piece(range)).is_some())
    }

    /// The bytes from the beginning to the first gap.
    pub(super) fn front(&self) -> &[u8] {
        let end = self.ranges.first().filter(|range| range.start == 0).map_or(0, |range| range.end);
        self.bytes.get(..end).unwrap_or_default()
    }

    /// Drops so many first bytes, which are read or of no interest, whether they are there or not; the rest begins
    /// behind them.
    pub(super) fn drop_front(&mut self, count: usize) {
        self.bytes.drain(..count.min(self.bytes.len()));
        self.ranges
            .iter_mut()
            .for_each(|range| *range = range.start.saturating_sub(count)..range.end.saturating_sub(count));
        self.ranges.retain(|range| !range.is_empty());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether nothing can be added to the front any more.
    pub(super) fn is_full(&self) -> bool {
        self.front().len() >= PIECES_BYTES_MAX
    }

    /// How many bytes of memory it holds.
    pub(super) fn size(&self) -> usize {
        self.bytes.capacity() + self.ranges.capacity() * size_of::<Range<usize>>()
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ranges.clear();
    }
}

/// Puts those of the bytes, which belong at `at`, that belong into a gap.
fn fill(all: &mut [u8], gap: Range<usize>, at: usize, bytes: &[u8]) {
    let gap = gap.start..gap.end.min(at + bytes.len());
    if let Some((place, bytes)) =
        all.get_mut(gap.clone()).zip(bytes.get(gap.start - at..gap.end.saturating_sub(at)))
    {
        place.copy_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pieces_come_in_any_order_and_overlap() {
        type Row<'a> = (&'a str, &'a [(usize, &'a str)], &'a str);
        let rows: [Row<'_>; 8] = [
            ("in order", &[(0, "ab"), (2, "cd")], "abcd"),
            ("the wrong way round", &[(2, "cd"), (0, "ab")], "abcd"),
            ("a gap", &[(0, "ab"), (3, "d")], "ab"),
            ("the gap is filled", &[(0, "ab"), (3, "d"), (2, "c")], "abcd"),
            ("overlapping", &[(0, "abc"), (1, "bcd"), (3, "de")], "abcde"),
            ("inside another", &[(0, "abcd"), (1, "bc")], "abcd"),
            ("over a gap", &[(0, "a"), (3, "d"), (0, "abcdef")], "abcdef"),
            ("without a beginning", &[(1, "b")], ""),
        ];
        for (row, added, front) in rows {
            let mut pieces = Pieces::default();
            for (at, text) in added {
                let before = pieces.front().len();
                let has_grown = pieces.add(*at, text.as_bytes());
                assert_eq!(has_grown, pieces.front().len() > before, "{row}");
            }
            assert_eq!(pieces.front(), front.as_bytes(), "{row}");
        }
    }

    #[test]
    fn bytes_and_gaps_have_their_limits() {
        let mut pieces = Pieces::default();
        pieces.add(0, &[1; PIECES_BYTES_MAX - 1]);
        assert!(!pieces.is_full());
        pieces.add(PIECES_BYTES_MAX - 1, &[1, 1]);
        assert!(pieces.is_full());
        assert_eq!(pieces.bytes.len(), PIECES_BYTES_MAX);
        pieces.add(usize::MAX, &[1]);

        let mut pieces = Pieces::default();
        (0..=RANGES_MAX).for_each(|number| assert!(!pieces.add(2 * number + 2, b"x")));
        assert_eq!(pieces.ranges.len(), RANGES_MAX);
        pieces.add(0, &[1; 2 * RANGES_MAX + 1]);
        assert_eq!(pieces.front().len(), 2 * RANGES_MAX + 1, "what fills gaps is always taken");
    }

    /// Only then is a stream read again.
    #[test]
    fn it_tells_whether_the_front_grew() {
        let mut pieces = Pieces::default();
        type Row<'a> = (&'a str, (usize, &'a [u8]), bool);
        let rows: [Row<'_>; 7] = [
            ("behind a gap", (2, b"cd"), false),
            ("the beginning", (0, b"a"), true),
            ("the same again", (0, b"a"), false),
            ("what fills the gap", (1, b"b"), true),
            ("nothing", (4, b""), false),
            ("in the middle", (1, b"xyz"), false),
            ("over the end", (3, b"de"), true),
        ];
        for (row, (at, bytes), grows) in rows {
            assert_eq!(pieces.add(at, bytes), grows, "{row}");
        }
        let mut all = Pieces::default();
        assert!(all.add_all(&pieces, 2));
        assert_eq!(all.front(), &pieces.front()[2..]);
        assert!(!all.add_all(&pieces, 2));
    }

    #[test]
    fn other_bytes_at_the_same_place_are_told_and_change_nothing() {
        let mut pieces = Pieces::default();
        pieces.add(0, b"abcd");
        pieces.add(6, b"gh");
        type Row<'a> = (&'a str, (usize, &'a [u8]), Option<&'a str>);
        let rows: [Row<'_>; 8] = [
            ("the same", (1, b"bc"), None),
            ("the same and more", (2, b"cdef"), None),
            ("behind all", (8, b"x"), None),
            ("in a gap", (4, b"xy"), None),
            ("other ones", (1, b"x"), Some("axcd")),
            ("other ones and more", (3, b"xyz"), Some("abcxyz")),
            ("from the beginning", (0, b"xy"), Some("xycd")),
            ("behind a gap", (6, b"xh"), Some("")),
        ];
        for (row, (at, bytes), wanted) in rows {
            assert_eq!(pieces.otherwise(at, bytes).as_deref(), wanted.map(str::as_bytes), "{row}");
            let mut other = Pieces::default();
            other.add(at, bytes);
            assert_eq!(pieces.disagrees(&other), wanted.is_some(), "{row}");
        }
        pieces.add(0, b"xxxxefxxi");
        assert_eq!(pieces.front(), b"abcdefghi", "the first stand, and gaps are filled");
    }

    proptest! {
        #[test]
        fn any_order_gives_what_was_sent(cuts in proptest::collection::vec((0_usize..200, 1_usize..60), 1..40)) {
            let sent: Vec<u8> = (0..=255).collect();
            let mut pieces = Pieces::default();
            let mut is_there = [false; 260];
            for (at, length) in cuts {
                let end = (at + length).min(sent.len());
                pieces.add(at, &sent[at..end]);
                is_there[at..end].fill(true);
            }
            let front = is_there.iter().position(|there| !there).unwrap_or(0);
            prop_assert_eq!(pieces.front(), &sent[..front]);
            let dropped = front / 2;
            pieces.drop_front(dropped);
            prop_assert_eq!(pieces.front(), &sent[dropped..front]);
        }
    }
}
