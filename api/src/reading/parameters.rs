//! The query string of a read: each parameter once, and none that decides nothing.

use std::str::FromStr;

use axum::extract::Query;
use axum::http::Uri;
use ledger::json::Json;
use ledger::time::Timestamp;

use crate::problem::Problem;

/// Parameters not looked at yet, by name.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Those of a request.
    ///
    /// # Errors
    /// `query_invalid` for what is no query string, or names one twice.
    pub fn read(uri: &Uri) -> Result<Self, Problem> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let Query(pairs) = pairs.map_err(|error| Problem::query(error.to_string()))?;
        for (place, (name, _)) in pairs.iter().enumerate() {
            if pairs[..place].iter().any(|(other, _)| other == name) {
                return Err(Problem::query(format!("{name} is given twice")));
            }
        }
        Ok(Self(pairs))
    }

    /// Those that [`Parameters::to_json`] printed.
    #[must_use]
    pub fn from_json(json: &Json) -> Option<Self> {
        let pairs = json.as_object()?.iter();
        let pairs = pairs.map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
        pairs.collect::<Option<Vec<_>>>().map(Self)
    }

    /// As an object of text.
    #[must_use]
    pub fn to_json(&self) -> Json {
        Json::object(self.0.iter().map(|(name, value)| (name.as_str(), Json::text(value))))
    }

    /// Whether none is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A parameter's text, which is then done with.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let place = self.0.iter().position(|(given, _)| given == name)?;
        Some(self.0.remove(place).1)
    }

    /// The same, kept.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str())
    }

    /// Name and text of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Refuses any but these.
    ///
    /// # Errors
    /// `query_invalid`.
    pub fn none_but(&self, known: &[&str]) -> Result<(), Problem> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) if known.is_empty() => {
                Err(Problem::query(format!("this path does not take {name}, nor any filter")))
            }
            Some((name, _)) => Err(Problem::query(format!(
                "this path does not take {name}; its own are {}",
                known.join(", ")
            ))),
        }
    }
}

/// Reads a whole number in its one spelling.
///
/// # Errors
/// `query_invalid`.
pub fn number<T: FromStr + ToString>(name: &str, text: &str) -> Result<T, Problem> {
    let number = text.parse::<T>().ok().filter(|number| number.to_string() == text);
    number.ok_or_else(|| Problem::query(format!("{name} is no whole number in range")))
}

/// Reads an instant in its one spelling.
///
/// # Errors
/// `query_invalid`.
pub fn instant(name: &str, text: &str) -> Result<Timestamp, Problem> {
    Timestamp::parse(text)
        .ok_or_else(|| Problem::query(format!("{name} is no time like 2026-01-02T03:04:05.678Z")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_once_and_no_strangers() {
        let read = |query: &str| Parameters::read(&format!("/x?{query}").parse().expect("a path"));
        let code = |query: &str| read(query).err().map_or("ok", |problem| problem.code());
        for (query, want) in [("", "ok"), ("a=1&b=2", "ok"), ("a=1&a=1", "query_invalid"), ("a=%20x", "ok")] {
            assert_eq!(code(query), want, "{query}");
        }
        let mut parameters = read("a=1&b=x%26y").expect("two");
        assert!(parameters.none_but(&["a", "b"]).is_ok() && parameters.none_but(&["a"]).is_err());
        assert_eq!(Parameters::from_json(&parameters.to_json()), Some(parameters.clone()));
        assert_eq!((parameters.take("b").as_deref(), parameters.take("b")), (Some("x&y"), None));
    }

    #[test]
    fn numbers_have_one_spelling() {
        for (text, want) in
            [("0", true), ("12", true), ("-1", false), ("+1", false), ("01", false), ("", false)]
        {
            assert_eq!(number::<u64>("limit", text).is_ok(), want, "{text}");
        }
        assert!(number::<u64>("limit", "18446744073709551616").is_err());
    }
}
