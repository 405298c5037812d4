//! On which day were the packets of a text table captured? Opens a table as the capture that it shows.
//!
//! Its rows tell times of day. The day was given, or stands in the file's name; a day that is only likely is
//! said to be so, and none is made up.

use super::files::OpenError;
use crate::pure::recording::{DayInName, TABLE_BYTES_MAX, Table, TableFacts, day_in_name};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::io::{self, Read};
use std::path::Path;

/// How the day of a table's first row is found.
#[derive(Clone, Debug)]
pub struct Days {
    /// What a person said; it goes before the name.
    pub given: Option<Date>,
    /// Where the appliance's clock is.
    pub zone: TimeZone,
    pub otherwise: Otherwise,
}

/// What is done with a table whose day neither a person nor a name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Otherwise {
    /// Its times are shown on 1970-01-01, and that is said.
    Epoch,
    /// The file's last change is asked, and else the table is refused: a table of another night must not count
    /// for this one.
    Refuse,
}

/// What a text table tells beside its packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRead {
    pub facts: TableFacts,
    /// What is to be said of it, in sentences: lines that could not be read, and a day that is not sure.
    pub notes: Vec<String>,
}

impl Days {
    /// For tables that a person names, whose day may be given.
    pub fn of_scan(given: Option<Date>, zone: TimeZone) -> Days {
        Days { given, zone, otherwise: Otherwise::Epoch }
    }

    /// For the tables of a source, in the zone of its site.
    pub fn of_source(zone: TimeZone) -> Days {
        Days { given: None, zone, otherwise: Otherwise::Refuse }
    }
}

/// The capture that a text shows; `None` when it holds no table. `path` gives the day's name and age.
pub(super) fn unpack(
    name: &str,
    path: &Path,
    text: impl Read,
    days: &Days,
) -> Result<Option<(Vec<u8>, TableRead)>, OpenError> {
    let mut bytes = Vec::new();
    let read = text.take(TABLE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|source| OpenError::Unreadable { name: name.to_string(), source })?;
    if bytes.len() > TABLE_BYTES_MAX {
        let source = io::Error::other(format!("a text of more than {TABLE_BYTES_MAX} bytes: split it"));
        return Err(OpenError::Unreadable { name: name.to_string(), source });
    }
    let Some(table) = Table::read(&bytes) else { return Ok(None) };
    let (day, zone, note) = day(name, path, &table, days)?;
    let misplaced = |what| OpenError::Misplaced { name: name.to_string(), what };
    let (capture, facts) = table.capture(day, &zone).map_err(misplaced)?;
    let notes = note.into_iter().chain(facts.unread.iter().cloned()).collect();
    Ok(Some((capture, TableRead { facts, notes })))
}

/// The day of the first row, the zone that it is meant in, and what is to be said of both.
fn day(
    name: &str,
    path: &Path,
    table: &Table,
    days: &Days,
) -> Result<(Date, TimeZone, Option<String>), OpenError> {
    let zone = days.zone.clone();
    let epoch = Date::constant(1970, 1, 1);
    if !table.needs_day() {
        return Ok((epoch, zone, None));
    }
    if let Some(day) = days.given.or_else(|| named_day(path)) {
        return Ok((day, zone, None));
    }
    match days.otherwise {
        Otherwise::Epoch => {
            let note =
                "its times have no day: name it with --date (they are shown on 1970-01-01)".to_string();
            Ok((epoch, TimeZone::UTC, Some(note)))
        }
        Otherwise::Refuse => match changed(path).and_then(|at| table.day_by_change(at, &zone)) {
            Some(day) => {
                let note =
                    format!("is taken to be of {day}, since it was saved then: put its day into its name");
                Ok((day, zone, Some(note)))
            }
            None => Err(OpenError::NoDay { name: name.to_string() }),
        },
    }
}

/// The day in the name of the file, else in that of its directory.
fn named_day(path: &Path) -> Option<Date> {
    let in_name = |path: &Path| path.file_name().map(|name| day_in_name(&name.to_string_lossy()));
    match in_name(path)? {
        DayInName::One(day) => Some(day),
        DayInName::Several => None,
        DayInName::None => match path.parent().and_then(in_name) {
            Some(DayInName::One(day)) => Some(day),
            _ => None,
        },
    }
}

fn changed(path: &Path) -> Option<Timestamp> {
    Timestamp::try_from(path.metadata().ok()?.modified().ok()?).ok()
}
