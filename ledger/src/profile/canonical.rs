//! Reads what is canonical and within the profile in one pass, and nothing else.
//!
//! Most payloads are right, and most of their texts are plain: those are read here without a copy and
//! without being printed again. `None` says only that the long way has to look: it finds the reason, or
//! reads what is right and rare (escapes). What is read here is what the long way reads.

use std::borrow::Cow;

use super::{DEPTH_MAX, KEY_LENGTH_MAX, MEMBERS_MAX, Tree, check_string};

/// The object of a payload that is its own canonical form and within the profile.
pub(super) fn read(payload: &[u8]) -> Option<Tree<'_>> {
    let mut reader = Reader { text: std::str::from_utf8(payload).ok()?, at: 0 };
    if reader.peek()? != b'{' {
        return None;
    }
    let tree = reader.value(1)?;
    (reader.at == payload.len()).then_some(tree)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, expected: u8) -> Option<()> {
        (self.peek()? == expected).then(|| self.at += 1)
    }

    fn value(&mut self, depth: usize) -> Option<Tree<'t>> {
        match self.peek()? {
            b'{' if depth <= DEPTH_MAX => self.object(depth),
            b'[' if depth <= DEPTH_MAX => self.array(depth),
            b'"' => Some(Tree::Text(Cow::Borrowed(self.string()?))),
            b't' => self.word("true", true),
            b'f' => self.word("false", false),
            _ => None,
        }
    }

    fn object(&mut self, depth: usize) -> Option<Tree<'t>> {
        self.eat(b'{')?;
        let mut members: Vec<(Cow<'t, str>, Tree<'t>)> = Vec::with_capacity(8);
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(Tree::Object(members));
        }
        loop {
            let key = self.key()?;
            // Ascending and so each once.
            let follows = members.last().is_none_or(|(before, _)| before.as_ref() < key);
            if !follows || members.len() == MEMBERS_MAX {
                return None;
            }
            self.eat(b':')?;
            members.push((Cow::Borrowed(key), self.value(depth + 1)?));
            if self.peek()? != b',' {
                self.eat(b'}')?;
                return Some(Tree::Object(members));
            }
            self.at += 1;
        }
    }

    fn array(&mut self, depth: usize) -> Option<Tree<'t>> {
        self.eat(b'[')?;
        let mut elements = Vec::new();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(Tree::Array(elements));
        }
        loop {
            elements.push(self.value(depth + 1)?);
            if self.peek()? != b',' {
                self.eat(b']')?;
                return Some(Tree::Array(elements));
            }
            self.at += 1;
        }
    }

    fn key(&mut self) -> Option<&'t str> {
        self.eat(b'"')?;
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|byte| !matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))?;
        let starts = rest.first().is_some_and(u8::is_ascii_lowercase);
        if !starts || length > KEY_LENGTH_MAX {
            return None;
        }
        let key = &self.text[self.at..self.at + length];
        self.at += length;
        self.eat(b'"')?;
        Some(key)
    }

    /// A string without escapes.
    fn string(&mut self) -> Option<&'t str> {
        self.eat(b'"')?;
        let rest = &self.text[self.at..];
        let length = rest.bytes().position(|byte| byte == b'"' || byte == b'\\')?;
        let text = &rest[..length];
        self.at += length;
        self.eat(b'"')?;
        check_string(text).is_ok().then_some(text)
    }

    fn word(&mut self, word: &str, value: bool) -> Option<Tree<'t>> {
        self.text[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            Tree::Bool(value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{self, Json};
    use proptest::prelude::*;

    /// Pieces of payloads, so that many of what is put together is right and more is nearly so.
    fn pieces() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "[a-z_0-9A-Z]{0,3}",
            Just("{".into()),
            Just("}".into()),
            Just("[".into()),
            Just("]".into()),
            Just(",".into()),
            Just(":".into()),
            Just("\"".into()),
            Just("\\".into()),
            Just("true".into()),
            Just("false".into()),
            Just("null".into()),
            Just("é".into()),
            Just("e\u{301}".into()),
            Just(" ".into()),
            Just("\u{7f}".into()),
            Just("1".into()),
        ];
        proptest::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
    }

    fn values() -> impl Strategy<Value = Json> {
        let text = prop_oneof!["[ -~]{0,12}", "\\PC{0,4}", Just("x".repeat(257))];
        let leaf =
            prop_oneof![text.prop_map(Json::String), any::<bool>().prop_map(Json::Bool), Just(Json::Null)];
        leaf.prop_recursive(7, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
                proptest::collection::vec(("[a-c_]{0,2}", inner), 0..5).prop_map(Json::Object),
            ]
        })
    }

    /// What the long way says of the same bytes.
    fn long_way(payload: &[u8]) -> Option<Json> {
        let tree = json::read(payload).ok()?;
        let good = tree.as_object().is_some() && super::super::check(&tree, 1).is_ok();
        (good && tree.to_jcs().as_bytes() == payload).then_some(tree)
    }

    fn agree(payload: &str) {
        let long = long_way(payload.as_bytes());
        if let Some(tree) = read(payload.as_bytes()) {
            assert_eq!(Some(tree.to_json()), long, "{payload}");
        } else if let Some(long) = long {
            assert!(payload.contains('\\'), "{payload}: only escapes are left to the long way: {long}");
        }
    }

    #[test]
    fn edges() {
        for payload in [
            "{}",
            "{\"a\":\"\"}",
            "{\"a\":true,\"b\":[{},[]]}",
            "{\"b\":true,\"a\":true}",
            "{\"a\":1}",
            "{\"a\":\"1\",\"a\":\"1\"}",
            "{\"A\":\"\"}",
            "{\"a\":\"x\"} ",
            "{\"a\" :\"x\"}",
            "[]",
            "\"\"",
            "{\"a\":[[[[[]]]]]}",
            "{\"a\":[[[[[[]]]]]]}",
            "{\"a\":\"e\u{301}\"}",
            "{\"a\":\"\\\"\"}",
            "{\"a\":\"\u{1}\"}",
            "{\"a\":\"tab\t\"}",
            "{",
            "{\"a\":}",
            "{\"a\":true,}",
        ] {
            agree(payload);
        }
        for (count, good) in [(64, true), (65, false)] {
            let members: Vec<String> = (0..count).map(|n| format!("\"a{n:02}\":true")).collect();
            let payload = format!("{{{}}}", members.join(","));
            assert_eq!(read(payload.as_bytes()).is_some(), good, "{count}");
            agree(&payload);
        }
        for (length, good) in [(40, true), (41, false)] {
            let payload = format!("{{\"{}\":true}}", "k".repeat(length));
            assert_eq!(read(payload.as_bytes()).is_some(), good, "{length}");
            agree(&payload);
        }
    }

    proptest! {
        #[test]
        fn nothing_else_is_read_than_the_long_way_reads(payload in pieces()) {
            agree(&payload);
            agree(&format!("{{{payload}}}"));
        }

        #[test]
        fn what_is_printed_is_read(value in values()) {
            agree(&Json::object([("a", value)]).to_jcs());
        }
    }
}
