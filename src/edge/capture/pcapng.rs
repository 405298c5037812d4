//! How is evidence written down? The blocks of a pcapng file, as bytes.
//!
//! `evidence` puts them into a file. Format: draft-ietf-opsawg-pcapng, little endian, nanoseconds.

use crate::pure::packet::Frame;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_TSRESOL: u16 = 9;
const ISB_IFRECV: u16 = 4;
const ISB_OSDROP: u16 = 7;
const ISB_USRDELIV: u16 = 8;

/// An option's length is 16 bits wide; no comment of ours needs as much.
const OPTION_BYTES_MAX: usize = 4096;

/// The section header: it begins the file.
pub fn section_header() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(BYTE_ORDER_MAGIC.to_le_bytes());
    body.extend([1, 0, 0, 0]);
    // The length of the section is not known in advance.
    body.extend(u64::MAX.to_le_bytes());
    option(&mut body, SHB_USERAPPL, concat!("allclear ", env!("CARGO_PKG_VERSION")).as_bytes());
    block(SECTION_HEADER, end_of_options(body))
}

/// One interface: a link layer of a source. Interfaces are numbered from 0 in the order of these.
pub fn interface(name: &str, link_type: u16) -> Vec<u8> {
    let mut body = Vec::new();
    body.extend(link_type.to_le_bytes());
    // Two reserved bytes, and a snap length of 0: without limit.
    body.extend([0; 6]);
    option(&mut body, IF_NAME, name.as_bytes());
    // 10^-9 seconds.
    option(&mut body, IF_TSRESOL, &[9]);
    block(INTERFACE_DESCRIPTION, end_of_options(body))
}

/// One packet, with a comment unless it is empty. A time before 1970 cannot be written and becomes
/// 1970.
pub fn packet(interface: u32, frame: &Frame<'_>, comment: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(frame.bytes.len() + comment.len() + 48);
    body.extend(interface.to_le_bytes());
    body.extend(time(frame.time_ns));
    body.extend(length_of(frame.bytes).to_le_bytes());
    body.extend(frame.wire_length.to_le_bytes());
    padded(&mut body, frame.bytes);
    if !comment.is_empty() {
        option(&mut body, OPT_COMMENT, comment.as_bytes());
        body = end_of_options(body);
    }
    block(ENHANCED_PACKET, body)
}

/// What became of the packets of one interface in all.
pub struct Statistics {
    pub heard_packets: u64,
    /// `None` when the source cannot count its losses.
    pub lost_packets: Option<u64>,
    pub kept_packets: u64,
    /// Empty when there is nothing to say.
    pub comment: String,
}

/// The statistics of an interface; they end the file.
pub fn statistics(interface: u32, time_ns: i64, statistics: &Statistics) -> Vec<u8> {
    let Statistics { heard_packets, lost_packets, kept_packets, comment } = statistics;
    let mut body = Vec::new();
    body.extend(interface.to_le_bytes());
    body.extend(time(time_ns));
    if !comment.is_empty() {
        option(&mut body, OPT_COMMENT, comment.as_bytes());
    }
    option(&mut body, ISB_IFRECV, &heard_packets.to_le_bytes());
    if let Some(lost) = lost_packets {
        option(&mut body, ISB_OSDROP, &lost.to_le_bytes());
    }
    option(&mut body, ISB_USRDELIV, &kept_packets.to_le_bytes());
    block(INTERFACE_STATISTICS, end_of_options(body))
}

/// The upper half stands first, whatever the byte order.
fn time(time_ns: i64) -> [u8; 8] {
    let time = u64::try_from(time_ns).unwrap_or(0);
    let (high, low) = ((time >> 32) as u32, time as u32);
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&high.to_le_bytes());
    bytes[4..].copy_from_slice(&low.to_le_bytes());
    bytes
}

fn block(kind: u32, body: Vec<u8>) -> Vec<u8> {
    let length = length_of(&body) + 12;
    let mut block = Vec::with_capacity(body.len() + 12);
    block.extend(kind.to_le_bytes());
    block.extend(length.to_le_bytes());
    block.extend(body);
    block.extend(length.to_le_bytes());
    block
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    let value = &value[..value.len().min(OPTION_BYTES_MAX)];
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    padded(body, value);
}

fn end_of_options(mut body: Vec<u8>) -> Vec<u8> {
    body.extend([0; 4]);
    body
}

fn padded(body: &mut Vec<u8>, value: &[u8]) {
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a frame or block is shorter than 4 GiB")
}
