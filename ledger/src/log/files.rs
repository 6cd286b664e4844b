//! The log's directory: files that are written whole and then renamed, by one writer.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use crate::tiles::TilePath;

use super::LogError;

/// The one name that is written under before a rename.
const TEMPORARY: &str = "writing";

/// Where files go that did not hold what they had to.
const QUARANTINE: &str = "quarantine";

/// Threads that sync files at once.
const SYNCING: usize = 8;

/// A directory in the C2SP layout.
#[derive(Clone, Debug)]
pub(super) struct Files {
    root: PathBuf,
}

impl Files {
    /// The directory, made if it is not there.
    pub(super) fn open(root: &Path) -> Result<Self, LogError> {
        fs::create_dir_all(root).map_err(LogError::io("make", root))?;
        Ok(Self { root: root.to_owned() })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A file's bytes; `None` if there is none.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, LogError> {
        let path = self.path(name);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LogError::io("read", &path)(error)),
        }
    }

    /// A file's length in bytes; `None` if there is none.
    pub(super) fn length(&self, name: &str) -> Result<Option<u64>, LogError> {
        let path = self.path(name);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(LogError::io("look at", &path)(error)),
        }
    }

    /// Puts a file in place of what may be there. Readers see the old bytes or the new ones.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), LogError> {
        let (path, temporary) = (self.path(name), self.path(TEMPORARY));
        let written = File::create(&temporary).and_then(|mut file| file.write_all(bytes));
        written.map_err(LogError::io("write", &temporary))?;
        rename(&temporary, &path)
    }

    /// Moves a file under `quarantine/`.
    pub(super) fn set_aside(&self, name: &str) -> Result<(), LogError> {
        rename(&self.path(name), &self.root.join(QUARANTINE).join(name))
    }

    /// Removes the partial widths of a tile; no file server needs them once the tile is full.
    pub(super) fn remove_partials(&self, tile: TilePath) -> Result<(), LogError> {
        let path = self.path(&format!("{}.p", TilePath::full(tile.kind(), tile.index())));
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(LogError::io("remove", &path)(error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Makes the named files and the directories above them durable; a file that is not there is an
    /// error.
    ///
    /// Several threads sync at once: the file system then commits for many of them together.
    pub(super) fn sync(&self, names: impl IntoIterator<Item = String>) -> Result<(), LogError> {
        let paths: Vec<PathBuf> = names.into_iter().map(|name| self.path(&name)).collect();
        let share = paths.len().div_ceil(SYNCING).max(1);
        std::thread::scope(|scope| {
            let syncing: Vec<_> = paths
                .chunks(share)
                .map(|paths| scope.spawn(|| paths.iter().try_for_each(|path| sync(path))))
                .collect();
            syncing.into_iter().try_for_each(|thread| thread.join().expect("a sync does not panic"))
        })?;
        let above = paths.iter().flat_map(|path| path.ancestors().skip(1));
        let directories: BTreeSet<&Path> = above.filter(|above| above.starts_with(&self.root)).collect();
        directories.into_iter().try_for_each(sync)
    }
}

/// Makes the folders above the new name if they are not there.
fn rename(from: &Path, to: &Path) -> Result<(), LogError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = to.parent().expect("the root is above it");
            fs::create_dir_all(parent).map_err(LogError::io("make", parent))?;
            fs::rename(from, to)
        }
        other => other,
    }
    .map_err(LogError::io("rename to", to))
}

fn sync(path: &Path) -> Result<(), LogError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(LogError::io("sync", path))
}
