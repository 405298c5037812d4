//! How is text from outside made fit to be shown? Used for what commands and packets say.

/// The text with what cannot be seen in it spelt out, so that it can neither move a cursor, nor begin
/// a line of its own, nor turn the order of what is read.
pub fn escaped(text: &str) -> String {
    text.chars().flat_map(spelt_out).collect()
}

/// A character as it is shown.
pub fn spelt_out(c: char) -> impl Iterator<Item = char> {
    let is_fit = !c.is_control() && !is_unseen(c);
    let spelt = (!is_fit).then(|| c.escape_default());
    is_fit.then_some(c).into_iter().chain(spelt.into_iter().flatten())
}

/// Marks that break lines or turn the direction of text (Unicode 15, Bidi_Control, Zl, Zp), and those
/// without width.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_cannot_be_seen_is_spelt_out() {
        for (text, wanted) in [
            ("sinkholes: 192.0.2.1", "sinkholes: 192.0.2.1"),
            ("b\u{fc}cher.example \u{1f4a9}", "b\u{fc}cher.example \u{1f4a9}"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{1b}[31mred\0", "\\u{1b}[31mred\\u{0}"),
            ("moc.elgoog\u{202e}", "moc.elgoog\\u{202e}"),
            ("two\u{2028}lines\u{feff}", "two\\u{2028}lines\\u{feff}"),
        ] {
            assert_eq!(escaped(text), wanted, "{text:?}");
        }
    }
}
