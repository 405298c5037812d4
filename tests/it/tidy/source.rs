//! What does a source file hold, seen as text? Its production part, with comments and literals blanked so
//! that only code is left, and its functions.

use std::ops::Range;
use std::path::Path;

/// A file below `src`.
pub struct Source {
    /// Relative to `src`, with slashes.
    pub path: String,
    /// As written, tests included.
    pub text: String,
    /// The part before the tests; nothing of a file of tests.
    pub production: String,
    /// The same, line for line, with comments and the insides of literals blanked.
    pub code: String,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Source {
        let is_tests = path.ends_with("tests.rs");
        let production = if is_tests { "" } else { &text[..tests_begin(text)] };
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            production: production.to_owned(),
            code: blanked(production),
        }
    }

    /// Every source file of the project.
    pub fn all() -> Vec<Source> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut sources = Vec::new();
        collect(&root, &root, &mut sources);
        sources.sort_by(|left, right| left.path.cmp(&right.path));
        sources
    }

    /// The module of the file: `pure/ticket/mod.rs` is `pure::ticket`, `lib.rs` the crate itself.
    pub fn module(&self) -> Vec<&str> {
        let stem = self.path.trim_end_matches(".rs");
        let stem = stem.strip_suffix("/mod").unwrap_or(stem);
        if stem == "lib" || stem == "main" { Vec::new() } else { stem.split('/').collect() }
    }

    /// Every function with its name and the lines from its head to its closing brace, counted from 0.
    pub fn functions(&self) -> Vec<(String, Range<usize>)> {
        let heads = tokens(&self.code, "fn ").into_iter();
        let functions = heads.filter_map(|head| {
            let name: String = self.code[head + 3..].chars().take_while(|c| is_word(*c)).collect();
            let end = body_end(&self.code[head..])?;
            (!name.is_empty()).then(|| (name, self.line(head)..self.line(head + end) + 1))
        });
        functions.collect()
    }

    /// The line of a place in `code`, counted from 0.
    pub fn line(&self, offset: usize) -> usize {
        self.code[..offset].matches('\n').count()
    }
}

/// Where `token` stands in `code` as a word of its own, not as the end of a longer one.
pub fn tokens(code: &str, token: &str) -> Vec<usize> {
    let places = code.match_indices(token).map(|(at, _)| at);
    places.filter(|at| !code[..*at].ends_with(is_word)).collect()
}

pub fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn collect(root: &Path, directory: &Path, sources: &mut Vec<Source>) {
    for entry in std::fs::read_dir(directory).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            collect(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("source files are text");
            let name = path.strip_prefix(root).expect("below src").to_str().expect("names are ASCII");
            sources.push(Source::new(name, &text));
        }
    }
}

/// Where the inline tests begin: the attribute in front of `mod … {`; else the end.
fn tests_begin(text: &str) -> usize {
    let places = text.match_indices("#[cfg(test)]\n").map(|(at, attribute)| (at, at + attribute.len()));
    let inline = |(_, after): &(usize, usize)| {
        let line = text[*after..].lines().next().unwrap_or("");
        line.trim_start().starts_with("mod ") && line.ends_with('{')
    };
    places.clone().find(inline).map_or(text.len(), |(at, _)| at)
}

/// The end of the function that begins `code`, if it has a body.
fn body_end(code: &str) -> Option<usize> {
    let mut depth = 0i32;
    for (at, c) in code.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            ';' if depth == 0 => return None,
            _ => {}
        }
        if c == '}' && depth == 0 {
            return Some(at);
        }
    }
    None
}

/// `text` with every comment and the inside of every literal blanked; lines stay where they are.
fn blanked(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_in_word = code.ends_with(is_word);
        let (length, keep) = match literal_length(rest, is_in_word) {
            Some(length) => (length, false),
            None => (first.len_utf8(), true),
        };
        let (piece, after) = rest.split_at(length);
        if keep {
            code.push(first);
        } else {
            code.extend(piece.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        }
        rest = after;
    }
    code
}

/// How long the comment or literal is that begins here, if one does.
fn literal_length(rest: &str, is_in_word: bool) -> Option<usize> {
    let until =
        |end: &str, from: usize| rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len());
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(until("*/", 2));
    }
    if !is_in_word && let Some(quote) = rest.find('"').filter(|at| is_raw_start(&rest[..*at])) {
        let hashes = rest[..quote].matches('#').count();
        return Some(until(&format!("\"{}", "#".repeat(hashes)), quote + 1));
    }
    match rest.as_bytes().first() {
        Some(b'"') => Some(quoted_length(rest, '"')),
        // A quote that closes after one character, or after an escape, is no lifetime.
        Some(b'\'') if rest[1..].starts_with('\\') => Some(quoted_length(rest, '\'')),
        Some(b'\'') if rest.chars().nth(2) == Some('\'') => Some(quoted_length(rest, '\'')),
        _ => None,
    }
}

/// Whether this opens a raw string: `r`, `br` or `cr`, and any number of `#`.
fn is_raw_start(before: &str) -> bool {
    ["r", "br", "cr"].contains(&before.trim_end_matches('#'))
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[test]
fn only_code_is_left() {
    for (name, text, wanted) in [
        ("a comment", "a // dbg!\nb", "a        \nb"),
        ("a comment over lines", "a/* x\ny */b", "a    \n    b"),
        ("a string with a quote", r#"f("a\"b")g"#, "f(      )g"),
        ("a raw string", "f(r#\"a\"b\"#)g", "f(        )g"),
        ("a name that ends in r", "bar\"x\"", "bar   "),
        ("a character that is a quote", "f('\"')g", "f(   )g"),
        ("an escaped character", r"f('\'')g", "f(    )g"),
        ("a lifetime", "f(&'a str)g", "f(&'a str)g"),
    ] {
        assert_eq!(blanked(text), wanted, "{name}");
    }
}

#[test]
fn functions_end_with_their_brace() {
    let text = "impl A {\n    fn one(a: [u8; 2]) -> u8 {\n        if x { \"}\" }\n    }\n    fn none();\n}\nfn two() {}\n";
    let source = Source::new("a.rs", text);
    assert_eq!(source.functions(), [("one".to_owned(), 1..4), ("two".to_owned(), 6..7)]);
}

#[test]
fn tests_are_no_production() {
    let text = "#[cfg(test)]\nmod tests;\nfn a() {}\n#[cfg(test)]\nmod more {\n    fn b() {}\n}\n";
    assert_eq!(Source::new("a.rs", text).production, "#[cfg(test)]\nmod tests;\nfn a() {}\n");
    assert_eq!(Source::new("a/gap_tests.rs", text).production, "");
}
