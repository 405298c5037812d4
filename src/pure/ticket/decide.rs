//! What happens next, and why? Ticket and input in, events out; then what follows from those.
//!
//! It must never look at a clock or at the world: all it may know stands in [`Context`].

use super::{
    Act, Context, Event, Input, NoTurn, Refusal, RunEnd, RunId, RunStart, Ticket, acts, deadline, judged,
    mails, occurrences,
};
use crate::pure::verdict::{Outcome, Reason, ReasonCode, Verdict};

/// The events that an input causes. Only a person's act can be refused.
pub fn decide(ticket: &Ticket, context: &Context<'_>, input: &Input) -> Result<Vec<Event>, Refusal> {
    match input {
        Input::Tick => {
            let mut events = deadline::fall_due(ticket, context);
            events.extend(occurrences::fall_due(ticket, context));
            Ok(events)
        }
        Input::Abandoned(runs) => {
            Ok(runs.iter().map(|(run, kept)| Event::RunEnded(Box::new(abandoned(*run, kept)))).collect())
        }
        Input::Delayed(run) => Ok(vec![Event::RunDelayed { run: *run }]),
        Input::NoTurn { run, why } => Ok(vec![Event::RunEnded(Box::new(no_turn(*run, *why)))]),
        Input::HandRun { stage, window_start, length } => {
            if !ticket.phase.is_open() {
                return Err(Refusal(format!("ticket {} is {}: reopen it first", ticket.id, ticket.phase)));
            }
            Ok(vec![Event::RunStarted(RunStart {
                run: context.next_run,
                stage: *stage,
                occurrence: None,
                window_start: *window_start,
                window_end: window_start.saturating_add(*length).unwrap_or(*window_start),
                is_late: false,
            })])
        }
        Input::Captured { run, facts, listing } => {
            Ok(judged::captured(ticket, context, *run, facts, listing.as_ref()))
        }
        Input::MailAccepted { mail, to } => Ok(vec![Event::MailAccepted { mail: *mail, to: to.clone() }]),
        Input::MailFailed { mail, to, error, never } => {
            Ok(vec![mails::mail_failed(&ticket.outbox, context.now, (*mail, to), error, *never)])
        }
        Input::Act(act) => acts::act(ticket, context, act),
    }
}

/// What time alone has ended before the input, though nobody looked: a person acts on the ticket as it is
/// now. Who ends a hold or a risk is not told that it is over.
pub fn ended_before(ticket: &Ticket, context: &Context<'_>, input: &Input) -> Vec<Event> {
    match input {
        Input::Act(Act::Resume | Act::Reopen { .. }) => Vec::new(),
        Input::Act(_) | Input::HandRun { .. } => deadline::run_out(ticket, context),
        Input::Tick
        | Input::Abandoned(_)
        | Input::Delayed(_)
        | Input::NoTurn { .. }
        | Input::Captured { .. }
        | Input::MailAccepted { .. }
        | Input::MailFailed { .. } => Vec::new(),
    }
}

/// A run whose process is gone: nobody knows what it saw, nor whether its turn had come, so it proves
/// nothing. `kept` are files of packets that it left unfinished, below the state directory.
pub fn abandoned(run: RunId, kept: &[String]) -> RunEnd {
    let text = if kept.is_empty() {
        "allclear ended before this run did: what it may have seen is lost; nothing to do, the next occurrence \
         watches again"
            .to_owned()
    } else {
        format!(
            "allclear ended before this run did, and judged nothing of it; packets that it had kept lie in the state \
             directory in {}, and nothing vouches for them: look at them (`allclear scan FILE` with the addresses of \
             the watchlist); the next occurrence watches again",
            kept.join(" and ")
        )
    };
    let reason = Reason { code: ReasonCode::Interrupted, text };
    RunEnd {
        verdict: Some(Verdict::Inconclusive),
        reasons: vec![reason],
        ..RunEnd::empty(run, Outcome::Interrupted)
    }
}

/// A run that never began.
pub fn no_turn(run: RunId, why: NoTurn) -> RunEnd {
    let (code, text) = match why {
        NoTurn::SourceFull => (
            ReasonCode::NoTurn,
            "its turn did not come in its window, so many runs were under way: raise `runs_max` of the \
             source, capture for a shorter time, or spread the schedules with `jitter`",
        ),
        NoTurn::AllFull => (
            ReasonCode::NoTurn,
            "its turn did not come in its window: allclear carried as many runs as it can; capture for a \
             shorter time, or spread the schedules with `jitter`",
        ),
        NoTurn::Stopped => (
            ReasonCode::ProgramDown,
            "allclear was stopped before its turn came: keep `allclear serve` running",
        ),
    };
    let reason = Reason { code, text: text.to_owned() };
    RunEnd { reasons: vec![reason], ..RunEnd::empty(run, Outcome::Missed) }
}
