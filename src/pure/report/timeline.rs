//! What happened to a ticket, in words? One line an event.

use crate::pure::intake::Report;
use crate::pure::packet::Mac;
use crate::pure::playbook::{MailEvent, StageName};
use crate::pure::ticket::{
    Blame, Event, HeldBack, HoldReason, LapsedRecord, ListingAnswer, OccurrenceRecord, Recorded, RunEnd,
    RunId, RunStart, Ticket,
};
use crate::pure::verdict::Verdict;
use crate::pure::words::{self, local_time};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::net::IpAddr;

/// One line of the timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EventView {
    /// In the site's zone.
    pub when: String,
    pub by: String,
    /// What happened.
    pub what: String,
}

/// At most so many of them, and how many are left out. What became of runs goes first, since it stands with
/// the nights; what people did stands here alone. Then the oldest go.
pub fn newest(
    events: &[Recorded],
    ticket: &Ticket,
    zone: &TimeZone,
    events_max: usize,
) -> (Vec<EventView>, usize) {
    let mut told = timeline(events.iter(), ticket, zone);
    let all = told.len();
    if all > events_max {
        told = timeline(events.iter().filter(|recorded| !is_of_run(&recorded.event)), ticket, zone);
    }
    let newest = told.split_off(told.len().saturating_sub(events_max));
    let hidden = all - newest.len();
    (newest, hidden)
}

fn is_of_run(event: &Event) -> bool {
    matches!(event, Event::RunEnded(_) | Event::OccurrencePassed(_) | Event::OccurrencesPassed(_))
}

/// The events that a person wants to read, in order: all but begun runs, passed `locate` runs and
/// mails that went out as they should.
fn timeline<'a>(
    events: impl Iterator<Item = &'a Recorded>,
    ticket: &Ticket,
    zone: &TimeZone,
) -> Vec<EventView> {
    let line = |recorded: &Recorded| {
        words_of(&recorded.event, ticket, zone).map(|what| EventView {
            when: local_time(recorded.at, zone),
            by: words::name(&recorded.by),
            what,
        })
    };
    events.filter_map(line).collect()
}

/// The public name of an event's kind, as in `ticket show --json`.
pub fn kind(event: &Event) -> &'static str {
    match event {
        Event::Opened { .. } => "opened",
        Event::ReportAdded { .. } => "report_added",
        Event::SearchWidened { .. } => "search_widened",
        Event::SchedulesRead(_) => "schedules_read",
        Event::HostBlamed { .. } => "host_blamed",
        Event::HostCleaned { .. } => "host_cleaned",
        Event::HostWithdrawn { .. } => "host_withdrawn",
        Event::HostRetired { .. } => "host_retired",
        Event::RunStarted(_) => "run_started",
        Event::RunDelayed { .. } => "run_delayed",
        Event::RunEnded(_) => "run_ended",
        Event::OccurrencePassed(_) => "occurrence_passed",
        Event::OccurrencesPassed(_) => "occurrences_passed",
        Event::Relapsed { .. } => "relapsed",
        Event::PhaseChanged { .. } => "phase_changed",
        Event::Signed { .. } => "signed",
        Event::SignatureWithdrawn { .. } => "signature_withdrawn",
        Event::RiskAccepted { .. } => "risk_accepted",
        Event::Noted { .. } => "noted",
        Event::Held { .. } => "held",
        Event::Resumed => "resumed",
        Event::Overdue { .. } => "overdue",
        Event::ListingAnswered(_) => "listing_answered",
        Event::MailQueued { .. } => "mail_queued",
        Event::MailReleased { .. } => "mail_released",
        Event::MailFolded { .. } => "mail_folded",
        Event::MailWithdrawn { .. } => "mail_withdrawn",
        Event::RoundQueued { .. } => "round_queued",
        Event::DigestPlanned(_) => "digest_planned",
        Event::DigestDue { .. } => "digest_due",
        Event::MailAccepted { .. } => "mail_accepted",
        Event::MailFailed { .. } => "mail_failed",
        Event::MailRetried { .. } => "mail_retried",
        Event::Detection { .. } => "detection",
    }
}

/// What a person reads of the event; `None` where a table tells it: begun runs, passed `locate` runs, mails
/// that went out.
pub(super) fn words_of(event: &Event, ticket: &Ticket, zone: &TimeZone) -> Option<String> {
    match event {
        Event::RunStarted(_) | Event::RunDelayed { .. } | Event::MailAccepted { .. } => None,
        Event::SchedulesRead(_) | Event::Detection { .. } | Event::RoundQueued { .. } => None,
        Event::DigestPlanned(_) | Event::DigestDue { .. } => None,
        Event::RunEnded(end)
            if stage_of(end.run, ticket) == Some(StageName::Locate) && end.verdict == Some(Verdict::Pass) =>
        {
            None
        }
        _ => Some(told(event, ticket, zone)),
    }
}

/// Every event in words.
pub(super) fn told(event: &Event, ticket: &Ticket, zone: &TimeZone) -> String {
    match event {
        Event::Opened { reference, site, playbook, public } => format!(
            "Ticket opened for {public}{} at {}, worked by {}",
            named(reference.as_deref()),
            words::name(site),
            words::name(playbook)
        ),
        Event::ReportAdded { report } => report_added(report, zone),
        Event::SearchWidened { what } => search_widened(what),
        Event::HostBlamed { host, mac, name, blame } => host_blamed(*host, *mac, name.as_deref(), *blame),
        Event::HostCleaned { host, cleaned } => format!("{host} cleaned at {}", local_time(*cleaned, zone)),
        Event::HostWithdrawn { host, reason } => format!("{host} withdrawn: {reason}"),
        Event::HostRetired { host, reason } => format!("{host} left the network: {reason}"),
        Event::RunStarted(start) => run_started(start, zone),
        Event::RunDelayed { run } => format!("Run {run} waited for its turn and began late"),
        Event::RunEnded(end) => run_ended(end, ticket),
        Event::OccurrencePassed(lapsed) => lapsed_alone(lapsed, zone),
        Event::OccurrencesPassed(lapsed) => lapsed_words(lapsed, zone),
        Event::SchedulesRead(of) => format!("The schedules of {} at {} were read", of.playbook, of.site),
        Event::Detection { of, .. } => format!("Something happened to {of}"),
        Event::DigestPlanned(_) => "Digests are planned otherwise".to_string(),
        Event::DigestDue { .. } => "The time of digests came".to_string(),
        Event::RoundQueued { to, .. } => format!("Mail about many tickets for {}", to.join(", ")),
        Event::Relapsed { because } => format!("Relapse: {because}"),
        Event::PhaseChanged { from, to, because } => {
            format!("Now {}, because {because} (before: {from})", words::phase(*to))
        }
        Event::Signed { item } => format!("Checklist item '{item}' signed off"),
        Event::SignatureWithdrawn { item, reason } => format!("Signature for '{item}' withdrawn: {reason}"),
        Event::RiskAccepted { reason, until: None } => format!("Risk accepted without end: {reason}"),
        Event::RiskAccepted { reason, until: Some(until) } => {
            format!("Risk accepted until {}: {reason}", local_time(*until, zone))
        }
        Event::Noted { text } => format!("Note: {text}"),
        Event::Held { reason, until: None } => format!("Put on hold: {reason}"),
        Event::Held { reason, until: Some(until) } => {
            format!("Put on hold until {}: {reason}", local_time(*until, zone))
        }
        Event::Resumed => "Taken up again".to_string(),
        Event::Overdue { due, step } => overdue(*due, *step, zone),
        Event::ListingAnswered(answer) => listing_answered(answer, zone),
        Event::MailQueued { event, to, held, .. } => mail_queued(*event, to, held),
        Event::MailReleased { mail, to } => format!("Mail {mail} goes out to {to} now"),
        Event::MailWithdrawn { mail, to } => {
            format!("Mail {mail} needs not go to {to} any more: who was not reached is reached")
        }
        Event::MailFolded { mail, to, into } => format!("Mail {mail} is told to {to} in mail {into}"),
        Event::MailAccepted { mail, to } => format!("Mail {mail} accepted for {to}"),
        Event::MailFailed { mail, to, error, not_before, is_refused, is_given_up, .. } => {
            let end = match (is_refused, is_given_up) {
                (true, _) => "refused for good".to_string(),
                (_, true) => "given up".to_string(),
                _ => format!("tried again from {}", local_time(*not_before, zone)),
            };
            format!("Mail {mail} not accepted for {to}, {end}: {error}")
        }
        Event::MailRetried { mail, to, .. } => format!("Mail {mail} tried again, for {}", to.join(", ")),
    }
}

fn search_widened(what: &str) -> String {
    format!("Nobody looked for {what} until now: earlier runs count no more")
}

fn report_added(report: &Report, zone: &TimeZone) -> String {
    format!(
        "Report added ({}): {} seen {}",
        words::name(&report.origin),
        words::term(&words::name(report.malware.as_deref().unwrap_or("malware without a name"))),
        words::local_time_exact(report.seen, zone)
    )
}

fn host_blamed(host: IpAddr, mac: Option<Mac>, name: Option<&str>, blame: Blame) -> String {
    let mac = mac.map_or_else(String::new, |mac| format!(", MAC address {mac}"));
    let why = match blame {
        Blame::Seen => "a run saw its contacts",
        Blame::Named => "a person named it",
    };
    format!("{host}{}{mac} blamed: {why}", named(name))
}

fn run_started(start: &RunStart, zone: &TimeZone) -> String {
    let late = if start.is_late { " late" } else { "" };
    let (from, to) = (local_time(start.window_start, zone), local_time(start.window_end, zone));
    format!("Run {} ({}) begun{late}, for {from} to {to}", start.run, start.stage)
}

fn lapsed_alone(lapsed: &OccurrenceRecord, zone: &TimeZone) -> String {
    format!(
        "{} of {} {}: {}",
        lapsed.stage,
        local_time(lapsed.occurrence, zone),
        words::outcome(lapsed.outcome),
        lapsed.reason.text
    )
}

fn overdue(due: Timestamp, step: u32, zone: &TimeZone) -> String {
    let due = local_time(due, zone);
    match step {
        0 => format!("Overdue: it was due {due}"),
        step => format!("Still overdue, escalation {step}: it was due {due}"),
    }
}

fn mail_queued(event: MailEvent, to: &[String], held: &[HeldBack]) -> String {
    let waits = |held: &HeldBack| format!("; waits for {}, {}", held.to, why_held(held.why));
    let waiting: String = held.iter().map(waits).collect();
    format!("Mail '{}' for {}{waiting}", event.word(), to.join(", "))
}

/// Why somebody does not get a mail at once.
pub(super) fn why_held(why: HoldReason) -> &'static str {
    match why {
        HoldReason::Repeat => "after one of the same kind",
        HoldReason::Limit => "after as many mails as an hour may have",
        HoldReason::Gathered => "together with what else did not arrive there",
    }
}

fn listing_answered(answer: &ListingAnswer, zone: &TimeZone) -> String {
    let said = words::listing(Some(answer.answer));
    let more = if answer.raw.is_empty() { String::new() } else { format!("; {}", answer.raw) };
    if answer.is_read_by_person {
        format!("Read on the operator's page {}: {said}{more}", local_time(answer.at, zone))
    } else {
        format!("Blocklist says: {said}{more}")
    }
}

fn lapsed_words(lapsed: &LapsedRecord, zone: &TimeZone) -> String {
    format!(
        "{} of {} from {} to {} {}: {}",
        words::count(lapsed.count(), "occurrence"),
        lapsed.stage,
        local_time(lapsed.occurrence, zone),
        local_time(lapsed.last(), zone),
        words::outcome(lapsed.outcome),
        lapsed.reason.text
    )
}

fn run_ended(end: &RunEnd, ticket: &Ticket) -> String {
    let stage = stage_of(end.run, ticket).map_or_else(|| "run".to_string(), |stage| stage.to_string());
    let verdict = end.verdict.map_or(words::outcome(end.outcome), words::verdict);
    let reasons: String = end.reasons.iter().map(|reason| format!("; {}", reason.text)).collect();
    format!("Run {} ({stage}): {verdict}{reasons}", end.run)
}

fn stage_of(run: RunId, ticket: &Ticket) -> Option<StageName> {
    // Runs are numbered as they begin; a log that says otherwise is looked through.
    let found = ticket.runs.binary_search_by_key(&run, |known| known.id).ok().map(|at| &ticket.runs[at]);
    found.or_else(|| ticket.run(run)).map(|known| known.stage)
}

/// ` (LAB-7)`, or nothing.
pub fn named(name: Option<&str>) -> String {
    let name = name.map(words::name).filter(|name| !name.is_empty());
    name.map_or_else(String::new, |name| format!(" ({})", words::quoted(&name)))
}
