//! How does a test say that it did not run? Where it is read: the harness keeps what a passing test
//! prints to itself, but not what is written to standard error directly.

use std::io::Write;

/// Says that the calling test was skipped, and why.
pub fn skipped(why: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Nobody is left to tell when standard error is gone.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}
