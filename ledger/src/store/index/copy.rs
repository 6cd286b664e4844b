//! An index looked at without touching it: sled writes when it opens, so a copy is opened instead.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::shelf::Shelf;
use crate::store::segment::JournalReader;
use crate::store::{StoredSnapshot, snapshots};

/// A larger index is not copied: 1 GiB.
const COPIED_BYTES_MAX: u64 = 1 << 30;

/// A folder for one copy, gone when dropped. Only its owner can look into it: it holds balances.
struct Scratch(PathBuf);

impl Scratch {
    fn make() -> io::Result<Self> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let place = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("pledger-index-{}-{place}", std::process::id());
        let path = std::env::temp_dir().join(name);
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to whoever clears the temporary folder.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The newest snapshot of the index under `root` that is whole and of this journal.
///
/// # Errors
/// Why there is none to look at, for a person.
pub(crate) fn snapshot_of_copy(
    root: &Path,
    journal: &JournalReader,
) -> Result<Option<StoredSnapshot>, String> {
    let index = root.join("index");
    if !index.is_dir() {
        return Ok(None);
    }
    let scratch = Scratch::make().map_err(|error| error.to_string())?;
    let mut left = COPIED_BYTES_MAX;
    copy(&index, &scratch.0, &mut left).map_err(|error| error.to_string())?;
    let (shelf, _) = Shelf::open(&scratch.0, journal.origin())?;
    let (snapshot, _) = shelf.snapshot(u64::MAX, |sealed| snapshots::unseal(journal, sealed))?;
    drop(shelf);
    Ok(snapshot)
}

fn copy(from: &Path, to: &Path, left: &mut u64) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy(&entry.path(), &target, left)?;
        } else {
            let bytes = entry.metadata()?.len();
            *left = left.checked_sub(bytes).ok_or_else(|| io::Error::other("the index is above 1 GiB"))?;
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
