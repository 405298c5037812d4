//! What does a playbook mean, and what in it is wrong?
//!
//! Left of it are `raw_playbook` (as typed), `watchlists` and `stages`; right of it everything that
//! reads a [`Playbook`]. A criterion that could never be met is an error: the ticket would wait for
//! ever, and nobody would know why.

use super::field::{Field, Spanned};
use super::leaf::{Length, Share};
use super::node::Span;
use super::people::{checklist_items, due_rules, notify_rules};
use super::raw_playbook::{RawClean, RawJudge, RawPlaybook, RawStage};
use super::sheet::{Outside, Sheet};
use super::stages::{Around, stage};
use super::watchlists::watchlists;
use super::words::clipped;
use crate::pure::playbook::{CleanCriteria, JudgeCriteria, Playbook, StageName};
use crate::pure::problem::Problem;
use crate::pure::site::SiteFile;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Reads the text of a playbook, and checks it against the sites. `None` when something that it
/// cannot do without could not be read.
pub fn read_playbook(
    path: &Path,
    text: &str,
    site_file: Option<&SiteFile>,
    outside: Outside<'_>,
) -> (Option<Playbook>, Vec<Problem>) {
    let (mut sheet, raw) = Sheet::open::<RawPlaybook>(path, text, outside);
    let meant = raw.and_then(|raw| meant(&mut sheet, &raw, site_file));
    (meant, sheet.close())
}

fn meant(sheet: &mut Sheet<'_>, raw: &RawPlaybook, site_file: Option<&SiteFile>) -> Option<Playbook> {
    let RawPlaybook {
        playbook,
        title,
        malware,
        watchlists: lists,
        locate,
        verify,
        detect,
        judge,
        clean,
        checklist,
        due,
        notify,
    } = raw;
    let name = sheet.required(playbook, "playbook", Span::START);
    if let Some(name) = name {
        check_name(sheet, name);
    }
    let known = lists.iter().flat_map(|lists| lists.value.keys().map(String::as_str)).collect();
    let around = Around { site_file, watchlists: Some(known) };
    let watchlists = watchlists(sheet, lists.as_ref(), site_file);
    let locate_stage = sheet
        .required(locate, "locate", Span::START)
        .and_then(|raw| stage(sheet, StageName::Locate, raw, &around));
    let verify_stage = sheet
        .required(verify, "verify", Span::START)
        .and_then(|raw| stage(sheet, StageName::Verify, raw, &around));
    let detect_stage = detect.as_ref().and_then(|raw| stage(sheet, StageName::Detect, raw, &around));
    check_unused(sheet, raw);
    let judge_criteria = judge_criteria(sheet, judge.as_ref().map(|judge| &judge.value));
    check_heard(sheet, judge_criteria.heard_packets_min, [locate, verify]);
    let clean_criteria = clean_criteria(sheet, clean.as_ref().map(|clean| &clean.value), verify);
    let malware = malware_names(sheet, malware.as_ref());
    let checklist = checklist_items(sheet, checklist.as_ref());
    let due = due_rules(sheet, due.as_ref().map(|due| &due.value));
    let notify = notify_rules(sheet, notify.as_ref());
    let name = name?.value.clone();
    Some(Playbook {
        path: sheet.path.to_owned(),
        title: title.as_ref().map_or_else(|| name.clone(), |title| title.value.0.clone()),
        name,
        malware,
        watchlists,
        locate: locate_stage?,
        verify: verify_stage?,
        detect: detect_stage,
        judge: judge_criteria,
        clean: clean_criteria,
        checklist,
        due,
        notify,
    })
}

fn check_name(sheet: &mut Sheet<'_>, name: &Spanned<String>) {
    let stem = sheet.path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let is_plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    if name.value.is_empty() || !name.value.chars().all(is_plain) {
        let cure = "use letters, digits, `-`, `_` and `.`: the name is typed on the command line";
        sheet.error(name.span, format!("`{}` is not a name for a playbook", clipped(&name.value)), cure);
    } else if name.value != stem {
        let what = format!("the playbook is called `{}`, its file `{stem}`", name.value);
        sheet.warn(name.span, what, "give both the same name, so that it is found");
    }
}

fn check_unused(sheet: &mut Sheet<'_>, raw: &RawPlaybook) {
    let stages = [raw.locate.given(), raw.verify.given(), raw.detect.as_ref()];
    if !raw.locate.is_written()
        || [&raw.locate, &raw.verify].iter().any(|field| matches!(field, Field::Broken))
    {
        return;
    }
    let matched: Vec<&Field<Vec<Spanned<String>>>> =
        stages.iter().flatten().map(|stage| &stage.value.r#match).collect();
    if matched.iter().any(|field| matches!(field, Field::Broken)) {
        return;
    }
    let named: BTreeSet<&str> = matched
        .iter()
        .filter_map(|field| field.given())
        .flat_map(|list| &list.value)
        .map(|n| n.value.as_str())
        .collect();
    for (name, list) in raw.watchlists.iter().flat_map(|lists| &lists.value) {
        if let Some(list) = list.given()
            && !named.contains(name.as_str())
        {
            sheet.warn(
                list.span,
                format!("no stage matches the watchlist `{name}`"),
                "add it to a `match`, or remove it",
            );
        }
    }
}

fn judge_criteria(sheet: &mut Sheet<'_>, raw: Option<&RawJudge>) -> JudgeCriteria {
    let nothing = RawJudge::default();
    let RawJudge { fail_at, watched, heard, lost, blamed_present, inconclusive_row } =
        raw.unwrap_or(&nothing);
    if let Some(fail_at) = fail_at
        && fail_at.value == 0
    {
        sheet.error(fail_at.span, "`fail_at` is zero, so every run would fail", "give 1 or more");
    }
    if let Some(watched) = watched
        && watched.value.0 <= 0.0
    {
        let what = "`watched` is zero, so a run that watched hardly anything could pass";
        sheet.error(watched.span, what, "give more than zero, such as `95%`");
    }
    if let Some(row) = inconclusive_row {
        sheet.positive("inconclusive_row", row.span, &row.value);
    }
    let unsaid = JudgeCriteria::default();
    JudgeCriteria {
        fail_at: fail_at.as_ref().map_or(unsaid.fail_at, |count| count.value),
        watched_min: share_or(watched.as_ref(), unsaid.watched_min),
        heard_packets_min: heard.as_ref().map_or(unsaid.heard_packets_min, |count| count.value),
        lost_max: lost.as_ref().map(|share| share.value.0),
        has_blamed_present: blamed_present
            .as_ref()
            .map_or(unsaid.has_blamed_present, |present| present.value),
        inconclusive_row: inconclusive_row.as_ref().map_or(unsaid.inconclusive_row, |count| count.value),
    }
}

/// A capture that stops at fewer packets than must be heard is never a pass.
fn check_heard(sheet: &mut Sheet<'_>, heard_packets_min: u64, stages: [&Field<RawStage>; 2]) {
    for stage in stages.iter().filter_map(|stage| stage.given()) {
        let Some(capture) = stage.value.capture.given() else { continue };
        if let Some(packets) = &capture.value.packets
            && packets.value > 0
            && (packets.value < heard_packets_min
                || packets.value == heard_packets_min && capture.value.filter.is_none())
        {
            // A capture that is stopped by its limit is cut short, so that it must hear more before it.
            let what = format!(
                "`judge.heard` can never be met: the capture stops at {} packets, and {heard_packets_min} must be heard",
                packets.value
            );
            sheet.error(packets.span, what, "capture more, or lower `judge.heard`");
        }
    }
}

fn clean_criteria(sheet: &mut Sheet<'_>, raw: Option<&RawClean>, verify: &Field<RawStage>) -> CleanCriteria {
    let nothing = RawClean::default();
    let RawClean { passes, span, assurance, contact_interval, unlisted, watch } = raw.unwrap_or(&nothing);
    if let Some(passes) = passes {
        sheet.positive("passes", passes.span, &passes.value);
    }
    if let Some(share) = assurance
        && share.value.0 >= 1.0
    {
        let what = "`assurance` can never be met: silence is never certain";
        sheet.error(share.span, what, "give less than 100%, such as `99%`");
    }
    if let Some(interval) = contact_interval {
        sheet.positive("contact_interval", interval.span, &interval.value.0);
    }
    if let Some(unlisted) = unlisted
        && unlisted.value
    {
        check_unlisted(sheet, unlisted.span, verify);
    }
    let unsaid = CleanCriteria::default();
    CleanCriteria {
        passes: passes.as_ref().map_or(unsaid.passes, |count| count.value),
        span: length_or(span.as_ref(), unsaid.span),
        assurance: share_or(assurance.as_ref(), unsaid.assurance),
        contact_interval: contact_interval.as_ref().map(|interval| interval.value.0),
        is_unlisted: unlisted.as_ref().map_or(unsaid.is_unlisted, |unlisted| unlisted.value),
        watch: length_or(watch.as_ref(), unsaid.watch),
    }
}

/// What another stage is told is of another time than the passes.
fn check_unlisted(sheet: &mut Sheet<'_>, span: Span, verify: &Field<RawStage>) {
    let asks = match verify.given() {
        Some(stage) => stage.value.listing.as_ref().is_some_and(|listing| listing.value),
        // What could not be read may well ask.
        None => verify.is_written(),
    };
    if !asks {
        let what = "`unlisted` can never be met: `verify` asks for no listing";
        sheet.error(span, what, "add `listing: true` to `verify`");
    }
}

fn length_or(length: Option<&Spanned<Length>>, default: Duration) -> Duration {
    length.map_or(default, |length| length.value.0)
}

fn share_or(share: Option<&Spanned<Share>>, default: f64) -> f64 {
    share.map_or(default, |share| share.value.0)
}

fn malware_names(sheet: &mut Sheet<'_>, raw: Option<&Spanned<Vec<Spanned<String>>>>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in raw.into_iter().flat_map(|raw| &raw.value) {
        let lower = name.value.trim().to_lowercase();
        if lower.is_empty() {
            sheet.error(name.span, "an empty malware name", "remove it");
        } else if names.contains(&lower) {
            sheet.warn(name.span, format!("the malware `{lower}` is named twice"), "name it once");
        } else {
            sheet.readable("a malware", name.span, &lower);
            names.push(lower);
        }
    }
    names
}
