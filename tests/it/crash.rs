//! What is lost when the engine dies? It is killed after every single step of a season, opened again
//! on its log, and must end with the same log and the same mails, byte by byte.

use crate::traffic::Stretch;
use crate::world::{at, detect, ip, library, playbook, report, sinkholes};
use allclear::edge::capture::recordings::Recordings;
use allclear::edge::capture::stop::Stop;
use allclear::edge::mailer::Mailer;
use allclear::edge::perform::{Captures, Edges, Listings, Post};
use allclear::edge::store::{Durability, Store};
use allclear::edge::template::Templates;
use allclear::engine::{Engine, Opening};
use allclear::pure::interval::Interval;
use allclear::pure::playbook::{Library, Playbook, Stage};
use allclear::pure::schedule::{Cron, Schedule};
use allclear::pure::script::{Scene, Step};
use allclear::pure::site::{DigestSettings, MailSettings, MailTransport};
use allclear::pure::ticket::{Act, Event, Phase, Recorded, Round, Ticket, TicketId};
use allclear::season::Season;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;
use tempfile::TempDir;

const LAB: [u8; 4] = [10, 16, 24, 93];
const OFFICE: [u8; 4] = [10, 16, 30, 7];

/// A season, as it is told each time anew.
struct Story {
    record: fn(&Path),
    playbook: fn(&mut Playbook),
    mail: fn(&mut MailSettings),
    scenes: fn() -> Vec<Scene>,
    end: &'static str,
}

/// What the season leaves behind.
#[derive(PartialEq)]
struct Legacy {
    tickets: Vec<Ticket>,
    /// Those of `detect` stages first.
    events: Vec<Recorded>,
    mails: BTreeMap<PathBuf, Vec<u8>>,
}

/// Located within hours, cleaned, a relapse in the second night, cleaned again, one night half
/// recorded and one not at all, and then confirmed clean.
fn record(directory: &Path) {
    let day = Stretch::at("2015-05-04T08:00:00Z", 8 * 3600).present(&[LAB, OFFICE]);
    day.calls(LAB, 1800, 3600).write(&directory.join("day.pcap"));
    for night in 4..=14 {
        let length = if night == 9 { 3 * 3600 } else { 8 * 3600 + 60 };
        let stretch = Stretch::at(&format!("2015-05-{night:02}T20:00:00Z"), length).present(&[LAB, OFFICE]);
        let stretch = if night == 5 { stretch.calls(LAB, 600, 7200) } else { stretch };
        if night != 10 {
            stretch.write(&directory.join(format!("night-{night:02}.pcap")));
        }
    }
}

fn scenes() -> Vec<Scene> {
    let scene = |time, act| Scene { at: at(time), by: "tech".to_owned(), step: Step::Act(act) };
    vec![
        scene("2015-05-04T16:30:00Z", Act::Clean { host: None, at: None }),
        scene("2015-05-06T12:00:00Z", Act::Clean { host: Some(ip("10.16.24.93")), at: None }),
        scene("2015-05-06T12:10:00Z", Act::Sign { item: "patch".to_owned() }),
    ]
}

/// One host is located by `locate` in the morning, and another is seen by nobody but a `detect` run.
fn record_two(directory: &Path) {
    let day = Stretch::at("2015-05-04T08:00:00Z", 16 * 3600).present(&[LAB, OFFICE]);
    day.calls(LAB, 9600, 100_000).calls(OFFICE, 22_200, 100_000).write(&directory.join("day.pcap"));
}

fn season_library(story: &Story, outbox: &Path) -> Library {
    let mut playbook = playbook();
    playbook.judge.heard_packets_min = 10;
    (story.playbook)(&mut playbook);
    let mut library = library(playbook);
    let mail = library.site_file.mail.as_mut().expect("there is mail");
    mail.transport = MailTransport::Directory(outbox.to_owned());
    (story.mail)(mail);
    library
}

fn open(story: &Story, directory: &Path) -> Engine {
    let store = Store::open(&directory.join("state"), Durability::Fleeting).expect("the log opens");
    Engine::open(store, season_library(story, &directory.join("outbox"))).expect("the log folds")
}

fn begin(story: &Story, directory: &Path, captures: &Path) -> Season {
    let mut engine = open(story, directory);
    let mail = engine.library().site_file.mail.clone().expect("there is mail");
    let pattern = captures.join("*.pcap").display().to_string();
    let edges = Edges {
        captures: Captures::Recorded(Box::new(Mutex::new(
            Recordings::open(&pattern, &jiff::tz::TimeZone::UTC).expect("captures open"),
        ))),
        post: Post::Mailer(Mailer::open(&mail).expect("the outbox opens")),
        templates: Templates::load(None).expect("the shipped templates load"),
        state: directory.join("state"),
        stop: Stop::new(),
        listings: Listings::Scripted(None),
    };
    let start = at("2015-05-04T09:00:00Z");
    let opening = Opening {
        reference: None,
        site: "springfield".to_owned(),
        playbook: "conficker".to_owned(),
        public: ip("192.0.2.17"),
        reports: vec![report("2015-05-04T08:00:00Z")],
    };
    let ticket = engine.open_ticket(start, "engineer", opening).expect("a ticket opens");
    Season::new(engine, edges, ticket, Interval::new(start, at(story.end)), (story.scenes)())
}

fn legacy(season: &Season, directory: &Path) -> Legacy {
    let tickets: Vec<Ticket> = season.engine().tickets().cloned().collect();
    let numbers = std::iter::once(TicketId::NONE).chain(tickets.iter().map(|ticket| ticket.id));
    let history = |id| season.engine().history(id).expect("the log can be read");
    let events = numbers.flat_map(history).collect();
    let files = fs::read_dir(directory.join("outbox")).expect("the outbox is there");
    let mails = files.map(|file| {
        let path = file.expect("a file").path();
        let name = PathBuf::from(path.file_name().expect("a name"));
        (name, fs::read(&path).expect("a mail"))
    });
    Legacy { tickets, events, mails: mails.collect() }
}

/// Lives the story once, and then again for each of its steps, killed after that; all must end the same.
fn sweep(story: &Story) -> Legacy {
    let captures = TempDir::new().expect("a temporary directory");
    (story.record)(captures.path());
    let directory = TempDir::new().expect("a temporary directory");
    let mut season = begin(story, directory.path(), captures.path());
    let mut steps = 0;
    while season.advance().expect("a step is taken") {
        steps += 1;
    }
    assert_eq!(season.refused(), []);
    let whole = legacy(&season, directory.path());
    for killed_after in 1..=steps {
        let directory = TempDir::new().expect("a temporary directory");
        let mut season = begin(story, directory.path(), captures.path());
        for _ in 0..killed_after {
            season.advance().expect("a step is taken");
        }
        season.restart(open(story, directory.path()));
        season.live().expect("the season goes on");
        let again = legacy(&season, directory.path());
        assert_eq!(again.events, whole.events, "killed after step {killed_after}");
        assert!(again == whole, "killed after step {killed_after}: another ticket or other mails");
    }
    whole
}

#[test]
fn killed_after_every_step_a_season_ends_the_same() {
    let story = Story {
        record,
        playbook: |playbook| playbook.clean.watch = Duration::from_secs(86_400),
        mail: |_| {},
        scenes,
        end: "2015-05-17T00:00:00Z",
    };
    let whole = sweep(&story);
    assert_eq!((whole.tickets[0].phase, whole.tickets[0].relapses), (Phase::Closed, 1));
    let subjects: Vec<&PathBuf> = whole.mails.keys().collect();
    assert_eq!(whole.mails.len(), 4, "opened, located, relapsed, clean: {subjects:?}");
}

#[test]
fn killed_after_every_step_a_detect_run_opens_its_ticket_once() {
    let story = Story {
        record: record_two,
        playbook: |playbook| {
            let twice_a_day = Schedule::Cron(Cron::parse("0 10,14 * * *").expect("a good expression"));
            playbook.detect = Some(Stage { schedule: twice_a_day, ..detect() });
            playbook.watchlists.insert("sinkholes".to_owned(), sinkholes());
        },
        mail: |_| {},
        scenes: Vec::new,
        end: "2015-05-05T00:00:00Z",
    };
    let whole = sweep(&story);
    let phases: Vec<Phase> = whole.tickets.iter().map(|ticket| ticket.phase).collect();
    assert_eq!(phases, [Phase::Located; 2]);
    assert_eq!(whole.tickets[1].hosts[0].host, ip("10.16.30.7"));
    let subjects: Vec<&PathBuf> = whole.mails.keys().collect();
    assert_eq!(whole.mails.len(), 3, "opened and located, and one of the second: {subjects:?}");
}

/// So many machines are named in a few minutes that most of it is told together, some of it in the next
/// mail about the ticket.
#[test]
fn killed_after_every_step_mails_that_waited_are_told_once() {
    let story = Story {
        record: record_two,
        playbook: |playbook| playbook.locate.schedule = Schedule::Every(Duration::from_secs(86_400)),
        mail: |mail| {
            mail.hourly_limit = 3;
            mail.digest = Some(DigestSettings {
                cron: "0 13,19 * * *".to_owned(),
                to: vec!["soc@dis.example".to_owned()],
                is_skipped_unchanged: true,
                has_coordinators: true,
                timezone: jiff::tz::TimeZone::UTC,
                timezone_name: "UTC".to_owned(),
            });
        },
        scenes: || {
            let scene = |time: &str, act| Scene {
                at: at(&format!("2015-05-04T{time}:00Z")),
                by: "tech".to_owned(),
                step: Step::Act(act),
            };
            let name = |time, host| scene(time, Act::NameHost { host: ip(host), mac: None, name: None });
            vec![
                name("09:10", "10.16.0.1"),
                name("09:11", "10.16.0.2"),
                name("09:12", "10.16.0.3"),
                name("09:40", "10.16.0.4"),
                name("11:00", "10.16.0.5"),
                scene("11:01", Act::WithdrawHost { host: ip("10.16.0.5"), reason: "a slip".to_owned() }),
                name("11:01", "10.16.0.5"),
                scene("11:02", Act::Reject { reason: "not ours".to_owned() }),
                scene("11:03", Act::Reopen { reason: "ours".to_owned() }),
            ]
        },
        end: "2015-05-04T20:00:00Z",
    };
    let whole = sweep(&story);
    let outbox = &whole.tickets[0].outbox;
    assert_eq!(outbox.iter().map(|mail| mail.folds.len()).sum::<usize>(), 1, "told in the next mail");
    assert_eq!(outbox.iter().map(|mail| mail.folded.len()).sum::<usize>(), 3, "told in another mail");
    let names: Vec<String> = whole.mails.keys().map(|name| name.display().to_string()).collect();
    assert_eq!(names.iter().filter(|name| name.ends_with("-folded.eml")).count(), 1, "{names:?}");
    let folded = whole.mails.iter().find(|(name, _)| name.display().to_string().ends_with("-folded.eml"));
    let folded = String::from_utf8_lossy(folded.expect("it is there").1);
    assert!(folded.contains("In-Reply-To: <allclear.1."), "of one ticket, in its conversation: {folded}");
    let words = folded.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = whole.events.iter().filter_map(|recorded| match &recorded.event {
        Event::RoundQueued { round: Round::Folded(folded), .. } => Some(folded),
        _ => None,
    });
    for lines in lines.flatten().map(|told| told.lines.as_ref().expect("put down when it was decided")) {
        assert!(lines.subject.starts_with("[allclear #1] "), "{lines:?}");
        let first: Vec<&str> = lines.first.split(' ').take(3).collect();
        assert!(words.contains(&first.join(" ")), "{lines:?}: {words}");
    }
    let digests = names.iter().filter(|name| name.ends_with("-digest.eml")).count();
    assert_eq!(digests, 2, "one for all and one for the coordinator, at the first time: {names:?}");
    assert_eq!(names.len(), outbox.len() - 3 + 1 + digests, "{names:?}");
}
