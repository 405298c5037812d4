//! Which part of a text is the key of a DNSBL? It stands left of the list's zone, where people copy it to.
//!
//! Used by `listing` and `sheet`. Whatever is shown of a person's file goes through [`masked`]; it must
//! never show a key, also where the rest of the file cannot be read.

use std::borrow::Cow;

/// Below these names are zones; the longer ones first, since those of the keys lie within the public ones.
const HOMES: [&str; 7] = [
    "dq.spamhaus.net",
    "dq.spamhaus.org",
    "dq.spamhaus.com",
    "spamhaus.org",
    "spamhaus.net",
    "spamhaus.com",
    "mail.abusix.zone",
];

/// What may stand right left of them: zones, whatever they list, and sites for people.
const LABELS: [&str; 25] = [
    "zen",
    "xbl",
    "sbl-xbl",
    "sbl",
    "css",
    "pbl",
    "dbl",
    "zrd",
    "authbl",
    "hbl",
    "dq",
    "www",
    "check",
    "docs",
    "portal",
    "combined",
    "black",
    "white",
    "exploit",
    "dynamic",
    "noip",
    "dblack",
    "nod",
    "shorthash",
    "diskhash",
];

/// So many signs away from one of them is a slip of the pen.
const SLIPS_MAX: usize = 1;

/// A first label of an unknown zone from this length on, without a hyphen, is more likely a key than a name.
const KEY_CHARS_MIN: usize = 16;

/// How many bytes at the beginning of `name` are a key, 0 when none are: all that stands left of a zone.
pub fn key_bytes(name: &str) -> usize {
    let lower = name.to_ascii_lowercase();
    let bare = lower.trim_end_matches('.');
    let left = HOMES.iter().find_map(|home| bare.strip_suffix(home)?.strip_suffix('.'));
    left.map_or(0, |left| match left.rsplit_once('.') {
        Some((further, label)) if is_known(label) => further.len(),
        None if is_known(left) => 0,
        _ => left.len(),
    })
}

fn is_known(label: &str) -> bool {
    LABELS.iter().any(|known| strsim::osa_distance(known, label) <= SLIPS_MAX)
}

/// The first label of a zone of which nothing is known, when it looks like a key.
pub fn likely_key(name: &str) -> Option<&str> {
    let label = name.split('.').next()?;
    let is_likely = label.len() >= KEY_CHARS_MIN && label.chars().all(|sign| sign.is_ascii_alphanumeric());
    is_likely.then_some(label)
}

/// The text with a star for each sign of a key.
pub fn masked(text: &str) -> Cow<'_, str> {
    let mut shown = String::with_capacity(text.len());
    for word in text.split_inclusive(is_border) {
        let key = &word[..key_bytes(word.trim_end_matches(is_border))];
        key.chars().for_each(|_| shown.push('*'));
        shown.push_str(&word[key.len()..]);
    }
    if shown == text { Cow::Borrowed(text) } else { Cow::Owned(shown) }
}

/// Whether a name ends here, in YAML, a URL or a message.
fn is_border(sign: char) -> bool {
    sign.is_whitespace() || "\"'`,;:/@{}[]()<>=".contains(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_left_of_a_zone_is_a_key() {
        for (name, key) in [
            ("SECRETKEY.zen.dq.spamhaus.net", "SECRETKEY"),
            ("SECRETKEY.zen.dq.spamhaus.org", "SECRETKEY"),
            ("SECRETKEY.zen.dq.spamhaus.com.", "SECRETKEY"),
            ("SECRETKEY.zen.spamhaus.net", "SECRETKEY"),
            ("SecretKey.XBL.Spamhaus.ORG", "SecretKey"),
            ("SECRETKEY.dq.spamhaus.net", "SECRETKEY"),
            ("SECRETKEY.spamhaus.net", "SECRETKEY"),
            ("a.KEY.zen.dq.spamhaus.net", "a.KEY"),
            ("KEY.zne.dq.spamhaus.net", "KEY"),
            ("KEY.combined.mail.abusix.zone", "KEY"),
            ("zen.dq.spamhaus.net", ""),
            ("zen.dq.spamhaus.org", ""),
            ("zne.dq.spamhaus.net", ""),
            ("pbl.spamhaus.org", ""),
            ("sbl-xbl.spamhaus.org.", ""),
            ("dq.spamhaus.net", ""),
            ("spamhaus.org", ""),
            ("combined.mail.abusix.zone", ""),
            ("KEY.zen.spamhaus.example", ""),
            ("zen.notspamhaus.org", ""),
        ] {
            assert_eq!(&name[..key_bytes(name)], key, "{name}");
        }
    }

    #[test]
    fn a_key_is_starred_wherever_it_stands() {
        for (text, shown) in [
            (
                "listing: {zone: KEY.zen.dq.spamhaus.net, resolver: r}",
                "listing: {zone: ***.zen.dq.spamhaus.net, resolver: r}",
            ),
            ("zone: \"KÉY.xbl.spamhaus.org\"", "zone: \"***.xbl.spamhaus.org\""),
            ("`key.zen.spamhaus.net` is no list", "`***.zen.spamhaus.net` is no list"),
            (
                "zone: xbl.spamhaus.org # https://www.spamhaus.org/",
                "zone: xbl.spamhaus.org # https://www.spamhaus.org/",
            ),
        ] {
            assert_eq!(masked(text), shown);
        }
    }

    #[test]
    fn a_long_first_label_is_likely_a_key() {
        for (name, is_likely) in [
            ("abcdefgh12345678.dnsbl.example", true),
            ("abcdefgh1234567.dnsbl.example", false),
            ("abcdefgh-12345678.dnsbl.example", false),
        ] {
            assert_eq!(likely_key(name).is_some(), is_likely, "{name}");
        }
    }
}
