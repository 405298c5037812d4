//! What lies between the wire and IP? Ethernet with its tags, cooked Linux captures, loopback, PPP.

use super::internet::{ipv4, ipv6};
use super::layer::{Layer, not_ip};
use super::tunnel::mpls;
use super::{Decoded, Mac, NotIp};
use std::net::{IpAddr, Ipv4Addr};

pub(super) const IPV4: u16 = 0x0800;
pub(super) const IPV6: u16 = 0x86dd;
const ARP: u16 = 0x0806;

/// How many VLAN tags and the like may stand before the EtherType.
const TAGS_MAX: usize = 8;

/// Below this the type field of Ethernet is a length (IEEE 802.3, 3.2.6), and LLC follows.
const ETHERTYPE_MIN: u16 = 0x0600;

/// Ethernet II or 802.3.
#[inline]
pub(super) fn ethernet(mut layer: Layer<'_>) -> Decoded<'_> {
    let Some([d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1]) = layer.bytes.first_chunk() else {
        return layer.unreadable("Ethernet header");
    };
    layer.destination_mac = Some(Mac([*d0, *d1, *d2, *d3, *d4, *d5]));
    layer.source_mac = Some(Mac([*s0, *s1, *s2, *s3, *s4, *s5]));
    let ethertype = u16::from_be_bytes([*t0, *t1]);
    layer.open(14, "Ethernet header", |inner| by_ethertype(ethertype, inner))
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
        if !matches!(ethertype, 0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300) {
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

fn untagged(ethertype: u16, layer: Layer<'_>) -> Decoded<'_> {
    match ethertype {
        IPV4 => ipv4(layer),
        IPV6 => ipv6(layer),
        ARP => arp(layer),
        0x8847 | 0x8848 => mpls(layer),
        0x8864 => pppoe(layer),
        0x6558 => ethernet(layer),
        // 802.1ah: four bytes of service tag, then a whole Ethernet header.
        0x88e7 => layer.open(4, "802.1ah tag", ethernet),
        0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => Decoded::Undecoded("too many VLAN tags"),
        0x88e5 => Decoded::Undecoded("MACsec"),
        0x22f3 => Decoded::Undecoded("TRILL"),
        0x8903 => Decoded::Undecoded("FabricPath"),
        0x8926 => Decoded::Undecoded("VN-Tag"),
        0x894f => Decoded::Undecoded("NSH"),
        length if length < ETHERTYPE_MIN => logical_link(layer),
        other => not_ip(other),
    }
}

/// LLC (IEEE 802.2), of which SNAP and the rare address 06 carry IP.
fn logical_link(layer: Layer<'_>) -> Decoded<'_> {
    match layer.bytes {
        [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00, t0, t1, ..] => {
            let ethertype = u16::from_be_bytes([*t0, *t1]);
            layer.open(8, "SNAP header", |inner| by_ethertype(ethertype, inner))
        }
        [0x06, 0x06, 0x03, ..] => layer.open(3, "LLC header", ipv4),
        _ => not_ip(0),
    }
}

/// Linux cooked capture, version 1: 16 bytes.
pub(super) fn cooked(mut layer: Layer<'_>) -> Decoded<'_> {
    let Some([_, _, _, _, 0, length, address @ .., _, _, p0, p1]) = layer.bytes.first_chunk::<16>() else {
        return layer.unreadable("Linux cooked header");
    };
    layer.source_mac = (*length == 6).then_some(Mac(*address));
    let protocol = u16::from_be_bytes([*p0, *p1]);
    layer.open(16, "Linux cooked header", |inner| cooked_protocol(protocol, inner))
}

/// Linux cooked capture, version 2: 20 bytes.
pub(super) fn cooked_2(mut layer: Layer<'_>) -> Decoded<'_> {
    let Some([p0, p1, _, _, _, _, _, _, _, _, _, length, address @ .., _, _]) =
        layer.bytes.first_chunk::<20>()
    else {
        return layer.unreadable("Linux cooked header");
    };
    layer.source_mac = (*length == 6).then_some(Mac(*address));
    let protocol = u16::from_be_bytes([*p0, *p1]);
    layer.open(20, "Linux cooked header", |inner| cooked_protocol(protocol, inner))
}

/// Linux numbers below 0x0600 are its own: 4 is LLC (linux/if_ether.h, ETH_P_802_2).
fn cooked_protocol(protocol: u16, layer: Layer<'_>) -> Decoded<'_> {
    match protocol {
        4 => logical_link(layer),
        other if other < ETHERTYPE_MIN => not_ip(other),
        other => by_ethertype(other, layer),
    }
}

/// BSD loopback: the address family in the byte order of the capturing machine.
pub(super) fn loopback(layer: Layer<'_>) -> Decoded<'_> {
    let Some(field @ [_, _, t0, t1]) = layer.bytes.first_chunk::<4>() else {
        return layer.unreadable("loopback header");
    };
    let ethertype = u16::from_be_bytes([*t0, *t1]);
    let family = u32::from_le_bytes(*field).min(u32::from_be_bytes(*field));
    match family {
        2 => layer.open(4, "loopback header", ipv4),
        // AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS.
        10 | 24 | 28 | 30 => layer.open(4, "loopback header", ipv6),
        // Some writers put an EtherType into the lower half.
        _ => layer.open(4, "loopback header", |inner| by_ethertype(ethertype, inner)),
    }
}

/// PPP (RFC 1661, 1662), with or without address and control bytes.
pub(super) fn ppp(layer: Layer<'_>) -> Decoded<'_> {
    let framing = if layer.bytes.starts_with(&[0xff, 0x03]) { 2 } else { 0 };
    let rest = layer.bytes.get(framing..).unwrap_or_default();
    let (protocol, bytes) = match rest {
        // An odd first byte is a whole protocol number with its leading zero left out.
        [short, ..] if short & 1 == 1 => (u16::from(*short), 1),
        [p0, p1, ..] => (u16::from_be_bytes([*p0, *p1]), 2),
        _ => return layer.unreadable("PPP header"),
    };
    match protocol {
        0x0021 => layer.open(framing + bytes, "PPP header", ipv4),
        0x0057 => layer.open(framing + bytes, "PPP header", ipv6),
        0x0281 => layer.open(framing + bytes, "PPP header", mpls),
        0x00fd | 0x00fb => Decoded::Undecoded("compressed PPP"),
        0x0053 | 0x0055 => Decoded::Undecoded("encrypted PPP"),
        0x003d => Decoded::Undecoded("multilink PPP"),
        0x002d | 0x002f => Decoded::Undecoded("PPP with compressed TCP headers"),
        _ => not_ip(0),
    }
}

/// PPPoE session (RFC 2516): six bytes, then PPP.
pub(super) fn pppoe(layer: Layer<'_>) -> Decoded<'_> {
    match layer.bytes {
        [0x11, 0x00, _, _, _, _, ..] => layer.open(6, "PPPoE", ppp),
        [0x11, _, _, _, _, _, ..] => not_ip(0x8863),
        _ => layer.unreadable("PPPoE"),
    }
}

/// Cisco HDLC: address, control and EtherType.
pub(super) fn cisco_hdlc(layer: Layer<'_>) -> Decoded<'_> {
    match layer.u16_at(2) {
        Some(ethertype) if ethertype >= ETHERTYPE_MIN => {
            layer.open(4, "Cisco HDLC header", |inner| by_ethertype(ethertype, inner))
        }
        Some(_) => not_ip(0),
        None => layer.unreadable("Cisco HDLC header"),
    }
}

/// ARP for IPv4 on Ethernet; probes (sender 0.0.0.0) tell of nobody.
fn arp(layer: Layer<'_>) -> Decoded<'_> {
    let Some([0, 1, 8, 0, 6, 4, _, _, m0, m1, m2, m3, m4, m5, a, b, c, d]) = layer.bytes.first_chunk::<18>()
    else {
        return not_ip(ARP);
    };
    let sender = Ipv4Addr::new(*a, *b, *c, *d);
    if sender.is_unspecified() {
        return not_ip(ARP);
    }
    Decoded::NotIp(NotIp::Arp { sender: IpAddr::V4(sender), mac: Mac([*m0, *m1, *m2, *m3, *m4, *m5]) })
}
