//! What do recorded files show of a window? They are indexed once, and then asked as often as the
//! simulator has nights.
//!
//! A file covers from packet to packet (`covering`), short seams between two files included. It must never take
//! the time between two files, or behind a fault in one, for a quiet network.

use super::audience::Alone;
use super::evidence::Pace;
use super::files::OpenError;
use super::indexed::Indexed;
use super::listener::Listener;
use super::lists::{Lists, Order};
use super::run::Captured;
use super::session::OnFrame;
use super::stop::Stop;
use super::survey::Survey;
use super::texts::Days;
use crate::pure::interval::{Interval, Intervals};
use crate::pure::lost::Lost;
use crate::pure::moment::of_nanoseconds;
use crate::pure::plan::CapturePlan;
use crate::pure::recording::{self, Candidate, Recorders, Series, Times, Unread, is_called_capture};
use crate::pure::site::{Source, SourceKind};
use crate::pure::verdict::{Ending, Listened, RowsHeard, SystemClock};
use crate::pure::words::count;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// The most memory that packed files take unpacked, all together; those beyond are unpacked at each reading.
const KEPT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Recorded files, indexed.
pub struct Recordings {
    /// In order of their first packets.
    files: Vec<Indexed>,
    /// Files that could not be read, or not to their end.
    unread: Vec<Unread>,
    /// Files that hold no packets or are no captures, each with the reason.
    useless: Vec<String>,
    lists: Lists,
}

impl Recordings {
    /// Indexes the files that a pattern names; each is read once, whole. Files that are no captures are
    /// left out and told in [`Captured::troubles`].
    ///
    /// # Errors
    /// When the pattern cannot be followed.
    pub fn open(pattern: &str, zone: &TimeZone) -> Result<Recordings, String> {
        Ok(Recordings::index(Survey::whole(pattern)?, zone))
    }

    /// Indexes those of the files that a window needs, while others may write the newest.
    ///
    /// # Errors
    /// When the pattern cannot be followed.
    pub fn open_for(
        pattern: &str,
        zone: &TimeZone,
        window: Interval,
        now: Timestamp,
    ) -> Result<Recordings, String> {
        Ok(Recordings::index(Survey::of(pattern, window, now)?, zone).pass_over(window))
    }

    fn index(survey: Survey, zone: &TimeZone) -> Recordings {
        let days = Days::of_source(zone.clone());
        let (mut files, mut unread, mut useless) = (Vec::new(), Vec::new(), survey.notes);
        let (mut room, mut known, mut failed) = (KEPT_BYTES_MAX, Vec::new(), Vec::new());
        for Candidate { path, is_growing, changed, .. } in survey.files {
            let mut times = Times { path, span: None, changed };
            match Indexed::index(&times.path, &days, room) {
                Ok(mut recorded) => {
                    room -= recorded.kept_bytes();
                    // Its last packet is still being written; what is whole counts.
                    recorded.incomplete.take_if(|_| is_growing && recorded.is_cut_short);
                    useless.extend(notes(&recorded));
                    times.span = recorded.span.filter(|_| recorded.timeless_packets == 0);
                    unread.extend(faults(&recorded).map(|why| (times.clone(), why)));
                    known.push(times);
                    files.push(recorded);
                }
                Err(OpenError::Empty { .. }) if is_growing => {}
                Err(error) => failed.push((times, error, is_growing)),
            }
        }
        let series = Series::of(known.iter().map(|times| times.path.as_path()));
        for (times, error, is_growing) in failed {
            let is_expected = is_called_capture(&times.path) || series.has(&times.path);
            if is_missing(&error, is_expected && !is_growing) {
                unread.push((times, error.to_string()));
            } else {
                useless.push(error.to_string());
            }
        }
        files.sort_by_key(|file| file.span.map(|span| span.from));
        let known = Recorders::of(&known);
        let unread = unread.into_iter().map(|(times, why)| Unread::of(&times, why, &known)).collect();
        Recordings { files, unread, useless, lists: Lists::default() }
    }

    /// Tells of the files that could not be read and have nothing of the window, once for all.
    fn pass_over(mut self, window: Interval) -> Recordings {
        let (unread, passed): (Vec<_>, Vec<_>) =
            self.unread.into_iter().partition(|unread| unread.reach.overlaps(window));
        self.unread = unread;
        self.useless.extend(passed.into_iter().map(|unread| unread.why));
        self
    }

    /// Files that may hold packets of the window that were not read, each with the reason.
    fn unread_in(&self, window: Interval) -> Vec<String> {
        let of_window = self.unread.iter().filter(|unread| unread.reach.overlaps(window));
        of_window.map(|unread| unread.why.clone()).collect()
    }

    /// From the first to the last packet of all files; `None` when there is none.
    pub fn span(&self) -> Option<Interval> {
        let timed = self.files.iter().filter(|file| file.timeless_packets < file.frames);
        let spans = timed.filter_map(|file| file.span);
        spans.reduce(|all, next| Interval::new(all.from.min(next.from), all.to.max(next.to)))
    }

    /// The times that the files cover.
    pub fn covered(&self) -> Intervals {
        covered(self.files.iter())
    }

    /// Carries out a plan on the recordings in place of its sources, which only lend their names and
    /// positive controls; waits for nothing. `now` is what the age of watchlist files is
    /// reckoned from.
    pub fn facts(&mut self, plan: &CapturePlan, state_dir: &Path, now: Timestamp) -> Captured {
        let loaded = self.lists.load(&Order::of(plan, state_dir, now));
        let lent = Arc::new(CapturePlan { sources: lent(&plan.sources), ..plan.clone() });
        let (mut sources, mut troubles) = (Vec::new(), [&self.useless[..], &loaded.troubles].concat());
        for source in &lent.sources {
            let mut alone =
                Alone::new(Listener::new(&lent, source, &loaded.index, state_dir, Pace::Recorded));
            let listened = self.listen(plan.window, &Stop::new(), &mut |frame| alone.take(frame));
            let (facts, told) = alone.finish(listened);
            sources.push(facts);
            troubles.extend(told);
        }
        Captured { facts: plan.facts(sources, loaded.facts, SystemClock::Unknown), troubles }
    }

    /// Files that are of no use, each with the reason in a sentence.
    pub fn troubles(&self) -> &[String] {
        &self.useless
    }

    /// Gives every frame of `window` to the listener, file by file.
    pub fn listen(&self, window: Interval, stop: &Stop, on_frame: &mut OnFrame<'_>) -> Listened {
        let wanted: Vec<&Indexed> =
            self.files.iter().filter(|file| file.span.is_some_and(|span| span.overlaps(window))).collect();
        let watched = covered(self.files.iter()).within(window);
        if watched.is_empty() {
            return Listened {
                incomplete_files: self.unread_in(window),
                ..Listened::nothing(Ending::NothingRecorded)
            };
        }
        let mut rows = RowsHeard::default();
        let (ending, reached) = read_all(&wanted, window, stop, on_frame, &mut rows);
        let limit = wanted.iter().filter_map(|file| file.table.as_ref()?.facts.limit_reached).max();
        let ending = match (ending, limit) {
            (Ending::TimeUp, Some(limit)) => Ending::PacketLimit(limit),
            (ending, _) => ending,
        };
        let watched = watched.within(Interval::new(window.from, reached));
        Listened {
            watched,
            lost: wanted.iter().map(|file| file.lost).fold(Lost::NONE, Lost::and),
            incomplete_files: self.unread_in(window),
            rows,
            ..Listened::nothing(ending)
        }
    }
}

/// The sources whose names and positive controls the recordings are judged by: all that ask for a
/// control or a probe, since each must be seen, else the first.
fn lent(sources: &[Source]) -> Vec<Source> {
    let asking: Vec<Source> = sources
        .iter()
        .filter(|source| source.positive_control.is_some() || source.probe.is_some())
        .cloned()
        .collect();
    if !asking.is_empty() {
        return asking;
    }
    let nameless = || Source {
        name: "captures".to_owned(),
        kind: SourceKind::Files(String::new()),
        positive_control: None,
        probe: None,
        ring_bytes: 0,
        runs_max: None,
    };
    vec![sources.first().cloned().unwrap_or_else(nameless)]
}

/// Reads the files one after the other; tells why it ended, and until when everything was read: not
/// beyond the last frame taken, nor beyond the first one of a file that was left unread.
fn read_all(
    files: &[&Indexed],
    window: Interval,
    stop: &Stop,
    on_frame: &mut OnFrame<'_>,
    rows: &mut RowsHeard,
) -> (Ending, Timestamp) {
    let mut last = Timestamp::MIN;
    for (number, file) in files.iter().enumerate() {
        let (mut ending, mut taken) = (None, 0);
        let read = file.frames_in(window, |frame| {
            taken += 1;
            last = last.max(of_nanoseconds(frame.time_ns));
            let flow =
                if stop.is_requested() { ControlFlow::Break(Ending::Stopped) } else { on_frame(&frame) };
            flow.map_break(|why| ending = Some(why))
        });
        if let Some(table) = &file.table {
            rows.rows += taken;
            rows.nameless += table.facts.nameless_rows.min(taken);
        }
        let ending = match (read, ending) {
            (Ok(()), None) => continue,
            (Ok(()), Some(ending)) => ending,
            (Err(error), _) => {
                // None of it is known to have been read.
                last = file.span.map_or(last, |span| last.min(span.from));
                Ending::SourceGone(error.to_string())
            }
        };
        let unread = files.get(number + 1).and_then(|next| next.span);
        return (ending, unread.map_or(last, |span| last.min(span.from)));
    }
    (Ending::TimeUp, window.to)
}

/// What is to be said of a text table.
fn notes(file: &Indexed) -> impl Iterator<Item = String> {
    let notes = file.table.iter().flat_map(|table| &table.notes);
    notes.map(|note| format!("{}: {note}", file.path.display()))
}

/// Why there may be more in a file than was read of a known time.
fn faults(file: &Indexed) -> impl Iterator<Item = String> {
    let path = file.path.display();
    let fault = file.incomplete.as_ref().map(|what| format!("{path} {what}"));
    fault.into_iter().chain(timeless(&file.path, file.timeless_packets))
}

/// What is to be said of packets without a time.
fn timeless(path: &Path, packets: u64) -> Option<String> {
    (packets > 0).then(|| {
        format!(
            "{}: the time of {} is not known (simple packet blocks), nor whether they are of the window: record with \
             `dumpcap` or `tcpdump`",
            path.display(),
            count(packets, "packet")
        )
    })
}

/// Whether packets may be missing with a file that could not be read. Of what is empty, or of another kind,
/// the name says whether any are `is_expected`.
fn is_missing(error: &OpenError, is_expected: bool) -> bool {
    match error {
        OpenError::Empty { .. } | OpenError::NoCapture { .. } | OpenError::Packed { .. } => is_expected,
        OpenError::Unreadable { .. }
        | OpenError::OtherCapture { .. }
        | OpenError::NoDay { .. }
        | OpenError::Misplaced { .. }
        | OpenError::OnceOnly
        | OpenError::Changed { .. } => true,
    }
}

/// What the files cover, and the seams between them. What follows a fault in a file is not known, so there is no
/// seam behind it.
fn covered<'a>(files: impl Iterator<Item = &'a Indexed>) -> Intervals {
    let pieces =
        files.flat_map(|file| file.pieces.iter().map(move |piece| (piece, file.incomplete.is_none())));
    recording::covered(pieces)
}
