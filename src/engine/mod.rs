//! The loop's one mutable thing: tickets in memory, their log on disk, and the step that moves both.
//!
//! Input in, events out, all of a decision in one transaction. It must never keep a ticket in
//! memory that the log does not hold. A look costs what is due, not what exists.

mod agenda;
mod error;
mod log;
mod schedules;

pub use error::EngineError;

use crate::edge::store::{Store, Writing};
use crate::pure::intake::Report;
use crate::pure::playbook::Library;
use crate::pure::ticket::{
    self, ALLCLEAR, Absence, Context, Effect, Event, Input, Past, Recorded, RunId, Ticket, TicketId,
};
use agenda::Agenda;
use jiff::{SignedDuration, Timestamp};
use log::Log;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

/// How many rounds of consequences one input may have: blame, phase, clean, closed, and some air.
const ROUNDS_MAX: usize = 8;

/// How many tickets that fall due together are written together: enough that the disk is waited for
/// seldom, few enough that nobody else waits long.
const BATCH_TICKETS: usize = 256;

/// A ticket that was due and had nothing to say is asked again after so long.
const ASK_AGAIN: SignedDuration = SignedDuration::from_secs(60);

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
    /// When time alone makes something happen.
    ticks: Agenda,
    /// When a mail that failed is tried again.
    retries: Agenda,
    /// Tickets with something to be done in the world.
    busy: BTreeSet<TicketId>,
    /// Those of them that nobody has asked about since something happened.
    news: BTreeSet<TicketId>,
    /// Tickets that cannot be worked: their playbook or site is gone.
    stuck: BTreeSet<TicketId>,
    absence: Absence,
}

impl Engine {
    /// Reads the whole log, checks its chain and folds it.
    pub fn open(store: Store, library: Library) -> Result<Engine, EngineError> {
        let mut engine = Engine {
            store,
            library,
            log: Log::default(),
            ticks: Agenda::default(),
            retries: Agenda::default(),
            busy: BTreeSet::new(),
            news: BTreeSet::new(),
            stuck: BTreeSet::new(),
            absence: Absence::default(),
        };
        engine.refresh()?;
        Ok(engine)
    }

    /// Everything that people wrote.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// From now on waits at most so long for another writer of the log.
    pub fn wait_at_most(&self, patience: Duration) -> Result<(), EngineError> {
        Ok(self.store.wait_at_most(patience)?)
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

    /// Everything that happened to the ticket, in order, out of the log on disk.
    pub fn history(&self, id: TicketId) -> Result<Vec<Recorded>, EngineError> {
        let events = self.store.events_of(id)?;
        Ok(events.into_iter().filter(|recorded| recorded.seq <= self.log.end.seq).collect())
    }

    /// What a decision about the ticket may know at `now`.
    pub fn context(&self, id: TicketId, now: Timestamp) -> Result<Context<'_>, EngineError> {
        context(&self.library, &self.log, self.ticket(id)?, (now, self.absence))
    }

    /// When the last event of all happened.
    pub fn last_event(&self) -> Option<Timestamp> {
        self.log.end.at
    }

    /// Folds what other processes have appended since.
    pub fn refresh(&mut self) -> Result<(), EngineError> {
        let Engine { store, log, .. } = self;
        let (seq, hash) = (log.end.seq, log.end.hash().to_owned());
        store.read_after(seq, &hash, |recorded| log.apply(&recorded))
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
        self.transact(now, |decision| {
            opened = TicketId(decision.log.tickets.keys().next_back().map_or(1, |last| last.0 + 1));
            decision.record(by, opened, events)
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
        self.transact(now, |decision| decision.step(by, id, input))
    }

    /// Carries out decisions about several tickets, each knowing of those before it: all of them are on
    /// record together, or none.
    pub fn step_all<'a>(
        &mut self,
        now: Timestamp,
        by: &str,
        inputs: impl IntoIterator<Item = (TicketId, &'a Input)>,
    ) -> Result<Vec<Recorded>, EngineError> {
        self.transact(now, |decision| {
            inputs.into_iter().try_for_each(|(id, input)| decision.step(by, id, input))
        })
    }

    /// As [`Engine::tick_after`], of a program that was not running before.
    pub fn tick(&mut self, now: Timestamp) -> Result<Vec<EngineError>, EngineError> {
        self.tick_after(now, Absence::Down)
    }

    /// Lets time pass for every ticket that is due; `absence` says why nobody looked before. One ticket
    /// that cannot be worked (its playbook is gone) does not hold up the others; such faults are
    /// returned.
    pub fn tick_after(&mut self, now: Timestamp, absence: Absence) -> Result<Vec<EngineError>, EngineError> {
        self.refresh()?;
        self.absence = absence;
        self.look_again(now);
        let mut faults: Vec<EngineError> =
            self.stuck.iter().filter_map(|id| self.context(*id, now).err()).collect();
        for batch in self.ticks.due(now).chunks(BATCH_TICKETS) {
            match self.tick_all(now, batch) {
                Err(fault @ EngineError::Store(_)) => return Err(fault),
                // One of them is to blame; the others must not wait for it.
                Err(_) => {
                    let alone = batch.iter().map(|id| self.tick_all(now, &[*id]));
                    faults.extend(alone.filter_map(Result::err));
                }
                Ok(()) => {}
            }
        }
        Ok(faults)
    }

    fn tick_all(&mut self, now: Timestamp, batch: &[TicketId]) -> Result<(), EngineError> {
        self.transact(now, |decision| {
            batch.iter().try_for_each(|id| decision.step(ALLCLEAR, *id, &Input::Tick))
        })?;
        for id in batch.iter().filter(|id| !self.log.touched.contains(id)) {
            self.ticks.set(*id, now.checked_add(ASK_AGAIN).ok());
        }
        Ok(())
    }

    /// Everything that is to be done in the world now.
    pub fn effects(&mut self, now: Timestamp) -> Vec<Effect> {
        self.look_again(now);
        let tickets = self.busy.iter().filter_map(|id| self.log.tickets.get(id));
        tickets.flat_map(|ticket| ticket::due(ticket, now)).collect()
    }

    /// What is to be done for the tickets to which something happened since the last time, and for those
    /// with a mail whose time has come again.
    pub fn new_effects(&mut self, now: Timestamp) -> Vec<Effect> {
        self.look_again(now);
        for id in self.retries.due(now) {
            self.retries.set(id, None);
            self.news.insert(id);
        }
        let news = std::mem::take(&mut self.news);
        let tickets = news.iter().filter_map(|id| self.log.tickets.get(id));
        tickets.flat_map(|ticket| ticket::due(ticket, now)).collect()
    }

    /// What other tickets say of each host of this one, in the order of its hosts.
    pub fn past(&self, ticket: &Ticket) -> Vec<Vec<Past>> {
        ticket::histories(ticket, &ticket::related(ticket, self.tickets()))
    }

    /// The same as it was known when event `seq` happened, so that a mail says the same whenever it is
    /// written.
    pub fn past_as_of(&self, ticket: &Ticket, seq: u64) -> Result<Vec<Vec<Past>>, EngineError> {
        let mut then: Vec<Ticket> = Vec::new();
        for other in ticket::related(ticket, self.tickets()) {
            let mut events = self.history(other.id)?;
            events.retain(|recorded| recorded.seq <= seq);
            if !events.is_empty() {
                then.push(Ticket::fold(&events)?);
            }
        }
        Ok(ticket::histories(ticket, &then.iter().collect::<Vec<_>>()))
    }

    /// When something next falls due by itself; it may lie before `now`.
    pub fn next_due(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.look_again(now);
        self.ticks.first()
    }

    /// When the next mail that failed is tried again, after `now`.
    pub fn next_retry(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.look_again(now);
        self.retries.first_after(now)
    }

    /// Enters anew when those tickets want attention to which something has happened.
    fn look_again(&mut self, now: Timestamp) {
        for id in std::mem::take(&mut self.log.touched) {
            let Some(ticket) = self.log.tickets.get(&id) else { continue };
            match context(&self.library, &self.log, ticket, (now, self.absence)) {
                Ok(context) => {
                    self.stuck.remove(&id);
                    let is_moved = ticket.is_moved_by_time();
                    self.ticks.set(id, is_moved.then(|| ticket::next_due(ticket, &context)).flatten());
                }
                Err(_) => {
                    self.ticks.set(id, None);
                    if ticket.is_moved_by_time() {
                        self.stuck.insert(id);
                    }
                }
            }
            self.retries.set(id, ticket.next_retry());
            if ticket.is_busy() {
                self.busy.insert(id);
                self.news.insert(id);
            } else {
                self.busy.remove(&id);
            }
        }
    }

    /// Decisions, appended and folded together or not at all.
    fn transact(
        &mut self,
        now: Timestamp,
        decide: impl FnOnce(&mut Decision<'_>) -> Result<(), EngineError>,
    ) -> Result<Vec<Recorded>, EngineError> {
        let Engine { store, library, log, absence, .. } = self;
        let writing = store.begin()?;
        let (seq, hash) = (log.end.seq, log.end.hash().to_owned());
        writing.read_after(seq, &hash, |recorded| log.apply(&recorded))?;
        let now = log.end.at.map_or(now, |last| now.max(last));
        log.begin();
        let mut decision = Decision { log, library, now, absence: *absence, recorded: Vec::new() };
        let decided = decide(&mut decision);
        let recorded = decision.recorded;
        let written = decided.and_then(|()| write(writing, &recorded));
        match written {
            Ok(()) => self.log.keep(),
            Err(_) => self.log.take_back(),
        }
        written.map(|()| recorded)
    }
}

fn write(writing: Writing<'_>, recorded: &[Recorded]) -> Result<(), EngineError> {
    for event in recorded {
        writing.append(event)?;
    }
    Ok(writing.commit()?)
}

/// Decisions of one transaction.
struct Decision<'a> {
    log: &'a mut Log,
    library: &'a Library,
    now: Timestamp,
    absence: Absence,
    recorded: Vec<Recorded>,
}

impl Decision<'_> {
    /// What an input causes.
    fn step(&mut self, by: &str, id: TicketId, input: &Input) -> Result<(), EngineError> {
        let context = self.context(id)?;
        let ticket = self.log.tickets.get(&id).ok_or(EngineError::NoTicket(id))?;
        let events = ticket::decide(ticket, &context, input)?;
        self.record(by, id, events)
    }

    /// The events, all that follows from them, and the mails about it.
    fn record(&mut self, by: &str, id: TicketId, events: Vec<Event>) -> Result<(), EngineError> {
        let mut happened: Vec<Event> = Vec::new();
        let (mut next, mut by) = (events, by);
        for _ in 0..ROUNDS_MAX {
            if next.is_empty() {
                break;
            }
            happened.extend(self.append(by, id, next)?);
            let ticket = self.log.tickets.get(&id).ok_or(EngineError::NoTicket(id))?;
            next = ticket::follow(ticket, &self.context(id)?, &happened);
            by = ALLCLEAR;
        }
        if happened.is_empty() {
            return Ok(());
        }
        let ticket = self.log.tickets.get(&id).ok_or(EngineError::NoTicket(id))?;
        let mails = ticket::announce(ticket, &self.context(id)?, &happened);
        self.append(ALLCLEAR, id, mails).map(drop)
    }

    fn append(&mut self, by: &str, id: TicketId, events: Vec<Event>) -> Result<Vec<Event>, EngineError> {
        let when = (self.now, self.absence);
        let recorded = self.log.record_all(self.library, when, by, id, events)?;
        let happened = recorded.iter().map(|recorded| recorded.event.clone()).collect();
        self.recorded.extend(recorded);
        Ok(happened)
    }

    fn context(&self, id: TicketId) -> Result<Context<'_>, EngineError> {
        let ticket = self.log.tickets.get(&id).ok_or(EngineError::NoTicket(id))?;
        context(self.library, self.log, ticket, (self.now, self.absence))
    }
}

fn context<'a>(
    library: &'a Library,
    log: &Log,
    ticket: &Ticket,
    (now, absence): (Timestamp, Absence),
) -> Result<Context<'a>, EngineError> {
    let (id, name) = (ticket.id, &ticket.playbook);
    let no_playbook = || EngineError::NoPlaybook { ticket: id, playbook: name.clone() };
    let no_site = || EngineError::NoSite { ticket: id, site: ticket.site.clone() };
    Ok(Context {
        playbook: library.playbooks.get(name).ok_or_else(no_playbook)?,
        site: library.site_file.sites.get(&ticket.site).ok_or_else(no_site)?,
        now,
        next_run: RunId(log.end.last_run + 1),
        has_mail: library.site_file.mail.is_some(),
        absence,
        since: log.schedules_in_force(ticket).map_or(Timestamp::MIN, |in_force| in_force.since),
    })
}
