//! Why is a step not taken? What the engine says of the log, the ticket, and the files people wrote.

use crate::edge::store::StoreError;
use crate::pure::ticket::{DetectionId, IllegalEvent, Refusal, TicketId};

/// Why a step was not taken.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Illegal(#[from] IllegalEvent),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("there is no ticket {0}: `allclear ticket list` shows them")]
    NoTicket(TicketId),
    #[error("ticket {ticket} is worked by playbook '{playbook}', which is gone: put its file back")]
    NoPlaybook { ticket: TicketId, playbook: String },
    #[error("ticket {ticket} is of site '{site}', which the site file does not name: put it back")]
    NoSite { ticket: TicketId, site: String },
    #[error(
        "there is no {0}: name a site, and a playbook that has a `detect` stage (`allclear check` shows them)"
    )]
    NoDetection(DetectionId),
}
