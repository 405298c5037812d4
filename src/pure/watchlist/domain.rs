//! How is a DNS name written so that two spellings of one name are equal?
//!
//! Lower case, without final dot, as A-labels (RFC 5890).

/// Longest name in its text form (RFC 1035, 2.3.4), in bytes.
const NAME_BYTES_MAX: usize = 253;
/// Longest label (RFC 1035, 2.3.4), in bytes.
const LABEL_BYTES_MAX: usize = 63;

/// The plain spelling of a domain that a person wrote; a leading `*.` or `.` says what holds anyway
/// (every name below it matches) and is dropped.
///
/// Fails with a sentence when it is no domain of at least two labels.
pub fn normalise(text: &str) -> Result<String, String> {
    let bare = text.trim_start_matches("*.").trim_start_matches('.').trim_end_matches('.');
    let ascii = if bare.is_ascii() {
        bare.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii(bare).map_err(|_| format!("'{text}' cannot be written as a DNS name"))?
    };
    let has_good_labels = ascii.split('.').all(is_label);
    if ascii.is_empty() || ascii.len() > NAME_BYTES_MAX || !has_good_labels {
        return Err(format!(
            "'{text}' is no address, network, port or domain: see the plain watchlist format"
        ));
    }
    let last = ascii.rsplit('.').next().unwrap_or_default();
    if last.len() == ascii.len() || last.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "'{text}' is one word or ends in a number, and no domain: write it as evil.example"
        ));
    }
    Ok(ascii)
}

/// Whether it is a domain of at least two labels in its plain spelling; `false` may be a mistake.
pub(super) fn is_normal(text: &str) -> bool {
    let mut labels = text.as_bytes().split(|&byte| byte == b'.');
    let is_normal = |label: &[u8]| {
        !label.is_empty()
            && label.len() <= LABEL_BYTES_MAX
            && label.iter().all(|&byte| NORMAL[usize::from(byte)])
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= NAME_BYTES_MAX
        && last.len() < text.len()
        && labels.all(is_normal)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Which bytes may stand in a label in its plain spelling.
const NORMAL: [bool; 256] = {
    let mut normal = [false; 256];
    let allowed = b"abcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut at = 0;
    while at < allowed.len() {
        normal[allowed[at] as usize] = true;
        at += 1;
    }
    normal
};

fn is_label(label: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !label.is_empty() && label.len() <= LABEL_BYTES_MAX && label.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_names_have_their_limits() {
        let label = "a".repeat(63);
        assert!(normalise(&format!("{label}.example")).is_ok(), "63 bytes are a label");
        assert!(normalise(&format!("{label}a.example")).is_err(), "64 are none");
        let long = format!("{0}.{0}.{0}.{1}", "a".repeat(62), "b".repeat(64 - 1));
        assert!(normalise(&long[..long.len() - 1]).is_ok());
        assert!(normalise(&format!("{long}.cc")).is_err(), "over 253 bytes");
        for wrong in ["", ".", "a b.example", "evil..example", "1.2.3", "example"] {
            assert!(normalise(wrong).is_err(), "{wrong:?}");
        }
    }
}
