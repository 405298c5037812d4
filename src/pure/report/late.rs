//! Is what a mail says still so when it leaves? It is written as things stood when it was decided upon. One that a
//! server put off for days, or that waited for its turn, must not pass for today's news.
//!
//! Left of it is `folded`, whose words for a ticket that went on it uses. It must never let an order stand that was
//! overtaken, nor one without its time.

use super::folded::{FoldedRow, FoldedView};
use crate::pure::ticket::{Lines, TicketId};
use jiff::{SignedDuration, Timestamp};

/// A mail that leaves later than this after it was decided upon says so.
pub const LATE_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// Why a mail is told as its ticket stands now, in a mail of its own.
const WHY_LATE: &str = "as the ticket stands now: it could not leave before";

/// Whether what was decided upon at `at` is old when it leaves at `now`.
pub fn is_late(at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(at) > LATE_AFTER
}

/// What a late mail begins with, as decided upon at that time.
pub fn as_of(when: &str) -> String {
    format!("As of {when}: ")
}

/// What takes the place of a late mail whose ticket has gone on since: how that stands, what the mail said, and what
/// those did that it tells.
pub fn overtaken(ticket: TicketId, mail: Lines, told: Vec<(TicketId, FoldedRow)>) -> FoldedView {
    let since = told.first().map_or(&mail.when, |(_, oldest)| &oldest.when).clone();
    let rows = std::iter::once((ticket, FoldedRow::of(mail))).chain(told).collect();
    FoldedView { why: WHY_LATE.to_owned(), ..FoldedView::of(rows, since, None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_late_when_it_leaves_more_than_an_hour_after_its_event() {
        let at = Timestamp::UNIX_EPOCH;
        for (after, expected) in [(0, false), (3_600, false), (3_601, true), (-3_601, false)] {
            assert_eq!(is_late(at, at + SignedDuration::from_secs(after)), expected, "{after} s");
        }
    }
}
