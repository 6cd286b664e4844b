//! Changes an example into an input, by chance that rests on the seed alone.

use ledger::json;
use ledger::store::simulated::Rng;

use super::disturb::disturb;
use super::{Form, INPUT_BYTES_MAX};

/// What parsers tend to trip over.
const TOKENS: [&[u8]; 64] = [
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\\"",
    b"\n",
    b"\n\n",
    b"\r\n",
    b" ",
    b"\t",
    b"\0",
    b"\x7f",
    b"\xff",
    b"\xc3\x28",
    b"\xe2\x80\x94",
    b"\xe2\x80\x94 ",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xae",
    b"e\xcc\x81",
    b"{",
    b"}",
    b"[",
    b"]",
    b"{}",
    b"[]",
    b":",
    b",",
    b"null",
    b"true",
    b"false",
    b"0",
    b"-0",
    b"-",
    b"+",
    b".",
    b"1e999",
    b"00",
    b"-1",
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551615",
    b"18446744073709551616",
    b"340282366920938463463374607431768211455",
    b"340282366920938463463374607431768211456",
    b"0.000000000000000000000000000001",
    b"79228162514264337593543950335",
    b"9999-12-31T23:59:59.999Z",
    b"1970-01-01T00:00:00.000Z",
    b"2024-02-29",
    b"P999999999Y",
    b"P999999999W",
    b"PT999999999H",
    b"A",
    b"==",
    b"=",
    b"/",
    b"+/",
    b"#",
    b"x",
    b".p/",
    b"none",
    b"all",
    b"any",
    b"255",
];

/// Deepest nesting that is put in.
const NESTING_MAX: u64 = 400;

/// An input made from one or two examples.
#[must_use]
pub fn mutate(corpus: &[Vec<u8>], form: Form, rng: &mut Rng) -> Vec<u8> {
    let mut input = pick(corpus, rng).clone();
    if form == Form::Json
        && rng.percent(70)
        && let Ok(mut tree) = json::read(&input)
    {
        for _ in 0..=rng.below(3) {
            disturb(&mut tree, rng);
        }
        // Members in an order that is not the canonical one, now and then.
        input = if rng.percent(90) { tree.to_jcs() } else { tree.to_string() }.into_bytes();
        if rng.percent(90) {
            input.truncate(INPUT_BYTES_MAX);
            return input;
        }
    }
    for _ in 0..=rng.below(4) {
        change(&mut input, corpus, rng);
    }
    input.truncate(INPUT_BYTES_MAX);
    input
}

fn pick<'a, T>(from: &'a [T], rng: &mut Rng) -> &'a T {
    &from[index(rng, from.len())]
}

/// A place below `bound`, which is not 0.
fn index(rng: &mut Rng, bound: usize) -> usize {
    usize::try_from(rng.below(u64::try_from(bound).expect("lengths fit"))).expect("below a length")
}

fn token(rng: &mut Rng) -> &'static [u8] {
    TOKENS[index(rng, TOKENS.len())]
}

fn byte(rng: &mut Rng) -> u8 {
    u8::try_from(rng.below(256)).expect("below 256")
}

/// A short range, wherever.
fn range(input: &[u8], rng: &mut Rng) -> std::ops::Range<usize> {
    let from = index(rng, input.len() + 1);
    let most = if rng.percent(20) { input.len() - from } else { (input.len() - from).min(16) };
    from..from + index(rng, most + 1)
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    input.splice(at..at, bytes.iter().copied());
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], rng: &mut Rng) {
    if input.is_empty() {
        input.extend_from_slice(token(rng));
        return;
    }
    let at = index(rng, input.len());
    match rng.below(14) {
        0 => input[at] ^= 1 << rng.below(8),
        1 => input[at] = byte(rng),
        2 => {
            let bytes: Vec<u8> = (0..=rng.below(8)).map(|_| byte(rng)).collect();
            insert(input, at, &bytes);
        }
        3 => insert(input, at, token(rng)),
        4 => {
            let range = range(input, rng);
            input.splice(range, token(rng).iter().copied());
        }
        5 => drop(input.drain(range(input, rng))),
        6 => {
            let block = input[range(input, rng)].to_vec();
            let times = if rng.percent(5) { 200 } else { 1 + index(rng, 4) };
            let room = INPUT_BYTES_MAX.saturating_sub(input.len()) / block.len().max(1);
            insert(input, at, &block.repeat(times.min(room)));
        }
        7 => {
            let block: Vec<u8> = input.drain(range(input, rng)).collect();
            let at = index(rng, input.len() + 1);
            insert(input, at, &block);
        }
        8 => {
            let other = pick(corpus, rng);
            input.truncate(at);
            input.extend_from_slice(&other[index(rng, other.len() + 1)..]);
        }
        9 => input.truncate(at),
        10 => {
            let depth = usize::try_from(rng.below(NESTING_MAX)).expect("small");
            let (open, close) = if rng.percent(50) { ("[", "]") } else { ("{\"a\":", "}") };
            let nest = format!("{}0{}", open.repeat(depth), close.repeat(depth));
            insert(input, at, nest.as_bytes());
        }
        11 => {
            let mut lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
            let (a, b) = (index(rng, lines.len()), index(rng, lines.len()));
            lines.swap(a, b);
            *input = lines.concat();
        }
        12 => {
            let mut lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
            let line = lines.remove(index(rng, lines.len()));
            if rng.percent(50) {
                lines.extend([line, line]);
            }
            *input = lines.concat();
        }
        _ => {
            let digits: Vec<usize> = (0..input.len()).filter(|at| input[*at].is_ascii_digit()).collect();
            if !digits.is_empty() {
                input[*pick(&digits, rng)] = b'0' + byte(rng) % 10;
            }
        }
    }
}
