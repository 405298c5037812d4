//! Any bytes as a capture: the reader moves on or stops, and never gives more than it was shown.
#![no_main]

use allclear::pure::recording::{FRAME_BYTES_MAX, Next, Reader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|capture: &[u8]| {
    let mut reader = Reader::new();
    let mut rest = capture;
    // A step that uses nothing only chooses the format, which happens once.
    for _ in 0..capture.len() + 2 {
        match reader.next(rest) {
            Next::Frame { frame, used } => {
                assert!(used > 0 && frame.bytes.len() < used && frame.bytes.len() <= FRAME_BYTES_MAX);
                rest = &rest[used..];
            }
            Next::Skip { used } => rest = &rest[used..],
            Next::NeedMore(bytes) => {
                assert!(bytes > rest.len(), "what was shown is enough");
                let _ = reader.missing_at_end(rest.len());
                return;
            }
            Next::Fault(_) => return,
        }
    }
    panic!("the reader stands still");
});
