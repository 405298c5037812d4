//! What do `locate`, `verify` and `detect` mean, and what in them is wrong?
//!
//! Left of it is `raw_playbook`, right of it `playbook`. A stage whose captures would run into each
//! other is an error, never quietly shortened.

use super::field::{Field, Spanned};
use super::leaf::{CronText, Length};
use super::raw_playbook::{RawCapture, RawKeep, RawStage};
use super::sheet::Sheet;
use crate::pure::number::typed;
use crate::pure::playbook::{CaptureSettings, Keep, REPORTED, Stage, StageName};
use crate::pure::schedule::{Schedule, occurrences};
use crate::pure::site::SiteFile;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::Duration;

/// Where the search for the shortest time between two occurrences begins, 2026-01-01T00:00Z: any
/// year does, since a pattern repeats and both changes of the clocks are in it.
const GAP_SEARCH_START_SECONDS: i64 = 1_767_225_600;

/// How far the search goes: both changes of the clocks lie within it.
const GAP_SEARCH_DAYS: i64 = 370;

/// Occurrences looked at for it: more than a year of nights, and a week of every 5 minutes.
const GAP_SEARCH_MAX: usize = 2_200;

/// What a stage is checked against.
pub struct Around<'a> {
    pub site_file: Option<&'a SiteFile>,
    /// Names of the playbook's watchlists, readable or not; `None` when they could not be read.
    pub watchlists: Option<Vec<&'a str>>,
}

/// The stage, where all of it could be read.
pub fn stage(
    sheet: &mut Sheet<'_>,
    name: StageName,
    raw: &Spanned<RawStage>,
    around: &Around<'_>,
) -> Option<Stage> {
    let RawStage { cron, every, jitter, capture, r#match, listing } = &raw.value;
    if cron.is_written() == every.is_written() {
        let what = format!("the stage `{name}` needs exactly one of `cron` and `every`");
        sheet.error(raw.span, what, "write `cron: \"30 8 * * 1-5\"` or `every: 1h`");
    }
    if let Some(every) = every.given() {
        sheet.positive("every", every.span, &every.value.0);
    }
    let jitter = jitter.as_ref().map_or(Duration::ZERO, |jitter| jitter.value.0);
    let schedule = schedule(cron, every);
    let capture = sheet.required(capture, "capture", raw.span).and_then(|raw| capture_settings(sheet, raw));
    if let (Some(schedule), Some((_, length))) = (&schedule, &capture) {
        let rhythm = Rhythm { schedule, jitter, length };
        check_gap(sheet, name, &rhythm, around.site_file);
    }
    let watchlists = sheet.required(r#match, "match", raw.span);
    if let Some(names) = watchlists {
        check_names(sheet, names, around);
        if let Some(reported) = names.value.iter().find(|list| list.value == REPORTED)
            && name == StageName::Detect
        {
            let what = "`detect` has no ticket whose reports `reported` could name";
            sheet.error(reported.span, what, "name watchlists of the playbook only");
        }
    }
    if let Some(listing) = listing
        && listing.value
        && name == StageName::Detect
    {
        let what = "`detect` has no ticket, so there is no listed address to ask about";
        sheet.error(listing.span, what, "leave `listing` out, or move it to `verify`");
    } else if let Some(listing) = listing
        && listing.value
        && around.site_file.is_some_and(|file| !file.has_listing)
    {
        let what = "the site file has no `listing` to ask, so that each run is inconclusive";
        sheet.warn(listing.span, what, "add a `listing` section to the site file, or leave this out");
    }
    Some(Stage {
        schedule: schedule?,
        jitter,
        capture: capture?.0,
        watchlists: watchlists?.value.iter().map(|name| name.value.clone()).collect(),
        has_listing: listing.as_ref().is_some_and(|listing| listing.value),
    })
}

fn schedule(cron: &Field<CronText>, every: &Field<Length>) -> Option<Schedule> {
    match (cron, every) {
        (Field::Given(cron), Field::Missing) => Some(Schedule::Cron(cron.value.0.clone())),
        (Field::Missing, Field::Given(every)) if !every.value.0.is_zero() => {
            Some(Schedule::Every(every.value.0))
        }
        _ => None,
    }
}

/// The settings, and the capture's length with its place.
fn capture_settings(
    sheet: &mut Sheet<'_>,
    raw: &Spanned<RawCapture>,
) -> Option<(CaptureSettings, Spanned<Duration>)> {
    let RawCapture { r#for: length, packets, bytes, filter, keep } = &raw.value;
    let length = sheet.required(length, "for", raw.span);
    if let Some(length) = length {
        sheet.positive("for", length.span, &length.value.0);
    }
    if let Some(packets) = packets {
        sheet.positive("packets", packets.span, &packets.value);
    }
    if let Some(bytes) = bytes {
        sheet.positive("bytes", bytes.span, &bytes.value.0);
    }
    let filter = filter.as_ref().map(|filter| sheet.filter(filter));
    let keep = match keep {
        Some(Spanned { value: RawKeep::All, .. }) => Keep::All,
        Some(Spanned { value: RawKeep::Nothing, .. }) => Keep::Nothing,
        Some(Spanned { value: RawKeep::Hits, .. }) | None => Keep::Hits,
    };
    let length = length?;
    let settings = CaptureSettings {
        length: length.value.0,
        packets_max: packets.as_ref().map(|packets| packets.value),
        bytes_max: bytes.as_ref().map(|bytes| bytes.value.0),
        filter,
        keep,
    };
    Some((settings, Spanned { value: length.value.0, span: length.span }))
}

/// How often a stage captures, and for how long.
struct Rhythm<'a> {
    schedule: &'a Schedule,
    jitter: Duration,
    length: &'a Spanned<Duration>,
}

/// No capture may run into the next one.
fn check_gap(sheet: &mut Sheet<'_>, name: StageName, rhythm: &Rhythm<'_>, site_file: Option<&SiteFile>) {
    let Rhythm { schedule, jitter, length } = *rhythm;
    let Some(gap) = shortest_gap(schedule, site_file) else { return };
    let gap_text = typed(gap);
    if length.value > gap {
        let what = format!(
            "the capture takes {}, and only {gap_text} lie between two occurrences of `{name}`",
            typed(length.value)
        );
        sheet.error(length.span, what, "capture for a shorter time, or less often");
    } else if length.value + jitter > gap {
        let what = format!(
            "a capture of {} that begins up to {} late runs into the next of `{name}`, {gap_text} later",
            typed(length.value),
            typed(jitter)
        );
        sheet.error(length.span, what, "shorten the capture or the jitter");
    }
}

/// The shortest time between two occurrences in the zone of any site; `None` when there are no two.
fn shortest_gap(schedule: &Schedule, site_file: Option<&SiteFile>) -> Option<Duration> {
    if let Schedule::Every(period) = schedule {
        return Some(*period);
    }
    let mut zones: Vec<&TimeZone> = Vec::new();
    for site in site_file.into_iter().flat_map(|file| file.sites.values()) {
        if !zones.contains(&&site.timezone) {
            zones.push(&site.timezone);
        }
    }
    if zones.is_empty() {
        return shortest_gap_in(schedule, &TimeZone::UTC);
    }
    zones.into_iter().filter_map(|zone| shortest_gap_in(schedule, zone)).min()
}

fn shortest_gap_in(schedule: &Schedule, zone: &TimeZone) -> Option<Duration> {
    let start = Timestamp::constant(GAP_SEARCH_START_SECONDS, 0);
    let end = Timestamp::constant(GAP_SEARCH_START_SECONDS + GAP_SEARCH_DAYS * 86_400, 0);
    let fired: Vec<Timestamp> = occurrences(schedule, zone, start, end).take(GAP_SEARCH_MAX).collect();
    fired.windows(2).map(|pair| pair[1].duration_since(pair[0]).unsigned_abs()).min()
}

fn check_names(sheet: &mut Sheet<'_>, names: &Spanned<Vec<Spanned<String>>>, around: &Around<'_>) {
    if names.value.is_empty() {
        sheet.error(names.span, "`match` is empty", "name a watchlist, or `reported`");
    }
    let Some(known) = &around.watchlists else { return };
    let known: Vec<&str> = known.iter().copied().chain([REPORTED]).collect();
    for (index, name) in names.value.iter().enumerate() {
        if !known.contains(&name.value.as_str()) {
            sheet.unknown(name.span, format!("there is no watchlist `{}`", name.value), &name.value, &known);
        } else if names.value[..index].iter().any(|earlier| earlier.value == name.value) {
            sheet.warn(name.span, format!("`{}` is named twice", name.value), "name it once");
        }
    }
}
