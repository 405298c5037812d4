//! Which mails does somebody not have yet, or never gets, and why?

use crate::cli::desk::Desk;
use crate::cli::{Exit, Fault, print};
use crate::edge::capture::session::Absent;
use crate::edge::capture::stop::Stop;
use crate::edge::clock;
use crate::edge::perform::{self, Edges};
use crate::pure::report::unsent::{UnsentMail, of_outbox, unsent};
use crate::pure::report::words::{clean_text, count};
use crate::pure::ticket::TicketId;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Lists them in order of their numbers.
pub fn run(desk: &Desk, is_json: bool) -> Result<Exit, Fault> {
    let now = clock::now();
    let edges = desk.edges(Stop::new(), Absent::Wait)?;
    let mails = all(desk, now);
    if is_json {
        let rows: Result<Vec<Value>, Fault> =
            mails.iter().map(|mail| as_json(desk, &edges, mail, now)).collect();
        let value = json!({"schema": "allclear.mail_queue/1", "mails": rows?});
        return Ok(print::out(&format!("{value:#}\n")));
    }
    if mails.is_empty() {
        return Ok(print::out("every mail was accepted\n"));
    }
    let texts: Vec<String> =
        mails.iter().map(|mail| as_text(mail, &subject(desk, &edges, mail, now))).collect();
    Ok(print::out(&format!("{}\n{}\n", texts.join("\n"), count(texts.len() as u64, "mail"))))
}

fn all(desk: &Desk, now: Timestamp) -> Vec<UnsentMail<'_>> {
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
    Ok(value)
}

fn as_text(mail: &UnsentMail<'_>, subject: &str) -> String {
    let whose = if mail.ticket == TicketId::NONE {
        "no ticket".to_owned()
    } else {
        format!("ticket {}", mail.ticket)
    };
    let next = mail.next_try.map(|next| format!(", next {next:.0}")).unwrap_or_default();
    let tries = if mail.tries == 1 { "1 try".to_owned() } else { format!("{} tries", mail.tries) };
    let error = mail.last_error.map(|error| format!("\n    {}", clean_text(error))).unwrap_or_default();
    format!(
        "mail {}, {}: {}, {whose}, to {}\n    {subject}\n    since {:.0}, {tries}{next}{error}\n",
        mail.mail,
        mail.state.word(),
        mail.event,
        clean_text(mail.to),
        mail.since
    )
}
