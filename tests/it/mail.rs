//! Letters on their way to a real mail server (the Debian package python3-aiosmtpd), and to servers
//! that misbehave.

use crate::letters::letter;
use crate::post_office::settings;
use crate::sample::sample;
use crate::skip::skipped;
use allclear::edge::mailer::{Delivery, Mailer, MailerError};
use allclear::pure::playbook::MailEvent;
use allclear::pure::site::{MailSecurity, MailSettings};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// What the server makes of a mail. It prints its port, then each mail that it took as JSON.
const SERVER: &str = r#"
import json, socket, ssl, sys
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith('busy'): return '450 4.2.1 try again later'
        if address.startswith('gone'): return '550 5.1.1 no such user'
        envelope.rcpt_tos.append(address)
        return '250 OK'
    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({'from': envelope.mail_from, 'to': envelope.rcpt_tos, 'data': envelope.content.decode()}), flush=True)
        return '250 taken'
class Any(Controller):
    def _trigger_server(self):
        # The port is known only now; the parent class would try port 0.
        socket.create_connection(self.server.sockets[0].getsockname()).close()
def login(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (b'allclear', b'hunter2'), handled=False)
tls = None
if len(sys.argv) > 1:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(sys.argv[1] + '/cert.pem', sys.argv[1] + '/key.pem')
controller = Any(Handler(), hostname='127.0.0.1', port=0, server_hostname='mx.x.example',
                 authenticator=login, auth_require_tls=False, tls_context=tls)
controller.start()
print(controller.server.sockets[0].getsockname()[1], flush=True)
sys.stdin.read()
"#;

/// A running mail server; it ends with its standard input.
struct Server {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    port: u16,
}

impl Server {
    /// `None`, with a message, when Debian's Python has no aiosmtpd.
    fn start() -> Option<Server> {
        Server::start_with(&[])
    }

    /// The same, with arguments: a directory with `cert.pem` and `key.pem` makes it offer STARTTLS.
    fn start_with(arguments: &[&str]) -> Option<Server> {
        let python = "/usr/bin/python3";
        let found = Command::new(python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            skipped("the package python3-aiosmtpd is not installed");
            return None;
        }
        let mut command = Command::new(python);
        command
            .args(["-W", "ignore", "-c", SERVER])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("python has just run");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut port = String::new();
        lines.read_line(&mut port).expect("a readable pipe");
        let port = port.trim().parse().expect("the server starts and prints its port");
        Some(Server { child, lines, port })
    }

    /// The next mail that it took.
    fn next(&mut self) -> serde_json::Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("a readable pipe");
        serde_json::from_str(&line).expect("a mail as JSON")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

fn mailer(port: u16) -> Mailer {
    let mailer = Mailer::open(&settings("127.0.0.1", port, MailSecurity::Plain)).expect("plain settings");
    mailer.with_patience(Duration::from_millis(300), Duration::from_secs(5))
}

#[test]
fn a_letter_arrives_as_it_was_written_and_a_repeat_is_the_same() {
    let Some(mut server) = Server::start() else { return };
    let letter = letter(&sample(MailEvent::Located));
    let mailer = mailer(server.port);
    for attempt in ["first", "repeat"] {
        assert_eq!(mailer.deliver(&letter, &letter.to[0]), Delivery::Accepted, "{attempt}");
    }
    let (first, repeat) = (server.next(), server.next());
    assert_eq!(first, repeat);
    assert_eq!(first["to"], serde_json::json!(["tech@springfield.example"]));
    assert_eq!(first["from"], "allclear@dis.example");
    let data = first["data"].as_str().expect("text").replace("\r\n", "\n");
    assert!(
        data.contains("Subject: [allclear #7] 10.16.24.93 (LAB-7) still calls a Conficker sinkhole\n"),
        "{data}"
    );
    assert!(
        data.contains("multipart/alternative") && data.contains("TO DO by Wed 2015-05-06 03:30 CDT:"),
        "{data}"
    );
}

#[test]
fn a_server_says_yes_later_or_never_to_each_recipient_alone() {
    let Some(mut server) = Server::start() else { return };
    let mut letter = letter(&sample(MailEvent::Located));
    letter.to = ["busy@x.example", "gone@x.example", "here@x.example"].map(String::from).to_vec();
    let mailer = mailer(server.port);
    let answers: Vec<Delivery> =
        letter.to.iter().map(|recipient| mailer.deliver(&letter, recipient)).collect();
    assert!(matches!(&answers[0], Delivery::TryLater(why) if why.contains("try again later")), "{answers:?}");
    assert!(matches!(&answers[1], Delivery::Refused(why) if why.contains("no such user")), "{answers:?}");
    assert_eq!(answers[2], Delivery::Accepted);
    assert_eq!(server.next()["to"], serde_json::json!(["here@x.example"]), "nobody else got it");
}

/// A server that gives these answers, one to each line it gets, and then stays silent (or, with
/// `Drip`, sends a letter now and then) until the client leaves.
fn misbehaving(answers: &'static [&'static str], end: End) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut lines = BufReader::new(stream.try_clone().expect("a second handle"));
        for answer in answers {
            stream.write_all(format!("{answer}\r\n").as_bytes()).expect("an open connection");
            let mut line = String::new();
            lines.read_line(&mut line).expect("an open connection");
        }
        match end {
            End::Silence => drop(lines.read_to_end(&mut Vec::new())),
            End::Close => {}
            // Three times as long as the client may wait.
            End::Drip => drop((0..60).take_while(|_| drip(&mut stream)).count()),
        }
    });
    port
}

enum End {
    Silence,
    Close,
    Drip,
}

/// Sends one letter after a while; false once the client has left.
fn drip(stream: &mut TcpStream) -> bool {
    let pause = Some(Duration::from_millis(50));
    stream.set_read_timeout(pause).expect("a valid pause");
    let is_gone = matches!(stream.read(&mut [0; 512]), Ok(0));
    !is_gone && stream.write_all(b"2").is_ok()
}

#[test]
fn a_server_that_misbehaves_is_tried_later_and_never_blocks() {
    let letter = letter(&sample(MailEvent::Located));
    let to_data: &[&str] = &["220 x", "250 x", "250 ok", "250 ok", "354 go"];
    let short = (Duration::from_millis(300), Duration::from_secs(1));
    let long = (Duration::from_secs(4), Duration::from_secs(10));
    let strangers: &[&str] = &["220 x", "250 x", "451 greylisted"];
    for (case, port, (answer_max, delivery_max), wanted) in [
        ("silent from the start", misbehaving(&[], End::Silence), short, "127.0.0.1"),
        ("silent after DATA", misbehaving(to_data, End::Silence), short, ""),
        ("hangs up after DATA", misbehaving(to_data, End::Close), long, ""),
        ("a letter at a time", misbehaving(&["220 x"], End::Drip), short, "longer than 1 s"),
        ("no SMTP service", misbehaving(&["554 no service here"], End::Close), long, "no service here"),
        ("no mail from strangers yet", misbehaving(strangers, End::Silence), long, "greylisted"),
        ("closed port", closed_port(), long, "127.0.0.1"),
    ] {
        let patient = mailer(port).with_patience(answer_max, delivery_max);
        match patient.deliver(&letter, &letter.to[0]) {
            Delivery::TryLater(why) | Delivery::Lost(why) | Delivery::NoServer(why) => {
                assert!(why.contains(wanted), "{case}: {why}")
            }
            other => panic!("{case}: {other:?}"),
        }
    }
}

fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn starttls_is_required_and_a_password_is_never_sent_in_the_clear() {
    let letter = letter(&sample(MailEvent::Located));
    let port = misbehaving(&["220 x", "250 x"], End::Silence);
    let starttls = Mailer::open(&settings("127.0.0.1", port, MailSecurity::StartTls)).expect("settings");
    let patient = starttls.with_patience(Duration::from_millis(300), Duration::from_secs(5));
    let answer = patient.deliver(&letter, &letter.to[0]);
    assert!(matches!(&answer, Delivery::NoServer(why) if why.contains("no STARTTLS")), "{answer:?}");
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "hunter2\n").expect("a file");
    for (host, security, is_allowed) in [
        ("mail.dis.example", MailSecurity::Plain, false),
        ("10.0.0.25", MailSecurity::Plain, false),
        ("127.0.0.1.evil.example", MailSecurity::Plain, false),
        ("127.0.0.1", MailSecurity::Plain, true),
        ("localhost", MailSecurity::Plain, true),
        ("::1", MailSecurity::Plain, true),
        ("mail.dis.example", MailSecurity::StartTls, true),
        ("mail.dis.example", MailSecurity::Tls, true),
    ] {
        let mut settings = settings(host, 25, security);
        settings.username = Some("allclear".to_string());
        settings.password_file = Some(secret.path().to_path_buf());
        let opened = Mailer::open(&settings);
        assert_eq!(opened.is_ok(), is_allowed, "{host} {security:?}");
        assert!(is_allowed || matches!(opened, Err(MailerError::PlainLogin { .. })), "{host}");
    }
}

#[test]
fn an_address_that_is_none_is_refused_for_good() {
    let letter = letter(&sample(MailEvent::Located));
    for wrong in ["tech", "tech@x.example\r\nRCPT TO:<all@x.example>", ""] {
        let answer = mailer(closed_port()).deliver(&letter, wrong);
        assert!(
            matches!(&answer, Delivery::Unfit(why) if why.contains("no mail address")),
            "{wrong:?}: {answer:?}"
        );
    }
}

#[test]
fn a_missing_password_is_told_with_its_file() {
    let mut settings = settings("127.0.0.1", 25, MailSecurity::Plain);
    settings.username = Some("allclear".to_string());
    let told = |settings: &MailSettings| {
        Mailer::open(settings).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(told(&settings).contains("password_file"), "{}", told(&settings));
    settings.password_file = Some("/nowhere/smtp".into());
    assert!(told(&settings).contains("/nowhere/smtp"), "{}", told(&settings));
}

#[test]
fn a_login_works_and_a_wrong_password_loses_no_mail() {
    let Some(mut server) = Server::start() else { return };
    let letter = letter(&sample(MailEvent::Located));
    let secret = tempfile::NamedTempFile::new().expect("a file");
    let mut settings = settings("127.0.0.1", server.port, MailSecurity::Plain);
    settings.username = Some("allclear".to_string());
    settings.password_file = Some(secret.path().to_path_buf());
    for (password, is_right) in [("hunter2\n", true), ("hunter3\n", false)] {
        std::fs::write(secret.path(), password).expect("a file");
        let answer = Mailer::open(&settings).expect("settings").deliver(&letter, &letter.to[0]);
        match answer {
            Delivery::Accepted => assert!(is_right),
            Delivery::NoServer(why) => {
                assert!(!is_right && why.contains("535") && !why.contains("hunter3"), "{why}")
            }
            other => panic!("{password}: {other:?}"),
        }
    }
    assert_eq!(server.next()["to"], serde_json::json!(["tech@springfield.example"]));
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    let place = tempfile::tempdir().expect("a directory");
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-keyout", "key.pem", "-out", "cert.pem"])
        .current_dir(place.path())
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        skipped("the program openssl is not installed");
        return;
    }
    let directory = place.path().to_str().expect("a plain path");
    let Some(server) = Server::start_with(&[directory]) else { return };
    let letter = letter(&sample(MailEvent::Located));
    let starttls =
        Mailer::open(&settings("localhost", server.port, MailSecurity::StartTls)).expect("settings");
    let answer = starttls.deliver(&letter, &letter.to[0]);
    assert!(matches!(&answer, Delivery::NoServer(why) if why.to_lowercase().contains("cert")), "{answer:?}");
}
