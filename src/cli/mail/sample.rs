//! How does a mail read about a ticket that nobody has? A made-up one at the first site, worked by the first
//! playbook, as it stands when a mail of the wanted kind is written.

use super::preview::sender;
use super::story::{self, events};
use crate::cli::Fault;
use crate::cli::desk::Desk;
use crate::edge::clock;
use crate::pure::playbook::MailEvent;
use crate::pure::report::{FoldedRow, FoldedView, Letter, Material};
use crate::pure::ticket::{Lines, Mail, Ticket, drafted, ledger, stand};
use crate::pure::words::local_time;
use std::collections::BTreeMap;

/// The mail about `event` of a made-up ticket.
pub fn letter(desk: &Desk, event: MailEvent) -> Result<Letter, Fault> {
    let library = desk.engine.library();
    let first = |what: &str| Fault::Failed(format!("there is no {what} yet: add one, or name a --ticket"));
    let site = library.site_file.sites.values().next().ok_or_else(|| first("site"))?;
    let playbook = library.playbooks.values().next().ok_or_else(|| first("playbook"))?;
    let now = clock::now();
    let events = events(event, site, playbook, now);
    let ticket = Ticket::fold(&events).map_err(|error| Fault::Failed(error.to_string()))?;
    let tickets = BTreeMap::new();
    let context = story::context(site, playbook, now, &tickets);
    let (standing, runs) = (stand(&ticket, &context), ledger(&ticket, &context));
    let (ticket, runs, events, standing) = (&ticket, &runs[..], &events[..], &standing);
    let material = Material { ticket, runs, past: &[], events, playbook, site, standing, at: now };
    let next = events.last().map_or(1, |last| last.seq + 1);
    let mail = drafted(ticket, &context, event, next);
    let letter = desk.templates()?.letter(&material, &mail, sender(desk));
    letter.map_err(|problem| Fault::Failed(problem.to_string()))
}

/// A mail that tells these, in that order.
pub fn folded(desk: &Desk, told: &[Letter]) -> Result<Letter, Fault> {
    let zone = |letter: &Letter| {
        let ticket = desk.engine.ticket(letter.ticket).ok();
        let sites = &desk.engine.library().site_file.sites;
        let site = ticket.and_then(|ticket| sites.get(&ticket.site)).or_else(|| sites.values().next());
        site.map_or(jiff::tz::TimeZone::UTC, |site| site.timezone.clone())
    };
    let row = |letter: &Letter| {
        let mut lines = letter.text.lines().map(str::to_owned);
        let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let (when, subject) = (local_time(letter.at, &zone(letter)), letter.subject.clone());
        (letter.ticket, FoldedRow::of(Lines { when, subject, first, second, ..Lines::default() }))
    };
    let since = told.iter().min_by_key(|letter| letter.at);
    let since = since.map_or_else(String::new, |oldest| local_time(oldest.at, &zone(oldest)));
    let view = FoldedView::of(told.iter().map(row).collect(), since, None).to_value();
    let to = told.first().map_or_else(Vec::new, |first| first.to.clone());
    let mail = Mail::new(desk.engine.events_count() + 1, MailEvent::Folded, clock::now(), to);
    let letter = desk.templates()?.round_letter(view, &mail, sender(desk));
    letter.map_err(|problem| Fault::Failed(problem.to_string()))
}
