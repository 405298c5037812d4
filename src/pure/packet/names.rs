//! Which name does a packet carry? A DNS question, or by `web_names` the server a TLS or HTTP client
//! wants to reach.
//!
//! Each packet is looked at alone: of a name that spans TCP segments it says that the rest is to come,
//! and `sighting` joins them. It must never allocate, and never follow a compression pointer in circles.

use super::{Packet, web_names};
use std::fmt;

/// What looking for a name in a packet found, when there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "lives on the stack only; a box would cost an allocation a packet"
)]
pub enum NameRead {
    /// The name.
    Name(Name),
    /// There must be one, but it was cut away by the capture length.
    Cut,
    /// There must be one, but the sender puts it, or the rest of it, into a later TCP segment.
    Partial,
}

/// A name and what it is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name {
    /// Which protocol carried it, and how.
    pub kind: NameKind,
    /// The name itself.
    pub text: NameText,
}

/// What a name is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// The question of a DNS message.
    Dns {
        /// Whether it stands in an answer, which repeats it, and not in a query.
        is_answer: bool,
        /// The type of record asked for: 1 A, 28 AAAA, 15 MX (IANA's list).
        query_type: u16,
    },
    /// The server name of a TLS ClientHello.
    Tls,
    /// The Host of an HTTP request, without port.
    Http,
}

/// The most bytes a name has in text: RFC 1035's 255 less length bytes.
pub const NAME_BYTES_MAX: usize = 253;

/// A name in lower case, without final dot; empty for the DNS root. Bytes that stand in no host name are
/// shown as `?`, so that a dot within a label cannot feign another name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NameText {
    bytes: [u8; NAME_BYTES_MAX],
    length: u8,
}

const TCP: u8 = 6;

/// Looks for a name in the packet: DNS on port 53, TLS and HTTP on any TCP port. `None` when there is
/// none, or none that can be made out.
#[inline]
pub fn name(packet: &Packet<'_>) -> Option<NameRead> {
    const UDP: u8 = 17;
    let ports = packet.ports?;
    let is_dns = ports.source == 53 || ports.destination == 53;
    match packet.protocol {
        UDP if is_dns => dns(packet, packet.payload),
        TCP if packet.payload.is_empty() => None,
        // Over TCP two bytes of length stand before the message (RFC 1035, 4.2.2).
        TCP if is_dns => dns(packet, packet.payload.get(2..).unwrap_or_default()),
        TCP => web_names::name(packet),
        _ => None,
    }
}

/// How many compression pointers are followed in one name; a question needs none.
const POINTERS_MAX: usize = 4;

/// How many labels a name can have within 255 bytes.
const LABELS_MAX: usize = 128;

/// The highest DNS operation code in use (RFC 8490, 6); what lies beyond is no DNS.
const OPERATION_MAX: u8 = 6;

const DNS_HEADER_BYTES: usize = 12;

fn dns(packet: &Packet<'_>, message: &[u8]) -> Option<NameRead> {
    let cut = short(packet, message);
    let Some(header) = message.first_chunk::<DNS_HEADER_BYTES>() else { return cut };
    let [_, _, flags, _, q0, q1, ..] = *header;
    // Updates and notices name a zone in the same place (RFC 2136, 1996).
    let operation = flags >> 3 & 0x0f;
    if operation > OPERATION_MAX || [q0, q1] == [0, 0] {
        return None;
    }
    match question(message) {
        Labels::Whole(text, query_type) => {
            let kind = NameKind::Dns { is_answer: flags & 0x80 != 0, query_type };
            Some(NameRead::Name(Name { kind, text }))
        }
        Labels::Short => cut,
        Labels::Wrong => None,
    }
}

/// What it means that the message ends before the question does. Over TCP the client's next segment may
/// go on with it; what the server repeats is told by the question already.
fn short(packet: &Packet<'_>, message: &[u8]) -> Option<NameRead> {
    let stated = packet.payload.first_chunk().map_or(usize::MAX, |field| u16::from_be_bytes(*field).into());
    let is_question = packet.protocol == TCP && packet.ports.is_some_and(|ports| ports.destination == 53);
    match () {
        () if packet.payload_truncated => Some(NameRead::Cut),
        () if is_question && message.len() < stated => Some(NameRead::Partial),
        () => None,
    }
}

/// How reading a question's labels went.
#[expect(
    clippy::large_enum_variant,
    reason = "lives on the stack only; a box would cost an allocation a packet"
)]
enum Labels {
    Whole(NameText, u16),
    /// The message ends before the question does.
    Short,
    /// These are no labels.
    Wrong,
}

fn question(message: &[u8]) -> Labels {
    let mut text = NameText::EMPTY;
    let mut at = DNS_HEADER_BYTES;
    let mut after_name = None;
    let mut pointers = 0;
    for _ in 0..LABELS_MAX + POINTERS_MAX {
        let Some(length) = message.get(at).copied() else { return Labels::Short };
        match length {
            0 => return finish(message, text, after_name.unwrap_or(at + 1)),
            1..=63 => {
                let end = at + 1 + usize::from(length);
                let Some(label) = message.get(at + 1..end) else { return Labels::Short };
                if text.push_label(label).is_none() {
                    return Labels::Wrong;
                }
                at = end;
            }
            192.. if pointers < POINTERS_MAX => {
                let Some(low) = message.get(at + 1) else { return Labels::Short };
                pointers += 1;
                after_name.get_or_insert(at + 2);
                at = usize::from(length & 0x3f) << 8 | usize::from(*low);
            }
            _ => return Labels::Wrong,
        }
    }
    Labels::Wrong
}

fn finish(message: &[u8], text: NameText, after_name: usize) -> Labels {
    match message.get(after_name..).and_then(|rest| rest.first_chunk::<2>()) {
        Some(query_type) => Labels::Whole(text, u16::from_be_bytes(*query_type)),
        None => Labels::Short,
    }
}

impl NameText {
    const EMPTY: NameText = NameText { bytes: [0; NAME_BYTES_MAX], length: 0 };

    /// The name as text.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length)).unwrap_or_default();
        std::str::from_utf8(bytes).expect("a name holds printable ASCII only")
    }

    /// A name written with dots, with or without a final one; `None` when it is empty or too long.
    pub(super) fn dotted(name: &[u8]) -> Option<NameText> {
        let name = name.strip_suffix(b".").unwrap_or(name);
        let mut text = NameText::EMPTY;
        for label in name.split(|byte| *byte == b'.').take(LABELS_MAX) {
            text.push_label(label)?;
        }
        (!name.is_empty()).then_some(text)
    }

    fn push_label(&mut self, label: &[u8]) -> Option<()> {
        if self.length > 0 {
            self.push(b'.')?;
        }
        label.iter().try_for_each(|byte| self.push(shown(*byte)))
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(usize::from(self.length))? = byte;
        self.length += 1;
        Some(())
    }
}

fn shown(byte: u8) -> u8 {
    match byte {
        b'.' | b'\\' | b'?' => b'?',
        b'!'..=b'~' => byte.to_ascii_lowercase(),
        _ => b'?',
    }
}

impl fmt::Debug for NameText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for NameText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
