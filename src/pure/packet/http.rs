//! Which host does an HTTP client want to reach? The Host of a request, and the host in the first line,
//! where a proxy is told what to fetch.
//!
//! It must never take another protocol's words for a request: servers that speak first, mail, FTP and
//! chat have lines in capitals too.

use super::name_text::NameText;
use super::names::{Name, NameKind, Names, Reading, Rest};

/// The methods in use (IANA's list, and those of Windows clients). Of others a whole first line is wanted
/// before anything is waited for.
const METHODS: [&[u8]; 24] = [
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
];

/// How long the word can be that a request begins with.
const METHOD_BYTES_MAX: usize = 24;

/// Whether a payload may begin with a request: a known method, or a whole line that ends as a request's.
#[inline]
pub(super) fn is_possible(payload: &[u8]) -> bool {
    has_known_method(payload) || has_request_line(payload)
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

/// The hosts of one request or several that follow each other without a body between.
pub(super) fn requests(payload: &[u8], names: &mut Names) -> Reading {
    let mut from = 0;
    // Each turn takes a request of what is there.
    while let Some(rest) = payload.get(from..).filter(|rest| is_possible(rest)) {
        let told = names.count();
        match request(rest, names) {
            Head::Whole(length) => from += length,
            Head::Read | Head::Foreign => return Reading::Whole,
            Head::Short => {
                let told = names.count() - told;
                return Reading::Partial(Rest { from, told, has_more: true });
            }
        }
    }
    Reading::Whole
}

/// How far a request could be read.
enum Head {
    /// To its end: so many bytes.
    Whole(usize),
    /// Its Host was read, its end is not there.
    Read,
    /// It ends before its Host came.
    Short,
    /// It is no request, or none with a Host.
    Foreign,
}

/// The host of a request's first line and its Host (RFC 9112, 3.2).
fn request(payload: &[u8], names: &mut Names) -> Head {
    let target = match first_line(payload) {
        FirstLine::Request(line) => target(line),
        FirstLine::Short => return Head::Short,
        FirstLine::Foreign => return Head::Foreign,
    };
    if let Some(target) = target {
        names.push(target);
    }
    let mut length = 0;
    let mut has_host = false;
    for (number, line) in payload.split_inclusive(|byte| *byte == b'\n').enumerate() {
        length += line.len();
        if !line.ends_with(b"\n") {
            break;
        }
        match line.split_at_checked(5) {
            _ if number > 0 && line.trim_ascii().is_empty() => return Head::Whole(length),
            Some((key, value)) if !has_host && key.eq_ignore_ascii_case(b"host:") => {
                has_host = true;
                let host = authority(value.trim_ascii(), None)
                    .filter(|host| target.is_none_or(|target| host.text != target.text));
                host.into_iter().for_each(|host| names.push(host));
            }
            _ => {}
        }
    }
    if has_host { Head::Read } else { Head::Short }
}

enum FirstLine<'a> {
    Request(&'a [u8]),
    /// It has no end.
    Short,
    /// Other protocols have a GET too, and HTTP/0.9 has no Host: neither names its version at the end.
    Foreign,
}

fn first_line(payload: &[u8]) -> FirstLine<'_> {
    let Some(end) = payload.iter().position(|byte| *byte == b'\n') else { return FirstLine::Short };
    let line = payload.get(..end).unwrap_or_default().trim_ascii_end();
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    if version.starts_with(b"HTTP/") { FirstLine::Request(line) } else { FirstLine::Foreign }
}

/// The host that a proxy is asked for: `GET http://evil.example/ HTTP/1.1`, `CONNECT evil.example:443
/// HTTP/1.1` (RFC 9112, 3.2.2 and 3.2.3).
fn target(line: &[u8]) -> Option<Name> {
    let mut words = line.split(|byte| *byte == b' ');
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
