//! What do people and programs get to read of a ticket? Ticket in, plain data out.
//!
//! Left of it is `ticket`; right of it are the templates, the pages and the mails. All sentences,
//! numbers and times become display strings here, so that a template has nothing to compute. It
//! must never decide anything about the ticket.

mod answers;
mod corrections;
mod decided;
mod doubt;
mod fit;
mod folded;
mod json;
mod lack;
mod late;
mod letter;
mod machines;
mod nights;
mod parts;
mod pictures;
mod reasoning;
mod record;
mod record_json;
mod timeline;
pub mod unsent;
mod view;
mod watch;

pub use answers::{AnswerView, DecisionView, FileView, Looked, MailView};
pub use doubt::DoubtView;
pub use fit::fitted;
pub use folded::{FoldedRow, FoldedView, has_gone_on, in_short};
pub use json::{RunJson, SoonerJson, TicketJson, sooner};
pub use lack::LackView;
pub use late::{as_of, is_late, overtaken};
pub use letter::{Letter, file_name};
pub use machines::{machine_label, to_work_on};
pub use nights::NightRecord;
pub use parts::{CheckView, CleanView, EvidenceView, HostView, NightView, ReportView, label};
pub use pictures::{DrawingView, PicturesView};
pub use reasoning::CriterionView;
pub use record::RecordView;
pub use record_json::report;
pub use timeline::{EventView, kind};
pub use view::{Material, TicketView, all_true};
