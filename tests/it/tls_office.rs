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
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
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
}

struct Office {
    port: u16,
    accepted: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

impl Office {
    fn open(config: Arc<ServerConfig>, slip: Slip) -> Office {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (accepted, connections) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let office = Office { port, accepted: Arc::clone(&accepted), connections: Arc::clone(&connections) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (config, accepted) = (Arc::clone(&config), Arc::clone(&accepted));
                // A client that leaves ends it.
                std::thread::spawn(move || drop(in_the_clear(stream, config, slip, &accepted)));
            }
        });
        office
    }
}

fn in_the_clear(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
    slip: Slip,
    accepted: &AtomicUsize,
) -> io::Result<()> {
    stream.write_all(b"220 office\r\n")?;
    line(&mut stream)?;
    stream.write_all(b"250-office\r\n250 STARTTLS\r\n")?;
    line(&mut stream)?;
    let injected = if slip == Slip::WithTheYes { "250-office\r\n250 AUTH PLAIN\r\n" } else { "" };
    stream.write_all(format!("220 go\r\n{injected}").as_bytes())?;
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

/// What a server with the certificate `good` shows, and what somebody needs who trusts it alone.
fn configs(place: &Path) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let pem = |name: &str| CertificateDer::from_pem_file(place.join(name)).expect("a certificate");
    let key = PrivateKeyDer::from_pem_file(place.join("good.key")).expect("a key");
    let provider = Arc::new(ring::default_provider());
    // The server has the last word in the handshake of TLS 1.2 alone, and there in a whole one.
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .expect("a version")
        .with_no_client_auth()
        .with_single_cert(vec![pem("good.pem")], key)
        .expect("a certificate with its key");
    let mut roots = RootCertStore::empty();
    roots.add(pem("ca.pem")).expect("an authority");
    let client = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut client = client.expect("versions").with_root_certificates(roots).with_no_client_auth();
    client.resumption = Resumption::disabled();
    (Arc::new(server), Arc::new(client))
}

fn mailer(port: u16, tls: Arc<ClientConfig>) -> Mailer {
    let opened = Mailer::open(&settings("localhost", port, MailSecurity::StartTls)).expect("settings");
    let patient = opened.with_patience(Duration::from_millis(600), Duration::from_secs(3));
    let Mailer::Smtp(smtp) = patient else { panic!("a server is set") };
    Mailer::Smtp(Box::new(Smtp { tls: Some(tls), ..*smtp }))
}

/// Each row: what the server does, what becomes of three mails, each with a piece of the words about it, and
/// the connections that this takes.
#[test]
fn what_was_not_asked_for_is_no_answer_before_tls_and_within_it() {
    let Some(place) = certificates() else { return };
    let (server, client) = configs(place.path());
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
        let mailer = mailer(office.port, Arc::clone(&client));
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
