//! The ledger's side of a reconciliation: what it holds at one custodian and what is under way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use ledger::json::Json;
use ledger::time::Timestamp;

use crate::label::Label;
use crate::quantity::Quantity;
use crate::refusal::{Refusal, RefusalCode};
use crate::shape::{self, Fault, Faults, Members};

const MEMBERS: [&str; 6] = ["as_of", "custodian", "assets", "holdings", "movements", "rules"];
const MOVEMENT: [&str; 7] = ["id", "account", "asset", "amount", "state", "value_on", "ref"];
/// Most days that two value dates may lie apart.
const WINDOW_DAYS_MAX: u64 = 366;
/// Most lines that one movement may be split into.
const GROUP_MAX: u64 = 32;

/// The ledger's mirror of one custodian at one instant.
///
/// Invariant: holdings name an (account, asset, class) once and movements an id once; every asset
/// is among the assets, and no amount is finer than its asset.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LedgerExtract {
    pub(super) as_of: Timestamp,
    pub(super) custodian: Label,
    pub(super) assets: BTreeMap<Label, u8>,
    pub(super) holdings: Vec<LedgerHolding>,
    pub(super) movements: Vec<LedgerMovement>,
    pub(super) rules: Rules,
}

/// A settled balance at the custodian, of one customer-property class.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LedgerHolding {
    /// Account at the custodian.
    pub account: Label,
    /// The ledger's asset.
    pub asset: Label,
    /// Customer-property class.
    pub class: Label,
    /// Signed units of the asset.
    pub amount: Quantity,
}

/// A movement that the ledger has settled or instructed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LedgerMovement {
    /// The ledger's id.
    pub id: Label,
    /// Account at the custodian.
    pub account: Label,
    /// The ledger's asset.
    pub asset: Label,
    /// Signed units: what comes in is positive.
    pub amount: Quantity,
    /// Whether the holdings include it.
    pub state: MovementState,
    /// Day of value.
    pub value_on: Date,
    /// The reference given to the custodian, if any.
    pub reference: Option<Label>,
}

/// Whether the ledger's holdings include a movement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MovementState {
    /// Settled: they do.
    Settled,
    /// Instructed and not settled: they do not.
    InFlight,
}

/// How far apart two sides may be and still speak of the same.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Rules {
    /// By asset, the smaller of both sides' agreed tolerances, zero or more; absent means exact.
    pub(super) tolerance: BTreeMap<Label, Quantity>,
    /// Days between two value dates, inclusive.
    pub(super) date_window_days: u32,
    /// Lines in a group, at most.
    pub(super) max_group: usize,
}

impl Rules {
    /// The agreed tolerance of an asset, zero where none is.
    #[must_use]
    pub fn tolerance(&self, asset: &Label) -> Quantity {
        self.tolerance.get(asset).cloned().unwrap_or_default()
    }
}

impl LedgerExtract {
    /// Reads the extract of specs/custody.md §2.
    ///
    /// # Errors
    /// [`Refusal`], as for statements; `duplicate_row` for a holding or a movement given twice,
    /// `precision_exceeded` for an amount finer than its asset, `schema_invalid` for an asset that
    /// is not listed.
    pub fn read(bytes: &[u8]) -> Result<Self, Refusal> {
        Self::from_json(&shape::tree(bytes)?)
    }

    /// As [`LedgerExtract::read`], from a tree.
    ///
    /// # Errors
    /// As [`LedgerExtract::read`].
    pub fn from_json(json: &Json) -> Result<Self, Refusal> {
        let mut faults = Faults::default();
        let extract = extract(json, &mut faults);
        if let Some(extract) = &extract {
            check_rows(extract, &mut faults);
        }
        faults.finish(extract)
    }

    /// The accounts the ledger knows at this custodian.
    pub(super) fn accounts(&self) -> BTreeSet<&Label> {
        let held = self.holdings.iter().map(|holding| &holding.account);
        held.chain(self.movements.iter().map(|movement| &movement.account)).collect()
    }
}

fn extract(json: &Json, faults: &mut Faults) -> Option<LedgerExtract> {
    let members = Members::open(json, String::new(), &MEMBERS, faults)?;
    let as_of = members.text("as_of", faults, shape::instant);
    let custodian = members.label("custodian", faults);
    let assets = members.each("assets", faults, asset);
    let holdings = members.each("holdings", faults, holding);
    let movements = members.each("movements", faults, movement);
    let rules = members.value("rules", faults).and_then(|json| rules(json, faults));
    Some(LedgerExtract {
        as_of: as_of?,
        custodian: custodian?,
        assets: assets?.into_iter().collect(),
        holdings: holdings?,
        movements: movements?,
        rules: rules?,
    })
}

fn asset(json: &Json, path: String, faults: &mut Faults) -> Option<(Label, u8)> {
    let members = Members::open(json, path, &["id", "decimals"], faults)?;
    let id = members.label("id", faults);
    let decimals = members.count("decimals", 30, faults);
    Some((id?, u8::try_from(decimals?).ok()?))
}

fn holding(json: &Json, path: String, faults: &mut Faults) -> Option<LedgerHolding> {
    let members = Members::open(json, path, &["account", "asset", "class", "amount"], faults)?;
    let account = members.label("account", faults);
    let asset = members.label("asset", faults);
    let class = members.label("class", faults);
    let amount = members.amount("amount", faults, shape::wide);
    Some(LedgerHolding { account: account?, asset: asset?, class: class?, amount: amount? })
}

fn movement(json: &Json, path: String, faults: &mut Faults) -> Option<LedgerMovement> {
    let members = Members::open(json, path, &MOVEMENT, faults)?;
    let id = members.label("id", faults);
    let account = members.label("account", faults);
    let asset = members.label("asset", faults);
    let amount = members.amount("amount", faults, shape::wide);
    let state = members.text("state", faults, |text| match text {
        "settled" => Ok(MovementState::Settled),
        "in_flight" => Ok(MovementState::InFlight),
        _ => Err((RefusalCode::SchemaInvalid, "settled or in_flight belongs here".into())),
    });
    let value_on = members.text("value_on", faults, shape::day);
    let reference = members.label_or_empty("ref", faults);
    Some(LedgerMovement {
        id: id?,
        account: account?,
        asset: asset?,
        amount: amount?,
        state: state?,
        value_on: value_on?,
        reference: reference?,
    })
}

fn rules(json: &Json, faults: &mut Faults) -> Option<Rules> {
    let known = ["tolerance", "date_window_days", "max_group"];
    let members = Members::open(json, "/rules".into(), &known, faults)?;
    let tolerance = members.value("tolerance", faults).and_then(|json| tolerances(json, faults));
    let window = members.count("date_window_days", WINDOW_DAYS_MAX, faults);
    let max_group = members.count("max_group", GROUP_MAX, faults);
    Some(Rules {
        tolerance: tolerance?,
        date_window_days: u32::try_from(window?).ok()?,
        max_group: usize::try_from(max_group?).ok()?,
    })
}

/// Members are assets here, so their names are free; each stands once.
fn tolerances(json: &Json, faults: &mut Faults) -> Option<BTreeMap<Label, Quantity>> {
    let path = "/rules/tolerance";
    let Some(members) = json.as_object() else {
        faults.add(RefusalCode::SchemaInvalid, path, "", "an object belongs here");
        return None;
    };
    let mut tolerances = BTreeMap::new();
    let mut complete = true;
    for (name, value) in members {
        let tolerance = match value {
            Json::String(text) => shape::wide(text).and_then(not_negative),
            Json::Number(_) => Err((RefusalCode::AmountNotString, "an amount is a string".into())),
            Json::Object(_) | Json::Array(_) | Json::Bool(_) | Json::Null => {
                Err((RefusalCode::SchemaInvalid, "a string belongs here".into()))
            }
        };
        let entry = shape::label(name).and_then(|asset| Ok((asset, tolerance?)));
        match entry {
            Ok((asset, tolerance)) => {
                if tolerances.insert(asset, tolerance).is_some() {
                    faults.add(RefusalCode::SchemaInvalid, path, name, "member given twice");
                }
            }
            Err((code, message)) => {
                faults.add(code, path, name, message);
                complete = false;
            }
        }
    }
    complete.then_some(tolerances)
}

fn not_negative(amount: Quantity) -> Result<Quantity, Fault> {
    let is_negative = amount < Quantity::default();
    if is_negative { Err((RefusalCode::BadAmount, "zero or more belongs here".into())) } else { Ok(amount) }
}

fn check_rows(extract: &LedgerExtract, faults: &mut Faults) {
    let mut held = BTreeSet::new();
    for (place, row) in extract.holdings.iter().enumerate() {
        let path = format!("/holdings/{place}");
        check_asset(extract, &row.asset, &row.amount, &path, faults);
        if !held.insert((&row.account, &row.asset, &row.class)) {
            faults.add(RefusalCode::DuplicateRow, &path, "", "this account, asset and class stand twice");
        }
    }
    let mut ids = BTreeSet::new();
    for (place, row) in extract.movements.iter().enumerate() {
        let path = format!("/movements/{place}");
        check_asset(extract, &row.asset, &row.amount, &path, faults);
        if !ids.insert(&row.id) {
            faults.add(RefusalCode::DuplicateRow, &path, "id", "this movement stands twice");
        }
    }
}

fn check_asset(extract: &LedgerExtract, asset: &Label, amount: &Quantity, path: &str, faults: &mut Faults) {
    match extract.assets.get(asset) {
        None => faults.add(RefusalCode::SchemaInvalid, path, "asset", "not among the assets"),
        Some(decimals) if amount.decimals() > usize::from(*decimals) => {
            let message = format!("this asset has {decimals} decimals");
            faults.add(RefusalCode::PrecisionExceeded, path, "amount", message);
        }
        Some(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTRACT: &str = r#"{"as_of":"2026-09-01T23:59:59.999Z","custodian":"CUST-1","assets":[{"id":"USD","decimals":"2"}],"holdings":[{"account":"A1","asset":"USD","class":"uncleared","amount":"1000"}],"movements":[{"id":"m1","account":"A1","asset":"USD","amount":"250","state":"in_flight","value_on":"2026-09-01","ref":"R1"}],"rules":{"tolerance":{"USD":"0.05"},"date_window_days":"1","max_group":"6"}}"#;

    #[test]
    fn one_change_one_refusal() {
        let extract = LedgerExtract::read(EXTRACT.as_bytes()).unwrap();
        assert_eq!(extract.rules.tolerance(&Label::parse("USD").unwrap()).to_string(), "0.05");
        let holding = r#"{"account":"A1","asset":"USD","class":"uncleared","amount":"1000"}"#;
        let movement = r#"{"id":"m1","account":"A1","asset":"USD","amount":"250","state":"in_flight","value_on":"2026-09-01","ref":"R1"}"#;
        for (from, to, code, path) in [
            ("\"1000\"", "1000", "amount_not_string", "/holdings/0/amount"),
            ("\"1000\"", "\"1000.001\"", "precision_exceeded", "/holdings/0/amount"),
            ("\"id\":\"USD\"", "\"id\":\"EUR\"", "schema_invalid", "/holdings/0/asset"),
            (holding, &format!("{holding},{holding}"), "duplicate_row", "/holdings/1"),
            (movement, &format!("{movement},{movement}"), "duplicate_row", "/movements/1/id"),
            ("in_flight", "lost", "schema_invalid", "/movements/0/state"),
            ("\"2026-09-01\"", "\"01/09/2026\"", "bad_date", "/movements/0/value_on"),
            ("23:59:59.999Z", "23:59:59Z", "bad_date", "/as_of"),
            ("\"0.05\"", "\"-0.05\"", "bad_amount", "/rules/tolerance/USD"),
            ("\"0.05\"", "\"0.05\",\"USD\":\"1\"", "schema_invalid", "/rules/tolerance/USD"),
            ("\"6\"", "\"33\"", "schema_invalid", "/rules/max_group"),
            ("\"1\"", "\"367\"", "schema_invalid", "/rules/date_window_days"),
            (",\"max_group\":\"6\"", "", "missing_field", "/rules/max_group"),
            ("\"custodian\":\"CUST-1\",", "", "missing_field", "/custodian"),
        ] {
            let text = EXTRACT.replacen(from, to, 1);
            assert_ne!(text, EXTRACT, "{from}");
            let refusal = LedgerExtract::read(text.as_bytes()).unwrap_err();
            assert_eq!((refusal.code.code(), refusal.path.as_str()), (code, path), "{to}");
        }
    }
}
