//! The real program at work: a directory with its files, `serve` as a process, and its log as it lies
//! on the disk.

use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything takes that is waited for, on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(20);

/// A directory in which `serve` can work.
pub struct Station(TempDir);

impl Station {
    /// In both texts, `{here}` is the directory.
    pub fn new(site: &str, playbook: &str) -> Station {
        let station = Station(TempDir::new().expect("a temporary directory"));
        station.write("allclear.yaml", site);
        fs::create_dir(station.path("playbooks")).expect("a directory");
        station.write("playbooks/quick.yaml", playbook);
        station
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        let text = text.replace("{here}", &self.path("").display().to_string());
        fs::write(self.path(name), text).expect("the file is written");
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_allclear"));
        command.current_dir(self.path("")).args(arguments).stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    /// What a command that succeeds writes to standard output.
    pub fn ask(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {told}");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Opens a ticket for the public address 198.51.100.`number`; tells whether it was confirmed.
    pub fn open_ticket(&self, number: usize) -> bool {
        let (public, reference) = (format!("198.51.100.{number}"), format!("R-{number}"));
        let report =
            ["--malware", "conficker", "--remote", "216.66.15.109", "--seen", "2015-04-29T18:52:14Z"];
        let about = ["ticket", "open", "--public", &public, "--ref", &reference, "--by", "engineer"];
        self.run(&[&about[..], &report].concat()).status.code() == Some(0)
    }

    /// Starts `serve`, whose log goes on in `serve.log`, and does not wait for it.
    pub fn start(&self) -> Serving {
        self.start_as(self.command(&["serve"]))
    }

    pub fn start_as(&self, mut command: Command) -> Serving {
        let log = OpenOptions::new().create(true).append(true).open(self.path("serve.log"));
        Serving(command.stderr(log.expect("a log file")).spawn().expect("serve starts"))
    }

    /// Starts `serve` and waits until it says that it serves.
    pub fn serve(&self) -> Serving {
        let known = self.told().matches("allclear serves").count();
        let serving = self.start();
        self.wait_for("serve is ready", || self.told().matches("allclear serves").count() > known);
        serving
    }

    /// What all `serve` said so far.
    pub fn told(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.path("serve.log")).unwrap_or_default()).into_owned()
    }

    pub fn wait_for(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let begin = Instant::now();
        while !is_so() {
            assert!(
                begin.elapsed() < PATIENCE,
                "waited in vain until {what}; the log says:\n{}",
                self.told()
            );
            thread::sleep(PAUSE);
        }
    }

    /// The events on the disk, without asking the program.
    pub fn log(&self) -> Vec<Row> {
        read_log(&self.path("state/allclear.db"))
    }
}

/// An event as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub at_ns: i64,
    pub ticket: i64,
    pub hash: String,
    /// The event's name and what it holds.
    pub kind: String,
    pub body: Value,
}

pub fn read_log(database: &Path) -> Vec<Row> {
    if !database.exists() {
        return Vec::new();
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = Connection::open_with_flags(database, flags).expect("the database opens");
    connection.busy_timeout(PATIENCE).expect("a time");
    let has_table = "SELECT count(*) FROM sqlite_schema WHERE name = 'event'";
    if connection.query_row(has_table, [], |row| row.get::<_, i64>(0)).expect("a database") == 0 {
        return Vec::new();
    }
    let sql = "SELECT at_ns, ticket, hash, body FROM event ORDER BY seq";
    let mut statement = connection.prepare(sql).expect("the table is there");
    let rows = statement.query_map([], |row| {
        let body: Value = serde_json::from_str(&row.get::<_, String>(3)?).expect("JSON");
        let (kind, body) = match body {
            Value::Object(object) => object.into_iter().next().expect("an event has a name"),
            name => (name.as_str().expect("a name").to_owned(), Value::Null),
        };
        Ok(Row { at_ns: row.get(0)?, ticket: row.get(1)?, hash: row.get(2)?, kind, body })
    });
    rows.expect("it can be read").map(|row| row.expect("a row")).collect()
}

/// A running `serve`, killed when dropped.
pub struct Serving(Child);

impl Serving {
    pub fn of(child: Child) -> Serving {
        Serving(child)
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn signal(&self, signal: i32) {
        let process = i32::try_from(self.id()).expect("a process number");
        // SAFETY: the process is our child and has not been waited for.
        let sent = unsafe { libc::kill(process, signal) };
        assert_eq!(sent, 0, "the signal is sent");
    }

    /// Asks it to stop and waits for it: how it ended, and how long that took.
    pub fn stop(&mut self) -> (ExitStatus, Duration) {
        self.signal(libc::SIGTERM);
        self.wait()
    }

    pub fn wait(&mut self) -> (ExitStatus, Duration) {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().expect("our child") {
                return (status, begin.elapsed());
            }
            assert!(begin.elapsed() < PATIENCE, "serve does not end");
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
