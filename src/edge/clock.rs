//! What time is it, and can that be believed?
//!
//! The only place that reads the clock; everything else is given `now`.

use crate::pure::verdict::SystemClock;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The time now, later than every time this function gave before: order in the log and order in
/// time agree even when the system clock is set back.
pub fn now() -> Timestamp {
    // A panic elsewhere cannot leave a half-written time behind.
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    *last = after(*last, Timestamp::now());
    *last
}

/// The last time that [`now`] gave.
static LAST: Mutex<Timestamp> = Mutex::new(Timestamp::MIN);

/// How far the system clock lies behind [`now`]: it was set back, and until it has caught up time stands
/// nearly still.
pub fn lag() -> SignedDuration {
    let last = *LAST.lock().unwrap_or_else(PoisonError::into_inner);
    last.duration_since(Timestamp::now()).max(SignedDuration::ZERO)
}

/// An instant by two clocks: that of the wall, which people and programs set, and one that only goes
/// on while the machine is awake.
#[derive(Clone, Copy, Debug)]
pub struct Pulse {
    wall: Timestamp,
    steady: Instant,
}

impl Pulse {
    /// Now.
    pub fn take() -> Pulse {
        Pulse { wall: now(), steady: Instant::now() }
    }

    /// How much further the wall clock went than the steady one from this pulse to `later`: it was set
    /// forward, or the machine slept. Negative when it was set back.
    pub fn leap_until(&self, later: &Pulse) -> SignedDuration {
        let steady = SignedDuration::try_from(later.steady.duration_since(self.steady));
        later.wall.duration_since(self.wall) - steady.unwrap_or(SignedDuration::MAX)
    }

    /// What the wall clock said.
    pub fn wall(&self) -> Timestamp {
        self.wall
    }
}

fn after(last: Timestamp, raw: Timestamp) -> Timestamp {
    raw.max(last.checked_add(Duration::from_nanos(1)).unwrap_or(Timestamp::MAX))
}

/// When the system clock is set back by more than this during a run, the times of its packets cannot be
/// believed. A time daemon moves it by less without anybody's noticing.
const SET_BACK_MAX: SignedDuration = SignedDuration::from_secs(60);

/// The time of what is under way, and how much is.
static UNDER_WAY: Mutex<(usize, Option<Pace>)> = Mutex::new((0, None));

/// Time that goes on at its own pace when the system clock is set back, and follows it forwards.
#[derive(Clone, Copy)]
struct Pace {
    from: Timestamp,
    at: Instant,
}

impl Pace {
    /// What time it is, so long after `at`, where the system says `now`.
    fn time(&self, passed: Duration, now: Timestamp) -> Timestamp {
        now.max(self.from.saturating_add(passed).unwrap_or(Timestamp::MAX))
    }
}

/// Something that lasts a while is under way until this is dropped: by [`watching`], it ends after its
/// time although [`now`] stands still for hours, as it does when the system clock was set back.
#[derive(Debug)]
pub struct Watch(());

impl Watch {
    /// Begins it.
    pub fn begin() -> Watch {
        let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.0 += 1;
        Watch(())
    }

    /// Whether the system clock is behind: it was set back, and [`now`] waits for it.
    pub fn was_set_back(&self) -> bool {
        watching().duration_since(Timestamp::now()) > SET_BACK_MAX
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.0 -= 1;
        if under_way.0 == 0 {
            under_way.1 = None;
        }
    }
}

/// The time for what is under way ([`Watch`]); the same as [`now`], except after the system clock was
/// set back.
pub fn watching() -> Timestamp {
    let now = now();
    let mut under_way = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
    let at = Instant::now();
    let known = under_way.1.map(|pace| pace.time(at - pace.at, now));
    let from = known.unwrap_or(now);
    if under_way.0 > 0 {
        under_way.1 = Some(Pace { from, at });
    }
    from
}

/// A moment that comes, whatever the system clock is set to.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// So long after now.
    pub fn after(wait: Duration) -> Deadline {
        Deadline(Instant::now() + wait)
    }

    /// How long it is until then; zero once it has come.
    pub fn left(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// Whether the system clock is synchronised, as far as the kernel knows (adjtimex(2)).
///
/// A kernel that no time daemon ever told (a virtual machine that takes its time from the host, say) calls
/// itself unsynchronised, too, but that is not known.
pub fn system_clock() -> SystemClock {
    // SAFETY: all zero is a valid `timex`; with `modes` 0 the call only fills it in.
    let (state, status) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&mut timex), timex.status)
    };
    if state < 0 { SystemClock::Unknown } else { reading(status) }
}

fn reading(status: i32) -> SystemClock {
    let is_kept = status & (libc::STA_PLL | libc::STA_FLL | libc::STA_PPSFREQ | libc::STA_PPSTIME) != 0;
    match (status & libc::STA_UNSYNC != 0, is_kept) {
        (false, _) => SystemClock::Synchronised,
        (true, true) => SystemClock::Unsynchronised,
        (true, false) => SystemClock::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_nobody_ever_kept_is_not_known_to_be_wrong() {
        assert_eq!(reading(libc::STA_PLL), SystemClock::Synchronised);
        assert_eq!(reading(libc::STA_PLL | libc::STA_UNSYNC), SystemClock::Unsynchronised);
        assert_eq!(reading(libc::STA_UNSYNC), SystemClock::Unknown);
    }

    #[test]
    fn time_goes_on_when_the_system_clock_is_set_back() {
        let at = |nanosecond| Timestamp::from_nanosecond(nanosecond).expect("in range");
        assert_eq!(after(at(10), at(500)), at(500));
        assert_eq!(after(at(10), at(10)), at(11));
        assert_eq!(after(at(10), at(3)), at(11));
        assert!(now() < now());
    }

    #[test]
    fn what_is_under_way_ends_in_time_whatever_the_clock_is_set_to() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        let pace = Pace { from: at(1000), at: Instant::now() };
        for (row, passed_s, now_s, wanted_s) in [
            ("all is well", 10, 1010, 1010),
            ("set back: `now` stands still", 10, 1000, 1010),
            ("set forward", 10, 5000, 5000),
        ] {
            assert_eq!(pace.time(Duration::from_secs(passed_s), at(now_s)), at(wanted_s), "{row}");
        }
        let watch = Watch::begin();
        let (before, after) = (watching(), watching());
        assert!(before < after && !watch.was_set_back());
    }
}
