//! Are the files of a ticket what the log says? Looked at for a report, which tells.

use crate::edge::capture::vault::{self, Fault};
use crate::pure::report::Looked;
use crate::pure::ticket::{Run, Ticket};
use crate::pure::verdict::EvidenceFile;
use std::path::Path;

/// Files of more than this together are not read for a report: `keep: all` can leave 64 GiB a night, and
/// `evidence verify` reads them all.
const HASHED_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Every file on record: packets and coverage ledgers.
pub fn on_record(ticket: &Ticket) -> impl Iterator<Item = &EvidenceFile> {
    ticket.runs.iter().flat_map(Run::files)
}

/// Looks at each, and computes its SHA-256 unless that would take too long.
pub fn look(state: &Path, ticket: &Ticket) -> Looked {
    let is_hashed = on_record(ticket).map(|file| file.bytes).sum::<u64>() <= HASHED_BYTES_MAX;
    let mut looked = Looked { has_looked: true, is_hashed, ..Looked::default() };
    for file in on_record(ticket) {
        let fault = if is_hashed { hash(state, file) } else { size(state, file) };
        if let Some(fault) = fault {
            looked.faults.insert(file.path.clone(), fault);
        }
    }
    looked
}

fn hash(state: &Path, file: &EvidenceFile) -> Option<String> {
    vault::check(state, file).err().map(|fault| match fault {
        Fault::Missing => "it is missing".to_owned(),
        Fault::Changed(found) => format!("it was changed: its SHA-256 is {found} now"),
        Fault::Unreadable(why) => format!("it cannot be read: {why}"),
    })
}

fn size(state: &Path, file: &EvidenceFile) -> Option<String> {
    match vault::open(state, &file.path).and_then(|opened| opened.metadata()) {
        Ok(about) if about.len() == file.bytes => None,
        Ok(about) => Some(format!("it was changed: it has {} bytes and not {}", about.len(), file.bytes)),
        Err(error) => Some(format!("it is missing or cannot be read: {error}")),
    }
}
