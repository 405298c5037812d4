//! How does a person have mails sent again? An act like any other, on record with a name.

use super::queue;
use crate::cli::desk::{self, Desk};
use crate::cli::{Exit, Fault, print};
use crate::edge::clock;
use crate::pure::report::unsent::UnsentMail;
use crate::pure::ticket::{Act, Event, Input, Mail, Recorded, TicketId};
use crate::pure::words::clean_text;

/// Enters that a mail, or every one that somebody does not have, is to be sent again. One that is held back
/// goes at once where it is named; else it is told that it waits.
pub fn run(desk: &mut Desk, mail: Option<u64>, by: Option<&str>) -> Result<Exit, Fault> {
    let by = desk::who(by)?;
    let whose = whose(desk, mail);
    if whose.is_empty() {
        return match mail {
            None => Ok(print::out(&nothing(&held(desk)))),
            Some(seq) => Err(Fault::Failed(format!(
                "there is no mail {seq} that waits: `allclear mail queue` lists them"
            ))),
        };
    }
    let act = Input::Act(Act::RetryMail { mail });
    let inputs = whose.iter().map(|ticket| (*ticket, &act));
    let happened = desk.engine.step_all(clock::now(), &by, inputs)?;
    let lines: String = happened.iter().filter_map(|recorded| line(desk, recorded)).collect();
    let held = if mail.is_none() { held(desk) } else { String::new() };
    Ok(print::out(&format!("{lines}{held}`allclear serve` sends them\n")))
}

fn nothing(held: &str) -> String {
    match held {
        "" => "every mail was accepted: nothing to send again\n".to_owned(),
        held => format!("{held}nothing else waits: nothing to send again\n"),
    }
}

/// The mails that are held back, a line each.
fn held(desk: &Desk) -> String {
    let mails = queue::all(desk, clock::now());
    let line = |mail: &UnsentMail<'_>| Some(format!("mail {} is {}\n", mail.mail, queue::held(desk, mail)?));
    mails.iter().filter_map(line).collect()
}

/// The tickets with such a mail; at the end, the number 0 for mails of none: what those told goes by the
/// tickets.
fn whose(desk: &Desk, mail: Option<u64>) -> Vec<TicketId> {
    let is_meant = |known: &Mail| match mail {
        Some(seq) => known.seq == seq && known.missing().next().is_some(),
        None => known.missing().any(|to| !known.is_held(to)),
    };
    let none = desk.engine.rounds().iter().any(is_meant).then_some(TicketId::NONE);
    let tickets = desk.engine.tickets().filter(|ticket| ticket.outbox.iter().any(is_meant));
    tickets.map(|ticket| ticket.id).chain(none).collect()
}

/// What a person did, as it stands now. A mail that was told in a lost one is held until it is told again.
fn line(desk: &Desk, recorded: &Recorded) -> Option<String> {
    match &recorded.event {
        Event::MailRetried { mail, to, .. } if to.is_empty() => {
            Some(format!("mail {mail} was lost: what it told goes again by its tickets\n"))
        }
        Event::MailRetried { mail, to, .. } => {
            let known = desk.engine.mail(recorded.ticket, *mail);
            let is_held = known.is_some_and(|known| to.iter().any(|to| known.is_held(to)));
            let goes = if is_held { "is told again, in its turn," } else { "goes again" };
            Some(format!("mail {mail} {goes} to {}\n", clean_text(&to.join(", "))))
        }
        Event::MailReleased { mail, to } => {
            Some(format!("mail {mail} was held back, and goes to {} now\n", clean_text(to)))
        }
        _ => None,
    }
}
