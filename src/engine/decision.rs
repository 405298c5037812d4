//! What do the inputs of one transaction cause? Decisions folded in one after the other, each with all
//! that follows from it.
//!
//! Left of it is `log`; `mod` writes what it recorded. It must never leave a consequence for later.

use super::EngineError;
use super::context::{When, context};
use super::log::Log;
use crate::pure::letterbox::{self, About};
use crate::pure::playbook::Library;
use crate::pure::ticket::{self, ALLCLEAR, Act, Context, Event, Input, Recorded, Ticket, TicketId};

/// How many rounds of consequences one input may have: blame, phase, clean, closed, and some air.
const ROUNDS_MAX: usize = 8;

/// Decisions of one transaction.
pub struct Decision<'a> {
    pub log: &'a mut Log,
    pub library: &'a Library,
    pub when: When,
    /// What was decided so far.
    pub recorded: Vec<Recorded>,
}

impl Decision<'_> {
    /// The number of the next ticket.
    pub fn next_ticket(&self) -> TicketId {
        TicketId(self.log.tickets.keys().next_back().map_or(1, |last| last.0 + 1))
    }

    /// What an input causes.
    pub fn step(&mut self, by: &str, id: TicketId, input: &Input) -> Result<(), EngineError> {
        self.step_one(by, id, input)?;
        if let Input::MailAccepted { to, .. } = input {
            self.withdraw_denials(to)?;
        }
        Ok(())
    }

    fn step_one(&mut self, by: &str, id: TicketId, input: &Input) -> Result<(), EngineError> {
        if id == TicketId::NONE {
            return match input {
                Input::MailAccepted { .. } | Input::MailFailed { .. } | Input::Act(Act::RetryMail { .. }) => {
                    self.step_rounds(by, input)
                }
                _ => self.step_detection(input),
            };
        }
        let context = self.context(id)?;
        let ticket = self.log.tickets.get(&id).ok_or(EngineError::NoTicket(id))?;
        let ended = ticket::ended_before(ticket, &context, input);
        self.record(ALLCLEAR, id, ended)?;
        let context = self.context(id)?;
        let ticket = self.log.tickets.get(&id).ok_or(EngineError::NoTicket(id))?;
        let events = ticket::decide(ticket, &context, input)?;
        self.record(by, id, events)
    }

    /// The events, all that follows from them, and the mails about it.
    pub fn record(&mut self, by: &str, id: TicketId, events: Vec<Event>) -> Result<(), EngineError> {
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
        debug_assert!(next.is_empty(), "what follows from one input does not end after {ROUNDS_MAX} rounds");
        if happened.is_empty() {
            return Ok(());
        }
        let ticket = self.log.tickets.get(&id).ok_or(EngineError::NoTicket(id))?;
        let mails = ticket::announce(ticket, &self.context(id)?, &happened);
        self.append(ALLCLEAR, id, mails).map(drop)
    }

    /// Gives the events their places in the log and folds them in, each after what must be on record before it;
    /// tells all that happened.
    pub(super) fn append(
        &mut self,
        by: &str,
        id: TicketId,
        events: Vec<Event>,
    ) -> Result<Vec<Event>, EngineError> {
        let before = self.recorded.len();
        for event in events {
            match event {
                Event::MailQueued { event, to, unreached, .. } => {
                    let machines = self.log.tickets.get(&id).map(Ticket::infected).unwrap_or_default();
                    let about = About { event, machines, unreached, at: self.when.now };
                    self.queue(by, id, &about, to)?;
                }
                event => {
                    for settled in self.settled_before(id, &event)? {
                        self.append_one(ALLCLEAR, id, settled)?;
                    }
                    self.append_one(by, id, event)?;
                }
            }
        }
        Ok(self.recorded[before..].iter().map(|recorded| recorded.event.clone()).collect())
    }

    fn append_one(&mut self, by: &str, id: TicketId, event: Event) -> Result<(), EngineError> {
        self.recorded.push(self.log.record(self.when.now, by, id, event)?);
        Ok(())
    }

    /// Queues the mails about something, as far as their receivers take them now.
    fn queue(&mut self, by: &str, id: TicketId, about: &About, to: Vec<String>) -> Result<(), EngineError> {
        let when = (self.when.now, self.library.site_file.hourly_limit());
        for mail in letterbox::queue(&self.log.letterboxes, when, id, about, to) {
            self.append_one(by, id, mail)?;
        }
        Ok(())
    }

    /// What must be on record before a phase changes.
    fn settled_before(&self, id: TicketId, event: &Event) -> Result<Vec<Event>, EngineError> {
        let Some(ticket) = self.log.tickets.get(&id) else { return Ok(Vec::new()) };
        if !matches!(event, Event::PhaseChanged { .. }) {
            return Ok(Vec::new());
        }
        let context = self.context(id)?;
        Ok(match self.log.schedules_in_force(&ticket.site, &ticket.playbook) {
            Some(in_force) => in_force.settle_before(ticket, &context, event),
            None => ticket::settle(ticket, &context, event),
        })
    }

    /// What a decision about the ticket may know.
    pub fn context(&self, id: TicketId) -> Result<Context<'_>, EngineError> {
        let ticket = self.log.tickets.get(&id).ok_or(EngineError::NoTicket(id))?;
        context(self.library, self.log, ticket, self.when)
    }
}
