//! How does the story look on a screen? Told events in, lines of text out.
//!
//! Left of it is `story`. What it says of mails it reads from the mails.

use super::story::{Told, Tone};
use crate::pure::report::words::{local, wrap};
use crate::pure::ticket::Ticket;
use jiff::tz::TimeZone;
use std::fs;
use std::path::{Path, PathBuf};

/// The columns of the story: it fits a terminal of 100.
const COLUMNS: usize = 98;

/// What stands left of each line: as wide as `Wed 29 Apr 14:20  `.
const MARGIN: &str = "                  ";

/// Says what this is.
pub fn opening(machines: usize, packets: usize) -> String {
    let text = format!(
        "Two weeks of one ticket, on a virtual clock. The school with its {machines} machines, its people and the {packets} \
         packets that its recorder wrote are made up; the engine, the verdicts and the mails are the real ones."
    );
    format!("{}\n", wrap(&text, COLUMNS))
}

/// One event: when and what, then why, then the mails about it, which lie in `mails`.
pub fn event(told: &Told, zone: &TimeZone, mails: &Path, has_colour: bool) -> String {
    let when = local(told.at, zone, "%a %e %b %H:%M");
    let mut text = when.clone() + &indented(&painted(&told.what, told.tone, has_colour))[when.len()..];
    told.why.iter().for_each(|why| text.push_str(&indented(why)));
    for (path, subject) in told.mails.iter().filter_map(|seq| mail(mails, *seq)) {
        text.push_str(&indented(&format!("Mail {}: \"{subject}\"", path.display())));
    }
    text.push('\n');
    text
}

/// Says where everything lies and what to do next.
pub fn closing(directory: &Path, ticket: &Ticket) -> String {
    let (shown, id) = (directory.display(), ticket.id);
    format!(
        "To look at, in {shown}:\n\
         \x20 report.html     the whole ticket on a page, for a browser\n\
         \x20 mail/*.eml      the {mails} mails, for a mail program or any editor\n\
         \x20 state/evidence  the packets that prove something (Wireshark, tshark, or allclear scan --dump)\n\
         \x20 captures        all the packets; allclear.yaml, playbooks: what a person writes\n\
         \n\
         The same ticket, the ordinary way:\n\
         \x20 allclear --site-file {shown}/allclear.yaml ticket show {id}\n\
         \x20 allclear scan {shown}/captures/lan-2015-04-29.pcap --address 216.66.15.109\n\
         \n\
         Next, on your own network:\n\
         \x20 allclear init my-site\n",
        mails = ticket.outbox.len(),
    )
}

fn indented(text: &str) -> String {
    let wrapped = wrap(text, COLUMNS - MARGIN.len());
    wrapped.lines().map(|line| format!("{MARGIN}{line}\n")).collect()
}

fn painted(text: &str, tone: Tone, has_colour: bool) -> String {
    // Select Graphic Rendition (ECMA-48): bold, and red, green or yellow.
    let code = match tone {
        Tone::Plain => "1",
        Tone::Good => "1;32",
        Tone::Bad => "1;31",
        Tone::Doubt => "1;33",
    };
    if has_colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

/// The file and the subject of the mail that event `seq` decided upon.
fn mail(mails: &Path, seq: u64) -> Option<(PathBuf, String)> {
    let is_it = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().contains(&format!("-{seq:04}-")))
    };
    let path = fs::read_dir(mails).ok()?.flatten().map(|entry| entry.path()).find(is_it)?;
    let subject = subject(&fs::read_to_string(&path).ok()?)?;
    Some((path, subject))
}

/// The subject of a mail, unfolded (RFC 5322, 2.2.3).
fn subject(mail: &str) -> Option<String> {
    let mut lines = mail.lines().skip_while(|line| !line.starts_with("Subject: "));
    let first = lines.next()?.strip_prefix("Subject: ")?;
    let folded = lines.take_while(|line| line.starts_with(' '));
    Some(folded.fold(first.to_owned(), |subject, line| format!("{subject} {}", line.trim_start())))
}
