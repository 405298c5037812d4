//! What can be read off a ticket? Small questions about its folded state.

use super::{Event, Host, HostState, Mail, Phase, Run, RunId, Ticket, hosts};
use crate::pure::interval::{Interval, Intervals};
use crate::pure::packet::Mac;
use crate::pure::playbook::MailEvent;
use crate::pure::sighting::ContactSpan;
use jiff::Timestamp;
use std::net::IpAddr;

impl Ticket {
    /// The run of that number.
    pub fn run(&self, id: RunId) -> Option<&Run> {
        self.runs.iter().rev().find(|run| run.id == id)
    }

    /// The runs that have not ended.
    pub fn open_runs(&self) -> impl Iterator<Item = &Run> {
        self.open.iter().filter_map(|id| self.run(*id))
    }

    /// When the last of its hosts was reported as cleaned; `None` when none was.
    pub fn last_cleaned(&self) -> Option<Timestamp> {
        self.hosts.iter().filter_map(|host| host.cleaned).max()
    }

    /// When the traffic of its latest report was seen; reports count by their own time.
    pub fn last_seen(&self) -> Option<Timestamp> {
        self.reports.iter().map(|report| report.seen).max()
    }

    /// The hosts that must be found silent: all but the retired.
    pub fn watched_hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|host| host.state != HostState::Retired)
    }

    /// Every contact on record of the machine that has this address and, where it is known, this MAC
    /// address; also those from before it was blamed.
    pub fn contacts_on_record(&self, host: IpAddr, mac: Option<Mac>) -> Vec<ContactSpan> {
        let seen = self.runs.iter().filter_map(|run| run.end.as_ref()).flat_map(|end| &end.exposures);
        let own = seen.filter(|seen| match (mac, seen.mac) {
            (Some(known), Some(seen)) => known == seen,
            _ => seen.host == host,
        });
        let contacts: Vec<ContactSpan> = own.flat_map(|seen| &seen.contacts).copied().collect();
        hosts::merge(&[], &contacts)
    }

    /// Whether a host is blamed that nobody has cleaned.
    pub fn has_infected(&self) -> bool {
        self.hosts.iter().any(|host| host.state == HostState::Infected)
    }

    /// Whether the ticket was on hold at `time`.
    pub fn is_held_at(&self, time: Timestamp) -> bool {
        let is_held_now = self.hold.as_ref().is_some_and(|hold| hold.since <= time);
        is_held_now || self.held.iter().any(|held| held.contains(time))
    }

    /// Whether the ticket was on hold at any time within `window`.
    pub fn is_held_in(&self, window: Interval) -> bool {
        let is_held_now = self.hold.as_ref().is_some_and(|hold| hold.since < window.to);
        is_held_now || self.held.iter().any(|held| held.overlaps(window))
    }

    /// When it last came into its phase `located`; `None` when it never was.
    pub fn located_at(&self) -> Option<Timestamp> {
        self.events.iter().rev().find_map(|recorded| match &recorded.event {
            Event::PhaseChanged { to: Phase::Located, .. } => Some(recorded.at),
            _ => None,
        })
    }

    /// How many seconds from `from` to `to` were neither on hold nor `closed` (school breaks): the
    /// due clock runs only then.
    pub fn working_seconds(&self, from: Timestamp, to: Timestamp, closed: &[Interval]) -> f64 {
        let whole = Interval::new(from, to);
        let now_held = self.hold.iter().map(|hold| Interval::new(hold.since, to));
        let idle = self.held.iter().chain(closed).copied().chain(now_held);
        whole.seconds() - Intervals::of(idle).within(whole).seconds()
    }
}

impl Run {
    /// Its planned time, jitter left out; when it began, for a run by hand.
    pub fn planned(&self) -> Timestamp {
        self.occurrence.unwrap_or(self.started)
    }

    /// Its planned window, which begins at the planned time and its jitter.
    pub fn window(&self) -> Interval {
        Interval::new(self.started, self.window_end)
    }
}

impl Mail {
    pub(super) fn new(seq: u64, event: MailEvent, at: Timestamp, to: Vec<String>) -> Mail {
        Mail {
            seq,
            event,
            at,
            to,
            accepted: Vec::new(),
            refused: Vec::new(),
            attempts: 0,
            not_before: None,
            last_error: None,
        }
    }

    /// Recipients to whom it must still be sent.
    pub fn pending(&self) -> impl Iterator<Item = &String> {
        self.to.iter().filter(|to| !self.accepted.contains(to) && !self.refused.contains(to))
    }
}
