//! How long may a test take? `ALLCLEAR_THOROUGH=1` makes some look at everything, where the suite looks
//! at a sample: minutes in place of seconds.

/// Whether somebody wants everything looked at.
pub fn is_thorough() -> bool {
    std::env::var_os("ALLCLEAR_THOROUGH").is_some_and(|value| !value.is_empty() && value != "0")
}
