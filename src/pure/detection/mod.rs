//! What becomes of the `detect` stage of a playbook at a site? It needs no ticket: its contacts open
//! one, or join those that are there.
//!
//! Left of it is `ticket`, whose courses, judges and events it uses; right of it `plan`. Its runs stand
//! in the log under no ticket's number, and only those that have not ended are kept in memory. It must
//! never let a contact go by without a ticket that knows of it.

mod decide;
mod join;
mod ledger;

pub use decide::{Caught, captured, due, fall_due, next_due, settle, start};
pub use join::{Delivery, TICKETS_MAX, deliver};
pub use ledger::DetectRuns;

use crate::pure::ticket::{DetectionEvent, DetectionId, LapsedRecord, Run, RunEnd, RunId};
use crate::pure::verdict::{Outcome, Reason, Verdict};
use jiff::Timestamp;
use std::collections::VecDeque;

/// Of what proved nothing, so much is remembered for the next digest, the newest.
const UNVERIFIED_MAX: usize = 32;

/// Where a `detect` stage stands, folded from its events.
#[derive(Clone, Debug, PartialEq)]
pub struct Detection {
    pub id: DetectionId,
    /// Since when its occurrences are planned; `None` while they are not.
    pub planned_since: Option<Timestamp>,
    /// The last occurrence on record, by its planned time.
    pub planned_until: Option<Timestamp>,
    /// Runs that have not ended.
    pub open: Vec<Run>,
    /// What proved nothing lately, the newest last.
    pub unverified: VecDeque<Unverified>,
}

/// Runs or planned times that proved nothing, for one reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Unverified {
    /// When it was put on record.
    pub at: Timestamp,
    /// `ran` where the run was inconclusive.
    pub outcome: Outcome,
    pub reason: Reason,
    pub runs: u64,
}

impl Detection {
    /// One to which nothing has happened.
    pub fn new(id: DetectionId) -> Detection {
        let (open, unverified) = (Vec::new(), VecDeque::new());
        Detection { id, planned_since: None, planned_until: None, open, unverified }
    }

    /// The open run of that number.
    pub fn run(&self, id: RunId) -> Option<&Run> {
        self.open.iter().find(|run| run.id == id)
    }

    /// Folds in what happened to it at `at`.
    ///
    /// # Errors
    ///
    /// It cannot have happened: why, in words.
    pub fn apply(&mut self, at: Timestamp, event: &DetectionEvent) -> Result<(), String> {
        match event {
            DetectionEvent::Planned => self.planned_since = Some(at),
            DetectionEvent::Unplanned => self.planned_since = None,
            DetectionEvent::RunStarted(start) => {
                self.planned_until = self.planned_until.max(start.occurrence);
                self.open.push(Run::begun(start, at));
            }
            DetectionEvent::RunDelayed { run } => {
                let delayed = self.open.iter_mut().find(|known| known.id == *run);
                delayed.ok_or_else(|| format!("there is no open run {run}"))?.is_late = true;
            }
            DetectionEvent::RunEnded(end) => {
                let index = self.open.iter().position(|run| run.id == end.run);
                let index = index.ok_or_else(|| format!("there is no open run {}", end.run))?;
                self.open.remove(index);
                self.note_end(at, end);
            }
            DetectionEvent::OccurrencePassed(record) => {
                self.planned_until = self.planned_until.max(Some(record.occurrence));
                self.note_passed(at, &record.into());
            }
            DetectionEvent::OccurrencesPassed(record) => {
                record.check()?;
                self.planned_until = self.planned_until.max(Some(record.last()));
                self.note_passed(at, record);
            }
        }
        Ok(())
    }

    fn note_end(&mut self, at: Timestamp, end: &RunEnd) {
        let has_proved = matches!(end.verdict, Some(Verdict::Pass | Verdict::Fail));
        for reason in end.reasons.iter().filter(|_| !has_proved) {
            self.note(Unverified { at, outcome: end.outcome, reason: reason.clone(), runs: 1 });
        }
    }

    /// Nobody expected anything of what a school break left out.
    fn note_passed(&mut self, at: Timestamp, record: &LapsedRecord) {
        if record.outcome != Outcome::Suppressed {
            let (outcome, reason) = (record.outcome, record.reason.clone());
            self.note(Unverified { at, outcome, reason, runs: record.count() });
        }
    }

    fn note(&mut self, unverified: Unverified) {
        if self.unverified.len() == UNVERIFIED_MAX {
            self.unverified.pop_front();
        }
        self.unverified.push_back(unverified);
    }
}
