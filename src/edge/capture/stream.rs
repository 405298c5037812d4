//! How do frames come out of a stream of bytes? One buffer, filled from any reader and emptied frame
//! by frame; the same for files, pipes and standard input.
//!
//! It must never end in silence: a stream that stops in the middle of a record says so.

use crate::pure::lost::Lost;
use crate::pure::recording::{Frame, Next, Reader};
use crate::pure::sighting::{Glance, Lookout};
use std::io::{self, Read};
use std::ops::ControlFlow;

/// Small enough to stay in the processor's second-level cache, large enough to make calls rare.
const BUFFER_BYTES: usize = 256 * 1024;

/// For those who want the first frame only: one block of a disk.
const BEGINNING_BYTES: usize = 4096;

/// The frames of one byte stream, which must be a bare pcap or pcapng (see
/// [`super::files::frames_of`] for one that may be compressed).
#[derive(Debug)]
pub struct FrameStream<R> {
    input: R,
    buffer: Vec<u8>,
    /// The bytes not used yet are those of `buffer` from `start` to `end`.
    start: usize,
    end: usize,
    reader: Reader,
    /// What went wrong while looking ahead, to be told when the reading comes there.
    deferred: Option<io::Error>,
    /// Whether the input ended, and not only the patience of those who take the frames.
    is_at_end: bool,
}

/// How reading a capture ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadEnd {
    /// Why the capture could not be read to its end, in words; `None` when it could, and also when the
    /// one who took the frames wanted no more.
    pub incomplete: Option<String>,
    /// Packets that the capture says were lost while it was written.
    pub lost: Lost,
    /// How many of its packets have no time, as far as it was read (see [`Reader::timeless_packets`]).
    pub timeless_packets: u64,
}

/// Frames and the bytes that they stand in.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    frames: Vec<Placed>,
    /// What a first look told of each, or none.
    glances: Vec<Glance>,
}

/// A frame of a batch.
#[derive(Debug)]
struct Placed {
    time_ns: i64,
    /// In 32 bits, as many of these go over: a buffer holds two of the largest blocks at most.
    start: u32,
    length: u32,
    wire_length: u32,
    link_type: u16,
}

impl Batch {
    /// Gives every frame to `take`, in the order of the capture and with what a glance tells of it, until `take`
    /// breaks off.
    // Reading, glancing and taking in one go is quickest: while a processor waits for one of them it gets on
    // with the others. So `take` is called in one place and borrowed as it is, to become part of this loop.
    pub(super) fn try_for_each(
        &self,
        lookout: &Lookout,
        take: &mut impl FnMut(&Frame<'_>, Glance) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let mut glances = self.glances.iter();
        self.frames.iter().map(|placed| placed.frame(&self.bytes)).try_for_each(|frame| {
            let glance = glances.next().copied().unwrap_or_else(|| lookout.glance(&frame));
            take(&frame, glance)
        })
    }
}

impl Placed {
    #[inline]
    fn frame<'a>(&self, bytes: &'a [u8]) -> Frame<'a> {
        let &Placed { time_ns, start, length, wire_length, link_type } = self;
        let start = start as usize;
        let bytes = bytes.get(start..start + length as usize).unwrap_or_default();
        Frame { time_ns, bytes, wire_length, link_type }
    }
}

/// Why no more frames come out of the buffer.
enum Drained {
    NeedMore,
    Enough,
    Damaged(String),
}

impl<R: Read> FrameStream<R> {
    /// The frames of a capture from its start.
    pub fn new(input: R) -> FrameStream<R> {
        FrameStream::resuming(input, Reader::new())
    }

    /// The frames from where `reader` stands; `input` must begin at [`Reader::offset`].
    pub fn resuming(input: R, reader: Reader) -> FrameStream<R> {
        FrameStream::buffered(input, reader, BUFFER_BYTES)
    }

    /// The frames of a capture of which only the first is wanted.
    pub(super) fn beginning(input: R) -> FrameStream<R> {
        FrameStream::buffered(input, Reader::new(), BEGINNING_BYTES)
    }

    fn buffered(input: R, reader: Reader, bytes: usize) -> FrameStream<R> {
        let buffer = vec![0; bytes];
        FrameStream { input, buffer, start: 0, end: 0, reader, deferred: None, is_at_end: false }
    }

    /// Whether everything was read that was there: what is incomplete then is cut short, and not damaged.
    pub(super) fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    /// The reader as it stands after the last frame that was taken.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The time of the next frame, which is not taken yet; `None` when there is none. Reads no further than it
    /// must.
    pub fn peek_time_ns(&mut self) -> Option<i64> {
        loop {
            let rest = self.buffer.get(self.start..self.end).unwrap_or_default();
            let mut ahead = self.reader.clone();
            match ahead.next(rest) {
                Next::Frame { frame, .. } => return Some(frame.time_ns),
                Next::Skip { used } => {
                    self.start += used;
                    self.reader = ahead;
                }
                Next::NeedMore(_) => match self.fill() {
                    Ok(0) => return None,
                    Ok(_) => {}
                    Err(error) => {
                        self.deferred = Some(error);
                        return None;
                    }
                },
                Next::Fault(_) => return None,
            }
        }
    }

    /// Gives every frame to `take` until that breaks off or the stream ends; can be called again to go
    /// on after a break. A frame is given as soon as its last byte has come.
    pub fn for_each(&mut self, mut take: impl FnMut(Frame<'_>) -> ControlFlow<()>) -> ReadEnd {
        let incomplete = loop {
            match self.drain(&mut take) {
                Drained::Enough => break None,
                Drained::Damaged(what) => break Some(what),
                Drained::NeedMore => {}
            }
            match self.fill() {
                Ok(0) => break self.reader.missing_at_end(self.end - self.start),
                Ok(_) => {}
                Err(error) => break Some(self.unreadable(&error)),
            }
        };
        self.ended(incomplete)
    }

    /// What to say of the capture when nothing more of it is read.
    pub(super) fn ended(&self, incomplete: Option<String>) -> ReadEnd {
        let incomplete = incomplete.or_else(|| self.reader.damage().map(|damage| damage.to_string()));
        ReadEnd { incomplete, lost: self.reader.lost(), timeless_packets: self.reader.timeless_packets() }
    }

    /// The frames that one reading of the input makes whole, with the buffer that they stand in; `spare`
    /// is an earlier batch, whose memory is used again. With `lookout`, each is glanced at. With the last batch
    /// comes the end.
    pub(super) fn next_batch(&mut self, spare: Batch, lookout: Option<&Lookout>) -> (Batch, Option<ReadEnd>) {
        let Batch { bytes: mut next, mut frames, mut glances } = spare;
        frames.clear();
        glances.clear();
        let read = self.fill();
        let damage = match lookout {
            _ if read.is_err() => None,
            None => self.place(|placed, _| frames.push(placed)),
            Some(lookout) => self.place(|placed, frame| {
                frames.push(placed);
                glances.push(lookout.glance(frame));
            }),
        };
        let end = match read {
            Ok(0) => Some(damage.or_else(|| self.reader.missing_at_end(self.end - self.start))),
            Ok(_) => damage.map(Some),
            Err(error) => Some(Some(self.unreadable(&error))),
        };
        let rest = self.buffer.get(self.start..self.end).unwrap_or_default();
        // One that had to grow is let go.
        if next.len() != BUFFER_BYTES {
            next = vec![0; BUFFER_BYTES];
        }
        if rest.len() > next.len() {
            next.resize(rest.len(), 0);
        }
        next[..rest.len()].copy_from_slice(rest);
        (self.start, self.end) = (0, rest.len());
        let bytes = std::mem::replace(&mut self.buffer, next);
        (Batch { bytes, frames, glances }, end.map(|incomplete| self.ended(incomplete)))
    }

    /// Tells `note` where each whole frame in the buffer stands; answers what is damaged behind them.
    #[inline(always)]
    fn place(&mut self, mut note: impl FnMut(Placed, &Frame<'_>)) -> Option<String> {
        let origin = self.buffer.as_ptr().addr();
        let drained = self.drain(&mut |frame| {
            let Frame { time_ns, bytes, wire_length, link_type } = frame;
            let (start, length) = ((bytes.as_ptr().addr() - origin) as u32, bytes.len() as u32);
            note(Placed { time_ns, start, length, wire_length, link_type }, &frame);
            ControlFlow::Continue(())
        });
        match drained {
            Drained::Damaged(what) => Some(what),
            Drained::NeedMore | Drained::Enough => None,
        }
    }

    #[inline]
    fn drain(&mut self, take: &mut impl FnMut(Frame<'_>) -> ControlFlow<()>) -> Drained {
        let mut rest = self.buffer.get(self.start..self.end).unwrap_or_default();
        let drained = loop {
            // In one place for frames of both kinds, so that `take` becomes part of this loop.
            let (frame, used) = match self.reader.quick_frame(rest) {
                Some(found) => found,
                None => match self.reader.next(rest) {
                    Next::Frame { frame, used } => (frame, used),
                    Next::Skip { used } => {
                        rest = &rest[used..];
                        continue;
                    }
                    Next::NeedMore(_) => break Drained::NeedMore,
                    Next::Fault(fault) => break Drained::Damaged(fault.to_string()),
                },
            };
            rest = &rest[used..];
            if take(frame).is_break() {
                break Drained::Enough;
            }
        };
        self.start = self.end - rest.len();
        drained
    }

    /// Reads once; answers 0 at the end of the stream. The buffer grows only when it is full of bytes that
    /// were really there, and only up to one block of the largest size.
    fn fill(&mut self) -> io::Result<usize> {
        if let Some(error) = self.deferred.take() {
            return Err(error);
        }
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.buffer.len() {
            self.buffer.resize(self.end * 2, 0);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        loop {
            match self.input.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(bytes) => {
                    self.end += bytes;
                    self.is_at_end = bytes == 0;
                    return Ok(bytes);
                }
                Err(error) => {
                    self.is_at_end = error.kind() == io::ErrorKind::UnexpectedEof;
                    return Err(error);
                }
            }
        }
    }

    fn unreadable(&self, error: &io::Error) -> String {
        let at = self.reader.offset() + (self.end - self.start) as u64;
        format!("could not be read beyond byte {at} of the capture: {error}")
    }
}
