//! What does a watchlist file hold? Its bytes in, entries and rejected lines out.
//!
//! Left of it are `entry` and `quick`, right of it `compile`. It must never half-read a format that it does not
//! know: such a file is refused whole, with the name of its format.

use super::compile::Draft;
use super::json::{self, Feed, JSON_BYTES_MAX};
use super::part::Part;
use super::quick::{self, Quick};
use super::record::Record;
use super::table::{self, Table};
use super::{EntryFault, domain, entry};
use std::fmt;
use std::net::IpAddr;

/// The largest file that is read, in bytes: as many lines as [`LINES_MAX`], which take some 300 MB compiled.
pub const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// More lines than this are not read (ten times the largest public feed known to us).
const LINES_MAX: usize = 20_000_000;
/// Of so many rejected lines the text is kept; further ones are counted.
pub const REJECTED_SHOWN_MAX: usize = 10_000;
/// How much of a rejected line is kept, in characters.
const REJECTED_TEXT_MAX: usize = 120;
/// So many lines with something on them are looked at to tell the format.
const SNIFFED_LINES_MAX: usize = 20;

/// The names that hosts files begin with by custom.
const OWN_NAMES: [&str; 15] = [
    "localhost",
    "localhost.localdomain",
    "localhost4",
    "localhost4.localdomain4",
    "localhost6",
    "localhost6.localdomain6",
    "broadcasthost",
    "local",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
    "ip6-allhosts",
];

/// What was read of one file.
#[derive(Clone, Debug)]
pub struct FileRead {
    pub format: Format,
    /// All entries.
    pub part: Part,
    /// Lines that are no entries, in their order; at most [`REJECTED_SHOWN_MAX`].
    pub rejected: Vec<Rejected>,
    /// How many lines gave entries, however many each: names in a hosts file, records in JSON.
    pub taken_lines: u64,
    /// How many lines were rejected in all.
    pub rejected_lines: u64,
    /// Lines with an indicator that packets cannot be looked up by: URLs with a path, file hashes.
    pub unusable: u64,
}

/// A line that is no entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// From 1.
    pub line: usize,
    /// Its beginning.
    pub text: String,
    pub why: String,
}

/// A file format that is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One entry a line.
    #[default]
    Plain,
    /// `0.0.0.0 evil.example`: an address that is no indicator, and names that are.
    Hosts,
    /// A feed in columns.
    Table(Table),
    /// A feed in JSON.
    Json(Feed),
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Plain => "plain",
            Format::Hosts => "hosts file",
            Format::Table(Table::Zeek { .. }) => "Zeek intel",
            Format::Table(Table::Reputation) => "Suricata iprep",
            Format::Table(Table::Dataset) => "Suricata dataset",
            Format::Table(Table::Maltrail) => "Maltrail",
            Format::Table(Table::Feodo) => "Feodo Tracker CSV",
            Format::Table(Table::ThreatFox) => "ThreatFox CSV",
            Format::Json(Feed::Feodo) => "Feodo Tracker JSON",
            Format::Json(Feed::ThreatFox) => "ThreatFox JSON",
            Format::Json(Feed::Drop) => "Spamhaus DROP JSON",
            Format::Json(Feed::Misp) => "MISP event",
            Format::Json(Feed::Stix) => "STIX bundle",
        })
    }
}

/// Reads a watchlist file, whose format is told by its content.
///
/// Fails with a sentence when the file as a whole cannot be used: it is no text, or its format is
/// not read yet. A wrong line does not make it fail; see [`FileRead::rejected`].
pub fn read(bytes: &[u8]) -> Result<FileRead, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|fault| {
        format!("not a text file in UTF-8 (byte {}): save it as plain text", fault.valid_up_to() + 1)
    })?;
    if is_json(text) {
        return read_json(text);
    }
    let format = text_format(text);
    if format == Format::Plain
        && let Some(name) = foreign_format(text)
    {
        return Err(format!("this is {name}, which is not read yet: turn it into one entry a line"));
    }
    read_lines(text, format)
}

fn read_lines(text: &str, format: Format) -> Result<FileRead, String> {
    let mut read = Reading::of(format);
    let (mut rest, mut number) = (text, 0);
    while !rest.is_empty() {
        number += 1;
        if number > LINES_MAX {
            return Err(format!("more than {LINES_MAX} lines: split the file"));
        }
        if format == Format::Plain
            && let Some((address, length)) = quick::first_line_v4(rest)
        {
            read.draft.take_v4(address);
            read.taken_lines += 1;
            rest = &rest[length..];
            continue;
        }
        // A carriage return ends a line too, as old systems and pages wrote them.
        let end = rest.bytes().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
        read.take_line(number, &rest[..end]);
        let is_pair = rest[end..].starts_with("\r\n");
        rest = rest.get(end + 1 + usize::from(is_pair)..).unwrap_or_default();
    }
    Ok(read.finish())
}

fn read_json(text: &str) -> Result<FileRead, String> {
    let name = json_format(text);
    if text.len() > JSON_BYTES_MAX {
        return Err(format!("this is {name} of more than {JSON_BYTES_MAX} bytes: split it"));
    }
    let (feed, records) = json::read(text)
        .ok_or_else(|| format!("this is {name}, which is not read yet: turn it into one entry a line"))?;
    let mut read = Reading::of(Format::Json(feed));
    records.into_iter().for_each(|(line, record)| read.take_record(line, "", record));
    Ok(read.finish())
}

fn text_format(text: &str) -> Format {
    if is_hosts_file(text) {
        return Format::Hosts;
    }
    let raw: Vec<&str> = text.lines().take(SNIFFED_LINES_MAX).collect();
    let lines: Vec<&str> = sniffed(text).collect();
    let is_plain = lines.iter().any(|line| entry::read(line).is_ok());
    let table =
        table::recognise(&raw, &lines).filter(|table| !is_plain || matches!(table, Table::Zeek { .. }));
    table.map_or(Format::Plain, Format::Table)
}

/// What was read so far.
struct Reading {
    format: Format,
    draft: Draft,
    taken_lines: u64,
    rejected: Vec<Rejected>,
    rejected_lines: u64,
    unusable: u64,
}

impl Reading {
    fn of(format: Format) -> Reading {
        let (draft, rejected) = (Draft::default(), Vec::new());
        Reading { format, draft, taken_lines: 0, rejected, rejected_lines: 0, unusable: 0 }
    }

    fn finish(self) -> FileRead {
        let Reading { format, draft, taken_lines, rejected, rejected_lines, unusable } = self;
        FileRead { format, part: draft.build(), rejected, taken_lines, rejected_lines, unusable }
    }

    fn take_record(&mut self, line: usize, content: &str, record: Record) {
        match record {
            Record::Entry(text) => self.take_entry(line, &text),
            Record::Unusable => self.unusable += 1,
            Record::Nothing => {}
            Record::Wrong(why) => self.reject(line, content, why),
        }
    }

    fn take_line(&mut self, number: usize, line: &str) {
        if self.format == Format::Plain
            && let Some(plain) = quick::read(line)
        {
            return self.take_quick(line, plain);
        }
        // In a table `;` and `#` may stand in any cell.
        let content = match self.format {
            Format::Table(_) if !line.starts_with(['#', ';']) => line.trim(),
            _ => without_comment(line),
        };
        if !content.is_empty() {
            self.take_content(number, content);
        }
    }

    fn take_content(&mut self, line: usize, content: &str) {
        match self.format {
            Format::Plain | Format::Json(_) => self.take_entry(line, content),
            Format::Table(table) => self.take_record(line, content, table.record(content)),
            // Something that is no pair of an address and names is an entry by itself.
            Format::Hosts if !content.contains(char::is_whitespace) => self.take_entry(line, content),
            Format::Hosts => {
                for name in content.split_whitespace().skip(1) {
                    self.take_host_name(line, name);
                }
            }
        }
    }

    fn take_entry(&mut self, line: usize, content: &str) {
        if let Some(plain) = quick::read(content) {
            return self.take_quick(content, plain);
        }
        match entry::read(content) {
            Ok(entries) => {
                self.taken_lines += 1;
                entries.iter().for_each(|entry| self.draft.take(&entry.text, &entry.target, entry.ports));
            }
            Err(EntryFault::Unusable(_)) => self.unusable += 1,
            Err(EntryFault::Wrong(why)) => self.reject(line, content, why),
        }
    }

    fn take_quick(&mut self, content: &str, plain: Quick<'_>) {
        self.taken_lines += 1;
        match plain {
            Quick::V4(address) => self.draft.take_v4(address),
            Quick::Name(name) => self.draft.take_name(name),
            Quick::Entry(target, ports) => self.draft.take(content, &target, ports),
        }
    }

    /// A hosts file names the machine itself too; those names are nobody's indicator.
    fn take_host_name(&mut self, line: usize, name: &str) {
        let is_nowhere = name.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified());
        if is_nowhere || OWN_NAMES.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            return;
        }
        match domain::normalise(name) {
            Ok(_) => self.take_entry(line, name),
            Err(why) => self.reject(line, name, why),
        }
    }

    fn reject(&mut self, line: usize, content: &str, why: String) {
        self.rejected_lines += 1;
        if self.rejected.len() < REJECTED_SHOWN_MAX {
            let text = content.chars().take(REJECTED_TEXT_MAX).collect();
            self.rejected.push(Rejected { line, text, why });
        }
    }
}

/// The line without `#` and `;` comments and the blanks around it.
fn without_comment(line: &str) -> &str {
    let end = line.bytes().position(|byte| matches!(byte, b'#' | b';')).unwrap_or(line.len());
    let content = line[..end].trim();
    if content.starts_with("//") { "" } else { content }
}

fn sniffed(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(without_comment).filter(|line| !line.is_empty()).take(SNIFFED_LINES_MAX)
}

/// Every line begins with an unroutable address and goes on with a name.
fn is_hosts_file(text: &str) -> bool {
    let is_hosts_line = |line: &str| {
        let mut words = line.split_whitespace();
        let is_nowhere = matches!(words.next(), Some("0.0.0.0" | "127.0.0.1" | "::" | "::1" | "0"));
        is_nowhere && words.next().is_some()
    };
    let mut lines = sniffed(text).peekable();
    lines.peek().is_some() && lines.filter(|line| !is_system_line(line)).all(is_hosts_line)
}

/// Lines of a hosts file about the system itself (`255.255.255.255 broadcasthost`, `fe80::1%lo0 …`).
fn is_system_line(line: &str) -> bool {
    ["255.255.255.255 ", "fe80::", "ff00::", "ff02::"].iter().any(|prefix| line.starts_with(prefix))
}

/// The name of a known format that needs a reader of its own; `None` for plain and hosts files.
fn foreign_format(text: &str) -> Option<&'static str> {
    sniffed(text).find_map(|line| {
        if line.starts_with("alert ") {
            Some("a Suricata rule file")
        } else if line.contains('\t') {
            Some("a table with tabs")
        } else if line.contains(',') {
            Some("a table with commas (CSV)")
        } else {
            None
        }
    })
}

fn is_json(text: &str) -> bool {
    let first = sniffed(text).next().unwrap_or_default();
    let is_bracketed_address = first.starts_with('[') && first.contains("]:");
    first.starts_with(['{', '[']) && !is_bracketed_address
}

fn json_format(text: &str) -> &'static str {
    if text.contains("\"bundle\"") {
        "a STIX bundle"
    } else if text.contains("\"Attribute\"") {
        "a MISP event"
    } else {
        "JSON"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(read: &FileRead) -> Vec<String> {
        read.part.entries().map(|entry| entry.text).collect()
    }

    #[test]
    fn a_plain_file_is_read_through_bom_crlf_and_comments() {
        let file = "\u{feff}# sinkholes\r\n149.93.23.110 ; the guide's\r\n\r\n  evil.example # c2\r\n1.4.0.0/17 ; SBL256893\r\n";
        let read = read(file.as_bytes()).expect("plain");
        assert_eq!(texts(&read), ["149.93.23.110", "1.4.0.0/17", "evil.example"]);
        assert_eq!((read.rejected_lines, read.unusable), (0, 0));
    }

    #[test]
    fn lines_end_in_every_way() {
        for end in ["\n", "\r\n", "\r"] {
            for start in ["", "# one\n"] {
                let file = format!("{start}192.0.2.1{end}evil.example{end}nonsense{end}192.0.2.3");
                let read = read(file.as_bytes()).expect("plain");
                assert_eq!(texts(&read), ["192.0.2.1", "192.0.2.3", "evil.example"], "{end:?}");
                let wanted = if start.is_empty() { 3 } else { 4 };
                assert_eq!(read.rejected[0].line, wanted, "{end:?}");
            }
        }
    }

    #[test]
    fn no_line_vanishes_silently() {
        let file =
            "1.2.3.4\n1.2.3.4/8\nhttp://evil.example/x.exe\nd41d8cd98f00b204e9800998ecf8427e\nnonsense\n";
        let read = read(file.as_bytes()).expect("plain");
        assert_eq!(texts(&read), ["1.2.3.4"]);
        assert_eq!(read.unusable, 2);
        let lines: Vec<usize> = read.rejected.iter().map(|rejected| rejected.line).collect();
        assert_eq!(lines, [2, 5]);
        assert!(read.rejected[0].why.contains("1.0.0.0/8"), "{}", read.rejected[0].why);
    }

    #[test]
    fn a_hosts_file_gives_its_names_and_not_its_addresses() {
        let file = "# ads\n127.0.0.1 localhost\n::1 localhost\n0.0.0.0 evil.example bad.example\n127.0.0.1\tworse.example\n";
        let read = read(file.as_bytes()).expect("hosts");
        assert_eq!(read.format, Format::Hosts);
        let mut names = texts(&read);
        names.sort();
        assert_eq!(names, ["bad.example", "evil.example", "worse.example"]);
    }

    #[test]
    fn what_stands_alone_in_a_line_of_a_hosts_file_is_an_entry() {
        let file = "0.0.0.0 evil.example\n".repeat(25) + "192.0.2.9\nalone.example\nnonsense\n";
        let read = read(file.as_bytes()).expect("hosts");
        assert_eq!(read.format, Format::Hosts);
        assert_eq!(texts(&read), ["192.0.2.9", "evil.example", "alone.example"]);
        assert_eq!(read.rejected_lines, 1);
    }

    #[test]
    fn the_usual_beginning_of_a_hosts_file_is_passed_over() {
        let begin = "127.0.0.1 localhost\n127.0.0.1 localhost.localdomain\n127.0.0.1 local\n255.255.255.255 \
                     broadcasthost\n::1 localhost\n::1 ip6-localhost\n::1 ip6-loopback\nfe80::1%lo0 localhost\n\
                     ff00::0 ip6-localnet\nff00::0 ip6-mcastprefix\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n\
                     ff02::3 ip6-allhosts\n0.0.0.0 0.0.0.0\n";
        let rows = [("", 0, None), ("0.0.0.0 192.0.2.1\n", 1, Some(())), ("0.0.0.0 no_tld\n", 1, Some(()))];
        for (more, rejected, too_much) in rows {
            let read = read(format!("{begin}{more}0.0.0.0 evil.example\n").as_bytes()).expect("hosts");
            assert_eq!(read.format, Format::Hosts);
            assert_eq!(
                (texts(&read), read.rejected_lines),
                (vec!["evil.example".to_owned()], rejected),
                "{more}"
            );
            assert_eq!(read.too_much_unapplied().map(|_| ()), too_much, "{more}");
        }
    }

    #[test]
    fn other_formats_are_refused_whole_by_name() {
        let rows = [
            ("{\"Attribute\": []}", "MISP"),
            ("{\"some\": \"thing\"}", "JSON"),
            ("name,phone\nBob,12\n", "CSV"),
            ("1.1.1.0\t1.1.1.255\t24\n", "tabs"),
            ("alert ip any any -> 1.2.3.4 any (sid:1;)\n", "rule"),
        ];
        for (file, wanted) in rows {
            let fault = read(file.as_bytes()).expect_err(file);
            assert!(fault.contains(wanted), "{file}: {fault}");
        }
        assert!(read(b"[2001:db8::1]:443\n").is_ok(), "a bracketed address is no JSON");
        assert!(read(b"\xff\xfe\x00").expect_err("binary").contains("UTF-8"));
    }
}
