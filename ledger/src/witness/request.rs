//! The body of `POST /add-checkpoint`.

use std::fmt;

use data_encoding::BASE64;

use crate::checkpoint::{parse_decimal, parse_hash};
use crate::digest::Digest;
use crate::merkle::PATH_MAX;

/// Why a body is no request.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an add-checkpoint request: {reason}")]
pub struct RequestError {
    /// The first rule that does not hold.
    pub reason: &'static str,
}

/// A request, not yet believed. Its `Display` is the body:
/// `old <size>`, up to 63 hashes, an empty line, the checkpoint's note.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddCheckpoint {
    /// The size that the witness is thought to have seen last; below 2^63.
    pub old: u64,
    /// The consistency path from there; at most 63 hashes.
    pub path: Vec<Digest>,
    /// The note, verbatim; its form is judged later than the log's name.
    pub note: String,
}

impl AddCheckpoint {
    /// Reads a body.
    ///
    /// # Errors
    /// [`RequestError`].
    ///
    /// ```
    /// use ledger::witness::AddCheckpoint;
    /// let request = AddCheckpoint::parse(b"old 0\n\nledger.example/main\n").unwrap();
    /// assert_eq!((request.old, request.origin()), (0, "ledger.example/main"));
    /// assert!(AddCheckpoint::parse(b"old 00\n\nledger.example/main\n").is_err());
    /// ```
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let fail = |reason| RequestError { reason };
        let text = std::str::from_utf8(body).map_err(|_| fail("it is not UTF-8"))?;
        let (head, note) = text.split_once("\n\n").ok_or(fail("there is no empty line"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| parse_decimal(line.strip_prefix("old ")?));
        let old = old.ok_or(fail("the first line is not `old` and a decimal below 2^63"))?;
        let path: Option<Vec<_>> = lines.take(PATH_MAX + 1).map(parse_hash).collect();
        let path = path.ok_or(fail("a hash is not base64 of 32 bytes"))?;
        if path.len() > PATH_MAX {
            return Err(fail("more than 63 hashes"));
        }
        Ok(Self { old, path, note: note.to_owned() })
    }

    /// The log that the note claims to be of: its first line.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.note.split('\n').next().unwrap_or_default()
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.path {
            writeln!(f, "{}", BASE64.encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.note)
    }
}
