//! What does a DHCP client call itself, and which address is it given? RFC 2131 and 2132.
//!
//! The name is the client's own claim: printable ASCII, bounded, and good for people to recognise a
//! machine by, never for a verdict.

use super::{Mac, Packet, Ports};
use crate::pure::protocol::UDP;
use std::net::Ipv4Addr;

/// The most bytes kept of a client's name: the longest label of DNS, longer than any NetBIOS name.
pub const CLIENT_NAME_BYTES_MAX: usize = 63;

/// What one message tells of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpClient {
    /// The client's hardware address, wherever the message was relayed.
    pub mac: Mac,
    /// The address that it asks to have, uses, or was given; `None` while it only looks around.
    pub address: Option<Ipv4Addr>,
    /// What it calls itself, or the server calls it; bytes outside printable ASCII are shown as `?`.
    pub name: Option<String>,
}

const FIXED_BYTES: usize = 236;
const COOKIE: [u8; 4] = [99, 130, 83, 99];
/// How many options are looked through; clients send about ten.
const OPTIONS_MAX: usize = 128;

const REQUEST: u8 = 3;
const ACK: u8 = 5;
const INFORM: u8 = 8;

/// The client that a DHCP message is about; `None` for other packets, for offers and refusals, and when
/// the message is no DHCP over Ethernet.
pub fn dhcp_client(packet: &Packet<'_>) -> Option<DhcpClient> {
    let is_dhcp = packet.ports.is_some_and(|ports| is_dhcp(packet.protocol, ports));
    if is_dhcp && !packet.is_later_fragment { client(packet.payload) } else { None }
}

/// Those of servers and clients.
pub(super) const PORTS: [u16; 2] = [67, 68];

/// Whether what goes between these ports is DHCP.
#[inline]
pub fn is_dhcp(protocol: u8, ports: Ports) -> bool {
    let is_its_own = |port: u16| PORTS.contains(&port);
    (protocol == UDP) & is_its_own(ports.source) & is_its_own(ports.destination)
}

#[cold]
fn client(message: &[u8]) -> Option<DhcpClient> {
    let (fixed, rest) = message.split_first_chunk::<FIXED_BYTES>()?;
    let options = rest.strip_prefix(&COOKIE)?;
    let (is_request, is_ethernet) = (fixed[0] == 1, fixed[1..3] == [1, 6]);
    let kind = option(options, 53)?.first().copied()?;
    let used = address(&fixed[12..16]);
    let address = match kind {
        REQUEST | INFORM if is_request => option(options, 50).and_then(address).or(used),
        ACK if !is_request => address(&fixed[16..20]).or(used),
        1 if is_request => None,
        _ => return None,
    };
    let mac = Mac(*fixed[28..].first_chunk()?);
    is_ethernet.then(|| DhcpClient { mac, address, name: option(options, 12).and_then(shown) })
}

fn address(bytes: &[u8]) -> Option<Ipv4Addr> {
    let bytes: [u8; 4] = bytes.try_into().ok()?;
    Some(Ipv4Addr::from(bytes)).filter(|address| !address.is_unspecified())
}

/// The value of the first option of this number.
fn option(mut options: &[u8], wanted: u8) -> Option<&[u8]> {
    for _ in 0..OPTIONS_MAX {
        let (&number, rest) = options.split_first()?;
        if number == 0 {
            options = rest;
            continue;
        }
        let (&length, rest) = rest.split_first().filter(|_| number != 255)?;
        let (value, rest) = rest.split_at_checked(length.into())?;
        if number == wanted {
            return Some(value);
        }
        options = rest;
    }
    None
}

fn shown(name: &[u8]) -> Option<String> {
    let name = name.split(|byte| *byte == 0).next()?.trim_ascii();
    let printable = |byte: &u8| if byte.is_ascii_graphic() { char::from(*byte) } else { '?' };
    (!name.is_empty()).then(|| name.iter().take(CLIENT_NAME_BYTES_MAX).map(printable).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of a client with these options, each number, length and value.
    fn message(operation: u8, used: u8, given: u8, options: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; FIXED_BYTES];
        bytes[..3].copy_from_slice(&[operation, 1, 6]);
        bytes[12..16].copy_from_slice(&[0, 0, 0, used]);
        bytes[16..20].copy_from_slice(&[0, 0, 0, given]);
        bytes[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 7]);
        bytes.extend(COOKIE);
        for (number, value) in options {
            bytes.extend([*number, value.len() as u8]);
            bytes.extend(*value);
        }
        bytes.push(255);
        bytes
    }

    #[test]
    fn a_client_is_known_by_the_address_it_asks_for_uses_or_is_given() {
        type Options<'a> = &'a [(u8, &'a [u8])];
        let long = [b'x'; 200];
        let kept = "x".repeat(CLIENT_NAME_BYTES_MAX);
        type Found<'a> = Option<(u8, Option<&'a str>)>;
        let rows: [(&str, u8, u8, u8, Options<'_>, Found<'_>); 9] = [
            (
                "asks for it",
                1,
                0,
                0,
                &[(53, &[3]), (50, &[0, 0, 0, 9]), (12, b"LAB-7")],
                Some((9, Some("LAB-7"))),
            ),
            ("renews it", 1, 8, 0, &[(53, &[3]), (12, b"LAB-7\0")], Some((8, Some("LAB-7")))),
            ("is given it", 2, 0, 6, &[(53, &[5])], Some((6, None))),
            (
                "looks around",
                1,
                0,
                0,
                &[(53, &[1]), (50, &[0, 0, 0, 9]), (12, b"LAB-7")],
                Some((0, Some("LAB-7"))),
            ),
            ("is offered one", 2, 0, 6, &[(53, &[2])], None),
            ("feigns an answer", 1, 0, 6, &[(53, &[5])], None),
            ("a hostile name", 1, 8, 0, &[(53, &[3]), (12, b"a\x1b[31m\r\nb")], Some((8, Some("a?[31m??b")))),
            ("an over-long name", 1, 8, 0, &[(53, &[3]), (12, &long)], Some((8, Some(&kept)))),
            ("an empty name", 1, 8, 0, &[(53, &[3]), (12, b"")], Some((8, None))),
        ];
        for (row, operation, used, given, options, wanted) in rows {
            let found = client(&message(operation, used, given, options));
            let wanted = wanted.map(|(last, name)| DhcpClient {
                mac: Mac([2, 0, 0, 0, 0, 7]),
                address: (last > 0).then(|| Ipv4Addr::new(0, 0, 0, last)),
                name: name.map(str::to_owned),
            });
            assert_eq!(found, wanted, "{row}");
        }
    }

    #[test]
    fn a_message_cut_anywhere_is_read_without_panic() {
        let whole = message(1, 8, 0, &[(53, &[3]), (0, &[]), (12, b"LAB-7"), (50, &[0, 0, 0, 9])]);
        let found = (0..=whole.len()).filter_map(|length| client(&whole[..length])).count();
        assert!(found > 0 && found < whole.len());
    }
}
