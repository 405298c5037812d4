//! Which machines does a mail speak of, which one first, and in which words? One machine or several, seen
//! calling or only named: a reader of "clean it" cleans one.
//!
//! It must never say of a machine that it calls when no run saw that.

use super::parts;
use super::view::{Material, TicketView};
use crate::pure::mail_event::Topic;
use crate::pure::packet::is_same_machine;
use crate::pure::playbook::{MailEvent, Playbook};
use crate::pure::ticket::{Blame, Event, Host, HostState, Phase, Recorded, Ticket};
use crate::pure::words::{self, local_time};
use jiff::Timestamp;
use std::cmp::Reverse;

/// People named in one sentence; the events name all.
const NAMERS_MAX: usize = 3;

/// What is known against a machine that is to be cleaned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Plight {
    /// It called after it was cleaned.
    Back,
    /// It called.
    Calls,
    /// It was cleaned, a person names it again, and no run has seen it call since.
    NamedAgain,
    /// A person names it, and no run has seen it call.
    Named,
}

/// The words that agree with a number of machines.
struct Agreed {
    is_are: &'static str,
    was_were: &'static str,
    calls: &'static str,
    it_them: &'static str,
    it_they: &'static str,
    the_machine: &'static str,
}

/// The machines of a ticket that need work, `10.16.24.93 (LAB-7) and 1 more`.
pub fn machine_label(ticket: &Ticket) -> String {
    label(ticket, &to_work_on(ticket))
}

/// The machines that need work: the infected ones, else all that are still here; those that a run saw first,
/// and the newest of them. None in `reported`, also after a relapse: nobody knows yet whether it is one of
/// those that were cleaned.
pub fn to_work_on(ticket: &Ticket) -> Vec<&Host> {
    if ticket.phase == Phase::Reported {
        return Vec::new();
    }
    let in_state = |wanted: fn(HostState) -> bool| ticket.hosts.iter().filter(move |host| wanted(host.state));
    let infected: Vec<&Host> = in_state(|state| state == HostState::Infected).collect();
    let mut machines =
        if infected.is_empty() { in_state(|state| state != HostState::Retired).collect() } else { infected };
    // One that is only named, and was not seen, must not stand for one that calls.
    machines.sort_by_key(|host| (host.blame != Blame::Seen, Reverse(host.located)));
    machines
}

/// What the newest report that names it calls it, else the playbook's name.
pub(super) fn malware(ticket: &Ticket, playbook: &Playbook) -> String {
    let reported = ticket.reports.iter().rev().find_map(|report| report.malware.as_deref());
    words::term(&words::name(reported.unwrap_or(&playbook.name)))
}

/// All that a view says of its machines together, in a mail about that event. A mail that exists because of a
/// machine begins with it.
pub(super) fn add(view: &mut TicketView, material: &Material, about: Option<MailEvent>) {
    let ticket = material.ticket;
    let mut machines = to_work_on(ticket);
    if about.is_some_and(|event| event.facts().topic == Topic::Machine) {
        machines.sort_by_key(|host| !is_blamed_last(host, material.events));
    }
    view.malware = malware(ticket, material.playbook);
    view.called = called(ticket, &view.malware);
    view.machines = label(ticket, &machines);
    view.is_found = !machines.is_empty();
    let Agreed { is_are, was_were, calls, it_them, it_they, the_machine } = agreed(machines.len());
    (view.is_are, view.calls) = (is_are.to_owned(), calls.to_owned());
    (view.it_them, view.it_they) = (it_them.to_owned(), it_they.to_owned());
    (view.was_were, view.the_machine) = (was_were.to_owned(), the_machine.to_owned());
    view.was_cleaned = machines.iter().any(|host| host.cleaned.is_some());
    let returns: Option<Vec<Timestamp>> = machines.iter().map(|host| return_of(host)).collect();
    let back = returns.and_then(|returns| returns.into_iter().min());
    view.is_back = back.is_some();
    view.back_since = back.map_or_else(String::new, |at| local_time(at, &material.site.timezone));
    add_plight(view, material, &machines);
}

/// What is said of the first machines, and then of those that stand otherwise.
fn add_plight(view: &mut TicketView, material: &Material, machines: &[&Host]) {
    let Some(first) = machines.first() else {
        view.lead = view.machines.clone();
        view.headline = "no machine is located yet".to_owned();
        view.plight = view.headline.clone();
        return;
    };
    let of = |wanted: Plight| machines.iter().copied().filter(move |host| plight(host) == wanted);
    let alike: Vec<&Host> = of(plight(first)).collect();
    view.lead = label(material.ticket, &alike);
    view.is_seen = matches!(plight(first), Plight::Back | Plight::Calls);
    let agreed = agreed(alike.len());
    view.headline = match plight(first) {
        Plight::Back => format!("{} {} {} again", view.lead, agreed.calls, view.called),
        Plight::Calls => {
            let still = if alike.iter().any(|host| is_unheard_of(host, material)) { "" } else { "still " };
            format!("{} {still}{} {}", view.lead, agreed.calls, view.called)
        }
        Plight::NamedAgain | Plight::Named => {
            format!("{} {} named as infected with {}", view.lead, agreed.is_are, view.malware)
        }
    };
    let mut clauses = vec![clause(view, material, &view.lead, &alike)];
    for other in [Plight::Back, Plight::Calls, Plight::NamedAgain, Plight::Named] {
        let others: Vec<&Host> = of(other).collect();
        if other != plight(first) && !others.is_empty() {
            clauses.push(clause(view, material, &format!("{} more", others.len()), &others));
        }
    }
    view.plight = clauses.join("; ");
}

/// One clause about machines that stand alike.
fn clause(view: &TicketView, material: &Material, label: &str, machines: &[&Host]) -> String {
    let Some(first) = machines.first() else { return String::new() };
    let Agreed { is_are, calls, it_them, .. } = agreed(machines.len());
    let by = || namers(machines, material.events);
    let (called, malware) = (&view.called, &view.malware);
    match plight(first) {
        Plight::Back => format!("{label} {calls} {called} again"),
        Plight::Calls => format!("{label} {is_are} infected and {calls} {called}"),
        Plight::NamedAgain => format!(
            "{label} {is_are} named again{} as infected with {malware}; no run has seen {it_them} call since \
             the cleaning",
            by()
        ),
        Plight::Named => {
            format!(
                "{label} {is_are} named{} as infected with {malware}; no run has seen {it_them} call",
                by()
            )
        }
    }
}

/// The first of them, and how many more.
pub(super) fn label(ticket: &Ticket, machines: &[&Host]) -> String {
    match machines {
        [] => format!("a machine behind {}", ticket.public),
        [one] => parts::label(one),
        [first, more @ ..] => format!("{} and {} more", parts::label(first), more.len()),
    }
}

/// The word that agrees with so many machines.
pub(super) fn was_were(machines: usize) -> &'static str {
    agreed(machines).was_were
}

fn agreed(machines: usize) -> Agreed {
    if machines > 1 {
        Agreed {
            is_are: "are",
            was_were: "were",
            calls: "call",
            it_them: "them",
            it_they: "they",
            the_machine: "the machines",
        }
    } else {
        Agreed {
            is_are: "is",
            was_were: "was",
            calls: "calls",
            it_them: "it",
            it_they: "it",
            the_machine: "the machine",
        }
    }
}

fn plight(host: &Host) -> Plight {
    match (host.cleaned, host.blame) {
        (Some(_), _) if return_of(host).is_some() => Plight::Back,
        (Some(_), _) => Plight::NamedAgain,
        (None, Blame::Seen) => Plight::Calls,
        (None, Blame::Named) => Plight::Named,
    }
}

/// When it first called after its last cleaning, as far as is known of a contact that spans that; `None` when it
/// did not, or was never cleaned.
pub(super) fn return_of(host: &Host) -> Option<Timestamp> {
    let cleaned = host.cleaned.filter(|_| host.state == HostState::Infected)?;
    host.contacts.iter().find(|contact| contact.last > cleaned).map(|contact| contact.first.max(cleaned))
}

/// ` by tech and jake`: those who last named the machines.
fn namers(machines: &[&Host], events: &[Recorded]) -> String {
    let is_named = |event: &Event| matches!(event, Event::HostBlamed { blame: Blame::Named, .. });
    let named = || blamings(events).filter(|(_, event)| is_named(event));
    let namer =
        |host: &&Host| named().find(|(_, event)| is_of(host, event)).map(|(recorded, _)| &recorded.by);
    let mut names: Vec<String> = machines.iter().filter_map(namer).map(|name| words::name(name)).collect();
    names.sort();
    names.dedup();
    names.truncate(NAMERS_MAX);
    if names.is_empty() { String::new() } else { format!(" by {}", names.join(" and ")) }
}

/// Whether nobody was told before that something like it calls: it was found together with the ticket, or after
/// the machine that was reported.
fn is_unheard_of(host: &Host, material: &Material) -> bool {
    let ticket = material.ticket;
    let is_another = ticket.hosts.iter().any(|other| other.located < host.located);
    is_blamed_last(host, material.events) && (is_another || ticket.opened == host.located)
}

/// Whether it is of the machines that were blamed last, together.
fn is_blamed_last(host: &Host, events: &[Recorded]) -> bool {
    let last = blamings(events).next().map(|(recorded, _)| recorded.at);
    let mut together = blamings(events).take_while(|(recorded, _)| Some(recorded.at) == last);
    together.any(|(_, blamed)| is_of(host, blamed))
}

/// The newest first.
fn blamings(events: &[Recorded]) -> impl Iterator<Item = (&Recorded, &Event)> {
    let all = events.iter().rev().map(|recorded| (recorded, &recorded.event));
    all.filter(|(_, event)| matches!(event, Event::HostBlamed { .. }))
}

/// Whether the event blames this machine, and not another one that has or had its address.
pub(super) fn is_of(host: &Host, event: &Event) -> bool {
    let Event::HostBlamed { host: address, mac, .. } = event else { return false };
    is_same_machine((*address, *mac), (host.host, host.mac))
}

fn called(ticket: &Ticket, malware: &str) -> String {
    if ticket.reports.iter().all(|report| report.remote.is_none()) {
        return format!("an address on the watchlists of {malware}");
    }
    let is_vowel = malware.trim_start_matches('"').starts_with(|first: char| "aeiouAEIOU".contains(first));
    format!("{} {malware} sinkhole", if is_vowel { "an" } else { "a" })
}
