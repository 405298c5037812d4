//! How fast does a queue of mail leave, beside a plain client that sends the same mails to the same server?
//!
//! `cargo bench --bench post [-- MAILS]`: so many tickets are opened while no server is there; then `serve`
//! finds one and hands over what waits. The server is a thread of this process. It fails when a mail is
//! missing, came twice, or needed a second connection.

mod common;

use allclear::edge::capture::lint::lint;
use allclear::edge::files;
use allclear::edge::store::{Durability, Store};
use allclear::engine::{Engine, Opening};
use allclear::pure::intake::Report;
use common::figures::{Figures, Goal};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

const MAILS: usize = 1_000;
const ROUNDS: usize = 3;
/// As many mails as one recipient may get within an hour.
const TICKETS_OF_SITE: usize = 20;
/// A server that is slower than any machine this runs on.
const PATIENCE: Duration = Duration::from_secs(120);

/// A mail as the server got it.
struct Got {
    connection: usize,
    /// When its sender was named, and when it was accepted.
    begun: Instant,
    accepted: Instant,
    to: String,
    message: Vec<u8>,
}

fn main() -> ExitCode {
    let mails = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(MAILS);
    let mut figures = Figures::new();
    for (name, work) in
        [("a server that only reads", Duration::ZERO), ("a server that takes 1 ms", Duration::from_millis(1))]
    {
        let rounds: Vec<(Duration, Duration)> = (0..ROUNDS).map(|_| round(mails, work)).collect();
        let best =
            |which: fn(&(Duration, Duration)) -> Duration| rounds.iter().map(which).min().unwrap_or_default();
        let (ours, plain) = (best(|round| round.0), best(|round| round.1));
        let rate = |took: Duration| {
            format!("{:.0} mails/s, {:.2} s", mails as f64 / took.as_secs_f64(), took.as_secs_f64())
        };
        let ratio = plain.as_secs_f64() / ours.as_secs_f64();
        figures.hold(
            &format!("{mails} mails, {name}"),
            &rate(ours),
            &format!("plain {}", rate(plain)),
            ratio,
            Goal::AtLeast(0.8),
        );
    }
    figures.print();
    ExitCode::SUCCESS
}

/// How long the mails take: ours from a waiting queue, and the same bytes by a plain client.
fn round(mails: usize, work: Duration) -> (Duration, Duration) {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("post");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, got) = mpsc::channel();
    std::thread::spawn(move || sink(&listener, work, &sender));
    queue(&directory, port, mails);
    let serve = Serve::start(&directory);
    let ours = take(&got, mails);
    drop(serve);
    let connections: BTreeSet<usize> = ours.iter().map(|got| got.connection).collect();
    assert_eq!(connections.len(), 1, "all over one connection");
    let different: BTreeSet<&[u8]> = ours.iter().map(|got| &got.message[..]).collect();
    assert_eq!(different.len(), mails, "each mail once");
    send_plainly(port, &ours);
    let plain = take(&got, mails);
    (span(&ours), span(&plain))
}

fn span(mails: &[Got]) -> Duration {
    mails[mails.len() - 1].accepted.duration_since(mails[0].begun)
}

fn take(got: &Receiver<Got>, mails: usize) -> Vec<Got> {
    (0..mails).map(|_| got.recv_timeout(PATIENCE).expect("the next mail comes")).collect()
}

/// Opens a ticket for each mail; the mail about it waits.
fn queue(directory: &Path, port: u16, mails: usize) {
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory.join("playbooks")).expect("a directory");
    let sites: String = (0..mails.div_ceil(TICKETS_OF_SITE)).map(site).collect();
    let site_file = format!(
        "state: state\nsources: {{lan: {{command: [sleep, '600']}}}}\n\
         mail: {{from: allclear@dis.example, smtp: 'smtp://127.0.0.1:{port}'}}\nsites:\n{sites}"
    );
    fs::write(directory.join("allclear.yaml"), site_file).expect("a site file");
    let stage = "{cron: '0 0 1 1 *', capture: {for: 1h}, match: [reported]}";
    let playbook = format!(
        "playbook: conficker\ntitle: Conficker calling its sinkholes\nmalware: [conficker]\nlocate: {stage}\n\
         verify: {stage}\nclean: {{passes: 2, span: 1d, contact_interval: 2h}}\n\
         notify: [{{events: [opened], to: [coordinator]}}]\n"
    );
    fs::write(directory.join("playbooks/conficker.yaml"), playbook).expect("a playbook");
    let (library, _) =
        files::load(&directory.join("allclear.yaml"), &lint).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let store = Store::open(&directory.join("state"), Durability::Fleeting).expect("a log");
    let mut engine = Engine::open(store, library).expect("an engine");
    for number in 0..mails {
        let now = Timestamp::now();
        let public = public(number / TICKETS_OF_SITE, 1 + number % TICKETS_OF_SITE);
        let opening = Opening {
            reference: Some(format!("MARS-{number}")),
            site: format!("school-{}", number / TICKETS_OF_SITE),
            playbook: "conficker".to_owned(),
            public: IpAddr::V4(public),
            reports: vec![Report {
                malware: Some("conficker".to_owned()),
                seen: now,
                clock_error_s: 1,
                public: Some(IpAddr::V4(public)),
                remote: Some(IpAddr::V4(Ipv4Addr::new(216, 66, 15, 109))),
                port: Some(80),
                source_port: Some(1701),
                protocol: None,
                origin: "cbl-text".to_owned(),
            }],
        };
        engine.open_ticket(now, "bench", opening).expect("a ticket");
    }
}

/// A school with a coordinator of its own: nobody gets more mails than an hour may have.
fn site(number: usize) -> String {
    format!(
        "  school-{number}:\n    title: Springfield School {number}\n    public: [{}/24]\n    inside: [10.0.0.0/8]\n    \
         timezone: America/Chicago\n    source: lan\n    coordinator: Tech {number} <tech@school-{number}.example>\n",
        public(number, 0)
    )
}

fn public(site: usize, host: usize) -> Ipv4Addr {
    Ipv4Addr::new(198, 18 + (site / 256) as u8, (site % 256) as u8, host as u8)
}

/// A running `serve`.
struct Serve(Child);

impl Serve {
    fn start(directory: &Path) -> Serve {
        let mut command = Command::new(env!("CARGO_BIN_EXE_allclear"));
        command.arg("serve").current_dir(directory).stdout(Stdio::null()).stderr(Stdio::null());
        Serve(command.spawn().expect("the program runs"))
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a program does that has nothing else to do: each command, each answer, and the mail in one piece.
fn send_plainly(port: u16, mails: &[Got]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_nodelay(true).expect("an option");
    let mut lines = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut ask = |bytes: &[u8], wanted: &str| {
        stream.write_all(bytes).expect("it is read");
        let mut answer = String::new();
        lines.read_line(&mut answer).expect("an answer");
        assert!(answer.starts_with(wanted), "{answer}");
    };
    ask(b"", "220");
    ask(b"EHLO bench\r\n", "250");
    for mail in mails {
        ask(b"MAIL FROM:<allclear@dis.example>\r\n", "250");
        ask(format!("RCPT TO:<{}>\r\n", mail.to).as_bytes(), "250");
        ask(b"DATA\r\n", "354");
        // The server gave the mail without the dots that were doubled; lines of ours begin with none.
        ask(&[&mail.message[..], b".\r\n"].concat(), "250");
    }
}

/// A mail server that takes everything; each mail costs it `work`, as writing it to disk would.
fn sink(listener: &TcpListener, work: Duration, got: &Sender<Got>) {
    for (connection, stream) in listener.incoming().flatten().enumerate() {
        let got = got.clone();
        std::thread::spawn(move || serve(stream, connection, work, &got));
    }
}

fn serve(mut stream: TcpStream, connection: usize, work: Duration, got: &Sender<Got>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream.try_clone()?);
    let (mut begun, mut to) = (Instant::now(), String::new());
    stream.write_all(b"220 sink\r\n")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let answer: &[u8] = match line.get(..4).unwrap_or_default() {
            "MAIL" => {
                begun = Instant::now();
                b"250 ok\r\n"
            }
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                b"250 ok\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go\r\n")?;
                let message = message(&mut lines)?;
                std::thread::sleep(work);
                let accepted = Instant::now();
                let _ = got.send(Got { connection, begun, accepted, to: to.clone(), message });
                b"250 taken\r\n"
            }
            _ => b"250 ok\r\n",
        };
        stream.write_all(answer)?;
    }
}

/// Everything to the dot, doubled dots made single again.
fn message(lines: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut message = Vec::new();
    loop {
        let mut line = Vec::new();
        lines.read_until(b'\n', &mut line)?;
        if line == b".\r\n" || line.is_empty() {
            return Ok(message);
        }
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
