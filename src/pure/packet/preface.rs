//! What do proxies put before a stream? The line or block of the PROXY protocol, which is passed over, and the
//! request of SOCKS, which names a host.
//!
//! Each must be there from its first to its last byte before it is taken for one.

use super::name_text::NameText;
use super::names::{Name, NameKind};
use std::net::{IpAddr, Ipv4Addr};

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

/// What a stream tells of a proxy that speaks SOCKS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Socks<'a> {
    /// The host that it is asked for, and its port.
    Named(&'a [u8], u16),
    /// The same by its address.
    Address(IpAddr, u16),
    /// What is there may be the beginning of a request, or what a client says before it; of the latter, and of a
    /// few bytes, other protocols have the like.
    Short { is_likely: bool },
    /// It is none.
    Foreign,
}

impl Socks<'_> {
    /// The host, as a name or an address in its place.
    pub(super) fn name(self) -> Option<Name> {
        let (text, port) = match self {
            Socks::Named(host, port) => (NameText::dotted(host), port),
            Socks::Address(address, port) => (NameText::of_address(address), port),
            Socks::Short { .. } | Socks::Foreign => return None,
        };
        Some(Name { kind: NameKind::Http, text: text?, port: Some(port) })
    }
}

/// What a client says before its request, at most so many ways of saying who it is.
const METHODS_MAX: u8 = 16;

/// The request of a SOCKS client (RFC 1928, 3 and 4; SOCKS 4 and 4A), behind what it says of itself when it does not
/// wait for the answer.
pub(super) fn socks(stream: &[u8]) -> Socks<'_> {
    match behind_greeting(stream) {
        [5, 1..=3, 0, 3, length, rest @ ..] => socks_5(rest, usize::from(*length)),
        [5, 1..=3, 0, 3] => Socks::Short { is_likely: true },
        [5, 1..=3, 0, 1, rest @ ..] => address::<4>(rest),
        [5, 1..=3, 0, 4, rest @ ..] => address::<16>(rest),
        [5, 1..=3, 0] | [5, 1..=3] | [4 | 5] | [] => UNLIKELY,
        [5, 1..=METHODS_MAX, methods @ ..] if methods.len() < usize::from(stream[1]) => UNLIKELY,
        [4, 1 | 2, p0, p1, a, b, c, d, rest @ ..] => {
            socks_4(u16::from_be_bytes([*p0, *p1]), Ipv4Addr::new(*a, *b, *c, *d), rest)
        }
        [4, 1 | 2, rest @ ..] if rest.len() < 6 => UNLIKELY,
        _ => Socks::Foreign,
    }
}

const UNLIKELY: Socks<'_> = Socks::Short { is_likely: false };

/// What follows the methods that a client offers, and its name and password (RFC 1929) where it offers these.
fn behind_greeting(stream: &[u8]) -> &[u8] {
    const PASSWORD: u8 = 2;
    let [5, count @ 1..=METHODS_MAX, rest @ ..] = stream else { return stream };
    let Some((methods, behind)) = rest.split_at_checked(usize::from(*count)) else { return stream };
    let after = match behind {
        [1, words @ ..] if methods.contains(&PASSWORD) => behind_word(behind_word(words)),
        behind => behind,
    };
    if matches!(after, [] | [5, ..]) { after } else { stream }
}

/// What follows a word behind its length; nothing while that is to come.
fn behind_word(rest: &[u8]) -> &[u8] {
    let behind = rest.split_first().and_then(|(length, rest)| rest.get(usize::from(*length)..));
    behind.unwrap_or_default()
}

fn socks_5(rest: &[u8], length: usize) -> Socks<'_> {
    match rest.split_at_checked(length) {
        Some((host, [p0, p1, ..])) => named(host, u16::from_be_bytes([*p0, *p1])),
        // Only its port is to come.
        Some((host, _)) if is_host(host) => Socks::Short { is_likely: true },
        None if is_part_of_host(rest) => Socks::Short { is_likely: true },
        _ => Socks::Foreign,
    }
}

fn socks_4(port: u16, address: Ipv4Addr, rest: &[u8]) -> Socks<'_> {
    let mut parts = rest.splitn(3, |byte| *byte == 0);
    let (user, host, after) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let is_user = user.len() <= usize::from(u8::MAX) && user.iter().all(u8::is_ascii_graphic);
    // 0.0.0.x stands for a name behind the user's.
    let is_name = matches!(address.octets(), [0, 0, 0, 1..=255]);
    match (host, after) {
        _ if !is_user => Socks::Foreign,
        (Some(_), _) if !is_name => Socks::Address(address.into(), port),
        (Some(host), Some(_)) => named(host, port),
        (Some(host), None) if !is_part_of_host(host) => Socks::Foreign,
        _ => Socks::Short { is_likely: is_name },
    }
}

fn address<const BYTES: usize>(rest: &[u8]) -> Socks<'_>
where
    IpAddr: From<[u8; BYTES]>,
{
    match rest.split_first_chunk::<BYTES>() {
        Some((address, [p0, p1, ..])) => Socks::Address((*address).into(), u16::from_be_bytes([*p0, *p1])),
        _ => UNLIKELY,
    }
}

fn named(host: &[u8], port: u16) -> Socks<'_> {
    if is_host(host) { Socks::Named(host, port) } else { Socks::Foreign }
}

fn is_host(host: &[u8]) -> bool {
    !host.is_empty() && is_part_of_host(host)
}

fn is_part_of_host(part: &[u8]) -> bool {
    part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}
