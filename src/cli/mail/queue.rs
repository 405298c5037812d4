//! Which mails does somebody not have yet, or never gets, and why? Of those that are held back: until when.

use crate::cli::desk::Desk;
use crate::cli::print::Reader;
use crate::cli::{Exit, Fault, print};
use crate::edge::capture::session::Absent;
use crate::edge::capture::stop::Stop;
use crate::edge::clock;
use crate::edge::perform::{self, Edges};
use crate::pure::letterbox::REPEAT_PAUSE;
use crate::pure::report::unsent::{MailState, UnsentMail, of_outbox, unsent};
use crate::pure::ticket::{HoldReason, TicketId};
use crate::pure::words::{clean_text, count, duration};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Lists them in order of their numbers.
pub fn run(desk: &Desk, reader: Reader) -> Result<Exit, Fault> {
    let now = clock::now();
    let edges = desk.edges(Stop::new(), Absent::Wait)?;
    let mails = all(desk, now);
    if reader == Reader::Program {
        let rows: Result<Vec<Value>, Fault> =
            mails.iter().map(|mail| as_json(desk, &edges, mail, now)).collect();
        let value = json!({"schema": "allclear.mail_queue/1", "mails": rows?});
        return Ok(print::out(&print::json_text(&value)));
    }
    if mails.is_empty() {
        return Ok(print::out("every mail was accepted\n"));
    }
    let texts: Vec<String> =
        mails.iter().map(|mail| as_text(desk, mail, &subject(desk, &edges, mail, now))).collect();
    Ok(print::out(&format!("{}\n{}\n", texts.join("\n"), count(texts.len() as u64, "mail"))))
}

/// Each mail with each recipient who does not have it.
pub fn all(desk: &Desk, now: Timestamp) -> Vec<UnsentMail<'_>> {
    let of_tickets = desk.engine.tickets().flat_map(|ticket| unsent(ticket, now));
    let mut mails: Vec<UnsentMail<'_>> =
        of_tickets.chain(of_outbox(TicketId::NONE, desk.engine.rounds(), now)).collect();
    mails.sort_by_key(|mail| mail.mail);
    mails
}

/// A mail that cannot be written says why instead.
fn subject(desk: &Desk, edges: &Edges, mail: &UnsentMail<'_>, now: Timestamp) -> String {
    let written = perform::subject(&desk.engine, edges, mail.ticket, mail.mail, now);
    written.unwrap_or_else(|error| clean_text(&error.to_string()))
}

fn as_json(desk: &Desk, edges: &Edges, mail: &UnsentMail<'_>, now: Timestamp) -> Result<Value, Fault> {
    let mut value = serde_json::to_value(mail).map_err(|error| Fault::Failed(error.to_string()))?;
    value["subject"] = Value::from(subject(desk, edges, mail, now));
    let until = mail.held_because.and_then(|_| desk.engine.held_until(mail.to));
    value["held_until"] = until.map_or(Value::Null, |until| Value::from(until.to_string()));
    Ok(value)
}

/// `held back: they got 20 mails in the last hour, which is the hourly limit; goes ...`; nothing where it is not.
pub fn held(desk: &Desk, mail: &UnsentMail<'_>) -> Option<String> {
    let why = match mail.held_because? {
        HoldReason::Repeat => format!(
            "one like it about this ticket goes out or went out less than {} ago",
            duration(REPEAT_PAUSE.as_secs().unsigned_abs())
        ),
        HoldReason::Limit => {
            let limit = u64::from(desk.engine.library().site_file.hourly_limit());
            format!("{} an hour to this address, as `hourly_limit` says", count(limit, "mail"))
        }
        HoldReason::Gathered => "what else does not reach that person is told with it".to_owned(),
    };
    let until = desk
        .engine
        .held_until(mail.to)
        .map_or_else(|| "when the mails before it are out".to_owned(), |until| format!("at {until:.0}"));
    let cure = format!("`allclear mail retry {}` lets it go now", mail.mail);
    Some(format!("held back ({why}): it goes {until}, or is told before in another mail; {cure}"))
}

fn as_text(desk: &Desk, mail: &UnsentMail<'_>, subject: &str) -> String {
    let whose = if mail.ticket == TicketId::NONE {
        "no ticket".to_owned()
    } else {
        format!("ticket {}", mail.ticket)
    };
    let next = mail.next_try.map(|next| format!(", next {next:.0}")).unwrap_or_default();
    let tries = if mail.tries == 1 { "1 try".to_owned() } else { format!("{} tries", mail.tries) };
    let error = mail.last_error.map(clean_text).or_else(|| held(desk, mail));
    let error = error.map(|error| format!("\n    {error}")).unwrap_or_default();
    let cure = match mail.state {
        MailState::Refused | MailState::GivenUp => {
            format!(
                "\n    nobody sends it any more: mend the cause or the address, then `allclear mail retry {}`",
                mail.mail
            )
        }
        MailState::Waiting | MailState::Delayed | MailState::Held => String::new(),
    };
    format!(
        "mail {}, {}: {}, {whose}, to {}\n    {subject}\n    since {:.0}, {tries}{next}{error}{cure}\n",
        mail.mail,
        mail.state.word(),
        mail.event,
        clean_text(mail.to),
        mail.since
    )
}
