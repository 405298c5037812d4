//! How is an entry spelt, and has it a port of its own? In one number, so that a million plain lines need
//! no text.

use super::{PortRange, Transport};

/// First number that is not a port with its protocol.
const SPELLED: u32 = 1 << 18;

/// What stands beside the address, network or name of an entry. Sorts what is plain first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Tag(u32);

/// What a tag says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Spelt as we would spell it, with this port of its own.
    Plain(Option<PortRange>),
    /// In some other way, which is kept under this number, with its ports.
    Spelled(usize),
}

impl Tag {
    /// Neither a port nor a spelling of its own.
    pub(super) const PLAIN: Tag = Tag(0);

    /// A plain spelling; `None` when the ports are too many for a tag.
    pub(super) fn plain(ports: Option<PortRange>) -> Option<Tag> {
        let Some(PortRange { protocol, first, last }) = ports else { return Some(Tag::PLAIN) };
        let protocol = match protocol {
            None => 1,
            Some(Transport::Tcp) => 2,
            Some(Transport::Udp) => 3,
        };
        (first == last).then_some(Tag(protocol << 16 | u32::from(first)))
    }

    /// A spelling that is kept under a number.
    pub(super) fn spelled(number: usize) -> Tag {
        let tag = u32::try_from(number).ok().and_then(|number| number.checked_add(SPELLED));
        Tag(tag.expect("fewer than 2^31 entries fit in memory"))
    }

    pub(super) fn meaning(self) -> Meaning {
        if self.0 >= SPELLED {
            return Meaning::Spelled((self.0 - SPELLED) as usize);
        }
        let port = |protocol| {
            let port = self.0 as u16;
            PortRange { protocol, first: port, last: port }
        };
        Meaning::Plain(match self.0 >> 16 {
            0 => None,
            1 => Some(port(None)),
            2 => Some(port(Some(Transport::Tcp))),
            _ => Some(port(Some(Transport::Udp))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_means_what_it_was_made_of() {
        for text in ["1", "65535", "tcp/1", "tcp/65535", "udp/1", "udp/65535"] {
            let ports = Some(PortRange::parse(text).expect(text));
            assert_eq!(Tag::plain(ports).map(Tag::meaning), Some(Meaning::Plain(ports)), "{text}");
        }
        assert_eq!(Tag::PLAIN.meaning(), Meaning::Plain(None));
        assert_eq!(Tag::plain(Some(PortRange::parse("tcp/1-2").expect("ports"))), None);
        for number in [0, 1, 20_000_000] {
            assert_eq!(Tag::spelled(number).meaning(), Meaning::Spelled(number));
        }
    }
}
