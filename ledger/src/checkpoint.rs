//! Checkpoints: origin, size and root in a note signed by the log.
//!
//! Source: C2SP tlog-checkpoint v1.0.0; audit specification §5. We write no extension lines and
//! tolerate those of others.

use std::fmt;

use data_encoding::BASE64;

use crate::base64;
use crate::digest::Digest;
use crate::merkle::{EMPTY_ROOT, TreeHead};
use crate::note::{LogSigner, Note, NoteError, SignatureLine, VerifierKey};
use crate::record::SEQ_MAX;

/// Why a checkpoint was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CheckpointError {
    /// The note around it is malformed, wrongly signed or not signed by a known key.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The text is no checkpoint's.
    #[error("not a checkpoint: {reason}")]
    Malformed {
        /// The first rule that does not hold.
        reason: &'static str,
    },
    /// It is another log's.
    #[error("a checkpoint of {found}, not of {expected}")]
    OriginMismatch {
        /// The origin that was asked for.
        expected: String,
        /// The origin in the text.
        found: String,
    },
}

/// What a checkpoint says. Its `Display` is the three-line text that the log signs.
///
/// Invariant: the origin is not empty and has no control character; size 0 has the empty root; the
/// size is below 2^63.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Checkpoint {
    origin: String,
    head: TreeHead,
}

impl Checkpoint {
    /// # Errors
    /// [`CheckpointError::Malformed`].
    pub fn new(origin: &str, head: TreeHead) -> Result<Self, CheckpointError> {
        let malformed = |reason| Err(CheckpointError::Malformed { reason });
        if origin.is_empty() || origin.chars().any(char::is_control) {
            return malformed("an origin is not empty and has no control character");
        }
        if head.size > SEQ_MAX {
            return malformed("a size is below 2^63");
        }
        if head.size == 0 && head.root != EMPTY_ROOT {
            return malformed("size 0 goes with the empty root");
        }
        Ok(Self { origin: origin.to_owned(), head })
    }

    /// Reads the text of a note; extension lines may follow the three lines.
    ///
    /// A checkpoint of ours has none: its text equals what this prints.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let (origin, head) = Self::parse_lines(text)?;
        Self::new(origin, head)
    }

    /// Origin, size and root as the lines say, whatever root size 0 has: a witness answers that apart
    /// from what is no checkpoint at all.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`].
    pub(crate) fn parse_lines(text: &str) -> Result<(&str, TreeHead), CheckpointError> {
        let malformed = |reason| CheckpointError::Malformed { reason };
        let body = text.strip_suffix('\n').ok_or(malformed("the last line is not ended"))?;
        let mut lines = body.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(malformed("fewer than three lines"));
        };
        if lines.any(str::is_empty) {
            return Err(malformed("an empty extension line"));
        }
        let size = parse_decimal(size).ok_or(malformed("the size is no decimal below 2^63"))?;
        let root = parse_hash(root).ok_or(malformed("the root is not base64 of 32 bytes"))?;
        Ok((origin, TreeHead { size, root }))
    }

    /// The log's identity.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Size and root.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.head
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { origin, head: TreeHead { size, root } } = self;
        write!(f, "{origin}\n{size}\n{}\n", BASE64.encode(root.as_bytes()))
    }
}

/// A checkpoint with the note that carries it. Its `Display` is the note.
///
/// Invariant: at least one signature by a key of the log was good, and no known one wrong.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

impl SignedCheckpoint {
    /// Signs a tree of a log, by its key or, while the key is rotated, by both.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] if the origin or head is none (size 0 with a root);
    /// [`CheckpointError::Note`] without a signer.
    pub fn sign<'a>(
        origin: &str,
        signers: impl IntoIterator<Item = &'a LogSigner>,
        head: TreeHead,
    ) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::new(origin, head)?;
        let text = checkpoint.to_string();
        let note = Note::new(&text, signers.into_iter().map(|signer| signer.line(&text)).collect())?;
        Ok(Self { checkpoint, note })
    }

    /// Reads a note that one of the log's keys must have signed, for the log with that origin.
    ///
    /// # Errors
    /// [`CheckpointError`]; what the text says is looked at only after its signatures.
    pub fn open<'a>(
        note: &str,
        origin: &str,
        log_keys: impl IntoIterator<Item = &'a VerifierKey> + Clone,
    ) -> Result<Self, CheckpointError> {
        let note = Note::parse(note)?;
        note.verify(log_keys)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        Self::of_origin(checkpoint, note, origin)
    }

    /// Joins what a caller has verified itself, and compares the origin.
    pub(crate) fn of_origin(
        checkpoint: Checkpoint,
        note: Note,
        origin: &str,
    ) -> Result<Self, CheckpointError> {
        if checkpoint.origin != origin {
            return Err(CheckpointError::OriginMismatch {
                expected: origin.to_owned(),
                found: checkpoint.origin,
            });
        }
        Ok(Self { checkpoint, note })
    }

    /// What it says.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Size and root.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.checkpoint.head
    }

    /// The note.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The same with the lines alone that are under the log's own name.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] if there is none.
    pub(crate) fn without_cosignatures(&self) -> Result<Self, NoteError> {
        let origin = self.checkpoint.origin();
        let own = |line: &&SignatureLine| line.name().as_str() == origin;
        let lines = self.note.signatures().iter().filter(own).cloned().collect();
        Ok(Self { checkpoint: self.checkpoint.clone(), note: Note::new(self.note.text(), lines)? })
    }

    /// Adds a line, for example a witness's.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] if it would be the 101st.
    pub fn with_line(self, line: SignatureLine) -> Result<Self, NoteError> {
        Ok(Self { note: self.note.sign(line)?, ..self })
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.note.fmt(f)
    }
}

/// A size or index as these formats write it: decimal, no sign, no leading zero, below 2^63.
#[must_use]
pub fn parse_decimal(text: &str) -> Option<u64> {
    text.parse().ok().filter(|value: &u64| *value <= SEQ_MAX && value.to_string() == text)
}

/// A hash as these formats write it: strict base64 of 32 bytes.
#[must_use]
pub fn parse_hash(text: &str) -> Option<Digest> {
    Some(Digest(base64::decode(text)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::KeyName;

    const ROOT: &str = "4CIng5p7JDfLRNEYo+jo6B9bAJbmHNZMlM4PfUa3G0A=";
    const EMPTY: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn texts() {
        for good in [
            format!("ledger.example/a\n3\n{ROOT}\n"),
            format!("go.sum database tree\n9223372036854775807\n{ROOT}\n"),
            format!("a\n0\n{EMPTY}\n"),
        ] {
            assert_eq!(Checkpoint::parse(&good).unwrap().to_string(), good);
        }
        let extended = Checkpoint::parse(&format!("a\n3\n{ROOT}\nmore\nand more\n")).unwrap();
        assert_eq!(extended.to_string(), format!("a\n3\n{ROOT}\n"));
        for bad in [
            String::new(),
            format!("a\n3\n{ROOT}"),
            "a\n3\n".into(),
            format!("\n3\n{ROOT}\n"),
            format!("a\n03\n{ROOT}\n"),
            format!("a\n+3\n{ROOT}\n"),
            format!("a\n-3\n{ROOT}\n"),
            format!("a\n \n{ROOT}\n"),
            format!("a\n\n{ROOT}\n"),
            format!("a\n9223372036854775808\n{ROOT}\n"),
            format!("a\n0\n{ROOT}\n"),
            format!("a\n3\n{ROOT}\n\n"),
            format!("a\n3\n{ROOT}\n\nx\n"),
            format!("a\n3\n {ROOT}\n"),
            format!("a\n3\n{}\n", &ROOT[..43]),
            format!("a\n3\n{}\n", ROOT.replace("0A=", "0B=")),
            "a\n3\nAAAA\n".into(),
        ] {
            assert!(matches!(Checkpoint::parse(&bad), Err(CheckpointError::Malformed { .. })), "{bad:?}");
        }
    }

    #[test]
    fn opens_only_for_its_origin_and_key() {
        let signer = |name, seed| LogSigner::new(KeyName::new(name).unwrap(), &[seed; 32]);
        let (log, other) = (signer("ledger.example/a", 1), signer("ledger.example/a", 2));
        let head = TreeHead { size: 3, root: parse_hash(ROOT).unwrap() };
        let signed = SignedCheckpoint::sign("ledger.example/a", [&log], head).unwrap();
        let note = signed.to_string();
        assert_eq!(SignedCheckpoint::open(&note, "ledger.example/a", [log.verifier()]), Ok(signed));
        let open = |key: &LogSigner, origin| SignedCheckpoint::open(&note, origin, [key.verifier()]);
        assert_eq!(open(&other, "ledger.example/a"), Err(NoteError::NoKnownSigner.into()));
        assert!(matches!(open(&log, "ledger.example/b"), Err(CheckpointError::OriginMismatch { .. })));
        assert!(SignedCheckpoint::sign("ledger.example/a", [&log], TreeHead { size: 0, ..head }).is_err());
    }
}
