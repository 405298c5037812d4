//! Where does the event log live? One SQLite file, written in whole decisions.
//!
//! Owns `allclear.db` in the state directory. It must never let half a decision through: events are
//! appended in one IMMEDIATE transaction, with WAL and `synchronous = FULL`.

mod read_only;
mod rows;

use crate::pure::moment::nanoseconds;
use crate::pure::ticket::{Recorded, TicketId, chain};
use jiff::Timestamp;
use read_only::Unread;
use rows::Row;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, ToSql, Transaction, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How long a command waits for another writer.
const BUSY_WAIT: Duration = Duration::from_secs(30);

/// So often the switch to a write-ahead log is tried, and how long is waited before the next try: two seconds in all.
const SWITCHES_MAX: u32 = 100;
const SWITCH_PAUSE: Duration = Duration::from_millis(20);

/// The version of the tables.
const SCHEMA_VERSION: i64 = 1;

/// What stands in the head of the file ("allc"), by which it is known for ours. Files from before mails had a mark
/// have 0 there.
const APPLICATION_ID: i64 = 0x616c_6c63;

const SCHEMA: &str = "
    CREATE TABLE event (
        seq     INTEGER PRIMARY KEY,
        at_ns   INTEGER NOT NULL,
        ticket  INTEGER NOT NULL,
        by      TEXT    NOT NULL,
        version INTEGER NOT NULL,
        body    TEXT    NOT NULL CHECK (json_valid(body)),
        hash    TEXT    NOT NULL
    ) STRICT;
    CREATE INDEX event_of_ticket ON event (ticket, seq);
";

/// Events, each with the hash of the one before it.
const EVENTS_WITH_BEFORE: &str = "
    SELECT seq, at_ns, ticket, by, version, body, hash,
        (SELECT before.hash FROM event AS before WHERE before.seq = event.seq - 1)
    FROM event";

const OF_TICKET: &str = "ticket = ?1 AND at_ns >= ?2";

/// Whether a committed decision survives a power cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Every commit is on disk before it counts.
    Full,
    /// For throw-away states of simulations.
    Fleeting,
}

/// Why the log could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(
        "cannot use the state directory {path}: {error}: make it writable for this user, or set `state:`"
    )]
    Directory { path: PathBuf, error: std::io::Error },
    #[error(
        "cannot use the database {path}: {error}: is the disk full or read-only, or the file held by something else?"
    )]
    Database { path: PathBuf, error: rusqlite::Error },
    #[error("cannot make the copy {path}: {error}: free or mend the disk, or name another place")]
    Copy { path: PathBuf, error: std::io::Error },
    #[error("event {seq} in {path} is not what was written ({why}): restore the state from a backup")]
    Damaged { path: PathBuf, seq: u64, why: String },
    #[error(
        "the newest events of {path} lie in its write-ahead log, which is read where there is room to write: copy \
         all allclear.db* files to another directory, and name that in `state:`"
    )]
    Behind { path: PathBuf },
    #[error("{path} was written by a newer allclear (tables version {version}): use that one")]
    TooNew { path: PathBuf, version: i64 },
}

/// An event as it is stored, whose hash can be computed anew from it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub recorded: Recorded,
    /// The hash of the event before it in the log, which may be another ticket's.
    pub previous: String,
    /// The event as it was hashed: byte for byte, however it would be written today.
    pub body: String,
}

/// The event log on disk.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
}

impl Store {
    /// Opens the log in `directory`, and makes both where they are missing; the directory is
    /// readable by its owner only. A log that is there and cannot be written can still be read: nothing is
    /// appended to it then.
    pub fn open(directory: &Path, durability: Durability) -> Result<Store, StoreError> {
        let path = directory.join("allclear.db");
        if path.exists() && read_only::is_read_only(directory) {
            return Store::open_read_only(path);
        }
        make_private(directory)
            .map_err(|error| StoreError::Directory { path: directory.to_owned(), error })?;
        let connection =
            connect(&path, durability).map_err(|error| StoreError::Database { path: path.clone(), error })?;
        let store = Store { path, connection };
        store.migrate()?;
        Ok(store)
    }

    fn open_read_only(path: PathBuf) -> Result<Store, StoreError> {
        let connection = read_only::connect(&path).map_err(|why| match why {
            Unread::Database(error) => StoreError::Database { path: path.clone(), error },
            Unread::Behind => StoreError::Behind { path: path.clone() },
        })?;
        let store = Store { path, connection };
        store.migrate()?;
        Ok(store)
    }

    /// Hands the events after `seq` to `take`, in order, with their chain checked from `previous_hash` on.
    ///
    /// # Errors
    ///
    /// Those of the log, and what `take` answers first.
    pub fn read_after<E: From<StoreError>>(
        &self,
        seq: u64,
        previous_hash: &str,
        take: impl FnMut(&Recorded) -> Result<(), E>,
    ) -> Result<(), E> {
        rows::read_after(&self.connection, &self.path, seq, previous_hash, take)
    }

    /// The events of one ticket, in order, each with its hash checked against that of the event before it.
    pub fn events_of(&self, ticket: TicketId) -> Result<Vec<Recorded>, StoreError> {
        let mut events = Vec::new();
        self.read_of(ticket, Timestamp::MIN, |recorded| events.push(recorded))?;
        Ok(events)
    }

    /// Hands the events of one ticket to `take`, likewise; only those that happened at `since` or later.
    pub fn read_of(
        &self,
        ticket: TicketId,
        since: Timestamp,
        mut take: impl FnMut(Recorded),
    ) -> Result<(), StoreError> {
        self.rows(OF_TICKET, params![ticket.0, nanoseconds(since)], |row, previous| {
            take(rows::check(row, (previous.0, &previous.1))?);
            Ok(())
        })
    }

    /// The events of one ticket as they are stored, likewise.
    pub fn lines_of(&self, ticket: TicketId) -> Result<Vec<Line>, StoreError> {
        let mut lines = Vec::new();
        self.rows(OF_TICKET, params![ticket.0, nanoseconds(Timestamp::MIN)], |row, previous| {
            let body = row.body.to_owned();
            let recorded = rows::check(row, (previous.0, &previous.1))?;
            lines.push(Line { recorded, previous: previous.1, body });
            Ok(())
        })?;
        Ok(lines)
    }

    /// Hands each row of which `condition` holds to `take`, with number and hash of the row before it; what is
    /// wrong with a row, `take` says.
    fn rows(
        &self,
        condition: &str,
        values: &[&dyn ToSql],
        mut take: impl FnMut(Row<'_>, (u64, String)) -> Result<(), String>,
    ) -> Result<(), StoreError> {
        let sql = format!("{EVENTS_WITH_BEFORE} WHERE {condition} ORDER BY seq");
        let database = |error| StoreError::Database { path: self.path.clone(), error };
        let mut statement = self.connection.prepare_cached(&sql).map_err(database)?;
        let mut rows = statement.query(values).map_err(database)?;
        while let Some(row) = rows.next().map_err(database)? {
            let before: Option<String> = row.get(7).map_err(database)?;
            let row = Row::of(row).map_err(database)?;
            let found = row.seq;
            let previous = found.checked_sub(1).ok_or("no event has that number".to_owned());
            let taken = previous
                .and_then(|previous| take(row, (previous, before.unwrap_or(chain::GENESIS.to_owned()))));
            taken.map_err(|why| StoreError::Damaged { path: self.path.clone(), seq: found, why })?;
        }
        Ok(())
    }

    /// One event, with its hash checked against that of the event before it; `None` when the log is shorter.
    pub fn event(&self, seq: u64) -> Result<Option<Recorded>, StoreError> {
        let mut found = None;
        self.rows("seq = ?1", params![seq as i64], |row, previous| {
            found = Some(rows::check(row, (previous.0, &previous.1))?);
            Ok(())
        })?;
        Ok(found)
    }

    /// From now on waits at most so long for another writer: a caller that has other things to do comes
    /// back later.
    pub fn wait_at_most(&self, patience: Duration) -> Result<(), StoreError> {
        let waits = self.connection.busy_timeout(patience);
        waits.map_err(|error| StoreError::Database { path: self.path.clone(), error })
    }

    /// Begins a decision; nobody else can write until it is committed or dropped.
    pub fn begin(&mut self) -> Result<Writing<'_>, StoreError> {
        let path = self.path.as_path();
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| StoreError::Database { path: path.to_owned(), error })?;
        Ok(Writing { path, transaction })
    }

    /// Copies the log as it stands into a new file, while others may write.
    ///
    /// # Errors
    ///
    /// The file is there already, or cannot be written.
    pub fn back_up(&self, copy: &Path) -> Result<(), StoreError> {
        let fault = |error| StoreError::Database { path: copy.to_owned(), error };
        let text = copy.to_str().ok_or_else(|| fault(rusqlite::Error::InvalidPath(copy.to_owned())))?;
        // VACUUM INTO takes a file that is empty, and reads one consistent state (sqlite.org/lang_vacuum).
        make_private_file(copy).map_err(|error| StoreError::Copy { path: copy.to_owned(), error })?;
        self.connection.execute("VACUUM INTO ?1", [text]).map(drop).map_err(fault)
    }

    /// Whether the file was made since mails carry a mark of their state.
    pub fn is_marked(&self) -> Result<bool, StoreError> {
        Ok(self.pragma("application_id")? == APPLICATION_ID)
    }

    fn pragma(&self, name: &str) -> Result<i64, StoreError> {
        let found = self.connection.pragma_query_value(None, name, |row| row.get(0));
        found.map_err(|error| StoreError::Database { path: self.path.clone(), error })
    }

    fn migrate(&self) -> Result<(), StoreError> {
        let database = |error| StoreError::Database { path: self.path.clone(), error };
        match self.pragma("user_version")? {
            SCHEMA_VERSION => Ok(()),
            0 => {
                let sql = format!(
                    "BEGIN IMMEDIATE; {} PRAGMA application_id = {APPLICATION_ID}; \
                     PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;",
                    SCHEMA
                        .replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS")
                        .replace("CREATE INDEX", "CREATE INDEX IF NOT EXISTS")
                );
                self.connection.execute_batch(&sql).map_err(database)
            }
            version => Err(StoreError::TooNew { path: self.path.clone(), version }),
        }
    }
}

/// A decision that is being written; dropped without [`Writing::commit`], nothing of it happened.
pub struct Writing<'a> {
    path: &'a Path,
    transaction: Transaction<'a>,
}

impl Writing<'_> {
    /// As [`Store::read_after`].
    pub fn read_after<E: From<StoreError>>(
        &self,
        seq: u64,
        previous_hash: &str,
        take: impl FnMut(&Recorded) -> Result<(), E>,
    ) -> Result<(), E> {
        rows::read_after(&self.transaction, self.path, seq, previous_hash, take)
    }

    /// Appends one event.
    pub fn append(&self, recorded: &Recorded) -> Result<(), StoreError> {
        let Recorded { seq, at, ticket, by, event, hash } = recorded;
        let sql = "INSERT INTO event (seq, at_ns, ticket, by, version, body, hash)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let values = params![
            *seq as i64,
            nanoseconds(*at),
            ticket.0,
            by,
            chain::EVENT_VERSION,
            chain::body(event),
            hash
        ];
        let inserted =
            self.transaction.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
        inserted.map(drop).map_err(|error| StoreError::Database { path: self.path.to_owned(), error })
    }

    /// Makes the decision last.
    pub fn commit(self) -> Result<(), StoreError> {
        let path = self.path;
        self.transaction.commit().map_err(|error| StoreError::Database { path: path.to_owned(), error })
    }
}

/// Makes a directory that only its owner can read.
fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let mut permissions = std::fs::metadata(directory)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(0o700);
        std::fs::set_permissions(directory, permissions)?;
    }
    Ok(())
}

/// Makes a file that only its owner can read; an error when there is one.
fn make_private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

fn connect(path: &Path, durability: Durability) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_WAIT)?;
    // A prepared query stays as it is: else SQLite makes it anew for each ticket that it is asked about.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let synchronous = match durability {
        Durability::Full => "FULL",
        Durability::Fleeting => "OFF",
    };
    write_ahead(&connection)?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    Ok(connection)
}

/// Several programs may make one new database at a time; who switches it to a write-ahead log while another one does is
/// told that it is busy at once, whatever the busy timeout.
fn write_ahead(connection: &Connection) -> Result<(), rusqlite::Error> {
    let switch = || connection.pragma_update(None, "journal_mode", "WAL");
    for _ in 1..SWITCHES_MAX {
        match switch() {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                thread::sleep(SWITCH_PAUSE);
            }
            switched => return switched,
        }
    }
    switch()
}
