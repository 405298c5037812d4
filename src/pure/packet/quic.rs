//! What does a QUIC client say in its first packets? They are encrypted with keys that whoever sees the
//! connection's identifier can derive, so that nothing in between but a listener is kept out.
//!
//! Versions 1 (RFC 9000, 9001) and 2 (RFC 9369), and draft 29. `sighting` joins what several datagrams
//! carry. It must never decrypt more than a few packets of one datagram, and never believe what no key
//! opens.

use super::Packet;
use super::quic_keys::Keys;

/// So many packets of one datagram are opened; a client sends one or two.
const PACKETS_MAX: usize = 4;
/// A client's first identifier for the server is at least so long (RFC 9000, 7.2) …
const FIRST_ID_BYTES_MIN: usize = 8;
/// … and no identifier of these versions is longer (RFC 9000, 17.2).
const ID_BYTES_MAX: usize = 20;

/// A version whose first packets can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuicVersion {
    One,
    Two,
    Draft29,
}

impl QuicVersion {
    #[inline]
    fn of(number: [u8; 4]) -> Option<QuicVersion> {
        match number {
            [0, 0, 0, 1] => Some(QuicVersion::One),
            [0x6b, 0x33, 0x43, 0xcf] => Some(QuicVersion::Two),
            [0xff, 0, 0, 29] => Some(QuicVersion::Draft29),
            _ => None,
        }
    }

    /// Whether a packet whose first byte this is carries its length, as all but Retry do, and is Initial.
    fn kind(self, first: u8) -> Option<Kind> {
        let number = match self {
            QuicVersion::One | QuicVersion::Draft29 => first >> 4 & 3,
            // RFC 9369, 3.2: each number one higher.
            QuicVersion::Two => (first >> 4).wrapping_sub(1) & 3,
        };
        match number {
            0 => Some(Kind::Initial),
            1 | 2 => Some(Kind::Other),
            _ => None,
        }
    }
}

/// Kinds of packets with a long header and a length (RFC 9000, 17.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Initial,
    /// 0-RTT or Handshake.
    Other,
}

/// The identifier from which a connection's first keys are derived: the first that the client chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstId {
    version: QuicVersion,
    bytes: [u8; ID_BYTES_MAX],
    length: u8,
}

impl FirstId {
    fn new(version: QuicVersion, id: &[u8]) -> Option<FirstId> {
        let mut bytes = [0; ID_BYTES_MAX];
        bytes.get_mut(..id.len())?.copy_from_slice(id);
        Some(FirstId { version, bytes, length: id.len() as u8 })
    }

    fn keys(&self) -> Option<Keys> {
        Keys::of_client(self.version, self.bytes.get(..usize::from(self.length))?)
    }
}

/// What became of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It holds Initial packets of the client, whose keys come from this identifier.
    Client(FirstId),
    /// It holds an Initial packet that was cut by the capture length, and so cannot be opened.
    Cut,
    /// It holds no Initial packet, or none of a client, or of a connection whose beginning was not seen.
    Closed,
}

/// Whether a packet is a UDP datagram that begins with a long header of these versions: only the first
/// few of a connection do.
#[inline]
pub fn is_quic_beginning(packet: &Packet<'_>) -> bool {
    const UDP: u8 = 17;
    packet.protocol == UDP
        && matches!(*packet.payload, [0x80..=0xff, v0, v1, v2, v3, ..] if QuicVersion::of([v0, v1, v2, v3]).is_some())
}

/// Opens the Initial packets of a datagram and hands each piece of the client's handshake to `piece`, with
/// its place. `known` is the identifier that opened an earlier datagram of the connection. `scratch` is
/// where the packets are opened; it grows to the longest datagram.
pub fn open_initials(
    packet: &Packet<'_>,
    known: Option<&FirstId>,
    scratch: &mut Vec<u8>,
    piece: &mut dyn FnMut(u64, &[u8]),
) -> Opened {
    let mut rest = packet.payload;
    let mut opened = None;
    for _ in 0..PACKETS_MAX {
        let Some(next) = Protected::parse(rest) else { break };
        rest = next.rest;
        if next.kind == Kind::Other {
            continue;
        }
        if next.is_cut() && packet.payload_truncated && next.may_be_of_client(known) {
            return Opened::Cut;
        }
        // Further packets have the same identifiers (RFC 9000, 12.2), and so the same keys.
        opened = match opened {
            Some((id, keys)) if next.open(&keys, scratch, piece) => Some((id, keys)),
            Some((id, _)) => return Opened::Client(id),
            None => next.open_with_any(known, scratch, piece),
        };
        if opened.is_none() {
            break;
        }
    }
    opened.map_or(Opened::Closed, |(id, _)| Opened::Client(id))
}

/// A packet with a long header, still protected (RFC 9000, 17.2).
struct Protected<'a> {
    version: QuicVersion,
    kind: Kind,
    destination: &'a [u8],
    /// The header as far as the packet number.
    header: &'a [u8],
    /// Packet number and payload, as far as they are there.
    sealed: &'a [u8],
    /// How long these are.
    stated: usize,
    /// What follows in the datagram.
    rest: &'a [u8],
}

impl<'a> Protected<'a> {
    fn parse(datagram: &'a [u8]) -> Option<Protected<'a>> {
        let (&[first @ 0x80..=0xff, v0, v1, v2, v3], after) = datagram.split_first_chunk()? else {
            return None;
        };
        let version = QuicVersion::of([v0, v1, v2, v3])?;
        let kind = version.kind(first)?;
        let mut reader = Reader(after);
        let destination = reader.counted_id()?;
        reader.counted_id()?;
        if kind == Kind::Initial {
            let token = reader.number()?;
            reader.take(token)?;
        }
        let stated = usize::try_from(reader.number()?).ok()?;
        let (header, sealed) = datagram.split_at_checked(datagram.len() - reader.0.len())?;
        let (sealed, rest) = sealed.split_at(stated.min(sealed.len()));
        Some(Protected { version, kind, destination, header, sealed, stated, rest })
    }

    fn is_cut(&self) -> bool {
        self.sealed.len() < self.stated
    }

    /// Whether the server's identifier may be one that the client chose.
    fn may_be_of_client(&self, known: Option<&FirstId>) -> bool {
        known.is_some() || self.destination.len() >= FIRST_ID_BYTES_MIN
    }

    /// The keys that open it, by the identifier of the connection or by its own; then its pieces are
    /// handed over. Packets of the server are opened by neither.
    fn open_with_any(
        &self,
        known: Option<&FirstId>,
        scratch: &mut Vec<u8>,
        piece: &mut dyn FnMut(u64, &[u8]),
    ) -> Option<(FirstId, Keys)> {
        let own = FirstId::new(self.version, self.destination).filter(|_| self.may_be_of_client(None));
        let candidates = [known.copied(), own.filter(|own| Some(own) != known)];
        candidates.into_iter().flatten().find_map(|id| {
            let keys = id.keys()?;
            self.open(&keys, scratch, piece).then_some((id, keys))
        })
    }

    /// Whether the keys open it.
    fn open(&self, keys: &Keys, scratch: &mut Vec<u8>, piece: &mut dyn FnMut(u64, &[u8])) -> bool {
        if self.is_cut() {
            return false;
        }
        scratch.clear();
        scratch.extend_from_slice(self.header);
        scratch.extend_from_slice(self.sealed);
        let Some(frames) = keys.open(scratch, self.header.len()) else { return false };
        crypto_frames(frames, piece);
        true
    }
}

/// Hands over the CRYPTO frames; the other kinds that an Initial packet may hold are passed over (RFC
/// 9000, 12.4 and 19). A kind that it may not hold ends the reading.
fn crypto_frames(frames: &[u8], piece: &mut dyn FnMut(u64, &[u8])) -> Option<()> {
    let mut reader = Reader(frames);
    // Each turn takes a byte at least.
    while !reader.0.is_empty() {
        match reader.number()? {
            // PADDING, PING.
            0 | 1 => {}
            kind @ (2 | 3) => acknowledgement(&mut reader, kind == 3)?,
            6 => {
                let (offset, length) = (reader.number()?, reader.number()?);
                piece(offset, reader.take(length)?);
            }
            _ => return None,
        }
    }
    Some(())
}

fn acknowledgement(reader: &mut Reader<'_>, has_congestion: bool) -> Option<()> {
    let (_largest, _delay, ranges, _first) =
        (reader.number()?, reader.number()?, reader.number()?, reader.number()?);
    let numbers = ranges.checked_mul(2)?.checked_add(if has_congestion { 3 } else { 0 })?;
    // Ends with the bytes at the latest.
    (0..numbers).try_for_each(|_| reader.number().map(|_| ()))
}

/// The rest of a message, taken from its front; every method answers `None` when too little is left.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(bytes).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn counted_id(&mut self) -> Option<&'a [u8]> {
        let (length, rest) =
            self.0.split_first().filter(|(length, _)| usize::from(**length) <= ID_BYTES_MAX)?;
        self.0 = rest;
        self.take(u64::from(*length))
    }

    /// A number of one to eight bytes, as the first two bits say (RFC 9000, 16).
    fn number(&mut self) -> Option<u64> {
        let (first, after) = self.0.split_first()?;
        self.0 = after;
        let others = self.take((1 << (first >> 6)) - 1)?;
        Some(others.iter().fold(u64::from(first & 0x3f), |number, byte| number << 8 | u64::from(*byte)))
    }
}
