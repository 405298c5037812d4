//! Handlebars without silence: a misspelled name is an error wherever it stands.
//!
//! Its own `{{#if}}` takes an unknown name for false even in strict mode (its issue 579), and a
//! section of a mail would be missing without a word.

use crate::pure::picture::Picture;
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, JsonTruthy, Output, RenderContext, RenderError,
    RenderErrorReason, Renderable,
};
use serde_json::Value;

/// An empty registry whose `{{x}}` pass through `escape`.
pub fn registry(escape: fn(&str) -> String) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(escape);
    registry.register_helper("if", Box::new(Condition { is_wanted: true }));
    registry.register_helper("unless", Box::new(Condition { is_wanted: false }));
    registry
}

/// `{{#if x}}` and `{{#unless x}}` that refuse an unknown `x`.
struct Condition {
    is_wanted: bool,
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
        let asked = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex("if", 0))?;
        if asked.is_value_missing() {
            return Err(RenderErrorReason::MissingVariable(asked.relative_path().cloned()).into());
        }
        let is_met = asked.value().is_truthy(false) == self.is_wanted;
        let chosen = if is_met { helper.template() } else { helper.inverse() };
        chosen.map_or(Ok(()), |template| template.render(registry, context, render, out))
    }
}

/// The same with `{{drawing id}}`, for pages.
pub fn with_drawing(mut registry: Handlebars<'static>) -> Handlebars<'static> {
    registry.register_helper("drawing", Box::new(Drawing));
    registry
}

/// Where [`Drawing`] finds what it writes: no name that a template can reach by itself.
const DRAWINGS: &str = "drawings by id";

/// The view with the drawings that its page may show.
pub fn with_drawings(view: Value, drawings: &[Picture]) -> Value {
    let Value::Object(mut fields) = view else { return view };
    let by_id = drawings.iter().map(|picture| (picture.id.clone(), Value::from(picture.svg.as_str())));
    fields.insert(DRAWINGS.to_string(), Value::Object(by_id.collect()));
    Value::Object(fields)
}

/// `{{drawing id}}` writes a drawing of that id as it is. It is all that reaches a page unescaped: made by
/// `pure::picture`, which holds no text from outside.
struct Drawing;

impl HelperDef for Drawing {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let asked = helper.param(0).ok_or(RenderErrorReason::ParamNotFoundForIndex("drawing", 0))?;
        let id = asked.value().as_str().filter(|_| !asked.is_value_missing());
        let drawing = id.and_then(|id| context.data().get(DRAWINGS)?.get(id)?.as_str());
        let unknown = || RenderErrorReason::MissingVariable(asked.relative_path().cloned());
        Ok(out.write(drawing.ok_or_else(unknown)?)?)
    }
}

/// What failed, and what to do about it.
pub fn explain(error: &RenderError) -> (String, String) {
    match error.reason() {
        RenderErrorReason::MissingVariable(name) => (
            format!("'{}' is not known", name.as_deref().unwrap_or("this name")),
            "use a name that the shipped template of this file uses".to_string(),
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
