//! What lies between the wire and IP on Ethernet? Its tags, and what each EtherType announces.

use super::ethertype::without_ip;
use super::internet::{any_ip, ipv4, ipv6};
use super::layer::{Layer, not_ip};
use super::logical::logical_link;
use super::mpls::mpls;
use super::serial::pppoe;
use super::{Decoded, Mac, NotIp};
use std::net::{IpAddr, Ipv4Addr};

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
const ARP: u16 = 0x0806;

/// How many VLAN tags may stand before the EtherType: no switch makes more than four.
const TAGS_MAX: usize = 16;

/// Below this the type field of Ethernet is a length (IEEE 802.3, 3.2.6), and LLC follows.
pub(super) const ETHERTYPE_MIN: u16 = 0x0600;

pub(super) const ETHERNET_HEADER_BYTES: usize = 14;

/// Ethernet II or 802.3.
#[inline]
pub(super) fn ethernet(mut layer: Layer<'_>) -> Decoded<'_> {
    let Some([d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1]) = layer.bytes.first_chunk() else {
        return layer.unreadable("Ethernet header");
    };
    layer.destination_mac = Some(Mac([*d0, *d1, *d2, *d3, *d4, *d5]));
    layer.source_mac = Some(Mac([*s0, *s1, *s2, *s3, *s4, *s5]));
    let ethertype = u16::from_be_bytes([*t0, *t1]);
    layer.open(ETHERNET_HEADER_BYTES, "Ethernet header", |inner| by_ethertype(ethertype, inner))
}

/// What an EtherType announces, behind any tags.
#[inline]
pub(super) fn by_ethertype(ethertype: u16, layer: Layer<'_>) -> Decoded<'_> {
    match ethertype {
        IPV4 => ipv4(layer),
        IPV6 => ipv6(layer),
        _ => tagged(ethertype, layer),
    }
}

fn tagged(mut ethertype: u16, mut layer: Layer<'_>) -> Decoded<'_> {
    for _ in 0..TAGS_MAX {
        if !is_tag(ethertype) {
            return untagged(ethertype, layer);
        }
        let Some([_, _, t0, t1, inner @ ..]) = layer.bytes.get(..) else {
            return layer.unreadable("VLAN tag");
        };
        ethertype = u16::from_be_bytes([*t0, *t1]);
        layer.bytes = inner;
    }
    untagged(ethertype, layer)
}

/// 802.1Q, 802.1ad, and what vendors used before it.
fn is_tag(ethertype: u16) -> bool {
    matches!(ethertype, 0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300)
}

fn untagged(ethertype: u16, layer: Layer<'_>) -> Decoded<'_> {
    match ethertype {
        IPV4 => ipv4(layer),
        IPV6 => ipv6(layer),
        ARP => arp(layer),
        0x8847 | 0x8848 => mpls(layer),
        0x8864 => pppoe(layer),
        // Transparent bridging, and the same in GRE (RFC 1701, RFC 7637).
        0x6558 | 0x6400 => ethernet(layer),
        // 802.1ah: four bytes of service tag, then a whole Ethernet header.
        0x88e7 => layer.open(4, "802.1ah tag", ethernet),
        // FabricPath: two bytes of tag, then the frame as it came.
        0x8903 => layer.open(2, "FabricPath", ethernet),
        0x22f3 => trill(layer),
        // Tags of four bytes: VN-Tag, HSR and 802.1CB.
        0x8926 | 0x892f | 0xf1c1 => behind_tag(4, layer),
        // Of six: Cisco metadata, with a security group, and the E-Tag of 802.1BR.
        0x8909 | 0x893f => behind_tag(6, layer),
        0x4305 => mesh(layer),
        0xd28b => stamped(layer),
        0x894f => service_header(layer),
        0x88e5 => macsec(layer),
        0x88bb => Decoded::Undecoded("LWAPP"),
        // LLC in frames longer than a length field can say.
        0x8870 => logical_link(layer),
        _ if is_tag(ethertype) => Decoded::Undecoded("too many VLAN tags"),
        length if length < ETHERTYPE_MIN => logical_link(layer),
        other => without_ip(other).map_or(Decoded::UnknownType(other), not_ip),
    }
}

/// A tag of `tag_bytes`, and then another EtherType.
fn behind_tag(tag_bytes: usize, layer: Layer<'_>) -> Decoded<'_> {
    match layer.u16_at(tag_bytes) {
        Some(ethertype) => layer.open(tag_bytes + 2, "tag", |inner| by_ethertype(ethertype, inner)),
        None => layer.unreadable("tag"),
    }
}

/// Arista's time stamp, which its switches put into the frames of a mirror: what it is, of what form and
/// hardware, the time in 64 or 48 bits, and another EtherType.
fn stamped(layer: Layer<'_>) -> Decoded<'_> {
    match layer.bytes {
        [0, 1, _, 0x10..=0x1f, ..] => behind_tag(12, layer),
        [0, 1, _, 0x20..=0x2f, ..] => behind_tag(10, layer),
        _ => layer.unreadable("time stamp of a mirror"),
    }
}

/// TRILL (RFC 6325, 3.2): six bytes, options counted in four bytes, and the frame as it came.
fn trill(layer: Layer<'_>) -> Decoded<'_> {
    let Some(first) = layer.u16_at(0) else { return layer.unreadable("TRILL") };
    layer.open(6 + usize::from(first >> 6 & 0x1f) * 4, "TRILL", ethernet)
}

/// B.A.T.M.A.N. advanced, version 15 (linux/batadv_packet.h): frames as they came, behind 10, 14 or 18 bytes.
fn mesh(layer: Layer<'_>) -> Decoded<'_> {
    const NAME: &str = "B.A.T.M.A.N.";
    match *layer.bytes {
        [0x40, 15, ..] => layer.open(10, NAME, ethernet),
        [0x01, 15, ..] => layer.open(14, NAME, ethernet),
        [0x42, 15, ..] => layer.open(18, NAME, ethernet),
        // Who is near, and what it can do.
        [0x00 | 0x02..=0x05, 15, ..] => not_ip("B.A.T.M.A.N. control"),
        _ => layer.unreadable(NAME),
    }
}

/// The network service header (RFC 8300, 2.2), whose length counts in four bytes.
pub(super) fn service_header(layer: Layer<'_>) -> Decoded<'_> {
    let Some([_, length, _, next]) = layer.bytes.first_chunk() else { return layer.unreadable("NSH") };
    let header_bytes = usize::from(length & 0x3f) * 4;
    match next {
        1 | 2 => layer.open(header_bytes, "NSH", any_ip),
        3 => layer.open(header_bytes, "NSH", ethernet),
        5 => layer.open(header_bytes, "NSH", mpls),
        _ => Decoded::Undecoded("NSH"),
    }
}

/// MACsec (IEEE 802.1AE, 9.3): readable where it only proves who sent the frame.
fn macsec(layer: Layer<'_>) -> Decoded<'_> {
    const ENCRYPTED: u8 = 0x08;
    const CHANGED: u8 = 0x04;
    const CHANNEL: u8 = 0x20;
    match layer.bytes.first() {
        Some(flags) if flags & (ENCRYPTED | CHANGED) != 0 => Decoded::Undecoded("MACsec"),
        Some(flags) => behind_tag(if flags & CHANNEL == 0 { 6 } else { 14 }, layer),
        None => layer.unreadable("MACsec"),
    }
}

/// ARP for IPv4 on Ethernet; probes (sender 0.0.0.0) tell of nobody.
fn arp(layer: Layer<'_>) -> Decoded<'_> {
    let Some([0, 1, 8, 0, 6, 4, _, _, m0, m1, m2, m3, m4, m5, a, b, c, d]) = layer.bytes.first_chunk::<18>()
    else {
        return not_ip("ARP");
    };
    let sender = Ipv4Addr::new(*a, *b, *c, *d);
    if sender.is_unspecified() {
        return not_ip("ARP");
    }
    Decoded::NotIp(NotIp::Arp { sender: IpAddr::V4(sender), mac: Mac([*m0, *m1, *m2, *m3, *m4, *m5]) })
}

/// Ethernet where nothing announces it; `None` when it does not look like it.
pub(super) fn likely_ethernet(layer: Layer<'_>) -> Option<Decoded<'_>> {
    match layer.bytes.len() {
        _ if is_ethernet_like(&layer) => Some(ethernet(layer)),
        ..=ETHERNET_HEADER_BYTES => layer.no_tunnel(),
        _ => None,
    }
}

/// Whether the bytes look so much like Ethernet that they may be taken for it where nothing announces
/// it: by the EtherType, and by what must follow it.
pub(super) fn is_ethernet_like(layer: &Layer<'_>) -> bool {
    let Some((header, rest)) = layer.bytes.split_first_chunk::<ETHERNET_HEADER_BYTES>() else { return false };
    match u16::from_be_bytes([header[12], header[13]]) {
        IPV4 => rest.first().is_some_and(|first| matches!(first, 0x45..=0x4f)),
        IPV6 => rest.first().is_some_and(|first| first >> 4 == 6),
        ARP => rest.starts_with(&[0, 1, 8, 0]),
        ethertype if ethertype < ETHERTYPE_MIN => {
            let known =
                [&[0xaa, 0xaa, 3][..], &[0x42, 0x42, 3], &[0xe0, 0xe0, 3], &[0xf0, 0xf0], &[0xfe, 0xfe, 3]];
            (layer.is_cut || usize::from(ethertype) <= rest.len())
                && known.iter().any(|start| rest.starts_with(start))
        }
        ethertype => {
            is_tag(ethertype)
                || matches!(ethertype, 0x8847 | 0x8848 | 0x8863 | 0x8864 | 0x888e | 0x88cc | 0x88e7 | 0x9000)
        }
    }
}
