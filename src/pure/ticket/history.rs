//! Was this machine on a ticket before? Its history, across the tickets of its site.
//!
//! Left of it are the folded tickets; right of it the report. An address is a lease, so that a
//! machine is known by its MAC address, else by its name, and by its address only where nothing
//! better is known; the reader is told which. It decides nothing.

use super::{Host, HostState, Phase, Ticket, TicketId};
use crate::pure::interval::Interval;
use crate::pure::packet::Mac;
use jiff::Timestamp;
use serde::Serialize;
use std::net::IpAddr;

/// So many tickets are told of one host, the newest: more than anybody reads.
const TICKETS_MAX: usize = 20;

/// How a machine was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownBy {
    Mac,
    Name,
    /// By an address alone, which may have been another machine's.
    Address,
}

/// What another ticket says of the same machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastTicket {
    pub ticket: TicketId,
    pub reference: Option<String>,
    /// What the ticket's newest report that names it calls it.
    pub malware: Option<String>,
    pub playbook: String,
    pub phase: Phase,
    pub known_by: KnownBy,
    /// Its address there.
    pub host: IpAddr,
    pub state: HostState,
    pub located: Timestamp,
    pub cleaned: Option<Timestamp>,
    pub confirmed: Option<Timestamp>,
    /// Of that ticket.
    pub relapses: u32,
}

/// The other tickets that may know a host of this one: those of the same site that blame a machine like
/// it. Inside addresses mean nothing at another site.
pub fn related<'a>(ticket: &Ticket, tickets: impl Iterator<Item = &'a Ticket>) -> Vec<&'a Ticket> {
    let others = tickets.filter(|other| other.id != ticket.id && other.site == ticket.site);
    let is_like = |theirs: &Host| ticket.hosts.iter().any(|own| same(own, theirs).is_some());
    others.filter(|other| other.hosts.iter().any(is_like)).collect()
}

/// The history of each host of the ticket, in their order; each from the oldest on.
pub fn histories(ticket: &Ticket, others: &[&Ticket]) -> Vec<Vec<PastTicket>> {
    ticket.hosts.iter().map(|host| history(ticket, host, others)).collect()
}

fn history(ticket: &Ticket, host: &Host, others: &[&Ticket]) -> Vec<PastTicket> {
    let theirs = others.iter().flat_map(|other| other.hosts.iter().map(move |theirs| (*other, theirs)));
    let like: Vec<(&Ticket, &Host)> = theirs.filter(|(_, theirs)| same(host, theirs).is_some()).collect();
    let is_nobodys = host.mac.is_some_and(|mac| is_routers(mac, (ticket, host), &like));
    let mut past: Vec<PastTicket> = like
        .into_iter()
        .filter_map(|(other, theirs)| {
            let known_by = same(host, theirs)?;
            let is_by_router = is_nobodys && known_by == KnownBy::Mac;
            match (is_by_router, host.host == theirs.host) {
                (false, _) => Some(tell(other, theirs, known_by)),
                (true, true) => Some(tell(other, theirs, KnownBy::Address)),
                (true, false) => None,
            }
        })
        .collect();
    past.sort_by_key(|past| (past.located, past.ticket));
    past.drain(..past.len().saturating_sub(TICKETS_MAX));
    past
}

/// Whether both are the same machine, as far as anybody can say.
fn same(own: &Host, theirs: &Host) -> Option<KnownBy> {
    if let (Some(own), Some(theirs)) = (own.mac, theirs.mac) {
        return (own == theirs).then_some(KnownBy::Mac);
    }
    match (&own.name, &theirs.name) {
        (Some(own), Some(theirs)) => own.eq_ignore_ascii_case(theirs).then_some(KnownBy::Name),
        _ => (own.host == theirs.host).then_some(KnownBy::Address),
    }
}

/// A MAC address under which several addresses were infected at one time is a router's, and identifies
/// nobody.
fn is_routers(mac: Mac, own: (&Ticket, &Host), like: &[(&Ticket, &Host)]) -> bool {
    let with_mac = like.iter().copied().filter(|(_, host)| host.mac == Some(mac));
    let all: Vec<(&Ticket, &Host)> = with_mac.chain([own]).collect();
    all.iter().any(|one| {
        all.iter().any(|other| one.1.host != other.1.host && infected(*one).overlaps(infected(*other)))
    })
}

/// From its locating to its cleaning, or to the end of the ticket.
fn infected((ticket, host): (&Ticket, &Host)) -> Interval {
    let cleaned = host.cleaned.filter(|_| host.state != HostState::Infected);
    let ended = (!ticket.phase.is_open()).then_some(ticket.phase_since);
    Interval::new(host.located, cleaned.or(ended).unwrap_or(Timestamp::MAX))
}

fn tell(ticket: &Ticket, host: &Host, known_by: KnownBy) -> PastTicket {
    PastTicket {
        ticket: ticket.id,
        reference: ticket.reference.clone(),
        malware: ticket.reports.iter().rev().find_map(|report| report.malware.clone()),
        playbook: ticket.playbook.clone(),
        phase: ticket.phase,
        known_by,
        host: host.host,
        state: host.state,
        located: host.located,
        cleaned: host.cleaned,
        confirmed: host.confirmed,
        relapses: ticket.relapses,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::ticket::Blame;

    fn host(address: &str, mac: Option<u8>, name: Option<&str>) -> Host {
        Host {
            host: address.parse().expect("an address"),
            mac: mac.map(|last| Mac([2, 0, 0, 0, 0, last])),
            name: name.map(str::to_owned),
            state: HostState::Infected,
            blame: Blame::Named,
            located: Timestamp::UNIX_EPOCH,
            cleaned: None,
            confirmed: None,
            contacts: Vec::new(),
        }
    }

    #[test]
    fn a_machine_is_known_by_the_best_that_both_sides_have() {
        let (one, other) = ("10.16.0.1", "10.16.0.2");
        for (own, theirs, expected, row) in [
            ((one, Some(1), None), (other, Some(1), None), Some(KnownBy::Mac), "it moved"),
            ((one, Some(1), Some("A")), (one, Some(2), Some("A")), None, "another machine on its lease"),
            ((one, None, Some("lab-7")), (other, Some(1), Some("LAB-7")), Some(KnownBy::Name), "by name"),
            ((one, Some(1), Some("A")), (one, None, Some("B")), None, "two names"),
            ((one, Some(1), None), (one, None, None), Some(KnownBy::Address), "nothing better"),
            ((one, None, Some("A")), (one, Some(1), None), Some(KnownBy::Address), "a name on one side"),
            ((one, None, None), (other, None, None), None, "two addresses"),
        ] {
            let (own, theirs) = (host(own.0, own.1, own.2), host(theirs.0, theirs.1, theirs.2));
            assert_eq!(same(&own, &theirs), expected, "{row}");
            assert_eq!(same(&theirs, &own), expected, "{row}, the other way round");
        }
    }
}
