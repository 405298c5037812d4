//! What does the assurance of a host rest on? The numbers that it was computed from, for people who want to
//! compute it again.
//!
//! Used by `report`. It must never tell other numbers than those that `standing` reckons with.

use super::exposure::{cleaned, exposure_since, past};
use super::{Host, Ticket};
use crate::pure::earliest::HostProgress;
use std::time::Duration;

/// What was learned of a host, and how long it has been silent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Basis {
    /// Gaps between contacts before the cleaning, out of runs that could be trusted to see them.
    pub gaps: u64,
    /// Exposure between the first and the last of those contacts, in seconds.
    pub before_s: f64,
    /// Exposure since the cleaning, in seconds.
    pub since_s: f64,
    pub rule: Rule,
}

/// By which rule silence becomes assurance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// From the host's own gaps.
    Learned,
    /// From the interval that the playbook states.
    Stated(Duration),
    /// By none: nothing tells how often it calls.
    Unknown,
}

/// Of one host of the ticket; `contact_interval` is the playbook's.
pub fn basis(ticket: &Ticket, host: &Host, contact_interval: Option<Duration>) -> Basis {
    let (past, since) = (past(ticket, host), exposure_since(ticket, host));
    let progress = HostProgress::of(&past, cleaned(host), &since, contact_interval);
    let rule = match (progress.callers, contact_interval) {
        (Some(callers), _) if callers.is_learned() => Rule::Learned,
        (Some(_), Some(interval)) => Rule::Stated(interval),
        _ => Rule::Unknown,
    };
    Basis { gaps: past.gaps, before_s: past.exposed_s, since_s: since.seconds(), rule }
}
