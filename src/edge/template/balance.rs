//! Which block of a template is never closed, and which stands too deep in others? Its place, where the parser says
//! only that the end of the file came too soon, or takes for ever.
//!
//! It must never call a template wrong that can be read.

/// Something wrong in the text of a template, which shows without rendering it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Slip {
    /// From 1, as the column.
    pub line: usize,
    pub column: usize,
    pub what: String,
    pub cure: &'static str,
}

const CLOSE: &str = "close every {{#if}} and {{#each}} with {{/if}} and {{/each}}, innermost first";

/// Blocks that stand in each other: four times what the shipped ones need. To read them takes the longer the deeper
/// they are, and thousands take for ever.
const DEPTH_MAX: usize = 16;

/// A tag: its place in bytes, and what stands between its braces.
struct Tag<'a> {
    at: usize,
    inner: &'a str,
}

/// The first block or tag that is not closed, or the first end without a beginning; `None` when all are even.
pub fn slip(text: &str) -> Option<Slip> {
    let mut open: Vec<(usize, &str)> = Vec::new();
    let mut rest_at = 0;
    while let Some(at) = text[rest_at..].find("{{").map(|found| rest_at + found) {
        let Some(tag) = tag(text, at) else {
            return Some(told(text, at, "this {{ is never closed".to_owned(), "write }} behind it"));
        };
        rest_at = tag.at + 2 + tag.inner.len();
        let inner = tag.inner.trim_start_matches(['{', '~']);
        match inner.chars().next() {
            Some('#') => open.push((tag.at, name(inner.trim_start_matches(['#', '>', '*', ' '])))),
            Some('/') => {
                let ended = name(&inner[1..]);
                match open.pop() {
                    None => {
                        return Some(told(text, tag.at, format!("{{{{/{ended}}}}} closes nothing"), CLOSE));
                    }
                    Some((at, begun)) if begun != ended => {
                        return Some(mixed(text, at, begun, (tag.at, ended)));
                    }
                    Some(_) => {}
                }
            }
            _ => {}
        }
    }
    let (at, begun) = open.pop()?;
    Some(told(text, at, format!("{{{{#{begun}}}}} is never closed"), CLOSE))
}

/// The first block that stands in too many others.
pub fn too_deep(text: &str) -> Option<Slip> {
    let (mut depth, mut rest_at) = (0_usize, 0);
    while let Some(at) = text[rest_at..].find("{{").map(|found| rest_at + found) {
        let tag = tag(text, at)?;
        rest_at = tag.at + 2 + tag.inner.len();
        let inner = tag.inner.trim_start_matches(['{', '~']);
        depth = match inner.chars().next() {
            Some('#') => depth + 1,
            // Without a name it is an `{{else}}`.
            Some('^') if !name(&inner[1..]).is_empty() => depth + 1,
            Some('/') => depth.saturating_sub(1),
            _ => depth,
        };
        if depth > DEPTH_MAX {
            let what = format!("this block stands in more than {} others", DEPTH_MAX - 1);
            return Some(told(text, tag.at, what, "put what is in it into a template that it includes"));
        }
    }
    None
}

/// The tag that begins here, a comment among them; `None` where it has no end.
fn tag(text: &str, at: usize) -> Option<Tag<'_>> {
    let inner = &text[at + 2..];
    let end = if inner.starts_with("!--") { "--}}" } else { "}}" };
    Some(Tag { at, inner: &inner[..inner.find(end)?] })
}

fn name(inner: &str) -> &str {
    let end = inner.find(|sign: char| sign.is_whitespace() || matches!(sign, '~' | '}'));
    inner[..end.unwrap_or(inner.len())].trim()
}

fn mixed(text: &str, at: usize, begun: &str, (ended_at, ended): (usize, &str)) -> Slip {
    let (line, _) = place(text, ended_at);
    let what = format!("{{{{#{begun}}}}} is not closed before {{{{/{ended}}}}} in line {line}");
    told(text, at, what, CLOSE)
}

fn told(text: &str, at: usize, what: String, cure: &'static str) -> Slip {
    let (line, column) = place(text, at);
    Slip { line, column, what, cure }
}

/// Line and column, from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::template::SHIPPED;

    #[test]
    fn the_block_that_is_not_closed_is_named_with_its_place() {
        for (text, expected) in [
            ("a {{b}} {{! c {{#if }} {{!-- {{#if d}} --}} {{~#if e~}} {{else}} {{~/if~}}", None),
            ("{{#> layout}}{{> @partial-block}}{{/layout}}", None),
            ("{{#if a}}\n{{#each b}}c{{/each}}\nd", Some((1, 1, "{{#if}} is never closed"))),
            ("a\n  {{#if a}}{{#if b}}{{/if}}", Some((2, 3, "{{#if}} is never closed"))),
            ("\u{e9} {{#each a}}\n{{/if}}", Some((1, 3, "{{#each}} is not closed before {{/if}} in line 2"))),
            ("a\n{{/if}}", Some((2, 1, "{{/if}} closes nothing"))),
            ("a {{b", Some((1, 3, "this {{ is never closed"))),
            ("{{!-- a }}", Some((1, 1, "this {{ is never closed"))),
            ("{{#> layout}}", Some((1, 1, "{{#layout}} is never closed"))),
            ("", None),
        ] {
            let told = slip(text);
            let told = told.as_ref().map(|slip| (slip.line, slip.column, slip.what.as_str()));
            assert_eq!(told, expected, "{text}");
        }
        for (name, text) in SHIPPED {
            assert_eq!(slip(text), None, "{name}");
        }
    }

    #[test]
    fn blocks_stand_in_each_other_as_deep_as_can_be_read() {
        let nested = |depth: usize| "{{#if a}}".repeat(depth) + "x{{^}}y" + &"{{/if}}".repeat(depth);
        for (row, text, expected) in [
            ("as deep as may be", nested(16), None),
            ("one deeper", nested(17), Some((1, 145))),
            ("one after the other", "{{#if a}}{{^if b}}{{/if}}{{/if}}".repeat(100), None),
            ("the other way round", "{{^a}}".repeat(17), Some((1, 97))),
        ] {
            let told = too_deep(&text).map(|slip| (slip.line, slip.column));
            assert_eq!(told, expected, "{row}");
        }
        for (name, text) in SHIPPED {
            assert_eq!(too_deep(text), None, "{name}");
        }
    }
}
