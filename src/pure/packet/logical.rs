//! What stands behind an 802.2 header? LLC and SNAP, and the rings and fibres that always use them.

use super::internet::{any_ip, ipv4};
use super::layer::{Layer, not_ip};
use super::link::{ETHERTYPE_MIN, by_ethertype, ethernet, is_ethernet_like};
use super::{Decoded, Mac};

/// LLC (IEEE 802.2): SNAP, ISO's identifier or the rare address 06 carry IP.
pub(super) fn logical_link(layer: Layer<'_>) -> Decoded<'_> {
    match *layer.bytes {
        [0xaa, 0xaa, 0x03, o0, o1, o2, t0, t1, ..] => {
            subnetwork(8, [o0, o1, o2], u16::from_be_bytes([t0, t1]), layer)
        }
        [0x06, _, 0x03, ..] => layer.open(3, "LLC header", ipv4),
        [0xfe, 0xfe, 0x03, 0xcc | 0x8e, ..] => layer.open(4, "LLC header", any_ip),
        [0xfe, 0xfe, 0x03] | [0xaa, 0xaa, 0x03, ..] => layer.unreadable("LLC header"),
        [0x42, 0x42, ..] => not_ip("spanning tree"),
        [0xe0, 0xe0, ..] | [0xff, 0xff, ..] => not_ip("IPX"),
        [0xf0, 0xf0 | 0xf1, ..] => not_ip("NetBEUI"),
        [0xfe, 0xfe, ..] => not_ip("ISO routing"),
        [to, _, _, ..] if is_without_ip(to) => not_ip("LLC without IP"),
        _ => layer.unreadable("LLC header"),
    }
}

/// Whether frames to this address of LLC (IEEE's list; its last bit is that of groups) carry no IP: tests
/// and identification, SNA, PROWAY, X.25, XNS, Vines, NetBIOS, network management, remote boot.
fn is_without_ip(address: u8) -> bool {
    const KNOWN: [u8; 17] = [
        0x00, 0x02, 0x04, 0x08, 0x0c, 0x0e, 0x4e, 0x7e, 0x80, 0x86, 0x8e, 0xbc, 0xf0, 0xf4, 0xf8, 0xfc, 0xd4,
    ];
    KNOWN.contains(&(address & 0xfe))
}

/// SNAP, the content of which begins after `header_bytes`: EtherTypes as in Ethernet (RFC 1042) or from a
/// bridge (802.1H), or what an organisation defines.
pub(super) fn subnetwork(
    header_bytes: usize,
    organisation: [u8; 3],
    kind: u16,
    layer: Layer<'_>,
) -> Decoded<'_> {
    match (organisation, kind) {
        ([0, 0, 0] | [0, 0, 0xf8], kind) if kind >= ETHERTYPE_MIN => {
            layer.open(header_bytes, "SNAP header", |inner| by_ethertype(kind, inner))
        }
        // Bridged Ethernet with and without its checksum (RFC 2427, 4.2; RFC 2684, which pads it).
        ([0, 0x80, 0xc2], 0x0001 | 0x0007) => layer.open(header_bytes, "SNAP header", bridged),
        ([0, 0x80, 0xc2], 0x000e | 0x000f) => not_ip("spanning tree"),
        ([0, 0, 0x0c], _) => not_ip("Cisco protocols"),
        ([8, 0, 7], _) => not_ip("AppleTalk"),
        // Extreme, Nortel, HP, Foundry, Aironet: discovery and redundancy of their switches.
        ([0, 0xe0, 0x2b] | [0, 0, 0x81] | [8, 0, 9] | [0, 0xe0, 0x52] | [0, 0x40, 0x96], _) => {
            not_ip("switches' own protocols")
        }
        _ => Decoded::Undecoded("SNAP, an unknown kind"),
    }
}

/// Bridged Ethernet, before which ATM writes two bytes of padding; an address may begin with zeros as well.
fn bridged(layer: Layer<'_>) -> Decoded<'_> {
    const PAD: [u8; 2] = [0, 0];
    match layer.inside(PAD.len()) {
        Some(padded) if layer.bytes.starts_with(&PAD) && !is_ethernet_like(&layer) => ethernet(padded),
        _ => ethernet(layer),
    }
}

/// Token Ring (IEEE 802.5): 14 bytes, and a route where the sender's first bit says so.
pub(super) fn token_ring(layer: Layer<'_>) -> Decoded<'_> {
    let Some([_, control, d @ .., s0, s1, s2, s3, s4, s5]) = layer.bytes.first_chunk::<14>() else {
        return layer.unreadable("Token Ring");
    };
    if control & 0xc0 != 0x40 {
        return not_ip("Token Ring management");
    }
    let mut inner = layer;
    inner.destination_mac = d.first_chunk().map(|mac| Mac(*mac));
    inner.source_mac = Some(Mac([s0 & 0x7f, *s1, *s2, *s3, *s4, *s5]));
    let has_route = s0 & 0x80 != 0;
    let route_bytes =
        if has_route { usize::from(layer.bytes.get(14).copied().unwrap_or(2) & 0x1f) } else { 0 };
    inner.open(14 + route_bytes, "Token Ring", logical_link)
}

/// FDDI (ISO 9314-2): control, both addresses, LLC.
pub(super) fn fddi(mut layer: Layer<'_>) -> Decoded<'_> {
    let Some([control, addresses @ ..]) = layer.bytes.first_chunk::<13>() else {
        return layer.unreadable("FDDI");
    };
    layer.destination_mac = addresses.first_chunk().map(|mac| Mac(*mac));
    layer.source_mac = addresses.last_chunk().map(|mac| Mac(*mac));
    if control & 0xf0 == 0x50 { layer.open(13, "FDDI", logical_link) } else { not_ip("FDDI management") }
}

/// IP over Fibre Channel (RFC 2625): both addresses in eight bytes each, LLC.
pub(super) fn fibre_channel(layer: Layer<'_>) -> Decoded<'_> {
    layer.open(16, "IP over Fibre Channel", logical_link)
}
