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
