//! A rule book as text: parsed, overridden, hashed, and each parameter traced to its source.
//!
//! Knows paths and texts, not what a parameter means.

use ledger::decimal::Exact;
use ledger::json::Json;

use crate::instrument::Kind;
use crate::reader::{Bound, read_decimal};

/// What is wrong with a rule book.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{pointer}: {message}")]
pub struct RegimeError {
    /// JSON Pointer into the rule book.
    pub pointer: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl RegimeError {
    pub(crate) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

/// Parses TOML into a tree of texts.
pub(crate) fn parse(text: &str) -> Result<Json, RegimeError> {
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| RegimeError::new("", error.message()))?;
    table_to_json(&table, "")
}

fn table_to_json(table: &toml::Table, pointer: &str) -> Result<Json, RegimeError> {
    let member = |(key, value): (&String, &toml::Value)| {
        Ok((key.clone(), to_json(value, &format!("{pointer}/{key}"))?))
    };
    Ok(Json::Object(table.iter().map(member).collect::<Result<_, _>>()?))
}

fn to_json(value: &toml::Value, pointer: &str) -> Result<Json, RegimeError> {
    match value {
        toml::Value::String(text) => Ok(Json::text(text)),
        toml::Value::Table(table) => table_to_json(table, pointer),
        toml::Value::Array(elements) => {
            let element =
                |(place, value): (usize, &toml::Value)| to_json(value, &format!("{pointer}/{place}"));
            elements.iter().enumerate().map(element).collect::<Result<_, _>>().map(Json::Array)
        }
        toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_) => {
            Err(RegimeError::new(pointer, "must be a string, table or array; write the value in quotes"))
        }
    }
}

/// Replaces what stands at `path`, or adds a rate of one underlying under `rates/<id>/`.
/// `None` if the path is neither; what a rule book is and where it comes from are no parameters.
pub(crate) fn set(tree: &mut Json, path: &str, value: Json) -> Option<()> {
    let tokens: Vec<&str> = path.split('/').collect();
    if matches!(tokens.first(), Some(&"regime" | &"source")) {
        return None;
    }
    if let Some(found) = find(tree, &tokens) {
        *found = value;
        return Some(());
    }
    let rates = find(tree, &["rates"])?;
    let (underlying, key) = path.strip_prefix("rates/")?.rsplit_once('/')?;
    if underlying.is_empty() || key.is_empty() {
        return None;
    }
    if find(rates, &[underlying]).is_none()
        && let Json::Object(members) = rates
    {
        members.push((underlying.to_owned(), Json::Object(Vec::new())));
    }
    let Json::Object(members) = find(rates, &[underlying])? else { return None };
    match members.iter_mut().find(|(name, _)| name == key) {
        Some((_, held)) => *held = value,
        None => members.push((key.to_owned(), value)),
    }
    Some(())
}

fn find<'a>(tree: &'a mut Json, tokens: &[&str]) -> Option<&'a mut Json> {
    tokens.iter().try_fold(tree, |node, token| match node {
        Json::Object(members) => members.iter_mut().find(|(name, _)| name == token).map(|(_, value)| value),
        Json::Array(elements) => elements.get_mut(token.parse::<usize>().ok()?),
        Json::String(_) | Json::Bool(_) | Json::Number(_) | Json::Null => None,
    })
}

/// The sources of a rule book: which parameters were found somewhere, and which are assumed.
#[derive(Clone, Debug)]
pub(crate) struct Sources(Vec<(String, String)>);

impl Sources {
    /// Reads `[source]` and checks that it covers each parameter.
    pub(crate) fn read(tree: &Json) -> Result<Self, RegimeError> {
        let Some(members) = tree.get("source").and_then(Json::as_object) else {
            return Err(RegimeError::new(
                "/source",
                "a table [source] is required, one text for each parameter",
            ));
        };
        let mut entries = Vec::new();
        for (path, text) in members {
            let pointer = format!("/source/{path}");
            match text.as_str() {
                Some(text) if text.starts_with("seen") || text.starts_with("assumed") => {
                    entries.push((path.clone(), text.to_owned()));
                }
                _ => {
                    return Err(RegimeError::new(pointer, "must be a text that starts with seen or assumed"));
                }
            }
        }
        let sources = Self(entries);
        for (key, value) in tree.as_object().unwrap_or_default() {
            if key != "regime" && key != "source" {
                sources.check(key, value)?;
            }
        }
        Ok(sources)
    }

    fn check(&self, path: &str, value: &Json) -> Result<(), RegimeError> {
        if let Json::Object(members) = value {
            return members.iter().try_for_each(|(key, value)| self.check(&format!("{path}.{key}"), value));
        }
        if self.covering(path).is_none() {
            let pointer = format!("/{}", path.replace('.', "/"));
            let message = format!("unsourced_parameter: add a text for \"{path}\" under [source]");
            return Err(RegimeError::new(pointer, message));
        }
        Ok(())
    }

    /// The text for a parameter: by its own path or the longest prefix of it.
    fn covering(&self, path: &str) -> Option<&str> {
        let covers = |(prefix, _): &&(String, String)| {
            path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let longest = self.0.iter().filter(covers).max_by_key(|(prefix, _)| prefix.len());
        longest.map(|(_, text)| text.as_str())
    }

    /// Whether a parameter rests on judgement.
    pub(crate) fn is_assumed(&self, path: &str) -> bool {
        self.covering(path).is_some_and(|text| text.starts_with("assumed"))
    }

    /// How many of the texts say `assumed`.
    pub(crate) fn assumed(&self) -> usize {
        self.0.iter().filter(|(_, text)| text.starts_with("assumed")).count()
    }
}

/// A table of parameters, read strictly: what is missing and what is unknown are both refused.
#[derive(Clone, Debug)]
pub(crate) struct Shelf<'a> {
    json: &'a Json,
    pointer: String,
}

impl<'a> Shelf<'a> {
    pub(crate) fn root(json: &'a Json) -> Self {
        Self { json, pointer: String::new() }
    }

    pub(crate) fn error(&self, key: &str, message: impl Into<String>) -> RegimeError {
        RegimeError::new(format!("{}/{key}", self.pointer), message)
    }

    fn value(&self, key: &str) -> Result<&'a Json, RegimeError> {
        self.json.get(key).ok_or_else(|| self.error(key, "is required"))
    }

    /// The table under `key`, which must be there.
    pub(crate) fn open(&self, key: &str) -> Result<Self, RegimeError> {
        let json = self.value(key)?;
        if json.as_object().is_none() {
            return Err(self.error(key, "must be a table"));
        }
        Ok(Self { json, pointer: format!("{}/{key}", self.pointer) })
    }

    /// The table under `key`, which may have only these members.
    pub(crate) fn open_only(&self, key: &str, known: &[&str]) -> Result<Self, RegimeError> {
        let shelf = self.open(key)?;
        shelf.only(known)?;
        Ok(shelf)
    }

    pub(crate) fn only(&self, known: &[&str]) -> Result<(), RegimeError> {
        match self.keys().find(|key| !known.contains(key)) {
            Some(key) => {
                Err(self.error(key, format!("is not a parameter here; known are {}", known.join(", "))))
            }
            None => Ok(()),
        }
    }

    /// The table itself, for who reads it whole.
    pub(crate) fn json(&self) -> &'a Json {
        self.json
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &'a str> {
        self.json.as_object().unwrap_or_default().iter().map(|(key, _)| key.as_str())
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.json.get(key).is_some()
    }

    /// The elements under `key`, each as a table of its own.
    pub(crate) fn tables(&self, key: &str) -> Result<Vec<Self>, RegimeError> {
        let elements = self.array(key)?;
        let shelf = |(place, json): (usize, &'a Json)| {
            if json.as_object().is_none() {
                return Err(self.error(&format!("{key}/{place}"), "must be a table"));
            }
            Ok(Self { json, pointer: format!("{}/{key}/{place}", self.pointer) })
        };
        elements.iter().enumerate().map(shelf).collect()
    }

    pub(crate) fn array(&self, key: &str) -> Result<&'a [Json], RegimeError> {
        self.value(key)?.as_array().ok_or_else(|| self.error(key, "must be an array"))
    }

    pub(crate) fn text(&self, key: &str) -> Result<&'a str, RegimeError> {
        let text = self.value(key)?.as_str().filter(|text| !text.is_empty());
        text.ok_or_else(|| self.error(key, "must be a text that is not empty"))
    }

    pub(crate) fn texts(&self, key: &str) -> Result<Vec<String>, RegimeError> {
        let text = |json: &Json| {
            json.as_str().map(str::to_owned).ok_or_else(|| self.error(key, "must be an array of texts"))
        };
        self.array(key)?.iter().map(text).collect()
    }

    pub(crate) fn kinds(&self, key: &str) -> Result<Vec<Kind>, RegimeError> {
        let kind = |name: String| {
            let found = Kind::NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
            found.ok_or_else(|| self.error(key, format!("{name:?} is not a kind of instrument")))
        };
        self.texts(key)?.into_iter().map(kind).collect()
    }

    /// One of a closed list of words.
    pub(crate) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Result<T, RegimeError> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        let known = || words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
        found.ok_or_else(|| self.error(key, format!("must be one of {}", known())))
    }

    pub(crate) fn decimal(&self, key: &str, bound: Bound) -> Result<Exact, RegimeError> {
        self.read_decimal(key, self.value(key)?, bound)
    }

    /// A share: from 0 to 1.
    pub(crate) fn share(&self, key: &str) -> Result<Exact, RegimeError> {
        let value = self.decimal(key, Bound::NonNegative)?;
        if value > Exact::from(num_bigint::BigInt::from(1)) {
            return Err(self.error(key, "must be from 0 to 1"));
        }
        Ok(value)
    }

    /// A count: a whole number from 1 to `most`.
    pub(crate) fn count(&self, key: &str, most: usize) -> Result<usize, RegimeError> {
        let count = self.text(key)?.parse().ok().filter(|count: &usize| (1..=most).contains(count));
        count.ok_or_else(|| self.error(key, format!("must be a whole number from 1 to {most}")))
    }

    pub(crate) fn decimals(&self, key: &str, bound: Bound) -> Result<Vec<Exact>, RegimeError> {
        self.array(key)?.iter().map(|json| self.read_decimal(key, json, bound)).collect()
    }

    pub(crate) fn read_decimal(&self, key: &str, json: &Json, bound: Bound) -> Result<Exact, RegimeError> {
        let Some(text) = json.as_str() else {
            return Err(self.error(key, "must be a decimal in a text, as in \"0.15\""));
        };
        let value = read_decimal(text, 18).map_err(|reason| self.error(key, reason))?;
        match bound.complaint(&value) {
            Some(complaint) => Err(self.error(key, complaint)),
            None => Ok(value),
        }
    }
}
