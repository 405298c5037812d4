//! How does a second processor help with a large file? One thread reads and finds the frames, the other
//! takes them, in the same order.
//!
//! Frames are handed over in batches, so this is for files that are there already, not for pipes whose
//! next frame may be long in coming.

use super::files::AnyFrames;
use super::stream::ReadEnd;
use crate::pure::packet::Frame;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// A batch is handed over when it holds so many bytes: a few batches stay in the second-level cache.
const BATCH_BYTES: usize = 128 * 1024;
/// Batches on their way at most.
const BATCHES_MAX: usize = 4;

/// Frames with their bytes, one behind the other.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    frames: Vec<Placed>,
}

/// A frame of a batch.
struct Placed {
    time_ns: i64,
    /// Where its bytes end; they begin where those of the frame before it end.
    end: usize,
    wire_length: u32,
    link_type: u16,
}

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
    let mut batch = Batch::default();
    let end = stream.for_each(|frame| {
        batch.push(&frame);
        if batch.bytes.len() < BATCH_BYTES {
            return ControlFlow::Continue(());
        }
        let next = empties.try_recv().unwrap_or_default();
        match send.send(std::mem::replace(&mut batch, next)) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        }
    });
    // Nobody there to take it is no fault: they had enough.
    let _ = send.send(batch);
    end
}

/// The taking thread; `full` is dropped when it has enough, which stops the reading.
fn empty(
    full: Receiver<Batch>,
    empties: &SyncSender<Batch>,
    mut take: impl FnMut(Frame<'_>) -> ControlFlow<()>,
) {
    for mut batch in full {
        if batch.frames().try_for_each(&mut take).is_break() {
            return;
        }
        batch.bytes.clear();
        batch.frames.clear();
        // When enough empty ones wait, this one is let go.
        let _ = empties.try_send(batch);
    }
}

impl Batch {
    #[inline]
    fn push(&mut self, frame: &Frame<'_>) {
        let &Frame { time_ns, bytes, wire_length, link_type } = frame;
        self.bytes.extend_from_slice(bytes);
        self.frames.push(Placed { time_ns, end: self.bytes.len(), wire_length, link_type });
    }

    fn frames(&self) -> impl Iterator<Item = Frame<'_>> {
        let mut start = 0;
        self.frames.iter().map(move |&Placed { time_ns, end, wire_length, link_type }| {
            let bytes = self.bytes.get(start..end).unwrap_or_default();
            start = end;
            Frame { time_ns, bytes, wire_length, link_type }
        })
    }
}
