//! What do verdicts rest on? Contacts, and whether silence means anything. The tables of the single
//! reasons are in `gap_tests`.

use super::judge::{is_attentive, is_healthy, judge};
use super::*;
use crate::pure::interval::{Interval, Intervals};
use crate::pure::packet::Mac;
use crate::pure::playbook::JudgeCriteria;
use crate::pure::sighting::{
    ContactSpan, Coverage, Handshake, Hit, HostFinding, LayerCount, Matched, Observation, OffStamps, Presence,
};
use crate::pure::watchlist::ListFault;
use jiff::Timestamp;
use std::net::IpAddr;

pub(super) const HOST: &str = "10.16.24.93";

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

pub(super) fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

pub(super) fn criteria() -> JudgeCriteria {
    JudgeCriteria {
        fail_at: 1,
        watched_min: 0.95,
        heard_packets_min: 1000,
        lost_max: Some(0.001),
        has_blamed_present: true,
        inconclusive_row: 3,
    }
}

/// The fault of one watchlist.
pub(super) fn fault(list: &str, what: &str) -> Vec<ListFault> {
    vec![ListFault { list: list.to_owned(), what: what.to_owned() }]
}

/// An hour with nothing wrong in it.
pub(super) fn good() -> CaptureFacts {
    CaptureFacts {
        planned: Interval::new(at(0), at(3600)),
        sources: vec![source("lan")],
        watchlists: WatchlistFacts { entries: 15, ..WatchlistFacts::default() },
        blamed: vec![BlamedHost { host: address(HOST), mac: None }],
        listing: Some(ListingFacts { is_known: true, why: String::new() }),
        clock: SystemClock::Synchronised,
    }
}

pub(super) fn source(name: &str) -> SourceFacts {
    let coverage = Coverage {
        heard_packets: 10_000,
        lost_packets: Some(0),
        ip_packets: 9000,
        unicast_packets: 4000,
        inside_hosts: 41,
        ..Coverage::default()
    };
    SourceFacts {
        name: name.to_string(),
        watched: Intervals::of([Interval::new(at(0), at(3600))]),
        ending: Ending::TimeUp,
        observation: Observation { coverage, ..Observation::default() },
        probe: None,
        control: Control::Seen,
        ledger: Default::default(),
        ledger_file: None,
        presences: vec![presence(None, 0, 600)],
        evidence: None,
        evidence_gaps: Vec::new(),
    }
}

pub(super) fn presence(mac: Option<u8>, from: i64, to: i64) -> Presence {
    let mac = mac.map(|last| Mac([2, 0, 0, 0, 0, last]));
    let present = Intervals::of([Interval::new(at(from), at(to))]);
    Presence { host: address(HOST), mac, present }
}

pub(super) fn finding(host: &str, contacts: &[(i64, i64)]) -> HostFinding {
    let spans: Vec<ContactSpan> =
        contacts.iter().map(|&(first, last)| ContactSpan { first: at(first), last: at(last) }).collect();
    HostFinding {
        host: address(host),
        mac: None,
        name: None,
        contacts: contacts.len() as u64,
        sightings: 4,
        sightings_out: 2,
        first: at(0),
        last: at(3600),
        hits: Vec::new(),
        spans,
    }
}

/// A resolver that asked for a name.
pub(super) fn asked(entry: &str) -> HostFinding {
    let hit = Hit {
        entry: entry.to_owned(),
        is_indirect: true,
        watchlist: "names".to_owned(),
        matched: Matched::Dns,
        remote: address("8.8.8.8"),
        protocol: "udp".to_owned(),
        port: Some(53),
        sightings: 2,
        sightings_out: 1,
        contacts: 0,
        bytes: Some(200),
        handshake: Handshake::None,
        first: at(0),
        last: at(1),
    };
    HostFinding { hits: vec![hit], contacts: 0, ..finding("10.16.0.53", &[(1, 1)]) }
}

pub(super) fn coverage(facts: &mut CaptureFacts) -> &mut Coverage {
    &mut facts.sources[0].observation.coverage
}

pub(super) fn watch(facts: &mut CaptureFacts, seconds: i64) {
    facts.sources[0].watched = Intervals::of([Interval::new(at(0), at(seconds))]);
}

pub(super) fn lose(facts: &mut CaptureFacts, heard: u64, lost: Option<u64>) {
    let coverage = coverage(facts);
    (coverage.heard_packets, coverage.lost_packets) = (heard, lost);
}

/// One change to a good capture and its criteria.
pub(super) type Change = fn(&mut JudgeCriteria, &mut CaptureFacts);

#[test]
fn a_healthy_silent_hour_passes() {
    let judgement = judge(&criteria(), &good());
    assert_eq!(judgement, Judgement { verdict: Verdict::Pass, reasons: Vec::new() });
}

#[test]
fn a_contact_outranks_every_gap() {
    let mut facts = good();
    facts.sources[0].observation.hosts = vec![finding(HOST, &[(10, 11), (900, 900), (2000, 2000)])];
    facts.sources[0].ending = Ending::Stopped;
    facts.watchlists.stale = fault("feed", "is 9 d old, more than its `max_age` of 7 d (feed.txt)");
    let judgement = judge(&criteria(), &facts);
    assert_eq!(judgement.verdict, Verdict::Fail);
    let texts: Vec<&str> = judgement.reasons.iter().map(|reason| reason.text.as_str()).collect();
    assert_eq!(texts, ["1 inside host made 3 contacts"]);
}

#[test]
fn fail_at_counts_each_contact_once_over_all_sources() {
    let two_sources = |other: HostFinding| {
        let mut facts = good();
        facts.sources.push(source("dmz"));
        facts.sources[0].observation.hosts = vec![finding(HOST, &[(0, 100)])];
        facts.sources[1].observation.hosts = vec![other];
        judge(&JudgeCriteria { fail_at: 2, ..criteria() }, &facts).verdict
    };
    assert_eq!(two_sources(finding(HOST, &[(100, 160)])), Verdict::Pass, "the same contact, seen twice");
    assert_eq!(two_sources(finding(HOST, &[(160, 160)])), Verdict::Pass, "60 s apart is one contact");
    assert_eq!(two_sources(finding(HOST, &[(161, 161)])), Verdict::Fail, "61 s apart is another");
    assert_eq!(two_sources(finding("10.16.24.94", &[(0, 100)])), Verdict::Fail, "another host");
    assert_eq!(two_sources(HostFinding { contacts: 2, ..finding(HOST, &[]) }), Verdict::Fail, "no spans");
}

fn layer((layer, packets): (&str, u64)) -> LayerCount {
    LayerCount { layer: layer.to_owned(), packets }
}

/// Everything wrong at once.
fn dreadful() -> CaptureFacts {
    let mut facts = good();
    watch(&mut facts, 750);
    facts.sources[0].ending = Ending::PacketLimit(250);
    facts.sources[0].presences.clear();
    facts.sources[0].control = Control::Missing;
    facts.sources[0].observation.unattributed_sightings = 12;
    *coverage(&mut facts) = Coverage {
        heard_packets: 250,
        lost_packets: Some(50),
        undecoded_packets: 40,
        undecoded: [("802.11, encrypted", 39), ("MACsec", 1)].map(layer).to_vec(),
        truncated_packets: 1,
        off_stamps: Some(OffStamps { packets: 240, behind_s: 86_400 }),
        incomplete_files: vec!["a.pcap".to_string(), "b.pcap".to_string()],
        ..Coverage::default()
    };
    facts.sources[0].observation.indirect = vec![asked("c2.example"), asked("evil.example")];
    facts.watchlists.empty = fault("irc", "no such file");
    facts.watchlists.incomplete = fault("feed", "3 lines could not be applied");
    facts.watchlists.shut_out = fault("ports", "2 entries can be in no packet that passes");
    facts.watchlists.stale = fault("feed", "is 9 d old, more than its `max_age` of 7 d (feed.txt)");
    facts.listing = Some(ListingFacts {
        is_known: false,
        why: "the resolver failed (SERVFAIL): see its log".to_string(),
    });
    facts.clock = SystemClock::Unsynchronised;
    let mut silent = source("dmz");
    coverage_of(&mut silent).lost_packets = None;
    coverage_of(&mut silent).off_stamps = Some(OffStamps { packets: 1, behind_s: -120 });
    silent.ending = Ending::SourceGone("ssh: connection refused".to_string());
    facts.sources.push(silent);
    facts.sources[1].presences.clear();
    facts
}

fn coverage_of(source: &mut SourceFacts) -> &mut Coverage {
    &mut source.observation.coverage
}

#[test]
fn every_reason_says_what_was_seen_and_what_to_do() {
    let lines: Vec<String> = judge(&criteria(), &dreadful())
        .reasons
        .iter()
        .map(|reason| format!("{:?}: {}", reason.code, reason.text))
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn silence_means_something_only_where_a_contact_would_have_been_seen() {
    let of = |change: Change| {
        let (mut criteria, mut facts) = (criteria(), good());
        change(&mut criteria, &mut facts);
        (is_healthy(&criteria, &facts), is_attentive(&criteria, &facts))
    };
    let rows: [(&str, Change, (bool, bool)); 10] = [
        ("nothing wrong", |_, _| (), (true, true)),
        (
            "ended early",
            |_, f| {
                watch(f, 900);
                f.sources[0].ending = Ending::Stopped;
            },
            (true, true),
        ),
        ("packet limit", |_, f| f.sources[0].ending = Ending::PacketLimit(250), (true, true)),
        ("host away", |_, f| f.sources[0].presences.clear(), (true, true)),
        (
            "no listing",
            |_, f| f.listing = Some(ListingFacts { is_known: false, why: String::new() }),
            (true, true),
        ),
        ("a contact", |_, f| f.sources[0].observation.hosts = vec![finding(HOST, &[(1, 1)])], (true, true)),
        ("quiet", |_, f| coverage(f).heard_packets = 999, (false, true)),
        (
            "a contact in a lossy capture",
            |_, f| {
                f.sources[0].observation.hosts = vec![finding(HOST, &[(1, 1)])];
                lose(f, 9000, Some(1000));
            },
            (false, false),
        ),
        ("no control", |_, f| f.sources[0].control = Control::Missing, (false, false)),
        ("nothing to look for", |_, f| f.watchlists.entries = 0, (false, false)),
    ];
    for (row, change, expected) in rows {
        assert_eq!(of(change), expected, "{row}");
    }
}
