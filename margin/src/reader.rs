//! Reading documents: every mistake is noted with its place, and the first by precedence wins.
//!
//! Knows JSON and decimals, not what the members mean. A reader goes on after a mistake, because
//! a later one may come first in the order of codes.

use std::collections::{BTreeMap, BTreeSet};

use ledger::decimal::{DecimalText, Exact};
use ledger::json::Json;
use ledger::time::Timestamp;
use num_traits::{Signed, Zero};

use crate::error::{Code, InputError};

/// Digits before and after the point that an input may have.
const DIGITS_MAX: usize = 18;
/// Digits after the point of a position's quantity.
pub(crate) const QUANTITY_DECIMALS: usize = 9;

/// A place in the input: its JSON Pointer, and its rank in document order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Spot {
    path: String,
    order: Vec<usize>,
}

impl Spot {
    fn child(&self, key: &str, place: usize) -> Self {
        let mut order = self.order.clone();
        order.push(place);
        Self { path: format!("{}/{}", self.path, escaped(key)), order }
    }

    /// A member that is not there: named by its pointer, ranked where its parent stands.
    pub(crate) fn absent(&self, key: &str) -> Self {
        Self { path: format!("{}/{}", self.path, escaped(key)), order: self.order.clone() }
    }

    /// A place outside the input, as in a rule book of its own.
    pub(crate) fn outside(path: String) -> Self {
        Self { path, order: Vec::new() }
    }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub(crate) json: &'a Json,
    pub(crate) spot: Spot,
}

impl<'a> Node<'a> {
    pub(crate) fn root(json: &'a Json) -> Self {
        Self { json, spot: Spot::default() }
    }
}

/// The members of one object by name.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    spot: Spot,
    members: BTreeMap<&'a str, Node<'a>>,
}

impl<'a> Fields<'a> {
    pub(crate) fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.members.get(key)
    }
}

/// Which decimals a place accepts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Bound {
    Any,
    NonZero,
    NonNegative,
    Positive,
}

impl Bound {
    /// What is wrong with the value here, if anything.
    pub(crate) fn complaint(self, value: &Exact) -> Option<&'static str> {
        match self {
            Self::Any => None,
            Self::NonZero => value.is_zero().then_some("must not be zero"),
            Self::NonNegative => value.is_negative().then_some("must not be negative"),
            Self::Positive => (!value.is_positive()).then_some("must be above zero"),
        }
    }
}

/// Collects mistakes, keeping only the one that wins.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    first: Option<(Code, Vec<usize>, InputError)>,
}

impl Reader {
    pub(crate) fn note(&mut self, code: Code, spot: &Spot, message: impl Into<String>) {
        let wins = self.first.as_ref().is_none_or(|(held, order, _)| (code, &spot.order) < (*held, order));
        if wins {
            let error = InputError { code, path: spot.path.clone(), message: message.into() };
            self.first = Some((code, spot.order.clone(), error));
        }
    }

    /// What was noted, if anything was.
    pub(crate) fn outcome(&self) -> Result<(), InputError> {
        self.first.as_ref().map_or(Ok(()), |(_, _, error)| Err(error.clone()))
    }

    /// The strict profile: no numbers, no nulls, no member twice, anywhere below `node`.
    pub(crate) fn profile(&mut self, node: &Node) {
        match node.json {
            Json::Object(members) => {
                let mut seen = BTreeSet::new();
                for (place, (key, json)) in members.iter().enumerate() {
                    let spot = node.spot.child(key, place);
                    if !seen.insert(key) {
                        self.note(
                            Code::MalformedJson,
                            &spot,
                            format!("the member {key:?} stands twice; remove one"),
                        );
                    }
                    self.profile(&Node { json, spot });
                }
            }
            Json::Array(elements) => {
                for (place, json) in elements.iter().enumerate() {
                    self.profile(&Node { json, spot: node.spot.child(&place.to_string(), place) });
                }
            }
            Json::Number(text) => self.note(
                Code::MalformedJson,
                &node.spot,
                format!("a JSON number; write it as the string \"{text}\""),
            ),
            Json::Null => {
                self.note(Code::MalformedJson, &node.spot, "null is not allowed; leave the member out");
            }
            Json::String(_) | Json::Bool(_) => {}
        }
    }

    /// The members of an object that may have only the `known` ones.
    pub(crate) fn fields<'a>(&mut self, node: &Node<'a>, known: &[&str]) -> Option<Fields<'a>> {
        let members = self.members(node)?;
        for (key, child) in &members {
            if !known.contains(key) {
                let message = format!("{key:?} is not a field here; known are {}", known.join(", "));
                self.note(Code::UnknownField, &child.spot, message);
            }
        }
        Some(Fields { spot: node.spot.clone(), members: members.into_iter().collect() })
    }

    /// The members of an object whose keys are free, in document order.
    pub(crate) fn members<'a>(&mut self, node: &Node<'a>) -> Option<Vec<(&'a str, Node<'a>)>> {
        let Some(members) = node.json.as_object() else {
            self.note(Code::BadField, &node.spot, "must be an object");
            return None;
        };
        let child = |(place, (key, json)): (usize, &'a (String, Json))| {
            (key.as_str(), Node { json, spot: node.spot.child(key, place) })
        };
        Some(members.iter().enumerate().map(child).collect())
    }

    pub(crate) fn elements<'a>(&mut self, node: &Node<'a>) -> Option<Vec<Node<'a>>> {
        let Some(elements) = node.json.as_array() else {
            self.note(Code::BadField, &node.spot, "must be an array");
            return None;
        };
        let child = |(place, json): (usize, &'a Json)| Node {
            json,
            spot: node.spot.child(&place.to_string(), place),
        };
        Some(elements.iter().enumerate().map(child).collect())
    }

    /// A member that must be there.
    pub(crate) fn need<'f, 'a>(&mut self, fields: &'f Fields<'a>, key: &str) -> Option<&'f Node<'a>> {
        let found = fields.get(key);
        if found.is_none() {
            self.note(Code::MissingField, &fields.spot.absent(key), format!("{key} is required here"));
        }
        found
    }

    pub(crate) fn text<'a>(&mut self, node: &Node<'a>) -> Option<&'a str> {
        let text = node.json.as_str().filter(|text| !text.is_empty());
        if text.is_none() {
            self.note(Code::BadField, &node.spot, "must be a string that is not empty");
        }
        text
    }

    pub(crate) fn flag(&mut self, node: &Node) -> Option<bool> {
        if let Json::Bool(value) = node.json {
            return Some(*value);
        }
        self.note(Code::BadField, &node.spot, "must be true or false");
        None
    }

    /// One of a closed list of words.
    pub(crate) fn word<T: Copy>(&mut self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("{text:?} is unknown; write one of {}", known.join(", "));
            self.note(Code::BadField, &node.spot, message);
        }
        found
    }

    pub(crate) fn decimal(&mut self, node: &Node, bound: Bound) -> Option<Exact> {
        self.decimal_to(node, bound, DIGITS_MAX)
    }

    /// A decimal with at most `fraction_max` digits after the point.
    pub(crate) fn decimal_to(&mut self, node: &Node, bound: Bound, fraction_max: usize) -> Option<Exact> {
        let parsed = node.json.as_str().map(|text| read_decimal(text, fraction_max));
        let value = match parsed {
            Some(Ok(value)) => value,
            Some(Err(reason)) => {
                self.note(Code::BadDecimal, &node.spot, reason);
                return None;
            }
            None => {
                self.note(Code::BadDecimal, &node.spot, "must be a decimal in a string, as in \"12.5\"");
                return None;
            }
        };
        if let Some(complaint) = bound.complaint(&value) {
            self.note(Code::BadField, &node.spot, complaint);
            return None;
        }
        Some(value)
    }

    pub(crate) fn instant(&mut self, node: &Node) -> Option<Timestamp> {
        let instant = node.json.as_str().and_then(Timestamp::parse);
        if instant.is_none() {
            self.note(Code::BadTime, &node.spot, "must be UTC with milliseconds: 2026-11-20T21:00:00.000Z");
        }
        instant
    }

    /// A calendar date, kept as its text: dates of four-digit years sort as they are written.
    pub(crate) fn date<'a>(&mut self, node: &Node<'a>) -> Option<&'a str> {
        let date = node.json.as_str().filter(|text| is_date(text));
        if date.is_none() {
            self.note(Code::BadTime, &node.spot, "must be a calendar date: 2026-11-20");
        }
        date
    }
}

/// Reads a canonical decimal of at most 18 digits before and `fraction_max` after the point.
pub(crate) fn read_decimal(text: &str, fraction_max: usize) -> Result<Exact, String> {
    let decimal = DecimalText::parse(text).map_err(|error| format!("{text:?}: {error}"))?;
    if decimal.whole_digits() > DIGITS_MAX || decimal.fraction_digits() > fraction_max {
        return Err(format!(
            "{text:?}: at most {DIGITS_MAX} digits before and {fraction_max} after the point"
        ));
    }
    Ok(decimal.exact())
}

pub(crate) fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shaped {
        return false;
    }
    let number = |range: std::ops::Range<usize>| text[range].parse::<u16>().unwrap_or(0);
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let days = match month {
        2 => 28 + u16::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_by_code_then_by_place_wins() {
        let tree = ledger::json::read(br#"{"a":"x","b":{"c":"y"}}"#).unwrap();
        let root = Node::root(&tree);
        let mut reader = Reader::default();
        let members = reader.members(&root).unwrap();
        reader.note(Code::BadField, &members[0].1.spot, "late code");
        reader.note(Code::BadDecimal, &members[1].1.spot.absent("d"), "second place");
        reader.note(Code::BadDecimal, &members[0].1.spot, "first place");
        reader.note(Code::BadDecimal, &members[1].1.spot, "not first");
        assert_eq!(reader.outcome().unwrap_err().message, "first place");
    }

    #[test]
    fn dates_are_of_the_calendar() {
        for good in ["1980-01-01", "2024-02-29", "2000-02-29", "0001-12-31"] {
            assert!(is_date(good), "{good}");
        }
        for bad in
            ["1900-02-29", "2026-13-01", "2026-00-10", "2026-04-31", "2026-1-1", "2026-01-00", "２026-01-1"]
        {
            assert!(!is_date(bad), "{bad}");
        }
    }

    #[test]
    fn pointers_escape_what_they_must() {
        assert_eq!(Spot::default().absent("a/b~c").path, "/a~1b~0c");
    }
}
