//! What does the house forbid in one file? Each rule takes a source and returns the lines that break it.

use super::source::{Source, is_word, tokens};

/// Lines of a function, head and closing brace included, at most: it fits a screen.
const FUNCTION_LINES_MAX: usize = 60;
/// Lines of a file before its tests, at most.
const FILE_LINES_MAX: usize = 400;
/// Folders below `src`, at most.
const FOLDERS_MAX: usize = 2;

/// A broken rule: the line, counted from 0, and what is wrong there.
pub type Fault = (usize, String);

pub fn clock(source: &Source) -> Vec<Fault> {
    if source.path == "edge/clock.rs" {
        return Vec::new();
    }
    let readings =
        ["Timestamp::now", "Zoned::now", "SystemTime::now", "Instant::now", "Utc::now", ".elapsed("];
    found(source, &readings, "reads the clock")
}

pub fn purity(source: &Source) -> Vec<Fault> {
    if !source.path.starts_with("pure/") {
        return Vec::new();
    }
    let world = [
        "std::fs",
        "std::process",
        "std::thread",
        "std::env",
        "std::io",
        "std::os",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "ToSocketAddrs",
        "println!",
        "print!",
        "eprintln!",
        "eprint!",
        "tracing::",
        "async fn",
        "async move",
        ".await",
        "tokio::",
        "rusqlite::",
        "rustix::",
        "libc::",
        "lettre::",
        "handlebars::",
        "indicatif::",
        "signal_hook::",
        "tempfile::",
        "rand::",
        "thread_rng",
        "RandomState",
    ];
    let mut faults = found(source, &world, "leaves pure");
    // Our own reader of the format has the same name as the crate.
    let pcap = tokens(&source.code, "pcap::").into_iter().filter(|at| !source.code[..*at].ends_with("::"));
    faults.extend(pcap.map(|at| (source.line(at), "leaves pure: pcap::".to_owned())));
    faults
}

pub fn unwraps(source: &Source) -> Vec<Fault> {
    found(source, &[".unwrap()"], "an error must be handled, or a broken invariant named by `expect`")
}

pub fn unsafe_blocks(source: &Source) -> Vec<Fault> {
    if source.path.starts_with("edge/") {
        return Vec::new();
    }
    found(source, &["unsafe "], "only edges talk to the kernel")
}

/// Both ruin the messages about a file: they forget where a value stood.
pub fn serde_attributes(source: &Source) -> Vec<Fault> {
    let attributes = tokens(&source.code, "serde(").into_iter().flat_map(|at| {
        let attribute = &source.code[at..at + source.code[at..].find(']').unwrap_or(0)];
        ["flatten", "untagged"]
            .into_iter()
            .filter(move |word| !tokens(attribute, word).is_empty())
            .map(move |word| (source.line(at), format!("serde's `{word}` forgets where a value stood")))
    });
    attributes.collect()
}

pub fn leftovers(source: &Source) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (number, line) in source.text.lines().enumerate() {
        for word in ["dbg!", "todo!", "unimplemented!", "TODO", "FIXME", "XXX"] {
            if !tokens(line, word).is_empty() {
                faults.push((number, format!("{word} is left over")));
            }
        }
    }
    faults
}

pub fn function_length(source: &Source) -> Vec<Fault> {
    let long = source.functions().into_iter().filter(|(_, lines)| lines.len() > FUNCTION_LINES_MAX);
    long.map(|(name, lines)| (lines.start, format!("`{name}` has {} lines", lines.len()))).collect()
}

pub fn file_length(source: &Source) -> Vec<Fault> {
    let lines = source.production.lines().count();
    if lines > FILE_LINES_MAX { vec![(lines - 1, format!("{lines} lines"))] } else { Vec::new() }
}

pub fn file_head(source: &Source) -> Vec<Fault> {
    if source.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![(0, "does not begin with `//!` and the question that it answers".to_owned())]
}

/// Functions, types and constants; fields and variants may speak for themselves. What a macro makes has
/// the comment that the macro is given.
pub fn item_docs(source: &Source) -> Vec<Fault> {
    let lines: Vec<&str> = source.production.lines().collect();
    let mut faults = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some(item) = line.trim_start().strip_prefix("pub ").filter(|item| is_item(item)) else {
            continue;
        };
        let above = lines[..number].iter().rev().map(|line| line.trim());
        // Attributes may span lines: their inner and last lines are no comments either.
        let is_documented = above
            .take_while(|line| !line.is_empty() && !line.ends_with(['{', ';', '}']))
            .any(|line| line.starts_with("///") || line.starts_with("$(#[$doc"));
        if !is_documented {
            faults.push((number, format!("no `///` above `{}`", item.trim_end_matches(['{', ' ']))));
        }
    }
    faults
}

fn is_item(code: &str) -> bool {
    let word: String = code.chars().take_while(|c| is_word(*c)).collect();
    ["fn", "async", "unsafe", "struct", "enum", "trait", "type", "const", "static", "macro_rules", "union"]
        .contains(&word.as_str())
}

pub fn depth(source: &Source) -> Vec<Fault> {
    let folders = source.path.matches('/').count();
    if folders > FOLDERS_MAX { vec![(0, format!("lies {folders} folders deep"))] } else { Vec::new() }
}

fn found(source: &Source, words: &[&str], why: &str) -> Vec<Fault> {
    let mut faults = Vec::new();
    for word in words {
        let is_member = word.starts_with('.');
        let places: Vec<usize> = if is_member {
            source.code.match_indices(word).map(|(at, _)| at).collect()
        } else {
            tokens(&source.code, word)
        };
        faults.extend(places.into_iter().map(|at| (source.line(at), format!("`{}`: {why}", word.trim()))));
    }
    faults
}
