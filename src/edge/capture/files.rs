//! Which frames do recorded files hold? Plain, gzip or zstd, told apart by content; `-` is standard
//! input.
//!
//! What was read before a fault counts, and the fault is always told. `recorded` reads only a part of a
//! file.

use super::stream::{FrameStream, ReadEnd};
use crate::pure::recording::{Frame, Kind, START_BYTES, recognise};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// The frames of something that was opened, whatever it is packed in.
pub type AnyFrames = FrameStream<Bytes>;

/// Bytes from anywhere.
pub type Bytes = Box<dyn Read + Send>;

/// A source of recorded frames that gives none at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system refused, or unpacking failed at once.
    #[error("could not read {name}: {source}")]
    Unreadable { name: String, source: io::Error },
    /// It holds no byte.
    #[error("{name} is empty, not even a capture without packets: check the program that wrote it")]
    Empty { name: String },
    /// It is something else.
    #[error("{name} is no capture: it looks like {what}")]
    NoCapture { name: String, what: &'static str },
    /// Parts were wanted of what can be read only once.
    #[error("standard input can be read only once, and this needs it again: name a file")]
    OnceOnly,
    /// It is not any more what it was when it was indexed.
    #[error("{name} has changed since it was first read: {what}: run again when nothing writes to it")]
    Changed { name: String, what: String },
}

/// Opens a capture and gives all its frames to `take`, in the order of the file, until that breaks off.
pub fn read_frames(
    path: &Path,
    take: impl FnMut(Frame<'_>) -> ControlFlow<()>,
) -> Result<ReadEnd, OpenError> {
    Ok(open(path)?.for_each(take))
}

/// Opens a capture; `-` is standard input.
pub fn open(path: &Path) -> Result<AnyFrames, OpenError> {
    let (bytes, _) = open_bytes(path)?;
    Ok(FrameStream::new(bytes))
}

/// The frames of any stream of bytes, such as a command's standard output; `name` stands in errors. Blocks
/// until the first bytes have come.
pub fn frames_of(name: &str, input: impl Read + Send + 'static) -> Result<AnyFrames, OpenError> {
    let (bytes, _) = unpacked(name, Box::new(input))?;
    Ok(FrameStream::new(bytes))
}

/// Sorts files by the times of their first frames, as one capture wants to be read: those without frames
/// go last, and standard input (which cannot be looked at twice) behind them. The first that is no
/// capture is the error.
pub fn in_time_order(paths: &[PathBuf]) -> Result<Vec<PathBuf>, OpenError> {
    let mut timed = Vec::with_capacity(paths.len());
    for path in paths {
        let first = if is_stdin(path) { None } else { first_time_ns(path)? };
        timed.push((is_stdin(path), first.is_none(), first, path));
    }
    timed.sort();
    Ok(timed.into_iter().map(|(.., path)| path.clone()).collect())
}

/// Whether the bytes had to be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Packed,
}

/// The bare bytes of a capture.
pub(super) fn open_bytes(path: &Path) -> Result<(Bytes, Packing), OpenError> {
    let name = path.display().to_string();
    if is_stdin(path) {
        return unpacked("standard input", Box::new(io::stdin()));
    }
    match File::open(path) {
        Ok(file) => unpacked(&name, Box::new(file)),
        Err(source) => Err(OpenError::Unreadable { name, source }),
    }
}

pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

fn first_time_ns(path: &Path) -> Result<Option<i64>, OpenError> {
    let mut first = None;
    read_frames(path, |frame| {
        first = Some(frame.time_ns);
        ControlFlow::Break(())
    })?;
    Ok(first)
}

/// Unpacks at most once: a gzip within a gzip is no capture.
fn unpacked(name: &str, input: Bytes) -> Result<(Bytes, Packing), OpenError> {
    let unreadable = |source| OpenError::Unreadable { name: name.to_string(), source };
    let (kind, input) = peeked(input).map_err(unreadable)?;
    let unpacked: Bytes = match kind {
        Kind::Gzip => Box::new(Unpacker { what: "gzip", decoder: MultiGzDecoder::new(input) }),
        Kind::Zstd => {
            let decoder = zstd::Decoder::new(input).map_err(unreadable)?;
            Box::new(Unpacker { what: "zstd", decoder })
        }
        _ => return capture(name, kind, input).map(|bytes| (bytes, Packing::Plain)),
    };
    let (kind, unpacked) = peeked(unpacked).map_err(unreadable)?;
    capture(name, kind, unpacked).map(|bytes| (bytes, Packing::Packed))
}

fn capture(name: &str, kind: Kind, bytes: Bytes) -> Result<Bytes, OpenError> {
    let name = name.to_string();
    match kind {
        Kind::Capture => Ok(bytes),
        Kind::Empty => Err(OpenError::Empty { name }),
        Kind::Foreign(what) => Err(OpenError::NoCapture { name, what }),
        Kind::Gzip | Kind::Zstd => {
            Err(OpenError::NoCapture { name, what: "something packed twice: unpack it once by hand" })
        }
    }
}

/// Looks at the first bytes and puts them back in front.
fn peeked(mut input: Bytes) -> io::Result<(Kind, Bytes)> {
    let mut start = Vec::with_capacity(START_BYTES);
    input.by_ref().take(START_BYTES as u64).read_to_end(&mut start)?;
    Ok((recognise(&start), Box::new(Cursor::new(start).chain(input))))
}

/// A decoder whose errors say what was being unpacked.
struct Unpacker<D> {
    what: &'static str,
    decoder: D,
}

impl<D: Read> Read for Unpacker<D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, format!("the {} data is damaged or cut short ({error})", self.what)),
        })
    }
}
