//! Reading documents strictly: unknown members refused, one spelling for each value.
//!
//! A reading function answers `None` once it has noted why; the caller goes on to the other members,
//! so that the fault of highest precedence is the one told ([`Faults`]).

use std::collections::BTreeSet;

use super::error::{Faults, Section, TermsCode};
use crate::decimal::{DecimalText, Exact};
use crate::json::Json;
use crate::period::{Duration, Period};
use crate::time::Timestamp;
use crate::valuation::{BySide, DIGITS_MAX, VALUE_PLACES, Value};

/// Notes numbers, nulls and members given twice, anywhere in the tree.
pub(crate) fn check_strict(json: &Json, path: &str, faults: &Faults) {
    match json {
        Json::Object(members) => {
            let mut seen = BTreeSet::new();
            for (key, value) in members {
                let path = join(path, key);
                if !seen.insert(key) {
                    faults.note(TermsCode::NotStrict, 0, &path, "give this member once");
                }
                check_strict(value, &path, faults);
            }
        }
        Json::Array(elements) => {
            for (place, element) in elements.iter().enumerate() {
                check_strict(element, &join(path, &place.to_string()), faults);
            }
        }
        Json::Number(text) => {
            faults.note(TermsCode::NotStrict, 0, path, format!("write the number as a string: \"{text}\""));
        }
        Json::Null => {
            faults.note(TermsCode::NotStrict, 0, path, "leave the member out instead of null");
        }
        Json::String(_) | Json::Bool(_) => {}
    }
}

fn join(path: &str, token: &str) -> String {
    format!("{path}/{}", token.replace('~', "~0").replace('/', "~1"))
}

/// The members an object may have.
pub(crate) struct Shape {
    /// Those it must have, in the order their absence is told.
    pub(crate) required: &'static [&'static str],
    /// Those it may have besides.
    pub(crate) optional: &'static [&'static str],
}

/// One value of a document, where it stands, and where faults go.
#[derive(Clone)]
pub(crate) struct Node<'j> {
    json: &'j Json,
    path: String,
    section: Section,
    faults: &'j Faults,
}

/// An object whose members have been checked against its [`Shape`].
pub(crate) struct Object<'j> {
    members: &'j [(String, Json)],
    node: Node<'j>,
}

impl<'j> Node<'j> {
    pub(crate) fn root(json: &'j Json, path: &str, section: Section, faults: &'j Faults) -> Self {
        Self { json, path: path.to_owned(), section, faults }
    }

    /// The same value, its faults ordered as those of `section`.
    pub(crate) fn within(mut self, section: Section) -> Self {
        self.section = section;
        self
    }

    pub(crate) fn json(&self) -> &'j Json {
        self.json
    }

    fn child(&self, token: &str, json: &'j Json) -> Self {
        Self { json, path: join(&self.path, token), section: self.section, faults: self.faults }
    }

    /// Notes a fault of the value here.
    pub(crate) fn fault(&self, code: TermsCode, message: impl Into<String>) {
        self.faults.note(code, self.section.value, &self.path, message);
    }

    /// Notes that the value here is not what it must be.
    pub(crate) fn bad<T>(&self, must_be: &str) -> Option<T> {
        self.fault(TermsCode::BadValue, format!("give {must_be}"));
        None
    }

    /// The object here, unknown and missing members noted.
    pub(crate) fn object(&self, shape: &Shape) -> Option<Object<'j>> {
        let object = self.map()?;
        for (key, _) in object.members {
            if !shape.required.contains(&key.as_str()) && !shape.optional.contains(&key.as_str()) {
                let path = join(&self.path, key);
                let message = format!("remove it, or use one of: {}", names(shape));
                self.faults.note(TermsCode::UnknownField, self.section.field, path, message);
            }
        }
        for key in shape.required {
            if object.get(key).is_none() {
                object.missing(key);
            }
        }
        Some(object)
    }

    /// The object here, whatever its members.
    pub(crate) fn map(&self) -> Option<Object<'j>> {
        match self.json.as_object() {
            Some(members) => Some(Object { members, node: self.clone() }),
            None => self.bad("an object"),
        }
    }

    /// The elements of the array here.
    pub(crate) fn list(&self) -> Option<Vec<Node<'j>>> {
        match self.json.as_array() {
            Some(elements) => Some(
                elements
                    .iter()
                    .enumerate()
                    .map(|(place, json)| self.child(&place.to_string(), json))
                    .collect(),
            ),
            None => self.bad("an array"),
        }
    }

    /// Each element of the array here; `None` if one of them is at fault.
    pub(crate) fn each<T>(&self, read: impl Fn(&Node<'j>) -> Option<T>) -> Option<Vec<T>> {
        let read: Vec<Option<T>> = self.list()?.iter().map(read).collect();
        read.into_iter().collect()
    }

    /// As [`Node::each`], noting elements whose id another has before them.
    pub(crate) fn each_with_id<T>(
        &self,
        id_key: &str,
        read: impl Fn(&Node<'j>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut seen = BTreeSet::new();
        for element in self.list()? {
            let Some(id) = element.json.get(id_key).and_then(Json::as_str) else { continue };
            if !seen.insert(id) {
                let message = format!("{id} stands above already: give each {id_key} once");
                element.fault(TermsCode::DuplicateId, message);
            }
        }
        self.each(read)
    }

    pub(crate) fn text(&self) -> Option<&'j str> {
        match self.json.as_str() {
            Some(text) => Some(text),
            None => self.bad("a string"),
        }
    }

    pub(crate) fn flag(&self) -> Option<bool> {
        match self.json {
            Json::Bool(flag) => Some(*flag),
            Json::Object(_) | Json::Array(_) | Json::String(_) | Json::Number(_) | Json::Null => {
                self.bad("true or false")
            }
        }
    }

    /// A string that `parse` reads.
    pub(crate) fn parse<T>(&self, must_be: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        match self.json.as_str().and_then(parse) {
            Some(read) => Some(read),
            None => self.bad(must_be),
        }
    }

    /// One of the words of an enum.
    pub(crate) fn word<T: Copy + std::fmt::Display>(
        &self,
        all: &[T],
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        match self.json.as_str().and_then(parse) {
            Some(word) => Some(word),
            None => {
                let words: Vec<String> = all.iter().map(T::to_string).collect();
                self.bad(&format!("one of: {}", words.join(", ")))
            }
        }
    }

    /// An id or name: not empty, no control characters.
    pub(crate) fn id(&self) -> Option<String> {
        let fits = |text: &str| !text.is_empty() && !text.contains(char::is_control);
        self.parse("a name without control characters", |text| fits(text).then(|| text.to_owned()))
    }

    pub(crate) fn ids(&self) -> Option<Vec<String>> {
        self.each(Node::id)
    }

    pub(crate) fn timestamp(&self) -> Option<Timestamp> {
        self.parse("a time as 2026-09-01T00:00:00.000Z", Timestamp::parse)
    }

    pub(crate) fn duration(&self) -> Option<Duration> {
        self.parse("a duration of days, hours, minutes or seconds, as P1D or PT4H", Duration::parse)
    }

    pub(crate) fn period(&self) -> Option<Period> {
        self.parse("a period of years, months, weeks or days, as P1Y6M", Period::parse)
    }

    pub(crate) fn date(&self) -> Option<jiff::civil::Date> {
        let canonical = |text: &str| {
            let date: jiff::civil::Date = text.parse().ok()?;
            (date.to_string() == text).then_some(date)
        };
        self.parse("a date as 2026-09-01", canonical)
    }

    /// A value, which may be negative.
    pub(crate) fn value(&self) -> Option<Value> {
        let read = |text: &str| Value::parse(text).ok();
        self.parse("a decimal string of at most 28 digits, 18 of them after the point, as -12.5", read)
    }

    /// A value of zero or more.
    pub(crate) fn quantity(&self) -> Option<Value> {
        let read = |text: &str| Value::parse_quantity(text).ok();
        self.parse("a decimal string of zero or more, at most 28 digits, 18 of them after the point", read)
    }

    /// A value above zero.
    pub(crate) fn positive(&self) -> Option<Value> {
        let read = |text: &str| Value::parse_quantity(text).ok().filter(Value::is_positive);
        self.parse("a decimal string above zero, at most 28 digits, 18 of them after the point", read)
    }

    /// An exact number of zero or more with at most `places` digits after the point.
    pub(crate) fn exact(&self, places: usize) -> Option<Exact> {
        let read = |text: &str| exact(text, places);
        self.parse(
            &format!("a decimal string of zero or more, at most 28 digits, {places} after the point"),
            read,
        )
    }

    /// A whole number of at most `max`.
    pub(crate) fn count(&self, max: u32) -> Option<u32> {
        let read = |text: &str| {
            let number: u32 = text.parse().ok()?;
            (number <= max && number.to_string() == text).then_some(number)
        };
        self.parse(&format!("a whole number from 0 to {max} as a string"), read)
    }

    /// One of something for each party; what a party lacks is `default`.
    pub(crate) fn by_side<T: Clone>(
        &self,
        default: &T,
        read: impl Fn(&Node<'j>) -> Option<T>,
    ) -> Option<BySide<T>> {
        let sides = self.object(&Shape { required: &[], optional: &["a", "b"] })?;
        let a = sides.or("a", default.clone(), &read);
        let b = sides.or("b", default.clone(), &read);
        Some(BySide { a: a?, b: b? })
    }
}

/// Reads a canonical decimal of zero or more within the limits on digits.
pub(crate) fn exact(text: &str, places: usize) -> Option<Exact> {
    let decimal = DecimalText::parse_quantity(text).ok()?;
    let fits = decimal.significant_digits() <= DIGITS_MAX && decimal.fraction_digits() <= places;
    fits.then(|| decimal.exact())
}

/// Digits after the point of prices, rates and shares.
pub(crate) const PLACES: usize = VALUE_PLACES;

impl<'j> Object<'j> {
    pub(crate) fn get(&self, key: &str) -> Option<Node<'j>> {
        let (_, json) = self.members.iter().find(|(name, _)| name == key)?;
        Some(self.node.child(key, json))
    }

    /// Every member, in the order of the text.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&'j str, Node<'j>)> {
        self.members.iter().map(|(key, json)| (key.as_str(), self.node.child(key, json)))
    }

    /// A member whose absence has been noted.
    pub(crate) fn need<T>(&self, key: &str, read: impl FnOnce(&Node<'j>) -> Option<T>) -> Option<T> {
        read(&self.get(key)?)
    }

    /// A member, or `default` if it is absent.
    pub(crate) fn or<T>(
        &self,
        key: &str,
        default: T,
        read: impl FnOnce(&Node<'j>) -> Option<T>,
    ) -> Option<T> {
        match self.get(key) {
            Some(node) => read(&node),
            None => Some(default),
        }
    }

    /// A member that may be absent.
    pub(crate) fn maybe<T>(&self, key: &str, read: impl FnOnce(&Node<'j>) -> Option<T>) -> Option<Option<T>> {
        self.or(key, None, |node| read(node).map(Some))
    }

    /// Notes that a member must be there.
    pub(crate) fn missing(&self, key: &str) {
        let node = &self.node;
        let message = format!("add the member {key}");
        node.faults.note(TermsCode::MissingField, node.section.field, join(&node.path, key), message);
    }
}

fn names(shape: &Shape) -> String {
    let all: Vec<&str> = shape.required.iter().chain(shape.optional).copied().collect();
    all.join(", ")
}
