//! What do the machines of the demo's school say to each other and to the world? Frames of the
//! everyday kind, and the calls of the malware.
//!
//! `recorder` says who talks when. Addresses are those that are reserved for documentation, and
//! those of the guide.

use super::school::{Machine, outside, server};
use etherparse::{ArpHardwareId, ArpOperation, ArpPacket, EtherType, PacketBuilder};
use std::net::Ipv4Addr;

/// The sinkhole that the complaint names.
const SINKHOLE: Ipv4Addr = Ipv4Addr::new(216, 66, 15, 109);

/// Its neighbour: on no watchlist, and nothing to worry about.
const NEIGHBOUR: Ipv4Addr = Ipv4Addr::new(216, 66, 15, 110);

/// Sites that people visit. The last two are there to be told apart from what is looked for.
const SITES: [(&str, Ipv4Addr); 6] = [
    ("www.example.com", Ipv4Addr::new(203, 0, 113, 10)),
    ("library.example.org", Ipv4Addr::new(203, 0, 113, 24)),
    ("mail.example.net", Ipv4Addr::new(198, 51, 100, 25)),
    ("video.example.com", Ipv4Addr::new(198, 51, 100, 80)),
    ("neighbour.example.net", NEIGHBOUR),
    ("not-a-conficker-sinkhole.example", Ipv4Addr::new(203, 0, 113, 66)),
];

const MICROSECONDS: i64 = 1_000_000;
const BROADCAST: [u8; 6] = [0xff; 6];

/// Packets with their times in microseconds since 1970, in any order.
pub type Packets = Vec<(i64, Vec<u8>)>;

/// A machine asks who has the server's address.
pub fn ask_around(at: i64, who: &Machine) -> Packets {
    let arp = ArpPacket::new(
        ArpHardwareId::ETHERNET,
        EtherType::IPV4,
        ArpOperation::REQUEST,
        &who.mac,
        &who.address.octets(),
        &[0; 6],
        &server().address.octets(),
    )
    .expect("addresses have the lengths of their kinds");
    let builder = PacketBuilder::ethernet2(who.mac, BROADCAST).arp(arp);
    let mut bytes = Vec::with_capacity(builder.size());
    builder.write(&mut bytes).expect("writing into memory does not fail");
    vec![(at, bytes)]
}

/// A machine asks for the time and gets it (NTP, RFC 5905: client and server mode of version 4).
pub fn ask_time(at: i64, who: &Machine) -> Packets {
    let message = |mode: u8| [&[0x20 | mode][..], &[0; 47]].concat();
    let (server, port) = (server(), 123);
    vec![
        (at, udp(who, port, &server, port, &message(3))),
        (at + 400, udp(&server, port, who, port, &message(4))),
    ]
}

/// A machine renews its lease and tells its name (DHCP, RFC 2131 and 2132).
pub fn renew_lease(at: i64, who: &Machine) -> Packets {
    let mut message = vec![0; 240];
    message[..4].copy_from_slice(&[1, 1, 6, 0]);
    message[12..16].copy_from_slice(&who.address.octets());
    message[28..34].copy_from_slice(&who.mac);
    message[236..].copy_from_slice(&[99, 130, 83, 99]);
    message.extend([53, 1, 3, 12, who.name.len() as u8]);
    message.extend(who.name.as_bytes());
    message.push(255);
    vec![(at, udp(who, 68, &server(), 67, &message))]
}

/// A machine looks up a site and visits it, with TLS or without.
pub fn visit(at: i64, who: &Machine, chance: u64) -> Packets {
    let (name, address) = SITES[(chance % SITES.len() as u64) as usize];
    let source = 49_152 + (chance / 64 % 16_000) as u16;
    let mut packets = look_up(at, who, source, name, address);
    let (port, request) = match chance / 8 % 3 {
        0 => (80, format!("GET / HTTP/1.1\r\nHost: {name}\r\n\r\n").into_bytes()),
        _ => (443, client_hello(name)),
    };
    packets.extend(converse(at + 3_000, (who, source), (&outside(address), port), &request));
    packets
}

/// The malware calls its sinkhole. Every second time nobody answers, and the machine tries thrice.
pub fn call_sinkhole(at: i64, who: &Machine, count: usize) -> Packets {
    let (sinkhole, source, port) = (outside(SINKHOLE), 1701 + count as u16, 80);
    if count.is_multiple_of(2) {
        let request = format!("GET /search?q={count} HTTP/1.0\r\nHost: {SINKHOLE}\r\n\r\n");
        return converse(at, (who, source), (&sinkhole, port), request.as_bytes());
    }
    let again = |seconds: i64| {
        (at + seconds * MICROSECONDS, tcp((who, source), (&sinkhole, port), Step::Syn, [7, 0], &[]))
    };
    [0, 3, 9].map(again).to_vec()
}

fn look_up(at: i64, who: &Machine, source: u16, name: &str, address: Ipv4Addr) -> Packets {
    let server = server();
    let message = |flags: [u8; 2], answers: u8| {
        let id = source.to_be_bytes();
        let mut message = vec![id[0], id[1], flags[0], flags[1], 0, 1, 0, answers, 0, 0, 0, 0];
        for label in name.split('.') {
            message.push(label.len() as u8);
            message.extend(label.as_bytes());
        }
        message.extend([0, 0, 1, 0, 1]);
        message
    };
    let mut answer = message([0x81, 0x80], 1);
    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    answer.extend(address.octets());
    vec![
        (at, udp(who, source, &server, 53, &message([1, 0], 0))),
        (at + 700, udp(&server, 53, who, source, &answer)),
    ]
}

/// A ClientHello that names its server (RFC 8446, 4.1.2; RFC 6066, 3), and little else.
fn client_hello(name: &str) -> Vec<u8> {
    let framed = |head: &[u8], body: &[u8]| [head, &(body.len() as u16).to_be_bytes(), body].concat();
    let server_name = framed(&[0, 0], &framed(&[], &framed(&[0], name.as_bytes())));
    let hello = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0], &framed(&[], &server_name)].concat();
    framed(&[22, 3, 1], &framed(&[1, 0], &hello))
}

/// A whole conversation in one request and one answer.
fn converse(at: i64, near: (&Machine, u16), far: (&Machine, u16), request: &[u8]) -> Packets {
    let (asked, answered) = (1 + request.len() as u32, 1 + 120);
    let said: [Said<'_>; 7] = [
        (0, true, Step::Syn, [0, 0], &[]),
        (20_000, false, Step::SynAck, [0, 1], &[]),
        (20_200, true, Step::Ack, [1, 1], &[]),
        (20_400, true, Step::Data, [1, 1], request),
        (45_000, false, Step::Data, [1, asked], &[b'x'; 120]),
        (46_000, true, Step::Fin, [asked, answered], &[]),
        (66_000, false, Step::Fin, [answered, asked + 1], &[]),
    ];
    let packet = |(after, is_ours, step, numbers, payload): Said<'_>| {
        let (from, to) = if is_ours { (near, far) } else { (far, near) };
        (at + after, tcp(from, to, step, numbers, payload))
    };
    said.map(packet).to_vec()
}

/// One segment: microseconds since the first, whether the near end sent it, what for, its sequence and
/// acknowledgement numbers, and what it carries.
type Said<'a> = (i64, bool, Step, [u32; 2], &'a [u8]);

/// What a TCP segment is there for.
#[derive(Clone, Copy, Debug)]
enum Step {
    Syn,
    SynAck,
    Ack,
    Data,
    Fin,
}

fn tcp(from: (&Machine, u16), to: (&Machine, u16), step: Step, numbers: [u32; 2], payload: &[u8]) -> Vec<u8> {
    let [sequence, acknowledged] = numbers;
    let segment = ip(from.0, to.0).tcp(from.1, to.1, sequence, 64_240);
    let segment = match step {
        Step::Syn => segment.syn(),
        Step::SynAck => segment.syn().ack(acknowledged),
        Step::Ack => segment.ack(acknowledged),
        Step::Data => segment.psh().ack(acknowledged),
        Step::Fin => segment.fin().ack(acknowledged),
    };
    let mut bytes = Vec::with_capacity(segment.size(payload.len()));
    segment.write(&mut bytes, payload).expect("writing into memory does not fail");
    bytes
}

fn udp(from: &Machine, source: u16, to: &Machine, port: u16, payload: &[u8]) -> Vec<u8> {
    let datagram = ip(from, to).udp(source, port);
    let mut bytes = Vec::with_capacity(datagram.size(payload.len()));
    datagram.write(&mut bytes, payload).expect("writing into memory does not fail");
    bytes
}

fn ip(from: &Machine, to: &Machine) -> etherparse::PacketBuilderStep<etherparse::IpHeaders> {
    PacketBuilder::ethernet2(from.mac, to.mac).ipv4(from.address.octets(), to.address.octets(), 64)
}
