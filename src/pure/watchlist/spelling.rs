//! How is an entry written plainly? Asked of every line of a list, so IPv4 and ports are written without the
//! standard library's formatting, which takes five times as long.

use super::{PortRange, Target, Transport};
use ipnet::IpNet;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

/// Adds what an entry names to `text`, whatever its spelling: two entries that look for the same add the
/// same.
pub(super) fn push_canonical(target: &Target, ports: Option<PortRange>, text: &mut String) {
    push_target(target, text);
    if let Some(ports) = ports {
        text.push(' ');
        push_ports(ports, text);
    }
}

/// Adds an entry to `text` as a person would write it plainly: `1.2.3.4:80`, `[2001:db8::1]:80`, `tcp/25`.
pub(super) fn spell(target: &Target, ports: Option<PortRange>, text: &mut String) {
    let Some(ports) = ports else { return push_target(target, text) };
    match target {
        Target::Anywhere => return push_ports(ports, text),
        Target::Address(IpAddr::V6(_)) | Target::Network(IpNet::V6(_)) => {
            text.push('[');
            push_target(target, text);
            text.push(']');
        }
        Target::Address(_) | Target::Network(_) | Target::Domain(_) => push_target(target, text),
    }
    text.push(':');
    push_ports(ports, text);
}

fn push_target(target: &Target, text: &mut String) {
    match target {
        Target::Address(IpAddr::V4(address)) => push_ipv4(*address, text),
        Target::Network(IpNet::V4(network)) => {
            push_ipv4(network.addr(), text);
            text.push('/');
            push_number(network.prefix_len().into(), text);
        }
        Target::Address(address) => push_written(format_args!("{address}"), text),
        Target::Network(network) => push_written(format_args!("{network}"), text),
        Target::Domain(name) => text.push_str(name),
        Target::Anywhere => text.push('*'),
    }
}

fn push_written(arguments: std::fmt::Arguments<'_>, text: &mut String) {
    text.write_fmt(arguments).expect("text in memory can be written");
}

fn push_ipv4(address: Ipv4Addr, text: &mut String) {
    let [first, others @ ..] = address.octets();
    push_number(first.into(), text);
    for octet in others {
        text.push('.');
        push_number(octet.into(), text);
    }
}

fn push_ports(ports: PortRange, text: &mut String) {
    text.push_str(match ports.protocol {
        Some(Transport::Tcp) => "tcp/",
        Some(Transport::Udp) => "udp/",
        None => "",
    });
    push_number(ports.first, text);
    if ports.last > ports.first {
        text.push('-');
        push_number(ports.last, text);
    }
}

fn push_number(number: u16, text: &mut String) {
    let mut unit = 10_000;
    while unit > 1 && number < unit {
        unit /= 10;
    }
    while unit > 0 {
        text.push(char::from(b'0' + (number / unit % 10) as u8));
        unit /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pure::watchlist::Entry;

    #[test]
    fn numbers_are_written_as_they_are_read() {
        for number in 0..=u16::MAX {
            let mut text = String::new();
            push_number(number, &mut text);
            assert_eq!(text, number.to_string());
        }
    }

    #[test]
    fn an_entry_is_written_plainly_and_what_it_names_in_one_way() {
        let rows = [
            ("1.20.200.0", "1.20.200.0", "1.20.200.0"),
            ("1.2.3.4:80", "1.2.3.4:80", "1.2.3.4 80"),
            ("1.2.3.0/24", "1.2.3.0/24", "1.2.3.0/24"),
            ("0.0.0.0/1:tcp/7-9", "0.0.0.0/1:tcp/7-9", "0.0.0.0/1 tcp/7-9"),
            ("2001:DB8::1", "2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:80", "[2001:db8::1]:80", "2001:db8::1 80"),
            ("[2001:db8::/32]:udp/80", "[2001:db8::/32]:udp/80", "2001:db8::/32 udp/80"),
            ("Evil.Example.", "evil.example", "evil.example"),
            ("udp/65535", "udp/65535", "* udp/65535"),
        ];
        for (row, plain, canonical) in rows {
            let entry = Entry::parse(row).expect(row).remove(0);
            let (mut spelt, mut named) = (String::new(), String::new());
            spell(&entry.target, entry.ports, &mut spelt);
            push_canonical(&entry.target, entry.ports, &mut named);
            assert_eq!((spelt.as_str(), named.as_str()), (plain, canonical), "{row}");
        }
    }
}
