//! Which names stand in the beginnings of streams: in one packet, or in several?
//!
//! Browsers send a ClientHello larger than one segment, in which the name may stand anywhere, and segments
//! come late, twice and the wrong way round. It joins the first segments of such streams, bounded; one
//! whose name was never read is counted, so that a name that could not be read is never taken for one
//! that was not there.

use super::head::{Head, State};
use super::initials::Initials;
use super::pieces::Pieces;
use super::streams::{Kept, Stream, Streams};
use crate::pure::packet::{self, Names, Packet, Reading, Rest};
use crate::pure::protocol::{ACK, SYN, TCP};

/// The beginnings of streams.
#[derive(Debug, Default)]
pub(super) struct Heads {
    streams: Streams<Head>,
    initials: Initials,
    /// Names out of joined segments, before they are told.
    joined: Names,
}

/// A packet at its place in a stream, and what it tells alone.
#[derive(Clone, Copy)]
struct Segment<'a> {
    stream: Stream,
    sequence: u32,
    packet: &'a Packet<'a>,
    alone: Reading,
}

/// Whether a segment is known to be the first one of its stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    BehindSyn,
    /// It may stand anywhere.
    Unseen,
}

impl Heads {
    /// Puts the names that a packet tells, alone or together with those before it, into the list; whether
    /// there is one that could not be read, however long one waits for it.
    #[inline]
    pub(super) fn read(&mut self, packet: &Packet<'_>, names: &mut Names) -> bool {
        names.clear();
        if packet::is_quic_beginning(packet) {
            return self.initials.read(packet, names);
        }
        let alone = packet::names(packet, names);
        let is_segment = packet.protocol == TCP && !packet.payload.is_empty() && !self.streams.is_empty();
        let read = if is_segment || is_client_syn(packet) || matches!(alone, Reading::Partial(_)) {
            self.join(packet, alone, names)
        } else {
            alone
        };
        if read == Reading::Compressed {
            self.streams.begin(1);
            self.streams.lose();
        }
        read == Reading::Cut
    }

    fn join(&mut self, packet: &Packet<'_>, alone: Reading, names: &mut Names) -> Reading {
        self.streams.make_room();
        let place = Stream::of(packet).and_then(|stream| Some((stream, packet.tcp_sequence()?)));
        let Some((stream, mut sequence)) = place else { return without_a_place(alone) };
        if is_client_syn(packet) {
            sequence = sequence.wrapping_add(1);
            self.announce(stream, sequence);
        }
        if packet.payload.is_empty() {
            return alone;
        }
        let Some(head) = self.streams.get(&stream) else {
            return self.begin(&Segment { stream, sequence, packet, alone }, Start::Unseen);
        };
        let segment = Segment { stream, sequence, packet, alone };
        if head.is_long_past(sequence) {
            self.streams.remove(&stream);
            return self.begin(&segment, Start::Unseen);
        }
        if let Some(ahead) = head.begins_within(sequence, packet.payload.len()) {
            return self.begin_behind_body(&segment, ahead, names);
        }
        let place = head.place(sequence).filter(|_| !is_keep_alive(packet, head));
        let other = place.and_then(|at| head.pieces.otherwise(at, packet.payload));
        let read = self.put_in_place(&segment, other.is_some(), names);
        if let Some(front) = other {
            self.read_other(stream, &front, packet, names);
        }
        read
    }

    /// Reads on where the body ends that a segment begins in, at `ahead` in it. What its beginning tells by itself
    /// stands: whoever gets it may not take it for a body.
    #[cold]
    fn begin_behind_body(&mut self, segment: &Segment<'_>, ahead: usize, names: &mut Names) -> Reading {
        let Segment { stream, sequence, packet, .. } = *segment;
        let behind = Packet { payload: packet.payload.get(ahead..).unwrap_or_default(), ..*packet };
        self.joined.clear();
        let alone = packet::names(&behind, &mut self.joined);
        if alone == Reading::Whole {
            self.joined.as_slice().iter().for_each(|name| names.push(*name));
        }
        let sequence = sequence.wrapping_add(ahead as u32);
        self.put_in_place(&Segment { stream, sequence, packet: &behind, alone }, false, names)
    }

    /// Of a stream that is known: puts what a packet brings into its place, and reads what is there by then.
    /// `is_other` where other bytes came to that place before.
    fn put_in_place(&mut self, segment: &Segment<'_>, is_other: bool, names: &mut Names) -> Reading {
        let Segment { stream, sequence, packet, alone } = *segment;
        let Some(head) = self.streams.get(&stream) else { return alone };
        match (head.place(sequence), head.state) {
            (Some(0), State::Announced) => {
                // From here on it is counted by what it begins with.
                let early = self.streams.remove(&stream).map(|head| head.pieces).unwrap_or_default();
                self.streams.take_back(u64::from(!early.is_empty()));
                let read = self.begin(segment, Start::BehindSyn);
                // What is whole, or cut, does not go on with what came early.
                let goes_on = matches!(read, Reading::Partial(_)) && !early.is_empty();
                if goes_on { self.go_on_with(stream, packet, (&early, sequence), names) } else { read }
            }
            // A few letters may be the middle of a word as well.
            (Some(at), State::Announced)
                if !matches!(alone, Reading::Partial(_)) || packet::is_mere_beginning(packet) =>
            {
                let was_waiting = head.is_waiting();
                let is_waiting = self.streams.change(&stream, |head| {
                    head.pieces.add(at, packet.payload);
                    head.is_waiting()
                });
                self.streams.begin(u64::from(!was_waiting && is_waiting == Some(true)));
                alone
            }
            (Some(_), State::Announced) => {
                // What the stream began with did not come before this; where pieces of it did, they count already.
                let is_new = u64::from(!head.is_waiting());
                self.streams.begin(is_new);
                (0..is_new).for_each(|_| self.streams.lose());
                self.begin(segment, Start::Unseen)
            }
            (Some(0), State::Open { .. }) if alone == Reading::Whole && !packet.payload_truncated => {
                // What came before with other bytes still waits for its end.
                if !is_other {
                    self.streams.change(&stream, |head| {
                        head.has_name |= !names.as_slice().is_empty();
                        head.pieces.add(0, packet.payload);
                    });
                    self.end(stream);
                }
                alone
            }
            (Some(at), State::Open { .. }) if at > head.pieces.front().len() => {
                self.put_behind_gap(segment, at)
            }
            (Some(at), State::Open { .. }) => {
                let is_front = self.streams.change(&stream, |head| head.pieces.add(at, packet.payload));
                if at > 0 {
                    // In the middle of a message anything may look like the beginning of one.
                    names.clear();
                }
                // What is sent again, or lies behind a gap, tells nothing new.
                if is_front == Some(true) { self.go_on(stream, packet, names) } else { Reading::Whole }
            }
            (Some(_), State::Closed) if is_other => alone,
            _ => self.begin(segment, Start::Unseen),
        }
    }

    /// Keeps what comes behind a gap. Whether it is the middle of what is waited for nobody knows, so that names which
    /// it tells alone stand; and where nothing was promised, what it begins is waited for in the place of that.
    #[cold]
    fn put_behind_gap(&mut self, segment: &Segment<'_>, at: usize) -> Reading {
        let Segment { stream, packet, alone, .. } = *segment;
        let is_waiting = self.streams.get(&stream).is_some_and(Kept::is_waiting);
        if let Reading::Partial(rest) = alone
            && !is_waiting
            && likely(rest, packet, false).has_more
        {
            return self.begin(segment, Start::Unseen);
        }
        self.streams.change(&stream, |head| head.pieces.add(at, packet.payload));
        match alone {
            Reading::Cut | Reading::Compressed if !is_waiting => alone,
            _ => Reading::Whole,
        }
    }

    /// Reads a stream as it is with other bytes in the place of those that came before. Which of them the receiver
    /// took is not known, nor what else there may be: it counts as one that could not be read.
    #[cold]
    fn read_other(&mut self, stream: Stream, front: &[u8], packet: &Packet<'_>, names: &mut Names) {
        self.joined.clear();
        packet::names(&Packet { payload: front, ..*packet }, &mut self.joined);
        self.joined.as_slice().iter().for_each(|name| names.push(*name));
        let is_counted = self.streams.change(&stream, |head| std::mem::replace(&mut head.is_twofold, true));
        if is_counted != Some(true) {
            self.streams.note_conflict();
        }
    }

    /// A SYN tells where a stream will begin, so that what comes before its first segment can wait.
    fn announce(&mut self, stream: Stream, first: u32) {
        let is_known = self.streams.get(&stream).is_some_and(|head| head.first == first);
        if !is_known {
            self.put(stream, Head::new(first, Pieces::default(), State::Announced));
        }
    }

    /// Waits for the rest of what a segment begins, if it does, and if it is not known already.
    fn begin(&mut self, segment: &Segment<'_>, start: Start) -> Reading {
        let Segment { stream, sequence, packet, alone } = *segment;
        let is_behind_syn = start == Start::BehindSyn;
        let Reading::Partial(rest) = alone else { return alone };
        if !is_behind_syn && packet::is_mere_bytes(packet) {
            return Reading::Whole;
        }
        let Rest { from, told, has_more } = likely(rest, packet, is_behind_syn);
        // What promises nothing takes no place of what is waited for, nor of the end of the body that it stands in.
        let is_wanted = |head: &Head| head.is_waiting() || head.is_in_body(sequence);
        if !has_more && self.streams.get(&stream).is_some_and(is_wanted) {
            return alone;
        }
        let first = sequence.wrapping_add(from as u32);
        if self.streams.get(&stream).is_some_and(|head| head.first == first) {
            return Reading::Whole;
        }
        let mut pieces = Pieces::default();
        pieces.add(0, packet.payload.get(from..).unwrap_or_default());
        let body_bytes = from.saturating_sub(packet.payload.len()) as u32;
        let head = Head::new(first, pieces, State::Open { told, has_more });
        self.put(stream, Head { body_bytes, is_behind_syn, is_begun: has_more, has_name: told > 0, ..head });
        self.streams.begin(u64::from(has_more));
        alone
    }

    /// Goes on with what came early, behind the sequence number at which the stream began: the message may begin
    /// later, behind empty lines.
    fn go_on_with(
        &mut self,
        stream: Stream,
        packet: &Packet<'_>,
        (early, sequence): (&Pieces, u32),
        names: &mut Names,
    ) -> Reading {
        let is_front = self
            .streams
            .change(&stream, |head| head.pieces.add_all(early, head.first.wrapping_sub(sequence) as usize));
        // Of the body of a message nothing is read.
        if is_front == Some(true) { self.go_on(stream, packet, names) } else { Reading::Whole }
    }

    /// Reads what is there of a stream by now.
    fn go_on(&mut self, stream: Stream, packet: &Packet<'_>, names: &mut Names) -> Reading {
        let Some(head) = self.streams.get(&stream) else { return Reading::Whole };
        let State::Open { told, .. } = head.state else { return Reading::Whole };
        self.joined.clear();
        let front = Packet { payload: head.pieces.front(), ..*packet };
        let reading = packet::names(&front, &mut self.joined);
        self.joined.as_slice().iter().skip(told).for_each(|name| names.push(*name));
        let rest = match reading {
            Reading::Partial(rest) => Some(likely(rest, &front, head.is_behind_syn)),
            _ => None,
        };
        let (is_full, has_name) = (head.pieces.is_full(), !self.joined.as_slice().is_empty());
        self.streams.change(&stream, |head| head.has_name |= has_name);
        match (reading, rest) {
            (Reading::Partial(_), Some(rest)) if !is_full => return self.wait(stream, rest),
            (Reading::Partial(rest), _) => {
                self.close(stream);
                return if rest.has_more { Reading::Cut } else { Reading::Whole };
            }
            (Reading::Whole | Reading::Compressed, _) => self.end(stream),
            (Reading::Cut, _) => self.close(stream),
        }
        reading
    }

    /// Drops what is read of a stream, and waits for the rest.
    fn wait(&mut self, stream: Stream, rest: Rest) -> Reading {
        let Rest { from, told, has_more } = rest;
        let was_begun = self.streams.change(&stream, |head| {
            head.body_bytes = from.saturating_sub(head.pieces.front().len()) as u32;
            head.pieces.drop_front(from);
            head.first = head.first.wrapping_add(from as u32);
            head.state = State::Open { told, has_more };
            let was_begun = head.is_begun;
            head.is_begun |= has_more;
            was_begun
        });
        // A few letters go on as a message.
        self.streams.begin(u64::from(has_more && was_begun == Some(false)));
        Reading::Partial(rest)
    }

    /// Closes a stream that was read to the end of a message. Where no name stood in it, it began with none.
    fn end(&mut self, stream: Stream) {
        self.close(stream);
        let is_none = |head: &mut Head| std::mem::take(&mut head.is_begun) && !head.has_name;
        let is_none = self.streams.change(&stream, is_none);
        self.streams.take_back(u64::from(is_none == Some(true)));
    }

    /// Its bytes stay until it is forgotten, for what comes with others to the same place.
    fn close(&mut self, stream: Stream) {
        self.streams.change(&stream, |head| head.state = State::Closed);
    }

    /// Remembers a stream in the place of what was known of it.
    fn put(&mut self, stream: Stream, head: Head) {
        if self.streams.put(stream, head) {
            self.streams.lose();
        }
    }

    /// How many streams began with a name that goes on in their next packet, or whose first segment did not come
    /// before others, each connection once.
    pub(super) fn begun(&self) -> u64 {
        self.streams.begun() + self.initials.connections().begun()
    }

    /// How many streams have a name that could not be read, those aside that [`Heads::read`] told.
    pub(super) fn unread(&self) -> u64 {
        self.streams.unread() + self.initials.connections().unread()
    }

    /// How many of these came with other bytes in the same place, each once.
    pub(super) fn conflicting(&self) -> u64 {
        self.streams.conflicting() + self.initials.connections().conflicting()
    }
}

/// What is to come of a message. Elsewhere than behind a SYN a few letters promise nothing: people type such, and
/// other protocols have them.
fn likely(rest: Rest, stream: &Packet<'_>, is_behind_syn: bool) -> Rest {
    let is_likely = is_behind_syn || !packet::is_mere_beginning(stream);
    Rest { has_more: rest.has_more && is_likely, ..rest }
}

/// What is told of a segment that cannot be put beside others.
fn without_a_place(alone: Reading) -> Reading {
    match alone {
        Reading::Partial(Rest { has_more: true, .. }) => Reading::Cut,
        Reading::Partial(_) | Reading::Whole => Reading::Whole,
        Reading::Cut | Reading::Compressed => alone,
    }
}

/// Whether it asks an idle receiver for a sign of life, with a byte of anything (RFC 1122, 4.2.3.6).
fn is_keep_alive(packet: &Packet<'_>, head: &Head) -> bool {
    packet.payload.len() == 1 && head.state == State::Closed
}

#[inline]
fn is_client_syn(packet: &Packet<'_>) -> bool {
    packet.tcp_flags & (SYN | ACK) == SYN
}

#[cfg(test)]
#[path = "heads_tests.rs"]
mod tests;
