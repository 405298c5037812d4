//! Where does a mail that leaves late say of when it speaks? Before all else, in its text and in its page, also where
//! somebody's own wording has no heading.

use crate::pure::report::Letter;
use handlebars::html_escape;

/// The letter, beginning with these words.
pub fn dated(letter: Letter, words: &str) -> Letter {
    let text = format!("{words}{}", letter.text);
    let html = in_page(&letter.html, &html_escape(words));
    Letter { text, html, ..letter }
}

/// In front of the heading; where there is none, a line of its own at the beginning.
fn in_page(html: &str, words: &str) -> String {
    let behind = |tag: &str| html.find(tag).and_then(|at| Some(at + html[at..].find('>')? + 1));
    match (behind("<h1"), behind("<body")) {
        (Some(at), _) => format!("{}{words}{}", &html[..at], &html[at..]),
        (None, Some(at)) => format!("{}<p>{words}</p>{}", &html[..at], &html[at..]),
        (None, None) => format!("<p>{words}</p>{html}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_of_when_it_speaks_wherever_it_can() {
        for (page, expected) in [
            ("<body><main><h1 class=a>b</h1>", "<body><main><h1 class=a>As of x: b</h1>"),
            ("<html><body class=a>b", "<html><body class=a><p>As of x: </p>b"),
            ("b", "<p>As of x: </p>b"),
        ] {
            assert_eq!(in_page(page, "As of x: "), expected, "{page}");
        }
    }
}
