//! Was what a host once called still looked for when its silence was counted? Lists, stages and reports that no longer
//! name it.

use crate::simulate::{LAB, PAGE, PLAYBOOK, SCRIPT, Story, nights, phases};
use crate::world::{World, ip, report, silent};
use allclear::pure::intake::Report;
use allclear::pure::ticket::{Act, Phase, stand};
use allclear::pure::watchlist::{Entry, Watchlist};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// Two weeks of nights on which the lab machine goes on calling, for a playbook with these changes.
fn told(changes: &[(&str, &str)], page: &str, script: &str) -> Value {
    let story = Story::new();
    let change = |text: String, (from, to): &(&str, &str)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    };
    let playbook = changes.iter().fold(PLAYBOOK.to_owned(), change);
    fs::write(story.path().join("playbooks/nightly.yaml"), playbook).expect("the playbook is written");
    fs::write(story.path().join("page.txt"), page).expect("the page is written");
    fs::write(story.path().join("script.yaml"), script).expect("the script is written");
    story.nights(14, |_, night| Some(night.calls(LAB, 900, 1800)));
    story.live(&[]).1
}

const SINKHOLES: (&str, &str) = ("locate:", "watchlists: {sinkholes: {addresses: [216.66.15.109]}}\nlocate:");
const LOCATE: (&str, &str) = ("for: 30m}, match: [reported]", "for: 30m}, match: [sinkholes]");
const OTHER: &str = "38.229.131.151";

#[test]
fn a_host_that_locate_found_by_a_list_that_verify_does_not_name_is_seen_calling_by_verify() {
    let value = told(&[SINKHOLES, LOCATE], &PAGE.replace("216.66.15.109", OTHER), SCRIPT);
    assert_eq!(phases(&value), ["located", "verifying", "located"]);
    assert_eq!(value["ticket"]["relapses"], 1);
    let fails = [("ran".to_owned(), "fail".to_owned())];
    assert_eq!(nights(&value), fails, "the first night, and none after the relapse");
}

#[test]
fn what_only_reports_name_is_looked_for_also_where_no_stage_matches_it() {
    let other = ("216.66.15.109", "198.51.100.1");
    let verify = ("for: 6h}, match: [reported]", "for: 6h}, match: [sinkholes]");
    let value = told(&[SINKHOLES, other, LOCATE, verify], PAGE, SCRIPT);
    assert_eq!(phases(&value), ["located", "verifying", "located"]);
}

#[test]
fn a_blamed_host_that_every_list_takes_out_is_never_found_silent() {
    let excepting = (
        SINKHOLES.0,
        "watchlists: {sinkholes: {addresses: [216.66.15.109], except: [10.16.24.93]}}\nlocate:",
    );
    let verify = ("for: 6h}, match: [reported]", "for: 6h}, match: [sinkholes]");
    let script = SCRIPT.replace("do: cleaned", "do: cleaned, host: 10.16.24.93");
    let page = PAGE.split(" Your IP").next().expect("a page that names no sinkhole");
    let value = told(&[excepting, LOCATE, verify], page, &script);
    let verdicts: BTreeSet<String> = nights(&value).into_iter().map(|(_, verdict)| verdict).collect();
    assert!(verdicts.contains("inconclusive") && !verdicts.contains("pass"), "{verdicts:?}");
    let reasons = value["occurrences"].to_string();
    assert!(
        reasons.contains("watchlist sinkholes takes out 10.16.24.93, which the ticket blames"),
        "{reasons}"
    );
    assert_eq!(phases(&value), ["located", "verifying"]);
}

#[test]
fn a_blamed_host_that_the_filter_shuts_out_is_never_found_silent() {
    for filter in
        ["host 10.16.30.7", "not host 10.16.24.93", "src net 10.16.30.0/24 or dst net 10.16.30.0/24"]
    {
        let filtered = ("capture: {for: 6h}", format!("capture: {{for: 6h, filter: \"{filter}\"}}"));
        let value = told(&[(filtered.0, &filtered.1)], PAGE, SCRIPT);
        let verdicts: BTreeSet<String> = nights(&value).into_iter().map(|(_, verdict)| verdict).collect();
        assert!(verdicts.contains("inconclusive") && !verdicts.contains("pass"), "{filter}: {verdicts:?}");
        let reasons = value["occurrences"].to_string();
        assert!(reasons.contains("from 10.16.24.93, which the ticket blames"), "{filter}: {reasons}");
    }
}

#[test]
fn nights_that_did_not_look_for_what_a_late_report_names_prove_nothing() {
    for (row, remote, port, passes) in [
        ("the same again", Some(ip("216.66.15.109")), Some(443), 3),
        ("another sinkhole", Some(ip("203.0.113.66")), Some(80), 0),
        ("no address, but a port", None, Some(6667), 0),
        ("neither", None, None, 3),
        ("one that the playbook looks for anyway", Some(ip("38.229.140.1")), Some(80), 3),
    ] {
        let mut world = World::with(|playbook| {
            let entries = Entry::parse("38.229.128.0/18").expect("a network");
            let list = Watchlist { name: "sinkholes".to_owned(), entries, ..Watchlist::default() };
            playbook.watchlists.insert("sinkholes".to_owned(), list);
            playbook.verify.watchlists = vec!["reported".to_owned(), "sinkholes".to_owned()];
        });
        world.cleaned_at("2015-05-05T10:00:00Z");
        world.live_until("2015-05-08T12:00:00Z", silent);
        assert_eq!(world.ticket().passes.len(), 3);
        let late = Report { remote, port, ..report("2015-05-05T09:00:00Z") };
        world.act("2015-05-08T12:00:00Z", Act::Report(late)).expect("added");
        assert_eq!((world.ticket().passes.len(), world.phase()), (passes, Phase::Verifying), "{row}");
        let context = world.engine.context(world.ticket, world.now).expect("the playbook is there");
        let exposed = stand(world.ticket(), &context).hosts[0].exposure_s;
        assert_eq!(exposed > 0, passes > 0, "{row}: {exposed} s");
        world.live_until("2015-05-09T12:00:00Z", silent);
        assert_eq!(world.ticket().passes.len(), passes + 1, "{row}");
    }
}
