//! Where in a page does a text from outside land? Escaping makes it harmless as text and within quotation marks, and
//! nowhere else.
//!
//! Used by `trial`. Follows the tokenizer of the HTML standard (13.2.5) as far as that matters, whichever way a
//! template goes. It must never let a name become a tag, an attribute, code, or the scheme of an address.

use super::balance::Slip;
use super::drawing::{DRAWING, NUMBER};
use handlebars::Template;
use handlebars::template::{HelperTemplate, TemplateElement};

/// Elements whose content holds no tags.
const RAW: [&str; 8] = ["script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes"];

/// Those of them whose content is carried out.
const CODE: [&str; 2] = ["script", "style"];

/// Attributes whose value is carried out, besides those that begin with `on`.
const CODE_ATTRIBUTES: [&str; 5] = ["style", "srcdoc", "srcset", "imagesrcset", "http-equiv"];

/// Attributes whose value is an address, or may put one in place of another.
const ADDRESSES: [&str; 16] = [
    "href",
    "src",
    "action",
    "formaction",
    "background",
    "poster",
    "cite",
    "data",
    "longdesc",
    "manifest",
    "ping",
    "lowsrc",
    "values",
    "from",
    "to",
    "by",
];

/// Schemes behind which anything may stand.
const SCHEMES: [&str; 5] = ["http", "https", "mailto", "tel", "cid"];

/// A place in a page.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Text,
    /// Behind `<`, behind `</`, and behind `<!` with so many dashes.
    Open,
    Close,
    Declaration(usize),
    /// To the next `>`: what is no tag and no comment.
    Bogus,
    /// A comment, behind so many dashes.
    Comment(usize),
    Tag(Tag, Part),
    /// Within an element of [`RAW`], behind what may be the beginning of its end.
    Raw(String, String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Tag {
    name: String,
    is_end: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Name,
    Between,
    Attribute(String),
    /// Behind its name and a blank, and behind its `=`.
    Named(String),
    Equals(String),
    Quoted(char, String, Kind),
    Bare,
}

/// What the value of an attribute is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Code,
    /// An address whose scheme is not known yet, with what there is of it.
    Address(String),
}

/// So many places are followed at a time, which blocks within tags lead to: four times what a tag with a few needs.
const PLACES_MAX: usize = 64;

/// Every place of the template at which a text from outside would do harm, whichever way it goes; and where it does
/// not end as it began, so that nobody knows.
pub fn slips(template: &Template) -> Vec<Slip> {
    let mut slips = Vec::new();
    let ends = follow(template, vec![Place::Text], &mut slips);
    let is_open = ends.iter().any(|end| *end != Place::Text);
    if let Some(last) = template.mapping.last().filter(|_| is_open && slips.is_empty()) {
        slips.push(Slip { line: last.0, column: last.1, what: OPEN.0.to_owned(), cure: OPEN.1 });
    }
    slips.sort();
    slips.dedup();
    slips
}

/// What is said of a template that ends within something.
const OPEN: (&str, &str) =
    ("it can end within a tag, a comment or quotation marks that begin before", "close what is open");

/// The places behind a template that begins at one of these.
fn follow(template: &Template, begins: Vec<Place>, slips: &mut Vec<Slip>) -> Vec<Place> {
    let mut places = begins;
    for (element, at) in template.elements.iter().zip(&template.mapping) {
        let is_text = places.iter().all(|place| *place == Place::Text);
        let fault = match element {
            TemplateElement::RawString(text) => {
                places = distinct(places.into_iter().map(|place| text.chars().fold(place, step)));
                None
            }
            TemplateElement::Expression(value) => places.iter().find_map(|place| fault(place, value)),
            TemplateElement::HelperBlock(block) => {
                places = follow_block(block, &places, slips);
                (places.len() > PLACES_MAX).then(too_many)
            }
            TemplateElement::PartialExpression(_) => (!is_text).then(within),
            TemplateElement::PartialBlock(block) => {
                let enclosed = block.template.as_ref().map(|inner| follow(inner, vec![Place::Text], slips));
                let is_even = enclosed.is_none_or(|ends| ends == [Place::Text]);
                if is_text { (!is_even).then(|| (OPEN.0.to_owned(), OPEN.1)) } else { Some(within()) }
            }
            _ => None,
        };
        slips.extend(fault.map(|(what, cure)| Slip { line: at.0, column: at.1, what, cure }));
        places.truncate(PLACES_MAX);
    }
    places
}

/// The places behind a block, whichever way it goes; a list may have no entry, one, or several.
fn follow_block(block: &HelperTemplate, begins: &[Place], slips: &mut Vec<Slip>) -> Vec<Place> {
    let mut behind = |branch: Option<&Template>, begins: &[Place]| {
        branch.map_or_else(|| begins.to_vec(), |branch| follow(branch, begins.to_vec(), slips))
    };
    let met = behind(block.template.as_ref(), begins);
    let unmet = behind(block.inverse.as_ref(), begins);
    let again =
        if block.name.as_name() == Some("each") { behind(block.template.as_ref(), &met) } else { Vec::new() };
    distinct(met.into_iter().chain(unmet).chain(again))
}

fn distinct(places: impl Iterator<Item = Place>) -> Vec<Place> {
    let mut distinct = Vec::new();
    for place in places {
        if !distinct.contains(&place) {
            distinct.push(place);
        }
    }
    distinct
}

type Fault = (String, &'static str);

fn too_many() -> Fault {
    ("too many blocks stand within one tag".to_owned(), "put them within the quotation marks of an attribute")
}

fn within() -> Fault {
    ("a template is included within a tag".to_owned(), "include it between tags, where text stands")
}

/// Why nothing may be written at this place that comes from outside, if so.
fn fault(place: &Place, value: &HelperTemplate) -> Option<Fault> {
    let helper = value.name.as_name().unwrap_or_default();
    if helper == DRAWING {
        return (*place != Place::Text).then(within);
    }
    let would = |what: &str| format!("a text from outside would {what}");
    match place {
        Place::Raw(element, _) if CODE.contains(&element.as_str()) && helper != NUMBER => Some((
            would(&format!("stand within <{element}>, as code")),
            "take it out, or write {{number id}}",
        )),
        Place::Open | Place::Close | Place::Tag(_, Part::Name) => {
            Some((would("become the name of a tag"), "write the tag's name, or &lt; for the sign"))
        }
        Place::Comment(1..) | Place::Declaration(_) => {
            Some((would("stand at the end of a comment"), "write {{!-- --}} around what nobody is to see"))
        }
        Place::Tag(_, Part::Between | Part::Attribute(_) | Part::Named(_)) => Some((
            would("become an attribute of a tag"),
            "write it between tags, or behind = and in quotation marks",
        )),
        Place::Tag(_, Part::Equals(_) | Part::Bare) => Some((
            would("stand in an attribute without quotation marks"),
            "write quotation marks around the value of the attribute",
        )),
        Place::Tag(_, Part::Quoted(_, name, Kind::Code)) if helper != NUMBER => {
            Some((would(&format!("stand in the attribute '{name}', as code")), "take it out"))
        }
        Place::Tag(_, Part::Quoted(_, name, Kind::Address(_))) => Some((
            would(&format!("begin the address in '{name}', and choose what kind it is")),
            "write the beginning of the address yourself, as https://host/{{id}}",
        )),
        Place::Text | Place::Bogus | Place::Comment(0) | Place::Raw(..) => None,
        Place::Tag(_, Part::Quoted(..)) => None,
    }
}

/// The place one sign further.
fn step(place: Place, sign: char) -> Place {
    match (place, sign) {
        (Place::Text, '<') | (Place::Open, '<') => Place::Open,
        (Place::Text, _) => Place::Text,
        (Place::Open, '/') => Place::Close,
        (Place::Open, '!') => Place::Declaration(0),
        (Place::Open, _) if sign.is_ascii_alphabetic() => tag(sign, false),
        (Place::Close, _) if sign.is_ascii_alphabetic() => tag(sign, true),
        (Place::Open, '?') => Place::Bogus,
        (Place::Open, _) => Place::Text,
        (Place::Declaration(0), '-') => Place::Declaration(1),
        (Place::Declaration(1), '-') => Place::Comment(2),
        (Place::Close | Place::Declaration(_) | Place::Bogus, '>') => Place::Text,
        (Place::Close | Place::Declaration(_) | Place::Bogus, _) => Place::Bogus,
        (Place::Comment(dashes), '-') => Place::Comment((dashes + 1).min(2)),
        (Place::Comment(2), '>') => Place::Text,
        // Outlook reads what stands in `<!--[if mso]> ... <![endif]-->`.
        (Place::Comment(2), '[') => Place::Bogus,
        (Place::Comment(2), '!') => Place::Comment(2),
        (Place::Comment(_), _) => Place::Comment(0),
        (Place::Tag(tag, part), _) => step_in_tag(tag, part, sign),
        (Place::Raw(element, tail), _) => step_in_raw(element, tail, sign),
    }
}

fn tag(first: char, is_end: bool) -> Place {
    Place::Tag(Tag { name: first.to_ascii_lowercase().to_string(), is_end }, Part::Name)
}

fn step_in_tag(mut tag: Tag, part: Part, sign: char) -> Place {
    let is_blank = sign.is_ascii_whitespace();
    let next = match part {
        Part::Quoted(mark, name, kind) => match sign == mark {
            true => Part::Between,
            false => Part::Quoted(mark, name, kind.with(sign)),
        },
        Part::Equals(name) if is_blank => Part::Equals(name),
        Part::Equals(name) if matches!(sign, '"' | '\'') => {
            let kind = Kind::of(&tag.name, &name);
            Part::Quoted(sign, name, kind)
        }
        _ if sign == '>' => return behind(tag),
        Part::Equals(_) => Part::Bare,
        Part::Bare if is_blank => Part::Between,
        Part::Bare => Part::Bare,
        Part::Name if is_blank || sign == '/' => Part::Between,
        Part::Name => {
            tag.name.push(sign.to_ascii_lowercase());
            Part::Name
        }
        Part::Attribute(name) | Part::Named(name) if sign == '=' => Part::Equals(name),
        Part::Between | Part::Named(_) | Part::Attribute(_) if sign == '/' => Part::Between,
        Part::Attribute(name) | Part::Named(name) if is_blank => Part::Named(name),
        Part::Attribute(mut name) => {
            name.push(sign.to_ascii_lowercase());
            Part::Attribute(name)
        }
        Part::Between if is_blank => Part::Between,
        Part::Between | Part::Named(_) => Part::Attribute(sign.to_ascii_lowercase().to_string()),
    };
    Place::Tag(tag, next)
}

/// The place behind a tag.
fn behind(tag: Tag) -> Place {
    match !tag.is_end && RAW.contains(&tag.name.as_str()) {
        true => Place::Raw(tag.name, String::new()),
        false => Place::Text,
    }
}

fn step_in_raw(element: String, mut tail: String, sign: char) -> Place {
    let end = format!("</{element}");
    if tail == end && (sign.is_ascii_whitespace() || matches!(sign, '/' | '>')) {
        let tag = Tag { name: element, is_end: true };
        return step_in_tag(tag, Part::Between, sign);
    }
    tail.push(sign.to_ascii_lowercase());
    if !end.starts_with(&tail) {
        tail = if sign == '<' { "<".to_owned() } else { String::new() };
    }
    Place::Raw(element, tail)
}

impl Kind {
    fn of(tag: &str, attribute: &str) -> Kind {
        let is_code = attribute.starts_with("on") || CODE_ATTRIBUTES.contains(&attribute);
        if is_code || tag == "meta" && attribute == "content" {
            Kind::Code
        } else if ADDRESSES.contains(&attribute) || attribute.ends_with(":href") {
            Kind::Address(String::new())
        } else {
            Kind::Plain
        }
    }

    /// The same one sign further: as soon as the kind of an address is settled, what follows changes it no more.
    fn with(self, sign: char) -> Kind {
        let Kind::Address(mut address) = self else { return self };
        match sign {
            ':' if SCHEMES.contains(&address.as_str()) => Kind::Plain,
            // A sign that is written in another way may be any sign.
            ':' | '&' => Kind::Code,
            '/' | '?' | '#' => Kind::Plain,
            // Browsers pass over these, wherever they stand.
            _ if sign.is_whitespace() || sign.is_control() => Kind::Address(address),
            _ => {
                address.push(sign.to_ascii_lowercase());
                Kind::Address(address)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::template::SHIPPED;

    fn told(text: &str) -> Vec<(usize, usize, String)> {
        let template = Template::compile(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        slips(&template).into_iter().map(|slip| (slip.line, slip.column, slip.what)).collect()
    }

    #[test]
    fn a_text_from_outside_lands_as_text_or_within_quotation_marks() {
        for text in [
            "<p>{{x}} < {{x}} <3 {{x}} & {{x}}</p>",
            "<p title=\"{{x}} > {{x}}\" alt='{{x}}' hidden>{{x}}</p >{{x}}",
            "<P TITLE = \"{{x}}\"/>{{x}}",
            "<title>{{x}}<b {{x}}</title>{{x}}",
            "<style>p { color: red } </styles> </style>{{x}}",
            "<style media=print>@page { content: \"{{number x}}\" }</style>",
            "<script>a < b</script\n>{{x}}",
            "<a href=\"https://wiki.example/{{x}}?a={{x}}\">{{x}}</a>",
            "<a href=' MAILTO:{{x}}'>a</a><a href='/{{x}}'>a</a><a href='#{{x}}'>a</a><a href='?{{x}}'>a</a>",
            "<img src=\"cid:{{x}}\" width=1 alt=\"{{x}}\">",
            "<img src=cid:a alt=\"{{x}}\"><br/>{{x}}",
            "<!-- {{x}} > -- --><!DOCTYPE html><!--><b>{{x}}</b><!--[if mso]><p>{{x}}<![endif]-->{{x}}",
            "<p class=\"a{{#if x}} b{{else}} c {{x}}{{/if}}\">{{#each x}}<b>{{y}}{{/each}}</p>",
            "<p{{#if x}} class=\"a\"{{else}} id=\"b\"{{/if}}>",
            "<option{{#if x}} selected{{/if}}{{#if y}} disabled{{/if}} title=\"{{x}}\">{{x}}",
            "<p{{#each x}} a{{/each}}>{{x}}{{#each x}}<b{{#if y}} class=c{{/if}}>{{y}}</b>{{/each}}",
            "<a href=\"https://a/{{#if x}}b{{/if}}\">a</a>",
            "{{#> layout}}<p>{{> foot}}{{drawing id}}</p>{{/layout}}{{> foot}}",
            "",
        ] {
            assert_eq!(told(text), Vec::new(), "{text}");
        }
        for (name, text) in SHIPPED.iter().filter(|(name, _)| name.ends_with(".html.hbs")) {
            assert_eq!(told(text), Vec::new(), "{name}");
        }
    }

    #[test]
    fn where_a_text_from_outside_could_do_harm_it_is_refused_with_its_place() {
        let mut wrong = Vec::new();
        for (text, place, words) in [
            ("<p title={{x}}>", (1, 10), "in an attribute without quotation marks"),
            ("<p title = a{{x}}>", (1, 13), "in an attribute without quotation marks"),
            ("a\n<p {{x}}>", (2, 4), "become an attribute"),
            ("<p a{{x}}=\"b\">", (1, 5), "become an attribute"),
            ("<p title {{x}}>", (1, 10), "become an attribute"),
            ("<p title=\"a\"{{x}}>", (1, 13), "become an attribute"),
            ("<{{x}}>", (1, 2), "become the name of a tag"),
            ("<h{{x}}>", (1, 3), "become the name of a tag"),
            ("</{{x}}>", (1, 3), "become the name of a tag"),
            ("<script>a = '{{x}}'</script>", (1, 14), "within <script>, as code"),
            ("<SCRIPT>'</scripts>{{x}}'</script>", (1, 20), "within <script>, as code"),
            ("<style>\np { color: {{x}} }</style>", (2, 12), "within <style>, as code"),
            ("<p onClick='a({{x}})'>", (1, 15), "in the attribute 'onclick', as code"),
            ("<p style=\"color: {{x}}\">", (1, 18), "in the attribute 'style', as code"),
            ("<iframe srcdoc='{{x}}'></iframe>", (1, 17), "in the attribute 'srcdoc', as code"),
            ("<meta http-equiv=refresh content='0; {{x}}'>", (1, 38), "in the attribute 'content', as code"),
            ("<a href=\"{{x}}\">", (1, 10), "begin the address in 'href'"),
            ("<a href=' \t{{x}}'>", (1, 12), "begin the address in 'href'"),
            ("<a href=\"java{{x}}\">", (1, 14), "begin the address in 'href'"),
            ("<a href=\"JavaScript:a('{{x}}')\">", (1, 24), "in the attribute 'href', as code"),
            ("<a href=\"java&#115;cript:{{x}}\">", (1, 26), "in the attribute 'href', as code"),
            ("<img src='data:{{x}}'>", (1, 16), "in the attribute 'src', as code"),
            ("<svg><a xlink:href='{{x}}'></a></svg>", (1, 21), "begin the address in 'xlink:href'"),
            ("<!-- a --{{x}}>", (1, 10), "at the end of a comment"),
            ("<!--[if mso]><p title={{x}}><![endif]-->", (1, 23), "in an attribute without quotation marks"),
            ("<p {{> foot}}>", (1, 4), "included within a tag"),
            ("<p title=\"{{drawing id}}\">", (1, 11), "included within a tag"),
            ("<p title={{#if x}}\"{{/if}}{{y}}\">", (1, 27), "in an attribute without quotation marks"),
            ("<p {{#if x}}title{{/if}}=\"{{y}}\">", (1, 27), "become an attribute"),
            ("{{#each x}}{{y}}<p title={{/each}}a>", (1, 12), "in an attribute without quotation marks"),
            ("{{#if x}}<p>{{else}}<p {{/if}}{{y}}>", (1, 31), "become an attribute"),
            ("{{#if x}}<p {{/if}}", (1, 1), "it can end within a tag"),
            ("{{#if x}}<p title={{x}}>{{/if}}", (1, 19), "in an attribute without quotation marks"),
            ("{{#> layout}}<p {{/layout}}", (1, 1), "it can end within a tag"),
            ("a\n<p title=\"a", (1, 1), "it can end within a tag"),
        ] {
            let told = told(text);
            let found =
                told.iter().any(|(line, column, what)| (*line, *column) == place && what.contains(words));
            wrong.extend((!found).then(|| format!("{text}: {told:?}")));
        }
        assert_eq!(wrong, Vec::<String>::new());
    }
}
