//! Does a mail have a subject, whichever way its template goes? Without rendering it, since a ticket may go a way
//! that no sample goes.

use super::SUBJECT;
use handlebars::Template;
use handlebars::template::TemplateElement;

/// How elements can end with nothing written but blanks.
#[derive(Clone, Copy, Default)]
struct Blank {
    /// At a line break, which ends the subject.
    at_break: bool,
    /// At their end, behind which others may write.
    at_end: bool,
}

/// Whether some way through the template leaves its first line without a subject.
pub fn can_be_empty(template: &Template) -> bool {
    let Some((TemplateElement::RawString(first), rest)) = template.elements.split_first() else {
        return false;
    };
    let Some(subject) = first.strip_prefix(SUBJECT) else { return false };
    let begin = of_text(subject);
    let rest = of_all(rest);
    begin.at_break || begin.at_end && (rest.at_break || rest.at_end)
}

fn of_all(elements: &[TemplateElement]) -> Blank {
    let mut blank = Blank { at_break: false, at_end: true };
    for element in elements {
        let next = of(element);
        blank.at_break |= next.at_break;
        blank.at_end = next.at_end;
        if !blank.at_end {
            break;
        }
    }
    blank
}

/// A value counts as written: that of a ticket is looked at when the mail is.
fn of(element: &TemplateElement) -> Blank {
    match element {
        TemplateElement::RawString(text) => of_text(text),
        TemplateElement::Comment(_) => Blank { at_break: false, at_end: true },
        TemplateElement::HelperBlock(block) => {
            let of_branch = |branch: &Option<Template>| {
                branch
                    .as_ref()
                    .map_or(Blank { at_break: false, at_end: true }, |branch| of_all(&branch.elements))
            };
            let (met, unmet) = (of_branch(&block.template), of_branch(&block.inverse));
            Blank { at_break: met.at_break || unmet.at_break, at_end: met.at_end || unmet.at_end }
        }
        _ => Blank::default(),
    }
}

fn of_text(text: &str) -> Blank {
    let (line, rest) = text.split_once('\n').map_or((text, None), |(line, rest)| (line, Some(rest)));
    let is_blank = line.trim().is_empty();
    Blank { at_break: is_blank && rest.is_some(), at_end: is_blank && rest.is_none() }
}
