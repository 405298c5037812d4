//! How does the story look on a screen? Told events in, lines of text out.
//!
//! Left of it is `story`. What it says of mails it reads from the mails.

use super::story::{Told, Tone};
use crate::pure::layout::wrap;
use crate::pure::ticket::Ticket;
use crate::pure::words::local;
use jiff::tz::TimeZone;
use std::fs;
use std::path::Path;

/// The columns of the story: it fits a terminal of 100.
const COLUMNS: usize = 98;

/// What stands left of each line: as wide as `Wed 29 Apr 14:20  `.
const MARGIN: &str = "                  ";

/// Says what this is.
pub fn opening(directory: &Path, machines: usize, packets: usize) -> String {
    let text = format!(
        "Two weeks of one ticket, on a virtual clock. The school with its {machines} machines, its people and the {packets} \
         packets that its recorder wrote are made up; the engine, the verdicts and the mails are the real ones. \
         Everything is written into {}, and all paths below are paths in there.",
        directory.display()
    );
    format!("{}\n", wrap(&text, COLUMNS))
}

/// One event: when and what, then why, then the mails about it, which lie below `directory`.
pub fn event(told: &Told, zone: &TimeZone, directory: &Path, has_colour: bool) -> String {
    let when = local(told.at, zone, "%a %e %b %H:%M");
    let mut text = when.clone() + &indented(&painted(&told.what, told.tone, has_colour))[when.len()..];
    told.why.iter().for_each(|why| text.push_str(&indented(why)));
    for (path, subject) in told.mails.iter().filter_map(|seq| mail(directory, *seq)) {
        text.push_str(&indented(&format!("-> {path}: \"{subject}\"")));
    }
    text.push('\n');
    text
}

/// Says where everything lies and what to do next. `program` is what this program was started as.
pub fn closing(directory: &Path, program: &str, ticket: &Ticket) -> String {
    let (shown, id) = (directory.display(), ticket.id);
    format!(
        "To look at, in {shown}:\n\
         \x20 report.html        the whole ticket on one page, for a browser\n\
         \x20 mail/*.eml         the {mails} mails, for a mail program or an editor\n\
         \x20 state/evidence     the packets that prove something, for Wireshark, tshark or `scan --dump`\n\
         \x20 captures           all packets, made by a generator, the same each time\n\
         \x20 allclear.yaml, playbooks/conficker.yaml: what a person writes; complaint.txt, script.yaml: what came in\n\
         \n\
         The same ticket, the ordinary way:\n\
         \x20 {program} --site-file {shown}/allclear.yaml ticket show {id}\n\
         \x20 {program} scan {shown}/captures/lan-2015-04-29.pcap --address 216.66.15.109\n\
         \x20 {program} --site-file {shown}/allclear.yaml simulate --playbook conficker --start 2015-04-29T14:20 --for 16d \\\n\
         \x20   --report {shown}/complaint.txt --script {shown}/script.yaml --captures '{shown}/captures/*.pcap'\n\
         \n\
         Next, for your own network:\n\
         \x20 {program} init my-site\n",
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

/// The file, as a path below the demo's directory, and the subject of the mail that event `seq`
/// decided upon.
fn mail(directory: &Path, seq: u64) -> Option<(String, String)> {
    let mut names = fs::read_dir(directory.join("mail")).ok()?.flatten().map(|entry| entry.file_name());
    let name = names.find(|name| name.to_string_lossy().contains(&format!("-{seq:04}-")))?;
    let path = format!("mail/{}", name.to_string_lossy());
    let subject = subject(&fs::read_to_string(directory.join(&path)).ok()?)?;
    Some((path, subject))
}

/// The subject of a mail, unfolded (RFC 5322, 2.2.3).
fn subject(mail: &str) -> Option<String> {
    let mut lines = mail.lines().skip_while(|line| !line.starts_with("Subject: "));
    let first = lines.next()?.strip_prefix("Subject: ")?;
    let folded = lines.take_while(|line| line.starts_with(' '));
    Some(folded.fold(first.to_owned(), |subject, line| format!("{subject} {}", line.trim_start())))
}
