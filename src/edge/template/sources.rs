//! Which text does each template have? The shipped one, or that of the file of its name beside the site file.
//!
//! Right of it is `trial`, which tries them out. It must never pass over a file in silence that somebody wrote
//! to be used.

use super::shipped::SHIPPED;
use crate::pure::problem::{Problem, Severity};
use std::collections::BTreeMap;
use std::io::ErrorKind::NotFound;
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
    let (files, unread) = own_files(directory);
    problems.extend(unread);
    for path in files {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let used = match sources.get_mut(&name) {
            Some(source) => read(&path).map(|text| *source = (path.clone(), text)),
            None => Err(misnamed(&name)),
        };
        problems.extend(used.err().map(|fault| fault.of(path)));
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

impl Fault {
    fn of(self, path: PathBuf) -> Problem {
        let Fault { severity, what, cure } = self;
        Problem { severity, path, place: None, what, cure: Some(cure) }
    }
}

fn error(what: String, cure: &str) -> Fault {
    Fault { severity: Severity::Error, what, cure: cure.to_owned() }
}

/// The files in a directory, in order of their names, without hidden ones, what editors leave behind, and
/// what tells people about it; and what is wrong with a directory that is there and cannot be looked into.
fn own_files(directory: Option<&Path>) -> (Vec<PathBuf>, Option<Problem>) {
    let Some(directory) = directory else { return Default::default() };
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        // A link that leads nowhere is there.
        Err(_) if std::fs::symlink_metadata(directory).is_err_and(|error| error.kind() == NotFound) => {
            return Default::default();
        }
        Err(fault) => {
            let what = format!("it cannot be looked into: {fault}");
            let fault = error(what, "make it a directory that allclear can read, or take it away");
            return (Vec::new(), Some(fault.of(directory.to_owned())));
        }
    };
    let is_meant = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_place = path.is_dir() && !name.ends_with(".hbs");
        !(name.starts_with('.') || name.ends_with('~') || name.starts_with("README") || is_place)
    };
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(is_meant).take(FILES_MAX + 1).collect();
    files.sort();
    let too_many = (files.len() > FILES_MAX).then(|| {
        let what = format!("it holds more than {FILES_MAX} files, so that some would never be looked at");
        error(what, "keep the templates alone in it").of(directory.to_owned())
    });
    files.truncate(FILES_MAX);
    (files, too_many)
}

fn read(path: &Path) -> Result<String, Fault> {
    let unreadable =
        |fault: std::io::Error| error(format!("it cannot be read: {fault}"), "make it a readable UTF-8 file");
    let about = std::fs::metadata(path).map_err(unreadable)?;
    // A pipe would be waited for without end.
    if !about.is_file() {
        return Err(error("it is no file".to_owned(), "write a file of that name, or take it away"));
    }
    let size = about.len();
    if size > FILE_BYTES_MAX {
        return Err(error(format!("it has {size} bytes, more than {FILE_BYTES_MAX}"), "shorten it"));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    // Editors of Windows put a mark before the first line.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
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
