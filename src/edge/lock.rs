//! Who works this state directory? One `serve` at a time.
//!
//! The lock is the operating system's, and on the file, whatever path leads to it: it is gone when the
//! process is, however it ended. What stands in the file only helps people.

use jiff::Timestamp;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How much of the lock file is read: who holds it, and since when.
const HOLDER_BYTES_MAX: u64 = 256;

/// Who has just taken the lock has not yet written who it is: so many looks, so long apart.
const HOLDER_LOOKS: (u32, Duration) = (10, Duration::from_millis(50));

/// The right to carry out effects; given up when dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
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
    /// Takes the lock of a state directory, and writes down who holds it since `now`.
    ///
    /// # Errors
    ///
    /// Another process holds it, or the directory cannot be written.
    pub fn take(state: &Path, now: Timestamp) -> Result<Lock, LockError> {
        let path = state.join("serve.lock");
        let unusable = |error| LockError::Unusable { path: path.clone(), error };
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = options.map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held { holder: holder(&mut file) }),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        write_holder(&mut file, now).map_err(unusable)?;
        Ok(Lock { file })
    }
}

/// The name is gone before the lock is, so that the next holder is never taken for this one.
impl Drop for Lock {
    fn drop(&mut self) {
        // A name that cannot be taken out is told apart by its process, which is gone.
        let _ = self.file.set_len(0);
    }
}

fn write_holder(file: &mut File, now: Timestamp) -> io::Result<()> {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    let text = format!("process {} on {host} since {now:.0}\n", std::process::id());
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

/// What the holder wrote of itself. A process that was killed leaves its name behind; the new holder
/// writes its own in its first moments.
fn holder(file: &mut File) -> String {
    let (looks, pause) = HOLDER_LOOKS;
    for _ in 0..looks {
        match read_holder(file) {
            Some(holder) if is_alive(&holder) => return holder,
            _ => thread::sleep(pause),
        }
    }
    "a process that has not said which; `fuser serve.lock` in that directory tells".to_owned()
}

/// An unreadable name of the holder is no reason to call the lock free.
fn read_holder(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(HOLDER_BYTES_MAX).read_to_string(&mut text).ok()?;
    let (line, _) = text.split_once('\n')?;
    let is_plain = line.starts_with("process ") && !line.contains(char::is_control);
    is_plain.then(|| line.to_owned())
}

/// Whether the process lives, if it is one of this machine.
fn is_alive(holder: &str) -> bool {
    let mut words = holder.split(' ').skip(1);
    let (number, host) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or_default());
    let is_here = rustix::system::uname().nodename().to_string_lossy() == host;
    !is_here || number.parse::<u32>().is_ok_and(|number| Path::new(&format!("/proc/{number}")).exists())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-26T13:52:15.25Z".parse().expect("a time")
    }

    fn refusal(state: &Path) -> String {
        Lock::take(state, now()).expect_err("it is held").to_string()
    }

    #[test]
    fn the_second_is_told_who_holds_it_and_since_when_by_whatever_path() {
        let place = tempfile::tempdir().expect("a directory");
        let state = place.path().join("state");
        std::fs::create_dir(&state).expect("a directory");
        std::os::unix::fs::symlink(&state, place.path().join("link")).expect("a link");
        let lock = Lock::take(&state, now()).expect("it is free");
        let (number, host) = (std::process::id(), rustix::system::uname());
        let host = host.nodename().to_string_lossy();
        let wanted = format!("(process {number} on {host} since 2026-11-26T13:52:15Z)");
        for path in ["state", "link", "link/../state"] {
            let told = refusal(&place.path().join(path));
            assert!(told.contains(&wanted), "{path}: {told}");
        }
        drop(lock);
        assert!(Lock::take(&state, now()).is_ok(), "it is free again");
    }

    #[test]
    fn nobody_is_named_who_does_not_hold_it() {
        let state = tempfile::tempdir().expect("a directory");
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let _lock = Lock::take(state.path(), now()).expect("it is free");
        for (row, text) in [
            ("one that was killed", format!("process 4294967295 on {host} since 2026-11-26T13:52:15Z\n")),
            ("nothing yet", String::new()),
            ("half a name", format!("process {}", std::process::id())),
            ("rubbish", "process \u{1b}[2J on x since y\n".to_owned()),
        ] {
            std::fs::write(state.path().join("serve.lock"), text).expect("writable");
            let told = refusal(state.path());
            assert!(told.contains("a process that has not said which"), "{row}: {told}");
        }
        let elsewhere = format!("process {} on another.example since 2026-11-26T13:52:15Z", u32::MAX);
        std::fs::write(state.path().join("serve.lock"), format!("{elsewhere}\n")).expect("writable");
        assert!(
            refusal(state.path()).contains(&elsewhere),
            "another machine's processes cannot be looked up"
        );
    }
}
