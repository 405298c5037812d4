//! Is an address listed? The site's resolver is asked, by the rules of the list's operators.
//!
//! The only edge that asks. What a reply means is for `pure::listing`; `wire` sends, `book` counts over
//! all processes. It must never show a key, nor ask again what has just been answered.

mod book;
mod wire;

use crate::pure::listing::{
    self, Finding, Key, Listing, Lookup, NoReply, Question, Questions, RecordData, Reply, not_public,
};
use crate::pure::secret;
use crate::pure::site::ListingSettings;
use crate::pure::words;
use book::{Book, Wanted};
use jiff::Timestamp;
use std::fs;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use wire::{Kind, Wire};

/// A key file has one line; longer ones are not read to their end.
const KEY_BYTES_MAX: u64 = 256;

/// So long after a look-up began, in seconds, nothing more is asked: with the patience for one question,
/// it ends before `serve` has to.
const ASKING_SECONDS_MAX: f64 = 6.0;

/// Texts of one reply that are kept, and the longest of them, in signs.
const TEXTS_MAX: usize = 8;
const TEXT_CHARS_MAX: usize = 300;

/// Who asks the DNSBL.
#[derive(Debug)]
pub struct Resolver {
    settings: ListingSettings,
    /// The state directory: what was asked today stands there.
    state: PathBuf,
    clock: fn() -> Timestamp,
}

impl Resolver {
    /// Asks by these settings.
    pub fn new(settings: ListingSettings, state: &Path, clock: fn() -> Timestamp) -> Resolver {
        Resolver { settings, state: state.to_owned(), clock }
    }

    /// What the list says of the address. An answer that still holds and is not from before `not_before`
    /// is given again; else the test entries are asked for, and then the address. It takes a few seconds
    /// at most.
    pub fn look_up(&self, address: IpAddr, not_before: Timestamp) -> Lookup {
        self.answer(address, not_before).unwrap_or_else(|why| self.unknown(address, why))
    }

    /// Whether the list answers its test entries as it must: what `doctor` asks.
    ///
    /// # Errors
    ///
    /// What is wrong, and what to do.
    pub fn check(&self) -> Result<String, String> {
        let ListingSettings { zone, resolver, .. } = &self.settings;
        // Test entries are the same whatever address is asked about.
        let (questions, _) = self.questions(IpAddr::from([192, 0, 2, 1]))?;
        self.test(&Asking::begin(self)?, &questions)?;
        Ok(format!("list {zone} answers through {resolver}"))
    }

    fn questions(&self, address: IpAddr) -> Result<(Questions, Option<Key>), String> {
        let key = self.settings.key_file.as_deref().map(read_key).transpose()?;
        Ok((listing::questions(address, &self.settings.zone, key.as_ref())?, key))
    }

    /// Asks for the entries that must and must not be listed; returns what the first one answers.
    fn test(&self, asking: &Asking<'_>, questions: &Questions) -> Result<Vec<Ipv4Addr>, String> {
        let resolver = self.settings.resolver;
        let codes = listing::listed_test(&asking.ask(&questions.listed_test, Kind::Address), resolver)?;
        listing::clear_test(&asking.ask(&questions.clear_test, Kind::Address), resolver)?;
        Ok(codes)
    }

    fn unknown(&self, address: IpAddr, why: String) -> Lookup {
        Lookup::unknown(address, &self.settings.zone, self.settings.resolver, (self.clock)(), why)
    }

    fn answer(&self, address: IpAddr, not_before: Timestamp) -> Result<Lookup, String> {
        if let Some(what) = not_public(address) {
            return Err(format!("{address} is {what}, of which no list says anything: name the public one"));
        }
        let ListingSettings { zone, resolver, .. } = &self.settings;
        let asking = Asking::begin(self)?;
        let wanted = Wanted { address, zone, resolver: *resolver };
        if let Some(kept) = asking.book.kept(&wanted, (self.clock)(), not_before)? {
            return Ok(kept);
        }
        let (questions, key) = self.questions(address)?;
        let test_codes = self.test(&asking, &questions)?;
        let reply = asking.ask(&questions.address, Kind::Address);
        let Finding { answer, why, codes, ttl_s } = listing::find(&reply, zone, *resolver);
        let mut lookup =
            Lookup { answer, why, codes, ttl_s, test_codes, ..self.unknown(address, String::new()) };
        if answer == Listing::Listed {
            lookup.texts = texts(&asking.ask(&questions.address, Kind::Text), key.as_ref());
        }
        // What is unknown may be mended in a minute.
        if answer != Listing::Unknown {
            asking.book.keep(&lookup)?;
        }
        Ok(lookup)
    }
}

/// A look-up under way.
struct Asking<'a> {
    resolver: &'a Resolver,
    book: Book,
    wire: Wire,
    begun: Timestamp,
}

impl<'a> Asking<'a> {
    fn begin(resolver: &'a Resolver) -> Result<Asking<'a>, String> {
        let book = Book::at(&resolver.state)?;
        let (wire, begun) = (Wire::open(resolver.settings.resolver)?, (resolver.clock)());
        Ok(Asking { resolver, book, wire, begun })
    }

    /// Asks twice when nothing comes back; each time counts.
    fn ask(&self, question: &Question, kind: Kind) -> Result<Reply, NoReply> {
        let reply = self.ask_once(question, kind);
        if reply == Err(NoReply::TimeOut) { self.ask_once(question, kind) } else { reply }
    }

    fn ask_once(&self, question: &Question, kind: Kind) -> Result<Reply, NoReply> {
        let Resolver { settings, clock, .. } = self.resolver;
        let now = (clock)();
        if now.duration_since(self.begun).as_secs_f64() > ASKING_SECONDS_MAX {
            return Err(NoReply::TimeOut);
        }
        self.book.count(now, settings.daily_limit).map_err(NoReply::NotAsked)?;
        self.wire.ask(question, kind)
    }
}

/// The key of the file, which nobody else may read or change.
///
/// # Errors
///
/// What is wrong with the file and what to do, without a sign of what it holds.
pub fn read_key(path: &Path) -> Result<Key, String> {
    let shown = path.display();
    let cannot = |error: io::Error| secret::unreadable("key file", path, &error);
    let mut file = fs::File::open(path).map_err(cannot)?;
    let mode = file.metadata().map_err(cannot)?.permissions().mode();
    secret::check_mode("key file", path, mode)?;
    let mut text = String::new();
    (&mut file).take(KEY_BYTES_MAX).read_to_string(&mut text).map_err(|_| {
        format!("the key file {shown} holds no text: write the key into it, and nothing else")
    })?;
    Key::read(&text).map_err(|what| format!("the key file {shown} {what}"))
}

/// The list's own words, made harmless; none where it gives none.
fn texts(reply: &Result<Reply, NoReply>, key: Option<&Key>) -> Vec<String> {
    let records = reply.iter().flat_map(|reply| &reply.records);
    let texts = records.filter_map(|record| match &record.data {
        RecordData::Text(text) => Some(text),
        _ => None,
    });
    let harmless = texts.map(|text| {
        let clean = words::clean_text(text);
        let hidden = key.map_or_else(|| clean.clone(), |key| key.hide(&clean));
        words::shortened(&hidden, TEXT_CHARS_MAX)
    });
    harmless.take(TEXTS_MAX).collect()
}
