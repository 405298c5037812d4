//! What is it that goes over the line? A letter as bytes, and for whom they are.
//!
//! Left of it is `template`, which wrote the letter; `smtp` and directories take the bytes, which depend on
//! nothing but the letter. Its pictures are drawn here, which takes longer than all else: whoever hands mails
//! over must not wait for it. It must never let a text of a letter become a header or a part of its own.

use super::drawing;
use super::head::{message_id, of_list, of_thread, subject};
use crate::pure::hexadecimal;
use crate::pure::picture::Picture;
use crate::pure::report::Letter;
use crate::pure::words::clean_text;
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{
    Attachment, Body, Mailbox, Message, MessageBuilder, MultiPart, MultiPartKind, SinglePart,
};
use sha2::{Digest, Sha256};
use std::time::{Duration, SystemTime};

/// The images of one mail, in bytes: what slow lines and small mailboxes take, and ten times what a ticket
/// with a few machines needs.
const IMAGES_BYTES_MAX: usize = 512 * 1024;

/// A letter to one of its recipients, ready to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    pub bytes: Vec<u8>,
    pub envelope: Envelope,
    /// Its name in a directory, where all recipients of a letter share one file.
    pub file_name: String,
}

impl Sealed {
    /// Puts a letter together, the same bytes each time.
    ///
    /// # Errors
    ///
    /// No mail can be made of it, and why.
    pub fn of(letter: &Letter, recipient: &str) -> Result<Sealed, String> {
        let envelope = envelope(letter, recipient)?;
        let is_ascii = envelope.from().into_iter().chain(envelope.to()).all(is_ascii);
        let bytes = message(letter, !is_ascii)?.formatted();
        Ok(Sealed { bytes, envelope, file_name: letter.file_name() })
    }
}

/// The head of a letter as its bytes have it, one header a line.
///
/// # Errors
///
/// The letter cannot be put together.
pub fn head(letter: &Letter) -> Result<Vec<String>, String> {
    let text = message(letter, true)?.headers().to_string().replace("\r\n ", " ");
    Ok(text.lines().map(str::to_owned).collect())
}

/// The mail of a letter, the same bytes each time. Addresses outside ASCII stand in it where it goes from or to one,
/// by a server that takes them (RFC 6531); elsewhere they are left out, or one of many would keep the others from
/// their mail.
fn message(letter: &Letter, is_international: bool) -> Result<Message, String> {
    let can_stand = |mailbox: &Mailbox| is_international || is_ascii(&mailbox.email);
    let from: Mailbox = mailbox(&letter.from)?;
    let mut builder = Message::builder()
        .date(date(letter))
        .message_id(Some(message_id(letter, &from.email)))
        .from(from.clone())
        .subject(subject(&letter.subject))
        .raw_header(header("Auto-Submitted", "auto-generated".to_string()))
        .raw_header(header("X-Allclear-Ticket", letter.ticket.to_string()))
        .raw_header(header("X-Allclear-Event", letter.event.word().to_string()));
    for (name, value) in of_list(&from.email).into_iter().chain(of_thread(letter, &from.email)) {
        builder = builder.raw_header(header(name, value));
    }
    if let Some(reply_to) = letter.reply_to.as_deref().map(mailbox).transpose()?.filter(can_stand) {
        builder = builder.reply_to(reply_to);
    }
    for recipient in &letter.to {
        builder = Some(mailbox(recipient)?).filter(can_stand).into_iter().fold(builder, MessageBuilder::to);
    }
    builder.multipart(body(letter)).map_err(|error| format!("the mail cannot be put together: {error}"))
}

/// The text, then the same as HTML, with its pictures where there are any.
fn body(letter: &Letter) -> MultiPart {
    let end = boundary_end(letter);
    let part = |kind, name| MultiPart::builder().kind(kind).boundary(format!("{name}-{end}"));
    let html = SinglePart::html(letter.html.clone());
    let text = SinglePart::plain(letter.text.clone());
    let parts = part(MultiPartKind::Alternative, "allclear").singlepart(text);
    let images = images(&letter.pictures);
    if images.is_empty() {
        return parts.singlepart(html);
    }
    let related = part(MultiPartKind::Related, "pictures").singlepart(html);
    parts.multipart(images.into_iter().fold(related, MultiPart::singlepart))
}

/// The pictures as parts of a mail, as far as they fit. One that is left out is shown by its words.
fn images(pictures: &[Picture]) -> Vec<SinglePart> {
    let png = ContentType::parse("image/png").expect("a media type");
    let mut left = IMAGES_BYTES_MAX;
    let mut images = Vec::new();
    for picture in pictures {
        let Ok(image) = drawing::image(picture) else { continue };
        let Some(rest) = left.checked_sub(image.len()) else { break };
        left = rest;
        let body = Body::new_with_encoding(image.to_vec(), ContentTransferEncoding::Base64);
        // Base64 takes any bytes.
        let Ok(body) = body else { continue };
        let part = Attachment::new_inline_with_name(picture.id.clone(), picture.file_name());
        images.push(part.body(body, png.clone()));
    }
    images
}

/// The Date header has whole seconds and begins with 1970.
fn date(letter: &Letter) -> SystemTime {
    let seconds = u64::try_from(letter.at.as_second()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// How the lines end that separate the parts. A text that knows its ticket's numbers could forge them, so they
/// depend on the whole text as well. None begins like another, which careless readers would mix up.
fn boundary_end(letter: &Letter) -> String {
    let mut hash = Sha256::new();
    for part in [&letter.subject, &letter.text, &letter.html] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hexadecimal::text(&hash.finalize()[..12]);
    format!("{}-{}-{digest}", letter.ticket, letter.seq)
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

pub(super) fn is_ascii(address: &Address) -> bool {
    address.to_string().is_ascii()
}

/// One envelope a recipient: one refused address must not stop the others.
fn envelope(letter: &Letter, recipient: &str) -> Result<Envelope, String> {
    let (from, to) = (mailbox(&letter.from)?.email, mailbox(recipient)?.email);
    Envelope::new(Some(from), vec![to]).map_err(|error| error.to_string())
}

/// `tech@b.example`, or with any name before it: `Coordinator, Tech (Unit 7) <tech@b.example>`.
pub(super) fn mailbox(text: &str) -> Result<Mailbox, String> {
    let (name, address) = match text.rsplit_once('<') {
        Some((name, rest)) => (name.trim(), rest.trim_end().strip_suffix('>').unwrap_or_default()),
        None => ("", text),
    };
    let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
    let name = Some(name.to_owned()).filter(|name| !name.is_empty());
    let address = address_of(address.trim()).filter(|_| !text.contains(char::is_control));
    address.map(|address| Mailbox::new(name, address)).ok_or_else(|| {
        format!("'{}' is no mail address: mend it in the site file or playbook", clean_text(text))
    })
}

/// The domain in ASCII, as every mail server takes it (RFC 5891): only a name before the @ can ask for more.
fn address_of(text: &str) -> Option<Address> {
    let (user, domain) = text.rsplit_once('@')?;
    let domain = idna::domain_to_ascii(domain).ok()?;
    Address::new(user, domain).ok()
}
