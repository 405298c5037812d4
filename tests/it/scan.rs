//! What does a user of `allclear scan` and `allclear watchlist` see? The real program on hand-made
//! captures, and on real ones where their truth is at hand.

use crate::ground_truth::data;
use etherparse::PacketBuilder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

const SINK: &str = "216.66.15.109";
/// The beginnings of connections.
const SYNS: &str = "tcp[tcpflags] & tcp-syn != 0";

fn allclear(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_allclear")).args(arguments).output().expect("the program starts")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|why| panic!("{why}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Exit code, result, standard error.
fn scan(arguments: &[&str]) -> (i32, Value, String) {
    let output = allclear(&[&["scan", "--json"], arguments].concat());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("an exit code"), json(&output), told)
}

/// Exit code and standard error of a scan that gives no result.
fn refused(arguments: &[&str]) -> (i32, String) {
    let output = allclear(&[&["scan", "--json"], arguments].concat());
    assert!(output.stdout.is_empty(), "a refusal prints no result");
    (output.status.code().expect("an exit code"), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn codes(result: &Value) -> Vec<&str> {
    let reasons = result["reasons"].as_array().expect("reasons");
    reasons.iter().map(|reason| reason["code"].as_str().expect("a code")).collect()
}

fn tcp(from: &str, to: &str, port: u16) -> Vec<u8> {
    let address = |text: &str| text.parse::<std::net::Ipv4Addr>().expect(text).octets();
    let builder = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
    let builder = builder.ipv4(address(from), address(to), 64).tcp(1025, port, 1, 1000).syn();
    let mut bytes = Vec::new();
    builder.write(&mut bytes, b"").expect("a packet");
    bytes
}

/// A pcap file of frames with their times in seconds and how many bytes of each are kept.
fn pcap(directory: &TempDir, name: &str, frames: &[(u32, &[u8])]) -> PathBuf {
    let mut file = Vec::new();
    file.extend(0xa1b2_c3d4_u32.to_le_bytes());
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
    for (second, frame) in frames {
        let length = u32::try_from(frame.len()).expect("short").to_le_bytes();
        file.extend(second.to_le_bytes());
        file.extend([0; 4]);
        file.extend(length);
        file.extend(length);
        file.extend(*frame);
    }
    let path = directory.path().join(name);
    std::fs::write(&path, file).expect("the file can be written");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("test paths are text")
}

#[test]
fn what_cannot_be_read_is_counted_and_called_by_its_name() {
    let directory = TempDir::new().expect("a directory");
    let of_type =
        |ethertype: [u8; 2]| [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], &ethertype[..], &[0x0c; 60]].concat();
    let (plain, secret, unknown) =
        (tcp("10.16.24.93", "192.0.2.80", 80), of_type([0x88, 0xe5]), of_type([0x88, 0xb5]));
    let rows = |layers: &[&str]| {
        layers.iter().map(|layer| serde_json::json!({"layer": layer, "packets": 1})).collect::<Vec<_>>()
    };
    let at_limit: Vec<(u32, &[u8])> =
        (0..99).map(|second| (second, &plain[..])).chain([(99, &secret[..])]).collect();
    let beyond = [&at_limit[1..], &[(100, &unknown[..])]].concat();
    let cases = [("1 %", at_limit, 0, &["MACsec"][..]), ("more", beyond, 3, &["EtherType 0x88b5", "MACsec"])];
    for (row_name, frames, exit, layers) in cases {
        let file = pcap(&directory, "some.pcap", &frames);
        let (code, result, _) = scan(&[text(&file), "--address", SINK]);
        assert_eq!(code, exit, "{row_name}: {}", result["reasons"]);
        let coverage = &result["coverage"];
        assert_eq!(coverage["undecoded_packets"], layers.len());
        assert_eq!(coverage["undecoded"], serde_json::Value::from(rows(layers)));
        if exit == 3 {
            assert_eq!(codes(&result), ["undecoded"]);
            let told = result["reasons"][0]["text"].as_str().expect("a sentence");
            assert!(told.contains("EtherType 0x88b5"), "{told}");
            let shown = String::from_utf8(allclear(&["scan", text(&file), "--address", SINK]).stdout);
            let shown = shown.expect("text");
            assert!(shown.contains("Unreadable: 1 of EtherType 0x88b5; 1 of MACsec."), "{shown}");
        }
    }
}

#[test]
fn every_field_of_the_contract_is_there_in_its_order() {
    let directory = TempDir::new().expect("a directory");
    let frame = tcp("10.16.24.93", SINK, 80);
    let file = pcap(&directory, "one.pcap", &[(1_430_333_534, &frame)]);
    let output = allclear(&["scan", "--json", text(&file), "--address", SINK]);
    let wanted = format!(
        r#"{{
  "schema": "allclear.scan/1",
  "verdict": "fail",
  "reasons": [
    {{
      "code": "contacts",
      "text": "1 inside host made 1 contact"
    }}
  ],
  "coverage": {{
    "first": "2015-04-29T18:52:14Z",
    "last": "2015-04-29T18:52:14Z",
    "heard_packets": 1,
    "heard_bytes": 54,
    "lost_packets": null,
    "truncated_packets": 0,
    "undecoded_packets": 0,
    "duplicate_packets": 0,
    "inside_hosts": 1,
    "incomplete_files": [],
    "ip_packets": 1,
    "split_names": 0,
    "unread_names": 0,
    "conflicting_names": 0,
    "nameless_packets": 0,
    "portless_fragments": 0,
    "undecoded": [],
    "without_ip": [],
    "unicast_packets": 1
  }},
  "watchlist": {{
    "sha256": "{}",
    "addresses": 1,
    "networks": 0,
    "ports": 0,
    "domains": 0,
    "rejected": 0,
    "unusable": 0
  }},
  "hosts": [
    {{
      "host": "10.16.24.93",
      "mac": "02:00:00:00:00:01",
      "name": null,
      "contacts": 1,
      "sightings": 1,
      "sightings_out": 1,
      "first": "2015-04-29T18:52:14Z",
      "last": "2015-04-29T18:52:14Z",
      "hits": [
        {{
          "entry": "216.66.15.109",
          "watchlist": "command line",
          "matched": "address",
          "remote": "216.66.15.109",
          "protocol": "tcp",
          "port": 80,
          "sightings": 1,
          "sightings_out": 1,
          "contacts": 1,
          "bytes": 54,
          "handshake": "syn",
          "first": "2015-04-29T18:52:14Z",
          "last": "2015-04-29T18:52:14Z"
        }}
      ]
    }}
  ],
  "inbound_only": [],
  "indirect": [],
  "unattributed_sightings": 0,
  "unseen_calls": 0
}}
"#,
        // sha256sum of "216.66.15.109" and a line feed.
        "4c8644ac8a6b6c3a03c1d08386b6070117e298cbe4d3998d258d749512af2a65"
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), wanted);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_exit_code_is_the_verdict_and_every_gap_has_its_reason() {
    let directory = TempDir::new().expect("a directory");
    let quiet = tcp("10.16.24.93", "9.9.9.9", 80);
    let call = tcp("10.16.24.93", SINK, 80);
    let outside = tcp("192.0.2.17", SINK, 80);
    let clean = pcap(&directory, "clean.pcap", &[(1, &quiet), (2, &quiet)]);
    let calling = pcap(&directory, "calling.pcap", &[(1, &quiet), (2, &call)]);
    let cut_call = pcap(&directory, "cut_call.pcap", &[(1, &quiet), (2, &call[..40])]);
    let wrong_side = pcap(&directory, "outside.pcap", &[(1, &outside)]);
    // PPPoE, with a session's number and the length of what follows.
    let wrapped = [&call[..12], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 42, 0, 0x21], &call[14..]].concat();
    let wrapped = pcap(&directory, "wrapped.pcap", &[(1, &quiet), (2, &wrapped)]);
    let empty = pcap(&directory, "empty.pcap", &[]);
    let cut_file = directory.path().join("cut.pcap");
    let bytes = std::fs::read(&clean).expect("it was just written");
    std::fs::write(&cut_file, &bytes[..bytes.len() - 9]).expect("it can be written");
    let unreadable = pcap(&directory, "unreadable.pcap", &[(1, &quiet), (2, &quiet[..20])]);
    let empty_list = directory.path().join("none.txt");
    std::fs::write(&empty_list, "# nothing yet\n").expect("it can be written");
    let rows: [(&str, &[&str], i32, &[&str]); 17] = [
        ("clean", &[text(&clean), "--address", SINK], 0, &[]),
        ("calling", &[text(&calling), "--address", SINK], 2, &["contacts"]),
        ("calling, after the limit", &[text(&calling), "--address", SINK, "-c", "1"], 3, &["cut_short"]),
        ("calling, another port", &[text(&calling), "--address", "216.66.15.109:81"], 0, &[]),
        ("calling, filtered away", &[text(&calling), "--address", SINK, "-f", "port 81"], 0, &[]),
        (
            "a filter that shuts out what is looked for",
            &[text(&calling), "--address", "216.66.15.109:80", "-f", "port 81"],
            3,
            &["entries_shut_out"],
        ),
        ("calling, wrapped", &[text(&wrapped), "--address", SINK, "-f", "port 80"], 2, &["contacts"]),
        ("calling, wrapped, filtered away", &[text(&wrapped), "--address", SINK, "-f", "port 81"], 0, &[]),
        ("flags asked of it", &[text(&calling), "--address", SINK, "-f", SYNS], 2, &["contacts"]),
        ("cut before its flags", &[text(&cut_call), "--address", SINK, "-f", SYNS], 3, &["truncated"]),
        ("cut before its flags, of others", &[text(&cut_call), "--address", "9.9.9.8", "-f", SYNS], 0, &[]),
        ("outside the NAT", &[text(&wrong_side), "--address", SINK], 3, &["wrong_side"]),
        ("nothing heard", &[text(&empty), "--address", SINK], 3, &["too_quiet"]),
        ("a file that ends in a record", &[text(&cut_file), "--address", SINK], 3, &["interrupted"]),
        ("unreadable frames", &[text(&unreadable), "--address", SINK], 3, &["undecoded"]),
        ("nothing to look for", &[text(&clean)], 3, &["watchlist_empty"]),
        ("a list without entries", &[text(&clean), "-w", text(&empty_list)], 3, &["watchlist_empty"]),
    ];
    for (row, arguments, exit, wanted) in rows {
        let (code, result, _) = scan(arguments);
        assert_eq!((code, codes(&result).as_slice()), (exit, wanted), "{row}: {}", result["reasons"]);
    }
    let (code, result, _) = scan(&[text(&cut_file), text(&calling), "--address", SINK]);
    assert_eq!((code, codes(&result).as_slice()), (2, ["contacts"].as_slice()), "a hit outranks every gap");
}

#[test]
fn zeros_in_a_capture_never_pass_and_hide_no_contact() {
    let directory = TempDir::new().expect("a directory");
    let quiet = pcap(&directory, "quiet.pcap", &[(1, &tcp("10.16.24.93", "9.9.9.9", 80))]);
    let calling = pcap(&directory, "calling.pcap", &[(1, &tcp("10.16.24.93", "203.0.113.7", 80))]);
    let [quiet, calling] = [quiet, calling].map(|path| std::fs::read(path).expect("readable"));
    let (header, call) = calling.split_at(24);
    // A record of 16 zeros is of a packet that has no length.
    let rows = [
        ("behind", [&quiet[..], &[0; 16]].concat(), 3, "interrupted"),
        ("before a contact", [header, &[0; 16], call].concat(), 2, "contacts"),
        ("none", quiet.clone(), 0, ""),
    ];
    for (row, content, exit, wanted) in rows {
        let path = directory.path().join("zeros.pcap");
        std::fs::write(&path, content).expect("writable");
        let (code, result, told) = scan(&[text(&path), "--address", "203.0.113.7"]);
        let first = codes(&result).first().map(|code| code.to_string()).unwrap_or_default();
        assert_eq!((code, first.as_str()), (exit, wanted), "{row}: {told}");
        assert_eq!(told.contains("a packet of 0 bytes"), exit > 0, "{row}: {told}");
    }
}

#[test]
fn a_watchlist_of_which_much_is_refused_never_passes() {
    let directory = TempDir::new().expect("a directory");
    let calling = pcap(&directory, "calling.pcap", &[(1, &tcp("10.16.24.93", "203.0.113.7", 80))]);
    let many: String = (0..200).map(|number| format!("198.18.0.{number}\n")).collect();
    // A list, the exit code, and the codes of the reasons.
    let rows: [(&str, String, i32, &[&str]); 9] = [
        ("whole", "198.18.0.1\n".into(), 0, &[]),
        ("host bits set", "198.18.0.1\n203.0.113.9/24\n".into(), 3, &["watchlist_incomplete"]),
        ("zeros before", "198.18.0.1\n203.000.113.007\n".into(), 3, &["watchlist_incomplete"]),
        ("a name behind", "198.18.0.1\n203.0.113.7 evil.example\n".into(), 3, &["watchlist_incomplete"]),
        ("a URL with a name", "198.18.0.1\nhttp://evil.example/x\n".into(), 3, &["watchlist_incomplete"]),
        ("a stray line among many", many.clone() + "nonsense\n", 0, &[]),
        ("and three of them", many + "nonsense\nnonsense\nnonsense\n", 3, &["watchlist_incomplete"]),
        ("a URL with an address", "198.18.0.1\nhttp://203.0.113.7/x\n".into(), 2, &["contacts"]),
        ("old ends of lines", "198.18.0.1\n198.51.99.1\r203.0.113.7\r".into(), 2, &["contacts"]),
    ];
    for (row, content, exit, wanted) in rows {
        let list = directory.path().join("list.txt");
        std::fs::write(&list, content).expect("writable");
        let (code, result, told) = scan(&[text(&calling), "-w", text(&list)]);
        assert_eq!((code, codes(&result).as_slice()), (exit, wanted), "{row}: {}", result["reasons"]);
        let watchlist = &result["watchlist"];
        let refused = watchlist["rejected"].as_u64().zip(watchlist["unusable"].as_u64());
        let is_refused = refused.is_some_and(|(rejected, unusable)| rejected + unusable > 0);
        assert_eq!(told.contains("could not be applied"), is_refused, "{row}: {told}");
    }
}

#[test]
fn what_cannot_be_done_says_so() {
    let directory = TempDir::new().expect("a directory");
    let clean = pcap(&directory, "clean.pcap", &[(1, &tcp("10.16.24.93", "9.9.9.9", 80))]);
    let notes = directory.path().join("notes.txt");
    std::fs::write(&notes, "call the coordinator\n").expect("it can be written");
    let table = directory.path().join("table.csv");
    std::fs::write(&table, "1.2.3.4,evil,today\n").expect("it can be written");
    let rows: [(&str, &[&str], i32, &str); 11] = [
        ("no capture", &[text(&notes), "--address", SINK], 1, "is no capture"),
        ("no file", &["/nonexistent/x.pcap", "--address", SINK], 1, "could not read"),
        ("no source", &["--address", SINK], 64, "name capture files"),
        ("a wrong address", &[text(&clean), "--address", "1.2.3.4/8"], 64, "write 1.0.0.0/8"),
        ("a wrong port", &[text(&clean), "--port", "tcp/0"], 64, "from 1 to 65535"),
        ("a wrong network", &[text(&clean), "--inside", "evil.example"], 64, "is no network"),
        ("a resolver by name", &[text(&clean), "--resolver", "evil.example"], 64, "is no network"),
        ("all are resolvers", &[text(&clean), "--resolver", "10.0.0.0/8"], 64, "name the resolvers alone"),
        ("a wrong filter", &[text(&clean), "-f", "prot 80"], 64, "prot"),
        (
            "a filter that can never match",
            &[text(&clean), "-f", "host 8.8.8.8 and host 8.8.4.4 and host 1.1.1.1"],
            64,
            "join the hosts with 'or'",
        ),
        ("a list of another kind", &[text(&clean), "-w", text(&table)], 64, "CSV"),
    ];
    for (row, arguments, exit, wanted) in rows {
        let (code, told) = refused(arguments);
        assert_eq!(code, exit, "{row}: {told}");
        assert!(told.contains(wanted), "{row}: {told}");
    }
}

#[test]
fn the_dump_alone_is_a_table_and_no_verdict() {
    let directory = TempDir::new().expect("a directory");
    let file = pcap(&directory, "one.pcap", &[(1_430_333_534, &tcp("10.16.24.93", SINK, 80))]);
    let output = allclear(&["scan", "--dump", text(&file)]);
    let wanted = "\
Time                            Protocol  Source            Port  Destination       Port  Info
2015-04-29T18:52:14.000000000Z  TCP       10.16.24.93       1025  216.66.15.109       80  SYN
";
    assert_eq!(String::from_utf8_lossy(&output.stdout), wanted);
    assert_eq!(output.status.code(), Some(0));
}

/// More rows than are written at once.
#[test]
fn the_dump_stands_whole_before_the_verdict() {
    let directory = TempDir::new().expect("a directory");
    let frame = tcp("10.16.24.93", SINK, 80);
    let times: Vec<(u32, &[u8])> = (0..200).map(|second| (second, &frame[..])).collect();
    let file = pcap(&directory, "many.pcap", &times);
    let output = allclear(&["scan", "--dump", text(&file), "--address", SINK]);
    let told = String::from_utf8_lossy(&output.stdout);
    let (table, verdict) = told.split_at(told.find("FAIL").expect("a verdict"));
    assert_eq!(table.lines().filter(|row| row.ends_with("SYN")).count(), 200, "{told}");
    assert!(!verdict.contains("SYN"), "{told}");
}

#[test]
fn a_dump_that_cannot_be_written_is_no_success() {
    let directory = TempDir::new().expect("a directory");
    let file = pcap(&directory, "one.pcap", &[(1, &tcp("10.16.24.93", SINK, 80))]);
    let full = std::fs::File::create("/dev/full").expect("Linux has it");
    let output = Command::new(env!("CARGO_BIN_EXE_allclear"))
        .args(["scan", "--dump", text(&file)])
        .stdout(full)
        .output()
        .expect("the program starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("see where standard output goes"), "{told}");
}

#[test]
fn several_files_are_one_capture_and_saved_hits_can_be_scanned_again() {
    let directory = TempDir::new().expect("a directory");
    let (call, quiet) = (tcp("10.16.24.93", SINK, 80), tcp("10.16.24.93", "9.9.9.9", 80));
    let later = pcap(&directory, "a-later.pcap", &[(1000, &call)]);
    let earlier = pcap(&directory, "b-earlier.pcap", &[(940, &call), (941, &quiet)]);
    let saved = directory.path().join("hits.pcapng");
    let arguments = [text(&later), text(&earlier), "--address", SINK, "--save", text(&saved)];
    let (_, result, _) = scan(&arguments);
    assert_eq!((&result["hosts"][0]["contacts"], &result["hosts"][0]["sightings"]), (&1.into(), &2.into()));
    let (code, again, _) = scan(&[text(&saved), "--address", SINK]);
    assert_eq!((code, &again["coverage"]["heard_packets"]), (2, &2.into()), "hits only");
}

#[test]
fn what_should_hold_packets_in_a_directory_and_cannot_be_read_is_missing() {
    let plain = tcp("10.16.24.93", "192.0.2.80", 80);
    let snoop = b"snoop\0\0\0\0\0\0\x02";
    // A file beside a capture, its content, and whether the result is incomplete.
    let rows: [(&str, &[u8], bool); 19] = [
        ("notes.txt", b"nothing to see", false),
        ("pcap", b"nothing to see", false),
        ("tool.pcap.txt", b"nothing to see", false),
        ("nothing.log", b"", false),
        ("old.dump", snoop, true),
        ("odd.pcap", b"nothing to see", true),
        ("odd.PCAPNG", b"\0\0\0\0", true),
        ("odd.cap", b"PK\x03\x04", true),
        ("nothing.pcap", b"", true),
        ("odd.pcap.gz", b"nothing to see", true),
        ("odd.pcapng.zst", b"nothing to see", true),
        ("odd.txt.gz", b"nothing to see", false),
        ("packed", b"BZh91AY&SY", false),
        ("notes.docx", b"PK\x03\x04", false),
        ("lan.pcap.xz", b"\xfd7zXZ\0", true),
        ("lan.pcap.Z", b"\x1f\x9d\x90", true),
        ("lan.erf", b"\0\x01\x02\x03", true),
        ("lan.pcap12", b"nothing to see", true),
        ("tool.elf", b"\x7fELF", false),
    ];
    for (name, content, is_missing) in rows {
        let directory = TempDir::new().expect("a directory");
        pcap(&directory, "a.pcap", &[(940, &plain)]);
        std::fs::write(directory.path().join(name), content).expect("writable");
        let (_, result, told) = scan(&[text(directory.path()), "--address", SINK]);
        assert_eq!(codes(&result).contains(&"interrupted"), is_missing, "{name}: {result}");
        assert!(told.contains(name), "{name}: {told}");
    }
}

#[test]
fn a_tar_archive_is_called_one_whatever_its_first_member_is_called() {
    let plain = tcp("10.16.24.93", "192.0.2.80", 80);
    let tar = |member: &str| {
        let mut header = vec![0; 1024];
        header[..member.len()].copy_from_slice(member.as_bytes());
        header[257..262].copy_from_slice(b"ustar");
        header
    };
    for member in ["a", "captures-of-the-lan/2015-04-29/night.pcap", "dump.tsv"] {
        let directory = TempDir::new().expect("a directory");
        pcap(&directory, "a.pcap", &[(940, &plain)]);
        let packed = [tar(member), b"08:00:01 TCP 10.0.0.1 5 216.66.15.109 80 SYN\n".to_vec()].concat();
        std::fs::write(directory.path().join("x.tar"), &packed).expect("writable");
        std::fs::write(directory.path().join("x.tar.gz"), crate::capture_files::gzip(&packed))
            .expect("writable");
        let (code, _, told) = scan(&[text(directory.path()), "--address", SINK]);
        assert_eq!(code, 0, "{member}: {told}");
        assert_eq!(told.matches("is not read: it looks like a tar archive").count(), 2, "{member}: {told}");
    }
}

#[test]
fn directories_below_are_told_in_one_note() {
    let plain = tcp("10.16.24.93", "192.0.2.80", 80);
    let directory = TempDir::new().expect("a directory");
    pcap(&directory, "a.pcap", &[(940, &plain)]);
    let below = |name: &str| directory.path().join(name);
    let notes = |names: &[&Path]| {
        let named: Vec<&str> = names.iter().map(|name| text(name)).collect();
        let (_, _, told) = scan(&[&named[..], &["--address", SINK]].concat());
        told.lines().filter(|line| line.contains("not looked into")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(notes(&[directory.path()]), [""; 0]);
    std::fs::create_dir(below("one")).expect("writable");
    let one = format!(
        "note: the directory {} is not looked into: name it too if it holds captures",
        below("one").display()
    );
    assert_eq!(notes(&[directory.path()]), [one]);
    assert_eq!(notes(&[directory.path(), &below("one")]), [""; 0], "it is named");
    std::fs::create_dir(below("two")).expect("writable");
    let two = format!(
        "note: 2 directories are not looked into, such as {}: name those that hold captures",
        below("one").display()
    );
    assert_eq!(notes(&[directory.path()]), [two]);
}

#[test]
fn a_directory_below_with_a_capture_is_missing() {
    let plain = tcp("10.16.24.93", "192.0.2.80", 80);
    // What the directory below holds, and whether the result is incomplete.
    let rows = [
        ("below/notes.txt", false),
        ("below/b.pcap", true),
        ("below/further/b.pcap", true),
        ("below/further/notes.txt", false),
        ("below.pcap/capture", true),
        ("below.pcap/further/1", true),
    ];
    for (name, is_missing) in rows {
        let directory = TempDir::new().expect("a directory");
        pcap(&directory, "a.pcap", &[(940, &plain)]);
        let file = directory.path().join(name);
        std::fs::create_dir_all(file.parent().expect("a directory")).expect("writable");
        std::fs::write(&file, "nothing to see").expect("writable");
        let (code, result, told) = scan(&[text(directory.path()), "--address", SINK]);
        assert_eq!(codes(&result).contains(&"interrupted"), is_missing, "{name}: {result}");
        assert_eq!(code, if is_missing { 3 } else { 0 }, "{name}: {told}");
        assert!(told.contains("is not looked into"), "{name}: {told}");
    }
}

#[test]
fn a_watchlist_file_without_an_entry_is_an_error() {
    let directory = TempDir::new().expect("a directory");
    let rows = [
        ("empty", "", 64),
        ("remarks", "# nothing yet\n", 64),
        ("rejected", "1.2.3.4/8\n", 64),
        ("unusable", "http://evil.example/x\n", 64),
        ("one entry", "192.0.2.1\n", 0),
    ];
    for (name, content, code) in rows {
        let list = directory.path().join("list.txt");
        std::fs::write(&list, content).expect("writable");
        let output = allclear(&["watchlist", text(&list)]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{name}: {told}");
        assert_eq!(told.contains("no entry that can be used"), code == 64, "{name}: {told}");
    }
}

#[test]
fn a_watchlist_file_is_told_line_by_line() {
    let directory = TempDir::new().expect("a directory");
    let list = directory.path().join("sinkholes.txt");
    let lines = "149.93.23.110\n38.229.128.0/18\ntcp/25\nevil.example\n1.2.3.4/8\nhttp://evil.example/x\n";
    std::fs::write(&list, lines).expect("it can be written");
    let output = allclear(&["watchlist", text(&list), "--lookup", "38.229.131.151"]);
    let wanted = format!(
        "{0}: plain: 1 address, 1 network, 1 port range, 1 domain
  1 not usable here (URLs with a path, file hashes, or not meant for detection)
  {0}:5: rejected \"1.2.3.4/8\": '1.2.3.4/8' has host bits set: write 1.0.0.0/8 for the network, or the address alone
  matches 38.229.128.0/18
",
        list.display()
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), wanted);
    assert_eq!(output.status.code(), Some(0));
}

/// Whoever sent the file named it.
#[test]
fn the_name_of_a_file_steers_no_terminal() {
    let directory = TempDir::new().expect("a directory");
    let frame = tcp("10.16.24.93", "9.9.9.9", 80);
    let whole = pcap(&directory, "lan\u{1b}[31m\u{9b}2J\u{202e}.pcap", &[(1, &frame), (2, &frame)]);
    let cut = directory.path().join("cut\u{1b}[31m\u{9b}2J\u{202e}.pcap");
    let bytes = std::fs::read(&whole).expect("it was written");
    std::fs::write(&cut, &bytes[..bytes.len() - 9]).expect("it can be written");
    let list = directory.path().join("list\u{1b}[31m\u{9b}2J\u{202e}.txt");
    std::fs::write(&list, "1.2.3.4\n1.2.3.4/8\n").expect("it can be written");
    let none = directory.path().join("none\u{1b}[31m\u{9b}2J\u{202e}.txt");
    let (cut, list, none) = (text(&cut), text(&list), text(&none));
    let rows: [(&[&str], &str); 8] = [
        (&["scan", cut, "--address", SINK], "cut"),
        (&["scan", cut, "--address", SINK, "--json"], "cut"),
        (&["scan", cut, "--dump"], "cut"),
        (&["scan", cut, "-w", list], "list"),
        (&["scan", none, "--address", SINK], "none"),
        (&["watchlist", list], "list"),
        (&["watchlist", list, "--json"], "list"),
        (&["watchlist", none], "none"),
    ];
    for (arguments, name) in rows {
        let output = allclear(arguments);
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8(told).expect("what is printed is text");
        let steers = |sign: char| sign != '\n' && (sign.is_control() || sign == '\u{202e}');
        assert!(!told.contains(steers), "{arguments:?}: {told:?}");
        assert!(told.contains(&format!("{name}\\u")), "{arguments:?} names the file: {told:?}");
    }
}

/// Every capture with a truth, of some kinds.
fn truths(data: &Path, kinds: &[&str]) -> Vec<Value> {
    let text = std::fs::read_to_string(data.join("ground_truth.json")).expect("the truth is readable");
    let all: Value = serde_json::from_str(&text).expect("the truth is JSON");
    let files = all["files"].as_array().expect("a list of files").clone();
    files.into_iter().filter(|file| kinds.iter().any(|kind| file["kind"] == *kind)).collect()
}

/// Packets sent by each inside host that hits of one kind counted.
fn sent(result: &Value, matched: &[&str]) -> BTreeMap<String, u64> {
    let mut sent = BTreeMap::new();
    for host in result["hosts"].as_array().expect("hosts") {
        let hits = host["hits"].as_array().expect("hits").iter();
        let counted = hits.filter(|hit| matched.iter().any(|kind| hit["matched"] == *kind));
        let packets: u64 = counted.map(|hit| hit["sightings_out"].as_u64().expect("a count")).sum();
        if packets > 0 {
            sent.insert(host["host"].as_str().expect("an address").to_owned(), packets);
        }
    }
    sent
}

/// The flags that look for an indicator of the truth, and what its hits are called; `None` for kinds
/// that mean something else here.
fn wanted(indicator: &Value, directory: &TempDir) -> Option<(Vec<String>, &'static [&'static str])> {
    let value = indicator["value"].as_str().expect("a value");
    let flipped = || value.split_once('/').map(|(port, protocol)| format!("{protocol}/{port}"));
    match indicator["type"].as_str().expect("a type") {
        "ip" => Some((vec!["--address".into(), value.into()], &["address"])),
        "cidr" => Some((vec!["--address".into(), value.into()], &["network"])),
        "port" | "portrange" => Some((vec!["--port".into(), flipped()?], &["port"])),
        kind @ ("domain" | "http_host") => {
            let list = directory.path().join("names.txt");
            std::fs::write(&list, value).expect("it can be written");
            let matched: &[&str] = if kind == "domain" { &["dns"] } else { &["http"] };
            Some((vec!["-w".into(), text(&list).into()], matched))
        }
        _ => None,
    }
}

/// What the truth says that each host sent; for HTTP, in frames with a Host of its own.
fn truth_of(indicator: &Value) -> BTreeMap<String, u64> {
    let packets = |host: &Value| host["host_header_frames"]["packets"].as_u64().or(host["packets"].as_u64());
    let hosts = indicator["hosts"].as_array().expect("hosts").iter();
    hosts.map(|host| (host["ip"].as_str().expect("one").into(), packets(host).expect("a count"))).collect()
}

/// Ports are looked for outside the site only, while the truth counts them everywhere: there the site
/// is made of nothing but the hosts of the truth.
fn site(indicator: &Value, hosts: &BTreeMap<String, u64>) -> Vec<String> {
    let is_port = indicator["type"].as_str().is_some_and(|kind| kind.starts_with("port"));
    let flags = hosts.keys().filter(|_| is_port).flat_map(|host| ["--inside".to_owned(), host.clone()]);
    flags.collect()
}

#[test]
fn indicators_of_real_captures_are_counted_as_tshark_counts_them() {
    let Some(data) = data() else { return };
    let directory = TempDir::new().expect("a directory");
    let (mut checked, mut wrong) = (0, Vec::new());
    for truth in truths(&data, &["mal"]) {
        let file = data.join(truth["file"].as_str().expect("a path"));
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        for indicator in truth["indicators"].as_array().expect("indicators") {
            let value = indicator["value"].as_str().expect("a value");
            let Some((flags, matched)) = wanted(indicator, &directory) else { continue };
            let wanted = truth_of(indicator);
            let flags = [vec![text(&file).to_owned()], flags, site(indicator, &wanted)].concat();
            let (_, result, _) = scan(&flags.iter().map(String::as_str).collect::<Vec<_>>());
            if sent(&result, matched) != wanted {
                wrong.push(format!("{name}: {value}: {:?}, not {wanted:?}", sent(&result, matched)));
            }
            checked += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(checked > 60, "only {checked} indicators were there to check");
}

#[test]
fn clean_captures_are_clean_by_every_indicator_of_the_infected() {
    let Some(data) = data() else { return };
    let directory = TempDir::new().expect("a directory");
    let list = directory.path().join("all.txt");
    let mut lines = String::new();
    for truth in truths(&data, &["mal"]) {
        for indicator in truth["indicators"].as_array().expect("indicators") {
            let is_place = ["ip", "cidr", "domain"].iter().any(|kind| indicator["type"] == *kind);
            let value = indicator["value"].as_str().expect("a value");
            if is_place && !value.starts_with("10.") && !value.starts_with("172.16") {
                lines.push_str(value);
                lines.push('\n');
            }
        }
    }
    std::fs::write(&list, lines).expect("it can be written");
    for truth in truths(&data, &["neg"]) {
        let file = data.join(truth["file"].as_str().expect("a path"));
        let (code, result, _) = scan(&[text(&file), "-w", text(&list)]);
        assert_eq!(code, 0, "{}: {}", file.display(), result["reasons"]);
    }
}

#[test]
fn no_damaged_capture_is_reported_clean_or_makes_it_panic() {
    let Some(data) = data() else { return };
    for truth in truths(&data, &["robust"]) {
        let file = data.join(truth["file"].as_str().expect("a path"));
        let output = allclear(&["scan", "--json", "--address", SINK, text(&file)]);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{}: {told}", file.display());
        assert!(!told.contains("panicked"), "{}: {told}", file.display());
        let is_damaged = truth["tshark_exit"] != 0;
        assert!(!is_damaged || output.status.code() != Some(0), "{} passed", file.display());
    }
}

#[test]
fn an_interface_that_is_not_there_cannot_be_scanned() {
    let output = Command::new(env!("CARGO_BIN_EXE_allclear"))
        .args(["scan", "-i", "no-such-if", "--for", "1s", "--address", "192.0.2.1"])
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(1), "that is no verdict");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("there is no interface no-such-if"), "{told}");
}

#[test]
fn names_that_were_read_elsewhere_do_not_hide_those_that_never_are() {
    let packet = |port: u16, payload: &[u8], is_tcp: bool| {
        let ip = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]).ipv4(
            [10, 16, 24, 93],
            [203, 0, 113, 53],
            64,
        );
        let mut frame = Vec::new();
        if is_tcp {
            ip.tcp(port, 80, 1000, 1024).psh().ack(1).write(&mut frame, payload)
        } else {
            ip.udp(port, 53).write(&mut frame, payload)
        }
        .expect("it fits into memory");
        frame
    };
    // A question for a.example: each a name that is read.
    let question = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x01a\x07example\0\0\x01\0\x01";
    let mut frames: Vec<Vec<u8>> = (0..600).map(|number| packet(2000 + number, question, false)).collect();
    // Whole requests, too; and one whose second segment never comes.
    let request = b"GET / HTTP/1.1\r\nHost: good.example\r\n\r\n";
    frames.extend((0..600).map(|number| packet(4000 + number, request, true)));
    frames.push(packet(9000, b"GET / HTTP/1.1\r\nHos", true));
    let seconds = 1_430_333_534..;
    let frames: Vec<(u32, &[u8])> = seconds.zip(frames.iter().map(Vec::as_slice)).collect();
    let directory = TempDir::new().expect("a temporary directory");
    let capture = pcap(&directory, "names.pcap", &frames);
    let list = directory.path().join("list.txt");
    std::fs::write(&list, "evil.example\n").expect("the list is written");
    let (code, result, told) = scan(&[text(&capture), "-w", text(&list), "--inside", "10.16.0.0/16"]);
    assert_eq!((code, codes(&result)), (3, vec!["truncated"]), "{told}");
}

#[test]
fn what_a_resolver_asked_for_others_is_no_contact_and_no_pass() {
    let question = b"\0\x01\x01\0\0\x01\0\0\0\0\0\0\x04evil\x07example\0\0\x01\0\x01";
    let asks = |from: [u8; 4], to: [u8; 4]| {
        let ip = PacketBuilder::ethernet2([2, 0, 0, 0, 0, from[3]], [2, 0, 0, 0, 0, 254]).ipv4(from, to, 64);
        let mut frame = Vec::new();
        ip.udp(1025, 53).write(&mut frame, question).expect("it fits into memory");
        frame
    };
    let (host, resolver, upstream) = ([10, 16, 24, 93], [10, 16, 0, 53], [8, 8, 8, 8]);
    let (client, forwarded, other) =
        (asks(host, resolver), asks(resolver, upstream), tcp("10.16.0.53", "192.0.2.9", 80));
    let directory = TempDir::new().expect("a temporary directory");
    let outside = pcap(&directory, "outside.pcap", &[(0, &forwarded), (1, &forwarded)]);
    let inside = pcap(&directory, "inside.pcap", &[(0, &client), (1, &forwarded)]);
    let both = pcap(&directory, "both.pcap", &[(0, &forwarded), (1, &other)]);
    let list = directory.path().join("list.txt");
    std::fs::write(&list, "evil.example\n192.0.2.9\n").expect("the list is written");
    let flags = ["-w", text(&list), "--inside", "10.16.0.0/16", "--resolver", "10.16.0.53"];
    let blamed = |result: &Value| {
        let hosts = result["hosts"].as_array().expect("hosts").iter();
        hosts.map(|host| host["host"].as_str().expect("one").to_owned()).collect::<Vec<_>>()
    };

    let (code, result, told) = scan(&[&[text(&outside)], &flags[..]].concat());
    assert_eq!((code, codes(&result)), (3, vec!["wrong_side"]), "{told}");
    let row = &result["indirect"][0];
    assert_eq!(
        (&row["host"], &row["contacts"], &row["sightings"]),
        (&"10.16.0.53".into(), &0.into(), &2.into())
    );
    assert_eq!(row["hits"][0]["indirect"], true);
    assert!(blamed(&result).is_empty() && result["inbound_only"].as_array().is_some_and(Vec::is_empty));

    let (code, result, _) = scan(&[&[text(&inside)], &flags[..]].concat());
    assert_eq!(
        (code, blamed(&result)),
        (2, vec!["10.16.24.93".to_owned()]),
        "who asks the resolver is blamed"
    );
    assert!(result["hosts"][0]["hits"][0].get("indirect").is_none(), "told only where it is so");

    let (code, result, _) = scan(&[&[text(&both)], &flags[..]].concat());
    assert_eq!(
        (code, blamed(&result)),
        (2, vec!["10.16.0.53".to_owned()]),
        "what it calls itself is its own"
    );
    assert_eq!(result["hosts"][0]["contacts"], 1);

    let (code, result, _) = scan(&[&[text(&outside)], &flags[..4]].concat());
    assert_eq!(
        (code, blamed(&result)),
        (2, vec!["10.16.0.53".to_owned()]),
        "who is not named a resolver is blamed"
    );
}
