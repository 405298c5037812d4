//! How are mails written that are about many, or that tell others?
//!
//! A part of `perform`, which writes the mails of single tickets.

use super::{Edges, NO_MAIL_SECTION, write_letter};
use crate::engine::{Engine, EngineError};
use crate::pure::digest;
use crate::pure::report::{FoldedRow, FoldedView, Letter};
use crate::pure::ticket::{Event, FoldedMail, Mail, Recorded, Round, TicketId};
use crate::pure::words::local_time;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A mail that is of no ticket.
pub(super) fn write_round(
    engine: &Engine,
    edges: &Edges,
    seq: u64,
    now: Timestamp,
) -> Result<Result<Box<Letter>, String>, EngineError> {
    let Some(Recorded { at, event: Event::RoundQueued { to, round }, .. }) = engine.round(seq)? else {
        return Ok(Err(format!("there is no mail {seq}")));
    };
    let Some(settings) = &engine.library().site_file.mail else {
        return Ok(Err(NO_MAIL_SECTION.to_owned()));
    };
    let mail = Mail::new(seq, round.event(), at, to);
    let view = match round {
        Round::Digest(digest) => digest::to_value(&digest),
        Round::Folded(folded) => {
            let oldest = folded.iter().min_by_key(|folded| folded.at);
            let since = oldest.map(|oldest| local_time(oldest.at, &zone_of(engine, oldest.ticket)));
            FoldedView::of(folded_rows(engine, edges, &folded, now)?, since.unwrap_or_default()).to_value()
        }
    };
    let letter = edges.templates.round_letter(&view, &mail, &settings.from);
    let reply_to = settings.reply_to.clone();
    let letter = letter.map(|letter| Box::new(Letter { reply_to, ..letter }));
    Ok(letter.map_err(|problem| problem.to_string()))
}

/// What other mails say in short, with the number of each one's ticket.
pub(super) fn folded_rows(
    engine: &Engine,
    edges: &Edges,
    folded: &[FoldedMail],
    now: Timestamp,
) -> Result<Vec<(u32, FoldedRow)>, EngineError> {
    let mut rows = Vec::with_capacity(folded.len());
    for FoldedMail { ticket, mail, at } in folded {
        let letter = match write_letter(engine, edges, *ticket, *mail, now) {
            Err(error @ EngineError::Store(_)) => return Err(error),
            Err(fault) => Err(fault.to_string()),
            Ok(letter) => letter,
        };
        let zone = zone_of(engine, *ticket);
        let row = match letter {
            Ok(letter) => FoldedRow::of(*at, &zone, &letter.subject, &letter.text),
            Err(fault) => FoldedRow::of(*at, &zone, &format!("[allclear #{ticket}] mail {mail}"), &fault),
        };
        rows.push((ticket.0, row));
    }
    Ok(rows)
}

fn zone_of(engine: &Engine, ticket: TicketId) -> TimeZone {
    let ticket = engine.ticket(ticket).ok();
    let site = ticket.and_then(|ticket| engine.library().site_file.sites.get(&ticket.site));
    site.map_or(TimeZone::UTC, |site| site.timezone.clone())
}
