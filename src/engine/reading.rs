//! What can be read off the engine? Tickets and runs out of memory, their events out of the log.

use super::context::{When, context};
use super::decision::Decision;
use super::log::Subject;
use super::{Engine, EngineError};
use crate::edge::store::Line;
use crate::pure::ticket::{self, Context, Input, PastTicket, Recorded, Run, RunId, Ticket, TicketId};
use jiff::Timestamp;

/// As much of a hash as no two states have in common: 64 bits.
const MARK_CHARS: usize = 16;

impl Engine {
    /// What [`Engine::step`] would record, where the log cannot be written: nothing of it happens.
    ///
    /// # Errors
    /// Why the step would not be taken.
    pub fn foresee(
        &mut self,
        now: Timestamp,
        by: &str,
        id: TicketId,
        input: &Input,
    ) -> Result<Vec<Recorded>, EngineError> {
        let Engine { library, log, absence, .. } = self;
        let now = log.end.at.map_or(now, |last| now.max(last));
        log.begin();
        let mut decision =
            Decision { log, library, when: When { now, absence: *absence }, recorded: Vec::new() };
        let decided = decision.step(by, id, input);
        let recorded = decision.recorded;
        self.log.take_back();
        decided.map(|()| recorded)
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

    /// The same as it is stored.
    pub fn lines(&self, id: TicketId) -> Result<Vec<Line>, EngineError> {
        let lines = self.store.lines_of(id)?;
        Ok(lines.into_iter().filter(|line| line.recorded.seq <= self.log.end.seq).collect())
    }

    /// What tells the mails of this state from those of another one that sends under the same name; `None` before the
    /// first event, and where the state is older than marks: its mails keep the names that they have.
    pub fn mark(&self) -> Option<&str> {
        let first = self.log.end.first_hash.as_deref().filter(|_| self.is_marked)?;
        first.get(..MARK_CHARS)
    }

    /// How many events the log holds.
    pub fn events_count(&self) -> u64 {
        self.log.end.seq
    }

    /// What a decision about the ticket may know at `now`.
    pub fn context(&self, id: TicketId, now: Timestamp) -> Result<Context<'_>, EngineError> {
        context(&self.library, &self.log, self.ticket(id)?, self.when(now))
    }

    /// The run of that number of a ticket, or, under [`TicketId::NONE`], of a `detect` stage while it is open;
    /// with its site.
    pub fn run(&self, ticket: TicketId, run: RunId) -> Option<(&str, &Run)> {
        match self.log.tickets.get(&ticket) {
            Some(ticket) => Some((&ticket.site, ticket.run(run)?)),
            None => {
                let detection = self.detection_of(run)?;
                Some((&detection.id.site, detection.run(run)?))
            }
        }
    }

    /// Every run that has not ended, with its ticket ([`TicketId::NONE`] of a `detect` stage) and its site.
    pub fn open_runs(&self) -> impl Iterator<Item = (TicketId, &str, &Run)> {
        // To whom something has happened lately may have become busy.
        let subjects = self.busy.union(&self.log.touched);
        subjects.flat_map(|subject| match subject {
            Subject::Ticket(id) => self.open_runs_of(*id),
            Subject::Detection(id) => {
                let detection = self.log.detections.get(id);
                let open = detection.into_iter().flat_map(|detection| &detection.open);
                open.map(|run| (TicketId::NONE, id.site.as_str(), run)).collect()
            }
            Subject::Recipient(_) | Subject::Rounds => Vec::new(),
        })
    }

    fn open_runs_of(&self, id: TicketId) -> Vec<(TicketId, &str, &Run)> {
        let ticket = self.log.tickets.get(&id);
        let open = ticket.into_iter().flat_map(|ticket| ticket.open_runs().map(move |run| (ticket, run)));
        open.map(|(ticket, run)| (id, ticket.site.as_str(), run)).collect()
    }

    /// What other tickets say of each host of this one, in the order of its hosts.
    pub fn past(&self, ticket: &Ticket) -> Vec<Vec<PastTicket>> {
        ticket::histories(ticket, &ticket::related(ticket, self.log.of_site(&ticket.site)))
    }

    /// The same as it was known when event `seq` happened, so that a mail says the same whenever it is
    /// written.
    pub fn past_as_of(&self, ticket: &Ticket, seq: u64) -> Result<Vec<Vec<PastTicket>>, EngineError> {
        let mut then: Vec<Ticket> = Vec::new();
        for other in ticket::related(ticket, self.log.of_site(&ticket.site)) {
            let mut events = self.history(other.id)?;
            events.retain(|recorded| recorded.seq <= seq);
            if !events.is_empty() {
                then.push(Ticket::fold(&events)?);
            }
        }
        Ok(ticket::histories(ticket, &then.iter().collect::<Vec<_>>()))
    }
}
