//! Tests of `heads`: no name is lost that a stream carries, however it is cut, mixed up or repeated, and what is kept
//! is bounded.

use super::super::pieces::PIECES_BYTES_MAX;
use super::super::streams::{STREAMS_BYTES_MAX, STREAMS_MAX};
use super::*;
use crate::pure::packet::{Decoded, Frame, decode};
use proptest::prelude::*;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";

/// A segment from a port of 10.0.0.1, its sequence number counted from just below the overflow.
fn segment(port: u16, sequence: usize, payload: &[u8]) -> Vec<u8> {
    flagged(port, sequence, payload, 0x18)
}

/// What opens a stream whose first segment is at 0.
fn syn(port: u16) -> Vec<u8> {
    flagged(port, usize::MAX, &[], SYN)
}

fn flagged(port: u16, sequence: usize, payload: &[u8], flags: u8) -> Vec<u8> {
    let length = (40 + payload.len() as u16).to_be_bytes();
    let header = [0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 192, 0, 2, 9];
    let sequence = 0xffff_fffc_u32.wrapping_add(sequence as u32).to_be_bytes();
    let tcp = [&[0, 80][..], &sequence, &[0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]].concat();
    [&header[..], &port.to_be_bytes(), &tcp, payload].concat()
}

/// The names read of packets, `-` for none and `cut`, and how many streams stay unread.
fn read(packets: &[Vec<u8>]) -> (String, u64) {
    let mut heads = Heads::default();
    let told = told(&mut heads, packets);
    (told.join(" "), heads.unread())
}

fn told(heads: &mut Heads, packets: &[Vec<u8>]) -> Vec<String> {
    let mut names = Names::default();
    let tell = |bytes: &Vec<u8>| {
        let wire_length = u32::from(u16::from_be_bytes([bytes[2], bytes[3]]));
        let frame = Frame { time_ns: 0, bytes, wire_length, link_type: 101 };
        let Decoded::Packet(packet) = decode(&frame) else { panic!("no packet") };
        let is_cut = heads.read(&packet, &mut names);
        let names = names.as_slice().iter().map(|name| name.text.as_str());
        let words: Vec<&str> = names.chain(is_cut.then_some("cut")).collect();
        if words.is_empty() { "-".to_owned() } else { words.join("+") }
    };
    packets.iter().map(tell).collect()
}

#[test]
fn other_bytes_at_the_same_place_hide_no_name() {
    const DECOY: &[u8] = b"GET / HTTP/1.1\r\nHost: good.example\r\n\r\n";
    const SHORT: &[u8] = b"HEAD / HTTP/1.1\r\n\r\n";
    let end = REQUEST.len();
    let real = |from: usize, to: usize| segment(1, from, &REQUEST[from..to]);
    let decoy = |from: usize, to: usize| segment(1, from, &DECOY[from..to]);
    let short = segment(1, 0, SHORT);
    let rows = [
        ("sent again", vec![real(0, 20), real(0, 20), real(20, end)], "- - evil.example", 0),
        ("again, and more", vec![real(0, 20), real(0, end)], "- evil.example", 0),
        ("again after the end", vec![real(0, 20), real(20, end), real(0, 20)], "- evil.example -", 0),
        ("kept alive", vec![real(0, 20), real(20, end), segment(1, end - 1, b"\0")], "- evil.example -", 0),
        ("a whole one between", vec![real(0, 20), short.clone(), real(20, end)], "- - evil.example", 1),
        (
            "one that begins alike",
            vec![real(0, 20), decoy(0, end), real(20, end)],
            "- good.example evil.example",
            1,
        ),
        (
            "for the second",
            vec![real(0, 20), decoy(20, end), real(20, end)],
            "- good.example evil.example",
            1,
        ),
        (
            "behind the second",
            vec![real(0, 20), real(20, end), decoy(20, end)],
            "- evil.example good.example",
            1,
        ),
        (
            "early, behind a SYN",
            vec![syn(1), decoy(20, end), real(20, end), real(0, 20)],
            "- - - good.example",
            1,
        ),
    ];
    for (row, packets, names, unread) in rows {
        assert_eq!(read(&packets), (names.to_owned(), unread), "{row}");
    }
}

#[test]
fn two_versions_of_a_stream_count_once_and_no_number_that_is_used_again() {
    let end = REQUEST.len();
    let whole = vec![segment(1, 0, &REQUEST[..20]), segment(1, 20, &REQUEST[20..])];
    let other = |from: usize| segment(1, from, b"other bytes");
    let past = |from: usize| segment(1, from, b"data");
    let rows = [
        ("one version", vec![], 0),
        ("two", vec![other(0)], 1),
        ("three", vec![other(0), other(1)], 1),
        ("behind it", vec![other(end)], 0),
        ("its place again, 4 GiB later", vec![past(1 << 30), other(0)], 0),
        ("and before that", vec![past((1 << 30) - 1), other(0)], 1),
        ("what was sent long ago", vec![past((1 << 32) - 100), other(0)], 1),
    ];
    for (row, more, wanted) in rows {
        let mut heads = Heads::default();
        told(&mut heads, &[whole.clone(), more].concat());
        assert_eq!((heads.conflicting(), heads.unread()), (wanted, wanted), "{row}");
    }
}

/// A part of the request.
fn part(from: usize, to: usize) -> Vec<u8> {
    segment(1, from, &REQUEST[from..to])
}

/// Of the request from there on, what the capture length left.
fn cut(from: usize, to: usize) -> Vec<u8> {
    part(from, REQUEST.len())[..40 + to - from].to_vec()
}

/// A name, packets, the names that are read of them, and how many streams stay unread.
type Row<'a> = (&'a str, Vec<Vec<u8>>, (&'a str, u64));

fn check<const N: usize>(rows: [Row<'_>; N]) {
    for (row, packets, (names, unread)) in rows {
        assert_eq!(read(&packets), (names.to_owned(), unread), "{row}");
    }
}

#[test]
fn a_name_is_read_across_segments() {
    let end = REQUEST.len();
    let (first, second) = (part(0, 20), part(20, end));
    let letters = || (0..end).map(|at| part(at, at + 1));
    let told_late = format!("{}evil.example{}", "- ".repeat(35), " -".repeat(end - 36));
    check([
        ("its first letters", vec![part(0, 3), part(3, end)], ("- evil.example", 0)),
        ("a letter each", letters().collect(), (&told_late, 0)),
        (
            "a letter each after a SYN",
            [vec![syn(1)], letters().collect()].concat(),
            (&format!("- {told_late}"), 0),
        ),
        ("first letters that go on otherwise", vec![part(0, 2), segment(1, 2, b"ORGE\r\n")], ("- -", 0)),
        ("first letters alone", vec![part(0, 3)], ("-", 0)),
        ("letters, one after the other", vec![part(0, 1), part(1, 2)], ("- -", 0)),
        ("two segments", vec![first.clone(), second.clone()], ("- evil.example", 0)),
        ("three", vec![first.clone(), part(20, 30), part(30, end)], ("- - evil.example", 0)),
        ("a SYN and the whole", vec![syn(1), part(0, end)], ("- evil.example", 0)),
        ("a SYN alone", vec![syn(1)], ("-", 0)),
    ]);
}

#[test]
fn what_is_sent_again_or_beside_it_hides_no_name() {
    let end = REQUEST.len();
    let (first, second) = (part(0, 20), part(20, end));
    let of_another = |from: usize, to: usize| segment(2, from, &REQUEST[from..to]);
    check([
        ("overlapping", vec![first.clone(), part(10, 30), part(25, end)], ("- - evil.example", 0)),
        (
            "each copied by a mirror",
            vec![first.clone(), first.clone(), second.clone(), second.clone()],
            ("- - evil.example -", 0),
        ),
        (
            "the first sent again when both arrived",
            vec![first.clone(), second.clone(), first.clone()],
            ("- evil.example -", 0),
        ),
        ("sent again as a whole", vec![first.clone(), part(0, end)], ("- evil.example", 0)),
        (
            "another connection of the same ports",
            vec![first.clone(), syn(1), first.clone(), second.clone()],
            ("- - - evil.example", 0),
        ),
        (
            "two streams",
            vec![first.clone(), of_another(0, 20), of_another(20, end), second.clone()],
            ("- - evil.example evil.example", 0),
        ),
        (
            "a second request",
            vec![part(0, end), segment(1, end, &REQUEST[..20]), segment(1, end + 20, &REQUEST[20..])],
            ("evil.example - evil.example", 0),
        ),
        (
            "a letter sent again behind the end, and a second one",
            vec![part(0, 20), part(20, end), segment(1, 5, &REQUEST[5..6]), segment(1, end, REQUEST)],
            ("- evil.example - evil.example", 0),
        ),
    ]);
}

#[test]
fn a_name_is_read_in_any_order_behind_what_opens_its_stream() {
    let end = REQUEST.len();
    let (first, second) = (part(0, 20), part(20, end));
    check([
        (
            "the last before the second",
            vec![first.clone(), part(30, end), part(20, 30)],
            ("- - evil.example", 0),
        ),
        ("the wrong way round", vec![second.clone(), first.clone()], ("- -", 1)),
        (
            "the wrong way round after a SYN",
            vec![syn(1), second.clone(), first.clone()],
            ("- - evil.example", 0),
        ),
        (
            "all the wrong way round",
            vec![syn(1), part(30, end), part(20, 30), first.clone()],
            ("- - - evil.example", 0),
        ),
        ("a SYN sent again", vec![syn(1), second.clone(), syn(1), first.clone()], ("- - - evil.example", 0)),
        (
            "beyond what is kept before the first",
            vec![syn(1), segment(1, PIECES_BYTES_MAX, b"data")],
            ("- -", 0),
        ),
        (
            "of no name, the wrong way round",
            vec![syn(1), segment(1, 6, b"world"), segment(1, 0, b"hello ")],
            ("- - -", 0),
        ),
        (
            "an empty line and first letters behind the rest",
            vec![syn(1), segment(1, 5, &REQUEST[3..]), segment(1, 0, b"\r\nGET")],
            ("- - evil.example", 0),
        ),
        (
            "a letter that others begin with, before the first",
            vec![syn(1), part(2, 3), part(3, end), part(0, 2)],
            ("- - - evil.example", 0),
        ),
        (
            "the end of a second request before the first one",
            vec![syn(1), segment(1, end + 20, &REQUEST[20..]), part(0, end), segment(1, end, &REQUEST[..20])],
            ("- - evil.example -", 1),
        ),
    ]);
}

#[test]
fn a_name_of_which_a_part_is_missing_counts_as_unread() {
    let end = REQUEST.len();
    let (first, second) = (part(0, 20), part(20, end));
    let of_another = |from: usize, to: usize| segment(2, from, &REQUEST[from..to]);
    check([
        ("first letters alone behind a SYN", vec![syn(1), part(0, 3)], ("- -", 1)),
        ("a method and a blank", vec![part(0, 3), part(3, 4)], ("- -", 1)),
        ("the second is missing", vec![first.clone()], ("-", 1)),
        ("one between is missing", vec![first.clone(), part(30, end)], ("- -", 1)),
        ("without a first segment", vec![syn(1), second.clone()], ("- -", 1)),
        ("without a first, in two", vec![syn(1), part(30, end), part(20, 30)], ("- - -", 1)),
        (
            "a first message is missing, and the second one goes on",
            vec![syn(1), segment(1, 99, &REQUEST[..20]), segment(1, 119, &REQUEST[20..])],
            ("- - evil.example", 1),
        ),
        (
            "the beginning of it is missing",
            vec![
                syn(1),
                segment(1, 90, b"x: y\r\n\r\n"),
                segment(1, 99, &REQUEST[..20]),
                segment(1, 119, &REQUEST[20..]),
            ],
            ("- - - evil.example", 1),
        ),
        (
            "without a first segment, and then another connection",
            vec![syn(1), second.clone(), flagged(1, 1_000, &[], SYN)],
            ("- - -", 1),
        ),
        ("of another stream", vec![first.clone(), of_another(20, end)], ("- -", 1)),
        (
            "a whole one behind a gap",
            vec![first.clone(), segment(1, 99, REQUEST), segment(1, 99, REQUEST)],
            ("- evil.example evil.example", 1),
        ),
        (
            "first letters, and a whole one behind a gap",
            vec![segment(1, 0, b"G"), segment(1, 99, REQUEST)],
            ("- evil.example", 0),
        ),
        (
            "first letters, and one in two behind a gap",
            vec![segment(1, 0, b"G"), segment(1, 99, &REQUEST[..20]), segment(1, 119, &REQUEST[20..])],
            ("- - evil.example", 0),
        ),
    ]);
}

#[test]
fn a_name_that_the_capture_cut_or_that_is_too_long_is_told_as_cut() {
    let end = REQUEST.len();
    check([
        (
            "longer than the limit",
            vec![segment(1, 0, b"GET / HTTP/1.1\r\n"), segment(1, 16, &[b'a'; PIECES_BYTES_MAX])],
            ("- cut", 0),
        ),
        (
            "longer than the limit, with a name in front",
            vec![segment(1, 0, b"GET http://a/ HTTP/1.1\r\n"), segment(1, 24, &[b'a'; PIECES_BYTES_MAX])],
            ("a cut", 0),
        ),
        ("a first segment that was cut", vec![syn(1), cut(0, 20)], ("- cut", 0)),
        (
            "a first segment that was cut, behind another",
            vec![syn(1), part(30, end), cut(0, 20)],
            ("- - cut", 0),
        ),
        ("a second segment that was cut", vec![syn(1), part(0, 20), cut(20, 26)], ("- - cut", 0)),
        (
            "first letters, and one that was cut behind a gap",
            vec![segment(1, 0, b"G"), segment(1, 99, REQUEST)[..66].to_vec()],
            ("- cut", 0),
        ),
        ("another that was cut, behind a gap", vec![syn(1), part(0, 20), cut(26, 30)], ("- - -", 1)),
    ]);
}

#[test]
fn only_streams_that_bear_a_name_count_as_begun() {
    const HTTP_2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let end = REQUEST.len();
    let two = |at: usize| vec![segment(1, 0, &REQUEST[..at]), segment(1, at, &REQUEST[at..])];
    let typed = |text: &str| -> Vec<Vec<u8>> {
        text.bytes().enumerate().map(|(at, letter)| segment(1, at, &[letter])).collect()
    };
    // How many began, how many stay unread.
    let rows = [
        ("a request in two", two(20), (1, 0)),
        ("a request in two, behind a SYN", [vec![syn(1)], two(2)].concat(), (1, 0)),
        ("in two within its first letters", two(2), (0, 0)),
        (
            "in its first letters, and then again",
            [two(2)[0].clone(), segment(1, 2, &REQUEST[2..20])].to_vec(),
            (1, 1),
        ),
        ("somebody types", typed("SPGEPOST"), (0, 0)),
        ("somebody types behind a SYN", [vec![syn(1)], typed("SPGE")].concat(), (0, 0)),
        ("a word of another protocol", vec![syn(1), segment(1, 0, b"S"), segment(1, 1, b"TAT\r\n")], (0, 0)),
        ("sent again as a whole", vec![syn(1), segment(1, 0, b"S"), segment(1, 0, b"STAT\r\n")], (0, 0)),
        (
            "a request without a host",
            vec![segment(1, 0, b"GET / HTTP/1.0\r\n"), segment(1, 16, b"\r\n")],
            (0, 0),
        ),
        ("its end is missing", vec![segment(1, 0, &REQUEST[..end - 20])], (1, 1)),
        ("HTTP/2 without TLS", vec![segment(1, 0, HTTP_2)], (1, 1)),
        ("in two", vec![segment(1, 0, &HTTP_2[..9]), segment(1, 9, &HTTP_2[9..])], (1, 1)),
        (
            "in two behind a SYN",
            vec![syn(1), segment(1, 0, &HTTP_2[..2]), segment(1, 2, &HTTP_2[2..])],
            (1, 1),
        ),
        ("another word", vec![syn(1), segment(1, 0, b"PRINT * 1\r\n")], (0, 0)),
    ];
    for (row, packets, wanted) in rows {
        let mut heads = Heads::default();
        told(&mut heads, &packets);
        assert_eq!((heads.begun(), heads.unread()), wanted, "{row}");
    }
}

#[test]
fn every_form_is_read_wherever_it_is_cut_in_two() {
    let forms: [(&str, &[u8]); 11] = [
        ("plain", REQUEST),
        (
            "behind a body",
            b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nabcdeGET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        ),
        ("a blank before the colon", b"GET / HTTP/1.1\r\nHost : evil.example\r\n\r\n"),
        ("folded", b"GET / HTTP/1.1\r\nHost:\r\n evil.example\r\n\r\n"),
        ("behind an empty line", b"\r\nGET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
        ("behind many", b"\r\n\n\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
        ("a URL", b"GET  http://evil.example/ HTTP/1.0\r\n\r\n"),
        ("a URL alone", b"GET http://evil.example/\r\n"),
        ("a tunnel", b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n"),
        ("behind a request", b"GET /a HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
        (
            "behind a line of PROXY",
            b"PROXY TCP4 1.1.1.1 2.2.2.2 5 6\r\nGET / HTTP/1.1\r\nHost: evil.example\r\n",
        ),
    ];
    for (form, sent) in forms {
        for cut in 1..sent.len() {
            for first in [None, Some(syn(1))] {
                let parts = [segment(1, 0, &sent[..cut]), segment(1, cut, &sent[cut..])];
                let packets: Vec<Vec<u8>> = first.into_iter().chain(parts).collect();
                let (names, unread) = read(&packets);
                assert_eq!(
                    (names.matches("evil.example").count(), unread),
                    (1, 0),
                    "{form}, cut at {cut}: {names}"
                );
            }
        }
    }
}

#[test]
fn a_request_is_read_behind_a_body_that_goes_on() {
    const POST: &[u8] = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 12\r\n\r\n";
    let sent = [POST, b"abcdefghijkl", POST, b"abcdefghijkl", REQUEST].concat();
    let (body, second) = (POST.len(), POST.len() + 12);
    let (middle, third) = (second + 20, second + POST.len() + 12);
    let part = |from: usize, to: usize| segment(1, from, &sent[from..to]);
    let end = sent.len();
    let rows = [
        (
            "the body in segments of its own",
            vec![part(0, body), part(body, body + 5), part(body + 5, second), part(second, end)],
            "a.example - - a.example+evil.example",
        ),
        (
            "each with the end of the body before",
            vec![part(0, body + 2), part(body + 2, second + 9), part(second + 9, end)],
            "a.example - a.example+evil.example",
        ),
        (
            "two bodies that go on",
            vec![part(0, body + 2), part(body + 2, third - 3), part(third - 3, end)],
            "a.example a.example evil.example",
        ),
        (
            "a part of the body is missing",
            vec![part(0, body), part(second - 2, third - 9), part(third - 1, end)],
            "a.example a.example evil.example",
        ),
        (
            "the wrong way round",
            vec![part(0, body), part(second - 2, third), part(body, second - 2), part(third, end)],
            "a.example a.example - evil.example",
        ),
        (
            "a letter in the body",
            vec![
                part(0, body),
                part(body, body + 3),
                segment(1, body + 3, b"P"),
                part(body + 4, third),
                part(third, end),
            ],
            "a.example - - a.example evil.example",
        ),
        (
            "the body before its head, behind a SYN",
            vec![syn(1), part(body, second), part(0, body), part(second, middle), part(middle, end)],
            "- - a.example - a.example+evil.example",
        ),
        (
            "what the body should be is a request",
            vec![part(0, body), segment(1, body, REQUEST)],
            "a.example evil.example",
        ),
    ];
    check(rows.map(|(row, packets, names)| (row, packets, (names, 0))));
}

#[test]
fn a_request_is_read_behind_a_head_that_goes_on() {
    const LONG: &[u8] = b"GET / HTTP/1.1\r\nHost: a.example\r\nCookie: abcdef\r\n\r\n";
    let sent = [LONG, REQUEST].concat();
    for cut in 1..sent.len() {
        let parts = [segment(1, 0, &sent[..cut]), segment(1, cut, &sent[cut..])];
        let (names, unread) = read(&parts);
        let told = ["a.example", "evil.example"].map(|name| names.matches(name).count());
        assert_eq!((told, unread), ([1, 1], 0), "cut at {cut}: {names}");
    }
    let [head, end] = [LONG.len() - 6, LONG.len()];
    let part = |from: usize, to: usize| segment(1, from, &sent[from..to]);
    let rows = [
        ("its end is missing", vec![part(0, head)], "a.example"),
        (
            "its end is missing, and another follows",
            vec![part(0, head), part(end, sent.len())],
            "a.example evil.example",
        ),
        ("behind a gap", vec![part(0, head), segment(1, 200, &LONG[..head])], "a.example a.example"),
        (
            "sent again while another is waited for",
            vec![
                part(0, head),
                part(head, end),
                part(end, end + 20),
                part(0, head),
                part(end + 20, sent.len()),
            ],
            "a.example - - a.example evil.example",
        ),
        (
            "sent again",
            vec![part(0, head), part(0, head), part(head, sent.len())],
            "a.example a.example evil.example",
        ),
        (
            "the rest in two",
            vec![part(0, head), part(head, end + 9), part(end + 9, sent.len())],
            "a.example - evil.example",
        ),
        (
            "longer than the limit, and another follows",
            vec![
                part(0, head),
                segment(1, head, &[b'a'; PIECES_BYTES_MAX]),
                segment(1, head + PIECES_BYTES_MAX, REQUEST),
            ],
            "a.example - evil.example",
        ),
    ];
    check(rows.map(|(row, packets, names)| (row, packets, (names, 0))));
}

#[test]
fn what_promises_little_is_waited_for_behind_a_syn() {
    let forms: [(&str, Vec<u8>); 6] = [
        ("a question at a port of another", question(b"evil")),
        ("SOCKS 5", b"\x05\x01\0\x03\x04evil\x01\xbb".to_vec()),
        ("behind a greeting", b"\x05\x01\0\x05\x01\0\x03\x04evil\x01\xbb".to_vec()),
        ("behind a password", b"\x05\x01\x02\x01\x02me\x01x\x05\x01\0\x03\x04evil\x01\xbb".to_vec()),
        ("SOCKS 4A", b"\x04\x01\x01\xbb\0\0\0\x01me\0evil\0".to_vec()),
        ("SOCKS 4A, without a user", b"\x04\x01\x01\xbb\0\0\0\x01\0evil\0".to_vec()),
    ];
    for (form, sent) in forms {
        for cut in 1..sent.len() {
            let (names, unread) = read(&[syn(1), segment(1, 0, &sent[..cut]), segment(1, cut, &sent[cut..])]);
            assert_eq!((names.as_str(), unread), ("- - evil", 0), "{form}, cut at {cut}");
        }
        let letters = (0..sent.len()).map(|at| segment(1, at, &sent[at..=at]));
        let (names, unread) = read(&[vec![syn(1)], letters.collect()].concat());
        assert_eq!((names.matches("evil").count(), unread), (1, 0), "{form}, a byte each: {names}");
        let (_, unread) = read(&[syn(1), segment(1, 0, &sent[..sent.len() - 1])]);
        assert_eq!(unread, 1, "{form}, without its end");
    }
    for sign_of_life in [b"\0", b"\x05", b"\x04"] {
        let (names, _) = read(&[segment(1, 0, sign_of_life), segment(1, 1, REQUEST)]);
        assert_eq!(names, "- evil.example", "{sign_of_life:?}");
    }
    for other in [&b"\0\x2d\0\0\xff"[..], b"\x05\x01\0\x07", b"\x04\x03\0\0"] {
        assert_eq!(read(&[syn(1), segment(1, 0, other)]), ("- -".to_owned(), 0), "{other:?}");
    }
}

/// A query for a name of one label, over TCP.
fn question(label: &[u8]) -> Vec<u8> {
    let header = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let message = [&header[..], &[label.len() as u8], label, &[0, 0, 1, 0, 1]].concat();
    [&(message.len() as u16).to_be_bytes()[..], &message].concat()
}

#[test]
fn messages_over_several_segments_are_each_told_once() {
    let sent = [question(b"one"), question(b"other"), question(b"third")].concat();
    for one in 1..sent.len() {
        for other in one..sent.len() {
            let at = |from: usize, to: usize| segment(53, from, &sent[from..to]);
            let parts = [at(0, one), at(one, other), at(other, sent.len())];
            let parts = parts.into_iter().filter(|part| part.len() > 40).collect::<Vec<_>>();
            let mut heads = Heads::default();
            let told = told(&mut heads, &parts).join("+").replace("-+", "").replace("+-", "");
            assert_eq!(told, "one+other+third", "{one} {other}");
            assert_eq!(heads.unread(), 0, "{one} {other}");
        }
    }
}

#[test]
fn streams_beyond_the_limit_are_counted_and_not_kept() {
    let most = 3 * STREAMS_MAX as u16;
    let begun: Vec<Vec<u8>> = (1_000..1_000 + most).map(|port| segment(port, 0, &REQUEST[..20])).collect();
    let mut heads = Heads::default();
    told(&mut heads, &begun);
    assert_eq!((heads.begun(), heads.unread()), (most.into(), most.into()));
    assert!(heads.streams.unread() > heads.streams.values().count() as u64);
}

#[test]
fn what_is_kept_of_streams_is_bounded_however_often_they_come_back() {
    let mut heads = Heads::default();
    let streams = 1_000..5_000_u16;
    // One byte at the end of what is kept holds the place of all before it.
    let last = |port| segment(port, PIECES_BYTES_MAX - 1, b"x");
    for from in streams.clone().step_by(100) {
        let new = (from..from + 100).flat_map(|port| [syn(port), last(port)]);
        told(&mut heads, &new.chain((1_000..from).map(last)).collect::<Vec<_>>());
        let (kept, bytes) =
            heads.streams.values().fold((0, 0), |(kept, bytes), head| (kept + 1, bytes + head.bytes()));
        assert!(kept <= 2 * STREAMS_MAX, "{kept} streams");
        assert!(bytes <= STREAMS_BYTES_MAX + 4 * PIECES_BYTES_MAX, "{bytes} bytes");
    }
    assert_eq!((heads.begun(), heads.unread()), (streams.len() as u64, streams.len() as u64));
}

#[test]
fn a_flood_of_connections_makes_no_name_forgotten() {
    let flood = (1_000..1_000 + 3 * STREAMS_MAX as u16).map(syn);
    let packets = [vec![segment(1, 0, &REQUEST[..20])], flood.collect()].concat();
    let mut heads = Heads::default();
    told(&mut heads, &packets);
    assert_eq!(told(&mut heads, &[segment(1, 20, &REQUEST[20..])]), ["evil.example"]);
    assert_eq!(heads.unread(), 0);
}

proptest! {
    #[test]
    fn segments_in_any_order_do_no_harm_and_are_accounted_for(
        parts in proptest::collection::vec((1_u16..4, 0_usize..60, 1_usize..40, any::<bool>()), 1..60),
    ) {
        let sent = [REQUEST, &question(b"one"), REQUEST].concat();
        let part = |&(port, from, length, is_syn): &(u16, usize, usize, bool)| match is_syn {
            true => syn(port),
            false => segment(port, from, &sent[from..(from + length).min(sent.len())]),
        };
        let mut heads = Heads::default();
        told(&mut heads, &parts.iter().map(part).collect::<Vec<_>>());
        prop_assert!(heads.unread() <= heads.begun());
    }

    /// The promise: behind a SYN no name is lost without a count, whatever comes early, late, twice or cut.
    #[test]
    fn every_name_that_is_sent_is_read_or_counted(
        has_url in any::<bool>(),
        at in proptest::collection::btree_set(1_usize..76, 0..6),
        order in proptest::collection::vec((any::<u8>(), any::<u8>(), 1_usize..60), 14),
    ) {
        let url = b"GET http://good.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n";
        let sent: &[u8] = if has_url { url } else { REQUEST };
        let at: Vec<usize> = at.into_iter().filter(|at| *at < sent.len()).collect();
        let ends = at.iter().copied().chain([sent.len()]);
        let segments = [0].into_iter().chain(at.iter().copied()).zip(ends);
        // Each comes once at least, some twice; a third of them is cut, but not of all of it: `Hearing` counts those.
        let twice = segments.clone().chain(segments.clone()).enumerate();
        let mut packets: Vec<(u8, Vec<u8>)> = twice
            .zip(&order)
            .filter(|((number, _), (_, chance, _))| *number <= at.len() || chance % 3 == 0)
            .map(|((_, (from, to)), (place, chance, left))| {
                let mut bytes = segment(1, from, &sent[from..to]);
                bytes.truncate(if chance % 3 == 1 { 40 + left } else { usize::MAX });
                (*place, bytes)
            })
            .collect();
        packets.sort_by_key(|(place, _)| *place);
        let packets: Vec<Vec<u8>> = [syn(1)].into_iter().chain(packets.into_iter().map(|(_, bytes)| bytes)).collect();
        let (names, unread) = read(&packets);
        prop_assert!(names.contains("evil.example") || names.contains("cut") || unread > 0, "{names}");
    }
}
