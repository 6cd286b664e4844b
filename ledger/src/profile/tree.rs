//! A payload as a tree that borrows its texts from the payload: nothing is copied until it means something.

use std::borrow::Cow;

use crate::json::Json;

/// A value of the profile: strings, booleans, arrays and objects.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Tree<'t> {
    /// Members in the order of the text.
    Object(Vec<(Cow<'t, str>, Tree<'t>)>),
    /// Elements in the order of the text.
    Array(Vec<Tree<'t>>),
    /// A string, escapes resolved.
    Text(Cow<'t, str>),
    /// `true` or `false`.
    Bool(bool),
}

impl<'t> Tree<'t> {
    /// The first member of that name, if this is an object that has one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Tree<'t>> {
        self.as_object()?.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The members of an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[(Cow<'t, str>, Tree<'t>)]> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The elements of an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Tree<'t>]> {
        if let Self::Array(elements) = self { Some(elements) } else { None }
    }

    /// The same as JSON of its own.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Object(members) => {
                Json::object(members.iter().map(|(key, value)| (key.as_ref(), value.to_json())))
            }
            Self::Array(elements) => Json::array(elements.iter().map(Tree::to_json)),
            Self::Text(text) => Json::text(text.as_ref()),
            Self::Bool(value) => Json::Bool(*value),
        }
    }

    /// The canonical form.
    #[must_use]
    pub fn to_jcs(&self) -> String {
        self.to_json().to_jcs()
    }

    /// JSON as a tree of the profile; `None` if it has a number or `null`.
    #[must_use]
    pub fn of(json: &'t Json) -> Option<Self> {
        Self::copy_of(json, &|text| Cow::Borrowed(text))
    }

    /// The same with texts of its own, so that the JSON may go.
    pub(super) fn owned(json: &Json) -> Option<Tree<'static>> {
        Tree::copy_of(json, &|text| Cow::Owned(text.to_owned()))
    }

    fn copy_of<'j>(json: &'j Json, take: &impl Fn(&'j str) -> Cow<'t, str>) -> Option<Self> {
        Some(match json {
            Json::Object(members) => {
                let member =
                    |(key, value): &'j (String, Json)| Some((take(key), Self::copy_of(value, take)?));
                Self::Object(members.iter().map(member).collect::<Option<_>>()?)
            }
            Json::Array(elements) => Self::Array(
                elements.iter().map(|element| Self::copy_of(element, take)).collect::<Option<_>>()?,
            ),
            Json::String(text) => Self::Text(take(text)),
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(_) | Json::Null => return None,
        })
    }
}
