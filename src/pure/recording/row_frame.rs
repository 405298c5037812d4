//! How does a row of a text table become a frame? As bare IP with the addresses, ports and flags that it
//! shows, and nothing behind them.
//!
//! The frames are written as pcapng, so that whatever reads captures reads tables. Their length on the wire
//! is 0, which means unknown: it must never be counted as traffic.

use super::fields::{Ports, Question, Told, What};
use crate::pure::protocol::{TCP, UDP};
use std::net::{IpAddr, Ipv4Addr};

const ETHERNET: u16 = 1;
const RAW_IP: u16 = 101;

const FRAGMENT_HEADER: u8 = 44;

/// What a cut header is said to have carried: more than is there, so that its ports count as cut away.
const CUT_BYTES: usize = 20;

/// The beginning of the capture: a section, and an interface for bare IP and one for Ethernet, both with
/// times in nanoseconds.
pub(super) fn head() -> Vec<u8> {
    let section = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &u64::MAX.to_le_bytes()].concat();
    let nanoseconds = [9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0];
    let interface = |link: u16| [&link.to_le_bytes()[..], &[0; 6], &nanoseconds].concat();
    [block(0x0a0d_0d0a, &section), block(1, &interface(RAW_IP)), block(1, &interface(ETHERNET))].concat()
}

/// The end of a capture that was cut: less than a block, so that it is told like that of any other.
pub(super) const CUT: [u8; 4] = [0; 4];

/// The row with this number, counted from 0; `None` is one that could not be read.
pub(super) fn packet(number: usize, time_ns: i64, what: Option<&What>) -> Vec<u8> {
    // Makes rows differ that look alike, since they are no copies by a mirror.
    let [_, n1, n2, n3] = (number as u32).to_be_bytes();
    let mark = [0, n1, n2, n3];
    let (interface, bytes) = match what {
        // No version of IP begins with 0: it cannot be decoded, which is what is to be said of it.
        None => (0_u32, mark.to_vec()),
        Some(What::Packet(told)) => (0, ip(number as u32, told)),
        Some(What::Arp(Some(IpAddr::V4(sender)))) => (1, [&mark[..], &arp(*sender)].concat()),
        // A length of 0 where Ethernet has its type: no IP.
        Some(What::Arp(_) | What::NotIp) => (1, [&mark[..], &[0; 10]].concat()),
    };
    let time = time_ns as u64;
    let words =
        [interface, (time >> 32) as u32, time as u32, bytes.len() as u32, 0].map(u32::to_le_bytes).concat();
    block(6, &[words, bytes].concat())
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = body.len().next_multiple_of(4) - body.len();
    let length = ((body.len() + padding + 12) as u32).to_le_bytes();
    [&kind.to_le_bytes()[..], &length, body, &[0; 3][..padding], &length].concat()
}

/// The rest, behind its mark, of Ethernet with an ARP request by `sender`, whose hardware address is not known:
/// all zeros.
fn arp(sender: Ipv4Addr) -> Vec<u8> {
    let (macs, protocol, head) = ([0; 8], [8, 6], [0, 1, 8, 0, 6, 4, 0, 1]);
    [&macs[..], &protocol, &head, &[0; 6], &sender.octets(), &[0; 10]].concat()
}

/// An IP packet, marked by its number.
fn ip(number: u32, told: &Told) -> Vec<u8> {
    let carried = carried(number, told);
    let stated = if told.ports == Ports::Unread { CUT_BYTES } else { carried.len() };
    match (told.source, told.destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let [_, _, n0, n1] = number.to_be_bytes();
            let [l0, l1] = ((20 + stated) as u16).to_be_bytes();
            let offset = u8::from(told.ports == Ports::Fragment);
            let header = [0x45, 0, l0, l1, n0, n1, 0, offset, 64, told.protocol, 0, 0];
            [&header[..], &source.octets(), &destination.octets(), &carried].concat()
        }
        (source, destination) => {
            let [_, n1, n2, n3] = number.to_be_bytes();
            let is_fragment = told.ports == Ports::Fragment;
            let fragment: &[u8] = if is_fragment { &[told.protocol, 0, 0, 8, 0, n1, n2, n3] } else { &[] };
            let [l0, l1] = ((fragment.len() + stated) as u16).to_be_bytes();
            let next = if is_fragment { FRAGMENT_HEADER } else { told.protocol };
            let header = [0x60, n1 & 0x0f, n2, n3, l0, l1, next, 64];
            [&header[..], &octets(source), &octets(destination), fragment, &carried].concat()
        }
    }
}

fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V6(address) => address.octets(),
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
    }
}

/// The header of TCP, UDP or SCTP, and the question where one is told.
fn carried(number: u32, told: &Told) -> Vec<u8> {
    let Ports::Told(source, destination) = told.ports else { return Vec::new() };
    let ports = [source.to_be_bytes(), destination.to_be_bytes()].concat();
    let question = told.question.as_ref().and_then(question_message).unwrap_or_default();
    match told.protocol {
        TCP => {
            let header = [0, 0, 0, 0, 0x50, told.tcp_flags, 0, 0, 0, 0, 0, 0];
            let length = (question.len() as u16).to_be_bytes();
            let framing = if question.is_empty() { &[][..] } else { &length };
            [&ports[..], &number.to_be_bytes(), &header, framing, &question].concat()
        }
        UDP => {
            let [l0, l1] = ((8 + question.len()) as u16).to_be_bytes();
            [&ports[..], &[l0, l1, 0, 0], &question].concat()
        }
        // SCTP: verification tag and checksum follow the ports.
        _ => [&ports[..], &[0; 8]].concat(),
    }
}

/// A DNS message (RFC 1035) with the question; `None` when its name is none.
pub(super) fn question_message(question: &Question) -> Option<Vec<u8>> {
    let Question { name, query_type, is_answer } = question;
    let flags = if *is_answer { [0x81, 0x80] } else { [1, 0] };
    let mut message = [&[0, 0][..], &flags, &[0, 1, 0, 0, 0, 0, 0, 0]].concat();
    // Names outside ASCII stand in DNS in the form of RFC 3492.
    let name = idna::domain_to_ascii(name).unwrap_or_else(|_| name.clone());
    for label in name.trim_end_matches('.').split('.').filter(|label| !label.is_empty()) {
        message.push(u8::try_from(label.len()).ok().filter(|length| *length < 64)?);
        message.extend(label.bytes());
    }
    message.push(0);
    message.extend(query_type.to_be_bytes());
    message.extend([0, 1]);
    (message.len() <= 12 + 255 + 4).then_some(message)
}
