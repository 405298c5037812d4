//! What does one night say of one host? A run in, a sign out.
//!
//! A verdict is of the whole run; a host that was not there proved nothing in it, and one that called failed
//! whatever the others did. It must never show a pass for a host whose silence could not be heard.

use crate::pure::playbook::StageName;
use crate::pure::ticket::{Host, HostExposure, Run, RunEnd, hosts};
use crate::pure::verdict::{Outcome, Verdict};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

/// What became of a night.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    Pass,
    Fail,
    Inconclusive,
    Interrupted,
    Missed,
    Skipped,
    Suppressed,
    Running,
}

impl Sign {
    /// All, in the order of a legend.
    pub const ALL: [Sign; 8] = [
        Sign::Pass,
        Sign::Fail,
        Sign::Inconclusive,
        Sign::Interrupted,
        Sign::Missed,
        Sign::Skipped,
        Sign::Suppressed,
        Sign::Running,
    ];

    /// What became of a run, for all hosts together.
    pub fn of(run: &Run) -> Sign {
        let Some(end) = &run.end else { return Sign::Running };
        match (end.verdict, end.outcome) {
            (Some(Verdict::Fail), _) => Sign::Fail,
            (Some(Verdict::Pass), _) => Sign::Pass,
            (_, Outcome::Interrupted) => Sign::Interrupted,
            (Some(Verdict::Inconclusive), _) => Sign::Inconclusive,
            (None, Outcome::Missed) => Sign::Missed,
            (None, Outcome::Skipped) => Sign::Skipped,
            (None, Outcome::Suppressed) => Sign::Suppressed,
            // A run without verdict says nothing.
            (None, Outcome::Ran | Outcome::Late) => Sign::Inconclusive,
        }
    }

    /// The sign of a line of text.
    pub fn mark(self) -> &'static str {
        match self {
            Sign::Pass => "+",
            Sign::Fail => "!",
            Sign::Inconclusive => "?",
            Sign::Interrupted => "x",
            Sign::Missed => "-",
            Sign::Skipped => "/",
            Sign::Suppressed => "=",
            Sign::Running => ".",
        }
    }

    /// One word.
    pub fn word(self) -> &'static str {
        match self {
            Sign::Pass => "pass",
            Sign::Fail => "fail",
            Sign::Inconclusive => "inconclusive",
            Sign::Interrupted => "interrupted",
            Sign::Missed => "missed",
            Sign::Skipped => "skipped",
            Sign::Suppressed => "suppressed",
            Sign::Running => "running",
        }
    }

    fn of_host(run: &Run, host: &Host) -> Sign {
        let (sign, Some(end)) = (Sign::of(run), &run.end) else { return Sign::of(run) };
        match sign {
            _ if has_called(end, host) => Sign::Fail,
            Sign::Pass if is_present(end, host) => Sign::Pass,
            // Another host called.
            Sign::Fail if is_present(end, host) && end.is_healthy && is_told_whole(end) => Sign::Pass,
            Sign::Pass | Sign::Fail => Sign::Inconclusive,
            Sign::Inconclusive | Sign::Interrupted => sign,
            Sign::Missed | Sign::Skipped | Sign::Suppressed | Sign::Running => sign,
        }
    }
}

/// One night of one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Night {
    pub begin: Timestamp,
    pub sign: Sign,
    /// It began after its time.
    pub is_late: bool,
}

impl Night {
    /// What a run says of a host; `None` for one that was over before the host was blamed, and saw nothing of
    /// it.
    pub fn of_host(run: &Run, host: &Host) -> Option<Night> {
        let is_seen = run.end.as_ref().is_some_and(|end| seen(end, host).next().is_some());
        let is_after = run.window_end > host.located;
        let night = Night { begin: run.started, sign: Sign::of_host(run, host), is_late: run.is_late };
        (is_after || is_seen).then_some(night)
    }
}

/// The nights of a host, in no order: each `verify` run, and each day on which a run of another stage saw it
/// call. Such a day has one cell of its own, unless a failed night shows it already.
pub fn nights(runs: &[Run], host: &Host, zone: &TimeZone) -> Vec<Night> {
    let verifying = runs.iter().filter(|run| run.stage == StageName::Verify);
    let (mut nights, mut failed) = (Vec::new(), Vec::new());
    for (run, night) in verifying.filter_map(|run| Some((run, Night::of_host(run, host)?))) {
        failed.extend((night.sign == Sign::Fail).then(|| run.window()));
        nights.push(night);
    }
    let day = |at: Timestamp| zone.to_datetime(at).date();
    let mut days: BTreeSet<_> = failed.iter().map(|window| day(window.from)).collect();
    let others = runs.iter().filter(|run| run.stage != StageName::Verify);
    for run in others.filter(|run| run.end.as_ref().is_some_and(|end| has_called(end, host))) {
        let is_shown = failed.iter().any(|window| window.overlaps(run.window()));
        if !is_shown && days.insert(day(run.started)) {
            nights.push(Night { begin: run.started, sign: Sign::Fail, is_late: false });
        }
    }
    nights
}

fn has_called(end: &RunEnd, host: &Host) -> bool {
    seen(end, host).any(|seen| !seen.contacts.is_empty())
}

fn seen<'a>(end: &'a RunEnd, host: &'a Host) -> impl Iterator<Item = &'a HostExposure> {
    let is_of = |seen: &&HostExposure| hosts::find(std::slice::from_ref(host), seen.host, seen.mac).is_some();
    end.exposures.iter().filter(is_of)
}

fn is_present(end: &RunEnd, host: &Host) -> bool {
    seen(end, host).any(|seen| !seen.present.is_empty())
}

/// Whether each contact of the run stands beside the host that made it, so that those without one made none.
fn is_told_whole(end: &RunEnd) -> bool {
    let told: usize = end.exposures.iter().map(|seen| seen.contacts.len()).sum();
    u64::try_from(told).is_ok_and(|told| told >= end.contacts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::interval::{Interval, Intervals};
    use crate::pure::playbook::StageName;
    use crate::pure::sighting::ContactSpan;
    use crate::pure::ticket::{Blame, HostState, RunId};
    use std::net::IpAddr;

    const HOST: [u8; 4] = [10, 16, 24, 93];
    const OTHER: [u8; 4] = [10, 16, 24, 94];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn host() -> Host {
        Host {
            host: IpAddr::from(HOST),
            mac: None,
            name: None,
            state: HostState::Cleaned,
            blame: Blame::Seen,
            located: at(1_000),
            cleaned: Some(at(2_000)),
            confirmed: None,
            contacts: Vec::new(),
        }
    }

    fn exposure(address: [u8; 4], seconds: i64, contacts: usize) -> HostExposure {
        HostExposure {
            host: IpAddr::from(address),
            mac: None,
            name: None,
            present: Intervals::of([Interval::new(at(3_000), at(3_000 + seconds))]),
            doubtful: Intervals::default(),
            contacts: vec![ContactSpan { first: at(3_001), last: at(3_002) }; contacts],
            called: Vec::new(),
        }
    }

    fn run(outcome: Outcome, verdict: Option<Verdict>, exposures: Vec<HostExposure>) -> Run {
        let contacts = exposures.iter().map(|seen| seen.contacts.len() as u64).sum();
        let end = RunEnd {
            run: RunId(1),
            outcome,
            verdict,
            reasons: Vec::new(),
            watched: Intervals::default(),
            coverage: Default::default(),
            lost_share: 0.0,
            is_healthy: true,
            is_attentive: true,
            exposures,
            evidence: Vec::new(),
            ledgers: Vec::new(),
            evidence_gaps: Vec::new(),
            controls: Vec::new(),
            contacts,
            is_in_break: false,
        };
        Run {
            id: RunId(1),
            stage: StageName::Verify,
            occurrence: Some(at(3_000)),
            started: at(3_000),
            window_end: at(4_000),
            is_late: outcome == Outcome::Late,
            begun: at(3_000),
            ended: Some(at(4_000)),
            end: Some(end),
        }
    }

    #[test]
    fn a_night_is_a_pass_only_for_a_host_that_was_there_and_silent() {
        use Outcome::{Interrupted, Late, Missed, Ran, Skipped, Suppressed};
        use Verdict::{Fail, Inconclusive, Pass};
        let (there, calling) = (|| exposure(HOST, 900, 0), || exposure(HOST, 900, 1));
        let (away, other) = (|| exposure(HOST, 0, 0), || exposure(OTHER, 900, 2));
        for (row, outcome, verdict, exposures, wanted) in [
            ("there", Ran, Some(Pass), vec![there()], Sign::Pass),
            ("late", Late, Some(Pass), vec![there()], Sign::Pass),
            ("not there", Ran, Some(Pass), vec![], Sign::Inconclusive),
            ("there for no second", Ran, Some(Pass), vec![away()], Sign::Inconclusive),
            ("another was there", Ran, Some(Pass), vec![exposure(OTHER, 900, 0)], Sign::Inconclusive),
            ("called, below the limit", Ran, Some(Pass), vec![calling()], Sign::Fail),
            ("called", Ran, Some(Fail), vec![calling(), other()], Sign::Fail),
            ("called in a broken capture", Interrupted, Some(Inconclusive), vec![calling()], Sign::Fail),
            ("another called", Ran, Some(Fail), vec![there(), other()], Sign::Pass),
            ("another called, not there", Ran, Some(Fail), vec![other()], Sign::Inconclusive),
            ("inconclusive", Ran, Some(Inconclusive), vec![there()], Sign::Inconclusive),
            ("interrupted", Interrupted, Some(Inconclusive), vec![there()], Sign::Interrupted),
            ("interrupted at once", Interrupted, None, vec![], Sign::Interrupted),
            ("missed", Missed, None, vec![], Sign::Missed),
            ("skipped", Skipped, None, vec![], Sign::Skipped),
            ("suppressed", Suppressed, None, vec![], Sign::Suppressed),
            ("without verdict", Ran, None, vec![there()], Sign::Inconclusive),
        ] {
            assert_eq!(Sign::of_host(&run(outcome, verdict, exposures), &host()), wanted, "{row}");
        }
        let running = Run { end: None, ended: None, ..run(Ran, None, vec![]) };
        assert_eq!(Sign::of_host(&running, &host()), Sign::Running);
    }

    #[test]
    fn where_another_called_its_silence_counts_only_in_a_sound_and_whole_record() {
        let spoilt = |spoil: fn(&mut RunEnd)| {
            let exposures = vec![exposure(HOST, 900, 0), exposure(OTHER, 900, 2)];
            let mut run = run(Outcome::Ran, Some(Verdict::Fail), exposures);
            run.end.as_mut().map(spoil).expect("it has ended");
            Sign::of_host(&run, &host())
        };
        assert_eq!(spoilt(|_| {}), Sign::Pass);
        assert_eq!(spoilt(|end| end.is_healthy = false), Sign::Inconclusive);
        assert_eq!(spoilt(|end| end.contacts = 3), Sign::Inconclusive, "one contact is of nobody");
    }

    #[test]
    fn a_strip_begins_when_the_host_was_blamed_or_seen() {
        let located = |second: i64| Host { located: at(second), ..host() };
        let empty = || run(Outcome::Missed, None, vec![]);
        assert!(Night::of_host(&empty(), &located(3_999)).is_some());
        assert!(Night::of_host(&empty(), &located(4_000)).is_none(), "it was over by then");
        let seen = run(Outcome::Ran, Some(Verdict::Fail), vec![exposure(HOST, 900, 1)]);
        assert!(Night::of_host(&seen, &located(4_000)).is_some(), "the run by which it was found");
    }

    #[test]
    fn a_day_on_which_another_stage_saw_it_call_has_one_failed_cell() {
        const HOUR: i64 = 3_600;
        let run = |stage, hour: i64, contacts: usize| {
            let verdict = if contacts > 0 { Verdict::Fail } else { Verdict::Pass };
            let (started, window_end) = (at(hour * HOUR), at((hour + 3) * HOUR));
            let run = run(Outcome::Ran, Some(verdict), vec![exposure(HOST, 900, contacts)]);
            Run { stage, started, window_end, ..run }
        };
        let (locate, verify) = (
            |hour, contacts| run(StageName::Locate, hour, contacts),
            |hour, contacts| run(StageName::Verify, hour, contacts),
        );
        let night = verify(22, 0);
        for (row, others, wanted) in [
            ("another stage heard nothing", vec![locate(30, 0)], "+"),
            ("called on the next day", vec![locate(30, 1)], "+ !"),
            ("called on the same day, before the night", vec![locate(15, 1)], "! +"),
            ("called hour by hour on one day", vec![locate(30, 1), locate(33, 2), locate(47, 1)], "+ !"),
            ("called on two days", vec![locate(47, 1), locate(48, 1)], "+ ! !"),
            ("seen by a failed night too", vec![locate(45, 1), verify(46, 1)], "+ !"),
            ("seen by a failed night past midnight", vec![verify(46, 1), locate(48, 1)], "+ !"),
            ("once more when that night was over", vec![verify(46, 1), locate(49, 1)], "+ ! !"),
        ] {
            let runs: Vec<Run> = std::iter::once(night.clone()).chain(others).collect();
            let strip = crate::pure::picture::Strip::new(nights(&runs, &host(), &TimeZone::UTC));
            assert_eq!(strip.signs(), wanted, "{row}");
        }
    }

    #[test]
    fn each_sign_is_another_one() {
        let marks: std::collections::BTreeSet<&str> = Sign::ALL.iter().map(|sign| sign.mark()).collect();
        assert_eq!(marks.len(), Sign::ALL.len());
    }
}
