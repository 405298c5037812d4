//! What kept the last nights from proving anything, in a few words, and who has to do what? For the first lines
//! of a mail, which is all that many people read; the sentences of each night stand below.
//!
//! Left of it are the verdicts' reasons. It must never leave a reason without words of its own.

use super::machines::{label, was_were};
use super::nights::is_heard;
use super::view::Material;
use super::words::{count, local_window};
use crate::pure::playbook::StageName;
use crate::pure::ticket::{Host, Run, Ticket};
use crate::pure::verdict::ReasonCode::{self, *};
use crate::pure::verdict::{Outcome, Verdict};
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
        cause: if is_absence { not_heard(material.ticket, &hosts) } else { cause(*first).to_string() },
        brief: brief(*first).to_string(),
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
        Some(first) if is_for_engineer(*first) => match own {
            Some(own) => format!("{own}; {}", engineers(*first, material.ticket)),
            None => for_engineer(*first, material.ticket),
        },
        Some(first) => filled_in(deed(*first), material.ticket),
    }
}

/// What nobody but the engineer can mend.
pub(super) fn for_engineer(code: ReasonCode, ticket: &Ticket) -> String {
    format!("nothing for the school; {}", engineers(code, ticket))
}

fn engineers(code: ReasonCode, ticket: &Ticket) -> String {
    format!("the network support engineer has to {}", filled_in(deed(code), ticket))
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

/// Whether it is mended at the computer, the files or the wires of allclear. The rest is for those who have
/// the machine, or for nobody.
pub fn is_for_engineer(code: ReasonCode) -> bool {
    !matches!(code, HostAbsent | Contacts | ScheduleChanged | PhaseChanged | SiteClosed)
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
    let is_explained = |code: &ReasonCode| codes.iter().any(|other| explains(*other, *code));
    let mut left: Vec<ReasonCode> = codes.iter().copied().filter(|code| !is_explained(code)).collect();
    left.sort_by_key(|code| rank(*code));
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
    causes.sort_by_key(|(code, nights)| (Reverse(*nights), rank(*code)));
    causes.into_iter().map(|(code, _)| code).collect()
}

/// A capture that is blind hears no machine, and one that broke off has no full time.
fn explains(cause: ReasonCode, code: ReasonCode) -> bool {
    match cause {
        WrongSide | ControlMissing => matches!(code, TooQuiet | HostAbsent),
        TooQuiet => code == HostAbsent,
        Interrupted | CutShort => code == TooShort,
        _ => false,
    }
}

/// The place of a reason among those of one night: what is wrong with the watching, then with what was
/// looked for, then with the machine.
fn rank(code: ReasonCode) -> u8 {
    match code {
        ProgramDown => 0,
        ClockJumped => 1,
        HeldUp => 2,
        NoTurn => 3,
        SourceGone => 4,
        NothingRecorded => 5,
        StillRunning => 6,
        ScheduleChanged => 7,
        PhaseChanged => 8,
        SiteClosed => 9,
        OnHold => 10,
        Interrupted => 11,
        WrongSide => 12,
        ControlMissing => 13,
        TooQuiet => 14,
        Undecoded => 15,
        Truncated => 16,
        Lossy => 17,
        LossUnknown => 18,
        CutShort => 19,
        TooShort => 20,
        WatchlistEmpty => 21,
        WatchlistIncomplete => 22,
        EntriesShutOut => 23,
        WatchlistStale => 24,
        ClockUnsure => 25,
        HostAbsent => 26,
        ListingUnknown => 27,
        Contacts => 28,
    }
}

/// What was missing, as a clause.
fn cause(code: ReasonCode) -> &'static str {
    match code {
        ProgramDown => "allclear was not running",
        ClockJumped => "the clock of the watching computer leapt over the night",
        HeldUp => "allclear was held up and could not work",
        NoTurn => "too many captures were planned at one time",
        SourceGone => "the capture interface was not there",
        NothingRecorded => "no recorded capture covers the night",
        StillRunning => "the capture before it was still running",
        OnHold => "the ticket was on hold",
        ScheduleChanged => "the schedule was changed",
        PhaseChanged => "the ticket went on to another phase",
        SiteClosed => "the site was closed",
        Interrupted => "the capture broke off before its time",
        WrongSide => "the capture is on the wrong side of the firewall, or sees one direction only",
        ControlMissing => "the capture was blind and did not show traffic that must always be there",
        TooQuiet => "hardly any traffic reached the capture",
        Undecoded => "too much of the traffic could not be read",
        Truncated => "packets were cut off too short to be read",
        Lossy => "the capture lost too many packets",
        LossUnknown => "nobody can tell how many packets were lost",
        CutShort => "the capture reached its packet or byte limit before the night was over",
        TooShort => "too little of the night was watched",
        WatchlistEmpty => "there was nothing on the watchlist to look for",
        WatchlistIncomplete => "lines of the watchlist file could not be used",
        EntriesShutOut => "the capture filter hides what the watchlist looks for",
        WatchlistStale => "the watchlist was too old",
        ClockUnsure => {
            "the clock of the watching computer, or of the machine that captures for it, is not right"
        }
        HostAbsent => "a machine was not heard at all and may be switched off",
        ListingUnknown => "the blocklist gave no answer",
        Contacts => "it still called",
    }
}

/// The same for a subject, where all of it has to be short.
fn brief(code: ReasonCode) -> &'static str {
    match code {
        ProgramDown => "allclear was not running",
        ClockJumped => "the clock leapt",
        HeldUp => "allclear was held up",
        NoTurn => "too many captures at once",
        SourceGone => "no capture interface",
        NothingRecorded => "nothing was recorded",
        StillRunning => "another capture went on",
        OnHold => "on hold",
        ScheduleChanged => "another schedule",
        PhaseChanged => "another phase",
        SiteClosed => "the site was closed",
        Interrupted => "the capture broke off",
        WrongSide => "not on the inside",
        ControlMissing => "the capture was blind",
        TooQuiet => "hardly any traffic heard",
        Undecoded => "traffic not readable",
        Truncated => "packets cut too short",
        Lossy => "too many packets lost",
        LossUnknown => "losses not known",
        CutShort => "a limit ended the capture",
        TooShort => "too little was watched",
        WatchlistEmpty => "empty watchlist",
        WatchlistIncomplete => "faulty watchlist lines",
        EntriesShutOut => "the filter hides entries",
        WatchlistStale => "old watchlist",
        ClockUnsure => "a clock is not right",
        HostAbsent => "a machine was not heard",
        ListingUnknown => "the blocklist is silent",
        Contacts => "it still called",
    }
}

/// What mends it; `{id}` and `{public}` are those of the ticket.
fn deed(code: ReasonCode) -> &'static str {
    match code {
        ProgramDown => "start `allclear serve`, and find out why it was down",
        ClockJumped => "keep that computer awake for every night's watch and its clock synchronised",
        HeldUp => {
            "run `allclear doctor` on the watching computer: its disk may be full, or its load too high"
        }
        NoTurn => "spread the schedules of the playbooks with `jitter`, or raise `runs_max` of the source",
        SourceGone => "bring the interface of the capture back",
        NothingRecorded => "see whether the recorder runs, and whether `files` names what it writes",
        StillRunning => "capture for a shorter time, or less often",
        OnHold => "take it up with `allclear ticket resume {id}` when machines are on",
        ScheduleChanged => "wait for the nights of the new schedule",
        PhaseChanged => "wait for the next night",
        SiteClosed => "wait until the site is open again",
        Interrupted => "find out what ended the capture (interface, command, or somebody who stopped it)",
        WrongSide => "have both directions of the inside network mirrored to the capture",
        ControlMissing => "have the mirror port and its cable looked at",
        TooQuiet => "have the mirror port, its cable and the capture filter looked at",
        Undecoded => "capture where the traffic is not wrapped in something unknown",
        Truncated => "capture whole packets (tcpdump: -s 0)",
        Lossy => "raise `ring` of the source, narrow the filter, or use a faster computer",
        LossUnknown => "capture from an interface, or leave `lost` out of the playbook",
        CutShort => "raise the limit in the playbook, or leave it out",
        TooShort => "find out what kept the capture from running the whole time",
        WatchlistEmpty => "mend the watchlist file (`allclear check` names it)",
        WatchlistIncomplete => "mend these lines of the file (`allclear watchlist FILE` names them)",
        EntriesShutOut => {
            "widen the filter of the playbook, or take these entries out (`allclear check` names them)"
        }
        WatchlistStale => "fetch the watchlist file anew",
        ClockUnsure => "have both synchronised (chrony or systemd-timesyncd)",
        HostAbsent => "leave all machines of this ticket switched on",
        ListingUnknown => "have the resolver looked at (`allclear listing {public}` shows what it says)",
        Contacts => "take the machine off the network and clean it again",
    }
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
