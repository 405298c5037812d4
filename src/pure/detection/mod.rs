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
pub use ledger::Ledger;

use crate::pure::ticket::{DetectionEvent, DetectionId, Run, RunId};
use jiff::Timestamp;

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
}

impl Detection {
    /// One to which nothing has happened.
    pub fn new(id: DetectionId) -> Detection {
        Detection { id, planned_since: None, planned_until: None, open: Vec::new() }
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
            }
            DetectionEvent::OccurrencePassed(record) => {
                self.planned_until = self.planned_until.max(Some(record.occurrence));
            }
            DetectionEvent::OccurrencesPassed(record) => {
                record.check()?;
                self.planned_until = self.planned_until.max(Some(record.last()));
            }
        }
        Ok(())
    }
}
