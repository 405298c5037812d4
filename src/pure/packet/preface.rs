//! What do proxies put before a stream? The line or block of the PROXY protocol, which is passed over, and the
//! request of SOCKS, which names a host.
//!
//! Each must be there from its first to its last byte: what is not is no preface.

use super::name_text::NameText;
use super::names::{Name, NameKind};

/// The longest line of the PROXY protocol, version 1, with its end.
const LINE_BYTES_MAX: usize = 107;
/// What such a line begins with.
const WORD: &[u8] = b"PROXY ";
/// What version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// How long the preface of the PROXY protocol is that a stream begins with; 0 when there is none.
pub(super) fn length(stream: &[u8]) -> usize {
    if stream.starts_with(WORD) {
        let line = stream.get(..LINE_BYTES_MAX.min(stream.len())).unwrap_or_default();
        return line.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    }
    match stream.strip_prefix(SIGNATURE) {
        Some([_, _, l0, l1, rest @ ..]) => {
            let length = usize::from(u16::from_be_bytes([*l0, *l1]));
            if length <= rest.len() { stream.len() - rest.len() + length } else { 0 }
        }
        _ => 0,
    }
}

/// Whether what is there of a stream may be the beginning of such a line, whose end is to come.
pub(super) fn may_begin(stream: &[u8]) -> bool {
    let is_line = stream.starts_with(WORD) && stream.len() < LINE_BYTES_MAX && !stream.contains(&b'\n');
    is_line || is_part_of_word(stream)
}

/// Whether all there is may be the first letters of such a line.
pub(super) fn is_part_of_word(stream: &[u8]) -> bool {
    !stream.is_empty() && WORD.starts_with(stream)
}

/// The host that a SOCKS request names (RFC 1928, 4; SOCKS 4A); `None` when it is none, or names an address.
pub(super) fn socks(stream: &[u8]) -> Option<Name> {
    let (host, port) = match stream {
        [5, 1..=3, 0, 3, length, rest @ ..] => {
            let (host, rest) = rest.split_at_checked(usize::from(*length))?;
            (host, u16::from_be_bytes(*rest.first_chunk()?))
        }
        // 0.0.0.x stands for a name behind the user's.
        [4, 1 | 2, p0, p1, 0, 0, 0, 1..=255, rest @ ..] => {
            let mut parts = rest.split(|byte| *byte == 0);
            let (_user, host, _after) = (parts.next()?, parts.next()?, parts.next()?);
            (host, u16::from_be_bytes([*p0, *p1]))
        }
        _ => return None,
    };
    let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let is_name = !host.is_empty() && host.iter().all(is_host);
    let text = is_name.then(|| NameText::dotted(host)).flatten()?;
    Some(Name { kind: NameKind::Http, text, port: Some(port) })
}
