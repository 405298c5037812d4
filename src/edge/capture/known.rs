//! How many entries did each watchlist file hold when it was last read? Kept beside the log, so that a
//! list that was cut short is noticed after a restart too.
//!
//! Only warnings depend on it: a file that is lost, damaged or cannot be written is begun anew.

use super::published::{Taken, publish};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Where it stands below the state directory.
const FILE: &str = "cache/watchlists.json";
/// So many lists are remembered; a site names a handful.
const LISTS_MAX: usize = 1000;
/// A larger file is not ours.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Notes how many entries a list holds now; tells in a sentence when they are half as many as before, or
/// fewer.
pub(super) fn note(state_dir: &Path, list: &Path, entries: u64) -> Option<String> {
    let path = state_dir.join(FILE);
    let mut known = read(&path);
    let list = list.display().to_string();
    let before = known.get(&list).copied();
    if before != Some(entries) {
        if known.len() >= LISTS_MAX && before.is_none() {
            known.pop_first();
        }
        known.insert(list.clone(), entries);
        write(&path, &known);
    }
    let has_shrunk = before.is_some_and(|before| entries <= before / 2);
    has_shrunk.then(|| {
        format!(
            "the watchlist file {list} shrank from {} to {entries} entries since it was last read: see \
             whether all of it is there",
            before.unwrap_or_default()
        )
    })
}

fn read(path: &Path) -> BTreeMap<String, u64> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text));
    read.ok().and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default()
}

fn write(path: &Path, known: &BTreeMap<String, u64>) {
    let text = serde_json::to_string_pretty(known).unwrap_or_default();
    if let Err(error) = publish(path, text.as_bytes(), Taken::Replace) {
        tracing::debug!("cannot remember the size of watchlists in {}: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_shrank_by_half_is_told_once() {
        let state = tempfile::tempdir().expect("a directory");
        let list = Path::new("feed.txt");
        let rows = [
            ("the first time", 100, false),
            ("a little less", 51, false),
            ("one more than half", 26, false),
            ("half", 13, true),
            ("the same again", 13, false),
            ("more", 500, false),
            ("nearly nothing", 1, true),
        ];
        for (row, entries, wanted) in rows {
            assert_eq!(note(state.path(), list, entries).is_some(), wanted, "{row}");
        }
        assert_eq!(note(state.path(), Path::new("other.txt"), 1), None, "another list has its own number");
    }

    #[test]
    fn a_damaged_memory_is_begun_anew_and_a_full_one_forgets() {
        let state = tempfile::tempdir().expect("a directory");
        let path = state.path().join(FILE);
        std::fs::create_dir(state.path().join("cache")).expect("a directory");
        for damage in ["", "{\"feed.txt\": ", "{\"feed.txt\": -1}", "[]"] {
            std::fs::write(&path, damage).expect("writable");
            assert_eq!(note(state.path(), Path::new("feed.txt"), 1), None, "{damage:?}");
        }
        write(&path, &(0..LISTS_MAX).map(|number| (format!("{number:04}"), 1)).collect());
        note(state.path(), Path::new("new"), 1);
        let known = read(&path);
        assert!(known.len() == LISTS_MAX && known["new"] == 1 && !known.contains_key("0000"));
        assert_eq!(note(Path::new("/proc/nowhere"), Path::new("feed.txt"), 1), None, "not writable");
    }
}
