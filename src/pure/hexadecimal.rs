//! How is a hash written? Two lower-case digits a byte, as `sha256sum` does.

use std::fmt::Write;

/// The bytes in hexadecimal, twice as many signs.
pub fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("text in memory can be written");
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_byte_has_two_digits() {
        assert_eq!(super::text(&[0, 10, 255]), "000aff");
    }
}
