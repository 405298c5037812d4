//! What does the Info column of the Traffic Dump say of a packet? `SYN,ACK`, `A? example.org`, …
//!
//! Whatever the packet holds, the text is printable ASCII on one line.

use super::Packet;
use super::names::{Name, NameKind, Names, Reading, names};
use crate::pure::protocol::{ICMP, ICMP_6, TCP, UDP};

/// A few words on what the packet is about; empty when there is nothing to say.
pub fn info(packet: &Packet<'_>) -> String {
    if packet.is_later_fragment {
        return "fragment".to_string();
    }
    if let Some(layer) = packet.unread_layer {
        return format!("could not be read: {layer}");
    }
    match packet.protocol {
        _ if packet.ports_truncated => "cut".to_string(),
        TCP => flags(packet.tcp_flags),
        UDP => question(packet),
        ICMP => kind_text(packet, icmp),
        ICMP_6 => kind_text(packet, icmp6),
        _ => String::new(),
    }
}

/// The TCP flags in the order of the appliance: `SYN,ACK` and `PSH,ACK`.
fn flags(flags: u8) -> String {
    const WORDS: [(u8, &str); 8] =
        [(2, "SYN"), (1, "FIN"), (4, "RST"), (8, "PSH"), (16, "ACK"), (32, "URG"), (64, "ECE"), (128, "CWR")];
    let set: Vec<&str> = WORDS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, word)| *word).collect();
    set.join(",")
}

/// `A? example.org` for a query, `A example.org` for its answer.
fn question(packet: &Packet<'_>) -> String {
    let mut found = Names::default();
    let reading = names(packet, &mut found);
    match found.as_slice() {
        [Name { kind: NameKind::Dns { is_answer, query_type }, text, .. }, ..] => {
            let mark = if *is_answer { "" } else { "?" };
            let root = if text.as_str().is_empty() { "." } else { "" };
            format!("{}{mark} {text}{root}", query_word(*query_type))
        }
        _ if reading == Reading::Cut => "DNS, cut".to_string(),
        _ => String::new(),
    }
}

/// The record types people know by name; others as RFC 3597 writes them.
fn query_word(query_type: u16) -> String {
    let word = match query_type {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        43 => "DS",
        48 => "DNSKEY",
        64 => "SVCB",
        65 => "HTTPS",
        255 => "ANY",
        other => return format!("TYPE{other}"),
    };
    word.to_string()
}

/// Looks up type and code of an ICMP message.
fn kind_text(packet: &Packet<'_>, word: fn(u8, u8) -> Option<&'static str>) -> String {
    let [kind, code, ..] = *packet.payload else { return String::new() };
    match word(kind, code) {
        Some(word) => word.to_string(),
        None => format!("type {kind} code {code}"),
    }
}

/// IANA's names of ICMP types (RFC 792), shortened.
fn icmp(kind: u8, code: u8) -> Option<&'static str> {
    Some(match (kind, code) {
        (0, _) => "echo reply",
        (3, 0) => "net unreachable",
        (3, 1) => "host unreachable",
        (3, 2) => "protocol unreachable",
        (3, 3) => "port unreachable",
        (3, 4) => "fragmentation needed",
        (3, 9 | 10 | 13) => "administratively prohibited",
        (3, _) => "unreachable",
        (4, _) => "source quench",
        (5, _) => "redirect",
        (8, _) => "echo request",
        (9, _) => "router advertisement",
        (10, _) => "router solicitation",
        (11, _) => "time exceeded",
        (12, _) => "parameter problem",
        (13, _) => "timestamp request",
        (14, _) => "timestamp reply",
        _ => return None,
    })
}

/// IANA's names of ICMPv6 types (RFC 4443, 4861, 3810), shortened.
fn icmp6(kind: u8, code: u8) -> Option<&'static str> {
    Some(match (kind, code) {
        (1, 0) => "no route",
        (1, 1) => "administratively prohibited",
        (1, 3) => "address unreachable",
        (1, 4) => "port unreachable",
        (1, _) => "unreachable",
        (2, _) => "packet too big",
        (3, _) => "time exceeded",
        (4, _) => "parameter problem",
        (128, _) => "echo request",
        (129, _) => "echo reply",
        (130, _) => "listener query",
        (131 | 143, _) => "listener report",
        (132, _) => "listener done",
        (133, _) => "router solicitation",
        (134, _) => "router advertisement",
        (135, _) => "neighbor solicitation",
        (136, _) => "neighbor advertisement",
        (137, _) => "redirect",
        _ => return None,
    })
}
