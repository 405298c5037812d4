//! From where to where does a packet go? What is looked up of it, of either end.

use crate::pure::packet::{Packet, Plain, Ports};
use crate::pure::watchlist::End;
use std::net::IpAddr;

/// The addresses and ports of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// IANA protocol number.
    protocol: u8,
    ports: Option<Ports>,
}

impl Flow {
    pub(super) fn of(packet: &Packet<'_>) -> Flow {
        let &Packet { source, destination, protocol, ports, .. } = packet;
        Flow { source, destination, protocol, ports }
    }

    #[inline(always)]
    pub(super) fn of_plain<A: Copy + Into<IpAddr>>(plain: &Plain<'_, A>) -> Flow {
        let &Plain { source, destination, protocol, .. } = plain;
        let ports = Some(plain.ports());
        Flow { source: source.into(), destination: destination.into(), protocol, ports }
    }

    /// The end that it came from.
    #[inline(always)]
    pub(super) fn source(self, is_outside: bool) -> End {
        self.end(self.source, self.ports.map(|ports| ports.source), is_outside)
    }

    /// The end that it went to.
    #[inline(always)]
    pub(super) fn destination(self, is_outside: bool) -> End {
        self.end(self.destination, self.ports.map(|ports| ports.destination), is_outside)
    }

    /// The end outside, of one whose other end is inside.
    // Chosen first and looked up once: which way a packet goes cannot be foreseen.
    #[inline(always)]
    pub(super) fn remote(self, from_inside: bool) -> End {
        let address = if from_inside { self.destination } else { self.source };
        let port = self.ports.map(|ports| if from_inside { ports.destination } else { ports.source });
        self.end(address, port, true)
    }

    #[inline(always)]
    fn end(self, address: IpAddr, port: Option<u16>, is_outside: bool) -> End {
        End { address, protocol: self.protocol, port, is_outside }
    }
}
