//! Which name stands in the beginning of a TCP stream that spans several segments?
//!
//! Browsers send a ClientHello larger than one segment, in which the name may stand anywhere. It joins
//! the first segments of such streams, in order and bounded; one whose name was never read is counted,
//! so that a name that could not be read is never taken for one that was not there.

use super::hash::FastMap;
use crate::pure::packet::{self, NameRead, Packet};
use std::net::IpAddr;

const TCP: u8 = 6;
/// Streams remembered at one time. When there are more all are forgotten, the unread ones counted.
const STREAMS_MAX: usize = 4_096;
/// Bytes joined of one stream: four times the ClientHello of a browser with post-quantum keys, and the
/// largest request head that most web servers take.
const HEAD_BYTES_MAX: usize = 8_192;

/// The beginnings of streams.
#[derive(Debug, Default)]
pub(super) struct Heads {
    streams: FastMap<Stream, Head>,
    /// How many of them wait for their next segment.
    open: usize,
    /// Streams that began so, each connection once.
    begun: u64,
    /// Streams forgotten before their name was read.
    forgotten: u64,
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Stream {
    source: (IpAddr, u16),
    destination: (IpAddr, u16),
}

#[derive(Debug)]
struct Head {
    /// The sequence number of its first segment, by which a retransmission is known.
    first: u32,
    /// What was sent so far; empty when its name was read, or is none.
    bytes: Vec<u8>,
}

impl Heads {
    /// What a packet tells together with the segments before it, by what it tells `alone`. Never
    /// [`NameRead::Partial`] for a stream that it cannot wait for: that is [`NameRead::Cut`].
    #[inline]
    pub(super) fn join(&mut self, packet: &Packet<'_>, alone: Option<NameRead>) -> Option<NameRead> {
        let is_segment = packet.protocol == TCP && !packet.payload.is_empty();
        if alone == Some(NameRead::Partial) || self.open > 0 && is_segment {
            self.join_segment(packet, alone)
        } else {
            alone
        }
    }

    fn join_segment(&mut self, packet: &Packet<'_>, alone: Option<NameRead>) -> Option<NameRead> {
        let is_begun = alone == Some(NameRead::Partial);
        let Some((stream, sequence)) = place(packet) else {
            return if is_begun { Some(NameRead::Cut) } else { alone };
        };
        match self.streams.get(&stream) {
            Some(head) if head.first == sequence && head.bytes.is_empty() => alone.filter(|_| !is_begun),
            Some(head) if head.is_next(sequence) => self.go_on(stream, packet),
            _ if is_begun => {
                self.begin(stream, sequence, packet.payload);
                alone
            }
            Some(head) if head.first == sequence => {
                self.close(stream);
                alone
            }
            _ => alone,
        }
    }

    fn begin(&mut self, stream: Stream, first: u32, payload: &[u8]) {
        if self.streams.len() >= STREAMS_MAX && !self.streams.contains_key(&stream) {
            self.forgotten += self.open as u64;
            self.open = 0;
            self.streams.clear();
        }
        let known = self.streams.insert(stream, Head { first, bytes: payload.to_vec() });
        self.begun += u64::from(known.as_ref().is_none_or(|head| head.first != first));
        match known {
            // A retransmission takes the place of what it repeats, another connection does not.
            Some(head) if !head.bytes.is_empty() => self.forgotten += u64::from(head.first != first),
            _ => self.open += 1,
        }
    }

    fn go_on(&mut self, stream: Stream, packet: &Packet<'_>) -> Option<NameRead> {
        let head = self.streams.get_mut(&stream)?;
        head.bytes.extend_from_slice(packet.payload);
        let found = packet::name(&Packet { payload: &head.bytes, ..*packet });
        let is_too_long = head.bytes.len() > HEAD_BYTES_MAX;
        match found {
            Some(NameRead::Partial) if !is_too_long => found,
            Some(NameRead::Partial) => {
                self.close(stream);
                Some(NameRead::Cut)
            }
            _ => {
                self.close(stream);
                found
            }
        }
    }

    fn close(&mut self, stream: Stream) {
        if let Some(head) = self.streams.get_mut(&stream).filter(|head| !head.bytes.is_empty()) {
            head.bytes = Vec::new();
            self.open -= 1;
        }
    }

    /// How many streams began with a name that goes on in their next segment.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// How many streams began with a name that could not be read, [`NameRead::Cut`] aside.
    pub(super) fn unread(&self) -> u64 {
        self.forgotten + self.open as u64
    }
}

impl Head {
    fn is_next(&self, sequence: u32) -> bool {
        !self.bytes.is_empty() && self.first.wrapping_add(self.bytes.len() as u32) == sequence
    }
}

fn place(packet: &Packet<'_>) -> Option<(Stream, u32)> {
    let ports = packet.ports?;
    let source = (packet.source, ports.source);
    Some((Stream { source, destination: (packet.destination, ports.destination) }, packet.tcp_sequence()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::packet::{Decoded, Frame, decode};

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";

    /// A segment from a port of 10.0.0.1, its sequence number counted from just below the overflow.
    fn segment(port: u16, sequence: usize, payload: &[u8]) -> Vec<u8> {
        let length = (40 + payload.len() as u16).to_be_bytes();
        let header = [0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 192, 0, 2, 9];
        let sequence = 0xffff_fffc_u32.wrapping_add(sequence as u32).to_be_bytes();
        let tcp = [&[0, 80][..], &sequence, &[0, 0, 0, 0, 0x50, 0x18, 0, 0, 0, 0, 0, 0]].concat();
        [&header[..], &port.to_be_bytes(), &tcp, payload].concat()
    }

    /// The names read of packets, `-` for none and `cut`, and how many streams stay unread.
    fn read(packets: &[Vec<u8>]) -> (String, u64) {
        let mut heads = Heads::default();
        let mut told = Vec::new();
        for bytes in packets {
            let frame = Frame { time_ns: 0, bytes, wire_length: bytes.len() as u32, link_type: 101 };
            let Decoded::Packet(packet) = decode(&frame) else { panic!("no packet") };
            told.push(match heads.join(&packet, packet::name(&packet)) {
                Some(NameRead::Name(name)) => name.text.to_string(),
                Some(NameRead::Cut) => "cut".to_owned(),
                Some(NameRead::Partial) | None => "-".to_owned(),
            });
        }
        (told.join(" "), heads.unread())
    }

    #[test]
    fn a_name_is_read_across_segments_or_counted_as_unread() {
        let part = |port, from: usize, to: usize| segment(port, from, &REQUEST[from..to]);
        let end = REQUEST.len();
        let (first, second) = (part(1, 0, 20), part(1, 20, end));
        type Row<'a> = (&'a str, Vec<Vec<u8>>, (&'a str, u64));
        let rows: [Row<'_>; 11] = [
            ("two segments", vec![first.clone(), second.clone()], ("- evil.example", 0)),
            ("three", vec![first.clone(), part(1, 20, 30), part(1, 30, end)], ("- - evil.example", 0)),
            ("the second is missing", vec![first.clone()], ("-", 1)),
            ("one between is missing", vec![first.clone(), part(1, 30, end)], ("- -", 1)),
            ("the wrong way round", vec![second.clone(), first.clone()], ("- -", 1)),
            (
                "each copied by a mirror",
                vec![first.clone(), first.clone(), second.clone(), second.clone()],
                ("- - evil.example -", 0),
            ),
            (
                "the first sent again when both arrived",
                vec![first.clone(), second.clone(), first.clone()],
                ("- evil.example -", 0),
            ),
            ("sent again as a whole", vec![first.clone(), part(1, 0, end)], ("- evil.example", 0)),
            (
                "two streams",
                vec![first.clone(), part(2, 0, 20), part(2, 20, end), second.clone()],
                ("- - evil.example evil.example", 0),
            ),
            ("of another stream", vec![first.clone(), part(2, 20, end)], ("- -", 1)),
            (
                "longer than the limit",
                vec![segment(1, 0, b"GET / HTTP/1.1\r\n"), segment(1, 16, &[b'a'; HEAD_BYTES_MAX])],
                ("- cut", 0),
            ),
        ];
        for (row, packets, (names, unread)) in rows {
            assert_eq!(read(&packets), (names.to_owned(), unread), "{row}");
        }
    }

    #[test]
    fn streams_beyond_the_limit_are_counted_and_not_kept() {
        let ports = 1_000..=1_000 + STREAMS_MAX as u16;
        let begun: Vec<Vec<u8>> = ports.map(|port| segment(port, 0, &REQUEST[..20])).collect();
        assert_eq!(read(&begun).1, STREAMS_MAX as u64 + 1);
    }
}
