//! What people do to a ticket, from the command line to the engine.

use super::{ActArgs, ReasonArgs, TicketCommand};
use crate::cli::desk::{self, Desk};
use crate::cli::print::Reader;
use crate::cli::{Exit, Fault, print};
use crate::edge::clock;
use crate::pure::document::read_length;
use crate::pure::ticket::{Act, Event, Input, Recorded, TicketId};
use jiff::Timestamp;

/// Carries out a person's act and says what it changed.
pub fn act(desk: &mut Desk, command: TicketCommand) -> Result<Exit, Fault> {
    let (who, act) = read(desk, command)?;
    let by = desk::who(who.by.as_deref())?;
    let happened = desk.engine.step(clock::now(), &by, TicketId(who.ticket), &Input::Act(act))?;
    if who.json {
        return super::show::show(desk, who.ticket, Reader::Program);
    }
    let changes = happened.iter().filter_map(|recorded| match &recorded.event {
        Event::PhaseChanged { to, because, .. } => {
            Some(format!("ticket {} is {to} now: {because}\n", who.ticket))
        }
        _ => None,
    });
    let told: String = changes.collect();
    let told = told + &outdated(desk, who.ticket, &happened);
    let told = if told.is_empty() { format!("ticket {}: on record\n", who.ticket) } else { told };
    Ok(print::out(&told))
}

/// That what a person read counts for nothing now, since it is older than what is known.
fn outdated(desk: &Desk, ticket: u32, happened: &[Recorded]) -> String {
    let said = happened.iter().find_map(|recorded| match &recorded.event {
        Event::ListingAnswered(answer) => Some(answer.at),
        _ => None,
    });
    let ticket = desk.engine.ticket(TicketId(ticket)).ok();
    let last = ticket.and_then(|ticket| ticket.listing.as_ref()).map(|last| last.at);
    match said.zip(last).filter(|(said, last)| said < last) {
        Some((_, last)) => format!("on record; a newer answer of {last} stands\n"),
        None => String::new(),
    }
}

fn read(desk: &Desk, command: TicketCommand) -> Result<(ActArgs, Act), Fault> {
    Ok(match command {
        TicketCommand::Note { act, text, listing, seen } => {
            let text = text.unwrap_or_default();
            let Some((answer, seen)) = listing.zip(seen) else { return Ok((act, Act::Note { text })) };
            let site = &desk.engine.ticket(TicketId(act.ticket))?.site;
            let seen = desk.time(&seen, site)?;
            (act, Act::NoteListing { answer, seen, text })
        }
        TicketCommand::Host { act, address, mac, name, withdraw, retired, reason } => {
            let reason = reason.unwrap_or_default();
            let done = match (withdraw, retired) {
                (true, _) => Act::WithdrawHost { host: address, reason },
                (_, true) => Act::RetireHost { host: address, reason },
                _ => {
                    let mac = mac.map(|mac| mac.parse()).transpose().map_err(Fault::Usage)?;
                    Act::NameHost { host: address, mac, name }
                }
            };
            (act, done)
        }
        TicketCommand::Sign { act, item, withdraw: false, .. } => (act, Act::Sign { item }),
        TicketCommand::Sign { act, item, withdraw: true, reason } => {
            (act, Act::WithdrawSignature { item, reason: reason.unwrap_or_default() })
        }
        TicketCommand::Cleaned { act, host, at } => {
            let site = &desk.engine.ticket(TicketId(act.ticket))?.site;
            let at = at.map(|at| desk.time(&at, site)).transpose()?;
            (act, Act::Clean { host, at })
        }
        TicketCommand::Hold { because: ReasonArgs { act, reason }, until } => {
            let until = until.map(|until| ahead(desk, act.ticket, &until)).transpose()?;
            (act, Act::Hold { reason, until })
        }
        TicketCommand::Resume(act) => (act, Act::Resume),
        TicketCommand::Reject(args) => with_reason(args, |reason| Act::Reject { reason }),
        TicketCommand::AcceptRisk { because: ReasonArgs { act, reason }, until, for_ever: _ } => {
            let until = until.map(|until| ahead(desk, act.ticket, &until)).transpose()?;
            (act, Act::AcceptRisk { reason, until })
        }
        TicketCommand::Reopen(args) => with_reason(args, |reason| Act::Reopen { reason }),
        TicketCommand::Open(_)
        | TicketCommand::List { .. }
        | TicketCommand::Show { .. }
        | TicketCommand::Report { .. }
        | TicketCommand::Bundle { .. } => unreachable!("these are no acts; `run` has sorted them out"),
    })
}

/// A time to come: a duration from now, or a time in the site's zone.
fn ahead(desk: &Desk, ticket: u32, text: &str) -> Result<Timestamp, Fault> {
    if let Ok(length) = read_length(text) {
        return clock::now().checked_add(length).map_err(|error| Fault::Usage(error.to_string()));
    }
    let site = &desk.engine.ticket(TicketId(ticket))?.site;
    desk.time(text, site)
}

fn with_reason(args: ReasonArgs, act: impl FnOnce(String) -> Act) -> (ActArgs, Act) {
    (args.act, act(args.reason))
}
