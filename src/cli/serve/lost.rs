//! Which runs have lost the process that watched for them? They are ended, so that a ticket does not wait
//! for them for ever.

use super::told::whose;
use super::{Server, is_planned};
use crate::edge::capture::vault;
use crate::edge::clock::{self, Deadline};
use crate::engine::EngineError;
use crate::pure::number::count;
use crate::pure::plan;
use crate::pure::ticket::{ALLCLEAR, Input, Run, RunId, TicketId};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long after its window a run by hand may still be reading.
const HAND_RUN_GRACE: Duration = Duration::from_secs(600);

/// How often runs by hand are looked for whose command is gone.
pub(super) const HAND_RUN_LOOK: Duration = Duration::from_secs(60);

/// Whether a run by hand should have ended long ago: the command that carried it out is gone. What it
/// reads may be old, so its window alone does not tell.
fn is_overdue(run: &Run, now: Timestamp) -> bool {
    let end = run.begun.max(run.window_end);
    now > end.checked_add(HAND_RUN_GRACE).unwrap_or(end)
}

impl Server<'_> {
    /// Where the files lie of planned runs whose end is not on record. One that can be carried out again
    /// may find less than a killed process had kept.
    pub(super) fn unrecorded_files(&self) -> BTreeSet<String> {
        let open = self.desk.engine.open_runs().filter(|(_, _, run)| is_planned(run));
        open.map(|(ticket, _, run)| format!("{}-", plan::evidence_stem(ticket, run.id))).collect()
    }

    /// Ends the runs of a process that is gone. A window of recorded files can still be read; what an
    /// interface showed is lost.
    pub(super) fn abandon(&mut self, is_meant: fn(&Run) -> bool) -> Result<(), EngineError> {
        let mut lost: BTreeMap<TicketId, Vec<(RunId, Vec<String>)>> = BTreeMap::new();
        for (ticket, site, run) in self.desk.engine.open_runs() {
            if is_meant(run) && self.is_lost(site, run) {
                let stem = format!("{}-", plan::evidence_stem(ticket, run.id));
                lost.entry(ticket).or_default().push((run.id, vault::set_aside_of(self.desk.state(), &stem)));
            }
        }
        let abandoned: Vec<(TicketId, Input)> = lost
            .into_iter()
            .inspect(|(id, runs)| {
                let runs = count(runs.len() as u64, "run");
                tracing::warn!("{}: {runs} interrupted, since the process that watched is gone", whose(*id));
            })
            .map(|(id, runs)| (id, Input::Abandoned(runs)))
            .collect();
        self.step_lost(&abandoned)
    }

    /// All together; where one ticket cannot take it (its playbook is gone), the others do not suffer for it.
    fn step_lost(&mut self, lost: &[(TicketId, Input)]) -> Result<(), EngineError> {
        if lost.is_empty() {
            return Ok(());
        }
        let inputs = lost.iter().map(|(id, input)| (*id, input));
        match self.desk.engine.step_all(clock::now(), ALLCLEAR, inputs) {
            Err(error) if !matches!(error, EngineError::Store(_)) && lost.len() > 1 => {
                lost.chunks(1).try_for_each(|one| self.step_lost(one))
            }
            Err(error) if !matches!(error, EngineError::Store(_)) => {
                self.tell(&error);
                Ok(())
            }
            stepped => stepped.map(drop),
        }
    }

    fn is_lost(&self, site: &str, run: &Run) -> bool {
        if is_planned(run) { self.is_live(site) } else { is_overdue(run, clock::now()) }
    }

    /// Whether what the site's source shows is gone once it is over.
    pub(super) fn is_live(&self, site: &str) -> bool {
        let library = self.desk.engine.library();
        library
            .site_file
            .sites
            .get(site)
            .is_none_or(|site| library.sources_of(site).any(|source| !source.kind.is_recorded()))
    }

    /// A command that was killed ends its run no more, and no ticket becomes clean while one is open.
    pub(super) fn end_hand_runs(&mut self) {
        if self.next_hand_look.left().is_zero() {
            self.next_hand_look = Deadline::after(HAND_RUN_LOOK);
            if let Err(error) = self.abandon(|run| !is_planned(run)) {
                self.tell(&error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::playbook::StageName;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_run_by_hand_is_overdue_ten_minutes_after_window_and_begin() {
        for (begun, window_end, now, expected) in [
            ("2026-11-26T10:00:00Z", "2026-11-26T11:00:00Z", "2026-11-26T11:10:00Z", false),
            ("2026-11-26T10:00:00Z", "2026-11-26T11:00:00Z", "2026-11-26T11:10:01Z", true),
            // Recorded files of last year: they are being read now.
            ("2026-11-26T10:00:00Z", "2025-11-26T11:00:00Z", "2026-11-26T10:10:00Z", false),
            ("2026-11-26T10:00:00Z", "2025-11-26T11:00:00Z", "2026-11-26T10:10:01Z", true),
        ] {
            let run = Run {
                id: RunId(1),
                stage: StageName::Verify,
                occurrence: None,
                begun: at(begun),
                started: at(begun),
                window_end: at(window_end),
                is_late: false,
                ended: None,
                end: None,
            };
            assert_eq!(is_overdue(&run, at(now)), expected, "{begun} {window_end} {now}");
        }
    }
}
