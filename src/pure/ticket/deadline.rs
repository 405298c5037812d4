//! By when have people to do their part, and when are they told so?
//!
//! The due clock runs in working time: it stands still on hold and in school breaks, also in those
//! that are still to come. Left of it are the folded ticket and `consequences`, which says who gets
//! mail; right of it `decide` and `next_due`. Whatever [`fall_due`] does at an instant, [`next`]
//! names that instant before. It must never tell anybody twice, nor while the clock stands still.

use super::consequences::recipients;
use super::standing::unsigned;
use super::{Context, Event, Phase, Risk, Ticket, stand_now};
use crate::pure::interval::{Interval, Intervals};
use crate::pure::playbook::MailEvent;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// When the work of the present phase is due, and when people are told about it.
struct Deadline {
    reminder: Timestamp,
    due: Timestamp,
    /// When each escalation is reached, in their order.
    escalations: Vec<Timestamp>,
}

/// When the work of the present phase is, or was, due; `None` when nothing is, or when nobody can
/// say, because an open end of a hold lies before it.
pub fn due(ticket: &Ticket, context: &Context<'_>) -> Option<Timestamp> {
    deadline(ticket, context).map(|deadline| deadline.due)
}

/// Whether the ticket waits at `time`: it is on hold, or the site is closed. Then the due clock stands
/// still, and nobody is reminded.
pub fn is_waiting(ticket: &Ticket, context: &Context<'_>, time: Timestamp) -> bool {
    idle(ticket, context).as_slice().iter().any(|idle| idle.contains(time))
}

/// The school break that `time` lies in.
pub fn school_break(context: &Context<'_>, time: Timestamp) -> Option<Interval> {
    let closed = Intervals::of(context.site.closed_intervals());
    closed.as_slice().iter().copied().find(|closed| closed.contains(time))
}

/// What the passing of time does to people's part: a hold or an accepted risk ends, work becomes
/// overdue, somebody is reminded.
pub fn fall_due(ticket: &Ticket, context: &Context<'_>) -> Vec<Event> {
    let told = [overdue(ticket, context), reminder(ticket, context)];
    run_out(ticket, context).into_iter().chain(told.into_iter().flatten()).collect()
}

/// The hold or the accepted risk that has reached its end.
pub fn run_out(ticket: &Ticket, context: &Context<'_>) -> Vec<Event> {
    let resumed = hold_end(ticket).filter(|end| *end <= context.now).map(|_| Event::Resumed);
    let reopened = ticket.risk.as_ref().filter(|risk| risk.until <= Some(context.now)).and_then(expired);
    resumed.into_iter().chain(reopened).collect()
}

/// When [`fall_due`] next has something to say, if nobody acts before; not before now only when it has
/// something to say at once.
pub fn next(ticket: &Ticket, context: &Context<'_>) -> Option<Timestamp> {
    let told = next_telling(ticket, context).and_then(|at| awake(ticket, context, at));
    let risk_end = ticket.risk.as_ref().and_then(|risk| risk.until);
    [hold_end(ticket), risk_end, told].into_iter().flatten().min()
}

/// The end of a risk that had an end.
fn expired(risk: &Risk) -> Option<Event> {
    let because = format!("the accepted risk of {} expired ({})", risk.by, risk.reason);
    risk.until.map(|_| Event::PhaseChanged { from: Phase::AcceptedRisk, to: Phase::Reported, because })
}

/// The reminder that is owed now: before the due date, or when nothing but signatures is missing.
/// Once in a phase.
pub fn reminder(ticket: &Ticket, context: &Context<'_>) -> Option<Event> {
    let is_ripe = match ticket.phase {
        Phase::Verifying => is_unsigned_alone(ticket, context),
        _ => deadline(ticket, context)
            .is_some_and(|deadline| (deadline.reminder..deadline.due).contains(&context.now)),
    };
    let is_wanted = is_ripe && wants_reminder(ticket, context) && !is_waiting(ticket, context, context.now);
    is_wanted.then(|| Event::mail(MailEvent::Reminder, recipients(context, MailEvent::Reminder)))
}

fn wants_reminder(ticket: &Ticket, context: &Context<'_>) -> bool {
    let is_asked_for = || !recipients(context, MailEvent::Reminder).is_empty();
    !ticket.told.is_reminded && context.has_mail && is_asked_for()
}

/// A due date or an escalation that has passed since people were last told. After a long time without
/// the program it is one event, with the last step of all.
fn overdue(ticket: &Ticket, context: &Context<'_>) -> Option<Event> {
    let Deadline { due, escalations, .. } = deadline(ticket, context)?;
    let passed = escalations.iter().filter(|at| **at <= context.now).count();
    let step = u32::try_from(passed).unwrap_or(u32::MAX);
    let is_news = due <= context.now && ticket.told.overdue < Some(step);
    (is_news && !is_waiting(ticket, context, context.now)).then_some(Event::Overdue { due, step })
}

/// Whether nothing but signatures keeps the ticket from `clean`.
fn is_unsigned_alone(ticket: &Ticket, context: &Context<'_>) -> bool {
    let wanted = context.playbook.clean.passes as usize;
    // The first two are cheap, and false on nearly every night.
    unsigned(ticket, context).next().is_some()
        && ticket.passes.len() >= wanted
        && stand_now(ticket, context).is_unsigned_alone
}

fn hold_end(ticket: &Ticket) -> Option<Timestamp> {
    ticket.hold.as_ref().filter(|_| ticket.phase.is_open()).and_then(|hold| hold.until)
}

fn next_telling(ticket: &Ticket, context: &Context<'_>) -> Option<Timestamp> {
    if ticket.phase == Phase::Verifying {
        let is_owed = wants_reminder(ticket, context) && is_unsigned_alone(ticket, context);
        return is_owed.then_some(context.now);
    }
    let Deadline { reminder, due, escalations } = deadline(ticket, context)?;
    let reminder = Some(reminder).filter(|_| context.now < due && wants_reminder(ticket, context));
    let overdue = match ticket.told.overdue {
        None => Some(due),
        Some(step) => escalations.get(step as usize).copied(),
    };
    reminder.into_iter().chain(overdue).min()
}

/// The first instant from `at` on at which the ticket does not wait.
fn awake(ticket: &Ticket, context: &Context<'_>, at: Timestamp) -> Option<Timestamp> {
    let from = at.max(context.now);
    let idle = idle(ticket, context);
    let end = idle.as_slice().iter().find(|idle| idle.contains(from)).map(|idle| idle.to);
    match end {
        None => Some(at),
        Some(end) => Some(end).filter(|end| *end < Timestamp::MAX),
    }
}

fn deadline(ticket: &Ticket, context: &Context<'_>) -> Option<Deadline> {
    let rules = &context.playbook.due;
    let (since, limit) = match ticket.phase {
        Phase::Reported => (ticket.sought_since, rules.located?),
        Phase::Located => (ticket.phase_since, rules.cleaned?),
        Phase::Verifying | Phase::Clean | Phase::Closed | Phase::Rejected | Phase::AcceptedRisk => {
            return None;
        }
    };
    let idle = idle(ticket, context);
    let after = |length: Duration| working(since, length, &idle);
    let escalations = rules.escalate.iter().map_while(|step| after(limit.saturating_add(step.after)));
    Some(Deadline {
        reminder: after(limit - rules.remind.min(limit / 2))?,
        due: after(limit)?,
        escalations: escalations.collect(),
    })
}

/// When the due clock stands still: holds and school breaks.
fn idle(ticket: &Ticket, context: &Context<'_>) -> Intervals {
    Intervals::of(ticket.holds().chain(context.site.closed_intervals()))
}

/// The instant at which `length` of working time has passed since `since`. What is idle from before
/// that instant on moves it; `None` when it is never reached.
fn working(since: Timestamp, length: Duration, idle: &Intervals) -> Option<Timestamp> {
    let mut end = since.checked_add(length).ok()?;
    for gap in idle.as_slice().iter().filter(|gap| gap.to > since) {
        let from = gap.from.max(since);
        if from >= end {
            break;
        }
        let lost: SignedDuration = gap.to.duration_since(from);
        end = end.checked_add(lost).ok().filter(|_| gap.to < Timestamp::MAX)?;
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3600).expect("in range")
    }

    #[test]
    fn a_gap_that_begins_before_the_end_moves_it() {
        let open = Timestamp::MAX;
        for (gaps, expected, row) in [
            (vec![], Some(at(10)), "none"),
            (vec![(at(9), at(12))], Some(at(13)), "begins an hour before"),
            (vec![(at(10), at(12))], Some(at(10)), "begins at the very end"),
            (vec![(at(9), at(12)), (at(12), at(14))], Some(at(15)), "another one at once"),
            (vec![(at(9), at(12)), (at(13), at(14))], Some(at(13)), "another one at the moved end"),
            (vec![(at(-5), at(0))], Some(at(10)), "over before it begins"),
            (vec![(at(-5), at(1))], Some(at(11)), "over an hour after it begins"),
            (vec![(at(9), open)], None, "without end"),
            (vec![(at(11), open)], Some(at(10)), "without end, afterwards"),
        ] {
            let idle = Intervals::of(gaps.into_iter().map(|(from, to)| Interval::new(from, to)));
            assert_eq!(working(at(0), Duration::from_secs(10 * 3600), &idle), expected, "{row}");
        }
    }
}
