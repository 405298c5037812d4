//! Which mails are to go out, and what became of each? The mails of a ticket, or those of no ticket, as
//! their events leave them.
//!
//! Left of it are the events; right of it `due` and everybody who asks what waits. It decides nothing.

use super::{Effect, Event, HeldBack, HoldReason, Recorded, TicketId};
use crate::pure::playbook::MailEvent;
use jiff::Timestamp;
use std::net::IpAddr;

/// A mail that was decided upon.
#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    /// The sequence number of the event that decided upon it; part of its Message-ID.
    pub seq: u64,
    pub event: MailEvent,
    pub at: Timestamp,
    pub to: Vec<String>,
    /// Those of `to` whose server accepted it.
    pub accepted: Vec<String>,
    /// What went wrong with those of `to` that were tried in vain; empty for nearly all mails.
    pub troubles: Vec<Trouble>,
    /// When a person last had it tried again.
    pub retried: Option<Timestamp>,
    /// Recipients who do not get it now, and why.
    pub held: Vec<HeldBack>,
    /// Recipients who are told of it in another mail, and in which; those too to whom that one was lost.
    pub folded: Vec<(String, u64)>,
    /// Earlier mails that are told in this one.
    pub folds: Vec<u64>,
    /// Of one that says so: whose mailbox did not get a mail.
    pub unreached: Option<String>,
    /// The machines that were infected when it was decided upon.
    pub machines: Vec<IpAddr>,
}

/// Why a recipient does not have a mail yet, or never gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    pub to: String,
    /// Failed attempts so far.
    pub tries: u32,
    /// When the last one was put on record.
    pub at: Timestamp,
    /// The last failure, in words.
    pub error: String,
    /// Not tried again before.
    pub not_before: Timestamp,
    /// Whether it is the end; `None` while it is tried again.
    pub end: Option<Undelivered>,
}

/// Why a mail is not tried again for a recipient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// The server will never take it.
    Refused,
    /// It was tried for days.
    GivenUp,
}

/// Enters what happened to a mail.
///
/// # Errors
///
/// It cannot have happened, or is about no mail: why, in words.
pub fn apply(outbox: &mut Vec<Mail>, recorded: &Recorded) -> Result<(), String> {
    match &recorded.event {
        Event::MailQueued { event, to, held, folds, unreached } => {
            for earlier in folds {
                let earlier = find(outbox, *earlier)?;
                to.iter().for_each(|to| earlier.fold(to, recorded.seq));
            }
            let mail = Mail::new(recorded.seq, *event, recorded.at, to.clone());
            let (held, folds, unreached) = (held.clone(), folds.clone(), unreached.clone());
            outbox.push(Mail { held, folds, unreached, ..mail });
        }
        Event::RoundQueued { to, round } => {
            outbox.push(Mail::new(recorded.seq, round.event(), recorded.at, to.clone()));
        }
        Event::MailWithdrawn { mail, to } => find(outbox, *mail)?.withdraw(to),
        Event::MailReleased { mail, to } => find(outbox, *mail)?.held.retain(|held| held.to != *to),
        Event::MailFolded { mail, to, into } => find(outbox, *mail)?.fold(to, *into),
        Event::MailAccepted { mail, to } => find(outbox, *mail)?.accepted.push(to.clone()),
        Event::MailFailed { mail, .. } => find(outbox, *mail)?.fail(recorded),
        Event::MailRetried { mail, to, of } => find(outbox, *mail)?.retry(recorded.at, to, of.as_ref()),
        _ => return Err("it is about no mail".to_owned()),
    }
    Ok(())
}

/// The mails that an event is about, by their numbers. Every event is named: who adds one is asked here.
pub fn meant(recorded: &Recorded) -> Vec<u64> {
    match &recorded.event {
        Event::MailQueued { folds, .. } => folds.iter().copied().chain([recorded.seq]).collect(),
        Event::RoundQueued { .. } => vec![recorded.seq],
        Event::MailReleased { mail, .. }
        | Event::MailWithdrawn { mail, .. }
        | Event::MailFolded { mail, .. }
        | Event::MailAccepted { mail, .. }
        | Event::MailFailed { mail, .. }
        | Event::MailRetried { mail, .. } => vec![*mail],
        Event::Opened { .. }
        | Event::ReportAdded { .. }
        | Event::SearchWidened { .. }
        | Event::HostBlamed { .. }
        | Event::HostCleaned { .. }
        | Event::HostWithdrawn { .. }
        | Event::HostRetired { .. }
        | Event::RunStarted(_)
        | Event::RunDelayed { .. }
        | Event::RunEnded(_)
        | Event::OccurrencePassed(_)
        | Event::OccurrencesPassed(_)
        | Event::SchedulesRead(_)
        | Event::Relapsed { .. }
        | Event::PhaseChanged { .. }
        | Event::Signed { .. }
        | Event::SignatureWithdrawn { .. }
        | Event::RiskAccepted { .. }
        | Event::Noted { .. }
        | Event::Held { .. }
        | Event::Resumed
        | Event::Overdue { .. }
        | Event::ListingAnswered(_)
        | Event::DigestPlanned(_)
        | Event::DigestDue { .. }
        | Event::Detection { .. } => Vec::new(),
    }
}

/// What is to be handed over now.
pub fn due(id: TicketId, outbox: &[Mail], now: Timestamp) -> impl Iterator<Item = Effect> + '_ {
    outbox.iter().flat_map(move |mail| {
        mail.ripe(now).map(move |to| Effect::SendMail { ticket: id, mail: mail.seq, to: to.clone() })
    })
}

/// Whether something remains to be handed over.
pub fn is_busy(outbox: &[Mail]) -> bool {
    outbox.iter().any(|mail| mail.pending().next().is_some())
}

/// When the first mail that failed is tried again; `None` when none waits.
pub fn next_retry(outbox: &[Mail]) -> Option<Timestamp> {
    let first = |mail: &Mail| {
        mail.pending().filter_map(|to| mail.trouble(to)).map(|trouble| trouble.not_before).min()
    };
    outbox.iter().filter_map(first).min()
}

/// Where a mail stands in the conversation of those before it: the first of them, whoever got it, by which mail
/// programs find all of them together, and the one that it answers: the last that each of its recipients has or is
/// about to get, so that nobody is answered who did not ask; else the first, where somebody has it.
pub fn conversation(outbox: &[Mail], mail: &Mail) -> (Option<u64>, Option<u64>) {
    let before = || outbox.iter().filter(|earlier| earlier.seq < mail.seq);
    let first = before().next();
    let is_known = |earlier: &&Mail| mail.to.iter().all(|to| earlier.reaches(to));
    let answered = before().rfind(is_known).or(first.filter(|first| first.is_out()));
    (first.map(|first| first.seq), answered.map(|answered| answered.seq))
}

fn find(outbox: &mut [Mail], seq: u64) -> Result<&mut Mail, String> {
    let mail = outbox.iter_mut().rev().find(|mail| mail.seq == seq);
    mail.ok_or_else(|| format!("there is no mail {seq}"))
}

/// The address of a mailbox, by which a person is known whatever name stands beside it.
pub fn address(mailbox: &str) -> String {
    let inner = mailbox.rsplit_once('<').map_or(mailbox, |(_, rest)| rest.trim_end().trim_end_matches('>'));
    inner.trim().to_ascii_lowercase()
}

impl Mail {
    /// One of which nothing became yet.
    pub fn new(seq: u64, event: MailEvent, at: Timestamp, to: Vec<String>) -> Mail {
        Mail {
            seq,
            event,
            at,
            to,
            accepted: Vec::new(),
            troubles: Vec::new(),
            retried: None,
            held: Vec::new(),
            folded: Vec::new(),
            folds: Vec::new(),
            unreached: None,
            machines: Vec::new(),
        }
    }

    /// Recipients who are neither accepted nor told in another mail, or told in one that was lost.
    pub fn missing(&self) -> impl Iterator<Item = &String> {
        let is_told = |to: &String| self.folded.iter().any(|(told, _)| told == to) && !self.is_lost(to);
        self.to.iter().filter(move |to| !self.accepted.contains(to) && !is_told(to))
    }

    /// Whether it was refused or given up for this recipient.
    pub fn is_lost(&self, to: &str) -> bool {
        self.trouble(to).is_some_and(|trouble| trouble.end.is_some())
    }

    /// Recipients to whom it must still be sent; those who do not get it now are not among them.
    pub fn pending(&self) -> impl Iterator<Item = &String> {
        self.missing().filter(|to| !self.is_lost(to) && !self.is_held(to))
    }

    /// Whether somebody has it, or it is being tried: only such a one may be named as the mail before another.
    pub fn is_out(&self) -> bool {
        !self.accepted.is_empty() || self.pending().next().is_some()
    }

    /// Those of them to whom it can be sent now.
    pub fn ripe(&self, now: Timestamp) -> impl Iterator<Item = &String> {
        let is_ripe = move |to: &&String| self.trouble(to).is_none_or(|trouble| trouble.not_before <= now);
        self.pending().filter(is_ripe)
    }

    /// Recipients who may get it yet, be it later.
    pub fn hoping(&self) -> impl Iterator<Item = &String> {
        self.missing().filter(|to| !self.is_lost(to))
    }

    /// Whether this recipient does not get it now.
    pub fn is_held(&self, to: &str) -> bool {
        self.held.iter().any(|held| held.to == to)
    }

    /// What went wrong with a recipient; `None` when nothing did.
    pub fn trouble(&self, to: &str) -> Option<&Trouble> {
        self.troubles.iter().find(|trouble| trouble.to == to)
    }

    /// Since when it waits to be delivered: its age, for all limits.
    pub fn waits_since(&self) -> Timestamp {
        self.retried.unwrap_or(self.at)
    }

    /// Whether who is behind this mailbox has it, or is about to get it, by itself.
    fn reaches(&self, mailbox: &str) -> bool {
        let meant = address(mailbox);
        let mut out = self.accepted.iter().chain(self.pending());
        out.any(|to| address(to) == meant)
    }

    /// A delivery failed; of a recipient that it had before a person readdressed it, nobody wants to know.
    fn fail(&mut self, failed: &Recorded) {
        let Event::MailFailed { to, error, not_before, is_refused, is_given_up, .. } = &failed.event else {
            return;
        };
        if !self.to.contains(to) {
            return;
        }
        let tries = self.trouble(to).map_or(0, |trouble| trouble.tries) + 1;
        self.troubles.retain(|trouble| trouble.to != *to);
        let given_up = is_given_up.then_some(Undelivered::GivenUp);
        let end = if *is_refused { Some(Undelivered::Refused) } else { given_up };
        let (to, at, error, not_before) = (to.clone(), failed.at, error.clone(), *not_before);
        self.troubles.push(Trouble { to, tries, at, error, not_before, end });
    }

    /// From now on those who do not have it are these, as if nothing had gone wrong; of one recipient alone, where
    /// only that one is meant. Then, and where it was told in a mail that was lost, it waits to be told together
    /// with others.
    fn retry(&mut self, at: Timestamp, to: &[String], of: Option<&String>) {
        let is_meant = |to: &&String| of.is_none_or(|of| of == *to);
        let missing: Vec<String> = self.missing().filter(is_meant).cloned().collect();
        let told = self.folded.len();
        self.folded.retain(|(told, _)| !missing.contains(told));
        if of.is_some() || self.folded.len() < told {
            let held = to.iter().filter(|to| !self.is_held(to));
            let held = held.map(|to| HeldBack { to: to.clone(), why: HoldReason::Limit });
            self.held.extend(held.collect::<Vec<_>>());
        }
        self.to.retain(|known| !missing.contains(known));
        self.to.extend_from_slice(to);
        self.troubles.retain(|trouble| of.is_some_and(|of| *of != trouble.to));
        self.retried = Some(at);
    }

    /// From now on this recipient has nothing to do with it.
    fn withdraw(&mut self, to: &str) {
        self.to.retain(|known| known != to);
        self.held.retain(|held| held.to != to);
        self.troubles.retain(|trouble| trouble.to != to);
    }

    /// The name beside the address may have changed since.
    fn fold(&mut self, to: &str, into: u64) {
        let meant = address(to);
        self.held.retain(|held| address(&held.to) != meant);
        let told = self.to.iter().filter(|own| address(own) == meant);
        self.folded.extend(told.map(|own| (own.clone(), into)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row: to whom earlier mails went (`-`: refused), and which of them one to these answers.
    #[test]
    fn a_mail_answers_the_last_one_that_all_its_recipients_have() {
        for (row, earlier, to, expected) in [
            ("the first", &[][..], "a", (None, None)),
            ("one before it", &["a"], "a", (Some(1), Some(1))),
            ("the last that it got", &["a", "a b", "b"], "a", (Some(1), Some(2))),
            ("who joins late", &["a", "a"], "b", (Some(1), Some(1))),
            ("together with who joins late", &["a", "a", "a"], "a b", (Some(1), Some(1))),
            ("from then on", &["a", "a", "a b", "a"], "a b", (Some(1), Some(3))),
            ("under another name", &["a"], "A. Tech <A>", (Some(1), Some(1))),
            ("what was refused", &["a", "-a"], "a", (Some(1), Some(1))),
            ("what nobody has", &["-a"], "a", (Some(1), None)),
            ("whose first nobody has", &["-a", "a"], "a", (Some(1), Some(2))),
        ] {
            let at = Timestamp::UNIX_EPOCH;
            let mail = |seq, to: &str| {
                let (to, is_lost) = to.strip_prefix('-').map_or((to, false), |to| (to, true));
                let names = to.split(' ').map(str::to_owned).collect();
                let mut mail = Mail::new(seq, MailEvent::Opened, at, names);
                if is_lost {
                    let (to, error, end) = (to.to_owned(), String::new(), Some(Undelivered::Refused));
                    mail.troubles.push(Trouble { to, tries: 1, at, error, not_before: at, end });
                }
                mail
            };
            let outbox: Vec<Mail> = (1..).zip(earlier).map(|(seq, to)| mail(seq, to)).collect();
            let own = Mail { to: vec![to.to_owned()], ..mail(9, "") };
            let own = if to.contains('<') { own } else { mail(9, to) };
            assert_eq!(conversation(&outbox, &own), expected, "{row}");
        }
    }

    #[test]
    fn what_is_about_no_mail_is_not_passed_over() {
        let recorded = |event| Recorded {
            seq: 1,
            at: Timestamp::UNIX_EPOCH,
            ticket: TicketId::NONE,
            by: String::new(),
            event,
            hash: String::new(),
        };
        let mut outbox = Vec::new();
        let queued = recorded(Event::mail(MailEvent::Opened, vec!["tech@school.example".to_owned()]));
        assert_eq!((apply(&mut outbox, &queued), meant(&queued)), (Ok(()), vec![1]));
        let other = recorded(Event::Resumed);
        assert_eq!(apply(&mut outbox, &other), Err("it is about no mail".to_owned()));
        assert_eq!((outbox.len(), meant(&other)), (1, vec![]));
    }

    #[test]
    fn a_person_is_known_by_the_address() {
        for (mailbox, expected) in [
            ("tech@school.example", "tech@school.example"),
            ("Tech Coordinator <Tech@School.example>", "tech@school.example"),
            ("\"<odd> name\" <tech@school.example> ", "tech@school.example"),
        ] {
            assert_eq!(address(mailbox), expected, "{mailbox}");
        }
    }
}
