//! What do mails that are of no ticket add to the loop? Digests at their times; and mails that waited go
//! out, by themselves or told in one, each exactly once: what is decided stands in the log as a whole.

use super::decision::Decision;
use super::log::{Log, Subject};
use super::{Engine, EngineError};
use crate::edge::store::StoreError;
use crate::pure::digest::{Desk, gather};
use crate::pure::letterbox::MailId;
use crate::pure::playbook::{Library, MailEvent};
use crate::pure::site;
use crate::pure::ticket::{
    ALLCLEAR, Act, Digest, Event, FoldedMail, Input, Lines, Mail, Recorded, Round, TicketId, mail_failed,
    outbox, retry_as_it_is, retry_one, withdraw_denial,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Writes a mail of a ticket in short; `None` when it cannot be written now.
pub type Scribe<'a> = dyn Fn(&Engine, MailId) -> Option<Lines> + 'a;

/// Mails in short, those that will be told in others.
pub(super) type Written = BTreeMap<MailId, Lines>;

impl Engine {
    /// The mails that are of no ticket: those that are not out yet, and the last ones that are.
    pub fn rounds(&self) -> &[Mail] {
        &self.log.rounds
    }

    /// The mail of that number, of a ticket or of none.
    pub fn mail(&self, ticket: TicketId, seq: u64) -> Option<&Mail> {
        if ticket == TicketId::NONE {
            return self.log.rounds.iter().find(|mail| mail.seq == seq);
        }
        self.log.tickets.get(&ticket)?.mail(seq)
    }

    /// What a mail of no ticket tells, with the event that decided upon it; `None` when there is none of that
    /// number.
    pub fn round(&self, seq: u64) -> Result<Option<Recorded>, StoreError> {
        let found = self.store.event(seq)?;
        Ok(found.filter(|found| matches!(found.event, Event::RoundQueued { .. })))
    }

    /// What digests sent at `now` would tell, with those who would get them, also where nothing is new;
    /// that of all sites first.
    pub fn digests_now(&self, now: Timestamp) -> Vec<(Vec<String>, Digest)> {
        let Some(settings) = settings(&self.library) else { return Vec::new() };
        let settings = site::DigestSettings { is_skipped_unchanged: false, ..settings.clone() };
        let due = self.log.digests.due_now(now);
        gather(&desk(&self.library, &settings, &self.log, now), due)
    }

    /// From now on digests are planned as the site file says.
    pub(super) fn plan_digests(&mut self, now: Timestamp) -> Result<(), EngineError> {
        if !self.is_planned
            && let Some(plan) = self.log.digests.replan(settings(&self.library))
        {
            self.transact(now, |decision| decision.append(ALLCLEAR, TicketId::NONE, vec![plan]).map(drop))?;
        }
        Ok(())
    }

    /// Writes in short what will be told in other mails at `now`, once: a repeat is the same mail, and takes no
    /// longer than any other.
    pub(super) fn write_lines(&self, now: Timestamp, due: &[Subject], scribe: &Scribe<'_>) -> Written {
        let limit = self.library.site_file.hourly_limit();
        let letterboxes = due.iter().filter_map(|subject| match subject {
            Subject::Recipient(address) => self.log.letterboxes.get(address),
            _ => None,
        });
        let together = letterboxes
            .map(|letterbox| letterbox.release(now, limit))
            .filter(|told| told.len() > 1 || told.iter().any(|id| self.log.is_overtaken(*id)));
        together.flatten().filter_map(|id| Some((id, scribe(self, id)?))).collect()
    }

    pub(super) fn next_of_digests(&self) -> Option<Timestamp> {
        self.log.digests.next_due(settings(&self.library)?)
    }

    /// When a mailbox gets what is held back from it, by itself or told with others; `None` when that depends
    /// on what becomes of the mails before it.
    pub fn held_until(&self, mailbox: &str) -> Option<Timestamp> {
        self.next_of_recipient(&outbox::address(mailbox))
    }

    pub(super) fn next_of_recipient(&self, address: &str) -> Option<Timestamp> {
        self.library.site_file.mail.as_ref()?;
        self.log.letterboxes.get(address)?.next_release(self.library.site_file.hourly_limit())
    }
}

/// A mail of a ticket that is told to somebody in another one.
struct Told {
    ticket: TicketId,
    mail: u64,
    to: String,
    /// Whether that one was lost.
    is_lost: bool,
}

fn settings(library: &Library) -> Option<&site::DigestSettings> {
    library.site_file.mail.as_ref()?.digest.as_ref()
}

fn desk<'a>(
    library: &'a Library,
    settings: &'a site::DigestSettings,
    log: &'a Log,
    now: Timestamp,
) -> Desk<'a> {
    let Log { digests, tickets, detections, rounds, .. } = log;
    Desk { library, settings, digests, tickets, detections, rounds, now }
}

impl Decision<'_> {
    /// What became of a mail that is of no ticket.
    pub(super) fn step_rounds(&mut self, by: &str, input: &Input) -> Result<(), EngineError> {
        let events = match input {
            Input::MailAccepted { mail, to } => vec![Event::MailAccepted { mail: *mail, to: to.clone() }],
            Input::MailFailed { mail, to, error, never } => {
                vec![mail_failed(&self.log.rounds, self.when.now, (*mail, to), error, *never)]
            }
            Input::Act(Act::RetryMail { mail }) => self.retry_told(by, *mail)?,
            _ => return Err(EngineError::NoTicket(TicketId::NONE)),
        };
        let happened = self.append(by, TicketId::NONE, events)?;
        happened.iter().try_for_each(|event| self.lose_told(event))
    }

    /// Where a mail that told others is lost, each of those is: on its own ticket, where somebody else is told
    /// and where it can be sent again.
    fn lose_told(&mut self, lost: &Event) -> Result<(), EngineError> {
        let Event::MailFailed { mail: into, is_refused, is_given_up, .. } = lost else {
            return Ok(());
        };
        if !is_refused && !is_given_up {
            return Ok(());
        }
        for Told { ticket, mail, to, .. } in self.told_in(*into) {
            let mut failed = lost.clone();
            if let Event::MailFailed { mail: into, to: all, .. } = &mut failed {
                (*into, *all) = (mail, to);
            }
            let failed = vec![failed];
            match self.context(ticket) {
                Ok(_) => self.record(ALLCLEAR, ticket, failed)?,
                // Without its playbook nobody knows whom to tell; it is shown as lost all the same.
                Err(_) => drop(self.append(ALLCLEAR, ticket, failed)?),
            }
        }
        Ok(())
    }

    /// Whoever was not reached is reached now: what says otherwise, and is not out yet, is withdrawn, and what
    /// was lost goes again.
    pub(super) fn withdraw_denials(&mut self, reached: &str) -> Result<(), EngineError> {
        let letterbox = self.log.letterboxes.get(&outbox::address(reached));
        let denials: Vec<MailId> = letterbox.into_iter().flat_map(|letterbox| letterbox.denials()).collect();
        for (id, seq) in denials {
            let ticket = self.log.tickets.get(&id);
            let events = ticket.map_or_else(Vec::new, |ticket| withdraw_denial(&ticket.outbox, seq));
            self.append(ALLCLEAR, id, events)?;
        }
        Ok(())
    }

    /// What a person who has mails sent again means of those that are of no ticket. What a lost one told goes
    /// again by its tickets, to whom their files name now, and the lost one to nobody.
    fn retry_told(&mut self, by: &str, mail: Option<u64>) -> Result<Vec<Event>, EngineError> {
        let mut events = retry_as_it_is(&self.log.rounds, mail);
        for event in &mut events {
            let Event::MailRetried { mail, to, .. } = event else { continue };
            let is_over = self.log.rounds.iter().any(|known| {
                known.seq == *mail
                    && known.event == MailEvent::Folded
                    && to.iter().all(|to| known.is_lost(to))
            });
            let told = self.told_in(*mail);
            // Of an older log: nobody was told that it was lost, so it is sent as it is.
            if !is_over || told.iter().any(|told| !told.is_lost) {
                continue;
            }
            to.clear();
            told.iter().try_for_each(|told| self.retry_one(by, told))?;
        }
        Ok(events)
    }

    fn retry_one(&mut self, by: &str, Told { ticket: id, mail, to, .. }: &Told) -> Result<(), EngineError> {
        let ticket = self.log.tickets.get(id).ok_or(EngineError::NoTicket(*id))?;
        let again = retry_one(ticket, self.context(*id).ok().as_ref(), *mail, to);
        self.append(by, *id, again.into_iter().collect()).map(drop)
    }

    /// The mails of tickets that are told in that mail.
    fn told_in(&self, into: u64) -> Vec<Told> {
        let mails =
            self.log.tickets.values().flat_map(|ticket| ticket.outbox.iter().map(|mail| (ticket.id, mail)));
        let told = mails.flat_map(|(ticket, mail)| {
            let here = mail.folded.iter().filter(|(_, other)| *other == into);
            here.map(move |(to, _)| Told {
                ticket,
                mail: mail.seq,
                to: to.clone(),
                is_lost: mail.is_lost(to),
            })
        });
        told.collect()
    }

    /// Sends the digests whose time has come.
    pub(super) fn tick_digests(&mut self) -> Result<(), EngineError> {
        let Some(settings) = settings(self.library) else { return Ok(()) };
        let Some(due) = self.log.digests.due(settings, self.when.now) else { return Ok(()) };
        let digests = gather(&desk(self.library, settings, self.log, self.when.now), due);
        let told = digests
            .into_iter()
            .map(|(to, digest)| Event::RoundQueued { to, round: Round::Digest(Box::new(digest)) });
        let events = std::iter::once(Event::DigestDue { occurrence: due.occurrence }).chain(told);
        self.append(ALLCLEAR, TicketId::NONE, events.collect()).map(drop)
    }

    /// Lets out what waited for a recipient, as far as its time has come. What is alone goes as it is, unless its
    /// ticket has gone on: then it is told like several, as it stands now.
    pub(super) fn release(&mut self, address: &str, lines: &Written) -> Result<(), EngineError> {
        let Some(letterbox) = self.log.letterboxes.get(address) else { return Ok(()) };
        let ripe = letterbox.release(self.when.now, self.library.site_file.hourly_limit());
        let waiting: Vec<(MailId, String, Timestamp)> =
            ripe.into_iter().filter_map(|id| self.waiting(id, address)).collect();
        let ((ticket, mail), to) = match &waiting[..] {
            [(id, to, _)] if !self.log.is_overtaken(*id) => (id, to),
            _ => return self.fold_together(waiting, lines),
        };
        let released = Event::MailReleased { mail: *mail, to: to.clone() };
        self.append(ALLCLEAR, *ticket, vec![released]).map(drop)
    }

    fn fold_together(
        &mut self,
        waiting: Vec<(MailId, String, Timestamp)>,
        lines: &Written,
    ) -> Result<(), EngineError> {
        let Some(to) = waiting.first().map(|(_, to, _)| to.clone()) else { return Ok(()) };
        let folded = waiting.iter().map(|(id, _, at)| FoldedMail {
            ticket: id.0,
            mail: id.1,
            at: *at,
            lines: lines.get(id).cloned(),
        });
        let round = Round::Folded(folded.collect());
        self.append(ALLCLEAR, TicketId::NONE, vec![Event::RoundQueued { to: vec![to], round }])?;
        let into = self.log.end.seq;
        waiting.into_iter().try_for_each(|((ticket, mail), to, _)| {
            self.append(ALLCLEAR, ticket, vec![Event::MailFolded { mail, to, into }]).map(drop)
        })
    }

    /// A mail that waits, with the mailbox that it waits for, and when it was decided upon.
    fn waiting(&self, (ticket, seq): MailId, address: &str) -> Option<(MailId, String, Timestamp)> {
        let mail = self.log.tickets.get(&ticket)?.outbox.iter().find(|mail| mail.seq == seq)?;
        let to = mail.to.iter().find(|to| outbox::address(to) == address && mail.is_held(to))?;
        Some(((ticket, seq), to.clone(), mail.at))
    }
}
