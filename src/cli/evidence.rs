//! `allclear evidence verify [TICKET]`: is every kept file what was recorded, and the log what was
//! written?
//!
//! The chain of the log has been checked when the desk opened it.

use super::desk::Desk;
use super::{Exit, Fault, print};
use crate::edge::capture::vault::{self, Stray};
use crate::edge::clock;
use crate::pure::plan;
use crate::pure::ticket::{Run, TicketId};
use crate::pure::verdict::{EvidenceFile, Outcome};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;

/// The packets that prove something.
#[derive(Args, Debug)]
pub struct EvidenceArgs {
    #[command(subcommand)]
    pub command: EvidenceCommand,
}

/// What to do with them.
#[derive(Subcommand, Debug)]
pub enum EvidenceCommand {
    /// Check every hash of every file, and the chain of events
    Verify {
        /// Only this ticket's
        ticket: Option<u32>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Checks, and says of each file what is wrong with it.
pub fn run(desk: &mut Desk, args: &EvidenceArgs) -> Result<Exit, Fault> {
    let EvidenceCommand::Verify { ticket, json } = args.command;
    if let Some(id) = ticket {
        desk.engine.ticket(TicketId(id))?;
    }
    let detected = match ticket {
        Some(_) => Vec::new(),
        None => desk.engine.detection_ledger(Timestamp::MIN, clock::now())?.runs,
    };
    let tickets = desk.engine.tickets().filter(|known| ticket.is_none_or(|id| known.id.0 == id));
    let of_tickets = tickets.flat_map(|ticket| ticket.runs.iter().map(|run| (ticket.id, run)));
    let runs: Vec<(TicketId, &Run)> =
        detected.iter().map(|(_, run)| (TicketId::NONE, run)).chain(of_tickets).collect();
    let mut named: BTreeSet<&str> = BTreeSet::new();
    let mut files: Vec<(TicketId, &EvidenceFile)> =
        runs.iter().flat_map(|(id, run)| run.files().map(|file| (*id, file))).collect();
    // What a `detect` run kept, the tickets that its contacts concern name as well.
    files.retain(|(_, file)| named.insert(&file.path));
    let unrecorded = runs.iter().filter(|(_, run)| is_unrecorded(run));
    let unrecorded: Vec<String> =
        unrecorded.map(|(id, run)| format!("{}-", plan::evidence_stem(*id, run.id))).collect();
    let directory = ticket.map(|id| plan::evidence_directory(TicketId(id)));
    let strays = vault::strays(desk.state(), directory.as_deref(), &named).map_err(|error| {
        Fault::Failed(format!(
            "the evidence cannot be looked through: {error}: run this as the user of `serve`"
        ))
    })?;
    let events = match ticket {
        Some(id) => desk.engine.history(TicketId(id))?.len() as u64,
        None => desk.engine.events_count(),
    };
    let found = Found {
        events,
        rows: files.into_iter().map(|(id, file)| (id, file, fault(desk, file))).collect(),
        strays: strays.into_iter().map(|(path, stray)| told(path, stray, &unrecorded)).collect(),
    };
    let printed = print::out(&if json { found.as_json() } else { found.as_text() });
    Ok(if found.is_sound() { printed } else { Exit::Failed })
}

/// Whether a run goes on, or was killed before what it had could be recorded.
fn is_unrecorded(run: &Run) -> bool {
    run.end.as_ref().is_none_or(|end| end.outcome == Outcome::Interrupted && end.evidence.is_empty())
}

/// What is wrong with a file; `None` when it is what was recorded.
fn fault(desk: &Desk, file: &EvidenceFile) -> Option<String> {
    vault::check(desk.state(), file).err().map(|fault| match fault {
        vault::Fault::Missing => "MISSING: it is not there".to_owned(),
        vault::Fault::Changed(found) => {
            format!("CHANGED: its SHA-256 is {found} and {} was recorded", file.sha256)
        }
        vault::Fault::Unreadable(why) => format!("UNREADABLE: {why}"),
    })
}

/// A file that no event names, whether that is a fault, and what to know of it.
struct Told {
    path: String,
    is_sound: bool,
    text: &'static str,
}

fn told(path: String, stray: Stray, unrecorded: &[String]) -> Told {
    let is_unrecorded = unrecorded.iter().any(|stem| path.starts_with(stem));
    let (is_sound, text) = match stray {
        Stray::BeingWritten => (true, "is being written"),
        Stray::Unfinished => (true, "unfinished: left by a run that was killed, set aside at the next start"),
        Stray::Untrusted => (true, "untrusted: left by a run that was killed, nothing vouches for it"),
        Stray::Unknown if is_unrecorded => {
            (true, "not on record: its run goes on or was killed, nothing vouches for it")
        }
        Stray::Unknown => (false, "UNKNOWN: no event names it, do not trust it, and move it away"),
    };
    Told { path, is_sound, text }
}

struct Found<'a> {
    events: u64,
    rows: Vec<(TicketId, &'a EvidenceFile, Option<String>)>,
    strays: Vec<Told>,
}

impl Found<'_> {
    fn is_sound(&self) -> bool {
        self.rows.iter().all(|(_, _, fault)| fault.is_none()) && self.strays.iter().all(|told| told.is_sound)
    }

    fn as_text(&self) -> String {
        let mut text = format!("{} events: the chain of hashes is whole\n", self.events);
        for (ticket, file, fault) in &self.rows {
            let said = fault.as_deref().unwrap_or("ok");
            let whose =
                if *ticket == TicketId::NONE { "detect".to_owned() } else { format!("ticket {ticket}") };
            text.push_str(&format!("{whose}  {}  {said}\n", file.path));
        }
        for Told { path, text: said, .. } in &self.strays {
            text.push_str(&format!("beside  {}  {said}\n", path.escape_debug()));
        }
        text
    }

    fn as_json(&self) -> String {
        let files = self.rows.iter().map(|(ticket, file, fault)| {
            let ticket = Some(ticket).filter(|id| **id != TicketId::NONE);
            json!({"ticket": ticket, "path": file.path, "sha256": file.sha256,
                "is_sound": fault.is_none(), "fault": fault})
        });
        let beside = self
            .strays
            .iter()
            .map(|Told { path, is_sound, text }| json!({"path": path, "is_sound": is_sound, "text": text}));
        let document = json!({"schema": "allclear.evidence/1", "events": self.events,
            "is_sound": self.is_sound(), "files": files.collect::<Vec<_>>(),
            "beside": beside.collect::<Vec<_>>()});
        print::json_text(&document)
    }
}
