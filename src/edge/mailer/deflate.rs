//! How do the lines of an image become fewer bytes? By what goes on as it did before, and as in the line above.
//!
//! A drawing has little else. So a packer that looks at these two places alone, and writes with the codes that need
//! no table, takes half the time of the lowest level of the usual ones, for an eighth more of bytes. What it
//! writes is zlib's format (RFC 1950) with one block of deflate (RFC 1951, section 3.2.6). Right of it is `packing`.

/// Deflate with a window of 32 KiB, packed by the quickest means (RFC 1950, section 2.2).
const HEAD: [u8; 2] = [0x78, 0x01];

/// The last block, with fixed codes.
const BLOCK: Code = Code { bits: 0b011, length: 3 };

/// The symbol that ends a block, and the first one that stands for a length.
const END: u16 = 256;
const LENGTHS: u16 = 257;

/// The shortest and the longest repetition: one that is longer by one would have a symbol of its own.
const REPEATED_MIN: usize = 3;
const REPEATED_MAX: usize = 257;

/// How far back one may reach.
const WINDOW: usize = 1 << 15;

/// The modulus of the checksum, and how many bytes are summed up before it is taken.
const ADLER_BASE: u32 = 65_521;
const PIECE: usize = 256;

/// How often each byte of a piece counts in the second sum: as often as there are bytes from it on.
const WEIGHTS: [u16; PIECE] = {
    let mut weights = [0; PIECE];
    let mut at = 0;
    while at < PIECE {
        weights[at] = (PIECE - at) as u16;
        at += 1;
    }
    weights
};

/// Bits in the order in which they are written, the lowest first.
#[derive(Clone, Copy, Debug, Default)]
struct Code {
    bits: u32,
    length: u32,
}

/// The code of each byte, and of the end of the block.
const SYMBOLS: [Code; END as usize + 1] = {
    let mut codes = [Code { bits: 0, length: 0 }; END as usize + 1];
    let mut symbol = 0;
    while symbol < codes.len() {
        codes[symbol] = of_symbol(symbol as u16);
        symbol += 1;
    }
    codes
};

/// The code of a repetition of each length.
const REPEATED: [Code; REPEATED_MAX + 1] = {
    let mut codes = [Code { bits: 0, length: 0 }; REPEATED_MAX + 1];
    let mut length = REPEATED_MIN;
    while length < codes.len() {
        let (class, rest) = in_classes((length - REPEATED_MIN) as u32, 2);
        codes[length] = of_symbol(LENGTHS + class as u16).then(rest);
        length += 1;
    }
    codes
};

/// Packs lines of so many bytes each, always into the same bytes.
pub fn squeezed(lines: &[u8], line: usize) -> Vec<u8> {
    let [beside, above] = [1, line].map(|distance| (distance, of_distance(distance)));
    let mut out = Bits::after(&HEAD, lines.len() / 8);
    out.put(BLOCK);
    let mut at = 0;
    while at < lines.len() {
        let copy = repeated(lines, at, above.0);
        let run = if copy < REPEATED_MAX { repeated(lines, at, beside.0) } else { 0 };
        let (length, distance) = if copy > run { (copy, above.1) } else { (run, beside.1) };
        if length < REPEATED_MIN {
            out.put(SYMBOLS[usize::from(lines[at])]);
            at += 1;
        } else {
            out.put(REPEATED[length].then(distance));
            at += length;
        }
    }
    out.put(SYMBOLS[usize::from(END)]);
    let mut bytes = out.finish();
    bytes.extend_from_slice(&adler32(lines).to_be_bytes());
    bytes
}

/// How many bytes from there on are as those so far before them.
fn repeated(bytes: &[u8], at: usize, distance: usize) -> usize {
    if distance > at.min(WINDOW) || bytes[at] != bytes[at - distance] {
        return 0;
    }
    let here = &bytes[at..bytes.len().min(at + REPEATED_MAX)];
    let before = &bytes[at - distance..][..here.len()];
    let eights = here.as_chunks::<8>().0.iter().zip(before.as_chunks::<8>().0);
    let alike = 8 * eights.take_while(|(here, before)| here == before).count();
    let rest = here[alike..].iter().zip(&before[alike..]);
    alike + rest.take_while(|(here, before)| here == before).count()
}

/// A number as its class and the bits within that; classes grow twice as large after each `1 << fine` of them.
const fn in_classes(number: u32, fine: u32) -> (u32, Code) {
    let length = (number | 1 << fine).ilog2() - fine;
    ((length << fine) + (number >> length), Code { bits: number & ((1 << length) - 1), length })
}

/// The fixed code of a symbol.
const fn of_symbol(symbol: u16) -> Code {
    match symbol {
        0..144 => huffman(0b0011_0000 + symbol, 8),
        144..256 => huffman(0b1_1001_0000 + (symbol - 144), 9),
        256..280 => huffman(symbol - 256, 7),
        280.. => huffman(0b1100_0000 + (symbol - 280), 8),
    }
}

/// What follows the code of a length: so far back.
const fn of_distance(distance: usize) -> Code {
    let (class, rest) = in_classes(distance.saturating_sub(1) as u32, 1);
    huffman(class as u16, 5).then(rest)
}

/// A code whose highest bit is written first.
const fn huffman(code: u16, length: u32) -> Code {
    Code { bits: (code.reverse_bits() >> (u16::BITS - length)) as u32, length }
}

impl Code {
    const fn then(self, next: Code) -> Code {
        Code { bits: self.bits | next.bits << self.length, length: self.length + next.length }
    }
}

/// Bits that become bytes.
struct Bits {
    bytes: Vec<u8>,
    held: u64,
    length: u32,
}

impl Bits {
    fn after(head: &[u8], room: usize) -> Bits {
        let mut bytes = Vec::with_capacity(head.len() + room);
        bytes.extend_from_slice(head);
        Bits { bytes, held: 0, length: 0 }
    }

    fn put(&mut self, code: Code) {
        self.held |= u64::from(code.bits) << self.length;
        self.length += code.length;
        if self.length >= u32::BITS {
            self.bytes.extend_from_slice(&(self.held as u32).to_le_bytes());
            self.held >>= u32::BITS;
            self.length -= u32::BITS;
        }
    }

    /// What is left, to the end of its last byte.
    fn finish(mut self) -> Vec<u8> {
        let left = self.length.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&self.held.to_le_bytes()[..left]);
        self.bytes
    }
}

/// The checksum of RFC 1950, section 9.
fn adler32(bytes: &[u8]) -> u32 {
    let (pieces, rest) = bytes.as_chunks::<PIECE>();
    let sums = pieces.iter().fold((1, 0), |sums, piece| summed_up(sums, piece));
    let (sum, of_sums) = summed_up(sums, rest);
    of_sums << 16 | sum
}

/// Both sums after a piece more.
fn summed_up((sum, of_sums): (u32, u32), piece: &[u8]) -> (u32, u32) {
    let (length, weights) = (piece.len() as u32, &WEIGHTS[PIECE - piece.len()..]);
    let in_all: u32 = piece.iter().map(|byte| u32::from(*byte)).sum();
    // In 16 bits, of which processors multiply eight at a time.
    let weighted = piece.iter().zip(weights).map(|(byte, weight)| u16::from(*byte) * weight);
    let weighted: u32 = weighted.map(u32::from).sum();
    ((sum + in_all) % ADLER_BASE, (of_sums + length * sum + weighted) % ADLER_BASE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::ZlibDecoder;
    use proptest::prelude::*;
    use std::io::Read;

    /// As zlib itself reads it, its checksum too.
    fn read_back(squeezed: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        ZlibDecoder::new(squeezed).read_to_end(&mut bytes).expect("a whole stream");
        bytes
    }

    #[test]
    fn every_length_and_every_distance_is_read_as_it_was_meant() {
        for distance in [1, 2, 3, 4, 5, 6, 8, 9, 12, 13, 320, 321, 4_097, WINDOW - 1, WINDOW, WINDOW + 1] {
            let odd = |at: usize| (at * at / 7 + at) as u8;
            for length in (0..=REPEATED_MAX + 2).step_by(1 + distance / 500) {
                let mut bytes: Vec<u8> = (0..distance).map(odd).collect();
                bytes.extend_from_within(..length.min(distance));
                bytes.extend_from_slice(&[0xff, 0x00, 0x90, 0x8f]);
                assert_eq!(read_back(&squeezed(&bytes, distance)), bytes, "{length} of {distance} before");
            }
        }
    }

    #[test]
    fn what_goes_on_takes_next_to_nothing() {
        let (blank, lines): (Vec<u8>, Vec<u8>) = (vec![7; 10_000], (0..100).cycle().take(10_000).collect());
        for (row, bytes) in [("a colour", blank), ("a line", lines)] {
            let squeezed = squeezed(&bytes, 100);
            assert_eq!(read_back(&squeezed), bytes, "{row}");
            assert!(squeezed.len() < 240, "{row}: {} bytes", squeezed.len());
        }
    }

    proptest! {
        #[test]
        fn whatever_is_packed_comes_out_again(
            bytes in prop::collection::vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 0..600),
            line in 1_usize..70,
        ) {
            prop_assert_eq!(read_back(&squeezed(&bytes, line)), bytes);
        }
    }
}
