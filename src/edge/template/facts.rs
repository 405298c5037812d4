//! Does somebody's own wording still say what the shipped one does: which machine, what is wrong, what to do, by when?
//!
//! Used by `trial`, when everything else is in order. Both are rendered with the same marked facts, every way that
//! their conditions lead; what shows in the shipped one and not in the other was left out. It must never refuse a
//! wording for that: whoever wrote it may know why.

use super::strict::Ways;
use super::trial::{filled, page_words};
use super::{Form, Templates, sources};
use crate::pure::digest;
use crate::pure::layout::HEAD_LINES;
use crate::pure::playbook::MailEvent;
use crate::pure::problem::{Problem, Severity};
use crate::pure::report::{FoldedView, TicketView};
use handlebars::Context;
use serde_json::Value;
use std::collections::BTreeSet;

/// What a reader has to be told, and a sign of it.
const FACTS: [(&str, &str); 6] = [
    ("which machine", MACHINE),
    // Where no machine is known.
    (ADDRESS, "AddressMark"),
    ("what is wrong", "MalwareMark"),
    ("who was not reached", "PersonMark"),
    (WHAT_TO_DO, "DeedMark"),
    ("by when", "TimeMark"),
];

const MACHINE: &str = "MachineMark";
const ADDRESS: &str = "which public address";

/// The fact that no value holds: the words themselves say it.
const WHAT_TO_DO: &str = "what to do";

/// What the shipped words begin with that say what to do; a remark `{{! TO DO }}` says that others stand for it.
const TO_DO: &str = "to do";
const TO_DO_REMARK: &str = "{{! TO DO }}";

/// What conditions begin with that say whether a list has entries.
const LISTS: &str = "has_";

/// Where the facts stand in a view.
const MARKS: [(&str, &str); 22] = [
    ("/machines", MACHINE),
    ("/lead", MACHINE),
    ("/headline", "MachineMark MalwareMark"),
    ("/plight", "MachineMark MalwareMark"),
    ("/hosts/0/label", MACHINE),
    ("/public", "AddressMark"),
    ("/malware", "MalwareMark"),
    ("/called", "MalwareMark"),
    ("/by_when", "TimeMark"),
    ("/before_next", "TimeMark"),
    ("/next_window", "TimeMark"),
    ("/watch_end", "TimeMark"),
    ("/doubt/cause", "MachineMark CauseMark"),
    ("/doubt/absent", MACHINE),
    ("/doubt/deed", "DeedMark"),
    ("/lack/deed", "DeedMark"),
    ("/unreached/person", "PersonMark"),
    ("/unreached/deed", "DeedMark"),
    // Of mails that are of no ticket.
    ("/first", "MachineMark MalwareMark"),
    ("/second", "DeedMark TimeMark"),
    ("/due", "TimeMark"),
    ("/deed", "DeedMark"),
];

impl Templates {
    /// A warning for each part of a mail whose own wording leaves out a fact.
    pub(super) fn dropped_facts(&self) -> Vec<Problem> {
        let (sources, _) = sources::read_all(None);
        if sources.iter().all(|(file, (_, text))| self.sources[file].1 == *text) {
            return Vec::new();
        }
        let (shipped, _) = Templates::compiled(sources, Ways::Taken);
        let of_tickets = MailEvent::of_tickets().map(|event| (event, TicketView::samples()));
        let of_rounds = [(MailEvent::Folded, FoldedView::samples()), (MailEvent::Digest, digest::samples())];
        let mails = of_tickets.chain(of_rounds).map(|(event, [full, _])| (event, marked(filled(full))));
        mails
            .flat_map(|(event, view)| {
                [Form::Text, Form::Html].map(|form| self.dropped_of(&shipped, event, form, &view))
            })
            .flatten()
            .collect()
    }

    /// What that part of a mail can leave out.
    fn dropped_of(&self, shipped: &Templates, event: MailEvent, form: Form, view: &Value) -> Option<Problem> {
        let file = self.own_file(shipped, event, form)?;
        let source = &self.sources[&file].1;
        let mut dropped = BTreeSet::new();
        for view in self.ways(shipped, event, form, view) {
            let [own, theirs] = [self, shipped].map(|templates| templates.told(event, form, &view));
            let is_left_out = |(what, mark): &(&str, &str)| match *what {
                ADDRESS => {
                    theirs.contains(mark) && !is_any(&theirs, &[MACHINE]) && !is_any(&own, &[MACHINE, mark])
                }
                WHAT_TO_DO => has_deed(&theirs) && !has_deed(&own) && !source.contains(TO_DO_REMARK),
                _ => theirs.contains(mark) && !own.contains(mark),
            };
            dropped.extend((0..FACTS.len()).filter(|at| is_left_out(&FACTS[*at])));
        }
        let names: Vec<&str> = dropped.into_iter().map(|at| FACTS[at].0).collect();
        let (part, cure) = match form {
            Form::Html => ("the page", String::new()),
            Form::Text | Form::Markdown => (
                "the first two lines, which are all that many programs and mails about several mails show,",
                format!(" (or {TO_DO_REMARK}, where other words than 'TO DO' say it)"),
            ),
        };
        let what = format!("{part} of '{}' can leave out {}", event.word(), names.join(", "));
        let cure =
            format!("say it as the shipped one does, which `allclear mail template {file}` shows{cure}");
        let place = self.place(&file, 1, 1);
        let problem = Problem { severity: Severity::Warning, ..*self.problem(&file, place, what, &cure) };
        (!names.is_empty()).then_some(problem)
    }
}

impl Templates {
    /// The file that somebody wrote from which that part of the mail is made: its own, or one that others include.
    fn own_file(&self, shipped: &Templates, event: MailEvent, form: Form) -> Option<String> {
        let is_own = |file: &String| self.sources[file].1 != shipped.sources[file].1;
        let main = main_file(event, form);
        let is_shared = |file: &&String| {
            let mails = MailEvent::ALL.iter().any(|event| main_file(*event, form) == **file);
            file.ends_with(form.ending()) && !mails && !file.starts_with("report.")
        };
        Some(main)
            .filter(is_own)
            .or_else(|| self.sources.keys().filter(is_shared).find(|file| is_own(file)).cloned())
    }

    /// The view with every condition met, with none, and each that is asked for turned round in both.
    fn ways(&self, shipped: &Templates, event: MailEvent, form: Form, view: &Value) -> Vec<Value> {
        let main = main_file(event, form);
        let asked = [&self.sources[&main].1, &shipped.sources[&main].1];
        let mut conditions = Vec::new();
        find_conditions(view, "", &mut conditions);
        let name = |pointer: &str| pointer.rsplit('/').next().unwrap_or_default().to_owned();
        conditions.retain(|pointer| asked.iter().any(|source| source.contains(&name(pointer))));
        let with_all =
            |is_met| conditions.iter().fold(view.clone(), |view, pointer| with_one(view, pointer, is_met));
        let all = [true, false].map(|is_met| (is_met, with_all(is_met)));
        let turned = all.iter().flat_map(|(is_met, view)| {
            conditions.iter().map(move |pointer| with_one(view.clone(), pointer, !is_met))
        });
        let turned: Vec<Value> = turned.collect();
        all.into_iter().map(|(_, view)| view).chain(turned).collect()
    }

    /// What its reader sees first of a text, and anywhere in a page.
    fn told(&self, event: MailEvent, form: Form, view: &Value) -> String {
        let view = &Context::from(view.clone());
        match form {
            Form::Html => page_words(&self.render(event.word(), form, view).unwrap_or_default()),
            Form::Text | Form::Markdown => {
                let (_, text) = self.mail_text(event, view).unwrap_or_default();
                text.lines().take(HEAD_LINES).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

fn main_file(event: MailEvent, form: Form) -> String {
    format!("{}{}", event.word(), form.ending())
}

fn is_any(told: &str, marks: &[&str]) -> bool {
    marks.iter().any(|mark| told.contains(mark))
}

fn has_deed(told: &str) -> bool {
    told.contains("DeedMark") || told.to_lowercase().contains(TO_DO)
}

fn marked(mut view: Value) -> Value {
    for (pointer, mark) in MARKS {
        if let Some(value) = view.pointer_mut(pointer) {
            *value = mark.into();
        }
    }
    view
}

/// Where conditions stand in a view; those of its lists aside, and those that say whether there is anything to list:
/// each mail is about something.
fn find_conditions(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Bool(_) => found.push(pointer.to_owned()),
        Value::Object(fields) => fields
            .iter()
            .filter(|(name, _)| !name.starts_with(LISTS))
            .for_each(|(name, value)| find_conditions(value, &format!("{pointer}/{name}"), found)),
        _ => {}
    }
}

fn with_one(mut view: Value, pointer: &str, is_met: bool) -> Value {
    if let Some(condition) = view.pointer_mut(pointer) {
        *condition = is_met.into();
    }
    view
}
