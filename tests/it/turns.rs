//! Do runs wait for their turn, and in a fair order? The real `serve`, a command that carries one run at a
//! time, and two sites.

use crate::serve::State;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

const REPORT: [&str; 6] =
    ["--malware", "conficker", "--remote", "216.66.15.109", "--seen", "2015-04-29T18:52:14Z"];

/// A site with four tickets and one with a single one, which share a source for one run.
fn crowded() -> State {
    let state = State::new("2s", "3s");
    let path = state.path().join("allclear.yaml");
    let site = fs::read_to_string(&path).expect("it was written");
    let (head, rest) = site.split_once("sites:\n").expect("there are sites");
    let (school, mail) = rest.split_once("mail:\n").expect("there is mail");
    let other = school.replace("springfield:", "shelbyville:").replace("192.0.2.17", "198.51.100.9");
    let head = head.replace("\n    command:", "\n    runs_max: 1\n    command:");
    let school = school.replace("192.0.2.17", "192.0.2.0/24");
    fs::write(path, format!("{head}sites:\n{school}{other}mail:\n{mail}")).expect("it is written");
    for public in ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "198.51.100.9"] {
        let opened = state.run(&[&["ticket", "open", "--public", public][..], &REPORT].concat());
        assert_eq!(opened.status.code(), Some(0), "{}", String::from_utf8_lossy(&opened.stderr));
    }
    state
}

fn occurrences(state: &State) -> Vec<Value> {
    let shown = state.run(&["occurrences", "--json"]);
    let value: Value = serde_json::from_slice(&shown.stdout).unwrap_or_default();
    value["occurrences"].as_array().cloned().unwrap_or_default()
}

#[test]
fn a_small_site_gets_its_turn_and_who_waits_too_long_is_missed() {
    let state = crowded();
    let server = state.serve();
    let watched = |site: &str| {
        let all = occurrences(&state);
        all.iter().filter(|one| one["site"] == site && one["outcome"] == "ran").count()
    };
    state.wait_for("both sites had two turns", || watched("springfield") >= 2 && watched("shelbyville") >= 2);
    server.signal(libc::SIGTERM);
    assert_eq!(server.end(), Some(0));
    let all = occurrences(&state);
    let mut times: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut under_way: BTreeMap<String, usize> = BTreeMap::new();
    for one in &all {
        let planned = one["planned"].to_string();
        *times.entry((one["ticket"].to_string(), planned.clone())).or_insert(0) += 1;
        let reason = one["reasons"][0]["code"].as_str().unwrap_or_default();
        match one["outcome"].as_str() {
            Some("missed") => assert!(["no_turn", "program_down"].contains(&reason), "{one}"),
            outcome => {
                assert!(outcome.is_some(), "without outcome: {one}");
                *under_way.entry(planned).or_insert(0) += 1;
            }
        }
    }
    assert!(times.values().all(|times| *times == 1), "each once: {times:?}");
    assert!(under_way.values().all(|runs| *runs == 1), "one at a time: {under_way:?}");
    assert!(all.iter().any(|one| one["reasons"][0]["code"] == "no_turn"), "somebody waited in vain");
    let (big, small) = (watched("springfield"), watched("shelbyville"));
    assert!(big.abs_diff(small) <= 1, "by turns: {big} and {small}");
}
