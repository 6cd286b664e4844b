//! The input of `pledger call compute`: one file with everything an amount needs.

use std::collections::BTreeMap;

use super::agreement::{Agreement, Flavour, ImApproach};
use super::amount::{Computation, ComputeError, compute};
use super::error::{Faults, Section, TermsCode, TermsError};
use super::explain::Source;
use super::figures::{Disputed, Figures, MarginFigure};
use super::input_lists::{read_assets, read_fx, read_items, read_prices};
use super::output::computation_json;
use super::read::{AGREEMENT, read_agreement};
use super::reader::{Node, Object, Shape, check_strict};
use crate::json::{Json, read};
use crate::valuation::{BySide, Item, Market, Side, ValuationError};

const AS_OF: Section = Section { field: 0, value: 0 };
const EXPOSURE: Section = Section { field: 0, value: 6 };
const ASSETS: Section = Section { field: 2, value: 7 };
const PRICES: Section = Section { field: 4, value: 8 };
const FX: Section = Section { field: 5, value: 9 };
const COLLATERAL: Section = Section { field: 3, value: 10 };
const MARGIN: Section = Section { field: 0, value: 11 };
const DISPUTED: Section = Section { field: 0, value: 12 };

const SHAPE: Shape = Shape {
    required: &["as_of", "exposure", "agreement", "assets", "prices", "collateral"],
    optional: &["margin", "requirement", "disputed", "in_default", "fx"],
};
const IM_SHAPE: Shape = Shape {
    required: &["as_of", "margin", "agreement", "assets", "prices", "collateral"],
    optional: &["exposure", "requirement", "disputed", "in_default", "fx"],
};

/// A whole input, read and checked.
#[derive(Clone, Debug)]
pub struct ComputeInput {
    /// The agreement.
    pub agreement: Agreement,
    /// Exposure, margin, disputes, defaults.
    pub figures: Figures,
    /// Assets, prices and rates.
    pub market: Market,
    /// What is posted.
    pub items: Vec<Item>,
    price_places: BTreeMap<String, usize>,
    fx_places: BTreeMap<String, usize>,
}

/// Computes the amount that an input asks for, and prints it.
///
/// # Errors
/// [`TermsError`], the first by precedence.
pub fn compute_json(bytes: &[u8]) -> Result<Json, TermsError> {
    let input = ComputeInput::parse(bytes)?;
    let computation = input.compute()?;
    let cite = |source| Json::text(file_cite(source));
    Ok(computation_json(&input.agreement, input.market.as_of, &computation, cite))
}

impl ComputeInput {
    /// Reads an input from the bytes of its file.
    ///
    /// # Errors
    /// [`TermsError`], the first by precedence.
    pub fn parse(bytes: &[u8]) -> Result<Self, TermsError> {
        let json = read(bytes).map_err(|error| TermsError {
            code: TermsCode::BadJson,
            path: String::new(),
            message: format!("write one JSON object: {error}"),
        })?;
        Self::read(&json)
    }

    /// Reads an input.
    ///
    /// # Errors
    /// [`TermsError`], the first by precedence.
    pub fn read(json: &Json) -> Result<Self, TermsError> {
        let faults = Faults::default();
        check_strict(json, "", &faults);
        let read = read_input(&Node::root(json, "", AS_OF, &faults));
        faults.settle(read)
    }

    /// Computes the amount.
    ///
    /// # Errors
    /// [`TermsError`] for what only the computation finds: prices, rates, overflow.
    pub fn compute(&self) -> Result<Computation, TermsError> {
        compute(&self.agreement, &self.figures, &self.market, &self.items).map_err(|error| self.place(error))
    }

    /// The fault to tell, with the place in the file that is to change.
    fn place(&self, error: ComputeError) -> TermsError {
        let at = |code, path: &str| TermsError { code, path: path.to_owned(), message: error.to_string() };
        match &error {
            // Reading has refused these three already.
            ComputeError::ExposureMissing => at(TermsCode::MissingField, "/exposure"),
            ComputeError::MarginMissing { secured } => {
                at(TermsCode::MissingField, &format!("/margin/{secured}"))
            }
            ComputeError::RequirementNotAsked => at(TermsCode::TermsConflict, "/requirement"),
            ComputeError::Valuation(errors) => {
                let items: BTreeMap<&str, usize> =
                    self.items.iter().enumerate().map(|(place, item)| (item.id.as_str(), place)).collect();
                let mut placed: Vec<(u8, usize, TermsError)> =
                    errors.iter().map(|error| self.place_valuation(error, &items)).collect();
                placed.sort_by_key(|(section, place, error)| (error.code, *section, *place));
                placed.into_iter().next().map_or_else(|| at(TermsCode::BadValue, ""), |(_, _, error)| error)
            }
        }
    }

    fn place_valuation(
        &self,
        error: &ValuationError,
        items: &BTreeMap<&str, usize>,
    ) -> (u8, usize, TermsError) {
        let item_at = |id: &String| items.get(id.as_str()).copied().unwrap_or_default();
        let price_at = |asset: &String| self.price_places.get(asset).copied();
        let fx_at = |currency: &String| self.fx_places.get(currency).copied().unwrap_or_default();
        let (code, section, list, place, member) = match error {
            ValuationError::AssetUnknown { item, .. } => {
                (TermsCode::UnknownReference, COLLATERAL, "collateral", item_at(item), "/asset")
            }
            ValuationError::PriceMissing { item, .. } => {
                (TermsCode::PriceMissing, COLLATERAL, "collateral", item_at(item), "/asset")
            }
            ValuationError::PriceAfterAsOf { asset } => {
                (TermsCode::PriceAfterAsOf, PRICES, "prices", price_at(asset).unwrap_or_default(), "/as_of")
            }
            ValuationError::FxAfterAsOf { currency } => {
                (TermsCode::PriceAfterAsOf, FX, "fx", fx_at(currency), "/as_of")
            }
            ValuationError::PriceStale { asset } => {
                (TermsCode::PriceStale, PRICES, "prices", price_at(asset).unwrap_or_default(), "/as_of")
            }
            ValuationError::FxStale { currency } => {
                (TermsCode::PriceStale, FX, "fx", fx_at(currency), "/as_of")
            }
            ValuationError::FxMissing { item, asset, .. } => match price_at(asset) {
                Some(place) => (TermsCode::FxMissing, PRICES, "prices", place, "/currency"),
                None => (TermsCode::FxMissing, COLLATERAL, "collateral", item_at(item), "/asset"),
            },
            ValuationError::MarketValueOverflow { item } => {
                (TermsCode::Overflow, COLLATERAL, "collateral", item_at(item), "/amount")
            }
            ValuationError::TotalOverflow => {
                let message = error.to_string();
                let error = TermsError { code: TermsCode::Overflow, path: "/collateral".to_owned(), message };
                return (COLLATERAL.value, usize::MAX, error);
            }
        };
        let path = format!("/{list}/{place}{member}");
        (section.value, place, TermsError { code, path, message: error.to_string() })
    }
}

/// Where in an input file a figure stands: a JSON pointer.
#[must_use]
pub fn file_cite(source: Source) -> String {
    match source {
        Source::Exposure => "/exposure".to_owned(),
        Source::Requirement(side) => format!("/requirement/{side}"),
        Source::MarginAmount(side) => format!("/margin/{side}/amount"),
        Source::MarginIa(side) => format!("/margin/{side}/ia"),
        Source::IndependentAmount(side) => format!("/agreement/terms/{side}/independent_amount"),
        Source::Threshold(side) => format!("/agreement/terms/{side}/threshold"),
        Source::Mta(side) => format!("/agreement/terms/{side}/mta"),
        Source::Item(place) => format!("/collateral/{place}"),
        Source::Disputed => "/disputed/amount".to_owned(),
        Source::Rounding => "/agreement/rounding".to_owned(),
    }
}

fn read_input(node: &Node) -> Option<ComputeInput> {
    let flavour = node.json().pointer("/agreement/flavour").and_then(Json::as_str);
    let asks_margin = flavour == Some(Flavour::Im2018.as_str());
    let object = node.object(if asks_margin { &IM_SHAPE } else { &SHAPE })?;
    let as_of = object.need("as_of", |n| n.clone().within(AS_OF).timestamp());
    let agreement = object.need("agreement", |n| read_agreement(&n.clone().within(AGREEMENT)));
    let figures = read_figures(&object, agreement.as_ref());
    let assets = object.need("assets", |n| read_assets(&n.clone().within(ASSETS)));
    let known = assets.as_ref();
    let prices = object.need("prices", |n| read_prices(&n.clone().within(PRICES), known));
    let fx = object.or("fx", Vec::new(), |n| read_fx(&n.clone().within(FX)));
    let items = object.need("collateral", |n| read_items(&n.clone().within(COLLATERAL), known));
    let (agreement, prices, fx) = (agreement?, prices?, fx?);
    let places = |names: Vec<&String>| -> BTreeMap<String, usize> {
        names.into_iter().enumerate().map(|(place, name)| (name.clone(), place)).collect()
    };
    Some(ComputeInput {
        price_places: places(prices.iter().map(|(asset, _)| asset).collect()),
        fx_places: places(fx.iter().map(|(currency, _)| currency).collect()),
        figures: figures?,
        market: Market {
            as_of: as_of?,
            base_currency: agreement.base_currency.clone(),
            max_price_age: agreement.max_price_age,
            assets: assets?,
            prices: prices.into_iter().collect(),
            fx: fx.into_iter().collect(),
        },
        items: items?,
        agreement,
    })
}

fn read_figures(object: &Object, agreement: Option<&Agreement>) -> Option<Figures> {
    let exposure = object.maybe("exposure", |n| n.clone().within(EXPOSURE).value());
    let requirement = object.or("requirement", BySide::default(), |n| {
        let node = n.clone().within(MARGIN);
        if agreement.is_some_and(|agreement| agreement.flavour != Flavour::Crypto247) {
            node.fault(TermsCode::TermsConflict, "leave the requirement out: only crypto_247 asks one");
        }
        node.by_side(&None, |side| side.quantity().map(Some))
    });
    let margin =
        object.or("margin", BySide::default(), |n| read_margin(&n.clone().within(MARGIN), agreement));
    let disputed = object.maybe("disputed", |n| read_disputed(&n.clone().within(DISPUTED), agreement));
    let in_default = object.or("in_default", BySide::default(), |n| {
        let sides = n.clone().within(DISPUTED).each(|side| side.word(Side::ALL, Side::parse))?;
        Some(BySide { a: sides.contains(&Side::A), b: sides.contains(&Side::B) })
    });
    Some(Figures {
        exposure: exposure?,
        requirement: requirement?,
        margin: margin?,
        disputed: disputed?,
        in_default: in_default?,
    })
}

fn read_margin(node: &Node, agreement: Option<&Agreement>) -> Option<BySide<Option<MarginFigure>>> {
    let sides = node.object(&Shape { required: &[], optional: &["a", "b"] })?;
    let asking = agreement.filter(|agreement| agreement.flavour == Flavour::Im2018);
    let greater_of = asking.is_some_and(|agreement| agreement.im_approach == ImApproach::GreaterOf);
    let one = |side: Side| {
        let asked = asking.is_some_and(|agreement| agreement.secured_sides().contains(&side));
        if asked && sides.get(side.as_str()).is_none() {
            sides.missing(side.as_str());
        }
        sides.maybe(side.as_str(), |n| {
            let object = n.object(&Shape { required: &["amount"], optional: &["ia"] })?;
            if asked && greater_of && object.get("ia").is_none() {
                object.missing("ia");
            }
            let amount = object.need("amount", Node::quantity);
            let ia = object.maybe("ia", Node::quantity);
            Some(MarginFigure { amount: amount?, ia: ia? })
        })
    };
    let (a, b) = (one(Side::A), one(Side::B));
    Some(BySide { a: a?, b: b? })
}

fn read_disputed(node: &Node, agreement: Option<&Agreement>) -> Option<Disputed> {
    let object = node.object(&Shape { required: &["secured", "amount"], optional: &[] })?;
    let secured = object.need("secured", |n| {
        let side = n.word(Side::ALL, Side::parse)?;
        if agreement.is_some_and(|agreement| !agreement.secured_sides().contains(&side)) {
            n.fault(TermsCode::UnknownReference, "name the secured party of a leg: b has none one-way");
        }
        Some(side)
    });
    let amount = object.need("amount", Node::quantity);
    Some(Disputed { secured: secured?, amount: amount? })
}
