//! Which known name did a person mean, and how is what they wrote repeated in a message?
//!
//! Used wherever a fault is put into words. What it repeats is short and holds no control characters.

use crate::pure::shown::is_shown;

/// Nearer than this (Jaro-Winkler, 0 to 1) a known name is suggested.
const NEAR_MIN: f64 = 0.75;

/// The known name that `name` is nearest to, if any is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let scored = known.into_iter().map(|known| (nearness(&lower, &known.to_lowercase()), known));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= NEAR_MIN).then_some(best.1)
}

/// From 0 to 1. One slip of the hand (a letter too few, too many or wrong, or two that changed places) is near, also
/// where the name is so short that it is half of it.
fn nearness(name: &str, known: &str) -> f64 {
    let alike = strsim::jaro_winkler(name, known);
    if name.chars().count() > 1 && strsim::osa_distance(name, known) == 1 {
        alike.max(NEAR_MIN)
    } else {
        alike
    }
}

/// The cure for an unknown name: the nearest, else all of them.
pub fn suggestion(name: &str, known: &[&str]) -> Option<String> {
    match nearest(name, known.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", listed(known))),
    }
}

/// Names as they stand in a message.
pub fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A text that a person wrote, short enough for a message.
pub fn clipped(text: &str) -> String {
    let mut short: String = text.chars().take(60).map(|c| if is_shown(c) { c } else { ' ' }).collect();
    if text.chars().nth(60).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_near_that_is_alike_or_one_slip_away() {
        for (name, known, wanted) in [
            ("assurence", &["assurance", "passes"][..], Some("assurance")),
            ("fro", &["for", "packets", "filter"], Some("for")),
            ("lna", &["lan", "ring"], Some("lan")),
            ("ot", &["to", "events"], Some("to")),
            ("x", &["to", "for"], None),
            ("key", &["file", "ports"], None),
        ] {
            assert_eq!(nearest(name, known.iter().copied()), wanted, "{name}");
        }
    }
}
