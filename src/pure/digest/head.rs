//! What does a digest say first? In two lines: who needs somebody today, and what else is wrong.
//!
//! Where nights were missed it never says that nothing needs anybody.

use super::changes::short;
use super::gather::Subject;
use super::needs::{Need, Work, machines};
use crate::pure::playbook::StageName;
use crate::pure::ticket::{Phase, Row};
use crate::pure::verdict::{Outcome, Verdict};
use crate::pure::words::{self, count};
use jiff::{SignedDuration, Timestamp};

/// The time over which nights are counted.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is counted.
#[derive(Default)]
pub(super) struct Counts {
    /// Infected machines that somebody has to clean, the most urgent first.
    pub machines: Vec<String>,
    /// Tickets whose machine is not found.
    pub unfound: u64,
    /// Tickets that wait for signatures.
    pub unsigned: u64,
    pub open: u64,
    pub waiting: u64,
    pub week: Nights,
    pub changed: u64,
    pub overdue: u64,
    /// Tickets with a run that proved nothing, and runs that were missed.
    pub unverified: u64,
    pub missed: u64,
    /// `detect` stages with such a run.
    pub unwatched: u64,
    pub undelivered: u64,
}

/// Nights of the last week.
#[derive(Default)]
pub(super) struct Nights {
    watched: u64,
    inconclusive: u64,
    missed: u64,
}

/// What stands first.
pub(super) struct Lines {
    pub subject: String,
    pub first: String,
    pub second: String,
}

impl Counts {
    /// What needs somebody, and what is watched; the rest is 0.
    pub(super) fn of(subject: &Subject<'_>, needs: &[Need<'_, '_>]) -> Counts {
        let wanted = |work| needs.iter().filter(|need| need.work == work).count() as u64;
        Counts {
            machines: machines(needs),
            unfound: wanted(Work::Find),
            unsigned: wanted(Work::Sign),
            open: subject.open().count() as u64,
            waiting: subject.open().filter(|case| case.is_waiting).count() as u64,
            week: nights(subject),
            ..Counts::default()
        }
    }
}

/// The two lines and the subject.
pub(super) fn lines(subject: &Subject<'_>, counts: &Counts) -> Lines {
    let mut needs: Vec<String> = Vec::new();
    let machines = counts.machines.len() as u64;
    if machines > 0 {
        needs.push(format!("{} you today", need(machines, "machine")));
    }
    if counts.unfound > 0 {
        needs.push(format!("{} not found yet", are(counts.unfound, "machine")));
    }
    if counts.unsigned > 0 {
        needs.push(format!("{} not signed", are(counts.unsigned, "checklist")));
    }
    let open = match counts.open {
        0 => "no ticket is open".to_owned(),
        open => format!("{} being watched", are(open, "ticket")),
    };
    let is_blind = counts.unverified > 0 || counts.unwatched > 0 || counts.week.missed > 0;
    let brief = match (needs.is_empty(), is_blind) {
        (false, _) => needs.join(", "),
        (true, true) if counts.unverified > 0 => {
            format!("{} could not be verified", count(counts.unverified, "ticket"))
        }
        (true, true) if counts.unwatched > 0 => unwatched(counts.unwatched),
        (true, true) => format!("{} of the last week missed", are(counts.week.missed, "night")),
        (true, false) => format!("nothing needs you; {open}"),
    };
    let first = match (machines, &brief) {
        (0, brief) => format!("{}.", words::capitalised(brief)),
        (_, brief) => {
            let named = short(&counts.machines);
            format!("{}: {named}{}.", needs[0], brief.strip_prefix(&needs[0]).unwrap_or_default())
        }
    };
    Lines { subject: format!("{brief}: {}", subject.whose), first, second: second(subject, counts) }
}

fn second(subject: &Subject<'_>, counts: &Counts) -> String {
    let mut wrong: Vec<String> = Vec::new();
    if counts.overdue > 0 {
        wrong.push(format!("{} overdue", are(counts.overdue, "ticket")));
    }
    if counts.unverified > 0 {
        wrong.push(format!("{} could not be verified", count(counts.unverified, "ticket")));
    }
    if counts.unwatched > 0 {
        wrong.push(unwatched(counts.unwatched));
    }
    if counts.missed > 0 {
        wrong.push(format!("{} missed", are(counts.missed, "run")));
    }
    if counts.undelivered > 0 {
        wrong.push("mail could not be delivered".to_owned());
    }
    if counts.changed > 0 {
        wrong.push(format!("{} changed", count(counts.changed, "ticket")));
    }
    if wrong.is_empty() {
        wrong.push(format!("nothing changed since {}", subject.time(subject.due.since)));
    }
    let watching = if counts.waiting > 0 {
        format!("still watching: {} ({} on hold)", count(counts.open, "ticket"), counts.waiting)
    } else {
        format!("still watching: {}", count(counts.open, "ticket"))
    };
    let Nights { watched, inconclusive, missed } = counts.week;
    let nights = format!(
        "{} watched this week, {inconclusive} inconclusive, {missed} missed",
        count(watched, "night")
    );
    words::capitalised(&format!("{}; {watching}, {nights}.", wrong.join(", ")))
}

fn unwatched(stages: u64) -> String {
    format!("{} could not look for new infections", count(stages, "detect stage"))
}

fn are(number: u64, noun: &str) -> String {
    format!("{} {}", count(number, noun), if number == 1 { "is" } else { "are" })
}

fn need(number: u64, noun: &str) -> String {
    format!("{} {}", count(number, noun), if number == 1 { "needs" } else { "need" })
}

fn nights(subject: &Subject<'_>) -> Nights {
    let since = subject.desk.now.checked_sub(WEEK).unwrap_or(Timestamp::MIN);
    let mut nights = Nights::default();
    for case in &subject.cases {
        let runs = case.ticket.runs.iter().rev().take_while(|run| run.begun > since);
        for end in runs.filter(|run| run.stage == StageName::Verify).filter_map(|run| run.end.as_ref()) {
            match (end.outcome, end.verdict) {
                (Outcome::Missed, _) => nights.missed += 1,
                (_, Some(Verdict::Pass | Verdict::Fail)) => nights.watched += 1,
                (_, Some(Verdict::Inconclusive)) => nights.inconclusive += 1,
                _ => {}
            }
        }
        let passed = case.ticket.passed.iter().rev().take_while(|passed| passed.at > since);
        let missed = passed.filter(|passed| {
            passed.record.stage == StageName::Verify && passed.record.outcome == Outcome::Missed
        });
        nights.missed += missed.map(|passed| passed.record.count()).sum::<u64>();
    }
    nights
}

/// How many tickets are in each phase.
pub(super) fn phases(subject: &Subject<'_>) -> Vec<Row> {
    let all = [Phase::Reported, Phase::Located, Phase::Verifying, Phase::Clean];
    let rows = all.into_iter().filter_map(|phase| {
        let number = subject.open().filter(|case| case.ticket.phase == phase).count() as u64;
        let waiting = subject.open().filter(|case| case.ticket.phase == phase && case.is_waiting).count();
        let end = if waiting > 0 { format!(" ({waiting} on hold)") } else { String::new() };
        let text = format!("{}{end}", words::phase(phase));
        (number > 0).then(|| Row { head: count(number, "ticket"), text })
    });
    rows.collect()
}
