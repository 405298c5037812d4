//! What do `detect` stages add to the loop? Their occurrences are planned as long as the files have them,
//! and what their runs saw goes to tickets, all in one decision.

use super::context::{When, around};
use super::decision::Decision;
use super::log::Log;
use super::{Engine, EngineError};
use crate::pure::detection::{self, Delivery, DetectRuns, Detection};
use crate::pure::interval::Interval;
use crate::pure::playbook::Library;
use crate::pure::ticket::{
    ALLCLEAR, Context, DetectionEvent, DetectionId, Event, Input, RunEnd, RunId, TicketId, abandoned, no_turn,
};
use jiff::Timestamp;
use std::collections::BTreeSet;

impl Engine {
    /// Every `detect` stage on record.
    pub fn detections(&self) -> impl Iterator<Item = &Detection> {
        self.log.detections.values()
    }

    /// The `detect` stage whose open run this is.
    pub fn detection_of(&self, run: RunId) -> Option<&Detection> {
        self.detections().find(|detection| detection.run(run).is_some())
    }

    /// What a decision about a `detect` stage may know at `now`.
    pub fn detection_context(&self, id: &DetectionId, now: Timestamp) -> Result<Context<'_>, EngineError> {
        context(&self.library, &self.log, id, self.when(now))
    }

    /// Begins a run of a `detect` stage by hand.
    pub fn begin_detection(
        &mut self,
        now: Timestamp,
        by: &str,
        id: &DetectionId,
        window: Interval,
    ) -> Result<RunId, EngineError> {
        self.detection_context(id, now)?;
        let mut begun = RunId(0);
        self.transact(now, |decision| {
            let start = detection::start(decision.detection_context(id)?.next_run, window);
            begun = start.run;
            decision.record_detection(by, id, vec![DetectionEvent::RunStarted(start)])
        })?;
        Ok(begun)
    }

    /// Every run and occurrence of `detect` stages that was planned at `since` or later, those too whose
    /// fate is sealed though it is not on record yet; the open ones have no end.
    pub fn detection_ledger(&self, since: Timestamp, now: Timestamp) -> Result<DetectRuns, EngineError> {
        let mut ledger = DetectRuns::since(since);
        self.store.read_of(TicketId::NONE, since, |recorded| ledger.take(&recorded))?;
        for detection in self.detections() {
            if let Ok(context) = self.detection_context(&detection.id, now) {
                ledger.add_sealed(detection, &context);
            }
        }
        Ok(ledger)
    }

    /// From now on those `detect` stages are planned that the files have, and no others.
    pub(super) fn plan_detections(&mut self, now: Timestamp) -> Result<(), EngineError> {
        if self.is_planned {
            return Ok(());
        }
        let wanted = wanted(&self.library);
        let is_planned = |detection: &&Detection| detection.planned_since.is_some();
        let planned: BTreeSet<DetectionId> =
            self.detections().filter(is_planned).map(|detection| detection.id.clone()).collect();
        if wanted != planned {
            self.transact(now, |decision| {
                for id in planned.difference(&wanted) {
                    decision.unplan(id)?;
                }
                wanted
                    .difference(&planned)
                    .try_for_each(|id| decision.record_detection(ALLCLEAR, id, vec![DetectionEvent::Planned]))
            })?;
        }
        self.is_planned = true;
        Ok(())
    }

    pub(super) fn next_of_detection(&self, id: &DetectionId, now: Timestamp) -> Option<Timestamp> {
        let detection = self.log.detections.get(id)?;
        detection::next_due(detection, &self.detection_context(id, now).ok()?)
    }
}

/// Every `detect` stage of the files, at every site.
fn wanted(library: &Library) -> BTreeSet<DetectionId> {
    let playbooks = library.playbooks.values().filter(|playbook| playbook.detect.is_some());
    let sites = library.site_file.sites.keys();
    let at_all_sites = playbooks.flat_map(|playbook| {
        let id = |site: &String| DetectionId { site: site.clone(), playbook: playbook.name.clone() };
        sites.clone().map(id)
    });
    at_all_sites.collect()
}

impl Decision<'_> {
    /// Lets time pass.
    pub(super) fn tick_detection(&mut self, id: &DetectionId) -> Result<(), EngineError> {
        let Some(detection) = self.log.detections.get(id) else { return Ok(()) };
        let events = detection::fall_due(detection, &self.detection_context(id)?);
        self.record_detection(ALLCLEAR, id, events)
    }

    /// What became of runs. One that somebody else ended meanwhile stays as it is.
    pub(super) fn step_detection(&mut self, input: &Input) -> Result<(), EngineError> {
        match input {
            Input::Captured { run, facts, listing: _ } => {
                let Some(detection) = self.detection_of(*run) else { return Ok(()) };
                let id = detection.id.clone();
                let context = self.detection_context(&id)?;
                let Some(caught) = detection::captured(detection, &context, *run, facts) else {
                    return Ok(());
                };
                let deliveries = detection::deliver(&context, &caught.run, &caught.end, &caught.findings);
                let ended = DetectionEvent::RunEnded(Box::new(caught.end));
                self.record_detection(ALLCLEAR, &id, vec![ended])?;
                deliveries.into_iter().try_for_each(|delivery| self.hand_over(delivery))
            }
            Input::Abandoned(runs) => runs.iter().try_for_each(|(run, kept)| self.end(abandoned(*run, kept))),
            Input::NoTurn { run, why } => self.end(no_turn(*run, *why)),
            Input::Delayed(run) => self.tell_run(*run, DetectionEvent::RunDelayed { run: *run }),
            _ => Err(EngineError::NoTicket(TicketId::NONE)),
        }
    }

    /// What the schedules on record planned up to now; others follow, or none.
    pub(super) fn settle_detection(&mut self, id: &DetectionId) -> Result<(), EngineError> {
        let there = self.library.playbooks.get(&id.playbook).zip(self.library.site_file.sites.get(&id.site));
        let in_force = self.log.schedules_in_force(&id.site, &id.playbook);
        let detection = self.log.detections.get(id);
        let (Some(there), Some(in_force), Some(detection)) = (there, in_force, detection) else {
            return Ok(());
        };
        let context = around(self.library, self.log, there, self.when);
        let events = in_force.within(&context, |context| detection::settle(detection, context));
        self.record_detection(ALLCLEAR, id, events)
    }

    fn hand_over(&mut self, delivery: Delivery) -> Result<(), EngineError> {
        let ticket = delivery.ticket.unwrap_or_else(|| self.next_ticket());
        self.record(ALLCLEAR, ticket, delivery.events)
    }

    /// Its files are gone: what it is watching now can be judged by nobody.
    fn unplan(&mut self, id: &DetectionId) -> Result<(), EngineError> {
        let open: Vec<RunId> = match self.log.detections.get(id) {
            Some(detection) => detection.open.iter().map(|run| run.id).collect(),
            None => Vec::new(),
        };
        open.into_iter().try_for_each(|run| self.end(abandoned(run, &[])))?;
        self.record_detection(ALLCLEAR, id, vec![DetectionEvent::Unplanned])
    }

    fn end(&mut self, end: RunEnd) -> Result<(), EngineError> {
        self.tell_run(end.run, DetectionEvent::RunEnded(Box::new(end)))
    }

    fn tell_run(&mut self, run: RunId, event: DetectionEvent) -> Result<(), EngineError> {
        let Some(detection) = self.detection_of(run) else { return Ok(()) };
        let id = detection.id.clone();
        self.record_detection(ALLCLEAR, &id, vec![event])
    }

    fn record_detection(
        &mut self,
        by: &str,
        id: &DetectionId,
        events: Vec<DetectionEvent>,
    ) -> Result<(), EngineError> {
        let events = events.into_iter().map(|event| Event::Detection { of: id.clone(), event });
        self.append(by, TicketId::NONE, events.collect()).map(drop)
    }

    fn detection_of(&self, run: RunId) -> Option<&Detection> {
        self.log.detections.values().find(|detection| detection.run(run).is_some())
    }

    fn detection_context(&self, id: &DetectionId) -> Result<Context<'_>, EngineError> {
        context(self.library, self.log, id, self.when)
    }
}

fn context<'a>(
    library: &'a Library,
    log: &'a Log,
    id: &DetectionId,
    when: When,
) -> Result<Context<'a>, EngineError> {
    let playbook = library.playbooks.get(&id.playbook).filter(|playbook| playbook.detect.is_some());
    let site = library.site_file.sites.get(&id.site);
    let there = playbook.zip(site).ok_or_else(|| EngineError::NoDetection(id.clone()))?;
    Ok(around(library, log, there, when))
}
