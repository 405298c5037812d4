//! What kind of file is this, by its first bytes? Asked before a reader is made; a name's ending
//! proves nothing.

/// How many bytes [`recognise`] wants to see, when the file has as many.
pub const START_BYTES: usize = 16;

/// What the first bytes of a file say about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// pcap or pcapng, to be read by [`super::Reader`].
    Capture,
    /// gzip (RFC 1952), with anything inside.
    Gzip,
    /// Zstandard (RFC 8878), with anything inside.
    Zstd,
    /// A text, in which a [`super::Table`] may stand; else what to do, as in [`Kind::Foreign`].
    Text(&'static str),
    /// No byte at all.
    Empty,
    /// A capture of a kind that is not read; what to do, as in [`Kind::Foreign`].
    OtherCapture(&'static str),
    /// Something packed in a way that is not read, which is a capture only as far as its name says so (documents
    /// and programs are archives too); what to do, as in [`Kind::Foreign`].
    Packed(&'static str),
    /// Something else: what it looks like and what to do, as one sentence without a final stop.
    Foreign(&'static str),
}

/// Known beginnings, the longer before the shorter.
const BEGINNINGS: &[(&[u8], Kind)] = &[
    (&[0xd4, 0xc3, 0xb2, 0xa1], Kind::Capture),
    (&[0xa1, 0xb2, 0xc3, 0xd4], Kind::Capture),
    (&[0x4d, 0x3c, 0xb2, 0xa1], Kind::Capture),
    (&[0xa1, 0xb2, 0x3c, 0x4d], Kind::Capture),
    (&[0x34, 0xcd, 0xb2, 0xa1], Kind::Capture),
    (&[0xa1, 0xb2, 0xcd, 0x34], Kind::Capture),
    (&[0x0a, 0x0d, 0x0d, 0x0a], Kind::Capture),
    (&[0x1f, 0x8b], Kind::Gzip),
    (&[0x28, 0xb5, 0x2f, 0xfd], Kind::Zstd),
    (b"snoop\0\0\0", Kind::OtherCapture("a Solaris snoop capture: convert it with `editcap -F pcap`")),
    (b"RTSS", Kind::OtherCapture("a Microsoft Network Monitor 1 capture: convert it with `editcap -F pcap`")),
    (b"GMBU", Kind::OtherCapture("a Microsoft Network Monitor 2 capture: convert it with `editcap -F pcap`")),
    (b"TRSNIFF data", Kind::OtherCapture("a Sniffer capture: convert it with `editcap -F pcap`")),
    (b"XCP\0", Kind::OtherCapture("a NetXRay capture: convert it with `editcap -F pcap`")),
    (b"\x54\x52\x00\x64", Kind::OtherCapture("a NetMetrix capture: convert it with `editcap -F pcap`")),
    (b"btsnoop\0", Kind::OtherCapture("a Bluetooth capture: it holds no network traffic that is read")),
    (b"iptrace ", Kind::OtherCapture("an AIX iptrace capture: convert it with `editcap -F pcap`")),
    (
        b"ObserverPkt",
        Kind::OtherCapture("a Network Instruments Observer capture: convert it with `editcap -F pcap`"),
    ),
    (b"BZh", Kind::Packed("a bzip2 file: unpack it with `bunzip2` first")),
    (b"\xfd7zXZ\0", Kind::Packed("an xz file: unpack it with `unxz` first")),
    (b"\x04\x22\x4d\x18", Kind::Packed("an lz4 file: unpack it with `unlz4` first")),
    (b"PK\x03\x04", Kind::Packed("a zip archive: unpack it and name the capture inside")),
    (b"7z\xbc\xaf\x27\x1c", Kind::Packed("a 7-Zip archive: unpack it and name the capture inside")),
    (b"\x1f\x9d", Kind::Packed("a compress file: unpack it with `uncompress` first")),
    (b"LZIP", Kind::Packed("an lzip file: unpack it with `lzip -d` first")),
    (b"Rar!\x1a\x07", Kind::Packed("a RAR archive: unpack it and name the capture inside")),
    (b"\x7fELF", Kind::Foreign("a program: name a pcap or pcapng file")),
    (b"%PDF", Kind::Foreign("a PDF document: name a pcap or pcapng file")),
    (b"<?xml", Kind::Foreign("an XML text: name a pcap or pcapng file")),
];

/// Says what a file is by its first bytes ([`START_BYTES`] of them, fewer only when it has no more).
pub fn recognise(start: &[u8]) -> Kind {
    if start.is_empty() {
        return Kind::Empty;
    }
    // A frame to be skipped may stand before all others (RFC 8878, 3.1.2).
    if let [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] = start {
        return Kind::Zstd;
    }
    let known = BEGINNINGS.iter().find(|(magic, _)| start.starts_with(magic));
    let is_text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    match known {
        Some((_, kind)) => *kind,
        None if start.iter().all(is_text) => Kind::Text(TEXT),
        // Other alphabets in UTF-8, and the marks of UTF-16.
        None if start.iter().all(|byte| is_text(byte) || *byte >= 0x80) => Kind::Text(NEITHER),
        None if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") => Kind::Text(NEITHER),
        None => Kind::Foreign(NEITHER),
    }
}

/// How many bytes [`is_tar`] wants to see.
pub const TAR_BYTES: usize = 262;

/// Whether a file is a tar archive (POSIX, pax, "ustar interchange format"), which begins with the name of its first
/// member and so looks like many things.
pub fn is_tar(start: &[u8]) -> bool {
    start.get(257..TAR_BYTES) == Some(b"ustar")
}

/// What is said of one.
pub const TAR: &str = "a tar archive: unpack it and name the capture inside";

const TEXT: &str = "a text without a table of packets: name a file that `tcpdump -w` or Wireshark wrote (pcap or \
                    pcapng), or the appliance's Traffic Dump with its columns Time Stamp, Protocol, Source, Port, \
                    Destination, Port, Info";

const NEITHER: &str = "neither pcap nor pcapng: convert it with `editcap -F pcap` if it is a capture";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_first_bytes() {
        let rows: [(&str, &[u8], Kind); 14] = [
            ("nothing", b"", Kind::Empty),
            ("pcap", b"\xd4\xc3\xb2\xa1\x02\x00", Kind::Capture),
            ("pcapng", b"\x0a\x0d\x0d\x0a", Kind::Capture),
            ("gzip", b"\x1f\x8b\x08\x00", Kind::Gzip),
            ("zstd", b"\x28\xb5\x2f\xfd", Kind::Zstd),
            ("zstd behind a frame to be skipped", b"\x50\x2a\x4d\x18\x04\0\0\0", Kind::Zstd),
            ("the last of those", b"\x5f\x2a\x4d\x18\x04\0\0\0", Kind::Zstd),
            ("none of those", b"\x60\x2a\x4d\x18\x04\0\0\0", Kind::Foreign(NEITHER)),
            ("a text", b"Time Stamp\tProtoc", Kind::Text(TEXT)),
            ("a text with hard spaces", b"08:02:03\xc2\xa0TCP", Kind::Text(NEITHER)),
            ("a text in UTF-16", b"\xff\xfeT\0i\0m\0e\0", Kind::Text(NEITHER)),
            ("no text", b"Time\0Stamp", Kind::Foreign(NEITHER)),
            (
                "an archive",
                b"PK\x03\x04\x14\0",
                Kind::Packed("a zip archive: unpack it and name the capture inside"),
            ),
            ("a bare Z", b"\x1f\x9d\x90", Kind::Packed("a compress file: unpack it with `uncompress` first")),
        ];
        for (name, start, kind) in rows {
            assert_eq!(recognise(start), kind, "{name}");
        }
    }

    #[test]
    fn what_is_no_capture_is_told_what_to_do() {
        for start in
            [&b"snoop\0\0\0\0\0\0\x02"[..], b"BZh91AY", b"hello, world", b"\xd4\xc3\xb2", b"\0\0\0\0"]
        {
            let (Kind::Foreign(text) | Kind::OtherCapture(text) | Kind::Packed(text) | Kind::Text(text)) =
                recognise(start)
            else {
                panic!("{start:?} was taken for a capture")
            };
            assert!(text.contains(": "), "{text}");
        }
    }
}
