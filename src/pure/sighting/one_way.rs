//! Does a mirror copy one direction alone? Told by the acknowledgements between inside and outside.

use super::OneWay;

/// Fewer acknowledgements than this between inside and outside, in both directions together, tell nothing
/// about a mirror.
const ANSWERS_MIN: u64 = 200;
/// A direction with less than one in so many of them is not mirrored: both ends of a connection
/// acknowledge, of a download the receiver at least every tenth segment.
const ANSWERS_SHARE: u64 = 200;

/// Which direction alone was heard, by the answers out and in; `None` when both were, or when too little was heard
/// to tell.
pub(super) fn one_way(out: u64, inbound: u64) -> Option<OneWay> {
    match out + inbound {
        ..ANSWERS_MIN => None,
        all if out < all / ANSWERS_SHARE => Some(OneWay::Inbound),
        all if inbound < all / ANSWERS_SHARE => Some(OneWay::Outbound),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_direction_that_is_hardly_there_is_not_mirrored() {
        let rows = [
            ("both", 500, 500, None),
            ("a download", 100, 19_000, None),
            ("hardly any out", 99, 19_901, Some(OneWay::Inbound)),
            ("nothing out", 0, 200, Some(OneWay::Inbound)),
            ("nothing in", 200, 0, Some(OneWay::Outbound)),
            ("too little to tell", 199, 0, None),
        ];
        for (row, out, inbound, wanted) in rows {
            assert_eq!(one_way(out, inbound), wanted, "{row}");
        }
    }
}
