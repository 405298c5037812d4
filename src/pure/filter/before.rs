//! What may hold frames back before they are filtered here: the kernel, or a command elsewhere? Texts that let
//! through whatever could be wanted.
//!
//! What passes is filtered again here. It must never hold back what coverage is judged by, nor a packet that
//! may be wrapped in another.

use super::words::words;
use crate::pure::packet;
use crate::pure::protocol::{TCP, UDP};
use crate::pure::site::Source;
use crate::pure::verdict::BlamedHost;

/// Texts longer than this are not even compiled for the kernel: compiling takes time that grows with
/// the square of the terms.
const KERNEL_TEXT_BYTES_MAX: usize = 4096;

/// Blamed hosts that a filter elsewhere lets through at most; with more, nothing is filtered there.
const BLAMED_IN_FILTER_MAX: usize = 32;

/// Who must be let through a filter that runs elsewhere, so that coverage can be judged.
const ALWAYS_THROUGH: [&str; 2] = ["arp", "udp port 67 or udp port 68 or udp port 546 or udp port 547"];

/// What a command may filter by itself; empty when it must not filter. Coverage needs the control
/// and the blamed hosts, whatever the run's filter is.
pub fn for_command(text: &str, blamed: &[BlamedHost], source: &Source) -> String {
    match blamed.len() {
        0..=BLAMED_IN_FILTER_MAX => superset(text, &coverage_filters(blamed, source)),
        _ => String::new(),
    }
}

/// What the kernel may hold back for runs that all have the filter `text`; `None` when it must not.
/// Coverage needs the control and the blamed hosts, by their MAC addresses too.
pub fn for_kernel(text: &str, blamed: &[BlamedHost], source: &Source) -> Option<String> {
    let by_mac = blamed.iter().filter_map(|blamed| Some(format!("ether host {}", blamed.mac?)));
    let others: Vec<String> = coverage_filters(blamed, source).into_iter().chain(by_mac).collect();
    if blamed.len() <= BLAMED_IN_FILTER_MAX { kernel_text(text, &others) } else { None }
}

/// As [`for_kernel`], of a scan, which asks for no coverage of its own.
pub fn for_kernel_alone(text: &str) -> Option<String> {
    kernel_text(text, &ALWAYS_THROUGH.map(str::to_owned))
}

/// What coverage is judged by, as filters.
fn coverage_filters(blamed: &[BlamedHost], source: &Source) -> Vec<String> {
    let hosts = blamed.iter().map(|blamed| format!("host {}", blamed.host));
    let always = ALWAYS_THROUGH.map(str::to_owned).into_iter();
    let probe =
        source.probe.as_ref().map(|probe| format!("host {} and udp port {}", probe.to.ip(), probe.to.port()));
    always.chain(source.positive_control.clone()).chain(probe).chain(hosts).collect()
}

/// The text to hand to another program that filters before us: lets through what `text` means, each of
/// `others`, and whatever may be wrapped, tagged frames among it (all are filtered again here). `others` are
/// filters too. Empty, which lets everything pass, when one of them looks into another layer: words like `vlan`
/// shift the meaning of all that follows them, so only `text`, which stands last, may have them.
pub fn superset(text: &str, others: &[String]) -> String {
    if others.iter().any(|other| words(other).iter().any(|word| is_shifting(word.text))) {
        return String::new();
    }
    let grouped = others.iter().map(String::as_str).chain([text]).map(|part| format!("({part})"));
    let wrapped = format!("not {}", plain_text());
    std::iter::once(wrapped).chain(grouped).collect::<Vec<_>>().join(" or ")
}

/// The text for the kernel, whose program is run before a frame costs anything: lets through what `text` and each
/// of `others` mean, and whatever may be wrapped; what passes is filtered again here. The kernel keeps the outermost
/// tag beside the frame, so that a filter means the same behind it; frames with more tags all pass. `None` when
/// a text looks into another layer by itself, or when all is too long.
fn kernel_text(text: &str, others: &[String]) -> Option<String> {
    let all = || std::iter::once(text).chain(others.iter().map(String::as_str));
    let is_plain = |word: &str| !is_shifting(word) && !is_tag_word(word);
    if !all().all(|text| words(text).iter().all(|word| is_plain(word.text))) {
        return None;
    }
    let wanted = all().map(|part| format!("({part})")).collect::<Vec<_>>().join(" or ");
    (wanted.len() <= KERNEL_TEXT_BYTES_MAX).then(|| format!("{wanted} or not {}", plain_text()))
}

/// What is never wrapped around anything: segments of TCP, and datagrams of UDP whose ports are those of no
/// tunnel, right in IPv4 or IPv6, whole and without options, which may tell where they really go. Addresses of IPv6
/// that stand for those of IPv4 lie below 2000::.
fn plain_text() -> String {
    let ports = packet::TUNNEL_PORTS.map(|port| format!("udp port {port}")).join(" or ");
    let mapped = "ip6[8:4] < 0x20000000 or ip6[24:4] < 0x20000000";
    let plain = |number: u8| format!("ip[9] = {number} or ip6[6] = {number}");
    let whole = "ip[0] = 0x45 and ip[6:2] & 0x3fff = 0";
    let kinds = format!("({}) or (({}) and not ({ports}))", plain(TCP), plain(UDP));
    format!("((({whole}) or (ip6 and not ({mapped}))) and ({kinds}))")
}

/// Whether a word moves the offsets of what follows it, pcap-filter(7).
fn is_shifting(word: &str) -> bool {
    matches!(word, "vlan" | "mpls" | "pppoes" | "geneve")
}

/// Whether a word speaks of VLAN tags.
pub fn is_tag_word(word: &str) -> bool {
    matches!(word, "vlan" | "0x8100" | "0x88a8" | "0x9100" | "33024" | "34984" | "37120")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::site::SourceKind;

    #[test]
    fn who_must_be_heard_is_let_through_or_nothing_is_held_back() {
        let source = Source {
            name: "lan".to_owned(),
            kind: SourceKind::Interface("eth1".to_owned()),
            positive_control: Some("udp port 123".to_owned()),
            probe: None,
            ring_bytes: 0,
            runs_max: None,
        };
        let blamed = |count: u8| -> Vec<BlamedHost> {
            (1..=count).map(|last| BlamedHost { host: [10, 0, 0, last].into(), mac: None }).collect()
        };
        for (row, text, hosts, is_held_back) in [
            ("nobody is blamed", "tcp port 25", 0, true),
            ("as many as may be", "tcp port 25", 32, true),
            ("one more", "tcp port 25", 33, false),
        ] {
            let (kernel, command) =
                (for_kernel(text, &blamed(hosts), &source), for_command(text, &blamed(hosts), &source));
            assert_eq!((kernel.is_some(), !command.is_empty()), (is_held_back, is_held_back), "{row}");
            for wanted in ["(arp)", "(udp port 123)"].into_iter().filter(|_| is_held_back) {
                assert!(
                    command.contains(wanted) && kernel.iter().all(|it| it.contains(wanted)),
                    "{row}: {wanted}"
                );
            }
        }
        assert_eq!(for_kernel("vlan 7 and tcp port 25", &[], &source), None, "what follows is shifted");
    }
}
