//! Which server does a TLS client want to reach? The server_name of a ClientHello, out of the records of a
//! TCP stream or the bare handshake that QUIC carries.
//!
//! It must never believe a length, and never wait for a name that cannot come any more.

use super::name_text::NameText;
use super::names::{Name, NameKind, Names, Reading, Rest};

const HANDSHAKE_RECORD: u8 = 0x16;
const RECORD_HEADER_BYTES: usize = 5;
const CLIENT_HELLO: u8 = 1;
/// Type, version, epoch, number, length; then what the handshake says of itself.
const DTLS_RECORD_HEADER_BYTES: usize = 13;
const DTLS_HANDSHAKE_HEADER_BYTES: usize = 12;
/// The major version of every record, from SSL 3.0 to TLS 1.3.
const MAJOR_VERSION: u8 = 3;

/// Whether the stream may begin with a ClientHello, as far as its first bytes are there.
#[inline]
pub(super) fn is_possible(stream: &[u8]) -> bool {
    let has = |at: usize, byte: u8| stream.get(at).is_none_or(|found| *found == byte);
    has(0, HANDSHAKE_RECORD) && has(1, MAJOR_VERSION) && has(5, CLIENT_HELLO)
}

/// The server name of a stream that begins with TLS records.
pub(super) fn of_stream(stream: &[u8], names: &mut Names) -> Reading {
    read(Handshake { record: &[], rest: stream, taken: 0 }, names)
}

/// Whether a datagram begins with a ClientHello of DTLS 1.0 to 1.3 (RFC 9147, 4 and 5.2), in its first piece.
#[inline]
pub(super) fn is_possible_datagram(datagram: &[u8]) -> bool {
    matches!(datagram, [HANDSHAKE_RECORD, 0xfe, 0xfd | 0xff, ..])
        && datagram.get(DTLS_RECORD_HEADER_BYTES) == Some(&CLIENT_HELLO)
}

/// The server name of a datagram that begins so. Of a ClientHello in several pieces it is read when it stands in
/// the first.
pub(super) fn of_datagram(datagram: &[u8], names: &mut Names) -> Reading {
    let rest = datagram.get(DTLS_RECORD_HEADER_BYTES..).unwrap_or_default();
    // Type and length, number, place and length of the piece.
    let Some(([_, l0, l1, l2, _, _, 0, 0, 0, ..], body)) =
        rest.split_first_chunk::<DTLS_HANDSHAKE_HEADER_BYTES>()
    else {
        return if rest.len() < DTLS_HANDSHAKE_HEADER_BYTES { short() } else { Reading::Whole };
    };
    let mut hello = Handshake { record: body, rest: &[], taken: 0 };
    let length = usize::from(*l0) << 16 | usize::from(*l1) << 8 | usize::from(*l2);
    // A cookie stands behind the session id.
    told(extension(&mut hello, length, &[1, 1, 2, 1]), names)
}

/// The server name of a bare handshake message, as QUIC carries it, as far as it is there.
pub fn of_handshake(message: &[u8], names: &mut Names) -> Reading {
    read(Handshake { record: message, rest: &[], taken: 0 }, names)
}

fn read(mut handshake: Handshake<'_>, names: &mut Names) -> Reading {
    told(server_name(&mut handshake), names)
}

fn told(name: Result<NameText, End>, names: &mut Names) -> Reading {
    match name {
        Ok(text) => {
            names.push(Name { kind: NameKind::Tls, text, port: None });
            Reading::Whole
        }
        Err(End::Short) => short(),
        Err(End::Nameless) => Reading::Whole,
    }
}

fn short() -> Reading {
    Reading::Partial(Rest { from: 0, told: 0, has_more: true })
}

/// Why there is no name.
enum End {
    /// The bytes end before the name could come.
    Short,
    /// There is none, or this is no ClientHello.
    Nameless,
}

/// Walks a ClientHello (RFC 8446, 4.1.2) to its server_name extension (RFC 6066, 3).
fn server_name(hello: &mut Handshake<'_>) -> Result<NameText, End> {
    if hello.number(1)? != usize::from(CLIENT_HELLO) {
        return Err(End::Nameless);
    }
    let length = hello.number(3)?;
    // Session id, cipher suites, compression methods.
    extension(hello, hello.taken + length, &[1, 2, 1])
}

/// The server name of the body of a ClientHello, which ends at `end`. `lists` are how long the lengths of the lists
/// are that stand before the extensions.
fn extension(hello: &mut Handshake<'_>, end: usize, lists: &[usize]) -> Result<NameText, End> {
    const RANDOM_BYTES: usize = 32;
    const EXTENSION_HEADER_BYTES: usize = 4;
    const SERVER_NAME: usize = 0;
    hello.skip(2 + RANDOM_BYTES)?;
    for bytes in lists {
        let length = hello.number(*bytes)?;
        hello.skip(length)?;
    }
    if hello.taken >= end {
        return Err(End::Nameless);
    }
    let end = end.min(hello.number(2)? + hello.taken);
    // Each turn takes four bytes of what is there.
    while hello.taken + EXTENSION_HEADER_BYTES <= end {
        let (kind, length) = (hello.number(2)?, hello.number(2)?);
        if kind == SERVER_NAME {
            return host_name(hello);
        }
        hello.skip(length)?;
    }
    Err(End::Nameless)
}

/// The first entry of a server_name extension: list length, type, length, name.
fn host_name(extension: &mut Handshake<'_>) -> Result<NameText, End> {
    let mut name = [0; u8::MAX as usize];
    extension.skip(3)?;
    let length = extension.number(2)?;
    let name = name.get_mut(..length).ok_or(End::Nameless)?;
    for byte in name.iter_mut() {
        *byte = extension.byte()?;
    }
    NameText::dotted(name).ok_or(End::Nameless)
}

/// The bytes of handshake messages, which may be spread over any number of records.
struct Handshake<'a> {
    /// What is left of the present record.
    record: &'a [u8],
    /// The records after it.
    rest: &'a [u8],
    /// Bytes taken so far.
    taken: usize,
}

impl Handshake<'_> {
    fn byte(&mut self) -> Result<u8, End> {
        self.reach()?;
        let (byte, record) = self.record.split_first().ok_or(End::Short)?;
        self.record = record;
        self.taken += 1;
        Ok(*byte)
    }

    /// A number of so many bytes, three at most, in network order.
    fn number(&mut self, bytes: usize) -> Result<usize, End> {
        (0..bytes).try_fold(0, |number, _| Ok(number << 8 | usize::from(self.byte()?)))
    }

    fn skip(&mut self, mut bytes: usize) -> Result<(), End> {
        while bytes > 0 {
            self.reach()?;
            let skipped = bytes.min(self.record.len());
            self.record = self.record.get(skipped..).unwrap_or_default();
            self.taken += skipped;
            bytes -= skipped;
        }
        Ok(())
    }

    /// Opens the next record where the present one is used up; each costs its header, so that there are
    /// no more of them than bytes.
    fn reach(&mut self) -> Result<(), End> {
        while self.record.is_empty() {
            let Some(([kind, major, _, l0, l1], rest)) = self.rest.split_first_chunk::<RECORD_HEADER_BYTES>()
            else {
                return Err(End::Short);
            };
            if (*kind, *major) != (HANDSHAKE_RECORD, MAJOR_VERSION) {
                return Err(End::Nameless);
            }
            let stated = usize::from(u16::from_be_bytes([*l0, *l1]));
            (self.record, self.rest) = rest.split_at(stated.min(rest.len()));
        }
        Ok(())
    }
}
