//! Did somebody inside call who is hidden from the capture: by the NAT, or by a resolver that asks in his
//! place?
//!
//! Both are the reason `wrong_side`.

use super::gaps::listed;
use super::{CaptureFacts, SourceFacts};
use crate::pure::number::count;
use crate::pure::playbook::JudgeCriteria;
use crate::pure::sighting::{ContactSpan, FilterPlace, Hit, HostFinding, OneWay};
use std::collections::BTreeSet;

/// Packets of a watchlist entry whose inside end is also seen making contact, at the time, are explained (the
/// capture sees both sides of the NAT); those that nobody inside explains are not.
pub(super) fn wrong_side(criteria: &JudgeCriteria, source: &SourceFacts) -> Option<String> {
    let observation = &source.observation;
    let unattributed = observation.unattributed_sightings;
    let contacts: u64 = observation.hosts.iter().map(|finding| finding.contacts).sum();
    let is_enough = contacts >= criteria.fail_at.max(1);
    if unattributed > 0 && !is_enough && !are_explained(&observation.unattributed_spans, &observation.hosts) {
        return Some(format!(
            "{} with a watchlist entry but no inside host: the capture is not on the inside of the NAT, or `inside` lacks a network; move it, or add the network",
            count(unattributed, "packet"),
        ));
    }
    // Each may stand for as many contacts as are lacking.
    if observation.unseen_calls > 0 && !is_enough {
        return Some(format!(
            "{} to a watchlist entry known only from the answers or errors that came back: what inside hosts send is not all heard; mirror both directions of the port",
            count(observation.unseen_calls, "call"),
        ));
    }
    if observation.coverage.one_way == Some(OneWay::Inbound) {
        return Some(
            "only traffic towards inside hosts was heard, and none of what they send: mirror both directions of the port"
                .to_string(),
        );
    }
    // A filter of ours lets all be heard.
    let is_all_heard = observation.coverage.filter != Some(FilterPlace::Kernel);
    if is_all_heard && observation.coverage.inside_hosts > 0 && observation.coverage.unicast_packets == 0 {
        return Some(
            "only packets to all or to a group were heard, as on any port that mirrors nothing: mirror the port that leads outside"
                .to_string(),
        );
    }
    let heard = observation.coverage.heard_packets;
    (heard > 0 && observation.coverage.inside_hosts == 0).then(|| {
        format!(
            "heard {} and none from an inside host: capture on the inside of the NAT, and check `inside`",
            count(heard, "packet"),
        )
    })
}

/// Whether some of these hosts made contact whenever this was.
fn are_explained<'a>(spans: &[ContactSpan], hosts: impl IntoIterator<Item = &'a HostFinding>) -> bool {
    let contacts: Vec<ContactSpan> =
        hosts.into_iter().flat_map(|finding| finding.spans.iter().copied()).collect();
    !contacts.is_empty() && spans.iter().all(|span| span.is_near(&contacts))
}

/// What a resolver asked for a host that is seen asking, by any source, at the time, is explained; else the one that
/// asked is hidden behind it.
pub(super) fn behind_resolver(
    criteria: &JudgeCriteria,
    facts: &CaptureFacts,
    source: &SourceFacts,
) -> Option<String> {
    let hosts: Vec<&HostFinding> =
        facts.sources.iter().flat_map(|source| &source.observation.hosts).collect();
    let explained: BTreeSet<&str> =
        hosts.iter().flat_map(|finding| &finding.hits).map(|hit| hit.entry.as_str()).collect();
    let is_enough = hosts.iter().map(|finding| finding.contacts).sum::<u64>() >= criteria.fail_at.max(1);
    let (mut resolvers, mut entries) = (BTreeSet::new(), BTreeSet::new());
    for finding in &source.observation.indirect {
        let is_timely = is_enough || are_explained(&finding.spans, hosts.iter().copied());
        let is_explained = |hit: &Hit| is_timely && explained.contains(hit.entry.as_str());
        for hit in finding.hits.iter().filter(|hit| !is_explained(hit)) {
            resolvers.insert(finding.host);
            entries.insert(hit.entry.clone());
        }
    }
    (!entries.is_empty()).then(|| {
        format!(
            "{} asked by DNS for {}, on behalf of an inside host that the capture does not show: capture \
             between the hosts and their resolver",
            listed(&resolvers.iter().map(ToString::to_string).collect::<Vec<_>>()),
            listed(&entries.into_iter().collect::<Vec<_>>()),
        )
    })
}
