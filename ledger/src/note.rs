//! Signed notes: text, an empty line, signature lines, and the keys that make and check them.
//!
//! Source: C2SP signed-note v1.0.0; audit specification §5. What a text says is not this module's
//! business. A note has one spelling: what was read prints as the same bytes.
//!
//! Lines by unknown keys are skipped, so keys can be rotated and witnesses added; a line by a known
//! key that does not verify refuses the whole note. Keys of type 0x06 (ML-DSA-44) are read and
//! written, but their signatures are not checked: their lines are skipped like unknown ones.

use std::fmt;

use data_encoding::BASE64;

use self::key::Check;
pub use self::key::{KeyMaterial, KeyName, LogSigner, VerifierKey};
use crate::base64;

pub(crate) mod key;

/// Signature lines that are read; a note with more is refused.
pub const SIGNATURES_MAX: usize = 100;

/// Why a note, a key name or a key was refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoteError {
    /// The bytes are no note.
    #[error("not a signed note: {reason}")]
    Malformed {
        /// The first rule that does not hold.
        reason: &'static str,
    },
    /// The text is no verifier key.
    #[error("not a verifier key: {reason}")]
    Key {
        /// The first rule that does not hold.
        reason: &'static str,
    },
    /// A known key's name and id stand on a line that the key did not sign.
    #[error("the signature of {name} is wrong")]
    BadSignature {
        /// The key's name.
        name: KeyName,
    },
    /// No line is by a known key.
    #[error("no signature by a known key")]
    NoKnownSigner,
}

/// One signature line. Its `Display` ends with a line feed.
///
/// Invariant: the signature is not empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignatureLine {
    name: KeyName,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl SignatureLine {
    /// A line by `key`, which made `signature`.
    pub(crate) fn by(key: &VerifierKey, signature: Vec<u8>) -> Self {
        Self { name: key.name().clone(), id: key.id(), signature }
    }

    /// Reads a line, line feed included.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let malformed = |reason| NoteError::Malformed { reason };
        let rest = line.strip_prefix("— ").and_then(|rest| rest.strip_suffix('\n'));
        let rest = rest.ok_or(malformed("a signature line starts with an em dash and a space"))?;
        let (name, blob) = rest.split_once(' ').ok_or(malformed("a signature line has a name and base64"))?;
        let name = KeyName::new(name).map_err(|_| malformed("a signature line has a key's name"))?;
        let blob = base64::decode(blob).ok_or(malformed("a signature is base64"))?;
        let (id, signature) =
            blob.split_first_chunk().ok_or(malformed("a signature starts with a key id"))?;
        if signature.is_empty() {
            return Err(malformed("a signature is not empty"));
        }
        Ok(Self { name, id: *id, signature: signature.to_vec() })
    }

    /// The signing key's name, as the line says.
    #[must_use]
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The signing key's id, as the line says.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// What follows the id; its length is the signature type's.
    #[must_use]
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let blob = BASE64.encode(&[&self.id[..], &self.signature].concat());
        writeln!(f, "— {} {blob}", self.name)
    }
}

/// A signature that verified.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Verified<'a> {
    /// The key that signed.
    pub key: &'a VerifierKey,
    /// Its line's place among the signatures, from 0.
    pub line: usize,
    /// When it cosigned, in seconds since 1970; `None` if the key is no cosigner's.
    pub time: Option<u64>,
}

/// A note, not yet believed. Its `Display` is the note.
///
/// Invariant: the text ends with a line feed and has no other control character; 1 to 100
/// signature lines.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

impl Note {
    /// A note of that text and those lines.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn new(text: &str, signatures: Vec<SignatureLine>) -> Result<Self, NoteError> {
        let malformed = |reason| Err(NoteError::Malformed { reason });
        if !text.ends_with('\n') {
            return malformed("the text does not end with a line feed");
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            return malformed("a control character");
        }
        if signatures.is_empty() {
            return malformed("no signature line");
        }
        if signatures.len() > SIGNATURES_MAX {
            return malformed("more than 100 signature lines");
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        let end = note.rfind("\n\n").ok_or(NoteError::Malformed { reason: "no empty line" })?;
        let (text, lines) = (&note[..=end], &note[end + 2..]);
        let lines = lines.split_inclusive('\n').take(SIGNATURES_MAX + 1);
        Self::new(text, lines.map(SignatureLine::parse).collect::<Result<_, _>>()?)
    }

    /// The signed text, its last line feed included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines, in their order.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Adds a line after the others.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] if it would be the 101st.
    pub fn sign(self, line: SignatureLine) -> Result<Self, NoteError> {
        let Self { text, mut signatures } = self;
        signatures.push(line);
        Self::new(&text, signatures)
    }

    /// Checks every line of a known key and gives those that are good, at least one.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`] if a known key's line is wrong, whatever the others are;
    /// [`NoteError::NoKnownSigner`].
    pub fn verify<'a>(
        &self,
        known: impl IntoIterator<Item = &'a VerifierKey> + Clone,
    ) -> Result<Vec<Verified<'a>>, NoteError> {
        let mut good = Vec::new();
        for (place, line) in self.signatures.iter().enumerate() {
            for key in known.clone().into_iter().filter(|key| key.is_on(line)) {
                match key.check(&self.text, line) {
                    Check::Good { time } => good.push(Verified { key, line: place, time }),
                    Check::Wrong => return Err(NoteError::BadSignature { name: key.name().clone() }),
                    Check::Skipped => {}
                }
            }
        }
        if good.is_empty() { Err(NoteError::NoKnownSigner) } else { Ok(good) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| line.fmt(f))
    }
}

#[cfg(test)]
mod tests;
