//! Which frames of a recorded file lie in a window of time? A sparse index, so that a file is read once
//! whole and later only where the window needs it.
//!
//! Frames may lie out of order in a file; the index keeps the least and the greatest time of each
//! stretch and trusts no order.

use super::files::{Bytes, Content, OpenError, Packing, is_stdin, open_or_packed};
use super::stream::{FrameStream, ReadEnd};
use super::texts::{Days, TableRead};
use crate::pure::interval::Interval;
use crate::pure::lost::Lost;
use crate::pure::moment::nanoseconds;
use crate::pure::recording::{Covering, Frame, Piece, Reader, span_of};
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many frames one entry of the index stands for at first: about 100 kB of file, one read.
const STRETCH_FRAMES: u64 = 1024;

/// The most entries that the index of one file has; in a longer file they stand for more frames each.
const STRETCHES_MAX: usize = 1024;

/// The largest packed capture that is kept unpacked in memory, small since there may be one for every
/// night; larger ones are unpacked anew each time.
const KEPT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// A recorded file and where in it which times lie.
#[derive(Clone, Debug)]
pub struct Indexed {
    /// Where the file is.
    pub path: PathBuf,
    /// From its earliest frame to one nanosecond after its latest, so that every frame lies in it; `None`
    /// when it holds none.
    pub span: Option<Interval>,
    /// How many frames it holds, up to a fault.
    pub frames: u64,
    /// Why it could not be read to its end; frames behind the fault are not known.
    pub incomplete: Option<String>,
    /// Whether it is incomplete because it ends too soon, as one does that is still being written.
    pub is_cut_short: bool,
    /// Packets lost while it was written, as far as it says so.
    pub lost: Lost,
    /// How many of its packets have no time.
    pub timeless_packets: u64,
    /// `None` when it is no text table.
    pub table: Option<TableRead>,
    /// What of its time it covers, in order of time.
    pub(super) pieces: Vec<Piece>,
    stretches: Vec<Stretch>,
    store: Store,
    days: Days,
}

/// Where the bytes come from when a part is read.
#[derive(Clone, Debug)]
enum Store {
    /// The file itself: it can be entered anywhere.
    Plain,
    /// Unpacked in memory.
    Kept(Arc<[u8]>),
    /// Packed and large: to be unpacked from its start.
    Packed,
}

/// Neighbouring frames.
#[derive(Clone, Debug)]
struct Stretch {
    /// As it stood before the first of them.
    reader: Reader,
    frames: u64,
    least_ns: i64,
    greatest_ns: i64,
}

impl Indexed {
    /// Reads the file once, whole. Standard input cannot be indexed, since it cannot be read twice. A packed
    /// file that needs more than `kept_bytes_max` is not kept unpacked.
    pub fn index(path: &Path, days: &Days, kept_bytes_max: u64) -> Result<Indexed, OpenError> {
        if is_stdin(path) {
            return Err(OpenError::OnceOnly);
        }
        let Content { bytes, packing, table, .. } = open_or_packed(path, days)?;
        if table.as_ref().is_some_and(|table| table.facts.has_gap) {
            let what = "it holds several, with time between them: save each to a file of its own".to_string();
            return Err(OpenError::Misplaced { name: path.display().to_string(), what });
        }
        let mut stream = FrameStream::new(bytes);
        let mut covering = Covering::default();
        let (stretches, end) = stretches(&mut stream, &mut covering);
        Ok(Indexed {
            path: path.to_path_buf(),
            span: span(&stretches),
            frames: stretches.iter().map(|stretch| stretch.frames).sum(),
            is_cut_short: end.incomplete.is_some()
                && stream.is_at_end()
                && stream.reader().damage().is_none(),
            incomplete: end.incomplete,
            lost: end.lost,
            timeless_packets: end.timeless_packets,
            pieces: covering.finish(),
            table,
            store: store(path, packing, stream.reader().offset(), days, kept_bytes_max)?,
            stretches,
            days: days.clone(),
        })
    }

    /// How many bytes of memory its unpacked content takes.
    pub fn kept_bytes(&self) -> u64 {
        match &self.store {
            Store::Kept(bytes) => bytes.len() as u64,
            Store::Plain | Store::Packed => 0,
        }
    }

    /// Gives every frame whose time lies in `window` to `take`, in the order of the file, until that breaks
    /// off. Fails when the file is gone or is not any more what was indexed.
    pub fn frames_in(
        &self,
        window: Interval,
        mut take: impl FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), OpenError> {
        let (from_ns, to_ns) = (nanoseconds(window.from), nanoseconds(window.to));
        let is_wanted = |stretch: &Stretch| stretch.greatest_ns >= from_ns && stretch.least_ns < to_ns;
        let runs = self.stretches.chunk_by(|a, b| is_wanted(a) == is_wanted(b));
        for run in runs.filter(|run| run.first().is_some_and(is_wanted)) {
            let mut flow = ControlFlow::Continue(());
            self.read_run(run, |frame| {
                if from_ns <= frame.time_ns && frame.time_ns < to_ns {
                    flow = take(frame);
                }
                flow
            })?;
            if flow.is_break() {
                break;
            }
        }
        Ok(())
    }

    /// Reads the frames of neighbouring stretches.
    fn read_run(
        &self,
        run: &[Stretch],
        mut take: impl FnMut(Frame<'_>) -> ControlFlow<()>,
    ) -> Result<(), OpenError> {
        let Some(first) = run.first() else { return Ok(()) };
        let wanted = merged(run);
        let mut seen = Stretch::beginning(first.reader.clone());
        let mut is_enough = false;
        let mut stream = FrameStream::resuming(self.bytes_from(first.reader.offset())?, first.reader.clone());
        let end = stream.for_each(|frame| {
            seen.add(&frame);
            is_enough = take(frame).is_break();
            if is_enough || seen.frames == wanted.frames {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        if is_enough || seen.is_like(&wanted) {
            return Ok(());
        }
        let left = wanted.frames - seen.frames;
        let what = match end.incomplete {
            Some(what) => what,
            None if left > 0 => format!("{left} frames are missing"),
            None => "its packets have other times".to_owned(),
        };
        Err(OpenError::Changed { name: self.path.display().to_string(), what })
    }

    fn bytes_from(&self, offset: u64) -> Result<Bytes, OpenError> {
        let unreadable = |source| OpenError::Unreadable { name: self.path.display().to_string(), source };
        match &self.store {
            Store::Plain if self.path.exists() => {
                let mut file = File::open(&self.path).map_err(unreadable)?;
                file.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
                Ok(Box::new(file))
            }
            Store::Kept(bytes) => {
                let mut cursor = Cursor::new(bytes.clone());
                cursor.set_position(offset);
                Ok(Box::new(cursor))
            }
            Store::Plain | Store::Packed => {
                let Content { mut bytes, .. } = open_or_packed(&self.path, &self.days)?;
                std::io::copy(&mut bytes.by_ref().take(offset), &mut std::io::sink()).map_err(unreadable)?;
                Ok(bytes)
            }
        }
    }
}

impl Stretch {
    fn beginning(reader: Reader) -> Stretch {
        Stretch { reader, frames: 0, least_ns: i64::MAX, greatest_ns: i64::MIN }
    }

    fn add(&mut self, frame: &Frame<'_>) {
        self.frames += 1;
        self.least_ns = self.least_ns.min(frame.time_ns);
        self.greatest_ns = self.greatest_ns.max(frame.time_ns);
    }

    /// Whether it has as many frames of the same times: a ring may have written over the file, in place.
    fn is_like(&self, other: &Stretch) -> bool {
        (self.frames, self.least_ns, self.greatest_ns) == (other.frames, other.least_ns, other.greatest_ns)
    }
}

/// All stretches of a capture; what it covers is noted on the way.
fn stretches(stream: &mut FrameStream<Bytes>, covering: &mut Covering) -> (Vec<Stretch>, ReadEnd) {
    let (mut stretches, mut frames_max) = (Vec::new(), STRETCH_FRAMES);
    loop {
        let mut stretch = Stretch::beginning(stream.reader().clone());
        let end = stream.for_each(|frame| {
            stretch.add(&frame);
            covering.note(frame.time_ns);
            if stretch.frames == frames_max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let is_full = stretch.frames == frames_max;
        stretches.extend(Some(stretch).filter(|stretch| stretch.frames > 0));
        if !is_full {
            return (stretches, end);
        }
        if stretches.len() == STRETCHES_MAX {
            stretches = stretches.chunks(2).map(merged).collect();
            frames_max *= 2;
        }
    }
}

/// Neighbouring stretches as one; `run` must not be empty.
fn merged(run: &[Stretch]) -> Stretch {
    let beginning = Stretch::beginning(run.first().map(|first| first.reader.clone()).unwrap_or_default());
    run.iter().fold(beginning, |all, next| Stretch {
        reader: all.reader,
        frames: all.frames + next.frames,
        least_ns: all.least_ns.min(next.least_ns),
        greatest_ns: all.greatest_ns.max(next.greatest_ns),
    })
}

fn span(stretches: &[Stretch]) -> Option<Interval> {
    let least = stretches.iter().map(|stretch| stretch.least_ns).min()?;
    let greatest = stretches.iter().map(|stretch| stretch.greatest_ns).max()?;
    Some(span_of(least, greatest))
}

/// Where to read parts from, when the unpacked capture has `bytes` that count.
fn store(
    path: &Path,
    packing: Packing,
    bytes: u64,
    days: &Days,
    kept_bytes_max: u64,
) -> Result<Store, OpenError> {
    match packing {
        Packing::Plain => Ok(Store::Plain),
        Packing::Packed if bytes > kept_bytes_max.min(KEPT_BYTES_MAX) => Ok(Store::Packed),
        Packing::Packed => {
            let mut kept = Vec::new();
            let content = open_or_packed(path, days)?;
            let input = content.bytes;
            input
                .take(bytes)
                .read_to_end(&mut kept)
                .map_err(|source| OpenError::Unreadable { name: path.display().to_string(), source })?;
            Ok(Store::Kept(kept.into()))
        }
    }
}
