//! Which server does a QUIC client want to reach? Joins the pieces of the ClientHello that its first
//! datagrams carry.
//!
//! Browsers send a ClientHello larger than one datagram, in shuffled pieces. Memory is bounded as that of
//! `heads`, and what was never whole is counted in the same way.

use super::pieces::Pieces;
use super::streams::{Stream, Streams};
use crate::pure::packet::{self, FirstId, Names, Opened, Packet, Reading};

/// The beginnings of QUIC connections.
#[derive(Debug, Default)]
pub(super) struct Initials {
    connections: Streams<Connection>,
    /// The pieces of the present datagram.
    alone: Pieces,
    scratch: Vec<u8>,
    begun: u64,
    forgotten: u64,
    waiting: u64,
}

#[derive(Debug)]
struct Connection {
    /// What opened its datagrams; `None` while none could be.
    id: Option<FirstId>,
    /// Empty when its name was read, or is none.
    pieces: Pieces,
}

impl Connection {
    fn is_waiting(&self) -> bool {
        !self.pieces.is_empty() || self.id.is_none()
    }

    /// How many bytes of memory it holds.
    fn bytes(&self) -> usize {
        self.pieces.size()
    }
}

impl Initials {
    /// The name that a datagram tells, alone or with those before it; whether one could not be read.
    pub(super) fn read(&mut self, packet: &Packet<'_>, names: &mut Names) -> bool {
        let Some(stream) = Stream::of(packet) else { return false };
        let known = self.connections.get_mut(&stream).and_then(|connection| connection.id);
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
        self.make_room();
        // Acknowledgements have no piece.
        if self.alone.is_empty() {
            return false;
        }
        let known = self.connections.get_mut(&stream).filter(|known| known.id == Some(id));
        if known.is_some_and(|known| known.pieces.disagrees(&self.alone)) {
            // Which of both the server took is not known: as with a segment of other bytes, in `heads`.
            self.begun += 1;
            self.forgotten += 1;
        }
        if is_read(packet::handshake_name(self.alone.front(), names)) {
            self.close(stream, id);
            return false;
        }
        match self.connections.get_mut(&stream) {
            Some(connection) if connection.id == Some(id) && connection.is_waiting() => {
                let bytes = connection.bytes();
                let has_grown = connection.pieces.add_all(&self.alone, 0);
                let grown = connection.bytes() - bytes;
                let is_told = has_grown && is_read(packet::handshake_name(connection.pieces.front(), names));
                let is_cut = !is_told && connection.pieces.is_full();
                self.connections.note_growth(grown);
                if is_told || is_cut {
                    self.close(stream, id);
                }
                is_cut
            }
            // What is sent again after all of it was read.
            Some(connection) if connection.id == Some(id) => false,
            Some(_) | None => {
                self.begin(stream, id);
                false
            }
        }
    }

    /// Begins to wait. A client that is told to try again does so under another identifier.
    fn begin(&mut self, stream: Stream, id: FirstId) {
        let pieces = std::mem::take(&mut self.alone);
        let is_waiting_already = self.put(stream, Connection { id: Some(id), pieces });
        self.begun += u64::from(!is_waiting_already);
        self.waiting += 1;
    }

    /// Notes that a connection has a name that nobody can read, unless it is known: then it is a later packet, or
    /// an answer.
    fn begin_sealed(&mut self, stream: Stream) {
        let is_known = self.connections.get_mut(&stream).is_some()
            || self.connections.get_mut(&stream.back()).is_some_and(|answered| answered.id.is_some());
        if !is_known {
            self.put(stream, Connection { id: None, pieces: Pieces::default() });
            self.begun += 1;
            self.waiting += 1;
        }
    }

    fn close(&mut self, stream: Stream, id: FirstId) {
        self.put(stream, Connection { id: Some(id), pieces: Pieces::default() });
    }

    /// Puts a connection in the place of another; whether that was waiting.
    fn put(&mut self, stream: Stream, connection: Connection) -> bool {
        let was_waiting = self.connections.remove(&stream).is_some_and(|known| known.is_waiting());
        self.waiting -= u64::from(was_waiting);
        self.connections.note_growth(connection.bytes());
        let forgotten = self.connections.insert(stream, connection, Connection::is_waiting);
        self.forget(forgotten);
        was_waiting
    }

    /// Forgets connections when they take too much memory.
    fn make_room(&mut self) {
        let forgotten = self.connections.make_room(Connection::bytes, Connection::is_waiting);
        self.forget(forgotten);
    }

    /// Notes that so many can never be read any more.
    fn forget(&mut self, waiting: u64) {
        self.waiting -= waiting;
        self.forgotten += waiting;
    }

    /// How many connections began with a name that goes on in their next datagram.
    pub(super) fn begun(&self) -> u64 {
        self.begun
    }

    /// How many of them have a name that was never whole.
    pub(super) fn unread(&self) -> u64 {
        self.forgotten + self.waiting
    }
}

fn is_read(reading: Reading) -> bool {
    reading == Reading::Whole
}
