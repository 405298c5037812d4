//! What of a mail's look must survive without its style sheet, and where may dates and addresses be broken? Outlook takes
//! little of a style sheet, and Gmail drops all of it when something in it is new to it.
//!
//! Colours stay in the style sheet: they depend on light and dark, which an attribute cannot tell.

use std::net::Ipv6Addr;

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

/// As long as an address of IPv6 can be, and as long as one may be that fits into every line.
const ADDRESS_CHARS_MAX: usize = 39;
const ADDRESS_CHARS_WHOLE: usize = 19;

/// The mail with the look of its most important parts in their tags.
pub fn with_looks(html: &str) -> String {
    let mut dressed = String::with_capacity(html.len() + html.len() / 8);
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        let (before, from_tag) = rest.split_at(at);
        dressed.push_str(before);
        let (tag, look) = LOOKS.into_iter().find(|(tag, _)| from_tag.starts_with(tag)).unwrap_or(("<", ""));
        dressed.push_str(tag.trim_end_matches('>'));
        if !look.is_empty() {
            dressed.extend([r#" style=""#, look, r#"">"#]);
        }
        rest = &from_tag[tag.len()..];
    }
    dressed.push_str(rest);
    dressed
}

/// The page with its dates whole, which a browser would break at their hyphens where a column is narrow, and with
/// long addresses that are broken behind a colon, where else it would break them anywhere.
pub fn with_whole_words(html: &str) -> String {
    let body = html.find("<body").unwrap_or(0);
    let mut whole = String::with_capacity(html.len() + html.len() / 8);
    let (mut copied, mut at, mut is_tag) = (0, body, false);
    let bytes = html.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            // A drawing breaks no line, and takes no other tags.
            b'<' if html[at..].starts_with("<svg") => {
                at += html[at..].find("</svg").unwrap_or(html.len() - at - 1);
            }
            b'<' => is_tag = true,
            b'>' => is_tag = false,
            b':' if !is_tag => {
                if let Some((from, to)) = long_address(html, copied, at) {
                    whole.push_str(&html[copied..from]);
                    whole.push_str(&html[from..to].replace(':', ":<wbr>").replace(":<wbr>:", "::"));
                    copied = to;
                    at = to - 1;
                }
            }
            byte if byte.is_ascii_digit() && !is_tag => {
                let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'-');
                let length = digits.count();
                if is_date(&bytes[at..at + length]) {
                    whole.push_str(&html[copied..at]);
                    whole.push_str(r#"<span class="date">"#);
                    whole.push_str(&html[at..at + length]);
                    whole.push_str("</span>");
                    copied = at + length;
                }
                at += length - 1;
            }
            _ => {}
        }
        at += 1;
    }
    whole.push_str(&html[copied..]);
    whole
}

/// From where to where an address of IPv6 reaches around that colon, when it is too long for a narrow heading.
fn long_address(html: &str, begin: usize, colon: usize) -> Option<(usize, usize)> {
    let is_part = |byte: &u8| byte.is_ascii_hexdigit() || *byte == b':';
    let bytes = html.as_bytes();
    let before = bytes[begin..colon].iter().rev().take(ADDRESS_CHARS_MAX).take_while(|byte| is_part(byte));
    let behind = bytes[colon..].iter().take(ADDRESS_CHARS_MAX).take_while(|byte| is_part(byte));
    let (from, to) = (colon - before.count(), colon + behind.count());
    // A colon behind an address belongs to the sentence.
    let address = html[from..to].strip_suffix(':').unwrap_or(&html[from..to]);
    let is_long = address.len() > ADDRESS_CHARS_WHOLE && address.parse::<Ipv6Addr>().is_ok();
    is_long.then_some((from, from + address.len()))
}

/// `2015-05-04`.
fn is_date(text: &[u8]) -> bool {
    text.len() == 10 && text.iter().enumerate().all(|(at, byte)| (*byte == b'-') == matches!(at, 4 | 7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_brings_its_look_along_and_a_text_does_not() {
        let seen = with_looks(r#"<h1>a</h1><p class="todo none">b &lt;h1&gt;</p><p class="small">c</p>"#);
        assert_eq!(
            seen,
            r#"<h1 style="font-size:21px;line-height:1.3;margin:0 0 8px">a</h1><p class="todo none" style="border-left:4px solid #1a7f37;padding:8px 12px">b &lt;h1&gt;</p><p class="small">c</p>"#
        );
    }

    #[test]
    fn a_long_address_breaks_behind_a_colon_where_it_is_text() {
        for (page, expected) in [
            (
                "<body>2001:db8:1234:5678:9abc:def0:1234:5678: on",
                "<body>2001:<wbr>db8:<wbr>1234:<wbr>5678:<wbr>9abc:<wbr>def0:<wbr>1234:<wbr>5678: on",
            ),
            ("<body>a 2001:db8:1234:5678::12 (b)", "<body>a 2001:<wbr>db8:<wbr>1234:<wbr>5678::<wbr>12 (b)"),
            ("<body>2001:db8::12, 00:11:22:33:44:55", "<body>2001:db8::12, 00:11:22:33:44:55"),
            ("<body>1:2:3:4:5:6:7:8:9:1:2:3:4:5", "<body>1:2:3:4:5:6:7:8:9:1:2:3:4:5"),
            ("<body><p title=\"2001:db8:1234:5678::12\">", "<body><p title=\"2001:db8:1234:5678::12\">"),
            (
                "<title>2001:db8:1234:5678::12</title><body>2015-05-04:2001:db8:1234:5678::12",
                "<title>2001:db8:1234:5678::12</title><body><span class=\"date\">2015-05-04</span>:2001:db8:1234:5678::12",
            ),
        ] {
            assert_eq!(with_whole_words(page), expected, "{page}");
        }
    }

    #[test]
    fn a_date_stays_whole_where_it_is_text() {
        for (page, expected) in [
            ("<body>a 2015-05-04, b", r#"<body>a <span class="date">2015-05-04</span>, b"#),
            (
                "<title>2015-05-04</title><body>2015-05-04",
                r#"<title>2015-05-04</title><body><span class="date">2015-05-04</span>"#,
            ),
            (r#"<body><p title="2015-05-04">"#, r#"<body><p title="2015-05-04">"#),
            (
                "<body>12015-05-04 2015-05-041 2015-5-04 555-1234 -\u{e9}",
                "<body>12015-05-04 2015-05-041 2015-5-04 555-1234 -\u{e9}",
            ),
            (
                "<body><svg><text>2015-05-04</text></svg>2015-05-04",
                r#"<body><svg><text>2015-05-04</text></svg><span class="date">2015-05-04</span>"#,
            ),
            ("<body><svg>2015-05-04", "<body><svg>2015-05-04"),
            ("2015-05-04", r#"<span class="date">2015-05-04</span>"#),
        ] {
            assert_eq!(with_whole_words(page), expected, "{page}");
        }
    }
}
