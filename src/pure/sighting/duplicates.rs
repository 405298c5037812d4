//! Has this very packet just been seen? A mirror port that copies both sides of a router, or both
//! directions of a port, shows packets twice.

use super::hash::fold;

/// Copies come within this time of each other, in nanoseconds; a retransmission takes longer, and has
/// another IP identification.
pub const DUPLICATE_NS: u64 = 2_000_000;
/// Recent packets are remembered by their hash in so many sets, the newest of each: all in 16 KiB of the
/// processor's first-level cache. Of two copies with a hundred other packets between them, one pair in a
/// thousand is missed.
const SETS: usize = 256;
const SET: usize = 4;
/// How much of a packet is compared, in bytes: both headers with their checksums, and some payload.
const COMPARED_BYTES_MAX: usize = 96;

/// The packets of the last moments, by the hash of their bytes.
#[derive(Clone, Debug)]
pub(super) struct Recent {
    sets: Box<[Set; SETS]>,
}

/// Hashes and times, the newest first, in one line of the cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Set([(u64, i64); SET]);

impl Recent {
    pub(super) fn new() -> Recent {
        Recent { sets: Box::new([Set([(0, i64::MIN); SET]); SETS]) }
    }

    /// Whether the packet with this [`packet_hash`] is a copy of one seen at most [`DUPLICATE_NS`] before (or after, where
    /// frames are out of order), but for what a router changes: time to live and header checksum.
    #[inline]
    pub(super) fn is_copy(&mut self, hash: u64, time_ns: i64) -> bool {
        let Set(newest) = &mut self.sets[hash as usize % SETS];
        // All of them at once, since which one it is cannot be guessed; that it is none, nearly always.
        let is_known = newest.iter().fold(false, |is_known, (known, _)| is_known | (*known == hash));
        let is_copy = is_known && newest.iter().any(|known| is_same(known, (hash, time_ns)));
        newest.copy_within(..SET - 1, 1);
        newest[0] = (hash, time_ns);
        is_copy
    }

    /// Whether a frame without IP (ARP and the like) is a copy, byte for byte.
    pub(super) fn is_copy_of_frame(&mut self, bytes: &[u8], time_ns: i64) -> bool {
        self.is_copy(hash(&start_of(bytes), bytes.len()), time_ns)
    }
}

fn is_same(one: &(u64, i64), other: (u64, i64)) -> bool {
    one.0 == other.0 && one.1.abs_diff(other.1) <= DUPLICATE_NS
}

/// The first [`COMPARED_BYTES_MAX`] bytes.
type Start = [u8; COMPARED_BYTES_MAX];

fn start_of(bytes: &[u8]) -> Start {
    let mut start = [0; COMPARED_BYTES_MAX];
    let length = bytes.len().min(COMPARED_BYTES_MAX);
    start[..length].copy_from_slice(&bytes[..length]);
    start
}

/// What there is of the start of `length` bytes, and that length.
fn hash(start: &Start, length: usize) -> u64 {
    let (words, _) = start.as_chunks::<8>();
    let words = words.iter().take(length.div_ceil(8)).map(|word| u64::from_le_bytes(*word));
    words.fold(fold(length as u64, 0), |hash, word| fold(hash ^ word, 0))
}

/// The hash of an IP packet without time to live and header checksum.
#[inline(always)]
pub(super) fn packet_hash(ip_bytes: &[u8]) -> u64 {
    // One after the other: how long a packet is cannot be guessed, but whether it is that long.
    match ip_bytes.first_chunk() {
        Some(start) if start[0] >> 4 == 4 => ipv4_hash(start, ip_bytes.len()),
        _ => match ip_bytes.first_chunk() {
            Some(start) if start[0] >> 4 == 6 => ipv6_hash(start, ip_bytes.len()),
            _ => slow_hash(ip_bytes),
        },
    }
}

/// IPv4 up to TCP's or UDP's checksum, in independent multiplications: nearly every packet comes here.
#[inline(always)]
fn ipv4_hash(start: &[u8; 40], length: usize) -> u64 {
    let word = |at: usize| u64::from_le_bytes(start[at..at + 8].try_into().expect("eight bytes"));
    let protocol_and_length = (length as u64) << 8 | u64::from(start[9]);
    fold(word(0) ^ word(32).rotate_left(20), word(12) ^ protocol_and_length)
        ^ fold(word(20), word(28)).rotate_left(21)
}

/// IPv6 as far: all but the hop limit, which stands in the last byte of the first word.
#[inline(always)]
fn ipv6_hash(start: &[u8; 60], length: usize) -> u64 {
    let word = |at: usize| u64::from_be_bytes(start[at..at + 8].try_into().expect("eight bytes"));
    let ends = fold(word(8) ^ word(0) >> 8, word(16)) ^ fold(word(24), word(32)).rotate_left(21);
    ends ^ fold(word(40), word(48)).rotate_left(42) ^ fold(word(52), length as u64).rotate_left(11)
}

#[inline(never)]
fn slow_hash(ip_bytes: &[u8]) -> u64 {
    let mut start = start_of(ip_bytes);
    if start[0] >> 4 == 4 {
        start[8] = 0;
        start[10..12].fill(0);
    } else {
        start[7] = 0;
    }
    hash(&start, ip_bytes.len().min(COMPARED_BYTES_MAX)) ^ ip_bytes.len() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_packet_within_two_milliseconds_is_a_copy() {
        // Version and type of service, where they stand, hop limit, and one byte of what is compared.
        let packet = |version: u8, length: usize, hops: u8, (at, byte): (usize, u8)| {
            let mut bytes = vec![7; length];
            bytes[0] = version << 4 | 5;
            match version {
                4 => (bytes[8], bytes[10]) = (hops, hops),
                _ => bytes[7] = hops,
            }
            bytes[at] = byte;
            bytes
        };
        let limit = DUPLICATE_NS as i64;
        for (version, length) in [(4, 30), (4, 40), (4, 200), (6, 50), (6, 60), (6, 200)] {
            let rows = [
                ("the same again", 64, (1, 7), 10, true),
                ("behind a router", 63, (1, 7), 10, true),
                ("at the limit", 64, (1, 7), limit, true),
                ("beyond it", 64, (1, 7), limit + 1, false),
                ("stamped earlier", 64, (1, 7), -10, true),
                ("another traffic class", 64, (1, 8), 10, false),
                ("another identification or length", 64, (4, 8), 10, false),
                ("another source", 64, (15, 8), 10, false),
                ("another destination", 64, (19, 8), 10, false),
                ("other ports", 64, (23, 8), 10, false),
                ("another end", 64, (length.min(if version == 4 { 40 } else { 60 }) - 1, 8), 10, false),
            ];
            for (row, hops, changed, time_ns, wanted) in rows {
                let mut recent = Recent::new();
                let first = packet_hash(&packet(version, length, 64, (1, 7)));
                assert!(!recent.is_copy(first, 0), "the first is no copy");
                let hash = packet_hash(&packet(version, length, hops, changed));
                assert_eq!(recent.is_copy(hash, time_ns), wanted, "{version}, {length} bytes: {row}");
            }
        }
        let (short, long) = (packet(6, 60, 64, (1, 7)), packet(6, 61, 64, (1, 7)));
        assert_ne!(packet_hash(&short), packet_hash(&long), "the same beginning of a longer one");
    }

    #[test]
    fn copies_are_found_with_many_packets_between() {
        // As on a mirror of two ports: each packet comes again when so many others, and their copies, have come.
        for (between, missed_max) in [(0, 0), (20, 0), (100, 5), (200, 20)] {
            let packet =
                |number: usize| packet_hash(&[&[0x45; 20][..], &number.to_be_bytes(), &[7; 12]].concat());
            let mut recent = Recent::new();
            let mut missed = 0;
            for number in 0..1_000 + between / 2 {
                assert!(!recent.is_copy(packet(number), 0), "{number} is new");
                missed += number
                    .checked_sub(between / 2)
                    .map_or(0, |earlier| usize::from(!recent.is_copy(packet(earlier), 0)));
            }
            assert!(missed <= missed_max, "{missed} of 1,000 missed with {between} between");
        }
    }
}
