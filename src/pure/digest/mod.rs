//! When is a digest due, and what does it tell? Where all open tickets stand, on a schedule: one for those
//! whom the site file names, and one a coordinator.
//!
//! Left of it are `ticket` and `report`, whose words it uses; right of it the engine, which puts on record
//! what it decides. It must never sound as if all was well when nights were missed.

mod changes;
mod gather;
mod head;
mod needs;
mod troubles;

pub use gather::{Desk, gather};

use crate::pure::schedule::{self, Cron, Schedule};
use crate::pure::site;
use crate::pure::ticket::{Digest, DigestPlan, Event, Recorded, Round};
use crate::pure::words::{clean_value, with_todo};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;

/// After so long without one, a digest goes out although nothing changed: a week, less what a late one may
/// have been late by, so that it does not put the next off by another week.
const SIGN_OF_LIFE: SignedDuration = SignedDuration::from_hours(7 * 24 - 12);

/// What the first digest tells, which has none before it.
const FIRST_SPAN: SignedDuration = SignedDuration::from_hours(24);

/// A digest that comes later than this after its time says so.
const LATE_MIN: SignedDuration = SignedDuration::from_mins(10);

/// What is on record of digests.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Digests {
    /// The plan in force, and since when it is.
    plan: Option<(DigestPlan, Timestamp)>,
    /// The planned time of the last ones, and when they were decided upon.
    last: Option<(Timestamp, Timestamp)>,
    /// When the last one went to each coordinator, by address; to those of the site file under the empty
    /// one.
    sent: BTreeMap<String, Timestamp>,
}

/// What is decided when the time of digests has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The last planned time that has come.
    pub occurrence: Timestamp,
    /// What happened after this is new.
    pub since: Timestamp,
    pub is_late: bool,
}

impl Digests {
    /// Folds in what happened; other events change nothing.
    pub fn apply(&mut self, recorded: &Recorded) {
        match &recorded.event {
            Event::DigestPlanned(plan) => self.plan = plan.clone().map(|plan| (plan, recorded.at)),
            Event::DigestDue { occurrence } => self.last = Some((*occurrence, recorded.at)),
            Event::RoundQueued { round: Round::Digest(digest), .. } => {
                self.sent.insert(digest.coordinator.clone(), recorded.at);
            }
            _ => {}
        }
    }

    /// The plan of the site file, where it is another than that in force.
    pub fn replan(&self, wanted: Option<&site::DigestSettings>) -> Option<Event> {
        let wanted = wanted
            .map(|digest| DigestPlan { cron: digest.cron.clone(), timezone: digest.timezone_name.clone() });
        let known = self.plan.as_ref().map(|(plan, _)| plan);
        (known != wanted.as_ref()).then_some(Event::DigestPlanned(wanted))
    }

    /// The next planned time that is not on record; it may have come already. `None` when none is planned.
    pub fn next_due(&self, settings: &site::DigestSettings) -> Option<Timestamp> {
        schedule_of(settings)?.next_after(self.after()?, &settings.timezone)
    }

    /// What is due at `now`: of several planned times that have come, the last one.
    pub fn due(&self, settings: &site::DigestSettings, now: Timestamp) -> Option<Due> {
        let schedule = schedule_of(settings)?;
        let planned = schedule::occurrences(&schedule, &settings.timezone, self.after()?, now);
        let occurrence = planned.last()?;
        Some(Due { occurrence, since: self.since(now), is_late: now.duration_since(occurrence) > LATE_MIN })
    }

    /// As if the time of a digest came at `now`.
    pub fn due_now(&self, now: Timestamp) -> Due {
        Due { occurrence: now, since: self.since(now), is_late: false }
    }

    fn since(&self, now: Timestamp) -> Timestamp {
        let before = || now.checked_sub(FIRST_SPAN).unwrap_or(Timestamp::MIN);
        self.last.map_or_else(before, |(_, at)| at)
    }

    /// Whether a digest in which nothing is new goes out all the same.
    fn is_sign_of_life(&self, coordinator: &str, now: Timestamp) -> bool {
        let planned = self.plan.as_ref().map(|(_, at)| at);
        let last = self.sent.get(coordinator).or(planned);
        last.is_none_or(|last| now.duration_since(*last) >= SIGN_OF_LIFE)
    }

    fn after(&self) -> Option<Timestamp> {
        let (_, since) = self.plan.as_ref()?;
        Some(self.last.map_or(*since, |(occurrence, _)| occurrence.max(*since)))
    }
}

/// The planned times after `now`, at most so many.
pub fn next_times(settings: &site::DigestSettings, now: Timestamp, count: usize) -> Vec<Timestamp> {
    let Some(schedule) = schedule_of(settings) else { return Vec::new() };
    schedule::occurrences(&schedule, &settings.timezone, now, Timestamp::MAX).take(count).collect()
}

/// What the templates know of a digest.
pub fn to_value(digest: &Digest) -> Value {
    let value = serde_json::to_value(digest).expect("a digest is made of strings and lists");
    let mut value = clean_value(value);
    with_todo(&mut value);
    value["is_late"] = Value::Bool(!digest.late.is_empty());
    value["is_unneeded"] = Value::Bool(digest.second == format!("{}.", head::NOTHING));
    for section in value["sections"].as_array_mut().into_iter().flatten() {
        section["has_more"] = Value::Bool(section["more"].as_str().is_some_and(|more| !more.is_empty()));
    }
    value
}

/// Two views for trying out templates: full and empty.
pub fn samples() -> [Value; 2] {
    use crate::pure::ticket::{Row, Section};
    let section = Section { rows: vec![Row::default()], ..Section::default() };
    let full = Digest { sections: vec![section], ..Digest::default() };
    [crate::pure::report::all_true(to_value(&full)), to_value(&Digest::default())]
}

fn schedule_of(settings: &site::DigestSettings) -> Option<Schedule> {
    Cron::parse(&settings.cron).ok().map(Schedule::Cron)
}
