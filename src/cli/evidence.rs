//! `allclear evidence verify [TICKET]`: is every kept file what was recorded, and the log what was
//! written?
//!
//! The chain of the log has been checked when the desk opened it.

use super::desk::Desk;
use super::{Exit, Fault, print};
use crate::pure::hexadecimal;
use crate::pure::ticket::TicketId;
use crate::pure::verdict::EvidenceFile;
use clap::{Args, Subcommand};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How much of a file is hashed at a time, in bytes.
const BLOCK_BYTES: usize = 64 * 1024;

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
    let tickets = desk.engine.tickets().filter(|known| ticket.is_none_or(|id| known.id.0 == id));
    let (mut events, mut rows) = (0, Vec::new());
    for ticket in tickets {
        events += ticket.events.len();
        let ended = ticket.runs.iter().filter_map(|run| run.end.as_ref());
        for file in ended.flat_map(|end| end.files()) {
            rows.push((ticket.id, file.clone(), fault(&desk.state().join(&file.path), file)));
        }
    }
    let is_sound = rows.iter().all(|(_, _, fault)| fault.is_none());
    let printed =
        if json { print::out(&as_json(events, &rows)) } else { print::out(&as_text(events, &rows)) };
    Ok(if is_sound { printed } else { Exit::Failed })
}

type Row = (TicketId, EvidenceFile, Option<String>);

fn as_text(events: usize, rows: &[Row]) -> String {
    let mut text = format!("{events} events: the chain of hashes is whole\n");
    for (ticket, file, fault) in rows {
        let said = fault.as_deref().unwrap_or("ok");
        text.push_str(&format!("ticket {ticket}  {}  {said}\n", file.path));
    }
    text
}

fn as_json(events: usize, rows: &[Row]) -> String {
    let files: Vec<_> = rows
        .iter()
        .map(|(ticket, file, fault)| {
            json!({"ticket": ticket, "path": file.path, "sha256": file.sha256,
                "is_sound": fault.is_none(), "fault": fault})
        })
        .collect();
    format!("{:#}\n", json!({"schema": "allclear.evidence/1", "events": events, "files": files}))
}

/// What is wrong with a file; `None` when it is what was recorded.
fn fault(path: &Path, file: &EvidenceFile) -> Option<String> {
    match sha256(path) {
        Ok(found) if found == file.sha256 => None,
        Ok(found) => Some(format!("CHANGED: its SHA-256 is {found} and {} was recorded", file.sha256)),
        Err(error) => Some(format!("MISSING: it cannot be read: {error}")),
    }
}

fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let (mut hash, mut block) = (Sha256::new(), vec![0; BLOCK_BYTES]);
    loop {
        match file.read(&mut block)? {
            0 => break,
            length => hash.update(&block[..length]),
        }
    }
    Ok(hexadecimal::text(&hash.finalize()))
}
