//! How far is a ticket from clean? Every criterion, what is still missing, and when it could be
//! done at the earliest.

use super::{Context, Host, HostState, Listing, Phase, Ticket, hosts};
use crate::pure::assurance;
use crate::pure::interval::{Interval, Intervals};
use crate::pure::sighting::ContactSpan;
use jiff::Timestamp;
use std::net::IpAddr;

/// Where a ticket stands between its cleaning and `clean`.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    pub hosts: Vec<HostStanding>,
    /// Passes in the present row.
    pub passes: u32,
    pub passes_wanted: u32,
    /// From the beginning of the first pass of the row to the beginning of its last, in seconds.
    pub span_s: u64,
    pub span_wanted_s: u64,
    /// The least assurance of all hosts, 0 to 1; `None` when it is unknown for one of them.
    pub assurance: Option<f64>,
    pub assurance_wanted: f64,
    /// The last answer; `None` when it was never asked.
    pub listing: Option<Listing>,
    /// What keeps it from being clean, each in words; empty exactly when all criteria hold.
    pub missing: Vec<String>,
    /// When all criteria could hold at the earliest, if every night passes; `None` when that cannot
    /// be said or lies more than a year ahead.
    pub earliest: Option<Timestamp>,
    /// Whether locating or cleaning takes longer than the playbook allows.
    pub is_overdue: bool,
}

/// One blamed host's share in it.
#[derive(Clone, Debug, PartialEq)]
pub struct HostStanding {
    pub host: IpAddr,
    /// Contacts before its cleaning, over all runs.
    pub contacts: u64,
    /// Exposure between the first and the last of them, in seconds.
    pub exposure_before_s: f64,
    /// Exposure since its cleaning, in seconds; 0 while it is infected.
    pub exposure_s: f64,
    /// The chance that silence since its cleaning means that it is clean; `None` when unknown.
    pub assurance: Option<f64>,
    /// Whether it is left out of the criteria, because it left the network.
    pub is_retired: bool,
}

/// Where the ticket stands now.
pub fn stand(ticket: &Ticket, context: &Context<'_>) -> Standing {
    let criteria = &context.playbook.clean;
    let hosts: Vec<HostStanding> =
        ticket.hosts.iter().map(|host| stand_host(ticket, context, host)).collect();
    let mut standing = Standing {
        passes: ticket.passes.len() as u32,
        passes_wanted: criteria.passes,
        span_s: span_seconds(ticket),
        span_wanted_s: criteria.span.as_secs(),
        assurance: least_assurance(&hosts),
        assurance_wanted: criteria.assurance,
        listing: ticket.listing.as_ref().map(|answer| answer.answer),
        missing: Vec::new(),
        earliest: None,
        is_overdue: is_overdue(ticket, context),
        hosts,
    };
    standing.missing = missing(ticket, context, &standing);
    standing
}

fn stand_host(ticket: &Ticket, context: &Context<'_>, host: &Host) -> HostStanding {
    let contacts = attentive_contacts(ticket, host);
    let before = exposure_before(ticket, host, &contacts);
    let since = exposure_since(ticket, host);
    let interval = context.playbook.clean.contact_interval;
    let learned = assurance::assurance(contacts.len() as u64, before, since, interval);
    HostStanding {
        host: host.host,
        contacts: host.contacts.len() as u64,
        exposure_before_s: before,
        exposure_s: since,
        assurance: if host.state == HostState::Infected { None } else { learned },
        is_retired: host.state == HostState::Retired,
    }
}

/// The host's contacts before its cleaning in runs whose capture could be trusted to see them.
fn attentive_contacts(ticket: &Ticket, host: &Host) -> Vec<ContactSpan> {
    let seen: Vec<ContactSpan> = ended(ticket)
        .filter(|end| end.is_attentive)
        .flat_map(|end| &end.exposures)
        .filter(|exposure| is_of(host, exposure))
        .flat_map(|exposure| &exposure.contacts)
        .filter(|contact| host.cleaned.is_none_or(|cleaned| contact.first <= cleaned))
        .copied()
        .collect();
    hosts::merge(&[], &seen)
}

/// S: exposure between the first and the last contact. A quiet capture counts too: more seconds
/// make the learned rate lower, which errs on the safe side.
fn exposure_before(ticket: &Ticket, host: &Host, contacts: &[ContactSpan]) -> f64 {
    let (Some(first), Some(last)) = (contacts.first(), contacts.last()) else { return 0.0 };
    exposure(ticket, host, Interval::new(first.first, last.first), |end| end.is_attentive)
}

/// T: exposure since the cleaning, only from captures whose silence means something.
fn exposure_since(ticket: &Ticket, host: &Host) -> f64 {
    let Some(cleaned) = host.cleaned.filter(|_| host.state != HostState::Infected) else { return 0.0 };
    exposure(ticket, host, Interval::new(cleaned, Timestamp::MAX), |end| end.is_healthy)
}

/// Seconds within `limits` in which the host was present and watched in such runs, each counted
/// once, less what the captures lost.
fn exposure(
    ticket: &Ticket,
    host: &Host,
    limits: Interval,
    counts: impl Fn(&super::RunRecord) -> bool,
) -> f64 {
    let mut all = Vec::new();
    let mut lost_seconds = 0.0;
    for end in ended(ticket).filter(|end| counts(end)) {
        for seen in end.exposures.iter().filter(|exposure| is_of(host, exposure)) {
            let present = seen.present.within(limits);
            lost_seconds += present.seconds() * end.lost_share;
            all.extend_from_slice(present.as_slice());
        }
    }
    (Intervals::of(all).seconds() - lost_seconds).max(0.0)
}

fn ended(ticket: &Ticket) -> impl Iterator<Item = &super::RunRecord> {
    ticket.runs.iter().filter_map(|run| run.end.as_ref())
}

fn is_of(host: &Host, exposure: &super::HostExposure) -> bool {
    hosts::find(std::slice::from_ref(host), exposure.host, exposure.mac).is_some()
}

fn least_assurance(hosts: &[HostStanding]) -> Option<f64> {
    let mut least = 1.0_f64;
    for host in hosts.iter().filter(|host| !host.is_retired) {
        least = least.min(host.assurance?);
    }
    Some(least)
}

fn span_seconds(ticket: &Ticket) -> u64 {
    let begin = |id: Option<&super::RunId>| id.and_then(|id| ticket.run(*id)).map(|run| run.started);
    match (begin(ticket.passes.first()), begin(ticket.passes.last())) {
        (Some(first), Some(last)) => u64::try_from(last.duration_since(first).as_secs()).unwrap_or(0),
        _ => 0,
    }
}

fn missing(ticket: &Ticket, context: &Context<'_>, standing: &Standing) -> Vec<String> {
    let mut missing = Vec::new();
    if ticket.phase == Phase::Reported {
        missing.push("the infected host is not located".to_owned());
    }
    for host in ticket.hosts.iter().filter(|host| host.state == HostState::Infected) {
        missing.push(format!("{} is not reported as cleaned", host.host));
    }
    missing.extend(missing_passes(standing));
    missing.extend(missing_assurance(standing));
    if context.playbook.clean.is_unlisted && standing.listing != Some(Listing::NotListed) {
        let answer = match standing.listing {
            Some(Listing::Listed) => "listed",
            Some(Listing::Unknown) => "unknown",
            Some(Listing::NotListed) | None => "not asked yet",
        };
        missing.push(format!("{} must be found not listed; it is {answer}", ticket.public));
    }
    let unsigned = context.playbook.checklist.iter().filter(|entry| !ticket.signed.contains_key(&entry.item));
    missing.extend(unsigned.map(|entry| format!("checklist item '{}' is not signed", entry.item)));
    missing
}

fn missing_passes(standing: &Standing) -> Vec<String> {
    let mut missing = Vec::new();
    match standing.passes_wanted.saturating_sub(standing.passes) {
        0 => {}
        1 => missing.push("1 more pass".to_owned()),
        more => missing.push(format!("{more} more passes")),
    }
    if standing.span_s < standing.span_wanted_s {
        let (span, wanted) = (standing.span_s, standing.span_wanted_s);
        missing.push(format!("passes spread over {}: they span {} so far", in_words(wanted), in_words(span)));
    }
    missing
}

fn missing_assurance(standing: &Standing) -> Option<String> {
    let wanted = standing.assurance_wanted;
    match standing.assurance {
        Some(reached) if reached >= wanted => None,
        Some(reached) => Some(format!(
            "assurance {} of {}: the cleaned host must stay silent for longer while it is watched",
            percent(reached),
            percent(wanted)
        )),
        None => Some(format!(
            "assurance is unknown and {} is wanted: it needs at least 6 contacts seen before the \
             cleaning, or contact_interval in the playbook",
            percent(wanted)
        )),
    }
}

/// A share as people write it, cut and not rounded up: 98.9999 % is not 99 %.
fn percent(share: f64) -> String {
    let cut = (share * 1000.0).floor() / 10.0;
    if cut.fract() == 0.0 { format!("{cut:.0} %") } else { format!("{cut:.1} %") }
}

fn in_words(seconds: u64) -> String {
    match (seconds / 86_400, seconds % 86_400 / 3_600) {
        (0, hours) => format!("{hours} h"),
        (days, 0) => format!("{days} d"),
        (days, hours) => format!("{days} d {hours} h"),
    }
}

/// Whether the ticket is past the playbook's due times. The clock stands still on hold and while
/// the site is closed.
fn is_overdue(ticket: &Ticket, context: &Context<'_>) -> bool {
    let (since, limit) = match ticket.phase {
        Phase::Reported => (Some(ticket.opened), context.playbook.due.located),
        Phase::Located => (ticket.located_at(), context.playbook.due.cleaned),
        _ => (None, None),
    };
    let (Some(since), Some(limit)) = (since, limit) else { return false };
    let closed = context.site.closed_intervals();
    ticket.working_seconds(since, context.now, &closed) > limit.as_secs_f64()
}
