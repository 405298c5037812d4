//! What did people decide about a ticket, besides its work? That it waits, that somebody answers for the
//! infection, that it is taken up again: each with their reason.

use super::view::Material;
use crate::pure::ticket::{Event, Phase, Recorded};
use crate::pure::words::{self, local_time};
use jiff::Timestamp;

/// Why it waits, and how long: the hold, the school break, or both.
pub(super) fn hold(material: &Material) -> String {
    let zone = &material.site.timezone;
    let until = |end: Timestamp| format!(" until {}", local_time(end, zone));
    let held = material.ticket.hold.as_ref().map(|hold| {
        let (since, end) = (local_time(hold.since, zone), hold.until.map(until).unwrap_or_default());
        format!("since {since}{end}, by {}: {}", words::name(&hold.by), hold.reason)
    });
    let closed =
        material.standing.break_end.map(|end| format!("{}: the site is closed", until(end).trim_start()));
    held.into_iter().chain(closed).collect::<Vec<_>>().join("; ")
}

/// Who answers for the infection, until when, and why; nothing where nobody does.
pub(super) fn risk(material: &Material) -> String {
    let zone = &material.site.timezone;
    let words = material.ticket.risk.as_ref().map(|risk| {
        let end =
            risk.until.map_or("without end".to_string(), |end| format!("until {}", local_time(end, zone)));
        format!("by {} {end}: {}", words::name(&risk.by), risk.reason)
    });
    words.unwrap_or_default()
}

/// Why the ticket was last taken up again after its end; `None` when it never was.
pub(super) fn reopening(events: &[Recorded]) -> Option<&str> {
    events.iter().rev().find_map(|recorded| match &recorded.event {
        Event::PhaseChanged { from, to: Phase::Reported, because } if !from.is_open() => {
            Some(because.as_str())
        }
        _ => None,
    })
}
