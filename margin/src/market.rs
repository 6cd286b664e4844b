//! Prices at one time: what instruments and underlyings are worth, and how old each price is.

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use ledger::time::Timestamp;
use num_bigint::BigInt;
use num_traits::{One, Zero};

use crate::error::Code;
use crate::pricing::{Surface, SurfacePoint};
use crate::reader::{Bound, Node, Reader, Spot};

/// Scenarios of a given risk array.
const RISK_ARRAY_LEN: usize = 16;

/// An underlying at the market's time.
#[derive(Clone, Debug)]
pub(crate) struct Underlying {
    pub(crate) price: Option<Exact>,
    /// Continuously compounded, per year.
    pub(crate) rate: Exact,
    /// What holding it yields, continuously compounded, per year.
    pub(crate) carry: Exact,
    /// Average daily value traded. Absent: no liquidity term, and not eligible.
    pub(crate) adv_value: Option<Exact>,
    pub(crate) spread: Exact,
    pub(crate) as_of: Option<(Timestamp, Spot)>,
}

/// An instrument's quote at the market's time.
#[derive(Clone, Debug)]
pub(crate) struct Quote {
    pub(crate) price: Option<Exact>,
    /// Where the price stands: the place that mistakes about it point to.
    pub(crate) price_spot: Option<Spot>,
    /// What an option is priced by, whatever its price.
    pub(crate) vol: Option<Exact>,
    /// P&L of one long contract per scenario, in the instrument's currency.
    pub(crate) risk_array: Option<Vec<Exact>>,
    /// Leave it out of net option value.
    pub(crate) no_value: bool,
    pub(crate) as_of: Option<(Timestamp, Spot)>,
}

/// One market: a time and what was known then.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) as_of: Timestamp,
    max_age_s: Option<Exact>,
    /// Current over long-run volatility; 1 if not given.
    pub(crate) vol_ratio: Exact,
    pub(crate) fx: BTreeMap<String, Exact>,
    pub(crate) underlyings: BTreeMap<String, Underlying>,
    pub(crate) quotes: BTreeMap<String, Quote>,
    /// Volatilities by underlying.
    pub(crate) surfaces: BTreeMap<String, Surface>,
}

impl Market {
    pub(crate) fn read(reader: &mut Reader, node: &Node) -> Option<Self> {
        const KNOWN: [&str; 8] =
            ["as_of", "source", "max_age_s", "vol_ratio", "fx", "underlyings", "instruments", "surface"];
        let fields = reader.fields(node, &KNOWN)?;
        let as_of = reader.need(&fields, "as_of").and_then(|node| reader.instant(node));
        if let Some(source) = fields.get("source") {
            reader.text(source);
        }
        let max_age_s = fields.get("max_age_s").and_then(|node| reader.decimal(node, Bound::NonNegative));
        let vol_ratio = fields
            .get("vol_ratio")
            .map_or_else(|| Some(Exact::one()), |node| reader.decimal(node, Bound::NonNegative));
        let fx = keyed(reader, fields.get("fx"), |reader, node| reader.decimal(node, Bound::Positive));
        let underlyings = keyed(reader, fields.get("underlyings"), read_underlying);
        let quotes = keyed(reader, fields.get("instruments"), read_quote);
        let surfaces = keyed(reader, fields.get("surface"), |reader, node| {
            let points = reader.elements(node)?.into_iter();
            let points: Vec<_> = points.filter_map(|point| read_surface_point(reader, &point)).collect();
            Some(Surface::new(&points))
        });
        Some(Self { as_of: as_of?, max_age_s, vol_ratio: vol_ratio?, fx, underlyings, quotes, surfaces })
    }

    /// Whether a price of that time is older than the market allows.
    pub(crate) fn is_stale(&self, price_as_of: Timestamp) -> bool {
        let age_ms = self.as_of.millis_since(price_as_of).unwrap_or(0);
        let age_s = Exact::new(age_ms.into(), BigInt::from(1_000));
        self.max_age_s.as_ref().is_some_and(|max| age_s > *max)
    }

    /// The date of `as_of`, as classification entries write it.
    pub(crate) fn date(&self) -> String {
        self.as_of.to_string().chars().take(10).collect()
    }
}

fn keyed<'a, T>(
    reader: &mut Reader,
    node: Option<&Node<'a>>,
    mut read: impl FnMut(&mut Reader, &Node<'a>) -> Option<T>,
) -> BTreeMap<String, T> {
    let members = node.and_then(|node| reader.members(node)).unwrap_or_default();
    members.into_iter().filter_map(|(key, node)| Some((key.to_owned(), read(reader, &node)?))).collect()
}

fn read_underlying(reader: &mut Reader, node: &Node) -> Option<Underlying> {
    const KNOWN: [&str; 7] = ["price", "rate", "yield", "adv_value", "spread", "as_of", "source"];
    let fields = reader.fields(node, &KNOWN)?;
    let [rate, carry] = ["rate", "yield"].map(|key| {
        fields.get(key).map_or_else(|| Some(Exact::zero()), |node| reader.decimal(node, Bound::Any))
    });
    if let Some(source) = fields.get("source") {
        reader.text(source);
    }
    let price = fields.get("price").and_then(|node| reader.decimal(node, Bound::Positive));
    let adv_value = fields.get("adv_value").and_then(|node| reader.decimal(node, Bound::Positive));
    let spread = fields
        .get("spread")
        .map_or_else(|| Some(Exact::zero()), |node| reader.decimal(node, Bound::NonNegative));
    let as_of = fields.get("as_of").and_then(|node| Some((reader.instant(node)?, node.spot.clone())));
    Some(Underlying { price, rate: rate?, carry: carry?, adv_value, spread: spread?, as_of })
}

fn read_quote(reader: &mut Reader, node: &Node) -> Option<Quote> {
    const KNOWN: [&str; 6] = ["price", "vol", "as_of", "source", "risk_array", "no_value"];
    let fields = reader.fields(node, &KNOWN)?;
    let vol = fields.get("vol").and_then(|node| reader.decimal(node, Bound::Positive));
    if let Some(source) = fields.get("source") {
        reader.text(source);
    }
    let price = fields.get("price").and_then(|node| reader.decimal(node, Bound::NonNegative));
    let price_spot = fields.get("price").map(|node| node.spot.clone());
    let as_of = fields.get("as_of").and_then(|node| Some((reader.instant(node)?, node.spot.clone())));
    let risk_array = fields.get("risk_array").and_then(|node| read_risk_array(reader, node));
    let no_value = fields.get("no_value").map_or(Some(false), |node| reader.flag(node));
    Some(Quote { price, price_spot, vol, risk_array, no_value: no_value?, as_of })
}

fn read_risk_array(reader: &mut Reader, node: &Node) -> Option<Vec<Exact>> {
    let elements = reader.elements(node)?;
    if elements.len() != RISK_ARRAY_LEN {
        let message = format!("must have {RISK_ARRAY_LEN} scenarios, has {}", elements.len());
        reader.note(Code::BadField, &node.spot, message);
    }
    elements.iter().map(|element| reader.decimal(element, Bound::Any)).collect()
}

fn read_surface_point(reader: &mut Reader, node: &Node) -> Option<SurfacePoint> {
    let fields = reader.fields(node, &["t", "k", "vol"])?;
    let years = match fields.get("t") {
        Some(node) => Some(reader.decimal(node, Bound::NonNegative)?),
        None => None,
    };
    let [moneyness, vol] = ["k", "vol"]
        .map(|key| reader.need(&fields, key).and_then(|node| reader.decimal(node, Bound::Positive)));
    Some(SurfacePoint { years, moneyness: moneyness?, vol: vol? })
}
