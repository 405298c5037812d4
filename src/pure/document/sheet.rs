//! What has been found wrong in one file so far? The file's path and text, and its problems.
//!
//! Shared by `site`, `watchlists`, `stages` and `playbook`. It only collects; whether a file is used
//! in spite of its problems is for whoever reads them.

use super::field::{Field, Spanned};
use super::node::{Fault, Span, load};
use super::not_yet::NotYet;
use super::read::read;
use super::secret::masked;
use super::words::{clipped, suggestion};
use crate::pure::problem::{Place, Problem, Severity, has_error};
use crate::pure::shown::{is_blank, unreadable};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// Larger files are not read; a playbook has a few kilobytes, and long lists have files of their own.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// Problems of one file that are shown; nobody reads more.
const PROBLEMS_MAX: usize = 400;

/// What only the outside world can tell: warnings, or why it cannot be used, each as `what: what to
/// do`. Compiling a filter needs the capture library, a watchlist file has to be opened.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    pub check_filter: &'a dyn Fn(&str) -> Result<Vec<String>, String>,
    pub check_watchlist_file: &'a dyn Fn(&Path) -> Result<Vec<String>, String>,
}

/// One file while it is checked.
pub struct Sheet<'a> {
    pub path: &'a Path,
    lines: Vec<&'a str>,
    outside: Outside<'a>,
    problems: Vec<Problem>,
    /// What is better not shown, beside what [`masked`] knows by itself.
    secrets: Vec<String>,
}

impl<'a> Sheet<'a> {
    /// Reads the text as a `T`; `None` when nothing of it could be read.
    pub fn open<T: DeserializeOwned>(
        path: &'a Path,
        text: &'a str,
        outside: Outside<'a>,
    ) -> (Sheet<'a>, Option<T>) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut sheet =
            Sheet { path, lines: text.lines().collect(), outside, problems: Vec::new(), secrets: Vec::new() };
        let (root, mut faults) = load(text);
        let value = root.and_then(|mut root| read(&mut root, &mut faults));
        faults.into_iter().for_each(|fault| sheet.add(Severity::Error, fault));
        (sheet, value)
    }

    /// Every problem, in the order of the text, without a sign of a secret.
    pub fn close(mut self) -> Vec<Problem> {
        let secrets = std::mem::take(&mut self.secrets);
        for problem in &mut self.problems {
            let source = problem.place.as_mut().map(|place| &mut place.source);
            [Some(&mut problem.what), problem.cure.as_mut(), source].into_iter().flatten().for_each(|text| {
                *text = masked(text).into_owned();
                secrets
                    .iter()
                    .for_each(|secret| *text = text.replace(secret, &"*".repeat(secret.chars().count())));
            });
        }
        self.problems.sort_by_key(|problem| problem.place.as_ref().map(|place| (place.line, place.column)));
        self.problems
    }

    /// The file cannot be used.
    pub fn error(&mut self, span: Span, what: impl Into<String>, cure: impl Into<String>) {
        self.add(Severity::Error, Fault { span, what: what.into(), cure: Some(cure.into()) });
    }

    /// As [`Sheet::error`], without the line: it holds a secret.
    pub fn error_unshown(&mut self, span: Span, what: &str, cure: &str) {
        self.add_unshown(Severity::Error, span, what, cure);
    }

    /// As [`Sheet::warn`], without the line: it may hold a secret.
    pub fn warn_unshown(&mut self, span: Span, what: &str, cure: &str) {
        self.add_unshown(Severity::Warning, span, what, cure);
    }

    /// Nothing that is told of this file shows `secret`.
    pub fn conceal(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    fn add_unshown(&mut self, severity: Severity, span: Span, what: &str, cure: &str) {
        let known = self.problems.len();
        self.add(severity, Fault { span, what: what.to_owned(), cure: Some(cure.to_owned()) });
        let places = self.problems.iter_mut().skip(known).filter_map(|problem| problem.place.as_mut());
        places.for_each(|place| place.source.clear());
    }

    /// Worth a look.
    pub fn warn(&mut self, span: Span, what: impl Into<String>, cure: impl Into<String>) {
        self.add(Severity::Warning, Fault { span, what: what.into(), cure: Some(cure.into()) });
    }

    /// Read and checked, without effect so far.
    pub fn not_yet(&mut self, span: Span, key: NotYet) {
        let (name, until_then) = key.words();
        let what = format!("{name} is accepted, not acted on yet: {until_then}");
        self.add(Severity::NotYet, Fault { span, what, cure: None });
    }

    /// A reference to something that does not exist.
    pub fn unknown(&mut self, span: Span, what: String, name: &str, known: &[&str]) {
        let cure = suggestion(name, known);
        self.add(Severity::Error, Fault { span, what, cure });
    }

    /// The value of a key that has to be there; reports it when it is not, at `within`.
    pub fn required<'f, T>(
        &mut self,
        field: &'f Field<T>,
        key: &str,
        within: Span,
    ) -> Option<&'f Spanned<T>> {
        if !field.is_written() {
            self.error(within, format!("the key `{key}` is missing"), format!("add `{key}:` here"));
        }
        field.given()
    }

    /// A count or duration that has to be more than zero.
    pub fn positive<T: Default + PartialEq>(&mut self, key: &str, span: Span, value: &T) {
        if *value == T::default() {
            self.error(span, format!("`{key}` is zero"), "give more than zero");
        }
    }

    /// A name that stands in mails and messages, `what` says of what: one that everybody can read.
    pub fn readable(&mut self, what: &str, span: Span, name: &str) {
        let fault = match unreadable(name) {
            Some(sign) => format!("holds {sign}"),
            None if is_blank(name) => "is blank".to_owned(),
            None => return,
        };
        let cure = "write letters and digits that show: it stands in mails and on command lines";
        self.error(span, format!("the name `{}` of {what} {fault}", clipped(name)), cure);
    }

    /// A packet filter; it is compiled here and now.
    pub fn filter(&mut self, filter: &Spanned<String>) -> String {
        let found = (self.outside.check_filter)(&filter.value);
        self.found_outside(filter.span, found);
        filter.value.clone()
    }

    /// A watchlist file; it is opened here and now.
    pub fn watchlist_file(&mut self, file: &Spanned<String>) -> PathBuf {
        let path = self.resolve(&file.value);
        let found = (self.outside.check_watchlist_file)(&path);
        self.found_outside(file.span, found);
        path
    }

    /// The file cannot be used; `message` is `what: what to do`.
    pub fn error_in_two_parts(&mut self, span: Span, message: &str) {
        self.two_parts(Severity::Error, span, message);
    }

    fn found_outside(&mut self, span: Span, found: Result<Vec<String>, String>) {
        match found {
            Ok(warnings) => {
                warnings.iter().for_each(|warning| self.two_parts(Severity::Warning, span, warning))
            }
            Err(error) => self.two_parts(Severity::Error, span, &error),
        }
    }

    /// The path that a key names; an empty one would be the directory of the file itself.
    pub fn named_path(&mut self, key: &str, path: &Spanned<String>) -> PathBuf {
        if is_blank(&path.value) {
            self.error(path.span, format!("`{key}` is empty"), "name a path, or leave the key out");
        }
        self.resolve(&path.value)
    }

    /// A path as a person wrote it, relative to the file that names it.
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    fn two_parts(&mut self, severity: Severity, span: Span, message: &str) {
        let (what, cure) = match message.split_once(": ") {
            Some((what, cure)) => (what.to_owned(), Some(cure.to_owned())),
            None => (message.to_owned(), None),
        };
        self.add(severity, Fault { span, what, cure });
    }

    /// Past the limit nothing is kept but the first error, which decides whether the file is used.
    fn add(&mut self, severity: Severity, fault: Fault) {
        let is_new_error = severity == Severity::Error && !has_error(&self.problems);
        if self.problems.len() >= PROBLEMS_MAX && !is_new_error {
            return;
        }
        let Fault { span, what, cure } = fault;
        // A fault at the end of the text has a line of its own only in the parser's count.
        let line = span.line.clamp(1, self.lines.len().max(1));
        let source = self.lines.get(line - 1).copied().unwrap_or_default();
        let width = source.chars().count();
        let column = if line == span.line { span.column.clamp(1, width + 1) } else { width + 1 };
        let length = span.length.clamp(1, (width + 1 - column).max(1));
        let place = Place { line, column, length, source: source.to_owned() };
        self.problems.push(Problem { severity, path: self.path.to_owned(), place: Some(place), what, cure });
    }
}
