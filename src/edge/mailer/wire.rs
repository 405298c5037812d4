//! How do lines go to a mail server and its replies come back? Bytes, limits and time; no SMTP.
//!
//! Right of it is `smtp`, which knows what to say. `lettre`'s own connection reads lines of any length,
//! takes a reply outside UTF-8 for a broken line and any positive code for the one that was due, and has
//! no limit for a whole delivery. It must never believe a reply that came before it was asked for, nor
//! read without end.

use super::stream::{Stream, waiting_bytes};
use super::trust::{self, IN_THE_CLEAR};
use crate::pure::words::{clean_text, shortened};
use rustls::{ClientConfig, ClientConnection, StreamOwned, pki_types::ServerName};
use std::io::{self, Read, Write};
use std::net::{IpAddr, Shutdown, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

/// The longest line of a reply; RFC 5321 allows 512 bytes, and some servers are talkative.
const LINE_BYTES_MAX: usize = 4_096;

/// The longest reply: a hundred extensions with parameters are a tenth of it.
const REPLY_LINES_MAX: usize = 512;

/// The longest words of a server that are passed on, in signs.
const WORDS_CHARS_MAX: usize = 300;

/// Addresses of one server that are tried, one after the other.
const ADDRESSES_MAX: usize = 4;

/// The watchdog looks so often within the time of a whole delivery, and cuts it at most one look late.
const LOOKS: u32 = 20;

/// What a server said: three digits and the lines behind them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    pub lines: Vec<String>,
}

/// Why there is no reply; the line is of no use any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// The server hung up.
    Closed(String),
    /// It said nothing in time, or something that is no reply.
    Silent(String),
}

/// A line to a mail server.
pub struct Wire {
    stream: Stream,
    /// Read, and not yet used.
    unread: Vec<u8>,
    answer_max: Duration,
    /// Whether the server got a part of what it was told: whatever is written next would complete it.
    is_torn: bool,
    dog: Watchdog,
}

impl Reply {
    /// What it said in one harmless line: `550 5.1.1 no such user`.
    pub fn words(&self) -> String {
        shortened(&clean_text(&format!("{} {}", self.code, self.lines.join(" "))), WORDS_CHARS_MAX)
    }
}

impl Lost {
    /// The same in words.
    pub fn words(&self) -> &str {
        let (Lost::Closed(words) | Lost::Silent(words)) = self;
        words
    }
}

impl Wire {
    /// Connects. Each answer may take `answer_max`, and what stands between [`Wire::begin`] and
    /// [`Wire::end`] may take `whole_max`; it has begun.
    ///
    /// # Errors
    ///
    /// No address, or nobody who answers at any of them.
    pub fn connect(server: (&str, u16), answer_max: Duration, whole_max: Duration) -> Result<Wire, Lost> {
        let silent = |error: io::Error| Lost::Silent(clean_text(&error.to_string()));
        let mut last = Lost::Silent("it has no address".to_owned());
        for address in server.to_socket_addrs().map_err(silent)?.take(ADDRESSES_MAX) {
            match TcpStream::connect_timeout(&address, answer_max) {
                Ok(stream) => return Wire::over(stream, answer_max, whole_max).map_err(silent),
                Err(error) => last = silent(error),
            }
        }
        Err(last)
    }

    fn over(stream: TcpStream, answer_max: Duration, whole_max: Duration) -> io::Result<Wire> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(answer_max))?;
        stream.set_write_timeout(Some(answer_max))?;
        let dog = Watchdog::over(&stream, whole_max)?;
        let wire =
            Wire { stream: Stream::Plain(stream), unread: Vec::new(), answer_max, is_torn: false, dog };
        wire.begin();
        Ok(wire)
    }

    /// From now on a delivery is under way.
    pub fn begin(&self) {
        self.dog.deliveries.set(self.dog.deliveries.get() + 1);
        self.dog.under_way.store(self.dog.deliveries.get(), Ordering::Relaxed);
    }

    /// None is.
    pub fn end(&self) {
        self.dog.under_way.store(0, Ordering::Relaxed);
    }

    /// From now on speaks TLS to `host`, whose certificate must be good. What came before must not be
    /// believed: somebody may have slipped it in.
    pub fn secure(self, host: &str, config: &Arc<ClientConfig>) -> Result<Wire, Lost> {
        let Wire { stream, unread, answer_max, is_torn, dog } = self;
        let silent = |why: &dyn std::fmt::Display| Lost::Silent(clean_text(&why.to_string()));
        let Stream::Plain(mut socket) = stream else { return Err(silent(&"TLS is spoken already")) };
        let is_early = matches!(waiting_bytes(&socket), Ok(Some(length)) if length > 0);
        if !unread.is_empty() || is_early {
            return Err(silent(&IN_THE_CLEAR));
        }
        let literal = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(literal).map_err(|error| silent(&error))?;
        let mut tls = ClientConnection::new(Arc::clone(config), name).map_err(|error| silent(&error))?;
        while tls.is_handshaking() {
            tls.complete_io(&mut socket).map_err(|error| dog.lost(&in_words(error), answer_max))?;
        }
        let stream = Stream::Tls(Box::new(StreamOwned::new(tls, socket)));
        Ok(Wire { stream, unread, answer_max, is_torn, dog })
    }

    /// Says something, and waits for the reply to it.
    pub fn ask(&mut self, bytes: &[u8]) -> Result<Reply, Lost> {
        self.ask_and(bytes, &mut || {})
    }

    /// The same; `meanwhile` is done before the reply is waited for.
    pub fn ask_and(&mut self, bytes: &[u8], meanwhile: &mut dyn FnMut()) -> Result<Reply, Lost> {
        if !self.unread.is_empty() || self.stream.has_news() {
            // The server's last words, or a reply to what was not asked yet.
            return match self.reply() {
                Ok(early) if early.code == 421 => Ok(early),
                Ok(early) => Err(Lost::Silent(format!("it answered unasked: {}", early.words()))),
                Err(lost) => Err(lost),
            };
        }
        if let Err(error) = self.stream.write_all(bytes).and_then(|()| self.stream.flush()) {
            self.is_torn = true;
            let lost = self.dog.lost(&error, self.answer_max);
            // It may have said why it hangs up or does not listen; a yes is no yes to what it never got.
            return self.reply().ok().filter(|reply| reply.code >= 400).ok_or(lost);
        }
        meanwhile();
        self.reply()
    }

    /// Our end of the line.
    pub fn local_address(&self) -> Option<IpAddr> {
        self.stream.socket().local_addr().ok().map(|address| address.ip().to_canonical())
    }

    /// Whether nothing more can be said, since the last thing was not said to its end.
    pub fn is_torn(&self) -> bool {
        self.is_torn
    }

    /// Says something whose reply nobody waits for.
    pub fn say(&mut self, bytes: &[u8]) {
        if self.is_torn {
            return;
        }
        let _ = self.stream.write_all(bytes).and_then(|()| self.stream.flush());
    }

    /// The next reply.
    pub fn reply(&mut self) -> Result<Reply, Lost> {
        let mut lines = Vec::new();
        for _ in 0..REPLY_LINES_MAX {
            let line = self.line()?;
            let (code, is_last, text) = reply_line(&line).ok_or_else(|| {
                let shown = shortened(&clean_text(&line), WORDS_CHARS_MAX);
                Lost::Silent(format!("it answered what is no reply of a mail server: {shown:?}"))
            })?;
            lines.push(text.to_owned());
            if is_last {
                return Ok(Reply { code, lines });
            }
        }
        Err(Lost::Silent(format!("its reply has more than {REPLY_LINES_MAX} lines")))
    }

    /// The next line, without its end.
    fn line(&mut self) -> Result<String, Lost> {
        let mut looked = 0;
        loop {
            if let Some(at) = self.unread[looked..].iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=looked + at).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
            }
            looked = self.unread.len();
            if looked > LINE_BYTES_MAX {
                return Err(Lost::Silent(format!(
                    "a line of its reply is longer than {LINE_BYTES_MAX} bytes"
                )));
            }
            let mut piece = [0; 2_048];
            match self.stream.read(&mut piece) {
                Ok(0) => return Err(self.dog.lost(&io::ErrorKind::UnexpectedEof.into(), self.answer_max)),
                Ok(length) => self.unread.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.dog.lost(&error, self.answer_max)),
            }
        }
    }
}

/// What TLS itself finds wrong, in words.
fn in_words(error: io::Error) -> io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    inner.map(trust::words).map_or(error, io::Error::other)
}

/// `250-text` or `250 text`: the code, whether it is the last line, and the text.
fn reply_line(line: &str) -> Option<(u16, bool, &str)> {
    let code: u16 =
        line.get(..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?;
    let is_code = (200..600).contains(&code);
    match line.as_bytes().get(3) {
        _ if !is_code => None,
        None => Some((code, true, "")),
        Some(b' ') => Some((code, true, &line[4..])),
        Some(b'-') => Some((code, false, &line[4..])),
        Some(_) => None,
    }
}

/// Cuts the line of a delivery that takes too long, whatever it waits for: the letters of a reply that
/// come one at a time, a handshake, a server that takes the mail a byte a second.
struct Watchdog {
    whole_max: Duration,
    /// The number of the delivery under way; 0 between two.
    under_way: Arc<AtomicU64>,
    deliveries: std::cell::Cell<u64>,
    has_bitten: Arc<AtomicBool>,
    /// Dropped with the line, which ends the thread.
    _leash: Sender<()>,
}

impl Watchdog {
    fn over(stream: &TcpStream, whole_max: Duration) -> io::Result<Watchdog> {
        let stream = stream.try_clone()?;
        let (under_way, has_bitten) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (watched, biting) = (Arc::clone(&under_way), Arc::clone(&has_bitten));
        let (leash, ended) = mpsc::channel::<()>();
        thread::Builder::new().name("mail watchdog".to_owned()).spawn(move || {
            let (mut last, mut looks) = (0, 0);
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(whole_max / LOOKS) {
                let now = watched.load(Ordering::Relaxed);
                looks = if now != 0 && now == last { looks + 1 } else { 0 };
                last = now;
                if looks == LOOKS {
                    biting.store(true, Ordering::Relaxed);
                    // Whoever reads or writes wakes up.
                    let _ = stream.shutdown(Shutdown::Both);
                    break;
                }
            }
        })?;
        Ok(Watchdog { whole_max, under_way, deliveries: 0.into(), has_bitten, _leash: leash })
    }

    /// Why the line is of no use any more.
    fn lost(&self, error: &io::Error, answer_max: Duration) -> Lost {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock,
        };
        if self.has_bitten.load(Ordering::Relaxed) {
            return Lost::Silent(format!("it took longer than {} s", self.whole_max.as_secs()));
        }
        match error.kind() {
            TimedOut | WouldBlock => Lost::Silent(format!("no answer within {} s", answer_max.as_secs_f32())),
            UnexpectedEof => Lost::Closed("the server hung up".to_owned()),
            BrokenPipe | ConnectionReset | ConnectionAborted => {
                Lost::Closed(format!("the server hung up ({error})"))
            }
            _ => Lost::Silent(shortened(&clean_text(&error.to_string()), WORDS_CHARS_MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_reply_or_it_is_none() {
        for (line, expected) in [
            ("250 ok", Some((250, true, "ok"))),
            ("250-SIZE 10", Some((250, false, "SIZE 10"))),
            ("250", Some((250, true, ""))),
            ("250 ", Some((250, true, ""))),
            ("199 x", None),
            ("200 x", Some((200, true, "x"))),
            ("599 x", Some((599, true, "x"))),
            ("600 x", None),
            ("25", None),
            ("2500 ok", None),
            ("25\u{e9} ok", None),
            ("+50 ok", None),
            ("SSH-2.0-x", None),
            ("", None),
        ] {
            assert_eq!(reply_line(line), expected, "{line}");
        }
    }
}
