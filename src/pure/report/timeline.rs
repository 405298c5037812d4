//! What happened to a ticket, in words? One line an event.

use super::letter::event_word;
use super::words::{self, local_time};
use crate::pure::playbook::{MailEvent, StageName};
use crate::pure::ticket::{
    Event, HeldBack, HoldReason, ListingAnswer, PassedRecord, Recorded, RunEnd, RunId, Ticket,
};
use crate::pure::verdict::Verdict;
use jiff::tz::TimeZone;
use serde::Serialize;

/// One line of the timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EventView {
    /// In the site's zone.
    pub when: String,
    pub by: String,
    /// What happened.
    pub what: String,
}

/// The events that a person wants to read, in order: all but begun runs, passed `locate` runs and
/// mails that went out as they should.
pub fn timeline(events: &[Recorded], ticket: &Ticket, zone: &TimeZone) -> Vec<EventView> {
    let line = |recorded: &Recorded| {
        words_of(&recorded.event, ticket, zone).map(|what| EventView {
            when: local_time(recorded.at, zone),
            by: words::name(&recorded.by),
            what,
        })
    };
    events.iter().filter_map(line).collect()
}

/// The public name of an event's kind, as in `ticket show --json`.
pub fn kind(event: &Event) -> &'static str {
    match event {
        Event::Opened { .. } => "opened",
        Event::ReportAdded { .. } => "report_added",
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
        Event::RoundQueued { .. } => "round_queued",
        Event::MailAccepted { .. } => "mail_accepted",
        Event::MailFailed { .. } => "mail_failed",
        Event::Detection { .. } => "detection",
    }
}

fn words_of(event: &Event, ticket: &Ticket, zone: &TimeZone) -> Option<String> {
    Some(match event {
        Event::Opened { public, .. } => format!("Ticket opened for {public}"),
        Event::ReportAdded { report } => format!(
            "Report added: {} seen {}",
            words::name(report.malware.as_deref().unwrap_or("malware without a name")),
            words::local_time_exact(report.seen, zone)
        ),
        Event::HostBlamed { host, name, .. } => format!("{host}{} blamed", named(name.as_deref())),
        Event::HostCleaned { host, cleaned } => format!("{host} cleaned at {}", local_time(*cleaned, zone)),
        Event::HostWithdrawn { host, reason } => format!("{host} withdrawn: {reason}"),
        Event::HostRetired { host, reason } => format!("{host} left the network: {reason}"),
        Event::RunStarted(_) | Event::RunDelayed { .. } | Event::MailAccepted { .. } => return None,
        Event::SchedulesRead(_) | Event::Detection { .. } | Event::RoundQueued { .. } => return None,
        Event::RunEnded(end) => run_ended(end, ticket)?,
        Event::OccurrencePassed(passed) => format!(
            "{} of {} {}: {}",
            passed.stage,
            local_time(passed.occurrence, zone),
            words::outcome(passed.outcome),
            passed.reason.text
        ),
        Event::OccurrencesPassed(passed) => passed_words(passed, zone),
        Event::Relapsed { because } => format!("Relapse: {because}"),
        Event::PhaseChanged { to, because, .. } => format!("Now {}, because {because}", words::phase(*to)),
        Event::Signed { item } => format!("Checklist item '{item}' signed off"),
        Event::SignatureWithdrawn { item, reason } => {
            format!("Signature for '{item}' withdrawn: {reason}")
        }
        Event::RiskAccepted { reason, until } => {
            let end =
                until.map_or("without end".to_string(), |end| format!("until {}", local_time(end, zone)));
            format!("Risk accepted {end}: {reason}")
        }
        Event::Noted { text } => format!("Note: {text}"),
        Event::Held { reason, until: None } => format!("Put on hold: {reason}"),
        Event::Held { reason, until: Some(until) } => {
            format!("Put on hold until {}: {reason}", local_time(*until, zone))
        }
        Event::Resumed => "Taken up again".to_string(),
        Event::Overdue { due, step: 0 } => format!("Overdue: it was due {}", local_time(*due, zone)),
        Event::Overdue { due, step } => {
            format!("Still overdue, escalation {step}: it was due {}", local_time(*due, zone))
        }
        Event::ListingAnswered(answer) => listing_answered(answer, zone),
        Event::MailQueued { event, to, held, .. } => mail_queued(*event, to, held),
        Event::MailReleased { mail, to } => format!("Mail {mail} goes out to {to} now"),
        Event::MailFolded { mail, to, into } => format!("Mail {mail} is told to {to} in mail {into}"),
        Event::MailFailed { error, is_refused, .. } => {
            let end = if *is_refused { "given up" } else { "tried again later" };
            format!("Mail not accepted, {end}: {error}")
        }
    })
}

fn mail_queued(event: MailEvent, to: &[String], held: &[HeldBack]) -> String {
    let waits = |held: &HeldBack| {
        let why = match held.why {
            HoldReason::Repeat => "after one of the same kind",
            HoldReason::Limit => "after as many mails as an hour may have",
        };
        format!("; waits for {}, {why}", held.to)
    };
    let waiting: String = held.iter().map(waits).collect();
    format!("Mail '{}' for {}{waiting}", event_word(event), to.join(", "))
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

fn passed_words(passed: &PassedRecord, zone: &TimeZone) -> String {
    format!(
        "{} of {} from {} to {} {}: {}",
        words::count(passed.count(), "occurrence"),
        passed.stage,
        local_time(passed.occurrence, zone),
        local_time(passed.last(), zone),
        words::outcome(passed.outcome),
        passed.reason.text
    )
}

fn run_ended(end: &RunEnd, ticket: &Ticket) -> Option<String> {
    let stage = stage_of(end.run, ticket);
    if stage == Some(StageName::Locate) && end.verdict == Some(Verdict::Pass) {
        return None;
    }
    let stage = stage.map_or_else(|| "run".to_string(), |stage| stage.to_string());
    let verdict = end.verdict.map_or(words::outcome(end.outcome), words::verdict);
    let reasons: String = end.reasons.iter().map(|reason| format!("; {}", reason.text)).collect();
    Some(format!("Run {} ({stage}): {verdict}{reasons}", end.run))
}

fn stage_of(run: RunId, ticket: &Ticket) -> Option<StageName> {
    ticket.runs.iter().find(|known| known.id == run).map(|known| known.stage)
}

/// ` (LAB-7)`, or nothing.
pub fn named(name: Option<&str>) -> String {
    name.map(words::name)
        .filter(|name| !name.is_empty())
        .map_or_else(String::new, |name| format!(" ({name})"))
}
