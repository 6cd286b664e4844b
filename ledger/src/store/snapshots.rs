//! A snapshot's bytes at rest: bound to the journal they were taken from, and never believed.
//!
//! | at | bytes | |
//! |---|---|---|
//! | 0 | 32 | SHA-256 of all that follows |
//! | 32 | 8 | records applied |
//! | 40 | 32 | chain value of the frame that holds the last of them |
//! | 72 | | the state's bytes |

use super::segment::JournalReader;
use super::{StoreError, StoredSnapshot};
use crate::digest::Digest;
use crate::fault::{Fault, is_planted};

const LENGTH_AT: usize = 32;
const CHAIN_AT: usize = 40;
const STATE_AT: usize = 72;

/// The snapshot's bytes at rest.
///
/// # Errors
/// Any of reading the journal; a snapshot of more records than are durable is refused.
pub(crate) fn seal(journal: &JournalReader, snapshot: &StoredSnapshot) -> Result<Vec<u8>, StoreError> {
    let Some((_, chain)) = journal.chain_covering(snapshot.length)? else {
        let length = journal.end().length;
        return Err(StoreError::NotTheEnd { expected: snapshot.length, length });
    };
    let mut sealed = vec![0; LENGTH_AT];
    sealed.extend_from_slice(&snapshot.length.to_be_bytes());
    sealed.extend_from_slice(chain.as_bytes());
    sealed.extend_from_slice(&snapshot.bytes);
    let digest = Digest::of(&sealed[LENGTH_AT..]);
    sealed[..LENGTH_AT].copy_from_slice(digest.as_bytes());
    Ok(sealed)
}

/// The snapshot, if it is whole and of this journal as far as it is durable.
pub(crate) fn unseal(journal: &JournalReader, sealed: &[u8]) -> Option<StoredSnapshot> {
    let (head, state) = sealed.split_at_checked(STATE_AT)?;
    let is_whole = Digest::of(&sealed[LENGTH_AT..]).as_bytes() == &head[..LENGTH_AT];
    if !is_whole && !is_planted(Fault::SnapshotBelieved) {
        return None;
    }
    let length = u64::from_be_bytes(head[LENGTH_AT..CHAIN_AT].try_into().ok()?);
    let (_, chain) = journal.chain_covering(length).ok()??;
    (chain.as_bytes() == &head[CHAIN_AT..]).then(|| StoredSnapshot { length, bytes: state.to_vec() })
}
