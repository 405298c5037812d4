//! What does allclear say of a wrong file? Every message, whole, with place, caret and cure.
//!
//! Each row is a slip that a person makes; the snapshot holds the file's lines and all that is said.

use allclear::edge::capture::lint::lint;
use allclear::pure::document::{Outside, read_playbook, read_site_file};
use allclear::pure::problem::Problem;
use std::path::Path;

const SITE: &str = "\
sources:
  lan: {interface: eth1}
sites:
  springfield:
    public: [192.0.2.17]
    inside: [10.16.0.0/16]
    timezone: America/Chicago
    source: lan
    coordinator: Tech Coordinator <tech@springfield.example>
";

const PLAYBOOK: &str = "\
playbook: case
watchlists:
  sinkholes:
    addresses: [149.93.23.110]
locate:
  every: 15m
  capture: {for: 10m}
  match: [reported, sinkholes]
verify:
  cron: \"30 8 * * 1-5\"
  capture: {for: 6h}
  match: [reported, sinkholes]
";

fn outside() -> Outside<'static> {
    Outside {
        check_filter: &lint,
        check_watchlist_file: &|path| match path.ends_with("there.txt") {
            true => Ok(Vec::new()),
            false => Err(format!("there is no file {}: write it", path.display())),
        },
    }
}

fn said(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn playbook(text: &str) -> String {
    let (site_file, problems) = read_site_file(Path::new("allclear.yaml"), SITE, outside());
    assert_eq!(said(&problems), "", "the site file of the tests is sound");
    said(&read_playbook(Path::new("playbooks/case.yaml"), text, site_file.as_ref(), outside()).1)
}

fn site(text: &str) -> String {
    said(&read_site_file(Path::new("allclear.yaml"), text, outside()).1)
}

/// The sound playbook with one piece of text in another's place.
fn changed(sound: &str, from: &str, to: &str) -> String {
    assert!(sound.contains(from), "{from:?} is in the sound file");
    sound.replacen(from, to, 1)
}

#[test]
fn sound_files_are_silent() {
    assert_eq!(playbook(PLAYBOOK), "");
    assert_eq!(site(SITE), "");
}

#[test]
fn slips_in_a_playbook() {
    let rows = [
        ("unknown key", "  every: 15m", "  evry: 15m"),
        ("a title that turns around", "watchlists:", "title: \"Con\\u202Eficker\"\nwatchlists:"),
        ("a malware with another header", "watchlists:", "malware: [\"con\\nBcc: x\"]\nwatchlists:"),
        ("key of another program", "watchlists:", "on: push\nwatchlists:"),
        ("duplicate key", "  every: 15m", "  every: 15m\n  every: 20m"),
        ("cron and every", "  every: 15m", "  every: 15m\n  cron: \"0 * * * *\""),
        ("neither cron nor every", "  every: 15m\n", ""),
        ("every zero", "every: 15m", "every: 0m"),
        ("cron without quotes", "cron: \"30 8 * * 1-5\"", "cron: */15 * * * *"),
        ("cron with six fields", "30 8 * * 1-5", "0 30 8 * * 1-5"),
        ("cron that never fires", "30 8 * * 1-5", "0 0 31 2 *"),
        ("cron out of range", "30 8 * * 1-5", "61 8 * * *"),
        ("tab", "  every: 15m", "\tevery: 15m"),
        ("watched zero", "verify:", "judge: {watched: 0%}\nverify:"),
        ("watched hardly", "verify:", "judge: {watched: 0.1%}\nverify:"),
        ("bare duration", "for: 10m", "for: 10"),
        ("unknown unit", "for: 10m", "for: 10min"),
        ("capture of no length", "for: 10m", "for: 0s"),
        ("capture as long as the gap", "for: 10m", "for: 15m"),
        ("capture longer than the gap", "for: 10m", "for: 16m"),
        ("jitter that fills the gap", "  every: 15m", "  jitter: 5m\n  every: 15m"),
        ("jitter that overfills the gap", "  every: 15m", "  jitter: 6m\n  every: 15m"),
        (
            "day-long capture of a night shortened by the clocks",
            "\"30 8 * * 1-5\"\n  capture: {for: 6h}",
            "\"30 8 * * *\"\n  capture: {for: 24h}",
        ),
        ("value missing", "for: 10m", "for:"),
        ("list instead of text", "every: 15m", "every: [15m]"),
        ("text instead of list", "match: [reported, sinkholes]", "match: sinkholes"),
        ("match of an unknown list", "[reported, sinkholes]", "[reported, sinkhole]"),
        ("match of nothing", "match: [reported, sinkholes]\nverify", "match: []\nverify"),
        ("match twice", "[reported, sinkholes]", "[reported, reported, sinkholes]"),
        ("match missing", "  match: [reported, sinkholes]\nverify", "verify"),
        ("unused watchlist", "locate:", "  other:\n    ports: [tcp/25]\nlocate:"),
        ("watchlist called reported", "locate:", "  reported:\n    ports: [tcp/25]\nlocate:"),
        ("empty watchlist", "[149.93.23.110]", "[]"),
        ("no address", "149.93.23.110", "149.93.23.1100"),
        ("name among addresses", "149.93.23.110", "evil.example"),
        ("private address", "149.93.23.110", "149.93.23.110, 10.0.0.1"),
        ("multicast address", "149.93.23.110", "149.93.23.110, 224.0.0.251"),
        ("own public address", "149.93.23.110", "149.93.23.110, 192.0.2.17"),
        ("address twice", "149.93.23.110", "149.93.23.110, 149.93.23.110"),
        ("every address", "149.93.23.110", "0.0.0.0/0"),
        ("range of ports backwards", "addresses: [149.93.23.110]", "ports: [tcp/4177-4152]"),
        ("port of a protocol without ports", "addresses: [149.93.23.110]", "ports: [icmp/8]"),
        ("file that is not there", "addresses: [149.93.23.110]", "file: feodo.csv"),
        ("file that is there", "addresses: [149.93.23.110]", "file: there.txt\n    max_age: 7d"),
        ("age of no file", "addresses: [149.93.23.110]", "addresses: [149.93.23.110]\n    max_age: 7d"),
        (
            "everything excepted",
            "addresses: [149.93.23.110]",
            "addresses: [149.93.23.110]\n    except: [149.93.0.0/16]",
        ),
        ("all of one", "addresses: [149.93.23.110]", "addresses: [149.93.23.110]\n    require: all"),
        ("unknown choice", "addresses: [149.93.23.110]", "addresses: [149.93.23.110]\n    require: every"),
        (
            "filter that never matches",
            "for: 10m",
            "for: 10m, filter: host 1.1.1.1 and host 2.2.2.2 and host 3.3.3.3",
        ),
        ("filter joining two outside hosts", "for: 10m", "for: 10m, filter: host 8.8.8.8 and host 8.8.4.4"),
        ("filter with a host name", "for: 10m", "for: 10m, filter: host evil.example"),
        ("filter that is none", "for: 10m", "for: 10m, filter: tpc port 80"),
        ("fewer packets than must be heard", "for: 10m", "for: 10m, packets: 250"),
        ("no packets", "for: 10m", "for: 10m, packets: 0"),
        ("quoted number", "for: 10m", "for: 10m, packets: \"5000\""),
        ("bare size", "for: 10m", "for: 10m, bytes: 1GB"),
        ("whole section missing", "verify:", "verifi:"),
        ("section without values", "locate:\n", "locate:\nclean:\n"),
    ];
    let mut whole = String::new();
    for (name, from, to) in rows {
        whole.push_str(&format!("## {name}\n{}\n", playbook(&changed(PLAYBOOK, from, to))));
    }
    insta::assert_snapshot!("slips_in_a_playbook", whole);
}

#[test]
fn slips_after_the_stages() {
    let rows = [
        ("fail at nothing", "judge: {fail_at: 0}"),
        ("share without per cent", "judge: {watched: 95}"),
        ("share over all", "judge: {watched: 101%}"),
        ("share of all", "judge: {watched: 100%}"),
        ("words for a number", "judge: {heard: lots}"),
        ("yes for true", "judge: {blamed_present: yes}"),
        ("certainty", "clean: {assurance: 100%}"),
        ("no passes", "clean: {passes: 0}"),
        ("one pass", "clean: {passes: 1}"),
        ("negative passes", "clean: {passes: -1}"),
        ("contact interval of nothing", "clean: {contact_interval: 0s}"),
        ("unlisted without a listing", "clean: {unlisted: true}"),
        ("two items in one entry", "checklist:\n  - patch: Patch it\n    scan: Scan it"),
        ("item twice", "checklist:\n  - patch: Patch it\n  - patch: Patch it again"),
        ("item without text", "checklist:\n  - patch"),
        ("item that turns around", "checklist:\n  - \"pat\\u202Ech\": Patch it"),
        ("text that turns around", "checklist:\n  - patch: \"Pat\\u202Ech it\""),
        ("text of blanks", "checklist:\n  - patch: \"\\u2800\""),
        ("text of two lines", "checklist:\n  - patch: |\n      Patch it\n      and more"),
        ("due at once", "due: {located: 0d}"),
        ("unknown event", "notify:\n  - {events: [openend], to: [coordinator]}"),
        ("unknown recipient", "notify:\n  - {events: [opened], to: [cordinator]}"),
        ("nobody", "notify:\n  - {events: [opened], to: []}"),
        ("to whom", "notify:\n  - {events: [opened]}"),
        ("reminded at once", "due: {located: 2d, remind: 0s}"),
        (
            "steps out of order",
            "due:\n  located: 2d\n  escalate: [{after: 2d, to: [a@b.example]}, {after: 2d, to: [coordinator]}]",
        ),
        (
            "a step for nobody",
            "due: {cleaned: 2d, escalate: [{after: 2d, to: []}, {after: 3d}, {to: [coordinatr]}]}",
        ),
        ("a step after nothing", "due: {escalate: [{after: 0s, to: [coordinator]}]}"),
        ("malware twice", "malware: [conficker, Conficker]"),
        ("a tag", "title: !!str Conficker"),
        ("a merge key", "due: {<<: 1}"),
        ("a second document", "---\ntitle: two"),
        ("detect of reports", "detect:\n  every: 1h\n  capture: {for: 30m}\n  match: [sinkholes, reported]"),
        ("all not acted on yet", NOT_YET),
    ];
    let mut whole = String::new();
    for (name, added) in rows {
        whole.push_str(&format!("## {name}\n{}\n", playbook(&format!("{PLAYBOOK}{added}\n"))));
    }
    insta::assert_snapshot!("slips_after_the_stages", whole);
}

const NOT_YET: &str = "\
detect:
  every: 1h
  capture: {for: 30m}
  match: [sinkholes]
  listing: true
clean: {unlisted: true}
notify:
  - {events: [opened, located, reminder, overdue, relapsed, inconclusive, clean, listed, closed], to: [coordinator]}";

#[test]
fn slips_in_a_site_file() {
    let rows = [
        ("unknown source", "source: lan", "source: lam"),
        ("source twice", "source: lan", "source: [lan, lan]"),
        ("no source", "source: lan", "source: []"),
        ("two kinds of source", "{interface: eth1}", "{interface: eth1, files: x.pcap}"),
        ("no kind of source", "{interface: eth1}", "{ring: 64MiB}"),
        ("command without a program", "{interface: eth1}", "{command: []}"),
        ("command in one text", "{interface: eth1}", "{command: tcpdump -U}"),
        ("interface without a name", "{interface: eth1}", "{interface: \"\"}"),
        ("all interfaces at once", "{interface: eth1}", "{interface: any}"),
        ("interface of 16 letters", "{interface: eth1}", "{interface: abcdefghijklmnop}"),
        ("interface of 15 letters", "{interface: eth1}", "{interface: abcdefghijklmno}"),
        (
            "a mail header smuggled in",
            "Tech Coordinator <tech@springfield.example>",
            "\"Tech\\nBcc: x@y.example <t@s.example>\"",
        ),
        (
            "a coordinator that turns around",
            "Tech Coordinator <tech@springfield.example>",
            "\"\\u202Ehcet <t@s.example>\"",
        ),
        (
            "a title with another header",
            "    timezone:",
            "    title: \"Springfield\\r\\nBcc: x@y\"\n    timezone:",
        ),
        ("a title that turns around", "    timezone:", "    title: \"Spring\\u2067field\"\n    timezone:"),
        ("a site that turns around", "  springfield:", "  \"spring\\u202Efield\":"),
        ("a source of blanks", "lan: {interface: eth1}", "\" \": {interface: eth1}"),
        ("a title of nothing", "    timezone:", "    title: \"  \"\n    timezone:"),
        ("control with a name", "{interface: eth1}", "{interface: eth1, positive_control: host ntp.example}"),
        ("ring too large", "{interface: eth1}", "{interface: eth1, ring: 2GiB}"),
        ("ring as large as can be", "{interface: eth1}", "{interface: eth1, ring: 2047MiB}"),
        ("public inside", "192.0.2.17", "10.16.0.5"),
        ("public at two sites", "sites:\n", TWIN),
        ("bits beyond the mask", "10.16.0.0/16", "10.16.0.1/16"),
        ("inside of nothing", "[10.16.0.0/16]", "[]"),
        ("resolvers", "    source: lan", "    source: lan\n    resolvers: [10.16.0.53, 10.16.1.0/30]"),
        ("probe to inside", "{interface: eth1}", "{interface: eth1, probe: {to: \"10.16.0.1:9\"}}"),
        ("probe to itself", "{interface: eth1}", "{interface: eth1, probe: {to: \"127.0.0.1:9\"}}"),
        ("probe to many", "{interface: eth1}", "{interface: eth1, probe: {to: \"224.0.0.1:9\"}}"),
        ("probe to no port", "{interface: eth1}", "{interface: eth1, probe: {to: \"192.0.2.1:0\"}}"),
        (
            "probe to one's own public side",
            "{interface: eth1}",
            "{interface: eth1, probe: {to: \"192.0.2.17:9\"}}",
        ),
        (
            "probe to itself in other clothes",
            "{interface: eth1}",
            "{interface: eth1, probe: {to: \"[::ffff:127.0.0.1]:9\"}}",
        ),
        (
            "probe to inside in other clothes",
            "{interface: eth1}",
            "{interface: eth1, probe: {to: \"[::ffff:10.16.0.1]:9\"}}",
        ),
        (
            "probe in other clothes",
            "{interface: eth1}",
            "{interface: eth1, probe: {to: \"[::ffff:192.0.2.1]:9\"}}",
        ),
        ("probe to an address alone", "{interface: eth1}", "{interface: eth1, probe: {to: 192.0.2.1}}"),
        ("probe to a name", "{interface: eth1}", "{interface: eth1, probe: {to: \"sink.example:9\"}}"),
        ("probe without a place", "{interface: eth1}", "{interface: eth1, probe: {every: 1m}}"),
        (
            "probe too often",
            "{interface: eth1}",
            "{interface: eth1, probe: {to: \"192.0.2.1:9\", every: 9s}}",
        ),
        (
            "probe too seldom",
            "{interface: eth1}",
            "{interface: eth1, probe: {to: \"192.0.2.1:9\", every: 61m}}",
        ),
        (
            "probe as it should be",
            "{interface: eth1}",
            "{interface: eth1, probe: {to: \"192.0.2.1:9\", every: 10s}}",
        ),
        (
            "zone of the other ending",
            "sources:",
            "listing: {zone: zen.dq.spamhaus.org, resolver: \"127.0.0.1:53\", key_file: k}\nsources:",
        ),
        (
            "key zone without a key",
            "sources:",
            "listing: {zone: zen.dq.spamhaus.net, resolver: \"127.0.0.1:53\"}\nsources:",
        ),
        (
            "key in the zone",
            "sources:",
            "listing: {zone: s3cret.zen.dq.spamhaus.net, resolver: \"8.8.8.8:53\"}\nsources:",
        ),
        (
            "key in a public zone, and another fault in the line",
            "sources:",
            "listing: {zone: SECRETKEY.zen.spamhaus.net, resolver: 127.0.0.1, daily_limit: 0}\nsources:",
        ),
        (
            "key at the wrong home",
            "sources:",
            "listing: {zone: SECRETKEY.dq.spamhaus.org., resolver: \"127.0.0.1:53\", x: 1}\nsources:",
        ),
        (
            "key of another list",
            "sources:",
            "listing: {zone: KEY.combined.mail.abusix.zone, resolver: \"127.0.0.1:53\"}\nsources:",
        ),
        (
            "likely a key of an unknown list",
            "sources:",
            "listing: {zone: Abcdefgh12345678.dnsbl.example, resolver: 127.0.0.1}\nsources:",
        ),
        (
            "key in a file that cannot be read",
            "sources:",
            "listing: {zone: SECRETKEY.zen.spamhaus.org, resolver: [}\nsources:",
        ),
        (
            "a slip in the zone",
            "sources:",
            "listing: {zone: xbl.spamhause.org, resolver: \"127.0.0.1:53\"}\nsources:",
        ),
        (
            "a list of something else",
            "sources:",
            "listing: {zone: pbl.spamhaus.org, resolver: \"127.0.0.1:53\"}\nsources:",
        ),
        (
            "no zone at all",
            "sources:",
            "listing: {zone: 127.0.0.1, resolver: \"127.0.0.1:0\", daily_limit: 3}\nsources:",
        ),
        ("all are resolvers", "    source: lan", "    source: lan\n    resolvers: [10.16.0.0/16]"),
        (
            "a translator",
            "    source: lan",
            "    source: lan\n    nat64: [2001:db8:64::/96, \"2001:db8::/32\"]",
        ),
        ("a translator of odd length", "    source: lan", "    source: lan\n    nat64: [2001:db8:64::/95]"),
        (
            "a translator of addresses of IPv4",
            "    source: lan",
            "    source: lan\n    nat64: [10.64.0.0/16]",
        ),
        ("a resolver elsewhere", "    source: lan", "    source: lan\n    resolvers: [8.8.8.8]"),
        ("a resolver by name", "    source: lan", "    source: lan\n    resolvers: [ns1.example]"),
        ("unknown zone", "America/Chicago", "America/Chicgo"),
        ("no mail address", "Tech Coordinator <tech@springfield.example>", "Tech Coordinator"),
        ("break backwards", "    source: lan", "    source: lan\n    closed: [2027-01-03..2026-12-21]"),
        ("break of no day", "    source: lan", "    source: lan\n    closed: [2026-12-32]"),
        ("key missing", "    timezone: America/Chicago\n", ""),
        ("mail to nowhere", "sources:", "mail: {from: a@b.example}\nsources:"),
        (
            "mail both ways",
            "sources:",
            "mail: {from: a@b.example, smtp: \"smtp://h\", directory: d}\nsources:",
        ),
        (
            "server without a scheme",
            "sources:",
            "mail: {from: a@b.example, smtp: \"127.0.0.1:25\"}\nsources:",
        ),
        (
            "name without a password",
            "sources:",
            "mail: {from: a@b.example, smtp: \"smtps://h\", username: u}\nsources:",
        ),
        (
            "retired list",
            "sources:",
            "listing: {zone: cbl.abuseat.org, resolver: \"127.0.0.1:53\"}\nsources:",
        ),
        (
            "public resolver",
            "sources:",
            "listing: {zone: xbl.spamhaus.org, resolver: \"8.8.8.8:53\"}\nsources:",
        ),
        ("all not acted on yet", "sources:", SITE_NOT_YET),
    ];
    let mut whole = String::new();
    for (name, from, to) in rows {
        whole.push_str(&format!("## {name}\n{}\n", site(&changed(SITE, from, to))));
    }
    insta::assert_snapshot!("slips_in_a_site_file", whole);
}

const TWIN: &str = "\
sites:
  shelbyville:
    public: [192.0.2.16/28]
    inside: [10.17.0.0/16]
    timezone: America/Chicago
    source: lan
    coordinator: tech@shelbyville.example
";

const SITE_NOT_YET: &str = "\
listen: 127.0.0.1:8080
evidence: {keep: 1y}
mail:
  from: allclear <allclear@dis.example>
  directory: state/outbox
  digest: {cron: \"0 6 * * 1-5\", to: [soc@dis.example], skip_unchanged: true}
listing: {zone: xbl.spamhaus.org, resolver: 127.0.0.1:53, key_file: k, daily_limit: 1000}
sources:";

#[test]
fn all_faults_of_a_file_at_once() {
    let text = "\
playbok: case
watchlists:
  sinkholes:
    addresses: [149.93.23.1100, 10.0.0.1, evil.example]
    max_age: soon
  feed: {}
locate:
  every: quarter
  capture: {for: 20, fliter: tcp}
  match: [reportd, sinkholes]
verify:
  cron: often
  capture: {packets: none}
  match: [feed]
judge: {watched: 95, heard: -1}
clean: {passes: 0, assurance: 1}
";
    insta::assert_snapshot!("all_faults_of_a_file_at_once", playbook(text));
}

#[test]
fn what_is_no_playbook_at_all() {
    let deep = "[".repeat(70);
    let wide = format!("a: &a [{}]\nb: [{}]\n", "x,".repeat(150), "*a,".repeat(150));
    let long = format!("title: {}\u{1b}[31m: x\n", "é".repeat(300));
    let rows = [
        ("nothing", ""),
        ("a comment", "# nothing here\n"),
        ("a text", "conficker"),
        ("a list", "- conficker\n"),
        ("a bracket that stays open", "playbook: [case\n"),
        ("a quote that stays open", "playbook: \"case\n"),
        ("braces of a template", "playbook: {{ name }}\n"),
        ("an alias to itself", "a: &a [*a]\n"),
        ("an alias to nothing", "a: *b\n"),
        ("too deep", &deep),
        ("too wide", &wide),
        ("a long line with an escape", &long),
        ("carriage returns and a mark", "\u{feff}playbook: case\r\nlocte: 1\r\n"),
    ];
    let mut whole = String::new();
    for (name, text) in rows {
        whole.push_str(&format!("## {name}\n{}\n", playbook(text)));
    }
    insta::assert_snapshot!("what_is_no_playbook_at_all", whole);
}
