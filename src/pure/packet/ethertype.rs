//! What is it called that an Ethernet frame carries instead of IP?
//!
//! Whatever may carry IP is opened in `link`; what stands here does not. A type that stands nowhere may
//! carry IP, and is never taken for something harmless.

/// What the EtherType announces, when it is known to announce no IP. Names from IANA's and IEEE's lists.
pub(super) fn without_ip(ethertype: u16) -> Option<&'static str> {
    let name = match ethertype {
        0x0806 => "ARP",
        0x0842 => "Wake-on-LAN",
        0x22ea | 0x22f0 | 0x88f5 | 0x88f6 => "802.1 reservation and audio/video",
        0x6000..=0x6009 | 0x8038..=0x8042 => "DEC protocols",
        0x8035 => "RARP",
        0x809b | 0x80f3 => "AppleTalk",
        0x0bad | 0x80c4 | 0x80c5 => "VINES",
        0x8137 | 0x8138 => "IPX",
        0x872d | 0x2000 | 0x2001 | 0x2003 | 0x2004 => "Cisco protocols",
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
        0x88d9 => "link layer discovery of Windows",
        0x88bf => "MikroTik discovery",
        0x6970 => "Sonos",
        0x88ca => "TIPC",
        0x8915 => "RoCE",
        0x88dc | 0x8947 => "vehicles' networks",
        0x88f8 => "NC-SI",
        0x891d => "TTEthernet",
        0x8940 | 0x8946 | 0x22f4 => "802.1 and TRILL control",
        0x886f => "network load balancing",
        0x890d => "802.11 over Ethernet",
        0x80d5 => "SNA",
        0x0600 | 0x0807 => "XNS",
        0x8019 => "Apollo",
        0x8191 => "NetBIOS",
        0x814c => "SNMP over Ethernet",
        0x80ff..=0x8103 | 0x9001..=0x9003 => "bridges' own protocols",
        0x8819 => "CobraNet",
        0x9000 => "Ethernet loopback test",
        _ => return None,
    };
    Some(name)
}
