//! Which machines need work, and what are they called in one line? Those that a run saw calling are told from
//! those that people named: nothing is said to call that was not seen.

use super::parts;
use crate::pure::ticket::{Blame, Host, HostState, Phase, Ticket};
use std::cmp::Reverse;

/// The machines of a ticket that need work.
pub(super) struct Machines<'a> {
    /// Those that a run saw first, of these the newest first.
    pub all: Vec<&'a Host>,
    /// Those of them that a run saw calling.
    pub callers: Vec<&'a Host>,
}

impl Machines<'_> {
    /// The infected ones, else all that are still here. None in `reported`, also after a relapse: nobody knows
    /// yet whether it is one of those that were cleaned.
    pub fn of(ticket: &Ticket) -> Machines<'_> {
        if ticket.phase == Phase::Reported {
            return Machines { all: Vec::new(), callers: Vec::new() };
        }
        let in_state =
            |wanted: fn(HostState) -> bool| ticket.hosts.iter().filter(move |host| wanted(host.state));
        let infected: Vec<&Host> = in_state(|state| state == HostState::Infected).collect();
        let mut all = if infected.is_empty() {
            in_state(|state| state != HostState::Retired).collect()
        } else {
            infected
        };
        // One that is only named, and was not seen, must not stand for one that calls.
        all.sort_by_key(|host| (host.blame != Blame::Seen, Reverse(host.located)));
        let callers = all.iter().filter(|host| host.blame == Blame::Seen).copied().collect();
        Machines { all, callers }
    }
}

/// The machines of a ticket that need work, `10.16.24.93 (LAB-7) and 1 more`.
pub fn machine_label(ticket: &Ticket) -> String {
    label(&Machines::of(ticket).all, ticket)
}

/// These machines of the ticket in one line; what is known where there are none.
pub(super) fn label(machines: &[&Host], ticket: &Ticket) -> String {
    match machines {
        [] => format!("a machine behind {}", ticket.public),
        [one] => parts::label(one),
        [first, more @ ..] => format!("{} and {} more", parts::label(first), more.len()),
    }
}

pub(super) fn is_are(number: usize) -> String {
    if number > 1 { "are" } else { "is" }.to_string()
}

/// What is said of machines besides those that were seen calling.
pub(super) fn more_named(number: usize) -> String {
    match number {
        0 => String::new(),
        1 => "; 1 more is named, and no run has seen it call".to_string(),
        more => format!("; {more} more are named, and no run has seen them call"),
    }
}
