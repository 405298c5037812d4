//! How far is a ticket from clean? The numbers that pages, mails and `ticket show` print.

use super::Listing;
use jiff::Timestamp;
use std::net::IpAddr;

/// Where a ticket stands against its playbook's clean criteria, at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Standing {
    /// One for each host of the ticket, in the same order.
    pub hosts: Vec<HostStanding>,
    /// Passes in the present row.
    pub passes: u32,
    pub passes_wanted: u32,
    /// From the first to the last pass of the present row, in seconds.
    pub span_s: u64,
    pub span_wanted_s: u64,
    /// The lowest of the blamed hosts, 0 to 1; `None` when that of any host is unknown.
    pub assurance: Option<f64>,
    pub assurance_wanted: f64,
    /// The last answer; `None` when it was never asked.
    pub listing: Option<Listing>,
    /// What is still missing for clean, each in a few words; empty when nothing is.
    pub missing: Vec<String>,
    /// The earliest instant at which it could be clean; `None` when that cannot be said.
    pub earliest: Option<Timestamp>,
    /// When the present phase's work becomes overdue; `None` when nothing is due or it is on hold.
    pub due: Option<Timestamp>,
    pub is_overdue: bool,
    /// Begin and end of the next planned `verify` run; `None` when none is planned.
    pub next_window: Option<(Timestamp, Timestamp)>,
}

/// One blamed host's part of it.
#[derive(Clone, Debug, PartialEq)]
pub struct HostStanding {
    pub host: IpAddr,
    /// Contacts over all runs.
    pub contacts: u64,
    /// Since it was last cleaned, in seconds; 0 before.
    pub exposure_s: u64,
    /// 0 to 1; `None` when too little is known of how often it calls.
    pub assurance: Option<f64>,
}
