//! What was answered, decided, mailed and kept? The tables of a report that come out of the events one by
//! one.
//!
//! It must never shorten an answer to what somebody made of it.

use super::timeline::{why_held, words_of};
use super::view::Material;
use crate::pure::ticket::{Event, HeldBack, ListingAnswer, Phase, Recorded, RunId, outbox};
use crate::pure::verdict::EvidenceFile;
use crate::pure::words::{self, count, local_time, local_time_exact};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the DNSBL, or a person who read its page, answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AnswerView {
    /// When it was true.
    pub at: String,
    /// `listed`, `not listed` or `unknown`.
    pub said: String,
    /// `run 41`, or who read the page and when that went on record.
    pub by: String,
    /// `192.0.2.17 in xbl.spamhaus.org, through 127.0.0.1:53`; no key is on record.
    pub asked: String,
    /// The reply as it came.
    pub reply: String,
    /// What the entry that has to be listed answered just before.
    pub test: String,
    /// What was made of it, or what the person says.
    pub why: String,
}

/// One mail to one person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MailView {
    /// When it was decided upon.
    #[serde(skip)]
    pub at: Timestamp,
    pub event: String,
    /// The same in the site's zone.
    pub queued: String,
    pub to: String,
    /// When the server accepted or refused it, or how often it was tried.
    pub state: String,
}

/// What a person decided.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DecisionView {
    #[serde(skip)]
    pub at: Timestamp,
    /// The same in the site's zone.
    pub when: String,
    pub by: String,
    pub what: String,
}

/// One file on record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileView {
    pub run: String,
    pub path: String,
    pub sha256: String,
    pub size: String,
    /// `36 packets`, or `coverage`.
    pub holds: String,
    /// What is wrong with it, or what is known of it.
    pub state: String,
    pub is_faulty: bool,
}

/// What was found when the files of evidence were looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Whether anybody looked.
    pub has_looked: bool,
    /// Whether the SHA-256 of each was computed, too.
    pub is_hashed: bool,
    /// What is wrong, by path.
    pub faults: BTreeMap<String, String>,
}

/// Every answer on record, oldest first.
pub fn answers(material: &Material) -> Vec<AnswerView> {
    let zone = &material.site.timezone;
    let row = |recorded: &Recorded, answer: &ListingAnswer| {
        let lookup = answer.lookup.as_deref();
        let by = match answer.run {
            _ if answer.is_read_by_person => format!(
                "{} read the operator's page; on record since {}",
                words::name(&recorded.by),
                local_time(recorded.at, zone)
            ),
            Some(run) => format!("run {run}"),
            None => words::name(&recorded.by),
        };
        let nobody = || "nobody was asked".to_string();
        AnswerView {
            at: local_time_exact(answer.at, zone),
            said: words::listing(Some(answer.answer)).to_string(),
            by,
            asked: lookup.map_or_else(nobody, |lookup| {
                format!("{} in {}, through {}", lookup.address, lookup.zone, lookup.resolver)
            }),
            reply: lookup.map_or_else(String::new, |lookup| {
                let ttl = lookup.ttl_s.map_or_else(String::new, |ttl_s| format!(", holds for {ttl_s} s"));
                let texts: String = lookup.texts.iter().map(|text| format!("; \"{text}\"")).collect();
                format!("{}{ttl}{texts}", codes(&lookup.codes, "no address"))
            }),
            test: lookup.map_or_else(String::new, |lookup| codes(&lookup.test_codes, "not on record")),
            why: answer.raw.clone(),
        }
    };
    let answers = material.events.iter().filter_map(|recorded| match &recorded.event {
        Event::ListingAnswered(answer) => Some(row(recorded, answer)),
        _ => None,
    });
    answers.collect()
}

fn codes(codes: &[std::net::Ipv4Addr], none: &str) -> String {
    let texts: Vec<String> = codes.iter().map(ToString::to_string).collect();
    if texts.is_empty() { none.to_string() } else { texts.join(", ") }
}

/// What became of each mail, for each of its receivers.
pub fn mails(material: &Material) -> Vec<MailView> {
    let zone = &material.site.timezone;
    let states = mail_states(material);
    let state_of = |mail: u64, to: &str| {
        states.get(&(mail, to)).cloned().unwrap_or("waits to be handed over".to_string())
    };
    let queued = material.events.iter().filter_map(|recorded| match &recorded.event {
        Event::MailQueued { event, to, .. } => Some((recorded, *event, to)),
        _ => None,
    });
    let rows = queued.flat_map(|(recorded, event, to)| {
        to.iter().map(move |to| MailView {
            at: recorded.at,
            event: event.word().to_string(),
            queued: local_time(recorded.at, zone),
            to: to.clone(),
            state: state_of(recorded.seq, to),
        })
    });
    rows.collect()
}

/// The last that is known of each mail and receiver.
fn mail_states<'a>(material: &Material<'a>) -> BTreeMap<(u64, &'a str), String> {
    let zone = &material.site.timezone;
    let mut states: BTreeMap<(u64, &str), String> = BTreeMap::new();
    let mut tries: BTreeMap<(u64, &str), u64> = BTreeMap::new();
    for recorded in material.events {
        let Recorded { seq, at, event, .. } = recorded;
        let at = local_time(*at, zone);
        match event {
            Event::MailQueued { to, held, folds, .. } => {
                let told = folds.iter().flat_map(|mail| to.iter().map(move |to| (*mail, to.as_str())));
                told.for_each(|key| drop(states.insert(key, format!("told in mail {seq}"))));
                let waits =
                    |held: &'a HeldBack| ((*seq, held.to.as_str()), format!("waits, {}", why_held(held.why)));
                states.extend(held.iter().map(waits));
            }
            Event::MailReleased { mail, to } => {
                states.insert((*mail, to), format!("waited until {at}, and goes out"));
            }
            Event::MailWithdrawn { mail, to } => {
                states.insert((*mail, to), format!("withdrawn {at}: who was not reached is reached"));
            }
            Event::MailFolded { mail, to, into } => {
                states.insert((*mail, to), format!("told {at} in mail {into}, which is about many tickets"));
            }
            Event::MailAccepted { mail, to } => {
                states.insert((*mail, to), format!("accepted {at}"));
            }
            Event::MailRetried { mail, to, .. } => {
                let again = |to: &'a String| ((*mail, to.as_str()), format!("goes again since {at}"));
                states.extend(to.iter().map(again));
            }
            Event::MailFailed { mail, to, error, not_before, is_refused, is_given_up, .. } => {
                let tried = tries.entry((*mail, to)).or_default();
                *tried += 1;
                let (times, again) = (count(*tried, "time"), local_time(*not_before, zone));
                let state = match (is_refused, is_given_up) {
                    (true, _) => format!("REFUSED for good {at}: {error}"),
                    (_, true) => format!("GIVEN UP {at}, tried {times}: {error}"),
                    _ => format!("not accepted yet, tried {times}, again from {again}: {error}"),
                };
                states.insert((*mail, to), state);
            }
            other => debug_assert!(outbox::meant(recorded).is_empty(), "{other:?} is told of no mail"),
        }
    }
    states
}

/// Holds, school breaks, accepted risks, machines withdrawn and retired, signatures taken back, and what
/// ended or reopened the ticket; each with who did it and why.
pub fn decisions(material: &Material) -> Vec<DecisionView> {
    let zone = &material.site.timezone;
    let mut rows: Vec<DecisionView> = Vec::new();
    for recorded in material.events.iter().filter(|recorded| is_decision(&recorded.event)) {
        let what = words_of(&recorded.event, material.ticket, zone).unwrap_or_default();
        let (when, by) = (local_time(recorded.at, zone), words::name(&recorded.by));
        rows.push(DecisionView { at: recorded.at, when, by, what });
    }
    let opened = material.ticket.opened;
    for closed in material.site.closed_intervals() {
        if closed.to > opened && closed.from < material.at {
            let what =
                format!("School break until {}: nights in it do not count", local_time(closed.to, zone));
            let (at, when) = (closed.from, local_time(closed.from, zone));
            rows.push(DecisionView { at, when, by: "the site file".to_string(), what });
        }
    }
    rows.sort_by_key(|row| row.at);
    rows
}

fn is_decision(event: &Event) -> bool {
    match event {
        Event::Held { .. }
        | Event::Resumed
        | Event::RiskAccepted { .. }
        | Event::HostWithdrawn { .. }
        | Event::HostRetired { .. }
        | Event::SignatureWithdrawn { .. } => true,
        Event::PhaseChanged { from, to, .. } => {
            !from.is_open() || matches!(to, Phase::Rejected | Phase::AcceptedRisk)
        }
        Event::Opened { .. }
        | Event::ReportAdded { .. }
        | Event::SearchWidened { .. }
        | Event::HostBlamed { .. }
        | Event::HostCleaned { .. }
        | Event::RunStarted(_)
        | Event::RunDelayed { .. }
        | Event::RunEnded(_)
        | Event::OccurrencePassed(_)
        | Event::OccurrencesPassed(_)
        | Event::SchedulesRead(_)
        | Event::Relapsed { .. }
        | Event::Signed { .. }
        | Event::Noted { .. }
        | Event::Overdue { .. }
        | Event::ListingAnswered(_)
        | Event::MailQueued { .. }
        | Event::MailWithdrawn { .. }
        | Event::MailReleased { .. }
        | Event::MailFolded { .. }
        | Event::MailAccepted { .. }
        | Event::MailFailed { .. }
        | Event::MailRetried { .. }
        | Event::RoundQueued { .. }
        | Event::DigestPlanned(_)
        | Event::DigestDue { .. }
        | Event::Detection { .. } => false,
    }
}

/// Every file on record: packets and coverage ledgers.
pub fn files(material: &Material, looked: &Looked) -> Vec<FileView> {
    let ends = material.ticket.runs.iter().filter_map(|run| run.end.as_ref());
    let rows = ends.flat_map(|end| {
        let packets = end.evidence.iter().map(move |file| (file, count(file.packets, "packet")));
        let ledgers = end.ledgers.iter().map(|file| (file, "coverage, ten seconds a line".to_string()));
        packets.chain(ledgers).map(move |(file, holds)| (end.run, file, holds))
    });
    rows.map(|(run, file, holds)| file_view(run, file, holds, looked)).collect()
}

fn file_view(run: RunId, file: &EvidenceFile, holds: String, looked: &Looked) -> FileView {
    let fault = looked.faults.get(&file.path);
    let sound = match (looked.has_looked, looked.is_hashed) {
        (false, _) => "not looked at",
        (true, false) => "there, with the size on record; its SHA-256 was not computed",
        (true, true) => "there, as recorded",
    };
    FileView {
        run: run.to_string(),
        path: file.path.clone(),
        sha256: file.sha256.clone(),
        size: words::size(file.bytes),
        holds,
        state: fault.map_or(sound.to_string(), |fault| format!("NOT SOUND: {fault}")),
        is_faulty: fault.is_some(),
    }
}
