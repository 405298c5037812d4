//! The parts of a ticket that are shown in tables: hosts, nights, checklist, reports, evidence.
//!
//! Everything is a display string in the site's zone; `has_…` and `is_…` are all that a template may
//! branch on.

use super::machines::return_of;
use super::timeline::named;
use super::view::Material;
use crate::pure::earliest::Sooner;
use crate::pure::intake::Report;
use crate::pure::picture::Sign;
use crate::pure::ticket::{Event, Host, HostState, KnownBy, PastTicket, Phase, Run, RunEnd, SignOff, Ticket};
use crate::pure::verdict::Verdict;
use crate::pure::words::{self, count, duration, local_time, local_window, share};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// One inside host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HostView {
    /// `10.16.24.93 (LAB-7)`.
    pub label: String,
    pub host: String,
    pub mac: String,
    pub has_mac: bool,
    pub state: String,
    /// `fail` while infected, `pass` once clean, else `inconclusive`: names of colours.
    pub colour: String,
    /// `9 contacts, the last one Wed 2015-04-29 13:52 CDT`.
    pub contacts: String,
    pub located: String,
    pub cleaned: String,
    pub has_cleaned: bool,
    /// When it was last confirmed clean; also where it came back since.
    pub confirmed: String,
    pub has_confirmed: bool,
    /// What other tickets say of it, a sentence each, from the oldest on.
    pub history: Vec<String>,
    pub has_history: bool,
    /// Whether its silence is being counted: it was cleaned and has not called since.
    pub is_watched: bool,
    /// How long it could have been seen since it was cleaned.
    pub exposure: String,
    pub assurance: String,
}

/// One run, or one occurrence that did not run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NightView {
    pub run: String,
    pub stage: String,
    /// Its window, `Wed 2015-04-29 19:00 to 01:00 CDT`.
    pub window: String,
    /// Month and day of its begin, `04-29`.
    pub day: String,
    /// `pass`, `fail`, `inconclusive`, `running`, or the outcome of one that did not run.
    pub word: String,
    /// One sign for the strip, as [`Sign::mark`].
    pub mark: String,
    /// `pass`, `fail`, `inconclusive` or `none`: names of colours.
    pub colour: String,
    /// `watched 6 h, heard 12,034 packets, lost 0`.
    pub coverage: String,
    /// `3 contacts`; `contacts not known` where nothing was watched.
    pub contacts: String,
    pub reasons: Vec<String>,
    pub has_reasons: bool,
}

/// One item of the checklist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckView {
    /// `[x]` or `[ ]`, which stands also where it was signed before there was more to do.
    pub mark: String,
    pub text: String,
    /// `signed by tech, Wed 2015-05-06 09:05 CDT` or `not signed off yet`.
    pub signed: String,
    pub is_signed: bool,
}

/// What is wanted for clean, and what there is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CleanView {
    pub passes: String,
    pub span: String,
    pub assurance: String,
    pub listing: String,
    pub missing: Vec<String>,
    pub has_missing: bool,
    pub earliest: String,
    pub has_earliest: bool,
    /// What would make it earlier, each with the nights that it saves.
    pub sooner: Vec<String>,
}

/// One report from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReportView {
    pub malware: String,
    /// With the uncertainty of the reporter's clock, where there is one; and whether it was cleaned since.
    pub seen: String,
    /// `216.66.15.109 port 80 (tcp)` or `not stated`.
    pub remote: String,
    pub source_port: String,
    /// `port 1701 of 192.0.2.17`, or `192.0.2.17, port not stated`.
    pub source: String,
    pub origin: String,
}

/// One file of packets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EvidenceView {
    pub run: String,
    pub path: String,
    pub sha256: String,
    pub size: String,
    pub packets: String,
}

/// What is said where nothing is known.
pub const NOT_KNOWN: &str = "not known";

/// The address of a host, with its name where it has one.
pub fn label(host: &Host) -> String {
    format!("{}{}", host.host, named(host.name.as_deref()))
}

/// The host at that place of the ticket.
pub(super) fn host(at: usize, host: &Host, material: &Material) -> HostView {
    let zone = &material.site.timezone;
    let past = material.past.get(at).map_or(&[][..], Vec::as_slice);
    let stands = material.standing.hosts.iter().find(|stands| stands.host == host.host);
    let last = host.contacts.last().map(|span| format!(", the last one {}", local_time(span.last, zone)));
    HostView {
        label: label(host),
        host: host.host.to_string(),
        mac: host.mac.map_or(NOT_KNOWN.to_string(), |mac| mac.to_string()),
        has_mac: host.mac.is_some(),
        state: words::state(host.state).to_string(),
        colour: colour(host.state).to_string(),
        contacts: count(stands.map_or(0, |stands| stands.contacts), "contact") + &last.unwrap_or_default(),
        located: local_time(host.located, zone),
        cleaned: host
            .cleaned
            .map_or("not cleaned yet".to_string(), |at| local_time(at, zone) + &undone(host, zone)),
        has_cleaned: host.cleaned.is_some(),
        confirmed: host.confirmed.map_or_else(String::new, |at| local_time(at, zone) + before(host)),
        has_confirmed: host.confirmed.is_some(),
        history: past.iter().map(|past| past_words(past, zone)).collect(),
        has_history: !past.is_empty(),
        is_watched: host.cleaned.is_some() && host.state != HostState::Infected,
        exposure: duration(stands.map_or(0, |stands| stands.exposure_s)),
        assurance: stands.and_then(|stands| stands.assurance).map_or(NOT_KNOWN.to_string(), share),
    }
}

/// What is added to a cleaning that no longer holds.
fn undone(host: &Host, zone: &TimeZone) -> String {
    match return_of(host) {
        Some(back) => format!("; that no longer holds: it calls again since {}", local_time(back, zone)),
        None if host.state == HostState::Infected => "; that no longer holds: it was named again".to_owned(),
        None => String::new(),
    }
}

/// What is added to a confirmation that no longer holds.
fn before(host: &Host) -> &'static str {
    if host.state == HostState::Infected { ", before it came back" } else { "" }
}

/// `ticket 3 (MARS-1000), Conficker: 10.16.24.80 located ..., cleaned ..., confirmed clean ...; known by its
/// MAC address`.
fn past_words(past: &PastTicket, zone: &TimeZone) -> String {
    let reference = named(past.reference.as_deref());
    let malware = words::term(&words::name(past.malware.as_deref().unwrap_or(&past.playbook)));
    let event = |what: &str, at: Option<Timestamp>| {
        at.map_or_else(String::new, |at| format!(", {what} {}", local_time(at, zone)))
    };
    let (cleaned, confirmed) = (event("cleaned", past.cleaned), event("confirmed clean", past.confirmed));
    let relapses = match past.relapses {
        0 => String::new(),
        number => format!(", {}", count(u64::from(number), "relapse")),
    };
    let known = match past.known_by {
        KnownBy::Mac => "known by its MAC address",
        KnownBy::Name => "known by its name",
        KnownBy::Address => "known by its address alone, which may have been another machine's",
    };
    format!(
        "ticket {}{reference}, {malware}: {} located {}{cleaned}{confirmed}{relapses}; now {}; {known}",
        past.ticket,
        past.host,
        local_time(past.located, zone),
        words::phase(past.phase)
    )
}

fn colour(state: HostState) -> &'static str {
    match state {
        HostState::Infected => "fail",
        HostState::Cleaned => "inconclusive",
        HostState::Clean => "pass",
        HostState::Retired => "none",
    }
}

pub(super) fn night(run: &Run, zone: &TimeZone) -> NightView {
    let end = run.end.as_ref();
    let (word, colour) = end.map_or(("running", "none"), verdict_words);
    let reasons: Vec<String> =
        end.map_or_else(Vec::new, |end| end.reasons.iter().map(|reason| reason.text.clone()).collect());
    NightView {
        run: run.id.to_string(),
        stage: run.stage.to_string(),
        window: local_window(run.started, run.window_end, zone),
        day: words::local(run.started, zone, "%m-%d"),
        word: word.to_string(),
        mark: Sign::of(run).mark().to_string(),
        colour: colour.to_string(),
        coverage: end.map_or_else(String::new, coverage),
        contacts: end.map_or_else(String::new, contacts),
        has_reasons: !reasons.is_empty(),
        reasons,
    }
}

/// Whether a run of another stage than `verify` found something, or could not see.
pub(super) fn is_telling(run: &Run) -> bool {
    run.end.as_ref().is_some_and(|end| matches!(end.verdict, Some(Verdict::Fail | Verdict::Inconclusive)))
}

fn verdict_words(end: &RunEnd) -> (&'static str, &'static str) {
    match end.verdict {
        Some(Verdict::Pass) => ("pass", "pass"),
        Some(Verdict::Fail) => ("fail", "fail"),
        Some(Verdict::Inconclusive) => ("inconclusive", "inconclusive"),
        None => (words::outcome(end.outcome), "none"),
    }
}

fn contacts(end: &RunEnd) -> String {
    if end.outcome.has_run() { count(end.contacts, "contact") } else { format!("contacts {NOT_KNOWN}") }
}

fn coverage(end: &RunEnd) -> String {
    if !end.outcome.has_run() {
        return "nothing was watched".to_string();
    }
    let lost = super::nights::lost(end.coverage.lost(), "losses not known", |lost| lost.to_string());
    format!(
        "watched {}, heard {}, {lost}",
        duration(end.watched.seconds() as u64),
        count(end.coverage.heard_packets, "packet")
    )
}

pub(super) fn checklist(material: &Material) -> Vec<CheckView> {
    let zone = &material.site.timezone;
    let check = |item: &crate::pure::playbook::ChecklistItem| {
        let given = material.ticket.signed.get(&item.item);
        let outdated = given.and_then(|given| outdated(material.ticket, given));
        let signed = given.map_or_else(
            || "not signed off yet".to_string(),
            |given| format!("signed by {}, {}", words::name(&given.by), local_time(given.at, zone)),
        );
        let is_signed = given.is_some() && outdated.is_none();
        CheckView {
            mark: if is_signed { "[x]" } else { "[ ]" }.to_string(),
            text: item.text.clone(),
            signed: signed + &outdated.map_or_else(String::new, |since| format!(", before {since}")),
            is_signed,
        }
    };
    material.playbook.checklist.iter().map(check).collect()
}

/// What makes a signature one of work that has to be looked at again: `10.16.30.7 was found: do it there too`;
/// `None` where it holds, and once the ticket is confirmed clean or at its end.
fn outdated(ticket: &Ticket, given: &SignOff) -> Option<String> {
    if ticket.phase == Phase::Clean || !ticket.phase.is_open() {
        return None;
    }
    match ticket.located_since(given) {
        _ if ticket.is_before_relapse(given) => Some("it came back: see to it again".to_owned()),
        newer => newer.map(|host| format!("{} was found: do it there too", label(host))),
    }
}

pub(super) fn clean(material: &Material) -> CleanView {
    let stands = material.standing;
    let assurance = stands.assurance.map_or(NOT_KNOWN.to_string(), share);
    CleanView {
        passes: format!("{} (wanted: {})", stands.passes, stands.passes_wanted),
        span: format!("{} (wanted: {})", duration(stands.span_s), duration(stands.span_wanted_s)),
        assurance: format!("{assurance} (wanted: {})", share(stands.assurance_wanted)),
        listing: listing(material),
        missing: stands.missing.clone(),
        has_missing: !stands.missing.is_empty(),
        earliest: stands.earliest.map_or(NOT_KNOWN.to_string(), |at| local_time(at, &material.site.timezone)),
        has_earliest: stands.earliest.is_some(),
        sooner: stands.sooner.iter().map(Sooner::words).collect(),
    }
}

/// `not listed (asked Tue 2015-05-26 09:30 CDT)`, or who read it on the operator's page and when.
fn listing(material: &Material) -> String {
    let said = words::listing(material.standing.listing);
    let Some(last) = material.ticket.listing.as_ref().filter(|_| material.standing.listing.is_some()) else {
        return said.to_string();
    };
    let time = local_time(last.at, &material.site.timezone);
    if !last.is_read_by_person {
        return format!("{said} (asked {time})");
    }
    let is_it = |event: &Event| matches!(event, Event::ListingAnswered(answer) if answer == last);
    let reader = material.events.iter().rev().find(|recorded| is_it(&recorded.event));
    let reader = reader.map_or_else(|| "a person".to_string(), |recorded| words::name(&recorded.by));
    format!("{said} ({reader} read it on the operator's page, {time})")
}

pub(super) fn report(report: &Report, ticket: &Ticket, zone: &TimeZone) -> ReportView {
    let public = ticket.public;
    let is_old = ticket.last_cleaned().is_some_and(|cleaned| cleaned > report.seen);
    let age = if is_old { " (before the last cleaning)" } else { "" };
    let port = report.port.map_or(String::new(), |port| format!(" port {port}"));
    let protocol = match report.protocol {
        Some(crate::pure::watchlist::Transport::Tcp) => " (tcp)",
        Some(crate::pure::watchlist::Transport::Udp) => " (udp)",
        None => "",
    };
    ReportView {
        malware: report
            .malware
            .as_deref()
            .map_or("not named".to_string(), |name| words::term(&words::name(name))),
        seen: seen(report, zone) + age,
        remote: report.remote.map_or("not stated".to_string(), |remote| format!("{remote}{port}{protocol}")),
        source_port: report.source_port.map_or("not stated".to_string(), |port| port.to_string()),
        source: match report.source_port {
            Some(port) => format!("port {port} of {public}"),
            None => format!("{public}, port not stated"),
        },
        origin: words::name(&report.origin),
    }
}

/// A time without an error was typed by a person, mostly to the minute.
fn seen(report: &Report, zone: &TimeZone) -> String {
    match report.clock_error_s {
        0 if report.seen.as_second() % 60 == 0 => local_time(report.seen, zone),
        0 => words::local_time_exact(report.seen, zone),
        error => {
            format!("{}, give or take {}", words::local_time_exact(report.seen, zone), duration(error))
        }
    }
}

pub(super) fn evidence(run: &Run) -> impl Iterator<Item = EvidenceView> {
    run.end.iter().flat_map(|end| &end.evidence).map(|file| EvidenceView {
        run: run.id.to_string(),
        path: file.path.clone(),
        sha256: file.sha256.clone(),
        size: words::size(file.bytes),
        packets: count(file.packets, "packet"),
    })
}

/// Nights in a row that lack the same say so once, the newest.
pub fn tell_once(recent: &mut [NightView]) {
    for at in (1..recent.len()).rev() {
        if !recent[at].reasons.is_empty() && recent[at].reasons == recent[at - 1].reasons {
            recent[at].reasons = vec!["the same as in the night above".to_owned()];
        }
    }
}
