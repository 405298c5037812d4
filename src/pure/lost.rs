//! How many packets were lost, and is that all of them? Parts of a capture tell it apart, and some cannot.
//!
//! A loss that one part tells must never be forgotten because another part cannot count.

/// What is known of the packets that a capture lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    packets: u64,
    is_all: bool,
}

impl Lost {
    /// Of nothing, nothing is lost: where a sum begins.
    pub const NONE: Lost = Lost { packets: 0, is_all: true };

    /// Of a part that cannot count its losses.
    pub const UNKNOWN: Lost = Lost { packets: 0, is_all: false };

    /// Of a part that counts them all, unless it is `None`.
    pub fn told(packets: Option<u64>) -> Lost {
        packets.map_or(Lost::UNKNOWN, |packets| Lost { packets, is_all: true })
    }

    /// As it is told in a coverage: see [`Lost::packets`] and [`Lost::is_in_part`].
    pub fn of(packets: Option<u64>, is_in_part: bool) -> Lost {
        let told = Lost::told(packets);
        Lost { is_all: told.is_all && !is_in_part, ..told }
    }

    /// Of two parts together.
    #[must_use]
    pub fn and(self, other: Lost) -> Lost {
        Lost { packets: self.packets.saturating_add(other.packets), is_all: self.is_all && other.is_all }
    }

    /// Of one part that was told of twice: the larger number, which is all where either telling is.
    #[must_use]
    pub fn or_more(self, other: Lost) -> Lost {
        Lost { packets: self.packets.max(other.packets), is_all: self.is_all || other.is_all }
    }

    /// So many are known to be lost; `None` when none is, and some part cannot count.
    pub fn packets(self) -> Option<u64> {
        (self.is_all || self.packets > 0).then_some(self.packets)
    }

    /// Whether some are known to be lost and some part cannot count, so that more may be.
    pub fn is_in_part(self) -> bool {
        !self.is_all && self.packets > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_tellings_the_graver_stands() {
        let rows = [
            ("the same", Lost::told(Some(2)), Lost::told(Some(2)), (Some(2), false)),
            ("more, and less", Lost::told(Some(2)), Lost::told(Some(3)), (Some(3), false)),
            ("none, and a part", Lost::told(Some(0)), Lost::of(Some(3), true), (Some(3), false)),
            ("none, and nothing told", Lost::told(Some(0)), Lost::UNKNOWN, (Some(0), false)),
            ("a part, and nothing told", Lost::of(Some(3), true), Lost::UNKNOWN, (Some(3), true)),
        ];
        for (name, one, other, wanted) in rows {
            for lost in [one.or_more(other), other.or_more(one)] {
                assert_eq!((lost.packets(), lost.is_in_part()), wanted, "{name}");
            }
        }
    }

    #[test]
    fn what_one_part_lost_is_kept_whatever_another_cannot_count() {
        let rows = [
            ("none told of two", Some(0), Some(0), (Some(0), false)),
            ("both told", Some(2), Some(3), (Some(5), false)),
            ("one cannot count", Some(2), None, (Some(2), true)),
            ("one cannot count, and the other lost none", Some(0), None, (None, false)),
            ("neither can count", None, None, (None, false)),
            ("more than can be counted", Some(u64::MAX), Some(1), (Some(u64::MAX), false)),
        ];
        for (name, one, other, wanted) in rows {
            let (one, other) = (Lost::told(one), Lost::told(other));
            for lost in [one.and(other), other.and(one)] {
                assert_eq!((lost.packets(), lost.is_in_part()), wanted, "{name}");
                let again = Lost::of(lost.packets(), lost.is_in_part());
                assert_eq!(again, lost, "{name}, told and read again");
            }
        }
    }
}
