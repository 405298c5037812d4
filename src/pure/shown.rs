//! Which signs of a text does its reader see? Those that are invisible, steer a terminal or turn the direction of
//! writing must neither be taken from people nor be shown.
//!
//! Used wherever people write (files, names, notes) and wherever texts from outside are shown.

/// Whether a sign shows, and steers neither a terminal nor the direction of writing.
pub fn is_shown(sign: char) -> bool {
    match sign {
        control if control.is_control() => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' => false,
        '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => false,
        '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' => false,
        '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => false,
        _ => true,
    }
}

/// Why a text is not one that everybody can read, with the first sign that makes it so: `a line break (U+000A)`;
/// `None` when it can be taken.
pub fn unreadable(text: &str) -> Option<String> {
    let sign = text.chars().find(|sign| is_refused(*sign))?;
    Some(format!("{} (U+{:04X})", kind(sign), u32::from(sign)))
}

/// Whether nothing of it shows.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|sign| sign.is_whitespace() || sign == BRAILLE_BLANK || !is_shown(sign))
}

/// A letter of which nothing shows, and no white space to Unicode.
const BRAILLE_BLANK: char = '\u{2800}';

fn kind(sign: char) -> &'static str {
    match sign {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => "a line break",
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "a sign that turns the direction of writing"
        }
        _ => "a sign that does not show",
    }
}

/// What does not show, but for those that only change how the sign before them looks (U+FE0F makes a picture of
/// it).
fn is_refused(sign: char) -> bool {
    !is_shown(sign) && !matches!(sign, '\u{34f}' | '\u{180b}'..='\u{180d}' | '\u{fe00}'..='\u{fe0f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told_by_its_sign() {
        for (text, expected) in [
            ("Springfield School District", None),
            ("Jörg's בית ספר (\u{2764}\u{fe0f})", None),
            ("A\r\nB", Some("a line break (U+000D)")),
            ("A\u{2028}B", Some("a line break (U+2028)")),
            ("\u{202e}A", Some("a sign that turns the direction of writing (U+202E)")),
            ("A\u{2066}", Some("a sign that turns the direction of writing (U+2066)")),
            ("A\u{1b}[31m", Some("a sign that does not show (U+001B)")),
            ("A\u{3164}", Some("a sign that does not show (U+3164)")),
        ] {
            assert_eq!(unreadable(text).as_deref(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_text_of_which_nothing_shows_is_blank() {
        for (text, expected) in [
            ("", true),
            (" \u{a0}\u{3000}", true),
            ("\u{2800}", true),
            ("\u{3164}\u{200b}", true),
            (" x ", false),
        ] {
            assert_eq!(is_blank(text), expected, "{text:?}");
        }
    }
}
