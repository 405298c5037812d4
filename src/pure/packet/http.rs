//! Which host does an HTTP client want to reach? The Host of a request, and the host in the first line,
//! where a proxy is told what to fetch. Forms that servers put up with are read too: an empty line before a
//! request, a Host that is folded or given twice.
//!
//! It must never take another protocol's words for a request: servers that speak first, mail, FTP and
//! chat have lines in capitals too.

use super::hello;
use super::name_text::NameText;
use super::names::{Name, NameKind, Names, Reading, Rest};

/// The methods in use (IANA's list, and those of Windows clients). Of others a whole first line is wanted
/// before anything is waited for.
const METHODS: [&[u8]; 25] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"CONNECT ",
    b"PATCH ",
    b"TRACE ",
    b"PROPFIND ",
    b"PROPPATCH ",
    b"MKCOL ",
    b"COPY ",
    b"MOVE ",
    b"LOCK ",
    b"UNLOCK ",
    b"REPORT ",
    b"SEARCH ",
    b"NOTIFY ",
    b"SUBSCRIBE ",
    b"UNSUBSCRIBE ",
    b"BITS_POST ",
    b"RPC_IN_DATA ",
    b"RPC_OUT_DATA ",
    b"PRI ",
];

/// How long the word can be that a request begins with.
const METHOD_BYTES_MAX: usize = 24;

/// Whether a payload may begin with a request, perhaps behind empty lines: a known method or the beginning of
/// one, or a whole line that ends as a request's.
#[inline]
pub(super) fn is_possible(payload: &[u8]) -> bool {
    let request = payload.get(empty_lines(payload)..).unwrap_or_default();
    has_known_method(request) || is_part_of_method(request) || has_request_line(request)
}

/// How many bytes of empty lines there are at the beginning. RFC 9112, 2.2, asks servers to pass over one; many pass
/// over all there are, and over ends of lines of any kind. The payload is the limit.
#[inline]
fn empty_lines(payload: &[u8]) -> usize {
    payload.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count()
}

/// Whether all there is may be the first letters of a method.
#[inline]
pub(super) fn is_part_of_method(payload: &[u8]) -> bool {
    !payload.is_empty()
        && payload.len() < METHOD_BYTES_MAX
        && METHODS.iter().any(|method| method.starts_with(payload))
}

fn has_known_method(payload: &[u8]) -> bool {
    METHODS.iter().any(|method| payload.starts_with(method))
}

#[inline]
fn has_request_line(payload: &[u8]) -> bool {
    let word = payload.iter().take(METHOD_BYTES_MAX);
    let method =
        word.take_while(|byte| byte.is_ascii_uppercase() || **byte == b'_' || **byte == b'-').count();
    payload.get(method) == Some(&b' ') && matches!(first_line(payload), FirstLine::Request(_))
}

/// The hosts of one request or several that follow each other, and what a TLS client says behind them: some do
/// not wait for the proxy's answer.
pub(super) fn requests(payload: &[u8], names: &mut Names) -> Reading {
    let mut from = 0;
    // Each turn takes a request of what is there.
    while let Some(rest) = payload.get(from..).filter(|rest| is_possible(rest)) {
        let empty = empty_lines(rest);
        let told = names.count();
        match request(rest.get(empty..).unwrap_or_default(), names) {
            Head::Whole(length) => from = from.saturating_add(empty).saturating_add(length),
            Head::Foreign => return Reading::Whole,
            Head::Compressed => return Reading::Compressed,
            head @ (Head::Read | Head::Short) => {
                let told = names.count() - told;
                // Behind its end another may follow, and nothing promises that.
                let has_more = matches!(head, Head::Short);
                return Reading::Partial(Rest { from: from + empty, told, has_more });
            }
        }
    }
    if (payload.len() + 1..=BODY_BYTES_MAX).contains(&from) {
        return Reading::Partial(Rest { from, told: 0, has_more: false });
    }
    match payload.get(from..) {
        Some(rest @ [HANDSHAKE_RECORD, ..]) if from > 0 && hello::is_possible(rest) => {
            hello::of_stream(rest, names).behind(from)
        }
        _ => Reading::Whole,
    }
}

const HANDSHAKE_RECORD: u8 = 0x16;

/// Behind a body that goes on for longer than this no request is waited for: sequence numbers are used again after
/// 4 GiB.
const BODY_BYTES_MAX: usize = 1 << 30;

/// How far a request could be read.
enum Head {
    /// To the end of its head: so many bytes with its body, which may be more than are there.
    Whole(usize),
    /// Its Host was read, its end is not there.
    Read,
    /// It ends before its Host came.
    Short,
    /// It is no request, or none with a Host.
    Foreign,
    /// It begins HTTP/2, whose heads are compressed (RFC 9113, 3.4).
    Compressed,
}

/// What a client of HTTP/2 begins with that does not ask before.
const PREFACE: &[u8] = b"PRI * HTTP/2.0";

/// The host of a request's first line and its Host (RFC 9112, 3.2).
fn request(payload: &[u8], names: &mut Names) -> Head {
    let target = match first_line(payload) {
        FirstLine::Request(PREFACE) => return Head::Compressed,
        FirstLine::Request(line) => target(line),
        FirstLine::Bare(line) => {
            target(line).into_iter().for_each(|target| names.push(target));
            return Head::Foreign;
        }
        FirstLine::Short => return Head::Short,
        FirstLine::Foreign => return Head::Foreign,
    };
    target.into_iter().for_each(|target| names.push(target));
    let (mut length, mut has_host, mut body) = (0, false, Body::None);
    // A Host whose value stands on the next line (RFC 9112, 5.2).
    let mut is_folded = false;
    for (number, line) in payload.split_inclusive(|byte| *byte == b'\n').enumerate() {
        length += line.len();
        if !line.ends_with(b"\n") {
            break;
        }
        if number > 0 && line.trim_ascii().is_empty() {
            let body = body.length(payload.get(length..).unwrap_or_default());
            return Head::Whole(length.saturating_add(body));
        }
        let value = match field(line) {
            _ if is_folded && line.starts_with(b" ") | line.starts_with(b"\t") => line.trim_ascii(),
            Some((key, value)) if key.eq_ignore_ascii_case(b"host") => value,
            other => {
                is_folded = false;
                body = other.map_or(body, |(key, value)| body.with(key, value));
                continue;
            }
        };
        is_folded = value.is_empty();
        has_host |= !is_folded;
        let host = authority(value, None).filter(|host| target.is_none_or(|target| host.text != target.text));
        host.into_iter().for_each(|host| names.push(host));
    }
    if has_host { Head::Read } else { Head::Short }
}

/// The name and value of a header's line. A blank before the colon is not allowed, and often put up with.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, value) = line.split_at_checked(line.iter().position(|byte| *byte == b':')?)?;
    Some((key.trim_ascii_end(), value.get(1..)?.trim_ascii()))
}

/// What follows a head (RFC 9112, 6).
#[derive(Clone, Copy)]
enum Body {
    None,
    Bytes(usize),
    /// Pieces, each behind its length.
    Chunked,
}

impl Body {
    fn with(self, key: &[u8], value: &[u8]) -> Body {
        let is_chunked = |value: &[u8]| {
            let last = value.rsplit(|byte| *byte == b',').next().unwrap_or_default();
            last.trim_ascii().eq_ignore_ascii_case(b"chunked")
        };
        if key.eq_ignore_ascii_case(b"transfer-encoding") && is_chunked(value) {
            return Body::Chunked;
        }
        let length = || std::str::from_utf8(value).ok()?.parse().ok();
        match self {
            Body::None if key.eq_ignore_ascii_case(b"content-length") => length().map_or(self, Body::Bytes),
            _ => self,
        }
    }

    /// How long it is, which `rest` begins with; in pieces only as far as these are there.
    fn length(self, rest: &[u8]) -> usize {
        match self {
            Body::None => 0,
            Body::Bytes(bytes) => bytes,
            Body::Chunked => chunks(rest),
        }
    }
}

/// How long the pieces of a body are in `rest`: all of that where they do not end in it, and only as far as they
/// are pieces, so that no request is passed over behind what is none.
fn chunks(rest: &[u8]) -> usize {
    let mut at = 0;
    // Each turn takes a line at least.
    while let Some(line) = rest.get(at..) {
        let Some(end) = line.iter().position(|byte| *byte == b'\n') else { break };
        let Some(length) = line.get(..end).and_then(chunk_length) else { return at };
        let begin = at + end + 1;
        if length == 0 {
            let is_pair = rest.get(begin..).is_some_and(|trailer| trailer.starts_with(b"\r\n"));
            return (begin + 1 + usize::from(is_pair)).min(rest.len());
        }
        at = begin.saturating_add(length).saturating_add(2);
    }
    rest.len()
}

/// What the line before a piece says of its length; `None` when it is no such line.
fn chunk_length(line: &[u8]) -> Option<usize> {
    let figures = line.split(|byte| *byte == b';').next()?.trim_ascii();
    let is_number = figures.iter().all(u8::is_ascii_hexdigit);
    let figures = std::str::from_utf8(figures).ok().filter(|_| is_number)?;
    usize::from_str_radix(figures, 16).ok()
}

enum FirstLine<'a> {
    Request(&'a [u8]),
    /// Without a version, so without a head, but with a URL: HTTP/0.9.
    Bare(&'a [u8]),
    /// It has no end.
    Short,
    /// Other protocols have a GET too: they do not name its version at the end.
    Foreign,
}

fn first_line(payload: &[u8]) -> FirstLine<'_> {
    let Some(end) = payload.iter().position(|byte| *byte == b'\n') else { return FirstLine::Short };
    let line = payload.get(..end).unwrap_or_default().trim_ascii_end();
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    if version.starts_with(b"HTTP/") {
        FirstLine::Request(line)
    } else if line.starts_with(b"GET ") && target(line).is_some() {
        FirstLine::Bare(line)
    } else {
        FirstLine::Foreign
    }
}

/// The host that a proxy is asked for: `GET http://evil.example/ HTTP/1.1`, `CONNECT evil.example:443
/// HTTP/1.1` (RFC 9112, 3.2.2 and 3.2.3).
fn target(line: &[u8]) -> Option<Name> {
    let mut words = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    let (method, target) = (words.next()?, words.next()?);
    if method == b"CONNECT" {
        return authority(target, None);
    }
    let colon = target.windows(3).position(|window| window == b"://")?;
    let scheme = target.get(..colon).filter(|scheme| scheme.iter().all(u8::is_ascii_alphabetic))?;
    let port = if scheme.eq_ignore_ascii_case(b"https") { 443 } else { 80 };
    let rest = target.get(colon + 3..)?;
    let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    let host = rest.get(..end)?.rsplit(|byte| *byte == b'@').next()?;
    authority(host, Some(port))
}

/// A host, and the port after it if one is written, else `port`.
fn authority(text: &[u8], port: Option<u16>) -> Option<Name> {
    let colon = text.iter().rposition(|byte| *byte == b':').and_then(|colon| text.split_at_checked(colon));
    let (host, port) = match colon {
        Some((host, written)) if is_host(host) && written.iter().skip(1).all(u8::is_ascii_digit) => {
            let written = std::str::from_utf8(written.get(1..).unwrap_or_default()).ok();
            (host, written.and_then(|digits| digits.parse().ok()).or(port))
        }
        _ => (text, port),
    };
    Some(Name { kind: NameKind::Http, text: NameText::dotted(host)?, port })
}

/// Whether it is all of a host: an IPv6 address has brackets around it.
fn is_host(host: &[u8]) -> bool {
    !host.contains(&b':') || host.ends_with(b"]")
}
