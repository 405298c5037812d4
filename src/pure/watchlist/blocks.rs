//! May a listed network cover this address? One bit for each block of addresses that share their first
//! bits.
//!
//! It must never say no to an address within a network that was put in.

use std::sync::Arc;

/// Blocks are told apart by so many first bits of an address.
const FIRST_BITS: u32 = 16;

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

    /// The blocks that networks touch, given by first and last address of each.
    pub(super) fn of(bits: u32, networks: impl Iterator<Item = (High, High)>) -> Blocks {
        let mut networks = networks.peekable();
        if networks.peek().is_none() {
            return Blocks::new(bits);
        }
        let shift = bits - FIRST_BITS;
        let mut words = vec![0; 1 << (FIRST_BITS - 6)];
        for (first, last) in networks {
            for block in (first >> shift) as usize..=(last >> shift) as usize {
                words[block / 64] |= 1_u64 << (block % 64);
            }
        }
        Blocks { words: words.into(), shift }
    }

    /// All blocks of several.
    pub(super) fn united<'a>(bits: u32, all: impl Iterator<Item = &'a Blocks>) -> Blocks {
        let mut united = Blocks::new(bits);
        for blocks in all.filter(|blocks| !blocks.words.is_empty()) {
            if united.words.is_empty() {
                united = blocks.clone();
            } else {
                let words = Arc::make_mut(&mut united.words);
                words.iter_mut().zip(blocks.words.iter()).for_each(|(word, other)| *word |= other);
            }
        }
        united
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
}
