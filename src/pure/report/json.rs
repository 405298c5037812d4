//! What does `ticket show --json` print? The schema `allclear.ticket/1`; fields are added, never
//! renamed.

use super::timeline::kind;
use super::unsent::{UnsentMail, unsent};
use super::view::Material;
use crate::pure::earliest::Sooner;
use crate::pure::intake::Report;
use crate::pure::packet::Mac;
use crate::pure::playbook::{ChecklistItem, Playbook, StageName};
use crate::pure::ticket::{
    Event, Hold, Host, HostState, KnownBy, Listing, ListingAnswer, PastTicket, Phase, Recorded, Risk, Run,
    RunId, Standing, Ticket, TicketId,
};
use crate::pure::verdict::{EvidenceFile, Outcome, Reason, Verdict};
use crate::pure::watchlist::Transport;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The whole document.
#[derive(Debug, Serialize)]
pub struct TicketJson<'a> {
    schema: &'static str,
    id: TicketId,
    #[serde(rename = "ref")]
    reference: Option<&'a str>,
    site: &'a str,
    playbook: &'a str,
    phase: Phase,
    flags: Vec<&'static str>,
    /// Why it waits; also after the end of a hold that has not been noted yet.
    hold: Option<HoldJson<'a>>,
    /// When the school break ends that it waits for.
    break_end: Option<Timestamp>,
    due: Option<Timestamp>,
    /// Who answers for the infection, while the phase is `accepted_risk`.
    risk: Option<RiskJson<'a>>,
    relapses: u32,
    opened: Timestamp,
    public: IpAddr,
    reports: Vec<ReportJson<'a>>,
    hosts: Vec<HostJson<'a>>,
    checklist: Vec<CheckJson<'a>>,
    clean: CleanJson<'a>,
    runs: Vec<RunJson<'a>>,
    /// Mails that somebody does not have yet, or never gets.
    unsent_mails: Vec<UnsentMail<'a>>,
    events: Vec<EventJson<'a>>,
}

#[derive(Debug, Serialize)]
struct HoldJson<'a> {
    since: Timestamp,
    by: &'a str,
    reason: &'a str,
    until: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct RiskJson<'a> {
    by: &'a str,
    at: Timestamp,
    reason: &'a str,
    until: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct ReportJson<'a> {
    malware: Option<&'a str>,
    seen: Timestamp,
    clock_error_s: u64,
    remote: Option<IpAddr>,
    port: Option<u16>,
    source_port: Option<u16>,
    protocol: Option<Transport>,
    origin: &'a str,
}

#[derive(Debug, Serialize)]
struct HostJson<'a> {
    host: IpAddr,
    mac: Option<Mac>,
    name: Option<&'a str>,
    state: HostState,
    contacts: u64,
    exposure_s: u64,
    assurance: Option<f64>,
    located: Timestamp,
    cleaned: Option<Timestamp>,
    confirmed: Option<Timestamp>,
    /// What other tickets say of the same machine, from the oldest on.
    history: Vec<PastJson<'a>>,
}

#[derive(Debug, Serialize)]
struct PastJson<'a> {
    ticket: TicketId,
    #[serde(rename = "ref")]
    reference: Option<&'a str>,
    malware: Option<&'a str>,
    playbook: &'a str,
    phase: Phase,
    known_by: KnownBy,
    /// Its address there.
    host: IpAddr,
    state: HostState,
    located: Timestamp,
    cleaned: Option<Timestamp>,
    confirmed: Option<Timestamp>,
    relapses: u32,
}

#[derive(Debug, Serialize)]
struct CheckJson<'a> {
    item: &'a str,
    text: &'a str,
    signed_by: Option<&'a str>,
    at: Option<Timestamp>,
    /// Signed before the host came back; it still counts.
    before_relapse: bool,
}

#[derive(Debug, Serialize)]
struct CleanJson<'a> {
    passes: u32,
    passes_wanted: u32,
    span_s: u64,
    span_wanted_s: u64,
    assurance: Option<f64>,
    assurance_wanted: f64,
    listing: Option<Listing>,
    /// The own time of that answer.
    listing_at: Option<Timestamp>,
    /// Whether a person read it on the operator's page.
    listing_read_by_person: bool,
    missing: &'a [String],
    earliest: Option<Timestamp>,
    /// What would make it earlier.
    sooner: Vec<SoonerJson>,
}

/// One change of the playbook that makes it earlier.
#[derive(Debug, Serialize)]
pub struct SoonerJson {
    key: &'static str,
    from: String,
    to: String,
    earliest: Option<Timestamp>,
    nights: u32,
    /// As it is; null when it is not reached within a year.
    nights_now: Option<u32>,
}

/// One run in it.
#[derive(Debug, Serialize)]
pub struct RunJson<'a> {
    id: RunId,
    stage: StageName,
    occurrence: Option<Timestamp>,
    started: Timestamp,
    ended: Option<Timestamp>,
    outcome: Option<Outcome>,
    verdict: Option<Verdict>,
    reasons: &'a [Reason],
    evidence: Vec<&'a str>,
    /// Coverage ledgers: what could be seen, ten seconds for ten seconds.
    ledgers: Vec<&'a str>,
    /// What the DNSBL answered; `None` where it was not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    listing: Option<ListingJson<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct ListingJson<'a> {
    answer: Listing,
    at: Timestamp,
    why: &'a str,
    zone: Option<&'a str>,
    resolver: Option<SocketAddr>,
    ttl_s: Option<u32>,
    codes: &'a [Ipv4Addr],
    texts: &'a [String],
    /// What the entry that has to be listed answered just before.
    test_codes: &'a [Ipv4Addr],
}

#[derive(Debug, Serialize)]
struct EventJson<'a> {
    seq: u64,
    at: Timestamp,
    kind: &'static str,
    by: &'a str,
    hash: &'a str,
}

impl<'a> TicketJson<'a> {
    /// The document of one ticket.
    pub fn of(material: &Material<'a>) -> TicketJson<'a> {
        let Material { ticket, runs, past, events, playbook, standing, at, .. } = *material;
        TicketJson {
            schema: "allclear.ticket/1",
            id: ticket.id,
            reference: ticket.reference.as_deref(),
            site: &ticket.site,
            playbook: &ticket.playbook,
            phase: ticket.phase,
            flags: flags(standing),
            hold: ticket.hold.as_ref().map(hold),
            break_end: standing.break_end,
            due: standing.due,
            risk: ticket.risk.as_ref().map(risk),
            relapses: ticket.relapses,
            opened: ticket.opened,
            public: ticket.public,
            reports: ticket.reports.iter().map(report).collect(),
            hosts: ticket
                .hosts
                .iter()
                .enumerate()
                .map(|(at, found)| host(found, standing, past.get(at)))
                .collect(),
            checklist: checklist(ticket, playbook),
            clean: clean(ticket, standing),
            runs: with_listings(runs, events),
            unsent_mails: unsent(ticket, at),
            events: events.iter().map(event).collect(),
        }
    }
}

fn flags(standing: &Standing) -> Vec<&'static str> {
    let overdue = standing.is_overdue.then_some("overdue");
    overdue.into_iter().chain(standing.is_on_hold.then_some("on_hold")).collect()
}

fn hold(hold: &Hold) -> HoldJson<'_> {
    let Hold { since, by, reason, until } = hold;
    HoldJson { since: *since, by, reason, until: *until }
}

fn risk(risk: &Risk) -> RiskJson<'_> {
    let Risk { by, at, reason, until } = risk;
    RiskJson { by, at: *at, reason, until: *until }
}

fn report(report: &Report) -> ReportJson<'_> {
    ReportJson {
        malware: report.malware.as_deref(),
        seen: report.seen,
        clock_error_s: report.clock_error_s,
        remote: report.remote,
        port: report.port,
        source_port: report.source_port,
        protocol: report.protocol,
        origin: &report.origin,
    }
}

fn host<'a>(host: &'a Host, standing: &Standing, past: Option<&'a Vec<PastTicket>>) -> HostJson<'a> {
    let stands = standing.hosts.iter().find(|stands| stands.host == host.host);
    HostJson {
        host: host.host,
        mac: host.mac,
        name: host.name.as_deref(),
        state: host.state,
        contacts: stands.map_or(0, |stands| stands.contacts),
        exposure_s: stands.map_or(0, |stands| stands.exposure_s),
        assurance: stands.and_then(|stands| stands.assurance),
        located: host.located,
        cleaned: host.cleaned,
        confirmed: host.confirmed,
        history: past.into_iter().flatten().map(past_json).collect(),
    }
}

fn past_json(past: &PastTicket) -> PastJson<'_> {
    PastJson {
        ticket: past.ticket,
        reference: past.reference.as_deref(),
        malware: past.malware.as_deref(),
        playbook: &past.playbook,
        phase: past.phase,
        known_by: past.known_by,
        host: past.host,
        state: past.state,
        located: past.located,
        cleaned: past.cleaned,
        confirmed: past.confirmed,
        relapses: past.relapses,
    }
}

fn checklist<'a>(ticket: &'a Ticket, playbook: &'a Playbook) -> Vec<CheckJson<'a>> {
    let check = |item: &'a ChecklistItem| {
        let signed = ticket.signed.get(&item.item);
        CheckJson {
            item: &item.item,
            text: &item.text,
            signed_by: signed.map(|signed| signed.by.as_str()),
            at: signed.map(|signed| signed.at),
            before_relapse: signed.is_some_and(|signed| ticket.is_before_relapse(signed)),
        }
    };
    playbook.checklist.iter().map(check).collect()
}

fn clean<'a>(ticket: &Ticket, standing: &'a Standing) -> CleanJson<'a> {
    let last = ticket.listing.as_ref();
    CleanJson {
        passes: standing.passes,
        passes_wanted: standing.passes_wanted,
        span_s: standing.span_s,
        span_wanted_s: standing.span_wanted_s,
        assurance: standing.assurance,
        assurance_wanted: standing.assurance_wanted,
        listing: standing.listing,
        listing_at: last.map(|last| last.at),
        listing_read_by_person: last.is_some_and(|last| last.is_read_by_person),
        missing: &standing.missing,
        earliest: standing.earliest,
        sooner: standing.sooner.iter().map(sooner).collect(),
    }
}

/// The runs, each with what the DNSBL answered it.
fn with_listings<'a>(runs: &'a [Run], events: &'a [Recorded]) -> Vec<RunJson<'a>> {
    let answers = events.iter().filter_map(|recorded| match &recorded.event {
        Event::ListingAnswered(answer) => Some((answer.run?, answer)),
        _ => None,
    });
    let answers: BTreeMap<RunId, &ListingAnswer> = answers.collect();
    runs.iter().map(|one| RunJson::of(one, answers.get(&one.id).copied())).collect()
}

pub(super) fn listing(answer: &ListingAnswer) -> ListingJson<'_> {
    let lookup = answer.lookup.as_deref();
    ListingJson {
        answer: answer.answer,
        at: answer.at,
        why: &answer.raw,
        zone: lookup.map(|lookup| lookup.zone.as_str()),
        resolver: lookup.map(|lookup| lookup.resolver),
        ttl_s: lookup.and_then(|lookup| lookup.ttl_s),
        codes: lookup.map_or(&[], |lookup| &lookup.codes),
        texts: lookup.map_or(&[], |lookup| &lookup.texts),
        test_codes: lookup.map_or(&[], |lookup| &lookup.test_codes),
    }
}

impl<'a> RunJson<'a> {
    /// The document of one run; `None` where the DNSBL was not asked.
    pub fn of(run: &'a Run, answer: Option<&'a ListingAnswer>) -> RunJson<'a> {
        let end = run.end.as_ref();
        let paths = |files: &'a [EvidenceFile]| files.iter().map(|file| file.path.as_str()).collect();
        RunJson {
            id: run.id,
            stage: run.stage,
            occurrence: run.occurrence,
            started: run.started,
            ended: run.ended,
            outcome: end.map(|end| end.outcome),
            verdict: end.and_then(|end| end.verdict),
            reasons: end.map_or(&[], |end| &end.reasons),
            evidence: end.map_or_else(Vec::new, |end| paths(&end.evidence)),
            ledgers: end.map_or_else(Vec::new, |end| paths(&end.ledgers)),
            listing: answer.map(listing),
        }
    }
}

fn event(recorded: &Recorded) -> EventJson<'_> {
    EventJson {
        seq: recorded.seq,
        at: recorded.at,
        kind: kind(&recorded.event),
        by: &recorded.by,
        hash: &recorded.hash,
    }
}

/// A change of the plan, as `check` and `ticket show` print it.
pub fn sooner(sooner: &Sooner) -> SoonerJson {
    let Sooner { key, from, to, earliest, nights_now, at_now: _ } = sooner.clone();
    SoonerJson { key, from, to, earliest: earliest.at, nights: earliest.nights, nights_now }
}
