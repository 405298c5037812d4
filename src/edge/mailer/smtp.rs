//! What is said to a mail server, and what do its answers mean for the mail?
//!
//! Left of it is `wire`, which carries lines. One connection carries mail after mail as long as the
//! server lets it. A mail counts as accepted only when the server said so after its last byte; what is
//! not known is tried again. It must never offer a password to a server that is not sure to be the right
//! one.

use super::Delivery;
use super::halt::{Halt, Step, Why};
use super::login::Login;
use super::offers::Offers;
use super::sealed::is_ascii;
use super::wire::{Patience, Reply, Wire};
use crate::pure::site::MailSecurity;
use lettre::Address;
use lettre::address::Envelope;
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Quit, Rcpt, Rset, Starttls};
use lettre::transport::smtp::extension::{ClientId, MailBodyParameter, MailParameter};
use rustls::ClientConfig;
use std::fmt::Display;
use std::io::BufRead;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// So many mails go over one connection, unless the server announces a smaller number (RFC 9422): so that
/// a server that is to be taken out of service loses us some day.
const MAILS_MAX: u32 = 5_000;

/// What a server answers that does not know EHLO, or will not hear it (RFC 5321, 4.2.2).
const NO_EHLO: [u16; 4] = [500, 501, 502, 504];

/// A mail server and how to speak to it.
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub security: MailSecurity,
    /// `None` for a plain connection.
    pub tls: Option<Arc<ClientConfig>>,
    pub login: Option<Login>,
    pub patience: Patience,
    /// What the last mail left behind.
    pub line: Mutex<Line>,
}

/// What is kept from one mail to the next.
#[derive(Default)]
pub struct Line {
    /// The connection that is still open.
    kept: Option<Connection>,
    /// Whether commands that were said in a row came to nothing: then each waits for the answer to the one before
    /// it. There are servers, and walls before them, that offer what they cannot do.
    is_one_by_one: bool,
    /// How many answers did not come in time. A server may be slow about each recipient, because it asks others: what
    /// it took to learn that is not forgotten, and mail gets through to it.
    lapses: u32,
}

/// A server that has been greeted and has let us in.
pub struct Connection {
    wire: Wire,
    offers: Offers,
    mails_left: u32,
    /// Whether nobody listens any more.
    is_over: bool,
    /// Whether the server still thinks of a mail that it refused.
    is_stained: bool,
    /// Whether commands are said in a row, without waiting for each answer (RFC 2920).
    is_pipelined: bool,
    /// Whether that confused the server.
    is_confused: bool,
}

/// What is said to a server, at which step, and what it is to answer.
struct Command {
    step: Step,
    words: String,
    wanted: u16,
}

/// What was asked and answered, for people to read; nothing is kept of it otherwise.
pub type Told<'a> = &'a mut dyn FnMut(Step, &str);

/// What is done while the server works on a mail.
pub type Meanwhile<'a> = &'a mut dyn FnMut();

impl Smtp {
    /// Hands a mail over, on the connection that is open already or on a new one. A server may end a
    /// connection between two mails for any reason; then it has heard nothing that counts of this one,
    /// and gets it anew.
    pub fn deliver(&self, message: &[u8], envelope: &Envelope, meanwhile: Meanwhile) -> Delivery {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut connection) = line.kept.take() {
            match connection.send(message, envelope, meanwhile) {
                Err(halt) if halt.is_farewell() => {}
                sent => return self.conclude(&mut line, connection, sent),
            }
        }
        match self.connect(line.lapses, &mut |_, _| {}) {
            Ok(mut connection) => {
                connection.is_pipelined &= !line.is_one_by_one;
                let sent = connection.send(message, envelope, meanwhile);
                self.conclude(&mut line, connection, sent)
            }
            Err(halt) => {
                line.lapses += u32::from(halt.is_late());
                halt.into_delivery(&self.name())
            }
        }
    }

    /// Hands a mail over on a connection of its own, telling each step.
    pub fn try_out(&self, message: &[u8], envelope: &Envelope, told: &mut dyn FnMut(&str)) -> Delivery {
        let mut told = |step: Step, words: &str| told(&format!("{step}: {words}"));
        let sent = self.connect(0, &mut told);
        let sent = sent
            .and_then(|mut connection| connection.send_and_tell(message, envelope, &mut told, &mut || {}));
        sent.map_or_else(|halt| halt.into_delivery(&self.name()), |()| Delivery::Accepted)
    }

    /// Greets the server, makes sure of it, logs in, and leaves.
    pub fn greet(&self) -> Result<String, String> {
        self.connect(0, &mut |_, _| {}).map_err(|halt| halt.words(&self.name()))?;
        let protection = match self.security {
            MailSecurity::Plain => "",
            MailSecurity::Tls | MailSecurity::StartTls => " with a good certificate",
        };
        let login = if self.login.is_some() { ", and takes the login" } else { "" };
        Ok(format!("mail server {} answers{protection}{login}", self.name()))
    }

    /// Takes leave of the server, if there is a connection that nothing needs now.
    pub fn rest(&self) {
        drop(self.line.lock().unwrap_or_else(PoisonError::into_inner).kept.take());
    }

    fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    fn conclude(&self, line: &mut Line, mut connection: Connection, sent: Result<(), Halt>) -> Delivery {
        connection.wire.end();
        connection.mails_left = connection.mails_left.saturating_sub(1);
        connection.is_over |=
            connection.wire.is_torn() || sent.as_ref().err().is_some_and(|halt| !halt.leaves_open());
        line.is_one_by_one |= connection.is_confused;
        line.lapses += u32::from(sent.as_ref().is_err_and(Halt::is_late));
        connection.is_pipelined &= !line.is_one_by_one;
        if !connection.is_over && connection.mails_left > 0 {
            line.kept = Some(connection);
        }
        sent.map_or_else(|halt| halt.into_delivery(&self.name()), |()| Delivery::Accepted)
    }

    /// Greets the server, makes sure of it, and logs in; the more patiently the more answers came too late before.
    pub fn connect(&self, lapses: u32, told: Told) -> Result<Connection, Halt> {
        let server = (self.host.trim_start_matches('[').trim_end_matches(']'), self.port);
        let lost = |step| move |lost| Halt { step, why: Why::Lost(lost) };
        let Patience { answer_max: connect_max, .. } = self.patience;
        let wire = Wire::connect(server, connect_max, self.patience.after(lapses));
        let mut wire = wire.map_err(lost(Step::Connecting))?;
        told(Step::Connecting, "connected");
        if self.security == MailSecurity::Tls {
            wire = self.secure(wire, told)?;
        }
        let greeting = wire.reply().map_err(lost(Step::Greeting))?;
        expect(&greeting, Step::Greeting, 220, told)?;
        let mut offers = self.hello(&mut wire, told)?;
        if self.security == MailSecurity::StartTls {
            if !offers.has("STARTTLS") {
                let what = "the server offers no STARTTLS, or somebody in between takes the offer away: mend it, or use smtps://";
                return Err(Halt { step: Step::StartTls, why: Why::Unfit(what.to_owned()) });
            }
            ask(&mut wire, Step::StartTls, Starttls, 220, told)?;
            wire = self.secure(wire, told)?;
            // What it said before counts for nothing: anybody could have said it.
            offers = self.hello(&mut wire, told)?;
        }
        if let Some(login) = &self.login {
            login.present(&mut wire, &offers, told)?;
        }
        let mails_left = offers.mails_max().unwrap_or(MAILS_MAX).clamp(1, MAILS_MAX);
        let is_pipelined = offers.has_pipelining();
        Ok(Connection {
            wire,
            offers,
            mails_left,
            is_over: false,
            is_stained: false,
            is_pipelined,
            is_confused: false,
        })
    }

    /// Says who we are, to a server that knows no EHLO the old way (RFC 5321, 4.1.4). Such a one can neither
    /// begin TLS nor take a login: where that is wanted, no mail leaves.
    fn hello(&self, wire: &mut Wire, told: Told) -> Result<Offers, Halt> {
        let client = wire.local_address().map_or_else(ClientId::default, our_name);
        let lost = |lost| Halt { step: Step::Hello, why: Why::Lost(lost) };
        let reply = wire.ask(Ehlo::new(client.clone()).to_string().as_bytes()).map_err(lost)?;
        if !NO_EHLO.contains(&reply.code) {
            expect(&reply, Step::Hello, 250, told)?;
            return Ok(Offers::of(reply));
        }
        told(Step::Hello, &reply.words());
        if self.login.is_some() || self.security == MailSecurity::StartTls {
            let wanted = if self.login.is_some() { "login" } else { "STARTTLS" };
            let words = reply.words();
            let what = format!(
                "the server knows no EHLO ({words}), and without it there is no {wanted}: mend the server, or take another one"
            );
            return Err(Halt { step: Step::Hello, why: Why::Unfit(what) });
        }
        ask(wire, Step::OldHello, format_args!("HELO {client}\r\n"), 250, told)?;
        Ok(Offers::default())
    }

    fn secure(&self, wire: Wire, told: Told) -> Result<Wire, Halt> {
        let halt = |why| Halt { step: Step::Handshake, why };
        let missing = || halt(Why::Unfit("TLS was not set up".to_owned()));
        let config = self.tls.as_ref().ok_or_else(missing)?;
        let secured = wire.secure(&self.host, config).map_err(|lost| halt(Why::Lost(lost)))?;
        told(Step::Handshake, "the certificate is good, the line is encrypted");
        Ok(secured)
    }
}

impl Connection {
    /// Offers a mail to one recipient, to the server's word that it has taken it over.
    pub fn send(&mut self, message: &[u8], envelope: &Envelope, meanwhile: Meanwhile) -> Result<(), Halt> {
        self.send_and_tell(message, envelope, &mut |_, _| {}, meanwhile)
    }

    /// The same, telling each step.
    fn send_and_tell(
        &mut self,
        message: &[u8],
        envelope: &Envelope,
        told: Told,
        meanwhile: Meanwhile,
    ) -> Result<(), Halt> {
        self.wire.begin();
        let parameters = self.parameters(message, envelope)?;
        if std::mem::take(&mut self.is_stained) {
            ask(&mut self.wire, Step::Reset, Rset, 250, told)?;
        }
        self.is_stained = true;
        let commands = commands(envelope, parameters);
        if self.is_pipelined {
            self.say_in_a_row(&commands, told)?;
        } else {
            for Command { step, words, wanted } in commands {
                ask(&mut self.wire, step, words, wanted, told)?;
            }
        }
        let end = self.wire.hand_over(&stuffed(message), meanwhile);
        let end = end.map_err(|lost| Halt { step: Step::Content, why: Why::Lost(lost) })?;
        expect(&end, Step::Content, 250, told)?;
        self.is_stained = false;
        Ok(())
    }

    /// Says all of it at once, and takes the answers in turn. The first that is no yes counts; those behind it are
    /// taken all the same, or they would stand for answers to the next mail.
    fn say_in_a_row(&mut self, commands: &[Command], told: Told) -> Result<(), Halt> {
        let all: String = commands.iter().map(|command| command.words.as_str()).collect();
        let mut refused = None;
        for (number, Command { step, wanted, .. }) in commands.iter().enumerate() {
            let (step, is_first) = (*step, number == 0);
            let reply = if is_first { self.wire.ask(all.as_bytes()) } else { self.wire.reply() };
            let reply = reply.map_err(|lost| Halt { step, why: Why::Lost(lost) });
            match reply.and_then(|reply| expect(&reply, step, *wanted, told)) {
                Ok(()) if step == Step::Data && refused.is_some() => self.say_nothing(),
                Ok(()) => {}
                Err(halt) => {
                    self.is_over |= !halt.leaves_open() || self.wire.is_torn();
                    let is_lost = matches!(halt.why, Why::Lost(_));
                    self.is_confused |= refused.is_none() && !is_first && (is_lost || step == Step::Data);
                    refused = refused.or(Some(halt));
                }
            }
            if self.is_over {
                break;
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// Ends a mail that the server waits for although it took nobody who gets it (RFC 2920, 3.1); whatever it says
    /// to that, nobody got one.
    fn say_nothing(&mut self) {
        let is_heard = self.wire.ask(b".\r\n").is_ok_and(|reply| reply.code != 421);
        self.is_over |= !is_heard;
    }

    fn parameters(&self, message: &[u8], envelope: &Envelope) -> Result<Vec<MailParameter>, Halt> {
        let mut parameters = Vec::new();
        if !envelope.from().into_iter().chain(envelope.to()).all(is_ascii) {
            if !self.offers.has("SMTPUTF8") {
                let what = "the server takes no address outside ASCII: give another one";
                return Err(Halt { step: Step::Recipient, why: Why::Unfit(what.to_owned()) });
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if let Some(bytes_max) = self.offers.bytes_max() {
            if message.len() > bytes_max {
                return Err(too_large(message.len(), bytes_max));
            }
            parameters.push(MailParameter::Size(message.len()));
        }
        if !message.is_ascii() && self.offers.has("8BITMIME") {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(parameters)
    }
}

impl Drop for Connection {
    /// Takes leave; the answer is of no interest.
    fn drop(&mut self) {
        if !self.is_over {
            self.wire.say(Quit.to_string().as_bytes());
        }
    }
}

/// It is as large tomorrow, so that nobody tries for days.
fn too_large(bytes: usize, bytes_max: usize) -> Halt {
    let kib = |bytes: usize| bytes.div_ceil(1024);
    let what = format!(
        "the mail has {} KiB and the server takes none of more than {} KiB: have its limit raised (`message_size_limit` \
         of Postfix), then `allclear mail retry`",
        kib(bytes),
        bytes_max / 1024
    );
    Halt { step: Step::Sender, why: Why::Unfit(what) }
}

/// What is said before a mail.
fn commands(envelope: &Envelope, parameters: Vec<MailParameter>) -> Vec<Command> {
    let command = |step, words, wanted| Command { step, words, wanted };
    let sender: Option<Address> = envelope.from().cloned();
    let mut commands = vec![command(Step::Sender, Mail::new(sender, parameters).to_string(), 250)];
    for recipient in envelope.to() {
        let words = Rcpt::new(recipient.clone(), Vec::new()).to_string();
        commands.push(command(Step::Recipient, words, 250));
    }
    commands.push(command(Step::Data, Data.to_string(), 354));
    commands
}

/// What we call ourselves: the name of this machine where it is one that DNS could know, else the address that
/// the server sees (RFC 5321, 4.1.4).
fn our_name(address: IpAddr) -> ClientId {
    match (ClientId::default(), address) {
        (ClientId::Domain(name), _) if name.trim_matches('.').contains('.') => ClientId::Domain(name),
        (_, IpAddr::V4(address)) => ClientId::Ipv4(address),
        (_, IpAddr::V6(address)) => ClientId::Ipv6(address),
    }
}

fn ask(wire: &mut Wire, step: Step, command: impl Display, wanted: u16, told: Told) -> Result<Reply, Halt> {
    let asked = wire.ask(command.to_string().as_bytes());
    let reply = asked.map_err(|lost| Halt { step, why: Why::Lost(lost) })?;
    expect(&reply, step, wanted, told)?;
    Ok(reply)
}

/// Whether that is the answer that was due: of its kind; after DATA none but 354, since whatever follows
/// another one would be taken for commands; and of a whole mail none but 250, which alone is a promise.
pub(super) fn expect(reply: &Reply, step: Step, wanted: u16, told: Told) -> Result<(), Halt> {
    told(step, &reply.words());
    if reply.code == wanted || wanted == 250 && reply.code / 100 == 2 && step != Step::Content {
        Ok(())
    } else {
        Err(Halt { step, why: Why::Said(reply.clone()) })
    }
}

/// The mail as it goes over the line: a dot at the beginning of a line is doubled, and one alone ends it.
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut stuffed = Vec::with_capacity(message.len() + 128);
    let mut rest = message;
    while let Some(first) = rest.first() {
        stuffed.extend((*first == b'.').then_some(b'.'));
        rest.read_until(b'\n', &mut stuffed).expect("bytes in memory are read without fail");
    }
    if !stuffed.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dot_at_a_line_start_is_doubled() {
        for (message, expected) in [
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            (".a\r\n", "..a\r\n.\r\n"),
            ("a\r\n.\r\nb.\r\n", "a\r\n..\r\nb.\r\n.\r\n"),
            ("a\n.\nb", "a\n..\nb\r\n.\r\n"),
            ("", "\r\n.\r\n"),
        ] {
            assert_eq!(stuffed(message.as_bytes()), expected.as_bytes(), "{message:?}");
        }
    }
}
