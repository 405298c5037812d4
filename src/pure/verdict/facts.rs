//! What may the judge look at? What was planned, and what each source showed.
//!
//! Whoever listened fills it in (`listened`); `gaps` and `judge` read it. Part of it goes on record.

use crate::pure::interval::{Interval, Intervals};
use crate::pure::packet::Mac;
use crate::pure::sighting::{Ledger, Observation, Presence};
use crate::pure::watchlist::ListFault;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Everything the judge may look at: what was planned and what each source showed.
#[derive(Clone, Debug, PartialEq)]
pub struct CaptureFacts {
    /// The planned window; for a scan of files, from their first to their last packet.
    pub planned: Interval,
    /// One for each source of the site, at least one; the run is blind when any of them is.
    pub sources: Vec<SourceFacts>,
    pub watchlists: WatchlistFacts,
    /// The blamed hosts that must have said something; empty when the playbook does not ask.
    pub blamed: Vec<BlamedHost>,
    /// `None` when the stage asks for no listing.
    pub listing: Option<ListingFacts>,
    pub clock: SystemClock,
}

/// What is known of the clock of this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemClock {
    Synchronised,
    /// A time daemon kept it, and lost it.
    Unsynchronised,
    /// It was set back in the window.
    SetBack,
    /// It does not tell, or does not matter.
    Unknown,
}

/// What one source showed in the window.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceFacts {
    pub name: String,
    /// When it was really watched; what lies outside the planned window counts for nothing.
    pub watched: Intervals,
    pub ending: Ending,
    pub observation: Observation,
    pub control: Control,
    /// `None` where the site file names no probe.
    pub probe: Option<ProbeFacts>,
    /// Every inside host of interest that sent something: those with findings and those blamed (by
    /// address or by MAC address).
    pub presences: Vec<Presence>,
    /// What it could see, ten seconds for ten seconds; empty of a source that keeps no ledger.
    pub ledger: Ledger,
    /// The file that keeps it; `None` where none is kept.
    pub ledger_file: Option<EvidenceFile>,
    /// The file of the hit packets; `None` when there was none to keep.
    pub evidence: Option<EvidenceFile>,
    /// What the evidence lacks and why, each in a sentence. It changes no verdict.
    pub evidence_gaps: Vec<String>,
}

/// Why a capture ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its time was up (or the files were read to their end).
    TimeUp,
    /// Its packet limit was reached before its time.
    PacketLimit(u64),
    /// Its byte limit was reached before its time.
    ByteLimit(u64),
    /// Somebody stopped it (signal).
    Stopped,
    /// The interface vanished, the command exited, the file was damaged: what happened, in words.
    SourceGone(String),
    /// No recorded file covers any of the window.
    NothingRecorded,
}

/// The positive control: traffic that must always be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    NotAsked,
    Seen,
    Missing,
    /// It could not be looked for, and why; counts as missing.
    NotApplied(String),
}

/// What a source's positive control and probe showed, as it goes on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlRecord {
    pub source: String,
    /// Whether the positive control was seen; `None` where the site file names none.
    pub control: Option<bool>,
    /// `None` where the site file names no probe.
    pub probes_seen: Option<u64>,
    /// `None` where nobody here sent any.
    pub probes_sent: Option<u64>,
}

impl ControlRecord {
    /// What one source showed; `None` where it has neither.
    pub fn of(source: &SourceFacts) -> Option<ControlRecord> {
        let control = match source.control {
            Control::NotAsked => None,
            Control::Seen => Some(true),
            Control::Missing | Control::NotApplied(_) => Some(false),
        };
        let probes_seen = source.probe.as_ref().map(|probe| probe.seen);
        let probes_sent = source.probe.as_ref().and_then(|probe| probe.sent);
        let record = ControlRecord { source: source.name.clone(), control, probes_seen, probes_sent };
        (control.is_some() || probes_seen.is_some()).then_some(record)
    }
}

/// The probe: a datagram of our own that the source has to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeFacts {
    pub to: SocketAddr,
    pub every: Duration,
    pub seen: u64,
    /// `None` where nobody here sent any: recordings of another time.
    pub sent: Option<u64>,
    /// Why one could not be sent, in the system's words.
    pub failure: Option<String>,
}

/// What became of the watchlists that a stage names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchlistFacts {
    /// Entries over all lists.
    pub entries: u64,
    /// Lists with a file that hold nothing or could not be read, each with the reason.
    pub empty: Vec<ListFault>,
    /// Lists of whose file too much could not be applied, each with how much.
    pub incomplete: Vec<ListFault>,
    /// Lists that take out a blamed host which only they could show calling.
    pub excepted: Vec<Excepted>,
    /// Lists with entries that no packet could show which passes the filter, each with how many.
    pub shut_out: Vec<ListFault>,
    /// Lists whose file is older than allowed, each with how old it is, in words that go on from its name.
    pub stale: Vec<ListFault>,
}

/// A watchlist that takes out a blamed host by `except`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excepted {
    /// Its name in the playbook.
    pub list: String,
    pub host: IpAddr,
}

/// A blamed host, as the judge needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlamedHost {
    pub host: IpAddr,
    /// Known from the evidence: the address alone is a lease, not a machine.
    pub mac: Option<Mac>,
}

/// The answer of the DNSBL in this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListingFacts {
    /// Whether the answer is a plain listed or not listed.
    pub is_known: bool,
    /// Why not, in words, when it is not.
    pub why: String,
}

/// A file with packets that prove something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceFile {
    /// Relative to the state directory.
    pub path: String,
    /// Of the whole file, hexadecimal.
    pub sha256: String,
    pub bytes: u64,
    pub packets: u64,
}
