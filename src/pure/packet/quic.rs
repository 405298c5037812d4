//! What does a QUIC client say in its first packets? They are encrypted with keys that whoever sees the
//! connection's identifier can derive, so that nothing in between but a listener is kept out.
//!
//! Versions 1 (RFC 9000, 9001) and 2 (RFC 9369), and the drafts from 23 on; of others, and of what no key opens,
//! it is told that there is a name that cannot be read. `sighting` joins what several datagrams
//! carry. It must never decrypt more than a few packets of one datagram, and never believe what no key
//! opens.

use super::Packet;
use super::quic_keys::Keys;
use crate::pure::protocol::UDP;

/// So many packets of one datagram are opened; a client sends one or two. What is behind them counts as cut.
const PACKETS_MAX: usize = 4;
/// A client's first identifier for the server is at least so long (RFC 9000, 7.2) …
const FIRST_ID_BYTES_MIN: usize = 8;
/// … and no identifier of these versions is longer (RFC 9000, 17.2).
const ID_BYTES_MAX: usize = 20;

/// A version as far as its first packets differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuicVersion {
    One,
    Two,
    /// From 29 to 32.
    Draft29,
    /// From 23 to 28.
    Draft23,
    /// One that nobody opens: made up to see whether others are put up with (RFC 9000, 15), or of before the drafts.
    Other,
}

impl QuicVersion {
    #[inline]
    fn of(number: [u8; 4]) -> Option<QuicVersion> {
        match number {
            [0, 0, 0, 1] => Some(QuicVersion::One),
            [0x6b, 0x33, 0x43, 0xcf] => Some(QuicVersion::Two),
            [0xff, 0, 0, 33..=34] => Some(QuicVersion::One),
            [0xff, 0, 0, 29..=32] => Some(QuicVersion::Draft29),
            // Facebook's later ones are draft 27.
            [0xff, 0, 0, 23..=28] | [0xfa, 0xce, 0xb0, 0x02 | 0x0e] => Some(QuicVersion::Draft23),
            // Made-up ones, other drafts, Facebook's first, and Google's Q050 and T051.
            [v0, v1, v2, v3] if [v0, v1, v2, v3].iter().all(|byte| byte & 0x0f == 0x0a) => {
                Some(QuicVersion::Other)
            }
            [0xff, 0, 0, 1..=255] | [0xfa, 0xce, 0xb0, _] | [b'Q' | b'T', b'0', b'0'..=b'9', b'0'..=b'9'] => {
                Some(QuicVersion::Other)
            }
            _ => None,
        }
    }

    /// Whether a packet whose first byte this is carries its length, as all but Retry do, and is Initial.
    fn kind(self, first: u8) -> Option<Kind> {
        let number = match self {
            QuicVersion::One | QuicVersion::Draft29 | QuicVersion::Draft23 | QuicVersion::Other => {
                first >> 4 & 3
            }
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
    /// It holds an Initial packet of a client that no key opens.
    Sealed,
    /// It holds no Initial packet of a client.
    Closed,
}

/// Whether a packet is a UDP datagram that begins with a long header of these versions: only the first
/// few of a connection do.
#[inline]
pub fn is_quic_beginning(packet: &Packet<'_>) -> bool {
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
    let (mut opened, mut is_sealed) = (None, false);
    for _ in 0..PACKETS_MAX {
        let Some(next) = Protected::parse(rest) else {
            let is_cut = rest.len() == packet.payload.len() && packet.payload_truncated;
            if is_cut && is_initial(rest) && !is_of_server(packet, &[]) {
                return Opened::Cut;
            }
            break;
        };
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
            is_sealed = !is_of_server(packet, next.token);
            break;
        }
    }
    let is_left = Protected::parse(rest).is_some_and(|next| next.kind != Kind::Other);
    match opened {
        Some(_) if is_left => Opened::Cut,
        Some((id, _)) => Opened::Client(id),
        None if is_sealed => Opened::Sealed,
        None if is_left && !is_of_server(packet, &[]) => Opened::Cut,
        None => Opened::Closed,
    }
}

/// Whether a datagram begins with an Initial packet.
fn is_initial(datagram: &[u8]) -> bool {
    let Some(&[first, v0, v1, v2, v3]) = datagram.first_chunk() else { return false };
    QuicVersion::of([v0, v1, v2, v3]).and_then(|version| version.kind(first)) == Some(Kind::Initial)
}

/// Whether an Initial packet comes from a server, by its ports. Only a client sends a token (RFC 9000, 17.2.2).
fn is_of_server(packet: &Packet<'_>, token: &[u8]) -> bool {
    const SERVED_PORT_MAX: u16 = 1023;
    let is_served = |port: u16| port <= SERVED_PORT_MAX;
    token.is_empty() && packet.ports.is_some_and(|it| is_served(it.source) && !is_served(it.destination))
}

/// A packet with a long header, still protected (RFC 9000, 17.2).
struct Protected<'a> {
    version: QuicVersion,
    kind: Kind,
    destination: &'a [u8],
    /// Empty in all but what a client sends when it was told to try again.
    token: &'a [u8],
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
        let token = match kind {
            Kind::Initial => reader.number().and_then(|length| reader.take(length))?,
            Kind::Other => &[],
        };
        let stated = usize::try_from(reader.number()?).ok()?;
        let (header, sealed) = datagram.split_at_checked(datagram.len() - reader.0.len())?;
        let (sealed, rest) = sealed.split_at(stated.min(sealed.len()));
        Some(Protected { version, kind, destination, token, header, sealed, stated, rest })
    }

    fn is_cut(&self) -> bool {
        self.sealed.len() < self.stated
    }

    /// Whether the server's identifier may be one from which keys are derived: the client chose it, or it came with
    /// the token that is handed back, and then it may be of any length.
    fn may_be_of_client(&self, known: Option<&FirstId>) -> bool {
        known.is_some() || !self.token.is_empty() || self.destination.len() >= FIRST_ID_BYTES_MIN
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
