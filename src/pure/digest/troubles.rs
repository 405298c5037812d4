//! What could not be verified since the last digest, and why? And which mails could not be delivered? One
//! line a cause, however many tickets share it.

use super::gather::{Case, Subject};
use crate::pure::detection::Unverified;
use crate::pure::ticket::{DetectionId, Row, Run, TicketId};
use crate::pure::verdict::{Mender, Outcome, Reason, ReasonCode, Verdict};
use crate::pure::words::{self, count, shortened};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The longest cause or error, in signs, and how many tickets are named with it.
const CAUSE_CHARS_MAX: usize = 300;
const NAMED_MAX: usize = 5;

/// No run is looked for that began so long before the last digest; captures are of hours.
const RUN_MAX: SignedDuration = SignedDuration::from_hours(8 * 24);

/// A mail that was refused is told for so long.
const REFUSED_SPAN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Runs and occurrences that proved nothing.
#[derive(Default)]
pub(super) struct Troubles {
    causes: BTreeMap<(Kind, ReasonCode, String), Cause>,
    /// What befell `detect` stages, and how many runs of each.
    searches: BTreeMap<(Kind, String), BTreeMap<DetectionId, u64>>,
    /// Every ticket with a run that proved nothing although it should have.
    pub tickets: BTreeSet<TicketId>,
    /// Every `detect` stage with such a run.
    pub detections: BTreeSet<DetectionId>,
    pub missed: u64,
}

/// What became of a run that proved nothing, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Missed,
    Skipped,
    Interrupted,
    Inconclusive,
    /// A break or hold: nobody expected anything of it.
    Suppressed,
    /// Its files are gone, so that nothing is planned.
    Unplanned,
}

impl Kind {
    /// What it is when a run with this outcome proved nothing.
    fn of(outcome: Outcome) -> Kind {
        match outcome {
            Outcome::Missed => Kind::Missed,
            Outcome::Skipped => Kind::Skipped,
            Outcome::Interrupted => Kind::Interrupted,
            Outcome::Suppressed => Kind::Suppressed,
            Outcome::Ran | Outcome::Late => Kind::Inconclusive,
        }
    }
}

#[derive(Default)]
struct Cause {
    tickets: BTreeSet<TicketId>,
    runs: u64,
}

/// The cause that most tickets share.
pub(super) struct Leading<'a> {
    /// What was seen, and, behind the first colon and blank, what to do.
    pub text: &'a str,
    pub tickets: &'a BTreeSet<TicketId>,
    /// Whether there is no other one.
    pub is_only: bool,
}

impl Troubles {
    pub(super) fn of(subject: &Subject<'_>) -> Troubles {
        let mut troubles = Troubles::default();
        for case in &subject.cases {
            troubles.look(subject, case);
        }
        for detection in subject.detections() {
            let new = detection.unverified.iter().filter(|unverified| subject.is_new(unverified.at));
            new.for_each(|unverified| troubles.add_search(&detection.id, unverified));
        }
        troubles
    }

    /// Whether one of them is more than a break.
    pub(super) fn is_news(&self) -> bool {
        !self.tickets.is_empty() || !self.detections.is_empty()
    }

    /// Whether one of them is for those who have the machines, and not for the network support engineer alone.
    pub(super) fn is_for_school(&self) -> bool {
        let told = self.causes.keys().filter(|(kind, ..)| *kind != Kind::Suppressed);
        told.into_iter().any(|(_, code, _)| code.facts().mender != Mender::Engineer)
    }

    /// The cause that most tickets share, breaks and holds aside; of those that a school can do something about where
    /// `is_for_school` asks for one.
    pub(super) fn leading(&self, is_for_school: bool) -> Option<Leading<'_>> {
        let told = self.causes.iter().filter(|((kind, ..), _)| *kind != Kind::Suppressed);
        let is_only = told.clone().count() == 1;
        let is_meant = |code: ReasonCode| !is_for_school || code.facts().mender != Mender::Engineer;
        let meant = told.filter(|((_, code, _), _)| is_meant(*code));
        let ((.., text), cause) = meant.min_by_key(|(_, cause)| usize::MAX - cause.tickets.len())?;
        Some(Leading { text, tickets: &cause.tickets, is_only })
    }

    fn look(&mut self, subject: &Subject<'_>, case: &Case<'_>) {
        let ticket = case.ticket;
        let first = subject.due.since.checked_sub(RUN_MAX).unwrap_or(Timestamp::MIN);
        let is_new = |run: &&Run| run.ended.is_some_and(|ended| subject.is_new(ended));
        // In the order in which they began, which is not that of their ends.
        let recent = ticket.runs.iter().rev().take_while(|run| run.begun > first).filter(is_new);
        for run in recent.filter(|run| run.occurrence.is_some()) {
            let Some(end) = &run.end else { continue };
            let kind = match (Kind::of(end.outcome), end.verdict) {
                (Kind::Inconclusive, Some(Verdict::Pass | Verdict::Fail) | None) => continue,
                (kind, _) => kind,
            };
            end.reasons.iter().for_each(|reason| self.add(ticket.id, kind, reason, 1));
            self.missed += u64::from(kind == Kind::Missed);
        }
        for lapsed in ticket.lapsed.iter().rev().take_while(|lapsed| subject.is_new(lapsed.at)) {
            let kind = Kind::of(lapsed.record.outcome);
            if kind == Kind::Suppressed && is_of_course(lapsed.record.reason.code) {
                continue;
            }
            self.add(ticket.id, kind, &lapsed.record.reason, lapsed.record.count());
            self.missed += if kind == Kind::Missed { lapsed.record.count() } else { 0 };
        }
        if case.files.is_none() && ticket.phase.is_open() {
            let text = format!(
                "playbook '{}' or site '{}' is gone, so that nothing is watched: put it back",
                ticket.playbook, ticket.site
            );
            self.add(ticket.id, Kind::Unplanned, &Reason { code: ReasonCode::ScheduleChanged, text }, 0);
        }
    }

    fn add(&mut self, ticket: TicketId, kind: Kind, reason: &Reason, runs: u64) {
        if kind != Kind::Suppressed {
            self.tickets.insert(ticket);
        }
        let text = shortened(&words::clean_text(&reason.text), CAUSE_CHARS_MAX);
        let cause = self.causes.entry((kind, reason.code, text)).or_default();
        cause.tickets.insert(ticket);
        cause.runs += runs;
    }

    fn add_search(&mut self, id: &DetectionId, unverified: &Unverified) {
        self.detections.insert(id.clone());
        let text = shortened(&words::clean_text(&unverified.reason.text), CAUSE_CHARS_MAX);
        let cause = self.searches.entry((Kind::of(unverified.outcome), text)).or_default();
        *cause.entry(id.clone()).or_default() += unverified.runs;
    }

    /// The cause that most tickets share first; what befell single tickets in the same way is told once.
    pub(super) fn rows(self) -> Vec<Row> {
        let mut grouped: BTreeMap<(Kind, ReasonCode, String), Cause> = BTreeMap::new();
        let mut alone: BTreeMap<(Kind, ReasonCode), (String, Cause)> = BTreeMap::new();
        for ((kind, code, text), cause) in self.causes {
            if cause.tickets.len() > 1 {
                grouped.insert((kind, code, text), cause);
                continue;
            }
            let (_, alike) = alone.entry((kind, code)).or_insert_with(|| (text, Cause::default()));
            alike.tickets.extend(cause.tickets);
            alike.runs += cause.runs;
        }
        let alone = alone.into_iter().map(|((kind, code), (text, cause))| {
            let others = cause.tickets.len() - 1;
            let alike = if others > 0 { format!(" (and likewise of {others} more)") } else { String::new() };
            ((kind, code, text + &alike), cause)
        });
        let mut all: Vec<((Kind, ReasonCode, String), Cause)> = grouped.into_iter().chain(alone).collect();
        all.sort_by_key(|((kind, ..), cause)| (*kind == Kind::Suppressed, usize::MAX - cause.tickets.len()));
        let searches = self.searches.iter().map(|((kind, text), stages)| search_row(*kind, text, stages));
        let tickets = all.into_iter().map(|((kind, _, text), cause)| row(kind, &text, &cause));
        searches.chain(tickets).collect()
    }
}

/// What happens all the time and has no cure.
fn is_of_course(code: ReasonCode) -> bool {
    code.facts().mender == Mender::Nobody && !code.is_idle()
}

/// Nobody else looks for machines that no ticket knows, so these stand first.
fn search_row(kind: Kind, text: &str, stages: &BTreeMap<DetectionId, u64>) -> Row {
    let runs = count(stages.values().sum(), "run");
    let named: Vec<String> = stages.keys().take(NAMED_MAX).map(|id| words::name(&id.to_string())).collect();
    let more = match stages.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let head = format!("{} of detect, {}", runs, outcome(kind));
    Row { head, text: format!("{text} ({}{more})", named.join(", ")) }
}

fn outcome(kind: Kind) -> &'static str {
    match kind {
        Kind::Missed => "missed",
        Kind::Skipped => "skipped",
        Kind::Interrupted => "interrupted",
        Kind::Inconclusive => "inconclusive",
        Kind::Suppressed => "left out",
        Kind::Unplanned => "not watched",
    }
}

fn row(kind: Kind, text: &str, cause: &Cause) -> Row {
    let outcome = outcome(kind);
    let runs = if cause.runs > 1 { format!(", {}", count(cause.runs, "run")) } else { String::new() };
    let head = format!("{}, {outcome}{runs}", count(cause.tickets.len() as u64, "ticket"));
    Row { head, text: format!("{text} ({})", named(&cause.tickets)) }
}

/// `#1, #2 and 85 more`.
fn named(tickets: &BTreeSet<TicketId>) -> String {
    let first: Vec<String> = tickets.iter().take(NAMED_MAX).map(|ticket| format!("#{ticket}")).collect();
    match tickets.len().saturating_sub(NAMED_MAX) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// The mails that did not arrive, by recipient and error, and whether one of them is news. Coordinators are
/// not told: they cannot mend it.
pub(super) fn undelivered(subject: &Subject<'_>) -> (Vec<Row>, bool) {
    if subject.coordinator.is_some() {
        return (Vec::new(), false);
    }
    let mut faults: BTreeMap<(String, bool, String), (u64, BTreeSet<TicketId>)> = BTreeMap::new();
    let mut is_news = false;
    let of_tickets =
        subject.desk.tickets.values().flat_map(|ticket| ticket.outbox.iter().map(|mail| (ticket.id, mail)));
    for (ticket, mail) in of_tickets.chain(subject.desk.rounds.iter().map(|mail| (TicketId::NONE, mail))) {
        for trouble in &mail.troubles {
            let is_over = trouble.end.is_some();
            let is_recent = subject.desk.now.duration_since(trouble.at) < REFUSED_SPAN;
            let is_told = if is_over { is_recent } else { mail.pending().any(|to| *to == trouble.to) };
            if !is_told {
                continue;
            }
            is_news |= !is_over || subject.is_new(trouble.at);
            let error = shortened(&words::clean_text(&trouble.error), CAUSE_CHARS_MAX);
            let fault = faults.entry((trouble.to.clone(), is_over, error)).or_default();
            fault.0 += 1;
            fault.1.insert(ticket);
        }
    }
    let rows = faults.into_iter().map(|((to, is_over, error), (mails, mut tickets))| {
        let end = if is_over { "given up" } else { "tried again" };
        tickets.remove(&TicketId::NONE);
        let of = if tickets.is_empty() { String::new() } else { format!(" ({})", named(&tickets)) };
        Row { head: words::clean_text(&to), text: format!("{}, {end}: {error}{of}", count(mails, "mail")) }
    });
    (rows.collect(), is_news)
}
