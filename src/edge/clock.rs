//! What time is it, and can that be believed?
//!
//! The only place that reads the clock; everything else is given `now`.

use jiff::Timestamp;
use std::sync::Mutex;
use std::time::Duration;

/// The time now, later than every time this function gave before: order in the log and order in
/// time agree even when the system clock is set back.
pub fn now() -> Timestamp {
    static LAST: Mutex<Timestamp> = Mutex::new(Timestamp::MIN);
    // A panic elsewhere cannot leave a half-written time behind.
    let mut last = LAST.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    *last = after(*last, Timestamp::now());
    *last
}

fn after(last: Timestamp, raw: Timestamp) -> Timestamp {
    raw.max(last.checked_add(Duration::from_nanos(1)).unwrap_or(Timestamp::MAX))
}

/// Whether the kernel holds the system clock to be synchronised (adjtimex(2): STA_UNSYNC is what
/// `timedatectl` and chrony show, too); `None` when it does not say.
pub fn is_clock_synchronised() -> Option<bool> {
    // SAFETY: all zero is a valid `timex`; with `modes` 0 the call only fills it in.
    let (state, status) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&mut timex), timex.status)
    };
    (state >= 0).then_some(status & libc::STA_UNSYNC == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_when_the_system_clock_is_set_back() {
        let at = |nanosecond| Timestamp::from_nanosecond(nanosecond).expect("in range");
        assert_eq!(after(at(10), at(500)), at(500));
        assert_eq!(after(at(10), at(10)), at(11));
        assert_eq!(after(at(10), at(3)), at(11));
        assert!(now() < now());
    }
}
