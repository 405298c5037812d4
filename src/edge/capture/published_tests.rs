//! Tests of `published`: names, modes and contents at each step.

use super::*;
use std::os::unix::fs::PermissionsExt;

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("readable").flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_file_has_its_name_only_when_it_is_whole() {
    let state = tempfile::tempdir().expect("a directory");
    let path = state.path().join("evidence/7/41-hits.pcapng");
    let mut draft = Draft::begin(&path, Taken::SetAside).expect("writable");
    let directory = directory_of(&path);
    assert_eq!(names(&directory), [".41-hits.pcapng.part"]);
    draft.write(b"te").expect("room");
    draft.write(b"st").expect("room");
    let published = draft.publish().expect("published");
    let sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".to_owned();
    assert_eq!(published, Published { sha256: sha256.clone(), bytes: 4 });
    assert_eq!(names(&directory), ["41-hits.pcapng"]);
    assert_eq!(super::sha256(File::open(&path).expect("there")).expect("readable"), sha256);
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&directory), mode(&state.path().join("evidence"))), (0o600, 0o700, 0o700));
}

#[test]
fn a_draft_that_is_dropped_stays_hidden_if_it_could_be_of_use() {
    let rows: [(Taken, &[u8], &[&str]); 3] = [
        (Taken::SetAside, b"", &[]),
        (Taken::SetAside, b"test", &[".a.tsv.part"]),
        (Taken::Replace, b"test", &[]),
    ];
    for (taken, content, wanted) in rows {
        let state = tempfile::tempdir().expect("a directory");
        let mut draft = Draft::begin(&state.path().join("a.tsv"), taken).expect("writable");
        draft.write(content).expect("room");
        drop(draft);
        assert_eq!(names(state.path()), wanted, "{taken:?} {content:?}");
    }
}

#[test]
fn a_draft_that_is_discarded_leaves_nothing() {
    let state = tempfile::tempdir().expect("a directory");
    let mut draft = Draft::begin(&state.path().join("a.tsv"), Taken::SetAside).expect("writable");
    draft.write(b"head").expect("room");
    draft.discard();
    assert_eq!(names(state.path()), [""; 0]);
}

#[test]
fn nothing_is_written_through_a_link_unless_somebody_names_it() {
    let state = tempfile::tempdir().expect("a directory");
    let (elsewhere, link) = (state.path().join("elsewhere"), state.path().join("evidence/7"));
    fs::create_dir(&elsewhere).and_then(|()| fs::create_dir(state.path().join("evidence"))).expect("made");
    std::os::unix::fs::symlink(&elsewhere, &link).expect("a link");
    let refused = publish(&link.join("1.tsv"), b"test", Taken::SetAside).expect_err("it is a link");
    assert_eq!(refused.to_string(), "its directory is a link, and may lead anywhere");
    assert_eq!(names(&elsewhere), [""; 0]);
    publish(&link.join("1.tsv"), b"test", Taken::Replace).expect("named by somebody");
    // The directory of all evidence may lie on another disk.
    fs::remove_file(&link).and_then(|()| fs::remove_dir(state.path().join("evidence"))).expect("removed");
    std::os::unix::fs::symlink(&elsewhere, state.path().join("evidence")).expect("a link");
    publish(&link.join("2.tsv"), b"test", Taken::SetAside).expect("published");
    assert_eq!(names(&elsewhere), ["1.tsv", "7"]);
}

#[test]
fn what_is_there_already_is_set_aside_or_replaced() {
    let rows: [(Taken, &[(&str, &str)]); 2] = [
        (
            Taken::SetAside,
            &[("a.pcapng", "third"), ("a.untrusted-2.pcapng", "second"), ("a.untrusted.pcapng", "first")],
        ),
        (Taken::Replace, &[("a.pcapng", "third")]),
    ];
    for (taken, wanted) in rows {
        let state = tempfile::tempdir().expect("a directory");
        for content in ["first", "second", "third"] {
            publish(&state.path().join("a.pcapng"), content.as_bytes(), taken).expect("published");
        }
        let found: Vec<(String, String)> = names(state.path())
            .into_iter()
            .map(|name| (name.clone(), fs::read_to_string(state.path().join(name)).expect("text")))
            .collect();
        let wanted: Vec<(String, String)> =
            wanted.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        assert_eq!(found, wanted, "{taken:?}");
    }
}

#[test]
fn two_drafts_of_one_name_do_not_meet() {
    let state = tempfile::tempdir().expect("a directory");
    let path = state.path().join("a.pcapng");
    let begin = || Draft::begin(&path, Taken::SetAside).expect("begun");
    let (mut one, mut two) = (begin(), begin());
    assert_eq!(names(state.path()), [".a-2.pcapng.part", ".a.pcapng.part"]);
    assert!(!is_abandoned(&one.part) && !is_abandoned(&two.part), "both are being written");
    one.write(b"one").expect("room");
    two.write(b"two").expect("room");
    two.publish().expect("published");
    one.publish().expect("published");
    assert_eq!(names(state.path()), ["a.pcapng", "a.untrusted.pcapng"]);
}

#[test]
fn what_a_killed_process_left_is_kept_and_not_trusted() {
    let state = tempfile::tempdir().expect("a directory");
    let part = state.path().join(".41-hits.pcapng.part");
    fs::write(&part, "half").expect("writable");
    assert!(is_abandoned(&part));
    publish(&state.path().join("41-hits.pcapng"), b"whole", Taken::SetAside).expect("published");
    assert_eq!(names(state.path()), ["41-hits.pcapng", "41-hits.untrusted.pcapng"]);
    assert_eq!(fs::read(state.path().join("41-hits.untrusted.pcapng")).expect("there"), b"half");
}

#[test]
fn names_tell_what_a_file_is() {
    for (name, is_part, is_not_trusted) in [
        ("41-hits.pcapng", false, false),
        (".41-hits.pcapng.part", true, false),
        ("41-hits.part", false, false),
        ("41-hits.untrusted.pcapng", false, true),
        ("41-hits.untrusted-2.pcapng", false, true),
        ("41-untrusted-hits.pcapng", false, false),
        ("41-hits.untrusted-x.pcapng", false, false),
    ] {
        let path = Path::new("evidence/7").join(name);
        assert_eq!((is_hidden_part(&path), is_untrusted(&path)), (is_part, is_not_trusted), "{name}");
    }
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    let state = tempfile::tempdir().expect("a directory");
    fs::write(state.path().join("evidence"), "a file in the way").expect("writable");
    for path in [&state.path().join("evidence/7/1.tsv"), Path::new("/")] {
        assert!(Draft::begin(path, Taken::SetAside).is_err(), "{}", path.display());
    }
}

#[test]
fn a_directory_that_is_taken_away_is_told() {
    let state = tempfile::tempdir().expect("a directory");
    let directory = state.path().join("evidence/7");
    let mut draft = Draft::begin(&directory.join("1.tsv"), Taken::SetAside).expect("begun");
    fs::remove_dir_all(&directory).expect("removed");
    draft.write(b"test").expect("the file is still open");
    assert_eq!(draft.publish().expect_err("gone").kind(), ErrorKind::NotFound);
}
