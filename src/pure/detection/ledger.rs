//! Which occurrences and runs of `detect` stages were there? Their events one after the other in, every
//! one of them out.

use super::{Detection, decide};
use crate::pure::ticket::{
    Context, DetectionEvent, DetectionId, Event, Lapsed, LapsedRecord, Recorded, Run, RunId, course,
};
use jiff::Timestamp;

/// Those planned at some instant or later. It grows with what is asked for.
#[derive(Clone, Debug)]
pub struct DetectRuns {
    since: Timestamp,
    /// In the order in which they went on record.
    pub runs: Vec<(DetectionId, Run)>,
}

impl DetectRuns {
    /// Nothing yet, of what was planned at `since` or later; a run by hand counts as planned when it began.
    pub fn since(since: Timestamp) -> DetectRuns {
        DetectRuns { since, runs: Vec::new() }
    }

    /// Enters an event; those of tickets change nothing.
    pub fn take(&mut self, recorded: &Recorded) {
        let Event::Detection { of, event } = &recorded.event else { return };
        match event {
            DetectionEvent::Planned | DetectionEvent::Unplanned => {}
            DetectionEvent::RunStarted(start) => {
                self.add(of, std::iter::once(Run::begun(start, recorded.at)));
            }
            DetectionEvent::RunDelayed { run } => {
                if let Some(run) = self.run_mut(*run) {
                    run.is_late = true;
                }
            }
            DetectionEvent::RunEnded(end) => {
                if let Some(run) = self.run_mut(end.run) {
                    run.ended = Some(recorded.at);
                    run.end = Some((**end).clone());
                }
            }
            DetectionEvent::OccurrencePassed(record) => self.pass(of, record.into(), recorded.at),
            DetectionEvent::OccurrencesPassed(record) => self.pass(of, record.clone(), recorded.at),
        }
    }

    /// Enters the occurrences whose fate is sealed though it is not on record yet (a break that goes on, a
    /// program that is down): their number is 0.
    pub fn add_sealed(&mut self, detection: &Detection, context: &Context<'_>) {
        let Some(course) = decide::course(detection, context) else { return };
        let begin = self.runs.len();
        for record in course::sealed(&course, &decide::look(detection, context)) {
            self.pass(&detection.id, record, context.now);
        }
        for (_, run) in &mut self.runs[begin..] {
            (run.id, run.ended) = (RunId(0), None);
        }
    }

    fn pass(&mut self, of: &DetectionId, record: LapsedRecord, at: Timestamp) {
        self.add(of, Lapsed { record, at }.runs());
    }

    fn run_mut(&mut self, id: RunId) -> Option<&mut Run> {
        self.runs.iter_mut().rev().map(|(_, run)| run).find(|run| run.id == id)
    }

    fn add(&mut self, of: &DetectionId, runs: impl Iterator<Item = Run>) {
        let wanted = runs.filter(|run| run.planned() >= self.since);
        self.runs.extend(wanted.map(|run| (of.clone(), run)));
    }
}
