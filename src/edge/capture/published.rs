//! How does a file get its name only when all of it is on the disk? Bytes in, a hashed file out.
//!
//! `evidence` writes its packets through this. A file grows under a hidden name, locked by whoever
//! writes it, and is flushed, synced and renamed at its end. What a killed process left is told by
//! its lock, which is gone, and is set aside under a name that says so. It must never show half a
//! file under its final name, and never put one file in the place of another unasked.

use crate::pure::hexadecimal;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Hidden and untrusted names are numbered up to this, when others of the kind are there: more is a
/// directory that somebody should look into.
const NAMES_MAX: u32 = 1000;

/// How much is hashed at a time, in bytes.
const BLOCK_BYTES: usize = 64 * 1024;

/// What ends a hidden name.
const PART: &str = ".part";

/// What a name has that must not be trusted: nothing vouches for the file.
const UNTRUSTED: &str = ".untrusted";

/// A file that is being written. One that is dropped before it is published stays hidden, unless it is
/// empty or somebody named it: it may hold the only packets of a contact.
#[derive(Debug)]
pub struct Draft {
    path: PathBuf,
    part: PathBuf,
    file: File,
    /// Over the first `bytes` bytes, all that counts.
    hash: Sha256,
    bytes: u64,
    taken: Taken,
    is_published: bool,
}

/// A file under its final name, safe on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Of the whole file, hexadecimal.
    pub sha256: String,
    pub bytes: u64,
}

/// What is done when there is a file of the final name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is renamed to an untrusted name: no event can have named it.
    SetAside,
    /// Somebody named the file to be written; the new one takes its place.
    Replace,
}

/// Publishes small `content` whole.
///
/// # Errors
/// It is not there then; directories are as they were made.
pub fn publish(path: &Path, content: &[u8], taken: Taken) -> io::Result<Published> {
    let mut draft = Draft::begin(path, taken)?;
    draft.write(content)?;
    draft.publish()
}

impl Draft {
    /// Begins the hidden file beside `path`; directories are made for their owner alone.
    ///
    /// # Errors
    /// The directory or the file cannot be made.
    pub fn begin(path: &Path, taken: Taken) -> io::Result<Draft> {
        let directory = directory_of(path);
        make_directory(&directory)?;
        // Where somebody named the file himself, its way is his business.
        if taken == Taken::SetAside && fs::symlink_metadata(&directory)?.is_symlink() {
            return Err(io::Error::other("its directory is a link, and may lead anywhere"));
        }
        let name = name_of(path)?;
        for number in 1..=NAMES_MAX {
            let part = directory.join(format!(".{}{PART}", numbered(&name, number)));
            match create_locked(&part)? {
                Some(file) => {
                    let (path, hash) = (path.to_owned(), Sha256::new());
                    return Ok(Draft { path, part, file, hash, bytes: 0, taken, is_published: false });
                }
                // Left by a process that was killed.
                None if is_abandoned(&part) => drop(set_aside(&part)?),
                None => {}
            }
        }
        Err(io::Error::other(format!("{NAMES_MAX} hidden files are there already")))
    }

    /// Adds bytes: all of them, or none that count. Can be called again after an error.
    ///
    /// # Errors
    /// They could not be written whole: the disk is full or failed.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(bytes) {
            // What was written of it must not stay behind what counts.
            self.file.set_len(self.bytes)?;
            self.file.seek(SeekFrom::Start(self.bytes))?;
            return Err(error);
        }
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Drops a draft that can be of no use, whatever it holds.
    pub fn discard(mut self) {
        self.bytes = 0;
    }

    /// How many bytes there are so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives the file its name once all of it is on the disk.
    ///
    /// # Errors
    /// Then there is none of that name, and the hidden file stays where it can: it may be of use to
    /// somebody, though nothing vouches for it.
    pub fn publish(mut self) -> io::Result<Published> {
        if self.file.metadata()?.len() != self.bytes {
            return Err(io::Error::other("it holds bytes that do not count and could not be cut off"));
        }
        self.file.sync_all()?;
        match self.taken {
            Taken::Replace => fs::rename(&self.part, &self.path)?,
            Taken::SetAside => self.rename_beside_others()?,
        }
        self.is_published = true;
        sync_directory(&directory_of(&self.path))?;
        Ok(Published { sha256: hexadecimal::text(&self.hash.finalize_reset()), bytes: self.bytes })
    }

    fn rename_beside_others(&self) -> io::Result<()> {
        match rename_new(&self.part, &self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                set_aside(&self.path)?;
                rename_new(&self.part, &self.path)
            }
            renamed => renamed,
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let is_needless = self.bytes == 0 || self.taken == Taken::Replace;
        if is_needless && !self.is_published {
            // Should it stay, it is hidden, and set aside later.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Whether a file is a hidden one that nobody writes any more. Where locks are not known, none is.
pub fn is_abandoned(part: &Path) -> bool {
    // A pipe must not make us wait, nor a link lead us away.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOFOLLOW).open(part);
    is_hidden_part(part) && opened.is_ok_and(|file| file.try_lock().is_ok())
}

/// Whether the name is that of a file being written.
pub fn is_hidden_part(path: &Path) -> bool {
    path.file_name().is_some_and(|name| {
        let name = name.to_string_lossy();
        name.starts_with('.') && name.ends_with(PART)
    })
}

/// Whether the name is one that must not be trusted.
pub fn is_untrusted(path: &Path) -> bool {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    stem.rsplit_once(UNTRUSTED).is_some_and(|(_, number)| {
        number.is_empty() || number.strip_prefix('-').is_some_and(|number| number.parse::<u32>().is_ok())
    })
}

/// Gives a file that nothing vouches for a name that says so, `41-hits.untrusted.pcapng`, and
/// returns where it is now.
///
/// # Errors
/// It cannot be renamed.
pub fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let name = name_of(path)?;
    let bare = name.strip_prefix('.').and_then(|name| name.strip_suffix(PART)).unwrap_or(&name);
    let (stem, ending) = bare.rsplit_once('.').unwrap_or((bare, "part"));
    let untrusted = format!("{stem}{UNTRUSTED}.{ending}");
    for number in 1..=NAMES_MAX {
        let aside = path.with_file_name(numbered(&untrusted, number));
        match rename_new(path, &aside) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            renamed => return renamed.map(|()| aside),
        }
    }
    Err(io::Error::other(format!("{NAMES_MAX} files like {} were set aside already", path.display())))
}

/// The SHA-256 of all that can be read, hexadecimal.
///
/// # Errors
/// It cannot be read to its end.
pub fn sha256(mut input: impl Read) -> io::Result<String> {
    let (mut hash, mut block) = (Sha256::new(), vec![0; BLOCK_BYTES]);
    loop {
        match input.read(&mut block) {
            Ok(0) => return Ok(hexadecimal::text(&hash.finalize())),
            Ok(length) => hash.update(&block[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// `None` when there is a file of that name.
fn create_locked(part: &Path) -> io::Result<Option<File>> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(part);
    let file = match made {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(None),
        made => made?,
    };
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        return Ok(None);
    }
    // Between making and locking it, it could be taken for abandoned and be set aside.
    let is_still_there = fs::symlink_metadata(part)
        .and_then(|there| Ok((there.dev(), there.ino()) == (file.metadata()?.dev(), file.metadata()?.ino())));
    Ok(is_still_there.unwrap_or(false).then_some(file))
}

/// Makes what is missing of a directory, for its owner alone, and its names last.
fn make_directory(directory: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = directory.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    missing.into_iter().try_for_each(|made| sync_directory(&directory_of(made)))
}

/// A rename lasts when its directory is on the disk (fsync(2)).
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Renames, and never onto another file.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some network file systems do not know the flag; a link never replaces anything either.
        Err(Errno::INVAL | Errno::NOSYS) => {
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        renamed => Ok(renamed?),
    }
}

fn directory_of(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

fn name_of(path: &Path) -> io::Result<String> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned)
        .ok_or_else(|| io::Error::new(ErrorKind::InvalidInput, format!("{} names no file", path.display())))
}

/// The first is as it is, the second `41-hits-2.pcapng`.
fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        _ if number == 1 => name.to_owned(),
        Some((stem, ending)) => format!("{stem}-{number}.{ending}"),
        None => format!("{name}-{number}"),
    }
}

#[cfg(test)]
#[path = "published_tests.rs"]
mod tests;
