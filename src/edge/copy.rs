//! How does a copy get its name only when all of it is on the disk? It grows in a hidden directory
//! beside its place, which only its owner can read, and goes away with it when something fails.

use rustix::fs::{CWD, RenameFlags, renameat_with, syncfs};
use rustix::io::Errno;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("it is there already: name another, nothing is overwritten")]
    Taken,
    #[error("{0} is no name for a file: name one")]
    Name(PathBuf),
    #[error("{0}: free or mend the disk, or name another place")]
    Disk(#[from] io::Error),
}

/// A copy that grows; one that is dropped unpublished leaves nothing behind.
#[derive(Debug)]
pub struct Copy {
    place: PathBuf,
    part: PathBuf,
}

impl Copy {
    /// Begins the copy that will be `place`.
    ///
    /// # Errors
    /// It is there, or its directory cannot be written.
    pub fn begin(place: &Path) -> Result<Copy, CopyError> {
        if place.symlink_metadata().is_ok() {
            return Err(CopyError::Taken);
        }
        let name = place.file_name().ok_or_else(|| CopyError::Name(place.to_owned()))?;
        // A copy that was killed has left another number's.
        let hidden = format!(".{}.{}.part", name.to_string_lossy(), std::process::id());
        let part = place.with_file_name(hidden);
        DirBuilder::new().mode(0o700).create(&part)?;
        Ok(Copy { place: place.to_owned(), part })
    }

    /// The directory in which it grows.
    pub fn path(&self) -> &Path {
        &self.part
    }

    /// Gives the whole directory its name.
    ///
    /// # Errors
    /// Then there is none of that name.
    pub fn publish(self) -> Result<(), CopyError> {
        self.name(&self.part)
    }

    /// Gives the name to one file in it; the rest goes away.
    ///
    /// # Errors
    /// Then there is none of that name.
    pub fn publish_only(self, file: &Path) -> Result<(), CopyError> {
        self.name(&self.part.join(file))
    }

    /// All of it is on the disk before it has its name, and the name is before anybody is told.
    fn name(&self, from: &Path) -> Result<(), CopyError> {
        syncfs(File::open(&self.part)?).map_err(io::Error::from)?;
        match renameat_with(CWD, from, CWD, &self.place, RenameFlags::NOREPLACE) {
            Err(Errno::EXIST) => return Err(CopyError::Taken),
            // A file system that cannot promise it; it was not there a moment ago.
            Err(Errno::INVAL) => fs::rename(from, &self.place)?,
            renamed => renamed.map_err(io::Error::from)?,
        }
        let directory = self.place.parent().filter(|directory| !directory.as_os_str().is_empty());
        Ok(File::open(directory.unwrap_or(Path::new(".")))?.sync_all()?)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // Renamed, it is not there any more; what cannot be removed is hidden.
        let _ = fs::remove_dir_all(&self.part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("a directory");
        let mut names: Vec<String> = entries
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn it_is_there_whole_or_not_at_all_and_for_its_owner_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path().join("copy");
        for (row, is_published) in [("dropped", false), ("published", true)] {
            let copy = Copy::begin(&place).expect("it begins");
            fs::write(copy.path().join("file"), "text").expect("writable");
            match is_published {
                true => copy.publish().expect("it gets its name"),
                false => drop(copy),
            }
            assert_eq!(names(directory.path()).len(), usize::from(is_published), "{row}");
        }
        let mode = fs::metadata(&place).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert!(matches!(Copy::begin(&place), Err(CopyError::Taken)));
    }

    #[test]
    fn one_file_of_it_can_be_all() {
        let directory = tempfile::tempdir().expect("a directory");
        let place = directory.path().join("copy");
        let copy = Copy::begin(&place).expect("it begins");
        fs::write(copy.path().join("file"), "text").expect("writable");
        fs::write(copy.path().join("other"), "text").expect("writable");
        // Somebody else was quicker.
        fs::write(&place, "theirs").expect("writable");
        assert!(matches!(copy.publish_only(Path::new("file")), Err(CopyError::Taken)));
        assert_eq!(fs::read(&place).expect("it is there"), b"theirs");
        assert_eq!(names(directory.path()), ["copy"]);
    }
}
