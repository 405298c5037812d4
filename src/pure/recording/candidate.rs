//! Which of a thousand recorded files can hold packets of a window? Told by when a file was changed and by its
//! first packet, so that the others are not read.
//!
//! Whoever looks at files tells what is known of them. One is left out only where that is certain as long as
//! clocks agree; in doubt it is read. Left out, it covers nothing.

use super::SEAM_SECONDS_MAX;
use super::called::unpacked;
use crate::pure::interval::Interval;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;
use std::path::PathBuf;

/// A file that was changed for the last time so long before the window holds nothing of it: whoever records
/// may have another clock than who keeps the files.
pub const CLOCKS_APART_MAX: SignedDuration = SignedDuration::from_mins(10);

/// A file that was changed within so short a time may be in the hands of the program that writes it.
const YOUNG_MAX: SignedDuration = SignedDuration::from_secs(60);

/// A file that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub path: PathBuf,
    /// Whether it may end in the middle of a packet, since it is the one being written.
    pub is_growing: bool,
    /// When it was changed for the last time.
    pub changed: Option<Timestamp>,
    /// The time of its first packet; `None` where its beginning does not tell, as in text tables.
    pub first: Option<Timestamp>,
}

/// Those of all files of a source that may hold packets of a window, those that grow marked.
pub fn wanted(mut files: Vec<Candidate>, window: Interval, now: Timestamp) -> Vec<Candidate> {
    let newest = files.iter().filter_map(|file| file.first).max();
    for file in &mut files {
        let is_newest = file.first.is_none() || file.first == newest;
        file.is_growing = newest.is_some() && is_newest && file.is_young(now);
    }
    let names: HashSet<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
    let is_twin =
        |file: &Candidate| file.is_young(now) && unpacked(&file.path).is_some_and(|it| names.contains(&it));
    files.retain(|file| !file.is_outside(window) && !is_twin(file));
    files
}

impl Candidate {
    fn is_young(&self, now: Timestamp) -> bool {
        self.changed.is_some_and(|changed| now.duration_since(changed).abs() <= YOUNG_MAX)
    }

    /// Whether it surely has nothing of the window, nor a seam that reaches into it. Never where its first packet
    /// is younger than the file: then the clocks differ, or somebody set its time.
    fn is_outside(&self, window: Interval) -> bool {
        let (Some(changed), Some(first)) = (self.changed, self.first) else { return false };
        let is_after = first.duration_since(window.to) > SignedDuration::from_secs(SEAM_SECONDS_MAX);
        first <= changed && (is_after || self.is_before(window))
    }

    /// Whether it was changed for the last time long before the window.
    fn is_before(&self, window: Interval) -> bool {
        self.changed.is_some_and(|changed| window.from.duration_since(changed) > CLOCKS_APART_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn candidate(changed: Option<Timestamp>, first: Option<Timestamp>) -> Candidate {
        Candidate { path: PathBuf::new(), is_growing: false, changed, first }
    }

    #[test]
    fn a_file_is_left_out_only_where_it_surely_has_nothing_of_the_window() {
        // Its first packet, its last change, whether it is left out of the window from 10,000 to 20,000.
        let rows = [
            ("in the window", Some(10_000), Some(20_000), false),
            ("begins at the window's end, a seam away", Some(20_010), Some(30_000), false),
            ("begins later", Some(20_011), Some(30_000), true),
            ("begins later, but was changed before", Some(20_011), Some(20_000), false),
            ("closed shortly before the window", Some(1_000), Some(9_400), false),
            ("closed long before the window", Some(1_000), Some(9_399), true),
            ("long before, and then copied", Some(1_000), Some(90_000), false),
            ("set back before its first packet", Some(1_000), Some(999), false),
            ("a first packet that cannot be read", None, Some(0), false),
            ("no time of change", Some(30_000), None, false),
        ];
        let window = Interval::new(second(10_000), second(20_000));
        for (name, first, changed, is_outside) in rows {
            let (first, changed) = (first.map(second), changed.map(second));
            let file = candidate(changed, first);
            assert_eq!(file.is_outside(window), is_outside, "{name}");
        }
    }

    #[test]
    fn a_file_is_young_for_a_minute() {
        for (now, is_young) in [(1_000, true), (1_060, true), (1_061, false), (940, true), (939, false)] {
            let changed = Some(second(1_000));
            let file = candidate(changed, None);
            assert_eq!(file.is_young(second(now)), is_young, "at {now}");
        }
    }
}
