//! Are the servers read that TLS and HTTP clients ask for, and is a name that was cut away told?

use crate::frames::{frame, ipv4, packet, tcp, udp};
use allclear::pure::packet::{Frame, NameKind, Names, Reading, Rest, names};
use proptest::prelude::*;

/// The handshake message of a ClientHello; `before` are extensions that stand before the server name.
pub fn client_hello(before: &[u8], server: &str) -> Vec<u8> {
    let length = |extra: usize| ((server.len() + extra) as u16).to_be_bytes();
    let sni = [&[0, 0][..], &length(5), &length(3), &[0], &length(0), server.as_bytes()].concat();
    hello_with(&[before, &sni].concat())
}

fn hello_with(extensions: &[u8]) -> Vec<u8> {
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[2, 1, 1],
        &[0, 2, 0x13, 1],
        &[1, 0],
        &(extensions.len() as u16).to_be_bytes(),
        extensions,
    ]
    .concat();
    [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat()
}

/// A message in records of so many bytes at most.
fn records(message: &[u8], bytes: usize) -> Vec<u8> {
    let record = |part: &[u8]| [&[0x16, 3, 1][..], &(part.len() as u16).to_be_bytes(), part].concat();
    message.chunks(bytes).map(record).collect::<Vec<_>>().concat()
}

fn hello(before: &[u8], server: &str) -> Vec<u8> {
    records(&client_hello(before, server), 16_384)
}

/// The names of a payload to port 80, each with the port beside it, and how far they could be read.
fn read(payload: &[u8]) -> (String, Reading) {
    let bytes = ipv4(6, &tcp(0x18, payload));
    read_frame(&frame(101, &bytes))
}

fn read_frame(frame: &Frame<'_>) -> (String, Reading) {
    let mut found = Names::default();
    let reading = names(&packet(frame, "a segment"), &mut found);
    let words = found.as_slice().iter().map(|name| {
        let kind = if name.kind == NameKind::Tls { "tls " } else { "" };
        let port = name.port.map(|port| format!("@{port}")).unwrap_or_default();
        format!("{kind}{}{port}", name.text)
    });
    (words.collect::<Vec<_>>().join(" "), reading)
}

/// Whether a name is to come in later segments.
fn is_partial(reading: Reading) -> bool {
    matches!(reading, Reading::Partial(Rest { has_more: true, .. }))
}

/// Whether no name is to come that can be told.
fn is_all_told(reading: Reading) -> bool {
    matches!(reading, Reading::Whole | Reading::Partial(Rest { has_more: false, .. }))
}

#[test]
fn server_names_of_tls_are_read() {
    let others = [0, 23, 0, 0, 0, 5, 0, 1, 9];
    let rows: [(&str, Vec<u8>, &str); 10] = [
        ("a ClientHello", hello(&[], "C2.example.org"), "tls c2.example.org"),
        ("after others", hello(&others, "x.org"), "tls x.org"),
        ("in two records", records(&client_hello(&others, "x.org"), 60), "tls x.org"),
        ("a byte in each record", records(&client_hello(&others, "x.org"), 1), "tls x.org"),
        ("another script", hello(&[], "b\u{fc}cher.de."), "tls xn--bcher-kva.de"),
        ("no server name", records(&hello_with(&others), 16_384), ""),
        ("no extensions", records(&hello_with(&[]), 16_384), ""),
        ("a name too long", hello(&[], &"a.".repeat(128)), ""),
        ("a ServerHello", [&[0x16, 3, 1, 0, 9, 2][..], &[0; 50]].concat(), ""),
        ("another record follows", [hello(&[], ""), vec![0x17, 3, 3, 0, 9]].concat(), ""),
    ];
    for (what, payload, expected) in rows {
        assert_eq!(read(&payload), (expected.to_string(), Reading::Whole), "{what}");
    }
}

#[test]
fn hosts_of_http_are_read() {
    let rows: [(&str, &str, &str); 42] = [
        ("a request", "GET / HTTP/1.1\r\nHost: Example.org:8080\r\n\r\n", "example.org@8080"),
        ("odd spelling", "POST /a HTTP/1.1\r\nA: b\r\nhOST:example.org.\r\n", "example.org"),
        ("another script", "GET / HTTP/1.1\r\nHost: b\u{fc}cher.de\r\n", "xn--bcher-kva.de"),
        ("an IPv6 address", "GET / HTTP/1.1\nHost: [2001:db8::1]:80\n\n", "[2001:db8::1]@80"),
        ("without a port", "GET / HTTP/1.1\nHost: [2001:db8::1]\n\n", "[2001:db8::1]"),
        ("control characters", "GET / HTTP/1.1\r\nHost: a\x1b[31m\r\n", "a?[31m"),
        ("Host in the body only", "POST / HTTP/1.0\r\n\r\nHost: example.org\r\n", ""),
        ("Host is empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", ""),
        ("of a proxy", "GET http://Evil.example/a?b HTTP/1.1\r\nHost: evil.example\r\n", "evil.example@80"),
        ("of a proxy, two", "GET http://a.example HTTP/1.1\r\nHost: b.example\r\n", "a.example@80 b.example"),
        ("its port", "GET https://me@evil.example:81/ HTTP/1.0\r\n\r\n", "evil.example@81"),
        ("its own port", "GET HTTPS://evil.example/ HTTP/1.0\r\n\r\n", "evil.example@443"),
        ("in a query", "GET /go?to=http://evil.example/ HTTP/1.0\r\n\r\n", ""),
        ("a tunnel", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n", "evil.example@443"),
        ("a tunnel by address", "CONNECT 192.0.2.1:22 HTTP/1.0\r\n\r\n", "192.0.2.1@22"),
        ("a rare method", "BREW / HTTP/1.1\r\nHost: example.org\r\n", "example.org"),
        (
            "two requests at once",
            "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\nGET /b HTTP/1.1\r\nHost: b.example\r\n\r\n",
            "a.example b.example",
        ),
        ("a blank before the colon", "GET / HTTP/1.1\r\nHost : evil.example\r\n", "evil.example"),
        ("folded", "GET / HTTP/1.1\r\nHost:\r\n evil.example\r\n", "evil.example"),
        ("folded, by another header", "GET / HTTP/1.1\r\nHost:\r\nA: evil.example\r\n\r\n", ""),
        ("another header is folded", "GET / HTTP/1.1\r\nHost:\r\nA: b\r\n c.example\r\n\r\n", ""),
        ("a line that is no header", "GET / HTTP/1.1\r\nHost:\r\nA\r\n c.example\r\n\r\n", ""),
        (
            "a Host twice",
            "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
            "a.example b.example",
        ),
        ("two blanks", "GET  http://evil.example/  HTTP/1.1\r\n\r\n", "evil.example@80"),
        (
            "behind many empty lines",
            "\r\n\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: evil.example\r\n",
            "evil.example",
        ),
        (
            "behind ends of lines of all kinds",
            "\n\r\r\nGET / HTTP/1.1\r\nHost: evil.example\r\n",
            "evil.example",
        ),
        ("behind empty lines", "\r\n\n\r\nGET / HTTP/1.1\r\nHost: evil.example\r\n", "evil.example"),
        (
            "behind a body",
            "POST / HTTP/1.1\r\nContent-Length : 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: b.example\r\n\r\n",
            "b.example",
        ),
        (
            "behind a body in pieces",
            "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: b.example\r\n\r\n",
            "b.example",
        ),
        (
            "behind a body in pieces of a packed one",
            "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: b.example\r\n\r\n",
            "b.example",
        ),
        (
            "behind a body that is in no pieces",
            "POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: b.example\r\n\r\n",
            "b.example",
        ),
        (
            "where pieces should be",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nGET / HTTP/1.1\r\nHost: b.example\r\n\r\n",
            "b.example",
        ),
        ("a body of odd length", "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nabc", ""),
        (
            "pieces of odd length",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc\r\n",
            "",
        ),
        ("a URL alone", "GET http://evil.example/\r\n", "evil.example@80"),
        (
            "behind what a proxy puts before",
            "PROXY TCP4 1.1.1.1 2.2.2.2 5 6\r\nGET / HTTP/1.0\r\nHost: x.org\r\n",
            "x.org",
        ),
        ("that alone", "PROXY TCP4 1.1.1.1 2.2.2.2 5 6\r\n", ""),
        ("an answer", "HTTP/1.1 200 OK\r\nHost: example.org\r\n\r\n", ""),
        ("mail", "MAIL FROM:<a@b.example>\r\n", ""),
        ("a request of HTTP/0.9", "GET /\r\n", ""),
        ("the GET of another protocol", "GET key\r\nHost: example.org\r\n", ""),
        ("anything else", "\x00\x01\x02", ""),
    ];
    for (what, payload, expected) in rows {
        let (told, reading) = read(payload.as_bytes());
        assert_eq!(told, expected, "{what}");
        assert!(is_all_told(reading), "{what}: {reading:?}");
    }
}

/// Of a head that goes on behind its Host the end is waited for, which promises no name.
#[test]
fn the_end_of_a_head_is_waited_for() {
    let rest = |from| Reading::Partial(Rest { from, told: 1, has_more: false });
    for (payload, from) in [
        ("GET / HTTP/1.1\r\nHost: x.org\r\nCookie: a", 0),
        ("\r\nGET / HTTP/1.1\r\nHost: x.org\r\n", 2),
        ("GET / HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\nHost: x.org\r\n", 18),
        ("PROXY UNKNOWN\r\nGET / HTTP/1.1\r\nHost: x.org\r\n", 15),
    ] {
        assert_eq!(read(payload.as_bytes()), ("x.org".to_owned(), rest(from)), "{payload}");
    }
}

/// The next request begins behind all of the body, wherever that ends.
#[test]
fn what_stands_in_a_body_is_none_and_behind_it_is_to_come() {
    for length in [35_usize, 36, 99, 1 << 30, usize::MAX] {
        let head = format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
        let payload = head.clone() + "GET / HTTP/1.1\r\nHost: b.example\r\n\r\n";
        let from = head.len().saturating_add(length);
        let is_to_come = (36..1 << 30).contains(&length);
        let rest = Reading::Partial(Rest { from, told: 0, has_more: false });
        let wanted = (String::new(), if is_to_come { rest } else { Reading::Whole });
        assert_eq!(read(payload.as_bytes()), wanted, "{length}");
    }
}

#[test]
fn what_stands_before_a_stream_is_passed_over_or_read() {
    let proxied = |between: &[u8]| {
        let length = (between.len() as u16).to_be_bytes();
        [b"\r\n\r\n\0\r\nQUIT\n\x21\x11", &length[..], between, &hello(&[], "x.org")].concat()
    };
    let line = [b"PROXY UNKNOWN\r\n".to_vec(), hello(&[], "x.org")].concat();
    let part = Reading::Partial(Rest { from: 0, told: 0, has_more: true });
    let rows: [(&str, Vec<u8>, &str); 15] = [
        ("a line of PROXY", line, "tls x.org"),
        ("a block of PROXY", proxied(&[7; 12]), "tls x.org"),
        ("an empty one", proxied(&[]), "tls x.org"),
        ("one that is cut", proxied(&[])[..14].to_vec(), ""),
        ("one longer than all", [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"[..], &[0; 9]].concat(), ""),
        ("SOCKS 5", b"\x05\x01\0\x03\x05x.org\x01\xbb".to_vec(), "x.org@443"),
        ("SOCKS 5 without its port", b"\x05\x01\0\x03\x05x.org\x01".to_vec(), "?"),
        ("SOCKS 5 to an address", b"\x05\x01\0\x01\x01\x02\x03\x04\x01\xbb".to_vec(), "1.2.3.4@443"),
        (
            "SOCKS 5 to one of IPv6",
            [b"\x05\x01\0\x04", &[0xfd, 0][..], &[0; 13], b"\x01\x01\xbb"].concat(),
            "fd00::1@443",
        ),
        ("SOCKS 5 behind a greeting", b"\x05\x02\0\x01\x05\x01\0\x03\x05x.org\x01\xbb".to_vec(), "x.org@443"),
        (
            "SOCKS 5 behind a password",
            b"\x05\x01\x02\x01\x02me\x01x\x05\x01\0\x03\x05x.org\x01\xbb".to_vec(),
            "x.org@443",
        ),
        ("SOCKS 5 with no name", b"\x05\x01\0\x03\x02\0\xff\x01\xbb".to_vec(), ""),
        ("SOCKS 4A", b"\x04\x01\x01\xbb\0\0\0\x01me\0x.org\0".to_vec(), "x.org@443"),
        ("SOCKS 4", b"\x04\x01\x01\xbb\x01\x02\x03\x04me\0x.org\0".to_vec(), "1.2.3.4@443"),
        ("SOCKS 4A without an end", b"\x04\x01\x01\xbb\0\0\0\x01me\0x.org".to_vec(), "?"),
    ];
    for (what, payload, expected) in rows {
        let reading = if expected == "?" { part } else { Reading::Whole };
        assert_eq!(read(&payload), (expected.replace('?', ""), reading), "{what}");
    }
}

/// A ClientHello of DTLS 1.2, or so much of it in its first piece.
fn dtls(server: &str, piece: usize) -> Vec<u8> {
    let hello = client_hello(&[0, 23, 0, 0], server);
    // Version and random, session id, and then the cookie.
    let body = [&hello[4..38], &hello[38..41], &[2, 9, 9], &hello[41..]].concat();
    let piece = piece.min(body.len());
    let length = |bytes: usize| (bytes as u16).to_be_bytes();
    let head =
        [&[1, 0][..], &length(body.len()), &[0, 0, 0, 0, 0, 0], &length(piece), &body[..piece]].concat();
    [&[0x16, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0][..], &length(head.len()), &head].concat()
}

#[test]
fn server_names_of_dtls_are_read() {
    let whole = ipv4(17, &udp(50_000, 4_711, &dtls("x.org", 9_999)));
    assert_eq!(read_frame(&frame(101, &whole)), ("tls x.org".to_string(), Reading::Whole));
    for length in 28 + 14..whole.len() {
        let frame = Frame { bytes: &whole[..length], ..frame(101, &whole) };
        let (told, reading) = read_frame(&frame);
        assert_eq!(reading == Reading::Cut, told.is_empty(), "cut after {length} bytes");
    }
    let piece = ipv4(17, &udp(50_000, 4_711, &dtls("x.org", 40)));
    assert_eq!(
        read_frame(&frame(101, &piece)),
        (String::new(), Reading::Cut),
        "its first piece, without the name"
    );
    let mut later = ipv4(17, &udp(50_000, 4_711, &dtls("x.org", 40)));
    later[28 + 13 + 8] = 40;
    assert_eq!(read_frame(&frame(101, &later)), (String::new(), Reading::Whole), "a later one");
}

#[test]
fn both_are_read_where_dns_is_expected() {
    for (payload, expected) in
        [(hello(&[], "x.org"), "tls x.org"), (b"GET / HTTP/1.1\r\nHost: x.org\r\n".to_vec(), "x.org")]
    {
        let mut segment = tcp(0x18, &payload);
        segment[2..4].copy_from_slice(&53_u16.to_be_bytes());
        assert_eq!(read_frame(&frame(101, &ipv4(6, &segment))).0, expected);
    }
}

fn examples() -> [(&'static str, Vec<u8>, usize); 7] {
    let request = b"GET / HTTP/1.1\r\nHost: x.org\r\n".to_vec();
    [
        ("TLS", hello(&[0, 23, 0, 0], "x.org"), 1),
        ("TLS in records", records(&client_hello(&[0, 23, 0, 0], "x.org"), 7), 1),
        ("HTTP", request.clone(), 1),
        ("a second request", [&b"GET / HTTP/1.0\r\n\r\n"[..], &request].concat(), 19),
        ("behind an empty line", [&b"\r\n"[..], &request].concat(), 3),
        ("a line of a proxy", b"PROXY UNKNOWN\r\n".to_vec(), 1),
        (
            "TLS behind a tunnel",
            [&b"CONNECT 192.0.2.1:443 HTTP/1.0\r\n\r\n"[..], &hello(&[0, 23, 0, 0], "x.org")].concat(),
            36,
        ),
    ]
}

#[test]
fn a_server_name_that_was_cut_away_is_told() {
    for (what, payload, from) in examples() {
        let whole = ipv4(6, &tcp(0x18, &payload));
        for length in from..payload.len() {
            let frame = Frame { bytes: &whole[..40 + length], ..frame(101, &whole) };
            assert_eq!(read_frame(&frame).1, Reading::Cut, "{what} cut after {length} bytes");
        }
    }
}

#[test]
fn a_name_that_goes_on_in_the_next_segment_is_told() {
    for (what, payload, from) in examples() {
        for length in from..=payload.len() {
            let (_, reading) = read(&payload[..length]);
            assert_eq!(is_partial(reading), length < payload.len(), "{what}, {length} bytes");
        }
    }
}

#[test]
fn lines_that_may_be_anything_are_not_waited_for() {
    for payload in ["BREW / HTT", "AAAA BBBB", "GETS", "\r\n", "GOT", "EHLO x", "HELLO"] {
        assert_eq!(read(payload.as_bytes()).1, Reading::Whole, "{payload}");
    }
}

/// Of what is read by what stands behind.
const BEGINNINGS: [&str; 9] = [
    "\x05\x01\0\x03",
    "\x04\x01\0\x50\0\0\0\x01",
    "PROXY ",
    "\r\n\r\n\0\r\nQUIT\n",
    "\r\nGET http://",
    "\x16\x03",
    "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
    "GET / HTTP/1.1\r\nHost:\r\n ",
];

proptest! {
    #[test]
    fn no_hello_does_harm(
        length in 0_usize..200,
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        bytes in 1_usize..50,
    ) {
        let mut payload = records(&client_hello(&[0, 23, 0, 0], "x.org"), bytes);
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        let (told, _) = read(&payload[..length.min(payload.len())]);
        prop_assert!(told.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{:?}", told);
    }

    #[test]
    fn no_datagram_does_harm(at in any::<proptest::sample::Index>(), byte in any::<u8>(), length in 0_usize..200) {
        let mut payload = dtls("x.org", 9_999);
        let at = at.index(payload.len());
        payload[at] = byte;
        let whole = ipv4(17, &udp(50_000, 4_711, &payload[..length.min(payload.len())]));
        let (told, _) = read_frame(&frame(101, &whole));
        prop_assert!(told.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{:?}", told);
    }

    #[test]
    fn no_stream_does_harm(
        begin in prop::sample::select(BEGINNINGS.to_vec()),
        rest in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'0')], 0..80),
        cut in 0_usize..80,
    ) {
        let payload = [begin.as_bytes(), &rest].concat();
        let length = payload.len().saturating_sub(cut);
        let segment = ipv4(6, &tcp(0x18, &payload));
        let datagram = ipv4(17, &udp(50_000, 4_711, &payload));
        for (whole, header) in [(&segment, 40), (&datagram, 28)] {
            let frame = Frame { bytes: &whole[..header + length], ..frame(101, whole) };
            let (told, _) = read_frame(&frame);
            prop_assert!(told.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{:?}", told);
        }
    }

    #[test]
    fn no_request_does_harm(line in "(GET|CONNECT|A) [ -~]{0,30}( HTTP/1.1)?\r?\n", rest in "(Host: ?)?[ -~é]{0,20}\r?\n?") {
        let (told, _) = read(format!("{line}{rest}").as_bytes());
        prop_assert!(told.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{:?}", told);
    }
}
