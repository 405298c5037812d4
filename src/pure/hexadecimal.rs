//! How is a hash written? Two lower-case digits a byte, as `sha256sum` does.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The bytes in hexadecimal, twice as many signs.
pub fn text(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend([digit(byte >> 4), digit(byte & 15)]);
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
