//! Which frames does a recorded byte stream hold? Bytes of a pcap or pcapng file in, [`Frame`]s out,
//! without copying. The appliance's text table is made into such a stream by [`Table`].
//!
//! Left of it is the edge that opens files and pipes, right of it `packet`. It must never believe a
//! length before it is checked, never allocate by one, and never pass over damage in silence.

mod called;
mod candidate;
mod covering;
mod days;
mod ending;
mod fields;
mod foreign;
mod heading;
mod kind;
mod limit;
mod order;
mod pcap;
mod pcapng;
mod reader;
mod row_frame;
mod rows;
mod series;
mod services;
mod table;
mod unread;

pub use called::{PACKED_ENDINGS, is_called_capture};
pub use candidate::{Candidate, wanted};
pub use covering::{Covering, Piece, SEAM_SECONDS_MAX, covered, span_of};
pub use days::{DayInName, day_in_name};
pub use kind::{Kind, START_BYTES, TAR, TAR_BYTES, is_tar, recognise};
pub use reader::{Fault, Next, Reader};
pub use series::Series;
pub use table::{TABLE_BYTES_MAX, Table, TableFacts};
pub use unread::{Recorders, Times, Unread};

/// One captured frame as it lies in a file or in the capture ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When it was captured: nanoseconds since 1970-01-01T00:00Z, negative before; see
    /// [`Reader::timeless_packets`] for what has no time.
    pub time_ns: i64,
    /// The bytes that were saved.
    pub bytes: &'a [u8],
    /// How long the frame was on the wire, in bytes; more than `bytes.len()` when it was cut, and 0 when that
    /// is not known (a row of a text table).
    pub wire_length: u32,
    /// The link layer, as numbered by <https://www.tcpdump.org/linktypes.html>.
    pub link_type: u16,
}

/// The most bytes one frame may hold: libpcap's MAXIMUM_SNAPLEN, which tcpdump and Wireshark take for
/// the sign of a damaged file when it is exceeded.
pub const FRAME_BYTES_MAX: usize = 262_144;

/// The most bytes one pcapng block may have, as in Wireshark's reader.
pub const BLOCK_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The most interfaces one pcapng section may describe; a real one has a few dozen at most.
pub const INTERFACES_MAX: usize = 1024;
