//! Options priced one by one, apart from any book: values, sensitivities, implied volatilities.

use std::collections::BTreeSet;

use ledger::decimal::Exact;
use ledger::json::Json;
use num_traits::{One, Zero};

use crate::error::{Code, Failure};
use crate::input;
use crate::money::{Figure, Overflow};
use crate::pricing::{Model, OptionTerms, Priced, Pricer, Right, Style, VOL_NOT_FOUND, Volatility};
use crate::reader::{Bound, Fields, Node, Reader, Spot};

const PRICE_SCHEMA: &str = "pledger.margin.price.v1";
const PRICED_SCHEMA: &str = "pledger.margin.priced.v1";
/// Steps of a tree whose case does not say.
const STEPS: u16 = 200;
/// A deeper tree costs its square in time and gains nothing.
const STEPS_MAX: u16 = 5_000;

/// Prices each case of a `pledger.margin.price.v1` file, and prints `pledger.margin.priced.v1`: value,
/// delta, gamma, vega (per 1.00 of volatility), theta (per year) and rho (per 1.00 of the rate), each
/// to 1e-8. A tree gives its value and the delta for margin. A case with `price` instead of `vol` is
/// answered with its `implied_vol` too.
///
/// # Errors
/// [`Failure::Input`] with the first mistake by the order of [`Code`].
///
/// ```
/// let input = br#"{"schema":"pledger.margin.price.v1","cases":[{"id":"c","model":"black76","right":"call",
///   "underlying":"100","strike":"100","t":"0.5","rate":"0.02","vol":"0.2"}]}"#;
/// let priced = margin::price(input)?;
/// assert_eq!(priced.pointer("/results/0/value").and_then(|value| value.as_str()), Some("5.58110672"));
/// # Ok::<(), margin::Failure>(())
/// ```
pub fn price(input: &[u8]) -> Result<Json, Failure> {
    price_tree(&input::parse(input)?)
}

/// The same for an input already read.
///
/// # Errors
/// As [`price()`].
pub fn price_tree(input: &Json) -> Result<Json, Failure> {
    let mut reader = Reader::default();
    let cases = read(&mut reader, input);
    reader.outcome()?;
    let answers: Vec<Json> = cases.iter().filter_map(|case| case.answer(&mut reader)).collect();
    reader.outcome()?;
    Ok(Json::object([("schema", Json::text(PRICED_SCHEMA)), ("results", Json::array(answers))]))
}

/// One option to price.
struct Case {
    id: String,
    place: Spot,
    model: Model,
    steps: u16,
    terms: OptionTerms,
    asked: Asked,
}

enum Asked {
    /// Its value at a volatility.
    Value(Exact),
    /// The volatility of a price.
    Volatility(Exact, Spot),
}

fn read(reader: &mut Reader, input: &Json) -> Vec<Case> {
    let root = Node::root(input);
    reader.profile(&root);
    if input.as_object().is_none() {
        reader.note(Code::MalformedJson, &root.spot, "the input must be one JSON object");
        return Vec::new();
    }
    let Some(fields) = reader.fields(&root, &["schema", "cases"]) else { return Vec::new() };
    let schema = fields.get("schema");
    if schema.and_then(|node| node.json.as_str()) != Some(PRICE_SCHEMA) {
        let spot = schema.map_or_else(|| root.spot.absent("schema"), |node| node.spot.clone());
        reader.note(Code::UnsupportedSchema, &spot, format!("must be {PRICE_SCHEMA:?}"));
    }
    let listed = reader.need(&fields, "cases").and_then(|node| reader.elements(node)).unwrap_or_default();
    let mut ids = BTreeSet::new();
    let mut cases = Vec::new();
    for node in &listed {
        let Some(case) = read_case(reader, node) else { continue };
        if !ids.insert(case.id.clone()) {
            reader.note(Code::DuplicateId, &node.spot, format!("a second case {:?}; rename it", case.id));
        }
        cases.push(case);
    }
    cases
}

fn read_case(reader: &mut Reader, node: &Node) -> Option<Case> {
    const KNOWN: [&str; 11] =
        ["id", "model", "right", "underlying", "strike", "t", "rate", "yield", "vol", "price", "steps"];
    const MODELS: [(&str, Model); 3] =
        [("bsm", Model::BlackScholesMerton), ("black76", Model::Black76), ("crr", Model::Tree)];
    let fields = reader.fields(node, &KNOWN)?;
    let id = reader.need(&fields, "id").and_then(|node| reader.text(node));
    let model = reader.need(&fields, "model").and_then(|node| reader.word(node, &MODELS));
    let right = reader
        .need(&fields, "right")
        .and_then(|node| reader.word(node, &[("call", Right::Call), ("put", Right::Put)]));
    let [underlier, strike, years] =
        ["underlying", "strike", "t"].map(|key| number(reader, &fields, key, Bound::NonNegative));
    let rate =
        fields.get("rate").map_or_else(|| Some(Exact::zero()), |node| reader.decimal(node, Bound::Any));
    let carry =
        fields.get("yield").map_or_else(|| Some(Exact::zero()), |node| reader.decimal(node, Bound::Any));
    let steps = fields.get("steps").map_or(Some(STEPS), |node| read_steps(reader, node));
    let asked = read_asked(reader, &fields, node);
    let (model, rate) = (model?, rate?);
    let carry = if model == Model::Black76 { carry.map(|_| rate.clone()) } else { carry };
    let terms = OptionTerms {
        right: right?,
        style: if model == Model::Tree { Style::American } else { Style::European },
        underlier: underlier?,
        strike: strike?,
        years: years?,
        rate,
        carry: carry?,
        leverage: Exact::one(),
    };
    let place = node.spot.clone();
    Some(Case { id: id?.to_owned(), place, model, steps: steps?, terms, asked: asked? })
}

fn number(reader: &mut Reader, fields: &Fields, key: &str, bound: Bound) -> Option<Exact> {
    reader.need(fields, key).and_then(|node| reader.decimal(node, bound))
}

fn read_steps(reader: &mut Reader, node: &Node) -> Option<u16> {
    let steps = reader.text(node)?.parse().ok().filter(|steps| (1..=STEPS_MAX).contains(steps));
    if steps.is_none() {
        reader.note(Code::BadField, &node.spot, format!("must be a whole number from 1 to {STEPS_MAX}"));
    }
    steps
}

fn read_asked(reader: &mut Reader, fields: &Fields, node: &Node) -> Option<Asked> {
    let vol = fields.get("vol").map(|node| reader.decimal(node, Bound::NonNegative));
    let price = fields.get("price").map(|at| (reader.decimal(at, Bound::NonNegative), at.spot.clone()));
    match (vol, price) {
        (Some(vol), None) => Some(Asked::Value(vol?)),
        (None, Some((price, spot))) => Some(Asked::Volatility(price?, spot)),
        (Some(_), Some((_, spot))) => {
            reader.note(Code::BadField, &spot, "a case gives vol or price, not both; remove one");
            None
        }
        (None, None) => {
            reader.note(Code::MissingField, &node.spot.absent("vol"), "vol is required here, or price");
            None
        }
    }
}

impl Case {
    /// The printed answer. `None` means that a mistake was noted.
    fn answer(&self, reader: &mut Reader) -> Option<Json> {
        let (vol, implied) = match &self.asked {
            Asked::Value(vol) => (Volatility::of(vol), None),
            Asked::Volatility(price, spot) => {
                let implied = self.terms.implied_vol_by(price, self.steps);
                if implied.is_none() {
                    reader.note(Code::ImpliedVolNotFound, spot, format!("{:?}: {VOL_NOT_FOUND}", self.id));
                }
                (implied?, implied)
            }
        };
        let figures = self.figures(&self.terms.clone().at(vol), implied);
        let figures = figures.unwrap_or_else(|Overflow| {
            let message = format!("the value of {:?} does not fit; use smaller numbers", self.id);
            reader.note(Code::Overflow, &self.place, message);
            Vec::new()
        });
        let printed = figures.into_iter().map(|(name, figure)| (name, Json::text(figure.to_string())));
        Some(Json::object([("id", Json::text(self.id.as_str()))].into_iter().chain(printed)))
    }

    fn figures(
        &self,
        priced: &Priced,
        implied: Option<Volatility>,
    ) -> Result<Vec<(&'static str, Figure)>, Overflow> {
        let pricer = Pricer::new(self.steps, &Exact::zero());
        let mut figures = vec![("value", priced.value(pricer)?)];
        match self.model {
            Model::BlackScholesMerton | Model::Black76 => {
                let greeks = priced.greeks()?;
                figures.extend([
                    ("delta", greeks.delta),
                    ("gamma", greeks.gamma),
                    ("vega", greeks.vega),
                    ("theta", greeks.theta),
                    ("rho", greeks.rho),
                ]);
            }
            Model::Tree => figures.push(("delta", priced.delta(pricer)?)),
        }
        if let Some(implied) = implied {
            figures.push(("implied_vol", implied.figure()?));
        }
        Ok(figures)
    }
}
