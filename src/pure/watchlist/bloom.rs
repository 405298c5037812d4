//! May this be among very many? No for certain, or perhaps: the Bloom filter in front of a table that is
//! too large for the cache.
//!
//! A hash sets two bits of one word (blocked: Putze, Sanders and Singler, 2007), so that a
//! question costs one access to memory. It must never say no to what was put in.

use std::sync::Arc;

/// Odd multiplier with well mixed high bits (2^64 divided by the golden ratio; Knuth, TAOCP 6.4).
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;
/// Bits for each key, rounded up to a power of two: about 1 in 100 strangers passes.
const BITS_EACH: usize = 16;
/// Fewer words than this save nothing.
const WORDS_MIN: usize = 64;

/// A set of hashes; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct BloomFilter {
    words: Arc<[u64]>,
    /// Shifts a hash down to the number of its word.
    shift: u32,
}

impl Default for BloomFilter {
    fn default() -> BloomFilter {
        BloomFilter::with_room_for(0)
    }
}

impl BloomFilter {
    /// An empty one that keeps its promise for so many hashes.
    pub(super) fn with_room_for(count: usize) -> BloomFilter {
        let words = count.saturating_mul(BITS_EACH).div_ceil(64).next_power_of_two().max(WORDS_MIN);
        BloomFilter { words: vec![0; words].into(), shift: 64 - words.trailing_zeros() }
    }

    /// Whether so many hashes are not too many for it.
    pub(super) fn has_room_for(&self, count: usize) -> bool {
        count.saturating_mul(BITS_EACH).div_ceil(64) <= self.words.len()
    }

    /// Whether both are one piece of memory.
    #[cfg(test)]
    pub(super) fn is_same(&self, other: &BloomFilter) -> bool {
        Arc::ptr_eq(&self.words, &other.words)
    }

    /// Puts hashes in; one that is shared is copied first.
    pub(super) fn extend(&mut self, hashes: impl Iterator<Item = u64>) {
        let words = Arc::make_mut(&mut self.words);
        for hash in hashes {
            words[(hash >> self.shift) as usize] |= bits(hash);
        }
    }

    /// Whether it may have been put in; when not, it certainly was not.
    #[inline(always)]
    pub(super) fn may_contain(&self, hash: u64) -> bool {
        let bits = bits(hash);
        self.words[(hash >> self.shift) as usize] & bits == bits
    }
}

/// Two bits of a word, by bits of the hash that never choose the word: it has fewer than 2^28 of them.
#[inline(always)]
fn bits(hash: u64) -> u64 {
    1 << ((hash >> 24) & 63) | 1 << ((hash >> 30) & 63)
}

/// The hash of an address, or of the beginning of one.
#[inline(always)]
pub(super) fn hash<K: Into<u128>>(key: K) -> u64 {
    let wide: u128 = key.into();
    mixed((wide as u64) ^ ((wide >> 64) as u64).wrapping_mul(MIX | 2))
}

/// A hash whose high bits depend on all bits of the number.
#[inline(always)]
pub(super) fn mixed(number: u64) -> u64 {
    (number ^ (number >> 32)).wrapping_mul(MIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_passes_and_few_others_do() {
        let key = |number: u32| hash(number.wrapping_mul(0x9E37_79B1));
        let mut bloom = BloomFilter::with_room_for(200_000);
        bloom.extend((0..200_000).map(key));
        assert!((0..200_000).all(|number| bloom.may_contain(key(number))));
        let passed = (200_000..400_000).filter(|&number| bloom.may_contain(key(number))).count();
        assert!(passed < 200_000 / 25, "{passed} of 200,000 strangers pass");
        assert!(bloom.has_room_for(200_000) && !bloom.has_room_for(400_000));
        assert!(!BloomFilter::default().may_contain(key(1)));
    }

    #[test]
    fn a_shared_one_is_left_as_it_was() {
        let mut one = BloomFilter::with_room_for(1);
        let other = one.clone();
        one.extend([hash(7_u32)].into_iter());
        assert!(one.may_contain(hash(7_u32)) && !other.may_contain(hash(7_u32)));
    }
}
