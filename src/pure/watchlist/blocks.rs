//! May a listed network cover this address? One bit for each block of addresses that share their first
//! bits.
//!
//! It must never say no to an address within a network that was put in.

use std::sync::Arc;

/// Blocks are told apart by so many first bits of an address: the bits of all blocks stay in the first
/// level of the cache.
const FIRST_BITS: u32 = 16;
/// So many when there are many networks, which would touch most of the larger blocks.
const FIRST_BITS_OF_MANY: u32 = 24;
/// More networks than this are many: a sixteenth of the larger blocks.
const FEW_MAX: usize = 4096;

/// The first 64 bits of an address of IPv6, or all 32 of one of IPv4.
pub(super) type High = u64;

/// The first bits of an address, `K` being `u32` or `u128`.
#[inline(always)]
pub(super) fn high<K: Into<u128>>(key: K) -> High {
    let bits = 8 * size_of::<K>() as u32;
    (key.into() >> bits.saturating_sub(64)) as High
}

/// The blocks of one family of addresses that networks touch; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Blocks {
    /// Empty when no network was put in.
    words: Arc<[u64]>,
    /// Shifts an address down to the number of its block.
    shift: u32,
}

impl Blocks {
    /// No block; `bits` is the length of a [`High`], 32 or 64.
    pub(super) fn new(bits: u32) -> Blocks {
        Blocks { words: Arc::default(), shift: bits - FIRST_BITS }
    }

    /// The blocks that networks touch, given by first and last address of each, in order of the first and
    /// the wider before the narrower.
    pub(super) fn of(bits: u32, networks: impl ExactSizeIterator<Item = (High, High)>) -> Blocks {
        let first_bits = match networks.len() {
            0 => return Blocks::new(bits),
            1..=FEW_MAX => FIRST_BITS,
            _ => FIRST_BITS_OF_MANY,
        };
        let shift = bits - first_bits;
        let mut words = vec![0; 1 << (first_bits - 6)];
        let mut covered_to = None;
        for (first, last) in networks {
            if covered_to >= Some(last) {
                continue;
            }
            covered_to = Some(last);
            for block in (first >> shift) as usize..=(last >> shift) as usize {
                words[block / 64] |= 1_u64 << (block % 64);
            }
        }
        Blocks { words: words.into(), shift }
    }

    /// All blocks of several, as small as the smallest.
    pub(super) fn united<'a>(bits: u32, all: impl Iterator<Item = &'a Blocks>) -> Blocks {
        let mut all: Vec<&Blocks> = all.filter(|blocks| !blocks.words.is_empty()).collect();
        all.sort_by_key(|blocks| blocks.shift);
        let Some((smallest, others)) = all.split_first() else { return Blocks::new(bits) };
        let mut united = (*smallest).clone();
        for other in others {
            united.unite(other);
        }
        united
    }

    /// Takes in the blocks of another, which are as large or larger.
    fn unite(&mut self, other: &Blocks) {
        let blocks_each = 1_usize << (other.shift - self.shift);
        let words = Arc::make_mut(&mut self.words);
        if blocks_each == 1 {
            words.iter_mut().zip(other.words.iter()).for_each(|(word, more)| *word |= more);
            return;
        }
        let is_touched = |block: usize| other.words[block / 64] & (1 << (block % 64)) != 0;
        let words_each = blocks_each / 64;
        for block in (0..other.words.len() * 64).filter(|block| is_touched(*block)) {
            words[block * words_each..(block + 1) * words_each].fill(u64::MAX);
        }
    }

    /// Whether a network may cover it; when not, certainly none does.
    #[inline(always)]
    pub(super) fn may_contain(&self, high: High) -> bool {
        let block = (high >> self.shift) as usize;
        self.words.get(block / 64).is_some_and(|word| word & (1 << (block % 64)) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_networks_touch_are_told_from_others() {
        let blocks = Blocks::of(32, [(0x0001_0000, 0x0002_0000), (0xffff_ffff, 0xffff_ffff)].into_iter());
        for (high, wanted) in [
            (0x0000_ffff, false),
            (0x0001_0000, true),
            (0x0002_ffff, true),
            (0x0003_0000, false),
            (0xffff_ffff, true),
        ] {
            assert_eq!(blocks.may_contain(high), wanted, "{high:x}");
        }
        let other = Blocks::of(32, [(0, 7)].into_iter());
        let united = Blocks::united(32, [&Blocks::new(32), &blocks, &other].into_iter());
        assert!(united.may_contain(1) && united.may_contain(0x0001_0000) && !united.may_contain(0x0003_0000));
        assert!(!blocks.may_contain(1), "what is shared is left as it was");
        assert!(!Blocks::new(64).may_contain(1));
    }

    #[test]
    fn many_networks_leave_their_neighbours_alone() {
        let every_tenth = |number: u64| (number * 2560, number * 2560 + 255);
        let many = Blocks::of(32, (0..=FEW_MAX as u64).map(every_tenth).collect::<Vec<_>>().into_iter());
        let few = Blocks::of(32, [(0x0100_0000, 0x0100_00ff)].into_iter());
        let united = Blocks::united(32, [&few, &many].into_iter());
        for number in 0..=FEW_MAX as u64 {
            let (first, last) = every_tenth(number);
            assert!([first, last].iter().all(|high| many.may_contain(*high) && united.may_contain(*high)));
            assert!(!many.may_contain(last + 1) && !united.may_contain(last + 1), "{number}");
        }
        assert!(united.may_contain(0x0100_ffff) && !united.may_contain(0x0101_0000));
    }
}
