//! When is a mail tried again, when is it given up, and who hears of that?
//!
//! Left of it is the folded ticket, whose outbox knows what went wrong with whom; right of it `decide`,
//! `acts` and `consequences`. It must never let a mail vanish: one that does not arrive is shown, and
//! somebody else is told, once.

use super::consequences::{add_mailboxes, recipients};
use super::outbox::address;
use super::{Context, Event, Mail, Never, Refusal, Ticket, Trouble};
use crate::pure::playbook::MailEvent;
use crate::pure::schedule::jitter;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// After the first failure a mail waits a minute, after each further one twice as long, at most four hours
/// (RFC 5321, 4.5.4.1, advises at least half an hour between the later ones).
const PAUSE_MIN: Duration = Duration::from_secs(60);
const PAUSE_MAX: Duration = Duration::from_secs(4 * 3_600);

/// A pause is up to a quarter longer, so that a pile of mails does not come back all at once.
const JITTER_SHARE: u32 = 4;

/// A mail that was not accepted for so long is given up: RFC 5321, 4.5.4.1, asks for four to five days.
const GIVE_UP: SignedDuration = SignedDuration::from_hours(5 * 24);

/// What is said of a mail that could not be handed over: it is tried again later, or this is its end.
pub fn mail_failed(
    outbox: &[Mail],
    now: Timestamp,
    (mail, to): (u64, &str),
    error: &str,
    never: Option<Never>,
) -> Event {
    let known = outbox.iter().rev().find(|known| known.seq == mail);
    let age = known.map(|known| now.duration_since(known.waits_since()));
    let after = known.map_or(PAUSE_MIN, |known| pause(known, to));
    Event::MailFailed {
        mail,
        to: to.to_owned(),
        error: error.to_owned(),
        not_before: now.saturating_add(after).unwrap_or(now),
        is_refused: never.is_some(),
        is_given_up: never.is_none() && age >= Some(GIVE_UP),
        is_unfit: never == Some(Never::Unfit),
    }
}

/// How long it waits before it is tried again; the same for the same mail.
fn pause(mail: &Mail, to: &str) -> Duration {
    let tries = mail.trouble(to).map_or(0, |trouble| trouble.tries);
    let doubled = PAUSE_MIN.saturating_mul(2u32.saturating_pow(tries)).min(PAUSE_MAX);
    doubled + jitter(mail.at, &format!("mail {} to {to}, {tries}", mail.seq), doubled / JITTER_SHARE)
}

/// The mail to others about a mail that one of its recipients does not get; `None` when nobody else is
/// named, and for a mail that is such a one itself, since it would go round in circles.
pub(super) fn escalation(ticket: &Ticket, context: &Context<'_>, happened: &Event) -> Option<Event> {
    let Event::MailFailed { mail, to: lost, is_refused, is_given_up, .. } = happened else { return None };
    let about = ticket.mail(*mail).filter(|mail| mail.event != MailEvent::Undeliverable)?;
    if !(*is_refused || *is_given_up) || !about.to.contains(lost) {
        return None;
    }
    let (event, to, unreached) = (MailEvent::Undeliverable, others(ticket, context), Some(lost.clone()));
    let (held, folds) = (Vec::new(), Vec::new());
    (!to.is_empty()).then_some(Event::MailQueued { event, to, held, folds, unreached })
}

/// Who can be told instead: those who hear of an overdue ticket, and whoever else the playbook tells of
/// anything; else those of its escalations, else the postmaster. Nobody whom a mail of this ticket does not
/// reach.
fn others(ticket: &Ticket, context: &Context<'_>) -> Vec<String> {
    let mut told = recipients(context, MailEvent::Overdue);
    for rule in &context.playbook.notify {
        add_mailboxes(&mut told, context, &rule.to);
    }
    let mut escalated = Vec::new();
    for step in &context.playbook.due.escalate {
        add_mailboxes(&mut escalated, context, &step.to);
    }
    let postmaster = context.postmaster.map(str::to_owned).into_iter().collect();
    let is_reached = |to: &String| !ticket.outbox.iter().any(|mail| mail.is_lost_on(to));
    let reached = |all: Vec<String>| all.into_iter().filter(is_reached).collect::<Vec<_>>();
    [told, escalated, postmaster].into_iter().map(reached).find(|to| !to.is_empty()).unwrap_or_default()
}

/// The events of a person who has a mail tried again, or all that wait or have failed. A recipient whom
/// the files do not name any more is replaced by those whom they name now. Who is held back from a mail gets
/// it at once when that very mail is asked for; all of them at a time would be the storm that holding prevents.
pub(super) fn retry(
    ticket: &Ticket,
    context: &Context<'_>,
    mail: Option<u64>,
) -> Result<Vec<Event>, Refusal> {
    let is_meant = |known: &&Mail| mail.is_none_or(|seq| known.seq == seq);
    let mut events = Vec::new();
    for known in ticket.outbox.iter().filter(is_meant) {
        let (held, tried): (Vec<&String>, Vec<&String>) = known.missing().partition(|to| known.is_held(to));
        let released = held.into_iter().filter(|_| mail.is_some());
        events.extend(released.map(|to| Event::MailReleased { mail: known.seq, to: to.clone() }));
        let missing = known.missing().collect();
        let to = addressees(known, missing, ticket, context);
        let again = Event::MailRetried { mail: known.seq, to, of: None };
        events.extend((!tried.is_empty()).then_some(again));
    }
    if !events.is_empty() {
        return Ok(events);
    }
    Err(Refusal(match mail {
        Some(seq) if ticket.mail(seq).is_some() => {
            format!("mail {seq} was accepted for all: nothing to retry")
        }
        Some(seq) => format!("ticket {} has no mail {seq}: `allclear mail queue` lists them", ticket.id),
        None => {
            format!("no mail of ticket {} was refused or waits for its server: nothing to retry", ticket.id)
        }
    }))
}

/// The same for mails that are of no ticket, whose recipients nobody can name anew.
pub fn retry_as_it_is(outbox: &[Mail], mail: Option<u64>) -> Vec<Event> {
    let meant = outbox.iter().filter(|known| mail.is_none_or(|seq| known.seq == seq));
    let missing = meant.map(|known| (known.seq, known.missing().cloned().collect::<Vec<_>>()));
    missing
        .filter(|(_, to)| !to.is_empty())
        .map(|(mail, to)| Event::MailRetried { mail, to, of: None })
        .collect()
}

/// A mail that one recipient was told of in a lost one goes again, for that one alone: to whom the files name
/// now; to the same mailbox where they cannot be read.
pub fn retry_one(ticket: &Ticket, context: Option<&Context<'_>>, mail: u64, of: &str) -> Option<Event> {
    let (known, of) = (ticket.mail(mail)?, of.to_owned());
    let to = match context {
        Some(context) => addressees(known, vec![&of], ticket, context),
        None => vec![of.clone()],
    };
    Some(Event::MailRetried { mail, to, of: Some(of) })
}

/// Whoever was not reached gets other mail now, so that a mail which says otherwise, and is not out yet, is
/// withdrawn; what that one did not get goes again. Once: a mail may be refused for what is in it, each time, and
/// then others are told.
pub fn withdraw_denial(outbox: &[Mail], denial: u64) -> Vec<Event> {
    let Some(denial) = outbox.iter().find(|mail| mail.seq == denial) else { return Vec::new() };
    let Some(who) = denial.unreached.as_deref().map(address) else { return Vec::new() };
    let lost_then = |trouble: &&Trouble| trouble.end.is_some() && trouble.at == denial.at;
    let is_meant = |trouble: &&Trouble| lost_then(trouble) && address(&trouble.to) == who;
    let told = outbox.iter().filter(|mail| mail.event != MailEvent::Undeliverable);
    let lost: Vec<(&Mail, &Trouble)> = told
        .flat_map(|mail| mail.troubles.iter().filter(is_meant).map(move |trouble| (mail, trouble)))
        .collect();
    if lost.iter().any(|(mail, _)| mail.retried.is_some()) {
        return Vec::new();
    }
    let withdrawn = denial.hoping().map(|to| Event::MailWithdrawn { mail: denial.seq, to: to.clone() });
    let again = lost.iter().map(|(mail, Trouble { to, .. })| {
        let (mail, to, of) = (mail.seq, vec![to.clone()], Some(to.clone()));
        Event::MailRetried { mail, to, of }
    });
    withdrawn.chain(again).collect()
}

/// A mail about `event` as it would be decided upon now, for people to look at; it has the number `seq`.
pub fn drafted(ticket: &Ticket, context: &Context<'_>, event: MailEvent, seq: u64) -> Mail {
    Mail::new(seq, event, context.now, named(event, ticket, context))
}

/// Who gets a mail that goes again, for these recipients of it.
fn addressees(mail: &Mail, missing: Vec<&String>, ticket: &Ticket, context: &Context<'_>) -> Vec<String> {
    let named = named(mail.event, ticket, context);
    let (kept, gone): (Vec<&String>, Vec<&String>) =
        missing.into_iter().partition(|to| named.contains(to) || mail.trouble(to).is_none());
    let mut to: Vec<String> = kept.into_iter().cloned().collect();
    if !gone.is_empty() {
        let instead: Vec<String> = named.into_iter().filter(|new| !mail.to.contains(new)).collect();
        // Nobody takes the place of who is not named any more: then it is tried as it was.
        to.extend(if instead.is_empty() { gone.into_iter().cloned().collect() } else { instead });
    }
    to
}

/// Whom the files name for such a mail now.
fn named(event: MailEvent, ticket: &Ticket, context: &Context<'_>) -> Vec<String> {
    if event == MailEvent::Undeliverable {
        return others(ticket, context);
    }
    let mut named = recipients(context, event);
    for step in context.playbook.due.escalate.iter().filter(|_| event == MailEvent::Overdue) {
        add_mailboxes(&mut named, context, &step.to);
    }
    named
}

impl Ticket {
    /// The mail of that number.
    pub fn mail(&self, seq: u64) -> Option<&Mail> {
        self.outbox.iter().rev().find(|mail| mail.seq == seq)
    }
}

impl Mail {
    /// Whether it was refused or given up for that address.
    fn is_lost_on(&self, to: &str) -> bool {
        self.troubles.iter().any(|trouble| trouble.end.is_some() && address(&trouble.to) == address(to))
    }
}
