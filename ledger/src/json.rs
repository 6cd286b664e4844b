//! Strict JSON: what was written is what is read, duplicates and number texts included.
//!
//! `serde_json` knows the grammar; this module keeps what its maps and floats lose: the order of
//! members, a member given twice, the text of a number. What a caller allows (no numbers, no
//! nulls, no duplicates …) is the caller's rule, checked on the tree. [`Json::to_jcs`] prints the
//! one canonical form (RFC 8785) of a tree without numbers.

use std::fmt;

use serde_json::value::RawValue;

/// Objects and arrays inside each other that [`read`] follows before it gives up.
const DEPTH_MAX: usize = 128;

/// A JSON text as a tree. Members keep their order and may repeat; numbers keep their text.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Json {
    /// Members in the order of the text.
    Object(Vec<(String, Json)>),
    /// Elements in the order of the text.
    Array(Vec<Json>),
    /// A string, escapes resolved.
    String(String),
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written. Never produced by our own formats.
    Number(String),
    /// `null`. Never produced by our own formats.
    Null,
}

/// The text is not JSON (RFC 8259): encoding, grammar, a lone surrogate, trailing text, or nested
/// deeper than 128.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not JSON: {reason}")]
pub struct JsonError {
    /// What is wrong and where, for a person.
    pub reason: String,
}

/// Reads one JSON text.
///
/// # Errors
/// [`JsonError`] if the bytes are not exactly one JSON value in UTF-8.
///
/// ```
/// use ledger::json::{Json, read};
/// let tree = read(br#"{"a":1.50,"a":"x"}"#)?;
/// assert_eq!(tree, Json::Object(vec![
///     ("a".into(), Json::Number("1.50".into())),
///     ("a".into(), Json::String("x".into())),
/// ]));
/// # Ok::<(), ledger::json::JsonError>(())
/// ```
pub fn read(bytes: &[u8]) -> Result<Json, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|error| JsonError { reason: error.to_string() })?;
    // The grammar, once for the whole text: what follows finds its way in what is JSON.
    let _: &RawValue = serde_json::from_str(text).map_err(syntax)?;
    Reader { rest: text }.value(0)
}

fn syntax(error: serde_json::Error) -> JsonError {
    JsonError { reason: error.to_string() }
}

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

/// What is left of a text whose grammar holds. Each byte is passed once.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        if depth > DEPTH_MAX {
            return Err(JsonError { reason: format!("nested deeper than {DEPTH_MAX}") });
        }
        self.rest = self.rest.trim_start_matches(SPACE);
        match self.rest.as_bytes().first() {
            Some(b'{') => {
                let member = |reader: &mut Self| {
                    let key = reader.string()?;
                    reader.rest = reader.rest.trim_start_matches(SPACE);
                    reader.rest = reader.rest.strip_prefix(':').unwrap_or(reader.rest);
                    Ok((key, reader.value(depth + 1)?))
                };
                Ok(Json::Object(self.list('}', member)?))
            }
            Some(b'[') => Ok(Json::Array(self.list(']', |reader| reader.value(depth + 1))?)),
            Some(b'"') => Ok(Json::String(self.string()?)),
            Some(_) => Ok(match self.take(self.rest.find([',', ']', '}']).unwrap_or(self.rest.len())) {
                "true" => Json::Bool(true),
                "false" => Json::Bool(false),
                "null" => Json::Null,
                number => Json::Number(number.to_owned()),
            }),
            None => Err(JsonError { reason: "the text ends within a value".to_owned() }),
        }
    }

    /// Items up to the closing bracket.
    fn list<T>(
        &mut self,
        close: char,
        mut item: impl FnMut(&mut Self) -> Result<T, JsonError>,
    ) -> Result<Vec<T>, JsonError> {
        self.take(1);
        let mut items = Vec::new();
        loop {
            self.rest = self.rest.trim_start_matches(SPACE);
            if let Some(rest) = self.rest.strip_prefix(close) {
                self.rest = rest;
                return Ok(items);
            }
            self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
            items.push(item(self)?);
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.rest = self.rest.trim_start_matches(SPACE);
        let mut escaped = false;
        let end = self.rest.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let token = self.take(end.map_or(self.rest.len(), |end| end + 2));
        serde_json::from_str(token).map_err(syntax)
    }

    /// The next bytes, without the space that ends them.
    fn take(&mut self, count: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(count);
        self.rest = rest;
        taken.trim_end_matches(SPACE)
    }
}

impl Json {
    /// A string value.
    pub fn text(text: impl Into<String>) -> Self {
        Self::String(text.into())
    }

    /// An object from members in any order.
    pub fn object<K: Into<String>>(members: impl IntoIterator<Item = (K, Json)>) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// An array.
    pub fn array(elements: impl IntoIterator<Item = Json>) -> Self {
        Self::Array(elements.into_iter().collect())
    }

    /// The first member of that name, if this is an object that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.as_object()?.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value an RFC 6901 pointer names (`""` is the whole), if it is there.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Json> {
        if pointer.is_empty() {
            return Some(self);
        }
        pointer.strip_prefix('/')?.split('/').try_fold(self, |node, token| {
            let token = token.replace("~1", "/").replace("~0", "~");
            match node {
                Json::Object(_) => node.get(&token),
                Json::Array(elements) => {
                    let index: usize = token.parse().ok()?;
                    (index.to_string() == token).then(|| elements.get(index))?
                }
                Json::String(_) | Json::Bool(_) | Json::Number(_) | Json::Null => None,
            }
        })
    }

    /// The string, if this is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The members, if this is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&[(String, Json)]> {
        if let Self::Object(members) = self { Some(members) } else { None }
    }

    /// The elements, if this is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Json]> {
        if let Self::Array(elements) = self { Some(elements) } else { None }
    }

    /// RFC 8785 canonical text: members sorted by UTF-16 code units, no space, least escapes.
    ///
    /// Numbers are printed as they were written; our formats have none, and a caller whose input
    /// may have one refuses it first.
    #[must_use]
    pub fn to_jcs(&self) -> String {
        let mut out = String::new();
        self.write_jcs(&mut out);
        out
    }

    fn write_jcs(&self, out: &mut String) {
        match self {
            Self::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
                write_joined(out, ('{', '}'), sorted, |out, (key, value)| {
                    write_string(out, key);
                    out.push(':');
                    value.write_jcs(out);
                });
            }
            Self::Array(elements) => {
                write_joined(out, ('[', ']'), elements, |out, element| element.write_jcs(out));
            }
            Self::String(text) => write_string(out, text),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(text) => out.push_str(text),
            Self::Null => out.push_str("null"),
        }
    }
}

/// Members and elements in their own order, for output whose key order is part of its shape.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut out = String::new();
        write_in_order(self, &mut out);
        f.write_str(&out)
    }
}

fn write_in_order(json: &Json, out: &mut String) {
    match json {
        Json::Object(members) => write_joined(out, ('{', '}'), members, |out, (key, value)| {
            write_string(out, key);
            out.push(':');
            write_in_order(value, out);
        }),
        Json::Array(elements) => write_joined(out, ('[', ']'), elements, |out, e| write_in_order(e, out)),
        Json::String(_) | Json::Bool(_) | Json::Number(_) | Json::Null => json.write_jcs(out),
    }
}

fn write_joined<T>(
    out: &mut String,
    brackets: (char, char),
    items: impl IntoIterator<Item = T>,
    write: impl Fn(&mut String, T),
) {
    out.push(brackets.0);
    for (place, item) in items.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        write(out, item);
    }
    out.push(brackets.1);
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammar_is_refused_where_it_breaks() {
        for text in ["", "{", "{}x", "[1,]", "\"\\ud800\"", "01", "{\"a\"}", "\u{feff}{}", "nul", "'a'"] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
        assert!(read(b"\"\xff\"").is_err());
        assert!(read("[".repeat(100_000).as_bytes()).is_err());
        assert!(read(format!("{}{}", "[".repeat(120), "]".repeat(120)).as_bytes()).is_ok());
    }

    /// The story: each level of nesting was read anew, so a text took its length times its depth: a
    /// document of 64 MiB made 8 GiB of reading.
    #[test]
    fn depth_does_not_multiply_length() {
        let text = format!("{}\"{}\"{}", "[".repeat(128), "x".repeat(4 << 20), "]".repeat(128));
        let mut tree = &read(text.as_bytes()).unwrap();
        for _ in 0..128 {
            tree = &tree.as_array().unwrap()[0];
        }
        assert_eq!(tree.as_str().map(str::len), Some(4 << 20));
        let deeper = format!("[{text}]");
        assert!(read(deeper.as_bytes()).unwrap_err().reason.contains("128"));
    }

    #[test]
    fn space_is_passed_over_wherever_it_may_stand() {
        let spaced = " {\n\"a\\\\\" :\t[ 1 , -2.5e3\r, true ,null, { } , [ ] ] , \"\\\"\" : \"\\\\\\\"\" } ";
        let tight = "{\"a\\\\\":[1,-2.5e3,true,null,{},[]],\"\\\"\":\"\\\\\\\"\"}";
        assert_eq!(read(spaced.as_bytes()), read(tight.as_bytes()));
        assert_eq!(read(spaced.as_bytes()).unwrap().to_string(), tight);
    }

    #[test]
    fn numbers_keep_their_text_however_large() {
        for text in ["0", "-0", "1e999", "12345678901234567890123456789.000"] {
            assert_eq!(read(text.as_bytes()), Ok(Json::Number(text.into())));
        }
    }

    #[test]
    fn canonical_form_sorts_and_escapes() {
        let tree = read("{ \"b\":[true,\"\\u0007é\\/\"],\"a\":\"\\\"\"}".as_bytes()).unwrap();
        assert_eq!(tree.to_jcs(), "{\"a\":\"\\\"\",\"b\":[true,\"\\u0007é/\"]}");
        assert_eq!(tree.to_string(), "{\"b\":[true,\"\\u0007é/\"],\"a\":\"\\\"\"}");
        // U+FB33 sorts after U+1F600 by code units, before it by code points (RFC 8785 §3.2.3).
        let keys = Json::object([("\u{fb33}", Json::Bool(true)), ("\u{1f600}", Json::Bool(true))]);
        assert!(keys.to_jcs().starts_with("{\"\u{1f600}\""));
    }

    #[test]
    fn pointers_follow_rfc_6901() {
        let tree = read(br#"{"a/b":[{"~":"x"}]}"#).unwrap();
        assert_eq!(tree.pointer("/a~1b/0/~0").and_then(Json::as_str), Some("x"));
        assert_eq!(tree.pointer("/a~1b/00"), None);
        assert_eq!(tree.pointer(""), Some(&tree));
    }
}
