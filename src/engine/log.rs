//! What do the events come to so far? Every ticket and `detect` stage folded, and the end of the chain.
//!
//! What a decision folded in is taken out again when the decision could not be written: memory never
//! holds a ticket that the log does not.

use super::EngineError;
use crate::pure::detection::Detection;
use crate::pure::digest::Digests;
use crate::pure::letterbox::{Letterbox, Letterboxes, MailId};
use crate::pure::report;
use crate::pure::ticket::{
    DetectionEvent, DetectionId, Event, IllegalEvent, InForce, Mail, Recorded, Schedules, Ticket, TicketId,
    chain, outbox,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The schedules in force, by site and by playbook.
pub type BySite = BTreeMap<String, BTreeMap<String, InForce>>;

/// So many mails of no ticket are kept in memory, and those that are not out yet.
const ROUNDS_MAX: usize = 1_024;

/// The log as folded so far.
#[derive(Debug, Default)]
pub struct Log {
    pub tickets: BTreeMap<TicketId, Ticket>,
    pub detections: BTreeMap<DetectionId, Detection>,
    /// The tickets of each site.
    sites: BTreeMap<String, BTreeSet<TicketId>>,
    pub end: End,
    pub schedules: BySite,
    /// What the recipients of mails got lately, and what waits for them.
    pub letterboxes: Letterboxes,
    /// The mails that are of no ticket.
    pub rounds: Vec<Mail>,
    pub digests: Digests,
    /// Who has events that nobody has looked at yet.
    pub touched: BTreeSet<Subject>,
    undo: Option<Undo>,
}

/// Whom an event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Ticket(TicketId),
    Detection(DetectionId),
    /// Whoever gets mails, by address.
    Recipient(String),
    /// The mails that are of no ticket.
    Rounds,
}

/// Where the log ends.
#[derive(Clone, Debug, Default)]
pub struct End {
    pub seq: u64,
    hash: Option<String>,
    /// The hash of the first event.
    pub first_hash: Option<String>,
    pub at: Option<Timestamp>,
    pub last_run: u64,
}

/// What was there before a decision.
#[derive(Debug)]
struct Undo {
    end: End,
    tickets: BTreeMap<TicketId, Option<Ticket>>,
    schedules: Option<BySite>,
    detections: BTreeMap<DetectionId, Option<Detection>>,
    letterboxes: BTreeMap<String, Option<Letterbox>>,
    rounds: Option<(Vec<Mail>, Digests)>,
    touched: BTreeSet<Subject>,
}

impl End {
    /// The hash of the last event.
    pub fn hash(&self) -> &str {
        self.hash.as_deref().unwrap_or(chain::GENESIS)
    }
}

impl Log {
    /// The schedules of a playbook at a site; `None` while none are on record.
    pub fn schedules_in_force(&self, site: &str, playbook: &str) -> Option<&InForce> {
        self.schedules.get(site)?.get(playbook)
    }

    /// From now on changes can be taken back.
    pub fn begin(&mut self) {
        let end = self.end.clone();
        let (tickets, detections, letterboxes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (schedules, rounds, touched) = (None, None, BTreeSet::new());
        self.undo = Some(Undo { end, tickets, schedules, detections, letterboxes, rounds, touched });
    }

    /// Changes since [`Log::begin`] stay.
    pub fn keep(&mut self) {
        self.undo = None;
    }

    /// Takes back every change since [`Log::begin`].
    pub fn take_back(&mut self) {
        let Some(undo) = self.undo.take() else { return };
        self.end = undo.end;
        self.touched.retain(|subject| !undo.touched.contains(subject));
        if let Some(schedules) = undo.schedules {
            self.schedules = schedules;
        }
        if let Some((rounds, digests)) = undo.rounds {
            (self.rounds, self.digests) = (rounds, digests);
        }
        for (address, before) in undo.letterboxes {
            match before {
                Some(letterbox) => drop(self.letterboxes.insert(address, letterbox)),
                None => drop(self.letterboxes.remove(&address)),
            }
        }
        for (id, before) in undo.tickets {
            match before {
                Some(ticket) => drop(self.tickets.insert(id, ticket)),
                None => self.forget(id),
            }
        }
        for (id, before) in undo.detections {
            match before {
                Some(detection) => drop(self.detections.insert(id, detection)),
                None => drop(self.detections.remove(&id)),
            }
        }
    }

    /// The tickets of a site, by number.
    pub fn of_site(&self, site: &str) -> impl Iterator<Item = &Ticket> {
        let ids = self.sites.get(site).into_iter().flatten();
        ids.filter_map(|id| self.tickets.get(id))
    }

    /// Whether the ticket of a mail has gone on since that was decided upon.
    pub fn is_overtaken(&self, (ticket, mail): MailId) -> bool {
        let ticket = self.tickets.get(&ticket);
        ticket.is_some_and(|ticket| ticket.mail(mail).is_some_and(|mail| report::has_gone_on(ticket, mail)))
    }

    fn forget(&mut self, id: TicketId) {
        let site = self.tickets.remove(&id).map(|ticket| ticket.site).unwrap_or_default();
        if let Some(tickets) = self.sites.get_mut(&site) {
            tickets.remove(&id);
        }
    }

    /// Gives an event its place in the log, and folds it in.
    pub fn record(
        &mut self,
        at: Timestamp,
        by: &str,
        ticket: TicketId,
        event: Event,
    ) -> Result<Recorded, EngineError> {
        let seq = self.end.seq + 1;
        let body = chain::body(&event);
        let hash = chain::link(self.end.hash(), &chain::Entry { seq, at, ticket, by, body: &body });
        let next = Recorded { seq, at, ticket, by: by.to_owned(), event, hash };
        self.apply(&next)?;
        Ok(next)
    }

    /// Folds an event in.
    pub fn apply(&mut self, recorded: &Recorded) -> Result<(), EngineError> {
        match &recorded.event {
            Event::SchedulesRead(schedules) => self.put_in_force(recorded.at, schedules),
            Event::Detection { of, event } => self.apply_to_detection(recorded, of, event)?,
            _ if recorded.ticket == TicketId::NONE => self.apply_to_rounds(recorded)?,
            _ => self.apply_to_ticket(recorded)?,
        }
        let last_run = last_run(&recorded.event).map_or(self.end.last_run, |run| run.max(self.end.last_run));
        let End { seq, hash, first_hash, at, last_run: last } = &mut self.end;
        (*seq, *at, *last) = (recorded.seq, Some(recorded.at), last_run);
        first_hash.get_or_insert_with(|| recorded.hash.clone());
        hash.get_or_insert_default().clone_from(&recorded.hash);
        Ok(())
    }

    fn put_in_force(&mut self, at: Timestamp, schedules: &Schedules) {
        if let Some(undo) = &mut self.undo
            && undo.schedules.is_none()
        {
            undo.schedules = Some(self.schedules.clone());
        }
        let of_site = self.schedules.entry(schedules.site.clone()).or_default();
        let since = if of_site.contains_key(&schedules.playbook) { at } else { Timestamp::MIN };
        of_site.insert(schedules.playbook.clone(), InForce { schedules: schedules.clone(), since });
    }

    fn apply_to_ticket(&mut self, recorded: &Recorded) -> Result<(), IllegalEvent> {
        let id = recorded.ticket;
        if let Some(undo) = &mut self.undo {
            undo.tickets.entry(id).or_insert_with(|| self.tickets.get(&id).cloned());
        }
        let known = self.tickets.get(&id).map_or(&[][..], |ticket| &ticket.outbox);
        let before = mailboxes_meant(recorded, known);
        match self.tickets.get_mut(&id) {
            Some(ticket) => ticket.apply(recorded)?,
            None => {
                let ticket = Ticket::begin(recorded)?;
                self.sites.entry(ticket.site.clone()).or_default().insert(id);
                self.tickets.insert(id, ticket);
            }
        }
        self.touch(Subject::Ticket(id));
        if let Some(ticket) = self.tickets.get(&id) {
            let meant = mails_meant(recorded, &ticket.outbox);
            meant.iter().for_each(|mail| self.enter_mail(recorded, mail, &before));
        }
        Ok(())
    }

    fn apply_to_rounds(&mut self, recorded: &Recorded) -> Result<(), IllegalEvent> {
        if let Some(undo) = &mut self.undo
            && undo.rounds.is_none()
        {
            undo.rounds = Some((self.rounds.clone(), self.digests.clone()));
        }
        let illegal = |why| IllegalEvent { seq: recorded.seq, ticket: recorded.ticket, why };
        let before = mailboxes_meant(recorded, &self.rounds);
        if !matches!(recorded.event, Event::DigestPlanned(_) | Event::DigestDue { .. }) {
            outbox::apply(&mut self.rounds, recorded).map_err(illegal)?;
        }
        self.digests.apply(recorded);
        let meant = mails_meant(recorded, &self.rounds);
        meant.iter().for_each(|mail| self.enter_mail(recorded, mail, &before));
        let too_many = self.rounds.len().saturating_sub(ROUNDS_MAX);
        let mut is_old = (0..self.rounds.len()).map(|place| place < too_many);
        self.rounds.retain(|mail| !is_old.next().unwrap_or(false) || mail.pending().next().is_some());
        self.touch(Subject::Rounds);
        Ok(())
    }

    /// Puts down in the letterboxes of its recipients where a mail stands now, and in those of the recipients
    /// that it had `before` that they have to do with it no more.
    fn enter_mail(&mut self, recorded: &Recorded, mail: &Mail, before: &[String]) {
        let left = before.iter().filter(|mailbox| !mail.to.contains(mailbox));
        for mailbox in left.chain(&mail.to) {
            let address = outbox::address(mailbox);
            let letterbox = self.letterbox(&address);
            let had_held = letterbox.has_held();
            letterbox.enter(recorded.at, recorded.ticket, mail, mailbox);
            if matches!(&recorded.event, Event::MailAccepted { to, .. } if to == mailbox) {
                letterbox.accept(recorded.at, recorded.ticket, mail);
            }
            if had_held || letterbox.has_held() {
                self.touch(Subject::Recipient(address));
            } else if letterbox.is_idle(recorded.at) {
                self.letterboxes.remove(&address);
            }
        }
        if let Some(who) = &mail.unreached {
            let address = outbox::address(who);
            let letterbox = self.letterbox(&address);
            letterbox.enter_denial(recorded.ticket, mail);
            if letterbox.is_idle(recorded.at) {
                self.letterboxes.remove(&address);
            }
        }
    }

    /// The letterbox of that address, as it was before noted for taking back.
    fn letterbox(&mut self, address: &str) -> &mut Letterbox {
        if let Some(undo) = &mut self.undo
            && !undo.letterboxes.contains_key(address)
        {
            undo.letterboxes.insert(address.to_owned(), self.letterboxes.get(address).cloned());
        }
        self.letterboxes.entry(address.to_owned()).or_default()
    }

    fn touch(&mut self, subject: Subject) {
        let is_news = self.touched.insert(subject.clone());
        if let Some(undo) = self.undo.as_mut().filter(|_| is_news) {
            undo.touched.insert(subject);
        }
    }

    fn apply_to_detection(
        &mut self,
        recorded: &Recorded,
        id: &DetectionId,
        event: &DetectionEvent,
    ) -> Result<(), IllegalEvent> {
        if let Some(undo) = &mut self.undo
            && !undo.detections.contains_key(id)
        {
            undo.detections.insert(id.clone(), self.detections.get(id).cloned());
        }
        let detection = self.detections.entry(id.clone()).or_insert_with(|| Detection::new(id.clone()));
        let illegal = |why| IllegalEvent { seq: recorded.seq, ticket: recorded.ticket, why };
        detection.apply(recorded.at, event).map_err(illegal)?;
        self.touch(Subject::Detection(id.clone()));
        Ok(())
    }
}

/// The mails that an event is about, as they stand now.
fn mails_meant(recorded: &Recorded, outbox: &[Mail]) -> Vec<Mail> {
    let meant = outbox::meant(recorded);
    meant.iter().filter_map(|seq| outbox.iter().rev().find(|mail| mail.seq == *seq)).cloned().collect()
}

/// Whom a mail goes to that an event may readdress, before that is folded in.
fn mailboxes_meant(recorded: &Recorded, outbox: &[Mail]) -> Vec<String> {
    match &recorded.event {
        Event::MailRetried { .. } | Event::MailWithdrawn { .. } => {
            mails_meant(recorded, outbox).into_iter().flat_map(|mail| mail.to).collect()
        }
        _ => Vec::new(),
    }
}

/// The last number of a run or occurrence that an event uses up.
fn last_run(event: &Event) -> Option<u64> {
    match event {
        Event::RunStarted(start) | Event::Detection { event: DetectionEvent::RunStarted(start), .. } => {
            Some(start.run.0)
        }
        other => other.lapsed().map(|record| record.last_run().0),
    }
}
