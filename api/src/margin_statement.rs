//! Margin statements: made from documents on the ledger, and made again by whoever doubts them.
//!
//! A statement names its positions, prices and rule book by digest, and the size of the ledger at
//! which collateral was counted. [`recompute`] is the one function behind both uses, so the broker's
//! figure and the auditor's are the same bytes.
//!
//! Documents: positions are `{schema, book, instruments, classification}` with the parts of the margin
//! specification §3; prices are a [`PriceDocument`] whose `market` is that specification's; the rule
//! book is its TOML text. The level of the agreement's pool is the ledger's, at the same size.

use std::sync::Arc;

use ledger::agreement::{Agreement, AgreementVersion};
use ledger::apply::posted_value;
use ledger::breaker::{BreakerState, Signal};
use ledger::digest::Digest;
use ledger::id::{AgreementId, PartyId, RegimeId};
use ledger::json::{self, Json};
use ledger::market::PriceDocument;
use ledger::pool::Pool;
use ledger::rejection::Rejection;
use ledger::state::State;
use ledger::time::Timestamp;
use margin::{ENGINE, Failure, RegimeRef};
use rust_decimal::Decimal;

/// The schema of position documents.
pub const POSITIONS_SCHEMA: &str = "pledger.positions.v1";

/// What a statement is computed from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Basis {
    /// The agreement it is computed under.
    pub agreement: AgreementId,
    /// Whose book and collateral it is.
    pub pledgor: PartyId,
    /// The position document.
    pub positions: Digest,
    /// The price document.
    pub prices: Digest,
    /// The rule book document.
    pub regime: Digest,
    /// The instant at which the agreement's version and prices are looked at.
    pub at: Timestamp,
}

/// The figures of a statement, in the agreement's base currency.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Figures {
    /// Unsettled gains and losses: positive means the pledgor owes.
    pub exposure: Decimal,
    /// What the rule book requires, in cents, rounded up.
    pub requirement: Decimal,
    /// What posted collateral counts.
    pub collateral_value: Decimal,
    /// Collateral value less requirement and exposure.
    pub excess: Decimal,
    /// The engine that computed it.
    pub engine: &'static str,
    /// The report document: the explained result in canonical JSON.
    pub report: Vec<u8>,
}

/// Why a statement cannot be computed.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// A document is not at hand: nothing can be said.
    #[error("document {0} is not at hand")]
    Missing(Digest),
    /// A document is not what it is named as.
    #[error("document {digest}: {reason}")]
    Unreadable {
        /// The document.
        digest: Digest,
        /// What is wrong with it.
        reason: String,
    },
    /// The agreement was not in force.
    #[error("agreement {0} has no version in force at that size")]
    NoAgreement(AgreementId),
    /// The margin engine refuses the input, or does not compute that part yet.
    #[error("the margin engine refuses: {}", .0.to_json())]
    Margin(Failure),
    /// The collateral has no value.
    #[error("collateral: {code}: {0}", code = .0.code())]
    Collateral(Rejection),
    /// A figure is beyond 28 digits.
    #[error("a figure has more than 28 digits")]
    TooLarge,
}

/// Computes a statement's figures against the state at its size.
///
/// # Errors
/// [`StatementError`].
pub fn recompute(
    state: &State,
    basis: &Basis,
    read: impl Fn(&Digest) -> Option<Arc<[u8]>>,
) -> Result<Figures, StatementError> {
    let document = |digest: &Digest| read(digest).ok_or(StatementError::Missing(*digest));
    let (agreement, version) = in_force(state, basis)?;
    let terms = version.signed.terms();
    let mut input = input(
        terms.base_currency(),
        (&basis.positions, &document(&basis.positions)?),
        (&basis.prices, &document(&basis.prices)?),
    )?;
    let pool = terms.regime().and_then(|regime| RegimeId::parse(regime).ok());
    if let (Some(pool), Json::Object(members)) = (pool.and_then(|id| state.pool(&id)), &mut input) {
        members.push(("pool".to_owned(), pool_json(pool)));
    }
    let regime = document(&basis.regime)?;
    let regime = std::str::from_utf8(&regime)
        .map_err(|error| StatementError::Unreadable { digest: basis.regime, reason: error.to_string() })?;
    let result = margin::run_tree(&input, &[RegimeRef::Text(regime)]).map_err(StatementError::Margin)?;
    let report = result.to_json();
    let printed = report.pointer("/results/0/total").and_then(Json::as_str).map(Decimal::from_str_exact);
    let requirement = printed.and_then(Result::ok).ok_or(StatementError::TooLarge)?;
    let gain = Decimal::from_str_exact(&result.unsettled_gain().to_string());
    let exposure = zero_is_positive(-gain.map_err(|_| StatementError::TooLarge)?);
    let value = posted_value(state, agreement, version, &basis.pledgor, requirement, basis.at);
    let value = value.map_err(StatementError::Collateral)?.to_string();
    let collateral_value = Decimal::from_str_exact(&value).map_err(|_| StatementError::TooLarge)?;
    let excess = collateral_value.checked_sub(requirement).and_then(|rest| rest.checked_sub(exposure));
    let excess = zero_is_positive(excess.ok_or(StatementError::TooLarge)?);
    let report = report.to_jcs().into_bytes();
    Ok(Figures { exposure, requirement, collateral_value, excess, engine: ENGINE, report })
}

/// The pool of the agreement as an input has it: where it stood and what was seen, so that the engine
/// takes the pool's last step again and comes to where it stands.
fn pool_json(pool: &Pool) -> Json {
    let BreakerState { level, theta_factor, calm } = pool.stood;
    let state = [
        ("level", level.to_string()),
        ("theta_factor", theta_factor.to_string()),
        ("calm", calm.to_string()),
    ];
    let seen = Signal::ALL.iter().map(|signal| {
        let number = pool.signals.get(*signal).normalize();
        (signal.as_str(), Json::text(number.to_string()))
    });
    Json::object([
        ("state", Json::object(state.map(|(name, text)| (name, Json::text(text))))),
        ("signals", Json::object(seen)),
    ])
}

fn in_force<'a>(
    state: &'a State,
    basis: &Basis,
) -> Result<(&'a Agreement, &'a AgreementVersion), StatementError> {
    let missing = || StatementError::NoAgreement(basis.agreement.clone());
    let agreement = state.agreement(&basis.agreement).ok_or_else(missing)?;
    let version = agreement.in_force(basis.at).ok_or_else(missing)?;
    Ok((agreement, version))
}

/// Puts a position document and a price document together into the margin engine's input.
///
/// # Errors
/// [`StatementError::Unreadable`].
pub fn input(
    currency: &str,
    (positions_digest, positions): (&Digest, &[u8]),
    (prices_digest, prices): (&Digest, &[u8]),
) -> Result<Json, StatementError> {
    let unreadable = |digest: &Digest, reason: String| StatementError::Unreadable { digest: *digest, reason };
    let tree = json::read(positions).map_err(|error| unreadable(positions_digest, error.to_string()))?;
    if tree.get("schema").and_then(Json::as_str) != Some(POSITIONS_SCHEMA) {
        return Err(unreadable(positions_digest, format!("/schema: expected {POSITIONS_SCHEMA}")));
    }
    let known = ["schema", "book", "instruments", "classification"];
    let members = tree.as_object().unwrap_or_default();
    if members.len() != known.len() {
        return Err(unreadable(positions_digest, format!("its members are {}", known.join(", "))));
    }
    let part = |name: &str| {
        let missing = || unreadable(positions_digest, format!("/{name}: missing"));
        tree.get(name).cloned().ok_or_else(missing)
    };
    let prices = PriceDocument::read(prices).map_err(|reason| unreadable(prices_digest, reason))?;
    let market = prices.market.ok_or_else(|| unreadable(prices_digest, "/market: missing".to_owned()))?;
    Ok(margin::compose(
        currency,
        part("book")?,
        part("instruments")?,
        part("classification")?,
        market,
        Vec::new(),
    ))
}

/// Decimals have a negative zero; figures have not.
fn zero_is_positive(figure: Decimal) -> Decimal {
    if figure.is_zero() { Decimal::ZERO } else { figure.normalize() }
}

#[cfg(test)]
mod tests {
    use ledger::breaker::{Parameters, Signals, step};

    use super::*;

    /// The engine comes to the level and factor that the ledger has.
    #[test]
    fn the_engine_stands_where_the_pool_stands() {
        let book = margin::Regime::shipped("us-harmonized").unwrap();
        let table = book.content().get("breaker").unwrap();
        let parameters = Arc::new(Parameters::read(table).unwrap());
        let mut pool: Option<Pool> = None;
        for fall in ["0.08", "0.14", "0.25", "0", "0.001"] {
            let decimal = |text| Decimal::from_str_exact(text).unwrap();
            let signals = Signals {
                index_fall: decimal(fall),
                peg: decimal("0.0010"),
                confidence: decimal("0.9"),
                correlation: decimal("0.7"),
                call_share: decimal("0"),
            };
            let stood = pool.as_ref().map_or(BreakerState::OPEN, |pool| pool.state);
            let made = step(&stood, &signals, &parameters);
            let stands = Pool {
                id: RegimeId::parse("us-harmonized").unwrap(),
                regime: Digest::of(b"book"),
                parameters: Arc::clone(&parameters),
                stood,
                state: made.state,
                signals,
                reasons: made.reasons,
                cycle: 1,
                recorded_at: Timestamp::epoch(),
                changed_seq: 1,
            };
            let empty = || Json::object::<&str>([]);
            let market = json::read(br#"{"as_of":"2026-11-20T21:00:00.000Z","instruments":{}}"#).unwrap();
            let book = Json::object([("positions", Json::array([]))]);
            let (instruments, classification) = (Json::array([]), Json::array([]));
            let extra = vec![("pool".to_owned(), pool_json(&stands))];
            let input = margin::compose("USD", book, instruments, classification, market, extra);
            let result = margin::run_tree(&input, &[RegimeRef::Named("us-harmonized")]).unwrap().to_json();
            let told = result.pointer("/results/0/breaker").cloned().unwrap_or_else(empty);
            let member = |name| told.get(name).and_then(Json::as_str).unwrap_or_default();
            assert_eq!(member("level"), stands.level().as_str(), "{fall}");
            assert_eq!(member("theta_factor"), stands.state.theta_factor.to_string(), "{fall}");
            pool = Some(stands);
        }
    }
}
