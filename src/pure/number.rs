//! How are numbers written? In digits, `3 nights`, never in words, and never rounded towards what is better.
//!
//! There are two hands. What goes on record or comes from a command (reasons of verdicts, faults) is written as a
//! playbook would write it: `12034 packets`, `95%`, `12m 30s`; it is kept and searched for as it stands. Mails and
//! pages, made anew each time, are written for the eye: `12,034 packets`, `95 %`, `12 min`.

use std::time::Duration;

/// `1 packet`, `12034 packets`: on record.
pub fn plain_count(number: u64, noun: &str) -> String {
    format!("{number} {}", plural(number, noun))
}

/// Seconds as a playbook would write them, the two largest units: "6h", "12m 30s", "0.5s".
pub fn spelled(seconds: f64) -> String {
    if seconds < 60.0 {
        return format!("{}s", (seconds * 10.0).floor() / 10.0);
    }
    let whole = seconds as u64;
    let units = [(whole / 86_400, "d"), (whole / 3600 % 24, "h"), (whole / 60 % 60, "m"), (whole % 60, "s")];
    let from_largest = units.iter().skip_while(|(amount, _)| *amount == 0).take(2);
    let parts: Vec<String> = from_largest
        .filter(|(amount, _)| *amount > 0)
        .map(|(amount, unit)| format!("{amount}{unit}"))
        .collect();
    parts.join(" ")
}

/// A length of time as a person types it, in the largest unit that fits: "90m", "6h", "7d".
pub fn typed(length: Duration) -> String {
    let seconds = length.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    match units.iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// A share as a playbook would write it: "95%", "0.125%".
pub fn percent(share: f64) -> String {
    // Cut, not rounded up, so that too little never reads as enough; small losses need more digits.
    let scale = if share < 0.01 { 1_000.0 } else { 10.0 };
    // The small addend undoes the error of binary fractions.
    format!("{}%", (share * 100.0 * scale + 1e-6).floor() / scale)
}

/// `3 d 4 h`, `6 h`, `25 min`, `14 s`: at most two units, rounded down.
pub fn duration(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(first) = units.iter().position(|(length, _)| seconds >= *length) else {
        return "0 s".to_string();
    };
    let (length, unit) = units[first];
    let (count, rest) = (seconds / length, seconds % length);
    match units.get(first + 1).filter(|(next, _)| rest >= *next && first < 2) {
        Some((next, smaller)) => format!("{count} {unit} {} {smaller}", rest / next),
        None => format!("{count} {unit}"),
    }
}

/// `97.3 %`, rounded down, so that what is not reached is never shown as reached.
pub fn share(share: f64) -> String {
    // The small addend undoes the error of binary fractions: 0.99 * 1000 is 989.99….
    let tenths = (share.clamp(0.0, 1.0) * 1000.0 + 1e-9).floor() / 10.0;
    format!("{tenths} %")
}

/// `12.3 KiB`, rounded down.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{}.{} KiB", bytes / 1024, bytes % 1024 * 10 / 1024),
        _ => format!("{}.{} MiB", bytes / 1_048_576, bytes % 1_048_576 * 10 / 1_048_576),
    }
}

/// `1 contact`, `3 contacts`, `12,034 packets`, `2 addresses`.
pub fn count(number: u64, noun: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {}", plural(number, noun))
}

/// The noun as it agrees with that number: `contact`, `contacts`, `addresses`.
fn plural(number: u64, noun: &str) -> String {
    let ending = match number {
        1 => "",
        _ if noun.ends_with("ss") => "es",
        _ => "s",
    };
    format!("{noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_never_rounded_up() {
        assert_eq!(share(0.98999), "98.9 %");
        assert_eq!((share(0.99), share(1.0), share(0.0)), ("99 %".into(), "100 %".into(), "0 %".into()));
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_599, "59 min"),
            (5_400, "1 h 30 min"),
            (86_399, "23 h 59 min"),
            (90_000, "1 d 1 h"),
            (604_800, "7 d"),
        ] {
            assert_eq!(duration(seconds), words);
        }
        assert_eq!(
            (size(1023), size(1536), size(1_048_575)),
            ("1023 bytes".into(), "1.5 KiB".into(), "1023.9 KiB".into())
        );
    }

    #[test]
    fn counts_are_grouped_and_agree_with_their_noun() {
        for (number, words) in [
            (0, "0 packets"),
            (1, "1 packet"),
            (999, "999 packets"),
            (1_000, "1,000 packets"),
            (1_234_567, "1,234,567 packets"),
        ] {
            assert_eq!(count(number, "packet"), words);
        }
        assert_eq!((count(1, "address"), count(2, "address")), ("1 address".into(), "2 addresses".into()));
        assert_eq!(
            (plain_count(1, "address"), plain_count(12_034, "address")),
            ("1 address".into(), "12034 addresses".into())
        );
    }
}
