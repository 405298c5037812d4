//! What is it called that an Ethernet frame carries instead of IP?
//!
//! Whatever may carry IP is opened in `link`; what stands here does not. A type that stands nowhere is
//! shown by its number, so that nothing unknown is taken for something harmless.

use super::NotIp;

/// What the EtherType announces, when it announces no IP. Names from IANA's and IEEE's lists.
pub(super) fn without_ip(ethertype: u16) -> NotIp {
    let name = match ethertype {
        0x0806 => "ARP",
        0x0842 => "Wake-on-LAN",
        0x22ea | 0x22f0 | 0x88f5 | 0x88f6 => "802.1 reservation and audio/video",
        0x6000..=0x6009 => "DEC protocols",
        0x8035 => "RARP",
        0x809b | 0x80f3 => "AppleTalk",
        0x0bad | 0x80c4 | 0x80c5 => "VINES",
        0x8137 | 0x8138 => "IPX",
        0x872d | 0x2000 | 0x2003 | 0x2004 | 0x010b => "Cisco protocols",
        0x8808 => "Ethernet flow control",
        0x8809 => "link aggregation and other slow protocols",
        0x8863 => "PPPoE discovery",
        0x886c | 0x886d | 0x8874 | 0x8899 => "probes of network cards and switches",
        0x887b | 0x88e1 | 0x8912 => "HomePlug",
        0x888e | 0x88c7 => "802.1X",
        0x8892 | 0x88a4 | 0x88ab | 0x88cd | 0x88e3 | 0x88fb => "industrial Ethernet",
        0x88b8..=0x88ba => "IEC 61850",
        0x88a2 => "ATA over Ethernet",
        0x88cc => "LLDP",
        0x88f7 => "PTP",
        0x8902 => "Ethernet fault management",
        0x8906 | 0x8914 => "Fibre Channel over Ethernet",
        0x893a => "IEEE 1905",
        0x9000 | 0x0060 => "Ethernet loopback test",
        other => return NotIp::EtherType(other),
    };
    NotIp::Other(name)
}
