//! How does a pcapng file store frames? In the words of draft-ietf-opsawg-pcapng: sections of blocks,
//! each with its length at both ends; interfaces are described before the frames that name them.

use super::order::Order;
use super::reader::{Next, Step};
use super::{BLOCK_BYTES_MAX, FRAME_BYTES_MAX, Frame, INTERFACES_MAX};
use crate::pure::lost::Lost;
use std::sync::Arc;

/// The type of a section header block, the same both ways round.
pub(super) const SECTION_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// Block type and both lengths: the smallest block there is.
const FRAMING_BYTES: usize = 12;

const OPTION_END: u16 = 0;
const IF_TSRESOL: u16 = 9;
const IF_TSOFFSET: u16 = 14;
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;
const EPB_DROPCOUNT: u16 = 4;

/// Where a pcapng reader stands: the section it is in and the interfaces described so far.
#[derive(Clone, Debug, Default)]
pub(super) struct PcapNg {
    /// Bytes used so far, kept to know where the section ends.
    offset: u64,
    /// `None` before the first section header.
    order: Option<Order>,
    /// Where the section ends, when its header says so.
    section_end: Option<u64>,
    /// Shared between clones, of which an index keeps many.
    interfaces: Arc<Vec<Interface>>,
    /// Losses of the interfaces of earlier sections; `None` when there were none.
    lost_before: Option<Lost>,
    /// How many packets had no time of their own.
    timeless_packets: u64,
    /// The time of the last packet.
    last_ns: i64,
}

/// One interface of a section.
#[derive(Clone, Copy, Debug)]
struct Interface {
    link_type: u16,
    /// 0 means without limit.
    snap_length: u32,
    resolution: Resolution,
    /// Seconds to be added to every time.
    offset_seconds: i64,
    /// Packets lost according to its last statistics block.
    lost_in_statistics: Option<u64>,
    /// Packets lost according to the frames themselves.
    lost_between_frames: u64,
}

/// The length of a time unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resolution {
    /// 10 to the minus this.
    Decimal(u8),
    /// 2 to the minus this.
    Binary(u8),
}

impl PcapNg {
    #[inline]
    pub(super) fn next<'a>(&mut self, input: &'a [u8]) -> Step<'a> {
        let Some(head) = input.first_chunk::<FRAMING_BYTES>() else {
            return Ok(Next::NeedMore(FRAMING_BYTES));
        };
        let [t0, t1, t2, t3, l0, l1, l2, l3, magic @ ..] = *head;
        let is_section = [t0, t1, t2, t3] == SECTION_MAGIC;
        let order = if is_section { section_order(magic)? } else { self.order.ok_or(NO_SECTION)? };
        let length = order.u32([l0, l1, l2, l3]) as usize;
        check_length(length)?;
        let Some(block) = input.get(..length) else { return Ok(Next::NeedMore(length)) };
        if order.u32_at(block, length - 4) != Some(length as u32) {
            return Err(format!("a block of {length} bytes states another length at its end"));
        }
        let body = block.get(8..length - 4).unwrap_or_default();
        let frame = self.block(order.u32([t0, t1, t2, t3]), order, body)?;
        self.offset += length as u64;
        Ok(match frame {
            Some(frame) => {
                self.last_ns = frame.time_ns;
                Next::Frame { frame, used: length }
            }
            None => Next::Skip { used: length },
        })
    }

    /// Packets lost so far, by statistics blocks and by frames: all of them where each interface of each
    /// section has a statistics block.
    pub(super) fn lost(&self) -> Lost {
        self.lost_so_far().unwrap_or(Lost::UNKNOWN)
    }

    /// `None` before the first interface.
    fn lost_so_far(&self) -> Option<Lost> {
        self.interfaces.iter().map(Interface::lost).chain(self.lost_before).reduce(Lost::and)
    }

    /// How many packets so far had no time of their own.
    pub(super) fn timeless_packets(&self) -> u64 {
        self.timeless_packets
    }

    /// How many bytes of a section that states its length are not there when the file ends at `end`.
    pub(super) fn missing_section_bytes(&self, end: u64) -> Option<u64> {
        self.section_end?.checked_sub(end).filter(|bytes| *bytes > 0)
    }

    #[inline]
    fn block<'a>(&mut self, kind: u32, order: Order, body: &'a [u8]) -> Result<Option<Frame<'a>>, String> {
        match kind {
            ENHANCED_PACKET => return self.enhanced_packet(order, body).map(Some),
            OLD_PACKET => return self.old_packet(order, body).map(Some),
            SIMPLE_PACKET => return self.simple_packet(order, body).map(Some),
            SECTION => self.begin_section(order, body)?,
            INTERFACE => self.add_interface(order, body)?,
            STATISTICS => self.note_statistics(order, body),
            _ => {}
        }
        Ok(None)
    }

    fn begin_section(&mut self, order: Order, body: &[u8]) -> Result<(), String> {
        let major = order.u16_at(body, 4).ok_or("a section header is too short")?;
        if major != 1 {
            return Err(format!("a section has version {major}, and only version 1 is known"));
        }
        let length = order.u64_at(body, 8).ok_or("a section header is too short")?;
        let begin = self.offset + (FRAMING_BYTES + body.len()) as u64;
        *self = PcapNg {
            order: Some(order),
            section_end: (length != u64::MAX).then(|| begin.saturating_add(length)),
            interfaces: Arc::default(),
            lost_before: self.lost_so_far(),
            ..*self
        };
        Ok(())
    }

    fn add_interface(&mut self, order: Order, body: &[u8]) -> Result<(), String> {
        if self.interfaces.len() >= INTERFACES_MAX {
            return Err(format!("a section describes more than {INTERFACES_MAX} interfaces"));
        }
        let interface = Interface::read(order, body).ok_or("an interface description is too short")?;
        Arc::make_mut(&mut self.interfaces).push(interface);
        Ok(())
    }

    /// Counters are totals since the capture began, so the last block of an interface stands.
    fn note_statistics(&mut self, order: Order, body: &[u8]) {
        let counters = || Options::after(order, body, 12);
        let counter =
            |wanted| counters().find(|(code, _)| *code == wanted).and_then(|(_, v)| order.u64_at(v, 0));
        let lost =
            [counter(ISB_IFDROP), counter(ISB_OSDROP)].into_iter().flatten().reduce(u64::saturating_add);
        let id = order.u32_at(body, 0).unwrap_or(u32::MAX) as usize;
        if let (Some(lost), Some(interface)) = (lost, Arc::make_mut(&mut self.interfaces).get_mut(id)) {
            interface.lost_in_statistics = Some(lost);
        }
    }

    #[inline]
    fn enhanced_packet<'a>(&mut self, order: Order, body: &'a [u8]) -> Result<Frame<'a>, String> {
        let (header, data) = body.split_first_chunk::<20>().ok_or("a packet block is too short")?;
        let field = |at| order.u32_at(header, at).unwrap_or_default();
        let id = field(0) as usize;
        let captured = field(12) as usize;
        if captured.next_multiple_of(4) < data.len() {
            self.note_drops(order, id, data.get(captured.next_multiple_of(4)..).unwrap_or_default());
        }
        let units = u64::from(field(4)) << 32 | u64::from(field(8));
        self.frame(id, units, (captured, field(16)), data)
    }

    fn old_packet<'a>(&mut self, order: Order, body: &'a [u8]) -> Result<Frame<'a>, String> {
        let (header, data) = body.split_first_chunk::<20>().ok_or("a packet block is too short")?;
        let field = |at| order.u32_at(header, at).unwrap_or_default();
        let id = usize::from(order.u16_at(header, 0).unwrap_or_default());
        let drops = order.u16_at(header, 2).filter(|drops| *drops != u16::MAX).unwrap_or_default();
        self.add_drops(id, u64::from(drops));
        let units = u64::from(field(4)) << 32 | u64::from(field(8));
        self.frame(id, units, (field(12) as usize, field(16)), data)
    }

    /// A simple packet has no captured length of its own and no time: it gets that of the packet before it.
    fn simple_packet<'a>(&mut self, order: Order, body: &'a [u8]) -> Result<Frame<'a>, String> {
        let (header, data) = body.split_first_chunk::<4>().ok_or("a packet block is too short")?;
        let wire_length = order.u32(*header);
        let snap_length = self.interface(0)?.snap_length;
        let limit = if snap_length == 0 { u32::MAX } else { snap_length };
        let frame = self.frame(0, 0, (wire_length.min(limit) as usize, wire_length), data)?;
        self.timeless_packets += 1;
        Ok(Frame { time_ns: self.last_ns, ..frame })
    }

    #[inline]
    fn frame<'a>(
        &self,
        id: usize,
        units: u64,
        lengths: (usize, u32),
        data: &'a [u8],
    ) -> Result<Frame<'a>, String> {
        let (captured, wire_length) = lengths;
        let interface = self.interface(id)?;
        if captured > FRAME_BYTES_MAX {
            return Err(format!(
                "a packet states {captured} bytes, more than the {FRAME_BYTES_MAX} possible"
            ));
        }
        let bytes = data.get(..captured).ok_or_else(|| {
            format!("a packet states {captured} bytes, but its block has room for {} only", data.len())
        })?;
        Ok(Frame { time_ns: interface.time_ns(units), bytes, wire_length, link_type: interface.link_type })
    }

    #[inline]
    fn interface(&self, id: usize) -> Result<&Interface, String> {
        let known = self.interfaces.len();
        self.interfaces.get(id).ok_or_else(|| {
            format!("a packet names interface {id}, but only {known} were described before it")
        })
    }

    fn note_drops(&mut self, order: Order, id: usize, options: &[u8]) {
        let drops = Options::after(order, options, 0).find(|(code, _)| *code == EPB_DROPCOUNT);
        self.add_drops(id, drops.and_then(|(_, value)| order.u64_at(value, 0)).unwrap_or_default());
    }

    fn add_drops(&mut self, id: usize, drops: u64) {
        if drops == 0 {
            return;
        }
        if let Some(interface) = Arc::make_mut(&mut self.interfaces).get_mut(id) {
            interface.lost_between_frames = interface.lost_between_frames.saturating_add(drops);
        }
    }
}

const NO_SECTION: &str = "a block stands before the first section header";

fn section_order(magic: [u8; 4]) -> Result<Order, String> {
    match magic {
        [0x4d, 0x3c, 0x2b, 0x1a] => Ok(Order::Little),
        [0x1a, 0x2b, 0x3c, 0x4d] => Ok(Order::Big),
        _ => Err("a section header does not tell its byte order".to_string()),
    }
}

#[inline]
fn check_length(length: usize) -> Result<(), String> {
    if length < FRAMING_BYTES || !length.is_multiple_of(4) {
        return Err(format!(
            "a block states {length} bytes, which is no multiple of 4 or below {FRAMING_BYTES}"
        ));
    }
    if length > BLOCK_BYTES_MAX {
        return Err(format!("a block states {length} bytes, more than the {BLOCK_BYTES_MAX} possible"));
    }
    Ok(())
}

impl Interface {
    fn read(order: Order, body: &[u8]) -> Option<Interface> {
        let mut interface = Interface {
            link_type: order.u16_at(body, 0)?,
            snap_length: order.u32_at(body, 4)?,
            resolution: Resolution::Decimal(6),
            offset_seconds: 0,
            lost_in_statistics: None,
            lost_between_frames: 0,
        };
        for (code, value) in Options::after(order, body, 8) {
            match (code, value) {
                (IF_TSRESOL, [exponent, ..]) if exponent & 0x80 == 0 => {
                    interface.resolution = Resolution::Decimal(*exponent);
                }
                (IF_TSRESOL, [exponent, ..]) => interface.resolution = Resolution::Binary(exponent & 0x7f),
                (IF_TSOFFSET, _) => {
                    interface.offset_seconds = order.u64_at(value, 0).unwrap_or_default() as i64;
                }
                _ => {}
            }
        }
        Some(interface)
    }

    /// The larger of both tellings, since a writer may tell the same loss in both ways.
    fn lost(&self) -> Lost {
        match self.lost_in_statistics {
            Some(told) => Lost::told(Some(told.max(self.lost_between_frames))),
            None => Lost::of(Some(self.lost_between_frames), true),
        }
    }

    /// The time of `units`, a two's complement number since some writers store negative times, held
    /// within what nanoseconds in 64 bits can say (the years 1677 to 2262).
    #[inline]
    fn time_ns(&self, units: u64) -> i64 {
        let units = units as i64;
        let ns = match self.resolution {
            Resolution::Decimal(9) => i128::from(units),
            Resolution::Decimal(6) => i128::from(units) * 1000,
            Resolution::Decimal(exponent @ 0..=8) => i128::from(units) * 10_i128.pow(9 - u32::from(exponent)),
            Resolution::Decimal(exponent @ 10..=37) => {
                i128::from(units) / 10_i128.pow(u32::from(exponent) - 9)
            }
            Resolution::Decimal(_) => 0,
            Resolution::Binary(exponent) => (i128::from(units) * 1_000_000_000) >> exponent,
        };
        let ns = ns.saturating_add(i128::from(self.offset_seconds) * 1_000_000_000);
        i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
    }
}

/// The options at the end of a block, as code and value; ends at the first that does not fit.
struct Options<'a> {
    order: Order,
    rest: &'a [u8],
}

impl<'a> Options<'a> {
    /// Those that stand `at` bytes into a block's body.
    fn after(order: Order, body: &'a [u8], at: usize) -> Options<'a> {
        Options { order, rest: body.get(at..).unwrap_or_default() }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let (head, rest) = self.rest.split_first_chunk::<4>()?;
        let [c0, c1, l0, l1] = *head;
        let code = self.order.u16([c0, c1]);
        let length = usize::from(self.order.u16([l0, l1]));
        let value = rest.get(..length).filter(|_| code != OPTION_END)?;
        self.rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    }
}
