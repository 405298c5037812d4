//! How does somebody who has nothing but the bundle check it? A page for the browser and one for the
//! terminal, which say the same.
//!
//! It must never promise more than the files can prove.

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

/// The same for the browser: it needs no network, no script and no style sheet.
pub fn page(kept: &[Kept], last: Option<&Recorded>) -> String {
    let text: String = readme(kept, last).chars().map(escaped).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>How to check this bundle</title>\n\
         </head>\n<body>\n<h1>How to check this bundle</h1>\n\
         <pre style=\"white-space: pre-wrap; overflow-wrap: anywhere\">{text}</pre>\n</body>\n</html>\n"
    )
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
        text.push_str(&format!("{path}: {packets} packets, {bytes} bytes\n    {sha256}\n"));
    }
    if kept.len() > LISTED_MAX {
        text.push_str("... and more, which SHA256SUMS lists\n");
    }
    text
}
