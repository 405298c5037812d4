//! What do ten thousand open tickets on three hundred sites cost? A look of the scheduler, the start, and
//! memory.
//!
//! `cargo bench --bench desk [-- TICKETS]`: tickets with some forty events each are made with the engine
//! itself, half of them located, half being verified. It fails when a limit is passed.

mod common;

use allclear::edge::capture::lint::lint;
use allclear::edge::files;
use allclear::edge::store::{Durability, Store};
use allclear::edge::template::Templates;
use allclear::engine::{Engine, Opening};
use allclear::pure::digest::to_value;
use allclear::pure::intake::Report;
use allclear::pure::interval::{Interval, Intervals};
use allclear::pure::playbook::{Library, MailEvent};
use allclear::pure::ticket::{ALLCLEAR, Absence, Act, Effect, Input, Mail, RunId, TicketId};
use common::night::facts;
use jiff::{SignedDuration, Timestamp};
use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

const TICKETS: u32 = 10_000;
const SITES: u32 = 300;
/// Tickets that fall due together in the middle of the night, beside the one that does so alone.
const TOGETHER: u32 = 100;
const NIGHTS: i64 = 7;
const ROUNDS: usize = 3;

const START_MAX: Duration = Duration::from_secs(2);
const MEMORY_MAX_MIB: u64 = 300;
/// A look in which nothing is due happens once a second, for ever.
const IDLE_MAX: Duration = Duration::from_millis(1);
/// Nobody else is served while a digest is put together.
const DIGEST_MAX: Duration = Duration::from_millis(250);
const RENDERED_MAX: Duration = Duration::from_secs(1);
const ONE_DUE_MAX: Duration = Duration::from_millis(20);
const HUNDRED_DUE_MAX: Duration = Duration::from_millis(100);
/// A month in which the program was down, of stages that fire every quarter of an hour.
const MONTH_MAX: Duration = Duration::from_secs(60);

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, directory] = &arguments[..]
        && flag == "--open"
    {
        start(Path::new(directory));
        return ExitCode::SUCCESS;
    }
    let tickets = arguments.iter().find_map(|text| text.parse().ok()).unwrap_or(TICKETS);
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("desk");
    let mut limits = Limits { is_met: true };
    nights(&directory.join("nights"), tickets, &mut limits);
    month(&directory.join("month"), tickets, &mut limits);
    if limits.is_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What must hold.
struct Limits {
    is_met: bool,
}

impl Limits {
    fn hold(&mut self, what: &str, seen: Duration, most: Duration) {
        let (seen, most) = (seen.as_secs_f64() * 1e3, most.as_secs_f64() * 1e3);
        self.tell(what, &format!("{seen:.3} ms; the limit is {most} ms"), seen <= most);
    }

    fn tell(&mut self, what: &str, figure: &str, is_met: bool) {
        self.is_met &= is_met;
        println!("{what}: {figure}{}", if is_met { "" } else { ": LIMIT MISSED" });
    }
}

/// A week of nights, then looks with nothing, one and a hundred due, and the start on that log.
fn nights(directory: &Path, tickets: u32, limits: &mut Limits) {
    let begin = Instant::now();
    let mut engine = fresh(directory);
    let mut now = at("2026-11-02T15:00:00Z");
    open_tickets(&mut engine, now, tickets);
    for night in 0..NIGHTS {
        now = at("2026-11-02T16:00:00Z") + 24 * HOUR * i32::try_from(night).expect("few");
        for hour in 0..2 {
            live_until(&mut engine, now + HOUR * hour);
        }
        if night == 2 {
            clean_half(&mut engine, now + 3 * HOUR);
        }
        live_until(&mut engine, now + 18 * HOUR);
    }
    let events = engine.tickets().map(|ticket| engine.history(ticket.id).expect("read").len()).max();
    let bytes = fs::metadata(directory.join("state/allclear.db")).map_or(0, |file| file.len());
    println!(
        "{tickets} tickets on {SITES} sites, up to {} events each, {} MiB on disk, made in {:.0} s",
        events.unwrap_or(0),
        bytes >> 20,
        begin.elapsed().as_secs_f64()
    );
    drop(engine);
    looks(directory, limits);
    digests(directory, limits);
    let starts: Vec<(Duration, u64)> = (0..ROUNDS).map(|_| started(directory)).collect();
    let quickest = starts.iter().map(|(time, _)| *time).min().unwrap_or_default();
    let most = starts.iter().map(|(_, kib)| kib >> 10).max().unwrap_or(0);
    limits.hold("start, to the first look", quickest, START_MAX);
    let figure = format!("{most} MiB; the limit is {MEMORY_MAX_MIB} MiB");
    limits.tell("peak memory of it", &figure, most <= MEMORY_MAX_MIB);
}

/// The digests of all, and of each coordinator: put together, and rendered.
fn digests(directory: &Path, limits: &mut Limits) {
    let store = Store::open(&directory.join("state"), Durability::Full).expect("the log opens");
    let engine = Engine::open(store, library(directory)).expect("the log folds");
    let templates = Templates::load(None).expect("the shipped templates load");
    let now = engine.last_event().expect("events");
    let begin = Instant::now();
    let digests = engine.digests_now(now);
    let gathered = begin.elapsed();
    let mut bytes = 0;
    for (to, digest) in &digests {
        let mail = Mail::new(1, MailEvent::Digest, now, to.clone());
        let letter = templates.round_letter(to_value(digest), &mail, "a@dis.example").expect("a letter");
        bytes += letter.text.len() + letter.html.len();
    }
    println!("{} digests, {} KiB of text and HTML", digests.len(), bytes >> 10);
    limits.hold("digests of all and of each coordinator, put together", gathered, DIGEST_MAX);
    limits.hold("the same, rendered", begin.elapsed(), RENDERED_MAX);
}

/// A look, of somebody who can write no mails.
fn look(engine: &mut Engine, now: Timestamp, absence: Absence) {
    engine.tick(now, absence, &|_, _| None).expect("a look");
}

/// Looks on a log whose commits reach the disk.
fn looks(directory: &Path, limits: &mut Limits) {
    let store = Store::open(&directory.join("state"), Durability::Full).expect("the log opens");
    let mut engine = Engine::open(store, library(directory)).expect("the log folds");
    let last = engine.last_event().expect("events");
    look(&mut engine, last, Absence::HeldUp);
    let quiet = last + SignedDuration::from_secs(1);
    const LOOKS: u32 = 1_000;
    let begin = Instant::now();
    for number in 0..LOOKS {
        let now = quiet + SignedDuration::from_millis(i64::from(number));
        look(&mut engine, now, Absence::HeldUp);
        assert_eq!(engine.new_effects(now).len() * usize::from(number > 0), 0, "nothing is due");
    }
    limits.hold("a look, nothing due", begin.elapsed() / LOOKS, IDLE_MAX);
    for (what, time, due, most) in [
        ("a look, 1 due", "T18:00:00Z", 1, ONE_DUE_MAX),
        ("a look, 100 due", "T19:00:00Z", TOGETHER, HUNDRED_DUE_MAX),
    ] {
        let day = (last + 12 * HOUR).strftime("%Y-%m-%d").to_string();
        let now = at(&format!("{day}{time}"));
        look(&mut engine, now - SignedDuration::from_secs(1), Absence::HeldUp);
        engine.new_effects(now);
        let begin = Instant::now();
        look(&mut engine, now, Absence::HeldUp);
        let effects = engine.new_effects(now).len();
        limits.hold(what, begin.elapsed(), most);
        assert_eq!(effects, due as usize, "{what} at {now}");
    }
}

/// A month passes without the program.
fn month(directory: &Path, tickets: u32, limits: &mut Limits) {
    let mut engine = fresh(directory);
    let now = at("2026-11-02T15:00:01Z");
    open_tickets(&mut engine, now, tickets);
    let before: usize = events(&engine);
    drop(engine);
    let store = Store::open(&directory.join("state"), Durability::Full).expect("the log opens");
    let mut engine = Engine::open(store, library(directory)).expect("the log folds");
    let begin = Instant::now();
    look(&mut engine, now + 30 * 24 * HOUR, Absence::Down);
    limits.hold("the look after a month without the program", begin.elapsed(), MONTH_MAX);
    println!("it made {} events of some {} occurrences", events(&engine) - before, tickets * 30 * 96);
}

fn events(engine: &Engine) -> usize {
    engine.tickets().map(|ticket| engine.history(ticket.id).expect("read").len()).sum()
}

/// Opens the log in a process of its own, looks once, and says how long that took and what memory it had.
fn started(directory: &Path) -> (Duration, u64) {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program).arg("--open").arg(directory).output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = text.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
    let (micros, kib) = (numbers.next().expect("a time"), numbers.next().expect("a size"));
    (Duration::from_micros(micros), kib)
}

fn start(directory: &Path) {
    let library = library(directory);
    let begin = Instant::now();
    let store = Store::open(&directory.join("state"), Durability::Full).expect("the log opens");
    let mut engine = Engine::open(store, library).expect("the log folds");
    let now = engine.last_event().expect("events");
    look(&mut engine, now, Absence::Down);
    let effects = engine.new_effects(now).len();
    println!("{} {} {effects}", begin.elapsed().as_micros(), peak_kib());
}

/// The most memory that this process had, from proc(5).
fn peak_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(u64::MAX)
}

fn fresh(directory: &Path) -> Engine {
    let _ = fs::remove_dir_all(directory);
    write_files(directory);
    let store = Store::open(&directory.join("state"), Durability::Fleeting).expect("a log");
    Engine::open(store, library(directory)).expect("an empty log")
}

fn library(directory: &Path) -> Library {
    let read = files::load(&directory.join("allclear.yaml"), &lint);
    let told = |problems: Vec<_>| panic!("the files of the bench are faulty: {problems:?}");
    read.unwrap_or_else(told).0
}

fn write_files(directory: &Path) {
    fs::create_dir_all(directory.join("playbooks")).expect("a directory");
    let mut site = String::from("state: state\nsources:\n");
    for number in 0..SITES {
        let _ = writeln!(site, "  lan{number}: {{interface: eth{number}}}");
    }
    site.push_str("sites:\n");
    for number in 0..SITES {
        let (high, low) = (number / 256, number % 256);
        let _ = writeln!(
            site,
            "  school{number}:\n    public: [198.{}.{low}.0/24]\n    inside: [10.{low}.0.0/16]\n    \
             timezone: America/Chicago\n    source: lan{number}\n    coordinator: tech@school{number}.example",
            18 + high
        );
    }
    let _ = writeln!(
        site,
        "mail:\n  from: allclear@dis.example\n  directory: state/outbox\n  hourly_limit: 1000\n  \
         digest: {{cron: \"0 6 1 1 *\", to: [soc@dis.example]}}"
    );
    fs::write(directory.join("allclear.yaml"), site).expect("written");
    // 16:00 and 19:00 UTC in November are 10:00 and 13:00 in Chicago.
    for (name, locate, verify) in [
        ("nightly", "cron: \"0 10,11 * * *\"", "cron: \"0 20 * * *\", jitter: 15m"),
        ("alone", "cron: \"0 12 * * *\"", "cron: \"0 12 * * *\""),
        ("together", "cron: \"0 13 * * *\"", "cron: \"0 13 * * *\""),
        ("often", "every: 15m", "cron: \"0 20 * * *\""),
    ] {
        let playbook = format!(
            "playbook: {name}\ntitle: Conficker\nmalware: [{name}]\n\
             locate: {{{locate}, capture: {{for: 10m}}, match: [reported]}}\n\
             verify: {{{verify}, capture: {{for: 6h}}, match: [reported]}}\n\
             clean: {{passes: 5, span: 30d, assurance: 99%, contact_interval: 2h}}\n\
             checklist:\n  - patch: Install MS08-067 on the host\n\
             notify: [{{events: [opened, located, relapsed, clean, inconclusive], to: [coordinator]}}]\n"
        );
        fs::write(directory.join(format!("playbooks/{name}.yaml")), playbook).expect("written");
    }
}

fn open_tickets(engine: &mut Engine, now: Timestamp, tickets: u32) {
    let is_month = now.as_second() % 60 == 1;
    for number in 0..tickets {
        let playbook = match number {
            _ if is_month => "often",
            0 => "alone",
            _ if number <= TOGETHER => "together",
            _ => "nightly",
        };
        let site = number % SITES;
        let public = Ipv4Addr::new(198, 18 + (site / 256) as u8, (site % 256) as u8, (number / SITES) as u8);
        let opening = Opening {
            reference: Some(format!("MARS-{number}")),
            site: format!("school{site}"),
            playbook: playbook.to_owned(),
            public: IpAddr::V4(public),
            reports: vec![report(IpAddr::V4(public), now)],
        };
        let id = engine.open_ticket(now, "engineer", opening).expect("a ticket opens");
        post(engine, now, id);
    }
}

fn report(public: IpAddr, now: Timestamp) -> Report {
    Report {
        malware: Some("Conficker".to_owned()),
        seen: now - 2 * HOUR,
        clock_error_s: 1,
        public: Some(public),
        remote: Some(IpAddr::V4(Ipv4Addr::new(216, 66, 15, 109))),
        port: Some(80),
        source_port: Some(1701),
        protocol: None,
        origin: "cbl-text".to_owned(),
    }
}

/// Every mail of the ticket is accepted.
fn post(engine: &mut Engine, now: Timestamp, id: TicketId) {
    let ticket = engine.ticket(id).expect("it is there");
    let waiting = ticket.outbox.iter().flat_map(|mail| mail.pending().map(|to| (mail.seq, to.clone())));
    for (mail, to) in waiting.collect::<Vec<_>>() {
        step(engine, now, id, &Input::MailAccepted { mail, to });
    }
}

fn step(engine: &mut Engine, now: Timestamp, id: TicketId, input: &Input) {
    engine.step(now, ALLCLEAR, id, input).expect("an input is taken");
}

/// Lets everything fall due up to `until`, and ends each run with what its machine did.
fn live_until(engine: &mut Engine, until: Timestamp) {
    while let Some(due) = engine.next_due(until).filter(|due| *due <= until) {
        look(engine, due, Absence::Down);
        let begun: Vec<Effect> = engine.effects(due);
        for effect in begun {
            let Effect::Capture { ticket, run } = effect else { continue };
            let window = engine.ticket(ticket).expect("there").run(run).expect("it began").window();
            if window.to <= until || window.seconds() > 3_600.0 {
                end_run(engine, ticket, run, window);
            }
        }
    }
}

fn end_run(engine: &mut Engine, id: TicketId, run: RunId, window: Interval) {
    let ticket = engine.ticket(id).expect("it is there");
    let is_infected = ticket.last_cleaned().is_none();
    let site: u32 = ticket.site["school".len()..].parse().expect("a number");
    let host = IpAddr::V4(Ipv4Addr::new(10, (site % 256) as u8, 24, (id.0 % 250) as u8));
    let facts = Box::new(facts(window, Intervals::of([window]), host, id, run, is_infected));
    step(engine, window.to, id, &Input::Captured { run, facts, listing: None });
    post(engine, window.to, id);
}

/// Every other located ticket is reported as cleaned, and its checklist signed.
fn clean_half(engine: &mut Engine, now: Timestamp) {
    let located: Vec<TicketId> =
        engine.tickets().filter(|ticket| ticket.id.0 % 2 == 0).map(|ticket| ticket.id).collect();
    for id in located {
        step(engine, now, id, &Input::Act(Act::Clean { host: None, at: None }));
        step(engine, now, id, &Input::Act(Act::Sign { item: "patch".to_owned() }));
        post(engine, now, id);
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}
