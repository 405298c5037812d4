//! Which addresses, ports and names does a frame carry? Bytes in, [`Packet`] out, through every
//! link layer.
//!
//! Left of it is `recording` (frames out of files), right of it `sighting`. It must never trust a
//! length that a frame states, and never pass over a frame without saying so: what cannot be read
//! down to addresses is [`Decoded::Undecoded`] or [`Decoded::Truncated`].

mod decode;
mod dhcp;
mod dns;
mod ethertype;
mod gre;
mod hello;
mod http;
mod info;
mod internet;
mod layer;
mod link;
mod logical;
mod mac;
mod mpls;
mod name_text;
mod names;
mod overlay;
mod plain;
mod preface;
mod pseudo;
mod quic;
mod quic_keys;
mod quoted;
mod route;
mod serial;
mod tunnel;
mod wireless;
mod within;

pub use crate::pure::recording::Frame;
pub use decode::{around, decode};
pub use dhcp::{CLIENT_NAME_BYTES_MAX, DhcpClient, dhcp_client, is_dhcp};
pub use hello::of_handshake as handshake_name;
pub use info::info;
pub use internet::is_extension;
pub use mac::is_same_machine;
pub use name_text::NameText;
pub use names::{NAMES_MAX, Name, NameKind, Names, Reading, Rest, is_mere_beginning, is_mere_bytes, names};
pub use overlay::DESTINATIONS as TUNNEL_PORTS;
pub use plain::{Plain, plain_ipv4, plain_ipv6};
pub use quic::{FirstId, Opened, QuicVersion, is_quic_beginning, open_initials};
pub use quoted::{Quoted, quoted};
pub use route::at_last_stop;
pub use within::{any_within, besides, is_bare, write_bare};

use crate::pure::address::{self, Translator};
use crate::pure::protocol::TCP;
use std::net::IpAddr;

/// What became of a frame.
#[derive(Clone, Debug)]
pub enum Decoded<'a> {
    /// It carries IP and could be read down to addresses.
    Packet(Packet<'a>),
    /// It carries no IP and is not expected to (LLDP, spanning tree, …); ARP tells who is there.
    NotIp(NotIp),
    /// It should carry IP, but could not be read: the layer that stopped us, in words
    /// ("802.11, encrypted", "IPv4 header", "Bluetooth").
    Undecoded(&'static str),
    /// It may carry IP: an EtherType that we do not know.
    UnknownType(u16),
    /// It was cut so short when captured that addresses could not be read.
    Truncated,
}

/// A frame without IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotIp {
    /// An ARP packet: its sender is present.
    Arp { sender: IpAddr, mac: Mac },
    /// Anything else that is known to carry none, by name ("LLDP", "spanning tree").
    Other(&'static str),
}

/// The innermost IP packet of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// See [`Frame::time_ns`].
    pub time_ns: i64,
    /// Length of the whole frame on the wire, in bytes.
    pub wire_length: u32,
    /// Who sent it.
    pub source: IpAddr,
    /// Whom it was sent to.
    pub destination: IpAddr,
    /// The link-layer address of the frame's sender, the innermost where a tunnel carries whole
    /// frames; `None` where the link layer has none.
    pub source_mac: Option<Mac>,
    /// The link-layer address the frame was sent to.
    pub destination_mac: Option<Mac>,
    /// IANA protocol number of what IP carries: 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6.
    pub protocol: u8,
    /// `None` where the protocol has no ports, in later fragments, and when cut.
    pub ports: Option<Ports>,
    /// The TCP flags byte (FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32); 0 when not TCP or cut.
    pub tcp_flags: u8,
    /// The whole IP packet from its header on, as far as it was captured: what copies by a mirror have
    /// in common.
    pub ip_bytes: &'a [u8],
    /// What TCP or UDP carries, as far as it was captured; the IP payload for other protocols.
    pub payload: &'a [u8],
    /// Whether ports that must be there were cut away (snaplen), so that they cannot be read; also
    /// when a tunnel's inner packet was, and this is the outer one.
    pub ports_truncated: bool,
    /// Whether some of the payload was cut away by the capture length.
    pub payload_truncated: bool,
    /// Whether this is a later fragment of a datagram (its ports are in the first one).
    pub is_later_fragment: bool,
    /// What all fragments of one datagram have in common beside addresses and protocol; `None` when the
    /// datagram came whole.
    pub fragment_id: Option<u32>,
    /// How many tunnels it came in; [`around`] tells whose they are.
    pub tunnels: u8,
    /// What else the frame should carry that could not be read: the inside of the tunnel whose own ends
    /// these are, or what follows in the same frame. The layer in words, as in [`Decoded::Undecoded`].
    pub unread_layer: Option<&'static str>,
}

impl Packet<'_> {
    /// The sequence number of a TCP segment; `None` where extension headers stand before it, in later
    /// fragments, and when cut.
    pub fn tcp_sequence(&self) -> Option<u32> {
        let header = match *self.ip_bytes.first()? {
            first if first >> 4 == 4 && self.ip_bytes.get(9) == Some(&TCP) => usize::from(first & 0x0f) * 4,
            first if first >> 4 == 6 && self.ip_bytes.get(6) == Some(&TCP) => 40,
            _ => return None,
        };
        let number = self.ip_bytes.get(header + 4..)?.first_chunk()?;
        (self.protocol == TCP && !self.is_later_fragment).then(|| u32::from_be_bytes(*number))
    }

    /// The packet with the addresses of IPv4 that one of these translators made its own of; `None` where none did.
    pub fn translated(&self, translators: &[Translator]) -> Option<Self> {
        let [source, destination] =
            [self.source, self.destination].map(|address| address::translated(translators, address));
        let is_other = (source, destination) != (self.source, self.destination);
        is_other.then_some(Packet { source, destination, ..*self })
    }

    /// Whether a segment of TCP may begin with a request of HTTP, perhaps behind empty lines, or of SOCKS; nearly no
    /// other does.
    pub fn may_begin_request(&self) -> bool {
        let [first, rest @ ..] = self.payload else { return false };
        self.protocol == TCP && names::may_begin_request(*first, *rest.first().unwrap_or(first))
    }
}

/// Source and destination port of a packet of TCP, UDP or another protocol that has them in the same place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    pub source: u16,
    pub destination: u16,
}

/// A MAC address (IEEE EUI-48).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// Whether it is one machine's, and not that of a group or of all.
    #[inline(always)]
    pub fn is_unicast(self) -> bool {
        self.0[0] & 1 == 0
    }
}
