//! What is the state of a ticket, what happens next, and why? The whole life of a ticket as a fold
//! over its events.
//!
//! Left of it are `intake` and `verdict`, right of it `plan` and `report`. Phases change here and
//! nowhere else. It must never let a person set `clean`.

mod acts;
mod basis;
mod called;
pub mod chain;
mod consequences;
pub mod course;
mod deadline;
mod decide;
mod due;
mod event;
mod exposure;
mod fold;
mod history;
pub mod hosts;
mod id;
mod in_force;
mod input;
pub mod judged;
mod lapsed;
mod listings;
mod mails;
mod occurrences;
pub mod outbox;
mod phase;
mod rise;
mod round;
mod run;
pub mod said;
mod standing;
mod state;

pub use basis::{Basis, Rule, basis};
pub use called::{Called, is_called, remembered};
pub use consequences::{announce, follow};
pub use course::ON_TIME;
pub use deadline::due as due_date;
pub use decide::{abandoned, decide, ended_before, no_turn};
pub use due::{Effect, due};
pub use fold::IllegalEvent;
pub use history::{KnownBy, PastTicket, histories, related};
pub use hosts::{Blame, Host, HostState};
pub use id::{RunId, TicketId};
pub use in_force::{InForce, Rhythm, Schedules};
pub use input::{ALLCLEAR, Absence, Act, Context, Input, Never, NoTurn, Refusal};
pub use judged::blamed;
pub use lapsed::{Lapsed, LapsedRecord, STEPS_MAX, Step};
pub use listings::{NewlyListed, gap as listing_gap};
pub use mails::{drafted, mail_failed, retry_as_it_is, retry_one, withdraw_denial};
pub use occurrences::{ledger, next_due, settle};
pub use outbox::{Mail, Trouble, Undelivered};
pub use phase::Phase;
pub use rise::{RISE_STEPS_MAX, Rise, RiseStep, rise};
pub use round::{Digest, DigestPlan, FoldedMail, Lines, Now, Round, Row, Section};
pub use run::Run;
pub use said::person;
pub use standing::{HostStanding, Standing, stand, stand_now};
pub use state::{Hold, Risk, SignOff, Ticket, Told};

pub use crate::pure::listing::Listing;
pub use event::{
    DetectionEvent, DetectionId, Event, HeldBack, HoldReason, HostExposure, ListingAnswer, OccurrenceRecord,
    Recorded, RunEnd, RunStart,
};
