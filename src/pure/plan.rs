//! What does a run capture and look for? Playbook, site, ticket and window in, [`CapturePlan`] out.

use crate::pure::interval::Interval;
use crate::pure::playbook::Keep;
use crate::pure::site::Source;
use crate::pure::verdict::BlamedHost;
use crate::pure::watchlist::Watchlist;
use ipnet::IpNet;

/// One run's order to the capture edge.
#[derive(Clone, Debug, PartialEq)]
pub struct CapturePlan {
    pub window: Interval,
    /// All of them are captured at once.
    pub sources: Vec<Source>,
    /// pcap-filter(7), as the person typed it.
    pub filter: Option<String>,
    pub packets_max: Option<u64>,
    pub bytes_max: Option<u64>,
    pub keep: Keep,
    /// Those that the stage names, `reported` among them; files are not read yet.
    pub watchlists: Vec<Watchlist>,
    pub inside: Vec<IpNet>,
    pub public: Vec<IpNet>,
    /// Hosts whose presence must be known.
    pub blamed: Vec<BlamedHost>,
    /// Where evidence goes, relative to the state directory and without its ending:
    /// `evidence/7/41`; `-hits.pcapng` is added, and the source's name when there are several.
    pub evidence_stem: String,
}
