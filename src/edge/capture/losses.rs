//! How many packets did an open handle lose? The counters of libpcap and of the kernel in, one count out.
//!
//! `tap` asks for both at each look. A packet that was heard must not count as lost, and none that was
//! lost as heard, whatever a counter does.

/// What the kernel has dropped after it was heard may lie in the ring still, in a block that is not full: two
/// looks later it was handed out, unless we are behind.
const SETTLED_LOOKS: usize = 2;

/// Packets lost since the handle was opened. libpcap's counters are 32 bits wide and wrap.
#[derive(Debug, Default)]
pub(super) struct Losses {
    ring: u64,
    driver: u64,
    last: (u32, u32),
    /// What the kernel has dropped by its own count: at the last looks, the oldest first.
    dropped: [u64; SETTLED_LOOKS + 1],
    dropped_last: Option<u64>,
    /// Those of them that were not heard before.
    unheard: u64,
}

impl Losses {
    /// Counted from this on.
    pub(super) fn since(dropped: Option<u64>) -> Losses {
        Losses { dropped_last: dropped, ..Losses::default() }
    }

    /// Adds what libpcap counts.
    pub(super) fn add(&mut self, ring: u32, driver: u32) {
        self.ring += u64::from(ring.wrapping_sub(self.last.0));
        self.driver += u64::from(driver.wrapping_sub(self.last.1));
        self.last = (ring, driver);
    }

    /// Adds what the kernel counts, of which `heard` packets in all were handed out before. A count that
    /// has fallen began anew: the driver was reset, or its counter wrapped.
    pub(super) fn add_dropped(&mut self, count: Option<u64>, heard: u64) {
        let Some(count) = count else { return };
        let new = self.dropped_last.map_or(0, |last| count.checked_sub(last).unwrap_or(count));
        let newest = self.dropped[SETTLED_LOOKS].saturating_add(new);
        self.dropped.rotate_left(1);
        self.dropped[SETTLED_LOOKS] = newest;
        self.dropped_last = Some(count);
        self.unheard = self.unheard.max(self.dropped[0].saturating_sub(heard));
    }

    /// The ring was emptied: what was not handed out by now was lost.
    pub(super) fn settle(&mut self, heard: u64) {
        self.unheard = self.unheard.max(self.dropped[SETTLED_LOOKS].saturating_sub(heard));
    }

    /// What the ring lost, and what the driver lost by whichever count is larger: libpcap leaves
    /// some drivers' drops out, and the kernel's may not be readable. It never falls.
    pub(super) fn total(&self) -> u64 {
        self.ring + self.driver.max(self.unheard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_counted_through_a_wrap() {
        let mut losses = Losses::default();
        losses.add(u32::MAX, 5);
        losses.add(4, 7);
        assert_eq!(losses.total(), u64::from(u32::MAX) + 5 + 7);
    }

    #[test]
    fn a_driver_that_counts_anew_takes_no_loss_back() {
        let mut losses = Losses::since(Some(100));
        losses.add(0, 7);
        let rows = [
            ("nothing new", Some(100), 7),
            ("by libpcap's count, which is larger", Some(105), 7),
            ("by the driver's own", Some(120), 20),
            ("unreadable", None, 20),
            ("counted anew", Some(3), 23),
            ("and on", Some(10), 30),
            ("anew, from nothing", Some(0), 30),
        ];
        for (row, count, total) in rows {
            losses.add_dropped(count, 0);
            losses.settle(0);
            assert_eq!(losses.total(), total, "{row}");
        }
        // The first count that can be read is where it begins.
        let mut late = Losses::default();
        late.add_dropped(Some(1_000), 0);
        late.settle(0);
        assert_eq!(late.total(), 0);
    }

    #[test]
    fn what_was_heard_before_it_was_dropped_is_no_loss_however_late_it_is_handed_out() {
        let mut losses = Losses::since(Some(0));
        let rows = [
            ("dropped, and still in the ring", 50, 0, 0),
            ("the rest comes", 50, 20, 0),
            ("all of it came", 50, 50, 0),
            ("heard before its drop is counted", 50, 60, 0),
            ("of the next fifty ten were not heard", 110, 70, 0),
            ("which is known", 110, 100, 0),
            ("two looks later", 110, 100, 10),
            ("for good", 110, 110, 10),
        ];
        for (row, count, heard, total) in rows {
            losses.add_dropped(Some(count), heard);
            assert_eq!(losses.total(), total, "{row}");
        }
        losses.add_dropped(Some(130), 110);
        assert_eq!(losses.total(), 10);
        losses.settle(110);
        assert_eq!(losses.total(), 20, "nothing more can come");
    }
}
