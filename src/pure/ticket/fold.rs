//! What is the state of a ticket after these events? One exhaustive match over everything that can
//! happen.
//!
//! It must never decide anything: an event that the table of phases forbids is a fault of the log.

use super::{
    Blame, Event, Hold, Host, HostState, Lapsed, LapsedRecord, Phase, Recorded, Risk, Run, RunEnd, RunId,
    RunStart, SignOff, Ticket, TicketId, Told, hosts, outbox,
};
use crate::pure::interval::Interval;
use crate::pure::playbook::{MailEvent, StageName};
use crate::pure::verdict::{Outcome, Verdict};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Why an event is none of a ticket.
const OF_NO_TICKET: &str = "schedules and `detect` stages are of no ticket";

/// An event that cannot have happened: the log is damaged or was written by something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} of ticket {ticket} cannot have happened: {why}")]
pub struct IllegalEvent {
    pub seq: u64,
    pub ticket: TicketId,
    pub why: String,
}

impl Ticket {
    /// The ticket that these events make, in order; they must be of one ticket.
    pub fn fold(events: &[Recorded]) -> Result<Ticket, IllegalEvent> {
        let (first, rest) = events.split_first().ok_or(IllegalEvent {
            seq: 0,
            ticket: TicketId::NONE,
            why: "a ticket without events".to_owned(),
        })?;
        let mut ticket = Ticket::begin(first)?;
        for recorded in rest {
            ticket.apply(recorded)?;
        }
        Ok(ticket)
    }

    /// The ticket that its first event makes.
    pub fn begin(first: &Recorded) -> Result<Ticket, IllegalEvent> {
        let Event::Opened { reference, site, playbook, public } = &first.event else {
            let why = "a ticket begins by being opened".to_owned();
            return Err(IllegalEvent { seq: first.seq, ticket: first.ticket, why });
        };
        if first.ticket == TicketId::NONE {
            let why = "tickets are numbered from 1".to_owned();
            return Err(IllegalEvent { seq: first.seq, ticket: first.ticket, why });
        }
        Ok(Ticket {
            id: first.ticket,
            reference: reference.clone(),
            site: site.clone(),
            playbook: playbook.clone(),
            public: *public,
            opened: first.at,
            phase: Phase::Reported,
            phase_since: first.at,
            stage_since: first.at,
            planned_until: BTreeMap::new(),
            hold: None,
            sought_since: first.at,
            risk: None,
            told: Told::default(),
            held: Vec::new(),
            relapses: 0,
            relapsed: None,
            confirmed: None,
            reports: Vec::new(),
            widened: None,
            hosts: Vec::new(),
            signed: BTreeMap::new(),
            runs: Vec::new(),
            lapsed: Vec::new(),
            open: Vec::new(),
            listing: None,
            known_listing: None,
            newly_listed: None,
            relisted: None,
            passes: Vec::new(),
            inconclusive_row: 0,
            outbox: Vec::new(),
            last_event: first.at,
        })
    }

    /// Adds one event to the ticket.
    pub fn apply(&mut self, recorded: &Recorded) -> Result<(), IllegalEvent> {
        let (seq, ticket) = (recorded.seq, recorded.ticket);
        self.fold_one(recorded).map_err(|why| IllegalEvent { seq, ticket, why })?;
        self.last_event = recorded.at;
        Ok(())
    }

    fn fold_one(&mut self, recorded: &Recorded) -> Result<(), String> {
        match &recorded.event {
            Event::Opened { .. } => return Err("the ticket is open already".to_owned()),
            Event::ReportAdded { report } => self.reports.push(report.clone()),
            Event::SearchWidened { what: _ } => self.widen(recorded.at),
            Event::HostBlamed { .. } => self.blame(recorded),
            Event::HostCleaned { host, cleaned } => self.treat(*host, HostState::Cleaned, *cleaned)?,
            Event::HostRetired { host, reason: _ } => self.treat(*host, HostState::Retired, recorded.at)?,
            Event::HostWithdrawn { host, reason: _ } => {
                let index = self.host_index(*host)?;
                self.hosts.remove(index);
            }
            Event::RunStarted(start) => self.start_run(recorded.at, start),
            Event::RunDelayed { run } => {
                let delayed = self.runs.iter_mut().rev().find(|known| known.id == *run);
                delayed.ok_or_else(|| format!("there is no run {run}"))?.is_late = true;
            }
            Event::RunEnded(end) => self.end_run(recorded, end)?,
            Event::OccurrencePassed(record) => self.pass_over(recorded.at, record.into())?,
            Event::OccurrencesPassed(record) => self.pass_over(recorded.at, record.clone())?,
            Event::Relapsed { because: _ } => {
                self.relapses += 1;
                self.relapsed = Some(recorded.at);
                self.sought_since = recorded.at;
                self.passes.clear();
            }
            Event::PhaseChanged { from, to, because } => {
                self.change_phase(recorded, *from, *to)?;
                self.keep_risk(recorded, because);
            }
            Event::Signed { item } => {
                let sign_off = SignOff { by: recorded.by.clone(), at: recorded.at };
                self.signed.insert(item.clone(), sign_off);
            }
            Event::SignatureWithdrawn { item, reason: _ } => {
                self.signed.remove(item).ok_or_else(|| format!("'{item}' was not signed"))?;
            }
            Event::RiskAccepted { reason, until } => self.accept(recorded, reason, *until),
            Event::Noted { text: _ } => {}
            Event::Held { reason, until } => {
                let (since, by) = (recorded.at, recorded.by.clone());
                self.hold = Some(Hold { since, by, reason: reason.clone(), until: *until });
            }
            Event::Resumed => self.end_hold(recorded.at).ok_or("it was not on hold")?,
            Event::Overdue { due: _, step } => self.told.overdue = Some(*step),
            Event::ListingAnswered(answer) => self.learn_listing(answer),
            Event::MailQueued { .. }
            | Event::MailWithdrawn { .. }
            | Event::MailReleased { .. }
            | Event::MailFolded { .. }
            | Event::MailAccepted { .. }
            | Event::MailFailed { .. }
            | Event::MailRetried { .. } => self.fold_mail(recorded)?,
            Event::RoundQueued { .. } | Event::DigestPlanned(_) | Event::DigestDue { .. } => {
                return Err("a mail about many is of no ticket".to_owned());
            }
            Event::Detection { .. } | Event::SchedulesRead(_) => return Err(OF_NO_TICKET.to_owned()),
        }
        Ok(())
    }

    fn fold_mail(&mut self, recorded: &Recorded) -> Result<(), String> {
        if let Event::MailQueued { event, .. } = &recorded.event {
            match event {
                MailEvent::Inconclusive => self.inconclusive_row = 0,
                MailEvent::Reminder => self.told.is_reminded = true,
                MailEvent::Opened
                | MailEvent::Located
                | MailEvent::Overdue
                | MailEvent::Relapsed
                | MailEvent::Clean
                | MailEvent::Listed
                | MailEvent::Closed
                | MailEvent::Folded
                | MailEvent::Digest
                | MailEvent::Undeliverable
                | MailEvent::Test => {}
            }
        }
        outbox::apply(&mut self.outbox, recorded)?;
        if matches!(recorded.event, Event::MailQueued { .. }) {
            let machines = self.infected();
            self.outbox.last_mut().into_iter().for_each(|queued| queued.machines.clone_from(&machines));
        }
        Ok(())
    }

    fn treat(&mut self, host: IpAddr, state: HostState, at: Timestamp) -> Result<(), String> {
        let host = self.host_mut(host)?;
        host.state = state;
        host.cleaned = Some(at);
        self.passes.clear();
        Ok(())
    }

    fn widen(&mut self, at: Timestamp) {
        self.widened = Some(at);
        self.passes.clear();
    }

    fn pass_over(&mut self, at: Timestamp, record: LapsedRecord) -> Result<(), String> {
        record.check()?;
        self.planned_until.insert(record.stage, record.last());
        if record.stage == StageName::Verify && record.outcome == Outcome::Missed {
            let missed = u32::try_from(record.count()).unwrap_or(u32::MAX);
            self.inconclusive_row = self.inconclusive_row.saturating_add(missed);
        }
        self.lapsed.push(Lapsed { record, at });
        Ok(())
    }

    fn blame(&mut self, recorded: &Recorded) {
        let Event::HostBlamed { host, mac, name, blame } = &recorded.event else { return };
        match hosts::find(&self.hosts, *host, *mac) {
            Some(index) => {
                let known = &mut self.hosts[index];
                known.host = *host;
                known.mac = known.mac.or(*mac);
                known.name = name.clone().or(known.name.take());
                known.state = HostState::Infected;
            }
            None => {
                let contacts = self.contacts_on_record(*host, *mac);
                self.hosts.push(Host {
                    host: *host,
                    mac: *mac,
                    name: name.clone(),
                    state: HostState::Infected,
                    blame: if contacts.is_empty() { *blame } else { Blame::Seen },
                    located: recorded.at,
                    cleaned: None,
                    confirmed: None,
                    contacts,
                });
            }
        }
        self.passes.clear();
    }

    fn start_run(&mut self, at: Timestamp, start: &RunStart) {
        if let Some(occurrence) = start.occurrence {
            self.planned_until.insert(start.stage, occurrence);
        }
        self.open.push(start.run);
        self.runs.push(Run::begun(start, at));
    }

    fn end_run(&mut self, recorded: &Recorded, end: &RunEnd) -> Result<(), String> {
        for seen in &end.exposures {
            if let Some(index) = hosts::find(&self.hosts, seen.host, seen.mac) {
                self.hosts[index].learn(seen);
            }
        }
        self.close_run(recorded.at, end.clone())?;
        self.count_pass(end.run);
        Ok(())
    }

    /// Enters how a run ended, and keeps the row of inconclusive nights.
    fn close_run(&mut self, at: Timestamp, end: RunEnd) -> Result<(), String> {
        let id = end.run;
        let run = self.runs.iter_mut().rev().find(|run| run.id == id);
        let run = run.ok_or_else(|| format!("there is no run {id}"))?;
        if run.end.is_some() {
            return Err(format!("run {id} has ended already"));
        }
        if run.stage == StageName::Verify {
            match (end.outcome, end.verdict) {
                (_, Some(Verdict::Pass | Verdict::Fail)) => self.inconclusive_row = 0,
                (Outcome::Missed, None) | (_, Some(Verdict::Inconclusive)) => self.inconclusive_row += 1,
                (_, None) => {}
            }
        }
        self.open.retain(|open| *open != id);
        run.ended = Some(at);
        run.end = Some(end);
        Ok(())
    }

    /// Adds a pass to the row, or ends the row with a fail. The same minutes never count twice, and
    /// none from before the last cleaning or from when less was looked for, from a hold or from a school break do.
    fn count_pass(&mut self, id: RunId) {
        let Some(run) = self.run(id).filter(|run| run.stage == StageName::Verify) else { return };
        let Some(end) = &run.end else { return };
        let started = run.started;
        let is_after_cleaning = self.last_cleaned().max(self.widened).is_none_or(|since| since <= started);
        let is_new =
            self.passes.last().and_then(|last| self.run(*last)).is_none_or(|last| last.window_end <= started);
        let is_waiting = end.is_in_break || self.is_held_in(run.window());
        let is_wanted = self.phase == Phase::Verifying && !is_waiting;
        match end.verdict {
            Some(Verdict::Fail) => self.passes.clear(),
            Some(Verdict::Pass) if is_wanted && is_after_cleaning && is_new => self.passes.push(id),
            _ => {}
        }
    }

    fn change_phase(&mut self, recorded: &Recorded, from: Phase, to: Phase) -> Result<(), String> {
        if from != self.phase || !from.may_become(to) {
            return Err(format!("a ticket in '{}' does not go from '{from}' to '{to}'", self.phase));
        }
        if from.stage() != to.stage() {
            self.stage_since = recorded.at;
        }
        if !from.is_open() {
            self.sought_since = recorded.at;
        }
        if !to.is_open() {
            // Nobody would think of it any more when the ticket is taken up again.
            self.end_hold(recorded.at);
        }
        self.told = Told::default();
        self.phase = to;
        self.phase_since = recorded.at;
        match to {
            Phase::Clean => {
                self.confirmed = Some(recorded.at);
                for host in self.hosts.iter_mut().filter(|host| host.state == HostState::Cleaned) {
                    host.state = HostState::Clean;
                    host.confirmed = Some(recorded.at);
                }
            }
            Phase::Closed => {}
            Phase::Reported | Phase::Located | Phase::Verifying | Phase::Rejected | Phase::AcceptedRisk => {
                self.passes.clear();
                self.inconclusive_row = 0;
            }
        }
        Ok(())
    }

    /// A hold ends at its own time, if that came before.
    fn end_hold(&mut self, at: Timestamp) -> Option<()> {
        let hold = self.hold.take()?;
        self.held.push(Interval::new(hold.since, hold.span().to.min(at)));
        Some(())
    }

    fn accept(&mut self, recorded: &Recorded, reason: &str, until: Option<Timestamp>) {
        let (by, at) = (recorded.by.clone(), recorded.at);
        self.risk = Some(Risk { by, at, reason: reason.to_owned(), until });
    }

    /// A risk is accepted as long as the phase says so. Older logs hold it only as a change of phase.
    fn keep_risk(&mut self, recorded: &Recorded, because: &str) {
        if self.phase != Phase::AcceptedRisk {
            self.risk = None;
        } else if self.risk.is_none() {
            self.accept(recorded, because, None);
        }
    }

    fn host_index(&self, address: IpAddr) -> Result<usize, String> {
        hosts::meant(&self.hosts, address).ok_or_else(|| format!("it does not blame {address}"))
    }

    fn host_mut(&mut self, address: IpAddr) -> Result<&mut Host, String> {
        let index = self.host_index(address)?;
        Ok(&mut self.hosts[index])
    }
}
