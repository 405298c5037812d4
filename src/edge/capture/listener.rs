//! What does one source show of what the run looks for? Frames in, [`SourceFacts`] out.
//!
//! The listener behind every way of listening: it screens, observes, looks for the positive control,
//! keeps evidence and knows when it has enough. A filter that cannot be applied ends the listening;
//! it is never skipped.

use super::evidence::{Evidence, Worth};
use super::screen::{self, Screen};
use super::session::{Listened, Look, Moment};
use crate::pure::packet::Frame;
use crate::pure::plan::CapturePlan;
use crate::pure::playbook::Keep;
use crate::pure::sighting::{BUCKET_SECONDS, FilterPlace, Left, Observer, Scope, WatchId};
use crate::pure::site::Source;
use crate::pure::verdict::{Control, Ending, SourceFacts};
use crate::pure::watchlist::Index;
use std::ops::ControlFlow;
use std::path::Path;

/// Once seen, the positive control is looked for again after so long: each ten seconds of the coverage
/// ledger say whether it was there.
const CONTROL_PAUSE_NS: i64 = BUCKET_SECONDS * 1_000_000_000 / 2;

/// One source's share of a run.
pub struct Listener<'a> {
    plan: &'a CapturePlan,
    source: &'a Source,
    observer: Observer,
    watch: WatchId,
    filter: Option<Screen>,
    control: Option<Screen>,
    control_state: Control,
    /// Before this time of a packet it is not looked for again.
    next_control_ns: i64,
    evidence: Evidence,
    passed_packets: u64,
    passed_bytes: u64,
    heard_packets: u64,
    kernel_filter: Option<String>,
}

impl<'a> Listener<'a> {
    /// A listener for `source`, one of the plan's; evidence goes below `state_dir`.
    pub fn new(plan: &'a CapturePlan, source: &'a Source, index: &Index, state_dir: &Path) -> Listener<'a> {
        let control = source.positive_control.as_deref();
        let (observer, watch) = Observer::alone(index.clone(), &plan.inside);
        Listener {
            plan,
            source,
            observer,
            watch,
            filter: plan.filter.as_deref().map(Screen::new),
            control: control.map(Screen::new),
            control_state: if control.is_some() { Control::Missing } else { Control::NotAsked },
            next_control_ns: i64::MIN,
            evidence: Evidence::new(state_dir, path_of(plan, source, "hits.pcapng"), &source.name),
            passed_packets: 0,
            passed_bytes: 0,
            heard_packets: 0,
            kernel_filter: plan
                .filter
                .as_deref()
                .and_then(|text| screen::kernel_filter(text, &plan.blamed, source)),
        }
    }

    /// Takes what a live source tells.
    pub fn hear(&mut self, moment: Moment<'_, '_>) -> ControlFlow<Ending> {
        match moment {
            Moment::Frame(frame) => self.take(frame),
            Moment::Look(look) => {
                self.look(look);
                ControlFlow::Continue(())
            }
        }
    }

    fn look(&mut self, look: &mut Look) {
        let at_ns = i64::try_from(look.at.as_nanosecond()).unwrap_or(i64::MAX);
        self.observer.look(at_ns, look.is_well, look.lost_packets);
        look.kernel_filter.clone_from(&self.kernel_filter);
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
        let Listened { watched, ending, lost_packets, incomplete_files, notes, is_filtered } = listened;
        let wanted: Vec<_> = self.plan.blamed.iter().map(|blamed| (blamed.host, blamed.mac)).collect();
        let watched = watched.within(self.plan.window);
        let left = self.observer.leave(self.watch, &wanted).expect("it joined, and leaves once");
        let Left { mut observation, mut presences, ledger, has_routed_ipv6 } = left;
        if is_filtered {
            observation.coverage.one_way = None;
            presences.iter_mut().for_each(|presence| screen::widen(presence, &self.plan.blamed, &watched));
        }
        let mut troubles: Vec<String> =
            notes.iter().map(|note| format!("source {}: {note}", self.source.name)).collect();
        troubles.extend(self.ipv6_trouble(has_routed_ipv6));
        observation.coverage.filter = self.plan.filter.as_ref().map(|_| FilterPlace::of(is_filtered));
        observation.coverage.notes = notes;
        observation.coverage.lost_packets = lost_packets;
        observation.coverage.incomplete_files = incomplete_files;
        let evidence = self.evidence.finish(self.heard_packets, lost_packets).unwrap_or_else(|why| {
            troubles.push(why);
            None
        });
        let facts = SourceFacts {
            name: self.source.name.clone(),
            watched,
            ending,
            observation,
            control: self.control_state,
            presences,
            ledger: ledger.within(self.plan.window),
            ledger_file: None,
            evidence,
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
        let is_wanted = match self.plan.keep {
            Keep::All => true,
            Keep::Hits => is_sighting,
            Keep::Nothing => false,
        };
        if !is_wanted {
            return;
        }
        if is_sighting {
            let matches = self.observer.sighted().flat_map(|(_, watch)| watch.last_matches());
            let names: Vec<String> = matches.map(|(list, entry)| format!("{list}: {entry}")).collect();
            self.evidence.keep(frame, Worth::Hit, &names.join(", "));
        } else {
            self.evidence.keep(frame, Worth::Other, "");
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

/// `evidence/7/41-hits.pcapng` for the ending `hits.pcapng`, with the source's name where a run has
/// several.
pub(super) fn path_of(plan: &CapturePlan, source: &Source, ending: &str) -> String {
    let stem = &plan.evidence_stem;
    if plan.sources.len() == 1 {
        return format!("{stem}-{ending}");
    }
    let name: String =
        source.name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    format!("{stem}-{name}-{ending}")
}
