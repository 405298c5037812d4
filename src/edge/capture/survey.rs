//! Which of a thousand recorded files can hold packets of a window? Told by when a file was changed and by its
//! first packet, so that the others are not read.
//!
//! A file is left out only where that is certain as long as clocks agree; in doubt it is read. Left out, it
//! covers nothing.

use super::called::is_called_capture;
use super::files::{PACKED_ENDINGS, first_time, is_stdin};
use super::glob::{self, Listing};
use crate::pure::interval::Interval;
use crate::pure::recording::SEAM_SECONDS_MAX;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file that was changed for the last time so long before the window holds nothing of it: whoever records
/// may have another clock than who keeps the files.
pub(super) const CLOCKS_APART_MAX: SignedDuration = SignedDuration::from_mins(10);

/// A file that was changed within so short a time may be in the hands of the program that writes it.
const YOUNG_MAX: SignedDuration = SignedDuration::from_secs(60);

/// What a pattern names.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) files: Vec<Candidate>,
    /// What is left out and why, in sentences.
    pub(super) notes: Vec<String>,
}

/// A file that was looked at.
pub(super) struct Candidate {
    pub(super) path: PathBuf,
    /// Whether it may end in the middle of a packet, since it is the one being written.
    pub(super) is_growing: bool,
    /// When it was changed for the last time.
    pub(super) changed: Option<Timestamp>,
    /// `None` where its beginning does not tell, as in text tables.
    first: Option<Timestamp>,
}

impl Survey {
    /// All files of a pattern, each once, however many names it has. Nothing is opened, so that nothing blocks.
    ///
    /// # Errors
    /// When the pattern cannot be followed.
    pub(super) fn whole(pattern: &str) -> Result<Survey, String> {
        let (mut survey, mut known) = (Survey::default(), HashSet::new());
        let Listing { files, directories } = glob::list(pattern)?;
        let called = directories.iter().filter(|directory| is_called_capture(directory));
        survey.notes.extend(called.map(|directory| {
            format!("the directory {} is not looked into: name the files in it too", directory.display())
        }));
        for path in files {
            let metadata = path.metadata();
            match &metadata {
                Ok(metadata) if !metadata.is_file() && !is_stdin(&path) => {
                    survey.notes.push(format!("{} is no regular file and left out", path.display()));
                    continue;
                }
                Ok(metadata) if !known.insert((metadata.dev(), metadata.ino())) => continue,
                // A ring lost its oldest file between two looks: as if it had not been listed.
                Err(_) if path != Path::new(pattern) && path.symlink_metadata().is_err() => continue,
                // Whoever reads it tells why that does not go.
                Ok(_) | Err(_) => {}
            }
            let changed = metadata.ok().and_then(|metadata| changed(&metadata));
            survey.files.push(Candidate { path, is_growing: false, changed, first: None });
        }
        Ok(survey)
    }

    /// The files that may hold packets of a window; of the others no more than the beginning was read.
    ///
    /// # Errors
    /// When the pattern cannot be followed.
    pub(super) fn of(pattern: &str, window: Interval, now: Timestamp) -> Result<Survey, String> {
        let mut survey = Survey::whole(pattern)?;
        survey.files.iter_mut().for_each(|file| file.first = first_time(&file.path));
        let newest = survey.files.iter().filter_map(|file| file.first).max();
        for file in &mut survey.files {
            let is_newest = file.first.is_none() || file.first == newest;
            file.is_growing = newest.is_some() && is_newest && file.is_young(now);
        }
        let names: HashSet<PathBuf> = survey.files.iter().map(|file| file.path.clone()).collect();
        let is_twin = |file: &Candidate| {
            file.is_young(now) && unpacked(&file.path).is_some_and(|it| names.contains(&it))
        };
        survey.files.retain(|file| !file.is_outside(window) && !is_twin(file));
        Ok(survey)
    }
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

/// What a packed file was, by its name: while it is being packed, both are there.
pub(super) fn unpacked(path: &Path) -> Option<PathBuf> {
    let ending = path.extension()?.to_str()?;
    PACKED_ENDINGS.contains(&ending).then(|| path.with_extension(""))
}

fn changed(metadata: &Metadata) -> Option<Timestamp> {
    Timestamp::try_from(metadata.modified().ok()?).ok()
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
