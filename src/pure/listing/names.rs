//! Which names are asked for, and with which key? Addresses reversed below the zone (RFC 5782).
//!
//! A name that holds a key stays in [`Question`], which nothing can print.

use crate::pure::address::is_private;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A label has 63 bytes at most, and a name 253 as people write it (RFC 1035).
const LABEL_CHARS_MAX: usize = 63;
const NAME_CHARS_MAX: usize = 253;

/// What stands in the place of a key wherever a reply repeats it.
const HIDDEN: &str = "[key]";

/// The key that a list wants in the query name. It has no way to be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    /// The key that a file holds: one line of letters, digits and hyphens, which are what a label may
    /// have. The error never shows what is there instead.
    pub fn read(text: &str) -> Result<Key, String> {
        let key = text.strip_suffix('\n').unwrap_or(text);
        let key = key.strip_suffix('\r').unwrap_or(key);
        if key.is_empty() {
            return Err("is empty: write the key into it, and nothing else".to_owned());
        }
        if key.contains(['\n', '\r']) {
            return Err("has several lines: write the key into it, and nothing else".to_owned());
        }
        if key.len() > LABEL_CHARS_MAX {
            return Err(format!(
                "is longer than the {LABEL_CHARS_MAX} signs that a key can have: write the key into it, and nothing else"
            ));
        }
        let is_label = key.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '-');
        if !is_label || key.starts_with('-') || key.ends_with('-') {
            let what = "holds other signs than letters, digits and hyphens";
            return Err(format!("{what}: write the key into it, and nothing else"));
        }
        Ok(Key(key.to_owned()))
    }

    /// The text with the key covered, however it is written.
    pub fn hide(&self, text: &str) -> String {
        let (key, lower) = (self.0.to_ascii_lowercase(), text.to_ascii_lowercase());
        let mut hidden = String::with_capacity(text.len());
        let mut from = 0;
        for (at, _) in lower.match_indices(&key) {
            hidden.push_str(&text[from..at]);
            hidden.push_str(HIDDEN);
            from = at + key.len();
        }
        hidden.push_str(&text[from..]);
        hidden
    }
}

/// A name to ask for. It may hold a key, so it cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Question(String);

impl Question {
    /// The name, with its final dot; for the resolver alone.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Question(..)")
    }
}

/// The questions of a look-up, in the order in which they are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Questions {
    /// The test entry that has to be listed.
    pub listed_test: Question,
    /// The test entry that must not be.
    pub clear_test: Question,
    pub address: Question,
}

/// What to ask for about an address; the test entries are of its own family (RFC 5782, 5).
///
/// # Errors
///
/// A name that would be longer than DNS allows.
pub fn questions(address: IpAddr, zone: &str, key: Option<&Key>) -> Result<Questions, String> {
    let test = |last: u8| match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)),
        IpAddr::V6(_) => IpAddr::V6(Ipv4Addr::new(127, 0, 0, last).to_ipv6_mapped()),
    };
    let about = |address| question(address, zone, key);
    Ok(Questions { listed_test: about(test(2))?, clear_test: about(test(1))?, address: about(address)? })
}

fn question(address: IpAddr, zone: &str, key: Option<&Key>) -> Result<Question, String> {
    let mut labels = reversed(address);
    labels.extend(key.map(|key| key.0.clone()));
    labels.push(zone.trim_end_matches('.').to_ascii_lowercase());
    let name = labels.join(".");
    if name.len() > NAME_CHARS_MAX {
        return Err(format!(
            "the name to ask for is longer than the {NAME_CHARS_MAX} signs of DNS: correct `zone`"
        ));
    }
    Ok(Question(format!("{name}.")))
}

fn reversed(address: IpAddr) -> Vec<String> {
    match address {
        IpAddr::V4(v4) => v4.octets().iter().rev().map(u8::to_string).collect(),
        IpAddr::V6(v6) => {
            let nibbles = v6.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}")).collect()
        }
    }
}

/// Why no list can say anything of the address; `None` when it may be asked about. Addresses of
/// documentation (RFC 5737, 3849) are asked about like others: they stand in examples everywhere.
pub fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => not_public_v4(address),
        IpAddr::V6(address) => not_public_v6(address),
    }
}

fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets()[0] {
        127 => Some("a loopback address"),
        0 => Some("an address that nobody has"),
        224..=239 => Some("a multicast address"),
        240.. => Some("a reserved address"),
        _ if is_private(address.into()) => Some("a private address"),
        _ if address.is_link_local() => Some("a link-local address"),
        _ => None,
    }
}

fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_loopback() {
        Some("a loopback address")
    } else if address.is_unspecified() {
        Some("an address that nobody has")
    } else if address.is_multicast() {
        Some("a multicast address")
    } else if is_private(address.into()) {
        Some("a private address")
    } else if address.is_unicast_link_local() {
        Some("a link-local address")
    } else if address.to_ipv4_mapped().is_some() {
        Some("an IPv4 address in the form of IPv6")
    } else {
        (address.segments()[0] & 0xe000 != 0x2000).then_some("a reserved address")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn names_are_reversed_and_hold_the_key_before_the_zone() {
        let key = Key::read("abc123\n").expect("a key");
        let v4 = questions(ip("192.0.2.17"), "XBL.example.", Some(&key)).expect("short");
        assert_eq!(v4.address.name(), "17.2.0.192.abc123.xbl.example.");
        assert_eq!(v4.listed_test.name(), "2.0.0.127.abc123.xbl.example.");
        assert_eq!(v4.clear_test.name(), "1.0.0.127.abc123.xbl.example.");
        let v6 = questions(ip("2001:db8::1"), "xbl.example", None).expect("short");
        let zeros = "0.".repeat(20);
        assert_eq!(
            v6.address.name(),
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.xbl.example."
        );
        assert_eq!(v6.listed_test.name(), format!("2.0.0.0.0.0.f.7.f.f.f.f.{zeros}xbl.example."));
        assert_eq!(format!("{v4:?}{key:?}").find("abc123"), None, "nothing prints a key");
        let long = format!("{}.example", "a.".repeat(120));
        assert!(questions(ip("192.0.2.17"), &long, None).is_err());
    }

    #[test]
    fn a_key_is_one_label() {
        let longest = "a".repeat(63);
        for good in ["abc", "abc\n", "abc\r\n", "A-1", longest.as_str()] {
            assert!(Key::read(good).is_ok(), "{good:?}");
        }
        let longer = "a".repeat(64);
        for wrong in ["", "\n", "abc\ndef", "a b", "a.b", "-a", "a-", "schl\u{fc}ssel", longer.as_str()] {
            let why = Key::read(wrong).expect_err("no key");
            assert!(why.contains(": write the key into it"), "{wrong:?}: {why}");
            assert!(wrong.trim().is_empty() || !why.contains(wrong), "{wrong:?}: {why}");
        }
    }

    #[test]
    fn a_key_is_covered_however_it_is_written() {
        let key = Key::read("sEcret").expect("a key");
        assert_eq!(key.hide("x.SECRET.zone \u{fc} secret"), "x.[key].zone \u{fc} [key]");
        assert_eq!(key.hide("nothing"), "nothing");
    }

    #[test]
    fn lists_are_asked_about_public_addresses_only() {
        for inside in [
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "127.0.0.2",
            "169.254.1.1",
            "0.0.0.0",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "::ffff:192.0.2.1",
            "4000::1",
        ] {
            assert!(not_public(ip(inside)).is_some(), "{inside}");
        }
        for public in ["192.0.2.17", "203.0.113.1", "100.128.0.1", "172.32.0.1", "2001:db8::1", "2600::1"] {
            assert_eq!(not_public(ip(public)), None, "{public}");
        }
    }
}
