//! How is text from outside made fit to be shown? Used for what commands and packets say.

/// The text with its control characters spelt out, so that it can neither move a cursor nor begin a
/// line of its own.
pub fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}
