//! What comes next in a capture: a frame, something to skip, a need for more bytes, or a fault?
//!
//! The caller owns the bytes and the buffer; the reader only looks at what it is shown, and counts
//! how far it has come. The two formats stand in `pcap` and `pcapng`.

use super::pcap::Pcap;
use super::pcapng::PcapNg;
use super::{Frame, pcapng};
use crate::pure::lost::Lost;
use std::fmt;

/// Reads a capture piece by piece. Show it the bytes from where it stands ([`Reader::offset`]) with
/// [`Reader::next`]; after a frame or a skip, show it what follows.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    format: Format,
    offset: u64,
    /// Where the first record of no length stands.
    empty_at: Option<u64>,
}

#[derive(Clone, Debug, Default)]
enum Format {
    /// The file header was not read yet.
    #[default]
    Unread,
    Pcap(Pcap),
    PcapNg(PcapNg),
}

/// What a reader found at the place where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<'a> {
    /// A frame, made of the first `used` bytes that were shown.
    Frame { frame: Frame<'a>, used: usize },
    /// Something without a frame (a header, an option block), `used` bytes long.
    Skip { used: usize },
    /// At least so many bytes, counted from where the reader stands, must be shown at once. When there
    /// are no more, the capture ended there: in the middle of a record, unless nothing is left.
    NeedMore(usize),
    /// The capture is damaged here and cannot be read on.
    Fault(Fault),
}

/// Damage in a capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where the damaged record begins, in bytes from the start of the (uncompressed) capture.
    pub offset: u64,
    /// What is wrong, in words.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "damaged at byte {}: {}", self.offset, self.what)
    }
}

/// What a format's own reader answers: [`Next`] without the offset, which it does not know.
pub(super) type Step<'a> = Result<Next<'a>, String>;

impl Reader {
    /// A reader at the start of a capture.
    pub fn new() -> Reader {
        Reader::default()
    }

    /// How many bytes of the capture were used so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The frame at the beginning of `input` and how many bytes it took there, where that is told quickly;
    /// else [`Reader::next`] tells what stands there.
    // Always: its answer must not travel through memory, which costs more than the whole reading.
    #[inline(always)]
    pub fn quick_frame<'a>(&mut self, input: &'a [u8]) -> Option<(Frame<'a>, usize)> {
        let Format::Pcap(pcap) = &self.format else { return None };
        let (frame, used) = pcap.usual_record(input)?;
        self.offset += used as u64;
        Some((frame, used))
    }

    /// Looks at what stands at the beginning of `input`.
    #[inline(never)]
    pub fn next<'a>(&mut self, input: &'a [u8]) -> Next<'a> {
        let step = match &mut self.format {
            Format::Pcap(pcap) => pcap.next(input),
            Format::PcapNg(pcapng) => pcapng.next(input),
            Format::Unread => self.begin(input),
        };
        match step {
            Ok(next) => {
                if let Next::Frame { frame: Frame { bytes: [], wire_length: 0, .. }, .. } = &next {
                    self.empty_at.get_or_insert(self.offset);
                }
                if let Next::Frame { used, .. } | Next::Skip { used } = &next {
                    self.offset += *used as u64;
                }
                next
            }
            Err(what) => Next::Fault(Fault { offset: self.offset, what }),
        }
    }

    /// The damage behind which the reader went on: a record whose packet has no length. No packet is that short,
    /// and zeros are what a crash leaves of a file.
    pub fn damage(&self) -> Option<Fault> {
        let what = "a record states a packet of 0 bytes: the file was not written as it should be";
        self.empty_at.map(|offset| Fault { offset, what: what.to_owned() })
    }

    /// Packets that the writer of the capture lost, as far as it says so.
    pub fn lost(&self) -> Lost {
        match &self.format {
            Format::PcapNg(pcapng) => pcapng.lost(),
            Format::Pcap(_) | Format::Unread => Lost::UNKNOWN,
        }
    }

    /// How many packets had no time, and got that of the packet before them, or 1970-01-01 when there is none.
    pub fn timeless_packets(&self) -> u64 {
        match &self.format {
            Format::PcapNg(pcapng) => pcapng.timeless_packets(),
            Format::Pcap(_) | Format::Unread => 0,
        }
    }

    /// What is missing when the capture ends where the reader stands with `left` unused bytes behind
    /// it; `None` when this is a good place to end.
    pub fn missing_at_end(&self, left: usize) -> Option<String> {
        let at = self.offset + left as u64;
        match &self.format {
            Format::Unread => Some(format!("ended in the middle of the file header at byte {at}")),
            _ if left > 0 => Some(format!("ended in the middle of a record at byte {at}")),
            Format::PcapNg(pcapng) => pcapng.missing_section_bytes(self.offset).map(|bytes| {
                format!("ended at byte {at}, {bytes} bytes before the end that its section header states")
            }),
            Format::Pcap(_) => None,
        }
    }

    fn begin<'a>(&mut self, input: &'a [u8]) -> Step<'a> {
        let Some(magic) = input.first_chunk() else { return Ok(Next::NeedMore(4)) };
        if *magic == pcapng::SECTION_MAGIC {
            self.format = Format::PcapNg(PcapNg::default());
            return Ok(Next::Skip { used: 0 });
        }
        let Some(header) = input.first_chunk() else { return Ok(Next::NeedMore(Pcap::HEADER_BYTES)) };
        self.format = Format::Pcap(Pcap::begin(header)?);
        Ok(Next::Skip { used: Pcap::HEADER_BYTES })
    }
}
