//! How is an effect carried out? An effect in, and what came of it as an input out.
//!
//! The only edge that uses the other ones. It decides nothing: what failed goes back as an input
//! like any other.

use crate::edge::capture::{self, Recordings, Stop};
use crate::edge::mailer::{Delivery, Mailer};
use crate::edge::template::Templates;
use crate::engine::{Engine, EngineError};
use crate::pure::plan::{self, CapturePlan};
use crate::pure::report::letter;
use crate::pure::ticket::{
    Effect, Input, Listing, ListingAnswer, Recorded, RunId, Ticket, TicketId, standing,
};
use crate::pure::verdict::ListingFacts;
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
