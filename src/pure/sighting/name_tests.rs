//! Whom do the names in packets blame?

use super::tests::{
    ACK, HOST, OTHER, OTHER_SINK, SINK, Sent, dns, hosts, list, observe, observe_at, tcp_with, udp,
};

/// The answer to a question for a name, which is an alias of b.evil.example.
fn alias(name: &str) -> Vec<u8> {
    let mut message = dns(name, true);
    message[7] = 1;
    let target = b"\x01b\x04evil\x07example\0";
    message.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, target.len() as u8]);
    message.extend(target);
    message
}

#[test]
fn a_name_blames_the_client_that_asks() {
    let lists = [list("d", &["evil.example", SINK, "203.0.113.80:443", "2001:db8::1"])];
    let ask = dns("x.evil.example", false);
    let answer = dns("x.evil.example", true);
    let tunnel = |port| format!("CONNECT {OTHER_SINK}:{port} HTTP/1.1\r\n\r\n");
    let six = b"GET / HTTP/1.1\r\nHost: [2001:db8::1]:80\r\n\r\n";
    let (socks, other_port) =
        (b"\x05\x01\0\x01\xcb\0\x71\x50\x01\xbb", b"\x05\x01\0\x01\xcb\0\x71\x50\0\x50");
    let socks_six = [b"\x05\x01\0\x04\x20\x01\x0d\xb8", &[0; 11][..], b"\x01\0\x50"].concat();
    let proxy = format!("GET / HTTP/1.1\r\nHost: {SINK}\r\n\r\n");
    let rows = [
        ("a question to a resolver inside", udp(0, (HOST, 1025), (OTHER, 53), &ask), "10.0.0.1 1 1 1"),
        ("its answer alone", udp(0, (OTHER, 53), (HOST, 1025), &answer), "received only: 10.0.0.1 0 1 0"),
        ("a question to a server outside", udp(0, (HOST, 1025), ("8.8.8.8", 53), &ask), "10.0.0.1 1 1 1"),
        ("asked from outside", udp(0, ("8.8.8.8", 9), (HOST, 53), &ask), "received only: 10.0.0.1 0 1 0"),
        (
            "answered to the outside",
            udp(0, (HOST, 53), ("8.8.8.8", 9), &answer),
            "received only: 10.0.0.1 0 1 0",
        ),
        ("a name that only ends alike", udp(0, (HOST, 1), (OTHER, 53), &dns("notevil.example", false)), ""),
        (
            "an alias in an answer",
            udp(0, (OTHER, 53), (HOST, 1025), &alias("www.example")),
            "received only: 10.0.0.1 0 1 0",
        ),
        (
            "an alias of a listed name",
            udp(0, (OTHER, 53), (HOST, 1025), &alias("a.evil.example")),
            "received only: 10.0.0.1 0 1 0",
        ),
        ("at another port", udp(0, (HOST, 1025), ("8.8.8.8", 4711), &ask), "10.0.0.1 1 1 1"),
        (
            "a tunnel by address",
            tcp_with(0, (HOST, 1025), (OTHER, 3128), ACK, tunnel(443).as_bytes()),
            "10.0.0.1 1 1 1",
        ),
        ("a tunnel to another port", tcp_with(0, (HOST, 1025), (OTHER, 443), ACK, tunnel(80).as_bytes()), ""),
        ("an IPv6 address", tcp_with(0, (HOST, 1025), (OTHER, 3128), ACK, six), "10.0.0.1 1 1 1"),
        ("an address by SOCKS", tcp_with(0, (HOST, 1025), (OTHER, 1080), ACK, socks), "10.0.0.1 1 1 1"),
        ("at another port than listed", tcp_with(0, (HOST, 1025), (OTHER, 1080), ACK, other_port), ""),
        ("one of IPv6", tcp_with(0, (HOST, 1025), (OTHER, 1080), ACK, &socks_six), "10.0.0.1 1 1 1"),
        (
            "an address in HTTP Host",
            tcp_with(0, (HOST, 1025), (OTHER, 3128), ACK, proxy.as_bytes()),
            "10.0.0.1 1 1 1",
        ),
    ];
    for (row, packet, wanted) in rows {
        let observation = observe(&lists, &[packet]);
        assert_eq!(hosts(&observation), wanted, "{row}");
    }
    let asked = observe(&lists, &[udp(0, (HOST, 1025), ("8.8.8.8", 53), &ask)]);
    let hit = &asked.hosts[0].hits[0];
    assert_eq!(
        (hit.entry.as_str(), hit.remote.to_string(), hit.port),
        ("evil.example", "8.8.8.8".into(), Some(53))
    );
}

#[test]
fn an_address_that_a_proxy_is_asked_for_is_looked_up_while_no_list_has_names() {
    let lists = [list("d", &["203.0.113.80:443"])];
    let socks = |port: u16| [b"\x05\x01\0\x01\xcb\0\x71\x50", &port.to_be_bytes()[..]].concat();
    let rows = [
        ("HTTP", format!("CONNECT {OTHER_SINK}:443 HTTP/1.1\r\n\r\n").into_bytes(), "10.0.0.1 1 1 1"),
        ("SOCKS", socks(443), "10.0.0.1 1 1 1"),
        ("another port", socks(80), ""),
    ];
    for (row, request, wanted) in rows {
        let observation = observe(&lists, &[tcp_with(0, (HOST, 1025), (OTHER, 1080), ACK, &request)]);
        assert_eq!(hosts(&observation), wanted, "{row}");
    }
}

#[test]
fn a_name_that_spans_segments_is_seen_or_told() {
    let request = b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    // The helper numbers packets by their second, so this one follows twenty bytes later.
    let part = |at: usize, bytes: &[u8]| tcp_with(at as i64, (HOST, 1025), (OTHER_SINK, 80), ACK, bytes);
    let (first, second) = (part(0, &request[..20]), part(20, &request[20..]));
    let names = [list("d", &["evil.example"])];
    let rows = [
        ("both", &names, vec![first.clone(), second.clone()], "10.0.0.1 1 1 1", 0),
        ("the first alone", &names, vec![first.clone()], "", 1),
        ("no names wanted", &[list("s", &[SINK])], vec![first], "", 0),
    ];
    for (row, lists, packets, wanted, truncated) in rows {
        let observation = observe(lists, &packets);
        assert_eq!(hosts(&observation), wanted, "{row}");
        assert_eq!(observation.coverage.truncated_packets, truncated, "{row}");
    }
}

#[test]
fn a_datagram_cut_so_short_that_nobody_knows_what_it_is_counts_as_cut() {
    let question = || udp(0, (HOST, 1025), ("8.8.8.8", 5300), &dns("evil.example", false));
    let other = || udp(0, (HOST, 1025), ("8.8.8.8", 5300), &[9; 40]);
    let rows = [
        ("a question", question(), 11, 1),
        ("more of it", question(), 20, 1),
        ("anything", other(), 13, 1),
        ("what is no name", other(), 14, 0),
        ("what is whole", udp(0, (HOST, 1025), ("8.8.8.8", 5300), &[9; 5]), 5, 0),
    ];
    for (row, mut sent, left, wanted) in rows {
        sent.bytes.truncate(42 + left);
        let observation = observe(&[list("d", &["evil.example"])], &[sent]);
        assert_eq!(observation.coverage.truncated_packets, wanted, "{row}");
    }
}

#[test]
fn a_resolver_is_not_blamed_for_what_it_asks_for_others() {
    const RESOLVER: &str = "10.0.0.53";
    let lists = [list("d", &["evil.example", SINK])];
    let resolvers = [format!("{RESOLVER}/32").parse().expect("a network")];
    let (ask, answer, other) =
        (dns("x.evil.example", false), dns("x.evil.example", true), dns("good.example", false));
    let (upstream, me) = (("8.8.8.8", 53), (RESOLVER, 1025));
    let request = b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    // The answer of a listed server came too late: an ICMP error quotes it.
    let late = udp(0, (SINK, 53), me, &answer);
    let mut refusal = udp(0, me, (SINK, 53), &[]);
    refusal.bytes.truncate(34);
    refusal.bytes.extend([&[3, 3, 0, 0, 0, 0, 0, 0], &late.bytes[14..]].concat());
    refusal.bytes[23] = 1;
    let length = (refusal.bytes.len() as u16 - 14).to_be_bytes();
    refusal.bytes[16..18].copy_from_slice(&length);
    let rows: [(&str, Vec<Sent>, &str); 12] = [
        ("a question", vec![udp(0, me, upstream, &ask)], "for others: 10.0.0.53 0 1 1"),
        ("an answer", vec![udp(0, upstream, me, &answer)], "for others: 10.0.0.53 0 1 0"),
        ("at another port", vec![udp(0, me, ("8.8.8.8", 4711), &ask)], "for others: 10.0.0.53 0 1 1"),
        ("an alias", vec![udp(0, upstream, me, &alias("www.example"))], "for others: 10.0.0.53 0 1 0"),
        ("at a listed server", vec![udp(0, me, (SINK, 53), &other)], "for others: 10.0.0.53 0 1 1"),
        ("over TCP there", vec![tcp_with(0, me, (SINK, 53), ACK, b"")], "for others: 10.0.0.53 0 1 1"),
        ("the refusal of a late answer", vec![refusal], "for others: 10.0.0.53 0 1 1"),
        ("a contact of its own", vec![tcp_with(0, me, (SINK, 80), ACK, b"")], "10.0.0.53 1 1 1"),
        ("a request of its own", vec![tcp_with(0, me, (OTHER_SINK, 53), ACK, request)], "10.0.0.53 1 1 1"),
        (
            "both",
            vec![udp(0, me, upstream, &ask), tcp_with(1, me, (SINK, 80), ACK, b"")],
            "10.0.0.53 1 1 1, for others: 10.0.0.53 0 1 1",
        ),
        (
            "asked by a host that is seen",
            vec![udp(0, (HOST, 1025), (RESOLVER, 53), &ask), udp(0, me, upstream, &ask)],
            "10.0.0.1 1 1 1, for others: 10.0.0.53 0 1 1",
        ),
        (
            "asked from outside",
            vec![udp(0, ("8.8.8.8", 9), (RESOLVER, 53), &ask)],
            "received only: 10.0.0.53 0 1 0",
        ),
    ];
    for (row, packets, wanted) in rows {
        let observation = observe_at(&lists, &resolvers, &packets);
        assert_eq!(hosts(&observation), wanted, "{row}");
        let hits = |findings: &[super::HostFinding]| {
            findings.iter().all(|finding| finding.hits.iter().all(|hit| hit.is_indirect))
        };
        assert!(
            hits(&observation.indirect) && (observation.hosts.is_empty() || !hits(&observation.hosts)),
            "{row}"
        );
    }
    let alone = observe(&lists, &[udp(0, me, upstream, &ask)]);
    assert_eq!(hosts(&alone), "10.0.0.53 1 1 1", "who is no resolver is blamed");
}

#[test]
fn what_resolvers_asked_is_merged_over_sources() {
    let lists = [list("d", &["evil.example"])];
    let resolvers = ["10.0.0.0/30".parse().expect("a network")];
    let asked = |host| {
        observe_at(&lists, &resolvers, &[udp(0, (host, 1025), ("8.8.8.8", 53), &dns("evil.example", false))])
    };
    let mut merged = asked(HOST);
    merged.merge(asked(HOST));
    merged.merge(asked(OTHER));
    assert_eq!(hosts(&merged), "for others: 10.0.0.1 0 2 2, for others: 10.0.0.2 0 1 1");
    assert!(merged.indirect.iter().all(|finding| finding.hits.len() == 1 && finding.hits[0].contacts == 0));
}
