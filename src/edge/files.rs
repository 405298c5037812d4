//! Which files did people write, and what is in them? Opens the site file, the playbooks beside it
//! and their watchlist files.
//!
//! What they mean is decided in `pure::document`; this only reads. It opens nothing but regular
//! files, so that a pipe or a device in the wrong place never makes it wait.

use crate::pure::document::{self, Draft, Outside, TEXT_BYTES_MAX};
use crate::pure::playbook::{Library, Playbook};
use crate::pure::problem::{Place, Problem, Severity, has_error};
use crate::pure::site::SiteFile;
use crate::pure::watchlist::{self, Part};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The site file's name.
pub const SITE_FILE_NAME: &str = "allclear.yaml";

/// Where the site file is looked for, in this order.
const SITE_FILE_PLACES: [&str; 2] = ["allclear.yaml", "/etc/allclear/allclear.yaml"];

/// Playbooks beside one site file; more is taken for a wrong directory.
const PLAYBOOKS_MAX: usize = 1_000;

/// What to do about a file that is too large: one that people write, and a list.
const SHORTEN: &str = "long lists go into a watchlist file, which `file:` names";
const SPLIT: &str = "split it";

/// Checks a packet filter: warnings, or why it cannot be used, each as `what: what to do`.
pub type CheckFilter<'a> = &'a dyn Fn(&str) -> Result<Vec<String>, String>;

/// The entries of a watchlist file; `None` when it cannot be used, which is told elsewhere.
pub fn watchlist_part(path: &Path) -> Option<Part> {
    let bytes = read_bytes(path, watchlist::FILE_BYTES_MAX, SPLIT).ok()?;
    watchlist::read_file(&bytes).ok().map(|read| read.part)
}

/// Everything that was read from one site file on, faulty or not.
#[derive(Debug, Default)]
pub struct Reading {
    /// What could be read; `None` without a readable site file.
    pub library: Option<Library>,
    pub problems: Vec<Problem>,
    /// The files that were read, with their text.
    pub texts: Vec<(PathBuf, String)>,
}

/// The site file and the playbooks beside it, with their warnings; or every problem, when there is an
/// error among them.
///
/// # Errors
/// All problems of all files, at least one of them an error.
pub fn load(path: &Path, check_filter: CheckFilter<'_>) -> Result<(Library, Vec<Problem>), Vec<Problem>> {
    let Reading { library, problems, .. } = read_all(path, check_filter);
    match library {
        Some(library) if !has_error(&problems) => Ok((library, problems)),
        _ => Err(problems),
    }
}

/// As [`load`], keeping what could be read in spite of errors.
pub fn read_all(path: &Path, check_filter: CheckFilter<'_>) -> Reading {
    let outside = Outside { check_filter, check_watchlist_file: &check_watchlist_file };
    let mut reading = Reading::default();
    let site_file = match read_text(path) {
        Ok(text) => {
            let (site_file, problems) = document::read_site_file(path, &text, outside);
            reading.problems.extend(problems);
            reading.texts.push((path.to_owned(), text));
            site_file
        }
        Err(problem) => {
            reading.problems.push(*problem);
            None
        }
    };
    let playbooks = read_playbooks(path, site_file.as_ref(), outside, &mut reading);
    let named = |playbook: &Playbook| reading.texts.iter().find(|(path, _)| *path == playbook.path);
    let playbooks = playbooks
        .into_iter()
        .filter_map(|playbook| named(&playbook).map(|(_, text)| (playbook.clone(), text.as_str())))
        .collect();
    reading.library = document::library(Draft { site_file, playbooks }, &mut reading.problems);
    reading
}

/// One playbook by itself, checked against `site_file` where there is one.
pub fn read_playbook(
    path: &Path,
    site_file: Option<&SiteFile>,
    check_filter: CheckFilter<'_>,
) -> (Option<Playbook>, Vec<Problem>) {
    let outside = Outside { check_filter, check_watchlist_file: &check_watchlist_file };
    match read_text(path) {
        Ok(text) => document::read_playbook(path, &text, site_file, outside),
        Err(problem) => (None, vec![*problem]),
    }
}

/// The site file that a command uses: the one named, else the first of the usual places.
///
/// # Errors
/// The problem to show when none of the usual places holds one.
pub fn find_site_file(named: Option<&Path>) -> Result<PathBuf, Box<Problem>> {
    if let Some(named) = named {
        let is_directory = named.is_dir();
        return Ok(if is_directory { named.join(SITE_FILE_NAME) } else { named.to_owned() });
    }
    let found = SITE_FILE_PLACES.iter().map(Path::new).find(|path| path.symlink_metadata().is_ok());
    found.map(Path::to_owned).ok_or_else(|| {
        let cure = "`allclear init` writes one to start from, `--site-file PATH` names another";
        problem(Path::new(SITE_FILE_NAME), "there is no site file here, nor in /etc/allclear", cure)
    })
}

/// The text of a file that a person wrote.
///
/// # Errors
/// One problem: it is not there, no regular file or too large, or, with the place, no UTF-8.
pub fn read_text(path: &Path) -> Result<String, Box<Problem>> {
    let bytes = read_bytes(path, TEXT_BYTES_MAX as u64, SHORTEN)
        .map_err(|(what, cure)| problem(path, &what, &cure))?;
    String::from_utf8(bytes).map_err(|error| {
        let place = Some(place_of_byte(error.as_bytes(), error.utf8_error().valid_up_to()));
        let is_utf_16 = [b"\xff\xfe", b"\xfe\xff"].iter().any(|mark| error.as_bytes().starts_with(*mark));
        let what = if is_utf_16 { "the file is UTF-16" } else { "a character here is not UTF-8" };
        Box::new(Problem { place, ..*problem(path, what, "save the file as UTF-8") })
    })
}

/// Line and column of a byte, up to which the bytes are UTF-8.
fn place_of_byte(bytes: &[u8], at: usize) -> Place {
    let before = String::from_utf8_lossy(&bytes[..at]);
    let line_from = before.rfind('\n').map_or(0, |line_break| line_break + 1);
    let rest = bytes[line_from..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    Place {
        line: before.matches('\n').count() + 1,
        column: before[line_from..].chars().count() + 1,
        length: 1,
        source: String::from_utf8_lossy(rest).into_owned(),
    }
}

type Fault = (String, String);

fn read_bytes(path: &Path, bytes_max: u64, too_large_cure: &str) -> Result<Vec<u8>, Fault> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.is_dir() {
        return Err(("this is a directory".to_owned(), "name a file in it".to_owned()));
    }
    if !metadata.is_file() {
        return Err(("this is no regular file".to_owned(), "name a file, not a pipe or a device".to_owned()));
    }
    let too_large = || (format!("it is larger than {} KiB", bytes_max >> 10), too_large_cure.to_owned());
    if metadata.len() > bytes_max {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(|error| unreadable(path, &error))?;
    // It may have grown meanwhile.
    if bytes.len() as u64 > bytes_max { Err(too_large()) } else { Ok(bytes) }
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
    let (what, cure) = match error.kind() {
        io::ErrorKind::NotFound if is_link => ("this link leads nowhere".to_owned(), "point it to a file"),
        io::ErrorKind::NotFound => ("there is no such file".to_owned(), "check the name, or write it"),
        io::ErrorKind::PermissionDenied => {
            ("it may not be read".to_owned(), "give this user the right to read it")
        }
        _ => (format!("it cannot be read ({error})"), "check the file and its disk"),
    };
    (what, cure.to_owned())
}

fn problem(path: &Path, what: &str, cure: &str) -> Box<Problem> {
    Box::new(Problem {
        severity: Severity::Error,
        path: path.to_owned(),
        place: None,
        what: what.to_owned(),
        cure: Some(cure.to_owned()),
    })
}

fn read_playbooks(
    site_path: &Path,
    site_file: Option<&SiteFile>,
    outside: Outside<'_>,
    reading: &mut Reading,
) -> Vec<Playbook> {
    let directory = site_path.parent().unwrap_or(Path::new("")).join("playbooks");
    let mut playbooks = Vec::new();
    let paths = playbook_paths(&directory, &mut reading.problems);
    if paths.is_empty() && site_file.is_some() {
        let cure = "`allclear init` writes some to start from";
        let what = "there are no playbooks here, so no ticket can be opened";
        reading.problems.push(Problem { severity: Severity::Warning, ..*problem(&directory, what, cure) });
    }
    for path in paths {
        match read_text(&path) {
            Ok(text) => {
                let (playbook, problems) = document::read_playbook(&path, &text, site_file, outside);
                reading.problems.extend(problems);
                playbooks.extend(playbook);
                reading.texts.push((path, text));
            }
            Err(problem) => reading.problems.push(*problem),
        }
    }
    playbooks
}

/// The playbooks of a directory, in the order of their names; none when there is no directory.
fn playbook_paths(directory: &Path, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = match fs::read_dir(directory) {
        Ok(entries) => entries.take(PLAYBOOKS_MAX * 2).flatten().map(|entry| entry.path()).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            let (what, cure) = unreadable(directory, &error);
            problems.push(*problem(directory, &what, &cure));
            return Vec::new();
        }
    };
    paths.sort();
    let is_hidden = |path: &Path| path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
    paths.retain(|path| !is_hidden(path));
    for path in paths.iter().filter(|path| path.extension().is_some_and(|ending| ending == "yml")) {
        let mut found = *problem(path, "it is not read, for its ending", "call it `.yaml`");
        found.severity = Severity::Warning;
        problems.push(found);
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    if paths.len() > PLAYBOOKS_MAX {
        let what = format!("more than {PLAYBOOKS_MAX} playbooks");
        problems.push(*problem(directory, &what, "keep the ones in use here"));
        paths.truncate(PLAYBOOKS_MAX);
    }
    paths
}

fn check_watchlist_file(path: &Path) -> Result<Vec<String>, String> {
    let shown = path.display();
    let bytes = read_bytes(path, watchlist::FILE_BYTES_MAX, SPLIT)
        .map_err(|(what, cure)| format!("the watchlist file {shown} cannot be used, {what}: {cure}"))?;
    let read = watchlist::read_file(&bytes).map_err(|error| {
        format!("the watchlist file {shown} cannot be used, {}", error.replacen(": ", "; ", 1))
    })?;
    if read.part.counts().total() == 0 {
        return Err(format!("the watchlist file {shown} is empty: fill it, or remove it from the playbook"));
    }
    let is_too_much = read.too_much_unapplied().is_some();
    if read.rejected_lines == 0 && !is_too_much {
        return Ok(Vec::new());
    }
    let lines = match (read.rejected_lines, read.unusable) {
        (0, 1) => "a line is a URL with a path or a file hash".to_owned(),
        (0, unusable) => format!("{unusable} lines are URLs with a path or file hashes"),
        (1, _) => "a line is no entry".to_owned(),
        (lines, _) => format!("{lines} lines are no entries"),
    };
    let so_much = if is_too_much { ", too much for any run to pass" } else { "" };
    Ok(vec![format!("in {shown} {lines}{so_much}: `allclear watchlist {shown}` shows what was read")])
}
