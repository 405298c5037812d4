//! How was a source listened to, and what follows from that for what was heard? Whoever listens tells it as a
//! [`Listened`]; with what the packets showed, it becomes the [`SourceFacts`] of a run or a scan.
//!
//! Left of it are the ways of listening (`edge/capture`) and `sighting`, right of it `judge`. It must never take
//! what was held back for what was not there.

use super::{BlamedHost, Control, Ending, SourceFacts};
use crate::pure::interval::Intervals;
use crate::pure::lost::Lost;
use crate::pure::sighting::{Coverage, FilterPlace, Left, OffStamps, Presence};
use jiff::Timestamp;

/// What listening to a source came to, but for its packets.
#[derive(Clone, Debug, PartialEq)]
pub struct Listened {
    /// When it was really watched; not clipped to the window.
    pub watched: Intervals,
    pub ending: Ending,
    pub lost: Lost,
    /// Files that could not be read to their end.
    pub incomplete_files: Vec<String>,
    /// What the source could not do as it was asked, in sentences.
    pub notes: Vec<String>,
    /// Whether the kernel held frames back for some of the time.
    pub is_filtered: bool,
    pub rows: RowsHeard,
    /// Whether there were packets without a time, which came with that of the packet before, or with 1970-01-01.
    pub has_timeless: bool,
    /// Packets whose stamps could not be true; they were handed out with the time at which they came.
    pub off_stamps: Option<OffStamps>,
}

/// How many of the packets were rows of text tables, which show no bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowsHeard {
    pub rows: u64,
    /// Of those, rows of TCP or UDP that may hide a name.
    pub nameless: u64,
}

impl Listened {
    /// Nothing was watched, because of `ending`.
    pub fn nothing(ending: Ending) -> Listened {
        Listened {
            watched: Intervals::default(),
            ending,
            lost: Lost::UNKNOWN,
            incomplete_files: Vec::new(),
            notes: Vec::new(),
            is_filtered: false,
            rows: RowsHeard::default(),
            has_timeless: false,
            off_stamps: None,
        }
    }

    /// Notes beside what was heard how it was.
    fn note(self, coverage: &mut Coverage, asked: &Asked<'_>) {
        let Listened {
            watched: _,
            ending: _,
            lost,
            incomplete_files,
            notes,
            is_filtered,
            rows,
            has_timeless,
            off_stamps,
        } = self;
        coverage.note_lost(lost);
        coverage.incomplete_files = incomplete_files;
        coverage.notes.extend(notes);
        coverage.filter = asked.has_filter.then(|| FilterPlace::of(is_filtered));
        coverage.off_stamps = off_stamps;
        if is_filtered {
            // What was held back may have gone the other way.
            coverage.one_way = None;
        }
        if has_timeless {
            forget_unknown_times(coverage);
        }
        coverage.note_rows(rows.rows, if asked.has_domains { rows.nameless } else { 0 });
    }
}

/// What was asked of a source, as far as its facts depend on it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    pub has_filter: bool,
    /// Whether names are looked for.
    pub has_domains: bool,
    /// Hosts that are let through whatever the filter is.
    pub blamed: &'a [BlamedHost],
}

impl SourceFacts {
    /// What the source of this name showed: `left` by its packets, and how it was listened to. It has no control, no
    /// probe and no file yet.
    pub fn of(name: &str, left: Left, listened: Listened, asked: &Asked<'_>) -> SourceFacts {
        let Left { mut observation, mut presences, ledger, has_routed_ipv6: _ } = left;
        let (watched, ending) = (listened.watched.clone(), listened.ending.clone());
        if listened.is_filtered {
            presences.iter_mut().for_each(|presence| widen(presence, asked.blamed, &watched));
        }
        listened.note(&mut observation.coverage, asked);
        SourceFacts {
            name: name.to_owned(),
            watched,
            ending,
            observation,
            control: Control::NotAsked,
            probe: None,
            presences,
            ledger,
            ledger_file: None,
            evidence: None,
            evidence_gaps: Vec::new(),
        }
    }
}

/// Where the kernel held frames back, only blamed hosts were heard whatever they sent. Of others it is
/// not known when they were there: they are taken to have been there all the time, so that the time
/// between two of their contacts is never taken for shorter than it was.
fn widen(presence: &mut Presence, blamed: &[BlamedHost], watched: &Intervals) {
    let is_same = |known: &BlamedHost| {
        known.host == presence.host || (known.mac.is_some() && known.mac == presence.mac)
    };
    if !blamed.iter().any(is_same) {
        presence.present = presence.present.union(watched);
    }
}

/// A time that is not known is not that of 1970.
fn forget_unknown_times(coverage: &mut Coverage) {
    for time in [&mut coverage.first, &mut coverage.last] {
        time.take_if(|time| *time == Timestamp::UNIX_EPOCH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::interval::Interval;
    use crate::pure::packet::Mac;
    use crate::pure::sighting::OneWay;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn span(from: i64, to: i64) -> Intervals {
        Intervals::of([Interval::new(at(from), at(to))])
    }

    /// An hour of packets since 1970, of three hosts that were there for the first ten minutes.
    fn left() -> Left {
        let mut left = Left::default();
        let coverage = &mut left.observation.coverage;
        (coverage.first, coverage.last) = (Some(at(0)), Some(at(3_600)));
        (coverage.heard_bytes, coverage.one_way) = (Some(9_000), Some(OneWay::Outbound));
        let present = |last: u8, mac: Option<Mac>| Presence {
            host: [10, 0, 0, last].into(),
            mac,
            present: span(0, 600),
        };
        left.presences = vec![present(1, None), present(2, Some(Mac([2; 6]))), present(3, None)];
        left
    }

    fn facts(change: impl Fn(&mut Listened), asked: &Asked<'_>) -> SourceFacts {
        let mut listened = Listened { watched: span(0, 3_600), ..Listened::nothing(Ending::TimeUp) };
        change(&mut listened);
        SourceFacts::of("lan", left(), listened, asked)
    }

    #[test]
    fn what_the_kernel_held_back_is_not_taken_for_absent() {
        let by_mac = BlamedHost { host: [10, 0, 0, 99].into(), mac: Some(Mac([2; 6])) };
        let blamed = [BlamedHost { host: [10, 0, 0, 1].into(), mac: None }, by_mac];
        let asked = Asked { has_filter: true, blamed: &blamed, ..Asked::default() };
        let rows = [
            ("filtered here", false, Some(FilterPlace::User), Some(OneWay::Outbound), [600.0; 3]),
            ("filtered by the kernel", true, Some(FilterPlace::Kernel), None, [600.0, 600.0, 3_600.0]),
        ];
        for (row, is_filtered, filter, one_way, present_seconds) in rows {
            let SourceFacts { observation, presences, .. } =
                facts(|listened| listened.is_filtered = is_filtered, &asked);
            let coverage = &observation.coverage;
            assert_eq!((coverage.filter, coverage.one_way), (filter, one_way), "{row}");
            let seconds: Vec<f64> = presences.iter().map(|presence| presence.present.seconds()).collect();
            assert_eq!(seconds, present_seconds, "{row}");
        }
        assert_eq!(facts(|_| (), &Asked::default()).observation.coverage.filter, None, "no filter at all");
    }

    #[test]
    fn rows_have_no_bytes_and_hide_names_only_where_names_are_looked_for() {
        for (has_domains, nameless_packets) in [(false, 0), (true, 3)] {
            let rows = |listened: &mut Listened| listened.rows = RowsHeard { rows: 5, nameless: 3 };
            let asked = Asked { has_domains, ..Asked::default() };
            let coverage = facts(rows, &asked).observation.coverage;
            assert_eq!(coverage.heard_bytes, None, "{has_domains}");
            let hidden = (coverage.nameless_packets, coverage.truncated_packets);
            assert_eq!(hidden, (nameless_packets, nameless_packets), "{has_domains}");
        }
        assert_eq!(facts(|_| (), &Asked::default()).observation.coverage.heard_bytes, Some(9_000));
    }

    #[test]
    fn a_time_that_is_not_known_is_not_told() {
        for (has_timeless, first) in [(false, Some(at(0))), (true, None)] {
            let timeless = |listened: &mut Listened| listened.has_timeless = has_timeless;
            let coverage = facts(timeless, &Asked::default()).observation.coverage;
            assert_eq!((coverage.first, coverage.last), (first, Some(at(3_600))), "{has_timeless}");
        }
    }
}
