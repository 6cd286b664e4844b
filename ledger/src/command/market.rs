//! Prices, positions, rule books and margin statements.

use rust_decimal::Decimal;

use super::body::Ask;
use super::concern::Concern;
use super::fields::Fields;
use crate::digest::Digest;
use crate::id::{AgreementId, PortfolioId, PriceSetId, RegimeId, StatementId};
use crate::time::Timestamp;

/// `price.set`: the prices are in the document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PriceSet {
    /// The set.
    pub set: PriceSetId,
    /// The document with the prices.
    pub digest: Digest,
    /// The instant the prices are of.
    pub as_of: Timestamp,
    /// Where they come from.
    pub source: String,
    /// How many there are.
    pub count: u64,
}

impl Ask for PriceSet {
    fn read(fields: &mut Fields) -> Option<Self> {
        let set = fields.parsed("set");
        let digest = fields.parsed("digest");
        let as_of = fields.parsed("as_of");
        let source = fields.text("source");
        let count = fields.parsed("count");
        Some(Self { set: set?, digest: digest?, as_of: as_of?, source: source?, count: count? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Everyone]
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/digest", self.digest)]
    }
}

/// `position.report`: the positions are in the document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PositionReport {
    /// The portfolio.
    pub portfolio: PortfolioId,
    /// The document with the positions.
    pub digest: Digest,
    /// The instant they are of.
    pub as_of: Timestamp,
    /// How many there are.
    pub count: u64,
}

impl Ask for PositionReport {
    fn read(fields: &mut Fields) -> Option<Self> {
        let portfolio = fields.parsed("portfolio");
        let digest = fields.parsed("digest");
        let as_of = fields.parsed("as_of");
        let count = fields.parsed("count");
        Some(Self { portfolio: portfolio?, digest: digest?, as_of: as_of?, count: count? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Portfolio(self.portfolio.clone())]
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/digest", self.digest)]
    }
}

/// `regime.adopt`: binds a rule book's name to its bytes from a time on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegimeAdopt {
    /// The rule book.
    pub regime: RegimeId,
    /// The document that holds it.
    pub digest: Digest,
    /// From when it is in force.
    pub from: Timestamp,
}

impl Ask for RegimeAdopt {
    fn read(fields: &mut Fields) -> Option<Self> {
        let regime = fields.parsed("regime");
        let digest = fields.parsed("digest");
        let from = fields.parsed("from");
        Some(Self { regime: regime?, digest: digest?, from: from? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Everyone]
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/digest", self.digest)]
    }
}

/// `margin.state`: figures with the digests of everything they were computed from.
///
/// Values are in the agreement's base currency.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MarginState {
    /// The statement.
    pub statement: StatementId,
    /// The portfolio it speaks of.
    pub portfolio: PortfolioId,
    /// The agreement it was computed under.
    pub agreement: AgreementId,
    /// The instant the figures are of.
    pub as_of: Timestamp,
    /// Collateral is counted after records 0 to `state_size` − 1.
    pub state_size: u64,
    /// The position document.
    pub positions: Digest,
    /// The price document.
    pub prices: Digest,
    /// The rule book document.
    pub regime: Digest,
    /// The program and version that computed it.
    pub engine: String,
    /// Unsettled gains and losses: positive means the pledgor owes.
    pub exposure: Decimal,
    /// What the rule book requires.
    pub requirement: Decimal,
    /// What posted collateral is worth under the agreement.
    pub collateral_value: Decimal,
    /// `collateral_value` − `requirement` − `exposure`.
    pub excess: Decimal,
    /// The full result, explained.
    pub report: Digest,
}

impl Ask for MarginState {
    fn read(fields: &mut Fields) -> Option<Self> {
        let statement = fields.parsed("statement");
        let portfolio = fields.parsed("portfolio");
        let agreement = fields.parsed("agreement");
        let as_of = fields.parsed("as_of");
        let state_size = fields.parsed("state_size");
        let [positions, prices, regime, report] =
            ["positions", "prices", "regime", "report"].map(|name| fields.parsed(name));
        let engine = fields.text("engine");
        let [exposure, requirement, collateral_value, excess] =
            ["exposure", "requirement", "collateral_value", "excess"].map(|name| fields.parsed(name));
        Some(Self {
            statement: statement?,
            portfolio: portfolio?,
            agreement: agreement?,
            as_of: as_of?,
            state_size: state_size?,
            positions: positions?,
            prices: prices?,
            regime: regime?,
            engine: engine?,
            exposure: exposure?,
            requirement: requirement?,
            collateral_value: collateral_value?,
            excess: excess?,
            report: report?,
        })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Agreement(self.agreement.clone())]
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![
            ("/body/positions", self.positions),
            ("/body/prices", self.prices),
            ("/body/regime", self.regime),
            ("/body/report", self.report),
        ]
    }
}
