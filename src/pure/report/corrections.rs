//! What was said of a machine in an earlier mail that is so no longer? That it was withdrawn, has left the network,
//! or has another address now: whoever was sent to it must hear of that.
//!
//! Told in the next mail that each reader of the ticket gets. It decides nothing.

use super::machines::is_of;
use super::parts;
use super::timeline::named;
use super::view::Material;
use crate::pure::packet::Mac;
use crate::pure::ticket::{Event, Host, HostExposure, Recorded, outbox};
use crate::pure::words::{self, local_time};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// So many are told in one mail, the newest.
const CORRECTIONS_MAX: usize = 5;

/// What a mail about the ticket as it stands corrects, a sentence each, in order of time.
pub(super) fn corrections(material: &Material) -> Vec<String> {
    let ended = material.events.iter().filter_map(|recorded| ended(material, recorded));
    let moved = material.ticket.watched_hosts().filter_map(|host| moved(material, host));
    let mut all: Vec<(u64, String)> = ended.chain(moved).collect();
    all.retain(|(seq, _)| is_news(material.events, *seq));
    all.sort();
    all.drain(..all.len().saturating_sub(CORRECTIONS_MAX));
    all.into_iter().map(|(_, text)| text).collect()
}

/// A machine that nobody has to clean any more, though a mail may have said so.
fn ended(material: &Material, recorded: &Recorded) -> Option<(u64, String)> {
    let (host, what, reason) = match &recorded.event {
        Event::HostWithdrawn { host, reason } => (host, "was named by mistake", reason),
        Event::HostRetired { host, reason } => (host, "has left the network", reason),
        _ => return None,
    };
    let blamings = |recorded: &&Recorded| matches!(&recorded.event, Event::HostBlamed { host: blamed, .. } if blamed == host);
    let blamed = material.events.iter().filter(blamings).map(|blamed| blamed.seq);
    let (before, after): (Vec<u64>, Vec<u64>) = blamed.partition(|seq| *seq < recorded.seq);
    let is_told = before.last().is_some_and(|blamed| {
        let since = material.events.iter().filter(|other| (*blamed..recorded.seq).contains(&other.seq));
        since.into_iter().any(|other| matches!(other.event, Event::MailQueued { .. }))
    });
    let label = label(material.events, *host);
    let (by, at) = (words::name(&recorded.by), local_time(recorded.at, &material.site.timezone));
    let text = format!("{label} {what}, as {by} says ({at}: {reason}): nothing is to be done about it");
    (is_told && after.is_empty()).then_some((recorded.seq, text))
}

/// Its address, with the name under which it was blamed.
fn label(events: &[Recorded], address: IpAddr) -> String {
    let name = events.iter().rev().find_map(|recorded| match &recorded.event {
        Event::HostBlamed { host, name, .. } if *host == address => Some(name.as_deref()),
        _ => None,
    });
    format!("{address}{}", named(name.flatten()))
}

/// A machine whose MAC address last called from another address than the one by which it is known.
fn moved(material: &Material, host: &Host) -> Option<(u64, String)> {
    let mac = host.mac?;
    let called = material.events.iter().rev().find(|recorded| is_of(host, &recorded.event))?.seq;
    let later = material.events.iter().filter(|recorded| recorded.seq > called);
    let seen = later.filter_map(|recorded| Some((recorded, last_of(&recorded.event, mac)?)));
    let seen: Vec<(&Recorded, (Timestamp, IpAddr))> = seen.collect();
    let (_, (at, address)) = seen.last().filter(|(_, (_, address))| *address != host.host)?;
    // The first sight of it at that address, since when it is so.
    let settled = seen.iter().rev().take_while(|(_, (_, other))| other == address).last();
    let seq = settled.map_or(called, |(recorded, _)| recorded.seq);
    let (label, at) = (parts::label(host), local_time(*at, &material.site.timezone));
    Some((
        seq,
        format!("{label} has another address now: {address} (it called from there {at}): look for it there"),
    ))
}

/// From where a run saw that MAC address call last, and when. Of a machine that was only there, the address on
/// record is the one by which it is known.
fn last_of(event: &Event, mac: Mac) -> Option<(Timestamp, IpAddr)> {
    let Event::RunEnded(end) = event else { return None };
    let last = |seen: &HostExposure| seen.contacts.last().map(|contact| (contact.last, seen.host));
    end.exposures.iter().filter(|seen| seen.mac == Some(mac)).filter_map(last).max()
}

/// Whether one of those who get the mail that is written now got none since.
fn is_news(events: &[Recorded], seq: u64) -> bool {
    let mails = events.iter().rev().filter_map(|recorded| match &recorded.event {
        Event::MailQueued { to, .. } => Some((recorded.seq, to)),
        _ => None,
    });
    let mut mails = mails.take_while(|(queued, _)| *queued > seq);
    // That mail is itself the last of the events; a page or draft is written for nobody.
    let last = events.last().map(|last| last.seq);
    let Some((own, to)) = mails.next() else { return true };
    if Some(own) != last {
        return false;
    }
    let told: BTreeSet<String> = mails.flat_map(|(_, to)| to).map(|to| outbox::address(to)).collect();
    to.iter().any(|to| !told.contains(&outbox::address(to)))
}
