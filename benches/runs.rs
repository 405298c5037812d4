//! What do a hundred runs on one source cost, beside one?
//!
//! `cargo bench --bench runs`: the frames of a capture go to one observer, for one run and for a hundred, each
//! with a short list of its own beside a feed of a million addresses. It fails when any run sees anything
//! but the truth.

mod common;

use allclear::edge::capture::files::open;
use allclear::pure::sighting::{Observation, Observer, Scope, Watch, WatchId};
use allclear::pure::watchlist::{CompiledList, Entry, Index, Part, Watchlist, read_file};
use common::figures::{Figures, Goal};
use common::inputs::{self, Capture, Kind};
use ipnet::IpNet;
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ROUNDS: usize = 3;
const PACKETS: u64 = 3_000_000;
const RUNS: usize = 100;
const SPEED_SHARE: f64 = 0.7;

fn main() -> ExitCode {
    let capture = inputs::capture(Kind::Small, PACKETS, false);
    let feed =
        std::fs::read_to_string(inputs::list(Kind::Small, 1_000_000, false)).expect("the list can be read");
    let feed = Arc::new(read_file(feed.as_bytes()).expect("the list is a watchlist").part);
    let hits: u64 =
        capture.truth.infected.iter().filter(|one| one.kind == "ip4").map(|one| one.packets_out).sum();
    let (mut one, mut hundred) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        for (runs, best) in [(1, &mut one), (RUNS, &mut hundred)] {
            let (time, observations) = observe(&capture, &feed, runs);
            let sent = |seen: &Observation| seen.hosts.iter().map(|host| host.sightings_out).sum::<u64>();
            if let Some(wrong) = observations.iter().find(|seen| sent(seen) != hits) {
                eprintln!("a run saw {} packets to listed addresses, and {hits} is the truth", sent(wrong));
                return ExitCode::FAILURE;
            }
            *best = time.min(*best);
        }
    }
    let rate = |time: Duration| PACKETS as f64 / time.as_secs_f64() / 1e6;
    let ratio = one.as_secs_f64() / hundred.as_secs_f64();
    let tell = |time| format!("{:.1} M/s", rate(time));
    let mut figures = Figures::new();
    figures.hold(
        "100 runs on one source",
        &tell(hundred),
        &format!("one run {}", tell(one)),
        ratio,
        Goal::AtLeast(SPEED_SHARE),
    );
    figures.print();
    ExitCode::SUCCESS
}

/// How long one observer takes for so many runs, and what each saw.
fn observe(capture: &Capture, feed: &Arc<Part>, runs: usize) -> (Duration, Vec<Observation>) {
    let inside: IpNet = "10.16.0.0/16".parse().expect("a network");
    let mut observer = Observer::default();
    let joined: Vec<WatchId> =
        (0..runs).map(|run| observer.join(Watch::new(index(feed, run), &[inside]), i64::MIN)).collect();
    let begin = Instant::now();
    open(&capture.path, None).expect("the capture can be read").frames.for_each(|frame| {
        observer.see(&frame, |_| Scope::Matched);
        ControlFlow::Continue(())
    });
    let time = begin.elapsed();
    (time, joined.into_iter().filter_map(|id| observer.leave(id, &[])).map(|left| left.observation).collect())
}

/// The feed, and an address of the run's own that nobody calls.
fn index(feed: &Arc<Part>, run: usize) -> Index {
    let common = Watchlist { name: "feed".to_owned(), ..Watchlist::default() };
    let entries = Entry::parse(&format!("192.0.2.{run}")).expect("an address");
    let own = Watchlist { name: "reported".to_owned(), entries, ..Watchlist::default() };
    let file = Some(Arc::clone(feed));
    Index::compile(&[CompiledList { watchlist: &common, file }, CompiledList { watchlist: &own, file: None }])
}
