//! How does a person have mails sent again? An act like any other, on record with a name.

use crate::cli::desk::{self, Desk};
use crate::cli::{Exit, Fault, print};
use crate::edge::clock;
use crate::pure::report::words::clean_text;
use crate::pure::ticket::{Act, Event, Input, Mail, Recorded, TicketId};

/// Enters that a mail, or every one that somebody does not have, is to be sent again.
pub fn run(desk: &mut Desk, mail: Option<u64>, by: Option<&str>) -> Result<Exit, Fault> {
    let by = desk::who(by)?;
    let whose = whose(desk, mail);
    if whose.is_empty() {
        return match mail {
            None => Ok(print::out("every mail was accepted: nothing to send again\n")),
            Some(seq) => Err(Fault::Failed(format!(
                "there is no mail {seq} that waits: `allclear mail queue` lists them"
            ))),
        };
    }
    let act = Input::Act(Act::RetryMail { mail });
    let inputs = whose.iter().map(|ticket| (*ticket, &act));
    let happened = desk.engine.step_all(clock::now(), &by, inputs)?;
    let lines: String = happened.iter().filter_map(line).collect();
    Ok(print::out(&format!("{lines}`allclear serve` sends them\n")))
}

/// The tickets with such a mail; at the end, the number 0 for mails of none: what those told goes by the
/// tickets.
fn whose(desk: &Desk, mail: Option<u64>) -> Vec<TicketId> {
    let is_meant = |known: &Mail| mail.is_none_or(|seq| known.seq == seq) && known.missing().next().is_some();
    let none = desk.engine.rounds().iter().any(is_meant).then_some(TicketId::NONE);
    let tickets = desk.engine.tickets().filter(|ticket| ticket.outbox.iter().any(is_meant));
    tickets.map(|ticket| ticket.id).chain(none).collect()
}

fn line(recorded: &Recorded) -> Option<String> {
    let Event::MailRetried { mail, to } = &recorded.event else { return None };
    if to.is_empty() {
        return Some(format!("mail {mail} was lost: what it told goes again by its tickets\n"));
    }
    Some(format!("mail {mail} goes again to {}\n", clean_text(&to.join(", "))))
}
