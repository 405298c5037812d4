//! Is every template in order, also where no ticket has led yet? Compiled, looked through, and rendered every
//! way it can go.
//!
//! Used by `load`. It must never let a slip through that a ticket could meet.

use super::sources::Sources;
use super::strict::{self, Ways};
use super::subject;
use super::{Form, Templates, form_of, has_long_mails, with_record};
use super::{drawing, include, landing};
use crate::pure::digest;
use crate::pure::document::nearest;
use crate::pure::picture::Picture;
use crate::pure::playbook::MailEvent;
use crate::pure::problem::{Problem, Severity};
use crate::pure::report::{FoldedView, RecordView, TicketView, all_true};
use crate::pure::words::markdown_escape;
use handlebars::{Context, html_escape, no_escape};
use serde_json::Value;

/// The templates, or everything that is wrong with them besides `found`, which was found already.
pub fn load(sources: Sources, found: Vec<Problem>) -> Result<Templates, Vec<Problem>> {
    let (warnings, mut problems): (Vec<Problem>, Vec<Problem>) =
        found.into_iter().partition(|problem| problem.severity == Severity::Warning);
    let (templates, faults) = Templates::compiled(sources.clone(), Ways::Taken);
    problems.extend(faults);
    if problems.is_empty() {
        let (every_way, _) = Templates::compiled(sources, Ways::Every);
        problems = every_way.try_out();
        let more: Vec<Problem> = templates.try_out();
        let more = more.into_iter().filter(|problem| !problems.contains(problem)).collect::<Vec<_>>();
        problems.extend(more);
    }
    if problems.is_empty() {
        problems = templates.empty_mails();
    }
    if problems.is_empty() {
        let warnings = warnings.into_iter().chain(templates.dropped_facts()).collect();
        return Ok(Templates { warnings, ..templates });
    }
    problems.extend(warnings);
    Err(problems)
}

impl Templates {
    /// The templates, and what is wrong with each before it is rendered.
    pub(super) fn compiled(sources: Sources, ways: Ways) -> (Templates, Vec<Problem>) {
        let mut templates = Templates {
            html: drawing::with_drawing(strict::registry(html_escape, ways)),
            text: strict::registry(no_escape, ways),
            markdown: strict::registry(markdown_escape, ways),
            has_long_mails: has_long_mails(&sources),
            sources,
            warnings: Vec::new(),
        };
        let names: Vec<String> = templates.sources.keys().cloned().collect();
        let faults: Vec<Box<Problem>> =
            names.iter().filter_map(|name| templates.compile(name).err()).collect();
        let slips = names.iter().flat_map(|name| templates.slips(name));
        let problems: Vec<Problem> = faults.into_iter().map(|problem| *problem).chain(slips).collect();
        if problems.is_empty() {
            let registries = [&mut templates.html, &mut templates.text, &mut templates.markdown];
            registries.into_iter().for_each(include::without_copies);
        }
        (templates, problems)
    }

    /// What shows in a compiled template without rendering it.
    fn slips(&self, file: &str) -> Vec<Problem> {
        let Some((form, name)) = form_of(file) else { return Vec::new() };
        let Some(template) = self.registry(form).get_template(name) else { return Vec::new() };
        let mut slips = strict::slips(template, &|included| self.refusal(included, name, form));
        if form == Form::Html {
            slips.extend(landing::slips(template));
        }
        slips.into_iter().map(|slip| *self.slipped(file, slip)).collect()
    }

    /// Why `included` must not be included in the template `name`, if so.
    fn refusal(&self, included: &str, name: &str, form: Form) -> Option<(String, &'static str)> {
        if !self.sources.contains_key(&format!("{included}{}", form.ending())) {
            let known = self.sources.keys().filter_map(|file| file.strip_suffix(form.ending()));
            let near = nearest(included, known);
            let meant = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
            return Some((
                format!("there is no template '{included}' to include{meant}"),
                "include a shipped one",
            ));
        }
        let weights = include::weights(included, self.registry(form).get_templates());
        if weights.contains_key(name) {
            let what = format!("'{included}' includes this one in turn, without end");
            return Some((what, "take one of the two inclusions out"));
        }
        let what =
            || format!("with '{included}' more than {} templates stand in this one", include::INCLUSIONS_MAX);
        let is_too_much = weights[included] > include::INCLUSIONS_MAX;
        is_too_much.then(|| (what(), "include each once"))
    }

    /// Renders every mail and report with two sample views, in which every condition is true once and
    /// false once.
    fn try_out(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = Vec::new();
        let mut tell = |fault: Option<Box<Problem>>| {
            let is_new = fault.as_ref().is_some_and(|fault| !problems.contains(fault));
            problems.extend(fault.filter(|_| is_new).map(|fault| *fault));
        };
        let mut try_mail = |event, view: &Value| {
            let view = &Context::from(view.clone());
            tell(self.mail_text(event, view).err());
            tell(self.render(event.word(), Form::Html, view).err());
        };
        FoldedView::samples().iter().for_each(|view| try_mail(MailEvent::Folded, view));
        digest::samples().iter().for_each(|view| try_mail(MailEvent::Digest, view));
        for view in TicketView::samples() {
            MailEvent::of_tickets().for_each(|event| try_mail(event, &view));
        }
        for view in report_samples() {
            let view = Context::from(drawing::with_drawings(view, &[Picture::default()]));
            Form::ALL.into_iter().for_each(|form| tell(self.render("report", form, &view).err()));
        }
        problems
    }
}

impl Templates {
    /// The mails that say nothing, whatever stands in their view.
    fn empty_mails(&self) -> Vec<Problem> {
        let of_tickets = TicketView::samples().map(filled);
        let (folded, digests) = (FoldedView::samples().map(filled), digest::samples().map(filled));
        let of_rounds = [(MailEvent::Folded, &folded), (MailEvent::Digest, &digests)];
        let all = MailEvent::of_tickets().map(|event| (event, &of_tickets)).chain(of_rounds);
        all.flat_map(|(event, views)| self.empty_parts(event, views)).collect()
    }

    fn empty_parts(&self, event: MailEvent, views: &[Value; 2]) -> Vec<Problem> {
        let name = event.word();
        let (mut subject, mut text, mut page) = (String::new(), String::new(), String::new());
        for view in views {
            let view = &Context::from(view.clone());
            let (one_subject, one_text) = self.mail_text(event, view).unwrap_or_default();
            subject.push_str(&one_subject);
            text.push_str(&one_text);
            page.push_str(&page_words(&self.render(name, Form::Html, view).unwrap_or_default()));
        }
        let (mail, html) =
            (format!("{name}{}", Form::Text.ending()), format!("{name}{}", Form::Html.ending()));
        // A value that is empty is one thing, a way without a word another.
        let is_there = self.text.get_template(name).is_none_or(|template| !subject::can_be_empty(template));
        let cure = "write 'Subject: [allclear #{{id}}] ...' in its first line, whichever way it goes";
        let parts = [
            (&mail, if is_there { subject } else { String::new() }, "its subject is empty", cure),
            (&mail, text, "its text is empty", "write it below the subject and an empty line"),
            (&html, page, "its page is empty", "write it within {{#> layout}} and {{/layout}}"),
        ];
        let empty = parts.into_iter().filter(|(_, shown, ..)| shown.trim().is_empty());
        empty
            .map(|(file, _, what, cure)| *self.problem(file, self.place(file, 1, 1), what.to_owned(), cure))
            .collect()
    }
}

/// A sample in which no text is empty.
pub(super) fn filled(value: Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => Value::String("x".to_owned()),
        Value::Array(items) => Value::Array(items.into_iter().map(filled).collect()),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, filled(value))).collect(),
        other => other,
    }
}

/// What of a page shows as text.
pub(super) fn page_words(page: &str) -> String {
    let body = page.split_once("<body").map_or(page, |(_, body)| body);
    let pieces = body.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text));
    pieces.collect()
}

/// [`TicketView::samples`] for reports.
fn report_samples() -> [Value; 2] {
    let [full, empty] = TicketView::samples();
    let filled = with_record(full, &RecordView::sample());
    [all_true(filled), with_record(empty, &RecordView::default())]
}
