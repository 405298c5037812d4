//! What follows from a capture? Its verdict, the hosts to blame, and what each could have been seen
//! doing.

use super::called::called;
use super::course::ON_TIME;
use super::{
    Blame, Context, Event, Host, HostExposure, HostState, ListingAnswer, Phase, Run, RunEnd, RunId, Ticket,
    hosts,
};
use crate::pure::interval::Intervals;
use crate::pure::moment;
use crate::pure::number::duration;
use crate::pure::packet::{Mac, is_same_machine};
use crate::pure::playbook::{Playbook, StageName};
use crate::pure::sighting::{HostFinding, Observation};
use crate::pure::verdict::{
    self, BlamedHost, CaptureFacts, ControlRecord, Ending, Outcome, Reason, ReasonCode, SourceFacts, Verdict,
};
use std::net::IpAddr;

/// The events of a capture that ended: hosts blamed, the run judged, the listing on record.
pub fn captured(
    ticket: &Ticket,
    context: &Context<'_>,
    run: RunId,
    facts: &CaptureFacts,
    listing: Option<&ListingAnswer>,
) -> Vec<Event> {
    let Some(run) = ticket.run(run).filter(|run| run.end.is_none()) else { return Vec::new() };
    let facts = with_blamed(ticket, context, facts);
    let observation = merged(&facts.sources);
    let mut end = judge(&ticket.hosts, context, run, &facts, &observation);
    let is_own = |host, mac| !is_elsewhere(ticket, context, host, mac);
    // Of a run that does not fail, who called is kept: else nothing would tell that somebody inside did.
    end.exposures.retain(|seen| end.verdict != Some(Verdict::Fail) || is_own(seen.host, seen.mac));
    let findings = observation.hosts.iter().filter(|finding| is_own(finding.host, finding.mac));
    let mut events: Vec<Event> = listing.cloned().map(Event::ListingAnswered).into_iter().collect();
    events.extend(blame(ticket, &findings.collect::<Vec<_>>(), end.verdict));
    events.push(Event::RunEnded(Box::new(end)));
    events
}

/// Whether another ticket of the same site and playbook is at work on this host, so that it is no stranger
/// to blame here: a hundred infected hosts with a ticket each would else be blamed a hundred times each.
/// The run fails all the same. A ticket that looks for its host, or is clean, takes whoever calls.
fn is_elsewhere(ticket: &Ticket, context: &Context<'_>, host: IpAddr, mac: Option<Mac>) -> bool {
    let is_at_work = |other: &Ticket| {
        let known = hosts::find(&other.hosts, host, mac).map(|index| &other.hosts[index]);
        other.phase.is_open() && known.is_some_and(|host| host.state == HostState::Infected)
    };
    let mut others = context.tickets.values().filter(|other| other.id != ticket.id && other.is_like(ticket));
    matches!(ticket.phase, Phase::Located | Phase::Verifying)
        && hosts::find(&ticket.hosts, host, mac).is_none()
        && others.any(is_at_work)
}

/// The facts with the hosts that must have said something, if the playbook asks for that.
fn with_blamed(ticket: &Ticket, context: &Context<'_>, facts: &CaptureFacts) -> CaptureFacts {
    let mut facts = facts.clone();
    facts.blamed = if context.playbook.judge.has_blamed_present { blamed(ticket) } else { Vec::new() };
    facts
}

/// The hosts that a run of this ticket must find silent.
pub fn blamed(ticket: &Ticket) -> Vec<BlamedHost> {
    ticket.watched_hosts().map(|host| BlamedHost { host: host.host, mac: host.mac }).collect()
}

/// How a run ended. `hosts` are those whose presence must be known besides those that called.
pub fn judge(
    hosts: &[Host],
    context: &Context<'_>,
    run: &Run,
    facts: &CaptureFacts,
    observation: &Observation,
) -> RunEnd {
    let criteria = &context.playbook.judge;
    let contacts = observation.hosts.iter().map(|finding| finding.contacts).sum();
    if contacts == 0 && facts.sources.iter().any(|source| source.ending == Ending::NothingRecorded) {
        return with_files(nothing_recorded(context, run.id, facts), facts);
    }
    if let Some(reason) = source_gone(facts).filter(|_| contacts == 0) {
        let end = RunEnd { reasons: vec![reason], ..RunEnd::empty(run.id, Outcome::Missed) };
        return with_files(end, facts);
    }
    let mut judgement = verdict::judge(criteria, facts);
    let ahead = of_the_future(context, run, facts);
    let is_ahead = ahead.is_some();
    let gaps = too_short_by_hand(context, run).into_iter().chain(ahead);
    for reason in gaps.filter(|_| judgement.verdict != Verdict::Fail).collect::<Vec<_>>() {
        judgement.verdict = Verdict::Inconclusive;
        judgement.reasons.push(reason);
    }
    let end = RunEnd {
        run: run.id,
        outcome: outcome(run, &facts.sources),
        verdict: Some(judgement.verdict),
        reasons: judgement.reasons,
        watched: verdict::watched(facts),
        coverage: observation.coverage.clone(),
        lost_share: lost_share(&facts.sources),
        is_healthy: !is_ahead && verdict::is_healthy(criteria, facts),
        is_attentive: !is_ahead && verdict::is_attentive(criteria, facts),
        exposures: exposures(hosts, context.playbook, facts, observation),
        controls: facts.sources.iter().filter_map(ControlRecord::of).collect(),
        contacts,
        is_in_break: context.site.closed_intervals().iter().any(|closed| closed.overlaps(run.window())),
        ..RunEnd::empty(run.id, Outcome::Ran)
    };
    with_files(end, facts)
}

/// The end of a run, with every file that it left: what no event names, nobody vouches for.
fn with_files(end: RunEnd, facts: &CaptureFacts) -> RunEnd {
    let sources = &facts.sources;
    RunEnd {
        evidence: sources.iter().filter_map(|source| source.evidence.clone()).collect(),
        ledgers: sources.iter().filter_map(|source| source.ledger_file.clone()).collect(),
        evidence_gaps: sources.iter().flat_map(|source| source.evidence_gaps.clone()).collect(),
        ..end
    }
}

/// A `verify` by hand stands for a night only when it is as long as one: else five minutes a day would
/// make the passes.
fn too_short_by_hand(context: &Context<'_>, run: &Run) -> Option<Reason> {
    let planned = context.playbook.stage(run.stage)?.capture.length;
    let wanted_s = planned.as_secs_f64() * context.playbook.judge.watched_min;
    let is_short = run.occurrence.is_none() && run.window().seconds() < wanted_s;
    (run.stage == StageName::Verify && is_short).then(|| Reason {
        code: ReasonCode::TooShort,
        text: format!(
            "it was to watch {}, and a night of this playbook has {}: leave out `--for`",
            duration(run.window().seconds() as u64),
            duration(planned.as_secs())
        ),
    })
}

/// Packets of a time that is still to come bear the stamps of a clock that is ahead: nobody knows when they were
/// sent, and days that nobody has lived through are no nights.
fn of_the_future(context: &Context<'_>, run: &Run, facts: &CaptureFacts) -> Option<Reason> {
    let is_over = run.window_end.duration_since(context.now) <= ON_TIME;
    let is_watched = facts.sources.iter().all(|source| source.ending == Ending::TimeUp);
    (!is_over && is_watched).then(|| Reason {
        code: ReasonCode::ClockUnsure,
        text: format!(
            "its packets bear the time from {} on, which is still to come: set the clock of what recorded them",
            moment::window(run.started, run.window_end, &context.site.timezone, "%Y-%m-%d")
        ),
    })
}

/// A source that was not there for a moment of the window: nothing was watched, so nothing was interrupted
/// either.
fn source_gone(facts: &CaptureFacts) -> Option<Reason> {
    facts.sources.iter().find_map(|source| match &source.ending {
        Ending::SourceGone(why) if source.watched.is_empty() => Some(Reason {
            code: ReasonCode::SourceGone,
            text: format!(
                "the source {} was not there in the whole window ({why}): bring it back",
                source.name
            ),
        }),
        _ => None,
    })
}

/// The end of a run of whose window there is no recorded file.
fn nothing_recorded(context: &Context<'_>, run: RunId, facts: &CaptureFacts) -> RunEnd {
    let names: Vec<&str> = facts
        .sources
        .iter()
        .filter(|source| source.ending == Ending::NothingRecorded)
        .map(|source| source.name.as_str())
        .collect();
    let unread: Vec<String> = facts.sources.iter().filter_map(SourceFacts::unread_files).collect();
    let cure = if unread.is_empty() {
        ": check that the recorder ran".to_string()
    } else {
        format!("; {}", unread.join("; "))
    };
    let text = format!(
        "no recorded file of {} covers any of {}{cure}",
        names.join(" and "),
        moment::window(facts.planned.from, facts.planned.to, &context.site.timezone, "%Y-%m-%d")
    );
    let reasons = vec![Reason { code: ReasonCode::NothingRecorded, text }];
    RunEnd { reasons, ..RunEnd::empty(run, Outcome::Missed) }
}

impl RunEnd {
    /// A run that saw nothing, without verdict.
    pub fn empty(run: RunId, outcome: Outcome) -> RunEnd {
        RunEnd {
            run,
            outcome,
            verdict: None,
            reasons: Vec::new(),
            watched: Intervals::default(),
            coverage: Default::default(),
            lost_share: 0.0,
            is_healthy: false,
            is_attentive: false,
            exposures: Vec::new(),
            evidence: Vec::new(),
            ledgers: Vec::new(),
            evidence_gaps: Vec::new(),
            controls: Vec::new(),
            contacts: 0,
            is_in_break: false,
        }
    }
}

fn outcome(run: &Run, sources: &[SourceFacts]) -> Outcome {
    let is_broken =
        sources.iter().any(|source| matches!(source.ending, Ending::Stopped | Ending::SourceGone(_)));
    match (is_broken, run.is_late) {
        (true, _) => Outcome::Interrupted,
        (false, true) => Outcome::Late,
        (false, false) => Outcome::Ran,
    }
}

/// The largest share of packets that a source lost, 0 to 1; what is unknown counts as none.
fn lost_share(sources: &[SourceFacts]) -> f64 {
    let share = |source: &SourceFacts| {
        let coverage = &source.observation.coverage;
        let lost = coverage.lost_packets.unwrap_or(0) as f64;
        if lost == 0.0 { 0.0 } else { lost / (lost + coverage.heard_packets as f64) }
    };
    sources.iter().map(share).fold(0.0, f64::max)
}

/// What all sources showed together.
pub fn merged(sources: &[SourceFacts]) -> Observation {
    let mut sources = sources.iter().map(|source| source.observation.clone());
    let mut merged = sources.next().unwrap_or_default();
    sources.for_each(|next| merged.merge(next));
    merged
}

/// Blames who made contact. Below the limit of the playbook only a host that was taken for cured is
/// blamed: a contact of it is a relapse in any phase; and after `clean` any host, since any contact
/// is a relapse then.
pub fn blame(ticket: &Ticket, findings: &[&HostFinding], verdict: Option<Verdict>) -> Vec<Event> {
    let mut events = Vec::new();
    let mut relapsed = Vec::new();
    for finding in findings.iter().filter(|finding| finding.contacts > 0) {
        let known = known(ticket, finding);
        let is_relapse = known.is_some_and(|host| host.is_taken_for_cured() && has_called(host, finding));
        let is_enough = verdict == Some(Verdict::Fail) || ticket.phase == Phase::Clean;
        let is_new = known.is_none() && is_enough;
        if is_relapse || is_new {
            events.push(blamed_for(finding));
        }
        if is_relapse {
            relapsed.push(finding.host.to_string());
        }
    }
    if !relapsed.is_empty() {
        let because = format!("{} called again after being cleaned", relapsed.join(" and "));
        events.push(Event::Relapsed { because });
    }
    events
}

/// The blame on a host that was seen making contact.
pub fn blamed_for(finding: &HostFinding) -> Event {
    let HostFinding { host, mac, name, .. } = finding;
    Event::HostBlamed { host: *host, mac: *mac, name: name.clone(), blame: Blame::Seen }
}

/// The blamed host that a finding is of.
pub fn known<'a>(ticket: &'a Ticket, finding: &HostFinding) -> Option<&'a Host> {
    hosts::find(&ticket.hosts, finding.host, finding.mac).map(|index| &ticket.hosts[index])
}

/// Whether a blamed host called after it was cleaned.
pub fn has_called(host: &Host, finding: &HostFinding) -> bool {
    // A finding of which no span was kept still ends with its last sighting.
    let is_late = host.cleaned.is_none_or(|cleaned| finding.last > cleaned);
    host.called_since_cleaned(&finding.spans) || (finding.spans.is_empty() && is_late)
}

/// For each blamed or contacting host: when it was present and watched, and its contacts.
fn exposures(
    hosts: &[Host],
    playbook: &Playbook,
    facts: &CaptureFacts,
    observation: &Observation,
) -> Vec<HostExposure> {
    let (watched, doubtful) = (verdict::watched(facts), verdict::doubtful(&playbook.judge, facts));
    let mut exposures: Vec<HostExposure> = Vec::new();
    for finding in observation.hosts.iter().filter(|finding| finding.contacts > 0) {
        let present = presence(&facts.sources, finding.host, finding.mac).intersection(&watched);
        exposures.push(HostExposure {
            host: finding.host,
            mac: finding.mac,
            name: finding.name.clone(),
            doubtful: doubtful.intersection(&present),
            present,
            contacts: finding.spans.clone(),
            called: called(finding, playbook),
        });
    }
    for host in hosts {
        let is_own = |seen: &HostExposure| is_same_machine((seen.host, seen.mac), (host.host, host.mac));
        let is_there = exposures.iter().any(is_own);
        let present = presence(&facts.sources, host.host, host.mac).intersection(&watched);
        if !is_there && !present.is_empty() {
            let (host, mac) = (host.host, host.mac);
            let doubtful = doubtful.intersection(&present);
            exposures.push(HostExposure {
                host,
                mac,
                name: None,
                present,
                doubtful,
                contacts: Vec::new(),
                called: Vec::new(),
            });
        }
    }
    exposures
}

/// When the host was there, in any source.
fn presence(sources: &[SourceFacts], address: IpAddr, mac: Option<Mac>) -> Intervals {
    let presences = sources.iter().flat_map(|source| &source.presences);
    presences
        .filter(|seen| is_same_machine((seen.host, seen.mac), (address, mac)))
        .fold(Intervals::default(), |all, seen| all.union(&seen.present))
}
