//! Which way is a text written? A name in Arabic or Hebrew turns around the numbers and marks beside it, unless
//! it is set apart (Unicode Standard Annex 9).
//!
//! Used on everything that people read, pages and mails alike; a text without such letters stays as it is.

/// What begins a part that is set apart, and takes its direction from its own first letter; and its end.
const ISOLATE: char = '\u{2068}';
const POP: char = '\u{2069}';

/// The text with each part that is written from right to left set apart from what stands beside it. It must
/// hold no such marks of its own, as after `words::clean_text`.
pub fn isolated(text: &str) -> String {
    if !text.chars().any(is_rightward) {
        return text.to_owned();
    }
    let signs: Vec<char> = text.chars().collect();
    let mut apart = String::with_capacity(text.len() + 16);
    let mut at = 0;
    while at < signs.len() {
        if !is_rightward(signs[at]) {
            apart.push(signs[at]);
            at += 1;
            continue;
        }
        let end = end_of_part(&signs, at);
        apart.push(ISOLATE);
        apart.extend(&signs[at..end]);
        apart.push(POP);
        at = end;
    }
    apart
}

/// The same marks in lines that a text was broken into: a part that goes on in the next line is closed at the
/// end of this one, and opened there again.
pub fn closed_in_lines(text: &str) -> String {
    if !text.contains(ISOLATE) {
        return text.to_owned();
    }
    let mut closed = String::with_capacity(text.len() + 16);
    let mut is_open = false;
    for line in text.split_inclusive('\n') {
        let body = line.trim_start_matches(' ');
        closed.push_str(&line[..line.len() - body.len()]);
        closed.extend(is_open.then_some(ISOLATE));
        let last = body.rfind([ISOLATE, POP]);
        is_open = last.map_or(is_open, |last| body[last..].starts_with(ISOLATE));
        closed.push_str(body.trim_end_matches('\n'));
        closed.extend(is_open.then_some(POP));
        closed.extend(line.ends_with('\n').then_some('\n'));
    }
    closed
}

/// Where the part that begins at `start` ends: behind its last letter before one of the other direction, a
/// number that hangs on it, and the bracket that closes one within it.
fn end_of_part(signs: &[char], start: usize) -> usize {
    let is_leftward = |sign: &char| sign.is_alphabetic() && !is_rightward(*sign);
    let until = signs[start..].iter().position(is_leftward).map_or(signs.len(), |length| start + length);
    let last = signs[start..until].iter().rposition(|sign| is_rightward(*sign)).unwrap_or(0);
    let mut end = start + last + 1;
    while end < until && (signs[end].is_numeric() || is_joint(&signs[end..until])) {
        end += 1;
    }
    let of = |wanted: char| signs[start..end].iter().filter(|sign| **sign == wanted).count();
    let is_closing = |(open, close): (char, char)| signs.get(end) == Some(&close) && of(open) > of(close);
    end + usize::from([('(', ')'), ('[', ']')].into_iter().any(is_closing))
}

/// A mark within a name, with a number behind it: `-2`.
fn is_joint(rest: &[char]) -> bool {
    matches!(rest, ['-' | '_' | '/' | '.', next, ..] if next.is_numeric())
}

/// A letter of a script that is written from right to left: Hebrew to Arabic and their extensions, and the
/// blocks that Unicode keeps for such scripts.
fn is_rightward(sign: char) -> bool {
    matches!(sign,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefe}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_from_right_to_left_is_set_apart_and_nothing_else_is() {
        for (text, expected) in [
            ("Springfield School", "Springfield School"),
            ("École 7", "École 7"),
            ("مدرسة: 2 tickets", "<مدرسة>: 2 tickets"),
            ("LAB מעבדה at 3", "LAB <מעבדה> at 3"),
            ("مدرسة الأمل", "<مدرسة الأمل>"),
            ("مدرسة-2, 3", "<مدرسة-2>, 3"),
            ("مدرسة (الأولى) 5", "<مدرسة (الأولى)> 5"),
            ("مدرسة and מעבדה.", "<مدرسة> and <מעבדה>."),
            ("(مدرسة) 5", "(<مدرسة>) 5"),
        ] {
            let shown = isolated(text).replace(ISOLATE, "<").replace(POP, ">");
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn a_part_that_was_broken_into_lines_is_set_apart_in_each() {
        for (text, expected) in [
            ("a b\nc\n", "a b\nc\n"),
            ("a <b\n  c> d\n", "a <b>\n  <c> d\n"),
            ("<a\nb\nc>", "<a>\n<b>\n<c>"),
            ("<a> b\nc\n", "<a> b\nc\n"),
        ] {
            let marked = text.replace('<', "\u{2068}").replace('>', "\u{2069}");
            let shown = closed_in_lines(&marked).replace(ISOLATE, "<").replace(POP, ">");
            assert_eq!(shown, expected);
        }
    }
}
