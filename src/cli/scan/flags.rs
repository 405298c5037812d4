//! What is a scan asked to look for, and where? Flags as typed in, lists as meant out.

use crate::cli::lists::{self, ListError};
use crate::cli::print::note;
use crate::edge::capture::texts::Days;
use crate::pure::address::Translator;
use crate::pure::number::count;
use crate::pure::sighting::Watch;
use crate::pure::watchlist::{
    CompiledList, Entry, FileRead, Index, ListFault, Part, PortRange, Target, Watchlist, warnings,
};
use clap::Args;
use ipnet::IpNet;
use jiff::ZonedDateTime;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The name of the list that the flags themselves make.
const FLAGS_LIST: &str = "command line";

/// The private ranges (RFC 1918, RFC 6598, RFC 4193): what is inside unless `--inside` says otherwise.
const PRIVATE: [&str; 5] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];

/// The flags of `allclear scan`.
#[derive(Args, Debug, Default)]
pub struct ScanArgs {
    /// Captures (pcap, pcapng or a Traffic Dump as text; plain, gzip or zstd; - for standard input) and
    /// directories of them, read as one
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Listen on an interface instead
    #[arg(short, long, value_name = "IFACE")]
    pub interface: Option<String>,

    /// Look only at packets that pass this pcap-filter(7)
    #[arg(short, long, value_name = "FILTER")]
    pub filter: Option<String>,

    /// A watchlist file; may be repeated
    #[arg(short, long = "watchlist", value_name = "WATCHLIST")]
    pub watchlists: Vec<PathBuf>,

    /// An address or network to look for, with a port if only that matters; may be repeated
    #[arg(long = "address", value_name = "A[/LEN][:PORT]")]
    pub addresses: Vec<String>,

    /// A port to look for at any outside address, as tcp/25 or tcp/4152-4177; may be repeated
    #[arg(long = "port", value_name = "PROTO/N[-M]")]
    pub ports: Vec<String>,

    /// A network that is inside [default: the private ranges]; may be repeated
    #[arg(long, value_name = "NET")]
    pub inside: Vec<String>,

    /// A resolver of your own inside, which asks DNS for others; may be repeated
    #[arg(long = "resolver", value_name = "ADDRESS")]
    pub resolvers: Vec<String>,

    /// A prefix of your own translator between IPv6 and IPv4, as 2001:db8:64::/96; may be repeated
    #[arg(long, value_name = "PREFIX", value_parser = translator)]
    pub nat64: Vec<Translator>,

    /// Stop after so many packets
    #[arg(short = 'c', long, value_name = "PACKETS", value_parser = clap::value_parser!(u64).range(1..))]
    pub packets: Option<u64>,

    /// Listen so long (30s, 10m, 6h); needs -i
    #[arg(long = "for", value_name = "DURATION", requires = "interface", value_parser = crate::cli::duration)]
    pub length: Option<Duration>,

    /// The day of a Traffic Dump's first row, which tells times only: 2015-04-29, in UTC unless a zone follows, as
    /// in 2015-04-29[America/Chicago] [default: the day in the file's name]
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub date: Option<Day>,

    /// Print the packets as a table
    #[arg(long)]
    pub dump: bool,

    /// Save the packets that were found (without a watchlist, all) as pcapng
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// A day, and the zone that it is meant in.
#[derive(Clone, Debug)]
pub struct Day {
    date: Date,
    zone: TimeZone,
}

/// Reads `2015-04-29`, `2015-04-29[America/Chicago]` and `2015-04-29-05:00`.
fn day(text: &str) -> Result<Day, String> {
    let wrong = || format!("'{text}' is no day: write 2015-04-29, or 2015-04-29[America/Chicago]");
    let (date, zone) = text.split_at_checked("2015-04-29".len()).ok_or_else(wrong)?;
    let date: Date = date.parse().map_err(|_| wrong())?;
    let name = zone.trim().trim_start_matches('[').trim_end_matches(']');
    let zone = match name {
        "" | "Z" | "UTC" => TimeZone::UTC,
        name => {
            let midnight: ZonedDateTime = format!("{date}T00:00[{name}]").parse().map_err(|_| wrong())?;
            midnight.time_zone().clone()
        }
    };
    Ok(Day { date, zone })
}

impl ScanArgs {
    /// How the days of tables are known.
    pub fn days(&self) -> Days {
        let given = self.date.as_ref();
        Days::of_scan(given.map(|day| day.date), given.map_or(TimeZone::UTC, |day| day.zone.clone()))
    }
}

/// Why the flags and files do not say what to look for.
#[derive(Debug, thiserror::Error)]
pub enum WantedError {
    /// A fault in what a person wrote.
    #[error("{0}")]
    Fault(String),
    #[error(transparent)]
    Unreadable(ListError),
}

/// What to look for, and where inside is.
#[derive(Debug)]
pub struct Wanted {
    pub inside: Vec<IpNet>,
    pub resolvers: Vec<IpNet>,
    pub nat64: Vec<Translator>,
    /// One list of the flags, when there are any, and one a file.
    lists: Vec<List>,
}

#[derive(Debug, Default)]
struct List {
    watchlist: Watchlist,
    /// What its file held; `None` when it has none.
    part: Option<Arc<Part>>,
    rejected_lines: u64,
    unusable: u64,
    /// What of its file could not be applied, in a sentence.
    unapplied: Option<String>,
    /// The same where it is too much for a pass.
    too_much_unapplied: Option<String>,
}

impl List {
    fn of_file(path: &Path) -> Result<List, ListError> {
        let read = lists::read(path)?;
        let (unapplied, too_much_unapplied) = (read.unapplied(), read.too_much_unapplied());
        let FileRead { part, rejected_lines, unusable, .. } = read;
        let (name, file) = (lists::name(path), Some(path.to_owned()));
        let watchlist = Watchlist { name, file, ..Watchlist::default() };
        let part = Some(Arc::new(part));
        Ok(List { watchlist, part, rejected_lines, unusable, unapplied, too_much_unapplied })
    }
}

impl Wanted {
    /// Reads flags and files. Rejected lines and odd entries are told on standard error.
    pub fn read(args: &ScanArgs) -> Result<Wanted, WantedError> {
        let mut lists = Vec::new();
        let entries = flag_entries(args).map_err(WantedError::Fault)?;
        if !entries.is_empty() {
            let watchlist = Watchlist { name: FLAGS_LIST.to_owned(), entries, ..Watchlist::default() };
            lists.push(List { watchlist, ..List::default() });
        }
        for path in &args.watchlists {
            lists.push(List::of_file(path).map_err(|error| match error {
                ListError::Refused { .. } => WantedError::Fault(error.to_string()),
                error => WantedError::Unreadable(error),
            })?);
        }
        let inside = inside(&args.inside).map_err(WantedError::Fault)?;
        let resolvers = resolvers(&args.resolvers, &inside).map_err(WantedError::Fault)?;
        let wanted = Wanted { inside, resolvers, nat64: args.nat64.clone(), lists };
        wanted.tell_faults();
        Ok(wanted)
    }

    /// The lists as the index wants them.
    pub fn compiled(&self) -> Vec<CompiledList<'_>> {
        let lists = self.lists.iter();
        lists.map(|List { watchlist, part, .. }| CompiledList { watchlist, file: part.clone() }).collect()
    }

    /// How many lines of the files were rejected.
    pub fn rejected(&self) -> u64 {
        self.lists.iter().map(|list| list.rejected_lines).sum()
    }

    /// How many lines of the files have an indicator that packets cannot be looked up by.
    pub fn unusable(&self) -> u64 {
        self.lists.iter().map(|list| list.unusable).sum()
    }

    /// Files of which too much could not be applied, with how much.
    pub fn incomplete_lists(&self) -> Vec<ListFault> {
        let fault = |list: &List| {
            Some(ListFault { list: list.watchlist.name.clone(), what: list.too_much_unapplied.clone()? })
        };
        self.lists.iter().filter_map(fault).collect()
    }

    /// Files that hold nothing, with the reason.
    pub fn empty_lists(&self) -> Vec<ListFault> {
        let is_empty = |list: &&List| list.part.as_ref().is_some_and(|part| part.counts().total() == 0);
        let fault = |list: &List| {
            let rejected = count(list.rejected_lines, "line");
            let what = format!("no entry, {rejected} rejected");
            ListFault { list: list.watchlist.name.clone(), what }
        };
        self.lists.iter().filter(is_empty).map(fault).collect()
    }

    /// What looks for the entries of `index` there.
    pub fn watch(&self, index: &Index) -> Watch {
        Watch::new(index.clone(), &self.inside).with_resolvers(&self.resolvers).with_translators(&self.nat64)
    }

    fn tell_faults(&self) {
        for List { watchlist, unapplied, part, .. } in &self.lists {
            let path = watchlist.file.as_deref().unwrap_or(Path::new("-")).display();
            if let Some(what) = unapplied {
                note(&format!("warning: {path}: {what}: see allclear watchlist {path}"));
            }
            if let Some(odd) = part.as_ref().and_then(|part| part.odd(&[]).in_short()) {
                note(&format!("warning: {path}: {odd}"));
            }
            for entry in &watchlist.entries {
                warnings(entry, &[]).iter().for_each(|warning| note(&format!("warning: {warning}")));
            }
        }
    }
}

fn flag_entries(args: &ScanArgs) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    for text in &args.addresses {
        let parsed = Entry::parse(text).map_err(|why| format!("--address: {why}"))?;
        let is_place = |entry: &Entry| matches!(entry.target, Target::Address(_) | Target::Network(_));
        if !parsed.iter().all(is_place) {
            return Err(format!("--address: '{text}' is no address: write names into a watchlist file (-w)"));
        }
        entries.extend(parsed);
    }
    for text in &args.ports {
        let ports = PortRange::parse(text).map_err(|why| format!("--port: {why}"))?;
        entries.push(Entry { text: text.trim().to_owned(), target: Target::Anywhere, ports: Some(ports) });
    }
    Ok(entries)
}

fn inside(texts: &[String]) -> Result<Vec<IpNet>, String> {
    if texts.is_empty() {
        let parse = |text: &&str| text.parse().expect("the private ranges are networks");
        return Ok(PRIVATE.iter().map(parse).collect());
    }
    texts.iter().map(|text| network("--inside", text)).collect()
}

fn translator(text: &str) -> Result<Translator, String> {
    let wanted = Translator::WANTED;
    Translator::parse(text).ok_or_else(|| format!("write {wanted}, such as 2001:db8:64::/96"))
}

/// As in the site file, a resolver is a host or a few, and never all of a network.
fn resolvers(texts: &[String], inside: &[IpNet]) -> Result<Vec<IpNet>, String> {
    let resolver = |text: &String| match network("--resolver", text)? {
        network if inside.iter().any(|inside| network.contains(inside)) => Err(format!(
            "--resolver: '{text}' makes a resolver of every host inside: name the resolvers alone"
        )),
        network => Ok(network),
    };
    texts.iter().map(resolver).collect()
}

fn network(flag: &str, text: &str) -> Result<IpNet, String> {
    let entry = Entry::parse(text).map_err(|why| format!("{flag}: {why}"))?;
    match entry.as_slice() {
        [Entry { target: Target::Network(network), ports: None, .. }] => Ok(*network),
        [Entry { target: Target::Address(address), ports: None, .. }] => Ok(IpNet::from(*address)),
        _ => Err(format!("{flag}: '{text}' is no network: write it as 10.16.0.0/16")),
    }
}
