//! How does a classic pcap file store frames? In the words of draft-ietf-opsawg-pcap: a 24-byte header,
//! then records of 16 bytes and the frame.

use super::order::Order;
use super::reader::{Next, Step};
use super::{FRAME_BYTES_MAX, Frame};

type RecordHeader = [u8; Pcap::RECORD_HEADER_BYTES];

/// What the file header says of all records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pcap {
    order: Order,
    /// Nanoseconds in one unit of the second time field: 1 or 1000.
    unit_ns: i64,
    record_header_bytes: usize,
    link_type: u16,
}

impl Pcap {
    pub(super) const HEADER_BYTES: usize = 24;
    const RECORD_HEADER_BYTES: usize = 16;
    /// Alexey Kuznetsov's variant adds interface, protocol and packet type to each record.
    const MODIFIED_RECORD_HEADER_BYTES: usize = 24;

    /// Reads the file header.
    pub(super) fn begin(header: &[u8; Pcap::HEADER_BYTES]) -> Result<Pcap, String> {
        let [a, b, c, d, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, link @ ..] = *header;
        let (order, unit_ns, record_header_bytes) = match [a, b, c, d] {
            [0xd4, 0xc3, 0xb2, 0xa1] => (Order::Little, 1000, Pcap::RECORD_HEADER_BYTES),
            [0xa1, 0xb2, 0xc3, 0xd4] => (Order::Big, 1000, Pcap::RECORD_HEADER_BYTES),
            [0x4d, 0x3c, 0xb2, 0xa1] => (Order::Little, 1, Pcap::RECORD_HEADER_BYTES),
            [0xa1, 0xb2, 0x3c, 0x4d] => (Order::Big, 1, Pcap::RECORD_HEADER_BYTES),
            [0x34, 0xcd, 0xb2, 0xa1] => (Order::Little, 1000, Pcap::MODIFIED_RECORD_HEADER_BYTES),
            [0xa1, 0xb2, 0xcd, 0x34] => (Order::Big, 1000, Pcap::MODIFIED_RECORD_HEADER_BYTES),
            _ => return Err("this is neither a pcap nor a pcapng file".to_string()),
        };
        // The upper half of the field tells of a frame check sequence, which nothing here needs.
        let link_type = (order.u32(link) & 0xffff) as u16;
        Ok(Pcap { order, unit_ns, record_header_bytes, link_type })
    }

    /// The record at the beginning of `input` and its length with the header, where it is one of the usual kind,
    /// whole, and something of its frame was kept; else [`Pcap::next`] tells what stands there.
    #[inline(always)]
    pub(super) fn usual_record<'a>(&self, input: &'a [u8]) -> Option<(Frame<'a>, usize)> {
        let (header, rest) = input.split_first_chunk::<{ Pcap::RECORD_HEADER_BYTES }>()?;
        let length = frame_bytes(header, Order::Little);
        if !self.is_usual() || !(1..=FRAME_BYTES_MAX).contains(&length) {
            return None;
        }
        let frame = self.frame(header, rest.get(..length)?, Order::Little);
        Some((frame, Pcap::RECORD_HEADER_BYTES + length))
    }

    #[inline(always)]
    fn is_usual(&self) -> bool {
        self.order == Order::Little && self.record_header_bytes == Pcap::RECORD_HEADER_BYTES
    }

    #[inline(always)]
    fn frame<'a>(&self, header: &RecordHeader, bytes: &'a [u8], order: Order) -> Frame<'a> {
        let [s0, s1, s2, s3, f0, f1, f2, f3, _, _, _, _, w0, w1, w2, w3] = *header;
        // Unsigned, as the draft has it: from 1970 to 2106.
        let seconds = order.u32([s0, s1, s2, s3]);
        let fraction = order.u32([f0, f1, f2, f3]);
        Frame {
            time_ns: i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * self.unit_ns,
            bytes,
            wire_length: order.u32([w0, w1, w2, w3]),
            link_type: self.link_type,
        }
    }

    /// What stands at the beginning of `input`.
    pub(super) fn next<'a>(&self, input: &'a [u8]) -> Step<'a> {
        let Some(header) = input.first_chunk() else { return Ok(Next::NeedMore(self.record_header_bytes)) };
        let length = frame_bytes(header, self.order);
        if length > FRAME_BYTES_MAX {
            return Err(format!("a record states {length} bytes, more than the {FRAME_BYTES_MAX} possible"));
        }
        let used = self.record_header_bytes + length;
        Ok(match input.get(self.record_header_bytes..used) {
            Some(bytes) => Next::Frame { frame: self.frame(header, bytes, self.order), used },
            None => Next::NeedMore(used),
        })
    }
}

/// How many bytes of the frame were kept, as its header states it.
#[inline(always)]
fn frame_bytes(header: &RecordHeader, order: Order) -> usize {
    let [_, _, _, _, _, _, _, _, k0, k1, k2, k3, ..] = *header;
    order.u32([k0, k1, k2, k3]) as usize
}
