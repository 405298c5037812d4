//! What does one source show of what the run looks for? Frames in, [`SourceFacts`] out.
//!
//! What is one run's own in an `audience`: it filters, keeps evidence, knows when it has enough, and
//! puts together what came of it. It never waits for a disk or a network while frames come.

use super::account::Counted;
use super::evidence::{Evidence, Kept, Origin, Pace};
use super::probes::word;
use super::screen::Screen;
use super::tap::SNAP_BYTES;
use crate::pure::packet::{Frame, Mac};
use crate::pure::plan::CapturePlan;
use crate::pure::playbook::Keep;
use crate::pure::sighting::{Left, Probe, Scope, Watch};
use crate::pure::site::{Source, SourceKind};
use crate::pure::verdict::{Asked, BlamedHost, Control, Ending, Listened, ProbeFacts, SourceFacts};
use crate::pure::watchlist::Index;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

/// One source's share of a run.
pub struct Listener {
    plan: Arc<CapturePlan>,
    source: Source,
    index: Index,
    filter: Option<Screen>,
    /// What the frame at hand counts for; only of those that are asked for each frame.
    scope: Scope,
    control: Control,
    pace: Pace,
    probes_seen: u64,
    evidence: Evidence,
    passed_packets: u64,
    passed_bytes: u64,
}

impl Listener {
    /// A listener for `source`, one of the plan's; evidence goes below `state_dir`.
    pub fn new(
        plan: &Arc<CapturePlan>,
        source: &Source,
        index: &Index,
        state_dir: &Path,
        pace: Pace,
    ) -> Listener {
        let ending = if plan.keep == Keep::All { "all.pcapng" } else { "hits.pcapng" };
        let path = path_of(plan, source, ending);
        Listener {
            plan: Arc::clone(plan),
            source: source.clone(),
            index: index.clone(),
            filter: plan.filter.as_deref().map(|text| Screen::new(text).with_translators(&plan.nat64)),
            scope: Scope::Matched,
            control: if source.positive_control.is_some() { Control::Missing } else { Control::NotAsked },
            pace,
            probes_seen: 0,
            evidence: Evidence::of_run(state_dir, path, origin(plan, source, pace), plan.keep),
            passed_packets: 0,
            passed_bytes: 0,
        }
    }

    /// What it looks for.
    pub(super) fn watch(&self) -> Watch {
        let CapturePlan { inside, resolvers, nat64, .. } = &*self.plan;
        Watch::new(self.index.clone(), inside).with_resolvers(resolvers).with_translators(nat64)
    }

    /// The source that it listens to.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// Its filter, as the person typed it.
    pub(super) fn filter_text(&self) -> Option<&str> {
        self.plan.filter.as_deref()
    }

    /// Whether what its filter means shows in every frame that another program filters by it: addresses that a
    /// translator made are told apart only here.
    pub(super) fn is_filtered_by_others(&self) -> bool {
        self.plan.nat64.is_empty()
    }

    /// Hosts whose presence must be known.
    pub(super) fn blamed(&self) -> &[BlamedHost] {
        &self.plan.blamed
    }

    /// The same, as the observer asks for them.
    pub(super) fn wanted(&self) -> Vec<(IpAddr, Option<Mac>)> {
        self.plan.blamed.iter().map(|blamed| (blamed.host, blamed.mac)).collect()
    }

    /// Whether it must be asked about each frame: it counts them, or keeps them all.
    pub(super) fn is_eager(&self) -> bool {
        self.plan.keep == Keep::All || self.plan.packets_max.is_some() || self.plan.bytes_max.is_some()
    }

    /// Makes its filter ready for frames of this link layer.
    ///
    /// # Errors
    /// Why the filter cannot be applied to them.
    pub(super) fn prepare(&mut self, link_type: u16) -> Result<(), String> {
        self.filter.as_mut().map_or(Ok(()), |filter| filter.prepare(link_type))
    }

    /// Filters the frame at hand, for one that is asked about each.
    pub(super) fn screen(&mut self, frame: &Frame<'_>) {
        self.scope = filtered(&mut self.filter, frame);
    }

    /// What the frame counts for, by its filter.
    pub(super) fn scope(&mut self, frame: &Frame<'_>) -> Scope {
        if self.is_eager() { self.scope } else { filtered(&mut self.filter, frame) }
    }

    /// The probe that it waits for. A recorder may show those of an earlier process, too.
    pub(super) fn probe(&self) -> Option<Probe> {
        let word = (self.pace == Pace::Live).then(|| word().to_owned());
        self.source.probe.as_ref().map(|probe| Probe::new(probe.to, word))
    }

    /// Notes that a probe was seen.
    pub(super) fn note_probe(&mut self) {
        self.probes_seen += 1;
    }

    /// Notes what was found of the positive control.
    pub(super) fn note_control(&mut self, state: &Control) {
        self.control.clone_from(state);
    }

    /// Keeps a frame that `watch`, its own, found to be a sighting.
    pub(super) fn keep_hit(&mut self, frame: &Frame<'_>, watch: &Watch) {
        if self.plan.keep != Keep::Nothing {
            self.evidence.keep_hit(frame, watch.last_matches());
        }
    }

    /// Counts the frame at hand, for one that is asked about each, and keeps it if all are kept; tells
    /// why it has enough, if it has.
    pub(super) fn count(&mut self, frame: &Frame<'_>, is_sighting: bool) -> Option<Ending> {
        if self.scope != Scope::Matched {
            return None;
        }
        if self.plan.keep == Keep::All && !is_sighting {
            self.evidence.keep_other(frame);
        }
        self.passed_packets += 1;
        self.passed_bytes += u64::from(frame.wire_length);
        match (self.plan.packets_max, self.plan.bytes_max) {
            (Some(most), _) if self.passed_packets >= most => Some(Ending::PacketLimit(most)),
            (_, Some(most)) if self.passed_bytes >= most => Some(Ending::ByteLimit(most)),
            _ => None,
        }
    }

    /// What came of it, and what went wrong with the evidence, if anything did.
    pub fn finish(self, left: Left, listened: Listened) -> (SourceFacts, Vec<String>) {
        let window = self.plan.window;
        let has_routed_ipv6 = left.has_routed_ipv6;
        let left = Left { ledger: left.ledger.within(window), ..left };
        let listened = Listened { watched: listened.watched.within(window), ..listened };
        let mut facts = SourceFacts::of(&self.source.name, left, listened, &self.asked());
        let notes = facts.observation.coverage.notes.iter();
        let mut troubles: Vec<String> =
            notes.map(|note| format!("source {}: {note}", self.source.name)).collect();
        troubles.extend(self.plan.trouble_with_ipv6(&self.source.name, has_routed_ipv6));
        facts.probe = self.probe_facts();
        let passed_packets = self.passed_packets(facts.observation.coverage.heard_packets);
        facts.control = self.control;
        let Kept { file, gaps } = self.evidence.finish(&Counted::of(&facts, passed_packets));
        troubles.extend(gaps.iter().cloned());
        (facts.evidence, facts.evidence_gaps) = (file, gaps);
        (facts, troubles)
    }

    /// What it asked of its source.
    fn asked(&self) -> Asked<'_> {
        Asked {
            has_filter: self.plan.filter.is_some(),
            has_domains: self.index.has_domains(),
            blamed: &self.plan.blamed,
        }
    }

    fn probe_facts(&self) -> Option<ProbeFacts> {
        let Some(probe) = &self.source.probe else { return None };
        Some(ProbeFacts {
            to: probe.to,
            every: probe.every,
            seen: self.probes_seen,
            sent: None,
            failure: None,
        })
    }

    /// How many packets passed its filter; `None` when it was not asked about each.
    fn passed_packets(&self, heard_packets: u64) -> Option<u64> {
        if self.is_eager() {
            return Some(self.passed_packets);
        }
        self.plan.filter.is_none().then_some(heard_packets)
    }
}

/// What a frame counts for. That the filter can be applied was found out when its link layer was met.
fn filtered(filter: &mut Option<Screen>, frame: &Frame<'_>) -> Scope {
    filter.as_mut().map_or(Scope::Matched, |filter| filter.scope(frame).unwrap_or(Scope::Matched))
}

/// `evidence/7/41-hits.pcapng` for the ending `hits.pcapng`, with the source's name where a run has
/// several. Where all is kept, the ending is `all.pcapng`.
pub(super) fn path_of(plan: &CapturePlan, source: &Source, ending: &str) -> String {
    let stem = &plan.evidence_stem;
    if plan.sources.len() == 1 {
        return format!("{stem}-{ending}");
    }
    let name: String =
        source.name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    format!("{stem}-{name}-{ending}")
}

fn origin(plan: &CapturePlan, source: &Source, pace: Pace) -> Origin {
    let (interface, snap_bytes) = match &source.kind {
        SourceKind::Interface(name) if pace == Pace::Live => (name, SNAP_BYTES.unsigned_abs()),
        SourceKind::Interface(_) | SourceKind::Command(_) | SourceKind::Files(_) => (&source.name, 0),
    };
    Origin {
        source: source.name.clone(),
        interface: interface.clone(),
        snap_bytes,
        filter: plan.filter.clone(),
        pace,
    }
}
