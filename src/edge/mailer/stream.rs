//! What carries the bytes of a conversation, in the clear or within TLS, and has the other side spoken before
//! it was asked?
//!
//! Used by `wire`. It must never take what was said in the clear for something said within TLS.

use rustls::{ClientConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::TcpStream;

/// So many times what has come in is taken off the line in search of words; a server that sends more than
/// that without any (tickets of TLS 1.3 are a few hundred bytes) has news of its own.
const LOOKS_MAX: usize = 64;

/// A line, as bytes.
pub enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// What is below.
    pub fn socket(&self) -> &TcpStream {
        match self {
            Stream::Plain(stream) => stream,
            Stream::Tls(tls) => &tls.sock,
        }
    }

    /// Whether the other side has spoken or hung up. What TLS says for itself is no news.
    pub fn has_news(&mut self) -> bool {
        match self {
            Stream::Plain(stream) => !matches!(waiting_bytes(stream), Ok(None)),
            Stream::Tls(tls) => has_words(tls),
        }
    }
}

/// How many bytes have come in and are not read yet, up to a few; `None` when none have, 0 at the end.
///
/// # Errors
///
/// The line is broken.
pub fn waiting_bytes(stream: &TcpStream) -> io::Result<Option<usize>> {
    stream.set_nonblocking(true)?;
    let looked = stream.peek(&mut [0; 8]);
    stream.set_nonblocking(false)?;
    match looked {
        Ok(length) => Ok(Some(length)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes in what has come, without waiting for more: words, an end, or a breach are news.
fn has_words(tls: &mut StreamOwned<ClientConnection, TcpStream>) -> bool {
    for _ in 0..LOOKS_MAX {
        match tls.conn.process_new_packets() {
            Ok(state) if state.plaintext_bytes_to_read() == 0 && !state.peer_has_closed() => {}
            _ => return true,
        }
        match waiting_bytes(&tls.sock) {
            Ok(None) => return false,
            Ok(Some(length)) if length > 0 && tls.conn.read_tls(&mut tls.sock).is_ok() => {}
            _ => return true,
        }
    }
    true
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(stream) => stream.write(buffer),
            Stream::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(stream) => stream.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}
