//! How are numbers written? In digits, `3 nights`, never in words, and never rounded towards what is better.
//!
//! There is one hand for whatever is read, in reasons, mails, pages and on the console: `12,034 packets`, `95 %`,
//! `2 h 59 min`. Only what a person may type into a file stands as it is typed there: `90m`.

use std::time::Duration;

/// A length of time as a person types it, in the largest unit that fits: "90m", "6h", "7d".
pub fn typed(length: Duration) -> String {
    let seconds = length.as_secs();
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    match units.iter().find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

/// Minutes from which on nobody asks for the seconds.
const MINUTES_ALONE: u64 = 10;

/// `3 d 4 h`, `6 h`, `25 min`, `1 min 30 s`, `14 s`: at most two units, rounded down.
pub fn duration(seconds: u64) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let Some(first) = units.iter().position(|(length, _)| seconds >= *length) else {
        return "0 s".to_string();
    };
    let (length, unit) = units[first];
    let (count, rest) = (seconds / length, seconds % length);
    let is_alone = unit == "min" && count >= MINUTES_ALONE;
    match units.get(first + 1).filter(|(next, _)| rest >= *next && !is_alone) {
        Some((next, smaller)) => format!("{count} {unit} {} {smaller}", rest / next),
        None => format!("{count} {unit}"),
    }
}

/// `97.3 %`, `0.125 %`, rounded down, so that what is not reached is never shown as reached. Small losses need
/// more digits.
pub fn share(share: f64) -> String {
    let scale = if share < 0.01 { 1_000.0 } else { 10.0 };
    // The small addend undoes the error of binary fractions: 0.99 * 1000 is 989.99….
    format!("{} %", (share.clamp(0.0, 1.0) * 100.0 * scale + 1e-6).floor() / scale)
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
    format!("{} {}", grouped(number), plural(number, noun))
}

/// `12,034`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
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
        assert_eq!(
            (share(0.00125), share(0.01), share(0.0101)),
            ("0.125 %".into(), "1 %".into(), "1 %".into())
        );
        for (seconds, words) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (90, "1 min 30 s"),
            (599, "9 min 59 s"),
            (601, "10 min"),
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
    }
}
