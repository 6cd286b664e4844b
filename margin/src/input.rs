//! The input file: one book, its instruments, their classification and one market, read through
//! one door into checked terms.

use std::collections::BTreeSet;

use ledger::decimal::Exact;
use ledger::digest::Digest;
use ledger::json::Json;

use crate::backtest;
use crate::classification::Classification;
use crate::error::{Code, InputError};
use crate::instrument::Instruments;
use crate::market::Market;
use crate::money::Currency;
use crate::pool::Pool;
use crate::position::Book;
use crate::reader::{Bound, Fields, Node, Reader, Spot};
use crate::what_if::{self, Change};

/// The schema that an input names.
pub const INPUT_SCHEMA: &str = "pledger.margin.input.v1";

const KNOWN: [&str; 16] = [
    "schema",
    "reporting_currency",
    "book",
    "instruments",
    "classification",
    "market",
    "overrides",
    "pool",
    "what_if",
    "eligibility",
    "funding_rate",
    "regimes",
    "rate",
    "horizons",
    "simulation",
    "allow_asynchronous",
];

/// What an input is read for: what is posted matters only to a comparison.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Purpose {
    Run,
    Compare,
    Backtest,
}

/// The parameters that the input sets in one rule book.
#[derive(Clone, Debug)]
pub(crate) struct OverrideSet {
    pub(crate) regime: String,
    /// Where the rule book is named.
    pub(crate) spot: Spot,
    pub(crate) entries: Vec<Override>,
}

/// One parameter, by its path with `/`.
#[derive(Clone, Debug)]
pub(crate) struct Override {
    pub(crate) path: String,
    pub(crate) spot: Spot,
    pub(crate) value: Json,
}

/// A checked input. What the market lacks is found only when a rule book asks for it.
#[derive(Clone, Debug)]
pub(crate) struct Input {
    pub(crate) sha256: Digest,
    pub(crate) currency: Currency,
    pub(crate) book: Book,
    pub(crate) instruments: Instruments,
    pub(crate) classification: Classification,
    pub(crate) market: Market,
    /// Whether an underlying that may not be cross-margined stands alone, rather than being
    /// reported only.
    pub(crate) eligibility_strict: bool,
    pub(crate) funding_rate: Option<Exact>,
    /// The pool whose breaker limits the credit between classes.
    pub(crate) pool: Option<Pool>,
    /// Changes to the book, each to the one before it.
    pub(crate) what_if: Vec<Change>,
    /// What a back-test asks.
    pub(crate) backtest: backtest::Terms,
}

/// Puts documents that are kept apart together into one input.
///
/// `extra` holds the optional members (`overrides`, `eligibility`, `funding_rate` …), if any.
#[must_use]
pub fn compose(
    reporting_currency: &str,
    book: Json,
    instruments: Json,
    classification: Json,
    market: Json,
    extra: Vec<(String, Json)>,
) -> Json {
    let fixed = [
        ("schema", Json::text(INPUT_SCHEMA)),
        ("reporting_currency", Json::text(reporting_currency)),
        ("book", book),
        ("instruments", instruments),
        ("classification", classification),
        ("market", market),
    ];
    let fixed = fixed.into_iter().map(|(key, value)| (key.to_owned(), value));
    Json::object(fixed.chain(extra))
}

/// Reads the bytes of a JSON file.
pub(crate) fn parse(bytes: &[u8]) -> Result<Json, InputError> {
    ledger::json::read(bytes).map_err(|error| InputError {
        code: Code::MalformedJson,
        path: String::new(),
        message: format!("{}; give one JSON object in UTF-8", error.reason),
    })
}

impl Input {
    /// Reads an input, and the overrides in it apart, since a rule book must know them before it
    /// can be checked. `None` means that a mistake was noted.
    pub(crate) fn read(
        reader: &mut Reader,
        tree: &Json,
        purpose: Purpose,
    ) -> (Option<Self>, Vec<OverrideSet>) {
        let root = Node::root(tree);
        reader.profile(&root);
        if tree.as_object().is_none() {
            reader.note(Code::MalformedJson, &root.spot, "the input must be one JSON object");
            return (None, Vec::new());
        }
        let Some(fields) = reader.fields(&root, &KNOWN) else { return (None, Vec::new()) };
        check_schema(reader, &fields, &root.spot);
        let overrides = fields.get("overrides").map(|node| read_overrides(reader, node)).unwrap_or_default();
        (read_parts(reader, tree, &fields, purpose), overrides)
    }
}

fn check_schema(reader: &mut Reader, fields: &Fields, root: &Spot) {
    let found = fields.get("schema");
    if found.and_then(|node| node.json.as_str()) != Some(INPUT_SCHEMA) {
        let spot = found.map_or_else(|| root.absent("schema"), |node| node.spot.clone());
        reader.note(Code::UnsupportedSchema, &spot, format!("must be {INPUT_SCHEMA:?}"));
    }
}

fn read_parts(reader: &mut Reader, tree: &Json, fields: &Fields, purpose: Purpose) -> Option<Input> {
    let currency = reader.need(fields, "reporting_currency").and_then(|node| reader.text(node));
    let book = reader.need(fields, "book").and_then(|node| Book::read(reader, node));
    let instruments = reader.need(fields, "instruments").map(|node| Instruments::read(reader, node));
    let classification = reader.need(fields, "classification").map(|node| Classification::read(reader, node));
    let market = reader.need(fields, "market").and_then(|node| Market::read(reader, node));
    let eligibility_strict = fields
        .get("eligibility")
        .map_or(Some(false), |node| reader.word(node, &[("strict", true), ("report", false)]));
    let pool = fields.get("pool").map_or(Some(None), |node| Pool::read(reader, node).map(Some));
    let funding_rate = fields.get("funding_rate").and_then(|node| reader.decimal(node, Bound::Any));
    let mut named = Vec::new();
    let what_if =
        fields.get("what_if").map_or(Some(Vec::new()), |node| what_if::read(reader, node, &mut named));
    let backtest = backtest::Terms::read(reader, |key| fields.get(key));
    if let (Some(book), Some(instruments)) = (&book, &instruments) {
        check_references(reader, tree, book, &named, instruments, purpose);
    }
    Some(Input {
        sha256: Digest::of(tree.to_jcs().as_bytes()),
        currency: Currency::new(currency?),
        book: book?,
        instruments: instruments?,
        classification: classification?,
        market: market?,
        eligibility_strict: eligibility_strict?,
        funding_rate,
        pool: pool?,
        backtest: backtest?,
        what_if: what_if?,
    })
}

/// Every id that a position, a token or an option names must be there. What an option delivers
/// may also be known by its price alone.
fn check_references(
    reader: &mut Reader,
    tree: &Json,
    book: &Book,
    what_if: &[(String, Spot)],
    instruments: &Instruments,
    purpose: Purpose,
) {
    let unknown = |id: &str| format!("{id:?} is not among the instruments; add it or correct the id");
    let posted = match purpose {
        Purpose::Run | Purpose::Backtest => &[][..],
        Purpose::Compare => &book.posted,
    };
    for (id, spot) in book.named.iter().chain(posted).chain(what_if) {
        if !instruments.ids.contains(id) {
            reader.note(Code::UnknownInstrument, spot, unknown(id));
        }
    }
    let quoted = tree.pointer("/market/instruments").and_then(Json::as_object).unwrap_or_default();
    let quoted: BTreeSet<&str> = quoted.iter().map(|(id, _)| id.as_str()).collect();
    for (id, spot) in &instruments.stood_for {
        if !instruments.ids.contains(id) {
            reader.note(Code::UnknownInstrument, spot, unknown(id));
        }
    }
    for (id, spot) in &instruments.delivered {
        if !instruments.ids.contains(id) && !quoted.contains(id.as_str()) {
            reader.note(Code::UnknownInstrument, spot, unknown(id));
        }
    }
}

fn read_overrides(reader: &mut Reader, node: &Node) -> Vec<OverrideSet> {
    let mut sets = Vec::new();
    for (regime, node) in reader.members(node).unwrap_or_default() {
        let entries = reader.members(&node).unwrap_or_default().into_iter().map(|(path, value)| Override {
            path: path.to_owned(),
            spot: value.spot,
            value: value.json.clone(),
        });
        let entries = entries.collect();
        sets.push(OverrideSet { regime: regime.to_owned(), spot: node.spot, entries });
    }
    sets
}
