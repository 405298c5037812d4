//! Which calls of somebody who is hidden are explained by a host that is seen?

use super::gap_tests::check;
use super::tests::{HOST, asked, finding};
use super::*;
use crate::pure::sighting::HostFinding;

#[test]
fn hits_of_somebody_who_is_hidden() {
    use ReasonCode::*;
    check(&[
        ("a hit of nobody", |_, f| f.sources[0].observation.unattributed_sightings = 1, &[WrongSide]),
        (
            "a hit of nobody beside one from outside",
            |_, f| {
                f.sources[0].observation.unattributed_sightings = 1;
                f.sources[0].observation.inbound_only = vec![finding(HOST, &[])];
            },
            &[WrongSide],
        ),
        ("a call that an error tells of", |_, f| f.sources[0].observation.unseen_calls = 1, &[WrongSide]),
        (
            "a contact explains it",
            |c, f| {
                c.fail_at = 2;
                f.sources[0].observation.unattributed_sightings = 1;
                f.sources[0].observation.hosts = vec![finding(HOST, &[(1, 1)])];
            },
            &[],
        ),
        (
            "a contact of another time does not",
            |c, f| {
                c.fail_at = 2;
                f.sources[0].observation.unattributed_sightings = 1;
                f.sources[0].observation.unattributed_spans = finding(HOST, &[(62, 62)]).spans;
                f.sources[0].observation.hosts = vec![finding(HOST, &[(1, 1)])];
            },
            &[WrongSide],
        ),
        (
            "one of about the same time does",
            |c, f| {
                c.fail_at = 2;
                f.sources[0].observation.unattributed_sightings = 1;
                f.sources[0].observation.unattributed_spans = finding(HOST, &[(61, 61)]).spans;
                f.sources[0].observation.hosts = vec![finding(HOST, &[(1, 1)])];
            },
            &[],
        ),
        (
            "a contact that is one too few explains no call that was not seen",
            |c, f| {
                c.fail_at = 2;
                f.sources[0].observation.unseen_calls = 1;
                f.sources[0].observation.hosts = vec![finding(HOST, &[(1, 1)])];
            },
            &[WrongSide],
        ),
    ]);
}

#[test]
fn questions_of_a_resolver_for_somebody_who_is_hidden() {
    use ReasonCode::*;
    check(&[
        (
            "of nobody who is seen",
            |_, f| f.sources[0].observation.indirect = vec![asked("evil.example")],
            &[WrongSide],
        ),
        (
            "for a host that is seen",
            |c, f| {
                c.fail_at = 2;
                f.sources[0].observation.indirect = vec![asked("evil.example")];
                f.sources[0].observation.hosts = vec![asking("evil.example", 1)];
            },
            &[],
        ),
        (
            "for something else",
            |c, f| {
                c.fail_at = 2;
                f.sources[0].observation.indirect = vec![asked("evil.example")];
                f.sources[0].observation.hosts = vec![asking("other.example", 1)];
            },
            &[WrongSide],
        ),
        (
            "at another time",
            |c, f| {
                c.fail_at = 2;
                f.sources[0].observation.indirect = vec![asked("evil.example")];
                f.sources[0].observation.hosts = vec![asking("evil.example", 62)];
            },
            &[WrongSide],
        ),
    ]);
}

/// A host that asked for a name itself.
fn asking(entry: &str, second: i64) -> HostFinding {
    HostFinding { hits: asked(entry).hits, ..finding(HOST, &[(second, second)]) }
}
