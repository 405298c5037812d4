//! How fast does a queue of mail leave, beside a plain client that sends the same mails to the same server?
//!
//! `cargo bench --bench post [-- MAILS]`: so many tickets are opened, or live to be clean, while no server is
//! there; then `serve` finds one and hands over what waits. The server is a thread of this process. It fails
//! when a mail is missing, came twice, or needed a second connection.

mod common;

use allclear::edge::capture::lint::lint;
use allclear::edge::files;
use allclear::edge::store::{Durability, Store};
use allclear::engine::{Engine, Opening};
use allclear::pure::intake::Report;
use allclear::pure::interval::{Interval, Intervals};
use allclear::pure::ticket::{ALLCLEAR, Absence, Act, Effect, Input, TicketId};
use common::figures::{Figures, Goal};
use common::night::facts;
use jiff::{SignedDuration, Timestamp};
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
/// Nights in which a machine may be off, after that in which it is found, and nights of silence that are wanted.
const ODD_NIGHTS: i32 = 8;
const PASSES: i32 = 3;
const NIGHTS: i32 = ODD_NIGHTS + PASSES;
const HOUR: SignedDuration = SignedDuration::from_hours(1);
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

/// What is measured.
struct Case {
    name: &'static str,
    mail: Kind,
    server: Sink,
}

/// Which mails wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// That a ticket was opened: a page of text.
    Opened,
    /// That one is clean: with two pictures of its machine.
    Clean,
}

/// What the server does: how long a mail takes it, as writing it to disk would, and whether it takes commands in
/// a row.
#[derive(Clone, Copy)]
struct Sink {
    work: Duration,
    is_pipelining: bool,
}

const READS: Sink = Sink { work: Duration::ZERO, is_pipelining: false };
const TAKES_A_MS: Sink = Sink { work: Duration::from_millis(1), is_pipelining: false };
const TAKES_ROWS: Sink = Sink { is_pipelining: true, ..TAKES_A_MS };

const CASES: [Case; 5] = [
    Case { name: "a server that only reads", mail: Kind::Opened, server: READS },
    Case { name: "a server that takes 1 ms", mail: Kind::Opened, server: TAKES_A_MS },
    Case { name: "the same, with PIPELINING", mail: Kind::Opened, server: TAKES_ROWS },
    Case { name: "pictures, a server that only reads", mail: Kind::Clean, server: READS },
    Case { name: "pictures, a server that takes 1 ms", mail: Kind::Clean, server: TAKES_A_MS },
];

fn main() -> ExitCode {
    let mails = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(MAILS);
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("post");
    let _ = fs::remove_dir_all(&directory);
    for kind in [Kind::Opened, Kind::Clean] {
        queue(&directory.join(format!("{kind:?}")), mails, kind);
    }
    let mut figures = Figures::new();
    for Case { name, mail, server } in CASES {
        let made = directory.join(format!("{mail:?}"));
        let rounds: Vec<(Duration, Duration)> = (0..ROUNDS).map(|_| round(&made, mails, server)).collect();
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
fn round(made: &Path, mails: usize, server: Sink) -> (Duration, Duration) {
    let directory = made.with_file_name("round");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, got) = mpsc::channel();
    std::thread::spawn(move || sink(&listener, server, &sender));
    copy(made, &directory);
    write_files(&directory, port, mails);
    let serve = Serve::start(&directory);
    let ours = take(&got, mails);
    drop(serve);
    let connections: BTreeSet<usize> = ours.iter().map(|got| got.connection).collect();
    assert_eq!(connections.len(), 1, "all over one connection");
    let different: BTreeSet<&[u8]> = ours.iter().map(|got| &got.message[..]).collect();
    assert_eq!(different.len(), mails, "each mail once");
    send_plainly(port, &ours, server);
    let plain = take(&got, mails);
    (span(&ours), span(&plain))
}

/// The log as it was made, where a round may write to it.
fn copy(made: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to.join("state")).expect("a directory");
    for entry in fs::read_dir(made.join("state")).expect("a state").flatten() {
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join("state").join(entry.file_name())).expect("a copy");
        }
    }
}

fn span(mails: &[Got]) -> Duration {
    mails[mails.len() - 1].accepted.duration_since(mails[0].begun)
}

fn take(got: &Receiver<Got>, mails: usize) -> Vec<Got> {
    (0..mails).map(|_| got.recv_timeout(PATIENCE).expect("the next mail comes")).collect()
}

/// The site file and the playbook. Its stages fire far from now, and a coordinator gets one kind of mail alone.
fn write_files(directory: &Path, port: u16, mails: usize) {
    fs::create_dir_all(directory.join("playbooks")).expect("a directory");
    let sites: String = (0..mails.div_ceil(TICKETS_OF_SITE)).map(site).collect();
    let site_file = format!(
        "state: state\nsources: {{lan: {{command: [sleep, '600']}}}}\n\
         mail: {{from: allclear@dis.example, smtp: 'smtp://127.0.0.1:{port}'}}\nsites:\n{sites}"
    );
    fs::write(directory.join("allclear.yaml"), site_file).expect("a site file");
    let hour = (Timestamp::now() + 12 * HOUR).strftime("%H").to_string();
    let stage = format!("{{cron: '0 {hour} * * *', capture: {{for: 6h}}, match: [reported]}}");
    for name in ["opened", "clean"] {
        let playbook = format!(
            "playbook: {name}\ntitle: Conficker calling its sinkholes\nmalware: [{name}]\nlocate: {stage}\n\
             verify: {stage}\nclean: {{passes: {PASSES}, span: 1d, contact_interval: 2h}}\n\
             notify: [{{events: [{name}], to: [coordinator]}}]\n"
        );
        fs::write(directory.join(format!("playbooks/{name}.yaml")), playbook).expect("a playbook");
    }
}

/// Opens a ticket for each mail, and lets it live to the event that the mail is about; the mail waits.
fn queue(directory: &Path, mails: usize, kind: Kind) {
    write_files(directory, 9, mails);
    let (library, _) =
        files::load(&directory.join("allclear.yaml"), &lint).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let store = Store::open(&directory.join("state"), Durability::Fleeting).expect("a log");
    let mut engine = Engine::open(store, library).expect("an engine");
    let lived = if kind == Kind::Clean { 24 * HOUR * (NIGHTS + 3) } else { SignedDuration::ZERO };
    let begin = Timestamp::now() - lived;
    for number in 0..mails {
        let public = public(number / TICKETS_OF_SITE, 1 + number % TICKETS_OF_SITE);
        let opening = Opening {
            reference: Some(format!("MARS-{number}")),
            site: format!("school-{}", number / TICKETS_OF_SITE),
            playbook: format!("{kind:?}").to_lowercase(),
            public: IpAddr::V4(public),
            reports: vec![Report {
                malware: Some("conficker".to_owned()),
                seen: begin,
                clock_error_s: 1,
                public: Some(IpAddr::V4(public)),
                remote: Some(IpAddr::V4(Ipv4Addr::new(216, 66, 15, 109))),
                port: Some(80),
                source_port: Some(1701),
                protocol: None,
                origin: "cbl-text".to_owned(),
            }],
        };
        engine.open_ticket(begin, "bench", opening).expect("a ticket");
    }
    if kind == Kind::Clean {
        live_to_be_clean(&mut engine, begin);
    }
    let waiting = engine.effects(Timestamp::now());
    let mails_waiting = waiting.iter().filter(|effect| matches!(effect, Effect::SendMail { .. })).count();
    assert_eq!(mails_waiting, mails, "a mail for each ticket");
}

/// A night in which the machine of each ticket is found, its cleaning on the next day, and nights of silence.
fn live_to_be_clean(engine: &mut Engine, begin: Timestamp) {
    let tickets: Vec<TicketId> = engine.tickets().map(|ticket| ticket.id).collect();
    let mut now = begin;
    for night in 0..=NIGHTS {
        let due = engine.next_due(now).expect("a night comes");
        engine.tick(due, Absence::Down, &|_, _| None).expect("a look");
        for effect in engine.effects(due) {
            let Effect::Capture { ticket, run } = effect else { continue };
            let window = engine.ticket(ticket).expect("it is there").run(run).expect("it began").window();
            let host = IpAddr::V4(Ipv4Addr::new(10, 16, (ticket.0 / 250) as u8, (ticket.0 % 250) as u8));
            let present = presence(window, ticket, night);
            let facts = Box::new(facts(window, present, host, ticket, run, night == 0));
            step(engine, window.to, ticket, &Input::Captured { run, facts, listing: None });
            now = window.to;
        }
        if night == 0 {
            now += HOUR;
            for ticket in &tickets {
                step(engine, now, *ticket, &Input::Act(Act::Clean { host: None, at: None }));
            }
        }
    }
}

/// No two tickets have the same nights: their pictures differ.
fn presence(window: Interval, ticket: TicketId, night: i32) -> Intervals {
    let is_off = (1..=ODD_NIGHTS).contains(&night) && ticket.0 >> (night - 1) & 1 == 1;
    let early = SignedDuration::from_secs(i64::from(ticket.0));
    Intervals::of((!is_off).then(|| Interval::new(window.from, window.to - early)))
}

fn step(engine: &mut Engine, now: Timestamp, ticket: TicketId, input: &Input) {
    engine.step(now, ALLCLEAR, ticket, input).expect("an input is taken");
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
fn send_plainly(port: u16, mails: &[Got], server: Sink) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    stream.set_nodelay(true).expect("an option");
    let mut lines = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut ask = |bytes: &[u8], wanted: &[&str]| {
        stream.write_all(bytes).expect("it is read");
        for wanted in wanted {
            let mut answer = String::new();
            lines.read_line(&mut answer).expect("an answer");
            assert!(answer.starts_with(wanted), "{answer}");
        }
    };
    ask(b"", &["220"]);
    ask(b"EHLO bench\r\n", if server.is_pipelining { &["250-", "250 "] } else { &["250"] });
    for mail in mails {
        let (sender, data) = ("MAIL FROM:<allclear@dis.example>\r\n", "DATA\r\n");
        let recipient = format!("RCPT TO:<{}>\r\n", mail.to);
        if server.is_pipelining {
            ask(format!("{sender}{recipient}{data}").as_bytes(), &["250", "250", "354"]);
        } else {
            ask(sender.as_bytes(), &["250"]);
            ask(recipient.as_bytes(), &["250"]);
            ask(data.as_bytes(), &["354"]);
        }
        // The server gave the mail without the dots that were doubled; lines of ours begin with none.
        ask(&[&mail.message[..], b".\r\n"].concat(), &["250"]);
    }
}

/// A mail server that takes everything.
fn sink(listener: &TcpListener, server: Sink, got: &Sender<Got>) {
    for (connection, stream) in listener.incoming().flatten().enumerate() {
        let got = got.clone();
        std::thread::spawn(move || serve(stream, connection, server, &got));
    }
}

fn serve(mut stream: TcpStream, connection: usize, server: Sink, got: &Sender<Got>) -> io::Result<()> {
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
            "EHLO" if server.is_pipelining => b"250-sink\r\n250 PIPELINING\r\n",
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
                std::thread::sleep(server.work);
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
