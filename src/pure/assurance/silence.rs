//! How likely is it that one caller stays unseen through all watched stretches, as they really lay?
//!
//! Left of it are `caller` and `learn`. Two things make nights count for less than their hours: a caller
//! that sleeps through several of them, and a timer that goes with the clock and comes at hours that are
//! never watched. It must reckon with both.

use super::caller::Temper;
use super::learn::Candidate;

/// A caller, and what is left of the chance that it was not seen.
#[derive(Clone, Debug)]
pub struct Unseen {
    caller: Candidate,
    starts: Vec<Start>,
    /// Where the last stretch ended, in seconds since the cleaning; `None` before the first.
    end_s: Option<f64>,
    clock: Option<Clock>,
}

/// The paths on which the last contact fell into one unwatched stretch.
#[derive(Clone, Copy, Debug)]
struct Start {
    /// Where the watching began again.
    at_s: f64,
    /// The length of the unwatched stretch; infinite for paths that made no contact since the cleaning.
    unwatched_s: f64,
    /// The chance of a contact in a stretch of that length.
    called: f64,
    /// The chance of these paths when the watching began again.
    mass: f64,
    /// What is left of it.
    alive: f64,
}

/// Of more starts, the two whose ages are most alike are joined.
const STARTS_MAX: usize = 10;

/// Paths with less than this chance are left out.
const NEGLIGIBLE: f64 = 1e-7;

impl Unseen {
    /// Before anything was watched.
    pub fn new(caller: Candidate) -> Unseen {
        Unseen { caller, starts: Vec::new(), end_s: None, clock: Clock::of(&caller) }
    }

    /// The chance that it was not seen so far.
    pub fn chance(&self) -> f64 {
        if self.end_s.is_none() {
            return 1.0;
        }
        let paths: f64 = self.starts.iter().map(|start| start.alive).sum();
        paths.max(self.clock.as_ref().map_or(0.0, Clock::unseen)).min(1.0)
    }

    /// It was not seen in one more stretch either, which begins at the end of the last one or later.
    pub fn watch(&mut self, from_s: f64, to_s: f64) {
        let quiet = self.quiet(to_s - from_s);
        if let Some(clock) = &mut self.clock {
            clock.watch(from_s, to_s, quiet);
        }
        let last_end_s = self.end_s.replace(to_s);
        match last_end_s {
            None => self.begin(from_s, f64::INFINITY, 1.0, to_s),
            Some(end_s) => {
                let mass = self.go_on(from_s, to_s);
                self.begin(from_s, from_s - end_s, mass, to_s);
                self.join(to_s);
            }
        }
    }

    /// Ages all paths to `to_s` and gives the chance of those that made a contact before `from_s`, unwatched.
    fn go_on(&mut self, from_s: f64, to_s: f64) -> f64 {
        let Unseen { caller, starts, .. } = self;
        let mut called = 0.0;
        for start in starts.iter_mut() {
            let still = start.still(caller, from_s);
            called += (start.alive - still).max(0.0);
            start.alive = start.still(caller, to_s).min(still);
        }
        starts.retain(|start| start.alive > NEGLIGIBLE);
        called
    }

    fn begin(&mut self, at_s: f64, unwatched_s: f64, mass: f64, to_s: f64) {
        let called = 1.0 - self.quiet(unwatched_s);
        if mass > NEGLIGIBLE && called > 0.0 {
            let mut start = Start { at_s, unwatched_s, called, mass, alive: mass };
            start.alive = start.still(&self.caller, to_s);
            self.starts.push(start);
        }
    }

    fn join(&mut self, now_s: f64) {
        if self.starts.len() <= STARTS_MAX {
            return;
        }
        let age = |index: usize| now_s - self.starts[index].at_s;
        let likeness = |index: &usize| age(*index) / age(*index + 1);
        let pairs = 0..self.starts.len() - 1;
        if let Some(older) = pairs.min_by(|one, other| likeness(one).total_cmp(&likeness(other))) {
            let younger = self.starts.remove(older + 1);
            let joined = &mut self.starts[older];
            joined.mass *= 1.0 + younger.alive / joined.alive;
            joined.alive += younger.alive;
        }
    }

    fn quiet(&self, length_s: f64) -> f64 {
        if length_s.is_infinite() { 0.0 } else { self.caller.temper.quiet(length_s, self.caller.ln_mean) }
    }
}

impl Start {
    /// The chance of these paths, and of no contact from their begin to `until_s`: none in that time but
    /// one in the unwatched stretch before it, P(x) - P(u + x), over that of one in the stretch, 1 - P(u),
    /// where P is the chance of a look without contact.
    fn still(&self, caller: &Candidate, until_s: f64) -> f64 {
        let quiet = |length_s: f64| caller.temper.quiet(length_s, caller.ln_mean);
        let age_s = until_s - self.at_s;
        if self.unwatched_s.is_infinite() {
            return self.mass * quiet(age_s);
        }
        let both = (quiet(age_s) - quiet(age_s + self.unwatched_s)).max(0.0);
        self.mass * (both / self.called).min(1.0)
    }
}

/// Timers at most this irregular are followed round the clock.
const CLOCKED_MAX: f64 = 0.3;

/// After this share of its interval, a timer's drift against the clock has made the next stretch a new
/// chance; found with `benches/calibration`.
const DRIFT: f64 = 0.3;

/// People set timers to round times. When a round interval is as likely as the one that was learned, the
/// timer is taken for one, since that is the case in which the same hours may never see it.
const ROUND_S: [f64; 10] =
    [86_400.0, 43_200.0, 28_800.0, 21_600.0, 14_400.0, 10_800.0, 7_200.0, 3_600.0, 1_800.0, 900.0];

/// More arcs than this are not remembered; those that are left out only make it slower.
const ARCS_MAX: usize = 512;

/// A timer's face: which part of its interval was watched since it last had drifted away.
#[derive(Clone, Debug)]
struct Clock {
    interval_s: f64,
    /// How long it takes to drift.
    epoch_s: f64,
    epoch: f64,
    /// The chance that it was unseen in all epochs before this one.
    before: f64,
    /// The same in this one, if every stretch were a new chance.
    fresh: f64,
    /// Watched parts of the interval in this epoch, apart and in order.
    arcs: Vec<(f64, f64)>,
}

impl Clock {
    fn of(caller: &Candidate) -> Option<Clock> {
        let Temper::Lognormal(spread) = caller.temper else { return None };
        let mean_s = caller.ln_mean.exp();
        (spread <= CLOCKED_MAX).then(|| Clock {
            interval_s: rounded(mean_s, caller.ln_reach),
            epoch_s: mean_s * (DRIFT / spread).powi(2),
            epoch: 0.0,
            before: 1.0,
            fresh: 1.0,
            arcs: Vec::new(),
        })
    }

    fn unseen(&self) -> f64 {
        self.before * self.current()
    }

    /// Unseen at a phase of which nothing is known: by the part of the face that was never watched.
    fn current(&self) -> f64 {
        let watched_s: f64 = self.arcs.iter().map(|(from, to)| to - from).sum();
        (1.0 - watched_s / self.interval_s).max(self.fresh)
    }

    fn watch(&mut self, from_s: f64, to_s: f64, quiet: f64) {
        let epoch = (from_s / self.epoch_s).floor();
        if epoch != self.epoch {
            self.before *= self.current();
            (self.epoch, self.fresh) = (epoch, 1.0);
            self.arcs.clear();
        }
        self.fresh *= quiet;
        let from = from_s.rem_euclid(self.interval_s);
        let to = from + (to_s - from_s).min(self.interval_s);
        let parts = [(from, to.min(self.interval_s)), (0.0, to - self.interval_s)];
        parts.into_iter().filter(|(from, to)| to > from).for_each(|arc| self.add(arc));
    }

    fn add(&mut self, (mut from, mut to): (f64, f64)) {
        let first = self.arcs.partition_point(|arc| arc.1 < from);
        let behind = self.arcs.partition_point(|arc| arc.0 <= to);
        if let Some(touched) = self.arcs.get(first..behind).filter(|arcs| !arcs.is_empty()) {
            from = from.min(touched[0].0);
            to = to.max(touched[touched.len() - 1].1);
        } else if self.arcs.len() >= ARCS_MAX {
            return;
        }
        self.arcs.splice(first..behind.max(first), [(from, to)]);
    }
}

/// The roundest interval within reach of `mean_s`; itself when none is.
fn rounded(mean_s: f64, ln_reach: f64) -> f64 {
    let multiples = ROUND_S.iter().map(|round_s| (mean_s / round_s).round().max(1.0) * round_s);
    let mut within = multiples.filter(|multiple| (multiple / mean_s).ln().abs() <= ln_reach);
    within.next().unwrap_or(mean_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_S: f64 = 3600.0;
    const DAY_S: f64 = 24.0 * HOUR_S;

    fn unseen(temper: Temper, mean_s: f64, stretches: impl IntoIterator<Item = (f64, f64)>) -> f64 {
        let caller = Candidate { temper, ln_mean: mean_s.ln(), ln_reach: 0.001, weight: 1.0 };
        let mut unseen = Unseen::new(caller);
        stretches.into_iter().for_each(|(from_s, to_s)| unseen.watch(from_s, to_s));
        unseen.chance()
    }

    fn nights(count: u32, hours: f64) -> impl Iterator<Item = (f64, f64)> {
        (0..count).map(f64::from).map(move |night| (night * DAY_S, night * DAY_S + hours * HOUR_S))
    }

    #[test]
    fn a_memoryless_caller_knows_no_nights() {
        for (count, hours) in [(1, 9.0), (9, 1.0), (36, 0.25)] {
            let found = unseen(Temper::Memoryless, 2.0 * HOUR_S, nights(count, hours));
            assert!((found - (-4.5f64).exp()).abs() < 1e-5, "{count} nights of {hours} h: {found}");
        }
    }

    #[test]
    fn a_timer_is_seen_within_its_interval() {
        let strict = Temper::Lognormal(0.003);
        assert!(unseen(strict, 2.0 * HOUR_S, nights(1, 2.1)) < 1e-6);
        let found = unseen(strict, 2.0 * HOUR_S, nights(1, 0.5));
        assert!((found - 0.75).abs() < 1e-3, "a quarter of its phases was watched: {found}");
    }

    #[test]
    fn a_timer_that_divides_the_day_may_never_meet_the_same_hour() {
        let strict = Temper::Lognormal(0.003);
        let same_hour = unseen(strict, 6.0 * HOUR_S, nights(50, 0.5));
        assert!((same_hour - 11.0 / 12.0).abs() < 1e-3, "fifty nights are one: {same_hour}");
        let moving =
            (0..50).map(f64::from).map(|night| (night * 24.5 * HOUR_S, (night * 24.5 + 0.5) * HOUR_S));
        let moving = unseen(strict, 6.0 * HOUR_S, moving);
        assert!(moving < 0.015, "hours that move are new chances: {moving}");
        let jittered = unseen(Temper::Lognormal(0.2), 6.0 * HOUR_S, nights(50, 0.5));
        assert!(jittered < 0.05, "jitter makes each night a new chance: {jittered}");
    }

    #[test]
    fn a_sleeper_is_unseen_for_longer_than_its_hours_say() {
        let found = unseen(Temper::Lognormal(1.5), 8.0 * HOUR_S, nights(5, 8.0));
        assert!(found > 0.05, "{found}");
        assert!(unseen(Temper::Lognormal(1.5), 8.0 * HOUR_S, nights(40, 8.0)) < 0.01);
    }

    #[test]
    fn a_hole_of_a_millisecond_changes_nothing() {
        for temper in [Temper::Lognormal(1.5), Temper::Lognormal(0.5), Temper::Pareto] {
            let whole = unseen(temper, HOUR_S, [(0.0, 7200.0)]);
            let parted = unseen(temper, HOUR_S, [(0.0, 3000.0), (3000.001, 7200.0)]);
            assert!((whole - parted).abs() < 1e-3, "{temper:?}: {whole} against {parted}");
        }
    }

    #[test]
    fn the_roundest_interval_within_reach_is_taken() {
        for (mean_s, ln_reach, expected_s) in [
            (21_610.0, 0.001, 21_600.0),
            (21_650.0, 0.001, 21_650.0),
            (86_000.0, 0.01, 86_400.0),
            (5_400.0, 0.0, 5_400.0),
            (170_000.0, 0.02, 172_800.0),
        ] {
            assert_eq!(rounded(mean_s, ln_reach), expected_s);
        }
    }
}
