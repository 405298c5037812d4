//! Who may use whom? Every path that begins with `crate`, `super` or `self`, as an import or in the
//! middle of code, against the flow of ARCHITECTURE.md; and traits, which need two who implement them.

use super::rules::Fault;
use super::source::{Source, is_word, tokens};

/// The modules of `pure` in reading order, from its `mod.rs`.
pub fn pure_order(sources: &[Source]) -> Vec<String> {
    let list = sources.iter().find(|source| source.path == "pure/mod.rs");
    let lines = list.map_or("", |list| &list.code).lines();
    lines.filter_map(|line| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned())).collect()
}

/// The uses against the flow.
pub fn imports(source: &Source, order: &[String]) -> Vec<Fault> {
    let here = source.module();
    let faults = uses(source).into_iter().filter_map(|(line, there)| {
        let there: Vec<&str> = there.iter().map(String::as_str).collect();
        let why = against_flow(&here, &there, order)?;
        Some((line, format!("`{}` uses `{}`: {why}", here.join("::"), there.join("::"))))
    });
    faults.collect()
}

/// Why `here` may not use `there`; `None` when it may.
fn against_flow(here: &[&str], there: &[&str], order: &[String]) -> Option<&'static str> {
    match (here, there) {
        // The root lists modules, and whoever names the root itself is no wiser for it.
        ([] | ["cli", ..], _) | (_, []) => None,
        (_, ["cli", ..]) => Some("only the command line knows the command line"),
        (["pure", ..], ["pure"]) => None,
        (["pure"], ["pure", ..]) => None,
        (["pure", mine, ..], ["pure", theirs, ..]) => {
            let place = |name: &str| order.iter().position(|module| module == name);
            (place(theirs) > place(mine)).then_some("it stands below in pure/mod.rs")
        }
        (["pure", ..], _) => Some("pure uses nothing but pure"),
        (_, ["pure", ..]) => None,
        (["edge", "perform", ..], ["edge" | "engine", ..]) => None,
        (["edge", mine, ..], ["edge", theirs, ..]) => {
            (mine != theirs).then_some("edges do not know each other")
        }
        (["edge"], ["edge", ..]) => None,
        (["edge", ..], _) => Some("edges use pure only"),
        (["engine", ..], ["engine", ..] | ["edge", "store", ..]) => None,
        (["engine", ..], _) => Some("the engine uses pure and the store"),
        (["season", ..], ["season" | "engine", ..] | ["edge", "perform", ..]) => None,
        (["season", ..], _) => Some("a season uses the engine and perform"),
        _ => Some("this room is not in the flow: put it into ARCHITECTURE.md and here"),
    }
}

/// Every path of the crate that the file names, from the root, with its line.
fn uses(source: &Source) -> Vec<(usize, Vec<String>)> {
    let mut uses = Vec::new();
    for start in ["crate::", "super::", "self::"] {
        for at in tokens(&source.code, start) {
            // `super::super::x` is met at its first word; `pub(super)` has no `::`.
            if source.code[..at].ends_with("::") {
                continue;
            }
            let paths = expand(&source.code[at..]);
            uses.extend(paths.into_iter().map(|path| (source.line(at), from_root(source, &path))));
        }
    }
    uses
}

fn from_root(source: &Source, path: &[String]) -> Vec<String> {
    let mut root: Vec<String> = source.module().into_iter().map(str::to_owned).collect();
    for word in path {
        match word.as_str() {
            "crate" => root.clear(),
            "self" => {}
            "super" => drop(root.pop()),
            _ => root.push(word.clone()),
        }
    }
    root
}

/// The paths that begin here; braces make several.
fn expand(code: &str) -> Vec<Vec<String>> {
    let word: String = code.chars().take_while(|c| is_word(*c)).collect();
    let Some(rest) = code[word.len()..].strip_prefix("::") else { return vec![vec![word]] };
    let ends = match rest.strip_prefix('{') {
        Some(list) => members(list).into_iter().flat_map(expand).collect(),
        None => expand(rest),
    };
    ends.into_iter().map(|end| [vec![word.clone()], end].concat()).collect()
}

/// The members of a list in braces, up to its end.
fn members(list: &str) -> Vec<&str> {
    let (mut depth, mut begin, mut members) = (0usize, 0, Vec::new());
    for (at, c) in list.char_indices() {
        if depth == 0 && (c == ',' || c == '}') {
            members.push(list[begin..at].trim());
            begin = at + 1;
        }
        match c {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    members.into_iter().filter(|member| !member.is_empty()).collect()
}

/// Traits of this file that fewer than two types of the project implement.
pub fn lonely_traits(source: &Source, sources: &[Source]) -> Vec<Fault> {
    let declared = tokens(&source.code, "trait ").into_iter().map(|at| {
        let name: String = source.code[at + "trait ".len()..].chars().take_while(|c| is_word(*c)).collect();
        (source.line(at), name)
    });
    let lonely = declared.filter_map(|(line, name)| {
        let implementors: usize = sources.iter().map(|source| implementors(source, &name)).sum();
        (implementors < 2).then(|| (line, format!("trait `{name}` has {implementors} implementors")))
    });
    lonely.collect()
}

fn implementors(source: &Source, name: &str) -> usize {
    let heads = tokens(&source.code, "impl").into_iter().filter_map(|at| {
        let head = source.code[at..].split('{').next()?;
        let (interface, _) = head.split_once(" for ")?;
        tokens(interface, name).into_iter().find(|at| !interface[at + name.len()..].starts_with(is_word))
    });
    heads.count()
}
