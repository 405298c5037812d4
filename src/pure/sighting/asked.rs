//! Who asked for what a packet brings, and which packets answer? What answers tell of was not seen in them.

use super::Matched;
use crate::pure::packet::{Name, NameKind, Packet};
use crate::pure::protocol::{ACK, SYN, TCP};
use crate::pure::watchlist::EntryId;
use std::net::IpAddr;

/// Whether it accepts a connection, which its receiver must have asked for.
pub(super) fn is_acceptance(packet: &Packet<'_>) -> bool {
    packet.protocol == TCP && packet.tcp_flags & (SYN | ACK) == SYN | ACK
}

/// Whether a match is a name that the packet tells as an answer.
pub(super) fn is_told(matches: &[(Matched, EntryId)], names: &[Name]) -> bool {
    let is_answer = |name: &Name| matches!(name.kind, NameKind::Dns { is_answer: true, .. });
    matches.iter().any(|(matched, _)| *matched == Matched::Dns) && names.iter().any(is_answer)
}

/// Who asks in a DNS packet: one that was read as such, or one to or from DNS's port.
pub(super) fn dns_client(packet: &Packet<'_>, names: &[Name]) -> Option<IpAddr> {
    const DNS_PORT: u16 = 53;
    let ports = packet.ports?;
    let is_answer = match names.first().map(|name| name.kind) {
        Some(NameKind::Dns { is_answer, .. }) => is_answer,
        Some(NameKind::Tls | NameKind::Http) => return None,
        None if ports.destination == DNS_PORT => false,
        None if ports.source == DNS_PORT => true,
        None => return None,
    };
    Some(if is_answer { packet.destination } else { packet.source })
}
