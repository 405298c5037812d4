//! Does the packet path take memory packet by packet? Counted where all memory comes from, in the
//! thread that listens.

use crate::live::{LONG, MIB, Wire, chatter, window};
use allclear::edge::capture::interface;
use allclear::edge::capture::session::{Absent, Moment, Session};
use allclear::edge::capture::stop::Stop;
use allclear::edge::clock;
use allclear::pure::sighting::{Observer, Scope};
use allclear::pure::verdict::Ending;
use allclear::pure::watchlist::{CompiledList, Entry, Index, Watchlist};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// The system's allocator, which counts the calls of each thread.
struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    // A thread that is at its end has no count any more.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
}

// SAFETY: everything is the system allocator's; counting takes no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as asked.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as asked.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as asked.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

fn calls() -> u64 {
    CALLS.with(Cell::get)
}

/// How often memory was taken between two frames that no look lies between, for a list with this entry,
/// once the first frames have made the tables.
fn taken_by_frames(wire: &Wire, entry: &str) -> u64 {
    const SETTLED: u64 = 200;
    const ENOUGH: u64 = 1000;
    let entries = Entry::parse(entry).expect(entry);
    let watchlist = Watchlist { name: "w".to_owned(), entries, ..Watchlist::default() };
    let index = Index::compile(&[CompiledList { watchlist: &watchlist, file: None }]);
    let inside = ["10.99.0.0/24".parse().expect("a network")];
    let (mut observer, _) = Observer::alone(index, &inside);
    let is_over = AtomicBool::new(false);
    let (mut frames, mut taken, mut last) = (0, 0, None);
    thread::scope(|scope| {
        wire.there(scope, |socket| chatter(&socket, &is_over));
        let ending = wire.here(|| {
            let session = Session {
                window: window(LONG),
                stop: &Stop::new(),
                clock: clock::now,
                absent: Absent::GiveUp,
            };
            interface::listen("v0", MIB, &session, &mut |moment| {
                let Moment::Frame(frame) = moment else {
                    last = None;
                    return ControlFlow::Continue(());
                };
                observer.see(frame, |_| Scope::Matched);
                frames += 1;
                taken += last.filter(|_| frames > SETTLED).map_or(0, |last| calls() - last);
                last = Some(calls());
                if frames == ENOUGH {
                    ControlFlow::Break(Ending::PacketLimit(frames))
                } else {
                    ControlFlow::Continue(())
                }
            })
            .ending
        });
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(ending, Ending::PacketLimit(ENOUGH));
    });
    taken
}

#[test]
fn a_frame_that_nobody_looks_for_takes_no_memory() {
    let Some(wire) = Wire::new() else { return };
    // The ledger takes a little every ten seconds.
    let taken = taken_by_frames(&wire, "192.0.2.1");
    assert!(taken < 20, "{taken} times in 800 frames");
    let taken = taken_by_frames(&wire, "10.99.0.1");
    assert!(taken > 100, "a hit does, so that the count can be believed: {taken} times");
}
