//! Is there room for one more hit, or one more pair of host and entry? What arrives from outside only must never take
//! the room of what a host sends.

/// How much of a table is used; what came from outside only may use half of it.
#[derive(Debug, Default)]
pub(super) struct Budget {
    used: usize,
    used_by_inbound: usize,
}

impl Budget {
    /// Whether one more of `2 * half` has room.
    pub(super) fn has_room(&self, is_out: bool, half: usize) -> bool {
        if is_out { self.used < 2 * half } else { self.used_by_inbound < half && self.used < 2 * half }
    }

    /// Takes the room of one.
    pub(super) fn spend(&mut self, is_out: bool) {
        self.used += 1;
        self.used_by_inbound += usize::from(!is_out);
    }
}
