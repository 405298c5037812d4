//! How are recorded files scanned? One after the other, as one capture, with a bar on a terminal.

use super::ScanError;
use super::frames::Scanner;
use crate::cli::print::note;
use crate::edge::capture::ahead::{has_second_processor, read_ahead};
use crate::edge::capture::files::Opened;
use crate::edge::capture::inputs::{Input, Inputs};
use crate::edge::capture::texts::{Days, TableRead};
use crate::pure::lost::Lost;
use crate::pure::packet::Frame;
use crate::pure::sighting::{Glance, Scope};
use crate::pure::verdict::{Ending, Listened};
use crate::pure::words::count;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{self, IsTerminal};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Reads files in the order of their first packets, as one capture.
pub(super) fn recorded(names: &[PathBuf], days: &Days, scanner: &mut Scanner) -> Result<Listened, ScanError> {
    let Inputs { inputs, notes, unreadable } = Inputs::gather(names, days)?;
    notes.iter().for_each(|what| note(&format!("note: {what}")));
    let mut listened = Listened { lost: Lost::NONE, ..Listened::nothing(Ending::TimeUp) };
    unreadable.iter().for_each(|why| note(&format!("warning: {why}")));
    listened.incomplete_files.extend(unreadable);
    let mut bar = Bar::new(&inputs, scanner.dump.is_some());
    for input in inputs {
        if let Some(ending) = scan(input, days, scanner, &mut bar, &mut listened)? {
            listened.ending = ending;
            break;
        }
    }
    bar.bar.finish_and_clear();
    Ok(listened)
}

/// Reads one file; answers why no other is wanted, if that is so.
fn scan(
    input: Input,
    days: &Days,
    scanner: &mut Scanner,
    bar: &mut Bar,
    listened: &mut Listened,
) -> Result<Option<Ending>, ScanError> {
    let (path, is_file) = (input.path.clone(), input.is_file());
    let Opened { mut frames, read_bytes, table } = input.open(days)?;
    bar.begin(read_bytes);
    let (lookout, only_sees) = (scanner.observer.lookout(), scanner.only_sees());
    let mut taker = Taker { scanner, bar, only_sees, packets: 0, broken: None };
    // A file is read ahead where a second processor can help, and a pipe frame by frame.
    let end = match is_file && has_second_processor() {
        true => read_ahead(frames, &lookout, |frame, glance| taker.take(frame, glance)),
        false => frames.for_each(|frame| taker.take(&frame, lookout.glance(&frame))),
    };
    let Taker { packets, broken, .. } = taker;
    listened.lost = listened.lost.and(end.lost);
    if end.timeless_packets > 0 {
        let told = timeless(&path, end.timeless_packets);
        bar.bar.suspend(|| note(&format!("warning: {told}")));
        listened.notes.push(told);
        listened.has_timeless = true;
    }
    if let Some(why) = end.incomplete {
        bar.bar.suspend(|| note(&format!("warning: {}: {why}", path.display())));
        listened.incomplete_files.push(path.display().to_string());
    }
    if let Some(table) = table {
        bar.bar.suspend(|| tell(&path, &table));
        listened.rows.rows += packets;
        listened.rows.nameless += table.facts.nameless_rows.min(packets);
        // Whatever follows in other files, the rest of this one's time went unseen.
        if let (Ending::TimeUp, Some(limit)) = (&listened.ending, table.facts.limit_reached) {
            listened.ending = Ending::PacketLimit(limit);
        }
    }
    Ok(broken)
}

/// Takes the frames of one file.
struct Taker<'a> {
    scanner: &'a mut Scanner,
    bar: &'a mut Bar,
    only_sees: bool,
    packets: u64,
    /// Why no other frame is wanted, if that is so.
    broken: Option<Ending>,
}

impl Taker<'_> {
    // Always: a glance that travels through memory costs more than it saves.
    #[inline(always)]
    fn take(&mut self, frame: &Frame<'_>, glance: Glance) -> ControlFlow<()> {
        self.packets += 1;
        if self.packets.is_multiple_of(BAR_STEP_PACKETS) {
            self.bar.show(BAR_STEP_PACKETS);
        }
        if self.only_sees {
            self.scanner.observer.see_glanced(frame, glance, |_| Scope::Matched);
            return ControlFlow::Continue(());
        }
        self.scanner.take(frame, glance).map_break(|ending| self.broken = Some(ending))
    }
}

fn timeless(path: &Path, packets: u64) -> String {
    format!(
        "{}: the time of {} is not known: shown is that of the packet before, or 1970-01-01 where there is none",
        path.display(),
        count(packets, "packet")
    )
}

fn tell(path: &Path, table: &TableRead) {
    table.notes.iter().for_each(|what| note(&format!("warning: {}: {what}", path.display())));
}

/// The bar moves once in so many packets, some fifty times a second.
const BAR_STEP_PACKETS: u64 = 65_536;

/// A bar on a terminal, of the bytes of all files as they lie there; else one that shows nothing.
struct Bar {
    bar: ProgressBar,
    packets: u64,
    /// The bytes of the files before this one.
    before_bytes: u64,
    read_bytes: Arc<AtomicU64>,
}

impl Bar {
    fn new(inputs: &[Input], is_dumping: bool) -> Bar {
        let is_table_there = is_dumping && io::stdout().is_terminal();
        let has_pipe = inputs.iter().any(|input| !input.is_file());
        let bar = match () {
            () if is_table_there || !io::stderr().is_terminal() => ProgressBar::hidden(),
            () if has_pipe => {
                ProgressBar::no_length().with_style(style("{spinner} {bytes}, {msg}, {binary_bytes_per_sec}"))
            }
            () => {
                let sizes = inputs.iter().filter_map(|input| input.path.metadata().ok());
                let bytes = sizes.map(|file| file.len()).sum();
                ProgressBar::new(bytes).with_style(style("{bar:40} {bytes}/{total_bytes}, {msg}, {eta} left"))
            }
        };
        bar.set_message("0 packets");
        Bar { bar, packets: 0, before_bytes: 0, read_bytes: Arc::default() }
    }

    /// The next file, of which so much is read.
    fn begin(&mut self, read_bytes: Arc<AtomicU64>) {
        self.before_bytes += self.read_bytes.load(Ordering::Relaxed);
        self.read_bytes = read_bytes;
        self.show(0);
    }

    #[cold]
    fn show(&mut self, packets: u64) {
        self.packets += packets;
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("{} packets", self.packets));
            self.bar.set_position(self.before_bytes + self.read_bytes.load(Ordering::Relaxed));
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
