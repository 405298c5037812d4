//! Are DNS questions and aliases read, at whatever port, and is a name that was cut away told?

use crate::frames::{frame, ipv4, ipv6, packet, plain, tcp, udp};
use allclear::pure::packet::{Frame, NameKind, Names, Packet, Reading, info, names};
use proptest::prelude::*;

/// A DNS message with one question.
fn dns(flags: u8, labels: &[u8], query_type: u16) -> Vec<u8> {
    let header = [0, 1, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    [&header[..], labels, &query_type.to_be_bytes(), &[0, 1]].concat()
}

/// The answer to a question for A of www.example.org, with records.
fn answer(records: &[Vec<u8>]) -> Vec<u8> {
    let mut message = dns(0x81, EXAMPLE, 1);
    message[7] = records.len() as u8;
    [message, records.concat()].concat()
}

/// A record of a kind, owned by the name of the question.
fn record(kind: u16, data: &[u8]) -> Vec<u8> {
    [&[0xc0, 12][..], &kind.to_be_bytes(), &[0, 1, 0, 0, 0, 9], &(data.len() as u16).to_be_bytes(), data]
        .concat()
}

const EXAMPLE: &[u8] = b"\x03WWW\x07Example\x03org\0";
const ADDRESS: &[u8] = &[192, 0, 2, 1];
const CNAME: u16 = 5;

fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    let framed = messages.iter().map(|message| [&(message.len() as u16).to_be_bytes()[..], message].concat());
    framed.collect::<Vec<_>>().concat()
}

fn segment(destination: u16, payload: &[u8]) -> Vec<u8> {
    let mut segment = tcp(0x18, payload);
    segment[2..4].copy_from_slice(&destination.to_be_bytes());
    ipv4(6, &segment)
}

/// The names of a packet, and how far they could be read.
fn read(packet: &Packet<'_>) -> (String, Reading) {
    let mut found = Names::default();
    let reading = names(packet, &mut found);
    let words = found.as_slice().iter().map(|name| match name.kind {
        NameKind::Dns { is_answer: false, query_type } => format!("{}?{query_type}", name.text),
        NameKind::Dns { is_answer: true, query_type } => format!("{}={query_type}", name.text),
        other => panic!("{other:?}"),
    });
    (words.collect::<Vec<_>>().join(" "), reading)
}

fn read_bytes(bytes: &[u8], what: &str) -> (String, Reading) {
    read(&packet(&frame(101, bytes), what))
}

#[test]
fn dns_questions_are_read() {
    let long = b"\x3f123456789012345678901234567890123456789012345678901234567890123".repeat(4);
    let two = [dns(1, EXAMPLE, 1), b"\x01a\x02bc\0\0\x1c\0\x01".to_vec()].concat();
    let two = [&two[..5], &[2], &two[6..]].concat();
    let rows: [(&str, Vec<u8>, &str); 14] = [
        ("a query", dns(1, EXAMPLE, 1), "www.example.org?1"),
        ("an answer", dns(0x81, EXAMPLE, 28), "www.example.org=28"),
        ("two questions", two, "www.example.org?1 a.bc?28"),
        ("the root", dns(1, b"\0", 2), "?2"),
        ("bytes that stand in no name", dns(1, b"\x05a.b\n\xff\x02ok\0", 1), "a?b??.ok?1"),
        ("another script", dns(1, "\x07b\u{fc}cher\x02De\0".as_bytes(), 1), "xn--bcher-kva.de?1"),
        ("in capitals", dns(1, "\x07B\u{dc}CHER\x02De\0".as_bytes(), 1), "xn--bcher-kva.de?1"),
        ("another script's full stop", dns(1, "\x05a\u{3002}b\x02de\0".as_bytes(), 1), "a???b.de?1"),
        ("a pointer in circles", dns(1, &[0xc0, 12], 1), ""),
        ("a name too long", dns(1, &[&long[..], b"\0"].concat(), 1), ""),
        ("an unknown kind of label", dns(1, b"\x80abc\0", 1), ""),
        ("no question", [0; 12].to_vec(), ""),
        ("an operation there is not", dns(0x38, EXAMPLE, 1), ""),
        ("too short", vec![0; 11], ""),
    ];
    for (what, message, expected) in rows {
        let told = read_bytes(&ipv4(17, &udp(1000, 53, &message)), what);
        assert_eq!(told, (expected.to_string(), Reading::Whole), "{what}");
    }
}

#[test]
fn aliases_in_an_answer_are_read() {
    let evil = b"\x04evil\x07example\0";
    let chain = [record(CNAME, b"\x01x\xc0\x0c"), record(CNAME, evil), record(1, ADDRESS)];
    let rows = [
        ("an address", vec![record(1, ADDRESS)], ""),
        ("an alias", vec![record(CNAME, evil)], " evil.example=1"),
        ("a chain, compressed", chain.to_vec(), " x.www.example.org=1 evil.example=1"),
        ("of all that lies below", vec![record(39, evil)], " evil.example=1"),
        ("of a service", vec![record(65, &[&[0, 0][..], evil].concat())], " evil.example=1"),
        ("of a service, itself", vec![record(65, &[0, 1, 0])], ""),
        ("a pointer in circles", vec![record(CNAME, &[0xc0, 41])], ""),
        ("another kind with a name", vec![record(2, evil)], ""),
    ];
    for (what, records, expected) in rows {
        let told = read_bytes(&ipv4(17, &udp(53, 1000, &answer(&records))), what);
        assert_eq!(told, (format!("www.example.org=1{expected}"), Reading::Whole), "{what}");
    }
    let mut query = answer(&[record(CNAME, evil)]);
    query[2] = 1;
    assert_eq!(read_bytes(&ipv4(17, &udp(1000, 53, &query)), "a query").0, "www.example.org?1");
    let mut transfer = answer(&[record(CNAME, evil)]);
    let query_type = 12 + EXAMPLE.len() + 1;
    transfer[query_type] = 252;
    assert_eq!(read_bytes(&ipv4(17, &udp(53, 1000, &transfer)), "a transfer").0, "www.example.org=252");
}

#[test]
fn at_other_ports_only_what_is_dns_throughout_is_read() {
    let query = dns(1, EXAMPLE, 1);
    let edns = [&query[..11], &[1], &query[12..], b"\0\0\x29\x04\xd0\0\0\0\0\0\0"].concat();
    let odd = |at: usize, byte: u8| [&query[..at], &[byte], &query[at + 1..]].concat();
    let rows = [
        ("a query", query.clone(), "www.example.org?1"),
        ("with EDNS", edns, "www.example.org?1"),
        ("an answer", answer(&[record(CNAME, b"\x01x\0"), record(1, ADDRESS)]), "www.example.org=1 x=1"),
        ("a byte too much", [&query[..], &[0]].concat(), ""),
        ("a byte too few", query[..query.len() - 1].to_vec(), ""),
        ("two questions", odd(5, 2), ""),
        ("an answer in a query", odd(7, 1), ""),
        ("another operation", odd(2, 0x10), ""),
        ("a reserved bit", odd(3, 0x40), ""),
        ("an unknown class", odd(query.len() - 1, 9), ""),
        ("what is no host name", dns(1, b"\x02a \0", 1), ""),
    ];
    for (what, message, expected) in rows {
        let told = read_bytes(&ipv4(17, &udp(1000, 4711, &message)), what);
        assert_eq!(told, (expected.to_string(), Reading::Whole), "{what}");
        let told = read_bytes(&segment(4711, &framed(&[message])), what);
        assert_eq!(told, (expected.to_string(), Reading::Whole), "{what}, over TCP");
    }
    for (port, expected) in [(5353, "www.example.org?1"), (5355, "www.example.org?1"), (137, "")] {
        let told = read_bytes(&ipv4(17, &udp(1000, port, &query)), "a port").0;
        assert_eq!(told, expected, "{port}");
    }
}

/// What a frame that holds only so many of its bytes tells.
fn cut(whole: &[u8], length: usize) -> Reading {
    let frame = Frame { bytes: &whole[..length], ..frame(101, whole) };
    read(&packet(&frame, "cut")).1
}

#[test]
fn a_name_that_was_cut_away_is_told() {
    let query = dns(1, EXAMPLE, 1);
    // The class is not needed.
    let asked = 28 + query.len() - 2;
    let answered = answer(&[record(1, ADDRESS), record(1, ADDRESS)]);
    let header = 28 + 12;
    let rows = [
        ("a query", ipv4(17, &udp(1000, 53, &query)), 28, asked),
        ("an answer", ipv4(17, &udp(53, 1000, &answered)), 28, 28 + answered.len()),
        ("a query elsewhere", ipv4(17, &udp(1000, 4711, &query)), header, asked + 2),
    ];
    for (what, whole, from, until) in rows {
        for length in from..=whole.len() {
            assert_eq!(cut(&whole, length) == Reading::Cut, length < until, "{what}, {length} bytes");
        }
    }
    let other = ipv4(17, &udp(1000, 4711, &[7; 40]));
    (28..other.len()).for_each(|length| assert_eq!(cut(&other, length), Reading::Whole));
}

#[test]
fn a_question_beyond_the_first_fragment_is_told() {
    let fragment = |message: &[u8], kept: usize, source: u16, destination: u16| {
        let mut bytes = ipv4(17, &udp(source, destination, message)[..8 + kept]);
        bytes[6] = 0x20;
        read_bytes(&bytes, "a fragment").1
    };
    let query = dns(1, EXAMPLE, 1);
    assert_eq!(fragment(&query, 16, 1000, 53), Reading::Cut, "in the question");
    assert_eq!(fragment(&query, 16, 1000, 4711), Reading::Cut, "in the question, at another port");
    assert_eq!(fragment(&[7; 40], 16, 1000, 4711), Reading::Whole, "something else");
    let long = answer(&vec![record(1, ADDRESS); 90]);
    assert_eq!(fragment(&long, 1024, 53, 1000), Reading::Whole, "a large answer, as there are many");
}

#[test]
fn dns_over_tcp_is_read_message_by_message() {
    let (one, other) = (dns(1, EXAMPLE, 1), dns(1, b"\x01a\x02bc\0", 28));
    let both = framed(&[one.clone(), other.clone()]);
    let first = one.len() + 2;
    let rest = |from, told, has_more| Reading::Partial(allclear::pure::packet::Rest { from, told, has_more });
    let rows = [
        ("both", both.len(), "www.example.org?1 a.bc?28", Reading::Whole),
        ("a byte too few", both.len() - 1, "www.example.org?1 a.bc?28", rest(first, 1, false)),
        ("half of the other", first + 16, "www.example.org?1", rest(first, 0, true)),
        ("a byte of the other", first + 1, "www.example.org?1", rest(first, 0, true)),
        ("one", first, "www.example.org?1", Reading::Whole),
        ("all but the class of one", first - 2, "www.example.org?1", rest(0, 1, false)),
        ("not all that is asked", first - 3, "", rest(0, 0, true)),
    ];
    for (what, length, expected, reading) in rows {
        let told = read_bytes(&segment(53, &both[..length]), what);
        assert_eq!(told, (expected.to_string(), reading), "{what}");
    }
    let long = answer(&[record(1, ADDRESS), record(CNAME, b"\x01x\0")]);
    let told = read_bytes(&segment(53, &framed(&[long])[..50]), "an answer");
    assert_eq!(told, ("www.example.org=1".to_string(), rest(0, 1, true)), "an alias may be to come");
}

#[test]
fn a_packet_full_of_names_is_bounded_and_told() {
    let many = |count| segment(53, &framed(&vec![dns(1, b"\x01a\0", 1); count]));
    let most = allclear::pure::packet::NAMES_MAX;
    assert_eq!(read_bytes(&many(most), "as many as are kept").1, Reading::Whole);
    assert_eq!(read_bytes(&many(most + 1), "one more").1, Reading::Cut);
    let questions =
        [&[0, 1, 1, 0, 1, 44, 0, 0, 0, 0, 0, 0][..], &b"\x01a\0\0\x01\0\x01".repeat(300)].concat();
    assert_eq!(read_bytes(&ipv4(17, &udp(1000, 53, &questions)), "300 questions").1, Reading::Cut);
}

#[test]
fn info_says_what_the_appliance_says() {
    let icmp = |kind, code| ipv4(1, &[kind, code, 0, 0, 0, 0, 0, 0]);
    let rows = [
        ("SYN", ipv4(6, &tcp(2, b"")), "SYN"),
        ("SYN,ACK", ipv4(6, &tcp(0x12, b"")), "SYN,ACK"),
        ("PSH,ACK", ipv4(6, &tcp(0x18, b"x")), "PSH,ACK"),
        ("FIN,ACK", ipv4(6, &tcp(0x11, b"")), "FIN,ACK"),
        ("RST", ipv4(6, &tcp(4, b"")), "RST"),
        ("a query", ipv4(17, &udp(1000, 53, &dns(1, EXAMPLE, 1))), "A? www.example.org"),
        ("an answer", ipv4(17, &udp(53, 1000, &dns(0x81, EXAMPLE, 28))), "AAAA www.example.org"),
        ("the root", ipv4(17, &udp(1000, 53, &dns(1, b"\0", 2))), "NS? ."),
        ("a rare type", ipv4(17, &udp(1000, 53, &dns(1, EXAMPLE, 4711))), "TYPE4711? www.example.org"),
        ("hostile bytes", ipv4(17, &udp(1000, 53, &dns(1, b"\x05\x1b[31m\0", 1))), "A? ?[31m"),
        ("a ping", icmp(8, 0), "echo request"),
        ("unreachable", icmp(3, 3), "port unreachable"),
        ("a type without name", icmp(99, 7), "type 99 code 7"),
        ("a neighbour", ipv6(58, &[135, 0, 0, 0]), "neighbor solicitation"),
        ("UDP", plain(), ""),
    ];
    for (what, bytes, expected) in rows {
        assert_eq!(info(&packet(&frame(101, &bytes), what)), expected, "{what}");
    }
}

proptest! {
    #[test]
    fn no_message_does_harm(
        mut message in proptest::collection::vec(any::<u8>(), 0..300),
        counts in (0_u8..4, 0_u8..4),
        port in prop_oneof![Just(53_u16), Just(5353), Just(4711)],
        is_tcp in any::<bool>(),
    ) {
        if let Some(header) = message.get_mut(..12) {
            header[2] &= 0x80;
            header[4..].copy_from_slice(&[0, counts.0, 0, counts.1, 0, 0, 0, 0]);
        }
        let bytes = if is_tcp { segment(port, &framed(&[message])) } else { ipv4(17, &udp(1000, port, &message)) };
        let (told, _) = read_bytes(&bytes, "any message");
        prop_assert!(told.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{:?}", told);
    }
}
