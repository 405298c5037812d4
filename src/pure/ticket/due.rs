//! What remains to be done in the world? Derived from the folded ticket, never remembered
//! elsewhere, so that a restart derives it again.

use super::{RunId, Ticket, TicketId, outbox};
use jiff::Timestamp;

/// Something to be done at the edges. It happens at least once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Carry out a run that has begun.
    Capture { ticket: TicketId, run: RunId },
    /// Hand a mail to the server of one recipient.
    SendMail { ticket: TicketId, mail: u64, to: String },
}

/// What is to be done for the ticket now.
pub fn due(ticket: &Ticket, now: Timestamp) -> Vec<Effect> {
    let captures = ticket.open_runs().map(|run| Effect::Capture { ticket: ticket.id, run: run.id });
    captures.chain(outbox::due(ticket.id, &ticket.outbox, now)).collect()
}
