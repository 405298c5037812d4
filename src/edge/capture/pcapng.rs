//! How is evidence written down? The blocks of a pcapng file, appended to a buffer.
//!
//! `evidence` fills the buffers, `pen` puts them into a file. Format: draft-ietf-opsawg-pcapng, little
//! endian, nanoseconds.

use crate::pure::packet::Frame;

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

const OPT_COMMENT: u16 = 1;
const SHB_HARDWARE: u16 = 2;
const SHB_OS: u16 = 3;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const IF_FILTER: u16 = 11;
const ISB_STARTTIME: u16 = 2;
const ISB_ENDTIME: u16 = 3;
const ISB_IFRECV: u16 = 4;
const ISB_FILTERACCEPT: u16 = 6;
const ISB_OSDROP: u16 = 7;
const ISB_USRDELIV: u16 = 8;

/// An option's length is 16 bits wide; no text of ours needs as much.
pub const OPTION_BYTES_MAX: usize = 4096;

/// The most bytes of a packet's block besides its frame and its comment: framing, fields, padding and
/// the options' ends.
pub const PACKET_OVERHEAD_BYTES_MAX: usize = 48;

/// The machine that captured.
#[derive(Clone, Debug)]
pub struct Machine {
    pub hardware: String,
    pub system: String,
}

/// The section header: it begins the file. `None` for a machine that is not known.
pub fn section_header(to: &mut Vec<u8>, machine: Option<&Machine>) {
    block(to, SECTION_HEADER, |body| {
        body.extend(BYTE_ORDER_MAGIC.to_le_bytes());
        body.extend([1, 0, 0, 0]);
        // The length of the section is not known in advance.
        body.extend(u64::MAX.to_le_bytes());
        if let Some(Machine { hardware, system }) = machine {
            text(body, SHB_HARDWARE, hardware);
            text(body, SHB_OS, system);
        }
        text(body, SHB_USERAPPL, concat!("allclear ", env!("CARGO_PKG_VERSION")));
        end_of_options(body);
    });
}

/// One link layer of a source.
#[derive(Clone, Copy, Debug)]
pub struct Interface<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub link_type: u16,
    /// Frames were cut to this; 0 when not known to be cut.
    pub snap_bytes: u32,
    /// pcap-filter(7).
    pub filter: Option<&'a str>,
}

/// Describes an interface. They are numbered from 0 in the order of these.
pub fn interface(to: &mut Vec<u8>, interface: &Interface<'_>) {
    let Interface { name, description, link_type, snap_bytes, filter } = *interface;
    block(to, INTERFACE_DESCRIPTION, |body| {
        body.extend(link_type.to_le_bytes());
        body.extend([0; 2]);
        body.extend(snap_bytes.to_le_bytes());
        text(body, IF_NAME, name);
        text(body, IF_DESCRIPTION, description);
        // 10^-9 seconds.
        option(body, IF_TSRESOL, &[9]);
        if let Some(filter) = filter {
            // A zero says that it is a text for libpcap.
            option(body, IF_FILTER, &[b"\0", whole_chars(filter, OPTION_BYTES_MAX - 1).as_bytes()].concat());
        }
        end_of_options(body);
    });
}

/// One packet, with a comment unless it is empty. A time before 1970 cannot be written and becomes
/// 1970.
pub fn packet(to: &mut Vec<u8>, interface: u32, frame: &Frame<'_>, comment: &str) {
    block(to, ENHANCED_PACKET, |body| {
        body.extend(interface.to_le_bytes());
        body.extend(time(frame.time_ns));
        body.extend(length_of(frame.bytes).to_le_bytes());
        // A row of a text table has no known length; 0 would be an invalid packet to other readers.
        body.extend(frame.wire_length.max(length_of(frame.bytes)).to_le_bytes());
        padded(body, frame.bytes);
        if !comment.is_empty() {
            text(body, OPT_COMMENT, comment);
            end_of_options(body);
        }
    });
}

/// The blocks that were written one after the other, each by itself.
pub fn blocks(mut written: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let length = u32::from_le_bytes(written.get(4..8)?.try_into().ok()?) as usize;
        let (block, rest) = written.split_at_checked(length.max(1))?;
        written = rest;
        Some(block)
    })
}

/// Whether a block is one packet.
pub fn is_packet(block: &[u8]) -> bool {
    block.starts_with(&ENHANCED_PACKET.to_le_bytes())
}

/// What became of the packets of one interface in all. `None` is not known.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    /// When listening began and ended.
    pub watched_ns: Option<(i64, i64)>,
    pub heard_packets: Option<u64>,
    /// Those that passed the filter.
    pub passed_packets: Option<u64>,
    pub lost_packets: Option<u64>,
    pub kept_packets: Option<u64>,
    /// Empty when there is nothing to say.
    pub comment: String,
}

/// The statistics of an interface; they end the file.
pub fn statistics(to: &mut Vec<u8>, interface: u32, time_ns: i64, statistics: &Statistics) {
    let Statistics { watched_ns, heard_packets, passed_packets, lost_packets, kept_packets, comment } =
        statistics;
    block(to, INTERFACE_STATISTICS, |body| {
        body.extend(interface.to_le_bytes());
        body.extend(time(time_ns));
        if !comment.is_empty() {
            text(body, OPT_COMMENT, comment);
        }
        if let Some((started_ns, ended_ns)) = watched_ns {
            option(body, ISB_STARTTIME, &time(*started_ns));
            option(body, ISB_ENDTIME, &time(*ended_ns));
        }
        for (code, count) in [
            (ISB_IFRECV, heard_packets),
            (ISB_FILTERACCEPT, passed_packets),
            (ISB_OSDROP, lost_packets),
            (ISB_USRDELIV, kept_packets),
        ] {
            if let Some(count) = count {
                option(body, code, &count.to_le_bytes());
            }
        }
        end_of_options(body);
    });
}

/// As much of `text` as fits into `bytes_max`, whole characters only.
fn whole_chars(text: &str, bytes_max: usize) -> &str {
    let end = (0..=bytes_max.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
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

/// A block's length stands at both of its ends.
fn block(to: &mut Vec<u8>, kind: u32, write_body: impl FnOnce(&mut Vec<u8>)) {
    let begin = to.len();
    to.extend(kind.to_le_bytes());
    to.extend([0; 4]);
    write_body(to);
    let length = (length_of(&to[begin..]) + 4).to_le_bytes();
    to.extend(length);
    to[begin + 4..begin + 8].copy_from_slice(&length);
}

fn text(body: &mut Vec<u8>, code: u16, text: &str) {
    option(body, code, whole_chars(text, OPTION_BYTES_MAX).as_bytes());
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend((value.len() as u16).to_le_bytes());
    padded(body, value);
}

fn end_of_options(body: &mut Vec<u8>) {
    body.extend([0; 4]);
}

/// Every block begins at a multiple of 4, so its parts need no more than their own padding.
fn padded(body: &mut Vec<u8>, value: &[u8]) {
    const PADDING: [u8; 3] = [0; 3];
    body.extend(value);
    body.extend(&PADDING[..value.len().next_multiple_of(4) - value.len()]);
}

fn length_of(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("a frame or block is shorter than 4 GiB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        for (text, bytes_max, wanted) in [
            ("abc", 3, "abc"),
            ("abc", 2, "ab"),
            ("a\u{fc}c", 2, "a"),
            ("a\u{fc}c", 3, "a\u{fc}"),
            ("\u{fc}", 0, ""),
        ] {
            assert_eq!(whole_chars(text, bytes_max), wanted, "{text} {bytes_max}");
        }
    }

    #[test]
    fn a_packets_block_is_as_large_as_it_says() {
        for (length, comment) in [(0, ""), (1, ""), (4, "a"), (61, "abcd"), (1514, "sinkholes: 192.0.2.1")] {
            let frame = Frame { time_ns: 1, bytes: &vec![7; length], wire_length: 60, link_type: 1 };
            let mut to = vec![9; 4];
            packet(&mut to, 0, &frame, comment);
            let block = &to[4..];
            let length_bytes = (block.len() as u32).to_le_bytes();
            assert_eq!((&block[4..8], &block[block.len() - 4..]), (&length_bytes[..], &length_bytes[..]));
            assert_eq!(block.len() % 4, 0);
            assert!(block.len() <= length + comment.len() + PACKET_OVERHEAD_BYTES_MAX, "{length} {comment}");
        }
    }
}
