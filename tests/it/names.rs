//! Are DNS questions and the servers of TLS and HTTP read, and is a name that was cut away told?

use crate::frames::{frame, ipv4, ipv6, packet, plain, tcp, udp};
use allclear::pure::packet::{Frame, NameKind, NameRead, info, name};

/// A DNS message with one question.
fn dns(flags: u8, labels: &[u8], query_type: u16) -> Vec<u8> {
    let header = [0, 1, flags, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    [&header[..], labels, &query_type.to_be_bytes(), &[0, 1]].concat()
}

const EXAMPLE: &[u8] = b"\x03WWW\x07Example\x03org\0";

/// The name in a UDP payload on port 53.
fn asked(message: &[u8]) -> Option<(String, bool, u16)> {
    let bytes = ipv4(17, &udp(1000, 53, message));
    match name(&packet(&frame(101, &bytes), "DNS"))? {
        NameRead::Name(name) => match name.kind {
            NameKind::Dns { is_answer, query_type } => Some((name.text.to_string(), is_answer, query_type)),
            other => panic!("{other:?}"),
        },
        read => panic!("nothing was cut: {read:?}"),
    }
}

#[test]
fn dns_questions_are_read() {
    let long = b"\x3f123456789012345678901234567890123456789012345678901234567890123".repeat(4);
    let pointer_to_itself = [0xc0, 12];
    type Asked<'a> = Option<(&'a str, bool, u16)>;
    let rows: [(&str, Vec<u8>, Asked<'_>); 10] = [
        ("a query", dns(1, EXAMPLE, 1), Some(("www.example.org", false, 1))),
        ("an answer", dns(0x81, EXAMPLE, 28), Some(("www.example.org", true, 28))),
        ("the root", dns(1, b"\0", 2), Some(("", false, 2))),
        ("bytes that stand in no name", dns(1, b"\x05a.b\n\xff\x02ok\0", 1), Some(("a?b??.ok", false, 1))),
        ("a pointer in circles", dns(1, &pointer_to_itself, 1), None),
        ("a name too long", dns(1, &[&long[..], b"\0"].concat(), 1), None),
        ("an unknown kind of label", dns(1, b"\x80abc\0", 1), None),
        ("no question", [0; 12].to_vec(), None),
        ("an operation there is not", dns(0x38, EXAMPLE, 1), None),
        ("too short", vec![0; 11], None),
    ];
    for (what, message, expected) in rows {
        let expected = expected.map(|(name, is_answer, kind)| (name.to_string(), is_answer, kind));
        assert_eq!(asked(&message), expected, "{what}");
    }
}

#[test]
fn a_name_that_was_cut_away_is_told() {
    let message = dns(1, EXAMPLE, 1);
    let whole = ipv4(17, &udp(1000, 53, &message));
    let end = whole.len() - 2; // the class is not needed
    for cut in 28..whole.len() {
        let frame = Frame { bytes: &whole[..cut], ..frame(101, &whole) };
        let read = name(&packet(&frame, "DNS"));
        assert_eq!(read == Some(NameRead::Cut), cut < end, "cut at byte {cut}: {read:?}");
    }
}

#[test]
fn dns_over_tcp_is_read() {
    let message = dns(1, EXAMPLE, 1);
    let framed = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    let mut segment = tcp(0x18, &framed);
    segment[2..4].copy_from_slice(&53_u16.to_be_bytes());
    let bytes = ipv4(6, &segment);
    let Some(NameRead::Name(name)) = name(&packet(&frame(101, &bytes), "DNS")) else { panic!("no name") };
    assert_eq!(name.text.as_str(), "www.example.org");
}

/// A ClientHello; `before` are extensions that stand before the server name.
fn client_hello(before: &[u8], server: &str) -> Vec<u8> {
    let length = |extra: usize| ((server.len() + extra) as u16).to_be_bytes();
    let sni = [&[0, 0][..], &length(5), &length(3), &[0], &length(0), server.as_bytes()].concat();
    let extensions = [before, &sni].concat();
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[2, 1, 1],
        &[0, 2, 0x13, 1],
        &[1, 0],
        &(extensions.len() as u16).to_be_bytes(),
        &extensions,
    ]
    .concat();
    let handshake = [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat();
    [&[0x16, 3, 1][..], &(handshake.len() as u16).to_be_bytes(), &handshake].concat()
}

#[test]
fn servers_of_tls_and_http_are_read() {
    type Named<'a> = Option<(NameKind, &'a str)>;
    let rows: [(&str, Vec<u8>, Named<'_>); 12] = [
        ("a ClientHello", client_hello(&[], "C2.example.org"), Some((NameKind::Tls, "c2.example.org"))),
        (
            "after others",
            client_hello(&[0, 23, 0, 0, 0, 5, 0, 1, 9], "x.org"),
            Some((NameKind::Tls, "x.org")),
        ),
        ("a ServerHello", [&[0x16, 3, 1, 0, 9, 2][..], &[0; 50]].concat(), None),
        (
            "a request",
            b"GET / HTTP/1.1\r\nHost: Example.org:8080\r\n\r\n".to_vec(),
            Some((NameKind::Http, "example.org")),
        ),
        (
            "odd spelling",
            b"POST /a HTTP/1.1\r\nA: b\r\nhOST:example.org.\r\n".to_vec(),
            Some((NameKind::Http, "example.org")),
        ),
        (
            "a host by address",
            b"GET / HTTP/1.1\nHost: [2001:db8::1]:80\n\n".to_vec(),
            Some((NameKind::Http, "[2001:db8::1]")),
        ),
        (
            "control characters",
            b"GET / HTTP/1.1\r\nHost: a\x1b[31m\r\n".to_vec(),
            Some((NameKind::Http, "a?[31m")),
        ),
        ("Host in the body only", b"POST / HTTP/1.0\r\n\r\nHost: example.org\r\n".to_vec(), None),
        ("Host is empty", b"GET / HTTP/1.1\r\nHost:\r\n\r\n".to_vec(), None),
        (
            "Host without end",
            b"GET / HTTP/1.1\r\nHost: exam".to_vec(),
            Some((NameKind::Http, "to be continued")),
        ),
        ("an answer", b"HTTP/1.1 200 OK\r\nHost: example.org\r\n\r\n".to_vec(), None),
        ("anything else", b"\x00\x01\x02".to_vec(), None),
    ];
    for (what, payload, expected) in rows {
        let bytes = ipv4(6, &tcp(0x18, &payload));
        let found = match name(&packet(&frame(101, &bytes), what)) {
            Some(NameRead::Name(name)) => Some((name.kind, name.text.to_string())),
            Some(NameRead::Cut) => panic!("{what}: nothing was cut"),
            Some(NameRead::Partial) => Some((NameKind::Http, "to be continued".to_string())),
            None => None,
        };
        assert_eq!(found, expected.map(|(kind, name)| (kind, name.to_string())), "{what}");
    }
}

#[test]
fn a_server_name_that_was_cut_away_is_told() {
    let rows = [("TLS", client_hello(&[], "x.org")), ("HTTP", b"GET / HTTP/1.1\r\nHost: x.org\r\n".to_vec())];
    for (what, payload) in rows {
        let whole = ipv4(6, &tcp(0x18, &payload));
        for cut in 46..whole.len() {
            let frame = Frame { bytes: &whole[..cut], ..frame(101, &whole) };
            assert_eq!(name(&packet(&frame, what)), Some(NameRead::Cut), "{what} cut at byte {cut}");
        }
    }
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

/// What the segment that carries the first `length` bytes tells.
fn begun(destination: u16, payload: &[u8], length: usize) -> Option<NameRead> {
    let mut segment = tcp(0x18, &payload[..length]);
    segment[2..4].copy_from_slice(&destination.to_be_bytes());
    name(&packet(&frame(101, &ipv4(6, &segment)), "a segment"))
}

#[test]
fn a_name_that_goes_on_in_the_next_segment_is_told() {
    let message = dns(1, EXAMPLE, 1);
    let framed = [&(message.len() as u16).to_be_bytes()[..], &message].concat();
    let asked = framed.len() - 2; // the class is not needed
    let hello = client_hello(&[0, 23, 0, 0], "x.org");
    let request = b"GET / HTTP/1.1\r\nHost: x.org\r\n".to_vec();
    let rows = [
        ("TLS", 443, &hello, 1, hello.len()),
        ("HTTP", 80, &request, 4, request.len()),
        ("DNS over TCP", 53, &framed, 1, asked),
    ];
    for (what, port, payload, from, until) in rows {
        for length in from..=payload.len() {
            let read = begun(port, payload, length);
            assert_eq!(read == Some(NameRead::Partial), length < until, "{what}, {length} bytes: {read:?}");
        }
    }
}

#[test]
fn what_ends_without_a_name_is_not_waited_for() {
    let mut bare = client_hello(&[], "");
    bare.truncate(5 + 4 + 2 + 32 + 3 + 4 + 2);
    let length = bare.len() as u8 - 9;
    bare[4] = length + 4;
    bare[8] = length;
    let rows: [(&str, Vec<u8>); 4] = [
        ("a hello without extensions", bare),
        ("a request without Host", b"GET / HTTP/1.0\r\nAccept: a\r\n\r\n".to_vec()),
        ("a request of HTTP/0.9", b"GET /\r\n".to_vec()),
        ("the GET of another protocol", b"GET key\r\n".to_vec()),
    ];
    for (what, payload) in rows {
        assert_eq!(begun(80, &payload, payload.len()), None, "{what}");
    }
}
