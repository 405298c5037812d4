//! What may people say that goes on record? Their names, reasons and notes, and what they call a report, as
//! it is stored.
//!
//! Left of it are the acts that carry them, and the command line. What could pass for something else on a
//! terminal or in a mail is turned down here, line breaks become blanks; markup is escaped where it is shown.

use super::{ALLCLEAR, Refusal};
use crate::pure::shown::{is_blank, unreadable};

/// The longest name of a person or machine, in signs (a DNS label has 63).
const NAME_CHARS_MAX: usize = 64;

/// The longest reason or note, in signs: a few pages.
const TEXT_CHARS_MAX: usize = 10_000;

/// The longest word of a reason or note, in signs: a long address of a page. Nothing breaks it in a mail.
const WORD_CHARS_MAX: usize = 500;

/// A reason or note as one line, without blanks around it: a break could pass for the next line of a list.
pub(super) fn said(text: &str) -> Result<String, Refusal> {
    let is_break = |sign: char| matches!(sign, '\n' | '\r' | '\t' | '\u{b}' | '\u{c}' | '\u{85}');
    let parts: Vec<&str> = text.split(is_break).map(str::trim).filter(|part| !part.is_empty()).collect();
    let text = parts.join(" ");
    if text.is_empty() {
        return Err(Refusal("give a reason: it goes on record".to_owned()));
    }
    let longest = text.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0);
    if longest > WORD_CHARS_MAX {
        return Err(Refusal(format!(
            "this text has a word of {longest} signs: write at most {WORD_CHARS_MAX} without a blank"
        )));
    }
    bounded("this text", &text, TEXT_CHARS_MAX)
}

/// What somebody calls a report: its outside number, or its malware. `what` names the place that it stands in.
///
/// # Errors
///
/// It is empty, too long, or holds signs that do not show.
pub fn label(what: &str, text: &str) -> Result<String, Refusal> {
    match text.trim() {
        "" => Err(Refusal(format!("{what} is empty: say what it is, or leave it out"))),
        text => bounded(what, text, NAME_CHARS_MAX),
    }
}

/// The name of whoever acts, without blanks around it.
///
/// # Errors
///
/// It is empty, too long, holds signs that do not show, or is that of the program.
pub fn person(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    if is_blank(name) {
        return Err(Refusal("say who does it: --by NAME".to_owned()));
    }
    if name.eq_ignore_ascii_case(ALLCLEAR) {
        let why = format!("'{name}' is the program, not a person: say who does it with --by NAME");
        return Err(Refusal(why));
    }
    bounded("this name", name, NAME_CHARS_MAX)
}

/// The name of a machine; nothing where it is empty.
pub(super) fn machine(name: Option<&str>) -> Result<Option<String>, Refusal> {
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    name.map(|name| bounded("this name", name, NAME_CHARS_MAX)).transpose()
}

fn bounded(what: &str, text: &str, chars_max: usize) -> Result<String, Refusal> {
    if let Some(sign) = unreadable(text) {
        return Err(Refusal(format!("{what} holds {sign}: leave it out")));
    }
    match text.chars().count() {
        length if length > chars_max => {
            Err(Refusal(format!("{what} has {length} signs: write at most {chars_max}")))
        }
        _ => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_everybody_can_read() {
        for (name, is_taken, row) in [
            (" A. Tech ", true, "blanks around it"),
            ("Jörg <tech@x>", true, "markup is escaped where it shows"),
            ("", false, "nothing"),
            (" \u{a0}\u{3000} ", false, "blanks alone"),
            ("\u{2800}\u{2800}", false, "letters of which nothing shows"),
            ("\u{3164}", false, "a filler"),
            ("A\nTech", false, "a line break"),
            ("A\u{1b}[31mTech", false, "an escape"),
            ("\u{202e}hceT", false, "written backwards"),
            ("AllClear", false, "the program"),
            (&"x".repeat(64), true, "64 signs"),
            (&"x".repeat(65), false, "65 signs"),
        ] {
            assert_eq!(person(name).is_ok(), is_taken, "{row}: {:?}", person(name));
        }
        assert_eq!(person(" A. Tech "), Ok("A. Tech".to_owned()));
    }

    #[test]
    fn a_note_becomes_one_line_of_bounded_length_and_words() {
        let words = |length: usize, number: usize| vec!["x".repeat(length); number].join(" ");
        for (text, expected, row) in [
            (" one\r\n\n\ttwo \u{b}three ", Ok("one two three"), "breaks become blanks"),
            ("<b>Jörg</b>  &", Ok("<b>Jörg</b>  &"), "markup is escaped where it shows"),
            (" \n ", Err("give a reason"), "nothing"),
            ("bell\u{7}", Err("holds a sign that does not show (U+0007): leave it out"), "a bell"),
            ("\u{202e}a", Err("holds a sign that turns the direction of writing (U+202E)"), "backwards"),
            ("a\u{2028}b", Err("holds a line break (U+2028)"), "a break that no terminal shows"),
            (&words(500, 1), Ok(&words(500, 1)), "a word of 500 signs"),
            (&words(501, 1), Err("a word of 501 signs: write at most 500"), "a word of 501 signs"),
            (&words(99, 100), Ok(&words(99, 100)), "9,999 signs"),
            (&(words(99, 100) + "xx"), Err("has 10001 signs: write at most 10000"), "10,001 signs"),
        ] {
            match (said(text), expected) {
                (Ok(told), Ok(expected)) => assert_eq!(told, expected, "{row}"),
                (Err(told), Err(expected)) => assert!(told.0.contains(expected), "{row}: {told:?}"),
                (told, _) => panic!("{row}: {told:?}"),
            }
        }
    }

    #[test]
    fn what_a_report_is_called_is_short_and_shows() {
        for (text, expected) in [
            (" MARS-1234 ", Ok("MARS-1234")),
            ("", Err("--ref is empty: say what it is, or leave it out")),
            ("a\nb", Err("--ref holds a line break (U+000A): leave it out")),
            (
                "\u{2066}a",
                Err("--ref holds a sign that turns the direction of writing (U+2066): leave it out"),
            ),
            ("\u{1b}[31m", Err("--ref holds a sign that does not show (U+001B): leave it out")),
            (&"x".repeat(64), Ok(&*"x".repeat(64))),
            (&"x".repeat(65), Err("--ref has 65 signs: write at most 64")),
        ] {
            let told = label("--ref", text);
            assert_eq!(told, expected.map(str::to_owned).map_err(|why| Refusal(why.to_owned())), "{text:?}");
        }
    }

    #[test]
    fn a_machine_need_not_have_a_name() {
        assert_eq!(machine(Some(" ")), Ok(None));
        assert!(machine(Some("LAB\u{0}")).is_err());
    }
}
