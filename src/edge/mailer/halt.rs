//! What does it mean for a mail that the conversation about it did not go on? Tried later, never, unknown, or
//! no fault of the mail.
//!
//! Left of it is `smtp`, which speaks. It must never take for accepted or refused what nobody said so.

use super::Delivery;
use super::wire::{Lost, Reply};
use std::fmt;

/// How far a conversation has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Connecting,
    Greeting,
    Hello,
    /// What is said to a server that knows no EHLO.
    OldHello,
    StartTls,
    Handshake,
    Login,
    Reset,
    Sender,
    Recipient,
    Data,
    /// The mail itself, to the answer after its end.
    Content,
}

/// A conversation that did not go on.
#[derive(Debug, PartialEq, Eq)]
pub struct Halt {
    pub step: Step,
    pub why: Why,
}

/// What ended it.
#[derive(Debug, PartialEq, Eq)]
pub enum Why {
    /// An answer other than the one that was due.
    Said(Reply),
    /// No answer.
    Lost(Lost),
    /// We ourselves do not go on: what is wrong, and what to do.
    Unfit(String),
}

impl Halt {
    /// Whether the server said goodbye before it had heard anything of this mail that counts. One that will
    /// not forget the mail before this one is of no more use.
    pub fn is_farewell(&self) -> bool {
        let is_goodbye = match &self.why {
            Why::Said(reply) => reply.code == 421 || self.step == Step::Reset,
            Why::Lost(lost) => matches!(lost, Lost::Closed(_)),
            Why::Unfit(_) => false,
        };
        is_goodbye && self.step < Step::Content
    }

    /// Whether an answer did not come in time.
    pub fn is_late(&self) -> bool {
        matches!(self.why, Why::Lost(Lost::Late(_)))
    }

    /// Whether the server listens on.
    pub fn leaves_open(&self) -> bool {
        match &self.why {
            Why::Said(reply) => reply.code >= 400 && reply.code != 421,
            Why::Unfit(_) => true,
            Why::Lost(_) => false,
        }
    }

    /// What it means for the mail. Before a mail was named, and where the server wants another login, it
    /// is the server's or our own trouble; else what is said for good of this mail or recipient is final.
    pub fn into_delivery(self, server: &str) -> Delivery {
        let words = self.words(server);
        let Halt { step, why } = self;
        match why {
            _ if step < Step::Reset => Delivery::NoServer(words),
            Why::Lost(_) => Delivery::Lost(words),
            Why::Unfit(_) => Delivery::Refused(words),
            // It has not heard of this mail yet.
            Why::Said(_) if step == Step::Reset => Delivery::TryLater(words),
            Why::Said(reply) => match reply.code {
                // RFC 4954: it wants a login, or a better one.
                530 | 534 | 535 | 538 => Delivery::NoServer(words),
                // RFC 5321, 4.5.3.1.10: too many recipients, which is no fault of this one; and these say that
                // the two of us are out of step, or, as Postfix does, that it does not like our EHLO.
                552 if step == Step::Recipient => Delivery::TryLater(words),
                500 | 502..=504 => Delivery::TryLater(words),
                500..=599 => Delivery::Refused(words),
                400..=499 => Delivery::TryLater(words),
                _ => Delivery::Lost(words),
            },
        }
    }

    /// What went wrong, where, in one harmless line.
    pub fn words(&self, server: &str) -> String {
        let step = self.step;
        let unknown = if step == Step::Content { "; the mail may have arrived all the same" } else { "" };
        match &self.why {
            Why::Said(reply) if reply.code < 400 => {
                format!("{server} is out of step: it answered {} to {step}", reply.words())
            }
            Why::Said(reply) => {
                format!("{server} answered {step} with {}{}", reply.words(), self.cure(reply.code))
            }
            Why::Lost(lost) if step == Step::Handshake => format!("{server}: no TLS: {}", lost.words()),
            Why::Lost(lost) => format!("{server}, {step}: {}{unknown}", lost.words()),
            Why::Unfit(what) => format!("{server}: {what}"),
        }
    }

    /// What to do about a refusal that is not of a mail, where that is known; begins with a colon.
    fn cure(&self, code: u16) -> &'static str {
        match (self.step, code) {
            // RFC 4954: no good login.
            (Step::Login, 535) => ": mend `username` or `password_file`",
            (step, 530) if step >= Step::Reset => {
                " (it wants a login or TLS first): see `username`, and `smtp` in the site file"
            }
            (Step::StartTls, 400..) => ": have TLS set up there, or use smtps://",
            _ => "",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Connecting => "connecting",
            Step::Greeting => "greeting",
            Step::Hello => "EHLO",
            Step::OldHello => "HELO",
            Step::StartTls => "STARTTLS",
            Step::Handshake => "TLS",
            Step::Login => "login",
            Step::Reset => "RSET",
            Step::Sender => "MAIL FROM",
            Step::Recipient => "RCPT TO",
            Step::Data => "DATA",
            Step::Content => "the mail",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_that_is_not_of_a_mail_says_what_to_do() {
        for (step, code, expected) in [
            (Step::Login, 535, "mx:25 answered login with 535 x: mend `username` or `password_file`"),
            (Step::Login, 454, "mx:25 answered login with 454 x"),
            (
                Step::Sender,
                530,
                "mx:25 answered MAIL FROM with 530 x (it wants a login or TLS first): see `username`, and `smtp` in the \
                 site file",
            ),
            (
                Step::StartTls,
                454,
                "mx:25 answered STARTTLS with 454 x: have TLS set up there, or use smtps://",
            ),
            (Step::Recipient, 550, "mx:25 answered RCPT TO with 550 x"),
        ] {
            let halt = Halt { step, why: Why::Said(Reply { code, lines: vec!["x".to_owned()] }) };
            assert_eq!(halt.words("mx:25"), expected);
        }
    }

    #[test]
    fn an_answer_means_now_later_never_or_our_own_trouble() {
        #[derive(Debug, PartialEq)]
        enum Means {
            Later,
            Never,
            NoServer,
            Unknown,
        }
        use Means::{Later, Never, NoServer, Unknown};
        for (step, code, expected) in [
            (Step::Greeting, 421, NoServer),
            (Step::Greeting, 554, NoServer),
            (Step::Hello, 250, NoServer),
            (Step::Hello, 550, NoServer),
            (Step::OldHello, 550, NoServer),
            (Step::StartTls, 454, NoServer),
            (Step::Login, 454, NoServer),
            (Step::Login, 535, NoServer),
            (Step::Reset, 354, Later),
            (Step::Reset, 421, Later),
            (Step::Reset, 502, Later),
            (Step::Reset, 530, Later),
            (Step::Sender, 450, Later),
            (Step::Sender, 530, NoServer),
            (Step::Sender, 550, Never),
            (Step::Sender, 552, Never),
            (Step::Recipient, 399, Unknown),
            (Step::Recipient, 400, Later),
            (Step::Recipient, 452, Later),
            (Step::Recipient, 499, Later),
            (Step::Recipient, 500, Later),
            (Step::Recipient, 501, Never),
            (Step::Recipient, 504, Later),
            (Step::Recipient, 505, Never),
            (Step::Recipient, 550, Never),
            (Step::Recipient, 552, Later),
            (Step::Recipient, 553, Never),
            (Step::Recipient, 599, Never),
            (Step::Data, 250, Unknown),
            (Step::Data, 451, Later),
            (Step::Data, 503, Later),
            (Step::Data, 554, Never),
            (Step::Content, 221, Unknown),
            (Step::Content, 354, Unknown),
            (Step::Content, 421, Later),
            (Step::Content, 452, Later),
            (Step::Content, 550, Never),
            (Step::Content, 552, Never),
        ] {
            let halt = Halt { step, why: Why::Said(Reply { code, lines: vec!["x".to_owned()] }) };
            let means = match halt.into_delivery("mx:25") {
                Delivery::TryLater(_) => Later,
                Delivery::Refused(_) | Delivery::Unfit(_) => Never,
                Delivery::NoServer(_) => NoServer,
                Delivery::Lost(_) => Unknown,
                Delivery::Accepted => panic!("{step} {code}"),
            };
            assert_eq!(means, expected, "{code} after {step}");
        }
    }
}
