//! How does a second processor help with a large file? One thread reads and finds the frames, the other
//! takes them, in the same order.
//!
//! Frames are handed over in batches, so this is for files that are there already, not for pipes whose
//! next frame may be long in coming.

use super::files::AnyFrames;
use super::stream::{Batch, ReadEnd};
use crate::pure::packet::Frame;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// Batches on their way at most: a few stay in the second-level cache.
const BATCHES_MAX: usize = 4;

/// Gives every frame of `stream` to `take`, in order, until that breaks off or the stream ends; like
/// [`super::stream::FrameStream::for_each`], with the reading done by a thread of its own.
pub fn read_ahead(mut stream: AnyFrames, take: impl FnMut(Frame<'_>) -> ControlFlow<()>) -> ReadEnd {
    let (send, receive) = sync_channel(BATCHES_MAX);
    let (send_empty, receive_empty) = sync_channel(BATCHES_MAX);
    thread::scope(|scope| {
        let reading = scope.spawn(move || fill(&mut stream, &send, &receive_empty));
        empty(receive, &send_empty, take);
        reading.join().expect("the reading thread does not panic")
    })
}

/// The reading thread. When nobody takes any more, it stops.
fn fill(stream: &mut AnyFrames, send: &SyncSender<Batch>, empties: &Receiver<Batch>) -> ReadEnd {
    loop {
        let (batch, end) = stream.next_batch(empties.try_recv().unwrap_or_default());
        let is_wanted = send.send(batch).is_ok();
        match end {
            Some(end) => return end,
            None if is_wanted => {}
            // That they had enough is no fault of the capture.
            None => return stream.ended(None),
        }
    }
}

/// The taking thread; `full` is dropped when it has enough, which stops the reading.
fn empty(
    full: Receiver<Batch>,
    empties: &SyncSender<Batch>,
    mut take: impl FnMut(Frame<'_>) -> ControlFlow<()>,
) {
    for batch in full {
        if batch.frames().try_for_each(&mut take).is_break() {
            return;
        }
        // When enough empty ones wait, this one is let go.
        let _ = empties.try_send(batch);
    }
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
        let take = |frame: Frame<'_>| {
            frames.push((frame.time_ns, frame.wire_length, frame.bytes.to_vec()));
            if frames.len() == frames_max { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut stream = frames_of("a test", Cursor::new(bytes.to_vec())).expect("a capture");
        let end = if is_ahead { read_ahead(stream, take) } else { stream.for_each(take) };
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
