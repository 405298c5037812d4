//! How are addresses hashed quickly? A folded multiplication, since the standard library's keyed hash
//! costs more than the rest of the packet path. The tables that use it are bounded, so a sender who
//! makes keys collide gains a slow capture, never a wrong one.

use std::hash::{BuildHasherDefault, Hasher};

/// A map for keys out of packets.
pub(super) type FastMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Folded>>;

/// Digits of pi, as in the wyhash and foldhash families.
const MULTIPLIER: u64 = 0x2437_54A0_98C3_F9D1 | 1;

/// See the module.
#[derive(Clone, Copy, Default)]
pub(super) struct Folded(u64);

impl Folded {
    #[inline]
    fn fold(&mut self, word: u64) {
        self.0 = fold(self.0 ^ word, 0);
    }
}

/// Two words into one, each bit of either spread over all of it.
#[inline]
pub(super) fn fold(one: u64, other: u64) -> u64 {
    let wide = u128::from(one ^ MULTIPLIER) * u128::from(other ^ MULTIPLIER.rotate_left(32));
    (wide as u64) ^ ((wide >> 64) as u64)
}

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.fold(number.into());
    }

    fn write_u32(&mut self, number: u32) {
        self.fold(number.into());
    }

    fn write_u64(&mut self, number: u64) {
        self.fold(number);
    }

    #[inline]
    fn write_u128(&mut self, number: u128) {
        self.0 = fold(self.0 ^ number as u64, (number >> 64) as u64);
    }

    fn write_usize(&mut self, number: usize) {
        self.fold(number as u64);
    }
}
