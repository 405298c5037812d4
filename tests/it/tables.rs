//! Is a text table read like a capture? The appliance's own, and others of its kind, through the real program.

use crate::ground_truth::data;
use allclear::pure::recording::Table;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const HEAD: &str = "Time Stamp\tProtocol\tSource\tPort\tDestination\tPort\tInfo\n";

/// So many rows of an inside host that calls 192.0.2.9, a hundredth of a second after each other.
fn rows(count: u32) -> String {
    let row = |number| {
        format!("08:00:{:02}.{:02}\tTCP\t10.0.0.1\t1025\t192.0.2.9\t80\tACK\n", number / 100, number % 100)
    };
    (0..count).map(row).collect()
}

fn write(directory: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = directory.path().join(name);
    std::fs::write(&path, text).expect("writable");
    path
}

/// The verdict, the codes of its reasons, the result and what was said besides.
fn scan(arguments: &[&str]) -> (String, Vec<String>, Value, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_allclear"))
        .args([&["scan", "--json"], arguments].concat())
        .output()
        .expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let result: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {told}"));
    let verdict = result["verdict"].as_str().expect("a verdict").to_owned();
    let reasons = result["reasons"].as_array().expect("reasons");
    let codes = reasons.iter().map(|reason| reason["code"].as_str().expect("a code").to_owned()).collect();
    (verdict, codes, result, told)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("test paths are text")
}

#[test]
fn the_appliances_table_is_read_like_a_capture() {
    let Some(data) = data() else { return };
    let table = data.join("A/logs/ecessa_traffic_dump.tsv");
    let (verdict, _, result, told) = scan(&[
        text(&table),
        "--date",
        "2015-04-29",
        "--address",
        "184.51.114.16",
        "--address",
        "64.233.160.105",
    ]);
    assert_eq!((verdict.as_str(), told.as_str()), ("fail", ""));
    let coverage = &result["coverage"];
    assert_eq!(coverage["first"], "2015-04-29T08:02:03.871137Z");
    assert_eq!(coverage["last"], "2015-04-29T08:02:03.887866Z");
    for (field, wanted) in [
        ("heard_packets", json!(20)),
        ("heard_bytes", Value::Null),
        ("lost_packets", Value::Null),
        ("truncated_packets", json!(0)),
        ("undecoded_packets", json!(0)),
        ("duplicate_packets", json!(0)),
        ("inside_hosts", json!(2)),
    ] {
        assert_eq!(coverage[field], wanted, "{field}");
    }
    // As awk counts them in the text.
    let hits: Vec<_> =
        result["hosts"].as_array().expect("hosts").iter().map(|host| &host["hits"][0]).collect();
    let shown: Vec<_> = hits
        .iter()
        .map(|hit| (&hit["remote"], &hit["sightings"], &hit["sightings_out"], &hit["handshake"]))
        .collect();
    assert_eq!(
        shown,
        [
            (&json!("184.51.114.16"), &json!(6), &json!(6), &json!("established")),
            (&json!("64.233.160.105"), &json!(3), &json!(2), &json!("established")),
        ]
    );
    assert!(hits.iter().all(|hit| hit["bytes"].is_null()), "bytes are not known");
}

#[test]
fn a_table_that_reached_its_limit_never_passes() {
    let directory = TempDir::new().expect("a directory");
    let cases = [
        ("a few rows", 20, "", "pass", vec![]),
        ("the limit of the guide", 250, "", "inconclusive", vec!["cut_short"]),
        ("a row less", 249, "", "pass", vec![]),
        (
            "the limit that is stated",
            249,
            "Number of Packets to capture: 249\n",
            "inconclusive",
            vec!["cut_short"],
        ),
        ("a higher one is stated", 250, "Number of Packets to capture: 500\n", "pass", vec![]),
    ];
    for (name, count, page, verdict, codes) in cases {
        let path = write(&directory, "dump.txt", &format!("{page}{HEAD}{}", rows(count)));
        let (found, reasons, _, _) =
            scan(&[text(&path), "--date", "2015-04-29", "--address", "198.51.100.1"]);
        assert_eq!(
            (found.as_str(), reasons),
            (verdict, codes.iter().map(|code| (*code).to_owned()).collect()),
            "{name}"
        );
        let (found, _, _, _) = scan(&[text(&path), "--date", "2015-04-29", "--address", "192.0.2.9"]);
        assert_eq!(found, "fail", "{name}: a contact outranks it");
    }
}

#[test]
fn a_table_shows_names_in_questions_only_and_says_so() {
    let directory = TempDir::new().expect("a directory");
    let list = write(&directory, "names.txt", "evil.example\n");
    let question = "08:00:01\tUDP\t10.0.0.1\t1025\t10.0.0.53\t53\tA? www.evil.example\n";
    let path = write(&directory, "asked.tsv", &format!("{HEAD}{question}"));
    let (verdict, _, result, _) = scan(&[text(&path), "--date", "2015-04-29", "-w", text(&list)]);
    let hit = &result["hosts"][0]["hits"][0];
    assert_eq!(
        (verdict.as_str(), &hit["matched"], &hit["entry"]),
        ("fail", &json!("dns"), &json!("evil.example"))
    );

    let path = write(&directory, "silent.tsv", &format!("{HEAD}{}", rows(3)));
    let (verdict, codes, result, _) = scan(&[text(&path), "--date", "2015-04-29", "-w", text(&list)]);
    assert_eq!((verdict.as_str(), codes), ("inconclusive", vec!["truncated".to_owned()]));
    let said = result["reasons"][0]["text"].as_str().expect("a sentence");
    assert!(said.starts_with("3 packets of a text table do not show all their names"), "{said}");
}

/// An answer leads to other names, as of a CNAME, which the table does not show.
#[test]
fn a_row_that_may_hide_a_name_is_no_silence() {
    let directory = TempDir::new().expect("a directory");
    let list = write(&directory, "names.txt", "evil.example\n");
    let asked = "08:00:01\tUDP\t10.0.0.1\t1025\t10.0.0.53\t53\tA? www.other.example\n";
    let answered = "08:00:02\tUDP\t10.0.0.53\t53\t10.0.0.1\t1025\tA www.other.example\n";
    let no_name = asked.replace("www", &"w".repeat(64));
    let led = answered.replace("A www.other.example", "CNAME evil.example., A 192.0.2.9");
    // A row, the verdict, how many packets may hide a name, and whether one is seen that is looked for.
    let rows = [
        ("a question", asked, "pass", 0, false),
        ("an answer", answered, "inconclusive", 1, false),
        ("a question that is no name", &no_name, "inconclusive", 1, false),
        ("an alias that is shown", &led, "inconclusive", 1, true),
    ];
    for (name, row, wanted, truncated, is_seen) in rows {
        let path = write(&directory, "dump.tsv", &format!("{HEAD}{row}"));
        let (verdict, _, result, told) = scan(&[text(&path), "--date", "2015-04-29", "-w", text(&list)]);
        let found = (verdict.as_str(), &result["coverage"]["truncated_packets"]);
        assert_eq!(found, (wanted, &json!(truncated)), "{name}: {told}");
        assert_eq!(result.to_string().contains(r#""entry":"evil.example""#), is_seen, "{name}: {result}");
    }
}

#[test]
fn a_table_cut_in_its_last_row_never_passes() {
    let directory = TempDir::new().expect("a directory");
    let last = "08:00:20.1\tTCP\t10.0.0.1\t5\t203.0.113.7\t25\tSYN\n";
    let turned = "Time Stamp\tProtocol\tDestination\tPort\tSource\tPort\tInfo\n";
    let call = "08:00:20.1\tTCP\t203.0.113.7\t25\t10.0.0.1\t5\tSYN\n";
    let page = "Showing 1 to 20 of 1,220 entries\n";
    // A text, the verdict on port 25, and the codes of its reasons.
    let rows = [
        ("whole", format!("{HEAD}{}{last}", rows(20)), "fail", "contacts"),
        (
            "in its port",
            format!("{HEAD}{}{}", rows(20), &last[..last.len() - 6]),
            "inconclusive",
            "interrupted",
        ),
        (
            "its port, ended",
            format!("{HEAD}{}{}\n", rows(20), &last[..last.len() - 6]),
            "inconclusive",
            "interrupted",
        ),
        ("behind its flags", format!("{HEAD}{}", rows(20).trim_end()), "pass", ""),
        ("in its flags", format!("{HEAD}{}K", rows(20).trim_end()), "inconclusive", "interrupted"),
        ("the destination first", format!("{turned}{call}"), "fail", "contacts"),
        ("a part of the rows", format!("{HEAD}{}{page}", rows(20)), "inconclusive", "interrupted"),
    ];
    for (name, text, verdict, code) in rows {
        let path = write(&directory, "dump.tsv", &text);
        let path = path.to_str().expect("text");
        let (found, codes, _, told) = scan(&[path, "--date", "2015-04-29", "--port", "tcp/25"]);
        assert_eq!((found.as_str(), codes.concat().as_str()), (verdict, code), "{name}: {told}");
    }
}

#[test]
fn rows_that_cannot_be_read_count_and_are_told() {
    let directory = TempDir::new().expect("a directory");
    let odd = "08:00:09\tTCP\tlab-7\t1025\t192.0.2.9\t80\tACK\n08:00:09\tTCP\t10.0.0.1\t1025\t198.51.100.1\tnosuch\tACK\n";
    let path = write(&directory, "dump.tsv", &format!("{HEAD}{}{odd}", rows(2)));
    let (verdict, codes, result, told) =
        scan(&[text(&path), "--date", "2015-04-29", "--address", "203.0.113.1"]);
    assert_eq!(
        (verdict.as_str(), codes),
        ("inconclusive", vec!["undecoded".to_owned(), "truncated".to_owned()])
    );
    let coverage = &result["coverage"];
    let counts =
        ["heard_packets", "undecoded_packets", "truncated_packets"].map(|field| coverage[field].as_u64());
    assert_eq!(counts, [Some(4), Some(1), Some(1)]);
    assert!(told.contains("dump.tsv: line 4 is not read: 'lab-7' is no address"), "{told}");
    assert!(told.contains("dump.tsv: line 5: 'nosuch' is no port"), "{told}");
    let (verdict, _, result, _) = scan(&[text(&path), "--date", "2015-04-29", "--address", "198.51.100.1"]);
    assert_eq!((verdict.as_str(), &result["hosts"][0]["hits"][0]["port"]), ("fail", &Value::Null));
}

#[test]
fn what_may_be_a_row_or_stands_for_rows_is_not_passed_over() {
    let directory = TempDir::new().expect("a directory");
    let cells = "<tr><td>08:00:20.1</td><td>TCP</td><td>10.0.0.1</td><td>5</td><td>203.0.113.7</td><td>80</td><td>SYN</td></tr>";
    // A line between others, the verdict on 203.0.113.7, and the codes of the reasons.
    let cases = [
        ("none", "", "pass", vec![]),
        ("of the page", "Main View Logout", "pass", vec![]),
        ("its filter", "Filter String: host 203.0.113.7 or 203.0.113.8", "pass", vec![]),
        ("HTML", cells, "fail", vec!["contacts"]),
        ("without its time", "TCP\t10.0.0.1\t5\t203.0.113.7\t80\tSYN", "inconclusive", vec!["undecoded"]),
        ("swapped", "TCP\t08:00:20.1\t10.0.0.1\t5\t203.0.113.7\t80\tSYN", "inconclusive", vec!["undecoded"]),
        ("anything", "garbage here 203.0.113.7", "inconclusive", vec!["undecoded"]),
        ("rows left out", "... 200 more rows ...", "inconclusive", vec!["interrupted"]),
    ];
    for (name, line, verdict, codes) in cases {
        let path = write(&directory, "dump.txt", &format!("{HEAD}{}{line}\n{}", rows(20), rows(10)));
        let (found, reasons, _, told) =
            scan(&[text(&path), "--date", "2015-04-29", "--address", "203.0.113.7"]);
        assert_eq!(
            (found.as_str(), reasons.iter().map(String::as_str).collect()),
            (verdict, codes),
            "{name}: {told}"
        );
        assert_eq!(told.contains("dump.txt: line 22"), verdict == "inconclusive", "{name}: {told}");
    }
}

#[test]
fn the_day_comes_from_the_flag_or_the_name_or_is_said_to_be_missing() {
    let directory = TempDir::new().expect("a directory");
    let table = format!("{HEAD}{}", rows(3));
    let (plain, named) =
        (write(&directory, "dump.tsv", &table), write(&directory, "dump-2015-04-30.tsv", &table));
    let cases: [(&str, &Path, &[&str], &str, &str); 6] = [
        ("given", &plain, &["--date", "2015-04-29"], "2015-04-29T08:00:00Z", ""),
        ("in a zone", &plain, &["--date", "2015-04-29[America/Chicago]"], "2015-04-29T13:00:00Z", ""),
        ("with an offset", &plain, &["--date", "2015-04-29-05:00"], "2015-04-29T13:00:00Z", ""),
        ("in the name", &named, &[], "2015-04-30T08:00:00Z", ""),
        ("given against the name", &named, &["--date", "2015-04-29"], "2015-04-29T08:00:00Z", ""),
        ("unknown", &plain, &[], "1970-01-01T08:00:00Z", "its times have no day: name it with --date"),
    ];
    for (name, path, flags, first, said) in cases {
        let (_, _, result, told) = scan(&[&[text(path), "--address", "192.0.2.9"], flags].concat());
        assert_eq!(result["coverage"]["first"], first, "{name}");
        assert!(told.contains(said) && told.is_empty() == said.is_empty(), "{name}: {told}");
    }
}

#[test]
fn a_table_is_filtered_dumped_and_joined_with_captures() {
    let directory = TempDir::new().expect("a directory");
    let table = format!(
        "{HEAD}{}08:00:02\tICMP\t10.0.0.1\t\t192.0.2.9\t\techo request\n08:00:02\tARP\t10.0.0.2\t\t10.0.0.1\t\n08:00:03\tUDP\tfd00::1\t5\t2001:db8::1\t53\tAAAA? a.example\n",
        rows(2)
    );
    let path = write(&directory, "dump-2015-04-29.tsv", &table);
    let dump = Command::new(env!("CARGO_BIN_EXE_allclear")).args(["scan", "--dump", text(&path)]).output();
    let dump = String::from_utf8(dump.expect("it starts").stdout).expect("text");
    let columns: Vec<Vec<&str>> =
        dump.lines().skip(1).map(|line| line.split_whitespace().skip(1).collect()).collect();
    let wanted = [
        "TCP 10.0.0.1 1025 192.0.2.9 80 ACK",
        "TCP 10.0.0.1 1025 192.0.2.9 80 ACK",
        "ICMP 10.0.0.1 192.0.2.9",
        "ARP 10.0.0.2 sender",
        "UDP fd00::1 5 2001:db8::1 53 AAAA? a.example",
    ];
    let wanted: Vec<Vec<&str>> = wanted.iter().map(|line| line.split(' ').collect()).collect();
    assert_eq!(columns, wanted);

    // The dump is itself such a table, with its days.
    let again = write(&directory, "again.txt", &dump);
    let (_, _, first, _) = scan(&[text(&path), "--address", "192.0.2.9"]);
    let (_, _, second, told) = scan(&[text(&again), "--address", "192.0.2.9"]);
    assert_eq!(
        (&first["coverage"], &first["hosts"], told.as_str()),
        (&second["coverage"], &second["hosts"], "")
    );

    let (_, _, filtered, _) = scan(&[text(&path), "-f", "icmp", "--address", "192.0.2.9"]);
    assert_eq!(filtered["hosts"][0]["sightings"], 1);
}

proptest! {
    /// However the cells of a row are put together, as long as an address is among them.
    #[test]
    fn no_row_vanishes(
        order in Just(vec![0, 1, 2, 3, 4, 5, 6]).prop_shuffle(),
        kept in 1_usize..8,
        separator in prop::sample::select(vec!["\t", " ", "|", ";", ",", " > ", "  ", "</td><td>", " \t", "="]),
    ) {
        let cells = ["08:00:00.20", "TCP", "10.0.0.1", "1025", "192.0.2.9", "80", "ACK"];
        let order: Vec<usize> = order.into_iter().take(kept).collect();
        prop_assume!(order.iter().any(|cell| matches!(cell, 2 | 4)));
        let line = order.iter().map(|cell| cells[*cell]).collect::<Vec<_>>().join(separator);
        let text = format!("{HEAD}{}{line}\n{}", rows(20), rows(20));
        let table = Table::read(text.as_bytes()).expect("a table");
        let read = table.capture(Date::constant(2015, 4, 29), &TimeZone::UTC);
        prop_assert!(read.as_ref().map_or(true, |(_, facts)| facts.rows == 41), "{}: {:?}", line, read);
    }

    #[test]
    fn no_text_does_harm(text in "([0-9]{1,2}:[0-9]{2}:[0-9]{2}|<t?d?>?|[0-9.]{1,16}|TCP|more|rows|[ \t\n|;,<>]|\\PC){0,60}") {
        for text in [text.clone(), format!("{HEAD}{text}"), format!("<td>{HEAD}{text}")] {
            if let Some(table) = Table::read(text.as_bytes()) {
                let _ = table.capture(Date::constant(2015, 4, 29), &TimeZone::UTC);
            }
        }
    }
}
