//! The loop's one mutable thing: tickets in memory, their log on disk, and the step that moves both. What
//! `detect` stages add to it stands in `detections`.
//!
//! Input in, events out, all of a decision in one transaction. It must never keep a ticket in
//! memory that the log does not hold. A look costs what is due, not what exists.

mod agenda;
mod context;
mod decision;
mod detections;
mod error;
mod log;
mod reading;
mod rounds;
mod schedules;

pub use error::EngineError;
pub use rounds::Scribe;

use crate::edge::store::{Store, Writing};
use crate::pure::detection;
use crate::pure::intake::Report;
use crate::pure::playbook::Library;
use crate::pure::ticket::{
    self, ALLCLEAR, Absence, Effect, Event, Input, Recorded, Ticket, TicketId, outbox,
};
use agenda::Agenda;
use context::{When, context};
use decision::Decision;
use jiff::{SignedDuration, Timestamp};
use log::{Log, Subject};
use rounds::Written;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

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
    ticks: Agenda<Subject>,
    /// When a mail that failed is tried again.
    retries: Agenda<Subject>,
    /// Those with something to be done in the world.
    busy: BTreeSet<Subject>,
    /// Those of them that nobody has asked about since something happened.
    news: BTreeSet<Subject>,
    /// Tickets that cannot be worked: their playbook or site is gone.
    stuck: BTreeSet<TicketId>,
    absence: Absence,
    /// Whether the `detect` stages of the files are those that are planned.
    is_planned: bool,
    /// Whether mails carry the mark of this state.
    is_marked: bool,
}

impl Engine {
    /// Reads the whole log, checks its chain and folds it.
    pub fn open(store: Store, library: Library) -> Result<Engine, EngineError> {
        let mut engine = Engine {
            is_marked: store.is_marked()?,
            store,
            library,
            log: Log::default(),
            ticks: Agenda::default(),
            retries: Agenda::default(),
            busy: BTreeSet::new(),
            news: BTreeSet::new(),
            stuck: BTreeSet::new(),
            absence: Absence::default(),
            is_planned: false,
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

    /// When the last event of all happened.
    pub fn last_event(&self) -> Option<Timestamp> {
        self.log.end.at
    }

    /// Folds what other processes have appended since.
    pub fn refresh(&mut self) -> Result<(), EngineError> {
        let Engine { store, log, .. } = self;
        let (seq, hash) = (log.end.seq, log.end.hash().to_owned());
        store.read_after(seq, &hash, |recorded| log.apply(recorded))
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
        let mut opened = TicketId::NONE;
        self.transact(now, |decision| {
            opened = decision.next_ticket();
            decision.record(by, opened, events)
        })?;
        Ok(opened)
    }

    /// Carries out one decision about one ticket (or, under [`TicketId::NONE`], about what became of a run of
    /// a `detect` stage and the tickets that its contacts concern), and returns what was appended.
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

    /// Lets time pass for every ticket that is due; `absence` says why nobody looked before. One ticket
    /// that cannot be worked (its playbook is gone) does not hold up the others; such faults are
    /// returned. What mails say that are told in another one, `scribe` knows.
    pub fn tick(
        &mut self,
        now: Timestamp,
        absence: Absence,
        scribe: &Scribe<'_>,
    ) -> Result<Vec<EngineError>, EngineError> {
        self.refresh()?;
        self.absence = absence;
        self.plan_digests(now)?;
        self.plan_detections(now)?;
        self.look_again(now);
        let mut faults: Vec<EngineError> =
            self.stuck.iter().filter_map(|id| self.context(*id, now).err()).collect();
        let mut due = self.ticks.due(now);
        // A digest tells what all others have to say by now: nights that were missed while nobody looked.
        due.sort_by_key(|subject| *subject == Subject::Rounds);
        let lines = self.write_lines(now, &due, scribe);
        for batch in due.chunks(BATCH_TICKETS) {
            match self.tick_all(now, batch, &lines) {
                Err(fault @ EngineError::Store(_)) => return Err(fault),
                // One of them is to blame; the others must not wait for it.
                Err(_) => faults.extend(self.tick_each(now, batch, &lines)?),
                Ok(()) => {}
            }
        }
        Ok(faults)
    }

    fn tick_all(&mut self, now: Timestamp, batch: &[Subject], lines: &Written) -> Result<(), EngineError> {
        self.transact(now, |decision| {
            batch.iter().try_for_each(|subject| match subject {
                Subject::Ticket(id) => decision.step(ALLCLEAR, *id, &Input::Tick),
                Subject::Detection(id) => decision.tick_detection(id),
                Subject::Recipient(address) => decision.release(address, lines),
                Subject::Rounds => decision.tick_digests(),
            })
        })?;
        for subject in batch.iter().filter(|subject| !self.log.touched.contains(subject)) {
            self.ticks.set(subject.clone(), now.checked_add(ASK_AGAIN).ok());
        }
        Ok(())
    }

    /// One by one; who cannot be ticked is asked again after a while, and does not hold up the others at
    /// each look until then.
    fn tick_each(
        &mut self,
        now: Timestamp,
        batch: &[Subject],
        lines: &Written,
    ) -> Result<Vec<EngineError>, EngineError> {
        let mut faults = Vec::new();
        for subject in batch {
            match self.tick_all(now, std::slice::from_ref(subject), lines) {
                Err(fault @ EngineError::Store(_)) => return Err(fault),
                Err(fault) => {
                    self.ticks.set(subject.clone(), now.checked_add(ASK_AGAIN).ok());
                    faults.push(fault);
                }
                Ok(()) => {}
            }
        }
        Ok(faults)
    }

    /// Everything that is to be done in the world now.
    pub fn effects(&mut self, now: Timestamp) -> Vec<Effect> {
        self.look_again(now);
        self.busy.iter().flat_map(|subject| self.effects_of(subject, now)).collect()
    }

    /// What is to be done for those to whom something happened since the last time, and for tickets with a
    /// mail whose time has come again.
    pub fn new_effects(&mut self, now: Timestamp) -> Vec<Effect> {
        self.look_again(now);
        for subject in self.retries.due(now) {
            self.retries.set(subject.clone(), None);
            self.news.insert(subject);
        }
        let news = std::mem::take(&mut self.news);
        news.iter().flat_map(|subject| self.effects_of(subject, now)).collect()
    }

    fn effects_of(&self, subject: &Subject, now: Timestamp) -> Vec<Effect> {
        match subject {
            Subject::Ticket(id) => {
                self.log.tickets.get(id).map_or_else(Vec::new, |ticket| ticket::due(ticket, now))
            }
            Subject::Detection(id) => {
                self.log.detections.get(id).into_iter().flat_map(detection::due).collect()
            }
            Subject::Recipient(_) => Vec::new(),
            Subject::Rounds => outbox::due(TicketId::NONE, &self.log.rounds, now).collect(),
        }
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

    /// Enters anew when those want attention to whom something has happened.
    fn look_again(&mut self, now: Timestamp) {
        for subject in std::mem::take(&mut self.log.touched) {
            let (next, retry, is_busy) = match &subject {
                Subject::Ticket(id) => {
                    let next = self.next_of_ticket(*id, now);
                    let ticket = self.log.tickets.get(id);
                    (next, ticket.and_then(Ticket::next_retry), ticket.is_some_and(Ticket::is_busy))
                }
                Subject::Detection(id) => {
                    let detection = self.log.detections.get(id);
                    let is_busy = detection.is_some_and(|detection| !detection.open.is_empty());
                    (self.next_of_detection(id, now), None, is_busy)
                }
                Subject::Recipient(address) => (self.next_of_recipient(address), None, false),
                Subject::Rounds => {
                    let rounds = &self.log.rounds;
                    (self.next_of_digests(), outbox::next_retry(rounds), outbox::is_busy(rounds))
                }
            };
            self.ticks.set(subject.clone(), next);
            self.retries.set(subject.clone(), retry);
            if is_busy {
                self.busy.insert(subject.clone());
                self.news.insert(subject);
            } else {
                self.busy.remove(&subject);
            }
        }
    }

    /// When a ticket next falls due; notes whether it can be worked at all.
    fn next_of_ticket(&mut self, id: TicketId, now: Timestamp) -> Option<Timestamp> {
        let ticket = self.log.tickets.get(&id).filter(|ticket| ticket.is_moved_by_time());
        let context = ticket.map(|ticket| context(&self.library, &self.log, ticket, self.when(now)));
        let next = match (ticket, &context) {
            (Some(ticket), Some(Ok(context))) => ticket::next_due(ticket, context),
            _ => None,
        };
        match context {
            Some(Err(_)) => self.stuck.insert(id),
            _ => self.stuck.remove(&id),
        };
        next
    }

    fn when(&self, now: Timestamp) -> When {
        When { now, absence: self.absence }
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
        writing.read_after(seq, &hash, |recorded| log.apply(recorded))?;
        let now = log.end.at.map_or(now, |last| now.max(last));
        log.begin();
        let mut decision =
            Decision { log, library, when: When { now, absence: *absence }, recorded: Vec::new() };
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
