//! `allclear run STAGE --ticket ID`: a stage carried out now, by hand. The exit code is the verdict.
//!
//! `run detect --playbook P --site S` needs no ticket; it says which ones its contacts opened or joined.

use super::desk::{self, Desk};
use super::print::Reader;
use super::{Exit, Fault, print, ticket};
use crate::edge::capture::recordings::Recordings;
use crate::edge::capture::session::Absent;
use crate::edge::capture::stop::Stop;
use crate::edge::capture::vault;
use crate::edge::clock;
use crate::edge::lock::Lock;
use crate::edge::perform::{self, Captures, Edges};
use crate::engine::EngineError;
use crate::pure::interval::Interval;
use crate::pure::playbook::StageName;
use crate::pure::report::RunJson;
use crate::pure::ticket::{
    ALLCLEAR, Context, DetectionEvent, DetectionId, Effect, Event, Input, RunEnd, RunId, TicketId,
};
use crate::pure::words;
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

/// What to carry out, and on what.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// The stage
    pub stage: StageArg,
    /// The ticket's number, of locate and verify
    #[arg(long, value_name = "ID", conflicts_with_all = ["playbook", "site"])]
    pub ticket: Option<u32>,
    /// The playbook's name, of detect
    #[arg(long, value_name = "NAME")]
    pub playbook: Option<String>,
    /// The site's name, of detect
    #[arg(long, value_name = "NAME")]
    pub site: Option<String>,
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

/// Whose stage it is.
enum Whose {
    Ticket(TicketId, StageName),
    Detection(DetectionId),
}

/// How a run by hand ended, and the tickets that hold it.
struct Ended {
    end: RunEnd,
    tickets: Vec<TicketId>,
    /// Why the log could not record it; `None` when it is on record.
    unrecorded: Option<String>,
}

/// Carries out the stage, records the run, and tells its verdict.
pub fn run(desk: &mut Desk, args: &RunArgs) -> Result<Exit, Fault> {
    let whose = Whose::of(args)?;
    let stop = Stop::on_signals().map_err(|error| Fault::limited("cannot catch signals", &error))?;
    let mut edges = desk.edges(stop, Absent::GiveUp)?;
    let window = window(desk, &mut edges, args, &whose)?;
    vault::sweep(desk.state(), &BTreeSet::new()).iter().for_each(|told| print::note(told));
    let run = begin(desk, args, &whose, window)?;
    note_watch(desk, &whose, window)?;
    let ended = finish(desk, &edges, &whose, run)?;
    match &ended.unrecorded {
        None => deliver(desk, &edges)?,
        Some(why) => print::note(&format!("allclear: run {run} is not on record: {why}")),
    }
    tell(desk, &whose, &ended, Reader::of(args.json))
}

impl Whose {
    fn of(args: &RunArgs) -> Result<Whose, Fault> {
        let RunArgs { stage, ticket, playbook, site, .. } = args;
        let usage = |text: &str| Err(Fault::Usage(text.to_owned()));
        let stage = match (stage, ticket, playbook, site) {
            (StageArg::Detect, None, Some(playbook), Some(site)) => {
                let (site, playbook) = (site.clone(), playbook.clone());
                return Ok(Whose::Detection(DetectionId { site, playbook }));
            }
            (StageArg::Detect, None, ..) => return usage("which one? add --playbook NAME and --site NAME"),
            (StageArg::Detect, Some(_), ..) => {
                return usage("detect has no ticket: name --playbook and --site in place of it");
            }
            (StageArg::Locate, ..) => StageName::Locate,
            (StageArg::Verify, ..) => StageName::Verify,
        };
        match ticket {
            Some(id) => Ok(Whose::Ticket(TicketId(*id), stage)),
            None => usage("which ticket? add --ticket ID (allclear ticket list shows them)"),
        }
    }

    /// The number under which it stands in the log.
    fn ticket(&self) -> TicketId {
        match self {
            Whose::Ticket(id, _) => *id,
            Whose::Detection(_) => TicketId::NONE,
        }
    }

    fn stage(&self) -> StageName {
        match self {
            Whose::Ticket(_, stage) => *stage,
            Whose::Detection(_) => StageName::Detect,
        }
    }

    fn context<'a>(&self, desk: &'a Desk) -> Result<Context<'a>, Fault> {
        let now = clock::now();
        match self {
            Whose::Ticket(id, _) => Ok(desk.engine.context(*id, now)?),
            Whose::Detection(id) => desk.engine.detection_context(id, now).map_err(|error| match error {
                EngineError::NoDetection(_) => Fault::Usage(error.to_string()),
                error => error.into(),
            }),
        }
    }
}

/// A person waits: until when? Recorded files are read at once.
fn note_watch(desk: &Desk, whose: &Whose, window: Interval) -> Result<(), Fault> {
    if window.to > clock::now() {
        let until = words::local_time(window.to, &whose.context(desk)?.site.timezone);
        print::note(&format!("watching until {until}; Ctrl-C ends it early, and then it is inconclusive"));
    }
    Ok(())
}

/// The window of the run. Recorded files were written before now, everything else comes from now on.
fn window(desk: &Desk, edges: &mut Edges, args: &RunArgs, whose: &Whose) -> Result<Interval, Fault> {
    let now = clock::now();
    let Context { playbook, site, .. } = whose.context(desk)?;
    let planned = playbook.stage(whose.stage()).map(|stage| stage.capture.length);
    let length = args.length.or(planned).unwrap_or_default();
    if let Some(pattern) = &args.captures {
        let recordings = Recordings::open(pattern, &site.timezone).map_err(Fault::Failed)?;
        let span = recordings.span().ok_or_else(|| Fault::Failed(no_packets(pattern, &recordings)))?;
        edges.captures = Captures::Recorded(Box::new(Mutex::new(recordings)));
        let planned = Interval::lasting(span.from, length);
        return Ok(Interval::new(span.from, planned.to.max(span.to)));
    }
    let is_recorded = desk.engine.library().sources_of(site).all(|source| source.kind.is_recorded());
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

fn begin(desk: &mut Desk, args: &RunArgs, whose: &Whose, window: Interval) -> Result<RunId, Fault> {
    let (now, by) = (clock::now(), desk::who(args.by.as_deref())?);
    match whose {
        Whose::Detection(id) => Ok(desk.engine.begin_detection(now, &by, id, window)?),
        Whose::Ticket(id, stage) => {
            let length = window.to.duration_since(window.from).unsigned_abs();
            let input = Input::HandRun { stage: *stage, window_start: window.from, length };
            let happened = desk.engine.step(now, &by, *id, &input)?;
            let begun = happened.iter().find_map(|recorded| match &recorded.event {
                Event::RunStarted(start) => Some(start.run),
                _ => None,
            });
            begun.ok_or_else(|| Fault::Failed(format!("ticket {id} began no run")))
        }
    }
}

fn finish(desk: &mut Desk, edges: &Edges, whose: &Whose, run: RunId) -> Result<Ended, Fault> {
    let ticket = whose.ticket();
    let effect = Effect::Capture { ticket, run };
    let reply = perform::perform(&effect, &desk.engine, edges, clock::now())?;
    reply.troubles.iter().for_each(|trouble| print::note(trouble));
    let (happened, unrecorded) = match desk.engine.step(clock::now(), ALLCLEAR, ticket, &reply.input) {
        // A disk that is full takes no finding away.
        Err(EngineError::Store(error)) => {
            let foreseen = desk.engine.foresee(clock::now(), ALLCLEAR, ticket, &reply.input)?;
            (foreseen, Some(format!("{error} Mend that and run it again: what was seen is told here, once")))
        }
        happened => (happened?, None),
    };
    let (mut end, mut tickets) = (None, Vec::new());
    for recorded in happened {
        match recorded.event {
            Event::RunEnded(part) if part.run == run => {
                tickets.extend(unrecorded.is_none().then_some(recorded.ticket));
                end = end.or(Some(part));
            }
            // It comes before what of it goes to tickets.
            Event::Detection { event: DetectionEvent::RunEnded(whole), .. } => end = Some(whole),
            _ => {}
        }
    }
    let end =
        end.ok_or_else(|| Fault::Failed(format!("run {run} was ended by somebody else: see occurrences")))?;
    Ok(Ended { end: *end, tickets, unrecorded })
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

fn tell(desk: &Desk, whose: &Whose, ended: &Ended, reader: Reader) -> Result<Exit, Fault> {
    let exit = match ended.end.verdict.map_or(Exit::Inconclusive, Exit::from) {
        // A pass that is not on record counts for nothing.
        Exit::Done if ended.unrecorded.is_some() => Exit::Failed,
        exit => exit,
    };
    let text = match reader {
        Reader::Program => as_json(desk, whose, ended)?,
        Reader::Person => as_text(whose, ended),
    };
    match print::out(&text) {
        Exit::Done => Ok(exit),
        failed => Ok(failed),
    }
}

fn as_text(whose: &Whose, Ended { end, tickets, unrecorded }: &Ended) -> String {
    let verdict = end.verdict.map_or(words::outcome(end.outcome), words::verdict);
    let of = match whose {
        Whose::Ticket(id, _) => format!("ticket {id}"),
        Whose::Detection(id) => id.to_string(),
    };
    let mut text = format!(
        "run {} of {of}: {verdict}; heard {} from {}, {}\n",
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
    if unrecorded.is_some() {
        text.push_str("  it is not on record: the log could not be written\n");
    }
    end.evidence.iter().for_each(|file| text.push_str(&format!("  evidence: {}\n", file.path)));
    if matches!(whose, Whose::Detection(_)) {
        tickets.iter().for_each(|id| text.push_str(&format!("  ticket {id} holds it\n")));
    }
    text
}

/// The run as it stands in `ticket show --json`, with the ticket's number; a run of `detect` has none, but
/// the `tickets` that hold it.
fn as_json(desk: &Desk, whose: &Whose, ended: &Ended) -> Result<String, Fault> {
    let Ended { end, tickets, unrecorded } = ended;
    let failed = |error: serde_json::Error| Fault::Failed(error.to_string());
    let mut value = json!({"schema": "allclear.run/1", "ticket": null, "run": null, "phase": null,
        "coverage": serde_json::to_value(&end.coverage).map_err(failed)?, "tickets": tickets,
        "recorded": unrecorded.is_none()});
    if unrecorded.is_some() {
        value["run"] = unrecorded_json(whose, end);
        return Ok(print::json_text(&value));
    }
    match whose {
        Whose::Ticket(id, _) => {
            let ticket = desk.engine.ticket(*id)?;
            let document = ticket::document(desk, ticket)?;
            let mut runs = document["runs"].as_array().into_iter().flatten();
            value["run"] = json!(runs.rfind(|run| run["id"] == json!(end.run)));
            (value["ticket"], value["phase"]) = (json!(id), json!(ticket.phase));
        }
        Whose::Detection(_) => {
            let ledger = desk.engine.detection_ledger(Timestamp::MIN, clock::now())?;
            let own = ledger.runs.iter().rfind(|(_, run)| run.id == end.run);
            value["run"] = json!(own.map(|(_, run)| RunJson::of(run, None)));
        }
    }
    Ok(print::json_text(&value))
}

/// What is known of a run that the log does not hold, by the names that it would have there.
fn unrecorded_json(whose: &Whose, end: &RunEnd) -> Value {
    let callers = end.exposures.iter().filter(|seen| !seen.contacts.is_empty());
    let hosts: Vec<Value> = callers
        .map(|seen| json!({"host": seen.host, "mac": seen.mac, "contacts": seen.contacts.len()}))
        .collect();
    let evidence: Vec<&str> = end.evidence.iter().map(|file| file.path.as_str()).collect();
    json!({"id": end.run, "stage": whose.stage(), "outcome": end.outcome, "verdict": end.verdict,
        "reasons": end.reasons, "evidence": evidence, "hosts": hosts})
}
