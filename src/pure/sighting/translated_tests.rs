//! What becomes of packets to addresses of IPv6 that a site's own translator made of those of IPv4?

use super::tests::{Sent, feed, hosts, index, list};
use super::{Observer, Scope, Watch};
use crate::pure::address::Translator;
use etherparse::PacketBuilder;
use ipnet::IpNet;
use std::net::Ipv6Addr;

const HOST: &str = "2001:db8:1::5";
/// Made of 216.66.15.109 by a translator with the prefix 2001:db8:1:64::/96.
const MADE: &str = "2001:db8:1:64::d842:f6d";
/// Made of it by nobody here.
const FOREIGN: &str = "2001:db8:2:64::d842:f6d";

fn octets(text: &str) -> [u8; 16] {
    text.parse::<Ipv6Addr>().expect(text).octets()
}

/// A segment from the host, or to it.
fn segment(from: &str, to: &str, payload: &[u8]) -> Sent {
    let ip = PacketBuilder::ethernet2([2; 6], [4; 6]).ipv6(octets(from), octets(to), 64);
    let mut bytes = Vec::new();
    let (source, destination) = if from == HOST { (1025, 80) } else { (80, 1025) };
    ip.tcp(source, destination, 7, 4).ack(1).write(&mut bytes, payload).expect("a packet");
    Sent { time_ns: 0, bytes }
}

/// A router's answer that a packet of the host goes nowhere.
fn refused(about: &Sent) -> Sent {
    let content = [&[1, 0, 0, 0, 0, 0, 0, 0][..], &about.bytes[14..]].concat();
    let header =
        [&[0x60, 0, 0, 0, 0, content.len() as u8, 58, 64][..], &octets("2001:db8:1::1"), &octets(HOST)];
    Sent { time_ns: 0, bytes: [&[4; 6][..], &[2; 6], &[0x86, 0xdd], &header.concat(), &content].concat() }
}

#[test]
fn addresses_that_a_translator_made_count_as_those_of_ipv4() {
    let call = |to: &str| segment(HOST, to, b"");
    let proxied = segment(HOST, "2001:db8:9::9", b"GET http://[2001:db8:1:64::d842:f6d]/ HTTP/1.1\r\n\r\n");
    let called = "2001:db8:1::5 1 1 1";
    let rows = [
        ("the address", "216.66.15.109", call(MADE), called),
        ("with its port", "216.66.15.109:80", call(MADE), called),
        ("with another port", "216.66.15.109:81", call(MADE), ""),
        ("a network around it", "216.66.0.0/16", call(MADE), called),
        ("another address", "216.66.15.110", call(MADE), ""),
        ("as it is spelt on the wire", MADE, call(MADE), called),
        ("the prefix", "2001:db8:1:64::/96", call(MADE), called),
        ("made by another translator", "216.66.15.109", call(FOREIGN), ""),
        ("what comes back", "216.66.15.109", segment(MADE, HOST, b""), "received only: 2001:db8:1::5 0 1 0"),
        ("in a request to a proxy", "216.66.15.109", proxied, called),
        ("what is told of it", "216.66.15.109", refused(&call(MADE)), "received only: 2001:db8:1::5 0 1 0"),
    ];
    // A site's prefix may lie in its own network or elsewhere.
    for inside in ["2001:db8:1::/48", "2001:db8:1::/64"] {
        for (row, entry, sent, wanted) in &rows {
            let seen = |translators: &[Translator]| {
                let inside: IpNet = inside.parse().expect("a network");
                let mut observer = Observer::default();
                let watch =
                    Watch::new(index(&[list("s", &[entry])]), &[inside]).with_translators(translators);
                let id = observer.join(watch, i64::MIN);
                feed(&mut observer, sent, Scope::Matched);
                hosts(&observer.leave(id, &[]).expect("it joined").observation)
            };
            let translator = Translator::parse("2001:db8:1:64::/96").expect("a prefix");
            assert_eq!(seen(&[translator]), *wanted, "{row}, inside {inside}");
            let is_on_the_wire = entry.contains("::");
            assert_eq!(seen(&[]).is_empty(), !is_on_the_wire, "{row}, inside {inside}, without a translator");
        }
    }
}
