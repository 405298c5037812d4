//! Is this line one of the plain ones, of which large files consist? Read without a copy; whatever is not
//! recognised here is read by `entry`, with the same result and more time.

use super::domain;
use super::{PortRange, Target};
use ipnet::{IpNet, Ipv4Net};
use std::net::{IpAddr, Ipv4Addr};

/// A line whose spelling is the plain one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Quick<'a> {
    V4(u32),
    /// An address with a port, or a network, of IPv4.
    Entry(Target, Option<PortRange>),
    /// A name in lower case.
    Name(&'a str),
}

/// The address of IPv4 that is the whole first line of a text, and how long the line is with its end.
#[inline]
pub(super) fn first_line_v4(text: &str) -> Option<(u32, usize)> {
    let (address, rest) = address(text.as_bytes())?;
    let end = match rest {
        [] => 0,
        [b'\n', ..] => 1,
        [b'\r', b'\n', ..] => 2,
        _ => return None,
    };
    Some((address, text.len() - rest.len() + end))
}

/// The entry that the line is, when it is a plain one.
#[inline]
pub(super) fn read(line: &str) -> Option<Quick<'_>> {
    let Some((address, rest)) = address(line.as_bytes()) else {
        return domain::is_normal(line).then_some(Quick::Name(line));
    };
    match rest {
        [] => Some(Quick::V4(address)),
        [b':', digits @ ..] => {
            let port = u16::try_from(number(digits)?).ok().filter(|&port| port > 0)?;
            let ports = PortRange { protocol: None, first: port, last: port };
            Some(Quick::Entry(Target::Address(IpAddr::V4(Ipv4Addr::from(address))), Some(ports)))
        }
        [b'/', digits @ ..] => {
            let length = u8::try_from(number(digits)?).ok().filter(|&length| length < 32)?;
            let network = Ipv4Net::new(address.into(), length).ok()?;
            (network.trunc() == network).then_some(Quick::Entry(Target::Network(IpNet::V4(network)), None))
        }
        _ => None,
    }
}

/// An address of IPv4 in its only spelling (four numbers up to 255 without needless zeros), and what
/// follows it.
#[inline]
fn address(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut address = 0_u32;
    let mut rest = bytes;
    for part in 0..4 {
        if part > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        let (octet, length) = octet(rest)?;
        address = address << 8 | octet;
        rest = &rest[length..];
    }
    Some((address, rest))
}

/// A number up to 255 at the beginning, and its length.
#[inline]
fn octet(bytes: &[u8]) -> Option<(u32, usize)> {
    let digit =
        |at: usize| bytes.get(at).map(|byte| u32::from(byte.wrapping_sub(b'0'))).filter(|&digit| digit < 10);
    let first = digit(0)?;
    let Some(second) = digit(1) else { return Some((first, 1)) };
    let (number, length) = match digit(2) {
        None => (first * 10 + second, 2),
        Some(third) => (first * 100 + second * 10 + third, 3),
    };
    (first > 0 && number < 256).then_some((number, length))
}

/// Up to five digits without needless zeros.
#[inline]
fn number(digits: &[u8]) -> Option<u32> {
    let is_plain = !digits.is_empty() && digits.len() <= 5 && (digits.len() == 1 || digits[0] != b'0');
    let add =
        |number: u32, &digit: &u8| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'));
    digits.iter().try_fold(0, add).filter(|_| is_plain)
}

#[cfg(test)]
mod tests {
    use super::super::{Entry, entry};
    use super::*;
    use proptest::prelude::*;

    fn slowly(line: &str) -> Option<Entry> {
        entry::read(line).ok().filter(|entries| entries.len() == 1).map(|mut entries| entries.remove(0))
    }

    fn as_entry(line: &str, quick: Quick<'_>) -> Entry {
        let (target, ports) = match quick {
            Quick::V4(address) => (Target::Address(IpAddr::V4(address.into())), None),
            Quick::Entry(target, ports) => (target, ports),
            Quick::Name(name) => (Target::Domain(name.to_owned()), None),
        };
        Entry { text: line.to_owned(), target, ports }
    }

    #[test]
    fn plain_lines_are_read_quickly_and_others_are_left() {
        let rows = [
            ("1.2.3.4", true),
            ("255.255.255.255", true),
            ("256.1.1.1", false),
            ("1.2.3.04", false),
            ("1.2.3", false),
            ("1.2.3.4.5", false),
            ("1.2.3.4:80", true),
            ("1.2.3.4:65535", true),
            ("1.2.3.4:65536", false),
            ("1.2.3.4:0", false),
            ("1.2.3.4:080", false),
            ("1.2.3.0/24", true),
            ("0.0.0.0/0", true),
            ("1.2.3.4/24", false),
            ("1.2.3.4/32", false),
            ("evil.example", true),
            ("Evil.example", false),
            ("evil.example.", false),
            ("example", false),
            ("10.0.0.1-10.0.0.9", false),
            ("2001:db8::1", false),
            ("", false),
        ];
        for (line, wanted) in rows {
            let quick = read(line);
            assert_eq!(quick.is_some(), wanted, "{line}");
            if let Some(quick) = quick {
                assert_eq!(Some(as_entry(line, quick)), slowly(line), "{line}");
            }
        }
        for (text, wanted) in [
            ("1.2.3.4", Some(7)),
            ("1.2.3.4\n5.6.7.8", Some(8)),
            ("1.2.3.4\r\n", Some(9)),
            ("1.2.3.4 # a\n", None),
            ("1.2.3.4\r", None),
            ("1.2.3.4:80\n", None),
            ("1.2.3.256\n", None),
        ] {
            let first = first_line_v4(text);
            assert_eq!(first, wanted.map(|length| (0x0102_0304, length)), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_quickly_is_what_is_read_slowly(line in "[0-9a-z.:/-]{0,24}|([0-9]{1,3}\\.){3}[0-9]{1,3}[:/]?[0-9]{0,5}") {
            if let Some(quick) = read(&line) {
                prop_assert_eq!(Some(as_entry(&line, quick)), slowly(&line));
            }
        }
    }
}
