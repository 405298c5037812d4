//! What was watched in each night since the opening, and what was not? One row a run or occurrence, with
//! everything that its verdict rests on.
//!
//! It must never leave out a night that did not run.

use super::parts;
use super::view::Material;
use crate::pure::lost::Lost;
use crate::pure::packet::is_same_machine;
use crate::pure::playbook::StageName;
use crate::pure::ticket::{Host, HostExposure, Phase, Run, RunEnd, Ticket};
use crate::pure::verdict::{ControlRecord, Verdict};
use crate::pure::words::{self, count, duration, local_time, local_window, share};
use jiff::tz::TimeZone;
use serde::Serialize;

/// Hosts named in one row; JSON names all.
const NAMED_HOSTS_MAX: usize = 8;

/// One run, or one or more occurrences that did not run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NightRecord {
    /// `41`, or `none` where no run began.
    pub run: String,
    pub has_run: bool,
    pub stage: String,
    /// `Wed 2015-04-29 19:00 to 01:00 CDT`.
    pub window: String,
    /// `pass`, `fail`, `inconclusive`, `running`, or the outcome of one that did not run.
    pub word: String,
    /// A name of a colour.
    pub colour: String,
    /// How it ran, and whether it stands in the row of passes or why a pass does not: `ran; counts`. Empty
    /// where nothing ran.
    pub note: String,
    pub has_note: bool,
    /// `3 contacts`; `contacts not known` where nothing was watched.
    pub contacts: String,
    /// What was watched, each in a few words: how long of what was planned, heard, lost, control, hosts.
    pub watched: Vec<String>,
    /// Of the verdict, and what the evidence lacks.
    pub reasons: Vec<String>,
    pub has_reasons: bool,
}

/// The rows of a stage or more, oldest first. Occurrences that follow each other and did not run for one
/// reason share a row, where `is_folded`.
pub fn rows(material: &Material, is_wanted: fn(&Run) -> bool, is_folded: bool) -> Vec<NightRecord> {
    let mut rows: Vec<NightRecord> = Vec::new();
    let mut runs = material.runs.iter().filter(|run| is_wanted(run)).peekable();
    while let Some(first) = runs.next() {
        let (mut last, mut number) = (first, 1u64);
        while let Some(next) = runs.next_if(|next| is_folded && is_like(first, next)) {
            (last, number) = (next, number + 1);
        }
        let mut row = row(first, material);
        if number > 1 {
            let end = local_time(last.window_end, &material.site.timezone);
            let begin = local_time(first.started, &material.site.timezone);
            row.window = format!("{}, {begin} to {end}", count(number, "occurrence"));
        }
        rows.push(row);
    }
    rows
}

fn is_like(first: &Run, next: &Run) -> bool {
    let (Some(one), Some(other)) = (&first.end, &next.end) else { return false };
    !one.outcome.has_run()
        && (first.stage, one.outcome) == (next.stage, other.outcome)
        && one.reasons == other.reasons
}

fn row(run: &Run, material: &Material) -> NightRecord {
    let night = parts::night(run, &material.site.timezone);
    let gaps = run.end.iter().flat_map(|end| &end.evidence_gaps).map(|gap| format!("evidence: {gap}"));
    let reasons: Vec<String> = night.reasons.into_iter().chain(gaps).collect();
    let notes = [outcome(run), counts(run, material.ticket)];
    let note = notes.into_iter().filter(|note| !note.is_empty()).collect::<Vec<_>>().join("; ");
    NightRecord {
        run: if run.id.0 == 0 { "none".to_string() } else { night.run },
        has_run: run.id.0 != 0,
        stage: night.stage,
        window: local_window(run.started, run.window_end, &material.site.timezone),
        word: night.word,
        colour: night.colour,
        has_note: !note.is_empty(),
        note,
        contacts: night.contacts,
        watched: run.end.as_ref().map_or_else(Vec::new, |end| watched(run, end, material.ticket)),
        has_reasons: !reasons.is_empty(),
        reasons,
    }
}

/// `ran`, `late, by hand`; nothing where the verdict's place says it already.
fn outcome(run: &Run) -> String {
    if run.end.as_ref().is_some_and(|end| end.verdict.is_none()) {
        return String::new();
    }
    let by_hand = if run.occurrence.is_none() { ", by hand" } else { "" };
    let late = if run.is_late { ", began late" } else { "" };
    let outcome = run.end.as_ref().map_or("under way", |end| words::outcome(end.outcome));
    format!("{outcome}{late}{by_hand}")
}

fn watched(run: &Run, end: &RunEnd, ticket: &Ticket) -> Vec<String> {
    let planned_s = run.window().seconds();
    if !end.outcome.has_run() {
        return vec![format!("nothing of the planned {} was watched", duration(planned_s as u64))];
    }
    let coverage = &end.coverage;
    let mut told = vec![
        watched_share(end.watched.seconds(), planned_s),
        format!("heard {} of {}", count(coverage.heard_packets, "packet"), hosts(coverage.inside_hosts)),
        lost(coverage.lost(), "losses not known", |lost| count(lost, "packet")),
    ];
    told.push(control(&end.controls));
    told.extend(presences(run, end, ticket));
    told
}

/// `lost 3 packets`, or at least these, or that nothing is known.
pub(super) fn lost(lost: Lost, unknown: &str, shown: impl Fn(u64) -> String) -> String {
    let at_least = if lost.is_in_part() { "at least " } else { "" };
    lost.packets().map_or(unknown.to_string(), |packets| format!("lost {at_least}{}", shown(packets)))
}

fn hosts(number: u64) -> String {
    count(number, "inside host")
}

/// `watched 5 h 57 min of the planned 6 h (99.2 %)`.
fn watched_share(watched_s: f64, planned_s: f64) -> String {
    let part = if planned_s > 0.0 { format!(" ({})", share(watched_s / planned_s)) } else { String::new() };
    format!("watched {} of the planned {}{part}", duration(watched_s as u64), duration(planned_s as u64))
}

/// What the controls showed, source by source.
fn control(controls: &[ControlRecord]) -> String {
    if controls.is_empty() {
        return "no control on record".to_string();
    }
    let word = |is_seen: bool| if is_seen { "seen" } else { "NOT seen" };
    let told = controls.iter().map(|of| {
        let control = of.control.map(|is_seen| format!("control {}", word(is_seen)));
        let sent = of.probes_sent.map_or_else(String::new, |sent| format!(" of {sent}"));
        let probes = of.probes_seen.map(|seen| format!("{seen}{sent} probes seen"));
        let both: Vec<String> = control.into_iter().chain(probes).collect();
        format!("{} in {}", both.join(", "), words::name(&of.source))
    });
    told.collect::<Vec<_>>().join("; ")
}

/// How long each blamed host was there, and who was not.
fn presences(run: &Run, end: &RunEnd, ticket: &Ticket) -> Vec<String> {
    let of_host = |seen: &HostExposure| {
        let doubtful_s = seen.doubtful.seconds() as u64;
        let doubt = if doubtful_s == 0 {
            String::new()
        } else {
            format!(" ({} of it could have hidden a contact)", duration(doubtful_s))
        };
        let there = duration(seen.present.seconds() as u64);
        format!("{} present and watched for {there}{doubt}", seen.host)
    };
    let absent = ticket.hosts.iter().filter(|host| host.located < run.window_end && !is_heard(host, end));
    let absent = absent.map(|host| format!("{} not heard", host.host));
    let mut told: Vec<String> = end.exposures.iter().map(of_host).chain(absent).collect();
    let more = told.len().saturating_sub(NAMED_HOSTS_MAX);
    if more > 0 {
        told.truncate(NAMED_HOSTS_MAX);
        told.push(format!("and {} more", hosts(more as u64)));
    }
    told
}

/// Whether a run heard the machine, under whichever address.
pub(super) fn is_heard(host: &Host, end: &RunEnd) -> bool {
    let is_own = |seen: &HostExposure| is_same_machine((seen.host, seen.mac), (host.host, host.mac));
    end.exposures.iter().any(is_own)
}

/// Whether a `verify` run stands in the present row of passes, and why a pass does not.
pub(super) fn counts(run: &Run, ticket: &Ticket) -> String {
    let end = run.end.as_ref().filter(|_| run.stage == StageName::Verify);
    let Some(end) = end.filter(|end| end.verdict == Some(Verdict::Pass)) else { return String::new() };
    if ticket.passes.contains(&run.id) {
        return "counts".to_string();
    }
    let why = if end.is_in_break {
        "its window lies in a school break"
    } else if ticket.is_held_in(run.window()) {
        "the ticket was on hold"
    } else if ticket.last_cleaned().is_some_and(|cleaned| cleaned > run.started) {
        "it began before the last cleaning"
    } else if matches!(ticket.phase, Phase::Clean | Phase::Closed) && ticket.confirmed <= Some(run.started) {
        "it is of the watch after `clean`"
    } else {
        "the row began anew after it, or it watched minutes that another one had watched"
    };
    format!("does not count: {why}")
}

/// What the nights in the row of passes watched together; `None` while there is none.
pub(super) fn together(ticket: &Ticket, zone: &TimeZone) -> Option<String> {
    let counted: Vec<&Run> = ticket.passes.iter().filter_map(|id| ticket.run(*id)).collect();
    let ends: Vec<&RunEnd> = counted.iter().filter_map(|run| run.end.as_ref()).collect();
    let (first, last) = (counted.first()?, counted.last()?);
    let watched_s: f64 = ends.iter().map(|end| end.watched.seconds()).sum();
    let planned_s: f64 = counted.iter().map(|run| run.window().seconds()).sum();
    let heard: u64 = ends.iter().map(|end| end.coverage.heard_packets).sum();
    let lost_together = ends.iter().map(|end| end.coverage.lost()).fold(Lost::NONE, Lost::and);
    let lost = lost(lost_together, "it is not known how many were lost", |lost| count(lost, "packet"));
    let least = |run: &&Run| {
        let watched_s = run.end.as_ref().map_or(0.0, |end| end.watched.seconds());
        watched_s / run.window().seconds().max(1.0)
    };
    let worst = counted.iter().min_by(|one, other| least(one).total_cmp(&least(other)))?;
    Some(format!(
        "The nights that count ({} to {}) together {}, heard {} and {lost}; the least watched of them, run \
         {}, was watched for {} of its time.",
        local_time(first.started, zone),
        local_time(last.window_end, zone),
        watched_share(watched_s, planned_s),
        count(heard, "packet"),
        worst.id,
        share(least(worst))
    ))
}
