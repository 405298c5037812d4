//! What did a command say last on its standard error? Bounded, however much it says.

use super::escape::escaped;

/// How much of the end is kept, in bytes: a screen of text.
const TAIL_BYTES_MAX: usize = 4096;

/// How many last lines are shown.
const LINES_SHOWN_MAX: usize = 3;

/// The end of what a command said.
#[derive(Default)]
pub struct Tail(Vec<u8>);

impl Tail {
    /// Adds what it said next.
    pub fn add(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
        let surplus = self.0.len().saturating_sub(TAIL_BYTES_MAX);
        self.0.drain(..surplus);
    }

    /// Its last lines, control characters escaped, with ` / ` between them; `None` when it was silent.
    pub fn last_lines(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.0);
        let lines: Vec<String> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(escaped).collect();
        let shown = &lines[lines.len().saturating_sub(LINES_SHOWN_MAX)..];
        (!shown.is_empty()).then(|| shown.join(" / "))
    }

    /// Packets lost, as the programs of the trade say when they end; `None` when it did not say.
    pub fn lost_packets(&self) -> Option<u64> {
        let text = String::from_utf8_lossy(&self.0);
        let told = text.lines().filter_map(|line| dropped(line).or_else(|| dropped_by_dumpcap(line)));
        told.reduce(u64::saturating_add)
    }
}

/// Of tcpdump, `3 packets dropped by kernel`, and by the interface; of tshark, `3 packets dropped from eth1`.
fn dropped(line: &str) -> Option<u64> {
    let mut words = line.split_whitespace();
    let count = words.next()?.parse().ok()?;
    let rest: Vec<&str> = words.collect();
    let is_dropped = matches!(
        rest[..],
        ["packets" | "packet", "dropped"]
            | ["packets" | "packet", "dropped", "by", "kernel" | "interface"]
            | ["packets" | "packet", "dropped", "from", ..]
    );
    is_dropped.then_some(count)
}

/// Of dumpcap, `Packets received/dropped on interface 'eth1': 900/3 (pcap:3/dumpcap:0/flushed:0/ps_ifdrop:2) (99.7%)`,
/// where the interface's own losses are not in the sum.
fn dropped_by_dumpcap(line: &str) -> Option<u64> {
    let told = line.trim_start().strip_prefix("Packets received/dropped on interface ")?;
    let (_, counts) = told.rsplit_once("': ")?;
    let (sum, parts) = counts.split_once(' ').unwrap_or((counts, ""));
    let (_, dropped) = sum.split_once('/')?;
    let at_interface = parts.split_once("ps_ifdrop:").and_then(|(_, rest)| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..end)?.parse().ok()
    });
    Some(dropped.parse::<u64>().ok()?.saturating_add(at_interface.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tcpdump_tells_its_losses() {
        let mut tail = Tail::default();
        assert_eq!((tail.lost_packets(), tail.last_lines()), (None, None));
        tail.add(b"tcpdump: listening on eth0\n9 packets captured\n12 packets received by filter\n");
        assert_eq!(tail.lost_packets(), None);
        tail.add(b"3 packets dropped by kernel\n1 packet dropped by interface\n");
        assert_eq!(tail.lost_packets(), Some(4));
    }

    #[test]
    fn others_tell_theirs_in_other_words() {
        let dumpcap = "Packets received/dropped on interface 'a': b': ";
        let rows = [
            (
                format!(
                    "Packets captured: 9\n{dumpcap}9/3 (pcap:2/dumpcap:1/flushed:0/ps_ifdrop:4) (75.0%)\n"
                ),
                Some(7),
            ),
            (format!("{dumpcap}0/0 (pcap:0/dumpcap:0/flushed:0/ps_ifdrop:0)"), Some(0)),
            (format!("{dumpcap}9/3\n{dumpcap}9/2 (pcap:2/dumpcap:0)"), Some(5)),
            (format!("{dumpcap}9"), None),
            ("Packets received/dropped on interface".to_owned(), None),
            ("9 packets captured\n3 packets dropped from eth1".to_owned(), Some(3)),
            ("1 packet dropped".to_owned(), Some(1)),
            ("3 packets dropped their load".to_owned(), None),
        ];
        for (text, wanted) in rows {
            let mut tail = Tail::default();
            tail.add(text.as_bytes());
            assert_eq!(tail.lost_packets(), wanted, "{text}");
        }
    }

    #[test]
    fn only_the_end_is_kept_and_nothing_moves_the_cursor() {
        let mut tail = Tail::default();
        tail.add(&[b'x'; 3 * TAIL_BYTES_MAX]);
        tail.add(b"\none\n\ntwo\x1b[2J\r\nthree\n");
        assert_eq!(tail.0.len(), TAIL_BYTES_MAX);
        let shown = tail.last_lines().expect("it spoke");
        assert_eq!(shown, "one / two\\u{1b}[2J / three");
    }
}
