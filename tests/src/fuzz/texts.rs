//! Single values: numbers, times, names, digests, keys, and JSON itself.

use api::home;
use custody::day::{AsOf, parse_day};
use custody::label::Label;
use custody::quantity::Quantity;
use custody::statement::check_instrument;
use data_encoding::BASE64;
use ledger::checkpoint::{parse_decimal, parse_hash};
use ledger::command::IdempotencyKey;
use ledger::decimal::{DecimalText, print_scaled};
use ledger::digest::Digest;
use ledger::id::{AccountId, PartyId};
use ledger::json;
use ledger::key::{KeyId, PublicKey, SecretKey};
use ledger::note::KeyName;
use ledger::period::{Duration, Period};
use ledger::profile;
use ledger::time::Timestamp;
use ledger::valuation::{Rating, Value};

use super::corpus::{AUDIT, CALLS, CUSTODY, MARGIN, audit, examples, texts_of};
use super::{Cost, Form, Reading, Target};

pub(super) const TARGETS: [Target; 9] = [
    Target { name: "json", form: Form::Json, cost: Cost::Light, corpus: trees, read: read_json },
    Target { name: "profile", form: Form::Json, cost: Cost::Light, corpus: payloads, read: read_profile },
    Target { name: "decimal", form: Form::Bytes, cost: Cost::Light, corpus: decimals, read: read_decimal },
    Target { name: "time", form: Form::Bytes, cost: Cost::Light, corpus: times, read: read_time },
    Target { name: "duration", form: Form::Bytes, cost: Cost::Light, corpus: durations, read: read_duration },
    Target { name: "id", form: Form::Bytes, cost: Cost::Light, corpus: ids, read: read_id },
    Target { name: "digest", form: Form::Bytes, cost: Cost::Light, corpus: digests, read: read_digest },
    Target { name: "public_key", form: Form::Bytes, cost: Cost::Light, corpus: keys, read: read_key },
    Target {
        name: "key_file",
        form: Form::Bytes,
        cost: Cost::Middle,
        corpus: key_files,
        read: read_key_file,
    },
];

fn utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn trees() -> Vec<Vec<u8>> {
    let mut all = payloads();
    all.extend(examples(["{\"a\":[1,-0,1e9,null,true]}", "[[[]]]", "\"\\u00e9\\ud83d\\ude00\"", " { } "]));
    all.push(CUSTODY.pointer("/vectors/0").expect("a case").to_string().into_bytes());
    all
}

fn read_json(bytes: &[u8]) -> Reading {
    let read = json::read(bytes);
    // Another reader of the same grammar; it keeps less.
    let other = serde_json::from_slice::<serde_json::Value>(bytes).ok();
    assert!(read.is_ok() || other.is_none(), "JSON is read: {read:?}");
    if let Ok(tree) = &read {
        let printed = serde_json::from_str::<serde_json::Value>(&tree.to_string()).ok();
        assert_eq!(printed, other, "both read the same");
        assert_eq!(json::read(tree.to_string().as_bytes()).as_ref(), Ok(tree), "printed in order");
        let canonical = tree.to_jcs();
        let again = json::read(canonical.as_bytes()).expect("what is printed is read");
        assert_eq!(again.to_jcs(), canonical, "the canonical form has one spelling");
    }
    Reading::of(&read)
}

fn payloads() -> Vec<Vec<u8>> {
    let vectors = AUDIT.pointer("/canonical_payloads/vectors").and_then(json::Json::as_array).expect("cases");
    let coded = vectors.iter().filter_map(|case| case.get("payload_b64")?.as_str());
    let mut all: Vec<Vec<u8>> = coded.filter_map(|text| BASE64.decode(text.as_bytes()).ok()).collect();
    all.retain(|payload| payload.len() < 8 << 10);
    all.extend(texts_of(&AUDIT, |text| text.starts_with("{\"a")));
    all
}

fn read_profile(bytes: &[u8]) -> Reading {
    let read = profile::read(bytes);
    if let Ok(tree) = &read {
        assert_eq!(tree.to_jcs().as_bytes(), bytes, "only the canonical form is read");
        assert_eq!(json::read(bytes), Ok(tree.to_json()), "by the quick way as by the long one");
    }
    if let Ok(tree) = profile::read_profile(bytes) {
        let canonical = tree.to_jcs();
        let read = profile::read(canonical.as_bytes()).expect("what signers print is read");
        assert_eq!(read.to_jcs(), canonical);
    }
    Reading::of(&read)
}

fn decimals() -> Vec<Vec<u8>> {
    let of = |member: &str| {
        let texts = AUDIT.pointer(&format!("/decimals/{member}")).and_then(json::Json::as_array);
        texts.expect("texts").iter().filter_map(|text| Some(text.as_str()?.as_bytes().to_vec()))
    };
    ["good", "value_only", "bad"].into_iter().flat_map(of).collect()
}

fn read_decimal(bytes: &[u8]) -> Reading {
    let Some(text) = utf8(bytes) else { return Reading::Refused };
    let read = DecimalText::parse(text);
    if let Ok(decimal) = &read {
        let places = decimal.fraction_digits();
        let scaled = decimal.scaled(places).expect("its own places are enough");
        assert_eq!(print_scaled(&scaled, places), text);
        for decimals in [0, 8, 18, 30] {
            if let Ok(units) = decimal.units(decimals) {
                assert_eq!(ledger::amount::print_units(units, decimals), text);
            }
        }
    }
    if let Ok(value) = Value::parse(text) {
        assert_eq!(value.to_string(), text);
    }
    for quantity in [Quantity::parse(text), Quantity::parse_stated(text)].into_iter().flatten() {
        assert_eq!(quantity.to_string(), text);
    }
    if let Some(number) = parse_decimal(text) {
        assert_eq!(number.to_string(), text);
    }
    Reading::of(&read)
}

fn times() -> Vec<Vec<u8>> {
    let mut all = texts_of(&AUDIT, |text| text.len() < 40 && text.contains("T0"));
    all.extend(examples(["1970-01-01", "2024-02-29", "9999-12-31", "2026-12-31T23:59:60.000Z"]));
    all
}

fn read_time(bytes: &[u8]) -> Reading {
    let Some(text) = utf8(bytes) else { return Reading::Refused };
    let read = Timestamp::parse(text);
    if let Some(time) = read {
        assert_eq!(time.to_string(), text);
        assert_eq!(Timestamp::from_millis(time.millis()), Some(time));
    }
    if let Some(day) = parse_day(text) {
        assert_eq!(day.to_string(), text);
    }
    if let Some(as_of) = AsOf::parse(text) {
        assert_eq!(as_of.to_string(), text);
    }
    Reading::of(&read.ok_or(()))
}

fn durations() -> Vec<Vec<u8>> {
    let mut all = texts_of(&CALLS, |text| text.starts_with('P') && text.len() < 20);
    all.extend(examples(["PT4H", "P1Y2M3W4D", "P2DT3H4M5S", "P", "PT", "P1M"]));
    all
}

fn read_duration(bytes: &[u8]) -> Reading {
    let Some(text) = utf8(bytes) else { return Reading::Refused };
    let (duration, agreed) = (Duration::parse(text), custody::sla::parse_duration(text));
    if let (Some(duration), Some(agreed)) = (duration, agreed) {
        assert_eq!(duration.millis(), agreed, "one text, one length");
    }
    let period = Period::parse(text);
    if let Some(period) = period {
        for start in ["1970-01-01", "2024-02-29", "9999-12-31"] {
            let start = parse_day(start).expect("a day");
            assert!(period.after(start).is_none_or(|after| after >= start));
        }
    }
    Reading::of(&duration.map(|_| ()).or(period.map(|_| ())).ok_or(()))
}

fn ids() -> Vec<Vec<u8>> {
    let mut all =
        examples(["acme", "acme:btc:f", "A.b_c-d:9", "-", "", "AAAAAAAAAAAAAAAAAAAAAA", "AA-", "Aa1"]);
    all.extend(examples(["ledger.example/golden", "witness.example/w1", "US912828U816", "DE000BAY0017"]));
    all.push(b"x".repeat(64));
    all
}

fn read_id(bytes: &[u8]) -> Reading {
    let Some(text) = utf8(bytes) else { return Reading::Refused };
    let party = PartyId::parse(text);
    assert_eq!(party.is_ok(), AccountId::parse(text).is_ok(), "one alphabet");
    if let Ok(party) = &party {
        assert_eq!(party.as_str(), text);
    }
    if let Some(key) = IdempotencyKey::parse(text) {
        assert_eq!(key.as_str(), text);
    }
    if let Ok(label) = Label::parse(text) {
        assert_eq!(label.as_str(), text);
    }
    if let Ok(name) = KeyName::new(text) {
        assert_eq!(name.as_str(), text);
    }
    // These only say yes or no.
    let _ = (check_instrument(text), Rating::parse(text));
    Reading::of(&party)
}

fn digests() -> Vec<Vec<u8>> {
    let mut all = texts_of(&AUDIT, |text| [44, 64, 71].contains(&text.len()) && !text.contains(' '));
    all.truncate(40);
    all.push(format!("sha256:{}", "ab".repeat(32)).into_bytes());
    all.push(audit("/golden_chain/keys/0/keyid").as_bytes().to_vec());
    all
}

fn read_digest(bytes: &[u8]) -> Reading {
    let Some(text) = utf8(bytes) else { return Reading::Refused };
    let read = Digest::parse_hex(text);
    if let Some(digest) = read {
        assert_eq!(digest.to_string(), text);
    }
    if let Some(digest) = Digest::parse_tagged(text) {
        assert_eq!(digest.tagged(), text);
    }
    if let Some(id) = KeyId::parse(text) {
        assert_eq!(id.to_string(), text);
    }
    if let Some(hash) = parse_hash(text) {
        assert_eq!(BASE64.encode(hash.as_bytes()), text);
    }
    Reading::of(&read.ok_or(()))
}

fn keys() -> Vec<Vec<u8>> {
    let mut all = texts_of(&AUDIT, |text| text.len() == 44 && text.ends_with('='));
    all.truncate(30);
    let weak = AUDIT.pointer("/ed25519_strict/weak_public_keys_hex").and_then(json::Json::as_array);
    let weak = weak.expect("weak keys").iter().filter_map(json::Json::as_str);
    let weak = weak.filter_map(|hex| data_encoding::HEXLOWER.decode(hex.as_bytes()).ok());
    all.extend(weak.map(|bytes| BASE64.encode(&bytes).into_bytes()));
    all
}

fn read_key(bytes: &[u8]) -> Reading {
    let Some(text) = utf8(bytes) else { return Reading::Refused };
    let read = PublicKey::parse(text);
    if let Ok(key) = &read {
        assert_eq!(key.to_base64(), text);
        // A key that was let in never takes a signature of nobody's.
        assert!(!key.verifies(b"anything", &[0; 64]));
    }
    Reading::of(&read)
}

fn key_files() -> Vec<Vec<u8>> {
    let pem = SecretKey::from_seed(&[7; 32]).to_pem();
    vec![pem.as_bytes().to_vec(), pem.replace('\n', "\r\n").into_bytes(), MARGIN.to_string()[..60].into()]
}

fn read_key_file(bytes: &[u8]) -> Reading {
    let Some(text) = utf8(bytes) else { return Reading::Refused };
    let read = SecretKey::from_pem(text);
    if let Ok(key) = &read {
        let again = SecretKey::from_pem(&key.to_pem()).expect("what is written is read");
        assert_eq!(again.public(), key.public());
        assert!(home::vkey("ledger.example/fuzz", key).is_ok());
    }
    Reading::of(&read)
}
