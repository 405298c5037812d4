//! How is a mail written that leaves late?
//!
//! A part of `perform`. It decides nothing: when a mail is late, and what is then said, is in `report`.

use super::rounds::{folded_rows, zone_of};
use super::{Edges, write_letter};
use crate::engine::{Engine, EngineError};
use crate::pure::playbook::MailEvent;
use crate::pure::report::{self, Letter};
use crate::pure::ticket::{Event, FoldedMail, Mail, Round, TicketId};
use crate::pure::words::local_time;
use jiff::Timestamp;

/// The mail as it leaves at `now`: as it was decided upon, and later than that with its time; or, where its ticket
/// has gone on since, as that stands.
pub(super) fn letter(
    engine: &Engine,
    edges: &Edges,
    id: TicketId,
    seq: u64,
    now: Timestamp,
) -> Result<Result<Box<Letter>, String>, EngineError> {
    let letter = match write_letter(engine, edges, id, seq, now)? {
        Ok(letter) if report::is_late(letter.at, now) => letter,
        on_time => return Ok(on_time),
    };
    if let Some(mail) = engine.mail(id, seq).filter(|_| id != TicketId::NONE)
        && report::has_gone_on(engine.ticket(id)?, mail)
    {
        return overtaken(engine, edges, (id, mail), *letter, now);
    }
    let when = when(engine, &letter)?;
    Ok(Ok(Box::new(edges.templates.dated(*letter, &report::as_of(&when)))))
}

/// In the place of a mail that its ticket has overtaken, how that stands, and what the mail and those that it tells
/// said; in the same conversation, under the same number.
fn overtaken(
    engine: &Engine,
    edges: &Edges,
    (id, mail): (TicketId, &Mail),
    letter: Letter,
    now: Timestamp,
) -> Result<Result<Box<Letter>, String>, EngineError> {
    let ticket = engine.ticket(id)?;
    let told = mail.folds.iter().filter_map(|seq| ticket.mail(*seq));
    let told: Vec<FoldedMail> =
        told.map(|mail| FoldedMail { ticket: id, mail: mail.seq, at: mail.at, lines: None }).collect();
    let others = folded_rows(engine, edges, &told, None, now)?;
    let lines = report::in_short(ticket, mail, &zone_of(engine, id), letter.subject.clone(), &letter.text);
    let view = report::overtaken(id, lines, others).to_value();
    let written = Mail { event: MailEvent::Folded, ..mail.clone() };
    let written = edges.templates.round_letter(view, &written, &letter.from);
    let written = written.map(|Letter { subject, text, html, .. }| {
        Box::new(Letter { subject, text, html, pictures: Vec::new(), ..letter })
    });
    Ok(written.map_err(|problem| problem.to_string()))
}

/// When it was decided upon, in the zone that its other times are of.
fn when(engine: &Engine, letter: &Letter) -> Result<String, EngineError> {
    let round = if letter.ticket == TicketId::NONE { engine.round(letter.seq)? } else { None };
    let of_round = round.map(|recorded| recorded.event);
    let ticket = match of_round {
        Some(Event::RoundQueued { round: Round::Digest(digest), .. }) => return Ok(digest.as_of),
        Some(Event::RoundQueued { round: Round::Folded(folded), .. }) => {
            folded.first().map(|first| first.ticket)
        }
        _ => Some(letter.ticket),
    };
    Ok(local_time(letter.at, &zone_of(engine, ticket.unwrap_or(TicketId::NONE))))
}
