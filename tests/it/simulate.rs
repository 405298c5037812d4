//! What becomes of a ticket in other people's stories? `allclear simulate` on captures made here.

use crate::traffic::Stretch;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

pub const LAB: [u8; 4] = [10, 16, 24, 93];
const OFFICE: [u8; 4] = [10, 16, 30, 7];
const EVERYBODY: [[u8; 4]; 3] = [LAB, OFFICE, [10, 16, 20, 1]];

/// A site file with one site.
pub const SITE: &str = "\
state: state
sources:
  lan: {interface: eth1}
sites:
  springfield:
    title: Springfield School District
    public: [192.0.2.17]
    inside: [10.16.0.0/16]
    timezone: America/Chicago
    source: lan
    coordinator: tech@springfield.example
";

pub const PLAYBOOK: &str = "\
playbook: nightly
title: Conficker calling its sinkholes
malware: [conficker]
locate: {every: 30m, capture: {for: 30m}, match: [reported]}
verify: {cron: \"0 20 * * *\", capture: {for: 6h}, match: [reported]}
judge: {heard: 50}
clean: {passes: 5, span: 7d, assurance: 99%, contact_interval: 2h, watch: 30d}
checklist:
  - patch: Install MS08-067 on the host
notify: [{events: [opened, located, relapsed, clean, inconclusive], to: [coordinator]}]
";

pub const PAGE: &str = "It was last detected at 2015-04-29 19:00 GMT (+/- 30 minutes). This IP is infected with \
    the Conficker botnet. Your IP was observed making connections to TCP/IP IP address 216.66.15.109 (a \
    conficker sinkhole) with a destination port 80, source port (for this detection) of 1701 at exactly \
    2015-04-29 18:52:14 (UTC).";

/// Cleaned on the afternoon of the 30th.
pub const SCRIPT: &str = "\
- {at: 2015-04-30T15:00, do: cleaned, by: tech}
- {at: 2015-04-30T15:05, do: sign, item: patch, by: tech}
";

pub struct Story {
    directory: TempDir,
}

impl Story {
    /// One day on which the lab machine calls every hour, from 13:30 in Chicago on.
    pub fn new() -> Story {
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path();
        for folder in ["playbooks", "captures"] {
            fs::create_dir(path.join(folder)).expect("a directory");
        }
        fs::write(path.join("allclear.yaml"), SITE).expect("the site file is written");
        fs::write(path.join("playbooks/nightly.yaml"), PLAYBOOK).expect("the playbook is written");
        fs::write(path.join("page.txt"), PAGE).expect("the page is written");
        fs::write(path.join("script.yaml"), SCRIPT).expect("the script is written");
        let story = Story { directory };
        let day = Stretch::at("2015-04-29T18:30:00Z", 20 * 3600).present(&EVERYBODY).calls(LAB, 3000, 3600);
        story.record("day", day);
        story
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    fn record(&self, name: &str, stretch: Stretch) {
        stretch.write(&self.path().join(format!("captures/{name}.pcap")));
    }

    /// The nights from 30 April (0) on, each as `night` makes it of the plain one; `None`: not recorded.
    pub fn nights(&self, count: i64, night: impl Fn(i64, Stretch) -> Option<Stretch>) {
        for number in 0..count {
            let mut stretch = Stretch::at("2015-05-01T00:55:00Z", 6 * 3600 + 600).present(&EVERYBODY);
            stretch.from += number * 86_400;
            if let Some(stretch) = night(number, stretch) {
                self.record(&format!("night-{number:02}"), stretch);
            }
        }
    }

    fn simulate(&self, more: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_allclear"))
            .current_dir(self.path())
            .args(["simulate", "--playbook", "nightly", "--report", "page.txt", "--public", "192.0.2.17"])
            .args(["--captures", "captures/*.pcap", "--for", "21d", "--script", "script.yaml", "--json"])
            .args(more)
            .output()
            .expect("the program runs")
    }

    pub fn live(&self, more: &[&str]) -> (Option<i32>, Value) {
        let output = self.simulate(more);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"));
        (output.status.code(), value)
    }
}

pub fn phases(value: &Value) -> Vec<String> {
    let phases = value["phases"].as_array().expect("phases");
    phases.iter().map(|phase| phase["to"].as_str().expect("a word").to_owned()).collect()
}

fn mails(value: &Value) -> Vec<String> {
    let mails = value["mails"].as_array().expect("mails");
    mails.iter().map(|mail| mail["event"].as_str().expect("a word").to_owned()).collect()
}

/// Outcome and verdict of each verify run.
pub fn nights(value: &Value) -> Vec<(String, String)> {
    let occurrences = value["occurrences"].as_array().expect("occurrences").iter();
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    occurrences
        .filter(|occurrence| occurrence["stage"] == "verify")
        .map(|occurrence| (word(&occurrence["outcome"]), word(&occurrence["verdict"])))
        .collect()
}

#[test]
fn silent_nights_confirm_it_on_the_eighth() {
    let story = Story::new();
    story.nights(12, |_, night| Some(night));
    let (code, value) = story.live(&["--mail-dir", "mails"]);
    assert_eq!((code, phases(&value)), (Some(0), vec!["located".into(), "verifying".into(), "clean".into()]));
    assert_eq!(value["phases"][2]["at"], "2015-05-08T07:00:00Z", "seven days after the first pass began");
    assert_eq!(value["ticket"]["schema"], "allclear.ticket/1");
    assert_eq!(value["ticket"]["hosts"][0]["state"], "clean");
    assert_eq!(mails(&value), ["opened", "located", "clean"]);
    for mail in value["mails"].as_array().expect("mails") {
        let file = story.path().join(mail["file"].as_str().expect("a file"));
        let text = fs::read_to_string(&file).expect("the mail lies where it is said to");
        let first_words = &mail["subject"].as_str().expect("a subject")[..20];
        assert!(text.contains(first_words), "{first_words:?} is not in {}", file.display());
    }
}

#[test]
fn a_host_that_is_off_at_night_is_never_confirmed() {
    let story = Story::new();
    story.nights(20, |_, night| Some(night.present(&[OFFICE, [10, 16, 20, 1]])));
    let (code, value) = story.live(&[]);
    assert_eq!((code, phases(&value)), (Some(3), vec!["located".into(), "verifying".into()]));
    assert!(nights(&value).iter().all(|night| *night != ("ran".into(), "pass".into())));
    let verify = value["occurrences"].as_array().expect("occurrences").iter();
    let verify: Vec<&Value> = verify.filter(|occurrence| occurrence["stage"] == "verify").collect();
    assert_eq!(verify[0]["reasons"][0]["code"], "host_absent");
    assert_eq!(mails(&value)[2..4], ["inconclusive", "inconclusive"]);
}

#[test]
fn two_hosts_behind_one_address_are_both_found_and_both_must_be_silent() {
    let story = Story::new();
    story.nights(20, |number, night| Some(if number == 2 { night.calls(OFFICE, 600, 7200) } else { night }));
    fs::write(
        story.path().join("script.yaml"),
        format!("{SCRIPT}- {{at: 2015-05-04T12:00, do: cleaned, host: 10.16.30.7, by: tech}}\n"),
    )
    .expect("the script is written");
    let (code, value) = story.live(&[]);
    let expected = ["located", "verifying", "located", "verifying", "clean"];
    assert_eq!((code, phases(&value)), (Some(0), expected.map(str::to_owned).to_vec()));
    assert_eq!(value["ticket"]["relapses"], 0, "another host is no relapse");
    let hosts: Vec<&str> = value["ticket"]["hosts"]
        .as_array()
        .expect("hosts")
        .iter()
        .map(|host| host["host"].as_str().expect("an address"))
        .collect();
    assert_eq!(hosts, ["10.16.24.93", "10.16.30.7"]);
    assert_eq!(value["phases"][4]["at"], "2015-05-12T07:00:00Z", "eight nights after the second cleaning");
}

#[test]
fn a_relapse_on_day_six_starts_the_passes_again() {
    let story = Story::new();
    story.nights(20, |number, night| Some(if number == 6 { night.calls(LAB, 600, 7200) } else { night }));
    fs::write(
        story.path().join("script.yaml"),
        format!("{SCRIPT}- {{at: 2015-05-07T12:00, do: cleaned, host: 10.16.24.93, by: tech}}\n"),
    )
    .expect("the script is written");
    let (code, value) = story.live(&[]);
    let expected = ["located", "verifying", "located", "verifying", "clean"];
    assert_eq!((code, phases(&value)), (Some(0), expected.map(str::to_owned).to_vec()));
    assert_eq!(value["ticket"]["relapses"], 1);
    assert_eq!(mails(&value), ["opened", "located", "relapsed", "clean"]);
    assert_eq!(value["phases"][4]["at"], "2015-05-15T07:00:00Z");
}

#[test]
fn without_the_second_cleaning_a_relapse_ends_infected() {
    let story = Story::new();
    story.nights(9, |number, night| Some(if number == 6 { night.calls(LAB, 600, 7200) } else { night }));
    let (code, value) = story.live(&[]);
    assert_eq!((code, value["ticket"]["hosts"][0]["state"].as_str()), (Some(2), Some("infected")));
}

#[test]
fn gaps_in_the_captures_are_inconclusive_and_nights_without_any_are_missed() {
    let story = Story::new();
    story.nights(12, |number, night| match number {
        1 => Some(Stretch { seconds: 3 * 3600, ..night }),
        2 => None,
        _ => Some(night),
    });
    // The fifth night is in two files: a seam of ten seconds is none, one of eleven is a gap.
    let fifth = Stretch::at("2015-05-05T00:55:00Z", 3 * 3600).present(&EVERYBODY);
    let rest = Stretch { from: fifth.from + 3 * 3600 + 10, seconds: 3 * 3600 + 600, ..fifth.clone() };
    story.record("night-04", fifth);
    story.record("night-04b", rest);
    let (code, value) = story.live(&[]);
    let told: Vec<(String, String)> = nights(&value);
    let of = |outcome: &str, verdict: &str| (outcome.to_owned(), verdict.to_owned());
    assert_eq!(
        told[..5],
        [
            of("ran", "pass"),
            of("ran", "inconclusive"),
            of("missed", "-"),
            of("ran", "pass"),
            of("ran", "pass")
        ]
    );
    assert_eq!((code, phases(&value).last().map(String::as_str)), (Some(0), Some("clean")));
}

#[test]
fn a_listing_is_asked_of_the_script_alone() {
    let story = Story::new();
    story.nights(14, |_, night| Some(night));
    let playbook = PLAYBOOK
        .replace("match: [reported]}\njudge", "match: [reported], listing: true}\njudge")
        .replace("watch: 30d}", "watch: 30d, unlisted: true}");
    fs::write(story.path().join("playbooks/nightly.yaml"), playbook).expect("the playbook is written");
    let (code, value) = story.live(&[]);
    assert_eq!((code, nights(&value)[0].1.as_str()), (Some(3), "inconclusive"), "no answer is unknown");
    assert_eq!(value["ticket"]["clean"]["listing"], "unknown");

    let script = format!("{SCRIPT}- {{at: 2015-05-01T12:00, do: listing, answer: listed}}\n");
    fs::write(story.path().join("script.yaml"), &script).expect("the script is written");
    let (code, value) = story.live(&[]);
    assert_eq!((code, nights(&value)[1].1.as_str()), (Some(3), "pass"), "a pass of the traffic, not clean");

    let script = format!("{script}- {{at: 2015-05-10T12:00, do: listing, answer: not_listed}}\n");
    fs::write(story.path().join("script.yaml"), script).expect("the script is written");
    let (code, value) = story.live(&[]);
    assert_eq!((code, value["phases"][2]["at"].as_str()), (Some(0), Some("2015-05-11T07:00:00Z")));
}

#[test]
fn faults_in_the_files_end_with_64_and_the_place() {
    let story = Story::new();
    let script = "- {at: 2015-04-30T15:00, do: cleand}\n- {at: noon, do: sign}\n";
    fs::write(story.path().join("script.yaml"), script).expect("the script is written");
    let output = story.simulate(&[]);
    assert_eq!(output.status.code(), Some(64));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for place in ["script.yaml:1:30", "script.yaml:2:8", "script.yaml:2:18"] {
        assert!(told.contains(place), "{place} is not told:\n{told}");
    }
    assert!(told.contains("cleaned"), "the nearest word is told:\n{told}");
}

#[test]
fn the_positive_control_of_every_source_must_be_seen() {
    let dmz = "  dmz: {interface: eth2, positive_control: udp port 123}\nsites:";
    for (row, lan, verdict, code) in [
        ("of the second alone", "{interface: eth1}", "inconclusive", "control_missing"),
        (
            "a probe of the first",
            "{interface: eth1, probe: {to: \"192.0.2.1:9\"}}",
            "inconclusive",
            "control_missing",
        ),
        ("of both, one seen", "{interface: eth1, positive_control: tcp}", "inconclusive", "control_missing"),
    ] {
        let story = Story::new();
        story.nights(3, |_, night| Some(night));
        let site = SITE.replace("{interface: eth1}", lan).replace("sites:", dmz);
        fs::write(story.path().join("allclear.yaml"), site.replace("source: lan", "source: [lan, dmz]"))
            .expect("the site file is written");
        let (_, value) = story.live(&[]);
        assert_eq!(nights(&value)[0], ("ran".to_owned(), verdict.to_owned()), "{row}");
        let mut occurrences = value["occurrences"].as_array().expect("occurrences").iter();
        let verify = occurrences.find(|occurrence| occurrence["stage"] == "verify");
        assert_eq!(verify.expect("a night")["reasons"][0]["code"], code, "{row}");
    }
}
