//! With which keys does a QUIC client protect its first packets, and what lies under them?
//!
//! RFC 9001, 5.2 to 5.4, and RFC 9369, 3.3. The cryptography is `ring`'s.

use super::quic::QuicVersion;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use ring::hkdf::{self, HKDF_SHA256, Prk, Salt};

const KEY_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;
const SECRET_BYTES: usize = 32;
const SAMPLE_BYTES: usize = 16;
/// Where the sample begins after the start of the packet number, however long that is.
const SAMPLE_OFFSET: usize = 4;

/// The keys of one direction.
pub(super) struct Keys {
    packet: LessSafeKey,
    nonce: [u8; NONCE_BYTES],
    header: quic::HeaderProtectionKey,
}

impl Keys {
    /// Those of the client's Initial packets, by the first identifier that it chose for the server; `None` for
    /// versions that are not known.
    pub(super) fn of_client(version: QuicVersion, id: &[u8]) -> Option<Keys> {
        let Words { packet, nonce, header } = words(version);
        let common = Salt::new(HKDF_SHA256, &salt(version)?).extract(id);
        let secret = Prk::new_less_safe(HKDF_SHA256, &expanded::<SECRET_BYTES>(&common, b"client in")?);
        let packet = UnboundKey::new(&AES_128_GCM, &expanded::<KEY_BYTES>(&secret, packet)?).ok()?;
        let header = expanded::<KEY_BYTES>(&secret, header)?;
        Some(Keys {
            packet: LessSafeKey::new(packet),
            nonce: expanded(&secret, nonce)?,
            header: quic::HeaderProtectionKey::new(&quic::AES_128, &header).ok()?,
        })
    }

    /// Opens a packet in its place: what it carries, or `None` when it is not one of these keys.
    /// `number_at` is where the packet number begins.
    pub(super) fn open<'a>(&self, packet: &'a mut [u8], number_at: usize) -> Option<&'a [u8]> {
        let sample = packet.get(number_at + SAMPLE_OFFSET..)?.get(..SAMPLE_BYTES)?;
        let [mask, number_mask @ ..] = self.header.new_mask(sample).ok()?;
        let first = packet.first_mut()?;
        *first ^= mask & 0x0f;
        let number_bytes = usize::from(*first & 0x03) + 1;
        let (header, sealed) = packet.split_at_mut_checked(number_at + number_bytes)?;
        let mut nonce = self.nonce;
        let number = header.get_mut(number_at..)?;
        number.iter_mut().zip(number_mask).for_each(|(byte, mask)| *byte ^= mask);
        // The first packets have small numbers, of which nothing is left out (RFC 9000, 17.1).
        nonce.iter_mut().rev().zip(number.iter().rev()).for_each(|(byte, number)| *byte ^= number);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let opened = self.packet.open_in_place(nonce, Aad::from(&*header), sealed).ok()?;
        Some(opened)
    }
}

/// RFC 9001, 5.2; RFC 9369, 3.3.1; draft-ietf-quic-tls-29, 5.2, and -23, 5.2.
fn salt(version: QuicVersion) -> Option<[u8; 20]> {
    Some(match version {
        QuicVersion::Other => return None,
        QuicVersion::Draft23 => [
            0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65,
            0xbe, 0xf9, 0xf5, 0x02,
        ],
        QuicVersion::One => [
            0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
            0xcc, 0xbb, 0x7f, 0x0a,
        ],
        QuicVersion::Two => [
            0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb,
            0xf9, 0xbd, 0x2e, 0xd9,
        ],
        QuicVersion::Draft29 => [
            0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0,
            0x43, 0x90, 0xa8, 0x99,
        ],
    })
}

/// The words by which the keys are told apart.
struct Words {
    packet: &'static [u8],
    nonce: &'static [u8],
    header: &'static [u8],
}

fn words(version: QuicVersion) -> Words {
    match version {
        QuicVersion::One | QuicVersion::Draft29 | QuicVersion::Draft23 | QuicVersion::Other => {
            Words { packet: b"quic key", nonce: b"quic iv", header: b"quic hp" }
        }
        QuicVersion::Two => Words { packet: b"quicv2 key", nonce: b"quicv2 iv", header: b"quicv2 hp" },
    }
}

/// HKDF-Expand-Label of TLS 1.3 with an empty context (RFC 8446, 7.1).
fn expanded<const BYTES: usize>(secret: &Prk, word: &[u8]) -> Option<[u8; BYTES]> {
    const PREFIX: &[u8] = b"tls13 ";
    let lengths = [0, BYTES as u8, (PREFIX.len() + word.len()) as u8];
    let mut bytes = [0; BYTES];
    secret.expand(&[&lengths, PREFIX, word, &[0]], Length(BYTES)).ok()?.fill(&mut bytes).ok()?;
    Some(bytes)
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}
