//! How do we log in to a mail server? With user name and password, by the means that it offers.
//!
//! Used by `smtp`, which has made sure of the server before. It must never bring the password into words that
//! people read.

use super::halt::{Halt, Step, Why};
use super::offers::Offers;
use super::smtp::{Told, expect};
use super::wire::{Reply, Wire};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::commands::Auth;
use lettre::transport::smtp::response::{Category, Code, Detail, Response, Severity};

/// Questions of a server during a login: LOGIN has two.
const CHALLENGES_MAX: usize = 4;

/// Words of a server from this length on may be a password in base64; the shortest user name and password
/// make more.
const HIDDEN_CHARS_MIN: usize = 20;

/// A user name and a password; they are shown nowhere.
#[derive(Clone)]
pub struct Login {
    pub username: String,
    pub password: String,
}

impl Login {
    /// Logs in.
    pub fn present(&self, wire: &mut Wire, offers: &Offers, told: Told) -> Result<(), Halt> {
        let unfit = |what: &str| Halt { step: Step::Login, why: Why::Unfit(what.to_owned()) };
        let known = [(Mechanism::Plain, "PLAIN"), (Mechanism::Login, "LOGIN")];
        let (mechanism, _) = known.into_iter().find(|(_, name)| offers.has_login(name)).ok_or_else(|| {
            unfit("the server offers no login by PLAIN or LOGIN: mend it, or take `username` out")
        })?;
        let credentials = Credentials::new(self.username.clone(), self.password.clone());
        let fault = |_| unfit("the server asks for something else than a user name and a password");
        let mut question = Auth::new(mechanism, credentials.clone(), None).map_err(fault)?;
        for _ in 0..CHALLENGES_MAX {
            let lost = |lost| Halt { step: Step::Login, why: Why::Lost(lost) };
            let mut reply = wire.ask(question.to_string().as_bytes()).map_err(lost)?;
            if reply.code != 334 {
                self.hide(&mut reply);
                return expect(&reply, Step::Login, 235, told);
            }
            let challenge = Code::new(Severity::PositiveIntermediate, Category::Unspecified3, Detail::Four);
            let challenge = Response::new(challenge, reply.lines);
            question = Auth::new_from_response(mechanism, credentials.clone(), &challenge).map_err(fault)?;
        }
        Err(unfit("the server asks without end"))
    }

    /// A server that repeats what it was sent must not bring the password into a log. What it repeats is
    /// encoded, so nothing is left of its words but those that are plainly none of it.
    fn hide(&self, reply: &mut Reply) {
        let is_plain = |word: &&str| word.len() < HIDDEN_CHARS_MIN && !word.contains(self.password.as_str());
        for line in &mut reply.lines {
            *line = line.split_whitespace().filter(is_plain).collect::<Vec<_>>().join(" ");
        }
    }
}
