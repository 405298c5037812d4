//! What does a command show that writes pcap? Real programs: some that die, hang, flood or write rubbish.

use crate::live::{LONG, carry_out, plan};
use crate::recordings::{Order, block, interface, option, section};
use allclear::edge::capture::run::Captured;
use allclear::pure::plan::CapturePlan;
use allclear::pure::playbook::JudgeCriteria;
use allclear::pure::site::SourceKind;
use allclear::pure::verdict::{Control, Ending, ReasonCode, Verdict, judge};
use std::fs;
use std::time::Duration;

/// A capture of `count` bot datagrams from 10.99.0.2 to 10.99.0.1, as pcap.
fn bot_capture(count: u32) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0, 0, 31, 0, 0, 0, 0, 64, 17, 0, 0, 10, 99, 0, 2, 10, 99, 0, 1]);
    frame.extend([0x0f, 0xa0, 0x27, 0x0f, 0, 11, 0, 0]);
    frame.extend(b"bot");
    let frames: Vec<(i32, &[u8])> =
        (0..count).map(|second| (1_430_000_000 + second as i32, &frame[..])).collect();
    crate::recordings::pcap(&frames)
}

struct Commands {
    directory: tempfile::TempDir,
}

impl Commands {
    fn new() -> Commands {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("bots.pcap"), bot_capture(20)).expect("writable");
        Commands { directory }
    }

    /// Runs a shell script in the directory of the captures as a source.
    fn run(&self, script: &str, length: Duration, packets_max: Option<u64>) -> Captured {
        let script = format!("cd '{}'; {script}", self.directory.path().display());
        let argv = ["sh", "-c", &script].map(str::to_owned).to_vec();
        let plan = CapturePlan { packets_max, ..plan(SourceKind::Command(argv), length) };
        carry_out(&plan, self.directory.path())
    }

    /// Whether the process that wrote its number into the file `pid` is gone.
    fn is_gone(&self) -> bool {
        let number = fs::read_to_string(self.directory.path().join("pid")).expect("the script wrote it");
        let state = fs::read_to_string(format!("/proc/{}/stat", number.trim())).unwrap_or_default();
        state.is_empty() || state.contains(") Z ")
    }
}

#[test]
fn a_command_that_ends_before_its_time_is_told_and_what_it_wrote_counts() {
    let commands = Commands::new();
    let rows = [
        ("it ends well", "cat bots.pcap", "command sh exited with code 0 after N s, before its time", 20),
        (
            "it dies and says why",
            "cat bots.pcap; printf 'tcpdump: eth9: \\033[31mno such device\\n' >&2; exit 3",
            "command sh exited with code 3 after N s, before its time; it said: tcpdump: eth9: \\u{1b}[31mno such device",
            20,
        ),
        (
            "it is killed",
            "kill -9 $$",
            "command sh was ended (signal: 9 (SIGKILL)) after N s, before its time",
            0,
        ),
        (
            "what it started holds its output open, and is silent",
            "cat bots.pcap; sleep 1000 & exit 4",
            "command sh exited with code 4 after N s, before its time",
            20,
        ),
        (
            "it ends in a record",
            "head -c 200 bots.pcap",
            "command sh exited with code 0 after N s, before its time",
            2,
        ),
    ];
    for (name, script, wanted, heard) in rows {
        let captured = commands.run(script, LONG, None);
        let [source] = &captured.facts.sources[..] else { panic!("one source was planned") };
        let Ending::SourceGone(what) = &source.ending else { panic!("{name}: {:?}", source.ending) };
        assert_eq!(untimed(what), wanted, "{name}");
        assert_eq!(source.observation.coverage.heard_packets, heard, "{name}");
        assert_eq!(source.observation.hosts.len(), usize::from(heard > 0), "{name}");
    }
}

/// How long a command lived depends on the machine.
fn untimed(text: &str) -> String {
    match text.split_once(" after ") {
        Some((head, tail)) => {
            format!("{head} after N{}", tail.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None => text.to_owned(),
    }
}

#[test]
fn rubbish_and_missing_programs_are_told() {
    let commands = Commands::new();
    let captured = commands.run("echo hello, this is no capture at all", LONG, None);
    let Ending::SourceGone(what) = &captured.facts.sources[0].ending else { panic!("rubbish was taken") };
    assert!(what.starts_with("command sh does not write a sound capture: damaged at byte 0: "), "{what}");
    let missing = plan(SourceKind::Command(vec!["/no/such/program".to_owned()]), LONG);
    let captured = carry_out(&missing, commands.directory.path());
    let wanted = "command /no/such/program was not found: install it, or write its full path";
    assert_eq!(captured.facts.sources[0].ending, Ending::SourceGone(wanted.to_owned()));
}

#[test]
fn a_command_that_hangs_or_floods_is_ended_with_all_it_started() {
    let commands = Commands::new();
    let second = Duration::from_secs(1);
    let silent = commands.run("sleep 1000 & echo $! > pid; wait", second, None);
    let wanted = "command sh wrote nothing in 1 s";
    assert_eq!(silent.facts.sources[0].ending, Ending::SourceGone(wanted.to_owned()));
    assert!(commands.is_gone(), "its child was left behind");
    let while_it_starts = Duration::from_secs(4);
    let script = "trap '' TERM; echo $$ > pid; cat bots.pcap; while :; do tail -c +25 bots.pcap; done";
    let stubborn = commands.run(script, while_it_starts, None);
    assert_eq!(stubborn.facts.sources[0].ending, Ending::TimeUp);
    assert!(commands.is_gone(), "it was left behind");
    let enough = commands.run("echo $$ > pid; cat bots.pcap; exec sleep 1000", LONG, Some(20));
    assert_eq!(enough.facts.sources[0].ending, Ending::PacketLimit(20));
    assert!(commands.is_gone(), "it was left behind");
}

#[test]
fn a_command_that_goes_on_is_watched_and_tells_its_losses() {
    let commands = Commands::new();
    let script = "cat bots.pcap; trap 'echo 3 packets dropped by kernel >&2; exit 0' TERM; sleep 1000 & wait";
    let captured = commands.run(script, Duration::from_secs(4), None);
    let [source] = &captured.facts.sources[..] else { panic!("one source was planned") };
    assert_eq!(source.ending, Ending::TimeUp);
    assert_eq!(source.observation.coverage.lost_packets, Some(3));
    let seconds = source.watched.seconds();
    assert!((1.0..=4.0).contains(&seconds), "{seconds} s of 4 s were watched");
    assert_eq!(source.control, Control::Missing);
}

/// dumpcap tells its losses beside a pcap, and within a pcapng; what is said last may be less than what the file says.
#[test]
fn losses_that_are_told_twice_count_once_and_none_is_forgotten() {
    let commands = Commands::new();
    let order = Order::Little;
    let dropped = option(order, 5, &9_u64.to_le_bytes());
    let statistics = block(order, 5, &[&[0; 12][..], &dropped].concat());
    let blocks = [section(order, u64::MAX), interface(order, 1, 0, &[]), statistics];
    fs::write(commands.directory.path().join("lossy.pcapng"), blocks.concat()).expect("writable");
    let dumpcap = "Packets received/dropped on interface 'a': 9/5 (pcap:5/dumpcap:0/flushed:0/ps_ifdrop:0)";
    let rows = [
        ("a pcap, and dumpcap", "bots.pcap", dumpcap, 5),
        ("a pcapng, and less", "lossy.pcapng", "3 packets dropped by kernel", 9),
        ("a pcapng, and more", "lossy.pcapng", "11 packets dropped from a", 11),
    ];
    for (row, file, words, lost) in rows {
        fs::write(commands.directory.path().join("said"), words).expect("writable");
        let script = format!("cat {file}; trap 'cat said >&2; exit 0' TERM; sleep 1000 & wait");
        let captured = commands.run(&script, Duration::from_secs(2), None);
        let [source] = &captured.facts.sources[..] else { panic!("one source was planned") };
        assert_eq!(source.observation.coverage.lost_packets, Some(lost), "{row}: {:?}", source.ending);
    }
}

#[test]
fn packets_with_stamps_that_cannot_be_true_count_by_the_time_they_came() {
    let commands = Commands::new();
    let now = commands.run("cat bots.pcap; exec sleep 1000", Duration::from_secs(2), None);
    let [source] = &now.facts.sources[..] else { panic!("one source was planned") };
    let off = source.observation.coverage.off_stamps.expect("they are of 2015");
    assert!((off.packets, off.behind_s > 300_000_000) == (20, true), "{off:?}");
    let [host] = &source.observation.hosts[..] else { panic!("one host calls: {source:?}") };
    assert!(now.facts.planned.contains(host.first) && host.last >= host.first, "{host:?}");
    let heard: u64 = source.ledger.buckets().map(|(_, bucket)| bucket.heard_packets).sum();
    assert!(heard > 0 && source.ledger_file.is_some(), "the ledger holds what came in the window");
    let judgement = judge(&lax(), &now.facts);
    assert_eq!(judgement.verdict, Verdict::Fail, "a hit outranks a clock");
    let mut silent = now.facts.clone();
    silent.sources[0].observation.hosts.clear();
    let codes: Vec<ReasonCode> = judge(&lax(), &silent).reasons.iter().map(|reason| reason.code).collect();
    assert!(codes.contains(&ReasonCode::ClockUnsure), "{codes:?}");
}

fn lax() -> JudgeCriteria {
    JudgeCriteria {
        fail_at: 1,
        watched_min: 0.0,
        heard_packets_min: 1,
        lost_max: None,
        has_blamed_present: false,
        inconclusive_row: 1,
    }
}

#[test]
fn the_command_is_given_a_filter_that_lets_coverage_through() {
    let commands = Commands::new();
    let argv =
        ["sh", "-c", "printf %s \"$0\" > filter; cat bots.pcap", "{filter}"].map(str::to_owned).to_vec();
    let argv = vec![
        argv[0].clone(),
        argv[1].clone(),
        format!("cd '{}'; {}", commands.directory.path().display(), argv[2]),
        argv[3].clone(),
    ];
    let captured = carry_out(&plan(SourceKind::Command(argv), LONG), commands.directory.path());
    assert_eq!(captured.facts.sources[0].observation.coverage.heard_packets, 20);
    let given = fs::read_to_string(commands.directory.path().join("filter")).expect("the command wrote it");
    let (wrapped, wanted) = given.split_once(" or (arp) or ").expect("first what may be wrapped");
    assert!(
        wrapped.starts_with("not (((ip[0] = 0x45 and ") && wrapped.contains("udp port 4789"),
        "{wrapped}"
    );
    assert_eq!(
        wanted,
        "(udp port 67 or udp port 68 or udp port 546 or udp port 547) or (udp port 123) or (host 10.99.0.2) or \
         (udp dst port 9999)"
    );
}
