//! How does a template stand within another one, as `{{> name}}` and `{{#> name}}` say?
//!
//! Used by `trial`, before anything is rendered. Handlebars copies the whole view for each inclusion, twice
//! within a block, and whatever is looked up in the copy once more: that took longer than all else about a
//! letter. An included template sees what its place sees, so it can as well look there. It must never change
//! what a template says.

use handlebars::template::{DecoratorTemplate, HelperTemplate, Parameter, Subexpression, TemplateElement};
use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderErrorReason,
    Renderable, Template,
};
use serde_json::Value;
use std::collections::HashMap;

/// The place of what a block encloses, in a template that is included around it.
pub const PARTIAL_BLOCK: &str = "@partial-block";

/// So many templates may stand in one, counted as often as they do: a hundred times what the shipped ones need.
pub const INCLUSIONS_MAX: usize = 1_000;

/// The name of [`Include`]: none that a template can reach by itself.
const INCLUDE: &str = "an included template";

/// Puts inclusions that copy nothing in the place of handlebars' own. One with arguments, or with an indent for
/// all of its lines, stays as it is. No template may lead back to itself.
pub fn without_copies(registry: &mut Handlebars<'static>) {
    registry.register_helper(INCLUDE, Box::new(Include));
    let written = registry.get_templates().clone();
    for (name, template) in &written {
        registry.register_template(name, replaced(template, &written));
    }
}

/// Every template that stands in `first` when it is included, itself among them: how many stand in each, counted as
/// often as they do, up to one more than [`INCLUSIONS_MAX`].
pub fn weights<'a>(first: &'a str, all: &'a HashMap<String, Template>) -> HashMap<&'a str, usize> {
    let mut weights = HashMap::new();
    weigh(first, all, &mut weights);
    weights
}

/// How many stand in this one, itself among them; nothing is weighed twice.
fn weigh<'a>(
    name: &'a str,
    all: &'a HashMap<String, Template>,
    weights: &mut HashMap<&'a str, usize>,
) -> usize {
    if let Some(weight) = weights.get(name) {
        return *weight;
    }
    // Where it leads back to itself, which is a fault of its own, it counts once.
    weights.insert(name, 0);
    let within = all.get(name).map(included_names).unwrap_or_default();
    let weight = within
        .into_iter()
        .fold(1, |sum, included| (sum + weigh(included, all, weights)).min(INCLUSIONS_MAX + 1));
    weights.insert(name, weight);
    weight
}

/// What a template includes.
fn included_names(template: &Template) -> Vec<&str> {
    let own = template.elements.iter().filter_map(included_name);
    own.chain(template.elements.iter().flat_map(inner).flat_map(included_names)).collect()
}

fn included_name(element: &TemplateElement) -> Option<&str> {
    match element {
        TemplateElement::PartialExpression(partial) | TemplateElement::PartialBlock(partial) => {
            partial.name.as_name()
        }
        _ => None,
    }
}

/// The templates within an element.
pub fn inner(element: &TemplateElement) -> impl Iterator<Item = &Template> {
    let (one, other) = match element {
        TemplateElement::HelperBlock(block) => (block.template.as_ref(), block.inverse.as_ref()),
        TemplateElement::PartialBlock(block) | TemplateElement::DecoratorBlock(block) => {
            (block.template.as_ref(), None)
        }
        _ => (None, None),
    };
    one.into_iter().chain(other)
}

/// The template with our inclusions. A block of another template becomes that template, with what it encloses
/// in its place.
fn replaced(template: &Template, all: &HashMap<String, Template>) -> Template {
    let mut replaced = template.clone();
    for element in &mut replaced.elements {
        match element {
            TemplateElement::HelperBlock(block) => {
                for_branches(block, |branch| *branch = self::replaced(branch, all));
            }
            TemplateElement::PartialExpression(partial) if is_plain(partial) => {
                *element = TemplateElement::Expression(include(partial));
            }
            TemplateElement::PartialBlock(partial) if is_plain(partial) => {
                let Some(around) = partial.name.as_name().and_then(|name| all.get(name)) else { continue };
                let mut enclosed = self::replaced(&partial.template.clone().unwrap_or_default(), all);
                // What fails in it is told with the name of the file that it stands in.
                enclosed.name = template.name.clone();
                let mut around = self::replaced(around, all);
                fill(&mut around, &enclosed);
                let mut block = include(partial);
                block.template = Some(around);
                *element = TemplateElement::HelperBlock(block);
            }
            _ => {}
        }
    }
    replaced
}

/// Puts what is enclosed into its place, wherever that is.
fn fill(around: &mut Template, enclosed: &Template) {
    for element in &mut around.elements {
        match element {
            TemplateElement::HelperBlock(block) => for_branches(block, |branch| fill(branch, enclosed)),
            TemplateElement::PartialExpression(place) if place.name.as_name() == Some(PARTIAL_BLOCK) => {
                let mut block = include(place);
                block.template = Some(enclosed.clone());
                *element = TemplateElement::HelperBlock(block);
            }
            _ => {}
        }
    }
}

fn for_branches(block: &mut HelperTemplate, change: impl FnMut(&mut Template)) {
    [&mut block.template, &mut block.inverse].into_iter().flatten().for_each(change);
}

fn is_plain(partial: &DecoratorTemplate) -> bool {
    let is_of_file = partial.name.as_name().is_some_and(|name| name != PARTIAL_BLOCK);
    is_of_file && partial.params.is_empty() && partial.hash.is_empty() && partial.indent.is_none()
}

/// A call of [`Include`] with the name of what is included.
fn include(partial: &DecoratorTemplate) -> Box<HelperTemplate> {
    let name = Value::from(partial.name.as_name());
    let (helper, literal) = (Parameter::Name(INCLUDE.to_owned()), Parameter::Literal(name));
    match *Subexpression::new(helper, vec![literal], HashMap::new()).element {
        TemplateElement::Expression(call) => call,
        _ => unreachable!("a call is an expression"),
    }
}

/// Renders a template in the place of its inclusion: the one within the call, or else the one that it names.
struct Include;

impl HelperDef for Include {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let name = helper.param(0).and_then(|name| name.value().as_str()).unwrap_or_default();
        let included = helper.template().or_else(|| registry.get_template(name));
        let included = included.ok_or_else(|| RenderErrorReason::PartialNotFound(name.to_owned()))?;
        let around = render.get_current_template_name();
        included.render(registry, context, render, out)?;
        render.set_current_template_name(around);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const INCLUDED: [(&str, &str); 6] = [
        ("leaf", "{{id}};"),
        ("item", "{{@index}}{{name}};"),
        ("lines", "{{id}}\n{{id}}\n"),
        ("frame", "<{{id}}>{{> @partial-block}}</{{> leaf}}>"),
        ("choice", "{{#if id}}{{#> frame}}c{{> @partial-block}}{{/frame}}{{/if}}"),
        ("trunk", "{{> leaf}}{{#if id}}{{> twig}}{{/if}}"),
    ];

    fn registry(template: &str) -> Handlebars<'static> {
        let mut registry = Handlebars::new();
        for (name, text) in INCLUDED.into_iter().chain([("twig", "{{> leaf}}"), ("page", template)]) {
            registry.register_template_string(name, text).expect("a good template");
        }
        registry
    }

    #[test]
    fn an_included_template_says_what_it_would_say_in_a_copy() {
        let view = json!({"id": "7 <b>", "list": [{"name": "x"}, {"name": "y"}]});
        for (case, template, expected) in [
            ("alone", "a {{> leaf}} b", "a 7 &lt;b&gt;; b"),
            ("in a list", "{{#each list}}{{> item}}{{/each}}", "0x;1y;"),
            ("within another", "{{> trunk}}", "7 &lt;b&gt;;7 &lt;b&gt;;"),
            ("on a line of its own", "a\n{{> lines}}\nb", "a\n7 &lt;b&gt;\n7 &lt;b&gt;\nb"),
            ("with an indent", "a\n  {{> lines}}\nb", "a\n  7 &lt;b&gt;\n  7 &lt;b&gt;\nb"),
            ("with an argument", "{{> leaf id=1}}", "1;"),
            ("around", "{{#> frame}}{{> leaf}}{{/frame}}", "<7 &lt;b&gt;>7 &lt;b&gt;;</7 &lt;b&gt;;>"),
            ("around nothing", "{{#> frame}}{{/frame}}", "<7 &lt;b&gt;></7 &lt;b&gt;;>"),
            ("around what is around", "{{#> choice}}d{{/choice}}", "<7 &lt;b&gt;>cd</7 &lt;b&gt;;>"),
        ] {
            let mut registry = registry(template);
            assert_eq!(registry.render("page", &view).ok().as_deref(), Some(expected), "{case}: copied");
            without_copies(&mut registry);
            assert_eq!(registry.render("page", &view).ok().as_deref(), Some(expected), "{case}");
        }
    }

    #[test]
    fn what_stands_in_one_is_counted_as_often_as_it_does() {
        let mut registry = registry("");
        let twice = |next: usize| format!("{{{{> t{next}}}}}{{{{> t{next}}}}}");
        (1..64).for_each(|at| {
            registry.register_template_string(&format!("t{at}"), twice(at + 1)).expect("a good template");
        });
        registry.register_template_string("t64", "x").expect("a good template");
        registry.register_template_string("t0", "{{> t0}}{{> t64}}").expect("a good template");
        for (first, expected) in [("t64", false), ("t56", false), ("t55", true), ("t1", true), ("t0", false)]
        {
            let weight = weights(first, registry.get_templates())[first];
            assert_eq!(weight > INCLUSIONS_MAX, expected, "{first}: {weight}");
        }
    }

    #[test]
    fn a_way_back_is_found_however_long_it_is() {
        let registry = registry("{{#unless id}}{{#> frame}}{{> trunk}}{{/frame}}{{/unless}}");
        for (first, name, expected) in [
            ("page", "page", true),
            ("page", "frame", true),
            ("page", "leaf", true),
            ("trunk", "leaf", true),
            ("trunk", "frame", false),
            ("leaf", "trunk", false),
            ("nobody", "leaf", false),
        ] {
            let leads_back = weights(first, registry.get_templates()).contains_key(name);
            assert_eq!(leads_back, expected, "{first} to {name}");
        }
    }
}
