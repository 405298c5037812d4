//! What lies behind headers that no wire knows, but that a capturing system writes? Linux cooked
//! captures, loopback, and the logs of packet filters.

use super::decode::by_link_type;
use super::internet::{any_ip, ipv4, ipv6};
use super::layer::{Layer, not_ip};
use super::link::{ETHERTYPE_MIN, by_ethertype, ethernet};
use super::logical::logical_link;
use super::serial::{cisco_hdlc, ppp};
use super::wireless::{prism, radiotap, wireless};
use super::{Decoded, Mac};

/// Linux cooked capture, version 1: 16 bytes.
pub(super) fn cooked(mut layer: Layer<'_>) -> Decoded<'_> {
    let Some([_, _, h0, h1, l0, l1, address @ .., _, _, p0, p1]) = layer.bytes.first_chunk::<16>() else {
        return layer.unreadable("Linux cooked header");
    };
    layer.source_mac = ([*l0, *l1] == [0, 6]).then_some(Mac(*address));
    let [hardware, protocol] = [[*h0, *h1], [*p0, *p1]].map(u16::from_be_bytes);
    layer.open(16, "Linux cooked header", |inner| cooked_protocol(hardware, protocol, inner))
}

/// Linux cooked capture, version 2: 20 bytes.
pub(super) fn cooked_2(mut layer: Layer<'_>) -> Decoded<'_> {
    let Some([p0, p1, _, _, _, _, _, _, h0, h1, _, length, address @ .., _, _]) =
        layer.bytes.first_chunk::<20>()
    else {
        return layer.unreadable("Linux cooked header");
    };
    layer.source_mac = (*length == 6).then_some(Mac(*address));
    let [hardware, protocol] = [[*h0, *h1], [*p0, *p1]].map(u16::from_be_bytes);
    layer.open(20, "Linux cooked header", |inner| cooked_protocol(hardware, protocol, inner))
}

/// Linux numbers below 0x0600 are its own: 4 is LLC (linux/if_ether.h, ETH_P_802_2). What the device is
/// (linux/if_arp.h) comes first: some carry no EtherType.
fn cooked_protocol(hardware: u16, protocol: u16, layer: Layer<'_>) -> Decoded<'_> {
    match (hardware, protocol) {
        (801, _) => wireless(layer),
        (802, _) => prism(layer),
        (803, _) => radiotap(layer),
        (824, _) => not_ip("netlink"),
        (_, 3) => ethernet(layer),
        (_, 4 | 0x0011) => logical_link(layer),
        (_, 7) => ppp(layer),
        (_, 0x0019) => cisco_hdlc(layer),
        (_, 1) => not_ip("IPX"),
        (_, 0x000c..=0x000e) => not_ip("CAN"),
        (_, 0x0009 | 0x0010 | 0x0015..=0x0018) => not_ip("Linux protocols without IP"),
        (_, other) if other < ETHERTYPE_MIN => Decoded::Undecoded("an unknown Linux protocol"),
        (_, other) => by_ethertype(other, layer),
    }
}

/// Apple's PKTAP, which tells of which process a packet is: its length, whether a packet follows, and that
/// one's link type, in little-endian order.
pub(super) fn processes(layer: Layer<'_>) -> Decoded<'_> {
    const NAME: &str = "PKTAP header";
    let number = |at: usize| layer.u32_at(at).map(u32::swap_bytes);
    match (number(0), number(4), number(8).map(u16::try_from)) {
        (Some(header_bytes), Some(1), Some(Ok(link_type))) => {
            layer.open(header_bytes as usize, NAME, |inner| by_link_type(link_type, inner))
        }
        (Some(_), Some(0), _) => not_ip(NAME),
        _ => layer.unreadable(NAME),
    }
}

/// BSD loopback: the address family in the byte order of the capturing machine.
pub(super) fn loopback(layer: Layer<'_>) -> Decoded<'_> {
    let Some(field @ [t0, t1, t2, t3]) = layer.bytes.first_chunk::<4>() else {
        return layer.unreadable("loopback header");
    };
    if [*t0, *t1] == [0xff, 0x03] {
        return ppp(layer);
    }
    let family = u32::from_le_bytes(*field).min(u32::from_be_bytes(*field));
    let ethertype = u16::from_be_bytes([*t2, *t3]);
    match family {
        2 => layer.open(4, "loopback header", ipv4),
        // The number that Windows has for IPv6 is that of IPX elsewhere.
        23 if layer.bytes.get(4).is_some_and(|first| first >> 4 != 6) => not_ip("IPX"),
        family if is_ipv6_family(family) => layer.open(4, "loopback header", ipv6),
        7 | 16 => not_ip("loopback without IP"),
        family if family < ETHERTYPE_MIN.into() => Decoded::Undecoded("loopback, an unknown family"),
        // Some writers put an EtherType into the lower half.
        _ => layer.open(4, "loopback header", |inner| by_ethertype(ethertype, inner)),
    }
}

/// AF_INET6 of Linux; Windows; NetBSD and OpenBSD; Solaris; FreeBSD; macOS.
fn is_ipv6_family(family: u32) -> bool {
    matches!(family, 10 | 23 | 24 | 26 | 28 | 30)
}

/// The log of OpenBSD's packet filter: a header that begins with its length, rounded up to four.
pub(super) fn filter_log(layer: Layer<'_>) -> Decoded<'_> {
    match layer.bytes.first() {
        Some(length) => layer.open(usize::from(*length).next_multiple_of(4), "packet filter log", any_ip),
        None => layer.unreadable("packet filter log"),
    }
}

/// OpenBSD's view into IPsec: family, index and flags, then the packet in the clear.
pub(super) fn encapsulated(layer: Layer<'_>) -> Decoded<'_> {
    layer.open(12, "IPsec interface header", any_ip)
}

/// How many fields of a netfilter log are walked; the kernel knows about 25.
const LOG_FIELDS_MAX: usize = 64;

/// Linux' netfilter log: family, version, group, then fields whose lengths have the byte order of the
/// machine; one of them is the packet.
pub(super) fn netfilter_log(layer: Layer<'_>) -> Decoded<'_> {
    if layer.bytes.get(1).is_some_and(|version| *version != 0) {
        return Decoded::Undecoded("NFLOG");
    }
    let packet = [u16::from_le_bytes, u16::from_be_bytes].into_iter().find_map(|order| logged(layer, order));
    packet.unwrap_or_else(|| layer.unreadable("NFLOG"))
}

/// The packet in the log, if the fields make sense in this byte order.
fn logged(mut layer: Layer<'_>, order: fn([u8; 2]) -> u16) -> Option<Decoded<'_>> {
    const PAYLOAD: u16 = 9;
    const HARDWARE_ADDRESS: u16 = 8;
    let mut at = 4;
    for _ in 0..LOG_FIELDS_MAX {
        let [l0, l1, k0, k1] = *layer.bytes.get(at..)?.first_chunk()?;
        let (length, kind) = (usize::from(order([l0, l1])), order([k0, k1]));
        if length < 4 {
            return None;
        }
        if kind == PAYLOAD {
            return Some(payload(&layer, at + 4, at + length));
        }
        if let (HARDWARE_ADDRESS, Some([0, 6, _, _, mac @ ..])) =
            (kind, layer.bytes.get(at + 4..)?.first_chunk::<10>())
        {
            layer.source_mac = Some(Mac(*mac));
        }
        at += length.next_multiple_of(4);
    }
    None
}

/// The logged packet, which ends with its field.
fn payload<'a>(layer: &Layer<'a>, from: usize, to: usize) -> Decoded<'a> {
    let mut layer = *layer;
    layer.bytes = layer.bytes.get(..to).unwrap_or(layer.bytes);
    layer.open(from, "NFLOG", any_ip)
}
