//! A mail server whose behaviour is a table: what it says to each command, and what it does besides. Whatever
//! it does, no mail counts as sent that it did not accept, and nothing waits for it for ever.

use crate::letters::letter;
use crate::sample::sample;
use crate::world::mail_settings;
use allclear::edge::mailer::{Delivery, Mailer};
use allclear::pure::playbook::MailEvent;
use allclear::pure::report::Letter;
use allclear::pure::site::{MailSecurity, MailSettings, MailTransport};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server does when it gets a command.
#[derive(Clone, Copy, Debug)]
pub enum Does {
    /// Says these lines and goes on.
    Says(&'static str),
    /// Says them and hangs up.
    Leaves(&'static str),
    /// Says nothing more, ever.
    Hangs,
    /// Says them after a second.
    Tarries(&'static str),
    /// Sends a letter of the line each so often.
    Drips(&'static str),
    /// Sends these bytes so many times, without end of line.
    Floods(&'static [u8], usize),
    /// Sends bytes that are no text.
    Noise(&'static [u8]),
    /// Lets the mail begin, says this in the middle of it, and reads nothing more.
    Deafens(&'static str),
    /// Says this and forgets what was said behind the command.
    Forgets(&'static str),
}
use Does::{Deafens, Drips, Floods, Forgets, Hangs, Leaves, Noise, Says, Tarries};

/// What it does when: at the so many-th of a command (`BANNER`, `EHLO`, `MAIL`, `RCPT`, `DATA`, `END` for the
/// dot, `QUIT`), counted over all connections from 1; 0 is always.
pub type Rule = (&'static str, usize, Does);

/// What it has seen.
#[derive(Default)]
pub struct Seen {
    pub connections: usize,
    pub commands: Vec<String>,
    pub accepted: Vec<String>,
}

/// A running server.
pub struct Office {
    pub port: u16,
    pub seen: Arc<Mutex<Seen>>,
}

impl Office {
    /// Everything not ruled otherwise is accepted.
    pub fn open(rules: &'static [Rule]) -> Office {
        Office::offering("250-office\r\n250-PIPELINING\r\n250 8BITMIME", rules)
    }

    /// The same, where the answer to EHLO is another one.
    fn offering(offer: &'static str, rules: &'static [Rule]) -> Office {
        let rules: Vec<Rule> = rules.iter().copied().chain([("EHLO", 0, Says(offer))]).collect();
        let rules = Arc::new(rules);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let told = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                told.lock().expect("nobody panics").connections += 1;
                let (rules, told) = (Arc::clone(&rules), Arc::clone(&told));
                // A client that leaves ends it.
                std::thread::spawn(move || drop(talk(stream, &rules, &told)));
            }
        });
        Office { port, seen }
    }

    fn count(&self, command: &str) -> usize {
        let seen = self.seen.lock().expect("nobody panics");
        seen.commands.iter().filter(|line| line.starts_with(command)).count()
    }

    pub fn accepted(&self) -> usize {
        self.seen.lock().expect("nobody panics").accepted.len()
    }

    fn connections(&self) -> usize {
        self.seen.lock().expect("nobody panics").connections
    }
}

fn talk(mut stream: TcpStream, rules: &[Rule], seen: &Mutex<Seen>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?);
    if act(&mut stream, "BANNER", "", rules, seen)?.is_none() {
        return Ok(());
    }
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        let word = line.split_whitespace().next().unwrap_or_default().to_uppercase();
        let Some(does) = act(&mut stream, &word, line.trim_end(), rules, seen)? else { return Ok(()) };
        if matches!(does, Forgets(_)) {
            lines.consume(lines.buffer().len());
        }
        if word == "DATA" && !matches!(does, Says(text) if !text.starts_with("354")) {
            let mut message = String::new();
            while message != ".\r\n" && !message.ends_with("\r\n.\r\n") {
                if lines.read_line(&mut message)? == 0 {
                    break;
                }
            }
            if act(&mut stream, "END", &message, rules, seen)?.is_none() {
                return Ok(());
            }
        }
        line.clear();
    }
    Ok(())
}

/// Does what the rules say of the command; `None` when the conversation is over.
fn act(
    stream: &mut TcpStream,
    word: &str,
    line: &str,
    rules: &[Rule],
    seen: &Mutex<Seen>,
) -> std::io::Result<Option<Does>> {
    let does = {
        let mut seen = seen.lock().expect("nobody panics");
        seen.commands.push(format!("{word} {line}"));
        let nth = seen.commands.iter().filter(|line| line.starts_with(&format!("{word} "))).count();
        let rule = rules.iter().find(|(on, at, _)| *on == word && (*at == 0 || *at == nth));
        let does = rule.map_or(Says(default(word)), |(_, _, does)| *does);
        let is_taken = matches!(does, Says(text) | Leaves(text) | Drips(text) | Tarries(text) if text.starts_with("250"));
        // One without a line is what ends a mail that nobody was to get, one without an end was broken off.
        if word == "END" && is_taken && line.ends_with("\r\n.\r\n") {
            seen.accepted.push(line.to_owned());
        }
        does
    };
    match does {
        Says(text) | Forgets(text) => stream.write_all(format!("{text}\r\n").as_bytes())?,
        Leaves("") => return Ok(None),
        Leaves(text) => {
            stream.write_all(format!("{text}\r\n").as_bytes())?;
            return Ok(None);
        }
        Hangs => {
            std::thread::sleep(Duration::from_secs(20));
            return Ok(None);
        }
        Tarries(text) => {
            std::thread::sleep(Duration::from_secs(1));
            stream.write_all(format!("{text}\r\n").as_bytes())?;
        }
        Drips(text) => {
            for byte in format!("{text}\r\n").as_bytes() {
                std::thread::sleep(Duration::from_millis(100));
                stream.write_all(&[*byte])?;
            }
        }
        Floods(bytes, times) => (0..times).try_for_each(|_| stream.write_all(bytes))?,
        Noise(bytes) => stream.write_all(bytes)?,
        Deafens(text) => {
            stream.write_all(b"354 go on\r\n")?;
            stream.read_exact(&mut [0; 1_000])?;
            stream.write_all(format!("{text}\r\n").as_bytes())?;
            std::thread::sleep(Duration::from_secs(5));
            return Ok(None);
        }
    }
    Ok(Some(does))
}

fn default(word: &str) -> &'static str {
    match word {
        "BANNER" => "220 office ESMTP",
        "DATA" => "354 go on",
        "QUIT" => "221 bye",
        "END" => "250 2.0.0 taken",
        _ => "250 2.0.0 ok",
    }
}

pub fn settings(host: &str, port: u16, security: MailSecurity) -> MailSettings {
    mail_settings(MailTransport::Smtp { host: host.to_string(), port, security })
}

pub fn mailer(port: u16, answer: Duration, whole: Duration) -> Mailer {
    let mailer = Mailer::open(&settings("127.0.0.1", port, MailSecurity::Plain)).expect("plain settings");
    mailer.with_patience(answer, whole)
}

fn located() -> Letter {
    letter(&sample(MailEvent::Located))
}

/// What a delivery came to, in a word.
fn word(delivery: &Delivery) -> &'static str {
    match delivery {
        Delivery::Accepted => "accepted",
        Delivery::TryLater(_) => "later",
        Delivery::Refused(_) => "refused",
        Delivery::Unfit(_) => "unfit",
        Delivery::Lost(_) => "lost",
        Delivery::NoServer(_) => "no server",
    }
}

fn words(delivery: &Delivery) -> &str {
    match delivery {
        Delivery::Accepted => "",
        Delivery::TryLater(why)
        | Delivery::Refused(why)
        | Delivery::Unfit(why)
        | Delivery::Lost(why)
        | Delivery::NoServer(why) => why,
    }
}

const LATIN1: &[u8] = b"550 5.1.1 Empf\xe4nger unbekannt \x1b[31m\x07\r\n";

/// Each row: what the server does, what that means for the mail, and a piece of the words about it.
#[test]
fn whatever_a_server_does_the_mail_is_accepted_refused_or_tried_again() {
    type Row<'a> = (&'a str, &'static [Rule], &'a str, &'a str);
    let rows: &[Row<'_>] = &[
        ("all is well", &[], "accepted", ""),
        ("no greeting", &[("BANNER", 0, Hangs)], "no server", "no answer"),
        (
            "a greeting of another service",
            &[("BANNER", 0, Says("SSH-2.0-OpenSSH_9.2"))],
            "no server",
            "SSH-2.0",
        ),
        ("busy from the start", &[("BANNER", 0, Leaves("421 4.3.2 too busy"))], "no server", "too busy"),
        ("no service", &[("BANNER", 0, Leaves("554 5.7.1 go away"))], "no server", "go away"),
        ("hangs up at once", &[("BANNER", 0, Leaves(""))], "no server", "hung up"),
        (
            "a greeting of many lines",
            &[("BANNER", 0, Says("220-hello\r\n220-there\r\n220 office"))],
            "accepted",
            "",
        ),
        ("hangs at EHLO", &[("EHLO", 0, Hangs)], "no server", "EHLO"),
        ("refuses EHLO", &[("EHLO", 0, Says("550 5.7.1 not you"))], "no server", "not you"),
        ("knows no EHLO", &[("EHLO", 0, Says("502 5.5.1 what?"))], "accepted", ""),
        ("knows no EHLO, in other words", &[("EHLO", 0, Says("500 unknown command"))], "accepted", ""),
        ("not now, says EHLO", &[("EHLO", 0, Says("450 later"))], "no server", "later"),
        (
            "knows neither EHLO nor HELO",
            &[("EHLO", 0, Says("502 what?")), ("HELO", 0, Says("500 what?"))],
            "no server",
            "HELO with 500 what?",
        ),
        (
            "knows no EHLO, and hangs at HELO",
            &[("EHLO", 0, Says("502 what?")), ("HELO", 0, Hangs)],
            "no server",
            "HELO",
        ),
        ("knows no EHLO, and hangs up", &[("EHLO", 0, Leaves("502 what?"))], "no server", "hung up"),
        (
            "offers without end",
            &[("EHLO", 0, Floods(b"250-MORE AND MORE\r\n", 100_000))],
            "no server",
            "lines",
        ),
        ("a line of 10 MB", &[("EHLO", 0, Floods(&[b'2'; 10_000], 1_000))], "no server", "longer"),
        ("a line of 10 MB after the dot", &[("END", 0, Floods(&[b'2'; 10_000], 1_000))], "lost", "longer"),
        (
            "8-bit noise",
            &[("EHLO", 0, Noise(&[0xff, 0xfe, 0, 1, 0x80, b'\r', b'\n']))],
            "no server",
            "no reply",
        ),
        ("a refusal in Latin-1 with an escape", &[("RCPT", 0, Noise(LATIN1))], "refused", "550 5.1.1 Empf"),
        (
            "wants a login",
            &[("MAIL", 0, Says("530 5.7.0 authentication required"))],
            "no server",
            "authentication",
        ),
        ("takes mails of a MiB", &[("EHLO", 0, Says("250-office\r\n250 SIZE 1048576"))], "accepted", ""),
        (
            "takes none of more than a KiB",
            &[("EHLO", 0, Says("250-office\r\n250 SIZE 1024"))],
            "refused",
            "1 KiB",
        ),
        ("names no size", &[("EHLO", 0, Says("250-office\r\n250 SIZE"))], "accepted", ""),
        ("finds it too large", &[("MAIL", 0, Says("552 5.3.4 message too large"))], "refused", "too large"),
        ("hangs at MAIL", &[("MAIL", 0, Hangs)], "lost", "MAIL FROM"),
        ("sender later", &[("MAIL", 0, Says("451 4.3.0 later"))], "later", "MAIL FROM"),
        ("sender never", &[("MAIL", 0, Says("550 5.1.8 bad sender"))], "refused", "bad sender"),
        ("421 in the middle", &[("RCPT", 0, Leaves("421 4.3.2 shutting down"))], "later", "shutting down"),
        ("hangs at RCPT", &[("RCPT", 0, Hangs)], "lost", "RCPT TO"),
        ("too many recipients", &[("RCPT", 0, Says("452 4.5.3 too many recipients"))], "later", "452"),
        ("too many recipients, the old way", &[("RCPT", 0, Says("552 too many recipients"))], "later", "552"),
        ("no such user", &[("RCPT", 0, Says("550 5.1.1 no such user"))], "refused", "no such user"),
        (
            "no such user, and hangs up",
            &[("RCPT", 0, Leaves("550 5.1.1 no such user"))],
            "refused",
            "no such user",
        ),
        ("mixed codes", &[("RCPT", 0, Says("250-ok\r\n550 no"))], "refused", "550"),
        ("hangs at DATA", &[("DATA", 0, Hangs)], "lost", "DATA"),
        ("250 to DATA", &[("DATA", 0, Says("250 ok"))], "lost", "out of step"),
        ("DATA refused", &[("DATA", 0, Says("554 5.5.1 no valid recipients"))], "refused", "no valid"),
        ("accepted before the dot", &[("DATA", 0, Says("354 go\r\n250 2.0.0 taken"))], "lost", "unasked"),
        (
            "answers the mail without end",
            &[("END", 0, Floods(b"250-more\r\n", 100_000))],
            "lost",
            "512 lines; the mail may have arrived",
        ),
        (
            "a refusal of 100 KB",
            &[("RCPT", 0, Floods(&[b'5'; 10_000], 10))],
            "lost",
            "longer than 4096 bytes",
        ),
        ("421 after the dot, and stays", &[("END", 0, Says("421 4.3.2 shutting down"))], "later", "shutting"),
        ("will forward it", &[("RCPT", 0, Says("251 user not local; will forward"))], "accepted", ""),
        ("cannot tell, but will try", &[("RCPT", 0, Says("252 cannot verify"))], "accepted", ""),
        ("no words behind the code", &[("RCPT", 0, Says("250")), ("END", 0, Says("250"))], "accepted", ""),
        ("a tab behind the code", &[("RCPT", 0, Noise(b"250\tok\r\n"))], "lost", "no reply"),
        (
            "a refusal that turns the writing",
            &[("RCPT", 0, Says("550 \u{202e}no\u{2066}"))],
            "refused",
            "550 no",
        ),
        ("a slow 354", &[("DATA", 0, Drips("354 go"))], "accepted", ""),
        ("drops the line after DATA", &[("DATA", 0, Leaves("354 go"))], "lost", "may have arrived"),
        ("hangs after the dot", &[("END", 0, Hangs)], "lost", "may have arrived"),
        ("drops after the dot", &[("END", 0, Leaves(""))], "lost", "may have arrived"),
        ("full after the dot", &[("END", 0, Says("452 4.3.1 disk full"))], "later", "disk full"),
        ("spam after the dot", &[("END", 0, Says("550 5.7.1 looks like spam"))], "refused", "spam"),
        ("spam, and hangs up", &[("END", 0, Leaves("550 5.7.1 looks like spam"))], "refused", "spam"),
        ("354 after the dot", &[("END", 0, Says("354 more"))], "lost", "out of step"),
        ("goodbye after the dot", &[("END", 0, Leaves("221 bye"))], "lost", "out of step"),
        ("another yes after the dot", &[("END", 0, Says("252 perhaps"))], "lost", "out of step"),
        (
            "does not like our EHLO, and says so late",
            &[("RCPT", 0, Says("504 5.5.2 <vm>: Helo command rejected: need fully-qualified hostname"))],
            "later",
            "fully-qualified",
        ),
        ("accepts, and hangs up", &[("END", 0, Leaves("250 taken"))], "accepted", ""),
        ("accepts a letter at a time", &[("END", 0, Drips("250 taken"))], "accepted", ""),
        (
            "a letter at a time, for too long",
            &[("MAIL", 0, Drips("250 this goes on and on and on and on and on"))],
            "lost",
            "longer than 2 s",
        ),
    ];
    let letter = located();
    let check = |(row, rules, expected, piece): &Row<'_>, offer| {
        let office = Office::offering(offer, rules);
        let mailer = mailer(office.port, Duration::from_millis(600), Duration::from_secs(2));
        let delivery = mailer.deliver(&letter, &letter.to[0]);
        assert_eq!(word(&delivery), *expected, "{row}: {delivery:?}");
        assert!(words(&delivery).contains(piece), "{row}: {delivery:?}");
        assert!(!words(&delivery).contains(char::is_control), "{row}: {delivery:?}");
        assert!(words(&delivery).chars().count() < 500, "{row}: {delivery:?}");
        assert!(*expected != "accepted" || office.accepted() == 1, "{row}: it was not accepted");
        // The line is of no use any more, or in a state that the next mail can begin from.
        let again = mailer.deliver(&letter, &letter.to[0]);
        assert_eq!(word(&again), *expected, "{row}, once more: {again:?}");
    };
    for offer in ["250-office\r\n250-PIPELINING\r\n250 8BITMIME", "250 office"] {
        std::thread::scope(|scope| {
            rows.iter().for_each(|row| drop(scope.spawn(|| check(row, offer))));
        });
    }
}

const UNKNOWN_FIRST: Rule = ("RCPT", 1, Says("550 5.1.1 no"));
const FIRST_REFUSED: &[&str] = &["refused", "accepted", "accepted"];

/// Each row: what the server does, the mails that are sent one after the other, what becomes of each, and
/// the connections that this needs.
#[test]
fn one_connection_carries_mail_after_mail_and_is_renewed_without_a_word() {
    type Row<'a> = (&'a str, &'static [Rule], &'a [&'a str], usize);
    let rows: &[Row<'_>] = &[
        ("nothing happens", &[], &["accepted"; 5], 1),
        (
            "one recipient is unknown",
            &[("RCPT", 2, Says("550 5.1.1 no"))],
            &["accepted", "refused", "accepted"],
            1,
        ),
        (
            "one is greylisted, then not",
            &[("RCPT", 1, Says("451 4.7.1 greylisted"))],
            &["later", "accepted"],
            1,
        ),
        (
            "ends after two mails",
            &[("END", 2, Leaves("250 taken")), ("END", 4, Leaves("250 taken"))],
            &["accepted"; 5],
            3,
        ),
        ("421 to the third mail", &[("MAIL", 3, Leaves("421 4.7.0 too many mails"))], &["accepted"; 4], 2),
        ("421 to a recipient", &[("RCPT", 3, Leaves("421 4.7.0 too many mails"))], &["accepted"; 4], 2),
        (
            "says goodbye unasked",
            &[("END", 2, Leaves("250 taken\r\n421 4.4.2 idle for too long"))],
            &["accepted"; 4],
            2,
        ),
        (
            "announces a limit",
            &[("EHLO", 0, Says("250-office\r\n250 LIMITS RCPTMAX=1 MAILMAX=2"))],
            &["accepted"; 5],
            3,
        ),
        (
            "drops one mail after DATA",
            &[("END", 2, Leaves(""))],
            &["accepted", "lost", "accepted", "accepted"],
            2,
        ),
        (
            "answers twice",
            &[("END", 1, Says("250 taken\r\n250 taken"))],
            &["accepted", "lost", "accepted"],
            2,
        ),
        ("forgets a refused mail", &[UNKNOWN_FIRST, ("RSET", 0, Says("200 reset"))], FIRST_REFUSED, 1),
        ("knows no RSET", &[UNKNOWN_FIRST, ("RSET", 0, Says("502 5.5.1 what?"))], FIRST_REFUSED, 2),
        ("takes RSET ill", &[UNKNOWN_FIRST, ("RSET", 0, Says("554 5.5.1 no"))], FIRST_REFUSED, 2),
        ("cannot reset now", &[UNKNOWN_FIRST, ("RSET", 0, Says("451 4.3.0 later"))], FIRST_REFUSED, 2),
        ("wants a login for RSET", &[UNKNOWN_FIRST, ("RSET", 0, Says("530 5.7.0 login"))], FIRST_REFUSED, 2),
        ("answers RSET out of step", &[UNKNOWN_FIRST, ("RSET", 0, Says("354 go on"))], FIRST_REFUSED, 2),
    ];
    let letter = located();
    for (row, rules, expected, connections) in rows {
        let office = Office::open(rules);
        let mailer = mailer(office.port, Duration::from_secs(2), Duration::from_secs(5));
        let deliveries = expected.iter().map(|_| {
            // What the server does after its answer is there before the next mail.
            std::thread::sleep(Duration::from_millis(50));
            mailer.deliver(&letter, &letter.to[0])
        });
        let became: Vec<&str> = deliveries.map(|delivery| word(&delivery)).collect();
        assert_eq!(became, *expected, "{row}");
        assert_eq!(office.connections(), *connections, "{row}");
        let accepted = expected.iter().filter(|word| **word == "accepted").count();
        assert_eq!(office.accepted(), accepted, "{row}: what is told and what was accepted");
    }
}

/// A server that takes longer for everything than we wait at first, as one that asks others about each recipient.
#[test]
fn a_server_that_is_always_slow_gets_more_time_with_each_try() {
    let letter = located();
    let rows: [&'static [Rule]; 4] = [
        &[("BANNER", 0, Tarries("220 office"))],
        &[("MAIL", 0, Tarries("250 ok"))],
        &[("RCPT", 0, Tarries("250 ok"))],
        &[("DATA", 0, Tarries("354 go"))],
    ];
    for rules in rows {
        let slow = rules[0].0;
        let office = Office::offering("250 office", rules);
        let mailer = mailer(office.port, Duration::from_millis(200), Duration::from_secs(4));
        let first = mailer.deliver(&letter, &letter.to[0]);
        assert!(words(&first).contains("no answer within 0.2 s"), "{slow}: {first:?}");
        let is_taken = (0..6).any(|_| mailer.deliver(&letter, &letter.to[0]) == Delivery::Accepted);
        assert!(is_taken, "{slow}: it never gets a mail");
        assert_eq!(office.accepted(), 1, "{slow}: once");
    }
}

/// Whoever hangs up while a server looks into a mail gets it taken again with every try.
#[test]
fn the_word_on_a_mail_is_waited_for_longer_than_any_other_answer() {
    let letter = located();
    let office = Office::open(&[("END", 0, Tarries("250 taken"))]);
    let mailer = mailer(office.port, Duration::from_millis(200), Duration::from_secs(5));
    for number in 1..=2 {
        assert_eq!(mailer.deliver(&letter, &letter.to[0]), Delivery::Accepted);
        assert_eq!(office.accepted(), number);
    }
}

/// Each row: what a server does that offers PIPELINING (or does not, where it says so), the mails that are sent one
/// after the other, what becomes of each, and the connections that this needs.
#[test]
fn commands_in_a_row_are_answered_one_by_one_and_given_up_where_they_come_to_nothing() {
    const UNKNOWN: Does = Says("550 5.1.1 no");
    type Row<'a> = (&'a str, &'static [Rule], &'a [&'a str], usize);
    let rows: &[Row<'_>] = &[
        (
            "answers when it has heard all three, in one piece",
            &[
                ("MAIL", 0, Noise(b"")),
                ("RCPT", 0, Noise(b"")),
                ("DATA", 0, Noise(b"250 ok\r\n250-o\r\n250 k\r\n354 go\r\n")),
            ],
            &["accepted"; 3],
            1,
        ),
        (
            "refuses the sender, and what follows",
            &[("MAIL", 1, Says("451 later")), ("RCPT", 1, Says("503 no")), ("DATA", 1, Says("503 no"))],
            &["later", "accepted"],
            1,
        ),
        (
            "refuses the recipient, and DATA with it",
            &[("RCPT", 1, UNKNOWN), ("DATA", 1, Says("554 5.5.1 no valid recipients"))],
            FIRST_REFUSED,
            1,
        ),
        (
            "waits for a mail to nobody, and refuses that",
            &[("RCPT", 1, UNKNOWN), ("END", 1, Says("554 5.5.1 no valid recipients"))],
            FIRST_REFUSED,
            1,
        ),
        ("takes a mail to nobody", &[UNKNOWN_FIRST], FIRST_REFUSED, 1),
        (
            "waits for a mail to nobody, and hangs",
            &[("RCPT", 1, UNKNOWN), ("END", 1, Hangs)],
            FIRST_REFUSED,
            2,
        ),
        ("takes leave of nobody", &[("RCPT", 1, UNKNOWN), ("END", 1, Leaves("421 bye"))], FIRST_REFUSED, 2),
        ("refuses the recipient, and hangs", &[("RCPT", 1, UNKNOWN), ("DATA", 1, Hangs)], FIRST_REFUSED, 2),
        (
            "refuses the recipient, and is out of step",
            &[("RCPT", 1, UNKNOWN), ("DATA", 1, Says("250 ok"))],
            FIRST_REFUSED,
            2,
        ),
        (
            "hears the first of a row alone",
            &[("MAIL", 0, Forgets("250 ok"))],
            &["lost", "accepted", "accepted"],
            2,
        ),
        ("hangs up on a row", &[("RCPT", 1, Leaves(""))], &["lost", "accepted"], 2),
        (
            "wants one after the other",
            &[("DATA", 1, Says("503 5.5.1 not so fast"))],
            &["later", "accepted"],
            1,
        ),
        (
            "hears the first alone, and does not offer more",
            &[("EHLO", 0, Says("250 office")), ("MAIL", 0, Forgets("250 ok"))],
            &["accepted"; 2],
            1,
        ),
    ];
    let letter = located();
    let check = |(row, rules, expected, connections): &Row<'_>| {
        let office = Office::open(rules);
        let mailer = mailer(office.port, Duration::from_millis(600), Duration::from_secs(4));
        let became: Vec<&str> =
            expected.iter().map(|_| word(&mailer.deliver(&letter, &letter.to[0]))).collect();
        assert_eq!(became, *expected, "{row}");
        let accepted = expected.iter().filter(|word| **word == "accepted").count();
        assert_eq!((office.accepted(), office.connections()), (accepted, *connections), "{row}");
    };
    std::thread::scope(|scope| {
        rows.iter().for_each(|row| drop(scope.spawn(|| check(row))));
    });
}

/// Each row: what the server says in the middle of the mail before it stops reading, and what that means.
#[test]
fn a_mail_that_could_not_be_written_to_its_end_is_never_accepted_nor_its_connection_used_again() {
    type Row<'a> = (&'a str, &'static [Rule], &'a str);
    let rows: &[Row<'_>] = &[
        ("takes half a mail", &[("DATA", 1, Deafens("250 2.0.0 taken"))], "lost"),
        ("wants more, and does not read", &[("DATA", 1, Deafens("354 more"))], "lost"),
        ("is full", &[("DATA", 1, Deafens("452 4.3.1 disk full"))], "later"),
        ("finds it too large", &[("DATA", 1, Deafens("552 5.3.4 too large"))], "refused"),
    ];
    // More than the buffers of both sides hold.
    let large = vec![b'x'; 24 << 20];
    let envelope = || {
        let address = |text: &str| text.parse::<lettre::Address>().expect("an address");
        let to = vec![address("noc@dis.example")];
        lettre::address::Envelope::new(Some(address("allclear@dis.example")), to).expect("an envelope")
    };
    let check = |(row, rules, expected): &Row<'_>| {
        let office = Office::open(rules);
        let mailer = mailer(office.port, Duration::from_millis(600), Duration::from_secs(4));
        let Mailer::Smtp(smtp) = &mailer else { panic!("a server is set") };
        let delivery = smtp.deliver(&large, &envelope(), &mut || {});
        assert_eq!(word(&delivery), *expected, "{row}: {delivery:?}");
        assert_eq!(smtp.deliver(b"small", &envelope(), &mut || {}), Delivery::Accepted, "{row}");
        assert_eq!((office.connections(), office.accepted()), (2, 1), "{row}");
    };
    std::thread::scope(|scope| {
        rows.iter().for_each(|row| drop(scope.spawn(|| check(row))));
    });
}

#[test]
fn a_connection_that_nothing_needs_is_ended_politely() {
    let office = Office::open(&[]);
    let letter = located();
    let mailer = mailer(office.port, Duration::from_secs(2), Duration::from_secs(5));
    assert_eq!(mailer.deliver(&letter, &letter.to[0]), Delivery::Accepted);
    assert_eq!(office.count("QUIT"), 0);
    mailer.rest();
    for _ in 0..100 {
        if office.count("QUIT") == 1 {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("no QUIT came");
}

/// Each row: what else is demanded of a server that knows no EHLO, and what that comes to.
/// A name without a dot is refused by many a server (RFC 5321, 4.1.4).
#[test]
fn we_call_ourselves_by_a_whole_name_or_an_address() {
    let office = Office::open(&[]);
    let letter = located();
    mailer(office.port, Duration::from_secs(2), Duration::from_secs(5)).deliver(&letter, &letter.to[0]);
    let seen = office.seen.lock().expect("nobody panics");
    let greeting = seen.commands.iter().find(|line| line.starts_with("EHLO ")).expect("we greet");
    let name = greeting.rsplit(' ').next().expect("a name");
    assert!(name == "[127.0.0.1]" || name.trim_matches('.').contains('.'), "{greeting}");
}

/// How the address of a coordinator is written, and as whom the server gets to know them.
#[test]
fn an_address_is_what_stands_in_it_whatever_name_is_before_it() {
    for (written, wanted) in [
        ("tech@dis.example", "tech@dis.example"),
        ("Coordinator, Tech <tech@dis.example>", "tech@dis.example"),
        ("Tech; (Unit 7) [LAB] @ school: x <tech@dis.example>", "tech@dis.example"),
        ("\"Coordinator, Tech\" <tech@dis.example>", "tech@dis.example"),
        ("Tëch Coord, Ünit <tech@exämple.example>", "tech@xn--exmple-cua.example"),
    ] {
        let office = Office::open(&[]);
        let letter = Letter { to: vec![written.to_owned()], reply_to: Some(written.to_owned()), ..located() };
        let plain = settings("127.0.0.1", office.port, MailSecurity::Plain);
        let mailer = Mailer::open(&MailSettings { from: written.to_owned(), ..plain }).expect("an address");
        let mailer = mailer.with_patience(Duration::from_secs(2), Duration::from_secs(5));
        let delivery = mailer.deliver(&letter, written);
        assert_eq!(word(&delivery), "accepted", "{written}: {}", words(&delivery));
        assert_eq!(office.count(&format!("RCPT RCPT TO:<{wanted}>")), 1, "{written}");
        let seen = office.seen.lock().expect("nobody panics");
        let to = seen.accepted[0].lines().find(|line| line.starts_with("Reply-To: ")).expect("a header");
        assert!(
            to.is_ascii() && to.ends_with(&format!("<{wanted}>")) || to == format!("Reply-To: {wanted}"),
            "{to}"
        );
    }
}

/// One of two recipients has an address outside ASCII: what that means for each, by what the server can do.
#[test]
fn an_address_outside_ascii_keeps_no_other_one_from_its_mail() {
    let (ascii, wide) = ("tech@dis.example", "t\u{eb}ch@dis.example");
    for (row, offer, to, expected, is_7_bit) in [
        ("the other, plain server", "250 office", ascii, "accepted", true),
        ("the other, 8 bits", "250-office\r\n250 8BITMIME", ascii, "accepted", true),
        ("that one, 8 bits", "250-office\r\n250 8BITMIME", wide, "refused", true),
        ("that one, all it takes", "250-office\r\n250-8BITMIME\r\n250 SMTPUTF8", wide, "accepted", false),
    ] {
        let office = Office::offering(offer, &[]);
        let to_all = vec![ascii.to_owned(), wide.to_owned()];
        let letter = Letter { to: to_all, reply_to: Some(wide.to_owned()), ..located() };
        let mailer = mailer(office.port, Duration::from_secs(2), Duration::from_secs(5));
        let delivery = mailer.deliver(&letter, to);
        assert_eq!(word(&delivery), expected, "{row}: {}", words(&delivery));
        let seen = office.seen.lock().expect("nobody panics");
        let mails = seen.accepted.iter();
        assert_eq!(mails.clone().all(|mail| mail.is_ascii()), is_7_bit, "{row}: {:?}", seen.accepted);
        assert!(mails.clone().all(|mail| mail.contains("\r\nTo: ")), "{row}: {:?}", seen.accepted);
    }
}

#[test]
fn a_server_that_knows_no_ehlo_is_not_good_enough_for_a_login_or_tls() {
    const RULES: &[Rule] = &[("EHLO", 0, Says("502 5.5.1 what?"))];
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "hunter2\n").expect("a file");
    let login = (Some("allclear".to_owned()), Some(secret.path().to_path_buf()));
    for (row, security, (username, password_file), expected, piece) in [
        ("nothing", MailSecurity::Plain, (None, None), "accepted", ""),
        (
            "a login",
            MailSecurity::Plain,
            login,
            "no server",
            "no EHLO (502 5.5.1 what?), and without it there is no login",
        ),
        ("TLS", MailSecurity::StartTls, (None, None), "no server", "without it there is no STARTTLS"),
    ] {
        let office = Office::open(RULES);
        let plain = settings("localhost", office.port, security);
        let mailer = Mailer::open(&MailSettings { username, password_file, ..plain }).expect("settings");
        let letter = located();
        let delivery = mailer.deliver(&letter, &letter.to[0]);
        assert_eq!(word(&delivery), expected, "{row}: {delivery:?}");
        assert!(words(&delivery).contains(piece), "{row}: {delivery:?}");
        let is_taken = usize::from(expected == "accepted");
        assert_eq!((office.accepted(), office.count("HELO ")), (is_taken, is_taken), "{row}");
    }
}
