//! How does somebody who has nothing but the bundle check it? A page for the browser and one for the
//! terminal, which say the same.
//!
//! It must never promise more than the files can prove.

use crate::pure::number::count;
use crate::pure::ticket::Recorded;
use crate::pure::verdict::EvidenceFile;

const README: &str = include_str!("README.txt");

/// Checks the whole list and says of each file whether it is what was packed. No name has a blank, so that it does not
/// matter how many a copy of this line, or of the list, has. `Get-FileHash` gives capitals, and `-eq` takes them for the
/// same; of a file that is not there it gives nothing, which counts as changed.
const WINDOWS: &str = "Get-Content SHA256SUMS | ForEach-Object { $sum, $name = -split $_; \
    if ((Get-FileHash -Algorithm SHA256 -LiteralPath $name).Hash -eq $sum) { \"OK $name\" } \
    else { \"CHANGED $name\" } }";

/// Files of evidence listed one by one: a school year of nights, with packets and coverage. `SHA256SUMS`
/// has all.
const LISTED_MAX: usize = 800;

/// What stands over the list of files, in the text.
const EVIDENCE: &str = "Evidence";

/// How the page begins.
const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"color-scheme\" content=\"light dark\">\n<title>How to check this bundle</title>\n<style>\n\
    :root { color-scheme: light dark; }\n\
    body { font-family: sans-serif; line-height: 1.45; max-width: 46rem; margin: 1rem auto; padding: 0 1rem; }\n\
    p, pre, h2 { overflow-wrap: anywhere; }\n\
    pre { white-space: pre-wrap; border: 1px solid; border-radius: 4px; padding: 0.5rem; }\n\
    .item { margin: 0.25rem 0 0.25rem 1rem; }\n</style>\n\
    </head>\n<body>\n<h1>How to check this bundle</h1>\n";

/// A file of evidence on record, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub file: EvidenceFile,
    /// `None` when it is here and as it was recorded.
    pub remark: Option<String>,
}

/// The page for the terminal. It names the last event, by which a reader learns what the log says today.
pub fn readme(kept: &[Kept], last: Option<&Recorded>) -> String {
    let (ticket, event) = last.map_or_else(Default::default, |last| {
        (last.ticket.to_string(), format!("{} of {}\n        {}", last.seq, last.at, last.hash))
    });
    let filled = README.replace("{windows}", WINDOWS).replace("{ticket}", &ticket).replace("{last}", &event);
    filled.replace("{evidence}", &evidence(kept))
}

/// The same for the browser: it needs no network, no script and no other file.
pub fn page(kept: &[Kept], last: Option<&Recorded>) -> String {
    format!("{HEAD}{}</body>\n</html>\n", markup(&readme(kept, last)))
}

/// What a line of the text is, which its indentation and its first signs tell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Piece {
    Heading,
    Paragraph,
    /// An item of a list; the lines below it are indented by two signs more.
    Item,
    /// To be typed or compared as it stands.
    Command,
    /// A name and, behind two blanks, what it is.
    Term,
}

impl Piece {
    fn of(line: &str) -> Piece {
        let text = line.trim_start();
        let indented = line.len() - text.len();
        let is_question = text.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
        match indented {
            8.. => Piece::Command,
            _ if text.starts_with("- ") => Piece::Item,
            0 if is_question || text == EVIDENCE => Piece::Heading,
            0 if text.contains("  ") => Piece::Term,
            _ => Piece::Paragraph,
        }
    }

    /// Whether a line of that kind below this one goes on with it.
    fn goes_on(self, next: Piece) -> bool {
        match self {
            Piece::Item | Piece::Paragraph => next == Piece::Paragraph,
            Piece::Command => next == Piece::Command,
            Piece::Heading | Piece::Term => false,
        }
    }
}

/// The text as markup, so that a narrow window breaks its lines where they may be broken.
fn markup(text: &str) -> String {
    let mut pieces: Vec<(Piece, String)> = Vec::new();
    let mut is_after_blank = true;
    for line in text.lines() {
        let (piece, words) = (Piece::of(line), line.trim());
        match pieces.last_mut() {
            _ if words.is_empty() => {}
            Some((last, all)) if !is_after_blank && last.goes_on(piece) => {
                all.push(if *last == Piece::Command { '\n' } else { ' ' });
                all.push_str(words);
            }
            _ => pieces.push((piece, words.to_owned())),
        }
        is_after_blank = words.is_empty();
    }
    pieces
        .iter()
        .map(|(piece, words)| element(*piece, &words.chars().map(escaped).collect::<String>()))
        .collect()
}

fn element(piece: Piece, words: &str) -> String {
    match piece {
        Piece::Heading => format!("<h2>{words}</h2>\n"),
        Piece::Paragraph => format!("<p>{words}</p>\n"),
        Piece::Item => format!("<p class=\"item\">{words}</p>\n"),
        Piece::Command => format!("<pre>{words}</pre>\n"),
        Piece::Term => {
            let (term, meaning) = words.split_once("  ").unwrap_or((words, ""));
            format!("<p class=\"item\"><b>{term}</b>: {}</p>\n", meaning.trim_start())
        }
    }
}

fn escaped(sign: char) -> String {
    match sign {
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        other => other.to_string(),
    }
}

fn evidence(kept: &[Kept]) -> String {
    let remarks: Vec<&String> = kept.iter().filter_map(|kept| kept.remark.as_ref()).collect();
    let mut text = match (kept.is_empty(), remarks.is_empty()) {
        (true, _) => "No evidence is on record.\n".to_owned(),
        (_, true) => "All evidence on record is here and is as it was recorded.\n".to_owned(),
        _ => "NOT all evidence on record is here as it was recorded, and verify.py says so too:\n".to_owned(),
    };
    remarks.iter().for_each(|remark| text.push_str(&format!("- {remark}\n")));
    text.push('\n');
    for Kept { file, .. } in kept.iter().filter(|kept| kept.remark.is_none()).take(LISTED_MAX) {
        let EvidenceFile { path, sha256, bytes, packets } = file;
        let holds = if *packets > 0 { format!("{}, ", count(*packets, "packet")) } else { String::new() };
        text.push_str(&format!("{path}: {holds}{}\n        {sha256}\n", count(*bytes, "byte")));
    }
    if kept.len() > LISTED_MAX {
        text.push_str("... and more, which SHA256SUMS lists\n");
    }
    text
}
