//! How long could a host have been seen calling? Exposure before and after its cleaning, out of the
//! runs on record.
//!
//! It must never count a second twice, nor one in which silence means nothing.

use super::{Host, HostExposure, HostState, RunEnd, Ticket, hosts};
use crate::pure::interval::{Interval, Intervals};
use crate::pure::sighting::ContactSpan;
use jiff::Timestamp;

/// The host's contacts before its cleaning in runs whose capture could be trusted to see them.
pub(super) fn attentive_contacts(ticket: &Ticket, host: &Host) -> Vec<ContactSpan> {
    let seen: Vec<ContactSpan> = ended(ticket)
        .filter(|end| end.is_attentive)
        .flat_map(|end| &end.exposures)
        .filter(|exposure| is_of(host, exposure))
        .flat_map(|exposure| &exposure.contacts)
        .filter(|contact| host.cleaned.is_none_or(|cleaned| contact.first <= cleaned))
        .copied()
        .collect();
    hosts::merge(&[], &seen)
}

/// S: exposure between the first and the last contact. A quiet capture counts too, and so do doubtful
/// seconds: more of them make the learned rate lower, which errs on the safe side.
pub(super) fn exposure_before(ticket: &Ticket, host: &Host, contacts: &[ContactSpan]) -> f64 {
    let (Some(first), Some(last)) = (contacts.first(), contacts.last()) else { return 0.0 };
    let watched = |seen: &HostExposure| seen.present.clone();
    exposure(ticket, host, Interval::new(first.first, last.first), |end| end.is_attentive, watched)
}

/// T: exposure since the cleaning, only from captures whose silence means something, and without the
/// seconds in which a contact could have gone unseen.
pub(super) fn exposure_since(ticket: &Ticket, host: &Host) -> f64 {
    let Some(cleaned) = host.cleaned.filter(|_| host.state != HostState::Infected) else { return 0.0 };
    let well_watched = |seen: &HostExposure| seen.present.without(&seen.doubtful);
    exposure(ticket, host, Interval::new(cleaned, Timestamp::MAX), |end| end.is_healthy, well_watched)
}

/// Seconds within `limits` in which the host could be seen in such runs, each counted once, less what the
/// captures lost.
fn exposure(
    ticket: &Ticket,
    host: &Host,
    limits: Interval,
    counts: impl Fn(&RunEnd) -> bool,
    seconds: impl Fn(&HostExposure) -> Intervals,
) -> f64 {
    let mut all = Vec::new();
    let mut lost_seconds = 0.0;
    for end in ended(ticket).filter(|end| counts(end)) {
        for seen in end.exposures.iter().filter(|exposure| is_of(host, exposure)) {
            let present = seconds(seen).within(limits);
            lost_seconds += present.seconds() * end.lost_share;
            all.extend_from_slice(present.as_slice());
        }
    }
    (Intervals::of(all).seconds() - lost_seconds).max(0.0)
}

fn ended(ticket: &Ticket) -> impl Iterator<Item = &RunEnd> {
    ticket.runs.iter().filter_map(|run| run.end.as_ref())
}

fn is_of(host: &Host, exposure: &HostExposure) -> bool {
    hosts::find(std::slice::from_ref(host), exposure.host, exposure.mac).is_some()
}
