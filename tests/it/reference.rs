//! The reference of commands against the code and against the flows: each type has its row, and each
//! refusal that a row lists is shown by a line that is refused so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ledger::command::Body;
use ledger::rejection::Rejection;
use tests::driver::Driver;

const REFERENCE: &str = include_str!("../../api/docs/commands.md");

/// What every type may be refused with, so that rows do not repeat it.
const EVERYWHERE: [&str; 12] = [
    "wrong_ledger",
    "expired",
    "expires_too_late",
    "idempotency_key_reused",
    "key_not_active",
    "author_suspended",
    "use_not_allowed",
    "not_authorised",
    "expectation_failed",
    "wrong_state",
    "velocity_exceeded",
    "policy_refused",
];

/// The short words of the scribe.
const SHORT: [(&str, &str); 3] =
    [("prices", "price.set"), ("positions", "position.report"), ("margin", "margin.state")];

/// A row's type and the codes it lists, in its order.
struct Row {
    type_name: String,
    codes: Vec<String>,
}

/// Every row of every table of four columns whose first is a type.
fn rows(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in text.lines() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
        let [first, _, _, refusals] = cells.as_slice() else { continue };
        if let [type_name] = quoted(first).as_slice() {
            rows.push(Row { type_name: type_name.clone(), codes: quoted(&without_parentheses(refusals)) });
        }
    }
    rows
}

/// Words between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn without_parentheses(text: &str) -> String {
    let mut outside = String::new();
    let mut depth = 0_u32;
    for character in text.chars() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => outside.push(character),
            _ => {}
        }
    }
    outside
}

/// What lines of one type are expected to meet: codes, and `accepted`.
type Seen = BTreeMap<String, BTreeSet<String>>;

/// Takes note of every line of a source that is played: rows of texts, and lines in tuples.
fn scan(source: &str, seen: &mut Seen) {
    let note = |seen: &mut Seen, asked: &str, outcome: Option<String>| {
        if let (Some(type_name), Some(outcome)) = (type_of(asked), outcome) {
            seen.entry(type_name.to_owned()).or_default().insert(outcome);
        }
    };
    let joined = join_continued(source);
    let lines: Vec<&str> = joined.lines().map(str::trim).collect();
    for (place, line) in lines.iter().enumerate() {
        // A row of a text that began above.
        let row = line.split('"').next().unwrap_or_default();
        note(seen, row, expected(row).or_else(accepted));
        // Texts that begin on this line.
        let parts: Vec<&str> = line.split('"').collect();
        for (at, part) in parts.iter().enumerate().skip(1) {
            let ends_here = at + 1 < parts.len();
            let played = parts[at - 1].ends_with("play(");
            let outcome = expected(part).or_else(|| {
                if !ends_here || played {
                    return accepted();
                }
                after_quote(&parts[at + 1..].join("\""), &lines[place + 1..])
            });
            note(seen, part, outcome);
        }
    }
}

/// Strings that go on in the next line, in one.
fn join_continued(source: &str) -> String {
    let mut joined = String::new();
    let mut goes_on = false;
    for line in source.lines() {
        let line = if goes_on { line.trim_start() } else { line };
        goes_on = line.ends_with('\\');
        joined.push_str(line.trim_end_matches('\\'));
        if !goes_on {
            joined.push('\n');
        }
    }
    joined
}

/// The type of a line `author type …` that this version knows.
fn type_of(line: &str) -> Option<&'static str> {
    let mut words = line.split_whitespace();
    let author = words.next().filter(|word| word.starts_with(|first: char| first.is_ascii_alphabetic()))?;
    let plain = |character: char| character.is_ascii_alphanumeric() || character == '/';
    let word = words.next().filter(|_| author.chars().all(plain))?;
    let short = SHORT.iter().find(|(short, _)| *short == word).map(|(_, long)| *long);
    short.or_else(|| Body::known_types().find(|known| *known == word))
}

/// The code behind ` => `.
fn expected(row: &str) -> Option<String> {
    row.split_once(" => ").and_then(|(_, code)| code.split_whitespace().next()).map(str::to_owned)
}

fn accepted() -> Option<String> {
    Some("accepted".to_owned())
}

/// The code that stands beside a line in a tuple or in an assertion: `", 422, "code"`, `")), "code"`.
fn after_quote(after: &str, below: &[&str]) -> Option<String> {
    let near = std::iter::once(after).chain(below.iter().copied().take(2)).collect::<Vec<_>>().join(" ");
    let rest = near.trim_start_matches(')').strip_prefix(',')?.trim_start();
    let rest = rest.trim_start_matches(|character: char| character.is_ascii_digit());
    let rest = rest.trim_start_matches([',', ' ']).strip_prefix('"')?;
    let (code, _) = rest.split_once('"')?;
    let is_code = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_code.then(|| code.to_owned())
}

/// What the flows show of each type.
fn seen() -> Seen {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = Seen::new();
    let mut paths = vec![root.join("src/world.rs")];
    for entry in std::fs::read_dir(root.join("it")).expect("the folder is read") {
        paths.push(entry.expect("an entry is read").path());
    }
    for path in paths.iter().filter(|path| path.extension().is_some_and(|ext| ext == "rs")) {
        // What this file says of lines is about lines.
        if !path.ends_with("reference.rs") {
            scan(&std::fs::read_to_string(path).expect("a source is text"), &mut seen);
        }
    }
    // Every driver stands on record 0.
    if Driver::open(false).state.opened().is_some() {
        seen.entry("ledger.open".to_owned()).or_default().insert("accepted".to_owned());
    }
    seen
}

/// What rows and flows lack of each other.
fn gaps(rows: &[Row], seen: &Seen) -> Vec<String> {
    let mut gaps = Vec::new();
    let none = BTreeSet::new();
    for Row { type_name, codes } in rows {
        let shown = seen.get(type_name).unwrap_or(&none);
        if !shown.contains("accepted") {
            gaps.push(format!("{type_name}: no line that holds"));
        }
        for code in codes.iter().filter(|code| !shown.contains(*code)) {
            gaps.push(format!("{type_name}: no line that is refused with {code}"));
        }
        // An approval may be refused with what refuses the command.
        let unlisted = shown.iter().filter(|code| Rejection::CODES.contains(&code.as_str()));
        let unlisted = unlisted.filter(|code| !EVERYWHERE.contains(&code.as_str()) && !codes.contains(code));
        for code in unlisted.filter(|_| type_name != "approval.give") {
            gaps.push(format!("{type_name}: refused with {code}, which its row does not list"));
        }
    }
    gaps
}

#[test]
fn each_type_has_one_row() {
    let mut given: Vec<String> = rows(REFERENCE).into_iter().map(|row| row.type_name).collect();
    let mut known: Vec<String> = Body::known_types().map(str::to_owned).collect();
    given.sort();
    known.sort();
    assert_eq!(given, known);
}

#[test]
fn codes_are_known_and_in_the_order_of_the_ladder() {
    for Row { type_name, codes } in rows(REFERENCE) {
        let place = |code: &String| Rejection::CODES.iter().position(|known| known == code);
        let places: Vec<_> = codes.iter().map(place).collect();
        assert!(places.iter().all(Option::is_some), "{type_name}: unknown among {codes:?}");
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{type_name}: out of order: {codes:?}");
    }
}

#[test]
fn each_refusal_of_a_row_is_shown_by_a_flow() {
    let gaps = gaps(&rows(REFERENCE), &seen());
    assert!(gaps.is_empty(), "{}", gaps.join("\n"));
}

#[test]
fn what_goes_missing_is_found() {
    let table = "| `key.add` | `party` | anyone | `not_authorised` (of `another`), `id_taken` |";
    let rows = rows(table);
    assert_eq!(
        (rows.len(), rows[0].codes.as_slice()),
        (1, &["not_authorised", "id_taken"].map(str::to_owned)[..])
    );
    for (source, want) in [
        (
            "acme key.add a=b\nacme/two key.add a=b => not_authorised\n(\"acme key.add a=b\", 409, \"id_taken\"),",
            0,
        ),
        (
            "acme key.add a=b\nacme key.add a=b => not_authorised\n\"acme key.add a=b\",\n409,\n\"id_taken\",",
            0,
        ),
        (
            "x.play(\"acme key.add a=b\");\nacme key.add => not_authorised\n(&x.line(\"acme key.add \\\n b\")), \"id_taken\"",
            0,
        ),
        (
            "acme key.add a=b & pb\nacme key.add a=b => not_authorised\n(\"acme key.add a=b & pb\", 409, \"id_taken\"),",
            0,
        ),
        ("acme key.add a=b => not_authorised\nacme key.add a=b => id_taken", 1),
        ("acme key.add a=b\n// acme key.add a=b => not_authorised\nacme key.add a=b => id_taken", 1),
        ("acme key.add a=b => too_late\nacme key.add a=b => not_authorised\nacme key.add a=b => id_taken", 2),
        ("", 3),
    ] {
        let mut seen = Seen::new();
        scan(source, &mut seen);
        assert_eq!(gaps(&rows, &seen).len(), want, "{source}: {seen:?}");
    }
    let mut seen = Seen::new();
    scan("pb prices set=p BTC=1\npb positions a=b\npb margin a=b => too_early", &mut seen);
    assert_eq!(seen.keys().collect::<Vec<_>>(), ["margin.state", "position.report", "price.set"]);
}
