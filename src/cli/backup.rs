//! `allclear backup FILE`: a consistent copy of the state, also while `serve` runs.
//!
//! The copy grows in a hidden directory beside its place, is opened and checked there as a state of its
//! own, and only then gets its name. It never takes the place of something that is there.

use super::desk::Desk;
use super::{Exit, Fault, print};
use crate::edge::capture::vault;
use crate::edge::clock;
use crate::edge::copy::{Copy, CopyError};
use crate::edge::store::{Durability, Store};
use crate::engine::{Engine, EngineError};
use crate::pure::number::count;
use crate::pure::ticket::Run;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A consistent copy of the state, also while `serve` runs.
///
/// Without --evidence, FILE is a copy of the log of events (allclear.db), which is all that allclear knows
/// of its tickets. With it, FILE is a directory with that log and every file of evidence that the log
/// names. To restore: stop `serve`, put the log as allclear.db (or the directory) in the place of the old
/// state, without any allclear.db-wal and allclear.db-shm of the old one, and run `allclear evidence
/// verify`. The site file, playbooks, watchlists and templates are your own files: they are in neither.
#[derive(Args, Debug)]
pub struct BackupArgs {
    /// The copy; it must not be there yet
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Copy the evidence as well, into a directory that can take the place of the state directory
    #[arg(long)]
    pub evidence: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Copies, checks the copy, and gives it its name.
pub fn run(desk: &Desk, args: &BackupArgs) -> Result<Exit, Fault> {
    let fault = |error| cannot(&args.file, &error);
    let copy = Copy::begin(&args.file).map_err(fault)?;
    let log = copy.path().join("allclear.db");
    desk.engine.back_up(&log)?;
    let copied = open(desk, copy.path())?;
    let detected = copied.detection_ledger(Timestamp::MIN, clock::now())?.runs;
    let of_tickets = copied.tickets().flat_map(|ticket| &ticket.runs);
    let runs = of_tickets.chain(detected.iter().map(|(_, run)| run));
    let named: BTreeSet<String> = runs.flat_map(Run::files).map(|file| file.path.clone()).collect();
    let events = copied.events_count();
    drop(copied);
    let wanted = if args.evidence { named } else { BTreeSet::new() };
    let files = wanted.len();
    let lacking = vault::copy(desk.state(), copy.path(), &wanted).map_err(CopyError::from).map_err(fault)?;
    match args.evidence {
        true => copy.publish(),
        false => copy.publish_only(Path::new("allclear.db")),
    }
    .map_err(fault)?;
    for path in &lacking {
        print::note(&format!("{path} is on record and not there: `allclear evidence verify` tells more"));
    }
    Ok(tell(args, events, files - lacking.len(), &lacking))
}

/// The copy as a state of its own: its chain is checked from the first event to the last.
fn open(desk: &Desk, state: &Path) -> Result<Engine, EngineError> {
    let store = Store::open(state, Durability::Full)?;
    Engine::open(store, desk.engine.library().clone())
}

fn cannot(file: &Path, error: &CopyError) -> Fault {
    Fault::Failed(format!("{} cannot be written: {error}", file.display()))
}

fn tell(args: &BackupArgs, events: u64, files: usize, lacking: &[String]) -> Exit {
    let path = args.file.display().to_string();
    if args.json {
        let document = json!({"schema": "allclear.backup/1", "path": path, "events": events,
            "files": files, "missing": lacking});
        return print::out(&print::json_text(&document));
    }
    let what = match args.evidence {
        true => {
            format!("{} and {} of evidence", count(events, "event"), count(files as u64, "file"))
        }
        false => format!("{}; evidence is not in it, add --evidence for that", count(events, "event")),
    };
    print::out(&format!("{path} written: {what}\n"))
}
