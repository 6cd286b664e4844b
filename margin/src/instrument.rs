//! What can be held: kinds, and the terms that a figure depends on.

use std::collections::{BTreeMap, BTreeSet};

use ledger::decimal::Exact;
use ledger::time::Timestamp;
use num_traits::One;

use crate::error::Code;
use crate::pricing::{Right, Style};
use crate::reader::{Bound, Fields, Node, Reader, Spot};

/// What an instrument is, as traded. What the law makes of it stands in the classification.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[allow(missing_docs, reason = "the names are the market's")]
pub enum Kind {
    Spot,
    Etf,
    Equity,
    Token,
    Stablecoin,
    Bill,
    Fund,
    Cash,
    Future,
    InverseFuture,
    Perpetual,
    InversePerpetual,
    SecurityFuture,
    Option,
    TotalReturnSwap,
}

impl Kind {
    /// Each kind with its name in documents and rule books.
    pub const NAMES: [(&'static str, Self); 15] = [
        ("spot", Self::Spot),
        ("etf", Self::Etf),
        ("equity", Self::Equity),
        ("token", Self::Token),
        ("stablecoin", Self::Stablecoin),
        ("bill", Self::Bill),
        ("fund", Self::Fund),
        ("cash", Self::Cash),
        ("future", Self::Future),
        ("inverse_future", Self::InverseFuture),
        ("perpetual", Self::Perpetual),
        ("inverse_perpetual", Self::InversePerpetual),
        ("security_future", Self::SecurityFuture),
        ("option", Self::Option),
        ("total_return_swap", Self::TotalReturnSwap),
    ];

    /// Whether it settles in the coin and its multiplier counts the other side.
    #[must_use]
    pub fn is_inverse(self) -> bool {
        matches!(self, Self::InverseFuture | Self::InversePerpetual)
    }

    /// Whether terms without an expiry are incomplete.
    fn needs_expiry(self) -> bool {
        matches!(
            self,
            Self::Future | Self::InverseFuture | Self::SecurityFuture | Self::TotalReturnSwap | Self::Option
        )
    }

    /// Whether terms with an expiry are wrong.
    fn refuses_expiry(self) -> bool {
        matches!(self, Self::Perpetual | Self::InversePerpetual | Self::Spot)
    }
}

/// What the multiplier of an inverse contract counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SizeIn {
    Quote,
    Base,
}

/// The terms of one instrument.
#[derive(Clone, Debug)]
pub(crate) struct Instrument {
    pub(crate) kind: Kind,
    pub(crate) underlying: String,
    pub(crate) currency: String,
    pub(crate) multiplier: Exact,
    pub(crate) leverage: Exact,
    pub(crate) wrapper: String,
    pub(crate) size_in: SizeIn,
    pub(crate) expiry: Option<(Timestamp, Spot)>,
    /// What a token stands for.
    pub(crate) of: Option<String>,
    /// Units of the underlying in one unit.
    pub(crate) ratio: Exact,
    /// What makes it an option; `None` for every other kind.
    pub(crate) option: Option<OptionSpec>,
}

/// The terms that only options have.
#[derive(Clone, Debug)]
pub(crate) struct OptionSpec {
    pub(crate) right: Right,
    pub(crate) strike: Exact,
    pub(crate) style: Style,
    /// Whether it is on a future rather than on something held.
    pub(crate) on_future: bool,
    /// What is delivered at exercise, if it is not the underlying itself.
    pub(crate) deliverable: Option<String>,
}

/// Every instrument of the input.
#[derive(Clone, Debug, Default)]
pub(crate) struct Instruments {
    /// Terms by id. An instrument with a mistake in its terms is not here.
    pub(crate) terms: BTreeMap<String, Instrument>,
    /// Every id, mistakes or not, so that one mistake is not reported as another.
    pub(crate) ids: BTreeSet<String>,
    /// What tokens stand for: ids that must be among the instruments.
    pub(crate) stood_for: Vec<(String, Spot)>,
    /// What options deliver: ids that must be among the instruments, or at least have a price.
    pub(crate) delivered: Vec<(String, Spot)>,
}

impl Instruments {
    pub(crate) fn read(reader: &mut Reader, node: &Node) -> Self {
        let mut found = Self::default();
        for element in reader.elements(node).unwrap_or_default() {
            let Some(fields) = reader.fields(&element, &KNOWN) else { continue };
            let id = reader.need(&fields, "id").and_then(|node| reader.text(node));
            let terms = read_terms(reader, &fields);
            found.stood_for.extend(reference(reader, fields.get("of")));
            found.delivered.extend(reference(reader, fields.get("deliverable")));
            let Some(id) = id else { continue };
            if !found.ids.insert(id.to_owned()) {
                let message = format!("a second instrument {id:?}; rename or remove it");
                reader.note(Code::DuplicateId, &element.spot, message);
            } else if let Some(terms) = terms {
                found.terms.insert(id.to_owned(), terms);
            }
        }
        found
    }
}

const KNOWN: [&str; 16] = [
    "id",
    "kind",
    "underlying_id",
    "currency",
    "multiplier",
    "ratio",
    "leverage",
    "wrapper",
    "size_in",
    "expiry",
    "of",
    "deliverable",
    "right",
    "strike",
    "style",
    "on",
];

fn read_terms(reader: &mut Reader, fields: &Fields) -> Option<Instrument> {
    let kind = reader.need(fields, "kind").and_then(|node| reader.word(node, &Kind::NAMES));
    let underlying = reader.need(fields, "underlying_id").and_then(|node| reader.text(node));
    let currency = reader.need(fields, "currency").and_then(|node| reader.text(node));
    let multiplier = or_one(reader, fields, "multiplier", Bound::Positive);
    let ratio = or_one(reader, fields, "ratio", Bound::Positive);
    let leverage = or_one(reader, fields, "leverage", Bound::NonZero);
    let wrapper = fields.get("wrapper").map_or(Some("direct"), |node| reader.text(node));
    let size_in = fields.get("size_in").map_or(Some(SizeIn::Quote), |node| {
        reader.word(node, &[("quote", SizeIn::Quote), ("base", SizeIn::Base)])
    });
    let expiry = read_expiry(reader, fields, kind);
    let of = match fields.get("of") {
        None if kind == Some(Kind::Token) => reader.need(fields, "of"),
        given => given,
    };
    let of = of.and_then(|node| node.json.as_str()).map(str::to_owned);
    let option = read_option(reader, fields, kind);
    Some(Instrument {
        kind: kind?,
        underlying: underlying?.to_owned(),
        currency: currency?.to_owned(),
        multiplier: multiplier?,
        leverage: leverage?,
        wrapper: wrapper?.to_owned(),
        size_in: size_in?,
        expiry,
        of,
        ratio: ratio?,
        option: if kind == Some(Kind::Option) { Some(option?) } else { None },
    })
}

fn or_one(reader: &mut Reader, fields: &Fields, key: &str, bound: Bound) -> Option<Exact> {
    fields.get(key).map_or_else(|| Some(Exact::one()), |node| reader.decimal(node, bound))
}

fn read_expiry(reader: &mut Reader, fields: &Fields, kind: Option<Kind>) -> Option<(Timestamp, Spot)> {
    let given = match fields.get("expiry") {
        Some(node) => Some(node),
        None if kind.is_some_and(Kind::needs_expiry) => reader.need(fields, "expiry"),
        None => None,
    }?;
    if kind.is_some_and(Kind::refuses_expiry) {
        reader.note(
            Code::BadField,
            &given.spot,
            "a perpetual or spot has no expiry; remove it or change the kind",
        );
    }
    Some((reader.instant(given)?, given.spot.clone()))
}

fn reference(reader: &mut Reader, node: Option<&Node>) -> Option<(String, Spot)> {
    node.and_then(|node| Some((reader.text(node)?.to_owned(), node.spot.clone())))
}

/// Reads the terms of an option, whose spelling is checked whatever the kind; one on a future must
/// name that future.
fn read_option(reader: &mut Reader, fields: &Fields, kind: Option<Kind>) -> Option<OptionSpec> {
    let is_option = kind == Some(Kind::Option);
    let given = |reader: &mut Reader, key: &str| {
        let node = if is_option { reader.need(fields, key) } else { fields.get(key) };
        node.cloned()
    };
    let right = given(reader, "right")
        .and_then(|node| reader.word(&node, &[("call", Right::Call), ("put", Right::Put)]));
    let strike = given(reader, "strike").and_then(|node| reader.decimal(&node, Bound::NonNegative));
    let style = fields.get("style").map_or(Some(Style::European), |node| {
        reader.word(node, &[("european", Style::European), ("american", Style::American)])
    });
    let on_future =
        fields.get("on").map_or(Some(false), |node| reader.word(node, &[("spot", false), ("future", true)]));
    let deliverable = match fields.get("deliverable") {
        None if is_option && on_future == Some(true) => reader.need(fields, "deliverable"),
        named => named,
    };
    let deliverable = deliverable.and_then(|node| node.json.as_str()).map(str::to_owned);
    Some(OptionSpec { right: right?, strike: strike?, style: style?, on_future: on_future?, deliverable })
}
