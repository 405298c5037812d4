//! Is the log what was written? Rows of the database in, events with their chain checked out.
//!
//! Each row holds the hash of the one before it in its own hash, so that stretches of a long log are checked
//! side by side while the next rows are read. Events are handed out in order, and never one after a
//! row that is not what was written.

use super::StoreError;
use crate::pure::ticket::{Event, Recorded, TicketId, chain};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, Scope};

/// Rows that are checked in one go; about a megabyte. A log with fewer new rows needs no help.
const STRETCH_ROWS: usize = 1_024;

/// Helpers that check stretches: more than these wait for the one that reads.
const HELPERS_MAX: usize = 4;

/// Stretches that a helper has before it, so that it never waits; they bound the memory.
const AHEAD: usize = 2;

/// A row as it is stored.
pub struct Row {
    pub seq: u64,
    at_ns: i64,
    ticket: u32,
    by: String,
    version: u32,
    pub body: String,
    hash: String,
}

impl Row {
    /// The row of a query for `seq, at_ns, ticket, by, version, body, hash`.
    pub fn of(row: &rusqlite::Row<'_>) -> Result<Row, rusqlite::Error> {
        Ok(Row {
            seq: row.get::<_, i64>(0)? as u64,
            at_ns: row.get(1)?,
            ticket: row.get(2)?,
            by: row.get(3)?,
            version: row.get(4)?,
            body: row.get(5)?,
            hash: row.get(6)?,
        })
    }
}

/// Rows one after the other, and number and hash of the event before them.
struct Stretch {
    rows: Vec<Row>,
    previous: (u64, String),
}

/// A row that is not what was written: its number, and why.
type Damage = (u64, String);

/// What became of a stretch.
type Checked = Result<Vec<Recorded>, Damage>;

/// Hands every event after `seq` to `take`, in order, its chain checked from `previous_hash` on.
pub fn read_after<E: From<StoreError>>(
    connection: &Connection,
    path: &Path,
    seq: u64,
    previous_hash: &str,
    mut take: impl FnMut(Recorded) -> Result<(), E>,
) -> Result<(), E> {
    let database = |error| StoreError::Database { path: path.to_owned(), error };
    let newest: Option<i64> = connection
        .query_row("SELECT max(seq) FROM event", [], |row| row.get(0))
        .optional()
        .map_err(database)?
        .flatten();
    if newest.is_none_or(|newest| newest <= seq as i64) {
        return Ok(());
    }
    let sql = "SELECT seq, at_ns, ticket, by, version, body, hash FROM event WHERE seq > ?1 ORDER BY seq";
    let mut statement = connection.prepare_cached(sql).map_err(database)?;
    let mut rows = statement.query([seq as i64]).map_err(database)?;
    let mut previous = (seq, previous_hash.to_owned());
    let mut next = || next_stretch(&mut rows, &mut previous).map_err(database);
    let damaged = |(seq, why)| StoreError::Damaged { path: path.to_owned(), seq, why };
    let mut hand_out =
        |checked: Checked| -> Result<(), E> { checked.map_err(damaged)?.into_iter().try_for_each(&mut take) };
    let first = next()?;
    if first.rows.len() < STRETCH_ROWS {
        return hand_out(check_all(first));
    }
    thread::scope(|scope| {
        let mut helpers = Helpers::begin(scope);
        helpers.give(first);
        loop {
            let stretch = next()?;
            if stretch.rows.is_empty() {
                break;
            }
            if helpers.are_full() {
                helpers.result().map_or(Ok(()), &mut hand_out)?;
            }
            helpers.give(stretch);
        }
        while let Some(checked) = helpers.result() {
            hand_out(checked)?;
        }
        Ok(())
    })
}

fn next_stretch(
    rows: &mut rusqlite::Rows<'_>,
    previous: &mut (u64, String),
) -> Result<Stretch, rusqlite::Error> {
    let mut stretch = Stretch { rows: Vec::new(), previous: previous.clone() };
    while stretch.rows.len() < STRETCH_ROWS
        && let Some(row) = rows.next()?
    {
        stretch.rows.push(Row::of(row)?);
    }
    if let Some(last) = stretch.rows.last() {
        *previous = (last.seq, last.hash.clone());
    }
    Ok(stretch)
}

/// Threads that check stretches, by turns.
struct Helpers {
    lines: Vec<(SyncSender<Stretch>, Receiver<Checked>)>,
    given: usize,
    /// Whose results are to be had, in the order in which they were given work.
    owed: VecDeque<usize>,
}

impl Helpers {
    fn begin<'scope>(scope: &'scope Scope<'scope, '_>) -> Helpers {
        let number = thread::available_parallelism().map_or(1, |number| number.get().min(HELPERS_MAX));
        let begin = |_| {
            let (work, stretches) = sync_channel::<Stretch>(AHEAD);
            let (results, checked) = sync_channel(AHEAD);
            scope.spawn(move || {
                for stretch in stretches {
                    // Nobody takes the result after a fault elsewhere.
                    if results.send(check_all(stretch)).is_err() {
                        break;
                    }
                }
            });
            (work, checked)
        };
        Helpers { lines: (0..number).map(begin).collect(), given: 0, owed: VecDeque::new() }
    }

    fn are_full(&self) -> bool {
        self.owed.len() >= self.lines.len() * AHEAD
    }

    fn give(&mut self, stretch: Stretch) {
        let helper = self.given % self.lines.len();
        self.given += 1;
        self.lines[helper].0.send(stretch).expect("a helper goes on while it is given work");
        self.owed.push_back(helper);
    }

    /// The result of the stretch that was given first; `None` when none is owed.
    fn result(&mut self) -> Option<Checked> {
        let helper = self.owed.pop_front()?;
        Some(self.lines[helper].1.recv().expect("a helper gives a result for all work"))
    }
}

fn check_all(stretch: Stretch) -> Checked {
    let Stretch { rows, mut previous } = stretch;
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        let seq = row.seq;
        let recorded = check(row, (previous.0, &previous.1)).map_err(|why| (seq, why))?;
        previous = (recorded.seq, recorded.hash.clone());
        events.push(recorded);
    }
    Ok(events)
}

/// Checks that the row follows its predecessor and is what was written.
pub fn check(row: Row, previous: (u64, &str)) -> Result<Recorded, String> {
    let Row { seq, at_ns, ticket, by, version, body, hash } = row;
    if seq != previous.0 + 1 {
        return Err(format!("it follows event {}", previous.0));
    }
    if version != chain::EVENT_VERSION {
        return Err(format!("its version {version} is not known"));
    }
    let at = Timestamp::from_nanosecond(i128::from(at_ns)).map_err(|error| error.to_string())?;
    let ticket = TicketId(ticket);
    if chain::link(previous.1, seq, at, ticket, &by, &body) != hash {
        return Err("its hash does not fit".to_owned());
    }
    let event: Event = serde_json::from_str(&body).map_err(|error| error.to_string())?;
    Ok(Recorded { seq, at, ticket, by, event, hash })
}
