//! Reading a JSON tree strictly: known members once, texts where texts stand, all faults weighed.
//!
//! Faults do not end the reading; the gravest is kept, so that the answer depends on what is
//! wrong and not on the order of members.

use ledger::json::{Json, JsonError, read};

use crate::day::AsOf;
use crate::label::{Label, LabelError};
use crate::quantity::Quantity;
use crate::refusal::{Refusal, RefusalCode};

/// Bytes of one input.
pub(crate) const INPUT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Objects and arrays inside each other.
const NESTING_MAX: usize = 64;

/// Why one text does not do in its place.
pub(crate) type Fault = (RefusalCode, String);

/// Reads one JSON text within the limits of all inputs.
pub(crate) fn tree(bytes: &[u8]) -> Result<Json, Refusal> {
    if bytes.len() > INPUT_BYTES_MAX {
        return Err(Refusal::new(RefusalCode::TooLarge, "", "more than 16 MiB"));
    }
    if nesting(bytes) > NESTING_MAX {
        return Err(Refusal::new(RefusalCode::TooLarge, "", "nested deeper than 64"));
    }
    if std::str::from_utf8(bytes).is_err() {
        return Err(Refusal::new(RefusalCode::BadEncoding, "", "not UTF-8"));
    }
    read(bytes).map_err(|JsonError { reason }| Refusal::new(RefusalCode::SchemaInvalid, "", reason))
}

/// Deepest nesting of brackets outside strings, whether or not the rest is JSON.
fn nesting(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// The gravest fault so far; of equal ones the first.
#[derive(Default)]
pub(crate) struct Faults(Option<Refusal>);

impl Faults {
    pub(crate) fn add(&mut self, code: RefusalCode, path: &str, key: &str, message: impl Into<String>) {
        if self.0.as_ref().is_none_or(|worst| code < worst.code) {
            let slash = if key.is_empty() { "" } else { "/" };
            let key = key.replace('~', "~0").replace('/', "~1");
            self.0 = Some(Refusal::new(code, format!("{path}{slash}{key}"), message));
        }
    }

    /// What was read, if nothing was wrong.
    pub(crate) fn finish<T>(self, read: Option<T>) -> Result<T, Refusal> {
        match (self.0, read) {
            (Some(refusal), _) => Err(refusal),
            (None, Some(read)) => Ok(read),
            (None, None) => Err(Refusal::new(RefusalCode::SchemaInvalid, "", "not of the expected shape")),
        }
    }
}

/// An object whose members are known and stand once each.
pub(crate) struct Members<'a> {
    members: &'a [(String, Json)],
    path: String,
}

impl<'a> Members<'a> {
    /// Opens the object at `path`; a member not in `known` or given twice is a fault.
    pub(crate) fn open(json: &'a Json, path: String, known: &[&str], faults: &mut Faults) -> Option<Self> {
        let Some(members) = json.as_object() else {
            faults.add(RefusalCode::SchemaInvalid, &path, "", "an object belongs here");
            return None;
        };
        let mut seen = vec![false; known.len()];
        for (key, _) in members {
            match known.iter().position(|name| name == key) {
                None => faults.add(RefusalCode::SchemaInvalid, &path, key, "unknown member"),
                Some(place) if seen[place] => {
                    faults.add(RefusalCode::SchemaInvalid, &path, key, "member given twice");
                }
                Some(place) => seen[place] = true,
            }
        }
        Some(Self { members, path })
    }

    /// The pointer of this object.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    fn get(&self, key: &str) -> Option<&'a Json> {
        self.members.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Whether the member is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The member, which must be there.
    pub(crate) fn value(&self, key: &str, faults: &mut Faults) -> Option<&'a Json> {
        let value = self.get(key);
        if value.is_none() {
            faults.add(RefusalCode::MissingField, &self.path, key, "this member is needed");
        }
        value
    }

    /// The text of the member, read by `read`.
    pub(crate) fn text<T>(
        &self,
        key: &str,
        faults: &mut Faults,
        read: impl FnOnce(&'a str) -> Result<T, Fault>,
    ) -> Option<T> {
        let value = self.value(key, faults)?;
        let Some(text) = value.as_str() else {
            faults.add(RefusalCode::SchemaInvalid, &self.path, key, "a string belongs here");
            return None;
        };
        read(text).map_err(|(code, message)| faults.add(code, &self.path, key, message)).ok()
    }

    /// A name that is there and not empty.
    pub(crate) fn label(&self, key: &str, faults: &mut Faults) -> Option<Label> {
        self.text(key, faults, label)
    }

    /// A name that may be absent or empty.
    pub(crate) fn label_or_empty(&self, key: &str, faults: &mut Faults) -> Option<Option<Label>> {
        if self.get(key).is_none_or(|value| value.as_str() == Some("")) {
            return Some(None);
        }
        self.label(key, faults).map(Some)
    }

    /// An amount, read by `read`; a JSON number has been a double somewhere.
    pub(crate) fn amount(
        &self,
        key: &str,
        faults: &mut Faults,
        read: impl FnOnce(&'a str) -> Result<Quantity, Fault>,
    ) -> Option<Quantity> {
        if let Some(Json::Number(_)) = self.get(key) {
            faults.add(RefusalCode::AmountNotString, &self.path, key, "an amount is a string, not a number");
            return None;
        }
        self.text(key, faults, read)
    }

    /// A count in canonical decimal, at most `max`.
    pub(crate) fn count(&self, key: &str, max: u64, faults: &mut Faults) -> Option<u64> {
        self.text(key, faults, |text| {
            let count: Option<u64> = text.parse().ok();
            count.filter(|count| *count <= max && count.to_string() == text).ok_or_else(|| {
                (RefusalCode::SchemaInvalid, format!("a decimal string from 0 to {max} belongs here"))
            })
        })
    }

    /// The elements of an array, each read by `read` with its pointer.
    pub(crate) fn each<T>(
        &self,
        key: &str,
        faults: &mut Faults,
        mut read: impl FnMut(&'a Json, String, &mut Faults) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(elements) = self.value(key, faults)?.as_array() else {
            faults.add(RefusalCode::SchemaInvalid, &self.path, key, "an array belongs here");
            return None;
        };
        let mut all = Some(Vec::with_capacity(elements.len()));
        for (place, element) in elements.iter().enumerate() {
            match (read(element, format!("{}/{key}/{place}", self.path), faults), &mut all) {
                (Some(item), Some(items)) => items.push(item),
                (None, _) => all = None,
                (Some(_), None) => {}
            }
        }
        all
    }

    /// As [`Members::each`]; an absent array is an empty one.
    pub(crate) fn each_or_none<T>(
        &self,
        key: &str,
        faults: &mut Faults,
        read: impl FnMut(&'a Json, String, &mut Faults) -> Option<T>,
    ) -> Option<Vec<T>> {
        if self.has(key) { self.each(key, faults, read) } else { Some(Vec::new()) }
    }
}

/// A name.
pub(crate) fn label(text: &str) -> Result<Label, Fault> {
    Label::parse(text).map_err(|error| match error {
        LabelError::Empty => (RefusalCode::MissingField, error.to_string()),
        LabelError::TooLong | LabelError::Control => (RefusalCode::SchemaInvalid, error.to_string()),
    })
}

/// An amount as statements state them.
pub(crate) fn stated(text: &str) -> Result<Quantity, Fault> {
    Quantity::parse_stated(text).map_err(|error| (RefusalCode::BadAmount, error.to_string()))
}

/// An amount as wide as sums may be.
pub(crate) fn wide(text: &str) -> Result<Quantity, Fault> {
    Quantity::parse(text).map_err(|error| (RefusalCode::BadAmount, error.to_string()))
}

/// A day.
pub(crate) fn day(text: &str) -> Result<jiff::civil::Date, Fault> {
    crate::day::parse_day(text).ok_or_else(|| (RefusalCode::BadDate, "not a day YYYY-MM-DD".into()))
}

/// An instant.
pub(crate) fn instant(text: &str) -> Result<ledger::time::Timestamp, Fault> {
    ledger::time::Timestamp::parse(text)
        .ok_or_else(|| (RefusalCode::BadDate, "not an instant YYYY-MM-DDTHH:MM:SS.mmmZ".into()))
}

/// A day or an instant.
pub(crate) fn as_of(text: &str) -> Result<AsOf, Fault> {
    AsOf::parse(text).ok_or_else(|| (RefusalCode::BadDate, "neither YYYY-MM-DD nor an instant".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_counts_brackets_outside_strings() {
        for (text, want) in [("", 0), ("[[]]", 2), (r#"["[[[\"[["]"#, 1), ("}}}[", 1), ("[][]", 1)] {
            assert_eq!(nesting(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn limits_come_before_grammar() {
        let code = |bytes: &[u8]| tree(bytes).unwrap_err().code;
        assert_eq!(code(&vec![b'x'; INPUT_BYTES_MAX + 1]), RefusalCode::TooLarge);
        assert_eq!(code("[".repeat(65).as_bytes()), RefusalCode::TooLarge);
        assert_eq!(code(b"\"\xff\""), RefusalCode::BadEncoding);
        assert_eq!(code("[".repeat(64).as_bytes()), RefusalCode::SchemaInvalid);
        assert!(tree(format!("{}{}", "[".repeat(64), "]".repeat(64)).as_bytes()).is_ok());
    }
}
