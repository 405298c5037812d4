//! Which link layer does a frame begin with? The entrance of the decoder.

use super::internet::{any_ip, ipv4, ipv6};
use super::layer::Layer;
use super::logical::{self, logical_link};
use super::plain::{plain_ipv4, plain_ipv6};
use super::{Decoded, Frame, Packet, link, pseudo, serial, wireless};

/// Reads a frame down to its innermost IP packet. Never panics, never allocates, opens a bounded number
/// of layers, and reads nothing outside the frame's bytes.
#[inline]
pub fn decode<'a>(frame: &Frame<'a>) -> Decoded<'a> {
    match plain(frame) {
        Some(packet) => Decoded::Packet(packet),
        None => any(frame, u8::MAX),
    }
}

/// The packet that lies within so many tunnels, fewer than [`Packet::tunnels`] of the innermost one, with what it
/// carries left closed: its ends are those of a tunnel.
pub fn around<'a>(frame: &Frame<'a>, tunnels: u8) -> Option<Packet<'a>> {
    match any(frame, tunnels) {
        Decoded::Packet(packet) => Some(packet),
        _ => None,
    }
}

/// The packet of a plain frame.
#[inline(always)]
fn plain<'a>(frame: &Frame<'a>) -> Option<Packet<'a>> {
    let ipv6 = || plain_ipv6(frame).map(|plain| plain.packet(frame));
    plain_ipv4(frame).map(|plain| plain.packet(frame)).or_else(ipv6)
}

fn any<'a>(frame: &Frame<'a>, tunnels_max: u8) -> Decoded<'a> {
    by_link_type(frame.link_type, Layer::outermost(frame, tunnels_max))
}

/// What a link type announces, by <https://www.tcpdump.org/linktypes.html>.
pub(super) fn by_link_type(link_type: u16, layer: Layer<'_>) -> Decoded<'_> {
    match link_type {
        1 => link::ethernet(layer),
        0 | 108 => pseudo::loopback(layer),
        12 | 14 | 101 => any_ip(layer),
        228 => ipv4(layer),
        229 => ipv6(layer),
        113 => pseudo::cooked(layer),
        276 => pseudo::cooked_2(layer),
        9 | 50 => serial::synchronous(layer),
        51 => serial::pppoe(layer),
        104 => serial::cisco_hdlc(layer),
        107 => serial::frame_relay(layer),
        // The same behind a byte, or in place of PPP's address, that tells the direction.
        204 => layer.open(1, "PPP header", serial::ppp),
        205 => layer.open(1, "Cisco HDLC header", serial::cisco_hdlc),
        206 => layer.open(1, "Frame Relay", serial::frame_relay),
        166 => layer.open(2, "PPP header", serial::ppp),
        11 | 100 => logical_link(layer),
        6 => logical::token_ring(layer),
        10 => logical::fddi(layer),
        122 => logical::fibre_channel(layer),
        105 => wireless::wireless(layer),
        119 => wireless::prism(layer),
        127 => wireless::radiotap(layer),
        163 => wireless::avs(layer),
        192 => wireless::per_packet(layer),
        109 => pseudo::encapsulated(layer),
        117 => pseudo::filter_log(layer),
        239 => pseudo::netfilter_log(layer),
        258 => pseudo::processes(layer),
        _ if layer.bytes.is_empty() => layer.unreadable(link_name(link_type)),
        _ => Decoded::Undecoded(link_name(link_type)),
    }
}

/// What an unread link layer is called.
fn link_name(link_type: u16) -> &'static str {
    match link_type {
        7 | 129 => "ARCNET",
        8 | 102 => "SLIP",
        123 => "ATM",
        138 => "IP over FireWire",
        143 => "DOCSIS",
        147..=162 => "a private link type",
        130..=137 | 178..=181 | 194 | 200 => "Juniper link layer",
        187 | 201 | 251 | 254 | 255 | 272 => "Bluetooth",
        186 | 189 | 220 | 249 | 266 | 288 | 292..=295 => "USB",
        195 | 215 | 230 | 283 => "802.15.4",
        190 | 227 => "CAN",
        224 | 225 => "Fibre Channel",
        242 | 247 => "InfiniBand",
        253 => "netlink",
        265 => "NFC",
        271 => "vsock",
        _ => "an unknown link type",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    /// Whatever the short way takes, at any capture length, the long way sees the same.
    fn check(row: &str, whole: &[u8], is_plain: bool) {
        let frame = |bytes| Frame { time_ns: 7, bytes, wire_length: whole.len() as u32, link_type: 1 };
        let short = |frame: &Frame<'_>| plain(frame).map(|packet| format!("{:?}", Decoded::Packet(packet)));
        assert_eq!(short(&frame(whole)).is_some(), is_plain, "{row}");
        for length in 0..=whole.len() {
            let cut = frame(&whole[..length]);
            if let Some(packet) = short(&cut) {
                assert_eq!(packet, format!("{:?}", any(&cut, u8::MAX)), "{row}, {length} bytes");
            }
        }
    }

    #[test]
    fn the_short_way_sees_what_the_long_way_sees() {
        let ethernet = || PacketBuilder::ethernet2([2; 6], [4; 6]);
        let tagged = || ethernet().single_vlan(7.try_into().expect("a tag"));
        let (v6, payload) = (([1; 16], [2; 16]), [9; 20]);
        let mut rows: Vec<(&str, bool, Vec<u8>)> = Vec::new();
        let mut tcp = Vec::new();
        ethernet()
            .ipv4([10, 0, 0, 1], [9, 9, 9, 9], 64)
            .tcp(1, 2, 3, 4)
            .syn()
            .write(&mut tcp, &payload)
            .expect("one");
        let mut udp = Vec::new();
        tagged().ipv4([10, 0, 0, 1], [9, 9, 9, 9], 64).udp(1, 2).write(&mut udp, &payload).expect("one");
        let mut tcp_6 = Vec::new();
        ethernet().ipv6(v6.0, v6.1, 64).tcp(1, 2, 3, 4).write(&mut tcp_6, &payload).expect("one");
        let mut udp_6 = Vec::new();
        tagged().ipv6(v6.0, v6.1, 64).udp(1, 2).write(&mut udp_6, &payload).expect("one");
        let mut tunnel = Vec::new();
        ethernet()
            .ipv4([10, 0, 0, 1], [9, 9, 9, 9], 64)
            .udp(1, 4789)
            .write(&mut tunnel, &payload)
            .expect("one");
        let with = |bytes: &[u8], at: usize, byte: u8| {
            let mut changed = bytes.to_vec();
            changed[at] = byte;
            changed
        };
        rows.push(("IPv4, without the end of its length", true, with(&tcp, 17, 200)));
        rows.push(("IPv4, padded", true, [tcp.as_slice(), &[0; 9]].concat()));
        rows.push(("IPv4, a later fragment", false, with(&tcp, 21, 1)));
        rows.push(("IPv4, the first fragment", false, with(&tcp, 20, 0x20)));
        rows.push(("IPv4 with options", false, with(&tcp, 14, 0x46)));
        rows.push(("IPv4 without a length", false, with(&with(&tcp, 16, 0), 17, 0)));
        rows.push(("a header length of TCP that is wrong", true, with(&tcp, 46, 0x10)));
        rows.push(("IPv6, padded", true, [tcp_6.as_slice(), &[0; 9]].concat()));
        rows.push(("IPv6 without a length", false, with(&with(&tcp_6, 18, 0), 19, 0)));
        rows.push(("IPv6 with an extension", false, with(&tcp_6, 20, 60)));
        rows.push(("another version under the type of IPv6", false, with(&tcp_6, 14, 0x40)));
        rows.push(("a UDP length that is wrong", true, with(&udp, 43, 3)));
        rows.push(("two tags", false, with(&with(&udp, 16, 0x81), 17, 0)));
        rows.extend([("TCP", true, tcp), ("tagged UDP", true, udp), ("TCP over IPv6", true, tcp_6)]);
        rows.extend([("tagged UDP over IPv6", true, udp_6), ("perhaps a tunnel", false, tunnel)]);
        for (row, is_plain, bytes) in rows {
            check(row, &bytes, is_plain);
        }
    }
}
