//! Documents: large ones as files named by their digest, uploaded ones held until a command cites
//! them.

use std::sync::Arc;

use super::medium::{Medium, failed, read_whole, write_whole};
use super::{StoreError, StoredDocument};
use crate::digest::Digest;

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

/// [`read`], with its digest.
pub(crate) fn read_stored(medium: &dyn Medium, digest: &Digest) -> Result<StoredDocument, StoreError> {
    Ok(StoredDocument { digest: *digest, bytes: read(medium, digest)? })
}
