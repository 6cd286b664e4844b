//! Balances side by side: drift, what of it is timing, and what is not.

use std::collections::{BTreeMap, BTreeSet};

use ledger::json::Json;
use num_bigint::Sign;

use super::breaks::{Break, BreakType};
use super::extract::LedgerExtract;
use super::{ReconcileError, statement_path};
use crate::label::Label;
use crate::quantity::Quantity;
use crate::statement::Statement;

/// Account and asset.
type Place<'a> = (&'a Label, &'a Label);

/// One account and asset on both sides.
///
/// Invariant: `drift` = statement − ledger = `explained` + `unexplained`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Holding {
    account: Label,
    asset: Label,
    ledger: Quantity,
    statement: Quantity,
    explained: Quantity,
    status: HoldingStatus,
    /// The ledger's part of each customer-property class, where there are several.
    classes: Vec<(Label, Quantity)>,
}

/// How a holding compares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum HoldingStatus {
    /// No drift, nothing to explain.
    Matched,
    /// What matched movements do not explain is within tolerance.
    Explained,
    /// It is not.
    Break,
}

impl HoldingStatus {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::Explained => "explained",
            Self::Break => "break",
        }
    }
}

impl Holding {
    fn new(
        place: Place,
        ledger: Quantity,
        statement: Quantity,
        explained: Quantity,
        within: &Quantity,
    ) -> Self {
        let drift = &statement - &ledger;
        let status = if drift.is_zero() && explained.is_zero() {
            HoldingStatus::Matched
        } else if (&drift - &explained).magnitude() <= *within {
            HoldingStatus::Explained
        } else {
            HoldingStatus::Break
        };
        let (account, asset) = (place.0.clone(), place.1.clone());
        Self { account, asset, ledger, statement, explained, status, classes: Vec::new() }
    }

    /// The account at the custodian.
    #[must_use]
    pub fn account(&self) -> &Label {
        &self.account
    }

    /// The asset.
    #[must_use]
    pub fn asset(&self) -> &Label {
        &self.asset
    }

    /// Settled in the ledger, all classes together.
    #[must_use]
    pub fn ledger(&self) -> &Quantity {
        &self.ledger
    }

    /// Held as the custodian states.
    #[must_use]
    pub fn statement(&self) -> &Quantity {
        &self.statement
    }

    /// Statement − ledger.
    #[must_use]
    pub fn drift(&self) -> Quantity {
        &self.statement - &self.ledger
    }

    /// The part of the drift that matched movements explain.
    #[must_use]
    pub fn explained(&self) -> &Quantity {
        &self.explained
    }

    /// The rest of the drift.
    #[must_use]
    pub fn unexplained(&self) -> Quantity {
        &self.drift() - &self.explained
    }

    /// How it compares.
    #[must_use]
    pub fn status(&self) -> HoldingStatus {
        self.status
    }

    fn to_break(&self) -> Option<Break> {
        let unexplained = self.unexplained();
        let kind = match (self.status, unexplained.sign()) {
            (HoldingStatus::Matched | HoldingStatus::Explained, _) => return None,
            (HoldingStatus::Break, Sign::Minus) => BreakType::HoldingShortfall,
            (HoldingStatus::Break, Sign::Plus | Sign::NoSign) => BreakType::HoldingSurplus,
        };
        Some(Break::new(kind, &self.account, &self.asset, unexplained, Vec::new()))
    }

    pub(super) fn to_json(&self) -> Json {
        let text = |quantity: &Quantity| Json::text(quantity.to_string());
        let mut members = vec![
            ("account", Json::text(self.account.as_str())),
            ("asset", Json::text(self.asset.as_str())),
            ("ledger", text(&self.ledger)),
            ("statement", text(&self.statement)),
            ("drift", text(&self.drift())),
            ("explained", text(&self.explained)),
            ("unexplained", text(&self.unexplained())),
            ("status", Json::text(self.status.name())),
        ];
        if !self.classes.is_empty() {
            let class = |(class, amount): &(Label, Quantity)| {
                Json::object([("class", Json::text(class.as_str())), ("ledger", text(amount))])
            };
            members.push(("classes", Json::array(self.classes.iter().map(class))));
        }
        Json::object(members)
    }
}

/// Compares every holding of either side; `explained` is by account and asset.
pub(super) fn compare(
    extract: &LedgerExtract,
    statements: &[Statement],
    explained: &BTreeMap<Place, Quantity>,
) -> Result<(Vec<Holding>, Vec<Break>), ReconcileError> {
    let held = held(extract);
    let stated = stated(statements)?;
    let accounts = extract.accounts();
    let spoken_of: BTreeSet<&Label> = statements.iter().map(|statement| &statement.account).collect();
    let (mut holdings, mut breaks) = (Vec::new(), Vec::new());
    for place @ (account, asset) in held.keys().chain(stated.keys()).copied().collect::<BTreeSet<_>>() {
        let classes = held.get(&place).cloned().unwrap_or_default();
        let ledger: Quantity = classes.iter().map(|(_, amount)| amount).sum();
        let plain = |kind, amount| Break::new(kind, account, asset, amount, Vec::new());
        let Some(statement) = stated.get(&place) else {
            // A statement of the account need not list what is not there.
            if !(ledger.is_zero() && spoken_of.contains(account)) {
                breaks.push(plain(BreakType::NoStatement, -&ledger));
            }
            continue;
        };
        if !accounts.contains(account) {
            breaks.push(plain(BreakType::UnknownAccount, statement.clone()));
        } else if !extract.assets.contains_key(asset) {
            breaks.push(plain(BreakType::UnknownAsset, statement.clone()));
        } else {
            let timing = explained.get(&place).cloned().unwrap_or_default();
            let within = extract.rules.tolerance(asset);
            let mut holding = Holding::new(place, ledger, statement.clone(), timing, &within);
            if classes.len() > 1 {
                holding.classes = classes;
            }
            breaks.extend(holding.to_break());
            holdings.push(holding);
        }
    }
    Ok((holdings, breaks))
}

/// The ledger's holdings with their classes in order.
fn held(extract: &LedgerExtract) -> BTreeMap<Place<'_>, Vec<(Label, Quantity)>> {
    let mut held: BTreeMap<Place, Vec<(Label, Quantity)>> = BTreeMap::new();
    for row in &extract.holdings {
        held.entry((&row.account, &row.asset)).or_default().push((row.class.clone(), row.amount.clone()));
    }
    for classes in held.values_mut() {
        classes.sort();
    }
    held
}

/// What the statements say is held.
fn stated(statements: &[Statement]) -> Result<BTreeMap<Place<'_>, Quantity>, ReconcileError> {
    let mut speakers: BTreeMap<Place, Vec<(usize, Quantity)>> = BTreeMap::new();
    for (place, statement) in statements.iter().enumerate() {
        let assets: BTreeSet<&Label> = statement.balances.iter().map(|balance| &balance.asset).collect();
        for asset in assets {
            if let Some(holding) = statement.holding(asset) {
                speakers.entry((&statement.account, asset)).or_default().push((place, holding));
            }
        }
    }
    let agreed = speakers.into_iter().map(|(at, said)| Ok((at, last_word(statements, at, &said)?)));
    agreed.collect()
}

/// Several statements of one day speak of the same holding when they repeat it or when one
/// continues the other: it opens where the other closed. Then the last one holds.
fn last_word(
    statements: &[Statement],
    (account, asset): Place,
    said: &[(usize, Quantity)],
) -> Result<Quantity, ReconcileError> {
    let (first, holding) = said.first().expect("someone speaks of each");
    if said.iter().all(|(_, other)| other == holding) {
        return Ok(holding.clone());
    }
    let is_continued = |closing: &Quantity, by: usize| {
        said.iter().any(|(other, _)| *other != by && statements[*other].opening(asset) == Some(closing))
    };
    let mut last = said.iter().filter(|(place, closing)| !is_continued(closing, *place));
    match (last.next(), last.next()) {
        (Some((_, closing)), None) => Ok(closing.clone()),
        (None, _) | (Some(_), Some(_)) => Err(ReconcileError::StatementNotAccepted {
            path: statement_path(*first),
            reason: format!("statements of one day state different holdings of {asset} on {account}"),
        }),
    }
}
