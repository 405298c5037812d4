//! What does a line of a Suricata dataset of strings hold? Base64 (RFC 4648, 4), text out.

use super::domain;

/// The domain or address in a line; `None` when it is no base64 of one.
pub(super) fn decoded(line: &str) -> Option<String> {
    let text = String::from_utf8(bytes(line.trim())?).ok()?;
    // The usual way to make them, `echo name | base64`, leaves a line break within.
    let text = text.trim();
    let is_indicator = text.parse::<ipnet::IpNet>().is_ok()
        || text.parse::<std::net::IpAddr>().is_ok()
        || domain::normalise(text).is_ok();
    is_indicator.then(|| text.to_owned())
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if text.is_empty() || !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in digits.as_bytes().chunks(4) {
        let mut number = 0;
        for digit in group {
            number = number << 6 | value(*digit)?;
        }
        number <<= 6 * (4 - group.len());
        bytes.extend(&number.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    Some(u32::from(match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}
