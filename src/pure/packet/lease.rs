//! What does a machine call itself when it asks for an address? The host name in DHCP.
//!
//! Right of it is `sighting`, which gives the name to the host with that MAC address. It must never
//! believe a name that could not stand in a line of text.

use super::{Mac, Packet};

const UDP: u8 = 17;
const CLIENT_PORT: u16 = 68;
const SERVER_PORT: u16 = 67;

/// Where the client's hardware address and the options stand (RFC 2131, 2).
const HARDWARE_ADDRESS_AT: usize = 28;
const OPTIONS_AT: usize = 240;
/// What stands before the options (RFC 2132, 2).
const COOKIE: [u8; 4] = [99, 130, 83, 99];

const PAD: u8 = 0;
const HOST_NAME: u8 = 12;
const END: u8 = 255;

/// How many options are looked through: far more than a client sends.
const OPTIONS_MAX: usize = 64;

/// The longest name, in bytes: one label (RFC 1035).
const NAME_BYTES_MAX: usize = 63;

/// The client's Ethernet address and the host name it tells (RFC 2132, 3.14), when the packet is a
/// DHCP message of a client that has both.
#[inline]
pub fn lease<'a>(packet: &Packet<'a>) -> Option<(Mac, &'a str)> {
    let ports = packet.ports?;
    let is_asked = packet.protocol == UDP && ports.source == CLIENT_PORT && ports.destination == SERVER_PORT;
    if is_asked { read(packet.payload) } else { None }
}

fn read(message: &[u8]) -> Option<(Mac, &str)> {
    // A request by a client with an Ethernet address of six bytes.
    if !message.starts_with(&[1, 1, 6]) || message.get(OPTIONS_AT - COOKIE.len()..OPTIONS_AT)? != COOKIE {
        return None;
    }
    let mac = message.get(HARDWARE_ADDRESS_AT..)?.first_chunk()?;
    let mut options = message.get(OPTIONS_AT..)?;
    for _ in 0..OPTIONS_MAX {
        match *options {
            [PAD, ref rest @ ..] => options = rest,
            [HOST_NAME, length, ref rest @ ..] => {
                return Some((Mac(*mac), host_name(rest.get(..usize::from(length))?)?));
            }
            [END, ..] => return None,
            [_, length, ref rest @ ..] => options = rest.get(usize::from(length)..)?,
            _ => return None,
        }
    }
    None
}

/// Some clients end the name with a zero byte.
fn host_name(bytes: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(bytes).ok()?.trim_end_matches('\0');
    let is_name = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(options: &[u8]) -> Vec<u8> {
        let mut message = vec![0; OPTIONS_AT];
        message[..3].copy_from_slice(&[1, 1, 6]);
        message[HARDWARE_ADDRESS_AT..][..6].copy_from_slice(&[2, 0, 0, 0, 0, 7]);
        message[OPTIONS_AT - 4..].copy_from_slice(&COOKIE);
        message.extend(options);
        message
    }

    #[test]
    fn a_name_is_believed_when_it_is_whole_and_plain() {
        let longest = [&[HOST_NAME, 63][..], &[b'x'; 63], &[END]].concat();
        let too_long = [&[HOST_NAME, 64][..], &[b'x'; 64], &[END]].concat();
        let many = |count| [&vec![PAD; count][..], &[HOST_NAME, 1, b'a']].concat();
        let rows: [(&str, &[u8], Option<&str>); 11] = [
            ("behind another option", b"\x35\x01\x03\x0c\x05LAB-7\xff", Some("LAB-7")),
            ("with a zero at its end", b"\x0c\x06LAB-7\0\xff", Some("LAB-7")),
            ("none", b"\x35\x01\x03\xff", None),
            ("behind the end", b"\xff\x0c\x05LAB-7", None),
            ("cut", b"\x0c\x05LAB", None),
            ("an option that lies about its length", b"\x35\x70\x03\x0c\x05LAB-7", None),
            ("control signs", b"\x0c\x04A\x1b[m\xff", None),
            ("empty", b"\x0c\x00\xff", None),
            ("63 bytes", &longest, Some(&"x".repeat(63))),
            ("64 bytes", &too_long, None),
            ("as many options as are looked through", &many(OPTIONS_MAX - 1), Some("a")),
        ];
        for (row, options, name) in rows {
            let expected = name.map(|name| (Mac([2, 0, 0, 0, 0, 7]), name));
            assert_eq!(read(&message(options)), expected, "{row}");
        }
        assert_eq!(read(&message(&many(OPTIONS_MAX))), None, "one option more");
        assert_eq!(read(&message(b"\x0c\x01a")[..OPTIONS_AT - 1]), None, "no DHCP at all");
    }
}
