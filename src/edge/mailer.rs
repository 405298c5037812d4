//! How does a letter leave? To a mail server, or into a directory as an `.eml` file.
//!
//! Left of it is `template`, which wrote the letter; `sealed` makes its bytes, the same each time, so that a
//! repeat after a lost answer is the same mail with the same Message-ID. It decides nothing about when to try
//! again.

mod canvas;
mod drawing;
mod halt;
mod head;
mod login;
mod offers;
mod packing;
mod painting;
mod sealed;
pub mod smtp;
mod stamp;
mod stream;
mod trust;
mod wire;

pub use drawing::page;
pub use sealed::{Sealed, head};

use crate::pure::report::Letter;
use crate::pure::secret;
use crate::pure::site::{MailSecurity, MailSettings, MailTransport};
use login::Login;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use sealed::mailbox;
use smtp::Smtp;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use wire::Patience;

/// How long each answer of a mail server may take at first: RFC 5321 would allow minutes, and the mail is tried
/// again, with more patience. A whole delivery has a limit too, for servers that answer a letter at a time. To the
/// end of a mail the answer may take ten minutes, as RFC 5321 (4.5.3.2.6) says: a server that looks into mails may
/// have it already, and would take it again with every try.
const PATIENCE: Patience = Patience {
    answer_max: Duration::from_secs(30),
    whole_max: Duration::from_secs(120),
    end_max: Duration::from_secs(600),
};

/// The longest password, in bytes, that is believed.
const PASSWORD_BYTES_MAX: u64 = 4_096;

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
        let (patience, line) = (PATIENCE, Default::default());
        Ok(Mailer::Smtp(Box::new(Smtp { host, port, security, tls, login, patience, line })))
    }

    /// The same mailer with other limits: for one answer of the server; for a whole delivery, and for the answer to
    /// the end of a mail.
    pub fn with_patience(self, answer_max: Duration, delivery_max: Duration) -> Mailer {
        let patience = Patience { answer_max, whole_max: delivery_max, end_max: delivery_max };
        match self {
            Mailer::Smtp(smtp) => Mailer::Smtp(Box::new(Smtp { patience, ..*smtp })),
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
        seal(letter, recipient)
            .map_or_else(|unfit| unfit, |sealed| smtp.try_out(&sealed.bytes, &sealed.envelope, told))
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

    /// Seals a letter to one of its recipients, and sends it.
    pub fn deliver(&self, letter: &Letter, recipient: &str) -> Delivery {
        seal(letter, recipient).map_or_else(|unfit| unfit, |sealed| self.send(&sealed, &mut || {}))
    }

    /// Sends a mail, and leaves the connection open for the next one. Takes at most two minutes. While a server works
    /// on it, `meanwhile` is done.
    pub fn send(&self, sealed: &Sealed, meanwhile: &mut dyn FnMut()) -> Delivery {
        match self {
            Mailer::Smtp(smtp) => smtp.deliver(&sealed.bytes, &sealed.envelope, meanwhile),
            Mailer::Directory(directory) => match write(directory, &sealed.file_name, &sealed.bytes) {
                Ok(()) => Delivery::Accepted,
                Err(error) => {
                    let cure = "make room there, or make it writable for allclear";
                    Delivery::TryLater(format!("{} cannot be written: {error}: {cure}", directory.display()))
                }
            },
        }
    }
}

/// Puts a letter together for one of its recipients; where none can be made of it, what that means for the mail.
pub fn seal(letter: &Letter, recipient: &str) -> Result<Sealed, Delivery> {
    Sealed::of(letter, recipient).map_err(|fault| Delivery::Unfit(format!("{NOT_ASKED}{fault}")))
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
    let mut password = String::new();
    File::open(path)?.take(PASSWORD_BYTES_MAX + 1).read_to_string(&mut password)?;
    if password.len() as u64 > PASSWORD_BYTES_MAX {
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
    let cannot = |error: io::Error| secret::unreadable("password file", path, &error);
    let is_empty = password(path).map_err(cannot)?.is_empty();
    let mode = fs::metadata(path).map_err(cannot)?.permissions().mode();
    secret::check_mode("password file", path, mode)?;
    if is_empty {
        let shown = path.display();
        return Err(format!(
            "the password file {shown} is empty: write the password into it, and nothing else"
        ));
    }
    Ok(())
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
