//! How long was a live source watched? Looks at it in, stretches of time out.
//!
//! Time may count as watched only between two looks that both found everything well.

use super::interval::{Interval, Intervals};
use jiff::Timestamp;

/// A loop looks many times a second; when it did not for so long, the machine slept. In seconds.
pub const LOOK_GAP_SECONDS_MAX: f64 = 10.0;

/// How many separate stretches of watched time are kept: a link that goes up and down every ten
/// seconds for a day. What comes later counts as unwatched.
const STRETCHES_MAX: usize = 8640;

/// The time watched so far.
pub struct WatchedTime {
    /// Two looks that lie further apart than this, in seconds, prove nothing about the time between
    /// them.
    gap_seconds_max: f64,
    stretches: Vec<Interval>,
    last_good_look: Option<Timestamp>,
}

impl WatchedTime {
    /// No time yet; looks further apart than `gap_seconds_max` prove nothing about
    /// the time between them.
    pub fn new(gap_seconds_max: f64) -> WatchedTime {
        WatchedTime { gap_seconds_max, stretches: Vec::new(), last_good_look: None }
    }

    /// Notes that the source was looked at, and whether all was well.
    pub fn look(&mut self, now: Timestamp, is_well: bool) {
        if let (true, Some(last)) = (is_well, self.last_good_look) {
            self.extend(Interval::new(last, now));
        }
        self.last_good_look = is_well.then_some(now);
    }

    /// The time between looks that found all well.
    pub fn intervals(&self) -> Intervals {
        Intervals::of(self.stretches.iter().copied())
    }

    fn extend(&mut self, next: Interval) {
        if next.seconds() > self.gap_seconds_max {
            return;
        }
        let has_room = self.stretches.len() < STRETCHES_MAX;
        match self.stretches.last_mut() {
            Some(last) if last.to == next.from => last.to = next.to,
            _ if has_room => self.stretches.push(next),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(looks: &[(i64, bool)]) -> Vec<(i64, i64)> {
        let mut watched = WatchedTime::new(LOOK_GAP_SECONDS_MAX);
        for &(second, is_well) in looks {
            watched.look(Timestamp::from_second(second).expect("in range"), is_well);
        }
        watched.intervals().as_slice().iter().map(|i| (i.from.as_second(), i.to.as_second())).collect()
    }

    #[test]
    fn only_time_between_two_good_looks_is_watched() {
        assert_eq!(watched(&[(0, true), (1, true), (2, true)]), [(0, 2)]);
        assert_eq!(watched(&[(0, true), (1, true), (2, false), (3, true), (4, true)]), [(0, 1), (3, 4)]);
        assert_eq!(watched(&[(0, false), (1, true)]), []);
        assert_eq!(
            watched(&[(0, true), (10, true), (21, true), (22, true)]),
            [(0, 10), (21, 22)],
            "it slept"
        );
    }
}
