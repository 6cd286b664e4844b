//! A day at the margin desk: prices in, both rule books side by side, a statement on the record.
//!
//! What is posted and what is due is computed from what the public interface tells, by the function
//! the ledger itself uses: so the client could do it as well.

use ledger::csa;
use ledger::digest::Digest;
use ledger::json::Json;
use margin::{Regime, RegimeRef};
use rust_decimal::Decimal;

use super::book::{self, object};
use super::cast::{Player, text};
use super::facts::{Day, SOURCE};
use super::setting::{Cast, terms};
use super::story::DemoError;
use crate::margin_statement;

/// What a day came to.
pub struct Margined {
    /// Requirement under today's separated rule books, in US dollars.
    pub siloed: String,
    /// Requirement under the harmonised rule book.
    pub harmonized: String,
    /// Saving, as a percentage of the siloed requirement.
    pub percent: String,
    /// The ladder: reason and dollars.
    pub ladder: Vec<(String, String)>,
    /// What the client owes unsettled.
    pub exposure: String,
    /// The statement's id.
    pub statement: String,
    /// What posted collateral counts.
    pub collateral: String,
    /// What is due: action and amount.
    pub due: (String, String),
}

/// Sets the day's prices, margins the book under both rule books and states margin.
///
/// # Errors
/// [`DemoError`].
pub fn margin_day(
    cast: &Cast,
    day: &Day,
    name: &str,
    entered: &Day,
    regime: &Digest,
) -> Result<Margined, DemoError> {
    let prices_bytes = day.price_document().to_jcs().into_bytes();
    let prices = cast.broker.upload(&prices_bytes)?;
    let count = day.collateral_prices().count().to_string();
    let body = object(&[
        ("set", &format!("close-{name}")),
        ("digest", &prices.tagged()),
        ("as_of", &day.as_of),
        ("source", SOURCE),
        ("count", &count),
    ]);
    cast.broker.command("price.set", body)?;

    let positions_bytes = book::document(entered).to_jcs().into_bytes();
    let positions = cast.client.upload(&positions_bytes)?;
    let body = object(&[
        ("portfolio", "meridian-main"),
        ("digest", &positions.tagged()),
        ("as_of", &day.as_of),
        ("count", &book::count().to_string()),
    ]);
    let reported = cast.client.command("position.report", body)?;

    let input = margin_statement::input("USD", (&positions, &positions_bytes), (&prices, &prices_bytes))
        .map_err(|error| DemoError::Unexpected(error.to_string()))?;
    let refused = |failure: margin::Failure| DemoError::Unexpected(failure.to_json().to_string());
    let compared = margin::compare_tree(&input).map_err(refused)?.to_json();
    let book = Regime::shipped_text("us-harmonized").unwrap_or_default();
    let run = margin::run_tree(&input, &[RegimeRef::Text(book)]).map_err(refused)?;
    let exposure = negated(&run.unsettled_gain().to_string())?;
    let report = cast.broker.upload(run.to_json().to_jcs().as_bytes())?;
    let requirement = text(&run.to_json(), "/results/0/total")?;
    let computed = computed(&cast.broker, day, &exposure, &requirement)?;
    let collateral = text(&computed, "/legs/0/posted_value")?;

    let statement = format!("margin-{name}");
    let state_size = (text(&reported, "/seq")?.parse().unwrap_or(0_u64) + 1).to_string();
    let body = object(&[
        ("statement", &statement),
        ("portfolio", "meridian-main"),
        ("agreement", "CSA-MERIDIAN"),
        ("as_of", &day.as_of),
        ("state_size", &state_size),
        ("positions", &positions.tagged()),
        ("prices", &prices.tagged()),
        ("regime", &regime.tagged()),
        ("engine", margin::ENGINE),
        ("exposure", &exposure),
        ("requirement", &requirement),
        ("collateral_value", &collateral),
        ("excess", &excess(&collateral, &requirement, &exposure)?),
        ("report", &report.tagged()),
    ]);
    cast.broker.command("margin.state", body)?;
    let ladder = compared.get("lines").and_then(Json::as_object).unwrap_or_default();
    Ok(Margined {
        siloed: text(&compared, "/status_quo")?,
        harmonized: text(&compared, "/harmonized")?,
        percent: text(&compared, "/percent")?,
        ladder: ladder
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
        exposure,
        statement,
        collateral,
        due: (text(&computed, "/legs/0/action")?, text(&computed, "/legs/0/amount")?),
    })
}

/// The credit support computation over what the public interface tells.
fn computed(reader: &Player, day: &Day, exposure: &str, requirement: &str) -> Result<Json, DemoError> {
    let accounts = reader.read("/v1/accounts?limit=1000")?;
    let items = accounts.get("items").and_then(Json::as_array).unwrap_or_default();
    let posted = items.iter().filter(|account| account.get("book").and_then(Json::as_str) == Some("posted"));
    let collateral = posted
        .map(|account| {
            Ok(object(&[
                ("id", &text(account, "/id")?),
                ("asset", &text(account, "/asset")?),
                ("amount", &text(account, "/available")?),
                ("posted_by", "b"),
                ("state", "held"),
                ("class", &text(account, "/class")?),
            ]))
        })
        .collect::<Result<Vec<_>, DemoError>>()?;
    let listed = reader.read("/v1/assets")?;
    let listed = listed.get("items").and_then(Json::as_array).unwrap_or_default();
    let assets = listed.iter().map(|asset| {
        let wanted = ["id", "kind", "decimals", "currency", "issuer", "issuer_type", "maturity"];
        Json::object(wanted.into_iter().filter_map(|name| Some((name, asset.get(name)?.clone()))))
    });
    let prices = day.collateral_prices().map(|(asset, price)| {
        object(&[("asset", asset), ("price", price), ("currency", "USD"), ("as_of", &day.as_of)])
    });
    let input = Json::object([
        ("as_of", Json::text(&day.as_of)),
        ("exposure", Json::text(exposure)),
        ("requirement", object(&[("a", requirement)])),
        ("agreement", terms()),
        ("assets", Json::array(assets)),
        ("prices", Json::array(prices)),
        ("collateral", Json::array(collateral)),
    ]);
    csa::compute_json(input.to_string().as_bytes()).map_err(|error| DemoError::Unexpected(error.to_string()))
}

fn decimal(text: &str) -> Result<Decimal, DemoError> {
    Decimal::from_str_exact(text).map_err(|error| DemoError::Unexpected(format!("{text}: {error}")))
}

fn print(figure: Decimal) -> String {
    if figure.is_zero() { "0".to_owned() } else { figure.normalize().to_string() }
}

fn negated(text: &str) -> Result<String, DemoError> {
    decimal(text).map(|figure| print(-figure))
}

fn excess(collateral: &str, requirement: &str, exposure: &str) -> Result<String, DemoError> {
    let rest = decimal(collateral)?.checked_sub(decimal(requirement)?);
    let rest = rest.and_then(|rest| rest.checked_sub(decimal(exposure).ok()?));
    rest.map(print).ok_or_else(|| DemoError::Unexpected("a figure is too large".to_owned()))
}
