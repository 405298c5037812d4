//! Which names does a packet carry? DNS questions and the aliases in answers, by `hello` the server that
//! a TLS client wants to reach, by `http` that of a request. QUIC's are encrypted: see `quic`.
//!
//! Each packet is looked at alone: of a name that spans TCP segments it says that the rest is to come,
//! and `sighting` joins them. It must never allocate but for the list of names, which is bounded.

use super::name_text::NameText;
use super::preface::{self, Socks};
use super::{Packet, dns, hello, http};
use crate::pure::protocol::{TCP, UDP};

/// The most bytes a name has in text: RFC 1035's 255 less length bytes.
pub const NAME_BYTES_MAX: usize = 253;

/// So many names are kept of one packet: more than the questions that fit a full frame. A packet with
/// more counts as one whose names could not be read.
pub const NAMES_MAX: usize = 96;

/// A name and what it is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// Which protocol carried it, and how.
    pub kind: NameKind,
    /// The name itself.
    pub text: NameText,
    /// The port that is written beside it, as in `Host: 192.0.2.1:8080`; `None` where none is.
    pub port: Option<u16>,
}

/// What a name is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// The question of a DNS message, or an alias in its answer.
    Dns {
        /// Whether it stands in an answer, which repeats the question, and not in a query.
        is_answer: bool,
        /// The type of record asked for: 1 A, 28 AAAA, 15 MX (IANA's list).
        query_type: u16,
    },
    /// The server name of a TLS ClientHello, over TCP or QUIC.
    Tls,
    /// The Host of an HTTP request, or the host that it asks a proxy for.
    Http,
}

/// What a byte may be of a request that names a host.
const CLASSES: [u8; 256] = classes();
/// Of HTTP, a part of its method, or of an empty line before it.
const LETTER: u8 = 1;
/// Of SOCKS, the version that it begins with.
const VERSION: u8 = 2;
/// Of SOCKS, what stands behind that: a command, or how many ways there are to say who asks.
const COMMAND: u8 = 4;

const fn classes() -> [u8; 256] {
    let (mut all, mut byte) = ([0; 256], 0);
    while byte < 256 {
        all[byte] = match byte as u8 {
            b'A'..=b'Z' | b'_' | b'-' | b' ' | b'\r' | b'\n' => LETTER,
            4 | 5 => VERSION,
            1..=3 => COMMAND,
            _ => 0,
        };
        byte += 1;
    }
    all
}

/// Whether a request that names a host may begin with these two bytes: the least that tells nearly all other payloads
/// from one.
#[inline(always)]
pub(super) fn may_begin_request(first: u8, second: u8) -> bool {
    let (first, second) = (CLASSES[usize::from(first)], CLASSES[usize::from(second)]);
    (first & second & LETTER != 0) | ((first & VERSION != 0) & (second & COMMAND != 0))
}

/// How far the names of a packet could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// To the end: there is no other name in it.
    Whole,
    /// There must be more, but it was cut away by the capture length, or stands where nobody looks for it.
    Cut,
    /// There must be more, but the sender puts it into a later TCP segment.
    Partial(Rest),
    /// There are names in a form that is not read: HTTP/2 compresses them (RFC 7541).
    Compressed,
}

impl Reading {
    /// The same of what stands so many bytes behind the beginning.
    pub(super) fn behind(self, bytes: usize) -> Reading {
        match self {
            Reading::Partial(rest) => Reading::Partial(Rest { from: rest.from + bytes, ..rest }),
            reading => reading,
        }
    }
}

/// A message that a segment begins and does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rest {
    /// Where it begins, counted from the beginning of the payload: behind its end where a body goes on.
    pub from: usize,
    /// How many of its names were read already, the last ones of the list.
    pub told: usize,
    /// Whether there is a name in what is to come, as far as one can tell.
    pub has_more: bool,
}

/// The names of one packet, in their order; the list is used again for the next packet.
#[derive(Debug, Default)]
pub struct Names {
    list: Vec<Name>,
    is_overfull: bool,
}

impl Names {
    /// The names, at most [`NAMES_MAX`].
    pub fn as_slice(&self) -> &[Name] {
        &self.list
    }

    /// Forgets all.
    #[inline]
    pub fn clear(&mut self) {
        self.list.clear();
        self.is_overfull = false;
    }

    /// Adds one, if there is room.
    pub fn push(&mut self, name: Name) {
        if self.list.len() < NAMES_MAX {
            self.list.push(name);
        } else {
            self.is_overfull = true;
        }
    }

    pub(super) fn is_overfull(&self) -> bool {
        self.is_overfull
    }

    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    pub(super) fn truncate(&mut self, count: usize) {
        self.list.truncate(count);
    }
}

/// Looks for names in the packet, at any port, and puts them into the empty list `names`. The first bytes
/// rule out nearly all packets.
#[inline]
pub fn names(packet: &Packet<'_>, names: &mut Names) -> Reading {
    let reading = match packet.protocol {
        UDP if hello::is_possible_datagram(packet.payload) => of_datagram(packet, names),
        UDP if dns::is_possible_datagram(packet) => dns::datagram(packet, names),
        TCP => of_segment(packet, names),
        _ => return Reading::Whole,
    };
    if names.is_overfull { Reading::Cut } else { reading }
}

/// The name of a DTLS client. What comes in later datagrams is not put behind, and so is as good as cut away.
fn of_datagram(packet: &Packet<'_>, names: &mut Names) -> Reading {
    match hello::of_datagram(packet.payload, names) {
        Reading::Partial(_) | Reading::Cut => Reading::Cut,
        reading => reading,
    }
}

/// What is only begun.
const BEGUN: Rest = Rest { from: 0, told: 0, has_more: true };

/// Whether all there is of a stream may be the first letters of a request, or of the line of a proxy before it: a
/// few letters that other protocols have too. With the blank behind them they are more than that.
pub fn is_mere_beginning(packet: &Packet<'_>) -> bool {
    let letters = packet.payload.trim_ascii_start();
    let is_begun = http::is_part_of_method(letters) || preface::is_part_of_word(letters);
    is_begun && !letters.ends_with(b" ") || is_mere_bytes(packet)
}

/// The same of the first bytes of a question, or of a request to a proxy. They promise so little that they are waited
/// upon only at the beginning of a connection: a byte of anything may ask for a sign of life.
pub fn is_mere_bytes(packet: &Packet<'_>) -> bool {
    let is_socks = || preface::socks(packet.payload) == Socks::Short { is_likely: false };
    !packet.payload.is_empty() && (dns::may_begin_segment(packet) || is_socks())
}

#[inline]
fn of_segment(packet: &Packet<'_>, names: &mut Names) -> Reading {
    let reading = match packet.payload.first() {
        // What follows the header is in other fragments, which are not put together.
        None if packet.fragment_id.is_some() => return Reading::Cut,
        None => return Reading::Whole,
        Some(0x16) if hello::is_possible(packet.payload) => hello::of_stream(packet.payload, names),
        Some(b'P' | b'\r') if preface::length(packet.payload) > 0 => behind_preface(packet, names),
        Some(b'P') if preface::may_begin(packet.payload) => Reading::Partial(BEGUN),
        Some(b'A'..=b'Z' | b'\r' | b'\n') if http::is_possible(packet.payload) => {
            http::requests(packet.payload, names)
        }
        Some(4 | 5) if preface::socks(packet.payload) != Socks::Foreign => {
            let told = preface::socks(packet.payload);
            told.name().into_iter().for_each(|name| names.push(name));
            if matches!(told, Socks::Short { .. }) { Reading::Partial(BEGUN) } else { Reading::Whole }
        }
        Some(_) if dns::is_possible_segment(packet) => dns::segment(packet, names),
        Some(_) if dns::may_begin_segment(packet) => Reading::Partial(BEGUN),
        Some(_) => return Reading::Whole,
    };
    match reading {
        Reading::Partial(rest) if packet.payload_truncated => {
            if rest.has_more {
                Reading::Cut
            } else {
                Reading::Whole
            }
        }
        reading => reading,
    }
}

/// The names behind what a proxy puts before a stream.
fn behind_preface(packet: &Packet<'_>, names: &mut Names) -> Reading {
    let length = preface::length(packet.payload);
    let payload = packet.payload.get(length..).unwrap_or_default();
    match payload.first() {
        Some(0x16) if hello::is_possible(payload) => hello::of_stream(payload, names).behind(length),
        Some(b'A'..=b'Z' | b'\r' | b'\n') if http::is_possible(payload) => {
            http::requests(payload, names).behind(length)
        }
        _ => Reading::Whole,
    }
}
