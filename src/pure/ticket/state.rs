//! What is known of a ticket? All that its events come to, and small questions about it.

use super::{
    Host, HostState, Lapsed, Listing, ListingAnswer, Mail, NewlyListed, Phase, Run, RunId, TicketId, hosts,
    outbox,
};
use crate::pure::intake::Report;
use crate::pure::interval::Interval;
use crate::pure::packet::{Mac, is_same_machine};
use crate::pure::playbook::StageName;
use crate::pure::sighting::ContactSpan;
use crate::pure::verdict::Verdict;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The life of one report at one site, folded from its events.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    pub id: TicketId,
    /// The outside number ("MARS-1234").
    pub reference: Option<String>,
    pub site: String,
    pub playbook: String,
    pub public: IpAddr,
    pub opened: Timestamp,
    pub phase: Phase,
    /// When the present phase began.
    pub phase_since: Timestamp,
    /// When the stage of the present phase began to be scheduled.
    pub stage_since: Timestamp,
    /// The last occurrence of each stage that is on record, by its planned time.
    pub planned_until: BTreeMap<StageName, Timestamp>,
    pub hold: Option<Hold>,
    /// Since when its host is sought: opened, reopened, or relapsed. Naming and withdrawing a host
    /// does not begin it anew.
    pub sought_since: Timestamp,
    /// Who lives with the infection, while its phase is `accepted_risk`.
    pub risk: Option<Risk>,
    /// What people were told of the present phase's due date.
    pub told: Told,
    /// Holds that are over.
    pub held: Vec<Interval>,
    pub relapses: u32,
    /// When it last relapsed.
    pub relapsed: Option<Timestamp>,
    /// When it last became clean.
    pub confirmed: Option<Timestamp>,
    pub reports: Vec<Report>,
    /// Since when all is looked for that the reports name; `None`: from the first run on.
    pub widened: Option<Timestamp>,
    /// Every inside host it blames, in the order of blaming; those withdrawn are gone.
    pub hosts: Vec<Host>,
    /// What was signed, by item name.
    pub signed: BTreeMap<String, SignOff>,
    /// Runs, in the order in which they began.
    pub runs: Vec<Run>,
    /// Occurrences that never ran, in order of their planned time.
    pub lapsed: Vec<Lapsed>,
    /// Those of `runs` that have not ended; few, so that nobody has to look through all.
    pub open: Vec<RunId>,
    /// The last answer of the DNSBL, or of a person who read its page; by their own time.
    pub listing: Option<ListingAnswer>,
    /// The last of them that was known.
    pub known_listing: Option<Listing>,
    /// When it became listed; `None` while it is not.
    pub newly_listed: Option<NewlyListed>,
    /// The latest answer that found it listed again after it was clean, by its own time.
    pub relisted: Option<Timestamp>,
    /// Passes in the present row: the ids of the runs.
    pub passes: Vec<RunId>,
    /// Inconclusive `verify` runs (and missed occurrences) since the last pass, fail or mail about it.
    pub inconclusive_row: u32,
    /// Mails decided upon, by the sequence number of the event that did so.
    pub outbox: Vec<Mail>,
    /// When the last of its events happened. The events themselves stay in the log: ten thousand tickets
    /// do not fit into memory with them.
    pub last_event: Timestamp,
}

/// A ticket that waits (school break).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub since: Timestamp,
    pub by: String,
    pub reason: String,
    /// When it ends by itself; `None`: when a person resumes it.
    pub until: Option<Timestamp>,
}

/// An infection that somebody answers for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk {
    pub by: String,
    pub at: Timestamp,
    pub reason: String,
    /// When the ticket is taken up again; `None`: never by itself.
    pub until: Option<Timestamp>,
}

/// What people were told since the present phase began, so that nobody hears it twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub is_reminded: bool,
    /// How far the ticket went overdue: 0 when its due date had passed, n with the n-th escalation;
    /// `None` while it is in time.
    pub overdue: Option<u32>,
}

/// A checklist item that somebody signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignOff {
    pub by: String,
    pub at: Timestamp,
}

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
        let has_watched = |run: &&Run| run.end.as_ref().is_some_and(|end| end.outcome.has_run());
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
