//! Why is no TLS spoken with a mail server? What the handshake came to, in words, with what to do.
//!
//! Used by `wire`. It must never say that a certificate is to be trusted that is not: each cure mends the server,
//! or what this system knows of it.

use rustls::{AlertDescription, CertificateError, Error};

/// What is said of words in the clear, or of any bytes that are not TLS, where it was to begin.
pub const IN_THE_CLEAR: &str = "it spoke in the clear where TLS was to begin: somebody may sit in between, or the \
                                port wants the other one of smtps:// and smtp+starttls://";

const TOO_OLD: &str = "it speaks no TLS that is safe today: bring it up to TLS 1.2 or 1.3";

const UNUSABLE: &str = "have another one issued for the server";

/// Names of a certificate that are shown.
const NAMES_MAX: usize = 4;

/// What went wrong, and what to do about it.
pub fn words(error: &Error) -> String {
    match error {
        Error::InvalidMessage(_) => IN_THE_CLEAR.to_owned(),
        Error::InvalidCertificate(fault) => of_certificate(fault),
        Error::NoCertificatesPresented => format!("it shows no certificate: {UNUSABLE}"),
        Error::PeerIncompatible(_)
        | Error::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => {
            TOO_OLD.to_owned()
        }
        Error::AlertReceived(alert) => {
            format!("it broke TLS off ({alert:?}): see what the log of the mail server says of it")
        }
        other => format!("{other}: see what the log of the mail server says of it"),
    }
}

fn of_certificate(fault: &CertificateError) -> String {
    use CertificateError::{
        ApplicationVerificationFailure, BadEncoding, BadSignature, Expired, ExpiredContext, InvalidPurpose,
        InvalidPurposeContext, NotValidForName, NotValidForNameContext, NotValidYet, NotValidYetContext,
        Other, Revoked, UnknownIssuer,
    };
    match fault {
        Expired | ExpiredContext { .. } => "its certificate has expired: have it renewed".to_owned(),
        NotValidYet | NotValidYetContext { .. } => {
            "its certificate is not valid yet: set the clock of this machine right, or wait".to_owned()
        }
        NotValidForName => for_others(""),
        NotValidForNameContext { presented, .. } => for_others(&names(presented)),
        UnknownIssuer => {
            "its certificate is signed by an authority that this system does not trust: add that \
                          one to those it does (update-ca-certificates), or have the server use one that is"
                .to_owned()
        }
        Revoked => format!("its certificate was revoked: {UNUSABLE}"),
        BadEncoding | BadSignature => format!("its certificate is damaged or forged: {UNUSABLE}"),
        InvalidPurpose | InvalidPurposeContext { .. } => {
            format!("its certificate is for another purpose than a server's: {UNUSABLE}")
        }
        // webpki has no type for it that could be asked.
        Other(other) if other.0.to_string().contains("CaUsedAsEndEntity") => {
            format!("its certificate is that of an authority, as one that signs itself often is: {UNUSABLE}")
        }
        ApplicationVerificationFailure => format!("its certificate was refused: {UNUSABLE}"),
        Other(other) => format!("its certificate cannot be used ({}): {UNUSABLE}", other.0),
        other => format!("its certificate cannot be used ({other}): {UNUSABLE}"),
    }
}

fn for_others(names: &str) -> String {
    let whose = if names.is_empty() { "another name".to_owned() } else { names.to_owned() };
    format!("its certificate is for {whose}: write the server's name in `smtp` as its certificate has it")
}

/// `DnsName("mx.example")` as people write it.
fn names(presented: &[String]) -> String {
    let name = |shown: &String| shown.split('"').nth(1).unwrap_or(shown).to_owned();
    let mut names: Vec<String> = presented.iter().take(NAMES_MAX).map(name).collect();
    if presented.len() > NAMES_MAX {
        names.push("others".to_owned());
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::OtherError;
    use rustls::pki_types::ServerName;
    use std::sync::Arc;

    #[test]
    fn what_is_wrong_is_said_in_words_with_what_to_do() {
        let certificate = Error::InvalidCertificate;
        let other = CertificateError::Other(OtherError(Arc::new(std::io::Error::other("CaUsedAsEndEntity"))));
        let expected = ServerName::try_from("localhost").expect("a name");
        let presented = (0..6).map(|number| format!("DnsName(\"mx{number}.example\")")).collect();
        let wrong = CertificateError::NotValidForNameContext { expected, presented };
        for (error, what, cure) in [
            (certificate(CertificateError::Expired), "has expired", "renewed"),
            (certificate(CertificateError::NotValidYet), "not valid yet", "clock"),
            (certificate(CertificateError::UnknownIssuer), "does not trust", "update-ca-certificates"),
            (certificate(CertificateError::NotValidForName), "for another name", "as its certificate has it"),
            (certificate(wrong), "for mx0.example, mx1.example, mx2.example, mx3.example, others", "`smtp`"),
            (certificate(CertificateError::Revoked), "revoked", "another one"),
            (certificate(CertificateError::BadSignature), "forged", "another one"),
            (certificate(CertificateError::InvalidPurpose), "another purpose", "another one"),
            (certificate(other), "that of an authority", "another one"),
            (certificate(CertificateError::UnhandledCriticalExtension), "cannot be used", "another one"),
            (Error::NoCertificatesPresented, "no certificate", "another one"),
            (Error::AlertReceived(AlertDescription::ProtocolVersion), "safe today", "TLS 1.2"),
            (
                Error::AlertReceived(AlertDescription::InternalError),
                "InternalError",
                "the log of the mail server",
            ),
            (Error::DecryptError, "decrypt", "the log of the mail server"),
        ] {
            let told = words(&error);
            let (before, after) = told.split_once(": ").expect("a cure");
            assert!(before.contains(what) && after.contains(cure), "{error:?}: {told}");
            assert!(!told.contains("Other"), "no debug print: {told}");
        }
    }
}
