//! What is known of one run, and how does it begin?

use super::{RunEnd, RunId, RunStart};
use crate::pure::interval::Interval;
use crate::pure::playbook::StageName;
use crate::pure::verdict::EvidenceFile;
use jiff::Timestamp;

/// One run; or, out of [`Ticket::all_runs`](super::Ticket::all_runs), one occurrence that never ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub id: RunId,
    pub stage: StageName,
    /// The planned time; `None` for a run typed by hand.
    pub occurrence: Option<Timestamp>,
    /// Begin and planned end of its window.
    pub started: Timestamp,
    pub window_end: Timestamp,
    /// It began inside its window, but after its time.
    pub is_late: bool,
    /// When its beginning went on record.
    pub begun: Timestamp,
    /// When its end went on record; `None` while it runs.
    pub ended: Option<Timestamp>,
    /// How it ended; `None` while it runs.
    pub end: Option<RunEnd>,
}

impl Run {
    /// The run as it begins; `at` is when that went on record.
    pub fn begun(start: &RunStart, at: Timestamp) -> Run {
        Run {
            id: start.run,
            stage: start.stage,
            occurrence: start.occurrence,
            started: start.window_start,
            window_end: start.window_end,
            is_late: start.is_late,
            begun: at,
            ended: None,
            end: None,
        }
    }

    /// The files that it left and the log vouches for: packets and coverage ledgers. None before it has ended.
    pub fn files(&self) -> impl Iterator<Item = &EvidenceFile> {
        self.end.iter().flat_map(|end| end.evidence.iter().chain(&end.ledgers))
    }

    /// How it began, as it went on record.
    pub fn start(&self) -> RunStart {
        RunStart {
            run: self.id,
            stage: self.stage,
            occurrence: self.occurrence,
            window_start: self.started,
            window_end: self.window_end,
            is_late: self.is_late,
        }
    }

    /// Its planned time, jitter left out; when it began, for a run by hand.
    pub fn planned(&self) -> Timestamp {
        self.occurrence.unwrap_or(self.started)
    }

    /// Its planned window, which begins at the planned time and its jitter.
    pub fn window(&self) -> Interval {
        Interval::new(self.started, self.window_end)
    }
}
