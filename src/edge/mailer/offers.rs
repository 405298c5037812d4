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

    /// How many bytes a mail may have, where it says so (RFC 1870); a limit of 0 is none.
    pub fn bytes_max(&self) -> Option<usize> {
        let sizes = self.0.iter().filter_map(|line| line.strip_prefix("SIZE"));
        sizes.filter_map(|size| size.trim_start_matches('=').trim().parse().ok()).find(|size| *size > 0)
    }

    /// How many mails it takes over one connection (RFC 9422).
    pub fn mails_max(&self) -> Option<u32> {
        let limits = self.0.iter().filter_map(|line| line.strip_prefix("LIMITS "));
        limits.flat_map(str::split_whitespace).find_map(|limit| limit.strip_prefix("MAILMAX=")?.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_offered_is_read_whatever_stands_beside_it() {
        let lines = |text: &str| text.split('|').map(str::to_owned).collect();
        for (row, text, expected) in [
            ("nothing", "office", (false, None, None)),
            (
                "all of it",
                "office|pipelining|SIZE 10240000|LIMITS MAILMAX=7 RCPTMAX=1",
                (true, Some(10_240_000), Some(7)),
            ),
            ("no limit", "office|SIZE 0", (false, None, None)),
            ("no number", "office|SIZE", (false, None, None)),
            ("another word", "office|SIZEABLE 7|PIPELININGS", (false, None, None)),
            ("the old way", "office|SIZE=512", (false, Some(512), None)),
            ("too long a number", "office|SIZE 99999999999999999999999", (false, None, None)),
            ("in the greeting", "PIPELINING", (false, None, None)),
        ] {
            let offers = Offers::of(Reply { code: 250, lines: lines(text) });
            assert_eq!((offers.has_pipelining(), offers.bytes_max(), offers.mails_max()), expected, "{row}");
        }
    }
}
