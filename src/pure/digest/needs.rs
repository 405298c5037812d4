//! Which tickets need somebody, for what, and by when?

use super::gather::{Case, Subject};
use crate::pure::report::{machine_label, to_work_on};
use crate::pure::ticket::{Phase, Row, TicketId};
use crate::pure::words::{capitalised, count};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What somebody has to do about a ticket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    /// To clean its machines.
    Clean,
    /// To find its machine.
    Find,
    /// To sign its checklist; nothing else is missing that somebody could do.
    Sign,
}

impl Work {
    /// In the order in which a reader can act on them: that of what calls, and is known, comes first.
    pub(super) const ALL: [(Work, &str); 3] = [
        (Work::Clean, "Needs you: machines to clean"),
        (Work::Find, "Needs you: machines to find"),
        (Work::Sign, "Needs you: checklists to sign"),
    ];
}

/// A ticket that needs somebody.
pub(super) struct Need<'s, 'a> {
    pub work: Work,
    pub case: &'s Case<'a>,
    /// When that is, or was, due; `None` when it has no date.
    due: Option<Timestamp>,
    pub is_overdue: bool,
}

/// Those that need somebody: overdue ones and relapses first, then those that wait the longest.
pub(super) fn needs<'s, 'a>(subject: &'s Subject<'a>) -> Vec<Need<'s, 'a>> {
    let active = subject.open().filter(|case| !case.is_waiting);
    let need = |case: &'s Case<'a>| {
        let (work, due) = (work(case)?, subject.due_date(case));
        let is_overdue = case.ticket.told.overdue.is_some() || due.is_some_and(|due| due <= subject.desk.now);
        Some(Need { work, case, due, is_overdue })
    };
    let mut needs: Vec<Need<'_, '_>> = active.filter_map(need).collect();
    needs.sort_by_key(|need| {
        let ticket = need.case.ticket;
        (!need.is_overdue, need.work, ticket.relapsed.is_none(), ticket.phase_since, ticket.id)
    });
    needs
}

/// How many machines are to be cleaned, each counted once.
pub(super) fn machines(needs: &[Need<'_, '_>]) -> u64 {
    let to_clean = needs.iter().filter(|need| need.work == Work::Clean).map(|need| need.case.ticket);
    let hosts =
        to_clean.flat_map(|ticket| to_work_on(ticket).into_iter().map(move |host| (ticket, host.host)));
    hosts.map(|(ticket, host)| (ticket.site.as_str(), host)).collect::<BTreeSet<(&str, IpAddr)>>().len()
        as u64
}

/// Its line, with what is new about it, since it stands nowhere else.
pub(super) fn need_row(subject: &Subject<'_>, need: &Need<'_, '_>, news: &BTreeMap<TicketId, String>) -> Row {
    let ticket = need.case.ticket;
    let late = if need.is_overdue { "OVERDUE: " } else { "" };
    let since = match need.work {
        Work::Clean => format!(", located {}", subject.time(ticket.phase_since)),
        Work::Find => format!(", sought since {}", subject.time(ticket.sought_since)),
        Work::Sign => String::new(),
    };
    let news = news.get(&ticket.id).map_or_else(String::new, |news| format!(" (new: {news})"));
    let (plight, deed, when) = (plight(need), deed(need), when(subject, need));
    subject.row(need.case, format!("{late}{plight}{since}; {deed} {when}{news}"))
}

/// What matters most, in two lines: which machine, what is wrong and how many tickets more need somebody; what to
/// do, and by when.
pub(super) fn lead(subject: &Subject<'_>, need: &Need<'_, '_>, others: u64) -> (String, String) {
    let ticket = need.case.ticket;
    let are = if to_work_on(ticket).len() > 1 { "are" } else { "is" };
    let late = if need.is_overdue { ", and overdue" } else { "" };
    let others = match others {
        0 => String::new(),
        1 => "; 1 more ticket needs you".to_owned(),
        others => format!("; {} need you", count(others, "more ticket")),
    };
    let (machines, site) = (machine_label(ticket), need.case.site_title());
    let first = format!("{machines} at {site} {are} {}{late}{others}.", plight(need));
    (capitalised(&first), format!("TO DO {}: {}.", when(subject, need), deed(need)))
}

fn plight(need: &Need<'_, '_>) -> String {
    let again = if need.case.ticket.relapsed.is_some() { " again" } else { "" };
    match need.work {
        Work::Clean => format!("infected{again} and not cleaned"),
        Work::Find => format!("infected{again} and not found"),
        Work::Sign => "silent since the cleaning, but not signed off".to_owned(),
    }
}

fn deed(need: &Need<'_, '_>) -> String {
    let them = if to_work_on(need.case.ticket).len() > 1 { "them" } else { "it" };
    match need.work {
        Work::Clean => format!("take {them} off the network, clean {them}"),
        Work::Find => "find it".to_owned(),
        Work::Sign => "do and sign off what is open in the checklist".to_owned(),
    }
}

fn when(subject: &Subject<'_>, need: &Need<'_, '_>) -> String {
    match need.due {
        Some(due) if need.is_overdue => format!("now (it was due {})", subject.time(due)),
        Some(due) => format!("by {}", subject.time(due)),
        None if need.is_overdue => "now".to_owned(),
        None => "as soon as you can".to_owned(),
    }
}

fn work(case: &Case<'_>) -> Option<Work> {
    match case.ticket.phase {
        Phase::Located => Some(Work::Clean),
        Phase::Reported => Some(Work::Find),
        Phase::Verifying => is_unsigned(case).then_some(Work::Sign),
        Phase::Clean | Phase::Closed | Phase::Rejected | Phase::AcceptedRisk => None,
    }
}

/// Whether it has its passes and lacks signatures.
fn is_unsigned(case: &Case<'_>) -> bool {
    let Some((playbook, _)) = case.files else { return false };
    case.ticket.passes.len() >= playbook.clean.passes as usize
        && playbook.checklist.iter().any(|entry| !case.ticket.signed.contains_key(&entry.item))
}
