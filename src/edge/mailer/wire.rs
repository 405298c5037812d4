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
use std::cell::Cell;
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

/// So many times in a row an answer that did not come in time makes us wait twice as long for the next one; and so
/// many times what we wait at first is the most: five minutes, as RFC 5321 (4.5.3.2) asks for, where that is 30 s.
const LAPSES_MAX: u32 = 4;
const LONGER_MAX: u32 = 10;

/// How long is waited for a server.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For each answer.
    pub answer_max: Duration,
    /// For all answers from the greeting or the sender on to the end of the mail.
    pub whole_max: Duration,
    /// For the word that decides upon a mail, from the end of the mail on: whoever hangs up before it gets the mail
    /// twice.
    pub end_max: Duration,
}

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
    /// It said nothing in time.
    Late(String),
    /// It said something that is no reply, or nobody is there.
    Silent(String),
}

/// A line to a mail server.
pub struct Wire {
    stream: Stream,
    /// Read, and not yet used.
    unread: Vec<u8>,
    patience: Patience,
    /// Whether the server got a part of what it was told: whatever is written next would complete it.
    is_torn: bool,
    dog: Watchdog,
}

impl Patience {
    /// The same after so many answers that did not come in time. The word that decides upon a mail is waited for
    /// long enough the first time.
    pub fn after(self, lapses: u32) -> Patience {
        let times = (1 << lapses.min(LAPSES_MAX)).min(LONGER_MAX);
        Patience { answer_max: self.answer_max * times, whole_max: self.whole_max * times, ..self }
    }
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
        let (Lost::Closed(words) | Lost::Late(words) | Lost::Silent(words)) = self;
        words
    }
}

impl Wire {
    /// Connects, as long as `connect_max` to each address; the time of a whole delivery has begun then.
    ///
    /// # Errors
    ///
    /// No address, or nobody who answers at any of them.
    pub fn connect(server: (&str, u16), connect_max: Duration, patience: Patience) -> Result<Wire, Lost> {
        let silent = |error: io::Error| Lost::Silent(clean_text(&error.to_string()));
        let nameless = |error: io::Error| Lost::Silent(clean_text(&nameless(&error)));
        let mut last = Lost::Silent("it has no address".to_owned());
        for address in server.to_socket_addrs().map_err(nameless)?.take(ADDRESSES_MAX) {
            match TcpStream::connect_timeout(&address, connect_max) {
                Ok(stream) => return Wire::over(stream, patience).map_err(silent),
                Err(error) => last = Lost::Silent(clean_text(&unreached(&error))),
            }
        }
        Err(last)
    }

    fn over(stream: TcpStream, patience: Patience) -> io::Result<Wire> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience.answer_max))?;
        stream.set_write_timeout(Some(patience.answer_max))?;
        let dog = Watchdog::over(&stream, patience)?;
        let wire = Wire { stream: Stream::Plain(stream), unread: Vec::new(), patience, is_torn: false, dog };
        wire.begin();
        Ok(wire)
    }

    /// From now on a delivery is under way.
    pub fn begin(&self) {
        self.dog.watch(self.patience.answer_max, self.patience.whole_max);
    }

    /// None is.
    pub fn end(&self) {
        self.dog.under_way.store(0, Ordering::Relaxed);
    }

    /// From now on speaks TLS to `host`, whose certificate must be good. What came before must not be
    /// believed: somebody may have slipped it in.
    pub fn secure(self, host: &str, config: &Arc<ClientConfig>) -> Result<Wire, Lost> {
        let Wire { stream, unread, patience, is_torn, dog } = self;
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
            tls.complete_io(&mut socket).map_err(|error| dog.lost(&in_words(error)))?;
        }
        let stream = Stream::Tls(Box::new(StreamOwned::new(tls, socket)));
        Ok(Wire { stream, unread, patience, is_torn, dog })
    }

    /// Says something, and waits for the reply to it.
    pub fn ask(&mut self, bytes: &[u8]) -> Result<Reply, Lost> {
        let early = self.tell(bytes)?;
        early.map_or_else(|| self.reply(), Ok)
    }

    /// Hands a whole mail over, and waits for the word that decides upon it; `meanwhile` is done before that.
    pub fn hand_over(&mut self, mail: &[u8], meanwhile: &mut dyn FnMut()) -> Result<Reply, Lost> {
        if let Some(early) = self.tell(mail)? {
            return Ok(early);
        }
        let Patience { answer_max, end_max, .. } = self.patience;
        self.dog.watch(end_max, end_max);
        // Where the socket does not take it, the wait is as short as for any other answer.
        let _ = self.stream.socket().set_read_timeout(Some(end_max));
        meanwhile();
        let reply = self.reply();
        let _ = self.stream.socket().set_read_timeout(Some(answer_max));
        reply
    }

    /// Says something. What comes back is what it says instead of listening, if it does not.
    fn tell(&mut self, bytes: &[u8]) -> Result<Option<Reply>, Lost> {
        if !self.unread.is_empty() || self.stream.has_news() {
            // The server's last words, or a reply to what was not asked yet.
            return match self.reply() {
                Ok(early) if early.code == 421 => Ok(Some(early)),
                Ok(early) => Err(Lost::Silent(format!("it answered unasked: {}", early.words()))),
                Err(lost) => Err(lost),
            };
        }
        if let Err(error) = self.stream.write_all(bytes).and_then(|()| self.stream.flush()) {
            self.is_torn = true;
            let lost = self.dog.lost(&error);
            // It may have said why it hangs up or does not listen; a yes is no yes to what it never got.
            return self.reply().ok().filter(|reply| reply.code >= 400).ok_or(lost).map(Some);
        }
        Ok(None)
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
                Ok(0) => return Err(self.dog.lost(&io::ErrorKind::UnexpectedEof.into())),
                Ok(length) => self.unread.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.dog.lost(&error)),
            }
        }
    }
}

/// Why the name of a server has no address, and what to do.
fn nameless(error: &io::Error) -> String {
    let why = error.to_string();
    let why = why.strip_prefix("failed to lookup address information: ").unwrap_or(&why);
    format!(
        "its name cannot be looked up ({why}): mend `smtp` in the site file, or the resolver of this machine"
    )
}

/// Why nobody answers at an address, and what to do.
fn unreached(error: &io::Error) -> String {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut};
    match error.kind() {
        ConnectionRefused => {
            "nobody listens there (connection refused): start the mail server, or mend `smtp` in the site file"
                .to_owned()
        }
        TimedOut | HostUnreachable | NetworkUnreachable => {
            format!("it cannot be reached ({error}): see what lies between, or mend `smtp` in the site file")
        }
        _ => error.to_string(),
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
    /// The pause between two looks.
    pause: Duration,
    /// How long an answer may take now, and all that is watched.
    limits: Cell<(Duration, Duration)>,
    /// The same in looks.
    looks_max: Arc<AtomicU64>,
    /// The number of the delivery under way; 0 between two.
    under_way: Arc<AtomicU64>,
    deliveries: Cell<u64>,
    has_bitten: Arc<AtomicBool>,
    /// Dropped with the line, which ends the thread.
    _leash: Sender<()>,
}

impl Watchdog {
    fn over(stream: &TcpStream, patience: Patience) -> io::Result<Watchdog> {
        let (stream, pause) = (stream.try_clone()?, patience.whole_max / LOOKS);
        let looks_max = Arc::new(AtomicU64::new(LOOKS.into()));
        let limit = Arc::clone(&looks_max);
        let (under_way, has_bitten) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (watched, biting) = (Arc::clone(&under_way), Arc::clone(&has_bitten));
        let (leash, ended) = mpsc::channel::<()>();
        thread::Builder::new().name("mail watchdog".to_owned()).spawn(move || {
            let (mut last, mut looks) = (0, 0);
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(pause) {
                let now = watched.load(Ordering::Relaxed);
                looks = if now != 0 && now == last { looks + 1 } else { 0 };
                last = now;
                if looks >= limit.load(Ordering::Relaxed) {
                    biting.store(true, Ordering::Relaxed);
                    // Whoever reads or writes wakes up.
                    let _ = stream.shutdown(Shutdown::Both);
                    break;
                }
            }
        })?;
        let limits = Cell::new((patience.answer_max, patience.whole_max));
        Ok(Watchdog { pause, limits, looks_max, under_way, deliveries: 0.into(), has_bitten, _leash: leash })
    }

    /// From now on watches something else, which may take so long, as may each answer in it.
    fn watch(&self, answer_max: Duration, whole_max: Duration) {
        let looks = whole_max.as_nanos().div_ceil(self.pause.as_nanos().max(1));
        self.limits.set((answer_max, whole_max));
        self.looks_max.store(u64::try_from(looks).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.deliveries.set(self.deliveries.get() + 1);
        self.under_way.store(self.deliveries.get(), Ordering::Relaxed);
    }

    /// Why the line is of no use any more.
    fn lost(&self, error: &io::Error) -> Lost {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof, WouldBlock,
        };
        let (answer_max, whole_max) = self.limits.get();
        if self.has_bitten.load(Ordering::Relaxed) {
            return Lost::Late(format!("it took longer than {} s", whole_max.as_secs()));
        }
        match error.kind() {
            TimedOut | WouldBlock => Lost::Late(format!("no answer within {} s", answer_max.as_secs_f32())),
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
    fn why_no_line_comes_about_is_told_with_what_to_do() {
        let lookup = io::Error::other("failed to lookup address information: Name or service not known");
        assert_eq!(
            nameless(&lookup),
            "its name cannot be looked up (Name or service not known): mend `smtp` in the site file, or the \
             resolver of this machine"
        );
        for (kind, words) in [
            (
                io::ErrorKind::ConnectionRefused,
                "nobody listens there (connection refused): start the mail server",
            ),
            (io::ErrorKind::TimedOut, "it cannot be reached (timed out): see what lies between"),
            (
                io::ErrorKind::HostUnreachable,
                "it cannot be reached (host unreachable): see what lies between",
            ),
            (io::ErrorKind::PermissionDenied, "permission denied"),
        ] {
            let told = unreached(&kind.into());
            assert!(told.starts_with(words), "{told}");
        }
    }

    #[test]
    fn the_more_answers_came_too_late_the_longer_is_waited_up_to_five_minutes() {
        let seconds = Duration::from_secs;
        let patience = Patience { answer_max: seconds(30), whole_max: seconds(120), end_max: seconds(600) };
        for (lapses, answer, whole) in [
            (0, 30, 120),
            (1, 60, 240),
            (3, 240, 960),
            (4, 300, 1_200),
            (5, 300, 1_200),
            (u32::MAX, 300, 1_200),
        ] {
            let after = patience.after(lapses);
            assert_eq!((after.answer_max, after.whole_max), (seconds(answer), seconds(whole)), "{lapses}");
            assert_eq!(after.end_max, seconds(600), "{lapses}: RFC 5321 asks for it");
        }
    }

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
