//! How is a mail written that leaves late?
//!
//! A part of `perform`. It decides nothing: when a mail is late, and what is then said, is in `report`.

use super::rounds::{folded_rows, zone_of};
use super::{Edges, draw_up, write};
use crate::edge::template::Draft;
use crate::engine::{Engine, EngineError};
use crate::pure::letterbox::MailId;
use crate::pure::playbook::MailEvent;
use crate::pure::report::{self, Letter};
use crate::pure::ticket::{Event, FoldedMail, Mail, Round, TicketId};
use crate::pure::words::local_time;
use jiff::Timestamp;

/// The mail as it leaves at `now`: as it was decided upon, and later than that with its time; or, where its ticket
/// has gone on since, as that stands.
pub(super) fn draft(
    engine: &Engine,
    edges: &Edges,
    (id, seq): MailId,
    now: Timestamp,
) -> Result<Result<Box<Draft>, String>, EngineError> {
    let draft = match draw_up(engine, edges, (id, seq), now)? {
        Ok(draft) if report::is_late(draft.letter.at, now) => draft,
        on_time => return Ok(on_time),
    };
    if let Some(mail) = engine.mail(id, seq).filter(|_| id != TicketId::NONE)
        && report::has_gone_on(engine.ticket(id)?, mail)
    {
        return match write(edges, draft) {
            Ok(letter) => Ok(Ok(overtaken(engine, edges, (id, mail), *letter, now)?)),
            Err(fault) => Ok(Err(fault)),
        };
    }
    let when = when(engine, &draft.letter)?;
    Ok(Ok(Box::new(draft.dated(report::as_of(&when)))))
}

/// In the place of a mail that its ticket has overtaken, how that stands, and what the mail and those that it tells
/// said; in the same conversation, under the same number.
fn overtaken(
    engine: &Engine,
    edges: &Edges,
    (id, mail): (TicketId, &Mail),
    letter: Letter,
    now: Timestamp,
) -> Result<Box<Draft>, EngineError> {
    let ticket = engine.ticket(id)?;
    let told = mail.folds.iter().filter_map(|seq| ticket.mail(*seq));
    let told: Vec<FoldedMail> =
        told.map(|mail| FoldedMail { ticket: id, mail: mail.seq, at: mail.at, lines: None }).collect();
    let others = folded_rows(engine, edges, &told, None, now)?;
    let lines = report::in_short(ticket, mail, &zone_of(engine, id), letter.subject.clone(), &letter.text);
    let view = report::overtaken(id, lines, others).to_value();
    let written = Mail { event: MailEvent::Folded, ..mail.clone() };
    let mut draft = Draft::round(view, &written, &letter.from);
    draft.letter = Letter { pictures: Vec::new(), ..letter };
    Ok(Box::new(draft))
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
