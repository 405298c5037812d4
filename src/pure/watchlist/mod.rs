//! What do we look for? Entries, the files they come from, and the compiled index in which a
//! packet is looked up.
//!
//! Right of it is `sighting`. It must never drop an entry silently: what cannot be used is
//! rejected with its line and the reason.

mod addresses;
mod blocks;
mod bloom;
mod compile;
mod directory;
mod domain;
mod entry;
mod file;
mod gate;
mod index;
mod json;
mod lines;
mod names;
mod networks;
mod part;
mod ports;
mod quick;
mod record;
mod refused;
mod sought;
mod spelling;
mod stix;
mod suricata;
mod table;
mod tag;
mod warning;

pub use domain::normalise as normalise_domain;
pub use entry::EntryFault;
pub use file::{FILE_BYTES_MAX, FileRead, Format, REJECTED_SHOWN_MAX, Rejected, read as read_file};
pub use gate::Gate;
pub use index::{CompiledList, Counts, End, EntryId, Index, Match, MatchKind};
pub use json::Feed;
pub use part::Part;
pub use sought::{Found, Sought};
pub use table::Table;
pub use warning::{ODD_SHOWN_MAX, Odd, warnings};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// One named list of a playbook, or of the command line.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watchlist {
    pub name: String,
    /// What its keys (or flags) say directly.
    pub entries: Vec<Entry>,
    /// Ports that narrow the addresses and networks of the list; on their own, ports anywhere
    /// outside the site.
    pub ports: Vec<PortRange>,
    /// A file with more entries, absolute or relative to the working directory.
    pub file: Option<PathBuf>,
    /// Older than this, the file is `watchlist_stale`.
    pub age_max: Option<Duration>,
    /// A packet with one of these at either end is never a hit.
    pub except: Vec<IpNet>,
    pub require: Require,
}

impl Watchlist {
    /// Whether its keys name nothing at all, and no file either.
    pub fn is_bare(&self) -> bool {
        self.entries.is_empty() && self.ports.is_empty() && self.file.is_none()
    }
}

/// What keeps a watchlist, or a part of it, from being looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListFault {
    /// Its name in the playbook; of a scan, its file's.
    pub list: String,
    /// The fault, in words.
    pub what: String,
}

/// Which hosts count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Require {
    /// A host that contacted one entry.
    #[default]
    Any,
    /// Only a host that contacted every entry in the run ("in tandem").
    All,
}

/// One indicator, with the spelling of the person or feed that wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    pub text: String,
    pub target: Target,
    /// An entry's own ports, as in `216.66.15.109:80` or `tcp/25`.
    pub ports: Option<PortRange>,
}

/// What an entry names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    Address(IpAddr),
    Network(IpNet),
    /// Lower case, without a final dot, as A-labels; it and every name below it match.
    Domain(String),
    /// Any address outside the site (a list of ports only).
    Anywhere,
}

/// A protocol and a range of its ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortRange {
    /// `None`: TCP and UDP both.
    pub protocol: Option<Transport>,
    pub first: u16,
    pub last: u16,
}

/// A protocol with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    Tcp,
    Udp,
}

#[cfg(test)]
mod feed_tests;
#[cfg(test)]
mod naive_tests;
