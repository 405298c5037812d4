//! Which server does a QUIC client want to reach? Joins the pieces of the ClientHello that its first
//! datagrams carry.
//!
//! Browsers send a ClientHello larger than one datagram, in shuffled pieces. Memory is bounded as that of
//! `heads`, and what was never whole is counted in the same way.

use super::pieces::Pieces;
use super::streams::{Kept, Stream, Streams};
use crate::pure::packet::{self, FirstId, Names, Opened, Packet, Reading};

/// The beginnings of QUIC connections.
#[derive(Debug, Default)]
pub(super) struct Initials {
    connections: Streams<Connection>,
    /// The pieces of the present datagram.
    alone: Pieces,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct Connection {
    /// What opened its datagrams; `None` while none could be.
    id: Option<FirstId>,
    /// What came of it. It stays until it is forgotten, for what comes with others to the same place.
    pieces: Pieces,
    /// Whether its name was read, or is none.
    is_closed: bool,
    /// Whether other bytes came for the same place, so that nobody knows which were taken.
    is_twofold: bool,
}

impl Connection {
    fn new(id: Option<FirstId>, pieces: Pieces) -> Connection {
        Connection { id, pieces, is_closed: false, is_twofold: false }
    }

    /// Goes on with the pieces of a datagram, whose name, if it has a whole one, is told.
    fn grow(&mut self, alone: &Pieces, is_told: bool, names: &mut Names) -> Grown {
        let is_conflict = !self.is_twofold && self.pieces.disagrees(alone);
        self.is_twofold |= is_conflict;
        if self.is_closed {
            return Grown { is_conflict, is_cut: false };
        }
        let has_grown = self.pieces.add_all(alone, 0);
        let is_told = is_told || has_grown && is_read(packet::handshake_name(self.pieces.front(), names));
        let is_cut = !is_told && self.pieces.is_full();
        self.is_closed = is_told || is_cut;
        Grown { is_conflict, is_cut }
    }
}

/// What a datagram added to a connection.
struct Grown {
    /// Whether it is the first that has other bytes than came before.
    is_conflict: bool,
    /// Whether a name can never be read.
    is_cut: bool,
}

impl Kept for Connection {
    fn is_waiting(&self) -> bool {
        !self.is_closed
    }

    fn bytes(&self) -> usize {
        self.pieces.size()
    }
}

impl Initials {
    /// The name that a datagram tells, alone or with those before it; whether one could not be read.
    pub(super) fn read(&mut self, packet: &Packet<'_>, names: &mut Names) -> bool {
        let Some(stream) = Stream::of(packet) else { return false };
        let known = self.connections.get(&stream).and_then(|connection| connection.id);
        let alone = &mut self.alone;
        alone.clear();
        let mut piece = |at, bytes: &[u8]| {
            alone.add(usize::try_from(at).unwrap_or(usize::MAX), bytes);
        };
        match packet::open_initials(packet, known.as_ref(), &mut self.scratch, &mut piece) {
            Opened::Client(id) => self.join(stream, id, names),
            Opened::Cut => true,
            Opened::Sealed => {
                self.begin_sealed(stream);
                false
            }
            Opened::Closed => false,
        }
    }

    fn join(&mut self, stream: Stream, id: FirstId, names: &mut Names) -> bool {
        self.connections.make_room();
        // Acknowledgements have no piece.
        if self.alone.is_empty() {
            return false;
        }
        let is_told = is_read(packet::handshake_name(self.alone.front(), names));
        if self.connections.get(&stream).is_none_or(|known| known.id != Some(id)) {
            self.begin(stream, id, is_told);
            return false;
        }
        let alone = &self.alone;
        let grown = self.connections.change(&stream, |known| known.grow(alone, is_told, names));
        let Some(Grown { is_conflict, is_cut }) = grown else { return false };
        if is_conflict {
            self.connections.note_conflict();
        }
        is_cut
    }

    /// Remembers a connection, and waits for the rest of its name where that is not told. A client that is told to try
    /// again does so under another identifier.
    fn begin(&mut self, stream: Stream, id: FirstId, is_told: bool) {
        let pieces = std::mem::take(&mut self.alone);
        let connection = Connection { is_closed: is_told, ..Connection::new(Some(id), pieces) };
        let is_waiting_already = self.connections.put(stream, connection);
        self.connections.begin(u64::from(!is_told && !is_waiting_already));
    }

    /// Notes that a connection has a name that nobody can read, unless it is known: then it is a later packet, or
    /// an answer.
    fn begin_sealed(&mut self, stream: Stream) {
        let is_known = self.connections.get(&stream).is_some()
            || self.connections.get(&stream.back()).is_some_and(|answered| answered.id.is_some());
        if !is_known {
            self.connections.put(stream, Connection::new(None, Pieces::default()));
            self.connections.begin(1);
        }
    }

    /// The connections, with the account of their names.
    pub(super) fn connections(&self) -> &Streams<impl Kept> {
        &self.connections
    }
}

fn is_read(reading: Reading) -> bool {
    reading == Reading::Whole
}
