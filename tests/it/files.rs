//! Do the shipped files load, and does no file at all break the reader?

use allclear::edge::capture::lint::lint;
use allclear::edge::files::{load, read_all};
use allclear::pure::document::{Outside, SchemaOf, read_playbook, schema};
use allclear::pure::watchlist::FILE_BYTES_MAX;
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn allclear(directory: &Path, args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_allclear");
    Command::new(program).args(args).current_dir(directory).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn shipped_files_load_without_a_word() {
    let (library, problems) = load(&Path::new(ROOT).join("allclear.yaml"), &lint).expect("they are sound");
    let said: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(said, Vec::<String>::new());
    let names: Vec<&str> = library.playbooks.keys().map(String::as_str).collect();
    assert_eq!(names, ["conficker", "irc-bot", "port-range", "sinkhole-generic", "spambot"]);
    assert_eq!(
        library.playbooks["conficker"].watchlists["sinkholes"].entries.len(),
        15,
        "those of the guide"
    );
}

#[test]
fn shipped_schemas_are_those_of_the_types() {
    for (name, of) in [("site", SchemaOf::SiteFile), ("playbook", SchemaOf::Playbook)] {
        let shipped = fs::read_to_string(format!("{ROOT}/schema/{name}.json")).expect("it is shipped");
        assert_eq!(shipped, format!("{:#}\n", schema(of)), "write it anew: allclear schema {name}");
    }
}

#[test]
fn what_check_refuses_as_zero_empty_or_too_much_the_schemas_refuse_too() {
    let rows = [
        ("playbooks/conficker.yaml", "passes: 5 ", "passes: 0 ", "RawClean/properties/passes", "minimum"),
        ("playbooks/conficker.yaml", "99%", "100%", "RawClean/properties/assurance", "not"),
        ("playbooks/conficker.yaml", "99%", "101%", "RawClean/properties/assurance", "pattern"),
        ("playbooks/conficker.yaml", "2h ", "0h ", "RawClean/properties/contact_interval", "pattern"),
        ("playbooks/conficker.yaml", "for: 6h", "for: 0h", "RawCapture/properties/for", "pattern"),
        (
            "playbooks/conficker.yaml",
            "for: 6h",
            "for: 6h, packets: 0",
            "RawCapture/properties/packets",
            "minimum",
        ),
        (
            "playbooks/conficker.yaml",
            "for: 6h",
            "for: 6h, filter: ' '",
            "RawCapture/properties/filter",
            "pattern",
        ),
        ("playbooks/conficker.yaml", "every: 15m", "every: 0m", "RawStage/properties/every", "pattern"),
        ("playbooks/conficker.yaml", "every: 15m", "jitter: 1m", "RawStage", "oneOf"),
        ("playbooks/conficker.yaml", "[reported, sinkholes]", "[]", "RawStage/properties/match", "minItems"),
        (
            "playbooks/conficker.yaml",
            "due:",
            "judge: {fail_at: 0}\ndue:",
            "RawJudge/properties/fail_at",
            "minimum",
        ),
        (
            "playbooks/conficker.yaml",
            "due:",
            "judge: {watched: 0%}\ndue:",
            "RawJudge/properties/watched",
            "not",
        ),
        ("playbooks/conficker.yaml", "located: 2d", "located: 0d", "RawDue/properties/located", "pattern"),
        ("playbooks/conficker.yaml", "to: [coordinator]", "to: []", "RawNotify/properties/to", "minItems"),
        (
            "playbooks/irc-bot.yaml",
            "ports: [tcp/6660-6669, tcp/6697, tcp/7000]",
            "ports: []",
            "RawWatchlist",
            "anyOf",
        ),
        ("allclear.yaml", "state: state", "state: ''", "", ""),
        ("allclear.yaml", "interface: eth1", "files: ''", "RawSource/properties/files", "pattern"),
        ("allclear.yaml", "interface: eth1", "interface: eth1\n    files: x", "RawSource", "oneOf"),
        ("allclear.yaml", "inside: [10.16.0.0/16]", "inside: []", "RawSite/properties/inside", "minItems"),
        (
            "allclear.yaml",
            "directory: state/outbox",
            "directory: ''",
            "RawMail/properties/directory",
            "pattern",
        ),
        ("allclear.yaml", "directory: state/outbox", "username: x", "RawMail", "oneOf"),
    ];
    for (file, from, to, place, keyword) in rows {
        let directory = tempfile::tempdir().expect("a directory");
        allclear(directory.path(), &["init"]);
        let path = directory.path().join(file);
        let written = fs::read_to_string(&path).expect("init writes it");
        assert!(written.contains(from), "{file}: {from}");
        fs::write(&path, written.replacen(from, to, 1)).expect("written");
        let check = allclear(directory.path(), &["check"]);
        assert_eq!(check.status.code(), Some(64), "{to}: {}", text(&check.stderr));
        assert!(text(&check.stderr).contains(&format!("{file}:")), "{to}: {}", text(&check.stderr));
        let of = if file == "allclear.yaml" { SchemaOf::SiteFile } else { SchemaOf::Playbook };
        let schema = schema(of);
        let stated = match place {
            "" => &schema["properties"]["state"]["pattern"],
            _ => &schema.pointer(&format!("/definitions/{place}")).expect(place)[keyword],
        };
        assert!(!stated.is_null(), "{place} lacks {keyword}");
    }
}

#[test]
fn init_writes_what_check_accepts_and_leaves_alone_what_is_there() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::create_dir(directory.path().join("playbooks")).expect("made");
    let own = "# mine\n";
    fs::write(directory.path().join("playbooks/spambot.yaml"), own).expect("written");
    let first = allclear(directory.path(), &["init"]);
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert!(text(&first.stdout).contains("left alone  ./playbooks/spambot.yaml"), "{}", text(&first.stdout));
    let kept = fs::read_to_string(directory.path().join("playbooks/spambot.yaml")).expect("still there");
    assert_eq!(kept, own);
    fs::remove_file(directory.path().join("playbooks/spambot.yaml")).expect("removed");
    allclear(directory.path(), &["init"]);
    assert!(!directory.path().join("state").exists(), "its first use makes it, for its owner alone");
    let check = allclear(directory.path(), &["check"]);
    assert_eq!(text(&check.stderr), "");
    assert_eq!(check.status.code(), Some(0));
    let clean_by = text(&check.stdout).matches("clean at the earliest").count();
    assert_eq!(clean_by, 5, "{}", text(&check.stdout));
}

#[test]
fn check_exits_64_and_names_the_criterion_that_takes_over_a_year() {
    let directory = tempfile::tempdir().expect("a directory");
    allclear(directory.path(), &["init"]);
    let path = directory.path().join("playbooks/irc-bot.yaml");
    let sound = fs::read_to_string(&path).expect("written by init");
    let rows = [
        ("contact_interval: 1h", "contact_interval: 400h", Some("`assurance` is not met"), 64),
        ("passes: 5", "passes: 300", Some("`passes` is not met"), 64),
        ("span: 7d", "span: 400d", Some("`span` is not met"), 64),
        ("span: 7d", "span: 100d", Some("warning: `irc-bot` takes"), 0),
        ("span: 7d", "span: 80d", None, 0),
    ];
    for (from, to, said, code) in rows {
        assert!(sound.contains(from), "{from}");
        fs::write(&path, sound.replace(from, to)).expect("written");
        let check = allclear(directory.path(), &["check", "playbooks/irc-bot.yaml"]);
        let errors = text(&check.stderr);
        assert_eq!(check.status.code(), Some(code), "{to}: {errors}");
        match said {
            Some(said) => assert!(errors.contains(said), "{to}: {errors}"),
            None => assert_eq!(errors, "", "{to}"),
        }
    }
}

#[test]
fn check_refuses_what_can_never_be_met_and_says_what_helps() {
    let directory = tempfile::tempdir().expect("a directory");
    allclear(directory.path(), &["init"]);
    let path = directory.path().join("playbooks/irc-bot.yaml");
    let sound = fs::read_to_string(&path).expect("written by init");
    let unlisted = ("  watch: 30d", "  unlisted: true\n  watch: 30d");
    let asking = ("  jitter: 5m", "  listing: true\n  jitter: 5m");
    let rare = ("\"30 8 * * 1-5\"", "\"30 8 29 2 *\"");
    let limit = |packets| ("capture: {for: 6h}", packets);
    for (edits, said, code) in [
        (vec![unlisted], "`unlisted` can never be met: `verify` asks for no listing", 64),
        (vec![unlisted, asking], "`unlisted` can never be met: the site file has no `listing` to ask", 64),
        (vec![limit("capture: {for: 6h, packets: 1000}")], "`judge.heard` can never be met", 64),
        (vec![limit("capture: {for: 6h, packets: 1001}")], "", 0),
        (vec![rare], "`verify` never runs at `springfield` within a year", 64),
        (
            vec![("contact_interval: 1h", "contact_interval: 150h")],
            "ask for less; `verify.capture.for` 8h in place of 6h",
            0,
        ),
    ] {
        let changed = edits.iter().fold(sound.clone(), |text, (from, to)| text.replacen(from, to, 1));
        assert_ne!(changed, sound, "{edits:?}");
        fs::write(&path, changed).expect("written");
        let check = allclear(directory.path(), &["check", "playbooks/irc-bot.yaml"]);
        let errors = text(&check.stderr);
        assert_eq!(check.status.code(), Some(code), "{edits:?}: {errors}");
        assert!(errors.contains(said), "{edits:?}: {errors}");
    }
    let shown = text(&allclear(directory.path(), &["check", "playbooks/irc-bot.yaml"]).stdout);
    assert!(shown.contains("sooner: `verify.capture.for` 8h in place of 6h"), "{shown}");
}

#[test]
fn check_reports_files_that_cannot_be_read() {
    let directory = tempfile::tempdir().expect("a directory");
    allclear(directory.path(), &["init"]);
    let playbooks = directory.path().join("playbooks");
    fs::create_dir(playbooks.join("a-directory.yaml")).expect("made");
    std::os::unix::fs::symlink("nowhere", playbooks.join("b-link.yaml")).expect("made");
    fs::write(playbooks.join("c-latin.yaml"), b"playbook: caf\xe9\n").expect("written");
    fs::write(playbooks.join("d-large.yaml"), "#".repeat((1 << 20) + 1)).expect("written");
    fs::write(playbooks.join("e-ending.yml"), "playbook: e\n").expect("written");
    let check = allclear(directory.path(), &["check"]);
    assert_eq!(check.status.code(), Some(64));
    insta::assert_snapshot!("files_that_cannot_be_read", text(&check.stderr));
    let nothing = tempfile::tempdir().expect("a directory");
    let check = allclear(nothing.path(), &["check", "."]);
    assert_eq!(check.status.code(), Some(64));
    assert!(
        text(&check.stderr).starts_with("./allclear.yaml: there is no such file"),
        "{}",
        text(&check.stderr)
    );
}

/// The examples of the design, which name every key that there is.
#[test]
fn every_key_of_the_design_is_read_and_shown_with_its_value() {
    // A copy, since its feed may be no older than a week.
    let whole = tempfile::tempdir().expect("a directory");
    copy(&Path::new(ROOT).join("tests/it/whole"), whole.path());
    let check = allclear(whole.path(), &["check", "--explain"]);
    assert_eq!(check.status.code(), Some(0));
    let out = text(&check.stdout);
    // When it goes out next depends on today.
    let is_next = |line: &&str| line.starts_with("digest (America/Chicago): ") && line.contains(" 06:00 -0");
    assert_eq!(out.lines().filter(is_next).count(), 1, "{out}");
    let values = out.lines().take_while(|line| !line.starts_with("  springfield ("));
    let values = values.filter(|line| !is_next(line)).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!("values_of_the_design", format!("{values}\n\n{}", text(&check.stderr)));
}

/// Copies what lies in a directory; the copies are new.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a directory") {
        let (from, to) = entry.map(|entry| (entry.path(), to.join(entry.file_name()))).expect("an entry");
        if from.is_dir() {
            fs::create_dir(&to).expect("made");
            copy(&from, &to);
        } else {
            fs::copy(&from, &to).expect("copied");
        }
    }
}

#[test]
fn playbooks_that_claim_the_same_are_told() {
    let directory = tempfile::tempdir().expect("a directory");
    allclear(directory.path(), &["init"]);
    let conficker = directory.path().join("playbooks/conficker.yaml");
    fs::copy(conficker, directory.path().join("playbooks/copy.yaml")).expect("copied");
    let problems = read_all(&directory.path().join("allclear.yaml"), &lint).problems;
    let said: Vec<&str> = problems.iter().map(|problem| problem.what.as_str()).collect();
    assert!(said.contains(&"the malware `kido` is claimed by the playbook `conficker` too"), "{said:?}");
    assert!(said.iter().any(|what| what.starts_with("the playbook `conficker` is there twice")), "{said:?}");
}

#[test]
fn files_that_do_not_fit_together_are_told() {
    let directory = tempfile::tempdir().expect("a directory");
    allclear(directory.path(), &["init"]);
    let site = "\
sources:
  recorded: {files: \"*.pcap\"}
sites:
  springfield:
    public: [192.0.2.17]
    inside: [10.16.0.0/16]
    timezone: America/Chicago
    source: recorded
    coordinator: tech@springfield.example
";
    fs::write(directory.path().join("allclear.yaml"), site).expect("written");
    let playbook = directory.path().join("playbooks/spambot.yaml");
    let sound = fs::read_to_string(&playbook).expect("written by init");
    fs::write(&playbook, format!("{sound}\njudge:\n  lost: 0.1%\n")).expect("written");
    let check = allclear(directory.path(), &["check"]);
    assert_eq!(check.status.code(), Some(0), "warnings alone do not keep files from being used");
    insta::assert_snapshot!("files_that_do_not_fit_together", text(&check.stderr));
    fs::remove_dir_all(directory.path().join("playbooks")).expect("removed");
    let check = allclear(directory.path(), &["check"]);
    assert_eq!(
        text(&check.stderr),
        "playbooks: warning: there are no playbooks here, so no ticket can be opened: `allclear init` writes some to \
         start from\n"
    );
}

/// What `check` says of the shipped files when one of them is changed.
fn checked(file: &str, change: impl Fn(&str) -> Vec<u8>) -> String {
    let directory = tempfile::tempdir().expect("a directory");
    allclear(directory.path(), &["init"]);
    let path = directory.path().join(file);
    let sound = fs::read_to_string(&path).expect("written by init");
    fs::write(&path, change(&sound)).expect("written");
    fs::write(directory.path().join("playbooks/old.txt"), "203.0.113.9\n").expect("written");
    let old = fs::File::options().write(true).open(directory.path().join("playbooks/old.txt"));
    let day = std::time::Duration::from_secs(86_400);
    let modified = std::time::SystemTime::now() - day * 8;
    old.and_then(|file| file.set_modified(modified)).expect("an old file");
    // A hole, which takes no room.
    let large = fs::File::create(directory.path().join("playbooks/large.txt"));
    large.and_then(|file| file.set_len(FILE_BYTES_MAX + 1)).expect("a large file");
    text(&allclear(directory.path(), &["check"]).stderr)
}

#[test]
fn check_names_the_right_place_once() {
    let replaced =
        |from: &'static str, to: &'static str| move |text: &str| text.replacen(from, to, 1).into_bytes();
    let claimed = checked("playbooks/spambot.yaml", |text| {
        let lines = text.lines().filter(|line| !line.starts_with("malware:")).collect::<Vec<_>>().join("\n");
        format!("{lines}\nmalware:\n  - spambot-kido\n  - kido\n").into_bytes()
    });
    assert!(claimed.contains("claimed by the playbook `conficker` too"), "{claimed}");
    assert!(claimed.contains("|   - kido\n     |     ^^^^\n"), "{claimed}");
    let mail = checked("allclear.yaml", replaced("  directory: state/outbox", "  smtp: http://127.0.0.1"));
    assert!(mail.contains("is not a mail server") && !mail.contains("there is no `mail`"), "{mail}");
    let certain = checked("playbooks/irc-bot.yaml", replaced("assurance: 99%", "assurance: 100%"));
    assert_eq!(certain.matches("irc-bot.yaml:").count(), 1, "{certain}");
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let wide = checked("playbooks/irc-bot.yaml", |text| [&[0xff, 0xfe][..], &utf_16(text)].concat());
    assert!(wide.starts_with("playbooks/irc-bot.yaml:1:1: the file is UTF-16"), "{wide}");
    let latin = checked("playbooks/irc-bot.yaml", |_| b"playbook: irc-bot\ntitle: \xc3\xa9\xe9\n".to_vec());
    assert!(latin.starts_with("playbooks/irc-bot.yaml:2:9: a character here is not UTF-8"), "{latin}");
}

#[test]
fn check_warns_of_a_watchlist_file_older_than_its_max_age() {
    for (max_age, is_told) in [("7d", true), ("9d", false)] {
        let said = checked("playbooks/irc-bot.yaml", |text| {
            let list = format!("watchlists:\n  feed:\n    file: old.txt\n    max_age: {max_age}\n");
            let matched = text.replace("match: [", "match: [feed, ");
            matched.replacen("watchlists:\n", &list, 1).into_bytes()
        });
        assert_eq!(said.contains("old.txt is 8 d old: runs with `feed` cannot pass"), is_told, "{said}");
    }
}

#[test]
fn check_refuses_a_watchlist_file_that_no_run_would_read() {
    let said = checked("playbooks/irc-bot.yaml", |text| {
        let matched = text.replace("match: [", "match: [feed, ");
        matched.replacen("watchlists:\n", "watchlists:\n  feed:\n    file: large.txt\n", 1).into_bytes()
    });
    let told = "large.txt cannot be used, it is larger than 524288 KiB";
    assert!(said.contains(told) && said.contains("split it"), "{said}");
}

#[test]
fn check_prints_json() {
    let directory = tempfile::tempdir().expect("a directory");
    allclear(directory.path(), &["init"]);
    fs::write(directory.path().join("playbooks/new.yaml"), "playbook: new\nlocte: 1\n").expect("written");
    let check = allclear(directory.path(), &["check", "--json", "--explain"]);
    let json: serde_json::Value = serde_json::from_slice(&check.stdout).expect("JSON");
    assert_eq!(json["schema"], "allclear.check/1");
    let unknown =
        json["problems"].as_array().and_then(|all| all.iter().find(|one| one["line"] == 2)).expect("told");
    assert_eq!(unknown["what"], "unknown key `locte`");
    assert_eq!(unknown["cure"], "did you mean `locate`?");
    assert_eq!(json["forecasts"][0]["values"]["judge.watched"], "95%", "defaults are shown");
}

proptest! {
    #[test]
    fn no_mutation_panics_and_every_fault_has_a_place_in_the_file(
        edits in prop::collection::vec((0usize..4000, any::<char>(), 0usize..4), 1..12),
    ) {
        let sound = include_str!("../../playbooks/conficker.yaml");
        let mut letters: Vec<char> = sound.chars().collect();
        for (at, letter, cut) in edits {
            let at = at % letters.len();
            let end = (at + cut).min(letters.len());
            letters.splice(at..end, [letter]);
        }
        let mutated: String = letters.into_iter().collect();
        let outside = Outside { check_filter: &lint, check_watchlist_file: &|_| Ok(Vec::new()) };
        let (playbook, problems) = read_playbook(Path::new("conficker.yaml"), &mutated, None, outside);
        prop_assert!(playbook.is_some() || !problems.is_empty(), "a refusal says why");
        let lines: Vec<&str> = mutated.strip_prefix('\u{feff}').unwrap_or(&mutated).lines().collect();
        for problem in problems {
            let place = problem.place.clone().expect("a place");
            let source = lines.get(place.line - 1).copied().unwrap_or_default();
            prop_assert_eq!(source, &place.source);
            prop_assert!(place.column >= 1 && place.column <= source.chars().count() + 1, "{}", problem);
            prop_assert!(place.length >= 1);
        }
    }
}

/// Who alone is told of everything is told of nothing when a mail does not arrive.
#[test]
fn check_warns_where_nobody_else_would_hear_of_a_lost_mail() {
    let directory = tempfile::tempdir().expect("a directory");
    allclear(directory.path(), &["init"]);
    let (site, playbook) = ("allclear.yaml", "playbooks/irc-bot.yaml");
    let another = "to: [coordinator, soc@dis.example]";
    for (row, file, from, to, expected) in [
        ("as shipped", site, "  postmaster:", "  postmaster:", None),
        (
            "nobody else",
            site,
            "  postmaster:",
            "#  postmaster:",
            Some("`conficker`, `irc-bot`, `port-range`"),
        ),
        ("in one", playbook, "to: [coordinator]", another, Some("`conficker`, `port-range`")),
    ] {
        let path = directory.path().join(file);
        let written = fs::read_to_string(&path).expect("it was written").replace(from, to);
        fs::write(&path, written).expect("it is written");
        let check = allclear(directory.path(), &["check"]);
        let told = text(&check.stderr);
        let warned = expected.map(|names| format!("warning: nobody else is told when a mail of {names}"));
        assert_eq!(told.is_empty(), warned.is_none(), "{row}: {told}");
        assert!(warned.is_none_or(|warning| told.contains(&warning)), "{row}: {told}");
        assert_eq!(check.status.code(), Some(0), "{row}: a warning is no fault");
    }
}
