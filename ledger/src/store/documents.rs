//! Documents: large ones as files named by their digest, uploaded ones held until a command cites
//! them.

use std::collections::HashMap;
use std::sync::Arc;

use super::medium::{Medium, failed, read_whole, write_whole};
use super::{StoreError, StoredDocument};
use crate::digest::Digest;
use crate::time::Timestamp;

/// How long an uploaded document waits for a command that cites it: 24 hours.
///
/// Source: storage specification, *Documents*.
pub const HELD_AGE_MAX_MS: u64 = 86_400_000;

/// How much may be held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HeldLimits {
    /// Bytes of one document.
    pub document_bytes_max: usize,
    /// Bytes of all held documents together.
    pub bytes_max: usize,
    /// Documents.
    pub count_max: usize,
}

impl Default for HeldLimits {
    /// 64 MiB a document (audit specification §14), 512 MiB and 4,096 documents together.
    fn default() -> Self {
        Self { document_bytes_max: 64 << 20, bytes_max: 512 << 20, count_max: 4_096 }
    }
}

/// Why a document is not held.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HeldError {
    /// Too large at any time.
    #[error("the document has {bytes} bytes, {bytes_max} are the most")]
    TooLarge {
        /// Its size in bytes.
        bytes: usize,
        /// The most that is taken.
        bytes_max: usize,
    },
    /// No room now.
    #[error("too many uploaded documents wait to be cited: try again later")]
    Full,
}

/// Uploaded documents that no record cites yet. In memory, so gone after a restart: what makes a
/// document durable is the record that cites it.
#[derive(Debug)]
pub struct HeldDocuments {
    limits: HeldLimits,
    held: HashMap<Digest, Held>,
    /// Invariant: the sum over `held`.
    bytes: usize,
}

#[derive(Debug)]
struct Held {
    bytes: Arc<[u8]>,
    since: Timestamp,
}

impl HeldDocuments {
    /// Holds none.
    #[must_use]
    pub fn new(limits: HeldLimits) -> Self {
        Self { limits, held: HashMap::new(), bytes: 0 }
    }

    /// Holds the document, whose digest the caller took from its bytes; one that is held already
    /// waits anew.
    ///
    /// # Errors
    /// [`HeldError::TooLarge`] for ever, [`HeldError::Full`] for now.
    pub fn hold(&mut self, document: StoredDocument, now: Timestamp) -> Result<(), HeldError> {
        let StoredDocument { digest, bytes } = document;
        if let Some(held) = self.held.get_mut(&digest) {
            held.since = now;
            return Ok(());
        }
        let (size, bytes_max) = (bytes.len(), self.limits.document_bytes_max);
        if size > bytes_max {
            return Err(HeldError::TooLarge { bytes: size, bytes_max });
        }
        let sum = self.bytes.checked_add(size).filter(|sum| *sum <= self.limits.bytes_max);
        let Some(sum) = sum.filter(|_| self.held.len() < self.limits.count_max) else {
            return Err(HeldError::Full);
        };
        self.bytes = sum;
        self.held.insert(digest, Held { bytes, since: now });
        Ok(())
    }

    /// A held document.
    #[must_use]
    pub fn get(&self, digest: &Digest) -> Option<StoredDocument> {
        let bytes = Arc::clone(&self.held.get(digest)?.bytes);
        Some(StoredDocument { digest: *digest, bytes })
    }

    /// Lets go of a document: it is durable now.
    pub fn release(&mut self, digest: &Digest) {
        if let Some(held) = self.held.remove(digest) {
            self.bytes -= held.bytes.len();
        }
    }

    /// Lets go of documents older than [`HELD_AGE_MAX_MS`] and returns how many.
    pub fn sweep(&mut self, now: Timestamp) -> usize {
        let before = self.held.len();
        self.held.retain(|_, held| now.millis_since(held.since).is_none_or(|age| age <= HELD_AGE_MAX_MS));
        self.bytes = self.held.values().map(|held| held.bytes.len()).sum();
        before - self.held.len()
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// Where documents too large for a frame live.
pub(crate) const DIR: &str = "documents";

fn dir_and_name(digest: &Digest) -> (String, String) {
    let hex = digest.to_string();
    let (dir, name) = hex.split_at(2);
    (format!("{DIR}/{dir}"), name.to_owned())
}

/// Writes a document's file so that it lasts. On failure nothing of it is there; a file that no
/// frame cites yet is no document.
pub(crate) fn write(medium: &dyn Medium, document: &StoredDocument) -> std::io::Result<()> {
    let (dir, name) = dir_and_name(&document.digest);
    medium.create_dir(&dir)?;
    write_whole(medium, &dir, &name, &document.bytes)
}

/// Reads a document's file and checks its digest.
pub(crate) fn read(medium: &dyn Medium, digest: &Digest) -> Result<Arc<[u8]>, StoreError> {
    let (dir, name) = dir_and_name(digest);
    let path = format!("{dir}/{name}");
    let damaged = |reason: &str| StoreError::Damaged {
        place: path.clone(),
        reason: format!("{reason}; restore this file from a copy: its name is its SHA-256"),
    };
    let bytes = match read_whole(medium, &path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(damaged("a document that a record cites is not there"));
        }
        Err(error) => return Err(failed("reading", &path)(error)),
    };
    if Digest::of(&bytes) != *digest {
        return Err(damaged("the document no longer has its digest"));
    }
    Ok(bytes.into())
}

/// How a document's file departs from what its frame says.
pub(crate) enum FileFault {
    /// It is not there.
    Missing,
    /// It is shorter than it was.
    Short,
    /// Its bytes do not have the digest.
    Digest,
    /// The medium failed.
    Unreadable(std::io::Error),
}

/// Checks a document's file, which had `bytes` bytes, and keeps nothing of it.
pub(crate) fn examine(medium: &dyn Medium, digest: &Digest, bytes: u64) -> Result<(), FileFault> {
    let (dir, name) = dir_and_name(digest);
    match read_whole(medium, &format!("{dir}/{name}")) {
        Ok(read) if Digest::of(&read) == *digest => Ok(()),
        Ok(read) if (read.len() as u64) < bytes => Err(FileFault::Short),
        Ok(_) => Err(FileFault::Digest),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(FileFault::Missing),
        Err(error) => Err(FileFault::Unreadable(error)),
    }
}

/// [`read`], with its digest.
pub(crate) fn read_stored(medium: &dyn Medium, digest: &Digest) -> Result<StoredDocument, StoreError> {
    Ok(StoredDocument { digest: *digest, bytes: read(medium, digest)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::simulated::Disk;

    fn document(fill: u8, bytes: usize) -> StoredDocument {
        let bytes: Arc<[u8]> = vec![fill; bytes].into();
        StoredDocument { digest: Digest::of(&bytes), bytes }
    }

    #[test]
    fn held_within_limits_until_released_or_swept() {
        let mut held = HeldDocuments::new(HeldLimits { document_bytes_max: 10, bytes_max: 20, count_max: 3 });
        let at = |ms| Timestamp::from_millis(ms).unwrap();
        assert_eq!(held.hold(document(1, 11), at(0)), Err(HeldError::TooLarge { bytes: 11, bytes_max: 10 }));
        for (fill, bytes, now, want) in [
            (1, 10, 0, Ok(())),
            (2, 9, 1, Ok(())),
            (3, 2, 2, Err(HeldError::Full)), // 21 bytes
            (3, 1, 2, Ok(())),               // 20 bytes
            (4, 0, 3, Err(HeldError::Full)), // a fourth
            (1, 10, 5, Ok(())),              // held already: waits anew
        ] {
            assert_eq!(held.hold(document(fill, bytes), at(now)), want, "{fill}");
        }
        assert_eq!(held.get(&document(2, 9).digest), Some(document(2, 9)));
        assert_eq!(held.sweep(at(HELD_AGE_MAX_MS + 1)), 0);
        assert_eq!(held.sweep(at(HELD_AGE_MAX_MS + 2)), 1);
        assert_eq!((held.get(&document(2, 9).digest), held.bytes()), (None, 11));
        held.release(&document(1, 10).digest);
        held.release(&document(1, 10).digest);
        assert_eq!(held.bytes(), 1);
    }

    #[test]
    fn files_have_the_name_of_their_digest() {
        let (dir, name) = dir_and_name(&Digest::of(b"terms\n"));
        let golden = "documents/2d/a4c41a";
        assert!(format!("{dir}/{name}").starts_with(golden), "{dir}/{name}: another place is another format");
        assert_eq!((dir.len(), name.len()), ("documents/".len() + 2, 62));
    }

    /// Each byte of a document's file, whatever the document's size: the one that is large enough to
    /// have a file cannot be tried byte by byte.
    #[test]
    fn every_flipped_byte_of_a_documents_file_is_found() {
        let disk = Disk::new(0);
        disk.create_dir(DIR).unwrap();
        let document = StoredDocument { digest: Digest::of(b"terms\n"), bytes: Arc::from(*b"terms\n") };
        write(&disk, &document).unwrap();
        let (dir, name) = dir_and_name(&document.digest);
        let path = format!("{dir}/{name}");
        let bytes = document.bytes.len();
        for (at, bit) in (0..bytes).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            disk.flip(&path, at, 1 << bit);
            assert!(matches!(examine(&disk, &document.digest, 6), Err(FileFault::Digest)), "{at} {bit}");
            assert!(matches!(read(&disk, &document.digest), Err(StoreError::Damaged { .. })), "{at} {bit}");
            disk.flip(&path, at, 1 << bit);
        }
        assert_eq!(read_stored(&disk, &document.digest).unwrap(), document);
        assert!(examine(&disk, &document.digest, 6).is_ok());
    }
}
