//! The appliance's Traffic Dump: a line a packet.

use crate::cli::print::Reader;
use crate::pure::moment::of_nanoseconds;
use crate::pure::packet::{Decoded, Frame, NotIp, Packet, info};
use crate::pure::sighting::protocol_name;
use std::io::{self, BufWriter, Write};

/// Writes the table to standard output, or to standard error when the result is JSON.
pub struct Dump {
    out: BufWriter<Box<dyn Write>>,
    has_head: bool,
}

/// One line of the table.
struct Line {
    protocol: String,
    source: String,
    source_port: String,
    destination: String,
    destination_port: String,
    info: String,
}

impl Dump {
    /// A dump to standard output, or to standard error where that belongs to JSON.
    pub fn new(reader: Reader) -> Dump {
        let out: Box<dyn Write> = match reader {
            Reader::Program => Box::new(io::stderr()),
            Reader::Person => Box::new(io::stdout()),
        };
        Dump { out: BufWriter::new(out), has_head: false }
    }

    /// Adds a frame; the head comes before the first.
    pub fn line(&mut self, frame: &Frame<'_>, decoded: &Decoded<'_>) -> io::Result<()> {
        if !self.has_head {
            self.has_head = true;
            self.row("Time", &Line::of("Protocol", ["Source", "Port", "Destination", "Port"], "Info"))?;
        }
        self.row(&format!("{:.9}", of_nanoseconds(frame.time_ns)), &line(decoded))
    }

    /// Hands on what was added until now: whoever listens sees it soon, and it stands before what follows.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn row(&mut self, time: &str, line: &Line) -> io::Result<()> {
        let Line { protocol, source, source_port, destination, destination_port, info } = line;
        let row = format!(
            "{time:<30}  {protocol:<8}  {source:<15}  {source_port:>5}  {destination:<15}  {destination_port:>5}  {info}"
        );
        writeln!(self.out, "{}", row.trim_end())
    }
}

impl Line {
    fn of(
        protocol: &str,
        [source, source_port, destination, destination_port]: [&str; 4],
        info: &str,
    ) -> Line {
        Line {
            protocol: protocol.to_owned(),
            source: source.to_owned(),
            source_port: source_port.to_owned(),
            destination: destination.to_owned(),
            destination_port: destination_port.to_owned(),
            info: info.to_owned(),
        }
    }
}

fn line(decoded: &Decoded<'_>) -> Line {
    match decoded {
        Decoded::Packet(packet) => packet_line(packet),
        Decoded::NotIp(NotIp::Arp { sender, .. }) => {
            Line::of("ARP", [&sender.to_string(), "", "", ""], "sender")
        }
        Decoded::NotIp(NotIp::Other(what)) => Line::of("-", [""; 4], &format!("no IP ({what})")),
        Decoded::UnknownType(kind) => Line::of("-", [""; 4], &format!("unread: EtherType {kind:#06x}")),
        Decoded::Undecoded(layer) => Line::of("-", [""; 4], &format!("could not be read: {layer}")),
        Decoded::Truncated => Line::of("-", [""; 4], "cut too short to be read"),
    }
}

fn packet_line(packet: &Packet<'_>) -> Line {
    let port = |port: Option<u16>| port.map(|port| port.to_string()).unwrap_or_default();
    Line {
        protocol: protocol_name(packet.protocol).to_uppercase(),
        source: packet.source.to_string(),
        source_port: port(packet.ports.map(|ports| ports.source)),
        destination: packet.destination.to_string(),
        destination_port: port(packet.ports.map(|ports| ports.destination)),
        info: info(packet),
    }
}
