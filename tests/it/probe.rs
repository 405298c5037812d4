//! Does a capture show what allclear itself sends past it? Real datagrams in network namespaces made for
//! the test; none leaves them.

use crate::live::{Wire, carry_out, carry_out_in, ip, plan};
use allclear::edge::capture::hub::Hub;
use allclear::pure::plan::CapturePlan;
use allclear::pure::playbook::JudgeCriteria;
use allclear::pure::site::{ProbeSettings, SourceKind};
use allclear::pure::verdict::{ProbeFacts, ReasonCode, Verdict, judge};
use std::thread;
use std::time::Duration;

/// Watches the near end for eight seconds, with a probe each second, and nothing else that is asked for.
fn probing(kind: SourceKind) -> CapturePlan {
    let mut plan = plan(kind, Duration::from_secs(8));
    plan.blamed.clear();
    // The near end is inside too: the probe is not to make it present.
    plan.inside = vec!["10.99.0.0/24".parse().expect("a network")];
    let source = &mut plan.sources[0];
    source.positive_control = None;
    let to = "192.0.2.1:9".parse().expect("a place");
    source.probe = Some(ProbeSettings { to, every: Duration::from_secs(1) });
    plan
}

fn interface() -> SourceKind {
    SourceKind::Interface("v0".to_owned())
}

fn criteria() -> JudgeCriteria {
    JudgeCriteria {
        fail_at: 1,
        watched_min: 0.0,
        heard_packets_min: 0,
        lost_max: None,
        has_blamed_present: false,
        inconclusive_row: 3,
    }
}

/// What came of the probe, and whether it alone is missing from a pass.
fn outcome(wire: &Wire, plan: &CapturePlan) -> (ProbeFacts, bool, u64) {
    let state = tempfile::tempdir().expect("a directory");
    let captured = wire.here(|| carry_out(plan, state.path()));
    let judgement = judge(&criteria(), &captured.facts);
    let is_missing = judgement.reasons.iter().any(|reason| reason.code == ReasonCode::ControlMissing);
    assert!(!is_missing || judgement.verdict == Verdict::Inconclusive, "{judgement:?}");
    let source = &captured.facts.sources[0];
    let heard = source.observation.coverage.heard_packets;
    (source.probe.clone().expect("it was asked for"), is_missing, heard)
}

#[test]
fn a_probe_that_crosses_the_capture_is_seen_and_one_that_goes_elsewhere_is_not() {
    let Some(wire) = Wire::new() else { return };
    let here = &wire.here;
    let run = |commands: &[String]| commands.iter().try_for_each(|command| ip(command)).expect("iproute2");

    let (probe, is_missing, _) = outcome(&wire, &probing(interface()));
    assert!(is_missing && probe.seen == 0 && probe.sent == Some(0), "no way there: {probe:?}");
    assert!(probe.failure.as_ref().is_some_and(|why| why.contains("unreachable")), "{probe:?}");

    run(&[
        format!("-n {here} link add w0 type veth peer name w1 netns {}", wire.there),
        format!("-n {here} addr add 10.98.0.1/24 dev w0"),
        format!("-n {} addr add 10.98.0.2/24 dev w1", wire.there),
        format!("-n {here} link set w0 up"),
        format!("-n {} link set w1 up", wire.there),
        format!("-n {here} route add 192.0.2.1/32 via 10.98.0.2 dev w0"),
    ]);
    let (probe, is_missing, _) = outcome(&wire, &probing(interface()));
    assert!(is_missing && probe.seen == 0 && probe.failure.is_none(), "another way: {probe:?}");
    assert!(probe.sent.is_some_and(|sent| (2..=8).contains(&sent)), "{probe:?}");

    run(&[
        format!("-n {here} route del 192.0.2.1/32"),
        format!("-n {here} route add 192.0.2.1/32 via 10.99.0.2 dev v0"),
    ]);
    let (probe, is_missing, heard) = outcome(&wire, &probing(interface()));
    assert!(!is_missing && probe.seen >= 2 && probe.failure.is_none(), "past the capture: {probe:?}");
    // What is heard is the neighbours' talk (ARP, IPv6), which the kernel's filter lets through or not.
    let without = CapturePlan { filter: None, ..probing(interface()) };
    let (probe, is_missing, heard_all) = outcome(&wire, &without);
    assert!(!is_missing && probe.seen >= 2, "without a filter: {probe:?}");
    // The talk of one window may be more than that of the next.
    assert!(heard.max(heard_all) < 40, "probes are not heard: {heard} {heard_all}");

    // Recorded elsewhere: sent while the window lasts, and looked for in what was recorded, which is nothing.
    let (probe, is_missing, _) = outcome(&wire, &probing(SourceKind::Files("/nowhere/*.pcap".to_owned())));
    assert!(is_missing && probe.sent.is_some_and(|sent| sent >= 2), "{probe:?}");
}

#[test]
fn runs_that_share_a_source_share_its_sender() {
    let Some(wire) = Wire::new() else { return };
    ip(&format!("-n {} route add 192.0.2.1/32 via 10.99.0.2 dev v0", wire.here)).expect("iproute2");
    let (hub, state) = (Hub::default(), tempfile::tempdir().expect("a directory"));
    let plan = probing(interface());
    let seen: Vec<u64> = wire.here(|| {
        thread::scope(|scope| {
            let runs: Vec<_> =
                (0..4).map(|_| scope.spawn(|| carry_out_in(&hub, &plan, state.path()))).collect();
            let facts = runs.into_iter().map(|run| run.join().expect("no panic").facts);
            facts.map(|facts| facts.sources[0].probe.as_ref().expect("asked for").seen).collect()
        })
    });
    assert!(
        seen.iter().all(|seen| (2..=9).contains(seen)),
        "four senders would show four times as many: {seen:?}"
    );
}
