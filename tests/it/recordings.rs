//! Are pcap and pcapng read in every byte order and precision, and is every lie told? Files are written
//! here by hand, byte by byte.

use allclear::pure::lost::Lost;
use allclear::pure::recording::{FRAME_BYTES_MAX, INTERFACES_MAX, Next, Reader};

/// The byte order of a file made here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    Little,
    Big,
}

impl Order {
    fn bytes<const N: usize>(self, mut little: [u8; N]) -> [u8; N] {
        if self == Order::Big {
            little.reverse();
        }
        little
    }

    pub fn u16(self, number: u16) -> [u8; 2] {
        self.bytes(number.to_le_bytes())
    }

    pub fn u32(self, number: u32) -> [u8; 4] {
        self.bytes(number.to_le_bytes())
    }

    pub fn u64(self, number: u64) -> [u8; 8] {
        self.bytes(number.to_le_bytes())
    }
}

/// A pcap file header.
pub fn pcap_header(order: Order, magic: u32, link_type: u32) -> Vec<u8> {
    let fields =
        [order.u32(magic), order.u32(0x0004_0002), [0; 4], [0; 4], order.u32(65535), order.u32(link_type)];
    fields.concat()
}

/// A pcap record whose stated lengths are those given.
pub fn pcap_record(order: Order, time: (u32, u32), captured: u32, wire: u32, bytes: &[u8]) -> Vec<u8> {
    let (seconds, fraction) = time;
    let header = [seconds, fraction, captured, wire].map(|field| order.u32(field)).concat();
    [header, bytes.to_vec()].concat()
}

/// A microsecond Ethernet pcap with frames of these seconds and bytes.
pub fn pcap(frames: &[(i32, &[u8])]) -> Vec<u8> {
    let order = Order::Little;
    let mut file = pcap_header(order, 0xa1b2_c3d4, 1);
    for (seconds, bytes) in frames {
        let length = bytes.len() as u32;
        file.extend(pcap_record(order, (*seconds as u32, 0), length, length, bytes));
    }
    file
}

/// A pcapng block with matching lengths.
pub fn block(order: Order, kind: u32, body: &[u8]) -> Vec<u8> {
    let padding = vec![0; body.len().next_multiple_of(4) - body.len()];
    let length = order.u32((body.len() + padding.len() + 12) as u32);
    [&order.u32(kind)[..], &length, body, &padding, &length].concat()
}

pub fn section(order: Order, length: u64) -> Vec<u8> {
    let body = [&order.u32(0x1a2b_3c4d)[..], &order.u16(1), &order.u16(0), &order.u64(length)].concat();
    block(order, 0x0a0d_0d0a, &body)
}

pub fn option(order: Order, code: u16, value: &[u8]) -> Vec<u8> {
    let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
    [&order.u16(code)[..], &order.u16(value.len() as u16), value, &padding].concat()
}

pub fn interface(order: Order, link_type: u16, snap_length: u32, options: &[u8]) -> Vec<u8> {
    let body = [&order.u16(link_type)[..], &[0; 2], &order.u32(snap_length), options].concat();
    block(order, 1, &body)
}

pub fn enhanced(order: Order, interface: u32, units: u64, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len() as u32;
    let fields =
        [interface, (units >> 32) as u32, units as u32, length, length].map(|field| order.u32(field));
    block(order, 6, &[&fields.concat()[..], bytes].concat())
}

/// What came out of a file: time, bytes, length on the wire, link type.
type Row = (i64, Vec<u8>, u32, u16);

/// All frames, and why the file is incomplete.
fn read(file: &[u8]) -> (Vec<Row>, Option<String>, Reader) {
    let mut reader = Reader::new();
    let mut rest = file;
    let mut rows = Vec::new();
    loop {
        match reader.next(rest) {
            Next::Frame { frame, used } => {
                rows.push((frame.time_ns, frame.bytes.to_vec(), frame.wire_length, frame.link_type));
                rest = &rest[used..];
            }
            Next::Skip { used } => rest = &rest[used..],
            Next::NeedMore(bytes) => {
                assert!(bytes > rest.len(), "asks for {bytes} bytes and has {}", rest.len());
                let missing = reader.missing_at_end(rest.len());
                return (rows, missing, reader);
            }
            Next::Fault(fault) => return (rows, Some(fault.to_string()), reader),
        }
    }
}

#[test]
fn pcap_is_read_in_every_order_and_precision() {
    let rows = [
        ("microseconds", 0xa1b2_c3d4, (10, 999_999), 10_999_999_000),
        ("nanoseconds", 0xa1b2_3c4d, (10, 999_999_999), 10_999_999_999),
        ("the least there is", 0xa1b2_3c4d, (0, 0), 0),
        ("after 2038", 0xa1b2_3c4d, (0x8000_0000, 0), 2_147_483_648_000_000_000),
        (
            "the greatest there is",
            0xa1b2_c3d4,
            (u32::MAX, u32::MAX),
            4_294_967_295_000_000_000 + 4_294_967_295_000,
        ),
    ];
    for order in [Order::Little, Order::Big] {
        for (name, magic, time, time_ns) in rows {
            let file = [pcap_header(order, magic, 101), pcap_record(order, time, 3, 60, b"abc")].concat();
            let (frames, incomplete, _) = read(&file);
            assert_eq!(frames, [(time_ns, b"abc".to_vec(), 60, 101)], "{name}, {order:?}");
            assert_eq!(incomplete, None, "{name}, {order:?}");
        }
    }
}

#[test]
fn the_modified_pcap_has_longer_record_headers() {
    for order in [Order::Little, Order::Big] {
        let record = pcap_record(order, (1, 2), 2, 2, b"\0\0\0\0\0\0\0\0hi");
        let (frames, incomplete, _) = read(&[pcap_header(order, 0xa1b2_cd34, 1), record].concat());
        assert_eq!(frames, [(1_000_002_000, b"hi".to_vec(), 2, 1)]);
        assert_eq!(incomplete, None);
    }
}

#[test]
fn the_link_type_is_the_lower_half_of_its_field() {
    let file =
        [pcap_header(Order::Little, 0xa1b2_c3d4, 0x5400_0001), pcap_record(Order::Little, (0, 0), 0, 9, b"")];
    assert_eq!(read(&file.concat()).0, [(0, vec![], 9, 1)]);
}

#[test]
fn pcapng_times_obey_resolution_and_offset() {
    type Options = Vec<(u16, Vec<u8>)>;
    let rows: [(&str, Options, u64, i64); 12] = [
        ("microseconds unless told", vec![], 1_500_000, 1_500_000_000),
        ("nanoseconds", vec![(9, vec![9])], 7, 7),
        ("seconds", vec![(9, vec![0])], 7, 7_000_000_000),
        ("picoseconds", vec![(9, vec![12])], 7_999, 7),
        ("finer than can be said", vec![(9, vec![127])], u64::MAX / 2, 0),
        ("2 to the minus 10", vec![(9, vec![0x8a])], 1536, 1_500_000_000),
        ("2 to the minus 127", vec![(9, vec![0xff])], 1536, 0),
        ("an offset", vec![(14, 100_u64.to_le_bytes().to_vec())], 1, 100_000_001_000),
        ("an offset back", vec![(14, (-100_i64).to_le_bytes().to_vec())], 0, -100_000_000_000),
        ("negative times", vec![], (-5_i64) as u64, -5_000),
        ("beyond the greatest", vec![(9, vec![0])], i64::MAX as u64, i64::MAX),
        (
            "below the least",
            vec![(9, vec![0]), (14, i64::MIN.to_le_bytes().to_vec())],
            i64::MIN as u64,
            i64::MIN,
        ),
    ];
    for order in [Order::Little, Order::Big] {
        for (name, options, units, time_ns) in &rows {
            let number = |value: &[u8]| match <[u8; 8]>::try_from(value) {
                Ok(little) => order.u64(u64::from_le_bytes(little)).to_vec(),
                Err(_) => value.to_vec(),
            };
            let options: Vec<u8> =
                options.iter().flat_map(|(code, v)| option(order, *code, &number(v))).collect();
            let file = [
                section(order, u64::MAX),
                interface(order, 1, 0, &options),
                enhanced(order, 0, *units, b"x"),
            ];
            let (frames, incomplete, _) = read(&file.concat());
            assert_eq!(frames, [(*time_ns, b"x".to_vec(), 1, 1)], "{name}, {order:?}");
            assert_eq!(incomplete, None, "{name}, {order:?}");
        }
    }
}

#[test]
fn every_kind_of_packet_block_is_read_and_others_are_skipped() {
    let order = Order::Big;
    let old =
        [&order.u16(1)[..], &order.u16(3), &[0; 4], &order.u32(9), &order.u32(2), &order.u32(60), b"yo"]
            .concat();
    let simple = [&order.u32(100)[..], b"12345678"].concat();
    let file = [
        section(order, u64::MAX),
        interface(order, 1, 8, &[]),
        interface(order, 113, 0, &[]),
        block(order, 4, b"names of hosts"),
        block(order, 0x0bad, b"custom"),
        block(order, 3, &simple),
        block(order, 2, &old),
        section(Order::Little, u64::MAX),
        interface(Order::Little, 276, 0, &option(Order::Little, 9, &[9])),
        enhanced(Order::Little, 0, 5, b"z"),
    ];
    let (frames, incomplete, reader) = read(&file.concat());
    let expected =
        [(0, b"12345678".to_vec(), 100, 1), (9_000, b"yo".to_vec(), 60, 113), (5, b"z".to_vec(), 1, 276)];
    assert_eq!(frames, expected);
    assert_eq!(incomplete, None);
    assert_eq!(reader.lost(), Lost::of(Some(3), true), "the old packet block tells of drops");
}

#[test]
fn losses_are_those_of_the_last_statistics_of_each_interface() {
    let order = Order::Little;
    let statistics =
        |id: u32, options: &[u8]| block(order, 5, &[&order.u32(id)[..], &[0; 8], options].concat());
    let drops = |code, count: u64| option(order, code, &order.u64(count));
    let start = [section(order, u64::MAX), interface(order, 1, 0, &[]), interface(order, 1, 0, &[])].concat();
    let (told, part) = (|lost| Lost::told(Some(lost)), |lost| Lost::of(Some(lost), true));
    let rows = [
        ("nothing told", vec![], Lost::UNKNOWN),
        ("told to be none", vec![statistics(0, &drops(5, 0)), statistics(1, &drops(5, 0))], told(0)),
        ("told to be none by one of two", vec![statistics(0, &drops(5, 0))], Lost::UNKNOWN),
        ("told by one of two", vec![statistics(0, &drops(5, 3))], part(3)),
        (
            "totals, not sums",
            vec![statistics(0, &drops(5, 3)), statistics(1, &drops(5, 0)), statistics(0, &drops(5, 4))],
            told(4),
        ),
        ("by interface and system", vec![statistics(0, &[drops(5, 3), drops(7, 2)].concat())], part(5)),
        ("two interfaces", vec![statistics(0, &drops(5, 3)), statistics(1, &drops(7, 2))], told(5)),
        ("other counters only", vec![statistics(0, &drops(4, 9))], Lost::UNKNOWN),
        ("an interface that is not there", vec![statistics(7, &drops(5, 3))], Lost::UNKNOWN),
        (
            "more than can be counted",
            vec![statistics(0, &[drops(5, u64::MAX), drops(7, 2)].concat())],
            part(u64::MAX),
        ),
        (
            "two sections",
            vec![
                statistics(0, &drops(5, 3)),
                statistics(1, &drops(5, 0)),
                start.clone(),
                statistics(0, &drops(5, 1)),
                statistics(1, &drops(5, 0)),
            ],
            told(4),
        ),
        (
            "two sections, and one tells nothing",
            vec![statistics(0, &drops(5, 3)), statistics(1, &drops(5, 0)), start.clone()],
            part(3),
        ),
    ];
    for (name, blocks, lost) in rows {
        let (_, incomplete, reader) = read(&[start.clone(), blocks.concat()].concat());
        assert_eq!(incomplete, None, "{name}");
        assert_eq!(reader.lost(), lost, "{name}");
    }
}

#[test]
fn lengths_that_lie_are_faults_with_their_place() {
    let order = Order::Little;
    let max = FRAME_BYTES_MAX as u32;
    let record = |captured: u32, bytes: usize| {
        let record = pcap_record(order, (0, 0), captured, captured, &vec![0; bytes]);
        [pcap_header(order, 0xa1b2_c3d4, 1), record].concat()
    };
    let with = |last: Vec<u8>| [section(order, u64::MAX), interface(order, 1, 0, &[]), last].concat();
    let mut unequal = enhanced(order, 0, 0, b"x");
    *unequal.last_mut().expect("a block") += 1;
    let stated = |length: u32| [order.u32(6), order.u32(length), [0; 4], [0; 4]].concat();
    let mut many = section(order, u64::MAX);
    (0..=INTERFACES_MAX).for_each(|_| many.extend(interface(order, 1, 0, &[])));
    let mut caplen = enhanced(order, 0, 0, b"abcd");
    caplen[20] = 5;
    let rows = [
        ("the longest frame", record(max, max as usize), None),
        (
            "a frame of which nothing was kept",
            [record(1, 1), pcap_record(order, (0, 0), 0, 60, b"")].concat(),
            None,
        ),
        ("a frame longer than any", record(max + 1, 100), Some("at byte 24: a record states 262145 bytes")),
        ("a record longer than the file", record(100, 99), Some("in the middle of a record at byte 139")),
        ("ends that differ", with(unequal), Some("at byte 48: a block of 36 bytes states another length")),
        ("no multiple of four", with(stated(13)), Some("at byte 48: a block states 13 bytes")),
        ("too short for itself", with(stated(8)), Some("at byte 48: a block states 8 bytes")),
        (
            "longer than any block",
            with(stated(0x0100_0004)),
            Some("at byte 48: a block states 16777220 bytes"),
        ),
        (
            "a frame longer than its block",
            with(caplen),
            Some("a packet states 5 bytes, but its block has room for 4"),
        ),
        (
            "no such interface",
            with(enhanced(order, 1, 0, b"x")),
            Some("names interface 1, but only 1 were described"),
        ),
        ("a block before any section", vec![6; 24], Some("neither a pcap nor a pcapng")),
        ("too many interfaces", many, Some("more than 1024 interfaces")),
        (
            "a section of unknown order",
            with(block(order, 0x0a0d_0d0a, &[0; 16])),
            Some("does not tell its byte order"),
        ),
        (
            "a section that ends too soon",
            section(order, 20),
            Some("20 bytes before the end that its section"),
        ),
    ];
    for (name, file, expected) in rows {
        let (_, incomplete, _) = read(&file);
        match expected {
            None => assert_eq!(incomplete, None, "{name}"),
            Some(part) => {
                let text = incomplete.unwrap_or_else(|| panic!("{name} was taken for whole"));
                assert!(text.contains(part), "{name}: {text}");
            }
        }
    }
}

#[test]
fn a_packet_of_no_length_is_damage_behind_which_the_reading_goes_on() {
    let order = Order::Little;
    let pcap = |records: &[Vec<u8>]| [pcap_header(order, 0xa1b2_c3d4, 1), records.concat()].concat();
    let some = || pcap_record(order, (1, 0), 1, 1, b"x");
    let with = |last: Vec<u8>| [section(order, u64::MAX), interface(order, 1, 0, &[]), last].concat();
    let kept_nothing = pcap_record(order, (0, 0), 0, 60, b"");
    // A capture, how many frames it has, and where the damage stands.
    let rows = [
        ("none", pcap(&[some(), kept_nothing]), 2, None),
        ("alone", pcap(&[vec![0; 16]]), 1, Some(24)),
        ("between others", pcap(&[some(), vec![0; 16], some()]), 3, Some(41)),
        ("a tail of zeros", pcap(&[some(), vec![0; 160]]), 11, Some(41)),
        ("a packet block", with(enhanced(order, 0, 0, b"")), 1, Some(48)),
        ("a simple block", with(block(order, 3, &[0; 4])), 1, Some(48)),
    ];
    for (name, file, frames, place) in rows {
        let (read, missing, reader) = read(&file);
        let damage = reader.damage();
        assert_eq!((read.len(), damage.clone().map(|damage| damage.offset)), (frames, place), "{name}");
        assert_eq!(missing, None, "{name}");
        assert!(damage.is_none_or(|damage| damage.to_string().contains("a packet of 0 bytes")), "{name}");
    }
}

#[test]
fn a_capture_cut_anywhere_is_whole_only_between_records() {
    let order = Order::Big;
    let pcap_parts = vec![
        pcap_header(order, 0xa1b2_3c4d, 1),
        pcap_record(order, (1, 1), 5, 5, b"12345"),
        pcap_record(order, (2, 2), 0, 9, b""),
        pcap_record(order, (3, 3), 3, 3, b"abc"),
    ];
    let pcapng_parts = vec![
        section(order, u64::MAX),
        interface(order, 1, 0, &option(order, 9, &[9])),
        enhanced(order, 0, 1, b"12345"),
        block(order, 5, &[0; 12]),
        enhanced(order, 0, 2, b"x"),
    ];
    for parts in [pcap_parts, pcapng_parts] {
        let ends = parts.iter().scan(0, |end, part: &Vec<u8>| {
            *end += part.len();
            Some(*end)
        });
        let ends: Vec<usize> = ends.collect();
        let file = parts.concat();
        for cut in 0..=file.len() {
            let (_, incomplete, _) = read(&file[..cut]);
            assert_eq!(incomplete.is_none(), ends.contains(&cut), "cut at byte {cut}: {incomplete:?}");
        }
    }
}

#[test]
fn any_byte_may_be_wrong_without_harm() {
    let order = Order::Little;
    let file = [
        section(order, u64::MAX),
        interface(order, 1, 0, &[option(order, 9, &[9]), option(order, 14, &[0; 8])].concat()),
        enhanced(order, 0, 1, b"12345"),
        block(order, 5, &[&[0; 12][..], &option(order, 5, &[0; 8])].concat()),
    ]
    .concat();
    for at in 0..file.len() {
        for value in 0..=255 {
            let mut wrong = file.clone();
            wrong[at] = value;
            let (frames, ..) = read(&wrong);
            // At most the other block with bytes in it becomes a packet too.
            assert!(frames.len() <= 2, "byte {at} set to {value} made frames out of nothing");
        }
    }
}
