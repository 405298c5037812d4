//! What does a pasted text say, however it was pasted? Line breaks, mail quoting, markup and
//! entities in, letters and signs without white space out.
//!
//! Right of it is `cbl`. White space is dropped altogether, because a mail program may break a line
//! anywhere, even within a number; where each sign stood is kept, so that names can be given back
//! with their blanks. It must never fail: any text is a pasted text.

/// The longest piece between `<` and `>`, in bytes, that counts as a tag or an address and is dropped.
const TAG_BYTES_MAX: usize = 500;

/// A pasted text, ready to be searched.
pub struct Pasted {
    /// Lower case, without white space; as long as `marks`.
    compact: String,
    /// The readable text, runs of white space as one blank.
    spaced: String,
    /// For each byte of `compact`, where its sign begins in `spaced`.
    marks: Vec<usize>,
}

impl Pasted {
    /// Reads any text.
    pub fn of(text: &str) -> Pasted {
        let plain = without_markup(&without_quoting(text));
        let (mut compact, mut spaced, mut marks) = (String::new(), String::new(), Vec::new());
        for sign in plain.chars().map(simple) {
            if sign.is_whitespace() {
                if !spaced.ends_with(' ') {
                    spaced.push(' ');
                }
            } else if !is_invisible(sign) {
                let lower = sign.to_ascii_lowercase();
                marks.extend(std::iter::repeat_n(spaced.len(), lower.len_utf8()));
                compact.push(lower);
                spaced.push(sign);
            }
        }
        Pasted { compact, spaced, marks }
    }

    /// The whole text in lower case and without white space.
    pub fn compact(&self) -> &str {
        &self.compact
    }

    /// What `read` makes of the text behind a phrase: of the first phrase, and its first place, where
    /// it makes something. Phrases are lower case and without blanks.
    pub fn after<'a, T>(&'a self, phrases: &[&str], read: impl Fn(&'a str) -> Option<T>) -> Option<T> {
        let behind = |phrase: &str| {
            let length = phrase.len();
            self.compact.match_indices(phrase).find_map(|(at, _)| read(&self.compact[at + length..]))
        };
        phrases.iter().find_map(|phrase| behind(phrase))
    }

    /// The readable spelling of `part`, which must be a slice of [`Pasted::compact`].
    pub fn spelling(&self, part: &str) -> &str {
        let from = (part.as_ptr() as usize).saturating_sub(self.compact.as_ptr() as usize);
        let end = from + part.len();
        let start = self.marks.get(from).copied().unwrap_or(self.spaced.len());
        let stop = self.marks.get(end).copied().unwrap_or(self.spaced.len());
        self.spaced.get(start..stop).unwrap_or("").trim()
    }

    /// Whether white space (or nothing) stands before the first sign of `part`.
    pub fn is_word_start(&self, part: &str) -> bool {
        let from = (part.as_ptr() as usize).saturating_sub(self.compact.as_ptr() as usize);
        let start = self.marks.get(from).copied().unwrap_or(0);
        start == 0 || self.spaced[..start].ends_with(' ')
    }
}

/// Drops the marks of mail quoting (`> `) and the soft line breaks of quoted-printable.
fn without_quoting(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for line in text.lines() {
        let line = line.trim_start_matches(['>', ' ', '\t', '|', '\u{a0}']);
        match line.trim_end_matches('\r').strip_suffix('=') {
            Some(soft) => plain.push_str(soft),
            None => {
                plain.push_str(line);
                plain.push('\n');
            }
        }
    }
    plain
}

/// Drops tags, the targets of markdown links, emphasis and code marks; reads entities and defanged
/// dots.
fn without_markup(text: &str) -> String {
    let (mut plain, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(sign) = rest.chars().next() {
        if let Some(skipped) = markup_length(rest) {
            rest = &rest[skipped..];
        } else if let Some((read, length)) = entity(rest) {
            plain.push(read);
            rest = &rest[length..];
        } else {
            plain.push(sign);
            rest = &rest[sign.len_utf8()..];
        }
    }
    plain
}

/// How many bytes of markup stand at the start of `rest`; `None` when it starts with text.
fn markup_length(rest: &str) -> Option<usize> {
    let until = |open: usize, close: char| {
        let window = rest.get(open..).map(|inner| inner.find([close, '<', '(']));
        window
            .flatten()
            .map(|at| at + open)
            .filter(|&at| at <= TAG_BYTES_MAX && rest[at..].starts_with(close))
    };
    match rest.as_bytes() {
        [b'<', b'a'..=b'z' | b'A'..=b'Z' | b'/' | b'!', ..] => until(1, '>').map(|at| at + 1),
        [b']', b'(', ..] => until(2, ')').map(|at| at + 1),
        [b'[', b'.', b']', ..] => None,
        [b'*' | b'`' | b'[' | b']' | b'\\', ..] => Some(1),
        _ => None,
    }
}

/// The sign that an entity (or a defanged dot) at the start of `rest` stands for, and its length.
fn entity(rest: &str) -> Option<(char, usize)> {
    if rest.starts_with("[.]") {
        return Some(('.', 3));
    }
    // The longest entity that is read is "&#1114111;".
    let end = rest.strip_prefix('&')?.bytes().take(10).position(|byte| byte == b';')? + 1;
    let name = &rest[1..end];
    let read = match name {
        "nbsp" => ' ',
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "plusmn" => '±',
        "ndash" | "mdash" => '-',
        _ => numeric(name.strip_prefix('#')?)?,
    };
    Some((read, end + 1))
}

/// The sign of a numeric entity without its `&#` and `;`.
fn numeric(digits: &str) -> Option<char> {
    let number = match digits.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(number)
}

/// Typographic signs as those that a keyboard has.
fn simple(sign: char) -> char {
    match sign {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}' | '\u{2019}' => '\'',
        '\u{201c}' | '\u{201d}' => '"',
        other => other,
    }
}

/// Signs that a copied page may carry and nobody sees; and quotation marks, which later pages put around what they
/// name.
fn is_invisible(sign: char) -> bool {
    sign.is_control()
        || sign == '"'
        || matches!(sign, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_come_out_however_they_were_pasted() {
        for (case, text) in [
            ("plain", "at port 80, now"),
            ("broken within a number", "at port 8\n0, now"),
            ("quoted twice in a mail", ">> at port\r\n>> 80, now"),
            ("soft breaks of quoted-printable", "at po=\r\nrt 80, now"),
            ("markdown", "at [port](http://x.example/a) **80**, `now`"),
            ("tags and entities", "<p>at&nbsp;port<br/>&#56;0, n&#x6f;w</p>"),
            ("no-break blanks and a zero-width sign", "at\u{a0}port 8\u{200b}0, now"),
        ] {
            assert_eq!(Pasted::of(text).compact(), "atport80,now", "{case}");
        }
    }

    #[test]
    fn a_part_is_given_back_with_its_blanks() {
        let pasted = Pasted::of("with the\n> **Zeus  Game Over** botnet");
        let after = pasted.after(&["withthe"], Some).expect("it is there");
        assert_eq!(pasted.spelling(&after[..12]), "Zeus Game Over");
    }
}
