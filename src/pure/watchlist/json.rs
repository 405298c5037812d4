//! What do the objects of a JSON feed name? Feodo Tracker, ThreatFox, Spamhaus DROP in lines, and MISP
//! events; STIX bundles are read by `stix`.

use super::record::{Record, with_port};
use super::stix;
use super::table::ip_port;
use serde_json::Value;

/// A feed in JSON, by its maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    Feodo,
    ThreatFox,
    Drop,
    Misp,
    Stix,
}

/// A larger file is refused: read whole, it takes about ten times its size.
pub(super) const JSON_BYTES_MAX: usize = 64 << 20;

/// The records of a file with the line of each, where they stand in lines (1 otherwise); `None` when it
/// is JSON of no feed that is known.
pub(super) fn read(text: &str) -> Option<(Feed, Vec<(usize, Record)>)> {
    match serde_json::from_str::<Value>(text) {
        Ok(whole) if whole["type"] == "bundle" => Some((Feed::Stix, numbered(stix::records(&whole)))),
        Ok(whole) => {
            let objects = objects(&whole);
            let feed = objects.iter().find_map(|object| feed_of(object))?;
            Some((feed, numbered(objects.into_iter().flat_map(|object| records(feed, object)).collect())))
        }
        Err(_) => lines(text),
    }
}

fn numbered(records: Vec<Record>) -> Vec<(usize, Record)> {
    records.into_iter().map(|record| (1, record)).collect()
}

fn lines(text: &str) -> Option<(Feed, Vec<(usize, Record)>)> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let objects: Vec<(usize, Option<Value>)> =
        lines.map(|(index, line)| (index + 1, serde_json::from_str(line).ok())).collect();
    let feed = objects.iter().find_map(|(_, object)| feed_of(object.as_ref()?))?;
    let record = |(line, object): &(usize, Option<Value>)| match object {
        Some(object) => records(feed, object).into_iter().map(|record| (*line, record)).collect(),
        None => vec![(*line, Record::wrong("this line is no JSON"))],
    };
    Some((feed, objects.iter().flat_map(record).collect()))
}

/// The objects with an indicator each, wherever the makers put them.
fn objects(whole: &Value) -> Vec<&Value> {
    if let Some(list) = ["data", "Attribute", "response"].iter().find_map(|key| whole[key].as_array()) {
        let attached = whole["Object"].as_array().into_iter().flatten().flat_map(objects);
        return list
            .iter()
            .flat_map(|one| if one["Event"].is_object() { objects(one) } else { vec![one] })
            .chain(attached)
            .collect();
    }
    match whole {
        Value::Object(map) => match map.get("Event") {
            Some(event) => objects(event),
            // ThreatFox's export: a list of one under the number of each.
            None if map.values().all(Value::is_array) => {
                map.values().filter_map(Value::as_array).flatten().collect()
            }
            None => vec![whole],
        },
        Value::Array(list) => list.iter().collect(),
        _ => Vec::new(),
    }
}

fn feed_of(object: &Value) -> Option<Feed> {
    let has = |key: &str| object.get(key).is_some();
    match () {
        () if has("cidr") => Some(Feed::Drop),
        () if has("ioc_type") => Some(Feed::ThreatFox),
        () if has("ip_address") && has("port") => Some(Feed::Feodo),
        () if has("value") && has("to_ids") => Some(Feed::Misp),
        () => None,
    }
}

fn records(feed: Feed, object: &Value) -> Vec<Record> {
    let text = |key: &str| object[key].as_str();
    let found = match feed {
        Feed::Drop if text("type") == Some("metadata") => Some(Record::Nothing),
        Feed::Drop => text("cidr").map(Record::entry),
        Feed::Feodo => text("ip_address").map(|address| with_port(address, &object["port"].to_string())),
        Feed::ThreatFox => {
            text("ioc").or(text("ioc_value")).zip(text("ioc_type")).map(|(value, kind)| match kind {
                "ip:port" => ip_port(value),
                "domain" => Record::entry(value),
                _ => Record::Unusable,
            })
        }
        Feed::Misp => {
            return text("value").zip(text("type")).map_or_else(
                || vec![Record::wrong("an attribute without type or value")],
                |(value, kind)| misp(value, kind, object),
            );
        }
        Feed::Stix => None,
    };
    vec![found.unwrap_or_else(|| Record::wrong("an object without an indicator"))]
}

/// An attribute; those that are not meant for detection, or are taken back, are told as not usable.
fn misp(value: &str, kind: &str, attribute: &Value) -> Vec<Record> {
    if attribute["to_ids"] != true || attribute["deleted"] == true {
        return vec![Record::Unusable];
    }
    match (kind, value.split_once('|')) {
        ("ip-dst" | "domain" | "hostname", _) => vec![Record::entry(value)],
        ("ip-dst|port", Some((address, port))) => vec![with_port(address, port)],
        ("hostname|port", Some((name, _))) => vec![Record::entry(name)],
        ("domain|ip", Some((name, address))) => vec![Record::entry(name), Record::entry(address)],
        _ => vec![Record::Unusable],
    }
}
