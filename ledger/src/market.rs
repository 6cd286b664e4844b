//! Prices, portfolios, rule books and margin statements as the ledger knows them.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::breaker::Parameters;
use crate::digest::Digest;
use crate::id::{AgreementId, AssetId, PartyId, PortfolioId, PriceSetId, RegimeId, StatementId};
use crate::json::{self, Json};
use crate::time::Timestamp;

/// The prices in force: the last set recorded.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Prices {
    /// The set.
    pub id: PriceSetId,
    /// Its document.
    pub digest: Digest,
    /// The instant the prices are of.
    pub as_of: Timestamp,
    /// Where they come from.
    pub source: String,
    /// The currency of each price.
    pub currency: String,
    /// Value of one unit of an asset, in `currency`.
    pub assets: imbl::OrdMap<AssetId, Decimal>,
    /// Value of one unit of another currency, in `currency`.
    pub fx: imbl::OrdMap<String, Decimal>,
    /// The record that set them.
    pub changed_seq: u64,
}

/// The content of a price document.
///
/// ```
/// use ledger::market::PriceDocument;
/// let text = r#"{"as_of":"2024-08-02T20:00:00.000Z","assets":{"BTC":"61418.06"},"currency":"USD",
///     "fx":{},"schema":"pledger.prices.v1","source":"close"}"#;
/// assert_eq!(PriceDocument::read(text.as_bytes()).unwrap().assets.len(), 1);
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PriceDocument {
    /// The instant the prices are of.
    pub as_of: Timestamp,
    /// Where they come from.
    pub source: String,
    /// The currency of each price.
    pub currency: String,
    /// Value of one unit of an asset.
    pub assets: Vec<(AssetId, Decimal)>,
    /// Value of one unit of another currency.
    pub fx: Vec<(String, Decimal)>,
    /// What margin is computed from: the `market` document of the margin specification §3.
    pub market: Option<Json>,
}

/// The schema of price documents.
pub const PRICES_SCHEMA: &str = "pledger.prices.v1";

impl PriceDocument {
    /// Reads a price document: `{schema, as_of, source, currency, assets, fx, [market]}`, every
    /// leaf a string, no member twice.
    ///
    /// # Errors
    /// What is wrong, with a pointer to it.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let tree = json::read(bytes).map_err(|error| error.to_string())?;
        let members = tree.as_object().ok_or("not an object")?;
        let known = ["as_of", "assets", "currency", "fx", "market", "schema", "source"];
        for (place, (name, _)) in members.iter().enumerate() {
            let twice = members[..place].iter().any(|(other, _)| other == name);
            if twice || !known.contains(&name.as_str()) {
                return Err(format!("/{name}: unknown or given twice"));
            }
        }
        let text = |name: &str| {
            tree.get(name).and_then(Json::as_str).ok_or_else(|| format!("/{name}: text is missing"))
        };
        if text("schema")? != PRICES_SCHEMA {
            return Err(format!("/schema: expected {PRICES_SCHEMA}"));
        }
        let as_of = Timestamp::parse(text("as_of")?).ok_or("/as_of: not a time")?;
        let assets = read_rates(&tree, "assets", |name| AssetId::parse(name).ok())?;
        let fx = read_rates(&tree, "fx", |name| (!name.is_empty()).then(|| name.to_owned()))?;
        Ok(Self {
            as_of,
            source: text("source")?.to_owned(),
            currency: text("currency")?.to_owned(),
            assets,
            fx,
            market: tree.get("market").cloned(),
        })
    }
}

fn read_rates<K: PartialEq>(
    tree: &Json,
    name: &str,
    key: impl Fn(&str) -> Option<K>,
) -> Result<Vec<(K, Decimal)>, String> {
    use crate::command::fields::ReadText as _;
    let members = tree.get(name).and_then(Json::as_object).ok_or_else(|| format!("/{name}: missing"))?;
    let mut seen = std::collections::BTreeSet::new();
    members
        .iter()
        .map(|(member, rate)| {
            let rate = rate.as_str().and_then(Decimal::read_text).filter(|rate| !rate.is_sign_negative());
            let fresh = seen.insert(member.as_str());
            key(member).zip(rate).filter(|_| fresh).ok_or_else(|| {
                format!("/{name}/{member}: a name given once, and a value of zero or more as text")
            })
        })
        .collect()
}

/// A rule book bound to its bytes.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AdoptedRegime {
    /// Its name.
    pub id: RegimeId,
    /// Its bytes.
    pub digest: Digest,
    /// From when it is in force.
    pub from: Timestamp,
    /// The parameters of its circuit breaker, if it has one.
    pub breaker: Option<Arc<Parameters>>,
    /// The record that adopted it.
    pub changed_seq: u64,
}

/// A portfolio: the last positions reported.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Portfolio {
    /// Its id.
    pub id: PortfolioId,
    /// The client whose positions they are, once a report or a statement has told.
    pub owner: Option<PartyId>,
    /// The last document.
    pub digest: Digest,
    /// The instant it is of.
    pub as_of: Timestamp,
    /// How many positions.
    pub count: u64,
    /// Who reported it.
    pub author: PartyId,
    /// The record that changed it last.
    pub changed_seq: u64,
}

/// A margin statement on the ledger: figures, and the digests they follow from.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct MarginStatement {
    /// Its id.
    pub id: StatementId,
    /// Who stated it.
    pub author: PartyId,
    /// The portfolio.
    pub portfolio: PortfolioId,
    /// The agreement.
    pub agreement: AgreementId,
    /// The pledgor whose collateral it counts.
    pub pledgor: PartyId,
    /// The instant the figures are of.
    pub as_of: Timestamp,
    /// Collateral is counted after that many records.
    pub state_size: u64,
    /// The position document.
    pub positions: Digest,
    /// The price document.
    pub prices: Digest,
    /// The rule book document.
    pub regime: Digest,
    /// What computed it.
    pub engine: String,
    /// Unsettled gains and losses: positive means the pledgor owes.
    pub exposure: Decimal,
    /// What the rule book requires.
    pub requirement: Decimal,
    /// What posted collateral was worth.
    pub collateral_value: Decimal,
    /// Collateral value less requirement and exposure.
    pub excess: Decimal,
    /// The full result.
    pub report: Digest,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The record.
    pub changed_seq: u64,
}
