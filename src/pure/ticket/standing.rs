//! How far is a ticket from clean? Every criterion, what is still missing, and when it could be
//! done at the earliest.

use super::exposure::{cleaned, exposure_since, past};
use super::{
    Context, Host, HostState, Listing, Phase, Run, RunId, Ticket, deadline, hosts, listings, occurrences,
};
use crate::pure::assurance::{Callers, LEARNED_CONTACTS_MIN};
use crate::pure::earliest::{self, HostProgress, Progress, Sooner, Way};
use crate::pure::number::{duration, share};
use crate::pure::playbook::ChecklistItem;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Where a ticket stands between its cleaning and `clean`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    pub hosts: Vec<HostStanding>,
    /// Passes in the present row.
    pub passes: u32,
    pub passes_wanted: u32,
    /// From the planned time of the first pass of the row to that of its last, in seconds.
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
    /// What would make that earlier.
    pub sooner: Vec<Sooner>,
    /// Whether every cleaned host was silent for long enough: the passes, their span and the assurance are there, so
    /// that whatever is missing is nothing that a night of watching could show.
    pub is_silent_enough: bool,
    /// Whether nothing but signatures of the checklist is missing.
    pub is_unsigned_alone: bool,
    /// When the present phase's work becomes or became overdue; `None` when nothing is due, or a hold
    /// without end comes before.
    pub due: Option<Timestamp>,
    /// Whether locating or cleaning takes longer than the playbook allows.
    pub is_overdue: bool,
    /// Whether it waits: on hold, or in a school break of its site.
    pub is_on_hold: bool,
    /// When the school break ends that it waits for.
    pub break_end: Option<Timestamp>,
    /// Begin and end of the next planned `verify` run; `None` when none is planned.
    pub next_window: Option<(Timestamp, Timestamp)>,
}

/// One blamed host's share in it.
#[derive(Clone, Debug, PartialEq)]
pub struct HostStanding {
    pub host: IpAddr,
    /// Contacts before its cleaning, over all runs.
    pub contacts: u64,
    /// Exposure since its cleaning, in seconds; 0 while it is infected.
    pub exposure_s: u64,
    /// The chance that silence since its cleaning means that it is clean; `None` when unknown.
    pub assurance: Option<f64>,
}

/// Where the ticket stands now, and when it could be clean.
pub fn stand(ticket: &Ticket, context: &Context<'_>) -> Standing {
    let learned = learn_all(ticket, context);
    let mut standing = stand_with(ticket, context, &learned);
    if let Some(progress) = progress(ticket, context, &learned) {
        let (verify, clean) = (&context.playbook.verify, &context.playbook.clean);
        let (site, now) = (context.site, context.now);
        let way = Way { verify, site, clean, progress: &progress, now };
        let today = earliest::earliest(&way);
        standing.earliest = today.at;
        standing.sooner = earliest::sooner(&today, &way);
    }
    standing
}

/// The same without a look ahead, which takes longer than all else: `earliest` and `sooner` are empty.
pub fn stand_now(ticket: &Ticket, context: &Context<'_>) -> Standing {
    stand_with(ticket, context, &learn_all(ticket, context))
}

/// What the runs on record say of a host.
struct Learned {
    /// How it called, and how long it was silent.
    so_far: HostProgress,
    /// Exposure since its cleaning, in seconds.
    exposure_s: u64,
}

fn learn_all(ticket: &Ticket, context: &Context<'_>) -> Vec<Learned> {
    ticket.hosts.iter().map(|host| learn(ticket, context, host)).collect()
}

fn stand_with(ticket: &Ticket, context: &Context<'_>, learned: &[Learned]) -> Standing {
    let criteria = &context.playbook.clean;
    let due = deadline::due(ticket, context);
    let school_break = deadline::school_break(context, context.now).filter(|_| ticket.phase.is_open());
    let mut standing = Standing {
        hosts: ticket.hosts.iter().zip(learned).map(|(host, learned)| stand_host(host, learned)).collect(),
        passes: ticket.passes.len() as u32,
        passes_wanted: criteria.passes,
        span_s: span_seconds(ticket),
        span_wanted_s: criteria.span.as_secs(),
        assurance: least_assurance(ticket, learned),
        assurance_wanted: criteria.assurance,
        listing: ticket.listing.as_ref().map(|answer| answer.answer),
        missing: Vec::new(),
        earliest: None,
        sooner: Vec::new(),
        due,
        is_overdue: due.is_some_and(|due| context.now >= due),
        is_silent_enough: false,
        is_unsigned_alone: false,
        is_on_hold: ticket.phase.is_open() && deadline::is_waiting(ticket, context, context.now),
        break_end: school_break.map(|school_break| school_break.to),
        next_window: occurrences::next_verify(ticket, context).map(|window| (window.from, window.to)),
    };
    standing.is_silent_enough =
        ticket.phase == Phase::Verifying && missing_silence(ticket, &standing).is_empty();
    standing.missing = missing(ticket, context, &standing);
    let unsigned = unsigned(ticket, context).map(|entry| entry.item.as_str());
    let unsigned: Vec<String> =
        unsigned.map(|item| format!("checklist item '{item}' is not signed")).collect();
    standing.is_unsigned_alone = standing.missing.is_empty() && !unsigned.is_empty();
    standing.missing.extend(unsigned);
    standing
}

fn learn(ticket: &Ticket, context: &Context<'_>, host: &Host) -> Learned {
    let interval = context.playbook.clean.contact_interval;
    let exposure = exposure_since(ticket, host);
    let so_far = HostProgress::of(&past(ticket, host), cleaned(host), &exposure, interval);
    Learned { so_far, exposure_s: exposure.seconds() as u64 }
}

fn stand_host(host: &Host, learned: &Learned) -> HostStanding {
    HostStanding {
        host: host.host,
        contacts: host.contacts.len() as u64,
        exposure_s: learned.exposure_s,
        assurance: reached(host, learned),
    }
}

fn reached(host: &Host, learned: &Learned) -> Option<f64> {
    let reached = learned.so_far.callers.as_ref().map(Callers::assurance);
    if host.state == HostState::Infected { None } else { reached }
}

/// The least of all hosts that must be found silent; 1 when all are retired, unknown when no host
/// is blamed at all.
fn least_assurance(ticket: &Ticket, learned: &[Learned]) -> Option<f64> {
    if ticket.hosts.is_empty() {
        return None;
    }
    let mut least = 1.0_f64;
    for (host, learned) in ticket.hosts.iter().zip(learned) {
        if host.state != HostState::Retired {
            least = least.min(reached(host, learned)?);
        }
    }
    Some(least)
}

/// How far it has come towards all criteria but the checklist and the listing. Before the cleaning: if it
/// were done now. `None` when it is not on the way.
fn progress(ticket: &Ticket, context: &Context<'_>, learned: &[Learned]) -> Option<Progress> {
    let is_on_the_way = matches!(ticket.phase, Phase::Reported | Phase::Located | Phase::Verifying);
    if !is_on_the_way || ticket.hold.is_some() {
        return None;
    }
    if ticket.hosts.is_empty() {
        return Some(Progress::fresh(&context.playbook.clean));
    }
    let (first_pass, last_pass) = first_and_last_pass(ticket);
    let hosts = ticket.hosts.iter().zip(learned);
    let watched = hosts.filter(|(host, _)| host.state != HostState::Retired);
    Some(Progress {
        passes: ticket.passes.len() as u32,
        first_pass,
        last_pass,
        hosts: watched.map(|(_, learned)| learned.so_far.clone()).collect(),
    })
}

/// The planned times of the first and of the last pass in the present row; `None` without a pass.
fn first_and_last_pass(ticket: &Ticket) -> (Option<Timestamp>, Option<Timestamp>) {
    let planned = |id: Option<&RunId>| id.and_then(|id| ticket.run(*id)).map(Run::planned);
    (planned(ticket.passes.first()), planned(ticket.passes.last()))
}

fn span_seconds(ticket: &Ticket) -> u64 {
    match first_and_last_pass(ticket) {
        (Some(first), Some(last)) => u64::try_from(last.duration_since(first).as_secs()).unwrap_or(0),
        _ => 0,
    }
}

/// What is missing besides signatures.
fn missing(ticket: &Ticket, context: &Context<'_>, standing: &Standing) -> Vec<String> {
    let mut missing = Vec::new();
    if ticket.phase == Phase::Reported {
        missing.push("the infected host is not located".to_owned());
    }
    for host in ticket.hosts.iter().filter(|host| host.state == HostState::Infected) {
        missing.push(format!("{} is not reported as cleaned", host.host));
    }
    missing.extend(missing_cleaning(ticket));
    missing.extend(missing_silence(ticket, standing));
    if context.playbook.clean.is_unlisted {
        missing.extend(listings::gap(ticket));
    }
    missing.extend(missing_blame(ticket));
    missing
}

/// The items of the checklist that nobody has signed.
pub(super) fn unsigned<'a>(
    ticket: &'a Ticket,
    context: &Context<'a>,
) -> impl Iterator<Item = &'a ChecklistItem> {
    context.playbook.checklist.iter().filter(|entry| !ticket.signed.contains_key(&entry.item))
}

/// A report or a relisting from after the last cleaning: something called then.
fn missing_cleaning(ticket: &Ticket) -> Option<String> {
    if ticket.phase != Phase::Verifying {
        return None;
    }
    let cleaned = ticket.last_cleaned()?;
    let reported = ticket.last_seen().filter(|seen| *seen > cleaned);
    let what = match (reported, ticket.relisted_since_cleaning()) {
        (Some(seen), _) => format!("a report says it was seen at {seen}"),
        (None, Some(relisted)) => format!("{} was listed again at {relisted}", ticket.public),
        (None, None) => return None,
    };
    Some(format!("{what}, after the last cleaning: clean the host again"))
}

/// Who made contact and is blamed by nobody, because no run saw as many contacts as `fail_at` asks for.
fn missing_blame(ticket: &Ticket) -> Option<String> {
    let mut strangers: BTreeMap<IpAddr, Timestamp> = BTreeMap::new();
    let seen = ticket.runs.iter().filter_map(|run| run.end.as_ref()).flat_map(|end| &end.exposures);
    for exposure in seen.filter(|seen| hosts::find(&ticket.hosts, seen.host, seen.mac).is_none()) {
        if let Some(last) = exposure.contacts.last() {
            strangers.insert(exposure.host, last.last);
        }
    }
    let (host, at) = strangers.first_key_value()?;
    let others = match strangers.len() {
        1 => String::new(),
        hosts => format!(" (and {} more did)", hosts - 1),
    };
    let cure = "say so with `allclear ticket host`, and have it cleaned";
    Some(format!("{host} made contact at {at}{others} and is not blamed: {cure}"))
}

/// What only nights of watching can give.
fn missing_silence(ticket: &Ticket, standing: &Standing) -> Vec<String> {
    let mut missing = missing_passes(standing);
    if !ticket.has_infected() {
        missing.extend(missing_assurance(standing));
    }
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
        missing.push(format!("passes spread over {}: they span {} so far", duration(wanted), duration(span)));
    }
    missing
}

fn missing_assurance(standing: &Standing) -> Option<String> {
    let wanted = standing.assurance_wanted;
    match standing.assurance {
        Some(reached) if reached >= wanted => None,
        Some(reached) => Some(format!(
            "assurance {} of {}: {} while being watched",
            share(reached),
            share(wanted),
            match standing.hosts.len() {
                1 => "the cleaned host must stay silent for longer",
                _ => "each cleaned host must stay silent for longer",
            }
        )),
        None if standing.hosts.is_empty() => None,
        None => Some(format!(
            "assurance is unknown and {} is wanted: it needs at least {LEARNED_CONTACTS_MIN} contacts seen before the \
             cleaning, or contact_interval in the playbook",
            share(wanted)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_assurance_that_is_wanted_is_told_as_it_was_written() {
        for (written, told) in [("93.3", "93.3 %"), ("99", "99 %"), ("99.95", "99.9 %")] {
            let assurance_wanted = written.parse::<f64>().expect("a number") / 100.0;
            let hosts = vec![HostStanding {
                host: [10, 0, 0, 1].into(),
                contacts: 9,
                exposure_s: 0,
                assurance: None,
            }];
            let standing = Standing { hosts, assurance: Some(0.5), assurance_wanted, ..Standing::default() };
            let expected = format!(
                "assurance 50 % of {told}: the cleaned host must stay silent for longer while being watched"
            );
            assert_eq!(missing_assurance(&standing), Some(expected));
        }
    }
}
