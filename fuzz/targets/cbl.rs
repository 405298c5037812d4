//! Any text as a pasted page.
#![no_main]

use allclear::pure::intake::cbl;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = cbl::read(text) {
        let _ = error.to_string();
    }
});
