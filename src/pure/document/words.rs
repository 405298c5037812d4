//! Which known name did a person mean, and how is what they wrote repeated in a message?
//!
//! Used wherever a fault is put into words. What it repeats is short and holds no control characters.

use crate::pure::shown::is_shown;

/// Nearer than this (Jaro-Winkler, 0 to 1) a known name is suggested.
const NEAR_MIN: f64 = 0.75;

/// The known name that `name` is nearest to, if any is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let scored = known.into_iter().map(|known| (strsim::jaro_winkler(&lower, &known.to_lowercase()), known));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= NEAR_MIN).then_some(best.1)
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
