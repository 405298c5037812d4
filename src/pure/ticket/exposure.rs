//! How long could a host have been seen calling? Exposure before and after its cleaning, out of the
//! runs on record.
//!
//! It must never count a second twice, nor one in which silence means nothing.

use super::{Host, HostExposure, HostState, Run, RunEnd, Ticket, hosts};
use crate::pure::assurance::Past;
use crate::pure::interval::{Interval, Intervals};
use crate::pure::packet::is_same_machine;
use crate::pure::sighting::ContactSpan;
use jiff::Timestamp;
use std::time::Duration;

/// When its silence began to count; `None` while it is infected, again or still.
pub(super) fn cleaned(host: &Host) -> Option<Timestamp> {
    host.cleaned.filter(|_| host.state != HostState::Infected)
}

/// The host's contacts before its cleaning in runs whose capture could be trusted to see them.
fn attentive_contacts(ticket: &Ticket, host: &Host) -> Vec<ContactSpan> {
    let seen: Vec<ContactSpan> = ended(ticket)
        .filter(|end| end.is_attentive)
        .flat_map(|end| &end.exposures)
        .filter(|exposure| is_of(host, exposure))
        .flat_map(|exposure| &exposure.contacts)
        .filter(|contact| cleaned(host).is_none_or(|cleaned| contact.first <= cleaned))
        .copied()
        .collect();
    hosts::merge(&[], &seen)
}

/// How it called before its cleaning: its contacts, and when it could have been seen between them. A quiet
/// capture counts too, and so do doubtful seconds and those in which packets were lost: more of them make
/// it look slower, which errs on the safe side.
pub(super) fn past(ticket: &Ticket, host: &Host) -> Past {
    let contacts = attentive_contacts(ticket, host);
    let (Some(first), Some(last)) = (contacts.first(), contacts.last()) else { return Past::default() };
    let limits = Interval::new(first.first, last.first);
    let watched = exposure(ticket, host, limits, |_, end| end.is_attentive, |_, seen| seen.present.clone());
    let since_first = |at: Timestamp| at.duration_since(first.first).as_secs_f64();
    let contacts: Vec<f64> = contacts.iter().map(|contact| since_first(contact.first)).collect();
    let watched: Vec<(f64, f64)> =
        watched.as_slice().iter().map(|seen| (since_first(seen.from), since_first(seen.to))).collect();
    Past::of(&contacts, &watched)
}

/// T: exposure since the cleaning, only from captures whose silence means something and in which all was looked for
/// that the reports name, without the seconds in which a contact could have gone unseen, and shorter by the share of
/// packets that was lost.
pub(super) fn exposure_since(ticket: &Ticket, host: &Host) -> Intervals {
    let Some(cleaned) = cleaned(host) else { return Intervals::default() };
    let limits = Interval::new(cleaned, Timestamp::MAX);
    let well_watched = |end: &RunEnd, seen: &HostExposure| {
        let watched = seen.present.without(&seen.doubtful).within(limits);
        Intervals::of(watched.as_slice().iter().map(|stretch| shortened(*stretch, end.lost_share)))
    };
    let is_whole = |run: &Run| ticket.widened.is_none_or(|widened| widened <= run.started);
    exposure(ticket, host, limits, |run, end| end.is_healthy && is_whole(run), well_watched)
}

fn shortened(stretch: Interval, lost_share: f64) -> Interval {
    let kept = 1.0 - if lost_share > 0.0 { lost_share.min(1.0) } else { 0.0 };
    Interval::lasting(stretch.from, Duration::from_secs_f64(stretch.seconds() * kept))
}

/// When the host could be seen within `limits` in such runs; what two runs watched counts once.
fn exposure(
    ticket: &Ticket,
    host: &Host,
    limits: Interval,
    counts: impl Fn(&Run, &RunEnd) -> bool,
    stretches: impl Fn(&RunEnd, &HostExposure) -> Intervals,
) -> Intervals {
    let mut all = Vec::new();
    let ended = ticket.runs.iter().filter_map(|run| Some((run, run.end.as_ref()?)));
    for (_, end) in ended.filter(|(run, end)| counts(run, end)) {
        for seen in end.exposures.iter().filter(|exposure| is_of(host, exposure)) {
            all.extend_from_slice(stretches(end, seen).within(limits).as_slice());
        }
    }
    Intervals::of(all)
}

fn ended(ticket: &Ticket) -> impl Iterator<Item = &RunEnd> {
    ticket.runs.iter().filter_map(|run| run.end.as_ref())
}

fn is_of(host: &Host, exposure: &HostExposure) -> bool {
    is_same_machine((host.host, host.mac), (exposure.host, exposure.mac))
}
