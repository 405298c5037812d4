//! How is a MAC address written and read? `00:11:22:33:44:55`, lower case.

use super::Mac;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Whether two addresses, each with its MAC address where that is known, are those of one machine. The same MAC
/// address is the same machine whatever its address; of a machine that has another one, the address is a
/// lease that passed on.
pub fn is_same_machine(one: (IpAddr, Option<Mac>), other: (IpAddr, Option<Mac>)) -> bool {
    match (one.1, other.1) {
        (Some(mac), Some(other)) => mac == other,
        _ => one.0 == other.0,
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Mac {
    type Err = String;

    /// Reads six pairs of hexadecimal digits with `:` or `-` between them.
    fn from_str(text: &str) -> Result<Mac, String> {
        let fault = || format!("'{text}' is no MAC address: write it as 00:11:22:33:44:55");
        let mut bytes = [0; 6];
        let mut pairs = text.split([':', '-']);
        for byte in &mut bytes {
            let pair = pairs.next().filter(|pair| pair.len() == 2).ok_or_else(fault)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| fault())?;
        }
        if pairs.next().is_some() { Err(fault()) } else { Ok(Mac(bytes)) }
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Mac, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_known_by_its_mac_address_and_failing_that_by_its_address() {
        let machine =
            |last: u8, mac: Option<u8>| (IpAddr::from([10, 0, 0, last]), mac.map(|mac| Mac([mac; 6])));
        for (one, other, wanted) in [
            (machine(1, Some(1)), machine(1, Some(1)), true),
            (machine(1, Some(1)), machine(2, Some(1)), true),
            (machine(1, Some(1)), machine(1, Some(2)), false),
            (machine(1, Some(1)), machine(1, None), true),
            (machine(1, None), machine(1, Some(2)), true),
            (machine(1, None), machine(2, Some(2)), false),
            (machine(1, None), machine(1, None), true),
            (machine(1, None), machine(2, None), false),
        ] {
            assert_eq!(is_same_machine(one, other), wanted, "{one:?} and {other:?}");
        }
    }

    #[test]
    fn a_mac_survives_writing_and_reading() {
        let mac: Mac = "00-1B-2c-33-44-55".parse().expect("six pairs");
        assert_eq!(mac.to_string(), "00:1b:2c:33:44:55");
        for wrong in ["", "00:11:22:33:44", "00:11:22:33:44:55:66", "0:11:22:33:44:55", "gg:11:22:33:44:55"] {
            assert!(wrong.parse::<Mac>().is_err(), "{wrong:?} was read as a MAC address");
        }
    }
}
