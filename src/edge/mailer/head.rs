//! Which headers keep a ticket's mails together, and automata quiet?
//!
//! Mail programs follow In-Reply-To and References (RFC 5322, 3.6.4), the latter also where a mail in between never
//! came: so each mail of a ticket names its first one there, whoever got that. Outlook also goes by the subject, which
//! ours change with what there is to do; it takes topic and index from headers of its own. Gmail shows mails
//! in one conversation only while their subjects agree; nothing can be done about that but to write subjects
//! that say less.

use crate::pure::report::Letter;
use crate::pure::ticket::TicketId;
use crate::pure::words::clean_text;
use jiff::Timestamp;
use lettre::Address;
use sha2::{Digest, Sha256};

/// Exchange answers none of these: delivery and read reports, absence notes, rules that reply. Reports that
/// a mail was not delivered (`NDR`) are not among them: somebody has to hear of that.
const SUPPRESSED: &str = "DR, RN, NRN, OOF, AutoReply";

/// Seconds from 1601, where Windows begins to count, to 1970.
const SECONDS_TO_1970: u64 = 11_644_473_600;

/// The Message-ID of a letter: `<allclear.7.42.1d2c3b4a59687f0e@host of the sender>`, of ticket 7 and event 42.
pub fn message_id(letter: &Letter, sender: &Address) -> String {
    id(letter, letter.ticket, letter.seq, sender)
}

fn id(letter: &Letter, ticket: TicketId, seq: u64, sender: &Address) -> String {
    format!("<{}>", name(letter, &format!("allclear.{ticket}.{seq}"), sender))
}

/// What no other state calls something of its own.
fn name(letter: &Letter, what: &str, sender: &Address) -> String {
    let mark = letter.mark.as_ref().map(|mark| format!(".{mark}")).unwrap_or_default();
    format!("{what}{mark}@{}", sender.domain())
}

/// What says that no person wrote it: to Exchange, and to whoever sorts by list (RFC 2919); absence notes are
/// not sent to lists either.
pub fn of_list(sender: &Address) -> Vec<(&'static str, String)> {
    vec![
        ("X-Auto-Response-Suppress", SUPPRESSED.to_string()),
        ("List-Id", format!("allclear <allclear.{}>", sender.domain())),
    ]
}

/// What makes the mails of a ticket one conversation.
pub fn of_thread(letter: &Letter, sender: &Address) -> Vec<(&'static str, String)> {
    let id = |seq: u64| id(letter, letter.thread, seq, sender);
    let mut headers = Vec::new();
    headers.extend(letter.answers.map(|answered| ("In-Reply-To", id(answered))));
    let answered = letter.answers.filter(|answered| Some(*answered) != letter.first);
    let references: Vec<String> = letter.first.into_iter().chain(answered).map(id).collect();
    headers.extend((!references.is_empty()).then(|| ("References", references.join(" "))));
    if letter.thread != TicketId::NONE {
        headers.push(("Thread-Topic", format!("allclear ticket {}", letter.thread)));
        headers.push(("Thread-Index", thread_index(letter, sender)));
    }
    headers
}

/// A subject that is read as it was written: what looks like an encoded word (RFC 2047) in the name of a machine
/// would be decoded by whoever reads the mail, into signs that are cleaned away here.
pub(super) fn subject(text: &str) -> String {
    clean_text(text).replace("=?", "= ?")
}

/// PidTagConversationIndex of MS-OXOMSG, 2.2.1.3: a reserved byte, five bytes of the time when the conversation
/// began, sixteen that name it; the same for all mails of a ticket. Behind them stand five more in each mail but the
/// first: how much later it was written.
fn thread_index(letter: &Letter, sender: &Address) -> String {
    let name = Sha256::digest(name(letter, &format!("allclear.{}", letter.thread), sender));
    let begun = windows_time(letter.begun);
    let mut index = vec![1];
    // The lowest three bytes are left out; the highest is the reserved one.
    index.extend_from_slice(&(begun >> 24).to_be_bytes()[3..]);
    index.extend_from_slice(&name[..16]);
    if letter.first.is_some() {
        index.extend_from_slice(&response(windows_time(letter.at).saturating_sub(begun)));
    }
    base64(&index)
}

/// Hundreds of nanoseconds since 1601.
fn windows_time(time: Timestamp) -> u64 {
    let seconds = u64::try_from(time.as_second()).unwrap_or(0) + SECONDS_TO_1970;
    seconds * 10_000_000
}

/// One level of answers: a bit for the unit, 31 bits of time, and a byte that is random elsewhere; the same mail has
/// the same here.
fn response(later: u64) -> [u8; 5] {
    const COARSE: u32 = 1 << 31;
    let bits = |shift: u32| (later >> shift) as u32 & (COARSE - 1);
    let delta = if later >> 49 == 0 { bits(18) } else { bits(23) | COARSE };
    let [a, b, c, d] = delta.to_be_bytes();
    [a, b, c, d, 0]
}

/// RFC 4648, section 4.
pub(super) fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for sign in 0..4 {
            let at = (bits >> (18 - 6 * sign)) & 63;
            text.push(if sign <= group.len() { SIGNS[at as usize] as char } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_much_later_a_mail_was_written_is_in_units_that_fit() {
        const SECOND: u64 = 10_000_000;
        for (row, later, expected) in [
            ("at once", 0, [0, 0, 0, 0, 0]),
            ("a second", SECOND, [0, 0, 0, 38, 0]),
            ("the last in fine units", (1 << 49) - 1, [0x7f, 0xff, 0xff, 0xff, 0]),
            ("the first in coarse ones", 1 << 49, [0x84, 0, 0, 0, 0]),
        ] {
            assert_eq!(response(later), expected, "{row}");
        }
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, expected) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), expected, "{bytes}");
        }
    }
}
