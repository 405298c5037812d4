//! Were the right hosts found, with the right counts? A figure counts only when they were.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// The truth names the last packet that a host sent; an answer may follow by so much.
const ANSWER_NS: i64 = 2_000_000_000;

/// What a generated capture holds.
#[derive(Debug, Deserialize, Serialize)]
pub struct Truth {
    pub packets: u64,
    pub wire_bytes: u64,
    #[serde(default)]
    pub indicators: Indicators,
    pub infected: Vec<Infected>,
}

/// What is called, besides the addresses of IPv4.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct Indicators {
    pub ip6: Vec<String>,
    pub cidr: Vec<String>,
    pub domain: Vec<String>,
    pub port: Vec<String>,
}

/// One infected host.
#[derive(Debug, Deserialize, Serialize)]
pub struct Infected {
    pub host: String,
    /// ip4, ip6, cidr, domain or port.
    pub kind: String,
    pub indicator: String,
    pub packets_out: u64,
    pub packets_in: u64,
    pub bytes_out: u64,
    pub bytes_in: u64,
    pub first_ns: i64,
    pub last_ns: i64,
}

impl Indicators {
    /// As lines of a watchlist.
    pub fn lines(&self) -> Vec<String> {
        let Indicators { ip6, cidr, domain, port } = self;
        let ports = port.iter().map(|range| format!("tcp/{range}"));
        [ip6, cidr, domain].into_iter().flatten().cloned().chain(ports).collect()
    }
}

impl Truth {
    pub fn read(path: &Path) -> Truth {
        let text = std::fs::read_to_string(path).expect("the truth can be read");
        serde_json::from_str(&text).expect("the truth is JSON")
    }

    /// Whether a scan's JSON tells exactly this, as far as `is_listed` goes; else the first difference.
    pub fn check(&self, json: &[u8], is_listed: impl Fn(&Infected) -> bool) -> Result<(), String> {
        let found: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let coverage = &found["coverage"];
        same("heard packets", &coverage["heard_packets"], self.packets)?;
        same("heard bytes", &coverage["heard_bytes"], self.wire_bytes)?;
        let hosts = found["hosts"].as_array().ok_or("no hosts")?;
        let infected: Vec<&Infected> = self.infected.iter().filter(|one| is_listed(one)).collect();
        same("hosts that only received", &Value::from(found["inbound_only"].as_array().map(Vec::len)), 0)?;
        same("hosts", &Value::from(hosts.len()), infected.len() as u64)?;
        infected.iter().try_for_each(|one| one.check(hosts))
    }
}

impl Infected {
    fn check(&self, hosts: &[Value]) -> Result<(), String> {
        let found = hosts.iter().find(|found| found["host"] == self.host.as_str());
        let found = found.ok_or_else(|| format!("{} was not found", self.host))?;
        let [hit] = found["hits"].as_array().map_or(&[][..], Vec::as_slice) else {
            return Err(format!("{} has not one hit", self.host));
        };
        let is_entry =
            hit["entry"].as_str().is_some_and(|entry| entry.trim_start_matches("tcp/") == self.indicator);
        if !is_entry {
            return Err(format!("{} called {}, not {}", self.host, self.indicator, hit["entry"]));
        }
        let told = |what: &str| format!("{what} of {}", self.host);
        same(&told("packets"), &hit["sightings"], self.packets_out + self.packets_in)?;
        same(&told("packets sent"), &hit["sightings_out"], self.packets_out)?;
        same(&told("bytes"), &hit["bytes"], self.bytes_out + self.bytes_in)?;
        same(&told("first packet"), &time_ns(&hit["first"]), self.first_ns as u64)?;
        match time_ns(&hit["last"]).as_i64() {
            Some(last) if (self.last_ns..self.last_ns + ANSWER_NS).contains(&last) => Ok(()),
            _ => {
                Err(format!("the last packet of {} was at {}, not {}", self.host, hit["last"], self.last_ns))
            }
        }
    }
}

fn same(what: &str, found: &Value, wanted: u64) -> Result<(), String> {
    if *found == wanted { Ok(()) } else { Err(format!("{what}: {found}, and {wanted} in truth")) }
}

fn time_ns(text: &Value) -> Value {
    let time = text.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    time.map_or(Value::Null, |time| Value::from(time.as_nanosecond() as i64))
}
