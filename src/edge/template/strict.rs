//! Handlebars without silence: a misspelled name is an error wherever it stands, also where no ticket has led
//! yet.
//!
//! Its own `{{#if}}`, `{{#each}}` with `{{else}}`, `{{#with}}` and `lookup` take an unknown name for nothing
//! even in strict mode (its issue 579), and a section of a mail would be missing without a word.

use super::balance::Slip;
use super::include::{PARTIAL_BLOCK, inner};
use crate::pure::document::nearest;
use handlebars::template::{DecoratorTemplate, Parameter, TemplateElement};
use handlebars::{
    BlockContext, Context, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy, Output, PathAndJson,
    RenderContext, RenderError, RenderErrorReason, Renderable, Template,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Helpers that pass over an unknown name in silence, or write to the log.
const TAKEN_AWAY: [&str; 5] = ["with", "lookup", "raw", "log", "len"];

/// What a round of `{{#each}}` knows besides.
const LOCALS: [&str; 3] = ["@first", "@index", "@last"];

/// Which branches are rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// The one that the ticket takes.
    Taken,
    /// Every one, so that each name is looked up: for trying out.
    Every,
}

/// An empty registry whose `{{x}}` pass through `escape`.
pub fn registry(escape: fn(&str) -> String, ways: Ways) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(escape);
    TAKEN_AWAY.iter().for_each(|name| registry.unregister_helper(name));
    registry.register_helper("if", Box::new(Condition { is_wanted: true, ways }));
    registry.register_helper("unless", Box::new(Condition { is_wanted: false, ways }));
    registry.register_helper("each", Box::new(Each { ways }));
    registry
}

/// What a helper asks about; an unknown name is an error.
pub(super) fn asked<'a, 'rc>(
    helper: &'a Helper<'rc>,
    name: &'static str,
) -> Result<&'a PathAndJson<'rc>, RenderErrorReason> {
    let asked = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex(name, 0))?;
    match asked.is_value_missing() {
        true => Err(RenderErrorReason::MissingVariable(asked.relative_path().cloned())),
        false => Ok(asked),
    }
}

/// `{{#if x}}` and `{{#unless x}}` that refuse an unknown `x`.
struct Condition {
    is_wanted: bool,
    ways: Ways,
}

impl HelperDef for Condition {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let is_met = asked(helper, "if")?.value().is_truthy(false) == self.is_wanted;
        let is_every = self.ways == Ways::Every;
        let met = helper.template().filter(|_| is_met || is_every);
        let unmet = helper.inverse().filter(|_| !is_met || is_every);
        let mut branches = met.into_iter().chain(unmet);
        branches.try_for_each(|branch| branch.render(registry, context, render, out))
    }
}

/// `{{#each x}}` that refuses an unknown `x`, and one that is no list.
struct Each {
    ways: Ways,
}

impl HelperDef for Each {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let asked = asked(helper, "each")?;
        let Value::Array(items) = asked.value() else {
            let name = asked.relative_path().map_or("this", String::as_str);
            return Err(RenderErrorReason::Other(format!("'{name}' is no list")).into());
        };
        if let Some(inverse) = helper.inverse().filter(|_| items.is_empty() || self.ways == Ways::Every) {
            inverse.render(registry, context, render, out)?;
        }
        let Some(template) = helper.template() else { return Ok(()) };
        for (at, item) in items.iter().enumerate() {
            render.push_block(block(asked.context_path(), at, items.len(), item));
            template.render(registry, context, render, out)?;
            render.pop_block();
        }
        Ok(())
    }
}

/// What `this`, `@index`, `@first` and `@last` mean within a round.
fn block<'rc>(list: Option<&Vec<String>>, at: usize, length: usize, item: &Value) -> BlockContext<'rc> {
    let mut block = BlockContext::new();
    block.set_local_var("index", at.into());
    block.set_local_var("first", (at == 0).into());
    block.set_local_var("last", (at + 1 == length).into());
    match list {
        Some(path) => *block.base_path_mut() = path.iter().cloned().chain([at.to_string()]).collect(),
        None => block.set_base_value(item.clone()),
    }
    block
}

/// Whether a template may ask for one of these names: one stands somewhere within its braces.
pub fn may_ask_for(source: &str, names: &[&str]) -> bool {
    let mut asked = source.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap_or_default());
    asked.any(|asked| names.iter().any(|name| asked.contains(name)))
}

/// Why that template must not be included, if so: what is wrong, and the cure.
pub type Refusal<'a> = &'a dyn Fn(&str) -> Option<(String, &'static str)>;

/// Texts that would go in unescaped, and what must not be included, in whatever branch.
pub fn slips(template: &Template, refusal: Refusal<'_>) -> Vec<Slip> {
    let mut slips = Vec::new();
    for (element, place) in template.elements.iter().zip(&template.mapping) {
        let found = match element {
            TemplateElement::HtmlExpression(_) => Some((
                "it would show a text from outside unescaped".to_owned(),
                "write {{name}}, with two braces",
            )),
            TemplateElement::PartialExpression(partial) | TemplateElement::PartialBlock(partial) => {
                refused(partial, refusal)
            }
            TemplateElement::DecoratorExpression(_) | TemplateElement::DecoratorBlock(_) => {
                Some(("decorators are not known".to_owned(), "put it into a template of its own"))
            }
            _ => None,
        };
        slips.extend(found.map(|(what, cure)| Slip { line: place.0, column: place.1, what, cure }));
        inner(element).for_each(|inner| slips.extend(self::slips(inner, refusal)));
    }
    slips
}

fn refused(partial: &DecoratorTemplate, refusal: Refusal<'_>) -> Option<(String, &'static str)> {
    match &partial.name {
        Parameter::Name(name) if name == PARTIAL_BLOCK => None,
        Parameter::Name(name) => refusal(name),
        _ => Some(("which template it includes is not said".to_owned(), "name a shipped one")),
    }
}

/// What failed on a view, and what to do about it.
pub fn explain(error: &RenderError, view: &Value) -> (String, String) {
    match error.reason() {
        RenderErrorReason::MissingVariable(name) => (
            format!("'{}' is not known", name.as_deref().unwrap_or("this name")),
            meant(name.as_deref().unwrap_or_default(), view),
        ),
        RenderErrorReason::ParamNotFoundForIndex(helper, _)
        | RenderErrorReason::ParamNotFoundForName(helper, _) => (
            format!("'{helper}' is given a name that is not known, or too few"),
            "use names that the shipped template of this file uses".to_string(),
        ),
        RenderErrorReason::TemplateNotFound(name) => (
            format!("there is no template for '{name}'"),
            "take this event out of the playbook's notify".to_string(),
        ),
        RenderErrorReason::PartialNotFound(name) => {
            (format!("there is no template '{name}' to include"), "include a shipped one".to_string())
        }
        RenderErrorReason::HelperNotFound(name) => (
            format!("there is no helper '{name}'"),
            "use {{#if}}, {{#unless}} and {{#each}} alone".to_string(),
        ),
        other => (other.to_string(), "compare it with the shipped template".to_string()),
    }
}

/// The cure for an unknown name: the known one that is nearest to its last part, if any is near.
fn meant(name: &str, view: &Value) -> String {
    let last = name.rsplit(['.', '/']).next().unwrap_or(name);
    let mut known = BTreeSet::from(LOCALS);
    gather_names(view, &mut known);
    nearest(last, known.into_iter().filter(|known| known.starts_with('@') == last.starts_with('@')))
        .map_or_else(
            || "use a name that the shipped template of this file uses".to_owned(),
            |near| format!("did you mean '{near}'?"),
        )
}

/// Every name of a view, at whatever depth.
fn gather_names<'a>(view: &'a Value, names: &mut BTreeSet<&'a str>) {
    match view {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            names.insert(name);
            gather_names(value, names);
        }),
        Value::Array(items) => items.iter().for_each(|item| gather_names(item, names)),
        _ => {}
    }
}
