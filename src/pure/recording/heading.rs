//! What does the heading of a text table say? That a line is one, and which end of a packet stands first.

/// Words of the heading, of which a line with four is one.
const HEADING: [&str; 6] = ["time", "protocol", "source", "port", "destination", "info"];

/// Longer lines are none.
const HEADING_BYTES_MAX: usize = 256;

const SOURCE: [&str; 3] = ["source", "src", "from"];
const DESTINATION: [&str; 4] = ["destination", "dest", "dst", "to"];
const PORT: [&str; 2] = ["port", "ports"];

/// In which order the two ends of a packet stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Ends {
    #[default]
    SourceFirst,
    DestinationFirst,
}

/// The order of the columns, when the line is a heading.
pub(super) fn heading(line: &str) -> Option<Ends> {
    if line.len() >= HEADING_BYTES_MAX {
        return None;
    }
    let lower = line.to_ascii_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
    let is_heading = HEADING.iter().filter(|wanted| words.contains(wanted)).count() >= 4;
    is_heading.then(|| ends(&words))
}

/// By the names of both ends; where one has another name, by whether the other stands before the first port.
fn ends(words: &[&str]) -> Ends {
    let place = |wanted: &[&str]| words.iter().position(|word| wanted.contains(word));
    let is_turned = match (place(&SOURCE), place(&DESTINATION), place(&PORT)) {
        (Some(source), Some(destination), _) => destination < source,
        (Some(source), None, Some(port)) => port < source,
        (None, Some(destination), Some(port)) => destination < port,
        _ => false,
    };
    if is_turned { Ends::DestinationFirst } else { Ends::SourceFirst }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_tells_which_end_stands_first() {
        let rows = [
            ("Time Stamp\tProtocol\tSource\tPort\tDestination\tPort\tInfo", Some(Ends::SourceFirst)),
            ("Time Stamp\tProtocol\tDestination\tPort\tSource\tPort\tInfo", Some(Ends::DestinationFirst)),
            ("time,protocol,src,port,dst,port,info", Some(Ends::SourceFirst)),
            ("time,protocol,dst,port,src,port,info", Some(Ends::DestinationFirst)),
            ("Time Protocol Target Port Source Port Info", Some(Ends::DestinationFirst)),
            ("Time Protocol Source Port Target Port Info", Some(Ends::SourceFirst)),
            ("Time Protocol Destination Port Origin Port Info", Some(Ends::DestinationFirst)),
            ("Time Protocol Origin Port Destination Port Info", Some(Ends::SourceFirst)),
            ("Interface Port for: LAN", None),
            ("Source Destination Port", None),
        ];
        for (line, wanted) in rows {
            assert_eq!(heading(line), wanted, "{line}");
        }
    }
}
