//! How does a letter leave? To a mail server, or into a directory as an `.eml` file.
//!
//! Left of it is `template`, which wrote the letter. The bytes of a letter depend on nothing but the
//! letter, so that a repeat after a lost answer is the same mail with the same Message-ID. It decides
//! nothing about when to try again.

mod drawing;
mod halt;
mod head;
pub mod smtp;
mod stream;
mod wire;

pub use drawing::page;

use crate::pure::hexadecimal;
use crate::pure::picture::Picture;
use crate::pure::report::words::clean_text;
use crate::pure::report::{Letter, event_word};
use crate::pure::site::{MailSecurity, MailSettings, MailTransport};
use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Body, Mailbox, Message, MultiPart, MultiPartKind, SinglePart};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use smtp::{Login, Smtp};
use std::fs::{self, File};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

/// How long each answer of a mail server may take: RFC 5321 would allow minutes, but the mail is
/// tried again anyway.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How long a whole delivery may take, for servers that answer a letter at a time.
const DELIVERY_MAX: Duration = Duration::from_secs(120);

/// The longest password, in bytes, that is believed.
const PASSWORD_BYTES_MAX: usize = 4_096;

/// The images of one mail, in bytes: what slow lines and small mailboxes take, and ten times what a ticket
/// with a few machines needs.
const IMAGES_BYTES_MAX: usize = 512 * 1024;

/// How the reason begins why a mail is refused by ourselves: elsewhere it is the server that is quoted.
const NOT_ASKED: &str = "no mail server was asked: ";

/// What became of one letter to one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The server has taken it over, or the file is on disk.
    Accepted,
    /// Not now, and why: a temporary refusal.
    TryLater(String),
    /// Never, and why: the server refused this mail or recipient for good.
    Refused(String),
    /// Never, and why: we ourselves cannot send such a mail, and no server was asked.
    Unfit(String),
    /// Nobody knows: the line broke or the time was up in the middle. It may have arrived all the same; a
    /// repeat carries the same Message-ID.
    Lost(String),
    /// No mail leaves now, and why: the server cannot be reached, is not to be trusted, or does not let us
    /// in. It says nothing of this mail.
    NoServer(String),
}

/// Why no mail can leave with these settings.
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    #[error(
        "the user name would go to {host} unprotected: use smtps:// or smtp+starttls://, or a server on this machine"
    )]
    PlainLogin { host: String },
    #[error("there is a mail user name but no password_file: add it")]
    NoPassword,
    #[error("the password file {} cannot be read: {error}: make it readable for allclear", path.display())]
    Password { path: PathBuf, error: io::Error },
    #[error("the sender '{from}' is no mail address: write it as 'Name <user@host>'")]
    Sender { from: String },
    #[error("TLS for {host} cannot be set up: {error}: install the package ca-certificates")]
    Tls { host: String, error: String },
}

/// Where letters go.
pub enum Mailer {
    Smtp(Box<Smtp>),
    Directory(PathBuf),
}

impl Mailer {
    /// Reads the password and prepares TLS; connects to nothing yet.
    ///
    /// # Errors
    ///
    /// See [`MailerError`].
    pub fn open(settings: &MailSettings) -> Result<Mailer, MailerError> {
        mailbox(&settings.from).map_err(|_| MailerError::Sender { from: settings.from.clone() })?;
        let (host, port, security) = match &settings.transport {
            MailTransport::Directory(directory) => return Ok(Mailer::Directory(directory.clone())),
            MailTransport::Smtp { host, port, security } => (host.clone(), *port, *security),
        };
        let login = login(settings)?;
        if login.is_some() && security == MailSecurity::Plain && !is_loopback(&host) {
            return Err(MailerError::PlainLogin { host });
        }
        let tls = match security {
            MailSecurity::Plain => None,
            MailSecurity::Tls | MailSecurity::StartTls => Some(tls(&host)?),
        };
        let (answer_max, whole_max, kept) = (ANSWER_MAX, DELIVERY_MAX, Mutex::new(None));
        Ok(Mailer::Smtp(Box::new(Smtp { host, port, security, tls, login, answer_max, whole_max, kept })))
    }

    /// The same mailer with other limits: for one answer of the server, and for a whole delivery.
    pub fn with_patience(self, answer_max: Duration, delivery_max: Duration) -> Mailer {
        match self {
            Mailer::Smtp(smtp) => {
                Mailer::Smtp(Box::new(Smtp { answer_max, whole_max: delivery_max, ..*smtp }))
            }
            directory @ Mailer::Directory(_) => directory,
        }
    }

    /// Ends the connection that the last letter left open, if there is one.
    pub fn rest(&self) {
        if let Mailer::Smtp(smtp) = self {
            smtp.rest();
        }
    }

    /// Sends a letter on a connection of its own, and tells each step with what the server answered to it.
    pub fn try_out(&self, letter: &Letter, recipient: &str, told: &mut dyn FnMut(&str)) -> Delivery {
        let Mailer::Smtp(smtp) = self else { return self.deliver(letter, recipient) };
        match message(letter).and_then(|message| Ok((message, envelope(letter, recipient)?))) {
            Ok((message, envelope)) => smtp.try_out(&message.formatted(), &envelope, told),
            Err(fault) => Delivery::Unfit(format!("{NOT_ASKED}{fault}")),
        }
    }

    /// Greets the mail server, makes sure of it, logs in, and leaves; a directory needs none of that.
    ///
    /// # Errors
    ///
    /// What is wrong with the server or with what we know of it.
    pub fn greet(&self) -> Result<String, String> {
        match self {
            Mailer::Smtp(smtp) => smtp.greet(),
            Mailer::Directory(directory) => Ok(format!("mails become files in {}", directory.display())),
        }
    }

    /// Sends a letter to one of its recipients, and leaves the connection open for the next one. Takes at
    /// most two minutes. In a directory, all recipients of a letter share one file.
    pub fn deliver(&self, letter: &Letter, recipient: &str) -> Delivery {
        let (message, envelope) =
            match message(letter).and_then(|message| Ok((message, envelope(letter, recipient)?))) {
                Ok(ready) => ready,
                Err(fault) => return Delivery::Unfit(format!("{NOT_ASKED}{fault}")),
            };
        match self {
            Mailer::Smtp(smtp) => smtp.deliver(&message.formatted(), &envelope),
            Mailer::Directory(directory) => {
                match write(directory, &letter.file_name(), &message.formatted()) {
                    Ok(()) => Delivery::Accepted,
                    Err(error) => {
                        Delivery::TryLater(format!("{} cannot be written: {error}", directory.display()))
                    }
                }
            }
        }
    }
}

/// The mail of a letter, the same bytes each time.
fn message(letter: &Letter) -> Result<Message, String> {
    let from: Mailbox = mailbox(&letter.from)?;
    let mut builder = Message::builder()
        .date(date(letter))
        .message_id(Some(head::message_id(letter.ticket, letter.seq, &from.email)))
        .from(from.clone())
        .subject(head::subject(&letter.subject))
        .raw_header(header("Auto-Submitted", "auto-generated".to_string()))
        .raw_header(header("X-Allclear-Ticket", letter.ticket.to_string()))
        .raw_header(header("X-Allclear-Event", event_word(letter.event).to_string()));
    for (name, value) in head::of_list(&from.email).into_iter().chain(head::of_thread(letter, &from.email)) {
        builder = builder.raw_header(header(name, value));
    }
    if let Some(reply_to) = &letter.reply_to {
        builder = builder.reply_to(mailbox(reply_to)?);
    }
    for recipient in &letter.to {
        builder = builder.to(mailbox(recipient)?);
    }
    builder.multipart(body(letter)).map_err(|error| format!("the mail cannot be put together: {error}"))
}

/// The text, then the same as HTML, with its pictures where there are any.
fn body(letter: &Letter) -> MultiPart {
    let part = |kind, name| MultiPart::builder().kind(kind).boundary(boundary(name, letter));
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

/// The head of a letter as its bytes have it, one header a line.
///
/// # Errors
///
/// The letter cannot be put together.
pub fn head(letter: &Letter) -> Result<Vec<String>, String> {
    let text = message(letter)?.headers().to_string().replace("\r\n ", " ");
    Ok(text.lines().map(str::to_owned).collect())
}

/// The Date header has whole seconds and begins with 1970.
fn date(letter: &Letter) -> SystemTime {
    let seconds = u64::try_from(letter.at.as_second()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A line that separates the parts. A text that knows its ticket's numbers could forge it, so it
/// depends on the whole text as well. None begins like another, which careless readers would mix up.
fn boundary(name: &str, letter: &Letter) -> String {
    let mut hash = Sha256::new();
    for part in [&letter.subject, &letter.text, &letter.html] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let digest = hexadecimal::text(&hash.finalize()[..12]);
    format!("{name}-{}-{}-{digest}", letter.ticket, letter.seq)
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

/// One envelope a recipient: one refused address must not stop the others.
fn envelope(letter: &Letter, recipient: &str) -> Result<Envelope, String> {
    let (from, to) = (mailbox(&letter.from)?.email, mailbox(recipient)?.email);
    Envelope::new(Some(from), vec![to]).map_err(|error| error.to_string())
}

/// `tech@b.example`, or with any name before it: `Coordinator, Tech (Unit 7) <tech@b.example>`.
fn mailbox(text: &str) -> Result<Mailbox, String> {
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

/// Trusts what the system trusts.
fn tls(host: &str) -> Result<Arc<ClientConfig>, MailerError> {
    let fault = |error: String| MailerError::Tls { host: host.to_string(), error };
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    if roots.add_parsable_certificates(found.certs).0 == 0 {
        return Err(fault("the system trusts no authority".to_string()));
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let versions = builder.with_safe_default_protocol_versions().map_err(|error| fault(error.to_string()))?;
    Ok(Arc::new(versions.with_root_certificates(roots).with_no_client_auth()))
}

fn login(settings: &MailSettings) -> Result<Option<Login>, MailerError> {
    let Some(username) = &settings.username else { return Ok(None) };
    let path = settings.password_file.as_ref().ok_or(MailerError::NoPassword)?;
    let password = password(path).map_err(|error| MailerError::Password { path: path.clone(), error })?;
    Ok(Some(Login { username: username.clone(), password }))
}

fn password(path: &Path) -> io::Result<String> {
    let password = fs::read_to_string(path)?;
    if password.len() > PASSWORD_BYTES_MAX {
        return Err(io::Error::other(format!("it is longer than {PASSWORD_BYTES_MAX} bytes")));
    }
    Ok(password.trim_end_matches(['\r', '\n']).to_string())
}

/// Whether the password of the file can be used, as `check` asks: it is for nobody else to read.
///
/// # Errors
///
/// What is wrong with the file and what to do, without a sign of what it holds.
pub fn check_password(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let cannot = |error: io::Error| {
        format!("the password file {shown} cannot be read ({error}): make it, for this user alone")
    };
    let is_empty = password(path).map_err(cannot)?.is_empty();
    let mode = fs::metadata(path).map_err(cannot)?.permissions().mode() & 0o777;
    // Group reading is how credentials reach a service.
    if mode & 0o027 != 0 {
        Err(format!("the password file {shown} is open to others (mode {mode:o}): `chmod 600 {shown}`"))
    } else if is_empty {
        Err(format!("the password file {shown} is empty: write the password into it, and nothing else"))
    } else {
        Ok(())
    }
}

fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || literal.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Writes under a hidden name, so that nobody sees half a mail, and a repeat replaces its equal.
fn write(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let hidden = directory.join(format!(".{name}.part"));
    let mut file = File::create(&hidden)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&hidden, directory.join(name))?;
    File::open(directory)?.sync_all()
}
