//! What does `check` say of secrets and probes that the files alone do not give away?

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use tempfile::TempDir;

/// Exit code and standard error of `check` with this in the site file, and these secrets beside it.
fn check(more: &str, source: &str, secret: Option<u32>) -> (i32, String) {
    check_with("", more, source, secret)
}

/// The same where the captures of the locate stage have this filter.
fn check_with(filter: &str, more: &str, source: &str, secret: Option<u32>) -> (i32, String) {
    let directory = TempDir::new().expect("a directory");
    let site = format!(
        "sources:\n  lan: {source}\nsites:\n  springfield: {{public: [192.0.2.17], inside: [10.16.0.0/16], timezone: \
         America/Chicago, source: lan, coordinator: t@s.example}}\n{more}\n"
    );
    fs::create_dir(directory.path().join("playbooks")).expect("a directory");
    fs::write(directory.path().join("allclear.yaml"), site).expect("writable");
    fs::write(directory.path().join("list.txt"), "198.51.100.7\n").expect("writable");
    let playbook = "playbook: case\nwatchlists:\n  sinkholes: {addresses: [203.0.113.0/24], file: ../list.txt, except: \
                    [203.0.113.9]}\nlocate: {every: 15m, capture: {for: 10m}, match: [sinkholes]}\nverify: {every: 24h, \
                    capture: {for: 6h}, match: [sinkholes]}\n";
    let asking = playbook.replace("24h, ", "24h, listing: true, ");
    let playbook = if more.starts_with("listing") { &asking } else { playbook };
    let playbook = match filter {
        "" => playbook.to_owned(),
        filter => playbook.replacen("{for: 10m}", &format!("{{for: 10m, filter: {filter}}}"), 1),
    };
    fs::write(directory.path().join("playbooks/case.yaml"), playbook).expect("writable");
    if let Some(mode) = secret {
        fs::write(directory.path().join("secret"), "s3cret\n").expect("writable");
        fs::set_permissions(directory.path().join("secret"), Permissions::from_mode(mode)).expect("ours");
    }
    let run = Command::new(env!("CARGO_BIN_EXE_allclear"))
        .current_dir(directory.path())
        .arg("check")
        .output()
        .expect("the program runs");
    (run.status.code().unwrap_or(-1), String::from_utf8_lossy(&run.stderr).into_owned())
}

#[test]
fn a_secret_that_no_run_could_use_is_a_fault() {
    let key = "listing: {zone: zen.dq.spamhaus.net, resolver: \"127.0.0.1:53\", key_file: FILE}";
    let password = "mail: {from: a@b.example, smtp: \"smtps://h\", username: u, password_file: FILE}";
    for (row, file, mode, code, part) in [
        ("in order", "secret", Some(0o600), 0, ""),
        ("for the group", "secret", Some(0o640), 0, ""),
        ("open to all", "secret", Some(0o644), 64, "chmod 600"),
        ("missing", "secret", None, 64, "make it, for this user alone"),
        ("given to the service alone", "/run/credentials/fixlist/key", None, 0, "warning"),
    ] {
        for (kind, section) in [("key_file", key), ("password_file", password)] {
            let (exit, told) = check(&section.replace("FILE", file), "{interface: eth1}", mode);
            assert_eq!(exit, code, "{row}, {kind}: {told}");
            assert!(told.contains(part) && told.is_empty() == part.is_empty(), "{row}, {kind}: {told}");
            assert!(part.is_empty() || told.contains(&format!("{kind}:")), "{row}, with its line: {told}");
            assert!(!told.contains("s3cret"), "{told}");
        }
    }
}

#[test]
fn a_probe_is_no_contact() {
    for (to, part) in [
        ("192.0.2.1:9", ""),
        ("203.0.113.8:9", "`203.0.113.0/24` of `sinkholes`"),
        ("198.51.100.7:9", "`198.51.100.7` of `sinkholes`"),
        ("203.0.113.9:9", ""),
    ] {
        let (exit, told) = check("", &format!("{{interface: eth1, probe: {{to: \"{to}\"}}}}"), None);
        assert_eq!(exit, if part.is_empty() { 0 } else { 64 }, "{to}: {told}");
        assert!(told.contains(part) && told.is_empty() == part.is_empty(), "{to}: {told}");
        assert!(part.is_empty() || told.contains("allclear.yaml:2:"), "with its place: {told}");
    }
}

#[test]
fn a_faulty_listing_is_not_asked_for_again() {
    let (exit, told) =
        check("listing: {zone: xbl.spamhaus.org, resolver: 127.0.0.1}", "{interface: eth1}", None);
    assert!(exit == 64 && !told.contains("add a `listing`"), "{told}");
}

#[test]
fn a_filter_that_hides_what_is_looked_for_is_warned_of() {
    for (filter, part) in [
        ("tcp port 80", ""),
        (
            "net 203.0.113.0/24",
            "1 of 2 entries can be in no packet that passes the filter, such as 198.51.100.7",
        ),
        ("host 192.0.2.1", "2 of 2 entries can be in no packet"),
        ("host 10.16.24.93", ""),
    ] {
        let (exit, told) = check_with(filter, "", "{interface: eth1}", None);
        assert_eq!(exit, 0, "{filter}: {told}");
        assert!(told.contains(part) && told.is_empty() == part.is_empty(), "{filter}: {told}");
        assert!(part.is_empty() || told.contains("case.yaml:4:"), "with its place: {told}");
    }
}
