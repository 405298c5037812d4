//! Who works this state directory? One `serve` at a time.
//!
//! The lock is the operating system's: it is gone when the process is, however it ended.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// How much of the lock file is read: a process number.
const HOLDER_BYTES_MAX: u64 = 64;

/// The right to carry out effects; given up when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another allclear works this state directory ({holder}): stop it first")]
    Held { holder: String },
    #[error("cannot lock {}: {error}: make the state directory writable for this user", path.display())]
    Unusable { path: PathBuf, error: io::Error },
}

impl Lock {
    /// Takes the lock of a state directory, and writes down who holds it.
    ///
    /// # Errors
    ///
    /// Another process holds it, or the directory cannot be written.
    pub fn take(state: &Path) -> Result<Lock, LockError> {
        let path = state.join("serve.lock");
        let unusable = |error| LockError::Unusable { path: path.clone(), error };
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = options.map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held { holder: holder(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        write_holder(&mut file).map_err(unusable)?;
        Ok(Lock { _file: file })
    }
}

fn write_holder(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "process {}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    // An unreadable name of the holder is no reason to call the lock free.
    let _ = file.take(HOLDER_BYTES_MAX).read_to_string(&mut text);
    let text = text.trim();
    if text.is_empty() { "process unknown".to_owned() } else { text.to_owned() }
}
