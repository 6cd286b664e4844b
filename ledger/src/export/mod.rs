//! An export: the whole ledger, or what one party may read of it, as one stream that proves itself.
//!
//! ```text
//! pledger/export/v1
//! <kind> <length, decimal> <SHA-256, hex>     and so many bytes and a line feed, for each frame:
//! header                                      what it is of
//! policy                                      the witness policy in force
//! document* record|leaf                       in order of sequence; a document before who names it first
//! checkpoint                                  of exactly that size
//! end                                         counts, and SHA-256 of all bytes before this line
//! ```
//!
//! No seeking and no compression inside, so it can be made and read through a pipe. Nothing of it is
//! believed because it is well formed: [`crate::verify`] checks what it says.
//!
//! Source: audit specification §14.

mod file;
mod frames;
mod restore;
mod writer;

pub use file::ExportFile;
pub use frames::{Frame, Frames, split_record};
pub use restore::{RestoreError, restore};
pub use writer::{ExportWriter, Source, WriteError, write};

use std::fmt;

use crate::checkpoint::parse_decimal;
use crate::digest::Digest;
use crate::id::PartyId;
use crate::json::{self, Json};
use crate::time::Timestamp;
use crate::words::words;

/// The first line.
pub const FIRST_LINE: &str = "pledger/export/v1\n";

/// Bytes of a document, at most: 64 MiB.
pub const DOCUMENT_BYTES_MAX: u64 = 64 << 20;

/// Bytes of anything else, at most: 64 KiB.
pub const FRAME_BYTES_MAX: u64 = 64 << 10;

words! {
    /// What a frame holds.
    pub enum FrameKind {
        /// What the export is of.
        Header = "header",
        /// The witness policy in force at its size.
        Policy = "policy",
        /// A document, named by its digest.
        Document = "document",
        /// A leaf and its envelope.
        Record = "record",
        /// A leaf whose envelope is outside the scope.
        Leaf = "leaf",
        /// The checkpoint's note.
        Checkpoint = "checkpoint",
        /// Counts and the digest of all before.
        End = "end",
    }
}

/// How much of the ledger it holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// Every record and document.
    Full,
    /// What a party may read; of the rest the leaves alone.
    Party(PartyId),
}

impl Scope {
    /// Reads `full` or `party:<id>`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix("party:") {
            Some(party) => PartyId::parse(party).ok().map(Self::Party),
            None => (text == "full").then_some(Self::Full),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Full => f.write_str("full"),
            Self::Party(party) => write!(f, "party:{party}"),
        }
    }
}

/// The frame `header`. Its `Display` is the one spelling.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// When it was made.
    pub created_at: Timestamp,
    /// The ledger's origin.
    pub ledger: String,
    /// The keys that sign its checkpoints.
    pub log_vkeys: Vec<String>,
    /// How much it holds.
    pub scope: Scope,
    /// How many records.
    pub size: u64,
}

impl Header {
    /// Reads the frame; `None` for any but the one spelling.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let tree = json::read(bytes).ok()?;
        let text = |name: &str| tree.get(name).and_then(Json::as_str);
        let vkeys = tree.get("log_vkeys")?.as_array()?.iter();
        let header = Self {
            created_at: Timestamp::parse(text("created_at")?)?,
            ledger: text("ledger")?.to_owned(),
            log_vkeys: vkeys.map(|vkey| vkey.as_str().map(str::to_owned)).collect::<Option<_>>()?,
            scope: Scope::parse(text("scope")?)?,
            size: parse_decimal(text("size")?)?,
        };
        (header.to_string().as_bytes() == bytes).then_some(header)
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let members = [
            ("created_at", Json::text(self.created_at.to_string())),
            ("ledger", Json::text(&self.ledger)),
            ("log_vkeys", Json::array(self.log_vkeys.iter().map(Json::text))),
            ("scope", Json::text(self.scope.to_string())),
            ("size", Json::text(self.size.to_string())),
        ];
        f.write_str(&Json::object(members).to_jcs())
    }
}

/// The frame `end`. Its `Display` is the one spelling.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct End {
    /// Document frames.
    pub documents: u64,
    /// Record and leaf frames.
    pub records: u64,
    /// Of all bytes before this frame's line.
    pub sha256: Digest,
}

impl End {
    /// Reads the frame; `None` for any but the one spelling.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let tree = json::read(bytes).ok()?;
        let text = |name: &str| tree.get(name).and_then(Json::as_str);
        let end = Self {
            documents: parse_decimal(text("documents")?)?,
            records: parse_decimal(text("records")?)?,
            sha256: Digest::parse_hex(text("sha256")?)?,
        };
        (end.to_string().as_bytes() == bytes).then_some(end)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { documents, records, sha256 } = self;
        write!(f, r#"{{"documents":"{documents}","records":"{records}","sha256":"{sha256}"}}"#)
    }
}

/// Why an export cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file could not be read.
    #[error("at byte {at}: {source}")]
    Io {
        /// How far it was read.
        at: u64,
        /// The cause.
        source: std::io::Error,
    },
    /// It ends before its `end` frame.
    #[error("cut off at byte {at}, after {records} records: {missing}")]
    Cut {
        /// Where it ends.
        at: u64,
        /// Records read.
        records: u64,
        /// What is missing first.
        missing: &'static str,
    },
    /// Not of this version's form.
    #[error("at byte {at}, after {records} records: {reason}")]
    Malformed {
        /// Where.
        at: u64,
        /// Records read.
        records: u64,
        /// The rule that does not hold.
        reason: &'static str,
    },
    /// Whole, and not the bytes that were written: a digest or count differs.
    #[error("at byte {at}, after {records} records: {what} is {got}, the export says {expected}")]
    Changed {
        /// Where.
        at: u64,
        /// Records read.
        records: u64,
        /// What differs.
        what: &'static str,
        /// As the export says.
        expected: String,
        /// As it is.
        got: String,
    },
}

impl ExportError {
    /// The first record that is not at hand.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        match self {
            Self::Io { .. } => None,
            Self::Cut { records, .. } | Self::Malformed { records, .. } | Self::Changed { records, .. } => {
                Some(*records)
            }
        }
    }
}
