//! Of which time may a file hold packets that nobody can read? A recorder writes one file after the other, so
//! what one lacks lies between the packets of its neighbours, and before it was changed for the last time.
//!
//! Whoever reads files tells what is known of them, and asks for a window. In doubt a file may
//! hold packets of any time; an archive that was damaged long ago must not spoil every later night.

use super::candidate::CLOCKS_APART_MAX;
use super::series::place;
use crate::pure::interval::Interval;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::path::PathBuf;

/// What is known of the times of a file.
#[derive(Clone, Debug)]
pub struct Times {
    pub path: PathBuf,
    /// From the first to the last of its packets that could be read.
    pub span: Option<Interval>,
    /// When it was changed for the last time.
    pub changed: Option<Timestamp>,
}

/// A file that lacks packets, and why.
#[derive(Debug)]
pub struct Unread {
    /// Of what time it may hold, or have held, more than was read.
    pub reach: Interval,
    pub why: String,
}

/// The files that could be read, by who wrote them.
#[derive(Debug, Default)]
pub struct Recorders(HashMap<String, Files>);

/// Those of one recorder: when each begins, and what the numbers of each are and of which time it is.
#[derive(Debug, Default)]
struct Files {
    begins: Vec<Timestamp>,
    numbered: Vec<(Vec<u64>, Interval)>,
}

impl Unread {
    /// A file of these times, of which more is not known because of `why`, among those that could be read.
    pub fn of(times: &Times, why: String, others: &Recorders) -> Unread {
        let changed = times.changed.filter(|changed| times.span.is_none_or(|span| span.from <= *changed));
        // That instant included.
        let slack = CLOCKS_APART_MAX + SignedDuration::from_nanos(1);
        let closed = changed.and_then(|changed| changed.checked_add(slack).ok());
        let between = others.time_left_to(times);
        let to = between.to.min(closed.unwrap_or(Timestamp::MAX));
        // What was read of it is of its time, whatever clocks say.
        let reach = Interval::new(between.from, times.span.map_or(to, |span| to.max(span.to)));
        Unread { reach, why }
    }
}

impl Recorders {
    /// Who wrote these files; those without a packet tell nothing.
    pub fn of(files: &[Times]) -> Recorders {
        let mut recorders = Recorders::default();
        for (path, span) in files.iter().filter_map(|file| Some((&file.path, file.span?))) {
            let (series, numbers) = place(path);
            let files = recorders.0.entry(series).or_default();
            files.begins.push(span.from);
            files.numbered.push((numbers, span));
        }
        for files in recorders.0.values_mut() {
            files.begins.sort_unstable();
            files.numbered.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        recorders
    }

    /// The time that the files of the same recorder leave to this one.
    fn time_left_to(&self, times: &Times) -> Interval {
        let (series, numbers) = place(&times.path);
        let files = self.0.get(&series);
        match times.span {
            Some(span) => {
                Interval::new(span.from, files.and_then(|it| it.next(span.to)).unwrap_or(Timestamp::MAX))
            }
            None => files
                .and_then(|files| files.between(&numbers))
                .unwrap_or(Interval::new(Timestamp::MIN, Timestamp::MAX)),
        }
    }
}

impl Files {
    /// When the first of them begins that does so behind `end`.
    fn next(&self, end: Timestamp) -> Option<Timestamp> {
        self.begins.get(self.begins.partition_point(|begin| *begin < end)).copied()
    }

    /// The time between the files before and behind one of these numbers. `None` where one is missing, or the
    /// numbers do not follow the times: a ring begins anew with the first of them.
    fn between(&self, numbers: &[u64]) -> Option<Interval> {
        let before = self.numbered.partition_point(|(other, _)| other.as_slice() < numbers);
        let behind = self.numbered.partition_point(|(other, _)| other.as_slice() <= numbers);
        let (_, before) = self.numbered.get(before.checked_sub(1)?)?;
        let (_, behind) = self.numbered.get(behind)?;
        (before.to <= behind.from).then(|| Interval::new(before.to, behind.from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALWAYS: (i64, i64) = (i64::MIN, i64::MAX);

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn times(name: &str, span: Option<(i64, i64)>, changed: Option<i64>) -> Times {
        let span = span.map(|(from, to)| Interval::new(second(from), second(to)));
        Times { path: PathBuf::from(name), span, changed: changed.map(second) }
    }

    fn shown(reach: Interval) -> (i64, i64) {
        let bound = |time: Timestamp| match time {
            time if time == Timestamp::MIN => i64::MIN,
            time if time == Timestamp::MAX => i64::MAX,
            time => time.as_second(),
        };
        (bound(reach.from), bound(reach.to))
    }

    #[test]
    fn what_a_file_lacks_lies_between_its_neighbours_and_before_its_last_change() {
        let nights = [
            times("lan-9.pcap", Some((1_000, 1_100)), None),
            times("lan-10.pcap.gz", Some((2_000, 2_100)), None),
            times("lan-12.pcap", Some((4_000, 4_100)), None),
            times("wan-11.pcap", Some((3_500, 3_600)), None),
        ];
        // Its name, the packets that were read, when it was changed, of what time it may have more.
        let rows = [
            ("ended within, and the next begins", "lan-11.pcap", Some((3_000, 3_050)), None, (3_000, 4_000)),
            ("the last one", "lan-13.pcap", Some((5_000, 5_050)), None, (5_000, i64::MAX)),
            (
                "changed before the next begins",
                "lan-11.pcap",
                Some((3_000, 3_050)),
                Some(3_100),
                (3_000, 3_700),
            ),
            ("changed after", "lan-11.pcap", Some((3_000, 3_050)), Some(90_000), (3_000, 4_000)),
            ("set back", "lan-11.pcap", Some((3_000, 3_050)), Some(2_999), (3_000, 4_000)),
            ("read beyond its last change", "lan-11.pcap", Some((3_000, 3_900)), Some(3_000), (3_000, 3_900)),
            ("the name of another", "hall-11.pcap", Some((3_000, 3_050)), None, (3_000, i64::MAX)),
            ("no packet, between two", "lan-11.pcap", None, None, (2_100, 4_000)),
            ("packed, and none either", "lan-11.pcap.zst", None, Some(3_000), (2_100, 3_600)),
            ("no packet, the last one", "lan-13.pcap", None, None, ALWAYS),
            ("the same, and changed", "lan-13.pcap", None, Some(5_000), (i64::MIN, 5_600)),
            ("no packet, the first one", "lan-8.pcap", None, None, ALWAYS),
            ("no packet, and a name alone", "hall.pcap", None, None, ALWAYS),
            ("numbers too large to tell", "lan-99999999999999999999.pcap", None, None, ALWAYS),
        ];
        for (row, name, span, changed, wanted) in rows {
            let unread = Unread::of(&times(name, span, changed), row.to_owned(), &Recorders::of(&nights));
            assert_eq!(shown(unread.reach), wanted, "{row}");
        }
    }

    #[test]
    fn the_numbers_of_a_ring_that_began_anew_tell_nothing() {
        let ring = [
            times("lan.pcap0", Some((5_000, 5_900)), None),
            times("lan.pcap2", Some((3_000, 3_900)), None),
            times("lan.pcap3", Some((4_000, 4_900)), None),
        ];
        let unread = Unread::of(&times("lan.pcap1", None, Some(6_000)), String::new(), &Recorders::of(&ring));
        assert_eq!(shown(unread.reach), (i64::MIN, 6_600));
    }
}
