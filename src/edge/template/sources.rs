//! Which text does each template have? The shipped one, or that of the file of its name beside the site file.
//!
//! Right of it is `trial`, which tries them out. It must never pass over a file in silence that somebody wrote
//! to be used.

use super::shipped::SHIPPED;
use crate::pure::problem::{Problem, Severity};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The longest template file that is read, in bytes: ten times the longest shipped one.
const FILE_BYTES_MAX: u64 = 128 * 1024;

/// So many files of the directory are looked at: ten times as many as there are templates.
const FILES_MAX: usize = 512;

/// From this likeness on (Jaro, 0 to 1) a name may be a slip of another.
const LIKENESS_MIN: f64 = 0.8;

/// Where each template came from, and its text, by file name.
pub type Sources = BTreeMap<String, (PathBuf, String)>;

/// The text of every template, and what is wrong with files in the directory: those that cannot be used are
/// errors, those that are no templates by their names warnings.
pub fn read_all(directory: Option<&Path>) -> (Sources, Vec<Problem>) {
    let shipped = |(name, text): &(&str, &str)| {
        ((*name).to_owned(), (Path::new("templates").join(name), (*text).to_owned()))
    };
    let mut sources: Sources = SHIPPED.iter().map(shipped).collect();
    let mut problems = Vec::new();
    for path in own_files(directory) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let used = match sources.get_mut(&name) {
            Some(source) => read(&path).map(|text| *source = (path.clone(), text)),
            None => Err(misnamed(&name)),
        };
        problems.extend(used.err().map(|Fault { severity, what, cure }| Problem {
            severity,
            path,
            place: None,
            what,
            cure: Some(cure),
        }));
    }
    (sources, problems)
}

/// The shipped template whose name is most like this one, if any is.
pub fn nearest(name: &str) -> Option<&'static str> {
    let likeness = |shipped: &str| strsim::jaro(name, shipped);
    let names = SHIPPED.iter().map(|(shipped, _)| *shipped);
    names.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|most| likeness(most) >= LIKENESS_MIN)
}

struct Fault {
    severity: Severity,
    what: String,
    cure: String,
}

/// The files in a directory, in order of their names, without hidden ones, what editors leave behind, and
/// what tells people about it.
fn own_files(directory: Option<&Path>) -> Vec<PathBuf> {
    let Some(entries) = directory.and_then(|directory| std::fs::read_dir(directory).ok()) else {
        return Vec::new();
    };
    let is_meant = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        !(name.starts_with('.') || name.ends_with('~') || name.starts_with("README") || path.is_dir())
    };
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(is_meant).take(FILES_MAX).collect();
    files.sort();
    files
}

fn read(path: &Path) -> Result<String, Fault> {
    let fault = |what, cure: &str| Fault { severity: Severity::Error, what, cure: cure.to_owned() };
    let size = std::fs::metadata(path).map_or(0, |about| about.len());
    if size > FILE_BYTES_MAX {
        return Err(fault(format!("it has {size} bytes, more than {FILE_BYTES_MAX}"), "shorten it"));
    }
    std::fs::read_to_string(path)
        .map_err(|error| fault(format!("it cannot be read: {error}"), "make it a readable UTF-8 file"))
}

/// A file that takes no template's place: an error where it calls itself a template.
fn misnamed(name: &str) -> Fault {
    let is_template = name.ends_with(".hbs");
    let severity = if is_template { Severity::Error } else { Severity::Warning };
    let instead = nearest(name).map_or_else(
        || "name it after the one it replaces, or take it away".to_owned(),
        |nearest| format!("did you mean {nearest}?"),
    );
    let what = "no shipped template has this name, so it would never be used".to_owned();
    Fault { severity, what, cure: format!("{instead} `allclear mail template` lists the names") }
}
