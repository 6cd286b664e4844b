//! The canonical payload: one spelling, a narrow profile, checked before meaning.
//!
//! Source: audit specification §1.

mod canonical;
mod tree;

use unicode_normalization::is_nfc;

pub use tree::Tree;

use crate::json::{self, Json};

const DEPTH_MAX: usize = 6;
const MEMBERS_MAX: usize = 64;
const KEY_LENGTH_MAX: usize = 40;
const STRING_CHARS_MAX: usize = 256;

/// Why payload bytes are refused, in order of precedence.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProfileError {
    /// Not JSON.
    #[error("the payload is not JSON: {0}")]
    NotJson(json::JsonError),
    /// JSON outside the profile.
    #[error("{pointer}: {reason}")]
    Profile {
        /// RFC 6901 pointer to the value.
        pointer: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// Not the canonical bytes of what it says.
    #[error("the payload is not its RFC 8785 form")]
    NotCanonical,
}

/// Reads a payload: profile first, then printed again and compared byte for byte.
///
/// # Errors
/// [`ProfileError`], the first that holds.
pub fn read(payload: &[u8]) -> Result<Tree<'_>, ProfileError> {
    if let Some(tree) = canonical::read(payload) {
        return Ok(tree);
    }
    let json = read_json(payload)?;
    if json.to_jcs().as_bytes() == payload { Ok(within(&json)) } else { Err(ProfileError::NotCanonical) }
}

/// Reads a payload in any spelling of the profile.
///
/// # Errors
/// [`ProfileError::NotJson`] or [`ProfileError::Profile`].
pub fn read_profile(payload: &[u8]) -> Result<Tree<'_>, ProfileError> {
    match canonical::read(payload) {
        Some(tree) => Ok(tree),
        None => read_json(payload).map(|json| within(&json)),
    }
}

fn within(json: &Json) -> Tree<'static> {
    Tree::owned(json).expect("the profile has no number and no null")
}

fn read_json(payload: &[u8]) -> Result<Json, ProfileError> {
    let json = json::read(payload).map_err(ProfileError::NotJson)?;
    if json.as_object().is_none() {
        return Err(Broken::of("not an object").tell());
    }
    check(&json, 1).map_err(Broken::tell)?;
    Ok(json)
}

/// A rule that a value breaks.
struct Broken {
    /// Member names and places on the way to it, innermost first: nobody pays for them who is right.
    path: Vec<String>,
    reason: &'static str,
}

impl Broken {
    fn of(reason: &'static str) -> Self {
        Self { path: Vec::new(), reason }
    }

    fn below(mut self, step: impl ToString) -> Self {
        self.path.push(step.to_string());
        self
    }

    fn tell(self) -> ProfileError {
        let pointer = self.path.iter().rev().map(|step| format!("/{step}")).collect();
        ProfileError::Profile { pointer, reason: self.reason }
    }
}

fn check(tree: &Json, depth: usize) -> Result<(), Broken> {
    match tree {
        Json::Object(_) | Json::Array(_) if depth > DEPTH_MAX => {
            Err(Broken::of("nested deeper than 6 objects and arrays"))
        }
        Json::Object(members) => {
            if members.len() > MEMBERS_MAX {
                return Err(Broken::of("more than 64 members"));
            }
            for (place, (key, value)) in members.iter().enumerate() {
                check_key(key).map_err(|broken| broken.below(key))?;
                if members[..place].iter().any(|(other, _)| other == key) {
                    return Err(Broken::of("given twice").below(key));
                }
                check(value, depth + 1).map_err(|broken| broken.below(key))?;
            }
            Ok(())
        }
        Json::Array(elements) => elements
            .iter()
            .enumerate()
            .try_for_each(|(place, element)| check(element, depth + 1).map_err(|broken| broken.below(place))),
        Json::String(text) => check_string(text),
        Json::Bool(_) => Ok(()),
        Json::Number(_) => Err(Broken::of("a number: write it as a string")),
        Json::Null => Err(Broken::of("null: leave the member out")),
    }
}

fn check_key(key: &str) -> Result<(), Broken> {
    let first = key.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let rest = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if first && rest && key.len() <= KEY_LENGTH_MAX {
        Ok(())
    } else {
        Err(Broken::of("a key is a-z, then up to 39 of a-z 0-9 _"))
    }
}

fn check_string(text: &str) -> Result<(), Broken> {
    // Printable ASCII is in every normal form, and a character is a byte.
    if text.len() <= STRING_CHARS_MAX && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Ok(());
    }
    if text.chars().count() > STRING_CHARS_MAX {
        return Err(Broken::of("longer than 256 code points"));
    }
    if text.chars().any(is_refused) {
        return Err(Broken::of("holds a control, separator, direction or byte-order character"));
    }
    if is_nfc(text) { Ok(()) } else { Err(Broken::of("not in Unicode normal form C")) }
}

fn is_refused(c: char) -> bool {
    matches!(
        c,
        '\u{0}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{61c}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}
