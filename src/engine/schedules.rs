//! Were the schedules changed? What the old ones planned is settled before the new ones are in force.
//!
//! Asked by whoever carries runs out, when it has read the files.

use super::log::{Log, Subject};
use super::{BATCH_TICKETS, Decision, Engine, EngineError};
use crate::pure::playbook::Library;
use crate::pure::ticket::{ALLCLEAR, DetectionId, Event, Schedules, Ticket, TicketId};
use jiff::Timestamp;
use std::collections::BTreeSet;

impl Engine {
    /// Puts the schedules of the files in force. Until now those on record were: everything that they
    /// planned is settled first. Tells in sentences what of those cannot be read.
    pub fn read_schedules(&mut self, now: Timestamp) -> Result<Vec<String>, EngineError> {
        self.refresh()?;
        let changed = changed(&self.library, &self.log);
        let before = |new: &Schedules| self.log.schedules_in_force(&new.site, &new.playbook);
        let unreadable: Vec<String> =
            changed.iter().filter_map(|new| before(new)?.schedules.unreadable()).collect();
        let pairs: BTreeSet<(&str, &str)> =
            changed.iter().map(|new| (new.site.as_str(), new.playbook.as_str())).collect();
        let is_meant = |ticket: &&Ticket| pairs.contains(&(ticket.site.as_str(), ticket.playbook.as_str()));
        let meant: Vec<TicketId> = self.tickets().filter(is_meant).map(|ticket| ticket.id).collect();
        for batch in meant.chunks(BATCH_TICKETS) {
            self.transact(now, |decision| decision.settle_all(batch))?;
        }
        let is_meant = |id: &DetectionId| pairs.contains(&(id.site.as_str(), id.playbook.as_str()));
        let ids = self.detections().map(|detection| &detection.id);
        let detections: Vec<DetectionId> = ids.filter(|id| is_meant(id)).cloned().collect();
        // Settled once more, which finds little: nothing may fall between the old ones and the new ones, whoever
        // writes beside this process, and wherever it is killed.
        self.transact(now, |decision| {
            decision.settle_all(&meant)?;
            detections.iter().try_for_each(|id| decision.settle_detection(id))?;
            let events = changed.into_iter().map(Event::SchedulesRead).collect();
            decision.append(ALLCLEAR, TicketId::NONE, events).map(drop)
        })?;
        self.log.touched.extend(meant.into_iter().map(Subject::Ticket));
        self.log.touched.extend(detections.into_iter().map(Subject::Detection));
        Ok(unreadable)
    }
}

/// The schedules that stand otherwise in the files than on record.
fn changed(library: &Library, log: &Log) -> Vec<Schedules> {
    let sites = library.site_file.sites.values();
    let pairs = sites.flat_map(|site| library.playbooks.values().map(move |playbook| (playbook, site)));
    let read = pairs.map(|(playbook, site)| Schedules::of(playbook, site));
    let is_new = |new: &Schedules| {
        let known = log.schedules.get(&new.site).and_then(|of_site| of_site.get(&new.playbook));
        known.is_none_or(|known| known.schedules != *new)
    };
    read.filter(is_new).collect()
}

impl Decision<'_> {
    fn settle_all(&mut self, ids: &[TicketId]) -> Result<(), EngineError> {
        ids.iter().try_for_each(|id| self.settle(*id))
    }

    fn settle(&mut self, id: TicketId) -> Result<(), EngineError> {
        let ticket = self.log.tickets.get(&id).ok_or(EngineError::NoTicket(id))?;
        let in_force = self.log.schedules_in_force(&ticket.site, &ticket.playbook);
        let Some(in_force) = in_force else { return Ok(()) };
        let events = in_force.settle(ticket, &self.context(id)?);
        self.record(ALLCLEAR, id, events)
    }
}
