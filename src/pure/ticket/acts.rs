//! What may people do to a ticket, and when are they turned down?
//!
//! Nobody sets `clean` here: there is no such act.

use super::said::{machine, said};
use super::{
    Act, Blame, Context, Event, Host, HostState, Listing, ListingAnswer, Phase, Refusal, SignOff, Ticket,
    hosts, mails,
};
use crate::pure::intake::Report;
use crate::pure::packet::Mac;
use crate::pure::sighting::ContactSpan;
use crate::pure::watchlist::{Entry, Require, Target};
use jiff::Timestamp;
use std::net::IpAddr;

type Decision = Result<Vec<Event>, Refusal>;

/// The events of a person's act.
pub fn act(ticket: &Ticket, context: &Context<'_>, act: &Act) -> Decision {
    let is_always_possible = matches!(
        act,
        Act::Note { .. }
            | Act::NoteListing { .. }
            | Act::Reopen { .. }
            | Act::Report(_)
            | Act::RetryMail { .. }
    );
    if !ticket.phase.is_open() && !is_always_possible && !ends_open(ticket, act) {
        return refuse(format!("ticket {} is {}: reopen it first", ticket.id, ticket.phase));
    }
    match act {
        Act::Report(report) => add_report(ticket, context, report),
        Act::NameHost { host, mac, name } => name_host(ticket, context, *host, *mac, name.as_deref()),
        Act::WithdrawHost { host, reason } => withdraw(ticket, *host, reason),
        Act::RetireHost { host, reason } => {
            let host = blamed(ticket, *host)?.host;
            Ok(vec![Event::HostRetired { host, reason: said(reason)? }])
        }
        Act::Clean { host, at } => clean(ticket, context, *host, at.unwrap_or(context.now)),
        Act::Sign { item } => sign(ticket, context, item),
        Act::WithdrawSignature { item, reason } => withdraw_signature(ticket, item, reason),
        Act::Note { text } => Ok(vec![Event::Noted { text: said(text)? }]),
        Act::NoteListing { answer, seen, text } => note_listing(context, *answer, *seen, text),
        Act::Hold { reason, until } => hold(ticket, context, reason, *until),
        Act::Resume => match ticket.hold {
            Some(_) => Ok(vec![Event::Resumed]),
            None => refuse(format!("ticket {} is not on hold: there is nothing to resume", ticket.id)),
        },
        Act::Reject { reason } => end(ticket, Phase::Rejected, reason),
        Act::AcceptRisk { reason, until } => accept_risk(ticket, context, reason, *until),
        Act::Reopen { reason } => end(ticket, Phase::Reported, reason),
        Act::RetryMail { mail } => mails::retry(ticket, context, *mail),
    }
}

fn note_listing(context: &Context<'_>, answer: Listing, seen: Timestamp, text: &str) -> Decision {
    if seen > context.now {
        return refuse(format!("{seen} lies in the future: give the time at which the page was read"));
    }
    let raw = if text.trim().is_empty() { String::new() } else { said(text)? };
    Ok(vec![Event::ListingAnswered(ListingAnswer {
        answer,
        at: seen,
        raw,
        run: None,
        lookup: None,
        is_read_by_person: true,
    })])
}

fn refuse(why: String) -> Decision {
    Err(Refusal(why))
}

/// A rejected ticket may become an accepted risk, and the other way round.
fn ends_open(ticket: &Ticket, act: &Act) -> bool {
    match act {
        Act::Reject { .. } => ticket.phase.may_become(Phase::Rejected),
        Act::AcceptRisk { .. } => ticket.risk.is_some() || ticket.phase.may_become(Phase::AcceptedRisk),
        _ => false,
    }
}

fn add_report(ticket: &Ticket, context: &Context<'_>, report: &Report) -> Decision {
    if ticket.reports.contains(report) {
        return refuse(format!("ticket {} has this very report already: there is nothing to add", ticket.id));
    }
    if report.is_of_the_future(context.now) {
        return refuse(format!("{} lies in the future: give the time at which it was seen", report.seen));
    }
    let mut events = vec![Event::ReportAdded { report: report.clone() }];
    events.extend(widened(ticket, context, report).map(|what| Event::SearchWidened { what }));
    let is_news = ticket.last_cleaned().is_none_or(|cleaned| report.seen > cleaned);
    if !ticket.phase.is_open() && is_news {
        events.push(Event::PhaseChanged {
            from: ticket.phase,
            to: Phase::Reported,
            because: "a new report came in".to_owned(),
        });
    }
    Ok(events)
}

/// What a report names that no run of a ticket under verification has looked for, as far as the playbook tells
/// without its files.
fn widened(ticket: &Ticket, context: &Context<'_>, report: &Report) -> Option<String> {
    let is_late = ticket.phase.is_open() && ticket.last_cleaned().is_some();
    let named = |report: &Report| (report.remote, report.port.filter(|_| report.remote.is_none()));
    let (remote, port) = named(report);
    let is_known = ticket.reports.iter().any(|known| named(known) == (remote, port));
    if !is_late || is_known || remote.is_some_and(|address| is_watched(context, address)) {
        return None;
    }
    remote.map(|address| address.to_string()).or(port.map(|port| format!("port {port}")))
}

/// Whether `verify` looks for the address at any port, whatever its files hold.
fn is_watched(context: &Context<'_>, address: IpAddr) -> bool {
    let names = |entry: &Entry| match &entry.target {
        Target::Address(known) => *known == address,
        Target::Network(network) => network.contains(&address),
        Target::Domain(_) | Target::Anywhere => false,
    };
    let names = |entry: &Entry| entry.ports.is_none() && names(entry);
    let lists = context.playbook.verify.watchlists.iter();
    let mut lists = lists.filter_map(|name| context.playbook.watchlists.get(name));
    lists.any(|list| list.require == Require::Any && list.ports.is_empty() && list.entries.iter().any(names))
}

fn blamed(ticket: &Ticket, address: IpAddr) -> Result<&Host, Refusal> {
    let known: Vec<String> = ticket.hosts.iter().map(|host| host.host.to_string()).collect();
    let hint = match &known[..] {
        [] => "name the host first, with `allclear ticket host`".to_owned(),
        known => format!("it blames {}", known.join(", ")),
    };
    hosts::meant(&ticket.hosts, address)
        .map(|index| &ticket.hosts[index])
        .ok_or_else(|| Refusal(format!("ticket {} does not blame {address}: {hint}", ticket.id)))
}

fn name_host(
    ticket: &Ticket,
    context: &Context<'_>,
    host: IpAddr,
    mac: Option<Mac>,
    name: Option<&str>,
) -> Decision {
    if !context.site.has_inside(host) {
        let inside: Vec<String> = context.site.inside.iter().map(ToString::to_string).collect();
        return refuse(format!(
            "{host} is not inside site {}: its inside networks are {}",
            context.site.name,
            inside.join(", ")
        ));
    }
    let known = hosts::find(&ticket.hosts, host, mac).map(|index| &ticket.hosts[index]);
    if known.is_some_and(|known| known.state == HostState::Infected) {
        let cure = format!("say when it was cleaned, with `allclear ticket cleaned {}`", ticket.id);
        return refuse(format!("ticket {} blames {host} already: {cure}", ticket.id));
    }
    Ok(vec![Event::HostBlamed { host, mac, name: machine(name)?, blame: Blame::Named }])
}

fn withdraw(ticket: &Ticket, address: IpAddr, reason: &str) -> Decision {
    let host = blamed(ticket, address)?;
    if host.blame == Blame::Seen {
        return refuse(format!(
            "{address} was seen making contact and cannot be withdrawn: report it as cleaned, or as retired"
        ));
    }
    Ok(vec![Event::HostWithdrawn { host: host.host, reason: said(reason)? }])
}

/// Reports hosts as cleaned. In `reported` that names them, too: they are what was cleaned.
fn clean(ticket: &Ticket, context: &Context<'_>, host: Option<IpAddr>, at: Timestamp) -> Decision {
    if at > context.now {
        return refuse(format!("{at} lies in the future: give the time of the cleaning"));
    }
    if ticket.phase == Phase::Clean {
        return refuse(format!(
            "ticket {} is clean: if a host is infected again, say so first with `allclear ticket host`",
            ticket.id
        ));
    }
    let mut events = Vec::new();
    let cleaned: Vec<&Host> = match host {
        Some(address) => match hosts::meant(&ticket.hosts, address) {
            Some(index) => vec![&ticket.hosts[index]],
            // Who says that a machine was cleaned says that it was the one.
            None => {
                events.extend(name_host(ticket, context, address, None, None)?);
                events.push(cleaned_after(address, at, &ticket.contacts_on_record(address, None))?);
                Vec::new()
            }
        },
        None => ticket.hosts.iter().filter(|host| host.state == HostState::Infected).collect(),
    };
    let meant: Vec<IpAddr> = cleaned.iter().map(|host| host.host).collect();
    for host in cleaned {
        events.push(cleaned_after(host.host, at, &host.contacts)?);
    }
    if events.is_empty() {
        let hint = format!("say which machine it was: --host ADDRESS (ticket {})", ticket.id);
        return refuse(format!("no host of ticket {} waits for cleaning: {hint}", ticket.id));
    }
    let is_left = |known: &Host| known.state == HostState::Infected && !meant.contains(&known.host);
    if !ticket.hosts.iter().any(is_left) {
        not_before_last_report(ticket, at)?;
        not_before_relisting(ticket, at)?;
    }
    if ticket.phase == Phase::Reported {
        let because = "a person says which host was cleaned".to_owned();
        events.insert(0, Event::PhaseChanged { from: Phase::Reported, to: Phase::Located, because });
    }
    Ok(events)
}

/// A report from after the last of all cleanings says that some host still called then.
fn not_before_last_report(ticket: &Ticket, at: Timestamp) -> Result<(), Refusal> {
    let last = ticket.last_cleaned().map_or(at, |last| last.max(at));
    match ticket.last_seen().filter(|seen| *seen > last) {
        Some(seen) => Err(Refusal(format!(
            "a report says it was seen at {seen}, after that cleaning: clean it once more and give that time"
        ))),
        None => Ok(()),
    }
}

/// An address that was listed again after it was clean says that something called since the cleaning then.
fn not_before_relisting(ticket: &Ticket, at: Timestamp) -> Result<(), Refusal> {
    match ticket.relisted_since_cleaning().filter(|relisted| *relisted > at) {
        Some(relisted) => Err(Refusal(format!(
            "{} was listed again at {relisted}, after that cleaning: clean it once more and give that time",
            ticket.public
        ))),
        None => Ok(()),
    }
}

/// A contact on record from after the stated cleaning would be lost: it must be cleaned again.
fn cleaned_after(host: IpAddr, at: Timestamp, contacts: &[ContactSpan]) -> Result<Event, Refusal> {
    match contacts.iter().rev().find(|contact| contact.last > at) {
        Some(contact) => Err(Refusal(format!(
            "{host} called again at {}, after that cleaning: clean it once more and give that time",
            contact.last
        ))),
        None => Ok(Event::HostCleaned { host, cleaned: at }),
    }
}

fn sign(ticket: &Ticket, context: &Context<'_>, item: &str) -> Decision {
    let items: Vec<&str> = context.playbook.checklist.iter().map(|entry| entry.item.as_str()).collect();
    if !items.contains(&item) {
        let hint =
            if items.is_empty() { "it is empty".to_owned() } else { format!("it has {}", items.join(", ")) };
        return refuse(format!("the checklist of {} has no item '{item}': {hint}", context.playbook.name));
    }
    let is_outdated =
        |given: &SignOff| ticket.is_before_relapse(given) || ticket.located_since(given).is_some();
    match ticket.signed.get(item).filter(|given| !is_outdated(given)) {
        Some(sign_off) => {
            let cure = "to have it signed anew, withdraw that first, with `allclear ticket sign --withdraw`";
            refuse(format!("'{item}' was signed already, by {}: {cure}", sign_off.by))
        }
        None => Ok(vec![Event::Signed { item: item.to_owned() }]),
    }
}

fn withdraw_signature(ticket: &Ticket, item: &str, reason: &str) -> Decision {
    if ticket.phase == Phase::Clean {
        let cure = "if a host is infected again, say so with `allclear ticket host`";
        return refuse(format!("ticket {} is clean, and its checklist with it: {cure}", ticket.id));
    }
    if !ticket.signed.contains_key(item) {
        let signed: Vec<&str> = ticket.signed.keys().map(String::as_str).collect();
        let hint = match &signed[..] {
            [] => "nothing is, so that there is nothing to withdraw".to_owned(),
            signed => format!("what is signed is {}", signed.join(", ")),
        };
        return refuse(format!("'{item}' is not signed: {hint}"));
    }
    Ok(vec![Event::SignatureWithdrawn { item: item.to_owned(), reason: said(reason)? }])
}

/// Accepts a risk, or sets another end to one that is accepted.
fn accept_risk(ticket: &Ticket, context: &Context<'_>, reason: &str, until: Option<Timestamp>) -> Decision {
    let accepted = Event::RiskAccepted { reason: said(reason)?, until: ahead(context, until)? };
    let changes = match ticket.risk {
        Some(_) => Vec::new(),
        None => end(ticket, Phase::AcceptedRisk, reason)?,
    };
    Ok([accepted].into_iter().chain(changes).collect())
}

fn hold(ticket: &Ticket, context: &Context<'_>, reason: &str, until: Option<Timestamp>) -> Decision {
    match &ticket.hold {
        Some(hold) => refuse(format!(
            "ticket {0} is on hold already ({1}): to change that, end it first, with `allclear ticket resume {0}`",
            ticket.id, hold.reason
        )),
        None => Ok(vec![Event::Held { reason: said(reason)?, until: ahead(context, until)? }]),
    }
}

/// An end that a person set must lie ahead.
fn ahead(context: &Context<'_>, until: Option<Timestamp>) -> Result<Option<Timestamp>, Refusal> {
    match until.filter(|until| *until <= context.now) {
        Some(past) => Err(Refusal(format!("{past} is past: give a time that is still to come"))),
        None => Ok(until),
    }
}

fn end(ticket: &Ticket, to: Phase, reason: &str) -> Decision {
    if !ticket.phase.may_become(to) || (to == Phase::Reported && ticket.phase.is_open()) {
        let cure = if ticket.phase.is_open() { "work on it goes on" } else { "reopen it first" };
        return refuse(format!("ticket {} is {} and cannot become {to}: {cure}", ticket.id, ticket.phase));
    }
    Ok(vec![Event::PhaseChanged { from: ticket.phase, to, because: said(reason)? }])
}
