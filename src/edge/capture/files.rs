//! Which frames do recorded files hold? Plain, gzip or zstd, told apart by content, and text tables; `-` is
//! standard input.
//!
//! What was read before a fault counts, and the fault is always told. `indexed` reads only a part of a
//! file.

use super::stream::FrameStream;
use super::texts::{self, Days, TableRead};
use crate::pure::moment::of_nanoseconds;
use crate::pure::recording::{Kind, PACKED_ENDINGS, START_BYTES, TAR, TAR_BYTES, is_tar, recognise};
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The frames of something that was opened, whatever it is packed in.
pub type AnyFrames = FrameStream<Bytes>;

/// How far the first packet of a capture is looked for: behind a file header and one of the largest frames.
const BEGINNING_BYTES_MAX: u64 = 512 * 1024;

/// Bytes from anywhere.
pub type Bytes = Box<dyn Read + Send>;

/// A source of recorded frames that gives none at all.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system refused, or unpacking failed at once.
    #[error("could not read {name}: {source}: {}", cure_of_reading(source.kind()))]
    Unreadable { name: String, source: io::Error },
    /// It holds no byte.
    #[error("{name} is empty, not even a capture without packets: check the program that wrote it")]
    Empty { name: String },
    /// It is something else.
    #[error("{name} is no capture: it looks like {what}")]
    NoCapture { name: String, what: &'static str },
    /// It is a capture of a kind that is not read, so that there may be anything in it.
    #[error("{name} is not read: it looks like {what}")]
    OtherCapture { name: String, what: &'static str },
    /// It is packed in a way that is not read: a capture, where its name says so.
    #[error("{name} is not read: it looks like {what}")]
    Packed { name: String, what: &'static str },
    /// A text table that tells times of day only.
    #[error(
        "{name} tells times of day only, and not of which day: put the day into its name, as in dump-2015-04-29.tsv"
    )]
    NoDay { name: String },
    /// A text table whose rows have no certain time.
    #[error("{name} is a table whose times are not certain: {what}")]
    Misplaced { name: String, what: String },
    /// Parts were wanted of what can be read only once.
    #[error("standard input can be read only once, and this needs it again: name a file")]
    OnceOnly,
    /// It is not any more what it was when it was indexed.
    #[error("{name} has changed since it was first read: {what}: run again when nothing writes to it")]
    Changed { name: String, what: String },
}

/// What to do about a file that the system does not let us read.
pub fn cure_of_reading(error: io::ErrorKind) -> &'static str {
    match error {
        io::ErrorKind::NotFound => "check the name",
        io::ErrorKind::PermissionDenied => "give this user the right to read it",
        io::ErrorKind::IsADirectory => "name a file in it",
        _ => "check the file and its disk",
    }
}

/// The time of a capture's first packet, read from its beginning only; `None` where that does not tell.
pub(super) fn first_time(path: &Path) -> Option<Timestamp> {
    let content = open_bytes(path, None).ok()?;
    FrameStream::beginning(content.bytes.take(BEGINNING_BYTES_MAX)).peek_time_ns().map(of_nanoseconds)
}

/// A capture that was opened.
pub struct Opened {
    pub frames: AnyFrames,
    /// How many bytes of the file were read so far, packed as they are.
    pub read_bytes: Arc<AtomicU64>,
    /// `None` when it is no text table.
    pub table: Option<TableRead>,
}

/// Opens a capture; `-` is standard input. Text tables are read when `days` are given.
pub fn open(path: &Path, days: Option<&Days>) -> Result<Opened, OpenError> {
    let Content { bytes, table, read_bytes, .. } = open_bytes(path, days)?;
    Ok(Opened { frames: FrameStream::new(bytes), read_bytes, table })
}

/// The frames of any stream of bytes, such as a command's standard output; `name` stands in errors. Blocks
/// until the first bytes have come.
pub fn frames_of(name: &str, input: impl Read + Send + 'static) -> Result<AnyFrames, OpenError> {
    let content = unpacked(Named { name, path: Path::new("") }, Box::new(input), None)?;
    Ok(FrameStream::new(content.bytes))
}

/// Whether the bytes had to be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Packed,
}

/// The bare bytes of a capture.
pub(super) struct Content {
    pub(super) bytes: Bytes,
    pub(super) packing: Packing,
    pub(super) table: Option<TableRead>,
    read_bytes: Arc<AtomicU64>,
}

/// What is being opened.
#[derive(Clone, Copy)]
struct Named<'a> {
    name: &'a str,
    path: &'a Path,
}

fn open_bytes(path: &Path, days: Option<&Days>) -> Result<Content, OpenError> {
    if is_stdin(path) {
        return unpacked(Named { name: "standard input", path }, Box::new(io::stdin()), days);
    }
    let name = path.display().to_string();
    match File::open(path) {
        Ok(file) => unpacked(Named { name: &name, path }, Box::new(file), days),
        Err(source) => Err(OpenError::Unreadable { name, source }),
    }
}

/// Opens a file, or what it was packed into since it was listed: `tcpdump -z gzip` removes it then.
pub(super) fn open_or_packed(path: &Path, days: &Days) -> Result<Content, OpenError> {
    let opened = open_bytes(path, Some(days));
    match &opened {
        Err(OpenError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            let mut packed = PACKED_ENDINGS.iter().map(|ending| path.with_added_extension(ending));
            packed.find_map(|path| open_bytes(&path, Some(days)).ok()).map_or(opened, Ok)
        }
        _ => opened,
    }
}

/// Counts what is read.
struct Counted {
    input: Bytes,
    read_bytes: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.input.read(buffer)?;
        self.read_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        Ok(bytes)
    }
}

pub(super) fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// Unpacks at most once: a gzip within a gzip is no capture.
fn unpacked(named: Named<'_>, input: Bytes, days: Option<&Days>) -> Result<Content, OpenError> {
    let read_bytes = Arc::new(AtomicU64::new(0));
    let input: Bytes = Box::new(Counted { input, read_bytes: Arc::clone(&read_bytes) });
    let content = unpacked_once(named, input, days)?;
    Ok(Content { read_bytes, ..content })
}

fn unpacked_once(named: Named<'_>, input: Bytes, days: Option<&Days>) -> Result<Content, OpenError> {
    let unreadable = |source| OpenError::Unreadable { name: named.name.to_string(), source };
    let (kind, input) = peeked(input).map_err(unreadable)?;
    let unpacked: Bytes = match kind {
        Kind::Gzip => Box::new(Unpacker { what: "gzip", decoder: MultiGzDecoder::new(input) }),
        Kind::Zstd => {
            let decoder = zstd::Decoder::new(input).map_err(unreadable)?;
            Box::new(Unpacker { what: "zstd", decoder })
        }
        _ => return content(named, kind, input, days),
    };
    let (kind, unpacked) = peeked(unpacked).map_err(unreadable)?;
    let content = content(named, kind, unpacked, days)?;
    Ok(Content { packing: Packing::Packed, ..content })
}

fn content(named: Named<'_>, kind: Kind, bytes: Bytes, days: Option<&Days>) -> Result<Content, OpenError> {
    let no_capture = |what| OpenError::NoCapture { name: named.name.to_string(), what };
    let (is_archive, bytes) = match (kind, days) {
        // Whoever writes rubbish into a pipe is not waited for.
        (Kind::Text(_) | Kind::Foreign(_), Some(_)) => {
            let (start, bytes) = begun(bytes, TAR_BYTES)
                .map_err(|source| OpenError::Unreadable { name: named.name.to_string(), source })?;
            (is_tar(&start), bytes)
        }
        _ => (false, bytes),
    };
    match (kind, days) {
        _ if is_archive => Err(OpenError::Packed { name: named.name.to_string(), what: TAR }),
        (Kind::Capture, _) => {
            Ok(Content { bytes, packing: Packing::Plain, table: None, read_bytes: Arc::default() })
        }
        (Kind::Empty, _) => Err(OpenError::Empty { name: named.name.to_string() }),
        (Kind::Text(what), Some(days)) => {
            let table = texts::unpack(named.name, named.path, bytes, days)?;
            let (capture, table) = table.ok_or_else(|| no_capture(what))?;
            Ok(Content {
                bytes: Box::new(Cursor::new(capture)),
                packing: Packing::Packed,
                table: Some(table),
                read_bytes: Arc::default(),
            })
        }
        (Kind::OtherCapture(what), _) => Err(OpenError::OtherCapture { name: named.name.to_string(), what }),
        (Kind::Packed(what), _) => Err(OpenError::Packed { name: named.name.to_string(), what }),
        (Kind::Foreign(what) | Kind::Text(what), _) => Err(no_capture(what)),
        (Kind::Gzip | Kind::Zstd, _) => Err(no_capture("something packed twice: unpack it once by hand")),
    }
}

/// Looks at the first bytes and puts them back in front.
fn peeked(input: Bytes) -> io::Result<(Kind, Bytes)> {
    let (start, input) = begun(input, START_BYTES)?;
    Ok((recognise(&start), input))
}

/// So many of the first bytes, and all of them.
fn begun(mut input: Bytes, bytes: usize) -> io::Result<(Vec<u8>, Bytes)> {
    let mut start = Vec::with_capacity(bytes);
    input.by_ref().take(bytes as u64).read_to_end(&mut start)?;
    let whole = Box::new(Cursor::new(start.clone()).chain(input));
    Ok((start, whole))
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
