//! What does a filter let through of what is wrapped? All that it would let through bare: it must hide nothing
//! for what stands around it, neither here nor where it runs before us.

use crate::frames::{cat, ethernet, frame, inner, ipv4, ipv6, plain, plain_6, to_access_point, udp};
use crate::tunnels::{Content, wrapped};
use allclear::edge::capture::filter::{ETHERNET, Filter};
use allclear::edge::capture::screen::Screen;
use allclear::pure::address::Translator;
use allclear::pure::filter::{for_kernel_alone, superset};
use allclear::pure::packet::Frame;
use allclear::pure::sighting::Scope;

/// Whether the plainest packet, wrapped so, passes.
fn passes(text: &str, link_type: u16, bytes: &[u8]) -> bool {
    Screen::new(text).passes(&frame(link_type, bytes)).expect(text)
}

/// The plainest packet in everything that may stand around it, with its link type.
fn rows() -> Vec<(&'static str, u16, Vec<u8>)> {
    let ppp = cat(&[&[0, 0x21], &plain()]);
    let session = cat(&[&[0x11, 0, 0, 1], &(ppp.len() as u16).to_be_bytes(), &ppp]);
    let tagged = |tag: u16, rest: &[u8]| ethernet(tag, &cat(&[&[0, 7], rest]));
    let datagram = udp(1000, 7, b"hello");
    let mut translated = ipv6(17, &datagram);
    translated[24..40].copy_from_slice(&[0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 9]);
    let unreachable = |quote: &[u8]| {
        let mut bytes = ipv4(1, &cat(&[&[3, 3, 0, 0, 0, 0, 0, 0], quote]));
        bytes[12..20].copy_from_slice(&[172, 16, 0, 9, 10, 0, 0, 1]);
        ethernet(0x0800, &bytes)
    };
    let mut rows = vec![
        ("nothing", 1, inner()),
        ("a tag", 1, tagged(0x8100, &cat(&[&[8, 0], &plain()]))),
        ("a tag of another kind", 1, tagged(0x9200, &cat(&[&[8, 0], &plain()]))),
        ("PPPoE", 1, ethernet(0x8864, &session)),
        ("PPPoE behind a tag", 1, tagged(0x8100, &cat(&[&[0x88, 0x64], &session]))),
        ("MPLS", 1, ethernet(0x8847, &cat(&[&[0, 0, 0x11, 1], &plain()]))),
        ("a translator", 1, ethernet(0x86dd, &translated)),
        ("an error", 1, unreachable(&plain())),
        ("802.11", 105, to_access_point(&plain())),
        ("raw IP", 101, plain()),
    ];
    let content = Content::of(plain());
    let tunnels = wrapped(&content).into_iter().map(|(name, bytes)| (name, 1, ethernet(0x0800, &bytes)));
    rows.extend(tunnels);
    rows
}

#[test]
fn what_would_pass_bare_passes_however_it_is_wrapped() {
    for (name, link_type, bytes) in rows() {
        for text in ["udp port 7", "host 192.0.2.9", "dst host 192.0.2.9 and dst port 7"] {
            assert!(passes(text, link_type, &bytes), "'{text}' in {name}");
        }
        for text in ["udp port 8", "host 192.0.2.8", "tcp port 7", "src host 192.0.2.9 and tcp"] {
            assert!(!passes(text, link_type, &bytes), "'{text}' in {name}");
        }
    }
}

#[test]
fn an_address_that_a_translator_made_passes_as_the_one_of_ipv4() {
    let translator = Translator::parse("2001:db8:64::/96").expect("a prefix");
    let mut bytes = ipv6(17, &udp(1000, 7, b"hello"));
    bytes[24..40].copy_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0x64, 0, 0, 0, 0, 0, 0, 192, 0, 2, 9]);
    let (bytes, own) = (ethernet(0x86dd, &bytes), "host 2001:db8:64::192.0.2.9");
    for (text, is_ours) in
        [("host 192.0.2.9", false), ("net 192.0.2.0/24 and udp port 7", false), (own, true)]
    {
        let screen = |translators: &[Translator]| {
            Screen::new(text).with_translators(translators).passes(&frame(1, &bytes)).expect(text)
        };
        assert_eq!((screen(&[]), screen(&[translator])), (is_ours, true), "'{text}'");
    }
    let screen = Screen::new("host 192.0.2.8").with_translators(&[translator]);
    assert!(!screen.is_for_others() && !{ screen }.passes(&frame(1, &bytes)).expect("a filter"));
}

#[test]
fn extension_headers_hide_no_port() {
    let options = [17, 0, 1, 4, 0, 0, 0, 0];
    let fragment = |offset: u8| [17, 0, 0, offset, 0, 0, 0, 9];
    let datagram = udp(1000, 7, b"hello");
    let rows = [
        ("none", plain_6(), true),
        ("options", ipv6(0, &cat(&[&options, &datagram])), true),
        ("a first fragment", ipv6(44, &cat(&[&fragment(1), &datagram])), true),
        ("a later fragment, of bytes that look like it", ipv6(44, &cat(&[&fragment(9), &datagram])), false),
    ];
    for (name, ip, wanted) in rows {
        assert_eq!(passes("udp port 7", 1, &ethernet(0x86dd, &ip)), wanted, "{name}");
        assert!(passes("host 2001:db8::9", 1, &ethernet(0x86dd, &ip)), "{name}");
    }
}

#[test]
fn no_route_and_no_header_of_ipv4_hides_what_a_filter_asks_for() {
    let datagram = udp(1000, 7, b"hello");
    let mut routed = ipv4(17, &cat(&[&[131, 7, 4, 198, 51, 100, 7, 0], &datagram]));
    routed[0] = 0x47;
    let stop = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
    let routed_6 = ipv6(43, &cat(&[&[17, 2, 0, 1, 0, 0, 0, 0], &stop, &datagram]));
    let authenticated = ipv4(51, &cat(&[&[17, 4, 0, 0], &[0; 20], &datagram]));
    let rows = [
        ("a source route", 0x0800, routed, "host 198.51.100.7 and udp port 7"),
        ("where it goes first", 0x0800, ipv4(17, &datagram), "host 192.0.2.9 and udp port 7"),
        ("a routing header", 0x86dd, routed_6, "host 2001:db8::7 and udp port 7"),
        ("an authentication header", 0x0800, authenticated, "udp port 7"),
    ];
    for (name, ethertype, ip, text) in rows {
        let frame = ethernet(ethertype, &ip);
        assert!(passes(text, 1, &frame), "{name}: {text}");
        for text in [text.replace("port 7", "port 8"), "host 203.0.113.9".to_owned()] {
            assert!(!passes(&text, 1, &frame), "{name}: {text}");
        }
    }
}

#[test]
fn the_pieces_of_a_datagram_pass_where_the_first_did() {
    let part = |port: u16, field: u16| {
        let mut bytes = ipv4(17, &udp(1000, port, b"hello"));
        bytes[6..8].copy_from_slice(&field.to_be_bytes());
        bytes
    };
    let (first, later) = (part(7, 0x2000), part(7, 2));
    let mut error = part(7, 2);
    error[9] = 1;
    type Row<'a> = (&'a str, &'a str, Vec<&'a [u8]>, Scope);
    let other = part(8, 0x2000);
    let rows: [Row<'_>; 9] = [
        ("behind one that passed", "udp port 7", vec![&first, &later], Scope::Matched),
        ("behind one that did not", "udp port 8", vec![&first, &later], Scope::CoverageOnly),
        ("behind the newest", "udp port 7", vec![&first, &other, &later], Scope::CoverageOnly),
        ("without one", "udp port 7", vec![&later], Scope::Doubtful),
        ("without one, by a byte", "udp[3] = 7", vec![&later], Scope::Doubtful),
        ("of what has no ports", "udp port 7", vec![&error], Scope::CoverageOnly),
        ("by address", "host 192.0.2.9", vec![&later], Scope::Matched),
        ("by another address", "host 192.0.2.8", vec![&later], Scope::CoverageOnly),
        ("all but a port", "not udp port 7", vec![&later], Scope::Matched),
    ];
    for (name, text, frames, wanted) in rows {
        for is_tagged in [false, true] {
            let mut screen = Screen::new(text);
            let scope = |ip: &[u8]| {
                let bytes = match is_tagged {
                    true => ethernet(0x8100, &cat(&[&[0, 7, 8, 0], ip])),
                    false => ethernet(0x0800, ip),
                };
                screen.scope(&frame(1, &bytes)).expect(text)
            };
            assert_eq!(frames.iter().copied().map(scope).last(), Some(wanted), "{name}: {text}, {is_tagged}");
        }
    }
}

#[test]
fn what_a_filter_asks_of_bytes_that_were_cut_away_is_doubt() {
    let segment = [&[3, 0xe8, 0, 25, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x02][..], &[0; 6], b"HELO"].concat();
    let bare = ipv4(6, &segment);
    let tagged = ethernet(0x8100, &cat(&[&[0, 7, 8, 0], &bare]));
    let [plain, wrapped] = [bare.clone(), ipv4(4, &bare)].map(|packet| ethernet(0x0800, &packet));
    let [matched, doubtful, passed_over] = [Scope::Matched, Scope::Doubtful, Scope::CoverageOnly];
    let rows = [
        ("flags, behind the cut", "tcp[tcpflags] & tcp-syn != 0", &plain, 42, doubtful),
        ("flags, behind a tag and the cut", "tcp[tcpflags] & tcp-syn != 0", &tagged, 46, doubtful),
        ("flags, in a tunnel and behind the cut", "tcp[tcpflags] & tcp-syn != 0", &wrapped, 62, doubtful),
        ("flags that were saved", "tcp[tcpflags] & tcp-syn != 0", &plain, 50, matched),
        ("other flags that were saved", "tcp[tcpflags] & tcp-rst != 0", &plain, 50, passed_over),
        ("payload, behind the cut", "tcp[20:4] = 0x48454c4f", &plain, 54, doubtful),
        ("payload, in a frame that is whole", "tcp[24] = 0x48", &plain, plain.len(), passed_over),
        ("what another part of the filter decides", "udp and udp[8] = 1", &plain, 42, passed_over),
        ("a port", "tcp port 80", &plain, 42, passed_over),
        ("nothing that could be cut", "tcp", &plain, 42, matched),
        ("whatever is there", "tcp or not tcp", &plain, 42, matched),
    ];
    for (row, text, whole, saved, wanted) in rows {
        let whole = frame(1, whole);
        let bytes = &whole.bytes[..saved];
        // However long the recorder says that it was.
        let frames =
            [whole.wire_length, saved as u32].map(|wire_length| Frame { bytes, wire_length, ..whole });
        let mut screen = Screen::new(text);
        let scopes = frames.map(|frame| screen.scope(&frame));
        assert_eq!(scopes, [Ok(wanted), Ok(wanted)], "{row}");
    }
}

#[test]
fn what_a_filter_asks_of_bytes_that_a_row_does_not_show_is_doubt() {
    let segment = [&[3, 0xe8, 0, 25, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0x02][..], &[0; 6]].concat();
    let packet = ethernet(0x0800, &ipv4(6, &segment));
    let [matched, doubtful, passed_over] = [Scope::Matched, Scope::Doubtful, Scope::CoverageOnly];
    for (text, wanted) in [
        ("tcp port 25", matched),
        ("tcp port 80", passed_over),
        ("tcp[tcpflags] & tcp-syn != 0", matched),
        ("tcp[tcpflags] & tcp-rst != 0", passed_over),
        ("tcp[13] & 4 != 0", passed_over),
        ("ip[8] < 5", doubtful),
        ("tcp[13:2] = 7", doubtful),
        ("tcp[tcpflags] & tcp-rst != 0 or tcp[20:4] = 0x48454c4f", doubtful),
    ] {
        let row = Frame { wire_length: 0, ..frame(1, &packet) };
        assert_eq!(Screen::new(text).scope(&row), Ok(wanted), "{text}");
    }
}

#[test]
fn a_filter_about_tags_means_the_tags_around_the_wrapping() {
    let session = cat(&[&[0x11, 0, 0, 1, 0, 35, 0, 0x21], &plain()]);
    let within = |tag: &[u8]| cat(&[&ethernet(0x8100, tag)[..], &[0x88, 0x64], &session]);
    let rows = [
        ("vlan 7 and udp port 7", true),
        ("vlan 8 and udp port 7", false),
        ("not vlan and udp port 7", false),
        ("vlan 7 and udp port 8", false),
    ];
    for (text, wanted) in rows {
        assert_eq!(passes(text, 1, &within(&[0, 7])), wanted, "{text}");
    }
    assert!(!passes("not vlan and udp port 7", 1, &cat(&[&ethernet(0x8100, &[0, 7]), &[8, 0], &plain()])));
}

#[test]
fn who_filters_before_us_lets_through_what_is_wrapped() {
    let texts =
        |text: &str| [for_kernel_alone(text).expect("it is short"), superset(text, &["arp".to_owned()])];
    for text in texts("udp port 7") {
        let mut early = Filter::compile(&text, ETHERNET).expect("a good filter");
        for (name, _, bytes) in rows().into_iter().filter(|(_, link_type, _)| *link_type == ETHERNET) {
            assert!(early.matches(&frame(ETHERNET, &bytes)), "{name}: {text}");
        }
    }
    let mut routed = ipv4(6, &cat(&[&[131, 7, 4, 192, 0, 2, 8, 0], &[0; 20]]));
    routed[0] = 0x47;
    let part = |field: u16| {
        let mut bytes = ipv4(17, &udp(1000, 7, b"hello"));
        bytes[6..8].copy_from_slice(&field.to_be_bytes());
        ethernet(0x0800, &bytes)
    };
    for text in texts("udp port 8") {
        let mut early = Filter::compile(&text, ETHERNET).expect("a good filter");
        let rows =
            [("a source route", ethernet(0x0800, &routed)), ("first", part(0x2000)), ("later", part(9))];
        for (name, bytes) in rows {
            assert!(early.matches(&frame(ETHERNET, &bytes)), "{name}: {text}");
        }
    }
    for text in texts("udp port 8") {
        let mut early = Filter::compile(&text, ETHERNET).expect("a good filter");
        let v6 = ethernet(0x86dd, &plain_6());
        assert!(
            !early.matches(&frame(ETHERNET, &inner())) && !early.matches(&frame(ETHERNET, &v6)),
            "{text}"
        );
    }
}
