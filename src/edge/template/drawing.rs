//! How does a drawing get into a page? By its id alone: drawings are our own, and nothing in them comes from
//! outside, so that they go in as they are. And a number, into what is no text: by its digits alone.
//!
//! It must never write anything else unescaped.

use super::strict::asked;
use crate::pure::picture::Picture;
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderErrorReason,
};
use serde_json::Value;

/// What a template calls a drawing.
pub const DRAWING: &str = "drawing";

/// What it calls a number that may stand in what is no text.
pub const NUMBER: &str = "number";

/// The same with `{{drawing id}}` and `{{number id}}`, for pages.
pub fn with_drawing(mut registry: Handlebars<'static>) -> Handlebars<'static> {
    registry.register_helper(DRAWING, Box::new(Drawing));
    registry.register_helper(NUMBER, Box::new(Number));
    registry
}

/// Where [`Drawing`] finds what it writes: no name that a template can reach by itself.
const DRAWINGS: &str = "drawings by id";

/// The view with the drawings that its page may show.
pub fn with_drawings(view: Value, drawings: &[Picture]) -> Value {
    let Value::Object(mut fields) = view else { return view };
    let by_id = drawings.iter().map(|picture| (picture.id.clone(), Value::from(picture.svg())));
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
        let asked = asked(helper, DRAWING)?;
        let drawing = asked.value().as_str().and_then(|id| context.data().get(DRAWINGS)?.get(id)?.as_str());
        let unknown = || RenderErrorReason::MissingVariable(asked.relative_path().cloned());
        Ok(out.write(drawing.ok_or_else(unknown)?)?)
    }
}

/// `{{number id}}` writes the digits of a value and leaves out all else, so that it can stand in a style sheet.
struct Number;

impl HelperDef for Number {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        _: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let asked = asked(helper, NUMBER)?;
        let text = asked.value().as_str().unwrap_or_default();
        Ok(out.write(&text.chars().filter(char::is_ascii_digit).collect::<String>())?)
    }
}
