//! How is a name out of a packet written, so that it can be compared with the entries of a watchlist?
//!
//! As `watchlist::domain` writes them: lower case, without final dot, as A-labels. It must never let a
//! byte out of a packet feign a dot or reach a terminal.

use super::names::NAME_BYTES_MAX;
use crate::pure::address;
use std::fmt::{self, Write};
use std::net::IpAddr;

/// A name in lower case, without final dot; empty for the DNS root. Bytes that stand in no host name are
/// shown as `?`, so that a dot within a label cannot feign another name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NameText {
    bytes: [u8; NAME_BYTES_MAX],
    length: u8,
}

impl NameText {
    const EMPTY: NameText = NameText { bytes: [0; NAME_BYTES_MAX], length: 0 };

    /// The name as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.written()).expect("a name holds printable ASCII only")
    }

    /// The address that stands in the name's place, as it may in HTTP: `192.0.2.1`, `[2001:db8::1]`.
    pub fn literal(&self) -> Option<IpAddr> {
        let text = self.as_str();
        let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        inner.unwrap_or(text).parse().ok().map(address::canonical)
    }

    /// A name written with dots, with or without a final one; `None` when it is empty or too long.
    pub(super) fn dotted(name: &[u8]) -> Option<NameText> {
        let name = name.strip_suffix(b".").unwrap_or(name);
        if name.is_empty() {
            return None;
        }
        let mut spelling = Spelling::default();
        name.split(|byte| *byte == b'.').try_for_each(|label| spelling.push_label(label))?;
        Some(spelling.folded())
    }

    /// An address in the place of a name.
    pub(super) fn of_address(address: IpAddr) -> Option<NameText> {
        let mut text = NameText::EMPTY;
        write!(text, "{address}").ok()?;
        Some(text)
    }

    fn written(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(usize::from(self.length))? = byte;
        self.length += 1;
        Some(())
    }
}

/// A name while it is read, label by label; may hold bytes outside ASCII.
pub(super) struct Spelling(NameText);

impl Default for Spelling {
    fn default() -> Spelling {
        Spelling(NameText::EMPTY)
    }
}

impl Spelling {
    /// Adds a label; `None` when the name becomes too long.
    pub(super) fn push_label(&mut self, label: &[u8]) -> Option<()> {
        if self.0.length > 0 {
            self.0.push(b'.')?;
        }
        label.iter().try_for_each(|byte| self.0.push(shown(*byte)))
    }

    /// The name as it is compared. Bytes outside ASCII are read as UTF-8 and written as A-labels
    /// (RFC 5890), as nobody but mDNS and careless clients sends them.
    pub(super) fn folded(self) -> NameText {
        if self.0.written().is_ascii() { self.0 } else { self.as_a_labels().unwrap_or(self.masked()) }
    }

    #[cold]
    fn as_a_labels(&self) -> Option<NameText> {
        let dots = |text: &str| text.bytes().filter(|byte| *byte == b'.').count();
        let raw = std::str::from_utf8(self.0.written()).ok()?;
        // Of other scripts' full stops, which become dots, none is one in a label.
        let ascii = idna::domain_to_ascii(raw).ok().filter(|ascii| dots(ascii) == dots(raw))?;
        let mut text = NameText::EMPTY;
        ascii.bytes().try_for_each(|byte| text.push(if byte == b'.' { byte } else { shown(byte) }))?;
        text.written().is_ascii().then_some(text)
    }

    #[cold]
    fn masked(&self) -> NameText {
        NameText { bytes: self.0.bytes.map(|byte| if byte.is_ascii() { byte } else { b'?' }), ..self.0 }
    }
}

/// What is kept of a byte of a label. Those outside ASCII wait for [`Spelling::folded`].
fn shown(byte: u8) -> u8 {
    match byte {
        b'.' | b'\\' | b'?' => b'?',
        b'!'..=b'~' => byte.to_ascii_lowercase(),
        0x80.. => byte,
        _ => b'?',
    }
}

impl Write for NameText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().try_for_each(|byte| self.push(byte).ok_or(fmt::Error))
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
