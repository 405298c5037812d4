//! Pass, fail or inconclusive? And would silence in this capture have meant anything?
//!
//! The gaps come from `gaps`; here is only what follows from them.

use super::gaps::gaps;
use super::{CaptureFacts, Judgement, Reason, ReasonCode, Verdict};
use crate::pure::number::count;
use crate::pure::playbook::JudgeCriteria;
use crate::pure::sighting::{ContactSpan, HostFinding};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The verdict on one run, after design "How a run is judged".
///
/// A fail has the one reason `contacts`: a contact seen in a bad capture is still a contact. An
/// inconclusive run has every reason that holds, in the design's order; with several sources a reason
/// may come once for each, and its text names the source. A pass has none.
pub fn judge(criteria: &JudgeCriteria, facts: &CaptureFacts) -> Judgement {
    let contacts = contacts_by_host(facts);
    if contacts.values().sum::<u64>() >= criteria.fail_at.max(1) {
        return Judgement { verdict: Verdict::Fail, reasons: vec![contacts_reason(&contacts)] };
    }
    let reasons = gaps(criteria, facts);
    let verdict = if reasons.is_empty() { Verdict::Pass } else { Verdict::Inconclusive };
    Judgement { verdict, reasons }
}

/// Whether silence in this capture means something, whatever the verdict: only then is its watched
/// time exposure. A capture that ended early is healthy while it lasted.
pub fn is_healthy(criteria: &JudgeCriteria, facts: &CaptureFacts) -> bool {
    gaps(criteria, facts).iter().all(|reason| !reason.code.facts().is_blinding)
}

/// As [`is_healthy`], but a quiet capture will do: enough to learn from contacts that were seen how
/// often a host makes them.
pub fn is_attentive(criteria: &JudgeCriteria, facts: &CaptureFacts) -> bool {
    let mut codes = gaps(criteria, facts).into_iter().map(|reason| reason.code);
    codes.all(|code| code == ReasonCode::TooQuiet || !code.facts().is_blinding)
}

/// How many contacts each host made, over all sources.
fn contacts_by_host(facts: &CaptureFacts) -> BTreeMap<IpAddr, u64> {
    let mut findings: BTreeMap<IpAddr, Vec<&HostFinding>> = BTreeMap::new();
    for finding in facts.sources.iter().flat_map(|source| &source.observation.hosts) {
        findings.entry(finding.host).or_default().push(finding);
    }
    findings.into_iter().map(|(host, seen)| (host, contacts_seen(&seen))).collect()
}

/// What several sources saw of one host: a contact that two of them saw counts once. Never less than
/// the most that one of them counted.
fn contacts_seen(findings: &[&HostFinding]) -> u64 {
    let counted = findings.iter().map(|finding| finding.contacts).max().unwrap_or(0);
    let spans = findings.iter().flat_map(|finding| finding.spans.iter().copied());
    counted.max(ContactSpan::joined(spans).len() as u64)
}

/// How many hosts made how many contacts.
pub fn contacts_reason(contacts: &BTreeMap<IpAddr, u64>) -> Reason {
    let hosts = contacts.values().filter(|contacts| **contacts > 0).count();
    let total: u64 = contacts.values().sum();
    let (hosts, made) = (count(hosts as u64, "inside host"), count(total, "contact"));
    let text = format!("{hosts} made {made}");
    Reason { code: ReasonCode::Contacts, text }
}
