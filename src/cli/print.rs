//! How does text reach the terminal? A closed pipe (`| head`) ends the output, never the program in
//! a panic.

use super::Exit;
use std::io::{self, Write};

/// Writes to standard output. A reader that has gone away is no failure.
pub fn out(text: &str) -> Exit {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Exit::Done,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(error) => {
            note(&format!("standard output cannot be written: {error}"));
            Exit::Failed
        }
    }
}

/// Writes a line to standard error; without it, nobody can be told.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
