//! `allclear run STAGE --ticket ID`: a stage carried out now, by hand. The exit code is the verdict.

use super::desk::{self, Desk};
use super::{Exit, Fault, print, ticket};
use crate::edge::capture::recordings::Recordings;
use crate::edge::capture::session::Absent;
use crate::edge::capture::stop::Stop;
use crate::edge::capture::vault;
use crate::edge::clock;
use crate::edge::lock::Lock;
use crate::edge::perform::{self, Captures, Edges};
use crate::pure::interval::Interval;
use crate::pure::playbook::StageName;
use crate::pure::report::words;
use crate::pure::site::SourceKind;
use crate::pure::ticket::{ALLCLEAR, Context, Effect, Event, Input, RunEnd, RunId, TicketId};
use clap::{Args, ValueEnum};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

/// What to carry out, and on what.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// The stage
    pub stage: StageArg,
    /// The ticket's number
    #[arg(long, value_name = "ID")]
    pub ticket: Option<u32>,
    /// Read these recorded files in place of the site's source; the window begins with their first packet
    #[arg(long, value_name = "GLOB")]
    pub captures: Option<String>,
    /// For a source of recorded files: when the window begins [default: so that it ends now]
    #[arg(long, value_name = "TIME", conflicts_with = "captures")]
    pub from: Option<String>,
    /// How long to watch [default: as the playbook says]
    #[arg(long = "for", value_name = "DURATION", value_parser = super::duration)]
    pub length: Option<Duration>,
    /// Who carries it out [default: the user's login name]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Print the run as JSON
    #[arg(long)]
    pub json: bool,
}

/// The stages that can be carried out.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum StageArg {
    Locate,
    Verify,
    Detect,
}

/// Carries out the stage, records the run, and tells its verdict.
pub fn run(desk: &mut Desk, args: &RunArgs) -> Result<Exit, Fault> {
    let stage = match args.stage {
        StageArg::Locate => StageName::Locate,
        StageArg::Verify => StageName::Verify,
        StageArg::Detect => {
            let text = "`detect` is accepted in playbooks, not acted on yet: run locate or verify";
            return Err(Fault::Usage(text.to_owned()));
        }
    };
    let id = args.ticket.map(TicketId).ok_or_else(|| {
        Fault::Usage("which ticket? add --ticket ID (allclear ticket list shows them)".to_owned())
    })?;
    let stop = Stop::on_signals().map_err(|error| Fault::Failed(format!("cannot catch signals: {error}")))?;
    let mut edges = desk.edges(stop, Absent::GiveUp)?;
    let window = window(desk, &mut edges, args, id, stage)?;
    vault::sweep(desk.state(), &BTreeSet::new()).iter().for_each(|told| print::note(told));
    let run = begin(desk, args, id, stage, window)?;
    note_watch(desk, id, window)?;
    let end = finish(desk, &edges, id, run)?;
    deliver(desk, &edges)?;
    tell(desk, id, &end, args.json)
}

/// A person waits: until when? Recorded files are read at once.
fn note_watch(desk: &Desk, id: TicketId, window: Interval) -> Result<(), Fault> {
    let now = clock::now();
    if window.to > now {
        let until = words::local_time(window.to, &desk.engine.context(id, now)?.site.timezone);
        print::note(&format!("watching until {until}; Ctrl-C ends it early, and then it is inconclusive"));
    }
    Ok(())
}

/// The window of the run. Recorded files were written before now, everything else comes from now on.
fn window(
    desk: &Desk,
    edges: &mut Edges,
    args: &RunArgs,
    id: TicketId,
    stage: StageName,
) -> Result<Interval, Fault> {
    let now = clock::now();
    let Context { playbook, site, .. } = desk.engine.context(id, now)?;
    let planned = playbook.stage(stage).map(|stage| stage.capture.length);
    let length = args.length.or(planned).unwrap_or_default();
    if let Some(pattern) = &args.captures {
        let recordings = Recordings::open(pattern, &site.timezone).map_err(Fault::Failed)?;
        let span = recordings.span().ok_or_else(|| Fault::Failed(no_packets(pattern, &recordings)))?;
        edges.captures = Captures::Recorded(Box::new(Mutex::new(recordings)));
        let planned = Interval::lasting(span.from, length);
        return Ok(Interval::new(span.from, planned.to.max(span.to)));
    }
    let is_recorded =
        desk.engine.library().sources_of(site).all(|source| matches!(source.kind, SourceKind::Files(_)));
    match (&args.from, is_recorded) {
        (Some(from), true) => Ok(Interval::lasting(desk.time(from, &site.name)?, length)),
        (Some(_), false) => Err(Fault::Usage("--from is for sources of recorded files".to_owned())),
        (None, true) => Ok(Interval::new(now.checked_sub(length).unwrap_or(now), now)),
        (None, false) => Ok(Interval::lasting(now, length)),
    }
}

fn no_packets(pattern: &str, recordings: &Recordings) -> String {
    let troubles = recordings.troubles();
    let why = if troubles.is_empty() { "no file of that name".to_owned() } else { troubles.join("; ") };
    format!("{pattern} holds no packets: {why}")
}

fn begin(
    desk: &mut Desk,
    args: &RunArgs,
    id: TicketId,
    stage: StageName,
    window: Interval,
) -> Result<RunId, Fault> {
    let length = Duration::from_secs_f64(window.seconds());
    let input = Input::HandRun { stage, window_start: window.from, length };
    let happened = desk.engine.step(clock::now(), &desk::who(args.by.as_deref())?, id, &input)?;
    let begun = happened.iter().find_map(|recorded| match &recorded.event {
        Event::RunStarted(start) => Some(start.run),
        _ => None,
    });
    begun.ok_or_else(|| Fault::Failed(format!("ticket {id} began no run")))
}

fn finish(desk: &mut Desk, edges: &Edges, id: TicketId, run: RunId) -> Result<RunEnd, Fault> {
    let effect = Effect::Capture { ticket: id, run };
    let reply = perform::perform(&effect, &desk.engine, edges, clock::now())?;
    reply.troubles.iter().for_each(|trouble| print::note(trouble));
    let happened = desk.engine.step(clock::now(), ALLCLEAR, id, &reply.input)?;
    let ended = happened.into_iter().find_map(|recorded| match recorded.event {
        Event::RunEnded(end) if end.run == run => Some(*end),
        _ => None,
    });
    ended.ok_or_else(|| Fault::Failed(format!("run {run} was ended by somebody else: see ticket show {id}")))
}

/// Sends the mail that is due, unless `serve` is there to do it.
fn deliver(desk: &mut Desk, edges: &Edges) -> Result<(), Fault> {
    if !edges.has_post() {
        return Ok(());
    }
    let Ok(_lock) = Lock::take(desk.state(), clock::now()) else { return Ok(()) };
    let now = clock::now();
    for effect in desk.engine.effects(now) {
        let Effect::SendMail { ticket, .. } = &effect else { continue };
        let reply = perform::perform(&effect, &desk.engine, edges, now)?;
        if let Input::MailFailed { error, .. } = &reply.input {
            print::note(&format!("a mail could not be sent, it is tried again by `allclear serve`: {error}"));
        }
        desk.engine.step(clock::now(), ALLCLEAR, *ticket, &reply.input)?;
    }
    Ok(())
}

fn tell(desk: &Desk, id: TicketId, end: &RunEnd, is_json: bool) -> Result<Exit, Fault> {
    let exit = end.verdict.map_or(Exit::Inconclusive, Exit::from);
    let text = if is_json { as_json(desk, id, end)? } else { as_text(id, end) };
    match print::out(&text) {
        Exit::Done => Ok(exit),
        failed => Ok(failed),
    }
}

fn as_text(id: TicketId, end: &RunEnd) -> String {
    let verdict = end.verdict.map_or(words::outcome(end.outcome), words::verdict);
    let mut text = format!(
        "run {} of ticket {id}: {verdict}; heard {} from {}, {}\n",
        end.run,
        words::count(end.coverage.heard_packets, "packet"),
        words::count(end.coverage.inside_hosts, "inside host"),
        words::count(end.contacts, "contact")
    );
    end.reasons.iter().for_each(|reason| text.push_str(&format!("  {}\n", reason.text)));
    for seen in end.exposures.iter().filter(|seen| !seen.contacts.is_empty()) {
        let mac = seen.mac.map(|mac| format!(" ({mac})")).unwrap_or_default();
        let contacts = words::count(seen.contacts.len() as u64, "contact");
        text.push_str(&format!("  {}{mac} made {contacts}\n", seen.host));
    }
    end.evidence.iter().for_each(|file| text.push_str(&format!("  evidence: {}\n", file.path)));
    text
}

/// The run as it stands in `ticket show --json`, with the ticket's number.
fn as_json(desk: &Desk, id: TicketId, end: &RunEnd) -> Result<String, Fault> {
    let ticket = desk.engine.ticket(id)?;
    let failed = |error: serde_json::Error| Fault::Failed(error.to_string());
    let document = ticket::document(desk, ticket)?;
    let mut runs = document["runs"].as_array().into_iter().flatten();
    let run = runs.rfind(|run| run["id"] == json!(end.run));
    let coverage = serde_json::to_value(&end.coverage).map_err(failed)?;
    let value = json!({"schema": "allclear.run/1", "ticket": id, "run": run, "coverage": coverage,
        "phase": ticket.phase});
    Ok(format!("{value:#}\n"))
}
