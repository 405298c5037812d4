//! Which moments belong together? Times in any order in, stretches without a long gap out.
//!
//! Contacts and presence are both made of them. Late and doubled frames change nothing.

use std::collections::VecDeque;

/// One stretch, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first_ns: i64,
    pub(super) last_ns: i64,
    /// Whether the inside host itself sent something in it.
    pub(super) has_out: bool,
}

/// Stretches in order of time, each further from the next than the gap.
#[derive(Clone, Debug, Default)]
pub(super) struct Spans {
    /// The newest, at hand since nearly every moment belongs to it.
    newest: Option<Span>,
    /// Those before it.
    spans: VecDeque<Span>,
    /// Stretches with something sent that were dropped because there were too many: always the oldest.
    dropped_out: u64,
}

impl Spans {
    pub(super) const EMPTY: Spans = Spans { newest: None, spans: VecDeque::new(), dropped_out: 0 };

    /// Adds a moment. One at most `gap_ns` from a stretch joins it. Of more than `spans_max` stretches
    /// the oldest is dropped and, where the host sent something, only counted.
    #[inline]
    pub(super) fn add(&mut self, time_ns: i64, is_out: bool, gap_ns: i64, spans_max: usize) {
        if let Some(last) = &mut self.newest
            && last.first_ns <= time_ns
            && time_ns <= last.last_ns.saturating_add(gap_ns)
        {
            last.last_ns = last.last_ns.max(time_ns);
            last.has_out |= is_out;
            return;
        }
        self.insert(Span { first_ns: time_ns, last_ns: time_ns, has_out: is_out }, gap_ns, spans_max);
    }

    /// Adds the stretches of `other` in which the host sent something.
    pub(super) fn absorb_sent(&mut self, other: &Spans, gap_ns: i64, spans_max: usize) {
        for span in other.iter().filter(|span| span.has_out) {
            self.insert(span, gap_ns, spans_max);
        }
        self.dropped_out += other.dropped_out;
    }

    fn insert(&mut self, mut new: Span, gap_ns: i64, spans_max: usize) {
        self.spans.extend(self.newest.take());
        let start = self.spans.partition_point(|span| span.last_ns.saturating_add(gap_ns) < new.first_ns);
        let end = self.spans.partition_point(|span| span.first_ns <= new.last_ns.saturating_add(gap_ns));
        for joined in self.spans.range(start..end.max(start)) {
            new.first_ns = new.first_ns.min(joined.first_ns);
            new.last_ns = new.last_ns.max(joined.last_ns);
            new.has_out |= joined.has_out;
        }
        if end > start {
            self.spans[start] = new;
            self.spans.drain(start + 1..end);
        } else if start > 0 || self.spans.len() < spans_max {
            self.spans.insert(start, new);
        }
        if self.spans.len() > spans_max
            && let Some(oldest) = self.spans.pop_front()
        {
            self.dropped_out += u64::from(oldest.has_out);
        }
        self.newest = self.spans.pop_back();
    }

    /// How many stretches have something that the host sent, those dropped included.
    pub(super) fn contacts(&self) -> u64 {
        self.dropped_out + self.iter().filter(|span| span.has_out).count() as u64
    }

    /// Those that are kept, in order of time.
    pub(super) fn iter(&self) -> impl Iterator<Item = Span> + '_ {
        self.spans.iter().copied().chain(self.newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(times: &[(i64, bool)], spans_max: usize) -> Spans {
        let mut spans = Spans::default();
        for &(time_ns, is_out) in times {
            spans.add(time_ns, is_out, 60, spans_max);
        }
        spans
    }

    #[test]
    fn stretches_join_at_the_gap_and_part_beyond_it() {
        type Times<'a> = &'a [(i64, bool)];
        let rows: [(&str, Times<'_>, u64); 9] = [
            ("one moment", &[(0, true)], 1),
            ("at the gap", &[(0, true), (60, true)], 1),
            ("beyond it", &[(0, true), (61, true)], 2),
            ("bridged by a later frame", &[(0, true), (100, true), (50, false)], 1),
            ("out of order, apart", &[(200, true), (0, true), (100, true)], 3),
            ("out of order, together", &[(60, true), (0, true), (30, true)], 1),
            ("only received", &[(0, false), (10, false)], 0),
            ("received, then sent", &[(0, false), (60, true), (121, false)], 1),
            ("the same moment twice", &[(5, true), (5, true)], 1),
        ];
        for (row, times, wanted) in rows {
            assert_eq!(spans(times, 100).contacts(), wanted, "{row}");
        }
    }

    #[test]
    fn beyond_the_limit_the_oldest_are_only_counted() {
        let spans = spans(&[(0, true), (100, true), (200, false), (300, true), (400, true)], 2);
        assert_eq!(spans.contacts(), 4);
        assert_eq!(spans.iter().map(|span| span.first_ns).collect::<Vec<_>>(), [300, 400]);
    }

    #[test]
    fn times_at_the_ends_of_the_world_do_not_overflow() {
        assert_eq!(spans(&[(i64::MAX, true), (i64::MIN, true), (0, true)], 10).contacts(), 3);
    }
}
