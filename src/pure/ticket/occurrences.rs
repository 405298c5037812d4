//! Which occurrences of a ticket fell due, and what becomes of each?

use super::course::{self, Course, GONE_ON, Look, RESCHEDULED};
use super::lapsed::Lapsed;
use super::{Context, Event, Phase, Run, RunId, Ticket, deadline};
use crate::pure::interval::Interval;
use crate::pure::playbook::StageName;
use jiff::Timestamp;

/// The events of everything that fell due since the last look: runs that begin, occurrences that
/// cannot run, and the end of the watch after `clean`.
pub fn fall_due(ticket: &Ticket, context: &Context<'_>) -> Vec<Event> {
    let Some(course) = course(ticket, context) else { return Vec::new() };
    let fallen = course::fall_due(&course, &look(ticket, context));
    let mut events = fallen.events;
    let has_begun = events.iter().any(|event| matches!(event, Event::RunStarted(_)));
    if fallen.is_over && !has_begun {
        events.extend(watch_is_over(ticket, context, &events));
    }
    events
}

/// The first instant at which a tick has something to say, also where it lies before `context.now`: an
/// occurrence, the end of the watch after `clean`, or people who are to be told what is due. `None` when
/// nothing happens by itself.
pub fn next_due(ticket: &Ticket, context: &Context<'_>) -> Option<Timestamp> {
    let occurrence = course(ticket, context).and_then(|course| {
        let has_open_run = ticket.open_runs().next().is_some();
        let watch = || (ticket.phase == Phase::Clean && !has_open_run).then(|| watch_end(ticket, context));
        course::next_due(&course).or_else(watch)
    });
    occurrence.into_iter().chain(deadline::next(ticket, context)).min()
}

/// What must be on record before `event`: once another stage is scheduled, nobody looks at the old one's
/// occurrences again.
pub fn settle(ticket: &Ticket, context: &Context<'_>, event: &Event) -> Vec<Event> {
    let Event::PhaseChanged { from, to, .. } = event else { return Vec::new() };
    let is_watch = |phase: &Phase| *phase == Phase::Clean;
    if from.stage() == to.stage() && is_watch(from) == is_watch(to) {
        return Vec::new();
    }
    let course = course(ticket, context);
    course.map_or_else(Vec::new, |course| course::settle(&course, &look(ticket, context), GONE_ON))
}

/// What must be on record before other schedules are in force.
pub fn settle_schedule(ticket: &Ticket, context: &Context<'_>) -> Vec<Event> {
    let course = course(ticket, context);
    course.map_or_else(Vec::new, |course| course::settle(&course, &look(ticket, context), RESCHEDULED))
}

/// Every occurrence and run in order, those that never ran among them, and those too whose fate is
/// sealed though it is not on record yet (a break that goes on, a program that is down): their number
/// is 0.
pub fn ledger(ticket: &Ticket, context: &Context<'_>) -> Vec<Run> {
    let mut ledger = ticket.all_runs();
    let Some(course) = course(ticket, context) else { return ledger };
    for record in course::sealed(&course, &look(ticket, context)) {
        let sealed = Lapsed { record, at: context.now };
        ledger.extend(sealed.runs().map(|run| Run { id: RunId(0), ended: None, ..run }));
    }
    ledger
}

/// The window of the next `verify` run, also where the ticket is not that far yet.
pub fn next_verify(ticket: &Ticket, context: &Context<'_>) -> Option<Interval> {
    if ticket.phase.stage() == Some(StageName::Verify) {
        return course::next_window(&course(ticket, context)?, context.now);
    }
    let stage = &context.playbook.verify;
    let next = stage.schedule.next_after(context.now, &context.site.timezone)?;
    Some(course::window(stage, &key(ticket, StageName::Verify), next))
}

/// The occurrences of the present stage that are not on record; `None` when no stage is scheduled.
fn course<'a>(ticket: &Ticket, context: &Context<'a>) -> Option<Course<'a>> {
    let name = ticket.phase.stage()?;
    let recorded = ticket.planned_until.get(&name).copied().unwrap_or(Timestamp::MIN);
    let is_watch = ticket.phase == Phase::Clean;
    Some(Course {
        name,
        stage: context.playbook.stage(name)?,
        zone: &context.site.timezone,
        key: key(ticket, name),
        after: recorded.max(ticket.stage_since).max(context.since),
        before: if is_watch { watch_end(ticket, context) } else { Timestamp::MAX },
        is_weekly: is_watch,
        closed: &context.site.closed,
        held: ticket.holds().collect(),
    })
}

fn look(ticket: &Ticket, context: &Context<'_>) -> Look {
    let of_stage = |name| ticket.open_runs().filter(move |run| run.stage == name);
    let is_running = |name| course::is_running(of_stage(name), context.now);
    Look {
        now: context.now,
        next_run: context.next_run,
        is_running: ticket.phase.stage().is_some_and(is_running),
        absence: context.absence,
    }
}

/// What jitter is drawn for: tickets of one site and playbook begin together, and share their capture.
fn key(ticket: &Ticket, name: StageName) -> String {
    format!("{}/{}/{name}", ticket.site, ticket.playbook)
}

fn watch_end(ticket: &Ticket, context: &Context<'_>) -> Timestamp {
    Interval::lasting(ticket.phase_since, context.playbook.clean.watch).to
}

/// The end of the watch after `clean`, once nothing of it is left to run. It says how much of it was
/// watched: a watch that nobody kept proves nothing.
fn watch_is_over(ticket: &Ticket, context: &Context<'_>, passed: &[Event]) -> Option<Event> {
    let is_over = ticket.phase == Phase::Clean
        && context.now >= watch_end(ticket, context)
        && ticket.open_runs().next().is_none();
    let just_passed: usize =
        passed.iter().filter_map(Event::lapsed).map(|record| record.planned().count()).sum();
    let (watched, passes) = ticket.watch();
    let planned = watched + just_passed;
    let because = format!("the watch period is over: {passes} of {planned} planned runs passed");
    is_over.then_some(Event::PhaseChanged { from: Phase::Clean, to: Phase::Closed, because })
}
