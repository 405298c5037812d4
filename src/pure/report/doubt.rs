//! What kept the last nights from proving anything, in a few words, and who has to do what? For the first lines
//! of a mail, which is all that many people read; the sentences of each night stand below.
//!
//! Left of it are the verdicts' reasons. It must never leave a reason without words of its own.

use super::machines::{label, was_were};
use super::nights::is_heard;
use super::view::Material;
use crate::pure::playbook::StageName;
use crate::pure::ticket::{Host, Run, Ticket};
use crate::pure::verdict::ReasonCode::{self, *};
use crate::pure::verdict::{Mender, Outcome, Verdict};
use crate::pure::words::{count, local_window};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Why the last nights prove nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DoubtView {
    /// `the last 3 nights`.
    pub nights: String,
    /// What was missing in most of them: `the capture was blind: ...`.
    pub cause: String,
    /// The same in a few words, for a subject.
    pub brief: String,
    /// Whether that is a machine, so that the cause begins with it.
    pub is_absence: bool,
    /// That machine: `10.16.24.95 (LAB-9)`, or `10.16.24.95 (LAB-9) and 1 more`.
    pub absent: String,
    /// `was` or `were`, as it asks for.
    pub was_were: String,
    /// What to do about it.
    pub deed: String,
    pub has_more: bool,
    /// `2 more causes`.
    pub more: String,
}

impl Default for DoubtView {
    /// Of a ticket whose nights give no reason.
    fn default() -> DoubtView {
        DoubtView {
            nights: "the last nights".to_string(),
            cause: "the network was not watched well enough".to_string(),
            brief: "not watched well enough".to_string(),
            is_absence: false,
            absent: String::new(),
            was_were: "was".to_string(),
            deed: "remove the causes named below".to_string(),
            has_more: false,
            more: String::new(),
        }
    }
}

/// Of the newest nights without a pass or fail between, as many as make such a mail.
pub fn doubt(material: &Material) -> DoubtView {
    let runs = doubtful(material);
    let nights: Vec<Vec<ReasonCode>> = runs.iter().map(|run| codes(run)).collect();
    let causes = causes(&nights);
    let Some(first) = causes.first() else { return DoubtView::default() };
    let more = (causes.len() - 1) as u64;
    let hosts = absent(material.ticket, &runs);
    let is_absence = *first == HostAbsent && !hosts.is_empty();
    DoubtView {
        nights: if nights.len() == 1 {
            "the last night".to_string()
        } else {
            format!("the last {}", count(nights.len() as u64, "night"))
        },
        cause: if is_absence { not_heard(material.ticket, &hosts) } else { first.facts().cause.to_string() },
        brief: first.facts().brief.to_string(),
        is_absence,
        was_were: was_were(hosts.len()).to_string(),
        absent: if is_absence { label(material.ticket, &hosts) } else { String::new() },
        deed: to_do(material, &causes, &hosts),
        has_more: more > 0,
        more: count(more, "more cause"),
    }
}

fn doubtful<'a>(material: &Material<'a>) -> Vec<&'a Run> {
    let verified = material.runs.iter().rev().filter(|run| run.stage == StageName::Verify);
    let since = verified.take_while(|run| !is_certain(run)).filter(|run| is_doubtful(run));
    since.take(material.playbook.judge.inconclusive_row.max(1) as usize).collect()
}

/// The machines that were not heard in nights that are doubtful for it, those of most nights first.
fn absent<'a>(ticket: &'a Ticket, runs: &[&Run]) -> Vec<&'a Host> {
    let nights = |host: &Host| {
        let of_absence = runs.iter().filter(|run| codes(run).contains(&HostAbsent));
        of_absence.filter(|run| run.end.as_ref().is_some_and(|end| !is_heard(host, end))).count()
    };
    let counted = ticket.watched_hosts().map(|host| (nights(host), host));
    let mut absent: Vec<(usize, &Host)> = counted.filter(|(nights, _)| *nights > 0).collect();
    absent.sort_by_key(|(nights, _)| Reverse(*nights));
    absent.into_iter().map(|(_, host)| host).collect()
}

fn not_heard(ticket: &Ticket, hosts: &[&Host]) -> String {
    format!("{} {} not heard at all and may be switched off", label(ticket, hosts), was_were(hosts.len()))
}

/// What the coordinator has to do, and what somebody else has to: a machine that is off is the coordinator's
/// also where the engineer has to mend the watching first.
fn to_do(material: &Material, causes: &[ReasonCode], absent: &[&Host]) -> String {
    let own = causes.contains(&HostAbsent).then(|| switch_on(material, absent));
    match causes.first() {
        Some(HostAbsent) | None => own.unwrap_or_default(),
        Some(first) if first.facts().mender == Mender::Engineer => match own {
            Some(own) => format!("{own}; {}", engineers(*first, material.ticket)),
            None => for_engineer(*first, material.ticket),
        },
        Some(first) => filled_in(first.facts().deed, material.ticket),
    }
}

/// What nobody but the engineer can mend.
pub(super) fn for_engineer(code: ReasonCode, ticket: &Ticket) -> String {
    format!("nothing for the school; {}", engineers(code, ticket))
}

fn engineers(code: ReasonCode, ticket: &Ticket) -> String {
    format!("the network support engineer has to {}", filled_in(code.facts().deed, ticket))
}

fn switch_on(material: &Material, absent: &[&Host]) -> String {
    let machines = match absent {
        [] => "all machines of this ticket".to_string(),
        some => label(material.ticket, some),
    };
    let next = material.standing.next_window.map_or_else(String::new, |(from, to)| {
        format!(" (next: {})", local_window(from, to, &material.site.timezone))
    });
    let left = if absent.len() == 1 { "if it has" } else { "of one that has" };
    format!(
        "leave {machines} switched on and connected while the network is watched{next}; tell the network \
         support engineer {left} left the network"
    )
}

fn is_certain(run: &Run) -> bool {
    run.end.as_ref().is_some_and(|end| matches!(end.verdict, Some(Verdict::Pass | Verdict::Fail)))
}

/// As the row of inconclusive nights counts them.
fn is_doubtful(run: &Run) -> bool {
    run.end.as_ref().is_some_and(|end| match end.verdict {
        Some(verdict) => verdict == Verdict::Inconclusive,
        None => end.outcome == Outcome::Missed,
    })
}

fn codes(run: &Run) -> Vec<ReasonCode> {
    let codes: Vec<ReasonCode> =
        run.end.iter().flat_map(|end| &end.reasons).map(|reason| reason.code).collect();
    sifted(&codes)
}

/// The reasons of a night, the deepest first, and without those that others explain.
fn sifted(codes: &[ReasonCode]) -> Vec<ReasonCode> {
    let is_explained = |code: &ReasonCode| codes.iter().any(|other| other.explains(*code));
    let mut left: Vec<ReasonCode> = codes.iter().copied().filter(|code| !is_explained(code)).collect();
    left.sort_by_key(|code| code.facts().rank);
    left.dedup();
    left
}

/// All reasons of these nights: the one that comes first in most of them, then those in most of them.
fn causes(nights: &[Vec<ReasonCode>]) -> Vec<ReasonCode> {
    let mut seen: BTreeMap<ReasonCode, (u32, u32)> = BTreeMap::new();
    for codes in nights {
        for (at, code) in codes.iter().enumerate() {
            let (first, any) = seen.entry(*code).or_default();
            *first += u32::from(at == 0);
            *any += 1;
        }
    }
    let mut causes: Vec<(ReasonCode, (u32, u32))> = seen.into_iter().collect();
    causes.sort_by_key(|(code, nights)| (Reverse(*nights), code.facts().rank));
    causes.into_iter().map(|(code, _)| code).collect()
}

fn filled_in(deed: &str, ticket: &Ticket) -> String {
    deed.replace("{id}", &ticket.id.to_string()).replace("{public}", &ticket.public.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_of_most_nights_comes_first_and_what_it_explains_is_left_out() {
        for (row, nights, expected) in [
            ("none", &[][..], &[][..]),
            ("one", &[&[Lossy][..]], &[Lossy]),
            ("the deeper one of a night", &[&[HostAbsent, Lossy]], &[Lossy, HostAbsent]),
            ("what is explained", &[&[TooQuiet, HostAbsent, ControlMissing]], &[ControlMissing]),
            ("too short, since it broke off", &[&[TooShort, Interrupted]], &[Interrupted]),
            ("too short by itself", &[&[TooShort], &[Interrupted]], &[Interrupted, TooShort]),
            ("most nights", &[&[ProgramDown], &[HostAbsent], &[HostAbsent]], &[HostAbsent, ProgramDown]),
            ("a tie", &[&[ListingUnknown], &[WatchlistStale]], &[WatchlistStale, ListingUnknown]),
        ] {
            let nights: Vec<Vec<ReasonCode>> = nights.iter().map(|codes| sifted(codes)).collect();
            assert_eq!(causes(&nights), expected, "{row}");
        }
    }
}
