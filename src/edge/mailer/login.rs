//! How do we log in to a mail server? With user name and password, by the means that it offers.
//!
//! Used by `smtp`, which has made sure of the server before. It must never bring the password into words that
//! people read.

use super::halt::{Halt, Step, Why};
use super::head::base64;
use super::offers::Offers;
use super::smtp::{Told, expect};
use super::wire::{Reply, Wire};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::commands::Auth;
use lettre::transport::smtp::response::{Category, Code, Detail, Response, Severity};

/// Questions of a server during a login: LOGIN has two.
const CHALLENGES_MAX: usize = 4;

/// Words of a server from this length on may hold a password in some writing of their own.
const HIDDEN_CHARS_MIN: usize = 20;

/// A password of so few signs would be found in every other word of a server.
const SOUGHT_CHARS_MIN: usize = 3;

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

    /// A server that repeats what it was sent must not bring the password into a log, neither as it is nor as it
    /// was sent, which is base64, alone (LOGIN) or behind the user name (PLAIN). Nothing is left of its words but
    /// those that are plainly none of it, and nothing but its code while a password is too short to be sought.
    fn hide(&self, reply: &mut Reply) {
        let secrets = self.secrets();
        let holds = |word: &str| secrets.iter().any(|secret| word.contains(secret.as_str()));
        let is_plain = |word: &&str| word.len() < HIDDEN_CHARS_MIN && !holds(word);
        let is_sought = self.password.chars().count() >= SOUGHT_CHARS_MIN;
        for line in &mut reply.lines {
            let plain = line.split_whitespace().filter(is_plain).filter(|_| is_sought);
            *line = plain.collect::<Vec<_>>().join(" ");
        }
    }

    /// The password in every form in which it is sent; without the last signs of base64, which hang on what
    /// stands behind.
    fn secrets(&self) -> [String; 3] {
        let whole = format!("\0{}\0{}", self.username, self.password);
        let sent = |text: &str| base64(text.as_bytes()).trim_end_matches('=').to_owned();
        [self.password.clone(), sent(&self.password), sent(&whole)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_a_password_that_a_server_repeats_is_shown() {
        for (row, password, said, expected) in [
            ("another thing", "hunter2", "5.7.8 no such user", "5.7.8 no such user"),
            ("as it is", "hunter2", "5.7.8 wrong: hunter2!", "5.7.8 wrong:"),
            ("as LOGIN sends it", "hunter2", "5.7.8 aHVudGVyMg== is wrong", "5.7.8 is wrong"),
            ("without padding", "hunter2", "5.7.8 <aHVudGVyMg>", "5.7.8"),
            ("as PLAIN sends it", "pw1", "5.7.8 AGEAcHcx", "5.7.8"),
            ("another writing", "hunter2", "5.7.8 68756e7465723268756e74657232", "5.7.8"),
            ("too short to be sought", "ab", "5.7.8 YWI= no", ""),
        ] {
            let login = Login { username: "a".to_owned(), password: password.to_owned() };
            let mut reply = Reply { code: 535, lines: vec![said.to_owned()] };
            login.hide(&mut reply);
            assert_eq!(reply.lines, [expected], "{row}");
        }
    }
}
