//! How does a second processor help with a large file? Two threads read by turns, a buffer full of frames at
//! a time, and take a first look at what they read; one of them takes all the frames, in the same order.
//!
//! Frames are handed over in batches, so this is for files that are there already, not for pipes whose
//! next frame may be long in coming.

use super::files::AnyFrames;
use super::stream::{Batch, ReadEnd};
use crate::pure::packet::Frame;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// Batches that wait at most, of each thread: so few stay in the second-level cache.
const BATCHES_MAX: usize = 2;

/// A batch and its number in the order of the capture.
type Numbered<G> = (u64, Batch<G>);

/// Whether there is a second processor.
pub fn has_second_processor() -> bool {
    thread::available_parallelism().is_ok_and(|processors| processors.get() > 1)
}

/// Gives every frame of `stream` to `take`, in order, with what `glance` tells of it, until `take` breaks
/// off or the stream ends; like [`super::stream::FrameStream::for_each`], with the reading and the
/// glances shared with a second thread.
pub fn read_ahead<G: Send>(
    stream: AnyFrames,
    glance: impl Fn(&Frame<'_>) -> G + Sync,
    take: impl FnMut(&Frame<'_>, &G) -> ControlFlow<()>,
) -> ReadEnd {
    let source = Source { stream, next: 0, end: None };
    let shared = Shared { source: Mutex::new(source), spares: Mutex::default(), glance };
    let (send, receive) = sync_channel(BATCHES_MAX);
    thread::scope(|scope| {
        scope.spawn(|| help(&shared, send));
        shared.take_in_order(receive, take);
    });
    let Source { stream, end, .. } = shared.source.into_inner().unwrap_or_else(PoisonError::into_inner);
    // That they had enough is no fault of the capture.
    end.unwrap_or_else(|| stream.ended(None))
}

/// What both threads use.
struct Shared<G, F> {
    source: Mutex<Source>,
    /// Batches whose memory is used again.
    spares: Mutex<Vec<Batch<G>>>,
    glance: F,
}

struct Source {
    stream: AnyFrames,
    /// Number of the next batch.
    next: u64,
    /// How it ended, once it did.
    end: Option<ReadEnd>,
}

/// The second thread. When nobody takes any more, it stops.
fn help<G, F: Fn(&Frame<'_>) -> G>(shared: &Shared<G, F>, send: SyncSender<Numbered<G>>) {
    while let Some(batch) = shared.prepare() {
        if send.send(batch).is_err() {
            return;
        }
    }
}

impl<G, F: Fn(&Frame<'_>) -> G> Shared<G, F> {
    /// The next batch, read and looked at; `None` when there are no more.
    fn prepare(&self) -> Option<Numbered<G>> {
        let spare = locked(&self.spares).pop().unwrap_or_default();
        let (number, mut batch) = locked(&self.source).next_batch(spare)?;
        batch.glance(&self.glance);
        Some((number, batch))
    }

    /// The first thread: takes each batch in its turn, and prepares others while that one is not there.
    fn take_in_order(
        &self,
        others: Receiver<Numbered<G>>,
        mut take: impl FnMut(&Frame<'_>, &G) -> ControlFlow<()>,
    ) {
        let mut own = VecDeque::with_capacity(BATCHES_MAX);
        for number in 0.. {
            let Some(batch) = self.batch(number, &mut own, &others) else { return };
            if batch.frames().try_for_each(|(frame, glance)| take(&frame, glance)).is_break() {
                return;
            }
            locked(&self.spares).push(batch);
        }
    }

    /// The batch of this number; `None` when there is none. All before it were taken, so that it is the
    /// first of our own, or the next that the other thread sends.
    fn batch(
        &self,
        number: u64,
        own: &mut VecDeque<Numbered<G>>,
        others: &Receiver<Numbered<G>>,
    ) -> Option<Batch<G>> {
        loop {
            if own.front().is_some_and(|(first, _)| *first == number) {
                return own.pop_front().map(|(_, batch)| batch);
            }
            match others.try_recv() {
                Ok((_, batch)) => return Some(batch),
                Err(TryRecvError::Disconnected) => {}
                Err(TryRecvError::Empty) if own.len() == BATCHES_MAX => {
                    return others.recv().ok().map(|(_, batch)| batch);
                }
                Err(TryRecvError::Empty) => {}
            }
            match self.prepare() {
                Some(batch) => own.push_back(batch),
                None => return others.recv().ok().map(|(_, batch)| batch),
            }
        }
    }
}

impl Source {
    fn next_batch<G>(&mut self, spare: Batch<G>) -> Option<Numbered<G>> {
        if self.end.is_some() {
            return None;
        }
        let (batch, end) = self.stream.next_batch(spare);
        (self.end, self.next) = (end, self.next + 1);
        Some((self.next - 1, batch))
    }
}

/// A thread that panicked ends the scan anyway.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::capture::files::frames_of;
    use std::io::Cursor;

    /// A pcap file of frames of all sizes, so that they lie across the ends of buffers: some 4 MB.
    fn capture() -> Vec<u8> {
        let mut file =
            vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
        for number in 0..6_000_u32 {
            let length = if number % 1_000 == 999 { 200_000 } else { number * 7 % 1_500 };
            for field in [number, 0, length, length + 1] {
                file.extend(field.to_le_bytes());
            }
            file.resize(file.len() + length as usize, number as u8);
        }
        file
    }

    /// What was taken of a capture, up to `frames_max` frames, and how it ended.
    fn taken(bytes: &[u8], frames_max: usize, is_ahead: bool) -> (Vec<(i64, u32, Vec<u8>)>, ReadEnd) {
        let mut frames = Vec::new();
        let mut take = |frame: &Frame<'_>, length: &usize| {
            assert_eq!(*length, frame.bytes.len(), "the glance is of this frame");
            frames.push((frame.time_ns, frame.wire_length, frame.bytes.to_vec()));
            if frames.len() == frames_max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let glance = |frame: &Frame<'_>| frame.bytes.len();
        let mut stream = frames_of("a test", Cursor::new(bytes.to_vec())).expect("a capture");
        let end = match is_ahead {
            true => read_ahead(stream, glance, take),
            false => stream.for_each(|frame| take(&frame, &glance(&frame))),
        };
        (frames, end)
    }

    #[test]
    fn reading_ahead_gives_the_same_frames_and_the_same_end() {
        let whole = capture();
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle..].fill(0xff);
        let rows = [
            ("whole", whole.as_slice(), usize::MAX),
            ("cut in a record", &whole[..whole.len() - 1], usize::MAX),
            ("cut in a record's header", &whole[..whole.len() - 5 - 200_000], usize::MAX),
            ("damaged in the middle", &damaged, usize::MAX),
            ("enough after one frame", &whole, 1),
            ("enough after most", &whole, 5_990),
            ("without frames", &whole[..24], usize::MAX),
        ];
        for (row, bytes, frames_max) in rows {
            let is_same = taken(bytes, frames_max, true) == taken(bytes, frames_max, false);
            assert!(is_same, "{row}");
        }
        assert_eq!(taken(&whole, usize::MAX, true).0.len(), 6_000, "not one is missing");
    }
}
