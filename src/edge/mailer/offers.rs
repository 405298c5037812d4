//! What can a mail server do? The lines that it said after EHLO.
//!
//! Used by `smtp`. It must never take for offered what was said before TLS began: whoever greets again asks again.

use super::wire::Reply;

/// What the server offers; nothing of one that knows no EHLO.
#[derive(Default)]
pub struct Offers(Vec<String>);

impl Offers {
    /// What stands behind the first line of the reply.
    pub fn of(reply: Reply) -> Offers {
        let lines = reply.lines.into_iter().skip(1);
        Offers(lines.map(|line| line.trim().to_ascii_uppercase()).collect())
    }

    /// Whether commands may be said in a row (RFC 2920).
    pub fn has_pipelining(&self) -> bool {
        self.has("PIPELINING")
    }

    /// Whether it knows the extension with that name, in capitals.
    pub fn has(&self, keyword: &str) -> bool {
        self.0.iter().any(|line| line.split_whitespace().next().is_some_and(|word| word == keyword))
    }

    /// Whether it takes a login of that kind.
    pub fn has_login(&self, mechanism: &str) -> bool {
        let of_login = self.0.iter().filter_map(|line| line.strip_prefix("AUTH"));
        of_login
            .flat_map(|line| line.trim_start_matches('=').split_whitespace())
            .any(|word| word == mechanism)
    }

    /// How many mails it takes over one connection (RFC 9422).
    pub fn mails_max(&self) -> Option<u32> {
        let limits = self.0.iter().filter_map(|line| line.strip_prefix("LIMITS "));
        limits.flat_map(str::split_whitespace).find_map(|limit| limit.strip_prefix("MAILMAX=")?.parse().ok())
    }
}
