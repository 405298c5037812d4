//! What is in the watchlists of a run, files included, and are they fresh?
//!
//! A file that has not changed is read once, and all runs of the process share what was compiled of it;
//! one that has is compiled anew in the thread of the run that comes first, and the old copy goes with the
//! last run that began with it. It must never let an unreadable file pass for an empty wish: the run then
//! says so.

use super::known;
use super::shut_out::shut_out;
use crate::pure::address::Translator;
use crate::pure::number::{count, duration};
use crate::pure::plan::CapturePlan;
use crate::pure::verdict::{BlamedHost, WatchlistFacts};
use crate::pure::watchlist::{
    self, CompiledList, FILE_BYTES_MAX, FileRead, Index, ListFault, Part, Watchlist,
};
use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use std::fs::{File, Metadata};
use std::io::Read;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// So often a file is read that changes meanwhile, after a pause each.
const READS_MAX: usize = 4;
const READ_PAUSE: Duration = Duration::from_millis(250);

/// So many files are kept for the next run; those that no run uses go first.
const KEPT_FILES_MAX: usize = 64;

/// So many entries that are looked for no more are named in one sentence.
const GONE_SHOWN_MAX: usize = 3;

/// How long the runs are told that a list has shrunk: those of one night, and not of every night.
const SHRANK_TOLD_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The watchlist files that this process has compiled; a clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Lists(Arc<Mutex<Vec<Arc<Slot>>>>);

/// One file. Whoever reads it holds the lock, so that others wait for the copy instead of making one too.
#[derive(Debug)]
struct Slot {
    path: PathBuf,
    kept: Mutex<Option<Kept>>,
}

/// What a file held.
#[derive(Clone, Debug)]
struct Kept {
    version: Version,
    part: Arc<Part>,
    /// What of it could not be applied, in a sentence, and whether that is too much.
    unapplied: Option<(String, bool)>,
    /// When it was found to be much shorter than before, and by how much, in a sentence.
    shrank: Option<(Timestamp, String)>,
}

/// Changes when a file is written to or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Version {
    place: (u64, u64),
    bytes: u64,
    modified_ns: (i64, i64),
    changed_ns: (i64, i64),
}

/// The watchlists of a run, ready to be looked up in.
pub struct Loaded {
    pub index: Index,
    pub facts: WatchlistFacts,
    /// What a person should know of the files besides, in sentences.
    pub troubles: Vec<String>,
}

/// What is loaded, and for whom.
pub struct Order<'a> {
    pub watchlists: &'a [Watchlist],
    /// What is looked for besides where those do not hold it.
    pub remembered: &'a [Watchlist],
    /// The site's own public networks, which no list should name.
    pub public: &'a [IpNet],
    /// What has to pass before anything is looked up.
    pub filter: Option<&'a str>,
    pub inside: &'a [IpNet],
    /// The hosts that must be found silent.
    pub blamed: &'a [BlamedHost],
    pub nat64: &'a [Translator],
    /// What was known of the files before is kept below it.
    pub state_dir: &'a Path,
    /// What a file's age is reckoned from.
    pub now: Timestamp,
}

impl<'a> Order<'a> {
    /// What a run of this plan wants loaded.
    pub fn of(plan: &'a CapturePlan, state_dir: &'a Path, now: Timestamp) -> Order<'a> {
        let CapturePlan { watchlists, remembered, public, filter, inside, blamed, nat64, .. } = plan;
        Order {
            watchlists,
            remembered,
            public,
            filter: filter.as_deref(),
            inside,
            blamed,
            nat64,
            state_dir,
            now,
        }
    }

    /// Of the first blamed host whose calls the filter can never let through, the lists of which that is so: others
    /// inside may pass, and its silence would be the filter's.
    fn blamed_shut_out(&self, index: &Index) -> Vec<ListFault> {
        let Some(filter) = self.filter else { return Vec::new() };
        let of_host = |host: IpAddr| {
            let mut faults = shut_out(filter, &[host.into()], self.nat64, index);
            for fault in &mut faults {
                fault.what += &format!(", from {host}, which the ticket blames");
            }
            (!faults.is_empty()).then_some(faults)
        };
        self.blamed.iter().find_map(|blamed| of_host(blamed.host)).unwrap_or_default()
    }
}

impl Lists {
    /// Reads and compiles the watchlists of a run.
    pub fn load(&self, order: &Order<'_>) -> Loaded {
        let (mut facts, mut troubles) = (WatchlistFacts::default(), Vec::new());
        let take = |watchlist| CompiledList {
            watchlist,
            file: self.file(watchlist, order, &mut facts, &mut troubles),
        };
        let mut compiled: Vec<CompiledList<'_>> = order.watchlists.iter().map(take).collect();
        let mut index = Index::compile(&compiled);
        let gone: Vec<Watchlist> = order.remembered.iter().filter_map(|list| index.lacking(list)).collect();
        if !gone.is_empty() {
            troubles.extend(gone.iter().map(still_looked_for));
            compiled.extend(gone.iter().map(|watchlist| CompiledList { watchlist, file: None }));
            index = Index::compile(&compiled);
        }
        facts.entries = index.counts().total();
        let shut_out = order.filter.map(|filter| shut_out(filter, order.inside, order.nat64, &index));
        facts.shut_out = shut_out.unwrap_or_default();
        if facts.shut_out.is_empty() {
            // What no host inside can show is told already.
            facts.shut_out = order.blamed_shut_out(&index);
        }
        Loaded { index, facts, troubles }
    }

    fn file(
        &self,
        watchlist: &Watchlist,
        order: &Order<'_>,
        facts: &mut WatchlistFacts,
        troubles: &mut Vec<String>,
    ) -> Option<Arc<Part>> {
        let path = watchlist.file.as_ref()?;
        let fault = |what| ListFault { list: watchlist.name.clone(), what };
        let stale = watchlist.age_max.and_then(|age_max| staleness(path, age_max, order.now));
        facts.stale.extend(stale.map(fault));
        match self.slot(path).read(order) {
            Ok(kept) => {
                troubles.extend(told(&kept, path, order));
                let too_much = kept.unapplied.filter(|(_, is_too_much)| *is_too_much);
                facts.incomplete.extend(too_much.map(|(what, _)| fault(what)));
                Some(kept.part)
            }
            Err(why) => {
                facts.empty.push(fault(why));
                None
            }
        }
    }

    fn slot(&self, path: &Path) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.iter().find(|slot| slot.path == path) {
            return slot.clone();
        }
        if slots.len() >= KEPT_FILES_MAX {
            slots.retain(|slot| Arc::strong_count(slot) > 1 || slot.is_in_use());
        }
        let slot = Arc::new(Slot { path: path.to_owned(), kept: Mutex::new(None) });
        slots.push(slot.clone());
        slot
    }
}

impl Slot {
    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        // It is put in at once, or not at all.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_in_use(&self) -> bool {
        self.kept().as_ref().is_some_and(|kept| Arc::strong_count(&kept.part) > 1)
    }

    /// What the file holds now.
    fn read(&self, order: &Order<'_>) -> Result<Kept, String> {
        let unreadable = |error| format!("{} could not be read: {error}", self.path.display());
        let mut kept = self.kept();
        let version = Version::of(&self.path.metadata().map_err(unreadable)?);
        if let Some(kept) = kept.as_ref().filter(|kept| kept.version == version) {
            return Ok(kept.clone());
        }
        // Before the new copy is made, the old one goes, unless a run still needs it.
        *kept = None;
        let (version, read) = read_whole(&self.path, &mut read)?;
        let is_too_much = read.too_much_unapplied().is_some();
        let unapplied = read.unapplied().map(|what| (what, is_too_much));
        let FileRead { part, .. } = read;
        let shrank = known::note(order.state_dir, &self.path, part.counts().total());
        let shrank = shrank.map(|what| (order.now, what));
        let new = Kept { version, part: Arc::new(part), unapplied, shrank };
        *kept = Some(new.clone());
        Ok(new)
    }
}

/// Reads a file as it is at one time: what is written to meanwhile is not known whole, and read again.
fn read_whole(
    path: &Path,
    read: &mut dyn FnMut(&mut File, &Path) -> Result<FileRead, String>,
) -> Result<(Version, FileRead), String> {
    let unreadable = |error| format!("{} could not be read: {error}", path.display());
    for attempt in 0..READS_MAX {
        if attempt > 0 {
            thread::sleep(READ_PAUSE);
        }
        let mut file = File::open(path).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let version = Version::of(&metadata);
        let content = read(&mut file, path);
        // By its name, so that one that was replaced meanwhile is read anew too. A pipe is read only once.
        if !metadata.is_file() || path.metadata().is_ok_and(|after| Version::of(&after) == version) {
            return Ok((version, content?));
        }
    }
    Err(format!(
        "{} is being written: write the new list beside it and rename it when it is whole",
        path.display()
    ))
}

impl Version {
    fn of(metadata: &Metadata) -> Version {
        Version {
            place: (metadata.dev(), metadata.ino()),
            bytes: metadata.size(),
            modified_ns: (metadata.mtime(), metadata.mtime_nsec()),
            changed_ns: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

fn read(file: &mut File, path: &Path) -> Result<FileRead, String> {
    let shown = path.display();
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("{shown} could not be read: {error}"))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("{shown} is larger than {FILE_BYTES_MAX} bytes: split it"));
    }
    let read = watchlist::read_file(&bytes).map_err(|fault| format!("{shown}: {fault}"))?;
    if read.part.counts().total() == 0 {
        let rejected = count(read.rejected_lines, "line");
        return Err(format!("{shown} holds no entry, {rejected} rejected"));
    }
    Ok(read)
}

/// What a person should know of entries that a blamed host called and that are looked for no more.
fn still_looked_for(gone: &Watchlist) -> String {
    let entries: Vec<&str> = gone.entries.iter().map(|entry| entry.text.as_str()).collect();
    let more = match entries.len().saturating_sub(GONE_SHOWN_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "the run looks for {}{more} of {} besides, which a blamed host called and which none of its lists names any more",
        entries[..entries.len().min(GONE_SHOWN_MAX)].join(", "),
        gone.name
    )
}

/// What a person should know of a file that can be used.
fn told(kept: &Kept, path: &Path, order: &Order<'_>) -> Vec<String> {
    let shown = path.display();
    let unapplied = kept.unapplied.as_ref();
    let unapplied = unapplied.map(|(what, _)| format!("in {shown} {what}; see allclear watchlist {shown}"));
    let odd = kept.part.odd(order.public).in_short().map(|odd| format!("in {shown} {odd}"));
    let is_recent = |(at, _): &&(Timestamp, String)| order.now.duration_since(*at) < SHRANK_TOLD_FOR;
    let shrank = kept.shrank.as_ref().filter(is_recent).map(|(_, what)| what.clone());
    shrank.into_iter().chain(unapplied).chain(odd).collect()
}

/// How much too old a file is, in words that go on from its list; `None` when it is not, or is not there (that is
/// told already).
fn staleness(path: &Path, age_max: Duration, now: Timestamp) -> Option<String> {
    let (limit, shown) = (duration(age_max.as_secs()), path.display());
    let modified = path.metadata().and_then(|metadata| metadata.modified()).ok()?;
    let Ok(modified) = Timestamp::try_from(modified) else {
        return Some(format!("is of no known age, and its `max_age` is {limit} ({shown})"));
    };
    // One that was written in the future, by another clock, is not old.
    let age = Duration::try_from(now.duration_since(modified)).unwrap_or_default();
    let age_words = duration(age.as_secs());
    (age > age_max).then(|| format!("is {age_words} old, more than its `max_age` of {limit} ({shown})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::watchlist::Entry;
    use std::fs;

    fn feed(path: &Path, age_max: Duration) -> Watchlist {
        Watchlist {
            name: "feed".to_owned(),
            file: Some(path.to_owned()),
            age_max: Some(age_max),
            ..Watchlist::default()
        }
    }

    fn order<'a>(watchlists: &'a [Watchlist], state_dir: &'a Path, now: Timestamp) -> Order<'a> {
        Order {
            blamed: &[],
            watchlists,
            remembered: &[],
            public: &[],
            filter: None,
            inside: &[],
            nat64: &[],
            state_dir,
            now,
        }
    }

    /// Loads the feed below a directory, which is the state directory too.
    fn load(lists: &Lists, directory: &Path, age_max: Duration, now: Timestamp) -> Loaded {
        let watchlists = [feed(&directory.join("feed.txt"), age_max)];
        lists.load(&order(&watchlists, directory, now))
    }

    fn modified(path: &Path) -> Timestamp {
        let modified = path.metadata().and_then(|metadata| metadata.modified()).expect("has a time");
        Timestamp::try_from(modified).expect("in range")
    }

    #[test]
    fn files_that_are_missing_empty_or_old_are_told() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("feed.txt");
        let week = Duration::from_secs(7 * 24 * 3600);
        let facts = |now| load(&Lists::default(), directory.path(), week, now).facts;
        let missing = facts(Timestamp::UNIX_EPOCH);
        assert_eq!((missing.entries, missing.empty.len(), missing.stale.len()), (0, 1, 0));

        fs::write(&path, "# nothing yet\n").expect("writable");
        assert_eq!(facts(modified(&path)).empty.len(), 1);

        fs::write(&path, "192.0.2.1\nevil.example\n").expect("writable");
        let fresh = facts(modified(&path) + week);
        assert_eq!((fresh.entries, fresh.empty.len(), fresh.stale), (2, 0, vec![]));
        let stale = facts(modified(&path) + week + Duration::from_secs(1));
        let what = format!("is 7 d old, more than its `max_age` of 7 d ({})", path.display());
        assert_eq!(stale.stale, [ListFault { list: "feed".to_owned(), what }]);
    }

    #[test]
    fn what_a_blamed_host_called_is_looked_for_when_the_file_does_not_name_it_any_more() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("feed.txt");
        let entries =
            |texts: &[&str]| texts.iter().flat_map(|text| Entry::parse(text).expect(text)).collect();
        let called = ["192.0.2.1", "198.51.100.0/24", "evil.example", "tcp/4444"];
        let remembered =
            [Watchlist { name: "feed".to_owned(), entries: entries(&called), ..Watchlist::default() }];
        let lists = Lists::default();
        for (file, wanted) in [
            ("192.0.2.1\n198.51.100.0/24\nevil.example\ntcp/4444\n203.0.113.1\n", &[][..]),
            ("192.0.2.1\n203.0.113.1\n", &called[1..]),
            ("192.0.2.1:80\n198.51.100.0/25\nbad.evil.example\ntcp/4440-4450\n", &called[..]),
        ] {
            fs::write(&path, file).expect("writable");
            let watchlists = [feed(&path, Duration::MAX)];
            let order = Order {
                remembered: &remembered,
                ..order(&watchlists, directory.path(), Timestamp::UNIX_EPOCH)
            };
            let Loaded { index, facts, troubles } = lists.load(&order);
            assert_eq!(facts.entries as usize, file.lines().count() + wanted.len(), "{file}");
            assert!(index.lacking(&remembered[0]).is_none(), "{file}: all of it is looked for");
            let told: Vec<&str> =
                troubles.iter().filter_map(|told| Some(told.split_once(" of feed")?.0)).collect();
            let listed = match wanted.len() {
                0 => Vec::new(),
                4 => vec!["the run looks for 192.0.2.1, 198.51.100.0/24, evil.example and 1 more".to_owned()],
                _ => vec![format!("the run looks for {}", wanted.join(", "))],
            };
            assert_eq!(told, listed, "{file}");
        }
    }

    /// The copy that the slot of the feed keeps, if it keeps any.
    fn kept(lists: &Lists, directory: &Path) -> Option<Arc<Part>> {
        lists.slot(&directory.join("feed.txt")).kept().as_ref().map(|kept| kept.part.clone())
    }

    #[test]
    fn runs_share_a_file_until_it_changes_and_the_old_copy_goes_with_its_last_run() {
        let directory = tempfile::tempdir().expect("a directory");
        let (lists, now) = (Lists::default(), Timestamp::UNIX_EPOCH);
        let load = || load(&lists, directory.path(), Duration::MAX, now);
        fs::write(directory.path().join("feed.txt"), "192.0.2.1\n").expect("writable");
        let first = load();
        let old = kept(&lists, directory.path()).expect("it is kept");
        let second = load();
        // This one, the slot's and one for each run.
        assert_eq!(Arc::strong_count(&old), 4, "both runs have the same copy");

        fs::write(directory.path().join("feed.txt"), "192.0.2.2\n").expect("writable");
        let third = load();
        assert_eq!(Arc::strong_count(&old), 3, "the slot has let go of it");
        assert!(!Arc::ptr_eq(&old, &kept(&lists, directory.path()).expect("it is kept")));
        drop((first, second));
        assert_eq!(Arc::strong_count(&old), 1);
        assert_eq!(third.facts.entries, 1);

        fs::remove_file(directory.path().join("feed.txt")).expect("removable");
        assert_eq!(load().facts.empty.len(), 1, "a copy does not stand in for a file that is gone");
    }

    #[test]
    fn what_is_odd_about_a_file_is_told_in_a_line_each() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("feed.txt");
        let many: String = (1..100).map(|number| format!("192.0.2.{number}\n")).collect();
        fs::write(&path, many).expect("writable");
        let now = Timestamp::UNIX_EPOCH;
        let told = |lists: &Lists, now| load(lists, directory.path(), Duration::MAX, now).troubles;
        assert_eq!(told(&Lists::default(), now), [""; 0]);

        fs::write(&path, "10.0.0.1\nnonsense\n").expect("writable");
        // After a restart.
        let lists = Lists::default();
        let shown = path.display();
        let lasting = [
            format!(
                "in {shown} 1 line could not be applied (line 2: 'nonsense' is one word or ends in a number, and no \
                 domain: write it as evil.example); see allclear watchlist {shown}"
            ),
            format!("in {shown} an entry is odd: 10.0.0.1 is a private address: no outside machine has it"),
        ];
        let shrank = format!(
            "the watchlist file {shown} shrank from 99 to 1 entries since it was last read: see whether all \
             of it is there"
        );
        let all = [vec![shrank], lasting.to_vec()].concat();
        assert_eq!(told(&lists, now), all);
        assert_eq!(told(&lists, now + Duration::from_secs(23 * 3600)), all, "another run of the night");
        assert_eq!(told(&lists, now + Duration::from_secs(24 * 3600)), lasting, "the next night");
    }

    #[test]
    fn a_run_is_told_when_much_of_a_file_was_refused() {
        let directory = tempfile::TempDir::new().expect("a directory");
        let many: String = (1..=200).map(|number| format!("192.0.2.{number}\n")).collect();
        for (name, content, is_too_much) in [
            ("whole", "192.0.2.1\n".to_owned(), false),
            ("one of two", "192.0.2.1\n192.0.2.9/24\n".to_owned(), true),
            ("one of many", many + "nonsense\n", false),
        ] {
            fs::write(directory.path().join("feed.txt"), content).expect("writable");
            // Twice, since the second time it is known.
            let lists = Lists::default();
            for _ in 0..2 {
                let facts = load(&lists, directory.path(), Duration::MAX, Timestamp::UNIX_EPOCH).facts;
                assert_eq!(facts.incomplete.len(), usize::from(is_too_much), "{name}: {facts:?}");
            }
        }
    }

    #[test]
    fn a_file_that_is_written_while_it_is_read_is_read_again_or_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("feed.txt");
        let rows = [(0, Some(1)), (1, Some(2)), (READS_MAX - 1, Some(READS_MAX as u64)), (READS_MAX, None)];
        for (writes, entries) in rows {
            fs::write(&path, "192.0.2.1\n").expect("writable");
            let mut written = 0;
            let told = read_whole(&path, &mut |file, path| {
                let half = read(file, path);
                if written < writes {
                    written += 1;
                    let all: String = (0..=written).map(|number| format!("192.0.2.{number}\n")).collect();
                    fs::write(path, all).expect("writable");
                }
                half
            });
            let told = told.map(|(_, whole)| whole.part.counts().total());
            let refused = format!(
                "{} is being written: write the new list beside it and rename it when it is whole",
                path.display()
            );
            assert_eq!(told, entries.ok_or(refused), "{writes} writes");
        }
    }

    #[test]
    fn files_that_no_run_uses_make_room() {
        let directory = tempfile::tempdir().expect("a directory");
        let lists = Lists::default();
        let load = |number: usize| {
            let path = directory.path().join(format!("{number}.txt"));
            fs::write(&path, "192.0.2.1\n").expect("writable");
            let watchlists = [Watchlist { file: Some(path), ..Watchlist::default() }];
            let (state_dir, now) = (directory.path(), Timestamp::UNIX_EPOCH);
            lists.load(&order(&watchlists, state_dir, now))
        };
        let used = load(0);
        (1..KEPT_FILES_MAX + 1).for_each(|number| drop(load(number)));
        let paths: Vec<PathBuf> =
            lists.0.lock().expect("nobody panicked").iter().map(|slot| slot.path.clone()).collect();
        assert_eq!(paths.len(), 2, "the one in use and the latest");
        assert_eq!(used.facts.entries, 1);
    }
}
