//! How does a ticket become text? The templates, shipped and those beside the site file, and their
//! rendering.
//!
//! Left of it is `report`, whose view is all that a template knows; right of it `mailer`. Every
//! template is tried out when it is loaded, so that a slip in it is found before the night in which
//! it is needed. It must never put a text from outside into a page as anything but text.

mod balance;
mod dated;
mod draft;
mod drawing;
mod facts;
mod include;
mod inline;
mod landing;
mod shipped;
mod sources;
mod strict;
mod subject;
mod trial;

pub use draft::Draft;
pub use shipped::SHIPPED;
pub use sources::nearest;

use self::balance::Slip;
use crate::pure::direction::isolated;
use crate::pure::layout;
use crate::pure::picture::Picture;
use crate::pure::playbook::MailEvent;
use crate::pure::problem::{Place, Problem, Severity};
use crate::pure::report::{Letter, Looked, Material, RecordView, TicketView, fitted};
use crate::pure::ticket::Mail;
use crate::pure::words::{clean_text, shortened};
use handlebars::{Context, Handlebars, RenderError, TemplateError, TemplateErrorReason};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The longest subject, in signs: what fits unfolded beside the other headers (RFC 5322, 998 octets)
/// however it is encoded.
const SUBJECT_CHARS_MAX: usize = 200;

/// What the first line of a mail's text template begins with.
const SUBJECT: &str = "Subject:";

/// The form of a report or template, which says how texts from outside are made harmless in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Html,
    Text,
    Markdown,
}

impl Form {
    const ALL: [Form; 3] = [Form::Html, Form::Text, Form::Markdown];

    fn ending(self) -> &'static str {
        match self {
            Form::Html => ".html.hbs",
            Form::Text => ".txt.hbs",
            Form::Markdown => ".md.hbs",
        }
    }
}

/// All templates, compiled and tried out.
pub struct Templates {
    html: Handlebars<'static>,
    text: Handlebars<'static>,
    markdown: Handlebars<'static>,
    /// Where each came from, and its text, by file name.
    sources: BTreeMap<String, (PathBuf, String)>,
    /// Whether a mail tells what the shipped ones leave to reports, and what takes as long as all the rest of them.
    has_long_mails: bool,
    /// Files that lie there and take no template's place, which breaks nothing.
    pub warnings: Vec<Problem>,
}

impl Templates {
    /// Loads the shipped templates, and in the place of each the file of the same name in
    /// `directory`, where there is one. A directory that does not exist holds none.
    ///
    /// # Errors
    ///
    /// Every fault of every template: what cannot be read, compiled or rendered, and templates that take
    /// no shipped one's place. Other files that take none are warnings, here as there.
    pub fn load(directory: Option<&Path>) -> Result<Templates, Vec<Problem>> {
        let (sources, problems) = sources::read_all(directory);
        trial::load(sources, problems)
    }

    /// The report on a ticket.
    ///
    /// # Errors
    ///
    /// A template that fails on this ticket although it passed when it was loaded.
    pub fn report(&self, material: &Material, form: Form) -> Result<String, Box<Problem>> {
        self.report_on(material, &Looked::default(), form)
    }

    /// The same, with what was found of the files of evidence.
    ///
    /// # Errors
    ///
    /// Likewise.
    pub fn report_on(
        &self,
        material: &Material,
        looked: &Looked,
        form: Form,
    ) -> Result<String, Box<Problem>> {
        let ticket = TicketView::of(material);
        let view = with_record(ticket.to_value(), &RecordView::of(material, looked));
        self.render("report", form, &drawing::with_drawings(view, &ticket.drawings).into())
    }

    /// The letter about the event of `mail`, whose ticket and instant are those of `material`.
    ///
    /// # Errors
    ///
    /// As [`Templates::write`].
    pub fn letter(&self, material: &Material, mail: &Mail, from: &str) -> Result<Letter, Box<Problem>> {
        self.write(Draft::about(material, mail, from, Vec::new()))
    }

    /// The letter of a mail that is of no ticket, out of the view of its kind.
    ///
    /// # Errors
    ///
    /// As [`Templates::write`].
    pub fn round_letter(&self, view: Value, mail: &Mail, from: &str) -> Result<Letter, Box<Problem>> {
        self.write(Draft::round(view, mail, from))
    }

    /// Makes a letter of a draft, with the pictures that its page shows.
    ///
    /// # Errors
    ///
    /// There is no template for it, or it fails on what this one tells.
    pub fn write(&self, draft: Draft) -> Result<Letter, Box<Problem>> {
        let Draft { letter, wording, view, beginning } = draft;
        let view = Context::from(view.into_value(self.has_long_mails));
        let (subject, text) = self.mail_text(wording, &view)?;
        let html = inline::with_looks(&self.render(wording.word(), Form::Html, &view)?);
        let is_shown = |picture: &Picture| html.contains(&format!("cid:{}\"", picture.id));
        let pictures = letter.pictures.into_iter().filter(is_shown).collect();
        let letter = Letter { subject, text, html, pictures, ..letter };
        Ok(match beginning {
            Some(words) => dated::dated(letter, &words),
            None => letter,
        })
    }

    /// Subject and text of a mail: the text template's first line and the rest.
    fn mail_text(&self, event: MailEvent, view: &Context) -> Result<(String, String), Box<Problem>> {
        let name = event.word();
        let file = format!("{name}.txt.hbs");
        let rendered = self.rendered(name, Form::Text, view)?;
        let (first, rest) = rendered.split_once('\n').unwrap_or((&rendered, ""));
        let subject = first.strip_prefix(SUBJECT).ok_or_else(|| {
            let what = format!("its first line does not begin with '{SUBJECT}'");
            let place = self.place(&file, 1, 1);
            let cure = format!("write '{SUBJECT} [allclear #{{{{id}}}}] ...' there, then an empty line");
            self.problem(&file, place, what, &cure)
        })?;
        let known =
            ["malware", "site"].map(|name| clean_text(view.data()[name].as_str().unwrap_or_default()));
        let subject = fitted(&clean_text(subject), &known);
        let subject = isolated(&shortened(&subject, SUBJECT_CHARS_MAX));
        Ok((subject, layout::mail(rest)))
    }

    fn render(&self, name: &str, form: Form, view: &Context) -> Result<String, Box<Problem>> {
        let rendered = self.rendered(name, form, view)?;
        Ok(match form {
            Form::Text => layout::report(&rendered),
            Form::Html => inline::with_whole_words(&rendered),
            Form::Markdown => rendered,
        })
    }

    fn rendered(&self, name: &str, form: Form, view: &Context) -> Result<String, Box<Problem>> {
        let rendered = self.registry(form).render_with_context(name, view);
        rendered.map_err(|error| self.render_problem(&error, name, form, view.data()))
    }

    fn registry(&self, form: Form) -> &Handlebars<'static> {
        match form {
            Form::Html => &self.html,
            Form::Text => &self.text,
            Form::Markdown => &self.markdown,
        }
    }

    fn compile(&mut self, file: &str) -> Result<(), Box<Problem>> {
        let Some((form, name)) = form_of(file) else { return Ok(()) };
        let text = self.sources[file].1.clone();
        if let Some(slip) = balance::too_deep(&text) {
            return Err(self.slipped(file, slip));
        }
        let registry = match form {
            Form::Html => &mut self.html,
            Form::Text => &mut self.text,
            Form::Markdown => &mut self.markdown,
        };
        registry.register_template_string(name, text).map_err(|error| self.compile_problem(&error, file))
    }

    fn compile_problem(&self, error: &TemplateError, file: &str) -> Box<Problem> {
        if let Some(slip) = balance::slip(&self.sources[file].1) {
            return self.slipped(file, slip);
        }
        let place = error.pos().and_then(|(line, column)| self.place(file, line, column));
        // The parser's messages are pictures of several lines, the last of which names rules of its grammar.
        let what = match error.reason() {
            TemplateErrorReason::InvalidSyntax(_) => "the template cannot be read from here on".to_string(),
            reason => format!("the template cannot be read: {reason}"),
        };
        let cure = "close every {{#if}} and {{#each}} with {{/if}} and {{/each}}, and every {{ with }}";
        self.problem(file, place, what, cure)
    }

    fn render_problem(&self, error: &RenderError, name: &str, form: Form, view: &Value) -> Box<Problem> {
        let file = format!("{}{}", error.template_name.as_deref().unwrap_or(name), form.ending());
        let place =
            error.line_no.zip(error.column_no).and_then(|(line, column)| self.place(&file, line, column));
        let (what, cure) = strict::explain(error, view);
        self.problem(&file, place, what, &cure)
    }

    fn slipped(&self, file: &str, Slip { line, column, what, cure }: Slip) -> Box<Problem> {
        self.problem(file, self.place(file, line, column), what, cure)
    }

    fn problem(&self, file: &str, place: Option<Place>, what: String, cure: &str) -> Box<Problem> {
        let path = self.sources.get(file).map_or_else(|| PathBuf::from(file), |(path, _)| path.clone());
        Box::new(Problem { severity: Severity::Error, path, place, what, cure: Some(cure.to_string()) })
    }

    fn place(&self, file: &str, line: usize, column: usize) -> Option<Place> {
        let source = self.sources.get(file)?.1.lines().nth(line.checked_sub(1)?)?.to_string();
        Some(Place { line, column: column.max(1), length: 1, source })
    }
}

/// Whether a mail, or a template that one may include, asks for a list that is long.
fn has_long_mails(sources: &sources::Sources) -> bool {
    let mut of_mails = sources.iter().filter(|(file, _)| !file.starts_with("report."));
    of_mails.any(|(_, (_, text))| strict::may_ask_for(text, &TicketView::LONG_LISTS))
}

/// What report templates get: the ticket, and its record under that name.
fn with_record(mut ticket: Value, record: &RecordView) -> Value {
    ticket["record"] = record.to_value();
    ticket
}

/// The form and the name without its ending; `None` for a file that is no template.
fn form_of(file: &str) -> Option<(Form, &str)> {
    Form::ALL.into_iter().find_map(|form| file.strip_suffix(form.ending()).map(|name| (form, name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_mails_ask_for_no_list_that_is_long() {
        assert!(!Templates::load(None).unwrap_or_else(|problems| panic!("{problems:?}")).has_long_mails);
        for (source, expected) in [
            ("{{#each runs}}{{window}}{{/each}}", true),
            ("runs {{#if has_evidence}}x{{/if}}", true),
            (".runs { color: red } {{malware}} and the timeline", false),
            ("{{ timeline", true),
        ] {
            assert_eq!(strict::may_ask_for(source, &TicketView::LONG_LISTS), expected, "{source}");
        }
    }
}
