//! How does a second processor help with a large file? One thread reads, a buffer full of frames at a time;
//! the other one takes all the frames, in the same order. The first look at each frame is taken by
//! whichever of them has time for it.
//!
//! Frames are handed over in batches, so this is for files that are there already, not for pipes whose
//! next frame may be long in coming.

use super::files::AnyFrames;
use super::stream::{Batch, ReadEnd};
use crate::pure::packet::Frame;
use crate::pure::sighting::{Glance, Lookout};
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread;

/// Batches that wait at most: so few stay in the second-level cache.
const BATCHES_MAX: usize = 4;

/// Whether there is a second processor.
pub fn has_second_processor() -> bool {
    thread::available_parallelism().is_ok_and(|processors| processors.get() > 1)
}

/// Gives every frame of `stream` to `take`, in order, with what a glance of `lookout` tells of it, until `take` breaks
/// off or the stream ends; like [`super::stream::FrameStream::for_each`], with the reading, and as many of the
/// glances as make both equally busy, left to a second thread.
pub fn read_ahead(
    stream: AnyFrames,
    lookout: &Lookout,
    take: impl FnMut(&Frame<'_>, Glance) -> ControlFlow<()>,
) -> ReadEnd {
    let waiting = AtomicUsize::new(0);
    let (batches, read) = sync_channel(BATCHES_MAX);
    let (spares, used) = channel();
    thread::scope(|scope| {
        let ahead = Ahead { stream, lookout, waiting: &waiting, batches, used };
        let reader = scope.spawn(|| ahead.read());
        take_in_order(read, spares, &waiting, lookout, take);
        reader.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// The thread that reads.
struct Ahead<'a> {
    stream: AnyFrames,
    lookout: &'a Lookout,
    /// Batches that were sent and not yet taken.
    waiting: &'a AtomicUsize,
    batches: SyncSender<Batch>,
    /// Batches whose memory is used again.
    used: Receiver<Batch>,
}

impl Ahead<'_> {
    /// Reads to the end, or until nobody takes any more.
    fn read(mut self) -> ReadEnd {
        loop {
            // Else the other one has nothing to do, and glances itself.
            let has_time = self.waiting.load(Ordering::Relaxed) >= BATCHES_MAX / 2;
            let spare = self.used.try_recv().unwrap_or_default();
            let (batch, end) = self.stream.next_batch(spare, has_time.then_some(self.lookout));
            self.waiting.fetch_add(1, Ordering::Relaxed);
            let is_wanted = self.batches.send(batch).is_ok();
            match end {
                Some(end) => return end,
                // That they had enough is no fault of the capture.
                None if !is_wanted => return self.stream.ended(None),
                None => {}
            }
        }
    }
}

/// The thread that takes the frames.
fn take_in_order(
    read: Receiver<Batch>,
    spares: Sender<Batch>,
    waiting: &AtomicUsize,
    lookout: &Lookout,
    mut take: impl FnMut(&Frame<'_>, Glance) -> ControlFlow<()>,
) {
    for batch in read {
        waiting.fetch_sub(1, Ordering::Relaxed);
        if batch.try_for_each(lookout, &mut take).is_break() {
            return;
        }
        // Nobody needs it once all is read.
        let _ = spares.send(batch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::capture::files::frames_of;
    use std::io::Cursor;

    /// A pcap file of frames of all sizes, so that they lie across the ends of buffers: some 5 MB. Those with room
    /// for the headers are IPv4 and TCP.
    fn capture() -> Vec<u8> {
        let mut file =
            vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0];
        for number in 0..6_000_u32 {
            let length = if number % 1_000 == 999 { 200_000 } else { number * 7 % 1_500 };
            for field in [number, 0, length, length + 1] {
                file.extend(field.to_le_bytes());
            }
            let mut frame = vec![number as u8; length as usize];
            if let Some(headers) = frame.first_chunk_mut::<34>() {
                headers[12..16].copy_from_slice(&[8, 0, 0x45, 0]);
                headers[16..18].copy_from_slice(&40_u16.to_be_bytes());
                headers[20..24].copy_from_slice(&[0, 0, 64, 6]);
            }
            file.extend(frame);
        }
        file
    }

    /// What was taken of a capture, up to `frames_max` frames, and how it ended.
    fn taken(bytes: &[u8], frames_max: usize, is_ahead: bool) -> (Vec<(i64, u32, Vec<u8>)>, ReadEnd) {
        let mut frames = Vec::new();
        let lookout = Lookout::default();
        let mut take = |frame: &Frame<'_>, glance: Glance| {
            // Compared in words: nobody else needs to know whether two are alike.
            let own = format!("{:?}", lookout.glance(frame));
            assert_eq!(format!("{glance:?}"), own, "the glance is of this frame");
            frames.push((frame.time_ns, frame.wire_length, frame.bytes.to_vec()));
            if frames.len() == frames_max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut stream = frames_of("a test", Cursor::new(bytes.to_vec())).expect("a capture");
        let end = match is_ahead {
            true => read_ahead(stream, &lookout, take),
            false => stream.for_each(|frame| take(&frame, lookout.glance(&frame))),
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
