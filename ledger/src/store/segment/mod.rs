//! The journal: append-only segment files, one frame a batch, each frame chained to the one before.
//!
//! Knows bytes and offsets, not meanings. All numbers are big-endian; all offsets count bytes.
//!
//! **Segment** `journal/<ordinal, ten digits from 0>.seg`: a header of one sector (512 bytes), then
//! frames, each from a sector's start, then zeros to its end. It is filled with zeros before it gets
//! its name, and never changes its size.
//!
//! | at | bytes | segment header |
//! |---|---|---|
//! | 0 | 8 | `PLEDGERJ` |
//! | 8 | 4 | format version, 1 |
//! | 12 | 4 | ordinal |
//! | 16 | 32 | SHA-256 of the ledger's origin |
//! | 48 | 8 | sequence number of the first record |
//! | 56 | 8 | size of the file |
//! | 64 | 32 | chain value of the last frame before; SHA-256 of the origin if there is none |
//! | 96 | 412 | zeros |
//! | 508 | 4 | CRC-32C of bytes 0 to 507 |
//!
//! | at | bytes | frame |
//! |---|---|---|
//! | 0 | 4 | `PLFR` |
//! | 4 | 4 | *P*, bytes between header and chain value |
//! | 8 | 8 | sequence number of the first record |
//! | 16 | 4 | records, at least 1 |
//! | 20 | 4 | *D*, documents |
//! | 24 | 4 | sectors of zeros among those without any of the chain value |
//! | 28 | 32 | chain value of the frame before |
//! | 60 | 4 | CRC-32C of bytes 0 to 59 |
//! | 64 | 48 × *D* | document table: SHA-256 (32), length (8), 0 in this frame or 1 in a file (8) |
//! | | | the documents' bytes, one after the other |
//! | | | each record: recorded time in milliseconds (8), command id (32), envelope's length (4), effects' length (4), envelope, effects |
//! | 64 + *P* | 32 | chain value |
//! | | 0 … 511 | zeros to the sector's end |
//!
//! The **chain value** is SHA-256 over `pledger/journal/frame/v1\n`, the header, the document table
//! and the records. Documents are in it by their digests: each is hashed once, when it arrives, and
//! again when it is read.
//!
//! **Invariant:** only the last frame of the last segment can be unacknowledged, and nothing but
//! zeros follows it (`tail`). **Invariant:** a name `….seg` is given only to a file whose header
//! lasts. **Invariant:** a sync that failed is not tried again; the journal refuses for ever.

mod frame;
mod journal;
mod layout;
mod map;
mod mark;
mod read;
mod scan;
mod spare;
mod survey;
mod tail;
mod window;

#[cfg(test)]
mod tests;

use super::StoreError;

pub(crate) use frame::Check;
pub use journal::TailReport;
pub(crate) use journal::{Journal, JournalOptions, QUARANTINE_DIR, open_read_only};
pub(crate) use layout::FORMAT_VERSION;
pub use mark::MarkReport;
pub(crate) use mark::Marker;
pub(crate) use read::{DocumentPlace, FrameEntries, JournalReader};
pub(crate) use spare::Filling;
pub(crate) use survey::survey;
pub use survey::{DocumentFault, FaultKind, JournalFault, JournalPart, Survey};
pub use tail::TornTail;

/// Where the segments are.
pub(crate) const DIR: &str = "journal";

/// What every report of damage ends with.
const WHAT_TO_DO: &str = "nothing was changed: restore the ledger's files from a copy, or the ledger from a \
                          backup";

fn path_of(ordinal: u32) -> String {
    format!("{DIR}/{ordinal:010}.seg")
}

/// The ordinal, if the name is a segment's.
fn ordinal_of(name: &str) -> Option<u32> {
    let ordinal: u32 = name.strip_suffix(".seg")?.parse().ok()?;
    (format!("{ordinal:010}.seg") == name).then_some(ordinal)
}

fn damaged(path: &str, offset: u64, seq: u64, reason: &str) -> StoreError {
    let place = format!("{path}, byte {offset}, record {seq}");
    StoreError::Damaged { place, reason: format!("{reason}; {WHAT_TO_DO}") }
}
