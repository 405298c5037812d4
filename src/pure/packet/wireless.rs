//! What does a wireless frame carry? 802.11, and the radio headers that stand before it.
//!
//! Only data frames carry IP. What is encrypted is called so, and never taken for empty.

use super::decode::by_link_type;
use super::layer::{Layer, not_ip};
use super::logical::logical_link;
use super::{Decoded, Mac};

const NAME: &str = "802.11";

/// An 802.11 frame (IEEE 802.11-2020, 9.2).
pub(super) fn wireless(layer: Layer<'_>) -> Decoded<'_> {
    match *layer.bytes {
        [kind, flags, ..] => frame([kind, flags], PLAIN, layer),
        _ => layer.unreadable(NAME),
    }
}

/// The same as some access points send it to their controller: the first two bytes swapped, and those that
/// number the frame and its fragments.
pub(super) fn swapped(layer: Layer<'_>) -> Decoded<'_> {
    match *layer.bytes {
        [flags, kind, ..] if kind & 0x0f == 0x08 => frame([kind, flags], SWAPPED, layer),
        _ => wireless(layer),
    }
}

/// What differs between those who hand 802.11 frames on.
struct Form {
    /// The content begins at a multiple of it.
    alignment: usize,
    /// Where the lower half of a byte tells which fragment it is.
    fragment_at: usize,
}

const PLAIN: Form = Form { alignment: 1, fragment_at: 22 };
const PADDED: Form = Form { alignment: 4, ..PLAIN };
const SWAPPED: Form = Form { fragment_at: 23, ..PLAIN };

const TO_DISTRIBUTION: u8 = 0x01;
const FROM_DISTRIBUTION: u8 = 0x02;
const PROTECTED: u8 = 0x40;
/// In QoS data frames: a field for high throughput follows the header.
const ORDER: u8 = 0x80;

fn frame([kind, flags]: [u8; 2], form: Form, mut layer: Layer<'_>) -> Decoded<'_> {
    const DATA: u8 = 2;
    const WITHOUT_DATA: u8 = 0x40;
    const QUALITY: u8 = 0x80;
    match (kind & 3, kind >> 2 & 3) {
        (0, DATA) => {}
        (0, _) => return not_ip("802.11 management"),
        _ => return Decoded::Undecoded(NAME),
    }
    if kind & WITHOUT_DATA != 0 {
        return not_ip("802.11 data without content");
    }
    let both = TO_DISTRIBUTION | FROM_DISTRIBUTION;
    let plain_bytes = if flags & both == both { 30 } else { 24 };
    let Some(header) = layer.bytes.get(..plain_bytes) else { return layer.unreadable(NAME) };
    let is_later_fragment = header[form.fragment_at] & 0x0f != 0;
    (layer.destination_mac, layer.source_mac) = ends(header, flags & both);
    if flags & PROTECTED != 0 {
        return Decoded::Undecoded("802.11, encrypted");
    }
    if is_later_fragment {
        return Decoded::Undecoded("802.11, fragment");
    }
    let header_bytes = match (kind & QUALITY, flags & ORDER) {
        (0, _) => plain_bytes,
        (_, 0) => plain_bytes + 2,
        _ => plain_bytes + 6,
    };
    let control = layer.bytes.get(plain_bytes).filter(|_| kind & QUALITY != 0);
    let is_aggregate = control.is_some_and(|control| control & 0x80 != 0);
    let open = if is_aggregate { aggregate } else { content };
    layer.open(header_bytes.next_multiple_of(form.alignment), NAME, open)
}

/// LLC; in a mesh behind a header of its own (9.2.4.7.3), which the quality field announces by a bit that
/// has other meanings elsewhere, so that only what follows tells.
fn content(layer: Layer<'_>) -> Decoded<'_> {
    const SNAP: [u8; 3] = [0xaa, 0xaa, 0x03];
    let mesh_bytes = 6 + 6 * usize::from(layer.bytes.first().map_or(0, |flags| flags & 3));
    match layer.inside(mesh_bytes) {
        Some(inner) if !layer.bytes.starts_with(&SNAP) && inner.bytes.starts_with(&SNAP) => {
            logical_link(inner)
        }
        _ => logical_link(layer),
    }
}

/// Who sent it and to whom: which of the addresses that is depends on the way through the access points.
fn ends(header: &[u8], way: u8) -> (Option<Mac>, Option<Mac>) {
    let at = |offset: usize| header.get(offset..).and_then(|rest| rest.first_chunk()).map(|mac| Mac(*mac));
    match way {
        0 => (at(4), at(10)),
        TO_DISTRIBUTION => (at(16), at(10)),
        FROM_DISTRIBUTION => (at(4), at(16)),
        _ => (at(16), at(24)),
    }
}

/// Several packets in one frame (A-MSDU, 9.3.2.2.2), each with its ends and its length. The first is
/// read; that others follow is said.
fn aggregate(mut layer: Layer<'_>) -> Decoded<'_> {
    const HEADER_BYTES: usize = 14;
    let Some([d @ .., s0, s1, s2, s3, s4, s5, l0, l1]) = layer.bytes.first_chunk::<HEADER_BYTES>() else {
        return layer.unreadable(NAME);
    };
    layer.destination_mac = d.first_chunk().map(|mac| Mac(*mac));
    layer.source_mac = Some(Mac([*s0, *s1, *s2, *s3, *s4, *s5]));
    let end = HEADER_BYTES + usize::from(u16::from_be_bytes([*l0, *l1]));
    // What was cut away may be more of them.
    let has_more = layer.is_cut || layer.bytes.len() >= end.next_multiple_of(4) + HEADER_BYTES;
    layer.bytes = layer.bytes.get(..end).unwrap_or(layer.bytes);
    match layer.open(HEADER_BYTES, NAME, logical_link) {
        Decoded::Packet(mut packet) if has_more => {
            packet.unread_layer = packet.unread_layer.or(Some("802.11, rest of an aggregate"));
            Decoded::Packet(packet)
        }
        Decoded::NotIp(_) if has_more => Decoded::Undecoded("802.11, rest of an aggregate"),
        other => other,
    }
}

/// Radiotap (radiotap.org): its length in little-endian order, and a flag for padding within 802.11.
pub(super) fn radiotap(layer: Layer<'_>) -> Decoded<'_> {
    let Some([0, _, l0, l1, ..]) = layer.bytes.first_chunk::<8>() else {
        return layer.unreadable("radiotap header");
    };
    let header_bytes = usize::from(u16::from_le_bytes([*l0, *l1]));
    let is_padded = radiotap_flags(layer.bytes).is_some_and(|flags| flags & 0x20 != 0);
    layer.open(header_bytes, "radiotap header", if is_padded { padded } else { wireless })
}

/// How many words tell which fields are there; one is usual, each antenna adds one.
const PRESENT_WORDS_MAX: usize = 32;

/// The flags field: it stands first, or after the time stamp, which is aligned to eight bytes.
fn radiotap_flags(header: &[u8]) -> Option<u8> {
    let words = header.get(4..)?.chunks_exact(4).take(PRESENT_WORDS_MAX);
    let last = words.map(|word| word[3]).position(|high| high & 0x80 == 0)?;
    let present = header[4];
    let fields = 4 + (last + 1) * 4;
    let at = if present & 1 == 0 { fields } else { fields.next_multiple_of(8) + 8 };
    header.get(at).copied().filter(|_| present & 2 != 0)
}

/// An 802.11 frame whose header some cards pad to four bytes.
fn padded(layer: Layer<'_>) -> Decoded<'_> {
    match *layer.bytes {
        [kind, flags, ..] => frame([kind, flags], PADDED, layer),
        _ => layer.unreadable(NAME),
    }
}

/// The header of Prism cards, whose length has the byte order of the machine; or, under the same number,
/// that of AVS.
pub(super) fn prism(layer: Layer<'_>) -> Decoded<'_> {
    let Some([c0, c1, c2, _, l0, l1, l2, l3]) = layer.bytes.first_chunk::<8>() else {
        return layer.unreadable("Prism header");
    };
    if [*c0, *c1, *c2] == AVS_MAGIC {
        return avs(layer);
    }
    let length = [*l0, *l1, *l2, *l3];
    let header_bytes = u32::from_le_bytes(length).min(u32::from_be_bytes(length)) as usize;
    layer.open(header_bytes, "Prism header", wireless)
}

const AVS_MAGIC: [u8; 3] = [0x80, 0x21, 0x10];

/// The AVS header: a magic number with the version, and its length.
pub(super) fn avs(layer: Layer<'_>) -> Decoded<'_> {
    match layer.u32_at(4) {
        Some(header_bytes) => layer.open(header_bytes as usize, "AVS header", wireless),
        None => layer.unreadable("AVS header"),
    }
}

/// Per-packet information: version 0, its length and the link type behind it, in little-endian order.
pub(super) fn per_packet(layer: Layer<'_>) -> Decoded<'_> {
    let Some([0, _, l0, l1, t0, t1, 0, 0]) = layer.bytes.first_chunk() else {
        return layer.unreadable("PPI header");
    };
    let (header_bytes, link_type) = (u16::from_le_bytes([*l0, *l1]), u16::from_le_bytes([*t0, *t1]));
    layer.open(header_bytes.into(), "PPI header", |inner| by_link_type(link_type, inner))
}
