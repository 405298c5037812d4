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

    /// Packets lost, as tcpdump says when it ends: "3 packets dropped by kernel", and by the
    /// interface; `None` when it did not say.
    pub fn lost_packets(&self) -> Option<u64> {
        let text = String::from_utf8_lossy(&self.0);
        text.lines().filter_map(dropped).reduce(u64::saturating_add)
    }
}

fn dropped(line: &str) -> Option<u64> {
    let mut words = line.split_whitespace();
    let count = words.next()?.parse().ok()?;
    let rest: Vec<&str> = words.collect();
    let is_dropped = matches!(rest[..], ["packets" | "packet", "dropped", "by", "kernel" | "interface"]);
    is_dropped.then_some(count)
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
    fn only_the_end_is_kept_and_nothing_moves_the_cursor() {
        let mut tail = Tail::default();
        tail.add(&[b'x'; 3 * TAIL_BYTES_MAX]);
        tail.add(b"\none\n\ntwo\x1b[2J\r\nthree\n");
        assert_eq!(tail.0.len(), TAIL_BYTES_MAX);
        let shown = tail.last_lines().expect("it spoke");
        assert_eq!(shown, "one / two\\u{1b}[2J / three");
    }
}
