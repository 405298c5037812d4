//! The loop's one mutable thing: tickets in memory, their log on disk, and the step that moves both.
//!
//! Input in, events out, all of a decision in one transaction. It must never keep a ticket in
//! memory that the log does not hold: when anything fails, it reads the log again.

use crate::edge::store::{Store, StoreError, Writing};
use crate::pure::intake::Report;
use crate::pure::playbook::Library;
use crate::pure::ticket::{
    self, ALLCLEAR, Context, Effect, Event, IllegalEvent, Input, Recorded, Refusal, RunId, Ticket, TicketId,
    chain,
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

/// How many rounds of consequences one input may have: blame, phase, clean, closed, and some air.
const ROUNDS_MAX: usize = 8;

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("there is no ticket {0}: `allclear ticket list` shows them")]
    NoTicket(TicketId),
    #[error("ticket {ticket} is worked by playbook '{playbook}', which is gone: put its file back")]
    NoPlaybook { ticket: TicketId, playbook: String },
    #[error("ticket {ticket} is of site '{site}', which the site file does not name: put it back")]
    NoSite { ticket: TicketId, site: String },
}

/// What a new ticket is made of.
#[derive(Clone, Debug)]
pub struct Opening {
    pub reference: Option<String>,
    pub site: String,
    pub playbook: String,
    pub public: IpAddr,
    pub reports: Vec<Report>,
}

/// The engine.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    library: Library,
    log: Log,
}

/// The log as folded so far.
#[derive(Debug, Default)]
struct Log {
    tickets: BTreeMap<TicketId, Ticket>,
    seq: u64,
    hash: Option<String>,
    at: Option<Timestamp>,
    last_run: u64,
}

impl Engine {
    /// Reads the whole log, checks its chain and folds it.
    pub fn open(store: Store, library: Library) -> Result<Engine, EngineError> {
        let mut engine = Engine { store, library, log: Log::default() };
        engine.refresh()?;
        Ok(engine)
    }

    /// Everything that people wrote.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// Copies the log as it stands into a new file.
    pub fn back_up(&self, copy: &Path) -> Result<(), EngineError> {
        Ok(self.store.back_up(copy)?)
    }

    /// Every ticket, by number.
    pub fn tickets(&self) -> impl Iterator<Item = &Ticket> {
        self.log.tickets.values()
    }

    /// The ticket of that number.
    pub fn ticket(&self, id: TicketId) -> Result<&Ticket, EngineError> {
        self.log.tickets.get(&id).ok_or(EngineError::NoTicket(id))
    }

    /// What a decision about the ticket may know at `now`.
    pub fn context(&self, id: TicketId, now: Timestamp) -> Result<Context<'_>, EngineError> {
        context(&self.library, &self.log, self.ticket(id)?, now)
    }

    /// Folds what other processes have appended since.
    pub fn refresh(&mut self) -> Result<(), EngineError> {
        let events = self.store.events_after(self.log.seq, self.log.hash())?;
        self.log.fold(events)
    }

    /// Opens a ticket.
    pub fn open_ticket(
        &mut self,
        now: Timestamp,
        by: &str,
        opening: Opening,
    ) -> Result<TicketId, EngineError> {
        let Opening { reference, site, playbook, public, reports } = opening;
        let mut events = vec![Event::Opened { reference, site, playbook, public }];
        events.extend(reports.into_iter().map(|report| Event::ReportAdded { report }));
        let mut opened = TicketId(0);
        self.transact(now, by, |log, _, _| {
            opened = TicketId(log.tickets.keys().next_back().map_or(1, |last| last.0 + 1));
            Ok((opened, events))
        })?;
        Ok(opened)
    }

    /// Carries out one decision about one ticket, and returns what was appended.
    pub fn step(
        &mut self,
        now: Timestamp,
        by: &str,
        id: TicketId,
        input: &Input,
    ) -> Result<Vec<Recorded>, EngineError> {
        self.transact(now, by, |log, library, now| {
            let ticket = log.tickets.get(&id).ok_or(EngineError::NoTicket(id))?;
            Ok((id, ticket::decide(ticket, &context(library, log, ticket, now)?, input)?))
        })
    }

    /// Lets time pass for every ticket. One ticket that cannot be worked (its playbook is gone)
    /// does not hold up the others; such faults are returned.
    pub fn tick(&mut self, now: Timestamp) -> Result<Vec<EngineError>, EngineError> {
        self.refresh()?;
        let mut faults = Vec::new();
        let open: Vec<TicketId> =
            self.tickets().filter(|ticket| ticket.phase.is_open()).map(|ticket| ticket.id).collect();
        for id in open {
            match self.is_due(id, now) {
                Ok(true) => drop(self.step(now, ALLCLEAR, id, &Input::Tick)?),
                Ok(false) => {}
                Err(fault) => faults.push(fault),
            }
        }
        Ok(faults)
    }

    fn is_due(&self, id: TicketId, now: Timestamp) -> Result<bool, EngineError> {
        let context = self.context(id, now)?;
        Ok(!ticket::decide(self.ticket(id)?, &context, &Input::Tick)?.is_empty())
    }

    /// What is to be done in the world now.
    pub fn effects(&self, now: Timestamp) -> Vec<Effect> {
        self.tickets().flat_map(|ticket| ticket::due(ticket, now)).collect()
    }

    /// When something next falls due by itself, after `now`.
    pub fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let open = self.tickets().filter(|ticket| ticket.phase.is_open());
        let due = open.filter_map(|ticket| {
            let context = context(&self.library, &self.log, ticket, now).ok()?;
            ticket::next_due(ticket, &context)
        });
        due.min()
    }

    /// When the next mail that failed is tried again, after `now`.
    pub fn next_retry(&self, now: Timestamp) -> Option<Timestamp> {
        let mails = self.tickets().flat_map(|ticket| &ticket.outbox);
        let waiting = mails.filter(|mail| mail.pending().next().is_some());
        waiting.filter_map(|mail| mail.not_before).filter(|at| *at > now).min()
    }

    /// One decision: what `decide` says, what follows from it, and the mails about it, appended and
    /// folded together or not at all.
    fn transact(
        &mut self,
        now: Timestamp,
        by: &str,
        decide: impl FnOnce(&Log, &Library, Timestamp) -> Result<(TicketId, Vec<Event>), EngineError>,
    ) -> Result<Vec<Recorded>, EngineError> {
        let Engine { store, library, log } = self;
        let writing = store.begin()?;
        log.fold(writing.events_after(log.seq, log.hash())?)?;
        let now = log.at.map_or(now, |last| now.max(last));
        let (id, primary) = decide(log, library, now)?;
        let decided = decide_all(log, library, now, by, id, primary)
            .and_then(|recorded| write(writing, &recorded).map(|()| recorded));
        if decided.is_err() {
            *log = Log::default();
            self.refresh()?;
        }
        decided
    }
}

fn write(writing: Writing<'_>, recorded: &[Recorded]) -> Result<(), EngineError> {
    for event in recorded {
        writing.append(event)?;
    }
    Ok(writing.commit()?)
}

/// Folds the events and all that follows from them into the log in memory.
fn decide_all(
    log: &mut Log,
    library: &Library,
    now: Timestamp,
    by: &str,
    id: TicketId,
    primary: Vec<Event>,
) -> Result<Vec<Recorded>, EngineError> {
    let mut happened: Vec<Event> = Vec::new();
    let mut recorded = Vec::new();
    let mut next = primary;
    let mut by = by;
    for _ in 0..ROUNDS_MAX {
        if next.is_empty() {
            break;
        }
        recorded.extend(log.record_all(now, by, id, &next)?);
        happened.extend(next);
        let ticket = log.tickets.get(&id).ok_or(EngineError::NoTicket(id))?;
        next = ticket::follow(ticket, &context(library, log, ticket, now)?, &happened);
        by = ALLCLEAR;
    }
    if let Some(ticket) = log.tickets.get(&id) {
        let mails = ticket::announce(ticket, &context(library, log, ticket, now)?, &happened);
        recorded.extend(log.record_all(now, ALLCLEAR, id, &mails)?);
    }
    Ok(recorded)
}

fn context<'a>(
    library: &'a Library,
    log: &Log,
    ticket: &Ticket,
    now: Timestamp,
) -> Result<Context<'a>, EngineError> {
    let (id, name) = (ticket.id, &ticket.playbook);
    let no_playbook = || EngineError::NoPlaybook { ticket: id, playbook: name.clone() };
    let no_site = || EngineError::NoSite { ticket: id, site: ticket.site.clone() };
    Ok(Context {
        playbook: library.playbooks.get(name).ok_or_else(no_playbook)?,
        site: library.site_file.sites.get(&ticket.site).ok_or_else(no_site)?,
        now,
        next_run: RunId(log.last_run + 1),
        has_mail: library.site_file.mail.is_some(),
    })
}

impl Log {
    fn hash(&self) -> &str {
        self.hash.as_deref().unwrap_or(chain::GENESIS)
    }

    fn fold(&mut self, events: Vec<Recorded>) -> Result<(), EngineError> {
        events.into_iter().try_for_each(|recorded| self.apply(recorded))
    }

    /// Gives the events their places in the log and folds them.
    fn record_all(
        &mut self,
        now: Timestamp,
        by: &str,
        ticket: TicketId,
        events: &[Event],
    ) -> Result<Vec<Recorded>, EngineError> {
        let mut recorded = Vec::with_capacity(events.len());
        for event in events {
            let seq = self.seq + 1;
            let hash = chain::link(self.hash(), seq, now, ticket, by, &chain::body(event));
            let next = Recorded { seq, at: now, ticket, by: by.to_owned(), event: event.clone(), hash };
            self.apply(next.clone())?;
            recorded.push(next);
        }
        Ok(recorded)
    }

    fn apply(&mut self, recorded: Recorded) -> Result<(), EngineError> {
        let (seq, at, hash) = (recorded.seq, recorded.at, recorded.hash.clone());
        match &recorded.event {
            Event::RunStarted(start) => self.last_run = self.last_run.max(start.run.0),
            Event::OccurrencePassed(record) => self.last_run = self.last_run.max(record.run.0),
            _ => {}
        }
        match self.tickets.get_mut(&recorded.ticket) {
            Some(ticket) => ticket.apply(recorded)?,
            None => drop(self.tickets.insert(recorded.ticket, Ticket::begin(&recorded)?)),
        }
        (self.seq, self.hash, self.at) = (seq, Some(hash), Some(at));
        Ok(())
    }
}
