//! `allclear demo [--dir DIR]`: the whole life of a ticket in seconds, on a virtual clock and on
//! captures of a school that is made up.
//!
//! Everything goes the ordinary way: files are written, read, checked; the engine decides; mails,
//! report and evidence lie where a site's own would. Only the packets come from a generator
//! (`recorder`), and only the story is told here.

mod directory;
mod recorder;
mod school;
mod story;
mod tell;
mod traffic;

use super::{Exit, Fault, desk, print};
use crate::edge::capture::lint::lint;
use crate::edge::capture::recordings::Recordings;
use crate::edge::capture::stop::Stop;
use crate::edge::perform::{Captures, Edges, Listings};
use crate::edge::store::{Durability, Store};
use crate::edge::template::Form;
use crate::engine::{Engine, EngineError, Opening};
use crate::pure::document::Outside;
use crate::pure::intake;
use crate::pure::interval::Interval;
use crate::pure::moment;
use crate::pure::playbook::Library;
use crate::pure::report::Material;
use crate::pure::script::read_script;
use crate::pure::site::Site;
use crate::pure::ticket::{Phase, TicketId, ledger, stand};
use crate::season::Season;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

const SITE_FILE: &str = include_str!("files/allclear.yaml");
/// The shipped playbook, as `init` writes it, and one line about the size of the demo's network.
const PLAYBOOK: &str =
    concat!(include_str!("../../../playbooks/conficker.yaml"), include_str!("files/judge.yaml"));
/// The sentences of a CBL page that matter, after the sample of the Ecessa guide.
const COMPLAINT: &str = include_str!("files/complaint.txt");
const SCRIPT: &str = include_str!("files/script.yaml");

/// When the complaint is pasted in, and when the story ends, in the site's zone.
const OPENED: &str = "2015-04-29T14:20";
const END: &str = "2015-05-14T20:00";

const SITE: &str = "springfield";

/// Where the demo writes.
#[derive(clap::Args, Debug)]
pub struct DemoArgs {
    /// Where everything is written: a fresh directory, or that of an earlier demo
    #[arg(long = "dir", value_name = "DIR", default_value = "allclear-demo")]
    directory: PathBuf,
}

/// Writes the demo's files, lives its two weeks, and tells them.
pub fn run(args: &DemoArgs) -> Result<Exit, Fault> {
    let directory = args.directory.as_path();
    let progress = progress();
    directory::prepare(directory)?;
    for (name, text) in [
        ("allclear.yaml", SITE_FILE),
        ("playbooks/conficker.yaml", PLAYBOOK),
        ("complaint.txt", COMPLAINT),
        ("script.yaml", SCRIPT),
    ] {
        write(&directory.join(name), text)?;
    }
    let library = desk::library(Some(&directory.join("allclear.yaml")))?;
    let packets = record(&library, directory, &progress)?;
    let mut season = begin(library, directory)?;
    live(&mut season, &progress)?;
    progress.finish_and_clear();
    write_report(&season, &directory.join("report.html"))?;
    tell_it(&season, directory, packets)
}

/// Has the recorder write its captures; returns how many packets they hold.
fn record(library: &Library, directory: &Path, progress: &ProgressBar) -> Result<usize, Fault> {
    let captures = directory.join("captures");
    let zone = &site(library)?.timezone;
    progress.set_message("recording the school's network");
    let mut packets = 0;
    for sitting in recorder::SITTINGS {
        let recorded = recorder::record(sitting, zone, &captures);
        packets += recorded.map_err(|error| unwritable(&captures, &error))?;
        progress.inc(1);
    }
    Ok(packets)
}

/// Opens the ticket with the complaint, on the captures.
fn begin(library: Library, directory: &Path) -> Result<Season, Fault> {
    let site = site(&library)?;
    let (now, end) = (instant(OPENED, site), instant(END, site));
    let outside = Outside { check_filter: &lint, check_watchlist_file: &|_| Ok(Vec::new()) };
    let (scenes, problems) = read_script(&directory.join("script.yaml"), SCRIPT, &site.timezone, outside);
    if !problems.is_empty() {
        return Err(desk::show(&problems));
    }
    let report = intake::cbl::read(COMPLAINT).map_err(|error| Fault::Failed(error.to_string()))?;
    let known = report.public.and_then(|public| library.site_with_public(public).map(|site| (public, site)));
    let (public, site) = known.ok_or_else(|| broken("the complaint is about an address of the site"))?;
    let playbook = report.malware.as_deref().and_then(|malware| library.playbook_for(malware));
    let opening = Opening {
        reference: Some("MARS-1234".to_owned()),
        site: site.name.clone(),
        playbook: playbook.ok_or_else(|| broken("a playbook is about the complaint's malware"))?.name.clone(),
        public,
        reports: vec![report],
    };
    let edges = edges(&library, directory)?;
    // A state that the next demo replaces need not survive a power cut.
    let store = Store::open(&edges.state, Durability::Fleeting).map_err(EngineError::from)?;
    let mut engine = Engine::open(store, library)?;
    let ticket = engine.open_ticket(now, "support engineer", opening)?;
    Ok(Season::new(engine, edges, ticket, Interval::new(now, end), scenes))
}

fn edges(library: &Library, directory: &Path) -> Result<Edges, Fault> {
    let pattern = library.sources_of(site(library)?).find_map(|source| source.kind.recordings());
    let pattern = pattern.ok_or_else(|| broken("the site's source is recorded files"))?;
    let recordings = Recordings::open(pattern, &site(library)?.timezone).map_err(Fault::Failed)?;
    Ok(Edges {
        captures: Captures::Recorded(Box::new(Mutex::new(recordings))),
        post: desk::post(library.site_file.mail.as_ref())?,
        templates: desk::templates(directory)?,
        state: library.site_file.state.clone(),
        stop: Stop::new(),
        listings: Listings::Closed,
    })
}

/// Lets the weeks go by.
fn live(season: &mut Season, progress: &ProgressBar) -> Result<(), Fault> {
    let begin = season.now();
    let end = instant(END, site(season.engine().library())?);
    let hours =
        |from: jiff::Timestamp, to: jiff::Timestamp| (to.duration_since(from).as_hours()).max(0) as u64;
    progress.set_length(hours(begin, end));
    progress.set_position(0);
    while season.advance()? {
        progress.set_position(hours(begin, season.now()));
        progress.set_message(season.now().strftime("%a %e %b %Y").to_string());
    }
    match season.refused() {
        [] => Ok(()),
        [refused, ..] => Err(Fault::Failed(format!("the script cannot be played: {}", refused.why))),
    }
}

fn write_report(season: &Season, path: &Path) -> Result<(), Fault> {
    let ticket = season.engine().ticket(season.ticket())?;
    let context = season.engine().context(ticket.id, season.now())?;
    let standing = stand(ticket, &context);
    let (playbook, site, at) = (context.playbook, context.site, season.now());
    let (runs, events) = (ledger(ticket, &context), season.engine().history(ticket.id)?);
    let material =
        Material { ticket, runs: &runs, past: &[], events: &events, playbook, site, standing: &standing, at };
    let report = season.edges().templates.report(&material, Form::Html);
    write(path, &report.map_err(|problem| Fault::Failed(problem.to_string()))?)
}

/// Prints the story and where everything lies.
fn tell_it(season: &Season, directory: &Path, packets: usize) -> Result<Exit, Fault> {
    let has_colour =
        std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let told = story::tell(season.engine(), season.ticket())?;
    let zone = &site(season.engine().library())?.timezone;
    let mut text = tell::opening(directory, school::machines().len() + 1, packets);
    told.iter().for_each(|event| text.push_str(&tell::event(event, zone, directory, has_colour)));
    text.push_str(&tell::closing(directory, &program(), season.engine().ticket(season.ticket())?));
    let printed = print::painted(&text);
    Ok(if ends_clean(season.engine(), season.ticket()) { printed } else { Exit::Inconclusive })
}

fn ends_clean(engine: &Engine, ticket: TicketId) -> bool {
    engine.ticket(ticket).is_ok_and(|ticket| ticket.phase == Phase::Clean)
}

fn site(library: &Library) -> Result<&Site, Fault> {
    library.site_file.sites.get(SITE).ok_or_else(|| broken("the site file names the school"))
}

/// What this program was started as, so that commands in the story can be copied.
fn program() -> String {
    std::env::args().next().filter(|name| !name.is_empty()).unwrap_or("allclear".to_owned())
}

/// The demo's own times can be read; were one wrong, the story would begin at the wrong time.
fn instant(local: &str, site: &Site) -> jiff::Timestamp {
    moment::read(local, &site.timezone).expect("the demo's own times can be read")
}

/// Somebody changed the demo's files while it ran.
fn broken(expected: &str) -> Fault {
    Fault::Failed(format!("the demo's own files do not fit together (expected: {expected}): run it again"))
}

fn write(path: &Path, text: &str) -> Result<(), Fault> {
    std::fs::write(path, text).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Fault {
    Fault::Failed(format!("cannot write {}: {error}: choose another place with --dir", path.display()))
}

/// A bar on a terminal; else one that shows nothing.
fn progress() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {msg}");
    ProgressBar::new(recorder::SITTINGS.len() as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
