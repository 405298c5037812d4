//! What was asked today, by any process, and which answers still hold? A small file in the state directory.
//!
//! A file of its own and not the log: `allclear listing` asks too, and belongs to no ticket. Whoever
//! reads or changes it holds a lock beside it. It must never lose count: a file that cannot be read ends
//! the asking, not the counting.

use crate::pure::listing::Lookup;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use rustix::fs::FlockOperation;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Answers kept, the newest; each is asked for at most once an hour.
const ANSWERS_MAX: usize = 1000;

/// The book of a state directory.
#[derive(Debug)]
pub struct Book {
    path: PathBuf,
    lock: PathBuf,
}

/// What stands in it.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Page {
    /// The day in UTC, as `2026-11-26`.
    day: String,
    /// Questions of that day.
    queries: u32,
    answers: Vec<Lookup>,
}

/// What somebody wants to know.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub address: IpAddr,
    pub zone: &'a str,
    pub resolver: SocketAddr,
}

impl Wanted<'_> {
    fn is_of(&self, lookup: &Lookup) -> bool {
        let Wanted { address, zone, resolver } = *self;
        (lookup.address, lookup.zone.as_str(), lookup.resolver) == (address, zone, resolver)
    }
}

impl Book {
    /// The book of this state directory, which is made where it is not there yet.
    pub fn at(state: &Path) -> Result<Book, String> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(state).map_err(|error| {
            format!("cannot make {} ({error}): give allclear the right to", state.display())
        })?;
        Ok(Book { path: state.join("listing.json"), lock: state.join(".listing.lock") })
    }

    /// The newest answer from `not_before` or later that still holds at `now`.
    pub fn kept(
        &self,
        wanted: &Wanted<'_>,
        now: Timestamp,
        not_before: Timestamp,
    ) -> Result<Option<Lookup>, String> {
        let is_it = |kept: &&Lookup| wanted.is_of(kept) && kept.holds(now, not_before);
        self.change(|page| page.answers.iter().rev().find(is_it).cloned())
    }

    /// Counts one question, before it is sent.
    ///
    /// # Errors
    ///
    /// The limit of the day is reached, or the book cannot be written: nothing may be sent.
    pub fn count(&self, now: Timestamp, daily_limit: u32) -> Result<(), String> {
        let today = ZonedDateTime::new(now, TimeZone::UTC).date();
        self.change(|page| {
            // A clock that was set back does not begin a new day; one that was days ahead had the wrong day.
            let is_kept = |day: Date| today <= day && today.tomorrow().is_ok_and(|tomorrow| day <= tomorrow);
            if !page.day.parse().is_ok_and(is_kept) {
                (page.day, page.queries) = (today.to_string(), 0);
            }
            if page.queries >= daily_limit {
                return Err(format!(
                    "the {daily_limit} queries of {} (UTC) are used up: wait for the next day, or raise \
                     `daily_limit` if the list allows it",
                    page.day
                ));
            }
            page.queries += 1;
            Ok(())
        })?
    }

    /// Keeps an answer for as long as it holds.
    pub fn keep(&self, lookup: &Lookup) -> Result<(), String> {
        self.change(|page| {
            page.answers.retain(|kept| kept.holds_until() > lookup.at && kept.address != lookup.address);
            page.answers.push(lookup.clone());
            let surplus = page.answers.len().saturating_sub(ANSWERS_MAX);
            page.answers.drain(..surplus);
        })
    }

    /// Reads the book, lets it be changed and writes it, while nobody else does.
    fn change<T>(&self, change: impl FnOnce(&mut Page) -> T) -> Result<T, String> {
        let failed = |error: std::io::Error| {
            format!("cannot use {} ({error}): give allclear the right to, or make room", self.path.display())
        };
        let lock = private().open(&self.lock).map_err(failed)?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive).map_err(|error| failed(error.into()))?;
        let mut page = self.read()?;
        let changed = change(&mut page);
        self.write(&page).map_err(failed)?;
        Ok(changed)
    }

    fn read(&self) -> Result<Page, String> {
        let text = match fs::read_to_string(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Page::default()),
            read => read.map_err(|error| error.to_string()),
        };
        text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string())).map_err(
            |error| {
                let shown = self.path.display();
                format!("{shown}, which counts the queries of the day, cannot be read ({error}): delete it")
            },
        )
    }

    /// In one piece, or not at all.
    fn write(&self, page: &Page) -> std::io::Result<()> {
        let text = serde_json::to_string(page)?;
        let hidden = self.path.with_file_name(".listing.json.part");
        let mut file: File = private().truncate(true).open(&hidden)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        fs::rename(&hidden, &self.path)
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::listing::Listing;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn resolver() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 53))
    }

    #[test]
    fn the_limit_holds_for_a_day_and_over_all_who_ask() {
        let state = tempfile::tempdir().expect("a directory");
        let one = Book::at(state.path()).expect("writable");
        let other = Book::at(state.path()).expect("writable");
        for (row, book, now, is_counted) in [
            ("first", &one, "2026-11-26T00:00:00Z", true),
            ("second, of another process", &other, "2026-11-26T12:00:00Z", true),
            ("one too many", &one, "2026-11-26T23:59:59Z", false),
            ("one too many, of another process", &other, "2026-11-26T23:59:59Z", false),
            ("the next day", &one, "2026-11-27T00:00:00Z", true),
            ("the clock set back", &one, "2026-11-26T10:00:00Z", true),
            ("still the next day", &other, "2026-11-26T10:00:00Z", false),
            ("one day ahead, and back", &one, "2026-11-26T23:59:59Z", false),
            ("two days ahead, and back", &one, "2026-11-25T23:59:59Z", true),
            ("it counts from there on", &one, "2026-11-25T23:59:59Z", true),
            ("and ends as ever", &other, "2026-11-25T23:59:59Z", false),
        ] {
            assert_eq!(book.count(at(now), 2).is_ok(), is_counted, "{row}");
        }
    }

    #[test]
    fn a_book_that_cannot_be_read_ends_the_asking() {
        let state = tempfile::tempdir().expect("a directory");
        let book = Book::at(state.path()).expect("writable");
        fs::write(state.path().join("listing.json"), "{").expect("writable");
        let why = book.count(at("2026-11-26T00:00:00Z"), 2).expect_err("no count");
        assert!(why.contains("delete it"), "{why}");
    }

    #[test]
    fn an_answer_is_given_again_while_it_holds() {
        let state = tempfile::tempdir().expect("a directory");
        let book = Book::at(state.path()).expect("writable");
        let address = IpAddr::from([192, 0, 2, 17]);
        let asked = at("2026-11-26T10:00:00Z");
        let lookup = Lookup {
            answer: Listing::NotListed,
            ttl_s: Some(60),
            ..Lookup::unknown(address, "xbl.example", resolver(), asked, "not listed")
        };
        book.keep(&lookup).expect("writable");
        let kept = |address, zone: &str, now: &str, not_before: &str| {
            let wanted = Wanted { address, zone, resolver: resolver() };
            book.kept(&wanted, at(now), at(not_before)).expect("readable").is_some()
        };
        let (now, early) = ("2026-11-26T10:00:59Z", "2026-11-26T09:00:00Z");
        assert!(kept(address, "xbl.example", now, early));
        assert!(!kept(address, "sbl.example", now, early), "another zone");
        assert!(!kept(IpAddr::from([192, 0, 2, 18]), "xbl.example", now, early), "another address");
        assert!(!kept(address, "xbl.example", "2026-11-26T10:01:00Z", early), "over");
        assert!(!kept(address, "xbl.example", now, "2026-11-26T10:00:30Z"), "the run began later");
    }
}
