//! Are the conventions of the house kept? Every rule that a text can be asked about, over all of `src`.
//!
//! Each rule is shown here on a snippet that breaks it and on one that does not. What is excepted stands
//! in one list, with a reason; a line of it that excepts nothing any more is a fault, so it only shrinks.

mod flow;
mod rules;
mod source;

use rules::Fault;
use source::Source;

/// A rule by name, and the file that may break it, with the reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[];

/// Half of all functions are no longer than this, and nine in ten no longer than the second number.
const FUNCTION_LINES_MEDIAN_MAX: usize = 10;
const FUNCTION_LINES_90TH_MAX: usize = 30;

type Rule = (&'static str, Box<dyn Fn(&Source, &[Source]) -> Vec<Fault>>);

fn all_rules() -> Vec<Rule> {
    fn alone(name: &'static str, rule: fn(&Source) -> Vec<Fault>) -> Rule {
        (name, Box::new(move |source, _| rule(source)))
    }
    vec![
        alone("clock", rules::clock),
        alone("purity", rules::purity),
        alone("unwrap", rules::unwraps),
        alone("unsafe", rules::unsafe_blocks),
        alone("serde", rules::serde_attributes),
        alone("leftovers", rules::leftovers),
        alone("function length", rules::function_length),
        alone("file length", rules::file_length),
        alone("file head", rules::file_head),
        alone("item docs", rules::item_docs),
        alone("depth", rules::depth),
        ("imports", Box::new(|source, all| flow::imports(source, &flow::pure_order(all)))),
        ("traits", Box::new(flow::lonely_traits)),
    ]
}

/// Every fault as rule, path and a line for people.
fn faults(sources: &[Source]) -> Vec<(&'static str, String, String)> {
    let mut all = Vec::new();
    for (name, rule) in all_rules() {
        for source in sources {
            all.extend(rule(source, sources).into_iter().map(|(line, what)| {
                (name, source.path.clone(), format!("src/{}:{}: {name}: {what}", source.path, line + 1))
            }));
        }
    }
    all
}

#[test]
fn the_house_is_tidy() {
    let sources = Source::all();
    assert!(sources.len() > 100, "the sources were found");
    let faults = faults(&sources);
    let is_excepted = |rule: &str, path: &str| EXCEPTIONS.iter().any(|(r, p, _)| *r == rule && *p == path);
    let mut lines: Vec<String> = faults
        .iter()
        .filter(|(rule, path, _)| !is_excepted(rule, path))
        .map(|(_, _, line)| line.clone())
        .collect();
    lines.extend(
        EXCEPTIONS
            .iter()
            .filter(|(rule, path, _)| !faults.iter().any(|(r, p, _)| r == rule && p == path))
            .map(|(rule, path, _)| format!("src/{path} keeps '{rule}' now: take it out of the exceptions")),
    );
    assert!(lines.is_empty(), "{} faults\n{}", lines.len(), lines.join("\n"));
}

#[test]
fn functions_are_short_on_the_whole() {
    let mut lengths: Vec<usize> =
        Source::all().iter().flat_map(Source::functions).map(|(_, lines)| lines.len()).collect();
    lengths.sort_unstable();
    let share = |tenths: usize| lengths[lengths.len() * tenths / 10];
    assert!(share(5) <= FUNCTION_LINES_MEDIAN_MAX, "the median function has {} lines", share(5));
    assert!(share(9) <= FUNCTION_LINES_90TH_MAX, "the 90th percentile of functions is {} lines", share(9));
}

/// A rule, a path, code that breaks the rule there, and code that does not.
type Shown = (&'static str, &'static str, String, String);

fn shown() -> Vec<Shown> {
    let row = |rule, path, bad: &str, good: &str| (rule, path, bad.to_owned(), good.to_owned());
    let lines = |count: usize| "    x;\n".repeat(count);
    let function = |inner: usize| format!("fn long() {{\n{}}}\n", lines(inner));
    let order = "mod list;\n";
    vec![
        row("clock", "edge/store.rs", "let now = Timestamp::now();", "let now = clock::now();"),
        row("clock", "pure/plan.rs", "let took = begun.elapsed();", "// Timestamp::now() is not here"),
        row("purity", "pure/plan.rs", "use std::fs;", "use std::net::IpAddr;"),
        row("purity", "pure/plan.rs", "use pcap::Capture;", "use crate::pure::recording::pcap::Header;"),
        row("purity", "pure/plan.rs", "println!(\"x\");", "let text = \"println!\";"),
        row("purity", "pure/plan.rs", "pub async fn draw() {}", "pub(crate) fn draw() {}"),
        row("purity", "pure/plan.rs", "let n: u8 = rand::random();", "let n = grand::total();"),
        row("unwrap", "cli/scan.rs", "file.unwrap();", "file.unwrap_or(0);"),
        row("unwrap", "cli/scan.rs", "x.unwrap();", "#[cfg(test)]\nmod tests {\n x.unwrap();\n}"),
        row("unsafe", "cli/scan.rs", "unsafe { x() }", "let is_unsafe = 1;"),
        row("serde", "pure/site.rs", "#[serde(default,\n flatten)]", "#[command(flatten)]"),
        row("serde", "pure/site.rs", "#[serde(untagged)]", "#[serde(rename = \"untagged\")]"),
        row("leftovers", "cli/scan.rs", "// TODO: more", "// Mastodon"),
        row("leftovers", "cli/scan.rs", "dbg!(x);", "debug!(x);"),
        row("function length", "cli/scan.rs", &function(59), &function(58)),
        row("file length", "cli/scan.rs", &lines(401), &lines(400)),
        row("file head", "cli/scan.rs", "use x;", "//! What is scanned?\n"),
        row("item docs", "pure/site.rs", "fn a() {}\n\npub fn b() {}", "/// B.\n#[must_use]\npub fn b() {}"),
        row("item docs", "pure/site.rs", "/// A.\npub struct A {}\npub enum B {}", "pub(super) fn b() {}"),
        row("depth", "cli/ticket/show/host.rs", order, ""),
        row("imports", "pure/site.rs", "use crate::pure::plan::draw;", "use crate::pure::problem::Problem;"),
        row("imports", "pure/site.rs", "use crate::{engine::Engine, pure};", "use crate::pure;"),
        row("imports", "pure/site.rs", "super::plan::draw()", "super::problem::show()"),
        row("imports", "edge/store.rs", "crate::edge::clock::now()", "use crate::pure::site::Site;"),
        row("imports", "edge/capture/run.rs", "use super::super::store;", "use super::files;"),
        row("imports", "edge/mailer.rs", "use crate::engine::Engine;", "use std::fs;"),
        row(
            "imports",
            "engine.rs",
            "use crate::edge::clock;",
            "use crate::edge::store::{Store, StoreError};",
        ),
        row("imports", "season.rs", "use crate::edge::clock;", "use crate::edge::perform::{self, Edges};"),
        row("imports", "edge/perform.rs", "use crate::cli::Fault;", "use crate::engine::Engine;"),
        row("imports", "web/pages.rs", "use crate::engine::Engine;", "use crate::pure::report::View;"),
        row(
            "traits",
            "pure/site.rs",
            "pub trait Known {}\nimpl Known for A {}\nimpl Knowns for B {}",
            "pub trait Known {}\nimpl Known for A {}\nimpl<T> Known for B<T> {}",
        ),
    ]
}

#[test]
fn every_rule_finds_what_breaks_it_and_nothing_else() {
    let order = || Source::new("pure/mod.rs", "//! X\npub mod problem;\npub mod site;\npub mod plan;\n");
    let broken = |rule: &str, path: &str, code: &str| {
        let sources = [order(), Source::new(path, code)];
        faults(&sources).into_iter().any(|(name, at, _)| name == rule && at == path)
    };
    for (rule, path, bad, good) in shown() {
        assert!(broken(rule, path, &bad), "'{rule}' does not see in {path}:\n{bad}");
        let path = if rule == "depth" { "cli/ticket/show.rs" } else { path };
        assert!(!broken(rule, path, &good), "'{rule}' takes for a fault in {path}:\n{good}");
    }
    for (rule, _) in all_rules() {
        assert!(shown().iter().any(|(shown, ..)| *shown == rule), "'{rule}' has never been seen to fail");
    }
}
