//! How does text reach the terminal? A closed pipe (`| head`) ends the output, never the program in
//! a panic.

use super::Exit;
use crate::pure::words::clean_text;
use std::io::{self, Write};

/// For whom something is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    Person,
    /// A program, which reads JSON.
    Program,
}

impl Reader {
    /// By the flag `--json`.
    pub fn of(is_json: bool) -> Reader {
        if is_json { Reader::Program } else { Reader::Person }
    }
}

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

/// A text that may repeat what was typed: its lines and their indents, without signs that steer a terminal.
pub fn harmless(text: &str) -> String {
    let line = |line: &str| {
        let indent: String = line.chars().take_while(|sign| *sign == ' ').collect();
        indent + &clean_text(line)
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}
