//! Base64 in one spelling: padded, no spare bits, and read only as it would be written.
//!
//! Source: audit specification, notation: decode, encode again, compare, else refuse.

use data_encoding::{BASE64, BASE64URL, Encoding};

/// The bytes of a text in the standard alphabet; `None` for any text that is not their one spelling.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    decode_as(&BASE64, text)
}

/// The same in the standard or the URL-safe alphabet, as DSSE lets signers choose.
#[must_use]
pub fn decode_either(text: &str) -> Option<Vec<u8>> {
    if text.contains(['-', '_']) { decode_as(&BASE64URL, text) } else { decode_as(&BASE64, text) }
}

/// The decoder refuses spare bits, but takes padded pieces one after the other (`QQ==QQ==` for `AA`):
/// padding may stand in the last two places only.
fn decode_as(encoding: &Encoding, text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    let before_end = &text[..text.len().saturating_sub(2)];
    if before_end.contains(&b'=') {
        return None;
    }
    encoding.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        for (text, standard, either) in [
            ("", true, true),
            ("QQ==", true, true),
            ("QUE=", true, true),
            ("QUFB", true, true),
            ("-_-_", false, true),
            ("+/+/", true, true),
            ("-/-/", false, false),
            ("QQ", false, false),
            ("QR==", false, false),
            ("QQ==\n", false, false),
            ("=QQ=", false, false),
        ] {
            assert_eq!((decode(text).is_some(), decode_either(text).is_some()), (standard, either), "{text}");
        }
    }

    #[test]
    fn what_is_read_is_what_is_written() {
        let alphabet = b"AQghw+/-_=9\n";
        let mut texts = vec![String::new()];
        for length in 0..4 {
            for text in texts.iter().filter(|text| text.len() == length) {
                for (encoding, read) in [(&BASE64, decode(text)), (&BASE64URL, decode_as(&BASE64URL, text))] {
                    let printed = read.map(|bytes| encoding.encode(&bytes));
                    let decoded = encoding.decode(text.as_bytes()).ok();
                    let same = decoded.map(|bytes| encoding.encode(&bytes)).filter(|again| again == text);
                    assert_eq!(printed, same, "{text:?}");
                }
            }
            let longer = texts.iter().filter(|text| text.len() == length);
            let longer: Vec<String> = longer
                .flat_map(|text| alphabet.iter().map(move |next| format!("{text}{}", char::from(*next))))
                .collect();
            texts.extend(longer);
        }
    }

    /// The story: the decoder was believed to have one text for some bytes. It takes padding in the
    /// middle, so a key, a hash and a signature line each had others beside the one that is written:
    /// a note `— 1 LQ==es2+1we4` printed back as `— 1 LXrNvtcHuA==`.
    #[test]
    fn padding_stands_at_the_end_only() {
        for text in ["LQ==es2+1we4", "QQ==QQ==", "QUE=QUFB", "QQ==QQ==QQ=="] {
            assert!(BASE64.decode(text.as_bytes()).is_ok(), "{text}: the decoder alone takes it");
            assert_eq!((decode(text), decode_either(text)), (None, None), "{text}");
        }
    }
}
