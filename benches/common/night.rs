//! What does a run bring home? One machine, and two calls of it where it is infected.

use allclear::pure::interval::{Interval, Intervals};
use allclear::pure::packet::Mac;
use allclear::pure::sighting::{ContactSpan, Coverage, HostFinding, Observation, Presence};
use allclear::pure::ticket::{RunId, TicketId};
use allclear::pure::verdict::{
    CaptureFacts, Control, Ending, EvidenceFile, SourceFacts, SystemClock, WatchlistFacts,
};
use jiff::SignedDuration;
use std::net::IpAddr;

/// The facts of a run of that ticket, watched from begin to end without a loss, in which its machine was `present`.
pub fn facts(
    window: Interval,
    present: Intervals,
    host: IpAddr,
    id: TicketId,
    run: RunId,
    is_infected: bool,
) -> CaptureFacts {
    let mac = Some(Mac([2, 0, 0, (id.0 >> 16) as u8, (id.0 >> 8) as u8, id.0 as u8]));
    let file = |what: &str| EvidenceFile {
        path: format!("evidence/{id}/{run}-{what}"),
        sha256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned(),
        bytes: 4_760,
        packets: 36,
    };
    let spans: Vec<ContactSpan> = (0..2)
        .map(|number| window.from + SignedDuration::from_secs(100 + 200 * number))
        .map(|first| ContactSpan { first, last: first })
        .collect();
    let finding = HostFinding {
        host,
        mac,
        name: Some(format!("LAB-{id}")),
        contacts: 2,
        sightings: 8,
        sightings_out: 4,
        first: spans[0].first,
        last: spans[1].last,
        hits: Vec::new(),
        spans,
    };
    let coverage = Coverage {
        first: Some(window.from),
        last: Some(window.to),
        heard_packets: 1_204_311,
        heard_bytes: Some(812_345_678),
        unicast_packets: 600_000,
        lost_packets: Some(0),
        inside_hosts: 140,
        ..Coverage::default()
    };
    let source = SourceFacts {
        name: "lan".to_owned(),
        watched: Intervals::of([window]),
        ending: Ending::TimeUp,
        control: Control::NotAsked,
        probe: None,
        ledger: Default::default(),
        ledger_file: Some(file("coverage.csv")),
        presences: vec![Presence { host, mac, present }],
        evidence: is_infected.then(|| file("hits.pcapng")),
        evidence_gaps: Vec::new(),
        observation: Observation {
            coverage,
            hosts: if is_infected { vec![finding] } else { Vec::new() },
            ..Observation::default()
        },
    };
    CaptureFacts {
        planned: window,
        sources: vec![source],
        watchlists: WatchlistFacts { entries: 16, ..WatchlistFacts::default() },
        blamed: Vec::new(),
        listing: None,
        clock: SystemClock::Synchronised,
    }
}
