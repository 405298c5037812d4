//! Which list is asked, through which resolver? The `listing` section of a site file.
//!
//! Left of it is `raw_site`. It must never show a key, not even one that stands where it should not.

use super::field::Spanned;
use super::node::Span;
use super::raw_site::RawListing;
use super::secret::{key_bytes, likely_key};
use super::sheet::Sheet;
use crate::pure::site::ListingSettings;
use std::net::SocketAddr;

/// Queries a day when the file names no limit.
const DAILY_LIMIT: u32 = 1000;

/// Two test entries, the address, and the words of the list about it.
const QUERIES_OF_ONE_LOOKUP: u32 = 4;

/// Zones that are gone, and what took their place.
const RETIRED_ZONES: [(&str, &str); 2] =
    [("cbl.abuseat.org", "xbl.spamhaus.org"), ("dnsbl.abuseat.org", "xbl.spamhaus.org")];

/// The zones of the list of infected machines: the public ones, and those that take a key.
const PUBLIC_ZONES: [&str; 3] = ["xbl.spamhaus.org", "zen.spamhaus.org", "sbl-xbl.spamhaus.org"];
const KEY_ZONES: [&str; 3] = ["xbl.dq.spamhaus.net", "zen.dq.spamhaus.net", "sbl-xbl.dq.spamhaus.net"];

/// So many signs away from a known zone is a slip of the pen.
const SLIPS_MAX: usize = 2;

/// Where those zones are, with and without key; people mix up their endings.
const KEY_HOME: &str = "dq.spamhaus.net";
const HOMES: [&str; 3] = ["spamhaus.org", "spamhaus.net", "spamhaus.com"];

/// Resolvers that lists refuse to answer, since they hide who asks.
const PUBLIC_RESOLVERS: [&str; 20] = [
    "8.8.8.8",
    "8.8.4.4",
    "1.1.1.1",
    "1.0.0.1",
    "1.1.1.2",
    "1.1.1.3",
    "9.9.9.9",
    "9.9.9.10",
    "149.112.112.112",
    "208.67.222.222",
    "208.67.220.220",
    "64.6.64.6",
    "94.140.14.14",
    "185.228.168.9",
    "2001:4860:4860::8888",
    "2001:4860:4860::8844",
    "2606:4700:4700::1111",
    "2606:4700:4700::1001",
    "2620:fe::fe",
    "2620:119:35::35",
];

/// The section as meant; `None` when a part of it is missing.
pub fn listing_settings(sheet: &mut Sheet<'_>, raw: &Spanned<RawListing>) -> Option<ListingSettings> {
    let RawListing { zone, resolver, key_file, daily_limit } = &raw.value;
    let zone = sheet.required(zone, "zone", raw.span)?;
    let name = zone.value.trim_end_matches('.').to_ascii_lowercase();
    let key = &zone.value[..key_bytes(&zone.value)];
    if !key.is_empty() {
        sheet.conceal(key);
        let is_abusix = name.ends_with(".abusix.zone");
        let home = if is_abusix { "combined.mail.abusix.zone" } else { "zen.dq.spamhaus.net" };
        let cure = format!("write the key alone into a file, name it with `key_file`, and write `{home}`");
        sheet.error_unshown(zone.span, "the `zone` of `listing` holds a key", &cure);
        return None;
    }
    check_zone(sheet, zone, &name, key_file.is_some());
    let resolver = sheet.required(resolver, "resolver", raw.span)?;
    check_resolver(sheet, resolver.span, resolver.value.0);
    if let Some(limit) = daily_limit {
        check_limit(sheet, limit);
    }
    Some(ListingSettings {
        zone: name,
        resolver: resolver.value.0,
        key_file: key_file.as_ref().map(|file| sheet.resolve(&file.value)),
        daily_limit: daily_limit.as_ref().map_or(DAILY_LIMIT, |limit| limit.value),
    })
}

fn check_zone(sheet: &mut Sheet<'_>, zone: &Spanned<String>, name: &str, has_key: bool) {
    let span = zone.span;
    let is_below = |home: &str| name == home || name.ends_with(&format!(".{home}"));
    if let Some((retired, successor)) = RETIRED_ZONES.iter().find(|(retired, _)| is_below(retired)) {
        let what = format!("the list `{retired}` is retired");
        sheet.error(span, what, format!("ask its successor: `{successor}`"));
    } else if !is_zone(name) {
        sheet.error(span, format!("`{name}` is not a zone"), "write it as `xbl.spamhaus.org`");
    } else if is_below("dq.spamhaus.org") {
        let what = format!("there is no zone `{name}`: zones that take a key end in `.net`");
        sheet.error(span, what, "write `zen.dq.spamhaus.net`");
    } else if KEY_ZONES.contains(&name) && !has_key {
        let cure = "add `key_file:`, or ask the public `xbl.spamhaus.org`";
        sheet.error(span, format!("`{name}` answers only with a key"), cure);
    } else if PUBLIC_ZONES.contains(&name) && has_key {
        let cure = "write `zen.dq.spamhaus.net` (`.net`), or leave `key_file` out";
        sheet.warn(span, format!("`{name}` is the public zone and takes no key"), cure);
    } else if !PUBLIC_ZONES.contains(&name) && !KEY_ZONES.contains(&name) {
        check_unknown_zone(sheet, span, name, HOMES.iter().any(|home| is_below(home)));
        check_for_key(sheet, zone);
    }
}

/// A zone that is not one of the known: an error where the operator has no such one, else a warning when
/// it looks like a slip.
fn check_unknown_zone(sheet: &mut Sheet<'_>, span: Span, name: &str, is_of_operator: bool) {
    if is_of_operator {
        let what = format!("`{name}` is no list of infected machines");
        let home = if name.ends_with(KEY_HOME) { "zen.dq.spamhaus.net" } else { "xbl.spamhaus.org" };
        sheet.error(span, what, format!("write `{home}`"));
        return;
    }
    let mut known = PUBLIC_ZONES.iter().chain(&KEY_ZONES);
    if let Some(near) = known.find(|known| strsim::osa_distance(name, known) <= SLIPS_MAX) {
        sheet.warn(span, format!("`{name}` looks like a slip"), format!("did you mean `{near}`?"));
    }
}

/// A key of a list that is not known here: nobody can be sure, but it is not shown.
fn check_for_key(sheet: &mut Sheet<'_>, zone: &Spanned<String>) {
    if let Some(key) = likely_key(&zone.value) {
        sheet.conceal(key);
        sheet.conceal(&key.to_ascii_lowercase());
        let cure =
            "if it does, write the key alone into a file, name it with `key_file`, and leave it out here";
        sheet.warn_unshown(
            zone.span,
            "the `zone` of `listing` seems to hold a key, which all reports would show",
            cure,
        );
    }
}

/// At least two labels of letters, digits, hyphens and underscores, and no address.
fn is_zone(name: &str) -> bool {
    let is_sign = |sign: char| sign.is_ascii_alphanumeric() || sign == '-' || sign == '_';
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(is_sign);
    let is_number = |label: &str| label.chars().all(|sign| sign.is_ascii_digit());
    let mut labels = name.split('.');
    name.len() <= 253
        && name.contains('.')
        && labels.clone().all(is_label)
        && !labels.next_back().is_some_and(is_number)
}

fn check_resolver(sheet: &mut Sheet<'_>, span: Span, resolver: SocketAddr) {
    if resolver.port() == 0 || resolver.ip().is_unspecified() || resolver.ip().is_multicast() {
        let what = format!("`{resolver}` is no place where a resolver answers");
        sheet.error(span, what, "name your own, such as `127.0.0.1:53`");
    } else if PUBLIC_RESOLVERS.contains(&resolver.ip().to_string().as_str()) {
        let what = "lists refuse to answer public resolvers";
        sheet.warn(span, what, "name your own, such as `127.0.0.1:53`");
    }
}

fn check_limit(sheet: &mut Sheet<'_>, limit: &Spanned<u32>) {
    sheet.positive("daily_limit", limit.span, &limit.value);
    if (1..QUERIES_OF_ONE_LOOKUP).contains(&limit.value) {
        let what = format!("{} queries a day are too few for a single look-up", limit.value);
        sheet.warn(limit.span, what, format!("give at least {QUERIES_OF_ONE_LOOKUP}"));
    }
}
