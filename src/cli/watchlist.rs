//! `allclear watchlist`: what watchlist files hold, and which of their entries match.

use super::exit::Exit;
use super::lists::{self, ListError};
use super::print::{Reader, note, spelt_out, tell};
use crate::pure::watchlist::{Counts, FileRead, Found, MatchKind, ODD_SHOWN_MAX, Odd, Sought};
use crate::pure::words::count;
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The flags of `allclear watchlist`.
#[derive(Args, Debug)]
pub struct WatchlistArgs {
    /// Watchlist files
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Tell which entries match this address or name
    #[arg(long, value_name = "ADDRESS|NAME")]
    pub lookup: Option<String>,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// `allclear.watchlist/1`.
#[derive(Serialize)]
struct Report {
    schema: &'static str,
    files: Vec<FileReport>,
}

#[derive(Serialize)]
struct FileReport {
    file: String,
    watchlist: String,
    format: String,
    addresses: u64,
    networks: u64,
    ports: u64,
    domains: u64,
    unusable: u64,
    rejected: u64,
    rejected_lines: Vec<RejectedReport>,
    /// How many entries are most likely a mistake.
    odd: u64,
    /// What is odd about the first of them.
    warnings: Vec<String>,
    /// `null` when nothing was looked up.
    matches: Option<Vec<String>>,
    /// The same, with what a packet has to match besides.
    matched: Option<Vec<FoundReport>>,
}

/// An entry that matches what was looked up.
#[derive(Serialize)]
struct FoundReport {
    /// As the file spells it.
    entry: String,
    /// `address`, `network` or `domain`.
    kind: &'static str,
    /// The only ports at which it matches, as `80` or `tcp/4000-4010`; `null`: at all.
    ports: Option<String>,
}

#[derive(Serialize)]
struct RejectedReport {
    line: usize,
    text: String,
    why: String,
}

/// Reads the files and says what is in them. All files are read, also after one that cannot be.
pub fn run(args: &WatchlistArgs) -> Exit {
    let sought = match args.lookup.as_deref().map(Sought::parse).transpose() {
        Ok(sought) => sought,
        Err(why) => {
            note(&format!("allclear: --lookup: {why}"));
            return Exit::Usage;
        }
    };
    let mut exit = Exit::Done;
    let mut files = Vec::new();
    for path in &args.files {
        match lists::read(path) {
            Ok(read) => {
                if read.part.counts().total() == 0 {
                    note(&format!(
                        "allclear: {} holds no entry that can be used: see whether the feed was written",
                        path.display()
                    ));
                    exit = Exit::Usage;
                }
                files.push(report(path, read, sought.as_ref()));
            }
            Err(error) => {
                note(&format!("allclear: {error}"));
                exit = if matches!(error, ListError::Refused { .. }) { Exit::Usage } else { Exit::Failed };
            }
        }
    }
    match print(Report { schema: "allclear.watchlist/1", files }, Reader::of(args.json)) {
        Ok(()) => exit,
        Err(_) => Exit::Failed,
    }
}

fn report(path: &Path, read: FileRead, sought: Option<&Sought>) -> FileReport {
    let Counts { addresses, networks, ports, domains } = read.part.counts();
    let Odd { count: odd, shown: warnings } = read.part.odd(&[]);
    let found = sought.map(|sought| read.part.matching(sought));
    let texts = |found: &Vec<Found>| found.iter().map(|found| found.text.clone()).collect();
    FileReport {
        file: path.display().to_string(),
        watchlist: lists::name(path),
        format: read.format.to_string(),
        addresses,
        networks,
        ports,
        domains,
        unusable: read.unusable,
        rejected: read.rejected_lines,
        odd,
        warnings,
        matches: found.as_ref().map(texts),
        matched: found.map(|found| found.into_iter().map(found_report).collect()),
        rejected_lines: read
            .rejected
            .into_iter()
            .map(|rejected| RejectedReport { line: rejected.line, text: rejected.text, why: rejected.why })
            .collect(),
    }
}

fn found_report(found: Found) -> FoundReport {
    let kind = match found.kind {
        MatchKind::Address => "address",
        MatchKind::Network => "network",
        MatchKind::Port => "port",
        MatchKind::Domain => "domain",
    };
    FoundReport { entry: found.text, kind, ports: found.ports.map(|ports| ports.to_string()) }
}

fn print(report: Report, reader: Reader) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if reader == Reader::Program {
        return writeln!(out, "{}", spelt_out(&serde_json::to_string_pretty(&report)?));
    }
    report.files.iter().try_for_each(|file| tell(&mut out, |out| print_file(out, file)))
}

fn print_file(out: &mut impl Write, report: &FileReport) -> io::Result<()> {
    let FileReport { file, format, addresses, networks, ports, domains, unusable, rejected, .. } = report;
    writeln!(
        out,
        "{file}: {format}: {}, {}, {}, {}",
        count(*addresses, "address"),
        count(*networks, "network"),
        count(*ports, "port range"),
        count(*domains, "domain")
    )?;
    if *unusable > 0 {
        let what = "URLs with a path, file hashes, or not meant for detection";
        writeln!(out, "  {unusable} not usable here ({what})")?;
    }
    for warning in &report.warnings {
        writeln!(out, "  warning: {warning}")?;
    }
    if report.odd > ODD_SHOWN_MAX as u64 {
        writeln!(out, "  … in all {} entries are most likely a mistake", report.odd)?;
    }
    for RejectedReport { line, text, why } in &report.rejected_lines {
        let text = if text.is_empty() { String::new() } else { format!(" {text:?}") };
        writeln!(out, "  {file}:{line}: rejected{text}: {why}")?;
    }
    let unshown = rejected.saturating_sub(report.rejected_lines.len() as u64);
    if unshown > 0 {
        writeln!(out, "  … and {unshown} more rejected lines")?;
    }
    match report.matched.as_deref() {
        None => Ok(()),
        Some([]) => writeln!(out, "  no entry matches"),
        Some(found) => found.iter().try_for_each(|found| print_found(out, found)),
    }
}

fn print_found(out: &mut impl Write, FoundReport { entry, ports, .. }: &FoundReport) -> io::Result<()> {
    let only = ports.as_ref().map(|ports| format!(", at port {ports} only")).unwrap_or_default();
    writeln!(out, "  matches {entry}{only}")
}
