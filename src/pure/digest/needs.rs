//! Which tickets need somebody today, for what, and by when?

use super::gather::{Case, Subject};
use crate::pure::report::{label, to_work_on};
use crate::pure::ticket::{Phase, Row};
use jiff::Timestamp;
use std::collections::BTreeSet;
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

/// A ticket that needs somebody.
pub(super) struct Need<'s, 'a> {
    pub work: Work,
    pub case: &'s Case<'a>,
}

/// Those that need somebody: overdue ones and relapses first, then those that wait the longest.
pub(super) fn needs<'s, 'a>(subject: &'s Subject<'a>) -> Vec<Need<'s, 'a>> {
    let active = subject.open().filter(|case| !case.is_waiting);
    let mut needs: Vec<Need<'_, '_>> =
        active.filter_map(|case| Some(Need { work: work(case)?, case })).collect();
    needs.sort_by_key(|need| {
        let ticket = need.case.ticket;
        let is_overdue = ticket.told.overdue.is_some();
        (!is_overdue, need.work, ticket.relapsed.is_none(), ticket.phase_since, ticket.id)
    });
    needs
}

/// The machines to clean, each once, in the order in which the row of each ticket names them.
pub(super) fn machines(needs: &[Need<'_, '_>]) -> Vec<String> {
    let mut known: BTreeSet<(&str, IpAddr)> = BTreeSet::new();
    let mut machines = Vec::new();
    for Need { case, .. } in needs.iter().filter(|need| need.work == Work::Clean) {
        for host in to_work_on(case.ticket) {
            if known.insert((&case.ticket.site, host.host)) {
                machines.push(label(host));
            }
        }
    }
    machines
}

pub(super) fn need_row(subject: &Subject<'_>, need: &Need<'_, '_>) -> Row {
    let ticket = need.case.ticket;
    let time = |at: Timestamp| subject.time(at);
    let again = if ticket.relapsed.is_some() { "again " } else { "" };
    let text = match need.work {
        Work::Clean => {
            let them = if to_work_on(ticket).len() > 1 { "them" } else { "it" };
            let located = time(ticket.phase_since);
            format!("{again}infected, located {located}; take {them} off the network, clean {them}")
        }
        Work::Find => format!("{again}sought since {}; find the machine", time(ticket.sought_since)),
        Work::Sign => "cleaned, and silent since; sign the checklist".to_owned(),
    };
    let due = subject.due_date(need.case);
    let by = match due {
        Some(due) if due <= subject.desk.now => format!(" (it was due {})", time(due)),
        Some(due) => format!(" by {}", time(due)),
        None => String::new(),
    };
    subject.row(need.case, text + &by)
}

fn work(case: &Case<'_>) -> Option<Work> {
    match case.ticket.phase {
        Phase::Located => Some(Work::Clean),
        Phase::Reported => Some(Work::Find),
        Phase::Verifying => is_unsigned(case).then_some(Work::Sign),
        _ => None,
    }
}

/// Whether it has its passes and lacks signatures.
fn is_unsigned(case: &Case<'_>) -> bool {
    let Some((playbook, _)) = case.files else { return false };
    case.ticket.passes.len() >= playbook.clean.passes as usize
        && playbook.checklist.iter().any(|entry| !case.ticket.signed.contains_key(&entry.item))
}
