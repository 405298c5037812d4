//! A mail server that speaks when nobody has asked it, before TLS, while TLS is agreed upon, and within it:
//! none of that may be taken for an answer.

use crate::certificates::certificates;
use crate::letters::letter;
use crate::post_office::settings;
use crate::sample::sample;
use allclear::edge::mailer::smtp::Smtp;
use allclear::edge::mailer::{Delivery, Mailer};
use allclear::pure::playbook::MailEvent;
use allclear::pure::site::MailSecurity;
use rustls::client::Resumption;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the server does besides.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Slip {
    Nothing,
    /// Says more than that TLS may begin, in the clear.
    WithTheYes,
    /// Goes on in the clear when TLS has begun.
    InsteadOfTls,
    /// Says something together with the last words of the handshake.
    WithTheHandshake,
    /// Says these within TLS after the first mail.
    AfterTheMail(&'static str),
    /// Ends TLS after the first mail.
    Leaves,
    /// Knows EHLO no more once TLS is spoken.
    Forgets,
    /// Speaks TLS and nothing else.
    FromTheFirstByte,
}

struct Office {
    port: u16,
    accepted: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
    /// What was said to it before TLS.
    heard: Arc<Mutex<Vec<String>>>,
}

impl Office {
    fn open(config: Arc<ServerConfig>, slip: Slip) -> Office {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (accepted, connections) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (taken, met, told) = (Arc::clone(&accepted), Arc::clone(&connections), Arc::clone(&heard));
        let office = Office { port, accepted: taken, connections: met, heard: told };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (config, accepted) = (Arc::clone(&config), Arc::clone(&accepted));
                let heard = Arc::clone(&heard);
                // A client that leaves ends it.
                std::thread::spawn(move || drop(in_the_clear(stream, config, slip, (&accepted, &heard))));
            }
        });
        office
    }
}

fn in_the_clear(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
    slip: Slip,
    (accepted, heard): (&AtomicUsize, &Mutex<Vec<String>>),
) -> io::Result<()> {
    let hear = |said: String| heard.lock().expect("nobody panics").push(said);
    if slip != Slip::FromTheFirstByte {
        stream.write_all(b"220 office\r\n")?;
        hear(line(&mut stream)?);
        stream.write_all(b"250-office\r\n250 STARTTLS\r\n")?;
        hear(line(&mut stream)?);
    }
    let injected = if slip == Slip::WithTheYes { "250-office\r\n250 AUTH PLAIN\r\n" } else { "" };
    if slip != Slip::FromTheFirstByte {
        stream.write_all(format!("220 go\r\n{injected}").as_bytes())?;
    }
    if slip == Slip::InsteadOfTls {
        stream.read_exact(&mut [0; 5])?;
        stream.write_all(b"250-office\r\n250 AUTH PLAIN\r\n")?;
        return line(&mut stream).map(drop);
    }
    let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
    if slip == Slip::WithTheHandshake {
        // It waits for the handshake, and goes out with its end.
        tls.writer().write_all(b"250 office\r\n")?;
    }
    let mut tls = StreamOwned::new(tls, stream);
    if slip == Slip::FromTheFirstByte {
        tls.write_all(b"220 office\r\n")?;
    }
    while let Ok(command) = line(&mut tls) {
        let word = command.split_whitespace().next().unwrap_or_default().to_owned();
        tls.write_all(match word.as_str() {
            "EHLO" if slip == Slip::Forgets => b"502 what?\r\n",
            "DATA" => b"354 go on\r\n",
            _ => b"250 ok\r\n",
        })?;
        if word == "DATA" {
            while line(&mut tls)? != ".\r\n" {}
            accepted.fetch_add(1, Ordering::SeqCst);
            tls.write_all(b"250 taken\r\n")?;
            after_the_mail(&mut tls, slip)?;
        }
    }
    Ok(())
}

fn after_the_mail(tls: &mut StreamOwned<ServerConnection, TcpStream>, slip: Slip) -> io::Result<()> {
    // Late enough not to be read with the answer, and soon enough for the next mail.
    std::thread::sleep(Duration::from_millis(50));
    match slip {
        Slip::AfterTheMail(words) => tls.write_all(words.as_bytes()),
        Slip::Leaves => {
            tls.conn.send_close_notify();
            tls.flush()
        }
        _ => Ok(()),
    }
}

fn line(stream: &mut impl Read) -> io::Result<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

/// What a server with this certificate shows, and what somebody needs who trusts its authority alone.
fn configs(place: &Path, name: &str) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let pem = |name: &str| CertificateDer::from_pem_file(place.join(name)).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(place.join(format!("{name}.key"))).expect("a key");
    let provider = Arc::new(ring::default_provider());
    // The server has the last word in the handshake of TLS 1.2 alone, and there in a whole one.
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .expect("a version")
        .with_no_client_auth()
        .with_single_cert(vec![pem(&format!("{name}.pem"))], key)
        .expect("a certificate with its key");
    let mut roots = RootCertStore::empty();
    roots.add(pem("ca.pem")).expect("an authority");
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut client = client.expect("versions").with_root_certificates(roots).with_no_client_auth();
    client.resumption = Resumption::disabled();
    (Arc::new(server), Arc::new(client))
}

fn mailer(port: u16, security: MailSecurity, tls: Arc<ClientConfig>) -> Mailer {
    let opened = Mailer::open(&settings("localhost", port, security)).expect("settings");
    let patient = opened.with_patience(Duration::from_millis(600), Duration::from_secs(3));
    let Mailer::Smtp(smtp) = patient else { panic!("a server is set") };
    Mailer::Smtp(Box::new(Smtp { tls: Some(tls), ..*smtp }))
}

/// Each row: what the server does, what becomes of three mails, each with a piece of the words about it, and
/// the connections that this takes.
#[test]
fn what_was_not_asked_for_is_no_answer_before_tls_and_within_it() {
    let Some(place) = certificates() else { return };
    let (server, client) = configs(place.path(), "good");
    type Row<'a> = (&'a str, Slip, [(bool, &'a str); 3], usize);
    let (yes, clear) = ((true, ""), (false, "in the clear where TLS was to begin"));
    let early = (false, "it answered unasked: 250");
    let rows: &[Row<'_>] = &[
        ("nothing", Slip::Nothing, [yes; 3], 1),
        ("an answer slipped in before TLS", Slip::WithTheYes, [clear; 3], 3),
        ("no TLS after the yes", Slip::InsteadOfTls, [clear; 3], 3),
        ("an answer with the handshake", Slip::WithTheHandshake, [early; 3], 3),
        ("an answer between two mails", Slip::AfterTheMail("250 2.0.0 ok\r\n"), [yes, early, yes], 2),
        ("half an answer between two mails", Slip::AfterTheMail("250-2.0.0 "), [yes, (false, ""), yes], 2),
        ("a goodbye between two mails", Slip::AfterTheMail("421 too idle\r\n"), [yes; 3], 3),
        ("the end of TLS between two mails", Slip::Leaves, [yes; 3], 3),
        ("no EHLO within TLS", Slip::Forgets, [(false, "without it there is no STARTTLS"); 3], 3),
    ];
    let letter = letter(&sample(MailEvent::Located));
    let check = |(row, slip, expected, connections): &Row<'_>| {
        let office = Office::open(Arc::clone(&server), *slip);
        let mailer = mailer(office.port, MailSecurity::StartTls, Arc::clone(&client));
        for (number, (is_accepted, piece)) in expected.iter().enumerate() {
            let delivery = mailer.deliver(&letter, &letter.to[0]);
            assert_eq!(delivery == Delivery::Accepted, *is_accepted, "{row}, {number}: {delivery:?}");
            let told = format!("{delivery:?}");
            assert!(told.contains(piece), "{row}, {number}: {told}");
            std::thread::sleep(Duration::from_millis(200));
        }
        let taken = expected.iter().filter(|(is_accepted, _)| *is_accepted).count();
        let seen = (office.accepted.load(Ordering::SeqCst), office.connections.load(Ordering::SeqCst));
        assert_eq!(seen, (taken, *connections), "{row}");
    };
    std::thread::scope(|scope| {
        rows.iter().for_each(|row| drop(scope.spawn(|| check(row))));
    });
}

/// The mail is kept: it is no fault of it.
#[test]
fn a_server_whose_certificate_has_expired_hears_nothing_of_a_mail() {
    let Some(place) = certificates() else { return };
    let letter = letter(&sample(MailEvent::Located));
    for (security, slip, clear) in [
        (MailSecurity::StartTls, Slip::Nothing, &["EHLO", "STARTTLS"][..]),
        (MailSecurity::Tls, Slip::FromTheFirstByte, &[]),
    ] {
        for (certificate, is_good) in [("good", true), ("old", false)] {
            let (server, client) = configs(place.path(), certificate);
            let office = Office::open(server, slip);
            let mailer = mailer(office.port, security, client);
            let delivery = mailer.deliver(&letter, &letter.to[0]);
            let row = format!("{security:?} {certificate}: {delivery:?}");
            match &delivery {
                Delivery::NoServer(why) => assert!(!is_good && why.contains("renewed"), "{row}"),
                other => assert!(is_good && *other == Delivery::Accepted, "{row}"),
            }
            let heard = office.heard.lock().expect("nobody panics").clone();
            let words: Vec<&str> = heard.iter().filter_map(|line| line.split_whitespace().next()).collect();
            assert_eq!(words, clear, "{row}");
            assert_eq!(office.accepted.load(Ordering::SeqCst), usize::from(is_good), "{row}");
        }
    }
}
