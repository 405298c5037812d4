//! What happened, as one would tell it? The event log of a ticket in, a few told events out.
//!
//! Right of it is `tell`, which puts them into lines. Quiet stretches are summed up; nothing is told
//! that is not in the log.

use crate::engine::{Engine, EngineError};
use crate::pure::playbook::StageName;
use crate::pure::ticket::{Context, Event, Host, Phase, Recorded, RunEnd, Ticket, TicketId, stand};
use crate::pure::verdict::Verdict;
use crate::pure::words::{capitalised, count, duration, local, local_time_exact, share};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Something worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub at: Timestamp,
    pub tone: Tone,
    /// What happened, in a few words.
    pub what: String,
    /// Why, and what follows: a sentence each.
    pub why: Vec<String>,
    /// Mails about it, each by the number of the event that decided upon it.
    pub mails: Vec<u64>,
}

/// How it sounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Plain,
    Good,
    Bad,
    Doubt,
}

/// What goes on quietly until something happens.
#[derive(Default)]
struct Quiet {
    looks: Option<Looks>,
    /// `verify` runs that passed: when each ended, and what they come to.
    passes: Vec<Timestamp>,
    row: String,
    signed: Vec<Signature>,
}

/// `locate` runs.
struct Looks {
    /// When the first one ended.
    since: Timestamp,
    runs: u64,
    contacts: u64,
}

/// An item of the checklist that somebody signed.
struct Signature {
    at: Timestamp,
    by: String,
    item: String,
}

struct Teller<'a> {
    context: Context<'a>,
    ticket: Ticket,
    quiet: Quiet,
    told: Vec<Told>,
}

/// The story of a ticket.
///
/// # Errors
///
/// The ticket is not there, or its events make none.
pub fn tell(engine: &Engine, id: TicketId) -> Result<Vec<Told>, EngineError> {
    let events = engine.history(id)?;
    let (first, rest) = events.split_first().ok_or(EngineError::NoTicket(id))?;
    let context = engine.context(id, first.at)?;
    let mut teller =
        Teller { context, ticket: Ticket::begin(first)?, quiet: Quiet::default(), told: Vec::new() };
    for recorded in rest {
        teller.ticket.apply(recorded)?;
        teller.context.now = recorded.at;
        teller.hear(recorded);
    }
    teller.sum_up();
    Ok(teller.told)
}

impl Teller<'_> {
    fn hear(&mut self, recorded: &Recorded) {
        match &recorded.event {
            Event::ReportAdded { .. } => self.complaint(),
            Event::RunEnded(end) => self.run(end),
            Event::HostCleaned { .. } => self.cleaned(&recorded.by),
            Event::Signed { item } => {
                let (at, by, item) = (recorded.at, recorded.by.clone(), item.clone());
                self.quiet.signed.push(Signature { at, by, item });
            }
            Event::Noted { text } => {
                self.say(Tone::Plain, format!("{}: \"{text}\"", capitalised(&recorded.by)), vec![])
            }
            Event::PhaseChanged { to: Phase::Clean, .. } => self.clean(),
            Event::MailQueued { .. } => {
                if let Some(told) = self.told.last_mut() {
                    told.mails.push(recorded.seq);
                }
            }
            _ => {}
        }
    }

    /// Tells something, after whatever went on quietly before.
    fn say(&mut self, tone: Tone, what: String, why: Vec<String>) {
        self.sum_up();
        let at = self.context.now;
        self.told.push(Told { at, tone, what, why, mails: Vec::new() });
    }

    fn complaint(&mut self) {
        let Some(report) = self.ticket.reports.last() else { return };
        let zone = &self.context.site.timezone;
        let (public, playbook) = (self.ticket.public, &self.ticket.playbook);
        let malware = report.malware.as_deref().unwrap_or("something");
        let remote = report.remote.map_or("a sinkhole".to_owned(), |remote| format!("the sinkhole {remote}"));
        let what = format!("A complaint: a machine behind {public} has {malware}");
        let why = vec![
            format!("It called {remote} at {}.", local_time_exact(report.seen, zone)),
            format!(
                "The page is pasted in and becomes ticket {} ({}) of {}, worked by playbook '{playbook}'. Behind \
                 that one address are dozens of machines; now every few minutes a look at the inside of the \
                 network: which one calls?",
                self.ticket.id,
                self.ticket.reference.as_deref().unwrap_or("no number"),
                self.context.site.title,
            ),
        ];
        self.say(Tone::Plain, what, why);
    }

    fn run(&mut self, end: &RunEnd) {
        let stage = self.ticket.run(end.run).map(|run| run.stage);
        match (stage, end.verdict) {
            (Some(StageName::Verify), Some(Verdict::Pass)) => self.pass(),
            (Some(StageName::Verify), Some(Verdict::Fail)) => self.relapse(end),
            (Some(StageName::Verify), Some(Verdict::Inconclusive)) => {
                self.doubt("INCONCLUSIVE: this watch proves nothing", end)
            }
            (Some(StageName::Verify), None) => self.doubt("MISSED: nothing was recorded", end),
            _ if end.verdict == Some(Verdict::Fail) && self.ticket.phase == Phase::Reported => {
                self.found(end)
            }
            // What was still under way when the host was cleaned.
            _ if self.ticket.phase == Phase::Verifying => {}
            _ => {
                let none = Looks { since: self.context.now, runs: 0, contacts: 0 };
                let looks = self.quiet.looks.get_or_insert(none);
                looks.runs += 1;
                looks.contacts += end.contacts;
            }
        }
    }

    fn pass(&mut self) {
        let standing = stand(&self.ticket, &self.context);
        self.quiet.passes.push(self.context.now);
        self.quiet.row = format!(
            "Row: {} of {} passes. Assurance: {} ({} wanted).",
            standing.passes,
            standing.passes_wanted,
            standing.assurance.map_or("unknown".to_owned(), share),
            share(standing.assurance_wanted)
        );
    }

    fn found(&mut self, end: &RunEnd) {
        let Some(host) = self.ticket.hosts.last() else { return };
        let mac = host.mac.map_or(String::new(), |mac| format!(", network card {mac}"));
        let what = format!("FOUND: {}{mac}", machine(host));
        let why = vec![
            format!(
                "Run {} heard {} from {}, and {} to the sinkhole: from this one.",
                end.run,
                count(end.coverage.heard_packets, "packet"),
                count(end.coverage.inside_hosts, "machine"),
                count(end.contacts, "call"),
            ),
            evidence(end),
        ];
        self.say(Tone::Bad, what, why);
    }

    fn cleaned(&mut self, by: &str) {
        let Context { playbook, site, .. } = self.context;
        let clean = &playbook.clean;
        let host = self.ticket.hosts.last().map_or(String::new(), machine);
        let rule = if self.ticket.relapses == 0 {
            format!(
                "That is a claim, not a proof. From now on it is watched each school day: {} passes in a row over \
                 {} are wanted, and an assurance of {} that silence is no accident.",
                clean.passes,
                duration(clean.span.as_secs()),
                share(clean.assurance),
            )
        } else {
            format!("The row begins again: 0 of {} passes.", clean.passes)
        };
        let earliest = stand(&self.ticket, &self.context).earliest;
        let forecast = earliest.map(|at| {
            format!("If every day passes, it is confirmed on {} at the earliest.", day(at, &site.timezone))
        });
        let why = [rule].into_iter().chain(forecast).collect();
        self.say(Tone::Plain, format!("The {by} reports {host} as cleaned"), why);
    }

    fn relapse(&mut self, end: &RunEnd) {
        let host = self.ticket.hosts.last().map_or(String::new(), machine);
        let why = vec![
            format!(
                "{} in this watch, by the same machine. The ticket is not closed and opened again: it goes \
                 back to 'located', and the passes so far are worth nothing.",
                count(end.contacts, "call")
            ),
            evidence(end),
        ];
        self.say(Tone::Bad, format!("RELAPSE: {host} calls again"), why);
    }

    /// A watch that proves nothing, whatever it did not see.
    fn doubt(&mut self, what: &str, end: &RunEnd) {
        let (passes, wanted) = (self.ticket.passes.len(), self.context.playbook.clean.passes);
        let zone = &self.context.site.timezone;
        let stopped = end.watched.as_slice().last().map(|last| {
            format!(
                "The recorder stopped at {}; what was said later, nobody knows.",
                local(last.to, zone, "%H:%M")
            )
        });
        let reasons = end.reasons.iter().map(|reason| format!("{}.", capitalised(&reason.text)));
        let so = format!(
            "Hearing nothing is not the same as silence: this is no pass, and no fail either. The row stands at \
             {passes} of {wanted}, as before."
        );
        self.say(Tone::Doubt, what.to_owned(), stopped.into_iter().chain(reasons).chain([so]).collect());
    }

    fn clean(&mut self) {
        let standing = stand(&self.ticket, &self.context);
        let host = self.ticket.hosts.last().map_or(String::new(), machine);
        let why = vec![
            format!(
                "{} passes in a row over {}, an assurance of {}, the whole checklist signed.",
                standing.passes,
                duration(standing.span_s),
                standing.assurance.map_or("unknown size".to_owned(), share)
            ),
            format!(
                "No person said so: the criteria of the playbook hold. It stays under watch, once a week for {}.",
                duration(self.context.playbook.clean.watch.as_secs())
            ),
        ];
        self.say(Tone::Good, format!("CONFIRMED CLEAN: {host}"), why);
    }

    /// Tells in a line each what went on quietly.
    fn sum_up(&mut self) {
        let Quiet { looks, passes, row, signed } = std::mem::take(&mut self.quiet);
        let told = [self.told_looks(looks), self.told_signatures(&signed), self.told_passes(&passes, row)];
        self.told.extend(told.into_iter().flatten());
    }

    fn told_looks(&self, looks: Option<Looks>) -> Option<Told> {
        let Looks { since, runs, contacts } = looks?;
        let length = duration(self.context.playbook.locate.capture.length.as_secs());
        let what = match contacts {
            0 => format!("{} of {length}: nobody calls", count(runs, "look")),
            _ => format!("{} of {length}: it calls {}", count(runs, "more look"), times(contacts)),
        };
        let why = match contacts {
            0 => vec![],
            _ => vec![
                "So allclear learns how often it calls, and how long a silence must last to mean something."
                    .to_owned(),
            ],
        };
        Some(Told { at: since, tone: Tone::Plain, what, why, mails: Vec::new() })
    }

    fn told_signatures(&self, signed: &[Signature]) -> Option<Told> {
        let Signature { at, by, .. } = signed.first()?;
        let items: Vec<&str> = signed.iter().map(|signature| signature.item.as_str()).collect();
        let open: Vec<String> = stand(&self.ticket, &self.context)
            .missing
            .into_iter()
            .filter(|missing| missing.starts_with("checklist"))
            .collect();
        let what = format!("The {by} signs off: {}", items.join(", "));
        let why = match open.as_slice() {
            [] => "The checklist is complete.".to_owned(),
            open => format!("{}.", capitalised(&open.join("; "))),
        };
        Some(Told { at: *at, tone: Tone::Plain, what, why: vec![why], mails: Vec::new() })
    }

    fn told_passes(&self, passes: &[Timestamp], row: String) -> Option<Told> {
        let at = *passes.first()?;
        let zone = &self.context.site.timezone;
        let days: Vec<String> = passes.iter().map(|pass| day(*pass, zone)).collect();
        let what = format!("{}: pass", days.join(", "));
        let host = self.ticket.hosts.last().map_or(String::new(), machine);
        let why = format!("Watched to the end; {host} was there and did not call.");
        Some(Told { at, tone: Tone::Good, what, why: vec![why, row], mails: Vec::new() })
    }
}

fn machine(host: &Host) -> String {
    match &host.name {
        Some(name) => format!("{} ({name})", host.host),
        None => host.host.to_string(),
    }
}

fn evidence(end: &RunEnd) -> String {
    let files: Vec<String> = end.evidence.iter().map(|file| format!("state/{}", file.path)).collect();
    format!("The packets are kept: {}.", files.join(", "))
}

fn times(number: u64) -> String {
    match number {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

fn day(at: Timestamp, zone: &TimeZone) -> String {
    local(at, zone, "%a %-d %b")
}
