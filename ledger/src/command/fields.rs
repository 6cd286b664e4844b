//! Reads the members of a command's body, each once, and names every one that is wrong.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use smallvec::{SmallVec, smallvec};
use smol_str::SmolStr;

use crate::decimal::DecimalText;
use crate::digest::Digest;
use crate::profile::Tree;
use crate::record::SEQ_MAX;
use crate::time::Timestamp;

/// What is wrong with one member: the API's code for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FieldFault {
    /// Not a member of this body.
    UnknownField,
    /// A member that must be there.
    MissingField,
    /// Not a value of the member's kind.
    BadValue,
}

impl FieldFault {
    /// The stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::UnknownField => "unknown_field",
            Self::MissingField => "missing_field",
            Self::BadValue => "bad_value",
        }
    }
}

/// One wrong member of a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldError {
    /// RFC 6901 pointer into the payload.
    pub pointer: String,
    /// What is wrong.
    pub fault: FieldFault,
    /// What would be right.
    pub help: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}: {}", self.pointer, self.fault.code(), self.help)
    }
}

/// One step of the way to an object.
#[derive(Clone, Copy)]
enum Step {
    Name(&'static str),
    Place(usize),
}

/// The members of one object while they are read.
pub(crate) struct Fields<'a> {
    /// The way to it, printed only if something is wrong.
    path: SmallVec<[Step; 4]>,
    members: &'a [(Cow<'a, str>, Tree<'a>)],
    read: SmallVec<[&'static str; 16]>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    /// Starts on the object that is the whole.
    pub(crate) fn of(tree: &'a Tree<'a>) -> Self {
        Self::at(tree, SmallVec::new())
    }

    /// Starts on the object that is a member of the whole.
    pub(crate) fn of_member(tree: &'a Tree<'a>, name: &'static str) -> Self {
        Self::at(tree, smallvec![Step::Name(name)])
    }

    fn at(tree: &'a Tree<'a>, path: SmallVec<[Step; 4]>) -> Self {
        let members = tree.as_object();
        let mut fields =
            Self { path, members: members.unwrap_or_default(), read: SmallVec::new(), errors: Vec::new() };
        if members.is_none() {
            let (pointer, fault) = (fields.pointer(), FieldFault::BadValue);
            fields.errors.push(FieldError { pointer, fault, help: "an object".to_owned() });
        }
        fields
    }

    fn below(&self, steps: &[Step]) -> SmallVec<[Step; 4]> {
        let mut path = self.path.clone();
        path.extend_from_slice(steps);
        path
    }

    /// RFC 6901.
    fn pointer(&self) -> String {
        let step = |step: &Step| match step {
            Step::Name(name) => format!("/{name}"),
            Step::Place(place) => format!("/{place}"),
        };
        self.path.iter().map(step).collect()
    }

    /// Ends the reading: `value` is given if every member was right and none is left.
    pub(crate) fn finish<T>(mut self, value: Option<T>) -> Result<T, Vec<FieldError>> {
        for (name, _) in self.members {
            if !self.read.contains(&name.as_ref()) {
                let known = self.read.join(", ");
                self.complain(name, FieldFault::UnknownField, format_args!("members here: {known}"));
            }
        }
        match value {
            Some(value) if self.errors.is_empty() => Ok(value),
            Some(_) | None => Err(self.errors),
        }
    }

    fn complain(&mut self, name: &str, fault: FieldFault, help: impl fmt::Display) {
        let pointer = format!("{}/{name}", self.pointer());
        self.errors.push(FieldError { pointer, fault, help: help.to_string() });
    }

    /// A value that was read and that does not fit its member all the same.
    pub(crate) fn refuse<T>(&mut self, name: &str, help: &str) -> Option<T> {
        self.complain(name, FieldFault::BadValue, help);
        None
    }

    fn find(&mut self, name: &'static str) -> Option<&'a Tree<'a>> {
        self.read.push(name);
        self.members.iter().find(|(member, _)| member == name).map(|(_, value)| value)
    }

    /// An optional member read by `read`; `Some(None)` if it is absent, `None` if it is wrong.
    pub(crate) fn optional<T>(
        &mut self,
        name: &'static str,
        help: impl fmt::Display,
        read: impl FnOnce(&'a Tree<'a>) -> Option<T>,
    ) -> Option<Option<T>> {
        let Some(value) = self.find(name) else { return Some(None) };
        let value = read(value);
        if value.is_none() {
            self.complain(name, FieldFault::BadValue, help);
        }
        value.map(Some)
    }

    /// A member that must be there, read by `read`.
    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        help: impl fmt::Display,
        read: impl FnOnce(&'a Tree<'a>) -> Option<T>,
    ) -> Option<T> {
        let value = self.optional(name, &help, read)?;
        if value.is_none() {
            self.complain(name, FieldFault::MissingField, help);
        }
        value
    }

    /// A list of objects, each read by `read` from its own fields.
    pub(crate) fn each<T>(
        &mut self,
        name: &'static str,
        range: std::ops::RangeInclusive<usize>,
        read: impl Fn(&mut Fields<'a>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let help = format_args!("an array of {} to {}", range.start(), range.end());
        let elements = self.required(name, help, |value| {
            value.as_array().filter(|elements| range.contains(&elements.len()))
        })?;
        let mut values = Vec::with_capacity(elements.len());
        for (place, element) in elements.iter().enumerate() {
            let mut fields = Fields::at(element, self.below(&[Step::Name(name), Step::Place(place)]));
            let value = read(&mut fields);
            match fields.finish(value) {
                Ok(value) => values.push(value),
                Err(errors) => self.errors.extend(errors),
            }
        }
        (values.len() == elements.len()).then_some(values)
    }

    /// Whether the member is there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(member, _)| member == name)
    }

    /// An object, read by `read` from its own fields.
    pub(crate) fn nested<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Fields<'a>) -> Option<T>,
    ) -> Option<T> {
        let tree = self.required(name, "an object", Some)?;
        let mut fields = Fields::at(tree, self.below(&[Step::Name(name)]));
        let value = read(&mut fields);
        fields.finish(value).map_err(|errors| self.errors.extend(errors)).ok()
    }

    /// A member that may be left out, read by `read` if it is there; its name stays known either way.
    pub(crate) fn maybe<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self, &'static str) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.has(name) {
            return read(self, name).map(Some);
        }
        self.read.push(name);
        Some(None)
    }

    /// Free text, possibly empty.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.required(name, "text", |value| value.as_str().map(str::to_owned))
    }

    /// Free text that may be left out.
    pub(crate) fn text_optional(&mut self, name: &'static str) -> Option<Option<String>> {
        self.optional(name, "text", |value| value.as_str().map(str::to_owned))
    }

    /// Anything that reads itself from text.
    pub(crate) fn parsed<T: ReadText>(&mut self, name: &'static str) -> Option<T> {
        self.required(name, T::HELP, |value| T::read_text(value.as_str()?))
    }

    /// The same, which may be left out.
    pub(crate) fn parsed_optional<T: ReadText>(&mut self, name: &'static str) -> Option<Option<T>> {
        self.optional(name, T::HELP, |value| T::read_text(value.as_str()?))
    }

    /// A list of texts that read themselves, in ascending order without repeats.
    pub(crate) fn set<T: ReadText + Ord>(&mut self, name: &'static str) -> Option<Vec<T>> {
        let help = format_args!("a non-empty array in ascending order without repeats, each {}", T::HELP);
        self.required(name, help, |value| {
            let texts = value.as_array()?.iter().map(Tree::as_str).collect::<Option<Vec<_>>>()?;
            let ascending = texts.windows(2).all(|pair| pair[0] < pair[1]);
            let values = texts.into_iter().map(T::read_text).collect::<Option<Vec<_>>>()?;
            (ascending && !values.is_empty()).then_some(values)
        })
    }
}

/// A value with one text form in bodies.
pub(crate) trait ReadText: Sized {
    /// What the text looks like, for the person who got it wrong.
    const HELP: &'static str;
    /// Reads it; any other text is `None`.
    fn read_text(text: &str) -> Option<Self>;
}

impl ReadText for Digest {
    const HELP: &'static str = "sha256: and 64 lower-case hex digits";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse_tagged(text)
    }
}

impl ReadText for Timestamp {
    const HELP: &'static str = "a time as 2026-01-02T03:04:05.678Z";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// A whole number of at most 2^63 − 1 (sizes, counts, sequence numbers).
impl ReadText for u64 {
    const HELP: &'static str = "a whole number as text, at most 9223372036854775807";
    fn read_text(text: &str) -> Option<Self> {
        let number = Self::from_str(text).ok()?;
        (number <= SEQ_MAX && number.to_string() == text).then_some(number)
    }
}

/// A quantity as written; an asset's decimals give it a scale later.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QuantityText(SmolStr);

impl QuantityText {
    /// In smallest units of an asset with so many decimals.
    ///
    /// # Errors
    /// [`crate::decimal::DecimalError`] if it does not fit the asset.
    pub fn units(&self, decimals: u8) -> Result<u128, crate::decimal::DecimalError> {
        DecimalText::parse(&self.0)?.units(decimals)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ReadText for QuantityText {
    const HELP: &'static str = "a quantity as 12.5: at most 39 digits before and 30 after the point";
    fn read_text(text: &str) -> Option<Self> {
        let decimal = DecimalText::parse_quantity(text).ok()?;
        let fits = decimal.whole_digits() <= 39 && decimal.fraction_digits() <= 30;
        fits.then(|| Self(SmolStr::new(text)))
    }
}

/// A value with a currency given elsewhere: price, exposure, requirement.
impl ReadText for rust_decimal::Decimal {
    const HELP: &'static str = "a value as -12.5, at most 28 significant digits";
    fn read_text(text: &str) -> Option<Self> {
        let decimal = DecimalText::parse(text).ok()?;
        if decimal.significant_digits() > 28 || decimal.fraction_digits() > 28 {
            return None;
        }
        Self::from_str_exact(text).ok()
    }
}

macro_rules! read_ids {
    ($($name:ident),+ $(,)?) => {$(
        impl ReadText for crate::id::$name {
            const HELP: &'static str = "an id: 1 to 64 of A-Z a-z 0-9 . _ : -, first a letter or digit";
            fn read_text(text: &str) -> Option<Self> {
                Self::parse(text).ok()
            }
        }
    )+};
}

read_ids! {
    PartyId, AssetId, AccountId, AgreementId, PortfolioId, PriceSetId, MovementId, StatementId, CallId,
    CustodyStatementId, ReconciliationId, BreakId, RegimeId, PolicyId, OverrideId, ObservationId,
    AttestationId, WebhookId,
}
