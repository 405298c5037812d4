//! What kept a capture from proving anything? Each reason of design "How a run is judged", with a
//! sentence that says what was seen and what to do about it.
//!
//! A gap that cannot be measured is a gap: nothing here is skipped because a number is missing.

use super::hidden::{behind_resolver, wrong_side};
use super::{BlamedHost, CaptureFacts, Ending, Reason, ReasonCode, SourceFacts};
use super::{clock, control, lists};
use crate::pure::interval::Interval;
use crate::pure::number::{count, duration, grouped, share};
use crate::pure::packet::is_same_machine;
use crate::pure::playbook::JudgeCriteria;
use crate::pure::sighting::{Coverage, FilterPlace, Presence};

/// A known loss above this share is lossy where the playbook states no limit (design: 0.1 %).
pub(super) const LOST_UNSTATED_MAX: f64 = 0.001;

/// More undecoded frames than this share of those that should carry IP blind a capture (design: 1 %).
pub(super) const UNDECODED_MAX: f64 = 0.01;

/// Share of the names that span packets that may be unread: as much as may be undecoded, since of thousands of
/// connections some always end in the middle of their first words. Names that were read whole are left out of
/// it: many of them would hide that none of these ever is.
const UNREAD_NAMES_MAX: f64 = 0.01;

/// Names written out in one sentence; the rest are counted.
const NAMES_MAX: usize = 3;

/// Every gap in a capture, in the design's order; empty when silence in it is worth a pass.
///
/// Each reason stands here and nowhere else: one that is found is one that counts.
pub(super) fn gaps(criteria: &JudgeCriteria, facts: &CaptureFacts) -> Vec<Reason> {
    use ReasonCode::*;
    let CaptureFacts { planned, watchlists, .. } = facts;
    let of_each = |gap: &dyn Fn(&SourceFacts) -> Option<String>| each_source(facts, gap);
    let found = [
        (Interrupted, interrupted(facts)),
        (TooShort, of_each(&|source| too_short(criteria, *planned, source))),
        (TooQuiet, of_each(&|source| too_quiet(criteria, source))),
        (WrongSide, of_each(&|source| wrong_side(criteria, source))),
        (WrongSide, of_each(&|source| behind_resolver(criteria, facts, source))),
        (Undecoded, of_each(&undecoded)),
        (Lossy, of_each(&|source| lossy(criteria, source))),
        (LossUnknown, of_each(&|source| loss_unknown(criteria, source))),
        (CutShort, of_each(&cut_short)),
        (Truncated, of_each(&truncated)),
        (ControlMissing, of_each(&control::missing)),
        (ControlMissing, of_each(&|source| control::probe_missing(criteria, *planned, source))),
        (HostAbsent, absent_hosts(criteria, facts).map(host_absent).collect()),
        (WatchlistEmpty, lists::empty(watchlists)),
        (WatchlistIncomplete, lists::incomplete(watchlists)),
        (EntriesShutOut, lists::shut_out(watchlists)),
        (WatchlistStale, lists::stale(watchlists)),
        (ListingUnknown, listing_unknown(facts).into_iter().collect()),
        (ClockUnsure, clock::unsure(facts).into_iter().collect()),
        (ClockUnsure, of_each(&clock::off_stamps)),
    ];
    found
        .into_iter()
        .flat_map(|(code, texts)| texts.into_iter().map(move |text| Reason { code, text }))
        .collect()
}

/// What is to say of each source; it is named where there are several.
fn each_source(facts: &CaptureFacts, gap: impl Fn(&SourceFacts) -> Option<String>) -> Vec<String> {
    let is_named = facts.sources.len() > 1;
    let sentence = |source| {
        let text = gap(source)?;
        Some(if is_named { format!("source {}: {text}", source.name) } else { text })
    };
    facts.sources.iter().filter_map(sentence).collect()
}

fn interrupted(facts: &CaptureFacts) -> Vec<String> {
    if facts.sources.is_empty() {
        return vec!["no source was captured: name one in the site file".to_string()];
    }
    each_source(facts, |source| ended_early(facts.planned, source))
}

fn ended_early(planned: Interval, source: &SourceFacts) -> Option<String> {
    let progress = progress(planned, source);
    match &source.ending {
        Ending::Stopped => Some(format!(
            "the capture was stopped, with {progress} watched: run it again and let it end by itself"
        )),
        Ending::SourceGone(why) => {
            Some(format!("the source was gone, with {progress} watched ({why}): bring it back and run again"))
        }
        Ending::NothingRecorded => Some(format!(
            "no recorded file covers any of the window{}",
            source.unread_files().map_or_else(
                || ": see whether the recorder runs, and whether `files` names what it writes".to_string(),
                |unread| format!("; {unread}")
            )
        )),
        Ending::TimeUp | Ending::PacketLimit(_) | Ending::ByteLimit(_) => incomplete_files(source),
    }
}

impl SourceFacts {
    /// The recorded files that could not be read, each with the reason and what to do; `None` without any.
    pub fn unread_files(&self) -> Option<String> {
        let files = &self.observation.coverage.incomplete_files;
        let files_count = count(files.len() as u64, "file");
        (!files.is_empty()).then(|| format!("{files_count} could not be used: {}", listed(files)))
    }
}

fn incomplete_files(source: &SourceFacts) -> Option<String> {
    let files = &source.observation.coverage.incomplete_files;
    let first = files.first()?;
    Some(format!(
        "{} could not be read to {} end ({}): copy {} again, or wait until {} written",
        if files.len() == 1 { "a file".to_string() } else { count(files.len() as u64, "file") },
        if files.len() == 1 { "its" } else { "their" },
        if files.len() == 1 { first.clone() } else { listed(files) },
        if files.len() == 1 { "it" } else { "them" },
        if files.len() == 1 { "it is" } else { "they are" },
    ))
}

fn too_short(criteria: &JudgeCriteria, planned: Interval, source: &SourceFacts) -> Option<String> {
    if planned.is_empty() {
        return None;
    }
    let watched_s = source.attended().within(planned).seconds();
    let part = watched_s / planned.seconds();
    (part < criteria.watched_min || watched_s == 0.0).then(|| {
        format!(
            "watched {}, which is {}, and {} is wanted: find out what kept the capture from running the whole time",
            progress(planned, source),
            share(part),
            share(criteria.watched_min),
        )
    })
}

fn too_quiet(criteria: &JudgeCriteria, source: &SourceFacts) -> Option<String> {
    let coverage = &source.observation.coverage;
    let heard = coverage.heard_packets.saturating_sub(coverage.duplicate_packets);
    (heard < criteria.heard_packets_min).then(|| {
        format!(
            "heard {}{}, and at least {} are wanted: check the mirror port, the cable and the filter",
            count(heard, "packet"),
            if coverage.filter == Some(FilterPlace::Kernel) {
                " that the kernel's filter let pass"
            } else {
                ""
            },
            grouped(criteria.heard_packets_min),
        )
    })
}

fn undecoded(source: &SourceFacts) -> Option<String> {
    let coverage = &source.observation.coverage;
    let expected = if coverage.ip_packets > 0 { coverage.ip_packets } else { coverage.heard_packets };
    let part = part_of(coverage.undecoded_packets, expected);
    (part > UNDECODED_MAX).then(|| {
        format!(
            "{} of {} could not be read down to addresses ({}{}), and at most {} may be: capture where the traffic is not wrapped in something unknown",
            grouped(coverage.undecoded_packets),
            count(expected, "packet"),
            share(part),
            main_layer(coverage),
            share(UNDECODED_MAX),
        )
    })
}

/// The layer that stopped most of them, where that is known.
fn main_layer(coverage: &Coverage) -> String {
    let Some(most) = coverage.undecoded.first() else { return String::new() };
    let mostly = if most.packets == coverage.undecoded_packets { "" } else { "mostly " };
    format!(", {mostly}{}", most.layer)
}

fn lossy(criteria: &JudgeCriteria, source: &SourceFacts) -> Option<String> {
    let known = source.observation.coverage.lost();
    let lost = known.packets()?;
    let sent = lost.saturating_add(source.observation.coverage.heard_packets);
    let (part, lost_max) = (part_of(lost, sent), criteria.lost_max.unwrap_or(LOST_UNSTATED_MAX));
    (part > lost_max).then(|| {
        format!(
            "lost {}{} of {} ({}), and at most {} may be: raise `ring`, or narrow the filter",
            if known.is_in_part() { "at least " } else { "" },
            grouped(lost),
            count(sent, "packet"),
            share(part),
            share(lost_max),
        )
    })
}

fn loss_unknown(criteria: &JudgeCriteria, source: &SourceFacts) -> Option<String> {
    let lost = source.observation.coverage.lost();
    let is_unknown = lost.packets().is_none() || lost.is_in_part();
    let lost_max = criteria.lost_max.filter(|_| is_unknown)?;
    let part = if lost.is_in_part() { "a part of the source" } else { "the source" };
    Some(format!(
        "{part} cannot count lost packets, and at most {} may be lost: capture from an interface, or leave out `lost`",
        share(lost_max),
    ))
}

fn cut_short(source: &SourceFacts) -> Option<String> {
    let limit = match source.ending {
        Ending::PacketLimit(packets) => count(packets, "packet"),
        Ending::ByteLimit(bytes) => count(bytes, "byte"),
        Ending::TimeUp | Ending::Stopped | Ending::SourceGone(_) | Ending::NothingRecorded => return None,
    };
    Some(format!(
        "the capture stopped at its limit of {limit} before its time was up, so the rest went unseen: raise the limit or leave it out, and give a duration"
    ))
}

/// What of packets and names could not be read, the gravest first.
fn truncated(source: &SourceFacts) -> Option<String> {
    let coverage = &source.observation.coverage;
    let told = [conflicting_names, cut_packets, portless_fragments, nameless_packets, unread_names];
    told.iter().find_map(|told| told(coverage))
}

/// No share of these is put up with: what sends them hides a name, or the mirror is broken.
fn conflicting_names(coverage: &Coverage) -> Option<String> {
    let streams = coverage.conflicting_names;
    (streams > 0).then(|| {
        format!(
            "{} came with other bytes in the same place, so that nobody knows which name was asked for: see who sends \
             such, and that the mirror damages no packet",
            count(streams, "connection"),
        )
    })
}

fn cut_packets(coverage: &Coverage) -> Option<String> {
    let others = coverage.unread_names + coverage.nameless_packets + coverage.portless_fragments;
    let packets = coverage.truncated_packets.saturating_sub(others);
    (packets > 0).then(|| {
        format!(
            "{} cut so short that ports, names or what the filter asks for could not be read: capture whole packets \
             (tcpdump: -s 0)",
            were(packets),
        )
    })
}

fn portless_fragments(coverage: &Coverage) -> Option<String> {
    let portless = coverage.portless_fragments;
    (portless > 0).then(|| {
        format!(
            "{} came without the first one, which tells the port that a list or the filter may name: check that the \
             mirror shows every packet, or list addresses and filter without ports",
            count(portless, "fragment"),
        )
    })
}

fn nameless_packets(coverage: &Coverage) -> Option<String> {
    let nameless = coverage.nameless_packets;
    (nameless > 0).then(|| {
        format!(
            "{} of a text table {}, and names are looked for: capture whole packets (tcpdump: -s 0)",
            count(nameless, "packet"),
            if nameless == 1 { "does not show all its names" } else { "do not show all their names" },
        )
    })
}

fn unread_names(coverage: &Coverage) -> Option<String> {
    let unread = coverage.unread_names;
    (part_of(unread, coverage.split_names) > UNREAD_NAMES_MAX).then(|| {
        format!(
            "{} of {} that span packets, are sealed (QUIC) or compressed (HTTP/2 without TLS) could not be read \
             whole, and at most {} may be: check that the mirror shows every packet",
            grouped(unread),
            count(coverage.split_names, "name"),
            share(UNREAD_NAMES_MAX)
        )
    })
}

fn absent_hosts<'a>(
    criteria: &JudgeCriteria,
    facts: &'a CaptureFacts,
) -> impl Iterator<Item = &'a BlamedHost> {
    let wanted = if criteria.has_blamed_present { facts.blamed.as_slice() } else { &[] };
    wanted.iter().filter(|host| !is_present(host, facts))
}

/// Whether any source heard the host in the time it watched.
fn is_present(host: &BlamedHost, facts: &CaptureFacts) -> bool {
    facts.sources.iter().any(|source| {
        let watched = source.attended().within(facts.planned);
        let is_own = |seen: &&Presence| is_same_machine((host.host, host.mac), (seen.host, seen.mac));
        let mut presences = source.presences.iter().filter(is_own);
        presences.any(|presence| !presence.present.intersection(&watched).is_empty())
    })
}

fn host_absent(host: &BlamedHost) -> String {
    let name = match host.mac {
        Some(mac) => format!("{} ({mac})", host.host),
        None => host.host.to_string(),
    };
    format!("{name} said nothing in the window: see that it is switched on and connected during the capture")
}

fn listing_unknown(facts: &CaptureFacts) -> Option<String> {
    let listing = facts.listing.as_ref().filter(|listing| !listing.is_known)?;
    Some(format!("the listing of the public address is unknown: {}", listing.why))
}

/// How far a capture came: "12 min of 30 min", or "12 min" where no length was planned.
fn progress(planned: Interval, source: &SourceFacts) -> String {
    let watched = duration(source.attended().seconds() as u64);
    if planned.is_empty() { watched } else { format!("{watched} of {}", duration(planned.seconds() as u64)) }
}

/// How much of `whole` is `part`; 0 of nothing is 0, and something of nothing is all.
pub(super) fn part_of(part: u64, whole: u64) -> f64 {
    if part == 0 { 0.0 } else { part as f64 / whole.max(1) as f64 }
}

/// `1 packet was`, `3 packets were`.
pub(super) fn were(packets: u64) -> String {
    format!("{} {}", count(packets, "packet"), if packets == 1 { "was" } else { "were" })
}

pub(super) fn listed(names: &[String]) -> String {
    let shown = names.iter().take(NAMES_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMES_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
