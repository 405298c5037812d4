//! A ticket handed over as one archive, checked by those who distrust us: with coreutils, Python and tshark,
//! and after somebody has meddled with it.

use crate::detect_desk::{detect, school};
use crate::skip::skipped;
use crate::station::Station;
use allclear::edge::bundle::{Bundle, Documents, VERIFY};
use allclear::pure::verdict::EvidenceFile;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SUM: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

const HITS: &str = "evidence/detect/1-hits.pcapng";

fn evidence(path: &str) -> EvidenceFile {
    EvidenceFile { path: path.to_string(), sha256: SUM.to_string(), bytes: 4, packets: 1 }
}

/// Writes a bundle of next to nothing; returns what it remarks.
fn bundle(to: &Path, state: &Path, evidence: &[EvidenceFile]) -> Vec<String> {
    let mut bundle = Bundle::begin(to, "ticket-7").expect("it begins");
    bundle.add_evidence(evidence, |path| fs::File::open(state.join(path))).expect("it takes files");
    let remarks = bundle.remarks().map(str::to_owned).collect();
    let documents = Documents {
        report_html: "<p>report</p>",
        report_text: "report\n",
        report_json: "{}",
        ticket_json: "{\"events\": []}",
        events: "",
        last: None,
    };
    bundle.finish(&documents).expect("it ends");
    remarks
}

fn unpack(archive: &Path, into: &Path) {
    let mut zip = zip::ZipArchive::new(fs::File::open(archive).expect("a file")).expect("an archive");
    zip.extract(into).expect("it unpacks");
}

fn read(archive: &Path, name: &str) -> String {
    let mut zip = zip::ZipArchive::new(fs::File::open(archive).expect("a file")).expect("an archive");
    std::io::read_to_string(zip.by_name(name).expect(name)).expect("text")
}

fn run(program: &str, arguments: &[&str], directory: &Path) -> Output {
    Command::new(program).args(arguments).current_dir(directory).output().expect(program)
}

/// Whether `verify.py` finds all sound, and what it says.
fn verify(directory: &Path, arguments: &[&str]) -> (bool, String) {
    let output = run("python3", &[&["verify.py"], arguments].concat(), directory);
    let told = [output.stdout, output.stderr].concat();
    (output.status.code() == Some(0), String::from_utf8_lossy(&told).into_owned())
}

/// Two tickets in one log, their events mingled, and the second one's bundle, unpacked.
fn handed_over() -> (Station, PathBuf) {
    let station = school();
    detect(&station, "calls.pcap");
    for (ticket, text) in [("1", "asked"), ("2", "a \"b\" \\ <b>|`[x](y)` é 😀\nmore\ttext"), ("1", "told")]
    {
        station.ask(&["ticket", "note", ticket, text, "--by", "Zoë \"Z\" 😀"]);
    }
    station.ask(&["ticket", "cleaned", "2", "--by", "tech"]);
    let told = station.ask(&["ticket", "bundle", "2", "two.zip"]);
    assert!(told.contains("two.zip written, 1 evidence file"), "{told}");
    unpack(&station.path("two.zip"), &station.path("out"));
    let folder = station.path("out/ticket-2");
    (station, folder)
}

#[test]
fn a_fresh_bundle_is_found_sound_by_every_program_that_its_readme_names() {
    let (station, folder) = handed_over();
    let sums = run("sha256sum", &["-c", "--strict", "SHA256SUMS"], &folder);
    assert!(sums.status.success(), "{}", String::from_utf8_lossy(&sums.stderr));
    let (is_sound, told) = verify(&folder, &[]);
    assert!(is_sound && told.contains("events and 1 file of evidence are as they were recorded"), "{told}");
    for unchecked in ["NOT checked: report.html and report.txt", "NOT checked: that none is left out"] {
        assert!(told.contains(unchecked), "{unchecked}: {told}");
    }
    let shown: serde_json::Value =
        serde_json::from_str(&station.ask(&["ticket", "show", "2", "--json"])).expect("JSON");
    let last = shown["events"].as_array().and_then(|events| events.last()).expect("an event");
    let hash = last["hash"].as_str().expect("a hash");
    assert!(told.contains(&format!("last event here: {} of ", last["seq"])) && told.contains(hash), "{told}");
    station.ask(&["ticket", "note", "1", "later", "--by", "x"]);
    station.ask(&["backup", "copy.db"]);
    let (is_sound, told) = verify(&folder, &["../../copy.db"]);
    assert!(is_sound && told.contains("are one chain") && !told.contains("LATER"), "{told}");
    assert!(!told.contains("NOT checked: that none is left out"), "{told}");
    station.ask(&["ticket", "note", "2", "later", "--by", "x"]);
    station.ask(&["backup", "later.db"]);
    let (is_sound, told) = verify(&folder, &["../../later.db"]);
    assert!(is_sound && told.contains("LATER: the log has 1 more event of this ticket"), "{told}");
    let readme = fs::read_to_string(folder.join("README.txt")).expect("a README");
    for wanted in [
        "sha256sum -c SHA256SUMS",
        "shasum -a 256 -c SHA256SUMS",
        "Get-FileHash",
        HITS,
        "python3 verify.py",
        hash,
    ] {
        assert!(readme.contains(wanted), "{wanted} is not in {readme}");
    }
    let page = fs::read_to_string(folder.join("VERIFY.html")).expect("a page");
    assert!(page.contains("frame.comment contains \"216.66.15.109\"") && page.contains("{ $sum, $name ="));
    for name in ["{windows}", "{evidence}", "{last}", "{ticket}"] {
        assert!(!page.contains(name), "{name}");
    }
}

#[test]
fn the_page_on_how_to_check_breaks_its_lines_where_the_window_does_and_says_what_the_text_says() {
    let (_station, folder) = handed_over();
    let page = fs::read_to_string(folder.join("VERIFY.html")).expect("a page");
    for wanted in [
        "<h2>1. Is every file what was packed?</h2>",
        "<p>Linux:</p>\n<pre>sha256sum -c SHA256SUMS</pre>",
        "<pre>allclear backup copy.db\npython3 verify.py copy.db</pre>",
        "<p class=\"item\"><b>events.jsonl</b>: every event as stored, one JSON object a line</p>",
        "<p>What that proves: no event",
        "<h2>Evidence</h2>",
    ] {
        assert!(page.contains(wanted), "{wanted} is not in {page}");
    }
    let body = page.split("</h1>").nth(1).expect("a heading");
    let prose: Vec<&str> =
        body.lines().filter(|line| line.starts_with("<p")).filter(|line| !line.starts_with("<pre")).collect();
    assert!(
        prose.len() > 20 && prose.iter().all(|line| line.ends_with("</p>")),
        "each paragraph is one line: {page}"
    );
    let text = fs::read_to_string(folder.join("README.txt")).expect("a README");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut plain = body.replace("</b>: ", " ").replace("- ", "");
    for tag in
        ["<h2>", "</h2>", "<p>", "<p class=\"item\">", "</p>", "<pre>", "</pre>", "<b>", "</body>", "</html>"]
    {
        plain = plain.replace(tag, " ");
    }
    let plain = plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    assert_eq!(words(&plain), words(&text.replace("- ", "")), "the two say the same");
}

#[test]
fn the_display_filters_of_the_readme_show_the_packets_that_hit() {
    if run("sh", &["-c", "command -v tshark"], Path::new("/")).stdout.is_empty() {
        return skipped("tshark is not installed: `.ci/packages test` installs it");
    }
    let (_station, folder) = handed_over();
    let shown = |filter: &str| {
        let fields = ["-T", "fields", "-e", "frame.number", "-e", "frame.comment"];
        let output = run("tshark", &[&["-r", HITS, "-Y", filter], &fields[..]].concat(), &folder);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let all = shown("frame.comment");
    assert!(all.lines().count() >= 2 && all.lines().all(|line| line.contains("216.66.15.109")), "{all}");
    assert_eq!(shown("frame.comment contains \"216.66.15.109\""), all);
    assert_eq!(shown("frame.comment contains \"192.0.2.200\""), "");
}

/// The text without its `number`th line.
fn without_line(text: &str, number: usize) -> String {
    let lines = text.split_inclusive('\n').enumerate().filter(|(at, _)| *at != number);
    lines.map(|(_, line)| line).collect()
}

fn swapped(text: &str) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.swap(1, 2);
    lines.concat()
}

/// Writes SHA256SUMS anew, as somebody would who meddles with a bundle.
fn sum_up(folder: &Path) {
    let sums = fs::read_to_string(folder.join("SHA256SUMS")).expect("sums");
    let line = |line: &str| {
        let name = line.split_once("  ").expect("a line of sums").1;
        let sum: String = Sha256::digest(fs::read(folder.join(name)).expect(name))
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{sum}  {name}\n")
    };
    fs::write(folder.join("SHA256SUMS"), sums.lines().map(line).collect::<String>()).expect("writable");
}

#[test]
fn whoever_meddles_with_a_bundle_is_found_out() {
    let (station, folder) = handed_over();
    let events = fs::read_to_string(folder.join("events.jsonl")).expect("events");
    let packets = fs::read(folder.join(HITS)).expect("packets");
    let other_packets: Vec<u8> =
        packets.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == 99)).collect();
    let other_word = events.replacen("tech", "tecH", 1);
    assert_ne!(other_word, events);
    let rows: [(&str, &str, Vec<u8>, &str); 6] = [
        ("a byte of an event", "events.jsonl", other_word.into(), "is not what was written"),
        ("an event left out", "events.jsonl", without_line(&events, 1).into(), "of ticket.json is left out"),
        ("two swapped", "events.jsonl", swapped(&events).into(), "stands behind event"),
        ("no event at all", "events.jsonl", Vec::new(), "of ticket.json is left out"),
        ("a line that is none", "events.jsonl", format!("{events}{{\n").into(), "cannot be read to its end"),
        ("a byte of a packet", HITS, other_packets, "is not the file that event"),
    ];
    for (case, file, content, wanted) in rows {
        let (kept, sums) = (fs::read(folder.join(file)), fs::read(folder.join("SHA256SUMS")));
        fs::write(folder.join(file), content).expect("writable");
        let (is_sound, told) = verify(&folder, &[]);
        let by_sum = format!("NOT SOUND: {file} is not what SHA256SUMS says");
        assert!(!is_sound && told.contains(&by_sum), "{case}: {told}");
        assert!(!run("sha256sum", &["-c", "SHA256SUMS"], &folder).status.success(), "{case}");
        sum_up(&folder);
        let (is_sound, told) = verify(&folder, &[]);
        assert!(!is_sound && told.contains(wanted) && !told.contains("SHA256SUMS"), "{case}: {told}");
        assert!(!told.contains("Traceback"), "{case}: {told}");
        fs::write(folder.join(file), kept.expect("it was there")).expect("writable");
        fs::write(folder.join("SHA256SUMS"), sums.expect("it was there")).expect("writable");
    }
    fs::write(folder.join("evidence/more.pcapng"), "x").expect("writable");
    assert!(verify(&folder, &[]).1.contains("evidence/more.pcapng stands in no list"));
    fs::remove_file(folder.join("evidence/more.pcapng")).expect("it goes");
    fs::remove_file(folder.join(HITS)).expect("it goes");
    assert!(verify(&folder, &[]).1.contains(&format!("{HITS} stands in SHA256SUMS and is not here")));
    drop(station);
}

fn forge(folder: &Path, name: &str, change: impl FnOnce(&mut serde_json::Value)) {
    let file = folder.join(name);
    let mut document = serde_json::from_slice(&fs::read(&file).expect("a file")).expect("JSON");
    change(&mut document);
    fs::write(file, document.to_string()).expect("writable");
}

/// Whoever makes the sums anew is found out by the events as far as they tell it, and what they do not tell is
/// never called sound.
#[test]
fn a_document_that_says_otherwise_than_the_events_is_found_out_although_its_sum_fits() {
    let (_station, folder) = handed_over();
    let rows: &[(&str, &str, serde_json::Value)] = &[
        ("/phase", "phase", "clean".into()),
        ("/ref", "ref", "MARS-9".into()),
        ("/public", "public", "192.0.2.99".into()),
        ("/relapses", "relapses", 3.into()),
        ("/reports/0/malware", "reports", "nothing".into()),
        ("/hosts/0/state", "hosts", "clean".into()),
        ("/hosts/0/cleaned", "hosts", "2015-04-01T00:00:00Z".into()),
        ("/hosts", "hosts", serde_json::json!([])),
        ("/clean/listing", "listing", "not_listed".into()),
        ("/runs/0/verdict", "verdict of run", "pass".into()),
        ("/runs/0/reasons", "reasons of run", serde_json::json!([])),
        ("/runs/0/evidence", "evidence of run", serde_json::json!([])),
        ("/runs", "which runs there were", serde_json::json!([])),
    ];
    for name in ["ticket.json", "report.json"] {
        let kept = fs::read(folder.join(name)).expect("a file");
        for (place, wanted, value) in rows {
            forge(&folder, name, |document| {
                *document.pointer_mut(place).unwrap_or_else(|| panic!("{name} has {place}")) = value.clone();
            });
            sum_up(&folder);
            let (is_sound, told) = verify(&folder, &[]);
            let wanted = format!("NOT SOUND: {name} says otherwise than the events: {wanted}");
            assert!(!is_sound && told.contains(&wanted) && !told.contains("\nsound"), "{place}: {told}");
            fs::write(folder.join(name), &kept).expect("writable");
        }
    }
    let events = fs::read_to_string(folder.join("events.jsonl")).expect("events");
    fs::write(folder.join("events.jsonl"), events.replacen("\"noted\"", "\"signed\"", 1)).expect("writable");
    sum_up(&folder);
    assert!(verify(&folder, &[]).1.contains("has another kind or time beside what was written"));
    fs::write(folder.join("events.jsonl"), events).expect("writable");
    fs::write(folder.join("report.html"), "<h1>All is clean</h1>").expect("writable");
    sum_up(&folder);
    let (is_sound, told) = verify(&folder, &[]);
    let last = told.lines().last().unwrap_or_default();
    assert!(is_sound && last.starts_with("sound, as far as it is checked"), "no key binds it: {told}");
    assert!(told.contains("NOT checked: report.html") && told.contains("    verifying since "), "{told}");
}

/// A whole life: found, cleaned, back again, cleaned and clean, with all that people did.
#[test]
fn a_ticket_that_has_lived_is_told_over_again_to_its_end() {
    let place = tempfile::tempdir().expect("a directory");
    let allclear = env!("CARGO_BIN_EXE_allclear");
    assert!(run(allclear, &["demo"], place.path()).status.success());
    let demo = place.path().join("allclear-demo");
    assert!(run(allclear, &["ticket", "bundle", "1", "one.zip"], &demo).status.success());
    unpack(&demo.join("one.zip"), &demo.join("out"));
    let (is_sound, told) = verify(&demo.join("out/ticket-1"), &[]);
    assert!(is_sound && told.contains("    clean since ") && told.contains("relapses: 1"), "{told}");
    assert!(told.contains("is clean, cleaned: ") && told.contains("1 verify fail"), "{told}");
}

#[test]
fn an_event_left_out_with_all_its_traces_is_found_in_a_copy_of_the_log() {
    let (station, folder) = handed_over();
    station.ask(&["backup", "copy.db"]);
    let events = fs::read_to_string(folder.join("events.jsonl")).expect("events");
    let note = events.lines().position(|line| line.contains("\"noted\"")).expect("a note");
    for name in ["ticket.json", "report.json"] {
        forge(&folder, name, |document| {
            drop(document["events"].as_array_mut().expect("events").remove(note))
        });
    }
    fs::write(folder.join("events.jsonl"), without_line(&events, note)).expect("writable");
    sum_up(&folder);
    assert!(verify(&folder, &[]).0, "the README says that the folder alone cannot show this");
    let (is_sound, told) = verify(&folder, &["../../copy.db"]);
    assert!(!is_sound && told.contains("of the log is not here, or another one"), "{told}");
    let log = rusqlite::Connection::open(station.path("copy.db")).expect("a copy");
    log.execute("UPDATE event SET by = 'nobody' WHERE seq = 2", []).expect("it is changed");
    drop(log);
    assert!(
        verify(&folder, &["../../copy.db"]).1.contains("event 2 of the log does not follow upon event 1")
    );
}

#[test]
fn the_same_ticket_makes_the_same_bytes_and_nobody_else_reads_them() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().expect("a directory");
    fs::create_dir_all(place.path().join("evidence/7")).expect("a directory");
    fs::write(place.path().join("evidence/7/41-hits.pcapng"), "test").expect("a file");
    let twice = [evidence("evidence/7/41-hits.pcapng"), evidence("evidence/7/41-hits.pcapng")];
    let (archive, again) = (place.path().join("7.zip"), place.path().join("again.zip"));
    assert_eq!(
        bundle(&archive, place.path(), &twice),
        Vec::<String>::new(),
        "a file named twice goes in once"
    );
    bundle(&again, place.path(), &twice);
    assert_eq!(fs::read(&archive).ok(), fs::read(&again).ok());
    assert_eq!(fs::metadata(&archive).expect("a file").permissions().mode() & 0o777, 0o600);
    let sums = read(&archive, "ticket-7/SHA256SUMS");
    assert!(sums.contains(&format!("{SUM}  evidence/7/41-hits.pcapng\n")), "{sums}");
    assert_eq!(read(&archive, "ticket-7/verify.py"), VERIFY);
    drop(Bundle::begin(&place.path().join("never.zip"), "ticket-7").expect("it begins"));
    let left = fs::read_dir(place.path()).expect("readable").flatten();
    let hidden = left.filter(|entry| entry.file_name().to_string_lossy().starts_with('.')).count();
    assert_eq!(hidden, 0, "what was not finished leaves nothing");
}

#[test]
fn evidence_that_is_not_as_recorded_is_spoken_of() {
    let place = tempfile::tempdir().expect("a directory");
    fs::create_dir_all(place.path().join("evidence/7")).expect("a directory");
    fs::write(place.path().join("evidence/7/1.pcapng"), "tampered").expect("a file");
    let archive = place.path().join("7.zip");
    for (case, path, wanted) in [
        ("changed", "evidence/7/1.pcapng", "was changed"),
        ("deleted", "evidence/7/2.pcapng", "is missing"),
        ("outside the state directory", "../../etc/passwd", "is left out"),
        ("absolute", "/etc/passwd", "is left out"),
        ("a hostile name", "evidence/\u{202e}gnp\n\u{1b}[31m", "is left out"),
    ] {
        let remarks = bundle(&archive, place.path(), &[evidence(path)]);
        assert!(remarks.len() == 1 && remarks[0].contains(wanted), "{case}: {remarks:?}");
        assert!(!remarks[0].contains(['\n', '\u{1b}', '\u{202e}']), "{case}: {remarks:?}");
        assert!(read(&archive, "ticket-7/README.txt").contains(wanted), "{case}");
    }
}

#[test]
fn evidence_that_lacks_or_was_changed_or_is_a_link_is_told_and_fails_the_command() {
    for (case, wanted) in [("changed", "was changed"), ("gone", "is missing"), ("a link", "is missing")] {
        let (station, _) = handed_over();
        let file = station.path("state").join(HITS);
        fs::remove_file(&file).expect("it was there");
        match case {
            "changed" => fs::write(&file, "another").expect("writable"),
            "a link" => std::os::unix::fs::symlink("/etc/passwd", &file).expect("a link"),
            _ => {}
        }
        let output = station.run(&["ticket", "bundle", "2", "again.zip"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && told.contains(wanted), "{case}: {told}");
        unpack(&station.path("again.zip"), &station.path("again"));
        let folder = station.path("again/ticket-2");
        assert!(fs::read_to_string(folder.join("README.txt")).expect("a README").contains(wanted), "{case}");
        let (is_sound, told) = verify(&folder, &[]);
        assert!(!is_sound && told.contains(HITS), "{case}: {told}");
    }
}
