//! Which words of a filter are words of pcap-filter(7), and which would be taken for names?
//!
//! libpcap looks up a word that it does not know as a host name, while compiling and over the
//! network. Therefore only texts whose every word is known here are compiled. The
//! list must never hold a word that some libpcap since 1.8 does not know.

use std::net::{IpAddr, Ipv6Addr};

/// One word or sign of a filter, with the byte where it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    pub text: &'a str,
    pub at: usize,
}

impl Word<'_> {
    /// The byte after its last.
    pub fn end(&self) -> usize {
        self.at + self.text.len()
    }
}

/// Cuts a filter into words as libpcap's scanner does: the longest run of letters, digits and
/// `_ - . :` is one word, inside `[…]` without the colon; every other character stands alone.
pub fn words(text: &str) -> Vec<Word<'_>> {
    let mut found = Vec::new();
    let mut depth = 0usize;
    let mut rest = text.char_indices().peekable();
    while let Some((at, first)) = rest.next() {
        depth = match first {
            '[' => depth + 1,
            ']' => depth.saturating_sub(1),
            _ => depth,
        };
        if first.is_whitespace() {
            continue;
        }
        let mut end = at + first.len_utf8();
        if is_in_word(first, depth) {
            while let Some((_, next)) = rest.next_if(|&(_, next)| is_in_word(next, depth)) {
                end += next.len_utf8();
            }
        }
        found.push(Word { text: &text[at..end], at });
    }
    found
}

fn is_in_word(character: char, depth: usize) -> bool {
    let is_sign = "()[]!&|<>=+*/^%,".contains(character) || (depth > 0 && "-:".contains(character));
    !character.is_whitespace() && !is_sign
}

/// What a word that is no keyword is read as, by the qualifier before it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Host,
    /// Service and protocol names come from files of this machine.
    LocalName,
}

/// The first word that libpcap would look up as the name of a host or network.
pub fn first_name<'a>(words: &[Word<'a>]) -> Option<Word<'a>> {
    let mut expected = Expected::Host;
    let mut depth = 0usize;
    for word in words {
        depth = match word.text {
            "[" => depth + 1,
            "]" => depth.saturating_sub(1),
            _ => depth,
        };
        match word.text {
            "port" | "portrange" | "proto" | "protochain" | "type" | "subtype" | "dir" => {
                expected = Expected::LocalName;
            }
            "and" | "or" | "not" => {}
            text if is_sign(text) || is_literal(text) || text.starts_with('\\') => {}
            text if is_keyword(text) || (depth > 0 && is_field_word(text)) => expected = Expected::Host,
            _ if expected == Expected::LocalName => {}
            _ => return Some(*word),
        }
    }
    None
}

fn is_sign(text: &str) -> bool {
    text.chars().all(|character| !character.is_alphanumeric())
}

/// A number, an address, the part of a network before its `/`, or a MAC address.
fn is_literal(text: &str) -> bool {
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    is_digits(text, 10)
        || hexadecimal.is_some_and(|digits| is_digits(digits, 16))
        || is_dotted(text)
        || text.parse::<Ipv6Addr>().is_ok()
        || is_mac(text)
}

fn is_digits(text: &str, radix: u32) -> bool {
    !text.is_empty() && text.chars().all(|digit| digit.is_digit(radix))
}

/// Two to four numbers from 0 to 255 with dots between them, none with a leading zero: libpcap
/// takes anything else with dots for a name.
fn is_dotted(text: &str) -> bool {
    let is_part = |part: &str| part.parse::<u8>().is_ok_and(|number| number.to_string() == part);
    (2..=4).contains(&text.split('.').count()) && text.split('.').all(is_part)
}

fn is_mac(text: &str) -> bool {
    let is_pair = |pair: &str| (1..=2).contains(&pair.len()) && is_digits(pair, 16);
    text.split(':').count() == 6 && text.split(':').all(is_pair)
}

/// The address that a word spells in full.
pub fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// The known word that a mistyped one is most like; `None` when it is like none.
pub fn nearest_keyword(text: &str) -> Option<&'static str> {
    /// One slip of the fingers, or two letters exchanged.
    const SLIPS_MAX: usize = 1;
    let slips = |keyword: &&str| strsim::damerau_levenshtein(keyword, text);
    KEYWORDS
        .iter()
        .copied()
        .filter(|keyword| keyword.len() > 2)
        .min_by_key(slips)
        .filter(|k| slips(k) <= SLIPS_MAX)
}

fn is_keyword(text: &str) -> bool {
    KEYWORDS.contains(&text)
}

/// Names of fields and flags, as in `tcp[tcpflags] & tcp-syn`.
fn is_field_word(text: &str) -> bool {
    matches!(text, "tcpflags" | "icmptype" | "icmpcode") || is_keyword(text)
}

/// pcap-filter(7), as of libpcap 1.8.
const KEYWORDS: &[&str] = &[
    "dst",
    "src",
    "host",
    "net",
    "mask",
    "port",
    "portrange",
    "proto",
    "protochain",
    "gateway",
    "ether",
    "link",
    "fddi",
    "tr",
    "wlan",
    "arp",
    "rarp",
    "ip",
    "ip6",
    "icmp",
    "icmp6",
    "tcp",
    "udp",
    "sctp",
    "igmp",
    "igrp",
    "pim",
    "vrrp",
    "carp",
    "ah",
    "esp",
    "atalk",
    "aarp",
    "iso",
    "clnp",
    "esis",
    "isis",
    "stp",
    "ipx",
    "netbeui",
    "decnet",
    "lat",
    "moprc",
    "mopdl",
    "and",
    "or",
    "not",
    "less",
    "greater",
    "len",
    "inbound",
    "outbound",
    "broadcast",
    "multicast",
    "vlan",
    "mpls",
    "pppoed",
    "pppoes",
    "geneve",
    "llc",
    "tcp-fin",
    "tcp-syn",
    "tcp-rst",
    "tcp-push",
    "tcp-ack",
    "tcp-urg",
    "icmp-echo",
    "icmp-echoreply",
    "icmp-unreach",
    "icmp-redirect",
    "icmp-timxceed",
    "tcpflags",
    "icmptype",
    "icmpcode",
];
