//! What changed since the last digest, ticket by ticket?

use super::gather::{Case, Subject};
use crate::pure::report::label;
use crate::pure::ticket::{Host, HostState, Phase, Ticket};
use jiff::Timestamp;

/// What changed about one ticket.
pub(super) struct Change<'s, 'a> {
    urgency: u8,
    pub case: &'s Case<'a>,
    pub text: String,
}

/// What changed, the most urgent first, and whether anything did.
pub(super) fn changed<'s, 'a>(subject: &'s Subject<'a>) -> (Vec<Change<'s, 'a>>, bool) {
    let mut changes: Vec<Change<'_, '_>> = Vec::new();
    for case in &subject.cases {
        let told = of(subject, case);
        if let Some(urgency) = told.iter().map(|(urgency, _)| *urgency).min() {
            let text = told.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(", ");
            changes.push(Change { urgency, case, text });
        }
    }
    changes.sort_by_key(|change| (change.urgency, change.case.ticket.id));
    let is_changed = !changes.is_empty();
    (changes, is_changed)
}

/// Everything that is new about one ticket, in the order of a ticket's life, each with its urgency.
fn of(subject: &Subject<'_>, Case { ticket, .. }: &Case<'_>) -> Vec<(u8, String)> {
    let is_new = |at: Timestamp| subject.is_new(at);
    let is_ever_new = |at: Option<Timestamp>| at.is_some_and(is_new);
    let hosts = |is_meant: &dyn Fn(&Host) -> bool| {
        let meant: Vec<String> = ticket.hosts.iter().filter(|host| is_meant(host)).map(label).collect();
        (!meant.is_empty()).then(|| short(&meant))
    };
    let mut told: Vec<(u8, String)> = Vec::new();
    if is_new(ticket.opened) {
        told.push((2, "opened".to_owned()));
    } else if is_ever_new(ticket.relapsed) {
        told.push((0, "relapsed".to_owned()));
    } else if is_reopened(subject, ticket) {
        told.push((2, "reopened".to_owned()));
    }
    if let Some(found) = hosts(&|host| is_new(host.located)) {
        told.push((1, format!("located {found}")));
    }
    if ticket.newly_listed.is_some_and(|listed| is_new(listed.at)) {
        told.push((1, "listed".to_owned()));
    }
    // A cleaning is often recorded days after it was done.
    let is_new_verifying = ticket.phase == Phase::Verifying && is_new(ticket.phase_since);
    let is_cleaned = |host: &Host| is_new_verifying && host.state == HostState::Cleaned;
    if let Some(cleaned) = hosts(&|host| is_ever_new(host.cleaned) || is_cleaned(host)) {
        told.push((3, format!("cleaned {cleaned}")));
    }
    if is_ever_new(ticket.confirmed) {
        told.push((4, "confirmed clean".to_owned()));
    }
    if let Some(hold) = ticket.hold.as_ref().filter(|hold| is_new(hold.since)) {
        let until = hold.until.map(|until| format!(" until {}", subject.time(until))).unwrap_or_default();
        told.push((5, format!("put on hold{until}")));
    }
    if let Some(ended) = ended(ticket.phase).filter(|_| is_new(ticket.phase_since)) {
        told.push((5, ended.to_owned()));
    }
    told
}

/// Taken up again after its end: sought anew, and no relapse.
fn is_reopened(subject: &Subject<'_>, ticket: &Ticket) -> bool {
    subject.is_new(ticket.sought_since) && ticket.relapsed != Some(ticket.sought_since)
}

/// How a ticket ended that is in that phase; `None` of an open one.
fn ended(phase: Phase) -> Option<&'static str> {
    match phase {
        Phase::Reported | Phase::Located | Phase::Verifying | Phase::Clean => None,
        Phase::Closed => Some("closed"),
        Phase::Rejected => Some("rejected"),
        Phase::AcceptedRisk => Some("its risk was accepted"),
    }
}

/// The first of them, and how many more there are.
fn short(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, more @ ..] => format!("{one}, {two} and {} more", more.len()),
    }
}
