//! How is a log read that cannot be written: a copy on a read-only disk, or another user's?
//!
//! Opened by `store` where its directory takes nothing. It must never pass over what stands beside the file:
//! the newest events may still lie in the write-ahead log.

use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Access, access};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// Why it cannot be read.
#[derive(Debug)]
pub(super) enum Unread {
    Database(rusqlite::Error),
    /// Its newest events lie beside it, and reading them takes a directory that can be written.
    Behind,
}

/// Whether nothing can be written in a directory that is there.
pub(super) fn is_read_only(directory: &Path) -> bool {
    let refused = access(directory, Access::WRITE_OK).err().map(std::io::Error::from);
    refused
        .is_some_and(|why| matches!(why.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem))
}

/// Opens the log without a write. Beside one that is in use, its index of the write-ahead log is read; a log
/// without either file is all there is (sqlite.org/wal.html#readonly).
///
/// # Errors
///
/// It is no database, cannot be read, or is not whole without a write.
pub(super) fn connect(path: &Path) -> Result<Connection, Unread> {
    match open(path, "mode=ro") {
        Ok(connection) => Ok(connection),
        Err(_) if has_newer(path) => Err(Unread::Behind),
        Err(_) => open(path, "immutable=1").map_err(Unread::Database),
    }
}

/// Opens it and reads its first page: else nothing is told of a file that cannot be read.
fn open(path: &Path, mode: &str) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(format!("file:{}?{mode}", escaped(path)), flags)?;
    connection.pragma_query_value(None, "schema_version", |_| Ok(()))?;
    Ok(connection)
}

/// Whether events lie in the write-ahead log, or nobody knows.
fn has_newer(path: &Path) -> bool {
    let beside = path.with_file_name("allclear.db-wal");
    fs::metadata(beside).map_or_else(|error| error.kind() != ErrorKind::NotFound, |found| found.len() > 0)
}

/// What has a meaning in the name of a resource is escaped (RFC 3986, 2.1).
fn escaped(path: &Path) -> String {
    let path = path.to_string_lossy();
    path.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}
