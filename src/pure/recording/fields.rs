//! What do the columns of one row of a text table say? Words in, a packet without its bytes out.
//!
//! `rows` cuts the text into words. A word that is not understood is named in the answer, never guessed:
//! without addresses there is no packet, without ports there is one whose ports are not known.

use super::services::{self, Protocol};
use crate::pure::protocol::{TCP, has_ports};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use std::net::IpAddr;

/// When a row says that its packet came.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stamp {
    TimeOfDay(Time),
    /// With its day, in the zone of the appliance.
    Local(DateTime),
    Instant(Timestamp),
    /// It cannot be read.
    Unknown,
}

/// What a row tells of.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    Packet(Told),
    /// An ARP packet; its sender, where it is told.
    Arp(Option<IpAddr>),
    /// Something else without IP.
    NotIp,
}

/// An IP packet as far as a table shows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub(super) protocol: u8,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) ports: Ports,
    /// As they stand in the header of TCP.
    pub(super) tcp_flags: u8,
    pub(super) question: Option<Question>,
}

/// Source and destination port of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ports {
    Told(u16, u16),
    /// The protocol has none.
    None,
    /// A later fragment has none.
    Fragment,
    /// They must be there and cannot be read.
    Unread,
}

/// A DNS question, or the question that an answer repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) name: String,
    pub(super) query_type: u16,
    pub(super) is_answer: bool,
}

/// The columns of a row behind its time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns<'a> {
    pub(super) protocol: &'a str,
    pub(super) source: &'a str,
    pub(super) source_port: &'a str,
    pub(super) destination: &'a str,
    pub(super) destination_port: &'a str,
    pub(super) info: String,
}

/// The time at the beginning of `words`, and how many of them it takes.
pub(super) fn stamp_at(words: &[&str]) -> Option<(Stamp, usize)> {
    let first = words.first()?;
    // A time of day begins with a figure; so most words of a page are done with here.
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !first.contains([':', '-']) {
        return None;
    }
    if let Some((time, used)) = time_of_words(words) {
        return Some((Stamp::TimeOfDay(time), used));
    }
    if let Ok(instant) = first.parse::<Timestamp>() {
        return Some((Stamp::Instant(instant), 1));
    }
    if first.contains('T') {
        return first.parse().ok().map(|local| (Stamp::Local(local), 1));
    }
    let day: Date = first.parse().ok()?;
    let (time, used) = time_of_words(words.get(1..)?)?;
    Some((Stamp::Local(DateTime::from_parts(day, time)), 1 + used))
}

/// A time of day, also one of half a day with AM or PM behind it, and how many words it takes.
fn time_of_words(words: &[&str]) -> Option<(Time, usize)> {
    let time = time_of_day(words.first()?)?;
    let half = words.get(1).and_then(|half| time_of_half(time, half));
    Some(half.map_or((time, 1), |time| (time, 2)))
}

/// Noon is 12 PM and midnight 12 AM.
fn time_of_half(time: Time, half: &str) -> Option<Time> {
    let begin = match half {
        "AM" | "am" => 0,
        "PM" | "pm" => 12,
        _ => return None,
    };
    let hour = (1..=12).contains(&time.hour()).then(|| begin + time.hour() % 12)?;
    time.with().hour(hour).build().ok()
}

/// `08:02:03.871137`, with at least its seconds.
fn time_of_day(word: &str) -> Option<Time> {
    let is_time = |byte: u8| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b',');
    let has_all = word.matches(':').count() == 2 && word.bytes().all(is_time);
    // An hour of one figure gets its zero.
    let padded = if word.find(':') == Some(1) { format!("0{word}") } else { word.to_owned() };
    if has_all { padded.parse().ok() } else { None }
}

/// The columns of a row without separators, in which an empty cell leaves no trace.
pub(super) fn columns<'a>(words: &[&'a str]) -> Columns<'a> {
    let at = |place: usize| words.get(place).copied();
    let has_source_port = at(2).is_some_and(|word| address(word).is_err());
    let place = if has_source_port { 3 } else { 2 };
    let is_port =
        |word: &str| is_nothing(word) || services::port(word).is_some() || has_source_port && !is_info(word);
    let destination_port = at(place + 1).filter(|word| is_port(word));
    let behind = place + 1 + usize::from(destination_port.is_some());
    Columns {
        protocol: at(0).unwrap_or_default(),
        source: at(1).unwrap_or_default(),
        source_port: if has_source_port { words[2] } else { "" },
        destination: at(place).unwrap_or_default(),
        destination_port: destination_port.unwrap_or_default(),
        info: words.get(behind..).unwrap_or_default().join(" "),
    }
}

/// Whether a row of these words has all its columns but the last, which may be empty.
pub(super) fn has_all_columns(words: &[&str]) -> bool {
    let columns = columns(words);
    match services::protocol(columns.protocol) {
        Some(Protocol::Ip(number)) if has_ports(number) && !columns.source_port.is_empty() => {
            !columns.destination_port.is_empty()
        }
        _ => !columns.destination.is_empty(),
    }
}

/// What a row means, and what could not be read of it though it is a packet.
pub(super) fn meaning(columns: &Columns<'_>) -> Result<(What, Option<String>), String> {
    match services::protocol(columns.protocol) {
        None if columns.protocol.is_empty() => Err("it ends after its time".to_owned()),
        None => Err(format!("'{}' is no protocol that is known", shown(columns.protocol))),
        Some(Protocol::NotIp) => Ok((What::NotIp, None)),
        Some(Protocol::Arp) => Ok((What::Arp(address(columns.source).ok()), None)),
        Some(Protocol::Ip(number)) => packet(number, columns).map(|(told, note)| (What::Packet(told), note)),
    }
}

fn packet(protocol: u8, columns: &Columns<'_>) -> Result<(Told, Option<String>), String> {
    let end =
        |word: &str, name| if word.is_empty() { Err(format!("it has no {name}")) } else { address(word) };
    let (source, destination) = (end(columns.source, "source")?, end(columns.destination, "destination")?);
    if source.is_ipv4() != destination.is_ipv4() {
        return Err(format!("{source} and {destination} are of different kinds"));
    }
    let (ports, note) = ports(protocol, columns);
    let is_dns = matches!(ports, Ports::Told(53, _) | Ports::Told(_, 53));
    let is_answer = matches!(ports, Ports::Told(53, _));
    let question = if is_dns { question(&columns.info, is_answer) } else { None };
    let tcp_flags = if protocol == TCP { flags(&columns.info) } else { 0 };
    Ok((Told { protocol, source, destination, ports, tcp_flags, question }, note))
}

fn ports(protocol: u8, columns: &Columns<'_>) -> (Ports, Option<String>) {
    if !has_ports(protocol) {
        return (Ports::None, None);
    }
    if columns.info.eq_ignore_ascii_case("fragment") {
        return (Ports::Fragment, None);
    }
    let (source, destination) = (columns.source_port, columns.destination_port);
    match (services::port(source), services::port(destination)) {
        (Some(source), Some(destination)) => (Ports::Told(source, destination), None),
        (None, _) if !is_nothing(source) => (Ports::Unread, Some(no_port(source))),
        (_, None) if !is_nothing(destination) => (Ports::Unread, Some(no_port(destination))),
        _ => (Ports::Unread, Some("it shows no ports".to_owned())),
    }
}

fn no_port(word: &str) -> String {
    format!("'{}' is no port that is known", shown(word))
}

/// What people put into a cell that holds nothing.
fn is_nothing(word: &str) -> bool {
    matches!(word, "" | "-" | "--" | "*" | "?" | "N/A" | "n/a" | "any")
}

/// An address, perhaps in brackets or with a zone behind it.
pub(super) fn address(word: &str) -> Result<IpAddr, String> {
    let bare = word.trim_start_matches('[').trim_end_matches(']');
    let bare = bare.split_once('%').map_or(bare, |(address, _)| address);
    bare.parse()
        .map_err(|_| format!("'{}' is no address: let the appliance show addresses, not names", shown(word)))
}

/// A word as it may be shown in a message: short, and without control characters.
pub(super) fn shown(word: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 40;
    word.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect()
}

/// The bits of the header of TCP, by the words of the appliance.
const FLAGS: [(&str, u8); 10] = [
    ("FIN", 1),
    ("SYN", 2),
    ("RST", 4),
    ("RESET", 4),
    ("PSH", 8),
    ("PUSH", 8),
    ("ACK", 16),
    ("URG", 32),
    ("ECE", 64),
    ("CWR", 128),
];

fn flag(word: &str) -> Option<u8> {
    FLAGS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, bit)| *bit)
}

/// The flags that stand in a text, `SYN,ACK` or `SYN ACK`.
fn flags(info: &str) -> u8 {
    info.split([',', ' ', '/', '|', '[', ']']).filter_map(flag).fold(0, |flags, bit| flags | bit)
}

/// Whether a word can only be one of the last column: flags, or the type of a question.
pub(super) fn is_info(word: &str) -> bool {
    let mut parts = word.split([',', '/', '|']).filter(|part| !part.is_empty()).peekable();
    let is_question = word.strip_suffix('?').is_some_and(|stem| query_type(stem).is_some());
    is_question || parts.peek().is_some() && parts.all(|part| flag(part).is_some())
}

/// Types of DNS records by name; others are written `TYPE65` (RFC 3597).
const QUERY_TYPES: [(&str, u16); 15] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("NAPTR", 35),
    ("DS", 43),
    ("DNSKEY", 48),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("ANY", 255),
];

fn query_type(word: &str) -> Option<u16> {
    let known = QUERY_TYPES.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
    known.or_else(|| word.strip_prefix("TYPE")?.parse().ok())
}

/// `A? evil.example`, also among other words; an answer may leave the mark out: `A evil.example`.
fn question(info: &str, is_answer: bool) -> Option<Question> {
    let words: Vec<&str> = info.split_whitespace().collect();
    let pairs = words.iter().zip(words.iter().skip(1));
    let mut asked = pairs.filter_map(|(word, name)| {
        let query_type = query_type(word.trim_end_matches('?'))?;
        let name = name.trim_end_matches([',', ';']);
        let is_name = word.ends_with('?') || name.contains('.') && address(name).is_err();
        is_name.then(|| Question { name: name.to_owned(), query_type, is_answer })
    });
    asked.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Addresses, ports, flags and name of a row of words, or why there are none; then the note.
    fn read(row: &str) -> (String, Option<String>) {
        let words: Vec<&str> = row.split_whitespace().collect();
        match meaning(&columns(&words)) {
            Err(why) => (why, None),
            Ok((What::Packet(told), note)) => {
                let Told { protocol, source, destination, ports, tcp_flags, question } = told;
                let name = question
                    .map(|asked| format!(" {}{}", asked.name, if asked.is_answer { "" } else { "?" }));
                let name = name.unwrap_or_default();
                (format!("{protocol} {source} {destination} {ports:?} {tcp_flags}{name}"), note)
            }
            Ok((what, note)) => (format!("{what:?}"), note),
        }
    }

    #[test]
    fn rows_mean_packets() {
        let rows = [
            ("TCP 10.0.0.1 1025 192.0.2.9 80 SYN,ACK", "6 10.0.0.1 192.0.2.9 Told(1025, 80) 18"),
            ("TCP 10.0.0.1 1025 192.0.2.9 http PSH ACK", "6 10.0.0.1 192.0.2.9 Told(1025, 80) 24"),
            ("tcp 10.0.0.1 1025 192.0.2.9 80", "6 10.0.0.1 192.0.2.9 Told(1025, 80) 0"),
            ("UDP fd00::1 1025 [2001:db8::9] 123 v4", "17 fd00::1 2001:db8::9 Told(1025, 123) 0"),
            (
                "UDP 10.0.0.1 1 192.0.2.9 53 A? evil.example",
                "17 10.0.0.1 192.0.2.9 Told(1, 53) 0 evil.example?",
            ),
            ("UDP 10.0.0.1 1 192.0.2.9 53 77+ AAAA? a.b. (30)", "17 10.0.0.1 192.0.2.9 Told(1, 53) 0 a.b.?"),
            (
                "UDP 192.0.2.9 53 10.0.0.1 1 A evil.example",
                "17 192.0.2.9 10.0.0.1 Told(53, 1) 0 evil.example",
            ),
            ("UDP 192.0.2.9 53 10.0.0.1 1 77 1/0/0 A 192.0.2.1", "17 192.0.2.9 10.0.0.1 Told(53, 1) 0"),
            ("UDP 10.0.0.1 1 192.0.2.9 99 A? evil.example", "17 10.0.0.1 192.0.2.9 Told(1, 99) 0"),
            ("ICMP 10.0.0.1 192.0.2.9 echo request", "1 10.0.0.1 192.0.2.9 None 0"),
            ("ICMP 10.0.0.1 - 192.0.2.9 - echo request", "1 10.0.0.1 192.0.2.9 None 0"),
            ("47 10.0.0.1 192.0.2.9", "47 10.0.0.1 192.0.2.9 None 0"),
            ("UDP 10.0.0.1 192.0.2.9 fragment", "17 10.0.0.1 192.0.2.9 Fragment 0"),
            ("ARP 10.0.0.1 10.0.0.2 who-has", "Arp(Some(10.0.0.1))"),
            ("STP 02:00:00:00:00:01 01:80:c2:00:00:00", "NotIp"),
        ];
        for (row, wanted) in rows {
            assert_eq!(read(row), (wanted.to_owned(), None), "{row}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let rows = [
            ("TCP 10.0.0.1 1025 192.0.2.9 nosuch ACK", "Unread", "'nosuch' is no port"),
            ("TCP 10.0.0.1 99999 192.0.2.9 80 ACK", "Unread", "'99999' is no port"),
            ("TCP 10.0.0.1 192.0.2.9 ACK", "Unread", "it shows no ports"),
            ("TCP lab-7.example 1025 192.0.2.9 80 ACK", "'lab-7.example' is no address", ""),
            ("TCP 10.0.0.1 1025 www.example 80 ACK", "'www.example' is no address", ""),
            ("TCP 10.0.0.1 1025 2001:db8::1 80 ACK", "different kinds", ""),
            ("up 3 days", "'up' is no protocol", ""),
            ("TCP 10.0.0.1", "no destination", ""),
            ("TCP", "no source", ""),
            ("", "ends after its time", ""),
        ];
        for (row, wanted, note) in rows {
            let (read, told) = read(row);
            assert!(read.contains(wanted) && told.unwrap_or_default().contains(note), "{row}: {read}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_their_day() {
        let rows = [
            ("08:02:03.871137 TCP", Some(("08:02:03.871137", 1))),
            ("8:02:03 TCP", Some(("08:02:03", 1))),
            ("08:02:03 AM TCP", Some(("08:02:03", 2))),
            ("08:02:03.5 PM TCP", Some(("20:02:03.5", 2))),
            ("12:00:00 AM TCP", Some(("00:00:00", 2))),
            ("12:00:00 pm TCP", Some(("12:00:00", 2))),
            ("13:00:00 PM TCP", Some(("13:00:00", 1))),
            ("08:02:03 -0500 TCP", Some(("08:02:03", 1))),
            ("2015-04-29 8:02:03 PM TCP", Some(("2015-04-29T20:02:03", 3))),
            ("24:00:00 TCP", None),
            ("08:02 TCP", None),
            ("2015-04-29 08:02:03.8 TCP", Some(("2015-04-29T08:02:03.8", 2))),
            ("2015-04-29T08:02:03.8 TCP", Some(("2015-04-29T08:02:03.8", 1))),
            ("2015-04-29T08:02:03.8Z TCP", Some(("2015-04-29T08:02:03.8Z", 1))),
            ("2015-04-29 TCP", None),
            ("02:00:00:00:00:01", None),
            ("TCP", None),
            ("", None),
        ];
        for (text, wanted) in rows {
            let words: Vec<&str> = text.split_whitespace().collect();
            let read = stamp_at(&words).map(|(stamp, used)| match stamp {
                Stamp::TimeOfDay(time) => (time.to_string(), used),
                Stamp::Local(local) => (local.to_string(), used),
                Stamp::Instant(instant) => (instant.to_string(), used),
                Stamp::Unknown => ("unknown".to_owned(), used),
            });
            let wanted = wanted.map(|(text, used)| (text.to_owned(), used));
            assert_eq!(read, wanted, "{text}");
        }
    }
}
