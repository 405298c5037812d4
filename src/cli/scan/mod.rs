//! `allclear scan`: one capture against watchlists, without site file or ticket.

mod dump;
mod flags;
mod frames;
mod print;
mod recorded;
mod save;

pub use flags::ScanArgs;

use super::exit::Exit;
use crate::cli::fault::LIMITS_CURE;
use crate::cli::print::{Reader, note};
use crate::edge::capture::account::Counted;
use crate::edge::capture::files::OpenError;
use crate::edge::capture::filter::ETHERNET;
use crate::edge::capture::inputs::InputError;
use crate::edge::capture::lint::lint;
use crate::edge::capture::screen::Screen;
use crate::edge::capture::shut_out::shut_out;
use crate::edge::capture::stop::Stop;
use crate::pure::address::Translator;
use crate::pure::interval::{Interval, Intervals};
use crate::pure::playbook::JudgeCriteria;
use crate::pure::sighting::{Coverage, Left, Observer};
use crate::pure::verdict::{
    Asked, CaptureFacts, Ending, Judgement, SourceFacts, SystemClock, WatchlistFacts, judge,
};
use crate::pure::watchlist::Index;
use flags::{Wanted, WantedError};
use frames::{Heard, Scanner};
use std::io;

/// The capture rings of a scan, in bytes: what 64 MiB hold is half a second at 1 Gb/s.
const RING_BYTES: u64 = 64 * 1024 * 1024;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
enum ScanError {
    #[error(transparent)]
    Wanted(#[from] WantedError),
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Inputs(#[from] InputError),
    /// The interface was not there to listen on.
    #[error("{0}")]
    Source(String),
    #[error("cannot catch signals: {0}: {LIMITS_CURE}")]
    Signals(io::Error),
    /// Whoever reads the output wants no more of it.
    #[error("cannot write the result: {0}: see where standard output goes")]
    Output(#[from] io::Error),
}

/// Scans and prints; the exit code is the verdict.
pub fn run(args: &ScanArgs) -> Exit {
    match scan(args) {
        Ok(exit) => exit,
        Err(ScanError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Failed,
        Err(error) => {
            note(&format!("allclear: {error}"));
            match error {
                ScanError::Usage(_) | ScanError::Wanted(WantedError::Fault(_)) => Exit::Usage,
                ScanError::Wanted(_)
                | ScanError::Open(_)
                | ScanError::Inputs(_)
                | ScanError::Source(_)
                | ScanError::Signals(_)
                | ScanError::Output(_) => Exit::Failed,
            }
        }
    }
}

fn scan(args: &ScanArgs) -> Result<Exit, ScanError> {
    if args.files.is_empty() == args.interface.is_none() {
        let what = "name capture files, or an interface with -i".to_owned();
        return Err(ScanError::Usage(if args.files.is_empty() { what } else { format!("{what}, not both") }));
    }
    let warnings = args.filter.as_deref().map_or(Ok(Vec::new()), lint).map_err(ScanError::Usage)?;
    warnings.iter().for_each(|warning| note(&format!("warning: {warning}")));
    let wanted = Wanted::read(args)?;
    let index = Index::compile(&wanted.compiled());
    let mut observer = Observer::default();
    let watch = observer.join(wanted.watch(&index), i64::MIN);
    let dump = args.dump.then(|| dump::Dump::new(Reader::of(args.json)));
    let mut scanner = Scanner {
        observer,
        filter: args
            .filter
            .as_deref()
            .map(|filter| screen(filter, &wanted.nat64))
            .transpose()
            .map_err(ScanError::Usage)?,
        packets_max: args.packets,
        passed_packets: 0,
        dump,
        save: save::begin(args)?,
        has_watchlist: index.counts().total() > 0,
        fault: None,
    };
    let heard = match &args.interface {
        Some(interface) => frames::live(interface, RING_BYTES, args.length, &stop()?, &mut scanner),
        None => {
            Heard { window: None, listened: recorded::recorded(&args.files, &args.days(), &mut scanner)? }
        }
    };
    let is_unheard = heard.window.is_some() && heard.listened.watched.is_empty();
    if let (Ending::SourceGone(what), true) = (&heard.listened.ending, is_unheard) {
        return Err(ScanError::Source(what.clone()));
    }
    let Scanner { mut observer, dump, save, fault, passed_packets, .. } = scanner;
    fault.map_or(Ok(()), Err)?;
    dump.map_or(Ok(()), |mut dump| dump.flush())?;
    let left = observer.leave(watch, &[]).expect("it joined, and leaves once");
    left.observation.coverage.notes.iter().for_each(|what| note(&format!("warning: {what}")));
    let asked = Asked { has_filter: args.filter.is_some(), has_domains: index.has_domains(), blamed: &[] };
    let facts = facts(heard, left, &asked, lists_facts(args, &wanted, &index));
    let unsaved = save.map(|save| save::finish(save, &counted(&facts, passed_packets))).unwrap_or_default();
    let judgement = judge(&criteria(), &facts);
    let result = print::Result {
        judgement: &judgement,
        observation: &facts.sources[0].observation,
        index: &index,
        wanted: &wanted,
        unsaved: &unsaved,
    };
    print::print(&result, args)?;
    Ok(match exit(args, &judgement, &index) {
        // What could not be saved changes no verdict, but nothing is well either.
        Exit::Done if !unsaved.is_empty() => Exit::Failed,
        exit => exit,
    })
}

/// The filter, which is one of Ethernet at least.
fn screen(filter: &str, nat64: &[Translator]) -> Result<Screen, String> {
    let mut screen = Screen::new(filter).with_translators(nat64);
    screen.prepare(ETHERNET).map(|()| screen)
}

/// With nothing to look for and `--dump`, the table is what was asked for.
fn exit(args: &ScanArgs, judgement: &Judgement, index: &Index) -> Exit {
    if args.dump && index.counts().total() == 0 { Exit::Done } else { judgement.verdict.into() }
}

fn stop() -> Result<Stop, ScanError> {
    Stop::on_signals().map_err(ScanError::Signals)
}

fn counted(facts: &CaptureFacts, passed_packets: u64) -> Counted {
    let counted = Counted::of(&facts.sources[0], Some(passed_packets));
    // A file of one packet lasts no time, but has one.
    Counted { watched: counted.watched.or(recorded(&facts.sources[0])), ..counted }
}

/// The lax criteria of a scan (design: interfaces, "scan"): any contact fails it, and any packet will
/// do for coverage. Of an interface as much has to be watched as of a run; files have no hole in them.
fn criteria() -> JudgeCriteria {
    JudgeCriteria {
        fail_at: 1,
        heard_packets_min: 1,
        lost_max: None,
        has_blamed_present: false,
        ..JudgeCriteria::default()
    }
}

/// What became of the lists, and of their entries behind the filter.
fn lists_facts(args: &ScanArgs, wanted: &Wanted, index: &Index) -> WatchlistFacts {
    let shut_out = args.filter.as_ref().map(|filter| shut_out(filter, &wanted.inside, &wanted.nat64, index));
    WatchlistFacts {
        entries: index.counts().total(),
        empty: wanted.empty_lists(),
        incomplete: wanted.incomplete_lists(),
        excepted: Vec::new(),
        shut_out: shut_out.unwrap_or_default(),
        stale: Vec::new(),
    }
}

fn facts(heard: Heard, left: Left, asked: &Asked<'_>, watchlists: WatchlistFacts) -> CaptureFacts {
    let mut source = SourceFacts::of("scan", left, heard.listened, asked);
    let nothing = Interval::new(jiff::Timestamp::MIN, jiff::Timestamp::MIN);
    let planned = heard.window.or(recorded(&source)).unwrap_or(nothing);
    if heard.window.is_none() {
        source.watched = Intervals::of([planned]);
    }
    CaptureFacts {
        planned,
        sources: vec![source],
        watchlists,
        blamed: Vec::new(),
        listing: None,
        clock: SystemClock::Unknown,
    }
}

/// From the first to the last packet.
fn recorded(source: &SourceFacts) -> Option<Interval> {
    let Coverage { first, last, .. } = source.observation.coverage;
    first.zip(last).map(|(first, last)| Interval::new(first, last))
}
