//! Who has to do what, by when, and who is told? The checklist, the due dates and the mails of a playbook.
//!
//! Left of it is `raw_playbook` (as typed); right of it `playbook`, which puts a playbook together.

use super::field::Spanned;
use super::leaf::{Length, Mailbox};
use super::raw_playbook::{RawChecklist, RawDue, RawEscalation, RawNotify};
use super::sheet::Sheet;
use super::words::nearest;
use crate::pure::playbook::{ChecklistItem, Due, Escalation, Notify, Recipient};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as TextError, StrDeserializer};

/// What people do and sign.
pub(super) fn checklist_items(
    sheet: &mut Sheet<'_>,
    raw: Option<&Spanned<RawChecklist>>,
) -> Vec<ChecklistItem> {
    let mut items: Vec<ChecklistItem> = Vec::new();
    for entry in raw.into_iter().flat_map(|raw| &raw.value) {
        if entry.value.len() != 1 {
            sheet.error(entry.span, "a checklist entry is one `item: text`", "begin each with its own `-`");
        }
        for (item, text) in &entry.value {
            if items.iter().any(|other| other.item == *item) {
                let what = format!("the checklist item `{item}` is there twice");
                sheet.error(text.span, what, "give each its own name: it is signed off by it");
            }
            sheet.readable("a checklist item", text.span, item);
            items.push(ChecklistItem { item: item.clone(), text: text.value.0.clone() });
        }
    }
    items
}

/// When work is due, and who is told.
pub(super) fn due_rules(sheet: &mut Sheet<'_>, raw: Option<&RawDue>) -> Due {
    let nothing = RawDue::default();
    let RawDue { located, cleaned, remind, escalate } = raw.unwrap_or(&nothing);
    for (key, length) in [("located", located), ("cleaned", cleaned), ("remind", remind)] {
        if let Some(length) = length {
            sheet.positive(key, length.span, &length.value.0);
        }
    }
    let length = |length: &Option<Spanned<Length>>| length.as_ref().map(|length| length.value.0);
    let (located, cleaned) = (length(located), length(cleaned));
    if let Some(escalate) = escalate
        && located.is_none()
        && cleaned.is_none()
    {
        let what = "`escalate` has no effect: nothing is ever due";
        sheet.warn(escalate.span, what, "add `located:` or `cleaned:`");
    }
    let remind = length(remind).unwrap_or(Due::default().remind);
    Due { located, cleaned, remind, escalate: escalations(sheet, escalate.as_ref()) }
}

fn escalations(sheet: &mut Sheet<'_>, raw: Option<&Spanned<Vec<Spanned<RawEscalation>>>>) -> Vec<Escalation> {
    let mut steps: Vec<Escalation> = Vec::new();
    for step in raw.into_iter().flat_map(|raw| &raw.value) {
        let after = sheet.required(&step.value.after, "after", step.span);
        let to = sheet.required(&step.value.to, "to", step.span);
        let (Some(after), Some(to)) = (after, to) else { continue };
        sheet.positive("after", after.span, &after.value.0);
        if steps.last().is_some_and(|last| last.after >= after.value.0) {
            let what = "this step of `escalate` is not later than the one before it";
            sheet.error(after.span, what, "order the steps by `after`, each later than the last");
        }
        if to.value.is_empty() {
            let what = "`to` is empty, so nobody is told";
            sheet.error(to.span, what, "fill it, or remove the step");
        }
        let to = to.value.iter().filter_map(|to| recipient(sheet, to)).collect();
        steps.push(Escalation { after: after.value.0, to });
    }
    steps
}

/// Who gets mail about what.
pub(super) fn notify_rules(
    sheet: &mut Sheet<'_>,
    raw: Option<&Spanned<Vec<Spanned<RawNotify>>>>,
) -> Vec<Notify> {
    let rules = raw.into_iter().flat_map(|raw| &raw.value);
    rules.filter_map(|rule| notify_rule(sheet, rule)).collect()
}

fn notify_rule(sheet: &mut Sheet<'_>, rule: &Spanned<RawNotify>) -> Option<Notify> {
    let events = sheet.required(&rule.value.events, "events", rule.span);
    let to = sheet.required(&rule.value.to, "to", rule.span);
    let (events, to) = (events?, to?);
    for (key, is_empty, span) in
        [("events", events.value.is_empty(), events.span), ("to", to.value.is_empty(), to.span)]
    {
        if is_empty {
            sheet.error(span, format!("`{key}` is empty, so nobody is told"), "fill it, or remove the rule");
        }
    }
    Some(Notify {
        events: events.value.iter().map(|event| event.value.meant()).collect(),
        to: to.value.iter().filter_map(|to| recipient(sheet, to)).collect(),
    })
}

fn recipient(sheet: &mut Sheet<'_>, to: &Spanned<String>) -> Option<Recipient> {
    if to.value == "coordinator" {
        return Some(Recipient::Coordinator);
    }
    let text: StrDeserializer<'_, TextError> = to.value.as_str().into_deserializer();
    if let Ok(Mailbox(mailbox)) = Mailbox::deserialize(text) {
        return Some(Recipient::Mailbox(mailbox));
    }
    let cure = match nearest(&to.value, ["coordinator"]) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write `coordinator` or a mail address".to_owned(),
    };
    sheet.error(to.span, format!("`{}` is neither `coordinator` nor a mail address", to.value), cure);
    None
}
