//! Changes a JSON tree: a value becomes another, a member is renamed, doubled or left out.

use ledger::json::Json;
use ledger::store::simulated::Rng;

/// What stands in for any text.
const TEXTS: [&str; 48] = [
    "",
    "0",
    "-0",
    "-1",
    "1",
    "1e3",
    "00",
    "0.1",
    "0.10",
    "999999999999999999",
    "0.000000000000000001",
    "-999999999999999999.999999999",
    "9223372036854775807",
    "18446744073709551616",
    "340282366920938463463374607431768211455",
    "340282366920938463463374607431768211456",
    "79228162514264337593543950335",
    "0.0000000000000000000000000001",
    "BTC",
    "USD",
    "usd",
    "inf",
    "NaN",
    "option",
    "token",
    "mixed_swap",
    "inverse_future",
    "security_future",
    "stablecoin",
    "strict",
    "base",
    "immediate",
    "external",
    "1970-01-01",
    "2024-02-29",
    "9999-12-31T23:59:59.999Z",
    "2026-11-20T21:00:00.000Z",
    "P999999999Y",
    "PT999999999H",
    "P1M",
    "a",
    "b",
    "\u{0}",
    "a/b~c",
    "\u{202e}",
    "e\u{301}",
    "—",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
];

/// One change somewhere in the tree.
pub(super) fn disturb(tree: &mut Json, rng: &mut Rng) {
    let children = match tree {
        Json::Object(members) => members.len(),
        Json::Array(elements) => elements.len(),
        Json::String(_) | Json::Bool(_) | Json::Number(_) | Json::Null => 0,
    };
    if children == 0 || rng.percent(3) {
        let was = std::mem::replace(tree, Json::Null);
        *tree = intruder(was, rng);
        return;
    }
    let place = usize::try_from(rng.below(u64::try_from(children).expect("lengths fit"))).expect("below");
    match tree {
        Json::Object(members) => match rng.below(16) {
            0 => drop(members.remove(place)),
            1 => members[place].0 = text(rng).to_owned(),
            2 => members.push(members[place].clone()),
            3 => {
                let name = members[place].0.clone();
                let value = intruder(Json::Null, rng);
                members.push((name, value));
            }
            _ => disturb(&mut members[place].1, rng),
        },
        Json::Array(elements) => match rng.below(10) {
            0 => drop(elements.remove(place)),
            1 => elements.push(elements[place].clone()),
            2 => {
                let copies = if rng.percent(10) { 100 } else { 1 };
                elements.extend(std::iter::repeat_n(elements[place].clone(), copies));
            }
            _ => disturb(&mut elements[place], rng),
        },
        Json::String(_) | Json::Bool(_) | Json::Number(_) | Json::Null => {}
    }
}

fn text(rng: &mut Rng) -> &'static str {
    TEXTS[usize::try_from(rng.below(TEXTS.len() as u64)).expect("below a length")]
}

/// What stands where `was` stood.
fn intruder(was: Json, rng: &mut Rng) -> Json {
    match rng.below(16) {
        0 => Json::Null,
        1 => Json::Bool(rng.percent(50)),
        2 => Json::Number("1e999".to_owned()),
        3 => Json::Array(vec![was]),
        4 => Json::Object(vec![("a".to_owned(), was)]),
        5 => Json::Array(Vec::new()),
        6 => (0..rng.below(200)).fold(was, |inner, _| Json::Array(vec![inner])),
        7 => match was {
            Json::String(was) => Json::String(was.repeat(3)),
            other @ (Json::Object(_) | Json::Array(_) | Json::Bool(_) | Json::Number(_) | Json::Null) => {
                other
            }
        },
        8 => Json::String("9".repeat(usize::try_from(rng.below(600)).expect("small"))),
        9 => match was {
            Json::String(mut was) => {
                let digit = char::from(b'0' + u8::try_from(rng.below(10)).expect("a digit"));
                if let Some(at) = was.find(|c: char| c.is_ascii_digit()) {
                    was.replace_range(at..=at, &digit.to_string());
                }
                Json::String(was)
            }
            other @ (Json::Object(_) | Json::Array(_) | Json::Bool(_) | Json::Number(_) | Json::Null) => {
                other
            }
        },
        _ => Json::text(text(rng)),
    }
}
