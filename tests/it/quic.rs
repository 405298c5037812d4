//! Is the server name of QUIC read, in whatever pieces it comes, and counted where it cannot be?

use crate::frames::{frame, ipv4, packet, read_frames, udp};
use crate::ground_truth::data;
use crate::web_names::client_hello;
use allclear::pure::packet::{
    Decoded, Frame, Names, Opened, Packet, Reading, decode, handshake_name, is_quic_beginning, open_initials,
};
use allclear::pure::sighting::{Coverage, Observer, Scope};
use allclear::pure::watchlist::{CompiledList, Entry, Index, Watchlist};
use proptest::prelude::*;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use std::ops::ControlFlow;

/// A version as its client writes it: number, salt, words, and the first byte of an Initial packet with a
/// packet number of four bytes.
struct Version {
    number: [u8; 4],
    salt: &'static str,
    words: [&'static str; 3],
    first: u8,
}

/// RFC 9001, 5.2 and 5.4.
const ONE: Version = Version {
    number: [0, 0, 0, 1],
    salt: "38762cf7f55934b34d179ae6a4c80cadccbb7f0a",
    words: ["quic key", "quic iv", "quic hp"],
    first: 0xc3,
};

/// RFC 9369, 3.
const TWO: Version = Version {
    number: [0x6b, 0x33, 0x43, 0xcf],
    salt: "0dede3def700a6db819381be6e269dcbf9bd2ed9",
    words: ["quicv2 key", "quicv2 iv", "quicv2 hp"],
    first: 0xd3,
};

/// draft-ietf-quic-tls-27, 5.2.
const DRAFT_27: Version = Version {
    number: [0xff, 0, 0, 27],
    salt: "c3eef712c72ebb5a11a7d2432bb46365bef9f502",
    words: ["quic key", "quic iv", "quic hp"],
    first: 0xc3,
};

/// What mvfst calls draft 27 with words of its own.
fn facebook(number: u8) -> Version {
    Version { number: [0xfa, 0xce, 0xb0, number], ..DRAFT_27 }
}

const ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<u8> = hexadecimal.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte =
        |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hexadecimal");
    digits.chunks(2).map(byte).collect()
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn expanded(secret: &Prk, word: &str, length: usize) -> Vec<u8> {
    let label = format!("tls13 {word}");
    let mut out = vec![0; length];
    let info: [&[u8]; 3] = [&[0, length as u8, label.len() as u8], label.as_bytes(), &[0]];
    secret.expand(&info, Length(length)).expect("short").fill(&mut out).expect("as long");
    out
}

/// An Initial packet of the client, sealed as RFC 9001, 5 says.
fn initial(version: &Version, id: &[u8], number: u32, frames: &[u8]) -> Vec<u8> {
    renamed(version, id, id, number, frames)
}

/// The same, with keys by the first identifier and another one in the header.
fn renamed(version: &Version, first: &[u8], id: &[u8], number: u32, frames: &[u8]) -> Vec<u8> {
    sealed(version, first, (id, &[]), number, frames)
}

/// The same, with a token behind the identifier.
fn sealed(
    version: &Version,
    first: &[u8],
    (id, token): (&[u8], &[u8]),
    number: u32,
    frames: &[u8],
) -> Vec<u8> {
    let common = Salt::new(HKDF_SHA256, &bytes(version.salt)).extract(first);
    let secret = Prk::new_less_safe(HKDF_SHA256, &expanded(&common, "client in", 32));
    let [key, nonce, header_key] = version.words;
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &expanded(&secret, key, 16)).expect("a key"));
    let mut nonce: [u8; 12] = expanded(&secret, nonce, 12).try_into().expect("twelve");
    nonce.iter_mut().rev().zip(number.to_be_bytes().iter().rev()).for_each(|(byte, number)| *byte ^= number);
    let header_key = expanded(&secret, header_key, 16);
    let header_key = quic::HeaderProtectionKey::new(&quic::AES_128, &header_key).expect("a key");

    let length = (0x4000 | (4 + frames.len() + 16) as u16).to_be_bytes();
    let ids = [&[id.len() as u8][..], id, &[0, token.len() as u8], token].concat();
    let mut header = [&[version.first][..], &version.number, &ids, &length].concat();
    let number_at = header.len();
    header.extend(number.to_be_bytes());
    let mut sealed = frames.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&header), &mut sealed)
        .expect("sealed");
    let [mask, masks @ ..] = header_key.new_mask(&sealed[..16]).expect("a sample");
    header[0] ^= mask & 0x0f;
    header[number_at..].iter_mut().zip(masks).for_each(|(byte, mask)| *byte ^= mask);
    [header, sealed].concat()
}

/// A CRYPTO frame of a part of a message.
fn crypto(message: &[u8], from: usize, to: usize) -> Vec<u8> {
    let number = |number: usize| (0x4000 | number as u16).to_be_bytes();
    [&[6][..], &number(from), &number(to - from), &message[from..to]].concat()
}

/// What one datagram tells: how it was opened, and the name, `?` when more is to come.
fn told(packet: &Packet<'_>) -> (Opened, String) {
    let mut front = Vec::new();
    let mut piece = |at: u64, bytes: &[u8]| {
        if at == front.len() as u64 {
            front.extend_from_slice(bytes);
        }
    };
    let opened = open_initials(packet, None, &mut Vec::new(), &mut piece);
    let mut names = Names::default();
    let reading = handshake_name(&front, &mut names);
    let name = names.as_slice().first().map(|name| name.text.to_string());
    let more = if reading == Reading::Whole { "" } else { "?" };
    (opened, name.unwrap_or(more.to_string()))
}

fn told_of(datagram: &[u8]) -> (Opened, String) {
    let bytes = ipv4(17, &udp(50_000, 443, datagram));
    told(&packet(&frame(101, &bytes), "a datagram"))
}

#[test]
fn the_published_example_is_opened() {
    // RFC 9001, A.2: the frame, the protected header with what follows it, and the end of the packet.
    let mut frames = bytes(
        "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868\
         04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578\
         616d706c652e636f6dff01000100000a00080006001d00170018001000070005\
         04616c706e000500050100000000003300260024001d00209370b2c9caa47fba\
         baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400\
         0d0010000e0403050306030203080408050806002d00020101001c0002400100\
         3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000\
         75300901100f088394c8f03e51570806048000ffff",
    );
    frames.resize(1162, 0);
    let datagram = initial(&ONE, &ID, 2, &frames);
    assert_eq!(datagram.len(), 1200);
    let begin = bytes("c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11");
    assert_eq!(datagram[..begin.len()], begin);
    assert_eq!(datagram[1184..], bytes("e221af44860018ab0856972e194cd934"));
    let (opened, name) = told_of(&datagram);
    assert!(matches!(opened, Opened::Client(_)));
    assert_eq!(name, "example.com");
}

#[test]
fn names_in_all_manner_of_packets_are_read() {
    let hello = client_hello(&[0, 23, 0, 0], "evil.example");
    let end = hello.len();
    let whole = crypto(&hello, 0, end);
    let padded = |frames: &[u8]| [frames, &[0; 900]].concat();
    let pinged =
        [&[1][..], &[2, 5, 0, 1, 0, 3, 4], &crypto(&hello, 0, 40), &[0; 9], &crypto(&hello, 40, end)];
    let two_packets =
        [initial(&ONE, &ID, 0, &crypto(&hello, 0, 50)), initial(&ONE, &ID, 1, &crypto(&hello, 50, end))];
    // A 0-RTT packet that nobody can open stands before it.
    let zero_rtt = [&[0xd0, 0, 0, 0, 1, 8][..], &ID, &[0, 0x40, 30], &[9; 30]].concat();
    let ecn = [3, 5, 0, 0, 0, 1, 1, 1];
    let rows = [
        ("version 1", initial(&ONE, &ID, 0, &padded(&whole)), "evil.example"),
        ("version 2", initial(&TWO, &ID, 0, &padded(&whole)), "evil.example"),
        ("a draft", initial(&DRAFT_27, &ID, 0, &padded(&whole)), "evil.example"),
        ("Facebook's draft", initial(&facebook(0x02), &ID, 0, &padded(&whole)), "evil.example"),
        ("Facebook's next", initial(&facebook(0x0e), &ID, 0, &padded(&whole)), "evil.example"),
        ("Facebook's first, of another salt", initial(&facebook(0x01), &ID, 0, &padded(&whole)), "?"),
        ("with a token", sealed(&ONE, &ID, (&ID, b"again"), 0, &padded(&whole)), "evil.example"),
        (
            "with a token, a short identifier",
            sealed(&ONE, &[7; 4], (&[7; 4], b"again"), 0, &padded(&whole)),
            "evil.example",
        ),
        (
            "with a token, no identifier",
            sealed(&ONE, &[], (&[], b"again"), 0, &padded(&whole)),
            "evil.example",
        ),
        ("a long identifier", initial(&ONE, &[7; 20], 0, &padded(&whole)), "evil.example"),
        ("one too short for a client", initial(&ONE, &[7; 7], 0, &padded(&whole)), "?"),
        ("a large packet number", initial(&ONE, &ID, 0x0102_0304, &padded(&whole)), "evil.example"),
        ("among other frames", initial(&ONE, &ID, 0, &padded(&pinged.concat())), "evil.example"),
        ("after an acknowledgement", initial(&ONE, &ID, 0, &[&ecn[..], &whole].concat()), "evil.example"),
        ("in two packets of one datagram", two_packets.concat(), "evil.example"),
        ("behind another kind of packet", [&zero_rtt[..], &two_packets.concat()].concat(), "evil.example"),
        ("half of it", initial(&ONE, &ID, 0, &padded(&crypto(&hello, 0, end - 1))), "?"),
        ("a frame that must not be there", initial(&ONE, &ID, 0, &[&[8][..], &whole].concat()), "?"),
    ];
    for (what, datagram, expected) in rows {
        assert_eq!(told_of(&datagram).1, expected, "{what}");
    }
}

#[test]
fn what_no_key_opens_is_none() {
    let hello = client_hello(&[], "evil.example");
    let good = initial(&ONE, &ID, 0, &crypto(&hello, 0, hello.len()));
    for at in 0..good.len() {
        let mut damaged = good.clone();
        damaged[at] ^= 0x40;
        // In the lengths of the header and the version it may be no Initial packet any more.
        let is_header = at < good.len() - hello.len() - 16;
        let opened = told_of(&damaged).0;
        assert!(opened == Opened::Sealed || opened == Opened::Closed && is_header, "byte {at}: {opened:?}");
    }
    for version in [[0, 0, 0, 0], [0, 0, 0, 2], [0xff, 0, 0, 0], [0x0a, 0x1a, 0x2a, 0x3b]] {
        let mut other = good.clone();
        other[1..5].copy_from_slice(&version);
        let bytes = ipv4(17, &udp(50_000, 443, &other));
        assert!(!is_quic_beginning(&packet(&frame(101, &bytes), "another version")), "{version:?}");
    }
}

#[test]
fn a_packet_that_was_cut_away_is_told() {
    let hello = client_hello(&[], "evil.example");
    let datagram = initial(&ONE, &ID, 0, &crypto(&hello, 0, hello.len()));
    let whole = ipv4(17, &udp(50_000, 443, &datagram));
    // Before its version is there, it may be anything.
    for length in 28 + 5..whole.len() {
        let frame = Frame { bytes: &whole[..length], ..frame(101, &whole) };
        assert_eq!(told(&packet(&frame, "cut")).0, Opened::Cut, "{length}");
    }
}

#[test]
fn what_stands_behind_more_packets_than_are_read_is_told() {
    let hello = client_hello(&[], "evil.example");
    let zero_rtt = [&[0xd0, 0, 0, 0, 1, 8][..], &ID, &[0, 0x40, 30], &[9; 30]].concat();
    let behind = |packets: usize| {
        [zero_rtt.repeat(packets), initial(&ONE, &ID, 0, &crypto(&hello, 0, hello.len()))].concat()
    };
    assert_eq!(told_of(&behind(3)).1, "evil.example", "as many as are read");
    assert_eq!(told_of(&behind(4)).0, Opened::Cut, "one more");
    assert_eq!(told_of(&zero_rtt.repeat(5)).0, Opened::Closed, "none that could hold a name");
    let of_server = ipv4(17, &udp(443, 50_000, &behind(4)));
    assert_eq!(told(&packet(&frame(101, &of_server), "a server's")).0, Opened::Closed, "of a server");
}

#[test]
fn the_name_of_a_real_capture_is_read() {
    let Some(data) = data() else { return };
    let mut names = Vec::new();
    read_frames(&data.join("A/pcap/enc/ppp_quic.pcap"), |frame| {
        if let Decoded::Packet(packet) = decode(&frame)
            && is_quic_beginning(&packet)
            && let (Opened::Client(_), name) = told(&packet)
        {
            names.push(name);
        }
        ControlFlow::Continue(())
    })
    .expect("it is readable");
    names.retain(|name| !name.is_empty() && name != "?");
    // The second after a Retry, under an identifier that the server chose.
    assert_eq!(names, ["server4:443", "server4:443"]);
}

/// Which of the datagrams from ports of one host are sightings of evil.example, and what was covered.
fn watched(datagrams: &[(u16, Vec<u8>)]) -> (Vec<bool>, Coverage) {
    let entries = Entry::parse("evil.example").expect("a domain");
    let watchlist = Watchlist { name: "evil".to_string(), entries, ..Watchlist::default() };
    let index = Index::compile(&[CompiledList { watchlist: &watchlist, file: None }]);
    let inside = "10.0.0.0/8".parse().expect("a network");
    let (mut observer, watch) = Observer::alone(index, &[inside]);
    let see = |(port, datagram): &(u16, Vec<u8>)| {
        let bytes = ipv4(17, &udp(*port, 443, datagram));
        observer.see(&frame(101, &bytes), |_| Scope::Matched).is_sighting
    };
    let sighted = datagrams.iter().map(see).collect();
    (sighted, observer.leave(watch, &[]).expect("it is there").observation.coverage)
}

#[test]
fn a_hello_over_several_datagrams_is_joined_or_counted() {
    let hello = client_hello(&[0, 23, 0, 0], "c2.evil.example");
    let end = hello.len();
    // Shuffled, as browsers do.
    let frames = |parts: &[(usize, usize)]| {
        parts.iter().map(|(from, to)| crypto(&hello, *from, *to)).collect::<Vec<_>>().concat()
    };
    let first = initial(&ONE, &ID, 0, &frames(&[(60, 70), (0, 20)]));
    // Of the random number that it begins with.
    let altered: Vec<u8> = hello.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 15)).collect();
    let other = initial(&ONE, &ID, 6, &crypto(&altered, 0, 20));
    let second = initial(&ONE, &ID, 1, &frames(&[(70, end), (20, 60)]));
    // Once the server has answered, the client names it by the identifier that it gave; the keys stay.
    let named = [9; 8];
    let answered = renamed(&ONE, &ID, &named, 2, &frames(&[(70, end), (20, 60)]));
    let acknowledgement = renamed(&ONE, &ID, &named, 3, &[2, 0, 0, 0, 0]);
    let after_retry = initial(&ONE, &named, 4, &frames(&[(0, end)]));
    let whole = initial(&ONE, &ID, 5, &frames(&[(0, end)]));
    // To see whether the server puts up with it.
    let unknown = [&[0xc3, 0x1a, 0x2a, 0x3a, 0x4a][..], &whole[5..]].concat();
    let damaged = [&whole[..whole.len() - 1], &[whole[whole.len() - 1] ^ 1]].concat();
    let at =
        |datagrams: &[&Vec<u8>]| datagrams.iter().map(|bytes| (50_000, bytes.to_vec())).collect::<Vec<_>>();
    let decoy = client_hello(&[0, 23, 0, 0], "good.example");
    let decoy = initial(&ONE, &ID, 7, &crypto(&decoy, 0, decoy.len()));
    type Row<'a> = (&'a str, Vec<(u16, Vec<u8>)>, &'a [bool], (u64, u64));
    let rows: [Row<'_>; 18] = [
        ("one", at(&[&whole]), &[true], (0, 0)),
        ("two", at(&[&first, &second]), &[false, true], (1, 0)),
        ("the wrong way round", at(&[&second, &first]), &[false, true], (1, 0)),
        ("under the server's identifier", at(&[&first, &answered]), &[false, true], (1, 0)),
        ("then an acknowledgement", at(&[&whole, &acknowledgement]), &[true, false], (0, 0)),
        ("a part sent again", at(&[&whole, &second]), &[true, false], (0, 0)),
        ("other bytes between", at(&[&first, &other, &second]), &[false, false, true], (2, 1)),
        ("a decoy before", at(&[&decoy, &first, &second]), &[false, false, false], (1, 1)),
        ("a decoy behind", at(&[&whole, &decoy]), &[true, false], (1, 1)),
        ("told to try again", at(&[&first, &after_retry]), &[false, true], (1, 0)),
        ("the second is missing", at(&[&first]), &[false], (1, 1)),
        ("of no version that is known", at(&[&unknown]), &[false], (1, 1)),
        ("sent again", at(&[&unknown, &unknown]), &[false, false], (1, 1)),
        ("then of one that is", at(&[&unknown, &whole]), &[false, true], (1, 0)),
        ("damaged", at(&[&damaged]), &[false], (1, 1)),
        ("damaged, and sent again", at(&[&damaged, &first, &second]), &[false, false, true], (1, 0)),
        ("an acknowledgement alone", at(&[&acknowledgement]), &[false], (1, 1)),
        ("of another connection", vec![(1, first.clone()), (2, second.clone())], &[false, false], (2, 2)),
    ];
    for (what, datagrams, sightings, split_and_unread) in rows {
        let (sighted, coverage) = watched(&datagrams);
        assert_eq!(sighted, sightings, "{what}");
        assert_eq!((coverage.split_names, coverage.unread_names), split_and_unread, "{what}");
        let is_conflicting = what.contains("decoy") || what == "other bytes between";
        assert_eq!(coverage.conflicting_names, u64::from(is_conflicting), "{what}");
    }
}

#[test]
fn a_server_is_not_taken_for_a_client_that_cannot_be_read() {
    let datagram = initial(&ONE, &[9; 8], 0, &[0; 40]);
    let damaged = [&datagram[..datagram.len() - 1], &[datagram[datagram.len() - 1] ^ 1]].concat();
    for (source, destination, wanted) in [(443, 50_000, Opened::Closed), (50_000, 8_443, Opened::Sealed)] {
        let bytes = ipv4(17, &udp(source, destination, &damaged));
        assert_eq!(told(&packet(&frame(101, &bytes), "a datagram")).0, wanted, "{source}");
    }
}

#[test]
fn datagrams_in_any_order_tell_a_name_once_all_are_there() {
    let hello = client_hello(&[0, 23, 0, 0], "evil.example");
    let cut = [0, 10, 33, 34, 60, hello.len()];
    let parts = cut
        .windows(2)
        .enumerate()
        .map(|(number, ends)| (50_000, initial(&TWO, &ID, number as u32, &crypto(&hello, ends[0], ends[1]))));
    let parts: Vec<_> = parts.collect();
    for turn in 0..parts.len() {
        for is_reversed in [false, true] {
            let mut order = parts.clone();
            order.rotate_left(turn);
            if is_reversed {
                order.reverse();
            }
            let (sighted, coverage) = watched(&order);
            assert_eq!(sighted.iter().filter(|is_sighting| **is_sighting).count(), 1, "{turn} {is_reversed}");
            assert_eq!(coverage.unread_names, 0);
        }
    }
}

proptest! {
    #[test]
    fn no_datagram_does_harm(
        mut datagram in proptest::collection::vec(any::<u8>(), 0..200),
        version in prop_oneof![Just([0, 0, 0, 1]), Just([0x6b, 0x33, 0x43, 0xcf]), Just([0xff, 0, 0, 29]), Just([0xff, 0, 0, 23]), Just([0x0a; 4])],
    ) {
        if let Some([first, number @ ..]) = datagram.first_chunk_mut::<5>() {
            *first |= 0x80;
            *number = version;
        }
        prop_assert!(!matches!(told_of(&datagram).0, Opened::Client(_)));
    }

    #[test]
    fn no_frames_do_harm(frames in proptest::collection::vec(prop_oneof![0_u8..8, any::<u8>()], 4..200)) {
        prop_assert!(matches!(told_of(&initial(&ONE, &ID, 0, &frames)).0, Opened::Client(_)));
    }
}
