//! What a person hands to a command: files and standard input, bounded.

use super::Fault;
use crate::edge::capture::files::cure_of_reading;
use crate::pure::intake::TEXT_BYTES_MAX;
use std::io::Read;
use std::path::Path;

/// The text of a file, or of standard input for `-`. Signs that are no UTF-8 are replaced.
pub fn read_text(path: &Path) -> Result<String, Fault> {
    let shown = path.display();
    let failed = |error: std::io::Error| {
        Fault::Failed(format!("cannot read {shown}: {error}: {}", cure_of_reading(error.kind())))
    };
    let mut bytes = Vec::new();
    let enough = TEXT_BYTES_MAX as u64 + 1;
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(enough).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(enough).read_to_end(&mut bytes))
    };
    if read.map_err(failed)? > TEXT_BYTES_MAX {
        return Err(Fault::Failed(format!("{shown} is longer than 1 MiB: hand over only the page's text")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
