//! What does the commonest frame of all carry: Ethernet with one tag at most, IPv4 without options or
//! IPv6 without extensions, TCP or UDP?
//!
//! A short way for nine frames out of ten, in two steps: nearly all are told from their headers alone, and
//! only what is looked at closely is made a [`Packet`]. It must see exactly what the long way (`link`,
//! `internet`) sees, and leaves to it whatever is unusual.

use super::internet::{tcp, udp_payload};
use super::names::may_begin_request;
use super::{Frame, Mac, Packet, Ports, dhcp, overlay};
use crate::pure::address;
use crate::pure::protocol::{TCP, UDP};
use std::hint::select_unpredictable;
use std::net::{IpAddr, Ipv4Addr};

const ETHERNET: u16 = 1;
const IPV4_HEADER_BYTES: usize = 20;
const IPV6_HEADER_BYTES: usize = 40;
/// A TCP header without options. A datagram that is shorter than this is not plain either.
const SEGMENT_BYTES_MIN: usize = 20;

/// Whether more fragments follow, and where this one belongs: 0 in a datagram that came whole.
const FRAGMENTED: u16 = 0x3fff;

/// The headers of a plain frame, with addresses of kind `A`.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a, A> {
    macs: &'a [u8; 12],
    pub source: A,
    pub destination: A,
    /// 6 TCP or 17 UDP.
    pub protocol: u8,
    /// See [`Packet::ip_bytes`].
    pub ip_bytes: &'a [u8],
    /// The header of TCP or UDP, and what follows: at least [`SEGMENT_BYTES_MIN`].
    segment: &'a [u8],
    header: &'a [u8; SEGMENT_BYTES_MIN],
    /// Whether some of it was cut away by the capture length.
    is_cut: bool,
}

/// The headers of a plain frame with IPv4; `None` when it is none, and the long way, [`super::decode`],
/// must be taken.
// Always, here and below: what is read must not travel through memory, which costs more than reading it.
#[inline(always)]
pub fn plain_ipv4<'a>(frame: &Frame<'a>) -> Option<Plain<'a, Ipv4Addr>> {
    let (macs, rest) = frame.bytes.split_first_chunk::<12>()?;
    match rest {
        [8, 0, ip @ ..] | [0x81, 0, _, _, 8, 0, ip @ ..] => plain(frame, macs, ipv4(ip)?),
        _ => None,
    }
}

/// The same for a plain frame with IPv6.
#[inline(always)]
pub fn plain_ipv6<'a>(frame: &Frame<'a>) -> Option<Plain<'a, IpAddr>> {
    let (macs, rest) = frame.bytes.split_first_chunk::<12>()?;
    match rest {
        [0x86, 0xdd, ip @ ..] | [0x81, 0, _, _, 0x86, 0xdd, ip @ ..] => plain(frame, macs, ipv6(ip)?),
        _ => None,
    }
}

#[inline(always)]
fn plain<'a, A: Copy + Into<IpAddr>>(
    frame: &Frame<'a>,
    macs: &'a [u8; 12],
    ip: Ip<'a, A>,
) -> Option<Plain<'a, A>> {
    let Ip { source, destination, protocol, ip_bytes, segment, is_cut } = ip;
    let header = segment.first_chunk()?;
    let plain = Plain { macs, source, destination, protocol, ip_bytes, segment, header, is_cut };
    // Without branches: a processor cannot guess which packet is UDP.
    let is_plain = (protocol == TCP) | ((protocol == UDP) & !is_special(plain.ports()));
    (is_plain && frame.link_type == ETHERNET).then_some(plain)
}

/// Whether a datagram between these ports may be a tunnel or DHCP, which the long way looks into.
#[inline(always)]
fn is_special(ports: Ports) -> bool {
    static SIEVE: [u8; SIEVE_PORTS] = sieve();
    let held = |port: u16| SIEVE[usize::from(port) % SIEVE_PORTS];
    (held(ports.destination) & TO) | (held(ports.source) & FROM) != 0
}

/// One place for each remainder of a port: nearly all others are told by one look.
const SIEVE_PORTS: usize = 1024;
const TO: u8 = 1;
const FROM: u8 = 2;

const fn sieve() -> [u8; SIEVE_PORTS] {
    let sieve = sifting([0; SIEVE_PORTS], overlay::DESTINATIONS, TO);
    let sieve = sifting(sieve, overlay::SOURCES, FROM);
    sifting(sieve, dhcp::PORTS, TO)
}

const fn sifting<const N: usize>(
    mut sieve: [u8; SIEVE_PORTS],
    ports: [u16; N],
    side: u8,
) -> [u8; SIEVE_PORTS] {
    let mut at = 0;
    while at < N {
        sieve[ports[at] as usize % SIEVE_PORTS] |= side;
        at += 1;
    }
    sieve
}

impl<'a, A: Copy + Into<IpAddr>> Plain<'a, A> {
    /// See [`Packet::ports`].
    #[inline(always)]
    pub fn ports(&self) -> Ports {
        let [s0, s1, d0, d1, ..] = *self.header;
        Ports { source: u16::from_be_bytes([s0, s1]), destination: u16::from_be_bytes([d0, d1]) }
    }

    /// See [`Packet::source_mac`].
    #[inline(always)]
    pub fn source_mac(&self) -> Mac {
        let [_, _, _, _, _, _, mac @ ..] = *self.macs;
        Mac(mac)
    }

    /// See [`Packet::destination_mac`].
    #[inline(always)]
    pub fn destination_mac(&self) -> Mac {
        let [a, b, c, d, e, f, ..] = *self.macs;
        Mac([a, b, c, d, e, f])
    }

    /// See [`Packet::tcp_flags`].
    #[inline(always)]
    pub fn tcp_flags(&self) -> u8 {
        select_unpredictable(self.protocol == TCP, self.header[13], 0)
    }

    /// See [`Packet::may_begin_request`].
    // Without branches: whether there is a payload is anybody's guess.
    #[inline(always)]
    pub fn may_begin_request(&self) -> bool {
        let header_bytes = (usize::from(self.header[12] >> 4) * 4).max(SEGMENT_BYTES_MIN);
        let at = select_unpredictable(self.protocol == TCP, header_bytes, usize::MAX - 1);
        let last = self.segment.len() - 1;
        let byte = |at: usize| self.segment[at.min(last)];
        select_unpredictable(at <= last, may_begin_request(byte(at), byte(at + 1)), false)
    }

    /// All of it as a packet; `frame` must be the one that it was read of.
    #[inline(always)]
    pub fn packet(&self, frame: &Frame<'a>) -> Packet<'a> {
        let (tcp_flags, payload) = match self.protocol {
            TCP => tcp(self.segment),
            _ => (0, udp_payload(self.segment)),
        };
        Packet {
            time_ns: frame.time_ns,
            wire_length: frame.wire_length,
            source: self.source.into(),
            destination: self.destination.into(),
            source_mac: Some(self.source_mac()),
            destination_mac: Some(self.destination_mac()),
            protocol: self.protocol,
            ports: Some(self.ports()),
            tcp_flags,
            ip_bytes: self.ip_bytes,
            payload,
            ports_truncated: false,
            payload_truncated: self.is_cut,
            is_later_fragment: false,
            fragment_id: None,
            tunnels: 0,
            unread_layer: None,
        }
    }
}

/// What an IP header says.
struct Ip<'a, A> {
    source: A,
    destination: A,
    protocol: u8,
    /// The header and what follows, without padding.
    ip_bytes: &'a [u8],
    /// What follows.
    segment: &'a [u8],
    /// Whether some of it was cut away by the capture length.
    is_cut: bool,
}

#[inline(always)]
fn ipv4(ip: &[u8]) -> Option<Ip<'_, Ipv4Addr>> {
    let header = ip.first_chunk::<IPV4_HEADER_BYTES>()?;
    let [0x45, _, l0, l1, _, _, f0, f1, _, protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header else {
        return None;
    };
    if u16::from_be_bytes([f0, f1]) & FRAGMENTED != 0 {
        return None;
    }
    let stated = usize::from(u16::from_be_bytes([l0, l1]));
    let ip_bytes = &ip[..stated.min(ip.len())];
    Some(Ip {
        source: Ipv4Addr::new(s0, s1, s2, s3),
        destination: Ipv4Addr::new(d0, d1, d2, d3),
        protocol,
        ip_bytes,
        segment: ip_bytes.get(IPV4_HEADER_BYTES..)?,
        is_cut: stated > ip.len(),
    })
}

#[inline(always)]
fn ipv6(ip: &[u8]) -> Option<Ip<'_, IpAddr>> {
    let header = ip.first_chunk::<IPV6_HEADER_BYTES>()?;
    let [0x60..=0x6f, _, _, _, l0, l1, protocol, _, addresses @ ..] = header else { return None };
    let (source, destination) = addresses.split_first_chunk::<16>()?;
    // A length of 0 is none at all, and too short to be plain.
    let stated = IPV6_HEADER_BYTES + usize::from(u16::from_be_bytes([*l0, *l1]));
    let ip_bytes = &ip[..stated.min(ip.len())];
    Some(Ip {
        source: address::of_bytes(source),
        destination: address::of_bytes(destination.first_chunk::<16>()?),
        protocol: *protocol,
        ip_bytes,
        segment: ip_bytes.get(IPV6_HEADER_BYTES..)?,
        is_cut: stated > ip.len(),
    })
}
