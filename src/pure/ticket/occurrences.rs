//! Which occurrences fell due, and what becomes of each? Nothing planned is ever without an
//! outcome.

use super::{Context, Event, OccurrenceRecord, Phase, RunId, RunStart, Ticket, deadline};
use crate::pure::interval::Interval;
use crate::pure::playbook::{Stage, StageName};
use crate::pure::schedule;
use crate::pure::verdict::{Outcome, Reason, ReasonCode};
use jiff::{SignedDuration, Timestamp};

/// How much later than planned a run may begin and still count as on time.
const ON_TIME: SignedDuration = SignedDuration::from_secs(60);

/// The events of everything that fell due since the last look: runs that begin, occurrences that
/// cannot run, and the end of the watch after `clean`.
pub fn fall_due(ticket: &Ticket, context: &Context<'_>) -> Vec<Event> {
    let mut events = Vec::new();
    let mut is_running = ticket.phase.stage().is_some_and(|name| has_open_run(ticket, name));
    for planned in planned(ticket, context) {
        if planned.window.from > context.now {
            break;
        }
        let run = RunId(context.next_run.0 + events.len() as u64);
        let event = planned.become_event(ticket, context, run, is_running);
        is_running = is_running || matches!(event, Event::RunStarted(_));
        events.push(event);
    }
    if !is_running {
        events.extend(watch_is_over(ticket, context, &events));
    }
    events
}

/// When the ticket next wants attention, after `context.now`: an occurrence that begins, the end of
/// the watch after `clean`, or an instant at which people are told of what is due. `None` when nothing
/// is planned.
pub fn next_due(ticket: &Ticket, context: &Context<'_>) -> Option<Timestamp> {
    let occurrence = next_window(ticket, context).map(|window| window.from);
    let watch = (ticket.phase == Phase::Clean).then(|| watch_end(ticket, context));
    [occurrence, watch, deadline::next(ticket, context)].into_iter().flatten().min()
}

/// The window of the next occurrence that begins after `context.now`, if one is planned.
fn next_window(ticket: &Ticket, context: &Context<'_>) -> Option<Interval> {
    planned(ticket, context).map(|planned| planned.window).find(|window| window.from > context.now)
}

/// The window of the next `verify` run, also where the ticket is not that far yet.
pub fn next_verify(ticket: &Ticket, context: &Context<'_>) -> Option<Interval> {
    if ticket.phase.stage() == Some(StageName::Verify) {
        return next_window(ticket, context);
    }
    let stage = &context.playbook.verify;
    let mut coming =
        schedule::occurrences(&stage.schedule, &context.site.timezone, context.now, Timestamp::MAX);
    coming.next().map(|at| window(ticket, stage, StageName::Verify, at))
}

fn watch_end(ticket: &Ticket, context: &Context<'_>) -> Timestamp {
    Interval::lasting(ticket.phase_since, context.playbook.clean.watch).to
}

/// The end of the watch after `clean`, once nothing of it is left to run. It says how much of it was
/// watched: a watch that nobody kept proves nothing.
fn watch_is_over(ticket: &Ticket, context: &Context<'_>, missed: &[Event]) -> Option<Event> {
    let is_over = ticket.phase == Phase::Clean
        && context.now >= watch_end(ticket, context)
        && ticket.open_runs().next().is_none();
    let (watched, passed) = ticket.watch();
    let planned = watched + missed.len();
    let because = format!("the watch period is over: {passed} of {planned} planned runs passed");
    is_over.then_some(Event::PhaseChanged { from: Phase::Clean, to: Phase::Closed, because })
}

fn has_open_run(ticket: &Ticket, stage: StageName) -> bool {
    ticket.open_runs().any(|run| run.stage == stage && run.occurrence.is_some())
}

/// One occurrence that is not on record yet.
struct Planned {
    stage: StageName,
    at: Timestamp,
    /// From the planned time and its jitter on.
    window: Interval,
}

/// The occurrences of the present stage that are not on record, from the earliest.
fn planned<'a>(ticket: &'a Ticket, context: &'a Context<'_>) -> impl Iterator<Item = Planned> + 'a {
    let name = ticket.phase.stage();
    let stage = name.and_then(|name| Some((name, context.playbook.stage(name)?)));
    stage.into_iter().flat_map(move |(name, stage)| {
        let recorded = ticket.planned_until.get(&name).copied();
        let after = recorded.map_or(ticket.stage_since, |recorded| recorded.max(ticket.stage_since));
        let zone = &context.site.timezone;
        schedule::occurrences(&stage.schedule, zone, after, Timestamp::MAX)
            .take_while(move |at| ticket.phase != Phase::Clean || *at < watch_end(ticket, context))
            .filter(move |at| {
                ticket.phase != Phase::Clean || schedule::is_first_of_week(&stage.schedule, zone, *at)
            })
            .map(move |at| Planned { stage: name, at, window: window(ticket, stage, name, at) })
    })
}

fn window(ticket: &Ticket, stage: &Stage, name: StageName, planned: Timestamp) -> Interval {
    let key = format!("{}/{}/{name}", ticket.site, ticket.playbook);
    let jitter = schedule::jitter(planned, &key, stage.jitter);
    let begin = planned.saturating_add(jitter).unwrap_or(planned);
    Interval::lasting(begin, stage.capture.length)
}

impl Planned {
    fn become_event(&self, ticket: &Ticket, context: &Context<'_>, run: RunId, is_running: bool) -> Event {
        match self.hindrance(ticket, context, is_running) {
            Some((outcome, reason)) => Event::OccurrencePassed(OccurrenceRecord {
                run,
                stage: self.stage,
                occurrence: self.at,
                window_end: self.window.to,
                outcome,
                reason,
            }),
            None => Event::RunStarted(RunStart {
                run,
                stage: self.stage,
                occurrence: Some(self.at),
                window_start: self.window.from,
                window_end: self.window.to,
                is_late: context.now.duration_since(self.window.from) > ON_TIME,
            }),
        }
    }

    /// Why it cannot run, if so.
    fn hindrance(
        &self,
        ticket: &Ticket,
        context: &Context<'_>,
        is_running: bool,
    ) -> Option<(Outcome, Reason)> {
        let site = context.site;
        if ticket.is_held_at(self.window.from) {
            let text = "the ticket was on hold: a machine that is off proves nothing";
            return Some(hindered(Outcome::Suppressed, ReasonCode::OnHold, text));
        }
        if schedule::is_closed(&site.closed, &site.timezone, self.window.from) {
            let text = "the site was closed: a machine that is off proves nothing";
            return Some(hindered(Outcome::Suppressed, ReasonCode::SiteClosed, text));
        }
        if context.now >= self.window.to {
            let text = "allclear was not running in its whole window: keep `allclear serve` running";
            return Some(hindered(Outcome::Missed, ReasonCode::ProgramDown, text));
        }
        if is_running {
            let text =
                "the occurrence before it was still running: capture for a shorter time, or less often";
            return Some(hindered(Outcome::Skipped, ReasonCode::StillRunning, text));
        }
        None
    }
}

fn hindered(outcome: Outcome, code: ReasonCode, text: &str) -> (Outcome, Reason) {
    (outcome, Reason { code, text: text.to_owned() })
}
