//! What of a mail's look must survive without its style sheet? Outlook takes little of it, and Gmail drops
//! all of it when something in it is new to it.
//!
//! Colours stay in the style sheet: they depend on light and dark, which an attribute cannot tell.

/// A tag as templates write it, and the look that it brings along. Texts from outside are escaped, so that
/// none of them can be taken for a tag.
const LOOKS: [(&str, &str); 6] = [
    ("<body>", "font-family:system-ui,'Segoe UI',Roboto,Arial,sans-serif;font-size:16px;line-height:1.45"),
    ("<h1>", "font-size:21px;line-height:1.3;margin:0 0 8px"),
    ("<h2>", "font-size:17px;margin:24px 0 6px"),
    ("<h3>", "font-size:16px;margin:12px 0 4px"),
    (r#"<p class="todo">"#, "border-left:4px solid #9a6700;padding:8px 12px"),
    (r#"<p class="todo none">"#, "border-left:4px solid #1a7f37;padding:8px 12px"),
];

/// The mail with the look of its most important parts in their tags.
pub fn with_looks(html: String) -> String {
    LOOKS.iter().fold(html, |html, (tag, look)| {
        let head = tag.trim_end_matches('>');
        html.replace(tag, &format!(r#"{head} style="{look}">"#))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_brings_its_look_along_and_a_text_does_not() {
        let seen = with_looks(
            r#"<h1>a</h1><p class="todo none">b &lt;h1&gt;</p><p class="small">c</p>"#.to_string(),
        );
        assert_eq!(
            seen,
            r#"<h1 style="font-size:21px;line-height:1.3;margin:0 0 8px">a</h1><p class="todo none" style="border-left:4px solid #1a7f37;padding:8px 12px">b &lt;h1&gt;</p><p class="small">c</p>"#
        );
    }
}
