//! What does a digest say first? In two lines what matters most, and what to do about it by when; then what
//! else is wanted and wrong, in numbers.
//!
//! Where nights were missed it never says that nothing needs anybody.

use super::gather::Subject;
use super::needs::{Need, Work, lead, machines};
use super::troubles::Troubles;
use crate::pure::playbook::StageName;
use crate::pure::ticket::{Phase, Row};
use crate::pure::verdict::{Outcome, Verdict};
use crate::pure::words::{self, count};
use jiff::{SignedDuration, Timestamp};

/// What the second line says where nobody is needed.
pub(super) const NOTHING: &str = "TO DO: nothing";

/// The time over which nights are counted.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What is counted.
#[derive(Default)]
pub(super) struct Counts {
    /// Infected machines that somebody has to clean.
    pub machines: u64,
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
    /// Whether its reader is a coordinator, and what could not be verified is the engineer's to mend.
    pub is_school_free: bool,
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
    pub rest: String,
}

impl Counts {
    /// What needs somebody, and what is watched; the rest is 0.
    pub(super) fn of(subject: &Subject<'_>, needs: &[Need<'_, '_>]) -> Counts {
        let wanted = |work| needs.iter().filter(|need| need.work == work).count() as u64;
        Counts {
            machines: machines(needs),
            overdue: needs.iter().filter(|need| need.is_overdue).count() as u64,
            unfound: wanted(Work::Find),
            unsigned: wanted(Work::Sign),
            open: subject.open().count() as u64,
            waiting: subject.open().filter(|case| case.is_waiting).count() as u64,
            week: nights(subject),
            ..Counts::default()
        }
    }

    /// Open tickets that runs look after: nobody watches one that is on hold.
    fn watched(&self) -> u64 {
        self.open - self.waiting
    }
}

/// The subject, the two lines and the rest.
pub(super) fn lines(
    subject: &Subject<'_>,
    counts: &Counts,
    needs: &[Need<'_, '_>],
    troubles: &Troubles,
) -> Lines {
    let wanted = wanted(counts);
    let (brief, first, second) = match needs.first() {
        Some(need) => {
            let (first, second) = lead(subject, need, needs.len() as u64 - 1);
            (wanted.join(", "), first, second)
        }
        None if counts.unverified > 0 => unverified(subject, counts, troubles),
        None => {
            let (brief, second) = unneeded(counts);
            (brief.clone(), format!("{}.", words::capitalised(&brief)), second)
        }
    };
    Lines {
        subject: format!("{brief}: {}", subject.whose),
        first,
        second,
        rest: rest(subject, counts, wanted),
    }
}

/// What somebody has to do, what is overdue first.
fn wanted(counts: &Counts) -> Vec<String> {
    let mut wanted: Vec<String> = Vec::new();
    if counts.overdue > 0 {
        wanted.push(format!("{} OVERDUE", are(counts.overdue, "ticket")));
    }
    if counts.machines > 0 {
        wanted.push(format!("{} to be cleaned", are(counts.machines, "machine")));
    }
    if counts.unfound > 0 {
        wanted.push(format!("{} not found yet", are(counts.unfound, "machine")));
    }
    if counts.unsigned > 0 {
        wanted.push(format!("{} not signed", are(counts.unsigned, "checklist")));
    }
    wanted
}

/// Where no ticket needs anybody and some could not be verified: which machine or how many tickets, for want of
/// what, and what mends it by when. The cause that most tickets share is told, the others stand below.
fn unverified(subject: &Subject<'_>, counts: &Counts, troubles: &Troubles) -> (String, String, String) {
    let brief = format!("{} could not be verified", count(counts.unverified, "ticket"));
    let Some(leading) = troubles.leading(subject.coordinator.is_some() && !counts.is_school_free) else {
        return (brief.clone(), format!("{brief}."), mend(counts).to_owned());
    };
    let (why, cure) = leading.text.split_once(": ").unwrap_or((leading.text, ""));
    let first = match leading.tickets.len() as u64 {
        some if some < counts.unverified => format!("{brief}; {some} of them: {why}."),
        1 => format!("{} could not be verified: {why}.", subject.named(leading.tickets)),
        _ => format!("{brief}: {why}."),
    };
    if counts.is_school_free || cure.is_empty() {
        return (brief, first, mend(counts).to_owned());
    }
    let next = subject.next_run(leading.tickets);
    let when = next.map_or_else(|| "before the next run".to_owned(), |at| format!("by {}", subject.time(at)));
    let more = if leading.is_only { "" } else { "; the other causes stand below with their cures" };
    (brief, first, format!("TO DO {when}: {cure}{more}."))
}

/// What to do where runs proved nothing, whatever the cause.
fn mend(counts: &Counts) -> &'static str {
    match counts.is_school_free {
        true => {
            "TO DO: nothing for the school; the network support engineer removes what kept it from watching."
        }
        false => {
            "TO DO before the next run: remove what kept it from watching; each cause stands below with its cure."
        }
    }
}

/// Where no ticket needs anybody: what is wrong besides, and what to do about it.
fn unneeded(counts: &Counts) -> (String, String) {
    if counts.unwatched > 0 {
        return (unwatched(counts.unwatched), mend(counts).to_owned());
    }
    if counts.undelivered > 0 {
        let deed = "TO DO now: tell them by telephone or in person, and mend their addresses.";
        return (
            format!("mail to {} could not be delivered", count(counts.undelivered, "recipient")),
            deed.to_owned(),
        );
    }
    if counts.week.missed > 0 {
        let missed = format!("{} of the last week missed", are(counts.week.missed, "night"));
        return (missed, format!("{NOTHING} more, if what kept allclear from watching is mended."));
    }
    let open = match (counts.watched(), counts.waiting) {
        (0, 0) => "no ticket is open".to_owned(),
        (watched, 0) => format!("{} being watched", are(watched, "ticket")),
        (0, waiting) => format!("{} on hold, none is watched", are(waiting, "ticket")),
        (watched, waiting) => format!("{} being watched, {waiting} on hold", are(watched, "ticket")),
    };
    (format!("nothing needs you; {open}"), format!("{NOTHING}."))
}

/// All that is wanted and wrong, in numbers, and what is watched.
fn rest(subject: &Subject<'_>, counts: &Counts, wanted: Vec<String>) -> String {
    let mut all = wanted;
    if counts.unverified > 0 {
        all.push(format!("{} could not be verified", count(counts.unverified, "ticket")));
    }
    if counts.unwatched > 0 {
        all.push(unwatched(counts.unwatched));
    }
    if counts.missed > 0 {
        all.push(format!("{} missed", are(counts.missed, "run")));
    }
    if counts.undelivered > 0 {
        all.push("mail could not be delivered".to_owned());
    }
    if counts.changed > 0 {
        all.push(format!("{} changed", count(counts.changed, "ticket")));
    }
    if all.is_empty() {
        all.push(format!("nothing changed since {}", subject.time(subject.due.since)));
    }
    let watching = match counts.waiting {
        0 => format!("still watching: {}", count(counts.watched(), "ticket")),
        waiting => format!("still watching: {}; on hold: {waiting}", count(counts.watched(), "ticket")),
    };
    let Nights { watched, inconclusive, missed } = counts.week;
    let nights = format!(
        "{} watched this week, {inconclusive} inconclusive, {missed} missed",
        count(watched, "night")
    );
    words::capitalised(&format!("{}; {watching}, {nights}.", all.join(", ")))
}

fn unwatched(stages: u64) -> String {
    format!("{} could not look for new infections", count(stages, "detect stage"))
}

fn are(number: u64, noun: &str) -> String {
    format!("{} {}", count(number, noun), if number == 1 { "is" } else { "are" })
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
        let lapsed = case.ticket.lapsed.iter().rev().take_while(|lapsed| lapsed.at > since);
        let missed = lapsed.filter(|lapsed| {
            lapsed.record.stage == StageName::Verify && lapsed.record.outcome == Outcome::Missed
        });
        nights.missed += missed.map(|lapsed| lapsed.record.count()).sum::<u64>();
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
