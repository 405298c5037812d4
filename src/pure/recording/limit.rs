//! Which packet limit does the page around a text table state?
//!
//! A limit that is read too large makes a table that was cut look whole: a number is believed only when nothing
//! but punctuation stands between the words and it, and no other number behind.

/// The words of the appliance come first; others are shorter and may stand in a remark.
const WORDS: [&str; 4] = ["packets to capture", "packet limit", "maximum packets", "max packets"];

/// What may stand between the words and the number.
const SEPARATORS: [char; 9] = [':', '=', '*', '_', '`', '"', ')', ']', '|'];

/// Numbers kept of those that stand behind the words.
const NUMBERS_MAX: usize = 64;

/// What a page states of its packet limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stated {
    /// The smallest that is stated, when all that is stated is clear.
    pub(super) limit: Option<u64>,
    /// Every number behind the words, any of which may be the limit.
    pub(super) numbers: Vec<u64>,
}

impl Stated {
    /// Reads a page, of which each line speaks for itself.
    pub(super) fn read(text: &str) -> Stated {
        let lower = text.to_ascii_lowercase();
        let behind: Vec<&str> = lower.lines().filter_map(behind_words).take(NUMBERS_MAX).collect();
        // One line in doubt leaves the limit in doubt.
        let limits: Option<Vec<u64>> = behind.iter().map(|rest| clear_limit(rest)).collect();
        let numbers = behind.iter().flat_map(|rest| numbers(rest)).take(NUMBERS_MAX).collect();
        Stated { limit: limits.and_then(|limits| limits.into_iter().min()), numbers }
    }
}

fn behind_words(line: &str) -> Option<&str> {
    WORDS.iter().find_map(|words| line.split_once(words)).map(|(_, rest)| rest)
}

fn numbers(rest: &str) -> impl Iterator<Item = u64> {
    rest.split(|c: char| !c.is_ascii_digit()).filter_map(|figures| figures.parse().ok())
}

/// The only number of a line, with separators before it and no more of a date or a number behind it.
fn clear_limit(rest: &str) -> Option<u64> {
    let rest = rest.trim_start_matches(|c: char| c.is_whitespace() || SEPARATORS.contains(&c));
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (figures, rest) = rest.split_at(end);
    let is_whole =
        rest.starts_with(|c: char| c.is_whitespace() || SEPARATORS.contains(&c)) || rest.is_empty();
    let is_only = !rest.contains(|c: char| c.is_ascii_digit());
    figures.parse().ok().filter(|limit| is_whole && is_only && *limit > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_believed_when_it_is_clear() {
        let rows: [(&str, Option<u64>, &[u64]); 13] = [
            ("Number of Packets to capture: 250", Some(250), &[250]),
            ("Interface 2 Number of Packets to capture:\t250", Some(250), &[250]),
            ("| **Packet limit** | 250 |", Some(250), &[250]),
            ("packets to capture: 500\nmax packets: 250", Some(250), &[500, 250]),
            ("packets to capture (max 10000): 250", None, &[10000, 250]),
            ("packets to capture (max packets 10000):\n250", None, &[10000]),
            ("packets to capture: 250 Timeout: 3600", None, &[250, 3600]),
            ("packets to capture:\nTimeout: 3600", None, &[]),
            ("packets to capture: 2015-04-29", None, &[2015, 4, 29]),
            ("packets to capture: 10,000", None, &[10, 0]),
            ("packets to capture: 500\nmax packets\n250", None, &[500]),
            ("packets to capture: 0", None, &[0]),
            ("packets", None, &[]),
        ];
        for (text, limit, numbers) in rows {
            assert_eq!(Stated::read(text), Stated { limit, numbers: numbers.to_vec() }, "{text}");
        }
    }
}
