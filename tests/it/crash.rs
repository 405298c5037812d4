//! What is lost when the engine dies? It is killed after every single step of a season, opened again
//! on its log, and must end with the same log and the same mails, byte by byte.

use crate::traffic::Stretch;
use crate::world::{at, ip, library, playbook, report};
use allclear::edge::capture::recordings::Recordings;
use allclear::edge::capture::stop::Stop;
use allclear::edge::mailer::Mailer;
use allclear::edge::perform::{Captures, Edges, Listings, Post};
use allclear::edge::store::{Durability, Store};
use allclear::edge::template::Templates;
use allclear::engine::{Engine, Opening};
use allclear::pure::playbook::Library;
use allclear::pure::script::{Scene, Step};
use allclear::pure::site::MailTransport;
use allclear::pure::ticket::{Act, Phase, Recorded, Ticket};
use allclear::season::Season;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::TempDir;

const LAB: [u8; 4] = [10, 16, 24, 93];
const OFFICE: [u8; 4] = [10, 16, 30, 7];

/// What the season leaves behind.
#[derive(PartialEq)]
struct Legacy {
    ticket: Ticket,
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

fn season_library(outbox: &Path) -> Library {
    let mut playbook = playbook();
    playbook.judge.heard_packets_min = 100;
    playbook.clean.watch = std::time::Duration::from_secs(86_400);
    let mut library = library(playbook);
    library.site_file.mail.as_mut().expect("there is mail").transport =
        MailTransport::Directory(outbox.to_owned());
    library
}

fn open(directory: &Path) -> Engine {
    let store = Store::open(&directory.join("state"), Durability::Fleeting).expect("the log opens");
    Engine::open(store, season_library(&directory.join("outbox"))).expect("the log folds")
}

fn begin(directory: &Path, captures: &Path) -> Season {
    let mut engine = open(directory);
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
    Season::new(engine, edges, ticket, start, at("2015-05-17T00:00:00Z"), scenes())
}

fn legacy(season: &Season, directory: &Path) -> Legacy {
    let ticket = season.engine().ticket(season.ticket()).expect("the ticket is there").clone();
    let events = season.engine().history(season.ticket()).expect("the log can be read");
    let files = fs::read_dir(directory.join("outbox")).expect("the outbox is there");
    let mails = files.map(|file| {
        let path = file.expect("a file").path();
        let name = PathBuf::from(path.file_name().expect("a name"));
        (name, fs::read(&path).expect("a mail"))
    });
    Legacy { ticket, events, mails: mails.collect() }
}

#[test]
fn killed_after_every_step_a_season_ends_the_same() {
    let captures = TempDir::new().expect("a temporary directory");
    record(captures.path());
    let directory = TempDir::new().expect("a temporary directory");
    let mut season = begin(directory.path(), captures.path());
    let mut steps = 0;
    while season.advance().expect("a step is taken") {
        steps += 1;
    }
    assert_eq!(season.refused(), []);
    let whole = legacy(&season, directory.path());
    assert_eq!((whole.ticket.phase, whole.ticket.relapses), (Phase::Closed, 1));
    let subjects: Vec<&PathBuf> = whole.mails.keys().collect();
    assert_eq!(whole.mails.len(), 4, "opened, located, relapsed, clean: {subjects:?}");

    for killed_after in 1..=steps {
        let directory = TempDir::new().expect("a temporary directory");
        let mut season = begin(directory.path(), captures.path());
        for _ in 0..killed_after {
            season.advance().expect("a step is taken");
        }
        season.restart(open(directory.path()));
        season.live().expect("the season goes on");
        let again = legacy(&season, directory.path());
        assert_eq!(again.events, whole.events, "killed after step {killed_after}");
        assert!(again == whole, "killed after step {killed_after}: another ticket or other mails");
    }
}
