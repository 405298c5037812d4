//! Was what must always be there seen: the positive control, and the probe that allclear sends itself?
//!
//! Asked by `gaps`. Unseen, the capture is blind, and so is the verdict.

use super::{Control, ProbeFacts, SourceFacts};
use crate::pure::interval::Interval;
use crate::pure::number::{count, duration, grouped};
use crate::pure::playbook::JudgeCriteria;

/// The positive control was not seen, or could not be looked for.
pub(super) fn missing(source: &SourceFacts) -> Option<String> {
    match &source.control {
        Control::NotAsked | Control::Seen => None,
        Control::Missing => Some(
            "the positive control was not seen once: check that the capture sees the inside traffic, and that the control is still there"
                .to_string(),
        ),
        Control::NotApplied(why) => Some(format!(
            "the positive control could not be looked for ({why}): mend `positive_control`, or leave it out"
        )),
    }
}

/// The probe was not sent, not seen, or not seen for too much of the time.
pub(super) fn probe_missing(
    criteria: &JudgeCriteria,
    planned: Interval,
    source: &SourceFacts,
) -> Option<String> {
    let probe = source.probe.as_ref()?;
    let ProbeFacts { to, every, seen, sent, failure } = probe;
    if *seen == 0 {
        return Some(match (failure, sent) {
            (Some(why), _) => format!(
                "the probe to {to} could not be sent ({why}): give this machine a way there, or change `probe`"
            ),
            (None, Some(0)) => format!("no probe to {to} was sent in the window: capture for a longer time"),
            (None, Some(sent)) => format!(
                "the probe to {to} was sent {} and seen 0 of them: the capture is blind, or what is sent there \
                 does not cross it; check the mirror port, and the way to {to}",
                count(*sent, "time")
            ),
            (None, None) => format!(
                "the recordings show no probe to {to}: check that the recorder sees what this machine sends there"
            ),
        });
    }
    let attended = source.attended().within(planned);
    let probed = attended.intersection(&source.ledger.probed(*every)).seconds();
    let is_blind = !source.ledger.is_empty() && probed < attended.seconds() * criteria.watched_min;
    is_blind.then(|| {
        let sent = sent.map_or(String::new(), |sent| format!(" of {} that were sent", grouped(sent)));
        format!(
            "the probe to {to} was seen near {} of {} only ({}{sent}): check the mirror port, and that the \
             way to {to} leads past it all the time",
            duration(probed as u64),
            duration(attended.seconds() as u64),
            grouped(*seen)
        )
    })
}
