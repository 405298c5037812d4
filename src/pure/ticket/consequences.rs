//! What follows from what just happened? Changes of phase, by the table, and the mails about them.
//!
//! The engine asks until nothing more follows, and appends everything in one transaction.

use super::{Blame, Context, Event, HostState, Phase, Ticket, deadline, listings, mails, stand_now};
use crate::pure::playbook::{MailEvent, Recipient};
use jiff::Timestamp;

/// The change of phase, with the relapse where it is one, that follows from `happened`; the ticket
/// has those events folded in already. Empty when the phase stays.
pub fn follow(ticket: &Ticket, context: &Context<'_>, happened: &[Event]) -> Vec<Event> {
    let reported = reported_since_cleaning(ticket, happened);
    match ticket.phase {
        Phase::Reported | Phase::Verifying if ticket.has_infected() => {
            vec![change(ticket, Phase::Located, infected(ticket))]
        }
        Phase::Clean if ticket.has_infected() => relapse(ticket, Phase::Located, infected(ticket), happened),
        Phase::Located | Phase::Verifying | Phase::Clean if ticket.hosts.is_empty() => {
            vec![change(ticket, Phase::Reported, "no host is blamed any more".to_owned())]
        }
        Phase::Located if !ticket.has_infected() => {
            vec![change(ticket, Phase::Verifying, "every blamed host is reported as cleaned".to_owned())]
        }
        Phase::Verifying | Phase::Clean if let Some(seen) = reported => {
            let because = format!("a report says it was seen at {seen}, after the last cleaning");
            relapse(ticket, Phase::Reported, because, happened)
        }
        Phase::Clean if listings::is_listed_again(ticket, happened) => {
            relapse(ticket, Phase::Reported, format!("{} is listed again", ticket.public), happened)
        }
        Phase::Verifying if stand_now(ticket, context).missing.is_empty() => {
            vec![change(ticket, Phase::Clean, "all criteria of the playbook hold".to_owned())]
        }
        _ => Vec::new(),
    }
}

fn change(ticket: &Ticket, to: Phase, because: String) -> Event {
    Event::PhaseChanged { from: ticket.phase, to, because }
}

/// A change of phase that is a relapse; counted once for all that happened together.
fn relapse(ticket: &Ticket, to: Phase, because: String, happened: &[Event]) -> Vec<Event> {
    let is_counted = happened.iter().any(|event| matches!(event, Event::Relapsed { .. }));
    let relapsed = (!is_counted).then(|| Event::Relapsed { because: because.clone() });
    relapsed.into_iter().chain([change(ticket, to, because)]).collect()
}

fn infected(ticket: &Ticket) -> String {
    let infected = ticket.hosts.iter().filter(|host| host.state == HostState::Infected);
    let told: Vec<String> = infected
        .map(|host| match host.blame {
            Blame::Seen => format!("{} made contact", host.host),
            Blame::Named => format!("{} was named by a person", host.host),
        })
        .collect();
    told.join(", ")
}

/// When the traffic was seen that a report of `happened` tells of, if that was after the last
/// cleaning: reports count by their own time.
fn reported_since_cleaning(ticket: &Ticket, happened: &[Event]) -> Option<Timestamp> {
    let seen = happened.iter().filter_map(|event| match event {
        Event::ReportAdded { report } => Some(report.seen),
        _ => None,
    });
    seen.filter(|seen| ticket.last_cleaned().is_none_or(|cleaned| *seen > cleaned)).max()
}

/// The mails to queue about all that happened together: at most one of each kind.
pub fn announce(ticket: &Ticket, context: &Context<'_>, happened: &[Event]) -> Vec<Event> {
    if !context.has_mail {
        return Vec::new();
    }
    let is_listed = is_listing_news(ticket, happened);
    let kinds = [
        (MailEvent::Opened, any(happened, is_opening)),
        (MailEvent::Located, is_located(happened)),
        (MailEvent::Relapsed, any(happened, is_relapse)),
        (
            MailEvent::Clean,
            any(happened, |event| matches!(event, Event::PhaseChanged { to: Phase::Clean, .. })),
        ),
        (MailEvent::Listed, is_listed),
        (MailEvent::Inconclusive, is_inconclusive_row(ticket, context, happened)),
        (MailEvent::Overdue, any(happened, |event| matches!(event, Event::Overdue { .. }))),
        (
            MailEvent::Closed,
            any(happened, |event| matches!(event, Event::PhaseChanged { to: Phase::Closed, .. })),
        ),
    ];
    let wanted = kinds.into_iter().filter(|(_, is_due)| *is_due);
    let mails = wanted.map(|(event, _)| match event {
        MailEvent::Overdue => (event, escalated(ticket, context)),
        // Whoever hears that it is listed again has heard of the relapse, and of a ticket that is opened
        // with its host known (by a `detect` run) nobody gets two mails at once.
        MailEvent::Relapsed if is_listed => (event, recipients_besides(context, event, MailEvent::Listed)),
        MailEvent::Opened if is_located(happened) => {
            (event, recipients_besides(context, event, MailEvent::Located))
        }
        _ => (event, recipients(context, event)),
    });
    mails
        .filter(|(_, to)| !to.is_empty())
        .map(|(event, to)| Event::mail(event, to))
        .chain(deadline::reminder(ticket, context))
        .chain(happened.iter().filter_map(|event| mails::escalation(ticket, context, event)))
        .collect()
}

fn any(happened: &[Event], is_it: impl Fn(&Event) -> bool) -> bool {
    happened.iter().any(is_it)
}

/// A ticket is opened, or taken up again after its end.
fn is_opening(event: &Event) -> bool {
    match event {
        Event::Opened { .. } => true,
        Event::PhaseChanged { from, to: Phase::Reported, .. } => !from.is_open(),
        _ => false,
    }
}

fn is_relapse(event: &Event) -> bool {
    matches!(event, Event::Relapsed { .. })
}

/// The address became listed after it was not, or that made the ticket relapse.
fn is_listing_news(ticket: &Ticket, happened: &[Event]) -> bool {
    let is_relapse = any(happened, is_relapse) && ticket.phase == Phase::Reported;
    listings::newly_listed(ticket, happened).is_some_and(|newly| newly.was_clear || is_relapse)
}

/// Who is told of `event` and not of `other`.
fn recipients_besides(context: &Context<'_>, event: MailEvent, other: MailEvent) -> Vec<String> {
    let told = recipients(context, other);
    recipients(context, event).into_iter().filter(|to| !told.contains(to)).collect()
}

/// A host was blamed, and that is no relapse (which has a mail of its own).
fn is_located(happened: &[Event]) -> bool {
    any(happened, |event| matches!(event, Event::HostBlamed { .. })) && !any(happened, is_relapse)
}

/// Nights that proved nothing are news where they were to prove something: while a machine that nobody has cleaned
/// is looked for or waited for, a `verify` run by hand is none.
fn is_inconclusive_row(ticket: &Ticket, context: &Context<'_>, happened: &[Event]) -> bool {
    if !matches!(ticket.phase, Phase::Verifying | Phase::Clean) {
        return false;
    }
    let has_ended = any(happened, |event| {
        matches!(event, Event::RunEnded(_) | Event::OccurrencePassed(_) | Event::OccurrencesPassed(_))
    });
    has_ended && ticket.inconclusive_row >= context.playbook.judge.inconclusive_row
}

/// Who is told that the ticket is overdue: whoever wants that mail, and those of every escalation that
/// is reached.
fn escalated(ticket: &Ticket, context: &Context<'_>) -> Vec<String> {
    let reached = ticket.told.overdue.unwrap_or(0) as usize;
    let mut to = recipients(context, MailEvent::Overdue);
    for step in context.playbook.due.escalate.iter().take(reached) {
        add_mailboxes(&mut to, context, &step.to);
    }
    to
}

/// Everybody who wants mail about `event`, each once, in the order of the playbook.
pub(super) fn recipients(context: &Context<'_>, event: MailEvent) -> Vec<String> {
    let mut to: Vec<String> = Vec::new();
    for rule in context.playbook.notify.iter().filter(|rule| rule.events.contains(&event)) {
        add_mailboxes(&mut to, context, &rule.to);
    }
    to
}

pub(super) fn add_mailboxes(to: &mut Vec<String>, context: &Context<'_>, recipients: &[Recipient]) {
    for recipient in recipients {
        let mailbox = match recipient {
            Recipient::Coordinator => &context.site.coordinator,
            Recipient::Mailbox(mailbox) => mailbox,
        };
        if !to.contains(mailbox) {
            to.push(mailbox.clone());
        }
    }
}
