//! What is in the watchlists of a run, files included, and are they fresh?
//!
//! Reads the files that the watchlists name, anew for every run; `run` compiles the result. It must
//! never let an unreadable file pass for an empty wish: the run then says so.

use crate::pure::verdict::WatchlistFacts;
use crate::pure::watchlist::{self, CompiledList, Index, Part, Watchlist};
use jiff::Timestamp;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The largest watchlist file that is read: ten million entries.
const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The watchlists of a run, ready to be looked up in.
pub struct Loaded {
    pub index: Index,
    pub facts: WatchlistFacts,
}

/// Reads and compiles the watchlists; `now` is what a file's age is reckoned from.
pub fn load(watchlists: &[Watchlist], now: Timestamp) -> Loaded {
    let mut facts = WatchlistFacts::default();
    let compiled: Vec<CompiledList<'_>> = watchlists
        .iter()
        .map(|watchlist| CompiledList { watchlist, file: load_file(watchlist, now, &mut facts) })
        .collect();
    let index = Index::compile(&compiled);
    facts.entries = index.counts().total();
    Loaded { index, facts }
}

fn load_file(watchlist: &Watchlist, now: Timestamp, facts: &mut WatchlistFacts) -> Option<Arc<Part>> {
    let path = watchlist.file.as_ref()?;
    let name = || watchlist.name.clone();
    if let Some(why) = watchlist.age_max.and_then(|age_max| staleness(path, age_max, now)) {
        facts.stale.push((name(), why));
    }
    match read_part(path) {
        Ok(part) => Some(Arc::new(part)),
        Err(why) => {
            facts.empty.push((name(), why));
            None
        }
    }
}

fn read_part(path: &Path) -> Result<Part, String> {
    let shown = path.display();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("{shown} could not be read: {error}"))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("{shown} is larger than {FILE_BYTES_MAX} bytes: split it"));
    }
    let read = watchlist::read_file(&bytes).map_err(|fault| format!("{shown}: {fault}"))?;
    if read.part.counts().total() == 0 {
        return Err(format!("{shown} holds no entry, {} lines were rejected", read.rejected_lines));
    }
    Ok(read.part)
}

/// Why a file is too old, in words; `None` when it is not, or is not there (that is told already).
fn staleness(path: &Path, age_max: Duration, now: Timestamp) -> Option<String> {
    const HOUR_SECONDS: i64 = 3600;
    const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;
    let modified = path.metadata().and_then(|metadata| metadata.modified()).ok()?;
    let Ok(modified) = Timestamp::try_from(modified) else {
        return Some(format!("{} has no known age", path.display()));
    };
    let age_seconds = now.duration_since(modified).as_secs();
    let limit_seconds = i64::try_from(age_max.as_secs()).unwrap_or(i64::MAX);
    (age_seconds > limit_seconds).then(|| match age_seconds {
        ..DAY_SECONDS => format!("{} is {} hours old", path.display(), age_seconds / HOUR_SECONDS),
        _ => format!("{} is {} days old", path.display(), age_seconds / DAY_SECONDS),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(path: &Path, age_max: Duration) -> Watchlist {
        Watchlist {
            name: "feed".to_owned(),
            file: Some(path.to_owned()),
            age_max: Some(age_max),
            ..Watchlist::default()
        }
    }

    #[test]
    fn files_that_are_missing_empty_or_old_are_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("feed.txt");
        let week = Duration::from_secs(7 * 24 * 3600);
        let missing = load(&[with_file(&path, week)], Timestamp::UNIX_EPOCH).facts;
        assert_eq!((missing.entries, missing.empty.len(), missing.stale.len()), (0, 1, 0));

        std::fs::write(&path, "# nothing yet\n").expect("writable");
        let modified = path.metadata().and_then(|metadata| metadata.modified()).expect("has a time");
        let modified = Timestamp::try_from(modified).expect("in range");
        assert_eq!(load(&[with_file(&path, week)], modified).facts.empty.len(), 1);

        std::fs::write(&path, "192.0.2.1\nevil.example\n").expect("writable");
        let modified = path.metadata().and_then(|metadata| metadata.modified()).expect("has a time");
        let modified = Timestamp::try_from(modified).expect("in range");
        let fresh = load(&[with_file(&path, week)], modified + week).facts;
        assert_eq!((fresh.entries, fresh.empty.len(), fresh.stale), (2, 0, vec![]));
        let stale = load(&[with_file(&path, week)], modified + week + Duration::from_secs(1)).facts;
        assert_eq!(stale.stale, [("feed".to_owned(), format!("{} is 7 days old", path.display()))]);
    }
}
