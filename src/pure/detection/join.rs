//! Which tickets hear of the contacts that a `detect` run saw, and what do they hear?
//!
//! Each host's own story goes to the tickets that blame it; one that no ticket blames goes to those that
//! still look for their host, else it gets a ticket of its own. It must never tell a ticket of hosts that
//! are another one's.

use crate::pure::intake::{DETECTED, Report};
use crate::pure::playbook::{Playbook, StageName};
use crate::pure::sighting::{Hit, HostFinding, Matched};
use crate::pure::site::Site;
use crate::pure::ticket::{Context, Event, Host, HostExposure, Phase, Run, RunEnd, Ticket, TicketId, judged};
use crate::pure::verdict::{Verdict, contacts_reason};
use crate::pure::watchlist::Transport;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

/// So many tickets are opened by one run at most. Where more hosts call at once, it is an outbreak that
/// nobody works host by host: the rest share the last ticket.
pub const TICKETS_MAX: usize = 256;

/// A ticket that is worked no more takes note of its host's contacts once in so long; the stage's own runs
/// hold them all.
const NOTE_PAUSE: SignedDuration = SignedDuration::from_hours(24);

/// What happens to one ticket.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// `None`: a new one.
    pub ticket: Option<TicketId>,
    pub events: Vec<Event>,
}

/// What a run that ended tells tickets: those that are there by number, then the new ones, most contacts
/// first.
pub fn deliver(context: &Context<'_>, run: &Run, end: &RunEnd, findings: &[HostFinding]) -> Vec<Delivery> {
    let (site, playbook) = (&context.site.name, &context.playbook.name);
    let tickets = context.tickets.values();
    let known: Vec<&Ticket> =
        tickets.filter(|ticket| ticket.site == *site && ticket.playbook == *playbook).collect();
    let mut told: BTreeMap<TicketId, (&Ticket, Vec<&HostFinding>)> = BTreeMap::new();
    let mut strangers: Vec<&HostFinding> = Vec::new();
    for finding in findings.iter().filter(|finding| finding.contacts > 0) {
        let own: Vec<&Ticket> = known.iter().copied().filter(|ticket| is_told(ticket, finding)).collect();
        if own.is_empty() && end.verdict == Some(Verdict::Fail) {
            strangers.push(finding);
        }
        for ticket in own {
            told.entry(ticket.id).or_insert((ticket, Vec::new())).1.push(finding);
        }
    }
    // Nobody can tell by which public address a host left: each complaint that looks for one hears of it.
    let seeking: Vec<&Ticket> = known.into_iter().filter(|ticket| ticket.phase == Phase::Reported).collect();
    for ticket in &seeking {
        told.entry(ticket.id).or_insert((ticket, Vec::new())).1.extend(&strangers);
    }
    let machines = if seeking.is_empty() { machines(&strangers) } else { Vec::new() };
    let joined = told.into_values().filter(|(_, findings)| !findings.is_empty()).map(|(ticket, findings)| {
        Delivery { ticket: Some(ticket.id), events: join(ticket, context, (run, end), &findings) }
    });
    let opened = machines
        .iter()
        .map(|findings| Delivery { ticket: None, events: open(context, (run, end), findings) });
    joined.chain(opened).filter(|delivery| !delivery.events.is_empty()).collect()
}

/// Whether the contacts of a host are a matter of this ticket: one that blames it and is open or an
/// accepted risk, or is closed while they are all from before the cleaning.
fn is_told(ticket: &Ticket, finding: &HostFinding) -> bool {
    let Some(host) = judged::known(ticket, finding) else { return false };
    match ticket.phase {
        Phase::Rejected => false,
        Phase::Closed => !judged::has_called(host, finding),
        Phase::Reported | Phase::Located | Phase::Verifying | Phase::Clean | Phase::AcceptedRisk => true,
    }
}

/// One machine each, known by its MAC address where several addresses have it; no more than
/// [`TICKETS_MAX`].
fn machines<'a>(findings: &[&'a HostFinding]) -> Vec<Vec<&'a HostFinding>> {
    let mut machines: Vec<Vec<&HostFinding>> = Vec::new();
    for finding in findings {
        let is_same = |other: &&HostFinding| finding.mac.is_some() && other.mac == finding.mac;
        let own = machines.iter().position(|machine| machine.iter().any(is_same));
        match own.or_else(|| (machines.len() == TICKETS_MAX).then_some(TICKETS_MAX - 1)) {
            Some(index) => machines[index].push(finding),
            None => machines.push(vec![finding]),
        }
    }
    machines
}

/// A ticket of its own, as if a report had come in and a run had found the host.
fn open(context: &Context<'_>, (run, end): (&Run, &RunEnd), findings: &[&HostFinding]) -> Vec<Event> {
    let public = public(context.site);
    let (site, playbook) = (context.site.name.clone(), context.playbook.name.clone());
    let report = findings.first().map(|finding| report(context.playbook, public, None, finding));
    let mut events = vec![Event::Opened { reference: None, site, playbook, public }];
    events.extend(report.map(|report| Event::ReportAdded { report }));
    events.push(Event::RunStarted(run.start()));
    events.extend(findings.iter().map(|finding| judged::blamed_for(finding)));
    events.push(Event::RunEnded(Box::new(part(end, findings))));
    events
}

/// What a ticket that is there hears: a report where somebody is newly blamed, and the run.
fn join(
    ticket: &Ticket,
    context: &Context<'_>,
    (run, end): (&Run, &RunEnd),
    findings: &[&HostFinding],
) -> Vec<Event> {
    let is_open = ticket.phase.is_open();
    if !is_open && has_taken_note(ticket, context.now) {
        return Vec::new();
    }
    let blames = if is_open { judged::blame(ticket, findings, end.verdict) } else { Vec::new() };
    let news = findings.iter().find(|finding| {
        let is_it = |event: &Event| matches!(event, Event::HostBlamed { host, .. } if *host == finding.host);
        blames.iter().any(is_it)
    });
    let report =
        news.map(|finding| report(context.playbook, ticket.public, judged::known(ticket, finding), finding));
    let mut events: Vec<Event> = report.map(|report| Event::ReportAdded { report }).into_iter().collect();
    events.push(Event::RunStarted(run.start()));
    events.extend(blames);
    events.push(Event::RunEnded(Box::new(part(end, findings))));
    events
}

fn has_taken_note(ticket: &Ticket, now: Timestamp) -> bool {
    let detected = ticket.runs.iter().rev().filter(|run| run.stage == StageName::Detect);
    let last = detected.filter_map(|run| run.ended).next();
    last.is_some_and(|last| now.duration_since(last) < NOTE_PAUSE)
}

/// The run as far as these hosts go. It comes to a ticket only because they called: what they do otherwise
/// is not in it, so that neither their habits nor their silence can be learned from it.
fn part(end: &RunEnd, findings: &[&HostFinding]) -> RunEnd {
    let is_of = |seen: &HostExposure| {
        findings.iter().any(|finding| (finding.host, finding.mac) == (seen.host, seen.mac))
    };
    let contacts: BTreeMap<IpAddr, u64> =
        findings.iter().map(|finding| (finding.host, finding.contacts)).collect();
    let reasons = match end.verdict {
        Some(Verdict::Fail) => vec![contacts_reason(&contacts)],
        _ => end.reasons.clone(),
    };
    RunEnd {
        reasons,
        is_healthy: false,
        is_attentive: false,
        exposures: end.exposures.iter().filter(|seen| is_of(seen)).cloned().collect(),
        contacts: contacts.values().sum(),
        ..end.clone()
    }
}

/// What the contacts claim, as somebody outside would. It says when the host first called (after its
/// cleaning, where it had one), by the packet's own time.
fn report(playbook: &Playbook, public: IpAddr, host: Option<&Host>, finding: &HostFinding) -> Report {
    let cleaned = host.and_then(|host| host.cleaned);
    let since = |at: Timestamp| cleaned.is_none_or(|cleaned| at > cleaned);
    let first = finding.spans.iter().find(|span| since(span.last)).map(|span| span.first);
    // Of a name that was asked for, the server that was asked is not what the host calls.
    let is_called = |hit: &&Hit| hit.contacts > 0 && hit.matched != Matched::Dns;
    let hit = finding.hits.iter().filter(is_called).min_by_key(|hit| hit.first);
    Report {
        malware: playbook.malware.first().cloned(),
        seen: first.unwrap_or(finding.first),
        clock_error_s: 0,
        public: Some(public),
        remote: hit.map(|hit| hit.remote),
        port: hit.and_then(|hit| hit.port),
        source_port: None,
        protocol: hit.and_then(|hit| transport(&hit.protocol)),
        origin: DETECTED.to_owned(),
    }
}

fn transport(protocol: &str) -> Option<Transport> {
    match protocol {
        "tcp" => Some(Transport::Tcp),
        "udp" => Some(Transport::Udp),
        _ => None,
    }
}

/// The site's first public address: the contacts do not show by which one they left.
fn public(site: &Site) -> IpAddr {
    site.public.first().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |network| network.addr())
}
