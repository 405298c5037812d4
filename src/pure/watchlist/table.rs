//! What does one line of a table name? The readers of feeds in columns: Zeek, Suricata, Maltrail, Feodo
//! Tracker and ThreatFox.
//!
//! A cell is handed on as it is spelt; `entry` judges it. What a packet cannot be looked up by is told as
//! such, never dropped.

use super::record::{Record, with_port};
use super::suricata;
use std::net::IpAddr;

/// A table that is known by its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Tab separated, with `#fields` in the first line; where indicator and type stand.
    Zeek { indicator: usize, kind: usize },
    /// `1.1.1.0/24,6,88`: network, category, score.
    Reputation,
    /// One value a line, in base64.
    Dataset,
    /// `trail,info,reference`.
    Maltrail,
    /// `"first_seen_utc","dst_ip","dst_port",…`.
    Feodo,
    /// `"first_seen_utc","ioc_id","ioc_value","ioc_type",…`.
    ThreatFox,
}

/// Which table the lines are, by their raw beginning and by the first lines without comments; `None`
/// when they are none that is known.
pub(super) fn recognise(raw: &[&str], lines: &[&str]) -> Option<Table> {
    if let Some(header) = raw.iter().find_map(|line| line.strip_prefix("#fields\t")) {
        let at = |name: &str| header.split('\t').position(|field| field.trim() == name);
        return Some(Table::Zeek { indicator: at("indicator")?, kind: at("indicator_type")? });
    }
    let rows: Vec<Vec<String>> = lines.iter().map(|line| cells(line)).collect();
    let first = rows.first()?;
    let has = |at: usize, name: &str| first.get(at).is_some_and(|cell| cell == name);
    let is_every = |test: fn(&[String]) -> bool| rows.iter().all(|row| test(row));
    if has(1, "dst_ip") && has(2, "dst_port") || is_every(is_feodo) {
        Some(Table::Feodo)
    } else if is_every(is_threat_fox) {
        Some(Table::ThreatFox)
    } else if is_every(|row| row.len() == 3 && row[1..].iter().all(|cell| cell.parse::<u8>().is_ok())) {
        Some(Table::Reputation)
    } else if is_every(|row| row.len() == 3 && is_reference(&row[2])) {
        Some(Table::Maltrail)
    } else {
        lines.iter().all(|line| suricata::decoded(line).is_some()).then_some(Table::Dataset)
    }
}

/// The header too, which is a comment in their own files.
fn is_threat_fox(row: &[String]) -> bool {
    const KINDS: [&str; 7] = ["ioc_type", "ip:port", "domain", "url", "md5_hash", "sha256_hash", "sha1_hash"];
    row.len() >= 10 && KINDS.contains(&row[3].as_str())
}

fn is_feodo(row: &[String]) -> bool {
    row.len() >= 5 && row[1].parse::<IpAddr>().is_ok() && row[2].parse::<u16>().is_ok()
}

fn is_reference(cell: &str) -> bool {
    cell == "reference" || cell.starts_with('(') || cell.starts_with("http")
}

impl Table {
    /// What the line names.
    pub(super) fn record(self, line: &str) -> Record {
        let cells = match self {
            Table::Zeek { .. } => line.split('\t').map(|cell| cell.trim().to_owned()).collect(),
            Table::Dataset => {
                return suricata::decoded(line)
                    .map_or_else(|| Record::wrong("this is no base64"), Record::Entry);
            }
            _ => cells(line),
        };
        self.record_of(&cells).unwrap_or_else(|| Record::wrong("columns are missing in this line"))
    }

    /// `None` when it lacks a column.
    fn record_of(self, cells: &[String]) -> Option<Record> {
        let cell = |at: usize| cells.get(at).map(String::as_str);
        Some(match self {
            Table::Zeek { indicator, kind } => match cell(kind)? {
                "Intel::ADDR" | "Intel::SUBNET" | "Intel::DOMAIN" => Record::entry(cell(indicator)?),
                kind if kind.starts_with("Intel::") => Record::Unusable,
                kind => Record::Wrong(format!("'{kind}' is no indicator type of Zeek")),
            },
            Table::Maltrail if cell(0)? == "trail" => Record::Nothing,
            // A path or a pattern is looked for in whole requests, which are not read here.
            Table::Maltrail
                if cell(0)?.contains(['/', '*', '\\']) && !cell(0)?.contains(char::is_whitespace) =>
            {
                match cell(0)?.parse::<ipnet::IpNet>() {
                    Ok(_) => Record::entry(cell(0)?),
                    Err(_) => Record::Unusable,
                }
            }
            Table::Reputation | Table::Maltrail | Table::Dataset => Record::entry(cell(0)?),
            Table::Feodo if cell(1)? == "dst_ip" => Record::Nothing,
            Table::Feodo => with_port(cell(1)?, cell(2)?),
            Table::ThreatFox => match cell(3)? {
                "ioc_type" => Record::Nothing,
                "ip:port" => ip_port(cell(2)?),
                "domain" => Record::entry(cell(2)?),
                _ => Record::Unusable,
            },
        })
    }
}

/// `1.2.3.4:80`, or `2001:db8::1:80`, whose last part is the port.
pub(super) fn ip_port(text: &str) -> Record {
    text.rsplit_once(':').map_or_else(|| Record::entry(text), |(address, port)| with_port(address, port))
}

/// The cells of a line of a CSV file: quoted or not, blanks around them dropped; two quotes in a quoted
/// cell are one.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let cell = cells.last_mut().expect("there is always a cell");
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => cell.extend(letters.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            other => cell.push(other),
        }
    }
    cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
}
