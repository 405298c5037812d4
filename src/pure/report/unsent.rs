//! Which mails does somebody not have yet, and what is said of them? For `mail queue`, `ticket show` and the
//! mail about a mail.
//!
//! Left of it is the outbox of `ticket`.

use super::view::{Material, TicketView};
use crate::pure::ticket::{Event, HoldReason, Mail, Phase, Recorded, Ticket, TicketId, Undelivered};
use crate::pure::words::{self, local_time};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// From this age on a mail that is still tried is shown as delayed.
pub const DELAYED_AFTER: SignedDuration = SignedDuration::from_hours(4);

/// How a mail stands with one recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    Waiting,
    /// It has waited for [`DELAYED_AFTER`].
    Delayed,
    /// It waits to be told in another mail, or for its turn.
    Held,
    /// The server will never take it.
    Refused,
    /// It was tried for days.
    GivenUp,
}

impl MailState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            MailState::Waiting => "waiting",
            MailState::Delayed => "delayed",
            MailState::Held => "held",
            MailState::Refused => "refused",
            MailState::GivenUp => "given up",
        }
    }
}

/// A mail that one recipient does not have.
#[derive(Clone, Debug, Serialize)]
pub struct UnsentMail<'a> {
    /// Its number, as in its Message-ID.
    pub mail: u64,
    pub ticket: TicketId,
    pub event: &'static str,
    pub to: &'a str,
    pub since: Timestamp,
    pub tries: u32,
    pub last_error: Option<&'a str>,
    /// `None`: at once, or never.
    pub next_try: Option<Timestamp>,
    pub state: MailState,
    /// Why it is held; `None` when it is not.
    pub held_because: Option<HoldReason>,
}

/// Every mail of the ticket with each recipient who does not have it, in order of their numbers.
pub fn unsent(ticket: &Ticket, now: Timestamp) -> Vec<UnsentMail<'_>> {
    of_outbox(ticket.id, &ticket.outbox, now)
}

/// The same of an outbox, also of that of no ticket.
pub fn of_outbox(ticket: TicketId, outbox: &[Mail], now: Timestamp) -> Vec<UnsentMail<'_>> {
    outbox.iter().flat_map(|mail| of_mail(ticket, mail, now)).collect()
}

fn of_mail(ticket: TicketId, mail: &Mail, now: Timestamp) -> impl Iterator<Item = UnsentMail<'_>> {
    mail.missing().map(move |to| {
        let trouble = mail.trouble(to);
        let end = trouble.and_then(|trouble| trouble.end);
        UnsentMail {
            mail: mail.seq,
            ticket,
            event: mail.event.word(),
            to,
            since: mail.waits_since(),
            tries: trouble.map_or(0, |trouble| trouble.tries),
            last_error: trouble.map(|trouble| trouble.error.as_str()),
            held_because: mail.held.iter().find(|held| held.to == *to).map(|held| held.why),
            next_try: trouble.filter(|_| end.is_none()).map(|trouble| trouble.not_before),
            state: if mail.is_held(to) {
                MailState::Held
            } else {
                state(end, now.duration_since(mail.waits_since()))
            },
        }
    })
}

fn state(end: Option<Undelivered>, age: SignedDuration) -> MailState {
    match end {
        Some(Undelivered::Refused) => MailState::Refused,
        Some(Undelivered::GivenUp) => MailState::GivenUp,
        None if age >= DELAYED_AFTER => MailState::Delayed,
        None => MailState::Waiting,
    }
}

/// Whom the last mail that failed for good did not reach, for the mail about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UnreachedView {
    /// Name or address.
    pub person: String,
    pub mailbox: String,
    pub mail: String,
    pub event: String,
    /// Whether the server refused it; else it was tried for days.
    pub is_refused: bool,
    /// Whether we ourselves cannot send such a mail, and no server was asked.
    pub is_unfit: bool,
    /// When that went on record.
    pub when: String,
    /// The server's words, or what is wrong where none was asked.
    pub answer: String,
    /// What that person has to do: `take it off the network, clean it, and say so, by ...`.
    pub deed: String,
}

/// Nobody, when no mail has failed for good.
pub(super) fn unreached(material: &Material, view: &TicketView) -> UnreachedView {
    let lost = material.events.iter().rev().find(|recorded| is_end(&recorded.event));
    let Some(Recorded { at, event: Event::MailFailed { mail, to, error, is_refused, is_unfit, .. }, .. }) =
        lost
    else {
        return UnreachedView::default();
    };
    let event = material.ticket.mail(*mail).map_or("", |mail| mail.event.word());
    UnreachedView {
        person: words::person(to),
        mailbox: to.clone(),
        mail: mail.to_string(),
        event: event.to_string(),
        is_refused: *is_refused,
        when: local_time(*at, &material.site.timezone),
        is_unfit: *is_unfit,
        answer: error.clone(),
        deed: deed(material.ticket, view),
    }
}

/// Whether a mail is lost to somebody for good.
fn is_end(event: &Event) -> bool {
    matches!(event, Event::MailFailed { is_refused, is_given_up, .. } if *is_refused || *is_given_up)
}

/// What is to be done about the ticket as it stands.
fn deed(ticket: &Ticket, view: &TicketView) -> String {
    let TicketView { by_when, it_them, the_machine, next_window, lack, .. } = view;
    match ticket.phase {
        Phase::Reported => {
            format!("find the machine {by_when}, with the network support engineer")
        }
        Phase::Located => {
            format!("take {it_them} off the network and clean {it_them} {by_when}")
        }
        Phase::Verifying if view.is_silent_enough => lack.deed.clone(),
        Phase::Verifying if !next_window.is_empty() => {
            format!("leave {the_machine} switched on {next_window}")
        }
        Phase::Verifying => format!("leave {the_machine} switched on while the network is watched"),
        Phase::Clean | Phase::Closed | Phase::Rejected | Phase::AcceptedRisk => {
            "do nothing more: the work on it is over".to_string()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_delayed_from_four_hours_on_and_refused_at_any_age() {
        let (just, then) = (DELAYED_AFTER - SignedDuration::from_secs(1), DELAYED_AFTER);
        for (end, age, expected) in [
            (None, just, MailState::Waiting),
            (None, then, MailState::Delayed),
            (Some(Undelivered::Refused), just, MailState::Refused),
            (Some(Undelivered::GivenUp), then, MailState::GivenUp),
        ] {
            assert_eq!(state(end, age), expected, "{end:?} {age:?}");
        }
    }
}
