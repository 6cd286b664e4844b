//! How a rule book would have done: the requirement of each past day against what the book then
//! lost, tested, and how far the requirement itself moved.
//!
//! Source: margin specification, section 10.

mod history;
mod report;
mod roll;
mod statistics;

pub use history::History;

use ledger::decimal::{Exact, ten_to};
use ledger::digest::Digest;
use ledger::json::Json;
use ledger::time::Timestamp;
use num_bigint::BigInt;
use num_traits::One;

use crate::error::{Code, Failure, InputError};
use crate::input::{self, Input, Purpose};
use crate::instrument::Kind;
use crate::money::{Currency, Figure};
use crate::portfolio::Portfolio;
use crate::reader::{Bound, Node, Reader};
use crate::regime::harmonized::Circumstances;
use crate::regime::prepared::Prepared;
use crate::regime::{Regime, RegimeRef};
use crate::run::Checked;
use roll::{RETURNS_MIN, Roll};
use statistics::{Coverage, coverage, quotient};

/// The schema of a printed back-test.
const BACKTEST_SCHEMA: &str = "pledger.margin.backtest.v1";
/// The schema of a coverage case.
const COVERAGE_SCHEMA: &str = "pledger.margin.coverage.v1";
/// Steps over which a rise of the requirement is told, in listed dates.
const CALL_STEPS: [usize; 3] = [1, 5, 30];

/// A back-test of each rule book, with the series that it rests on.
#[derive(Clone, Debug)]
pub struct Backtest {
    as_of: Timestamp,
    input_sha256: Digest,
    history_sha256: Option<Digest>,
    currency: Currency,
    rate: Exact,
    horizons: Vec<usize>,
    dates: Vec<String>,
    vol_ratios: Vec<Figure>,
    /// Loss of the book by horizon, then by start; a gain is negative.
    losses: Vec<Vec<Exact>>,
    asynchronous: bool,
    has_options: bool,
    series: Vec<Series>,
}

/// What one rule book required on each date.
#[derive(Clone, Debug)]
struct Series {
    regime: String,
    sha256: Digest,
    /// As it is called: in whole cents (or 1e-8 of a coin), toward +∞.
    requirements: Vec<BigInt>,
}

/// Back-tests the rule books on one input and its history; without any, those that the input
/// names, and else every one that is computed.
///
/// # Errors
/// As [`crate::run()`], and `too_little_history` and `asynchronous_closes`.
pub fn backtest(input: &[u8], history: &History, regimes: &[RegimeRef]) -> Result<Backtest, Failure> {
    backtest_tree(&input::parse(input)?, history, regimes)
}

/// The same for an input already read.
///
/// # Errors
/// As [`backtest`].
pub fn backtest_tree(input: &Json, history: &History, regimes: &[RegimeRef]) -> Result<Backtest, Failure> {
    let named: Vec<&str> = match input.get("regimes").and_then(Json::as_array) {
        Some(names) if regimes.is_empty() => names.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    };
    let asked: Vec<RegimeRef> = if !regimes.is_empty() {
        regimes.to_vec()
    } else if !named.is_empty() {
        named.into_iter().map(RegimeRef::Named).collect()
    } else {
        Regime::built_ids().map(RegimeRef::Named).collect()
    };
    let checked = Checked::new(input, &asked, Purpose::Backtest)?;
    let roll = Roll::new(&checked.input, &checked.portfolio, history)?;
    let days = days(&checked, &roll)?;
    collect(&checked, &roll, history, &days)
}

/// One date: the book at its prices, and what each rule book required.
struct Day {
    portfolio: Portfolio,
    requirements: Vec<Figure>,
}

/// Every date from the first figure on.
fn days(checked: &Checked, roll: &Roll) -> Result<Vec<Day>, Failure> {
    let day = |date: usize| {
        let input = roll.input_on(date);
        let mut reader = Reader::default();
        let portfolio = Portfolio::join(&mut reader, &input, &checked.library);
        reader.outcome()?;
        let circumstances = Circumstances {
            vol_ratio: input.market.vol_ratio,
            previous: None,
            ..checked.circumstances.clone()
        };
        let required = checked.library.chosen.iter().map(|regime| {
            let prepared = Prepared::new(regime, &checked.library, &portfolio, &circumstances)?;
            let accounts = portfolio.accounts.iter();
            let of_each = accounts.map(|(account, held)| Ok(prepared.assess(account, held)?.requirement));
            Ok(Figure::total(of_each.collect::<Result<Vec<_>, Failure>>()?)?)
        });
        let requirements = required.collect::<Result<_, Failure>>()?;
        Ok(Day { portfolio, requirements })
    };
    (RETURNS_MIN..roll.dates.len()).map(day).collect()
}

fn collect(checked: &Checked, roll: &Roll, history: &History, days: &[Day]) -> Result<Backtest, Failure> {
    let Input { backtest, currency, .. } = &checked.input;
    let losses = backtest.horizons.iter().map(|horizon| {
        let ends = days.iter().skip(*horizon).enumerate();
        let loss = ends.map(|(from, end)| Ok(-roll.pnl(&days[from].portfolio, &end.portfolio, *horizon)?));
        loss.collect::<Result<Vec<Exact>, Failure>>()
    });
    let losses = losses.collect::<Result<_, _>>()?;
    let series = checked.library.chosen.iter().enumerate().map(|(place, regime)| Series {
        regime: regime.id().to_owned(),
        sha256: regime.sha256(),
        requirements: days.iter().map(|day| currency.minor_up(&day.requirements[place].exact())).collect(),
    });
    Ok(Backtest {
        as_of: checked.input.market.as_of,
        input_sha256: checked.input.sha256,
        history_sha256: history.sha256(),
        currency: currency.clone(),
        rate: backtest.rate.clone(),
        horizons: backtest.horizons.clone(),
        dates: roll.dates[RETURNS_MIN..].to_vec(),
        vol_ratios: roll.vol_ratios[RETURNS_MIN..].to_vec(),
        losses,
        asynchronous: roll.asynchronous,
        has_options: checked.portfolio.contracts.iter().any(|contract| contract.kind == Kind::Option),
        series: series.collect(),
    })
}

impl Backtest {
    /// The printed back-test, `pledger.margin.backtest.v1`.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut members = vec![
            ("schema", Json::text(BACKTEST_SCHEMA)),
            ("engine", Json::text(crate::ENGINE)),
            ("as_of", Json::text(self.as_of.to_string())),
            ("input_sha256", Json::text(self.input_sha256.to_string())),
        ];
        members.extend(self.history_sha256.map(|digest| ("history_sha256", Json::text(digest.to_string()))));
        members.extend([
            ("reporting_currency", Json::text(self.currency.code())),
            ("rate", Json::text(crate::money::print_exact(&self.rate))),
            ("from", Json::text(self.dates.first().cloned().unwrap_or_default())),
            ("to", Json::text(self.dates.last().cloned().unwrap_or_default())),
            ("regimes", Json::array(self.series.iter().map(|series| self.series_json(series)))),
        ]);
        Json::object(members)
    }

    fn series_json(&self, series: &Series) -> Json {
        let horizons = (0..self.horizons.len()).map(|place| self.horizon_json(series, place));
        Json::object([
            ("regime", Json::text(series.regime.as_str())),
            ("regime_sha256", Json::text(series.sha256.to_string())),
            ("horizons", Json::array(horizons)),
            ("requirement", self.requirement_json(&series.requirements)),
        ])
    }

    /// Whether the loss from each start exceeded what was required then.
    fn hits(&self, series: &Series, horizon: usize) -> Vec<bool> {
        let starts = self.losses[horizon].iter().zip(&series.requirements);
        starts.map(|(loss, required)| self.exceeds(loss, required)).collect()
    }

    fn exceeds(&self, loss: &Exact, required: &BigInt) -> bool {
        loss * ten_to(self.currency.decimals()) > Exact::from(required.clone())
    }

    fn horizon_json(&self, series: &Series, horizon: usize) -> Json {
        let hits = self.hits(series, horizon);
        let mut members = vec![("days", Json::text(self.horizons[horizon].to_string()))];
        members.extend(coverage_members(&coverage(&hits, &self.rate)));
        // The first of equals: `max_by` keeps the last.
        let losses = self.losses[horizon].iter().zip(&self.dates).rev();
        if let Some((loss, date)) = losses.max_by(|a, b| a.0.cmp(b.0)) {
            let loss = self.currency.print_minor(&self.currency.minor_up(loss));
            members.extend([("worst_loss", Json::text(loss)), ("worst_date", Json::text(date.as_str()))]);
        }
        let apart: Vec<bool> = hits.into_iter().step_by(self.horizons[horizon]).collect();
        members.push(("non_overlapping", Json::object(coverage_members(&coverage(&apart, &self.rate)))));
        if self.asynchronous {
            members.push((
                "asynchronous_closes",
                Json::text("allowed: differences of clocks are in the losses"),
            ));
        }
        if self.has_options {
            members.push(("note", Json::text("option coverage not measured: volatility is held")));
        }
        Json::object(members)
    }

    /// Ratios are of the money that is called, so they can be checked on what is printed.
    fn requirement_json(&self, requirements: &[BigInt]) -> Json {
        let (least, most) = (requirements.iter().min(), requirements.iter().max());
        let (Some(least), Some(most)) = (least, most) else { return Json::Object(Vec::new()) };
        let mean = Exact::new(requirements.iter().sum(), BigInt::from(requirements.len()));
        let money = |minor: &BigInt| Json::text(self.currency.print_minor(minor));
        let ratio = |figure: Figure| Json::text(figure.to_string());
        let mut members =
            vec![("min", money(least)), ("max", money(most)), ("mean", money(&mean.ceil().to_integer()))];
        members.extend(quotient(most, least).map(|value| ("peak_to_trough", ratio(value))));
        for (name, step) in ["call_1", "call_5", "call_30"].into_iter().zip(CALL_STEPS) {
            let pairs = requirements.iter().skip(step).zip(requirements);
            let largest = pairs.filter_map(|(later, before)| quotient(&(later - before), before)).max();
            members.extend(largest.map(|value| (name, ratio(value))));
        }
        Json::object(members)
    }
}

fn coverage_members(coverage: &Coverage) -> Vec<(&'static str, Json)> {
    let text = |figure: Figure| Json::text(figure.to_string());
    vec![
        ("observations", Json::text(coverage.observations.to_string())),
        ("expected", text(coverage.expected)),
        ("exceedances", Json::text(coverage.exceedances.to_string())),
        ("power_against_twice_the_rate", text(coverage.power)),
        ("kupiec", text(coverage.kupiec.statistic)),
        ("kupiec_p", text(coverage.kupiec.p_value)),
        ("christoffersen", text(coverage.christoffersen.statistic)),
        ("christoffersen_p", text(coverage.christoffersen.p_value)),
        ("conditional", text(coverage.conditional.statistic)),
        ("conditional_p", text(coverage.conditional.p_value)),
    ]
}

/// What a back-test asks of the input beside the book.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// Expected rate of exceedances.
    pub(crate) rate: Exact,
    /// In listed dates.
    pub(crate) horizons: Vec<usize>,
    pub(crate) allow_asynchronous: bool,
}

/// Longest horizon, in listed dates.
const HORIZON_MAX: usize = 250;

impl Terms {
    /// Reads the members of an input, whose spelling is checked whatever the input is read for.
    pub(crate) fn read<'a, 'n: 'a>(
        reader: &mut Reader,
        get: impl Fn(&str) -> Option<&'a Node<'n>>,
    ) -> Option<Self> {
        let rate = match get("rate") {
            Some(node) => read_rate(reader, node),
            None => Some(Exact::new(1.into(), 100.into())),
        };
        let horizons = match get("horizons") {
            Some(node) => {
                let elements = reader.elements(node)?;
                elements.iter().map(|node| read_horizon(reader, node)).collect()
            }
            None => Some(vec![1, 2, 5]),
        };
        for node in get("regimes").and_then(|node| reader.elements(node)).unwrap_or_default() {
            reader.text(&node);
        }
        let allow_asynchronous = get("allow_asynchronous").map_or(Some(false), |node| reader.flag(node));
        Some(Self { rate: rate?, horizons: horizons?, allow_asynchronous: allow_asynchronous? })
    }
}

fn read_rate(reader: &mut Reader, node: &Node) -> Option<Exact> {
    let rate = reader.decimal(node, Bound::Positive)?;
    if rate >= Exact::one() {
        reader.note(Code::BadField, &node.spot, "must be below 1");
        return None;
    }
    Some(rate)
}

fn read_horizon(reader: &mut Reader, node: &Node) -> Option<usize> {
    let days = reader.decimal(node, Bound::Positive)?;
    let whole = days.is_integer().then(|| usize::try_from(days.to_integer()).ok()).flatten();
    let fits = whole.filter(|days| *days <= HORIZON_MAX);
    if fits.is_none() {
        reader.note(Code::BadField, &node.spot, format!("must be a whole number from 1 to {HORIZON_MAX}"));
    }
    fits
}

/// The tests on a row of exceedances given as `0` and `1`: `{"schema","hits","rate"}`.
///
/// # Errors
/// [`InputError`] for a document that is none.
pub fn coverage_tree(input: &Json) -> Result<Json, InputError> {
    let mut reader = Reader::default();
    let root = Node::root(input);
    reader.profile(&root);
    let fields = reader.fields(&root, &["schema", "hits", "rate"]);
    let mut hits = None;
    let mut rate = None;
    if let Some(fields) = &fields {
        if fields.get("schema").and_then(|node| node.json.as_str()) != Some(COVERAGE_SCHEMA) {
            let spot =
                fields.get("schema").map_or_else(|| root.spot.absent("schema"), |node| node.spot.clone());
            reader.note(Code::UnsupportedSchema, &spot, format!("must be {COVERAGE_SCHEMA:?}"));
        }
        hits = reader.need(fields, "hits").and_then(|node| read_hits(&mut reader, node));
        rate = reader.need(fields, "rate").and_then(|node| read_rate(&mut reader, node));
    }
    reader.outcome()?;
    match (hits, rate) {
        (Some(hits), Some(rate)) => Ok(Json::object(coverage_members(&coverage(&hits, &rate)))),
        (None, _) | (_, None) => unreachable!("what could not be read was noted"),
    }
}

fn read_hits(reader: &mut Reader, node: &Node) -> Option<Vec<bool>> {
    let digit = |digit: char| match digit {
        '0' => Some(false),
        '1' => Some(true),
        _ => None,
    };
    let hits = node.json.as_str().and_then(|text| text.chars().map(digit).collect());
    if hits.is_none() {
        reader.note(Code::BadField, &node.spot, "must be a string of 0 and 1, one for each observation");
    }
    hits
}
