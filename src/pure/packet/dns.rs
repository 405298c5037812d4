//! Which names does a DNS message ask for, and which aliases does its answer lead to?
//!
//! Over UDP and TCP, at any port: where no DNS is expected, only what is DNS from its first to its last
//! byte is taken for it. It must never follow a compression pointer in circles.

use super::name_text::{NameText, Spelling};
use super::names::{NAMES_MAX, Name, NameKind, Names, Reading, Rest};
use super::{Packet, Ports};

/// Whether DNS is what is expected of a packet's ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    /// DNS, mDNS (RFC 6762) or LLMNR (RFC 4795): whatever can be read is told.
    Usual,
    /// Any other port: what is not DNS throughout is none.
    Strict,
}

const USUAL_PORTS: [u16; 3] = [53, 5353, 5355];
/// NetBIOS names look like DNS and are none (RFC 1002, 4.2).
const NETBIOS_PORT: u16 = 137;

const HEADER_BYTES: usize = 12;
/// The shortest message with a question: its name is the root.
const MESSAGE_BYTES_MIN: usize = HEADER_BYTES + 5;
/// The longest message of one question: a name of 255 bytes, and what clients say of themselves (RFC 6891, RFC 7830).
const QUESTION_BYTES_MAX: usize = 512;
/// Length before each message over TCP (RFC 1035, 4.2.2).
const LENGTH_BYTES: usize = 2;

/// The highest DNS operation code in use (RFC 8490, 6); what lies beyond is no DNS.
const OPERATION_MAX: u8 = 6;
/// No more questions fit a message: each takes five bytes at least.
const QUESTIONS_MAX: u16 = 13_104;
/// How many labels a name can have within 255 bytes, and so how many compression pointers at most.
const LABELS_MAX: usize = 128;

fn care(ports: Ports) -> Care {
    let is_usual = |port| USUAL_PORTS.contains(&port);
    if is_usual(ports.source) || is_usual(ports.destination) { Care::Usual } else { Care::Strict }
}

/// Whether a UDP datagram may be DNS, by its ports or else by its header.
#[inline]
pub(super) fn is_possible_datagram(packet: &Packet<'_>) -> bool {
    is_possible(packet, packet.payload)
}

/// Whether a TCP segment may begin with DNS.
#[inline]
pub(super) fn is_possible_segment(packet: &Packet<'_>) -> bool {
    is_possible(packet, packet.payload.get(LENGTH_BYTES..).unwrap_or_default())
}

/// Whether a TCP segment at a port where no DNS is expected may be the first bytes of a question, too few to tell.
#[inline]
pub(super) fn may_begin_segment(packet: &Packet<'_>) -> bool {
    const LEAST: [u8; LENGTH_BYTES + HEADER_BYTES] =
        [0, MESSAGE_BYTES_MIN as u8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let begun = packet.payload;
    if begun.is_empty() || begun.len() >= LEAST.len() {
        return false;
    }
    // As it would be with the rest of the plainest question.
    let mut header = LEAST;
    header[..begun.len()].copy_from_slice(begun);
    let length = usize::from(u16::from_be_bytes([header[0], header[1]]));
    (MESSAGE_BYTES_MIN..=QUESTION_BYTES_MAX).contains(&length)
        && packet.ports.is_some_and(|ports| care(ports) == Care::Strict)
        && is_lone_question(&header[LENGTH_BYTES..])
}

#[inline]
fn is_possible(packet: &Packet<'_>, message: &[u8]) -> bool {
    let Some(ports) = packet.ports else { return false };
    care(ports) == Care::Usual
        || is_lone_question(message) && ports.source != NETBIOS_PORT && ports.destination != NETBIOS_PORT
}

/// Whether the header is that of one plain question or of its answer.
#[inline]
fn is_lone_question(message: &[u8]) -> bool {
    let Some(&[_, _, flags, codes, 0, 1, a0, a1, n0, n1, 0, r1]) = message.first_chunk() else {
        return false;
    };
    let is_query = flags & 0x80 == 0;
    let is_bare = [a0, a1, n0, n1] == [0; 4] && codes & 0x0f == 0 && r1 <= 2;
    flags & 0x78 == 0 && codes & 0x40 == 0 && if is_query { is_bare } else { [a0, n0] == [0; 2] }
}

/// The names of a UDP datagram.
pub(super) fn datagram(packet: &Packet<'_>, names: &mut Names) -> Reading {
    let Some(ports) = packet.ports else { return Reading::Whole };
    // The first fragment of a datagram: what follows is not put behind it.
    let is_fragment = packet.fragment_id.is_some();
    let is_whole = !packet.payload_truncated && !is_fragment;
    match message(packet.payload, is_whole, care(ports), names) {
        Extent::Short if packet.payload_truncated => Reading::Cut,
        // Large answers come in fragments every day, and have their question in the first.
        Extent::Short if is_fragment && names.count() == 0 => Reading::Cut,
        Extent::Short | Extent::Whole | Extent::Foreign => Reading::Whole,
    }
}

/// The names of a TCP segment that begins with a message; several may follow each other.
pub(super) fn segment(packet: &Packet<'_>, names: &mut Names) -> Reading {
    let Some(care) = packet.ports.map(care) else { return Reading::Whole };
    let mut from = 0;
    // Each turn takes a message of what is there.
    while let Some(rest) = packet.payload.get(from..).filter(|rest| !rest.is_empty()) {
        let before = names.count();
        let partial =
            |names: &Names, has_more| Reading::Partial(Rest { from, told: names.count() - before, has_more });
        let Some((length, rest)) = rest.split_first_chunk() else { return partial(names, true) };
        let length = usize::from(u16::from_be_bytes(*length));
        if length < MESSAGE_BYTES_MIN {
            return Reading::Whole;
        }
        let (bytes, is_whole) = rest.get(..length).map_or((rest, false), |bytes| (bytes, true));
        match message(bytes, is_whole, care, names) {
            Extent::Foreign => return Reading::Whole,
            _ if is_whole => from += LENGTH_BYTES + length,
            extent => return partial(names, extent == Extent::Short),
        }
    }
    Reading::Whole
}

/// How far a message could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    /// As far as names stand in it.
    Whole,
    /// It ends before its names do.
    Short,
    /// It is no DNS.
    Foreign,
}

/// Puts the names of a message into the list. `is_whole` is whether all of it is there.
fn message(bytes: &[u8], is_whole: bool, care: Care, names: &mut Names) -> Extent {
    let before = names.count();
    let extent = match (walk(bytes, care, names), care) {
        (Ok(end), Care::Strict) if is_whole && end != bytes.len() => Extent::Foreign,
        (Err(End::Short), Care::Strict) if is_whole => Extent::Foreign,
        (Ok(_), _) => Extent::Whole,
        (Err(End::Short), _) => Extent::Short,
        (Err(End::Foreign), _) => Extent::Foreign,
    };
    if extent == Extent::Foreign {
        names.truncate(before);
    }
    extent
}

/// Why a message could not be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Short,
    Foreign,
}

/// Reads questions and aliases, and where strictly all else; how many bytes it took.
fn walk(message: &[u8], care: Care, names: &mut Names) -> Result<usize, End> {
    let header = message.first_chunk::<HEADER_BYTES>().ok_or(End::Short)?;
    let [_, _, flags, _, q0, q1, a0, a1, n0, n1, r0, r1] = *header;
    // Updates and notices name a zone in the same place (RFC 2136, 1996).
    let count = u16::from_be_bytes([q0, q1]);
    let is_foreign = flags >> 3 & 0x0f > OPERATION_MAX || !(1..=QUESTIONS_MAX).contains(&count);
    if is_foreign || care == Care::Strict && !is_lone_question(message) {
        return Err(End::Foreign);
    }
    let is_answer = flags & 0x80 != 0;
    let (query_type, at) = questions(message, count, is_answer, care, names)?;
    let number = |high, low| usize::from(u16::from_be_bytes([high, low]));
    let answers = if is_answer { number(a0, a1) } else { 0 };
    match care {
        // A zone's transfer is no look-up (RFC 5936, RFC 1995).
        Care::Usual if matches!(query_type, 251 | 252) => Ok(at),
        Care::Usual => match records(message, at, answers, query_type, names) {
            Err(End::Foreign) => Ok(at),
            read => read,
        },
        Care::Strict => {
            let at = records(message, at, answers, query_type, names)?;
            let others = number(n0, n1) + number(r0, r1);
            (0..others).try_fold(at, |at, _| Ok(record(message, at)?.end))
        }
    }
}

/// Reads so many questions; the type that the last one asks for, and where they end.
fn questions(
    message: &[u8],
    count: u16,
    is_answer: bool,
    care: Care,
    names: &mut Names,
) -> Result<(u16, usize), End> {
    let mut query_type = 0;
    let mut at = HEADER_BYTES;
    for _ in 0..usize::from(count).min(NAMES_MAX + 1) {
        let (text, after) = name_at(message, at)?;
        query_type = number_at(message, after)?;
        if care == Care::Strict && !(is_host_name(&text) && matches!(number_at(message, after + 2)?, 1 | 255))
        {
            return Err(End::Foreign);
        }
        names.push(Name { kind: NameKind::Dns { is_answer, query_type }, text, port: None });
        at = after + 4;
    }
    Ok((query_type, at))
}

/// Letters, digits, hyphens and underscores.
fn is_host_name(text: &NameText) -> bool {
    text.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Reads the aliases among so many records; where they end.
fn records(
    message: &[u8],
    at: usize,
    count: usize,
    query_type: u16,
    names: &mut Names,
) -> Result<usize, End> {
    (0..count).try_fold(at, |at, _| {
        let record = record(message, at)?;
        if let Some(alias) = record.alias.filter(|_| !names.is_overfull()) {
            let (text, _) = name_at(message, alias)?;
            if !text.as_str().is_empty() {
                let kind = NameKind::Dns { is_answer: true, query_type };
                names.push(Name { kind, text, port: None });
            }
        }
        Ok(record.end)
    })
}

struct Record {
    /// Where the name stands that it makes its owner an alias of.
    alias: Option<usize>,
    end: usize,
}

fn record(message: &[u8], at: usize) -> Result<Record, End> {
    let at = after_name(message, at)?;
    // Type 2, class 2, time to live 4, length 2.
    let (kind, length) = (number_at(message, at)?, number_at(message, at + 8)?);
    let data = at + 10;
    let end = data + usize::from(length);
    if end > message.len() {
        return Err(End::Short);
    }
    let alias = match kind {
        // CNAME, DNAME (RFC 6672).
        5 | 39 => Some(data),
        // SVCB and HTTPS (RFC 9460): a priority stands before the target.
        64 | 65 if length > 2 => Some(data + 2),
        _ => None,
    };
    Ok(Record { alias, end })
}

fn number_at(message: &[u8], at: usize) -> Result<u16, End> {
    let bytes = message.get(at..).and_then(|rest| rest.first_chunk()).ok_or(End::Short)?;
    Ok(u16::from_be_bytes(*bytes))
}

/// The name at `at`, and where what follows it begins.
fn name_at(message: &[u8], mut at: usize) -> Result<(NameText, usize), End> {
    let mut spelling = Spelling::default();
    let mut after = None;
    for _ in 0..2 * LABELS_MAX {
        let length = *message.get(at).ok_or(End::Short)?;
        match length {
            0 => return Ok((spelling.folded(), after.unwrap_or(at + 1))),
            1..=63 => {
                let end = at + 1 + usize::from(length);
                let label = message.get(at + 1..end).ok_or(End::Short)?;
                spelling.push_label(label).ok_or(End::Foreign)?;
                at = end;
            }
            192.. => {
                let pointer = number_at(message, at)? & 0x3fff;
                after.get_or_insert(at + 2);
                at = usize::from(pointer);
            }
            _ => return Err(End::Foreign),
        }
    }
    Err(End::Foreign)
}

/// Where what follows the name at `at` begins.
fn after_name(message: &[u8], mut at: usize) -> Result<usize, End> {
    for _ in 0..LABELS_MAX {
        match *message.get(at).ok_or(End::Short)? {
            0 => return Ok(at + 1),
            length @ 1..=63 => at += 1 + usize::from(length),
            192.. => return Ok(at + 2),
            _ => return Err(End::Foreign),
        }
    }
    Err(End::Foreign)
}
