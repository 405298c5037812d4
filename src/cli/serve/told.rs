//! What does `serve` say of what happened, to whoever reads its log?

use crate::pure::report::words;
use crate::pure::ticket::{DetectionEvent, Event, Recorded, TicketId};
use crate::pure::verdict::Verdict;

/// Whose run it is, in words.
pub fn whose(ticket: TicketId) -> String {
    if ticket == TicketId::NONE { "detect".to_owned() } else { format!("ticket {ticket}") }
}

/// A run of a `detect` stage that did not see enough, in a sentence: it has no ticket that shows it.
pub fn blind_detection(recorded: &Recorded) -> Option<String> {
    let Event::Detection { of, event: DetectionEvent::RunEnded(end) } = &recorded.event else { return None };
    let is_blind = !matches!(end.verdict, Some(Verdict::Pass | Verdict::Fail));
    let reasons: Vec<&str> = end.reasons.iter().map(|reason| reason.text.as_str()).collect();
    let verdict = end.verdict.map_or(words::outcome(end.outcome), words::verdict);
    is_blind.then(|| {
        format!("{of}: run {} is {verdict}, nothing is known of it: {}", end.run, reasons.join("; "))
    })
}
