//! What can be read off a ticket? Small questions about its folded state.

use super::{
    Hold, Host, HostState, Lapsed, Mail, Run, RunId, RunStart, SignOff, Ticket, Trouble, hosts, outbox,
};
use crate::pure::interval::Interval;
use crate::pure::packet::{Mac, is_same_machine};
use crate::pure::playbook::{MailEvent, StageName};
use crate::pure::sighting::ContactSpan;
use crate::pure::verdict::{Outcome, Verdict};
use jiff::Timestamp;
use std::net::IpAddr;

impl Ticket {
    /// The run of that number.
    pub fn run(&self, id: RunId) -> Option<&Run> {
        self.runs.iter().rev().find(|run| run.id == id)
    }

    /// Every run and every occurrence that never ran, in the order of their numbers.
    pub fn all_runs(&self) -> Vec<Run> {
        let mut all = self.runs.clone();
        if !self.lapsed.is_empty() {
            all.extend(self.lapsed.iter().flat_map(Lapsed::runs));
            all.sort_by_key(|run| run.id);
        }
        all
    }

    /// Whether both are of one site and worked by one playbook.
    pub fn is_like(&self, other: &Ticket) -> bool {
        self.site == other.site && self.playbook == other.playbook
    }

    /// The runs that have not ended.
    pub fn open_runs(&self) -> impl Iterator<Item = &Run> {
        self.open.iter().filter_map(|id| self.run(*id))
    }

    /// The end of the last window in which it watched, in part at least; `None` while there was none.
    pub fn last_watch(&self) -> Option<Timestamp> {
        let has_watched = |run: &&Run| {
            let outcome = run.end.as_ref().map(|end| end.outcome);
            matches!(outcome, Some(Outcome::Ran | Outcome::Late | Outcome::Interrupted))
        };
        self.runs.iter().rev().find(has_watched).map(|run| run.window_end)
    }

    /// Whether something remains to be done in the world: a run to end, a mail to hand over.
    pub fn is_busy(&self) -> bool {
        !self.open.is_empty() || outbox::is_busy(&self.outbox)
    }

    /// When the first mail that failed is tried again; `None` when none waits.
    pub fn next_retry(&self) -> Option<Timestamp> {
        outbox::next_retry(&self.outbox)
    }

    /// When the last of its hosts was reported as cleaned; `None` when none was.
    pub fn last_cleaned(&self) -> Option<Timestamp> {
        self.hosts.iter().filter_map(|host| host.cleaned).max()
    }

    /// When the traffic of its latest report was seen; reports count by their own time.
    pub fn last_seen(&self) -> Option<Timestamp> {
        self.reports.iter().map(|report| report.seen).max()
    }

    /// When its address was listed again after it was clean, unless something was cleaned since.
    pub fn relisted_since_cleaning(&self) -> Option<Timestamp> {
        self.relisted.filter(|relisted| self.last_cleaned().is_none_or(|cleaned| *relisted > cleaned))
    }

    /// The hosts that must be found silent: all but the retired.
    pub fn watched_hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.iter().filter(|host| host.state != HostState::Retired)
    }

    /// Every contact on record of the machine that has this address and, where it is known, this MAC
    /// address; also those from before it was blamed.
    pub fn contacts_on_record(&self, host: IpAddr, mac: Option<Mac>) -> Vec<ContactSpan> {
        let seen = self.runs.iter().filter_map(|run| run.end.as_ref()).flat_map(|end| &end.exposures);
        let own = seen.filter(|seen| is_same_machine((seen.host, seen.mac), (host, mac)));
        let contacts: Vec<ContactSpan> = own.flat_map(|seen| &seen.contacts).copied().collect();
        hosts::merge(&[], &contacts)
    }

    /// The addresses of the machines that nobody has cleaned.
    pub fn infected(&self) -> Vec<IpAddr> {
        let infected = self.hosts.iter().filter(|host| host.state == HostState::Infected);
        infected.map(|host| host.host).collect()
    }

    /// Whether a host is blamed that nobody has cleaned.
    pub fn has_infected(&self) -> bool {
        self.hosts.iter().any(|host| host.state == HostState::Infected)
    }

    /// Of the watch since it last became clean: how many runs were planned, and how many passed.
    pub fn watch(&self) -> (usize, usize) {
        let is_of_watch = |planned: &Timestamp| Some(*planned) > self.confirmed;
        let verified = self.runs.iter().filter(|run| run.stage == StageName::Verify);
        let runs = verified.filter(|run| run.occurrence.as_ref().is_some_and(is_of_watch));
        let verdicts = runs.map(|run| run.end.as_ref()?.verdict);
        let (planned, passed) = verdicts.fold((0, 0), |(planned, passed), verdict| {
            (planned + 1, passed + usize::from(verdict == Some(Verdict::Pass)))
        });
        let never_ran = self.lapsed.iter().flat_map(|lapsed| lapsed.record.planned());
        (planned + never_ran.filter(|(_, planned)| is_of_watch(planned)).count(), passed)
    }

    /// Whether the ticket was on hold at any time within `window`.
    pub fn is_held_in(&self, window: Interval) -> bool {
        self.holds().any(|held| held.overlaps(window))
    }

    /// Whether the passing of time alone can change it.
    pub fn is_moved_by_time(&self) -> bool {
        self.phase.is_open() || self.risk.as_ref().is_some_and(|risk| risk.until.is_some())
    }

    /// Whether it was given before the host came back, so that it says nothing of what was done since.
    pub fn is_before_relapse(&self, signature: &SignOff) -> bool {
        signature.at < self.sought_since
    }

    /// The machine that was located after it was given, and is still here: the newest.
    pub fn located_since(&self, signature: &SignOff) -> Option<&Host> {
        let later = self.watched_hosts().filter(|host| host.located > signature.at);
        later.max_by_key(|host| host.located)
    }

    /// Every hold, the present one included.
    pub fn holds(&self) -> impl Iterator<Item = Interval> {
        self.held.iter().copied().chain(self.hold.as_ref().map(Hold::span))
    }
}

impl Hold {
    /// From its begin to its end, or to the end of time.
    pub fn span(&self) -> Interval {
        Interval::new(self.since, self.until.unwrap_or(Timestamp::MAX))
    }
}

impl Run {
    /// The run as it begins; `at` is when that went on record.
    pub fn begun(start: &RunStart, at: Timestamp) -> Run {
        Run {
            id: start.run,
            stage: start.stage,
            occurrence: start.occurrence,
            started: start.window_start,
            window_end: start.window_end,
            is_late: start.is_late,
            begun: at,
            ended: None,
            end: None,
        }
    }

    /// How it began, as it went on record.
    pub fn start(&self) -> RunStart {
        RunStart {
            run: self.id,
            stage: self.stage,
            occurrence: self.occurrence,
            window_start: self.started,
            window_end: self.window_end,
            is_late: self.is_late,
        }
    }

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
    /// One of which nothing became yet.
    pub fn new(seq: u64, event: MailEvent, at: Timestamp, to: Vec<String>) -> Mail {
        Mail {
            seq,
            event,
            at,
            to,
            accepted: Vec::new(),
            troubles: Vec::new(),
            retried: None,
            held: Vec::new(),
            folded: Vec::new(),
            folds: Vec::new(),
            unreached: None,
            machines: Vec::new(),
        }
    }

    /// Recipients who are neither accepted nor told in another mail, or told in one that was lost.
    pub fn missing(&self) -> impl Iterator<Item = &String> {
        let is_told = |to: &String| self.folded.iter().any(|(told, _)| told == to) && !self.is_lost(to);
        self.to.iter().filter(move |to| !self.accepted.contains(to) && !is_told(to))
    }

    /// Whether it was refused or given up for this recipient.
    pub fn is_lost(&self, to: &str) -> bool {
        self.trouble(to).is_some_and(|trouble| trouble.end.is_some())
    }

    /// Recipients to whom it must still be sent; those who do not get it now are not among them.
    pub fn pending(&self) -> impl Iterator<Item = &String> {
        self.missing().filter(|to| !self.is_lost(to) && !self.is_held(to))
    }

    /// Whether somebody has it, or it is being tried: only such a one may be named as the mail before another.
    pub fn is_out(&self) -> bool {
        !self.accepted.is_empty() || self.pending().next().is_some()
    }

    /// Those of them to whom it can be sent now.
    pub fn ripe(&self, now: Timestamp) -> impl Iterator<Item = &String> {
        let is_ripe = move |to: &&String| self.trouble(to).is_none_or(|trouble| trouble.not_before <= now);
        self.pending().filter(is_ripe)
    }

    /// Recipients who may get it yet, be it later.
    pub fn hoping(&self) -> impl Iterator<Item = &String> {
        self.missing().filter(|to| !self.is_lost(to))
    }

    /// Whether this recipient does not get it now.
    pub fn is_held(&self, to: &str) -> bool {
        self.held.iter().any(|held| held.to == to)
    }

    /// What went wrong with a recipient; `None` when nothing did.
    pub fn trouble(&self, to: &str) -> Option<&Trouble> {
        self.troubles.iter().find(|trouble| trouble.to == to)
    }

    /// Since when it waits to be delivered: its age, for all limits.
    pub fn waits_since(&self) -> Timestamp {
        self.retried.unwrap_or(self.at)
    }
}
