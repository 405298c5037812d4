//! Which frames of a source does a run's filter let through, and where may it be applied before?
//!
//! A frame is always filtered here; the kernel, or a command elsewhere, may hold back frames before
//! if it lets through what coverage is judged by. `filter` compiles; `listener` asks for each frame.

use super::filter::{self, ETHERNET, Filter};
use super::words::words;
use crate::pure::address::Translator;
use crate::pure::packet::{self, Frame};
use crate::pure::plan::CapturePlan;
use crate::pure::protocol::has_ports;
use crate::pure::sighting::{Fragments, Scope};
use crate::pure::site::Source;
use crate::pure::verdict::BlamedHost;

/// Filters are compiled once for each link layer that a source shows, at most so many.
const LINK_TYPES_MAX: usize = 64;

/// Blamed hosts that a filter elsewhere lets through at most; with more, nothing is filtered there.
const BLAMED_IN_FILTER_MAX: usize = 32;

/// Who must be let through a filter that runs elsewhere, so that coverage can be judged.
const ALWAYS_THROUGH: [&str; 2] = ["arp", "udp port 67 or udp port 68 or udp port 546 or udp port 547"];

/// So many datagrams in pieces are remembered of a run whose filter asks for ports, in 32 KiB: a thousand runs may
/// have one.
const DATAGRAMS_MAX: usize = 512;

/// A filter's text and its programs for the link layers seen so far.
pub struct Screen {
    text: String,
    compiled: Vec<Filter>,
    /// What makes addresses of IPv6 of those of IPv4 at the site.
    translators: Vec<Translator>,
    /// Whether it looks behind the header of IP, where only the first fragment of a datagram has what it asks for.
    is_about_ports: bool,
    /// Which datagrams passed, by their first fragments.
    passed: Fragments<bool, DATAGRAMS_MAX>,
}

impl Screen {
    /// A filter that was checked before; nothing is compiled yet.
    pub fn new(text: &str) -> Screen {
        let is_about_ports = words(text).iter().any(|word| matches!(word.text, "port" | "portrange" | "["));
        Screen {
            text: text.to_owned(),
            compiled: Vec::new(),
            translators: Vec::new(),
            is_about_ports,
            passed: Fragments::default(),
        }
    }

    /// The same for a site whose own translators are these.
    pub fn with_translators(self, translators: &[Translator]) -> Screen {
        Screen { translators: translators.to_vec(), ..self }
    }

    /// Whether another program may filter by its text before: addresses that a translator made are told apart only
    /// here.
    pub fn is_for_others(&self) -> bool {
        self.translators.is_empty()
    }

    /// The filter as it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Makes it ready for frames of this link layer.
    ///
    /// # Errors
    /// When the filter cannot be applied to them.
    pub fn prepare(&mut self, link_type: u16) -> Result<(), String> {
        self.place(link_type).map(|_| ())
    }

    /// What the frame counts for: it passes, or a packet within it would that lies deeper than a filter looks (in a
    /// tunnel, behind PPPoE or labels, or quoted by an error), or it is a piece of a datagram that does.
    ///
    /// # Errors
    /// When the filter cannot be applied to frames of its link layer.
    pub fn scope(&mut self, frame: &Frame<'_>) -> Result<Scope, String> {
        let place = self.place(frame.link_type)?;
        let has_passed = self.compiled[place].matches(frame.bytes);
        let is_bare = self.translators.is_empty() && packet::is_bare(frame);
        if has_passed && !self.is_about_ports || is_bare {
            return Ok(scope_of(has_passed));
        }
        let has_passed = has_passed || self.passes_within(frame);
        Ok(if self.is_about_ports { self.scope_of_pieces(frame, has_passed) } else { scope_of(has_passed) })
    }

    /// Whether the frame passes for certain.
    ///
    /// # Errors
    /// As [`Screen::scope`].
    pub fn passes(&mut self, frame: &Frame<'_>) -> Result<bool, String> {
        Ok(self.scope(frame)? == Scope::Matched)
    }

    /// Later fragments pass where the first one did; of those whose first one was not seen it is not known.
    fn scope_of_pieces(&mut self, frame: &Frame<'_>, has_passed: bool) -> Scope {
        let mut scope = scope_of(has_passed);
        packet::any_within(frame, |packet| {
            if !packet.is_later_fragment {
                self.passed.note_first(packet, has_passed);
            } else if !has_passed && has_ports(packet.protocol) {
                scope = self.passed.of_first(packet).map_or(Scope::Doubtful, scope_of);
            }
            false
        });
        scope
    }

    fn passes_within(&mut self, frame: &Frame<'_>) -> bool {
        // What only frames of another kind can be asked says nothing of the packets in them.
        let Ok(place) = self.place(ETHERNET) else { return false };
        let (filter, translators) = (&mut self.compiled[place], &self.translators);
        packet::any_within(frame, |packet| {
            let translated = packet.translated(translators);
            filter.matches_within(frame, packet)
                || translated.is_some_and(|packet| filter.matches_within(frame, &packet))
        })
    }

    fn place(&mut self, link_type: u16) -> Result<usize, String> {
        let known = self.compiled.iter().position(|filter| filter.link_type() == link_type);
        match known {
            Some(place) => Ok(place),
            None if self.compiled.len() == LINK_TYPES_MAX => {
                Err(format!("the source shows more than {LINK_TYPES_MAX} link types: leave out the filter"))
            }
            None => {
                self.compiled.push(Filter::compile(&self.text, link_type)?);
                Ok(self.compiled.len() - 1)
            }
        }
    }
}

fn scope_of(has_passed: bool) -> Scope {
    if has_passed { Scope::Matched } else { Scope::CoverageOnly }
}

/// What a command may filter by itself; empty when it must not filter. Coverage needs the control
/// and the blamed hosts, whatever the run's filter is.
pub(super) fn remote_filter(plan: &CapturePlan, source: &Source) -> String {
    match &plan.filter {
        Some(filter) if plan.blamed.len() <= BLAMED_IN_FILTER_MAX && plan.nat64.is_empty() => {
            filter::superset(filter, &coverage_filters(&plan.blamed, source))
        }
        _ => String::new(),
    }
}

/// What the kernel may hold back for runs that all have the filter `text`; `None` when it must not.
/// Coverage needs the control and the blamed hosts, by their MAC addresses too.
pub(super) fn kernel_filter(text: &str, blamed: &[BlamedHost], source: &Source) -> Option<String> {
    let by_mac = blamed.iter().filter_map(|blamed| Some(format!("ether host {}", blamed.mac?)));
    let others: Vec<String> = coverage_filters(blamed, source).into_iter().chain(by_mac).collect();
    if blamed.len() <= BLAMED_IN_FILTER_MAX { filter::for_kernel(text, &others) } else { None }
}

/// As [`kernel_filter`], of a scan, which asks for no coverage of its own.
pub fn kernel_filter_alone(text: &str) -> Option<String> {
    filter::for_kernel(text, &ALWAYS_THROUGH.map(str::to_owned))
}

/// What coverage is judged by, as filters.
fn coverage_filters(blamed: &[BlamedHost], source: &Source) -> Vec<String> {
    let hosts = blamed.iter().map(|blamed| format!("host {}", blamed.host));
    let always = ALWAYS_THROUGH.map(str::to_owned).into_iter();
    let probe =
        source.probe.as_ref().map(|probe| format!("host {} and udp port {}", probe.to.ip(), probe.to.port()));
    always.chain(source.positive_control.clone()).chain(probe).chain(hosts).collect()
}
