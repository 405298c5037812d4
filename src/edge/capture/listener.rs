//! What does one source show of what the run looks for? Frames in, [`SourceFacts`] out.
//!
//! The listener behind every way of listening: it screens, observes, looks for the positive control,
//! keeps evidence and knows when it has enough. A filter that cannot be applied ends the listening;
//! it is never skipped.

use super::account::Counted;
use super::evidence::{Evidence, Kept, Origin, Pace};
use super::filter::Filter;
use super::interface::SNAP_BYTES;
use super::session::Listened;
use crate::pure::packet::Frame;
use crate::pure::plan::CapturePlan;
use crate::pure::playbook::Keep;
use crate::pure::sighting::{BUCKET_SECONDS, Left, Observer, Scope, WatchId};
use crate::pure::site::{Source, SourceKind};
use crate::pure::verdict::{Control, Ending, SourceFacts};
use crate::pure::watchlist::Index;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// Filters are compiled once for each link layer that a source shows, at most so many.
const LINK_TYPES_MAX: usize = 64;

/// Once seen, the positive control is looked for again after so long: each ten seconds of the coverage
/// ledger say whether it was there.
const CONTROL_PAUSE_NS: i64 = BUCKET_SECONDS * 1_000_000_000 / 2;

/// One source's share of a run.
pub struct Listener<'a> {
    plan: &'a CapturePlan,
    source: &'a Source,
    observer: Observer,
    watch: WatchId,
    filter: Option<Screen<'a>>,
    control: Option<Screen<'a>>,
    control_state: Control,
    /// Before this time of a packet it is not looked for again.
    next_control_ns: i64,
    evidence: Evidence,
    passed_packets: u64,
    passed_bytes: u64,
    heard_packets: u64,
}

impl<'a> Listener<'a> {
    /// A listener for `source`, one of the plan's; evidence goes below `state_dir`.
    pub fn new(
        plan: &'a CapturePlan,
        source: &'a Source,
        index: &Arc<Index>,
        state_dir: &Path,
        pace: Pace,
    ) -> Listener<'a> {
        let path = evidence_path(plan, source);
        let control = source.positive_control.as_deref();
        let (observer, watch) = Observer::alone(Arc::clone(index), &plan.inside);
        Listener {
            plan,
            source,
            observer,
            watch,
            filter: plan.filter.as_deref().map(Screen::new),
            control: control.map(Screen::new),
            control_state: if control.is_some() { Control::Missing } else { Control::NotAsked },
            next_control_ns: i64::MIN,
            evidence: Evidence::of_run(state_dir, path, origin(plan, source, pace), plan.keep),
            passed_packets: 0,
            passed_bytes: 0,
            heard_packets: 0,
        }
    }

    /// Takes one frame; breaks when a limit is reached or the filter cannot be applied.
    pub fn take(&mut self, frame: &Frame<'_>) -> ControlFlow<Ending> {
        self.heard_packets += 1;
        self.look_for_control(frame);
        let is_passed = match self.filter.as_mut().map_or(Ok(true), |filter| filter.passes(frame)) {
            Ok(is_passed) => is_passed,
            Err(why) => {
                return ControlFlow::Break(Ending::SourceGone(format!(
                    "the filter cannot be applied: {why}"
                )));
            }
        };
        let scope = if is_passed { Scope::Matched } else { Scope::CoverageOnly };
        let seen = self.observer.see(frame, |_| scope);
        if is_passed {
            self.keep(frame, seen.is_sighting);
            self.count(frame)
        } else {
            ControlFlow::Continue(())
        }
    }

    /// What came of it, and what went wrong with the evidence, if anything did.
    pub fn finish(mut self, listened: Listened) -> (SourceFacts, Vec<String>) {
        let Listened { watched, ending, lost_packets, incomplete_files } = listened;
        let counted = Counted {
            heard_packets: self.heard_packets,
            passed_packets: self.passed_packets,
            lost_packets,
            watched: watched.hull(),
        };
        let wanted: Vec<_> = self.plan.blamed.iter().map(|blamed| (blamed.host, blamed.mac)).collect();
        let left = self.observer.leave(self.watch, &wanted).expect("it joined, and leaves once");
        let Left { mut observation, presences, ledger, has_routed_ipv6 } = left;
        let mut troubles: Vec<String> = self.ipv6_trouble(has_routed_ipv6).into_iter().collect();
        observation.coverage.lost_packets = lost_packets;
        observation.coverage.incomplete_files = incomplete_files;
        let Kept { file: evidence, gaps: evidence_gaps } = self.evidence.finish(&counted);
        troubles.extend(evidence_gaps.iter().cloned());
        let facts = SourceFacts {
            name: self.source.name.clone(),
            watched: watched.within(self.plan.window),
            ending,
            observation,
            control: self.control_state,
            presences,
            ledger: ledger.within(self.plan.window),
            evidence,
            evidence_gaps,
        };
        (facts, troubles)
    }

    /// Hosts that call over IPv6 cannot be blamed where `inside` names no IPv6 network.
    fn ipv6_trouble(&self, has_routed_ipv6: bool) -> Option<String> {
        let has_network = self.plan.inside.iter().any(|network| network.network().is_ipv6());
        (has_routed_ipv6 && !has_network).then(|| {
            format!(
                "source {} hears IPv6, and `inside` names no IPv6 network: add it, else nobody is blamed for \
                 what is called over IPv6",
                self.source.name
            )
        })
    }

    fn look_for_control(&mut self, frame: &Frame<'_>) {
        let Some(control) = self.control.as_mut().filter(|_| frame.time_ns >= self.next_control_ns) else {
            return;
        };
        match control.passes(frame) {
            Ok(true) => self.control_state = Control::Seen,
            Ok(false) => return,
            Err(why) => {
                self.control_state = Control::NotApplied(why);
                self.control = None;
                return;
            }
        }
        self.observer.control_seen(frame.time_ns);
        self.next_control_ns = frame.time_ns.saturating_add(CONTROL_PAUSE_NS);
    }

    fn keep(&mut self, frame: &Frame<'_>, is_sighting: bool) {
        match self.plan.keep {
            Keep::Hits | Keep::All if is_sighting => {
                let matches = self.observer.sighted().flat_map(|(_, watch)| watch.last_matches());
                self.evidence.keep_hit(frame, matches);
            }
            Keep::All => self.evidence.keep_other(frame),
            Keep::Hits | Keep::Nothing => {}
        }
    }

    fn count(&mut self, frame: &Frame<'_>) -> ControlFlow<Ending> {
        self.passed_packets += 1;
        self.passed_bytes += u64::from(frame.wire_length);
        match (self.plan.packets_max, self.plan.bytes_max) {
            (Some(most), _) if self.passed_packets >= most => ControlFlow::Break(Ending::PacketLimit(most)),
            (_, Some(most)) if self.passed_bytes >= most => ControlFlow::Break(Ending::ByteLimit(most)),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// `evidence/7/41-hits.pcapng`, or `-all` where all is kept, with the source's name where a run has
/// several.
fn evidence_path(plan: &CapturePlan, source: &Source) -> String {
    let stem = &plan.evidence_stem;
    let what = if plan.keep == Keep::All { "all" } else { "hits" };
    if plan.sources.len() == 1 {
        return format!("{stem}-{what}.pcapng");
    }
    let name: String =
        source.name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    format!("{stem}-{name}-{what}.pcapng")
}

fn origin(plan: &CapturePlan, source: &Source, pace: Pace) -> Origin {
    let (interface, snap_bytes) = match &source.kind {
        SourceKind::Interface(name) if pace == Pace::Live => (name, SNAP_BYTES.unsigned_abs()),
        _ => (&source.name, 0),
    };
    Origin {
        source: source.name.clone(),
        interface: interface.clone(),
        snap_bytes,
        filter: plan.filter.clone(),
        pace,
    }
}

/// A filter's text and its programs for the link layers seen so far.
struct Screen<'a> {
    text: &'a str,
    compiled: Vec<Filter>,
}

impl<'a> Screen<'a> {
    fn new(text: &'a str) -> Screen<'a> {
        Screen { text, compiled: Vec::new() }
    }

    fn passes(&mut self, frame: &Frame<'_>) -> Result<bool, String> {
        let known = self.compiled.iter().position(|filter| filter.link_type() == frame.link_type);
        let place = match known {
            Some(place) => place,
            None if self.compiled.len() == LINK_TYPES_MAX => {
                return Err(format!("the source shows more than {LINK_TYPES_MAX} link types"));
            }
            None => {
                self.compiled.push(Filter::compile(self.text, frame.link_type)?);
                self.compiled.len() - 1
            }
        };
        Ok(self.compiled[place].matches(frame.bytes))
    }
}
