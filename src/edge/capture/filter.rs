//! Does a frame pass the filter that a person typed?
//!
//! Text in pcap-filter(7) in, yes or no for each frame out. Left of it is `pure/filter`, which refuses
//! texts that would ask the network for a name; right of it `screen`, which asks for every frame. It
//! must never let a VLAN tag change what a filter means: `tcp port 25` finds tagged mail, and
//! `not host X` does not let tagged packets of X pass.

use crate::pure::filter::{checked, is_tag_word};
use crate::pure::packet::{self, Frame, Mac, Packet};
use pcap::{BpfProgram, Capture, Linktype};

/// The link layer of Ethernet, as numbered by <https://www.tcpdump.org/linktypes.html>.
pub const ETHERNET: u16 = 1;
/// Linux cooked capture, version 1.
const LINUX_SLL: u16 = 113;
/// Linux cooked capture, version 2.
const LINUX_SLL2: u16 = 276;
/// Raw IP in files, and the number that libpcap knows it by on Linux (pcap/dlt.h).
const RAW_IP: (u16, i32) = (101, 12);

/// Tags taken off one frame at most; what lies deeper is left to the filter as it is.
const TAGS_MAX: usize = 8;

/// A filter of more instructions than this is not given to the kernel. Up to there, holding a frame
/// back costs less than taking it (about 0.2 µs, which is 500 simple instructions), and the program
/// is far from what kernels refuse: 4,096 instructions, or the memory of a socket's options, which
/// older ones limit to 20 kB.
pub const KERNEL_INSTRUCTIONS_MAX: usize = 512;

/// A filter, compiled for one link layer.
pub struct Filter {
    program: BpfProgram,
    link_type: u16,
    /// Whether the text itself speaks of tags; then it sees the frames with their tags.
    is_about_tags: bool,
    untagged: Vec<u8>,
}

impl Filter {
    /// Compiles `text` for frames of `link_type` (as in files, see the list of linktypes). Needs no
    /// privilege and asks no network. The error says what is wrong with the text and what to do.
    pub fn compile(text: &str, link_type: u16) -> Result<Filter, String> {
        let words = checked(text)?;
        let program = program(text, link_type)?;
        let is_about_tags = words.iter().any(|word| is_tag_word(word.text));
        Ok(Filter { program, link_type, is_about_tags, untagged: Vec::new() })
    }

    /// The link layer that it was compiled for.
    pub fn link_type(&self) -> u16 {
        self.link_type
    }

    /// Whether a frame passes. VLAN tags are taken off first, unless the filter itself asks for
    /// `vlan` or for a tag's EtherType. `len`, `less` and `greater` count all bytes that were on the wire, once with the
    /// tags, as in files, and once without, as in the kernel; a row of a text table, whose length is not known, passes
    /// where any length would.
    pub fn matches(&mut self, frame: &Frame<'_>) -> bool {
        let &Frame { bytes, .. } = frame;
        let missing = missing_bytes(frame);
        let type_at = type_at(self.link_type).filter(|at| !self.is_about_tags && is_tagged(bytes, *at));
        match type_at {
            Some(at) => {
                untag(bytes, at, &mut self.untagged);
                let taken_off = bytes.len() - self.untagged.len();
                let passes = |missing: Option<usize>| passes(&self.program, &self.untagged, missing);
                passes(missing) || passes(missing.map(|missing| missing + taken_off))
            }
            None => passes(&self.program, bytes, missing),
        }
    }

    /// Whether a packet of `frame` would pass where nothing is around it: in Ethernet, for which the filter must
    /// have been compiled. The frame's tags stay where the filter itself asks for them.
    pub fn matches_within(&mut self, frame: &Frame<'_>, packet: &Packet<'_>) -> bool {
        let Filter { program, is_about_tags, untagged: bare, .. } = self;
        let mac = |mac: Option<Mac>| mac.unwrap_or(Mac([0; 6])).0;
        bare.clear();
        bare.extend(mac(packet.destination_mac).into_iter().chain(mac(packet.source_mac)));
        if *is_about_tags && frame.link_type == ETHERNET {
            bare.extend_from_slice(tags(frame.bytes));
        }
        let type_at = bare.len();
        bare.extend([0, 0]);
        packet::write_bare(packet, bare);
        let is_ipv4 = bare.get(type_at + 2).is_some_and(|first| first >> 4 == 4);
        let ethertype: [u8; 2] = if is_ipv4 { [0x08, 0x00] } else { [0x86, 0xdd] };
        bare[type_at..type_at + 2].copy_from_slice(&ethertype);
        passes(program, bare, missing_bytes(frame))
    }
}

/// How many bytes of a frame were on the wire and not saved; `None` where that is not known.
fn missing_bytes(frame: &Frame<'_>) -> Option<usize> {
    (frame.wire_length > 0).then(|| (frame.wire_length as usize).saturating_sub(frame.bytes.len()))
}

unsafe extern "C" {
    /// Runs a program (pcap/bpf.h); of libpcap, which is linked in. 0 for what does not pass.
    fn bpf_filter(
        program: *const libc::c_void,
        packet: *const u8,
        wire_length: libc::c_uint,
        length: libc::c_uint,
    ) -> libc::c_uint;
}

/// Whether a packet passes of which these bytes were saved, and so many more were on the wire; where that is not known,
/// whether it would with none or with very many.
fn passes(program: &BpfProgram, bytes: &[u8], missing: Option<usize>) -> bool {
    let instructions = program.get_instructions();
    let length = libc::c_uint::try_from(bytes.len()).unwrap_or(libc::c_uint::MAX);
    let passes_with = |missing: usize| {
        let wire_length = libc::c_uint::try_from(bytes.len() + missing).unwrap_or(libc::c_uint::MAX);
        // SAFETY: libpcap compiled the program, which ends each of its ways, and reads no byte beyond `length`; both
        // outlive the call. A `BpfInstruction` is a `bpf_insn`.
        unsafe { bpf_filter(instructions.as_ptr().cast(), bytes.as_ptr(), wire_length, length) != 0 }
    };
    match missing {
        Some(missing) => passes_with(missing),
        None => passes_with(0) || passes_with(u32::MAX as usize),
    }
}

/// The tags of an Ethernet frame.
fn tags(frame: &[u8]) -> &[u8] {
    let is_more = |number: &usize| is_tagged(frame, 12 + 4 * number);
    let count = (0..TAGS_MAX).take_while(is_more).count();
    frame.get(12..12 + 4 * count).unwrap_or_default()
}

/// The file's number of a link layer, from the number that libpcap uses for live handles.
pub fn link_type_of(link: Linktype) -> Option<u16> {
    if link.0 == RAW_IP.1 { Some(RAW_IP.0) } else { u16::try_from(link.0).ok() }
}

/// Compiles a text whose words were checked already: a name among them would be looked up.
pub(super) fn program(text: &str, link_type: u16) -> Result<BpfProgram, String> {
    let number = if link_type == RAW_IP.0 { RAW_IP.1 } else { i32::from(link_type) };
    let handle = Capture::dead(Linktype(number)).map_err(|error| {
        format!("filter '{text}' cannot be compiled for link type {link_type}: {error}: leave it out")
    })?;
    handle.compile(text, true).map_err(|error| match error {
        pcap::Error::PcapError(text) => text,
        other => other.to_string(),
    })
}

/// Where the EtherType stands, for link layers that can carry tags after it.
fn type_at(link_type: u16) -> Option<usize> {
    match link_type {
        ETHERNET => Some(12),
        LINUX_SLL => Some(14),
        LINUX_SLL2 => Some(0),
        _ => None,
    }
}

fn is_tagged(frame: &[u8], at: usize) -> bool {
    matches!(frame.get(at..at + 2), Some([0x81, 0x00] | [0x88, 0xa8] | [0x91, 0x00]))
}

/// Where the payload of the link layer begins: the tags, if any, stand there.
fn payload_at(type_at: usize) -> usize {
    // SLL2 is the only one whose header goes on after the EtherType, to 20 bytes.
    if type_at == 0 { 20 } else { type_at + 2 }
}

/// Writes `frame` without its tags: each tag is two bytes of identity and the EtherType of what
/// follows, which takes the place of the tag's own.
fn untag(frame: &[u8], type_at: usize, untagged: &mut Vec<u8>) {
    let start = payload_at(type_at);
    untagged.clear();
    untagged.extend_from_slice(&frame[..start.min(frame.len())]);
    let mut rest = frame.get(start..).unwrap_or_default();
    for _ in 0..TAGS_MAX {
        if !is_tagged(untagged, type_at) || rest.len() < 4 {
            break;
        }
        untagged[type_at..type_at + 2].copy_from_slice(&rest[2..4]);
        rest = &rest[4..];
    }
    untagged.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::filter::{for_kernel_alone, superset};

    /// An Ethernet frame with IPv4 and TCP from 10.0.0.1 to 192.0.2.1, port 25, under `tags`.
    fn frame(tags: &[[u8; 2]]) -> Vec<u8> {
        let mut bytes = vec![2; 12];
        for tag in tags {
            bytes.extend_from_slice(tag);
            bytes.extend_from_slice(&[0, 7]);
        }
        bytes.extend_from_slice(&[8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 192, 0, 2, 1]);
        bytes.extend_from_slice(&[4, 1, 0, 25, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    fn matches(text: &str, frame: &[u8]) -> bool {
        Filter::compile(text, ETHERNET).expect("a good filter").matches(&whole(frame, ETHERNET))
    }

    fn whole(bytes: &[u8], link_type: u16) -> Frame<'_> {
        Frame { time_ns: 0, bytes, wire_length: bytes.len() as u32, link_type }
    }

    #[test]
    fn a_length_is_that_on_the_wire() {
        let (plain, tagged) = (frame(&[]), frame(&[[0x81, 0], [0x81, 0]]));
        // A frame, its length on the wire, a filter, whether it passes.
        let rows: [(&str, &[u8], u32, &str, bool); 14] = [
            ("whole", &plain, 54, "greater 54", true),
            ("whole", &plain, 54, "greater 55", false),
            ("cut", &plain, 200, "greater 200", true),
            ("cut", &plain, 200, "greater 201", false),
            ("cut", &plain, 200, "less 199", false),
            ("cut", &plain, 200, "tcp port 25 and len >= 200", true),
            ("tagged", &tagged, 62, "greater 62", true),
            ("tagged", &tagged, 62, "greater 63", false),
            ("without its tags", &tagged, 62, "less 54", true),
            ("without its tags", &tagged, 62, "less 53", false),
            ("tagged and cut", &tagged, 200, "greater 200", true),
            ("of no known length", &plain, 0, "greater 1000", true),
            ("of no known length", &plain, 0, "less 60", true),
            ("of no known length", &plain, 0, "port 80", false),
        ];
        for (row, bytes, wire_length, text, wanted) in rows {
            let frame = Frame { wire_length, ..whole(bytes, ETHERNET) };
            let passes = Filter::compile(text, ETHERNET).expect("a good filter").matches(&frame);
            assert_eq!(passes, wanted, "'{text}' on a frame, {row}");
        }
    }

    #[test]
    fn a_length_within_a_tunnel_is_that_without_it() {
        let inner = &frame(&[])[14..];
        let stated = (20 + inner.len() as u16).to_be_bytes();
        let outer = [0x45, 0, stated[0], stated[1], 0, 0, 0, 0, 64, 4, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
        let bytes = [&[2; 12][..], &[8, 0], &outer, inner].concat();
        for (saved, text, wanted) in [
            (74, "greater 54", true),
            (74, "greater 55", false),
            (70, "greater 54", true),
            (70, "greater 55", false),
        ] {
            let frame = Frame { bytes: &bytes[..saved], ..whole(&bytes, ETHERNET) };
            let packet::Decoded::Packet(packet) = packet::decode(&frame) else { panic!("no packet") };
            let mut filter = Filter::compile(text, ETHERNET).expect("a good filter");
            assert_eq!(filter.matches_within(&frame, &packet), wanted, "'{text}' on {saved} bytes");
        }
    }

    #[test]
    fn a_filter_means_the_same_under_any_tags() {
        let frames = [
            ("plain", frame(&[])),
            ("802.1Q", frame(&[[0x81, 0]])),
            ("QinQ", frame(&[[0x88, 0xa8], [0x81, 0]])),
            ("old QinQ in three", frame(&[[0x91, 0], [0x91, 0], [0x81, 0]])),
        ];
        let filters = [
            ("tcp port 25", true),
            ("tcp port 80", false),
            ("host 10.0.0.1", true),
            ("not host 10.0.0.1", false),
            ("not tcp port 25", false),
            ("not host 10.0.0.2", true),
            ("ip and tcp[tcpflags] & tcp-syn != 0", true),
        ];
        for (name, bytes) in &frames {
            for (text, wanted) in filters {
                assert_eq!(matches(text, bytes), wanted, "'{text}' on a {name} frame");
            }
        }
    }

    #[test]
    fn a_filter_about_tags_sees_the_tags() {
        assert!(matches("vlan 7 and tcp port 25", &frame(&[[0x81, 0]])));
        assert!(!matches("vlan 7 and tcp port 25", &frame(&[])));
        assert!(matches("ether proto 0x8100", &frame(&[[0x81, 0]])));
    }

    #[test]
    fn tags_of_cooked_captures_are_taken_off_too() {
        let ip = &frame(&[])[14..];
        let tag: &[u8] = &[0, 7, 8, 0];
        let sll = [&[0, 0, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0, 0x81, 0], tag, ip].concat();
        let mut cooked = Filter::compile("tcp port 25", LINUX_SLL).expect("a good filter");
        assert!(cooked.matches(&whole(&sll, LINUX_SLL)));
        let sll2 = [&[0x81, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0], tag, ip].concat();
        let mut cooked = Filter::compile("tcp port 25", LINUX_SLL2).expect("a good filter");
        assert!(cooked.matches(&whole(&sll2, LINUX_SLL2)));
        let mut raw = Filter::compile("tcp port 25", RAW_IP.0).expect("a good filter");
        assert!(raw.matches(&whole(ip, RAW_IP.0)));
    }

    #[test]
    fn frames_cut_anywhere_are_read_without_a_panic() {
        let whole = frame(&[[0x88, 0xa8], [0x81, 0]]);
        for length in 0..whole.len() {
            matches("not host 10.0.0.1", &whole[..length]);
        }
    }

    #[test]
    fn the_superset_lets_through_what_the_filter_and_the_others_want() {
        let text = superset("tcp port 25", &["arp".to_owned(), "host 10.0.0.9 or host 10.0.0.8".to_owned()]);
        for link_type in [0, ETHERNET, LINUX_SLL, LINUX_SLL2, RAW_IP.0] {
            program(&text, link_type).expect("compiles on every link layer");
        }
        let program = program(&text, ETHERNET).expect("a good filter");
        assert!(program.filter(&frame(&[])) && program.filter(&frame(&[[0x88, 0xa8], [0x81, 0]])));
        assert_eq!(superset("arp", &["vlan 7 and arp".to_owned()]), "");
        let shifting = super::program(&superset("vlan 7 and arp", &["tcp port 25".to_owned()]), ETHERNET);
        assert!(
            shifting.expect("a good filter").filter(&frame(&[])),
            "what stands before `vlan` keeps its meaning"
        );
        let mut other_port = frame(&[]);
        other_port[37] = 80;
        assert!(!program.filter(&other_port));
    }

    #[test]
    fn a_common_filter_is_short_enough_for_the_kernel() {
        for text in ["tcp port 25", "net 10.0.0.0/8 and (port 80 or port 443 or port 53)"] {
            let text = for_kernel_alone(text).expect("it is short");
            let length = program(&text, ETHERNET).expect("a good filter").get_instructions().len();
            assert!(length <= KERNEL_INSTRUCTIONS_MAX, "{length} instructions: {text}");
        }
    }
}
