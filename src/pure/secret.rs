//! May a file hold a secret? Asked of the key for a blocklist and of the password for a mail server.
//!
//! Used by the edges that read them. It never sees what such a file holds, so that no sentence can tell it.

use std::fmt::Display;
use std::path::Path;

/// What lays a secret open: anything that others may do, and writing by the group. Reading by the group is how
/// credentials reach a service (systemd.exec(5), `LoadCredential=`).
const OPEN_MODES: u32 = 0o027;

/// Whether nobody else may read or change the file, `kind` as `key file`.
///
/// # Errors
///
/// That it is open to others, and what to do.
pub fn check_mode(kind: &str, path: &Path, mode: u32) -> Result<(), String> {
    let (shown, mode) = (path.display(), mode & 0o777);
    if mode & OPEN_MODES == 0 {
        return Ok(());
    }
    Err(format!("the {kind} {shown} is open to others (mode {mode:o}): `chmod 600 {shown}`"))
}

/// That the file cannot be read, and what to do.
pub fn unreadable(kind: &str, path: &Path, error: &dyn Display) -> String {
    format!("the {kind} {} cannot be read ({error}): make it, for this user alone", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_else_may_read_or_change_a_secret() {
        for (mode, is_private) in [
            (0o100_600, true),
            (0o400, true),
            (0o440, true),
            (0o640, true),
            (0o620, false),
            (0o604, false),
            (0o602, false),
            (0o601, false),
            (0o644, false),
        ] {
            assert_eq!(check_mode("key file", Path::new("key"), mode).is_ok(), is_private, "{mode:o}");
        }
        assert_eq!(
            check_mode("key file", Path::new("key"), 0o100_644),
            Err("the key file key is open to others (mode 644): `chmod 600 key`".to_owned())
        );
    }
}
