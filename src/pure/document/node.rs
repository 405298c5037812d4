//! What does the text say, as YAML? Text in, a tree of [`Node`]s that know their places out.
//!
//! Right of it is `read`. Every list here is bounded, since the text may be hostile: one document,
//! [`NODES_MAX`] nodes after aliases are resolved, [`DEPTH_MAX`] levels. Nothing is guessed: a plain
//! scalar stays text until a type asks for a number.

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, StrInput};
use std::collections::{BTreeMap, BTreeSet};

/// Nodes of one file, those of resolved aliases included; a large playbook has a few hundred.
pub const NODES_MAX: usize = 20_000;

/// Levels of lists and mappings; a playbook has five.
pub const DEPTH_MAX: usize = 64;

/// A longer value is not repeated in a cure, in characters.
const QUOTED_MAX: usize = 60;

/// A stretch of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// In characters; cut at the end of the line when it is shown.
    pub length: usize,
}

impl Span {
    /// Where a file begins: the place of what it lacks as a whole.
    pub const START: Span = Span { line: 1, column: 1, length: 1 };
}

/// One thing that is wrong, before it is known in which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub span: Span,
    pub what: String,
    pub cure: Option<String>,
}

/// A value, where it stands, and a number by which it can be found again.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: usize,
    pub span: Span,
    pub kind: Kind,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Kind {
    Scalar {
        text: String,
        is_plain: bool,
    },
    List(Vec<Node>),
    /// In the order of the text; no two keys have the same text.
    Map(Vec<(Node, Node)>),
    /// A fault in it has been reported; nothing more is to be said of it.
    Broken,
}

impl Node {
    /// Whether it is a value that YAML reads as nothing: an empty plain scalar, `~` or `null`.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, is_plain: true }
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }
}

/// Reads `text`. The tree is `None` when the text is no YAML or breaks a limit; then there is at
/// least one fault.
pub fn load(text: &str) -> (Option<Node>, Vec<Fault>) {
    let mut loader =
        Loader { parser: Parser::new_from_str(text), anchors: BTreeMap::new(), nodes: 0, faults: Vec::new() };
    match loader.document() {
        Ok(mut root) => {
            number(&mut root, &mut 0);
            (Some(root), loader.faults)
        }
        Err(fault) => {
            loader.faults.push(hinted(fault, text));
            (None, loader.faults)
        }
    }
}

struct Loader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    faults: Vec<Fault>,
}

impl<'a> Loader<'a> {
    fn document(&mut self) -> Result<Node, Fault> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::Nothing | Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
                _ if root.is_some() => {
                    return Err(fault(
                        span,
                        "a second document begins here",
                        "one file holds one document: split it",
                    ));
                }
                event => root = Some(self.value(event, span, 0)?),
            }
        }
        root.ok_or_else(|| {
            fault(Span::START, "the file is empty", "`allclear init` writes one to start from")
        })
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Fault> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, on_one_line(span))),
            Some(Err(error)) => Err(scan_fault(&error)),
            None => Ok((Event::StreamEnd, Span::START)),
        }
    }

    fn value(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node, Fault> {
        self.count(1, span)?;
        if depth > DEPTH_MAX {
            return Err(fault(
                span,
                &format!("nested more than {DEPTH_MAX} levels deep"),
                "write it flatter",
            ));
        }
        let (kind, anchor, tag) = match event {
            Event::Alias(anchor) => return self.alias(anchor, span),
            Event::Scalar(text, style, anchor, tag) => {
                let is_plain = style == ScalarStyle::Plain;
                (Kind::Scalar { text: text.into_owned(), is_plain }, anchor, tag)
            }
            Event::SequenceStart(anchor, tag) => (Kind::List(self.list(depth)?), anchor, tag),
            Event::MappingStart(anchor, tag) => (Kind::Map(self.map(depth)?), anchor, tag),
            _ => return Err(fault(span, "the text ends in the middle of a value", "complete it")),
        };
        if tag.is_some() {
            self.faults.push(fault(
                span,
                "a tag (`!…`) is not read here",
                "remove it, or put the text in quotes",
            ));
        }
        let node = Node { id: 0, span, kind };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Fault> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.value(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<(Node, Node)>, Fault> {
        let mut entries: Vec<(Node, Node)> = Vec::new();
        let mut names = BTreeSet::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(entries);
            }
            let key = self.value(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let mut value = self.value(event, span, depth + 1)?;
            if !matches!(value.kind, Kind::Scalar { .. }) && value.span.line > key.span.line {
                value.span = key.span;
            }
            match self.key_fault(&key, &mut names) {
                Some(fault) => self.faults.push(fault),
                None => entries.push((key, value)),
            }
        }
    }

    fn key_fault(&self, key: &Node, names: &mut BTreeSet<String>) -> Option<Fault> {
        match key.text() {
            None => Some(fault(
                key.span,
                "a key must be text",
                "text that begins with `{` or `[` is put in quotes",
            )),
            Some("<<") => Some(fault(key.span, "merge keys (`<<`) are not read", "write the keys out")),
            Some(name) if !names.insert(name.to_owned()) => {
                Some(fault(key.span, &format!("the key `{name}` is there twice"), "keep one of them"))
            }
            Some(_) => None,
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<Node, Fault> {
        let Some(original) = self.anchors.get(&anchor) else {
            return Err(fault(span, "the alias refers to something that contains it", "write the value out"));
        };
        let mut copy = original.clone();
        self.count(size(&copy), span)?;
        point_to(&mut copy, span);
        Ok(copy)
    }

    fn count(&mut self, nodes: usize, span: Span) -> Result<(), Fault> {
        self.nodes += nodes;
        if self.nodes <= NODES_MAX {
            return Ok(());
        }
        let what = format!("more than {NODES_MAX} values in one file");
        Err(fault(span, &what, "long lists go into a watchlist file, which `file:` names"))
    }
}

fn fault(span: Span, what: &str, cure: &str) -> Fault {
    Fault { span, what: what.to_owned(), cure: Some(cure.to_owned()) }
}

/// The part of a span that lies on its first line; a caret cannot underline more.
fn on_one_line(span: saphyr_parser::Span) -> Span {
    let (start, end) = (span.start, span.end);
    let length = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { usize::MAX };
    Span { line: start.line().max(1), column: start.col() + 1, length: length.max(1) }
}

fn size(node: &Node) -> usize {
    1 + match &node.kind {
        Kind::List(items) => items.iter().map(size).sum(),
        Kind::Map(entries) => entries.iter().map(|(key, value)| size(key) + size(value)).sum(),
        _ => 0,
    }
}

/// A fault in what an alias stands for is shown where the alias is used.
fn point_to(node: &mut Node, span: Span) {
    node.span = span;
    for_children(node, &mut |child| point_to(child, span));
}

fn number(node: &mut Node, next: &mut usize) {
    node.id = *next;
    *next += 1;
    for_children(node, &mut |child| number(child, next));
}

fn for_children(node: &mut Node, act: &mut dyn FnMut(&mut Node)) {
    match &mut node.kind {
        Kind::List(items) => items.iter_mut().for_each(act),
        Kind::Map(entries) => entries.iter_mut().for_each(|(key, value)| {
            act(key);
            act(value);
        }),
        Kind::Scalar { .. } | Kind::Broken => {}
    }
}

fn scan_fault(error: &ScanError) -> Fault {
    let mark = error.marker();
    let span = Span { line: mark.line().max(1), column: mark.col() + 1, length: 1 };
    Fault { span, what: format!("this is no YAML: {}", error.info()), cure: None }
}

/// What people write when YAML reads something else, by what the line looks like.
fn hinted(mut fault: Fault, text: &str) -> Fault {
    if fault.cure.is_some() {
        return fault;
    }
    // The parser notices a slip late, and a tab early.
    let near = [fault.span.line, fault.span.line.saturating_sub(1), fault.span.line + 1];
    let lines: Vec<&str> = text.lines().collect();
    let shown = near.iter().filter_map(|line| lines.get(line.checked_sub(1)?).map(|text| (*line, *text)));
    for (line, text) in shown {
        if let Some((column, length, what, cure)) = trap(text) {
            let span = Span { line, column, length };
            return Fault { span, what: what.to_owned(), cure: Some(cure) };
        }
    }
    fault.cure =
        Some("check indentation, colons, brackets and quotes on this line and the one above".to_owned());
    fault
}

fn trap(line: &str) -> Option<(usize, usize, &'static str, String)> {
    let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
    if let Some(tab) = indent.chars().position(|c| c == '\t') {
        return Some((tab + 1, 1, "a tab in the indentation", "indent with spaces".to_owned()));
    }
    let (key, value) = line.split_once(": ")?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    let column = key.chars().count() + 3;
    let first = value.chars().next()?;
    let length = value.chars().count();
    let quoted = match length <= QUOTED_MAX {
        true => format!("put it in quotes: `\"{value}\"`"),
        false => "put it in quotes".to_owned(),
    };
    match first {
        '*' | '@' | '&' | '!' | '%' | '`' | '|' | '>' => {
            Some((column, length, "YAML gives this first character a meaning of its own", quoted))
        }
        '"' | '\'' | '[' | '{' => None,
        _ if value.contains(": ") => Some((column, length, "a second `: ` on one line", quoted)),
        _ => None,
    }
}
