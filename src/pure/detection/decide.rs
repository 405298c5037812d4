//! When does a `detect` stage run, and how is a run judged?
//!
//! By the rules of every other stage. No host is blamed beforehand, so that none can be absent.

use super::Detection;
use crate::pure::interval::Interval;
use crate::pure::playbook::StageName;
use crate::pure::sighting::HostFinding;
use crate::pure::ticket::course::{self, Course, Look, RESCHEDULED};
use crate::pure::ticket::{Context, DetectionEvent, Effect, Run, RunEnd, RunId, RunStart, TicketId, judged};
use crate::pure::verdict::CaptureFacts;
use jiff::Timestamp;

/// The events of everything that fell due since the last look.
pub fn fall_due(detection: &Detection, context: &Context<'_>) -> Vec<DetectionEvent> {
    let Some(course) = course(detection, context) else { return Vec::new() };
    let fallen = course::fall_due(&course, &look(detection, context));
    fallen.events.into_iter().filter_map(DetectionEvent::of).collect()
}

/// The events of everything that was planned up to now: other schedules follow, or none.
pub fn settle(detection: &Detection, context: &Context<'_>) -> Vec<DetectionEvent> {
    let Some(course) = course(detection, context) else { return Vec::new() };
    let settled = course::settle(&course, &look(detection, context), RESCHEDULED);
    settled.into_iter().filter_map(DetectionEvent::of).collect()
}

/// The first instant at which [`fall_due`] has something to say; `None` when nothing is planned.
pub fn next_due(detection: &Detection, context: &Context<'_>) -> Option<Timestamp> {
    course::next_due(&course(detection, context)?)
}

/// What is to be done for it now.
pub fn due(detection: &Detection) -> impl Iterator<Item = Effect> + '_ {
    detection.open.iter().map(|run| Effect::Capture { ticket: TicketId::NONE, run: run.id })
}

/// The beginning of a run by hand.
pub fn start(run: RunId, window: Interval) -> RunStart {
    let Interval { from: window_start, to: window_end } = window;
    RunStart { run, stage: StageName::Detect, occurrence: None, window_start, window_end, is_late: false }
}

/// What a run caught.
pub struct Caught {
    pub run: Run,
    pub end: RunEnd,
    /// Who made contact.
    pub findings: Vec<HostFinding>,
}

/// The end of an open run whose capture has ended; `None` when it is not open.
pub fn captured(
    detection: &Detection,
    context: &Context<'_>,
    run: RunId,
    facts: &CaptureFacts,
) -> Option<Caught> {
    let run = detection.run(run)?;
    let observation = judged::merged(&facts.sources);
    let end = judged::judge(&[], context, run, facts, &observation);
    Some(Caught { run: run.clone(), end, findings: observation.hosts })
}

/// The occurrences that are not on record; `None` when none is planned.
pub(super) fn course<'a>(detection: &Detection, context: &Context<'a>) -> Option<Course<'a>> {
    let since = detection.planned_since?;
    let name = StageName::Detect;
    Some(Course {
        name,
        stage: context.playbook.stage(name)?,
        zone: &context.site.timezone,
        key: format!("{}/{}/{name}", detection.id.site, detection.id.playbook),
        after: detection.planned_until.map_or(since, |until| until.max(since)).max(context.since),
        before: Timestamp::MAX,
        is_weekly: false,
        closed: &context.site.closed,
        held: Vec::new(),
    })
}

pub(super) fn look(detection: &Detection, context: &Context<'_>) -> Look {
    Look {
        now: context.now,
        next_run: context.next_run,
        is_running: course::is_running(detection.open.iter(), context.now),
        absence: context.absence,
    }
}
