//! Names that others gave: accounts, assets, references, statement ids.

use std::fmt;

/// Longest name in bytes. Output descriptors of multi-signature wallets are the longest in use.
const LENGTH_MAX: usize = 512;

/// A name as its giver writes it.
///
/// Invariant: 1 to 512 bytes, no control character, so that it can stand on a line of its own in
/// hashed texts and on a terminal.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Label(String);

/// Why a text is no [`Label`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum LabelError {
    /// Nothing there.
    #[error("a name is needed, the text is empty")]
    Empty,
    /// More than 512 bytes.
    #[error("a name has at most 512 bytes")]
    TooLong,
    /// A control character.
    #[error("a name has no control characters")]
    Control,
}

impl Label {
    /// Takes a text as a name.
    ///
    /// # Errors
    /// [`LabelError`], by variant.
    pub fn parse(text: &str) -> Result<Self, LabelError> {
        if text.is_empty() {
            Err(LabelError::Empty)
        } else if text.len() > LENGTH_MAX {
            Err(LabelError::TooLong)
        } else if text.chars().any(char::is_control) {
            Err(LabelError::Control)
        } else {
            Ok(Self(text.to_owned()))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_on_one_line() {
        assert!(Label::parse("BANK/REF 1, ü").is_ok());
        assert_eq!(Label::parse(""), Err(LabelError::Empty));
        assert_eq!(Label::parse("a\nb"), Err(LabelError::Control));
        assert_eq!(Label::parse("a\u{85}"), Err(LabelError::Control));
        assert!(Label::parse(&"x".repeat(512)).is_ok());
        assert_eq!(Label::parse(&"x".repeat(513)), Err(LabelError::TooLong));
    }
}
