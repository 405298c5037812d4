//! Is the log what was written? Rows of the database in, events with their chain checked out.
//!
//! Each row holds the hash of the one before it in its own hash, so that stretches of a long log are checked
//! side by side while the next rows are read. Events are handed out in order, and never one after a
//! row that is not what was written.

use super::StoreError;
use crate::pure::moment::of_nanoseconds;
use crate::pure::ticket::chain::{self, Entry};
use crate::pure::ticket::{Event, Recorded, TicketId};
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
pub struct Row<'a> {
    pub seq: u64,
    at_ns: i64,
    ticket: u32,
    version: u32,
    by: &'a str,
    pub body: &'a str,
    hash: &'a str,
}

impl<'a> Row<'a> {
    /// The row of a query for `seq, at_ns, ticket, by, version, body, hash`.
    pub fn of(row: &'a rusqlite::Row<'_>) -> Result<Row<'a>, rusqlite::Error> {
        Ok(Row {
            seq: row.get::<_, i64>(0)? as u64,
            at_ns: row.get(1)?,
            ticket: row.get(2)?,
            by: row.get_ref(3)?.as_str()?,
            version: row.get(4)?,
            body: row.get_ref(5)?.as_str()?,
            hash: row.get_ref(6)?.as_str()?,
        })
    }
}

/// Rows one after the other, and number and hash of the event before them. Their texts stand in one, so
/// that the thread that reads takes memory once a stretch and not three times a row.
struct Stretch {
    rows: Vec<Placed>,
    text: String,
    previous: (u64, String),
}

/// A row whose texts stand one after the other in that of its stretch.
struct Placed {
    seq: u64,
    at_ns: i64,
    ticket: u32,
    version: u32,
    from: usize,
    by_end: usize,
    body_end: usize,
    hash_end: usize,
}

impl Stretch {
    fn after(previous: &(u64, String)) -> Stretch {
        Stretch { rows: Vec::new(), text: String::new(), previous: previous.clone() }
    }

    fn push(&mut self, row: &Row<'_>) {
        let Row { seq, at_ns, ticket, version, by, body, hash } = *row;
        let from = self.text.len();
        let [by_end, body_end, hash_end] = [by, body, hash].map(|part| {
            self.text.push_str(part);
            self.text.len()
        });
        self.rows.push(Placed { seq, at_ns, ticket, version, from, by_end, body_end, hash_end });
    }

    fn rows(&self) -> impl DoubleEndedIterator<Item = Row<'_>> {
        self.rows.iter().map(|placed| {
            let &Placed { seq, at_ns, ticket, version, from, by_end, body_end, hash_end } = placed;
            let (by, body) = (&self.text[from..by_end], &self.text[by_end..body_end]);
            Row { seq, at_ns, ticket, version, by, body, hash: &self.text[body_end..hash_end] }
        })
    }
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
    mut take: impl FnMut(&Recorded) -> Result<(), E>,
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
    let mut hand_out = |checked: Checked| -> Result<Vec<Recorded>, E> {
        let events = checked.map_err(damaged)?;
        events.iter().try_for_each(&mut take).map(|()| events)
    };
    let first = next()?;
    if first.rows.len() < STRETCH_ROWS {
        return hand_out(check_all(first, Vec::new())).map(drop);
    }
    thread::scope(|scope| {
        let mut helpers = Helpers::begin(scope);
        helpers.give(first);
        loop {
            let stretch = next()?;
            if stretch.rows.is_empty() {
                break;
            }
            if helpers.are_full()
                && let Some(checked) = helpers.result()
            {
                helpers.spent = hand_out(checked)?;
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
    let mut stretch = Stretch::after(previous);
    while stretch.rows.len() < STRETCH_ROWS
        && let Some(row) = rows.next()?
    {
        stretch.push(&Row::of(row)?);
    }
    if let Some(last) = stretch.rows().next_back() {
        *previous = (last.seq, last.hash.to_owned());
    }
    Ok(stretch)
}

/// A stretch to check, and events that were handed out: who made them gives their memory back, which is
/// much cheaper than for another thread.
type Work = (Stretch, Vec<Recorded>);

/// Threads that check stretches, by turns.
struct Helpers {
    lines: Vec<(SyncSender<Work>, Receiver<Checked>)>,
    given: usize,
    /// Whose results are to be had, in the order in which they were given work.
    owed: VecDeque<usize>,
    /// The events of the last result: they go back with the next stretch, whose turn is the same helper's.
    spent: Vec<Recorded>,
}

impl Helpers {
    fn begin<'scope>(scope: &'scope Scope<'scope, '_>) -> Helpers {
        let number = thread::available_parallelism().map_or(1, |number| number.get().min(HELPERS_MAX));
        let begin = |_| {
            let (work, stretches) = sync_channel::<Work>(AHEAD);
            let (results, checked) = sync_channel(AHEAD);
            scope.spawn(move || {
                for (stretch, spent) in stretches {
                    // Nobody takes the result after a fault elsewhere.
                    if results.send(check_all(stretch, spent)).is_err() {
                        break;
                    }
                }
            });
            (work, checked)
        };
        let lines = (0..number).map(begin).collect();
        Helpers { lines, given: 0, owed: VecDeque::new(), spent: Vec::new() }
    }

    fn are_full(&self) -> bool {
        self.owed.len() >= self.lines.len() * AHEAD
    }

    fn give(&mut self, stretch: Stretch) {
        let helper = self.given % self.lines.len();
        self.given += 1;
        let work = (stretch, std::mem::take(&mut self.spent));
        self.lines[helper].0.send(work).expect("a helper goes on while it is given work");
        self.owed.push_back(helper);
    }

    /// The result of the stretch that was given first; `None` when none is owed.
    fn result(&mut self) -> Option<Checked> {
        let helper = self.owed.pop_front()?;
        Some(self.lines[helper].1.recv().expect("a helper gives a result for all work"))
    }
}

/// Checks a stretch; `events` is a list whose place is used again.
fn check_all(stretch: Stretch, mut events: Vec<Recorded>) -> Checked {
    events.clear();
    events.reserve(stretch.rows.len());
    let (mut seq, mut hash) = (stretch.previous.0, stretch.previous.1.as_str());
    for row in stretch.rows() {
        let (next, next_hash) = (row.seq, row.hash);
        events.push(check(row, (seq, hash)).map_err(|why| (next, why))?);
        (seq, hash) = (next, next_hash);
    }
    Ok(events)
}

/// Checks that the row follows its predecessor and is what was written.
pub fn check(row: Row<'_>, previous: (u64, &str)) -> Result<Recorded, String> {
    let Row { seq, at_ns, ticket, by, version, body, hash } = row;
    if seq != previous.0 + 1 {
        return Err(format!("it follows event {}", previous.0));
    }
    if version != chain::EVENT_VERSION {
        return Err(format!("its version {version} is not known"));
    }
    let (at, ticket) = (of_nanoseconds(at_ns), TicketId(ticket));
    if chain::link(previous.1, &Entry { seq, at, ticket, by, body }) != hash {
        return Err("its hash does not fit".to_owned());
    }
    let event: Event = serde_json::from_str(body).map_err(|error| error.to_string())?;
    Ok(Recorded { seq, at, ticket, by: by.to_owned(), event, hash: hash.to_owned() })
}
