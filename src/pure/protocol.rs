//! Which protocol does IP carry? The numbers that IANA assigned, of those that are told apart here, and the flags of
//! TCP that say where a connection stands.

/// RFC 792.
pub const ICMP: u8 = 1;
/// RFC 9293.
pub const TCP: u8 = 6;
/// RFC 768.
pub const UDP: u8 = 17;
/// RFC 4340.
pub const DCCP: u8 = 33;
/// RFC 4443.
pub const ICMP_6: u8 = 58;
/// RFC 9260.
pub const SCTP: u8 = 132;
/// RFC 3828.
pub const UDP_LITE: u8 = 136;

/// The flags of TCP (RFC 9293, 3.1): a connection is asked for,
pub const SYN: u8 = 2;
/// refused or broken off,
pub const RST: u8 = 4;
/// and what came before was received.
pub const ACK: u8 = 16;

/// Whether its header begins with the ports of both ends.
#[inline(always)]
pub fn has_ports(protocol: u8) -> bool {
    matches!(protocol, TCP | UDP | DCCP | SCTP | UDP_LITE)
}
