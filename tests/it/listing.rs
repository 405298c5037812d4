//! Is an address listed? Asked of a real DNSBL server (the Debian package rbldnsd) and of servers that
//! refuse, hang and lie. Nothing but loopback is asked.

use crate::dns::{
    ASKED, Behaviour, NO_ERROR, NO_SUCH_NAME, Query, REFUSED, Rr, SERVER_FAILURE, Server, address, reply,
    test_entry, wire,
};
use crate::skip::skipped;
use allclear::edge::clock;
use allclear::edge::resolver::{Resolver, read_key};
use allclear::pure::listing::{Listing, Lookup};
use allclear::pure::site::ListingSettings;
use jiff::Timestamp;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

const KEY: &str = "s3cretk3y0fadistrict";

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn settings(resolver: SocketAddr, key_file: Option<PathBuf>) -> ListingSettings {
    ListingSettings { zone: "xbl.test".to_owned(), resolver, key_file, daily_limit: 1000 }
}

fn asked_of(server: SocketAddr, about: &str) -> Lookup {
    let state = tempfile::tempdir().expect("a directory");
    Resolver::new(settings(server, None), state.path(), clock::now).look_up(ip(about), Timestamp::MIN)
}

/// A DNSBL server with the zone `xbl.test`; it ends when it goes out of scope.
struct Dnsbl {
    child: Child,
    address: SocketAddr,
    zone: PathBuf,
    _directory: TempDir,
}

impl Dnsbl {
    /// `None`, with a message, where rbldnsd is not installed. The lines are those of its `ip4set`.
    fn start(lines: &str) -> Option<Dnsbl> {
        let program = Path::new("/usr/sbin/rbldnsd");
        if !program.exists() {
            skipped("the package rbldnsd is not installed");
            return None;
        }
        let directory = tempfile::tempdir().expect("a directory");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("ours");
        let zone = directory.path().join("xbl.zone");
        write_zone(&zone, lines);
        // Bound and let go: the port is free.
        let address =
            UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a loopback port");
        let child = Command::new(program)
            .args(["-n", "-u", "nobody:nogroup", "-b", &address.to_string().replace(':', "/")])
            .arg("-w")
            .arg(directory.path())
            .arg("xbl.test:ip4set:xbl.zone")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it is there");
        let server = Dnsbl { child, address, zone, _directory: directory };
        let is_there = (0..50).any(|_| {
            thread::sleep(Duration::from_millis(100));
            asked_of(address, "192.0.2.250").answer == Listing::NotListed
        });
        assert!(is_there, "rbldnsd answers: {:?}", asked_of(address, "192.0.2.250"));
        Some(server)
    }
}

impl Drop for Dnsbl {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_zone(path: &Path, lines: &str) {
    let head = "$SOA 300 ns.xbl.test hostmaster.xbl.test 0 600 300 86400 60\n$TTL 120\n$NS 300 ns.xbl.test\n\
                :127.0.0.4:infected $\n127.0.0.2\n";
    fs::write(path, format!("{head}{lines}")).expect("writable");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("ours");
}

#[test]
fn a_real_list_answers_every_code() {
    use Listing::{Listed, NotListed, Unknown};
    let rows: [(u8, &str, Listing); 15] = [
        (2, "127.0.0.2", NotListed),
        (3, "127.0.0.3", NotListed),
        (4, "127.0.0.4", Listed),
        (5, "127.0.0.5", Listed),
        (7, "127.0.0.7", Listed),
        (8, "127.0.0.8", Unknown),
        (9, "127.0.0.9", NotListed),
        (10, "127.0.0.10", NotListed),
        (11, "127.0.0.11", NotListed),
        (20, "127.0.0.20", Unknown),
        (30, "127.0.1.2", Unknown),
        (40, "127.255.255.252", Unknown),
        (41, "127.255.255.254", Unknown),
        (42, "127.255.255.255", Unknown),
        (50, "10.9.9.9", Unknown),
    ];
    let lines: String =
        rows.iter().map(|(last, code, _)| format!(":{code}:code\n192.0.2.{last}\n")).collect();
    let Some(server) = Dnsbl::start(&lines) else { return };
    for (last, code, answer) in rows {
        let lookup = asked_of(server.address, &format!("192.0.2.{last}"));
        assert_eq!(lookup.answer, answer, "{code}: {}", lookup.why);
        assert_eq!(lookup.codes, [code.parse::<Ipv4Addr>().expect("an address")]);
        assert_eq!(lookup.ttl_s, Some(120));
        assert_eq!(
            lookup.texts.is_empty(),
            answer != Listed,
            "only the list's word on a listing is asked for"
        );
    }
    let clear = asked_of(server.address, "192.0.2.99");
    assert_eq!((clear.answer, clear.codes.len(), clear.ttl_s), (NotListed, 0, Some(60)));
    assert_eq!(asked_of(server.address, "2001:db8::1").answer, NotListed, "test entries of IPv6");
}

#[test]
fn a_listing_lapses_and_is_seen_to() {
    let Some(server) = Dnsbl::start("192.0.2.17\n") else { return };
    assert_eq!(asked_of(server.address, "192.0.2.17").answer, Listing::Listed);
    // Another size too: within a second the time alone does not tell that it changed.
    write_zone(&server.zone, "192.0.2.18\n192.0.2.19\n");
    let told = Command::new("kill").args(["-HUP", &server.child.id().to_string()]).status();
    assert!(told.is_ok_and(|status| status.success()), "rbldnsd is asked to read its zone again");
    let has_lapsed = (0..100).any(|_| {
        thread::sleep(Duration::from_millis(100));
        asked_of(server.address, "192.0.2.17").answer == Listing::NotListed
    });
    assert!(has_lapsed, "the server reads its zone again");
}

/// Answers the test entries as it must, and says this of the address.
fn honest(query: &Query<'_>, of_address: impl FnOnce(&Query<'_>) -> Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    test_entry(query).map_or_else(|| of_address(query), |reply| vec![reply])
}

fn text(query: &Query<'_>, text: &str) -> Vec<u8> {
    let data = [&[text.len() as u8], text.as_bytes()].concat();
    reply(query, NO_ERROR, &[Rr { owner: ASKED.to_vec(), kind: 16, data }])
}

fn listed(query: &Query<'_>) -> Vec<u8> {
    if query.kind == 16 { text(query, "listed") } else { reply(query, NO_ERROR, &[address([127, 0, 0, 4])]) }
}

fn many(query: &Query<'_>, records: usize) -> Vec<u8> {
    let records: Vec<Rr> = (0..records).map(|_| address([127, 0, 0, 4])).collect();
    reply(query, NO_ERROR, &records)
}

fn alias(query: &Query<'_>, owner: &str, rest: Rr) -> Vec<u8> {
    reply(query, NO_ERROR, &[Rr { owner: ASKED.to_vec(), kind: 5, data: wire(owner) }, rest])
}

/// Over UDP nothing but the note that it was cut; whole over TCP.
fn cut(query: &Query<'_>, whole: Vec<u8>) -> Vec<u8> {
    if query.is_tcp {
        return whole;
    }
    let mut bytes = reply(query, NO_ERROR, &[]);
    bytes[2] |= 2;
    bytes
}

const LIES: &[(&str, Behaviour, Listing, &str)] = &[
    ("honest", |q| honest(q, |q| vec![listed(q)]), Listing::Listed, "XBL"),
    (
        "honest, not there",
        |q| honest(q, |q| vec![reply(q, NO_SUCH_NAME, &[])]),
        Listing::NotListed,
        "not listed",
    ),
    ("refuses", |q| vec![reply(q, REFUSED, &[])], Listing::Unknown, "REFUSED"),
    ("refuses the address", |q| honest(q, |q| vec![reply(q, REFUSED, &[])]), Listing::Unknown, "REFUSED"),
    ("fails", |q| honest(q, |q| vec![reply(q, SERVER_FAILURE, &[])]), Listing::Unknown, "SERVFAIL"),
    ("hangs", |_| vec![], Listing::Unknown, "in time"),
    ("hangs at the address", |q| honest(q, |_| vec![]), Listing::Unknown, "in time"),
    (
        "says that nothing exists",
        |q| vec![reply(q, NO_SUCH_NAME, &[])],
        Listing::Unknown,
        "would mean nothing",
    ),
    (
        "lists another thing",
        |q| vec![reply(q, NO_ERROR, &[address([127, 0, 0, 2])])],
        Listing::Unknown,
        "not 127.0.0.4",
    ),
    ("lists all the world", |q| vec![listed(q)], Listing::Unknown, "which no list may have"),
    (
        "answers for what does not exist",
        |q| honest(q, |q| vec![reply(q, NO_ERROR, &[address([10, 9, 9, 9])])]),
        Listing::Unknown,
        "10.9.9.9",
    ),
    (
        "answers without an address",
        |q| honest(q, |q| vec![reply(q, NO_ERROR, &[])]),
        Listing::Unknown,
        "without",
    ),
    (
        "answers for another name",
        |q| {
            honest(q, |q| {
                let other = Rr { owner: wire("other.xbl.test"), ..address([127, 0, 0, 10]) };
                vec![reply(q, NO_ERROR, &[other])]
            })
        },
        Listing::Unknown,
        "another name",
    ),
    (
        "an alias",
        |q| honest(q, |q| vec![alias(q, "a.test", Rr { owner: wire("a.test"), ..address([127, 0, 0, 4]) })]),
        Listing::Listed,
        "XBL",
    ),
    (
        "an alias to itself",
        |q| honest(q, |q| vec![alias(q, &q.name, address([127, 0, 0, 10]))]),
        Listing::Unknown,
        "endless alias",
    ),
    (
        "another number first",
        |q| {
            let mut forged = reply(q, NO_SUCH_NAME, &[]);
            forged[0] ^= 0xff;
            [vec![forged], honest(q, |q| vec![listed(q)])].concat()
        },
        Listing::Listed,
        "XBL",
    ),
    (
        "another number",
        |q| {
            let mut forged = reply(q, NO_SUCH_NAME, &[]);
            forged[1] ^= 0xff;
            vec![forged]
        },
        Listing::Unknown,
        "in time",
    ),
    (
        "another question",
        |q| {
            honest(q, |q| {
                let mut forged = reply(q, NO_SUCH_NAME, &[]);
                forged[13] ^= 1;
                vec![forged]
            })
        },
        Listing::Unknown,
        "in time",
    ),
    ("a question for an answer", |q| vec![q.bytes.to_vec()], Listing::Unknown, "no answer to the question"),
    (
        "rubbish",
        |q| vec![[&q.bytes[..2], &[0xff; 60]].concat()],
        Listing::Unknown,
        "no answer to the question",
    ),
    (
        "a name that points at itself",
        |q| {
            let at = 12 + wire(&q.name).len() as u8 + 4;
            vec![reply(q, NO_ERROR, &[Rr { owner: vec![0xc0, at], ..address([127, 0, 0, 4]) }])]
        },
        Listing::Unknown,
        "no answer to the question",
    ),
    ("as many as a list gives", |q| honest(q, |q| vec![many(q, 64)]), Listing::Listed, "XBL"),
    ("hundreds", |q| honest(q, |q| vec![cut(q, many(q, 600))]), Listing::Unknown, "addresses, more than"),
    ("cut, and whole over TCP", |q| honest(q, |q| vec![cut(q, listed(q))]), Listing::Listed, "XBL"),
    (
        "cut, and silent over TCP",
        |q| honest(q, |q| if q.is_tcp { vec![] } else { vec![cut(q, listed(q))] }),
        Listing::Unknown,
        ": ",
    ),
    (
        "cut, and another number over TCP",
        |q| {
            honest(q, |q| {
                let mut forged = cut(q, listed(q));
                forged[0] ^= if q.is_tcp { 0xff } else { 0 };
                vec![forged]
            })
        },
        Listing::Unknown,
        ": ",
    ),
];

#[test]
fn lies_and_silence_are_unknown() {
    thread::scope(|scope| {
        for (row, behaviour, answer, part) in LIES {
            scope.spawn(move || {
                let server = Server::start(*behaviour);
                let lookup = asked_of(server.address, "192.0.2.17");
                assert_eq!(lookup.answer, *answer, "{row}: {}", lookup.why);
                assert!(lookup.why.contains(part), "{row}: {}", lookup.why);
            });
        }
    });
}

#[test]
fn an_answer_from_another_place_is_not_heard() {
    let server = Server::start(|query| {
        let stranger = UdpSocket::bind("127.0.0.1:0").expect("a loopback port");
        let _ = stranger.send_to(&reply(query, NO_SUCH_NAME, &[]), query.from);
        honest(query, |_| Vec::new())
    });
    assert_eq!(asked_of(server.address, "192.0.2.17").answer, Listing::Unknown);
}

#[test]
fn one_look_up_asks_little_and_an_answer_is_kept_while_it_holds() {
    let server = Server::start(|q| honest(q, |q| vec![listed(q)]));
    let state = tempfile::tempdir().expect("a directory");
    let resolver = || Resolver::new(settings(server.address, None), state.path(), clock::now);
    let first = resolver().look_up(ip("192.0.2.17"), Timestamp::MIN);
    assert_eq!((first.answer, server.asked()), (Listing::Listed, 4));
    assert_eq!(resolver().look_up(ip("192.0.2.17"), Timestamp::MIN), first, "another process");
    assert_eq!(server.asked(), 4);
    let later = resolver().look_up(ip("192.0.2.17"), clock::now());
    assert!(later.at > first.at, "a run that began since then asks anew");
    assert_eq!(server.asked(), 8);
    let names = server.names.lock().expect("no panic").clone();
    assert_eq!(
        &names[..4],
        ["2.0.0.127.xbl.test.", "1.0.0.127.xbl.test.", "17.2.0.192.xbl.test.", "17.2.0.192.xbl.test."]
    );
}

#[test]
fn the_limit_of_the_day_is_kept() {
    let server = Server::start(|q| honest(q, |q| vec![reply(q, NO_SUCH_NAME, &[])]));
    let state = tempfile::tempdir().expect("a directory");
    let few = ListingSettings { daily_limit: 5, ..settings(server.address, None) };
    let answers = ["192.0.2.17", "192.0.2.18"]
        .map(|about| Resolver::new(few.clone(), state.path(), clock::now).look_up(ip(about), Timestamp::MIN));
    assert_eq!(answers[0].answer, Listing::NotListed);
    assert_eq!(answers[1].answer, Listing::Unknown);
    assert!(answers[1].why.contains("daily_limit"), "{}", answers[1].why);
    assert_eq!(server.asked(), 5);
}

#[test]
fn a_slow_resolver_is_not_waited_for_beyond_what_serve_has_to_end() {
    let server = Server::start(|query| {
        thread::sleep(Duration::from_millis(2500));
        honest(query, |_| Vec::new())
    });
    let begun = clock::now();
    assert_eq!(asked_of(server.address, "192.0.2.17").answer, Listing::Unknown);
    assert!(clock::now().duration_since(begun).as_secs() < 10);
}

#[test]
fn private_addresses_are_asked_of_nobody() {
    let server = Server::start(|q| vec![listed(q)]);
    for about in ["10.0.0.1", "127.0.0.2", "::1", "fd00::1", "224.0.0.1"] {
        assert_eq!(asked_of(server.address, about).answer, Listing::Unknown, "{about}");
    }
    assert_eq!(server.asked(), 0);
}

/// A site file that asks this server, with a key file of this text and mode.
fn site(resolver: SocketAddr, key: &str, mode: u32) -> TempDir {
    let directory = tempfile::tempdir().expect("a directory");
    let text = format!(
        "sources: {{lan: {{files: 'x/*.pcap'}}}}
sites:
  springfield:
    public: [192.0.2.17]
    inside: [10.16.0.0/16]
    timezone: America/Chicago
    source: lan
    coordinator: tech@springfield.example
listing: {{zone: xbl.test, resolver: '{resolver}', key_file: key}}
"
    );
    fs::write(directory.path().join("allclear.yaml"), text).expect("writable");
    let file = directory.path().join("key");
    fs::write(&file, key).expect("writable");
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("ours");
    directory
}

fn allclear(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_allclear"))
        .args(arguments)
        .current_dir(directory)
        .output()
        .expect("the program was built")
}

#[test]
fn a_key_reaches_the_resolver_and_nothing_else() {
    let echoing: Behaviour = |q| {
        honest(q, |q| match q.kind {
            16 => vec![text(q, &format!("see {} and {}", q.name, KEY.to_uppercase()))],
            _ => vec![listed(q)],
        })
    };
    // The library tells its log when a question comes back changed.
    let forging: Behaviour = |q| {
        let mut forged = reply(q, NO_SUCH_NAME, &[]);
        forged[13] ^= 1;
        vec![forged]
    };
    for (row, behaviour, exit) in [("echoing", echoing, 2), ("forging", forging, 3)] {
        let server = Server::start(behaviour);
        let directory = site(server.address, &format!("{KEY}\n"), 0o600);
        for arguments in [&["-vv", "listing", "192.0.2.17"][..], &["-vv", "listing", "192.0.2.17", "--json"]]
        {
            let run = allclear(directory.path(), arguments);
            assert_eq!(run.status.code(), Some(exit), "{row}: {run:?}");
            for told in [&run.stdout, &run.stderr] {
                let told = String::from_utf8_lossy(told).to_lowercase();
                assert!(!told.contains(KEY), "{row} {arguments:?}: {told}");
            }
        }
        let names = server.names.lock().expect("no panic").clone();
        assert!(names.iter().all(|name| name.contains(&format!(".{KEY}.xbl.test."))), "{row}: {names:?}");
        for file in fs::read_dir(directory.path().join("state")).expect("it was made") {
            let text = fs::read_to_string(file.expect("readable").path()).expect("text");
            assert!(!text.to_lowercase().contains(KEY), "{row}: {text}");
        }
    }
}

#[test]
fn a_key_file_is_for_one_alone_and_holds_a_key() {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    for (row, key, mode, part) in [
        ("open to all", KEY, 0o644, "chmod 600"),
        ("writable for the group", KEY, 0o620, "chmod 600"),
        ("empty", "", 0o600, "is empty"),
        ("two lines", "secret1\nsecret2\n", 0o600, "several lines"),
        ("a path", "secret/1", 0o600, "other signs"),
        ("too long", "secret7secret7secret7secret7secret7secret7secret7secret7secret7secret7", 0o600, "63"),
    ] {
        let directory = site(nowhere, key, mode);
        let run = allclear(directory.path(), &["listing", "192.0.2.17"]);
        let told =
            format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        assert_eq!(run.status.code(), Some(3), "{row}: {told}");
        assert!(told.contains(part) && !told.contains("secret"), "{row}: {told}");
    }
    let good = site(nowhere, KEY, 0o640);
    assert!(read_key(&good.path().join("key")).is_ok(), "the group may read: so credentials reach a service");
    assert!(read_key(&good.path().join("none")).is_err());
}

#[test]
fn the_command_refuses_what_no_list_knows() {
    let directory = site(SocketAddr::from(([127, 0, 0, 1], 9)), KEY, 0o600);
    let run = allclear(directory.path(), &["listing", "192.168.1.1"]);
    assert_eq!(run.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&run.stderr).contains("private address"), "{run:?}");
    let text = fs::read_to_string(directory.path().join("allclear.yaml")).expect("readable");
    let without: String =
        text.lines().filter(|line| !line.starts_with("listing")).map(|l| format!("{l}\n")).collect();
    fs::write(directory.path().join("allclear.yaml"), without).expect("writable");
    let run = allclear(directory.path(), &["listing", "192.0.2.17"]);
    assert_eq!(run.status.code(), Some(1), "{run:?}");
    assert!(String::from_utf8_lossy(&run.stderr).contains("no `listing` section"), "{run:?}");
}
