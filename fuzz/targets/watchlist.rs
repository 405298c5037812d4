//! Any bytes as a watchlist file: every line is an entry, or was rejected, or counts as unusable.
#![no_main]

use allclear::pure::watchlist::read_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    if let Ok(read) = read_file(file) {
        assert!(read.rejected.len() as u64 <= read.rejected_lines);
    }
});
