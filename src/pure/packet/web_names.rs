//! Which server does a TLS or HTTP client want to reach, by the first segment that it sends?

use super::Packet;
use super::names::{Name, NameKind, NameRead, NameText};

/// The name in a TCP payload, whatever its port; the first byte rules out nearly all others.
#[inline]
pub(super) fn name(packet: &Packet<'_>) -> Option<NameRead> {
    let found = match packet.payload.first()? {
        0x16 => client_hello(packet.payload),
        b'A'..=b'Z' if is_request(packet.payload) => host(packet.payload),
        _ => Found::Nothing,
    };
    match found {
        Found::Name(kind, text) => Some(NameRead::Name(Name { kind, text })),
        Found::Short if packet.payload_truncated => Some(NameRead::Cut),
        Found::Short => Some(NameRead::Partial),
        Found::Nothing => None,
    }
}

/// How looking for a name went.
#[expect(
    clippy::large_enum_variant,
    reason = "lives on the stack only; a box would cost an allocation a packet"
)]
enum Found {
    Name(NameKind, NameText),
    /// The bytes end before the name could come.
    Short,
    Nothing,
}

/// How many extensions of a ClientHello are looked through; browsers send about twenty.
const EXTENSIONS_MAX: usize = 128;

/// A ClientHello (RFC 8446, 4.1.2) with the server_name extension (RFC 6066, 3).
fn client_hello(payload: &[u8]) -> Found {
    let is_hello =
        payload.get(1).is_none_or(|major| *major == 3) && payload.get(5).is_none_or(|kind| *kind == 1);
    if !is_hello {
        return Found::Nothing;
    }
    // What a second record goes on with is not joined: then the hello stays short.
    let record = first_record(payload);
    let unfound = if is_whole(record) { Found::Nothing } else { Found::Short };
    let mut hello = Cursor(record);
    // Record header 5, handshake header 4, version 2, random 32.
    let extensions = hello
        .skip(43)
        .and_then(|()| hello.skip_counted_8())
        .and_then(|()| hello.skip_counted_16())
        .and_then(|()| hello.skip_counted_8())
        .and_then(|()| hello.number_16());
    if extensions.is_none() {
        return unfound;
    }
    for _ in 0..EXTENSIONS_MAX {
        let Some(kind) = hello.number_16() else { break };
        if kind == 0 {
            return server_name(hello).unwrap_or(unfound);
        }
        if hello.skip_counted_16().is_none() {
            break;
        }
    }
    unfound
}

/// The record header and what it says follows, as far as it is there.
fn first_record(payload: &[u8]) -> &[u8] {
    let stated = payload.get(3..5).and_then(|field| field.first_chunk()).map(|f| u16::from_be_bytes(*f));
    stated.and_then(|stated| payload.get(..5 + usize::from(stated))).unwrap_or(payload)
}

/// Whether the hello ends in this record, by the length that it states itself.
fn is_whole(record: &[u8]) -> bool {
    match record.get(6..9) {
        Some(&[high, middle, low]) => {
            record.len() >= 9 + (usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low))
        }
        _ => false,
    }
}

/// The first host name of a server_name extension: extension and list length, type, length, name.
/// `None` when the bytes end before it does.
fn server_name(mut extension: Cursor<'_>) -> Option<Found> {
    let name = extension.skip(5).and_then(|()| extension.counted_16())?;
    Some(NameText::dotted(name).map_or(Found::Nothing, |text| Found::Name(NameKind::Tls, text)))
}

const METHODS: [&[u8]; 9] =
    [b"GET ", b"POST ", b"HEAD ", b"PUT ", b"DELETE ", b"OPTIONS ", b"CONNECT ", b"PATCH ", b"TRACE "];

fn is_request(payload: &[u8]) -> bool {
    METHODS.iter().any(|method| payload.starts_with(method))
}

/// How many header lines of a request are looked through; servers refuse more than about a hundred.
const HEADER_LINES_MAX: usize = 256;

/// The Host of an HTTP/1 request (RFC 9112, 3.2). Other protocols have a GET too, and HTTP/0.9 has no
/// Host: neither names its version at the end of the first line.
fn host(payload: &[u8]) -> Found {
    let mut lines = payload.split_inclusive(|byte| *byte == b'\n').take(HEADER_LINES_MAX);
    let is_other = |line: &[u8]| line.ends_with(b"\n") && !line.windows(6).any(|window| window == b" HTTP/");
    if lines.next().is_some_and(is_other) {
        return Found::Nothing;
    }
    let found = lines.find_map(|line| match line.split_at_checked(5) {
        _ if line.trim_ascii().is_empty() && line.ends_with(b"\n") => Some(Found::Nothing),
        Some((key, value)) if key.eq_ignore_ascii_case(b"host:") => Some(host_value(value)),
        _ => None,
    });
    found.unwrap_or(Found::Short)
}

fn host_value(value: &[u8]) -> Found {
    if !value.ends_with(b"\n") {
        return Found::Short;
    }
    let value = value.trim_ascii();
    let is_port = |tail: &[u8]| tail.iter().all(u8::is_ascii_digit);
    let name = match value.iter().rposition(|byte| *byte == b':').map(|colon| value.split_at(colon)) {
        Some((name, port)) if is_port(port.get(1..).unwrap_or_default()) => name,
        _ => value,
    };
    NameText::dotted(name).map_or(Found::Nothing, |text| Found::Name(NameKind::Http, text))
}

/// The rest of a message, taken from its front; every method answers `None` when too little is left.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    fn number_16(&mut self) -> Option<u16> {
        let (number, rest) = self.0.split_first_chunk::<2>()?;
        self.0 = rest;
        Some(u16::from_be_bytes(*number))
    }

    fn skip_counted_8(&mut self) -> Option<()> {
        let bytes = usize::from(*self.0.first()?);
        self.skip(1 + bytes)
    }

    fn skip_counted_16(&mut self) -> Option<()> {
        self.counted_16().map(|_| ())
    }

    fn counted_16(&mut self) -> Option<&'a [u8]> {
        let bytes = usize::from(self.number_16()?);
        let (counted, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(counted)
    }
}
