//! What a person hands to a command: files and standard input, bounded.

use super::Fault;
use std::io::Read;
use std::path::Path;

/// How much text is read of a report or a script, in bytes: a long mail is 100 KiB.
const TEXT_BYTES_MAX: u64 = 1024 * 1024;

/// The text of a file, or of standard input for `-`. Signs that are no UTF-8 are replaced.
pub fn read_text(path: &Path) -> Result<String, Fault> {
    let shown = path.display();
    let failed = |error: std::io::Error| Fault::Failed(format!("cannot read {shown}: {error}"));
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(TEXT_BYTES_MAX + 1).read_to_end(&mut bytes))
    };
    if read.map_err(failed)? as u64 > TEXT_BYTES_MAX {
        return Err(Fault::Failed(format!("{shown} is longer than 1 MiB: hand over only the page's text")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
