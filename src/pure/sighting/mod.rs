//! What was seen of the watchlists, by whom, and what could be seen at all? Packets in,
//! [`Observation`] out.
//!
//! Left of it are `watchlist` (what to look for) and `packet`; right of it `verdict`. It must never
//! grow with the traffic: its memory is bounded by inside hosts and hits.

mod asked;
mod budget;
mod called;
mod coverage;
mod duplicates;
mod findings;
mod flow;
mod fragments;
mod glance;
mod hash;
mod head;
mod heads;
mod heard;
mod hearing;
mod initials;
mod inside;
mod kind;
mod leave;
mod ledger;
mod merge;
mod observation;
mod observer;
mod one_way;
mod pieces;
mod probe;
mod senders;
mod spans;
mod stamps;
mod streams;
mod tally;
mod tandem;
mod translation;
mod unattributed;
mod undecoded;
mod watch;

pub use coverage::{Coverage, FilterPlace, OneWay};
pub use duplicates::DUPLICATE_NS;
pub use findings::{FINDING_HOSTS_MAX, HITS_MAX, protocol_name};
pub use fragments::Fragments;
pub use glance::{Glance, Lookout};
pub use heard::HEARD_HOSTS_MAX;
pub use ledger::{BUCKET_SECONDS, Bucket, Ledger, Link};
pub use observation::{
    CONTACT_GAP_SECONDS, CONTACT_SPANS_MAX, ContactSpan, Handshake, Hit, HostFinding, Matched, Observation,
    PRESENCE_SECONDS, Presence,
};
pub use observer::{Left, Observer, Scope, Seen, WatchId};
pub use probe::{Probe, payload as probe_payload};
pub use stamps::{OffStamps, STAMP_ERROR_SECONDS_MAX, Stamps};
pub use tandem::{InPart, complete};
pub use undecoded::LayerCount;
pub use watch::Watch;

#[cfg(test)]
mod name_tests;
#[cfg(test)]
mod shared_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod translated_tests;
#[cfg(test)]
mod unusual_tests;
