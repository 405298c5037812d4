//! What does `ticket report --format json` print? The schema `allclear.report/1`: every field of
//! `allclear.ticket/1`, and the whole record besides, nothing left out.
//!
//! Fields are added, never renamed.

use super::answers::{self, DecisionView, Looked, MailView};
use super::json::{ListingJson, TicketJson, listing};
use super::view::Material;
use super::{nights, reasoning, timeline};
use crate::pure::packet::Mac;
use crate::pure::playbook::StageName;
use crate::pure::sighting::Coverage;
use crate::pure::ticket::{Event, HostExposure, Rule, Run, RunEnd, RunId, basis};
use crate::pure::verdict::{ControlRecord, EvidenceFile, Outcome, Reason, Verdict};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use std::net::IpAddr;

/// The document of one ticket; `looked` is what was found of its files.
pub fn report(material: &Material, looked: &Looked) -> Value {
    let mut document = serde_json::to_value(TicketJson::of(material)).expect("a document is plain data");
    document["schema"] = "allclear.report/1".into();
    document["as_of"] = json!(material.at);
    document["nights"] = json!(material.runs.iter().map(|run| night(run, material)).collect::<Vec<_>>());
    document["reasoning"] = reasons(material);
    document["listings"] = listings(material);
    document["mails"] = mails(material);
    document["decisions"] = decisions(material);
    document["files"] = files(material, looked);
    let told = material
        .events
        .iter()
        .map(|recorded| timeline::told(&recorded.event, material.ticket, &material.site.timezone));
    if let Some(events) = document["events"].as_array_mut() {
        events.iter_mut().zip(told).for_each(|(event, what)| event["what"] = what.into());
    }
    document
}

/// One run or occurrence, with everything that its verdict rests on.
#[derive(Debug, Serialize)]
struct NightJson<'a> {
    run: RunId,
    stage: StageName,
    /// The planned time; `None` for a run typed by hand.
    planned: Option<Timestamp>,
    window_start: Timestamp,
    window_end: Timestamp,
    window_s: f64,
    is_late: bool,
    /// Whether its fate is on record; else it is sealed all the same.
    is_on_record: bool,
    outcome: Option<Outcome>,
    verdict: Option<Verdict>,
    contacts: Option<u64>,
    watched_s: f64,
    coverage: Option<&'a Coverage>,
    lost_share: f64,
    controls: &'a [ControlRecord],
    hosts: Vec<PresenceJson<'a>>,
    reasons: &'a [Reason],
    evidence_gaps: &'a [String],
    is_in_break: bool,
    /// `counts`, why a pass does not, or nothing.
    counts: String,
}

#[derive(Debug, Serialize)]
struct PresenceJson<'a> {
    host: IpAddr,
    mac: Option<Mac>,
    name: Option<&'a str>,
    present_s: f64,
    doubtful_s: f64,
    contacts: u64,
}

fn night<'a>(run: &'a Run, material: &Material) -> NightJson<'a> {
    let ran = run.end.as_ref().filter(|end| end.outcome.has_run());
    let end = run.end.as_ref();
    NightJson {
        run: run.id,
        stage: run.stage,
        planned: run.occurrence,
        window_start: run.started,
        window_end: run.window_end,
        window_s: run.window().seconds(),
        is_late: run.is_late,
        is_on_record: run.id.0 != 0,
        outcome: end.map(|end| end.outcome),
        verdict: end.and_then(|end| end.verdict),
        contacts: ran.map(|end| end.contacts),
        watched_s: end.map_or(0.0, |end| end.watched.seconds()),
        coverage: ran.map(|end| &end.coverage),
        lost_share: end.map_or(0.0, |end| end.lost_share),
        controls: end.map_or(&[], |end| &end.controls),
        hosts: end.map_or_else(Vec::new, |end| end.exposures.iter().map(presence).collect()),
        reasons: end.map_or(&[], |end| &end.reasons),
        evidence_gaps: end.map_or(&[], |end| &end.evidence_gaps),
        is_in_break: end.is_some_and(|end| end.is_in_break),
        counts: nights::counts(run, material.ticket),
    }
}

fn presence(seen: &HostExposure) -> PresenceJson<'_> {
    PresenceJson {
        host: seen.host,
        mac: seen.mac,
        name: seen.name.as_deref(),
        present_s: seen.present.seconds(),
        doubtful_s: seen.doubtful.seconds(),
        contacts: seen.contacts.len() as u64,
    }
}

fn reasons(material: &Material) -> Value {
    let interval = material.playbook.clean.contact_interval;
    let hosts = material.ticket.hosts.iter().map(|host| {
        let basis = basis(material.ticket, host, interval);
        let (rule, interval_s) = match basis.rule {
            Rule::Learned => ("learned", None),
            Rule::Stated(interval) => ("contact_interval", Some(interval.as_secs_f64())),
            Rule::Unknown => ("unknown", None),
        };
        json!({"host": host.host, "rule": rule, "contact_interval_s": interval_s, "gaps": basis.gaps,
            "exposure_before_s": basis.before_s, "exposure_since_s": basis.since_s})
    });
    json!({"sentences": reasoning::sentences(material), "criteria": reasoning::criteria(material),
        "hosts": hosts.collect::<Vec<_>>(), "counted": material.ticket.passes})
}

/// One answer, as it came.
#[derive(Debug, Serialize)]
struct AnswerJson<'a> {
    run: Option<RunId>,
    by: &'a str,
    recorded: Timestamp,
    is_read_by_person: bool,
    address: Option<IpAddr>,
    reply: ListingJson<'a>,
}

fn listings(material: &Material) -> Value {
    let answers = material.events.iter().filter_map(|recorded| match &recorded.event {
        Event::ListingAnswered(answer) => Some(AnswerJson {
            run: answer.run,
            by: &recorded.by,
            recorded: recorded.at,
            is_read_by_person: answer.is_read_by_person,
            address: answer.lookup.as_ref().map(|lookup| lookup.address),
            reply: listing(answer),
        }),
        _ => None,
    });
    json!(answers.collect::<Vec<_>>())
}

/// Times as in all JSON; those within the words for what became of a mail are for people.
fn mails(material: &Material) -> Value {
    let row =
        |mail: &MailView| json!({"event": mail.event, "queued": mail.at, "to": mail.to, "state": mail.state});
    json!(answers::mails(material).iter().map(row).collect::<Vec<_>>())
}

fn decisions(material: &Material) -> Value {
    let row = |made: &DecisionView| json!({"when": made.at, "by": made.by, "what": made.what});
    json!(answers::decisions(material).iter().map(row).collect::<Vec<_>>())
}

fn files(material: &Material, looked: &Looked) -> Value {
    let of = |end: &RunEnd, kind: &str, files: &[EvidenceFile]| -> Vec<Value> {
        let row = |file: &EvidenceFile| {
            let fault = looked.faults.get(&file.path);
            json!({"run": end.run, "kind": kind, "path": file.path, "sha256": file.sha256,
                "bytes": file.bytes, "packets": file.packets, "is_looked_at": looked.has_looked,
                "is_hashed": looked.is_hashed, "fault": fault})
        };
        files.iter().map(row).collect()
    };
    let ends = material.ticket.runs.iter().filter_map(|run| run.end.as_ref());
    let all: Vec<Value> = ends
        .flat_map(|end| [of(end, "packets", &end.evidence), of(end, "coverage", &end.ledgers)].concat())
        .collect();
    json!(all)
}
