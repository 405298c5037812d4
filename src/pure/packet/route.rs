//! Where does a packet go in the end that is sent by way of others? Source routes of IPv4, and the routing headers
//! of IPv6.
//!
//! The header's destination is only the next one on its way.

use super::Packet;
use super::internet::{EXTENSIONS_MAX, IPV4_HEADER_BYTES, IPV6_HEADER_BYTES, extension_bytes, is_extension};
use crate::pure::address;
use std::net::{IpAddr, Ipv4Addr};

const ROUTING: u8 = 43;

/// The packet as it is at its last stop, where it has more before it than its destination; `None` where it has none,
/// or none that can be read.
pub fn at_last_stop<'a>(packet: &Packet<'a>) -> Option<Packet<'a>> {
    last_stop(packet).map(|stop| Packet { destination: stop, ..*packet })
}

fn last_stop(packet: &Packet<'_>) -> Option<IpAddr> {
    match packet.ip_bytes.first()? {
        // Without options there is no route.
        0x46..=0x4f => last_of_options(packet.ip_bytes),
        0x60..=0x6f => last_of_headers(packet.ip_bytes),
        _ => None,
    }
}

/// Loose and strict source and record route (RFC 791, 3.1).
fn last_of_options(ip: &[u8]) -> Option<IpAddr> {
    const END: u8 = 0;
    const NOTHING: u8 = 1;
    const ROUTES: [u8; 2] = [131, 137];
    let mut options = ip.get(IPV4_HEADER_BYTES..usize::from(ip[0] & 0x0f) * 4)?;
    // Each turn takes a byte at least, of forty.
    loop {
        match *options {
            [] | [END, ..] => return None,
            [NOTHING, ..] => options = &options[1..],
            [kind, length, ..] => {
                let (option, rest) = options.split_at_checked(usize::from(length).max(2))?;
                // It counts from 1; beyond the end, the route is used up.
                let is_on_its_way = option.get(2).is_some_and(|pointer| *pointer < length);
                if ROUTES.contains(&kind) && is_on_its_way {
                    return option.last_chunk::<4>().map(|stop| IpAddr::V4(Ipv4Addr::from(*stop)));
                }
                options = rest;
            }
            [_] => return None,
        }
    }
}

/// Routing headers (RFC 8200, 4.4) that list addresses: the first kind (RFC 5095), that of mobile hosts (RFC 6275),
/// segment routing, which lists them backwards (RFC 8754), and that of RPL, which shortens them (RFC 6554).
fn last_of_headers(ip: &[u8]) -> Option<IpAddr> {
    const FIRST_KIND: u8 = 0;
    const MOBILE: u8 = 2;
    const SHORTENED: u8 = 3;
    const SEGMENTS: u8 = 4;
    const FRAGMENT: u8 = 44;
    let (mut protocol, mut header) = (*ip.get(6)?, ip.get(IPV6_HEADER_BYTES..)?);
    for _ in 0..EXTENSIONS_MAX {
        if protocol == ROUTING
            && let [_, eights, kind, left, ..] = *header
            && left > 0
        {
            let at = match kind {
                FIRST_KIND => usize::from(eights / 2).checked_sub(1)? * 16 + 8,
                MOBILE | SEGMENTS => 8,
                SHORTENED => return last_of_shortened(ip, header.get(..extension_bytes(ROUTING, eights))?),
                _ => return None,
            };
            return header.get(at..)?.first_chunk().map(address::of_bytes);
        }
        let is_later_fragment = protocol == FRAGMENT && header.get(2..4) != Some(&[0, 0]);
        if !is_extension(protocol) || is_later_fragment {
            return None;
        }
        let [next, length, ..] = *header else { return None };
        header = header.get(extension_bytes(protocol, length)..)?;
        protocol = next;
    }
    None
}

/// The last address leaves out so many first bytes as it has in common with the destination (RFC 6554, 3).
fn last_of_shortened(ip: &[u8], header: &[u8]) -> Option<IpAddr> {
    const DESTINATION: std::ops::Range<usize> = 24..40;
    let [shortened, padding] = *header.get(4..6)?.first_chunk()?;
    let common = usize::from(shortened & 0x0f);
    let (_, addresses) = header.split_first_chunk::<8>()?;
    let addresses = addresses.get(..addresses.len().checked_sub(usize::from(padding >> 4))?)?;
    let own = addresses.get(addresses.len().checked_sub(16 - common)?..)?;
    let mut stop = *ip.get(DESTINATION)?.first_chunk::<16>()?;
    stop.get_mut(common..)?.copy_from_slice(own);
    Some(address::of_bytes(&stop))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::packet::{Decoded, Frame, decode};

    fn last(bytes: &[u8]) -> Option<String> {
        let frame = Frame { time_ns: 0, bytes, wire_length: bytes.len() as u32, link_type: 101 };
        match decode(&frame) {
            Decoded::Packet(packet) => last_stop(&packet).map(|stop| stop.to_string()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_last_of_several_stops_is_known() {
        let ipv4 = |options: &[u8]| {
            let words = 5 + options.len() as u8 / 4;
            let header = [0x40 | words, 0, 0, 28 + options.len() as u8, 0, 0, 0, 0, 64, 17, 0, 0];
            [&header[..], &[10, 0, 0, 1, 192, 0, 2, 1], options, &[0; 8]].concat()
        };
        let route = |kind: u8, pointer: u8| ipv4(&[1, kind, 11, pointer, 192, 0, 2, 2, 192, 0, 2, 3]);
        let ipv6 = |kind: u8, left: u8, count: u8| {
            let stops: Vec<u8> =
                (1..=count).flat_map(|number| [[0x20, number], [0; 2]].concat().repeat(4)).collect();
            let length = (16 + stops.len() + 8) as u8;
            let header =
                [&[0x60, 0, 0, 0, 0, length, 60, 64][..], &[0x20; 32], &[43, 0, 1, 4, 0, 0, 0, 0]].concat();
            [&header, &[17, 2 * count, kind, left, 0, 0, 0, 0][..], &stops, &[0; 8]].concat()
        };
        // Of two addresses that share their first 14 bytes with the destination, padded to eight bytes.
        let rpl = |shortened: u8, padding: u8, stops: &[u8]| {
            let eights = 1 + stops.len() as u8 / 8;
            let header = [&[0x60, 0, 0, 0, 0, 8 * eights + 8, 43, 64][..], &[0x20; 32]].concat();
            let routing = [17, eights - 1, 3, 2, shortened, padding, 0, 0];
            [&header[..], &routing, stops, &[0; 8]].concat()
        };
        let [one, three] = ["2001:0:2001:0:2001:0:2001:0", "2003:0:2003:0:2003:0:2003:0"];
        let rows = [
            ("no option", ipv4(&[]), None),
            ("other options", ipv4(&[1, 1, 7, 5, 8, 0, 0, 0]), None),
            ("a loose route", route(131, 4), Some("192.0.2.3")),
            ("a strict one, half way", route(137, 8), Some("192.0.2.3")),
            ("a route that is used up", route(131, 12), None),
            ("a route without an end", ipv4(&[131, 200, 4, 0]), None),
            ("three stops", ipv6(0, 3, 3), Some(three)),
            ("none left", ipv6(0, 0, 3), None),
            ("segments, the last one first", ipv6(4, 2, 3), Some(one)),
            ("a mobile host", ipv6(2, 1, 1), Some(one)),
            (
                "shortened",
                rpl(0xee, 0x40, &[0, 1, 0, 2, 0, 0, 0, 0]),
                Some("2020:2020:2020:2020:2020:2020:2020:2"),
            ),
            (
                "only those between shortened",
                rpl(0xe0, 0x60, &[&[0, 1][..], &[0x33; 16], &[0; 6]].concat()),
                Some("3333:3333:3333:3333:3333:3333:3333:3333"),
            ),
            ("shortened, and without room for one", rpl(0x00, 0x00, &[0, 1, 0, 2, 0, 0, 0, 0]), None),
            ("of a kind that is not read", ipv6(5, 1, 1), None),
        ];
        for (row, bytes, wanted) in rows {
            assert_eq!(last(&bytes).as_deref(), wanted, "{row}");
            (40..bytes.len()).for_each(|length| drop(last(&bytes[..length])));
        }
    }
}
