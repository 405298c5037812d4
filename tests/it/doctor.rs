//! What does `doctor` say of a machine that is not ready? The program as a person runs it.

use crate::skip::skipped;
use std::fs;
use std::net::TcpListener;
use std::process::Command;

/// Lines and exit code of `allclear doctor` in a directory with this site file, or none.
fn doctor(site_file: Option<&str>) -> (Vec<String>, Option<i32>) {
    let directory = tempfile::tempdir().expect("a directory");
    if let Some(text) = site_file {
        fs::write(directory.path().join("allclear.yaml"), text).expect("writable");
    }
    let run = Command::new(env!("CARGO_BIN_EXE_allclear"))
        .arg("doctor")
        .current_dir(directory.path())
        .output()
        .expect("the program was built");
    let lines = String::from_utf8_lossy(&run.stdout).lines().map(str::to_owned).collect();
    (lines, run.status.code())
}

#[test]
fn it_works_without_a_site_file() {
    if std::path::Path::new("/etc/allclear/allclear.yaml").exists() {
        skipped("this machine has a site file");
        return;
    }
    let (lines, _) = doctor(None);
    assert_eq!(lines[0], "ok     there is no site file here, nor in /etc/allclear, which scans do without");
    assert!(lines.iter().any(|line| line.contains("clock")), "{lines:?}");
}

#[test]
fn each_thing_that_is_missing_is_told_with_its_cure() {
    // Bound and let go: nobody listens there.
    let port =
        TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("loopback").port();
    let site_file = format!(
        "sources:
  lan: {{interface: no-such-if}}
  remote: {{command: [no-such-program, '{{filter}}']}}
  ring: {{files: 'ring-*.pcap'}}
sites:
  springfield:
    title: Springfield School District
    public: [192.0.2.17]
    inside: [10.16.0.0/16]
    timezone: America/Chicago
    source: [lan, remote, ring]
    coordinator: tech@springfield.example
mail:
  from: allclear@dis.example
  smtp: smtp://127.0.0.1:{port}
"
    );
    let (lines, exit) = doctor(Some(&site_file));
    assert_eq!(exit, Some(1), "{lines:?}");
    for wanted in [
        "ok     site file allclear.yaml is sound".to_owned(),
        "TO DO  source lan: there is no interface no-such-if: `ip link` lists those there are".to_owned(),
        "TO DO  source remote: command no-such-program is not there: install it, or write its full path"
            .to_owned(),
        "TO DO  source ring: ring-*.pcap holds no packets: start what records them, or correct the pattern"
            .to_owned(),
        format!(
            "TO DO  mail server 127.0.0.1:{port} does not answer (Connection refused (os error 111)): start it, or change `smtp` in the site file"
        ),
        "ok     state directory state will be made".to_owned(),
    ] {
        assert!(lines.contains(&wanted), "{wanted} is not in {lines:#?}");
    }
}
