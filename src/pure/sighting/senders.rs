//! Who sent the last packets, as far as they were inside? They wait here until they are noted together.
//!
//! Whether a packet comes from inside is a toss-up, and each wrong guess of a processor costs as much as a
//! third of all that is done with a packet. So every sender is written down, and those from outside are
//! written over.

use super::heard::{HostKey, MacKey};

/// So many wait at most, in the first-level cache.
const SENDERS_MAX: usize = 64;

/// One packet's sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    pub(super) host: HostKey,
    pub(super) mac: MacKey,
    pub(super) time_ns: i64,
}

/// Senders in the order of their packets.
#[derive(Debug)]
pub(super) struct Senders {
    waiting: Box<[Sender; SENDERS_MAX]>,
    count: usize,
}

impl Senders {
    pub(super) fn new() -> Senders {
        let nobody = Sender { host: 0, mac: MacKey::NONE, time_ns: 0 };
        Senders { waiting: Box::new([nobody; SENDERS_MAX]), count: 0 }
    }

    /// Adds the sender where it `is_inside`; tells whether there is no room for another one.
    #[inline(always)]
    pub(super) fn add(&mut self, sender: Sender, is_inside: bool) -> bool {
        self.waiting[self.count % SENDERS_MAX] = sender;
        self.count += usize::from(is_inside);
        self.count >= SENDERS_MAX
    }

    /// Gives each that waits to `note`, and is empty then.
    pub(super) fn drain(&mut self, note: impl FnMut(&Sender)) {
        self.waiting[..self.count].iter().for_each(note);
        self.count = 0;
    }
}
