//! What may people say that goes on record? Their names, reasons and notes, as they are stored.
//!
//! Left of it are the acts that carry them. What could pass for something else on a terminal or in a
//! mail is turned down here; markup is escaped where it is shown.

use super::{ALLCLEAR, Refusal};

/// The longest name of a person or machine, in signs (a DNS label has 63).
const NAME_CHARS_MAX: usize = 64;

/// The longest reason or note, in signs: a few pages.
const TEXT_CHARS_MAX: usize = 10_000;

/// A reason or note, without blanks around it. Line breaks and tabs may stand in it.
pub(super) fn said(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal("give a reason: it goes on record".to_owned()));
    }
    let is_allowed = |sign: char| matches!(sign, '\n' | '\r' | '\t') || !is_hidden(sign);
    bounded("this text", text, TEXT_CHARS_MAX, is_allowed)
}

/// The name of whoever acts, without blanks around it.
///
/// # Errors
///
/// It is empty, too long, holds signs that do not show, or is that of the program.
pub fn person(name: &str) -> Result<String, Refusal> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Refusal("say who does it: --by NAME".to_owned()));
    }
    if name.eq_ignore_ascii_case(ALLCLEAR) {
        let why = format!("'{name}' is the program, not a person: say who does it with --by NAME");
        return Err(Refusal(why));
    }
    bounded("this name", name, NAME_CHARS_MAX, |sign| !is_hidden(sign))
}

/// The name of a machine; nothing where it is empty.
pub(super) fn machine(name: Option<&str>) -> Result<Option<String>, Refusal> {
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    name.map(|name| bounded("this name", name, NAME_CHARS_MAX, |sign| !is_hidden(sign))).transpose()
}

fn bounded(
    what: &str,
    text: &str,
    chars_max: usize,
    is_allowed: impl Fn(char) -> bool,
) -> Result<String, Refusal> {
    if let Some(sign) = text.chars().find(|sign| !is_allowed(*sign)) {
        let code = u32::from(sign);
        return Err(Refusal(format!("{what} holds a sign that does not show (U+{code:04X}): leave it out")));
    }
    match text.chars().count() {
        length if length > chars_max => {
            Err(Refusal(format!("{what} has {length} signs: write at most {chars_max}")))
        }
        _ => Ok(text.to_owned()),
    }
}

/// Control signs, and those that are invisible or turn the direction of writing (Unicode Standard
/// Annex 9).
fn is_hidden(sign: char) -> bool {
    sign.is_control()
        || matches!(sign, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(sign, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(sign, '\u{e0000}'..='\u{e0fff}')
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
    fn a_note_may_have_lines_and_an_end() {
        assert!(said("one\r\n\ttwo").is_ok());
        assert!(said("bell\u{7}").is_err());
        assert!(said(&"x".repeat(10_000)).is_ok() && said(&"x".repeat(10_001)).is_err());
        assert_eq!(machine(Some(" ")), Ok(None));
        assert!(machine(Some("LAB\u{0}")).is_err());
    }
}
