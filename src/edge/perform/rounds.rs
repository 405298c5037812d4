//! How are mails written that are about many, or that tell others?
//!
//! A part of `perform`, which writes the mails of single tickets.

use super::{Edges, NO_MAIL_SECTION, draw_up, write};
use crate::edge::template::Draft;
use crate::engine::{Engine, EngineError};
use crate::pure::digest;
use crate::pure::letterbox::MailId;
use crate::pure::report::{self, FoldedRow, FoldedView, Letter};
use crate::pure::ticket::{Event, FoldedMail, Lines, Mail, Recorded, Round, Ticket, TicketId, outbox};
use crate::pure::words::local_time;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A mail that is of no ticket.
pub(super) fn draw_up_round(
    engine: &Engine,
    edges: &Edges,
    seq: u64,
    now: Timestamp,
) -> Result<Result<Box<Draft>, String>, EngineError> {
    let Some(Recorded { at, event: Event::RoundQueued { to, round }, .. }) = engine.round(seq)? else {
        return Ok(Err(format!("there is no mail {seq}")));
    };
    let Some(settings) = &engine.library().site_file.mail else {
        return Ok(Err(NO_MAIL_SECTION.to_owned()));
    };
    let mail = Mail::new(seq, round.event(), at, to);
    let (thread, first, answers) = thread(engine, &round, &mail)?;
    let begun = engine.ticket(thread).map_or(at, |ticket| ticket.opened);
    let mark = engine.mark().map(str::to_owned);
    let view = match round {
        Round::Digest(digest) => digest::to_value(&digest),
        Round::Folded(folded) => {
            let oldest = folded.iter().min_by_key(|folded| folded.at);
            let since = oldest.map(|oldest| local_time(oldest.at, &zone_of(engine, oldest.ticket)));
            let rows = folded_rows(engine, edges, &folded, None, now)?;
            FoldedView::of(rows, since.unwrap_or_default(), unreached(engine, &folded)).to_value()
        }
    };
    let mut draft = Draft::round(view, &mail, &settings.from);
    let reply_to = settings.reply_to.clone();
    draft.letter = Letter { reply_to, thread, first, answers, begun, mark, ..draft.letter };
    Ok(Ok(Box::new(draft)))
}

/// The conversation of a mail that tells those of one ticket, that ticket's; no ticket where it tells of several.
fn thread(
    engine: &Engine,
    round: &Round,
    mail: &Mail,
) -> Result<(TicketId, Option<u64>, Option<u64>), EngineError> {
    let none = (TicketId::NONE, None, None);
    let Round::Folded(folded) = round else { return Ok(none) };
    let one = folded.first().filter(|first| folded.iter().all(|other| other.ticket == first.ticket));
    let Some(one) = one else { return Ok(none) };
    // As it stood then, so that a repeat is the same.
    let mut events = engine.history(one.ticket)?;
    events.retain(|recorded| recorded.seq < mail.seq);
    let ticket = Ticket::fold(&events)?;
    let (first, answers) = outbox::conversation(&ticket.outbox, mail);
    Ok((ticket.id, first, answers))
}

/// The mailbox that all these mails say was not reached; `None` where they say more than that.
fn unreached(engine: &Engine, folded: &[FoldedMail]) -> Option<String> {
    let of = |told: &FoldedMail| engine.mail(told.ticket, told.mail)?.unreached.clone();
    let first = of(folded.first()?)?;
    let is_same = |told| of(told).is_some_and(|other| outbox::address(&other) == outbox::address(&first));
    folded.iter().all(is_same).then_some(first)
}

/// What other mails say in short, with the number of each one's ticket; as it was put down when that was
/// decided, where it was; else of the ticket as it was then, where that is given.
pub(super) fn folded_rows(
    engine: &Engine,
    edges: &Edges,
    folded: &[FoldedMail],
    then: Option<&Ticket>,
    now: Timestamp,
) -> Result<Vec<(TicketId, FoldedRow)>, EngineError> {
    let row = |told: &FoldedMail| {
        let lines = match &told.lines {
            Some(lines) => lines.clone(),
            None => write_lines(engine, edges, told, then, now)?,
        };
        Ok((told.ticket, FoldedRow::of(lines)))
    };
    folded.iter().map(row).collect()
}

/// A mail of a ticket in short; `None` while it cannot be written, since what hinders that may pass: then it is
/// written when it is sent.
pub fn lines(engine: &Engine, edges: &Edges, (ticket, mail): MailId, now: Timestamp) -> Option<Lines> {
    let draft = draw_up(engine, edges, (ticket, mail), now).ok()?.ok()?;
    let letter = write(edges, draft).ok()?;
    let (ticket, mail) = (engine.ticket(ticket).ok()?, engine.mail(ticket, mail)?);
    Some(report::in_short(ticket, mail, &zone_of(engine, ticket.id), letter.subject, &letter.text))
}

/// What is known of it, where it cannot be written.
fn write_lines(
    engine: &Engine,
    edges: &Edges,
    told: &FoldedMail,
    then: Option<&Ticket>,
    now: Timestamp,
) -> Result<Lines, EngineError> {
    let FoldedMail { ticket, mail, at, .. } = told;
    let letter = match draw_up(engine, edges, (*ticket, *mail), now) {
        Err(error @ EngineError::Store(_)) => return Err(error),
        Err(fault) => Err(fault.to_string()),
        Ok(draft) => draft.and_then(|draft| write(edges, draft)),
    };
    let (subject, text) = match letter {
        Ok(letter) => (letter.subject, letter.text),
        Err(fault) => (format!("[allclear #{ticket}] mail {mail}"), fault),
    };
    let zone = zone_of(engine, *ticket);
    let known = then.or(engine.ticket(*ticket).ok()).and_then(|ticket| Some((ticket, ticket.mail(*mail)?)));
    Ok(match known {
        Some((ticket, mail)) => report::in_short(ticket, mail, &zone, subject, &text),
        None => Lines { when: local_time(*at, &zone), subject, ..Lines::default() },
    })
}

/// The zone of a ticket's site.
pub(super) fn zone_of(engine: &Engine, ticket: TicketId) -> TimeZone {
    let ticket = engine.ticket(ticket).ok();
    let site = ticket.and_then(|ticket| engine.library().site_file.sites.get(&ticket.site));
    site.map_or(TimeZone::UTC, |site| site.timezone.clone())
}
