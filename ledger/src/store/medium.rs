//! What the journal asks of a disk, and nothing else: named files, writes at an offset, syncs.
//!
//! Two media: [`Files`], a directory; and the simulated disk, which tears, forgets and lies. The
//! same journal runs over both. Paths are relative, with `/`, as in `journal/0000000000.seg`.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::StoreError;

/// A place for files. A name lasts only once its directory is synced, bytes once the file is.
pub(crate) trait Medium: Send + Sync {
    /// Names of the files in `dir`, sorted; none if there is no such directory.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;

    /// Opens a file that exists.
    fn open(&self, path: &str, access: Access) -> io::Result<Box<dyn MediumFile>>;

    /// Makes an empty file, in place of any of that name.
    fn create(&self, path: &str) -> io::Result<Box<dyn MediumFile>>;

    /// Makes a directory that lasts; one that is there already is fine.
    fn create_dir(&self, dir: &str) -> io::Result<()>;

    /// Moves a file over any of the new name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Makes the names in `dir` last.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Access {
    /// Reading only.
    Read,
    /// Reading and writing.
    Write,
}

/// An open file.
pub(crate) trait MediumFile: Send + Sync {
    /// Its size in bytes.
    fn size(&self) -> io::Result<u64>;

    /// Fills `buffer` from `offset` on, or fails.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`; lasts after [`MediumFile::sync`].
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes bytes and size last (`fdatasync`). After a failure nothing is known: never tried again.
    fn sync(&self) -> io::Result<()>;
}

/// Turns a failure into [`StoreError::Io`], saying what was being done to which file.
pub(crate) fn failed(doing: &str, path: &str) -> impl FnOnce(io::Error) -> StoreError {
    let context = format!("{doing} {path}");
    move |source| StoreError::Io { context, source }
}

/// Whether the failure is a want of room.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Writes a whole file so that it is there entirely or not at all: temporary file, sync, rename,
/// sync of the directory. On failure the temporary file is removed as far as possible.
pub(crate) fn write_whole(medium: &dyn Medium, dir: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = format!("{dir}/{name}.tmp");
    let written = medium.create(&temporary).and_then(|file| {
        file.write_at(0, bytes)?;
        file.sync()
    });
    if let Err(error) = written {
        // The first failure is the one to report.
        let _ = medium.remove(&temporary);
        return Err(error);
    }
    medium.rename(&temporary, &format!("{dir}/{name}"))?;
    medium.sync_dir(dir)
}

/// Reads a whole file.
pub(crate) fn read_whole(medium: &dyn Medium, path: &str) -> io::Result<Vec<u8>> {
    let file = medium.open(path, Access::Read)?;
    let size = usize::try_from(file.size()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; size];
    file.read_at(0, &mut bytes)?;
    Ok(bytes)
}

/// A directory of the operating system.
pub(crate) struct Files {
    root: PathBuf,
}

impl Files {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }
}

impl Medium for Files {
    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.root.join(dir)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    fn open(&self, path: &str, access: Access) -> io::Result<Box<dyn MediumFile>> {
        let write = access == Access::Write;
        Ok(Box::new(File::options().read(true).write(write).open(self.root.join(path))?))
    }

    fn create(&self, path: &str) -> io::Result<Box<dyn MediumFile>> {
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(true);
        Ok(Box::new(options.open(self.root.join(path))?))
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        let path = self.root.join(dir);
        match fs::create_dir(&path) {
            Ok(()) => File::open(path.parent().unwrap_or(&self.root))?.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.root.join(from), self.root.join(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(path))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        File::open(self.root.join(dir))?.sync_all()
    }
}

impl MediumFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.read_exact_at(buffer, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
