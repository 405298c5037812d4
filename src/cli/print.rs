//! How does text reach the terminal? Without a sign that steers it, whoever gave files and lists their names; and a
//! closed pipe (`| head`) ends the output, never the program in a panic.

use super::Exit;
use crate::pure::words::{clean_text, is_shown};
use serde_json::Value;
use std::borrow::Cow;
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

/// Writes to standard output, [`unsteered`]. A reader that has gone away is no failure.
pub fn out(text: &str) -> Exit {
    painted(&unsteered(text))
}

/// The same of a text that is our own, as it is, colours and all.
pub fn painted(text: &str) -> Exit {
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

/// Writes a line to standard error, [`unsteered`]; without it, nobody can be told.
pub fn note(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", unsteered(line));
}

/// Writes what `tell` says, [`unsteered`].
pub fn tell(to: &mut impl Write, tell: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> io::Result<()> {
    let mut told = Vec::new();
    tell(&mut told)?;
    to.write_all(unsteered(&String::from_utf8_lossy(&told)).as_bytes())
}

/// The text with every sign spelt out that steers a terminal: control signs, but for the ends of lines and tabs,
/// and what overrides the direction of writing. Our own marks that set texts apart (`pure::direction`) stay.
fn unsteered(text: &str) -> Cow<'_, str> {
    let steers = |sign: char| match sign {
        '\n' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}' | '\u{2067}' => true,
        other => other.is_control(),
    };
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let spelt = |sign: char| {
        let is_fit = !steers(sign);
        let spelt = (!is_fit).then(|| sign.escape_default());
        is_fit.then_some(sign).into_iter().chain(spelt.into_iter().flatten())
    };
    Cow::Owned(text.chars().flat_map(spelt).collect())
}

/// A document as it is printed, [`spelt_out`].
pub fn json_text(document: &Value) -> String {
    spelt_out(&format!("{document:#}\n"))
}

/// JSON in which signs that do not show, steer a terminal or turn the direction of writing are spelt out: they stand
/// within strings alone, where that means the same.
pub fn spelt_out(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for sign in json.chars() {
        if sign == '\n' || is_shown(sign) {
            text.push(sign);
        } else {
            let mut units = [0; 2];
            sign.encode_utf16(&mut units).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
        }
    }
    text
}

/// A text that may repeat what was typed: its lines and their indents, without signs that steer a terminal.
pub fn harmless(text: &str) -> String {
    let line = |line: &str| {
        let indent: String = line.chars().take_while(|sign| *sign == ' ').collect();
        indent + &clean_text(line)
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_steers_a_terminal_is_spelt_out_and_means_the_same() {
        let text = "a\u{9b}31m\u{202e}b\u{7f}\u{e0041}é\u{1f600}\u{1b}";
        let printed = json_text(&json!({ "text": text }));
        assert!(printed.chars().all(|sign| sign == '\n' || is_shown(sign)), "{printed}");
        assert!(printed.contains("\\u009b31m\\u202eb\\u007f\\udb40\\udc41é\u{1f600}\\u001b"), "{printed}");
        assert_eq!(serde_json::from_str::<Value>(&printed).expect("JSON")["text"], text);
    }

    #[test]
    fn of_a_text_only_what_steers_is_spelt_out() {
        for (text, wanted) in [
            ("plain\n\twords", "plain\n\twords"),
            ("lan\u{1b}[31m\u{9b}2J.pcap\r", "lan\\u{1b}[31m\\u{9b}2J.pcap\\r"),
            ("\u{2068}set apart\u{2069} \u{202e}turned", "\u{2068}set apart\u{2069} \\u{202e}turned"),
        ] {
            assert_eq!(unsteered(text), wanted, "{text:?}");
        }
    }
}
