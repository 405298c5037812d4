//! Which occurrences lapsed, without ever a run, and why? A month of them in one record, and each of them again.
//!
//! Planned times repeat: they are kept as the first one and the steps from one to the next, equal steps
//! counted. It must never lose one or tell it twice.

use super::{Event, OccurrenceRecord, Run, RunEnd, RunId};
use crate::pure::interval::Interval;
use crate::pure::playbook::StageName;
use crate::pure::schedule::OCCURRENCES_MAX;
use crate::pure::verdict::{Outcome, Reason, ReasonCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// At most this many different steps follow each other in one record: more than a day of minutes, or
/// almost three years of two occurrences a school day. What has more becomes several records.
pub const STEPS_MAX: usize = 1_500;

/// Occurrences of one stage, one after the other, that never ran for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LapsedRecord {
    /// Number of the first; each has the number after that of the one before it.
    pub run: RunId,
    pub stage: StageName,
    /// Planned time of the first.
    pub occurrence: Timestamp,
    /// The steps from one planned time to the next; at most [`STEPS_MAX`].
    pub steps: Vec<Step>,
    /// From the planned time of the first to the end of its window.
    pub window_s: u64,
    /// `missed`, `skipped` or `suppressed`.
    pub outcome: Outcome,
    pub reason: Reason,
}

/// So many equal steps, one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub seconds: u64,
    pub times: u32,
}

/// The same, folded: with the instant at which it went on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lapsed {
    pub record: LapsedRecord,
    pub at: Timestamp,
}

impl LapsedRecord {
    /// How many occurrences these are; at least 1.
    pub fn count(&self) -> u64 {
        1 + self.steps.iter().map(|step| u64::from(step.times)).sum::<u64>()
    }

    /// The number of the last one.
    pub fn last_run(&self) -> RunId {
        RunId(self.run.0.saturating_add(self.count() - 1))
    }

    /// The planned time of the last one.
    pub fn last(&self) -> Timestamp {
        let seconds = |step: &Step| step.seconds.saturating_mul(u64::from(step.times));
        let whole = self.steps.iter().fold(0u64, |sum, step| sum.saturating_add(seconds(step)));
        later(self.occurrence, whole)
    }

    /// Each planned time with its number, in order; at most [`OCCURRENCES_MAX`].
    pub fn planned(&self) -> impl Iterator<Item = (RunId, Timestamp)> + '_ {
        let steps = self.steps.iter().flat_map(|step| (0..step.times).map(|_| step.seconds));
        let mut next = (self.run, self.occurrence);
        let following = steps.map(move |seconds| {
            next = (RunId(next.0.0.saturating_add(1)), later(next.1, seconds));
            next
        });
        std::iter::once((self.run, self.occurrence)).chain(following).take(OCCURRENCES_MAX)
    }

    /// It can be the record of occurrences only when it is bounded, and each is later than the one before it;
    /// else why not, in words.
    pub fn check(&self) -> Result<(), String> {
        let is_forward = self.steps.iter().all(|step| step.seconds > 0 && step.times > 0);
        if is_forward && self.steps.len() <= STEPS_MAX && self.count() <= OCCURRENCES_MAX as u64 {
            Ok(())
        } else {
            Err("occurrences that go back in time, or more than one record holds".to_owned())
        }
    }

    /// Takes `at` as its next occurrence; `false` when its steps are full.
    fn push(&mut self, last: Timestamp, at: Timestamp) -> bool {
        let seconds = u64::try_from(at.duration_since(last).as_secs()).unwrap_or(0);
        let is_full = self.steps.len() == STEPS_MAX;
        match self.steps.last_mut() {
            Some(step) if step.seconds == seconds => step.times += 1,
            _ if is_full => return false,
            _ => self.steps.push(Step { seconds, times: 1 }),
        }
        true
    }

    /// As an event; one alone in the form that it always had.
    fn into_event(self) -> Event {
        if !self.steps.is_empty() {
            return Event::OccurrencesPassed(self);
        }
        let window_end = later(self.occurrence, self.window_s);
        let LapsedRecord { run, stage, occurrence, outcome, reason, .. } = self;
        Event::OccurrencePassed(OccurrenceRecord { run, stage, occurrence, window_end, outcome, reason })
    }
}

fn later(at: Timestamp, seconds: u64) -> Timestamp {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    at.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

impl From<&OccurrenceRecord> for LapsedRecord {
    fn from(record: &OccurrenceRecord) -> LapsedRecord {
        let window = record.window_end.duration_since(record.occurrence).as_secs();
        LapsedRecord {
            run: record.run,
            stage: record.stage,
            occurrence: record.occurrence,
            steps: Vec::new(),
            window_s: u64::try_from(window).unwrap_or(0),
            outcome: record.outcome,
            reason: record.reason.clone(),
        }
    }
}

impl Lapsed {
    /// Each of them as a run that saw nothing.
    pub fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        let LapsedRecord { stage, window_s, outcome, reason, .. } = &self.record;
        self.record.planned().map(move |(id, planned)| Run {
            id,
            stage: *stage,
            occurrence: Some(planned),
            started: planned,
            window_end: later(planned, *window_s),
            is_late: false,
            begun: self.at,
            ended: Some(self.at),
            end: Some(RunEnd { reasons: vec![reason.clone()], ..RunEnd::empty(id, *outcome) }),
        })
    }
}

/// One occurrence that never runs.
pub(super) struct Unrun {
    pub stage: StageName,
    pub at: Timestamp,
    pub window: Interval,
    pub outcome: Outcome,
    pub code: ReasonCode,
    pub text: &'static str,
}

/// What happens to occurrences as they are looked at one after the other: those that never run for one
/// reason are put together.
pub(super) struct Lapsing {
    next_run: RunId,
    open: Option<Open>,
    events: Vec<Event>,
}

/// Occurrences that the next one may go on.
struct Open {
    record: LapsedRecord,
    first: Unrun,
    last: Timestamp,
}

impl Lapsing {
    /// Nothing yet; the next number is `next_run`.
    pub(super) fn from(next_run: RunId) -> Lapsing {
        Lapsing { next_run, open: None, events: Vec::new() }
    }

    /// The number of the next occurrence.
    pub(super) fn number(&mut self) -> RunId {
        let number = self.next_run;
        self.next_run = RunId(number.0 + 1);
        number
    }

    /// An occurrence that never runs.
    pub(super) fn pass(&mut self, next: Unrun) {
        let run = self.number();
        if let Some(open) = &mut self.open
            && (open.first.outcome, open.first.code) == (next.outcome, next.code)
            && open.record.push(open.last, next.at)
        {
            open.last = next.at;
            return;
        }
        self.close();
        let window = next.window.to.duration_since(next.at).as_secs();
        let record = LapsedRecord {
            run,
            stage: next.stage,
            occurrence: next.at,
            steps: Vec::new(),
            window_s: u64::try_from(window).unwrap_or(0),
            outcome: next.outcome,
            reason: Reason { code: next.code, text: next.text.to_owned() },
        };
        self.open = Some(Open { record, last: next.at, first: next });
    }

    /// Something else happened.
    pub(super) fn push(&mut self, event: Event) {
        self.close();
        self.events.push(event);
    }

    /// The first of the last occurrences, if nothing came after them.
    pub(super) fn tail(&self) -> Option<&Unrun> {
        self.open.as_ref().map(|open| &open.first)
    }

    /// Forgets the last occurrences: they are looked at again later.
    pub(super) fn drop_tail(&mut self) {
        self.open = None;
    }

    /// Everything that happened, in order.
    pub(super) fn finish(mut self) -> Vec<Event> {
        self.close();
        self.events
    }

    fn close(&mut self) {
        self.events.extend(self.open.take().map(|open| open.record.into_event()));
    }
}
