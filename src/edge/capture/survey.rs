//! What is known of the recorded files that a pattern names, before one is read? Each once, when it was changed
//! and, for a window, of what time its first packet is.
//!
//! Which of them the window needs, `pure/recording` decides. Nothing may block here.

use super::files::{first_time, is_stdin};
use super::glob::{self, Listing};
use crate::pure::interval::Interval;
use crate::pure::recording::{self, Candidate, is_called_capture};
use jiff::Timestamp;
use std::collections::HashSet;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What a pattern names.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) files: Vec<Candidate>,
    /// What is left out and why, in sentences.
    pub(super) notes: Vec<String>,
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
        survey.files = recording::wanted(survey.files, window, now);
        Ok(survey)
    }
}

fn changed(metadata: &Metadata) -> Option<Timestamp> {
    Timestamp::try_from(metadata.modified().ok()?).ok()
}
