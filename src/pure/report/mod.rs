//! What do people and programs get to read of a ticket? Ticket in, plain data out.
//!
//! Left of it is `ticket`; right of it are the templates, the pages and the mails. All sentences,
//! numbers and times become display strings here, so that a template has nothing to compute. It
//! must never decide anything about the ticket.

mod folded;
mod json;
mod letter;
mod parts;
mod pictures;
mod timeline;
mod view;

pub use crate::pure::words;
pub use folded::{FoldedRow, FoldedView};
pub use json::{RunJson, SoonerJson, TicketJson, sooner};
pub use letter::{Letter, event_word, file_name};
pub use parts::{CheckView, CleanView, EvidenceView, HostView, NightView, ReportView};
pub use pictures::{DrawingView, PicturesView};
pub use timeline::{EventView, kind};
pub use view::{Material, TicketView};
