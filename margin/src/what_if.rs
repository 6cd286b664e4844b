//! What would one more position, one fewer, or another legal form change?
//!
//! Steps stand on each other. Instruments are priced once for as many steps as need no new prices:
//! a position added or removed is a product of its quantity with arrays that stand already, and only
//! its account is assessed again. Another classification is another market, so it prices anew.
//!
//! Source: margin specification, section 12.

use std::collections::BTreeMap;

use ledger::decimal::Exact;
use ledger::json::Json;
use num_bigint::BigInt;
use num_traits::Zero;

use crate::assessment::{Assessment, Shown};
use crate::classification::{self, Entry};
use crate::error::{Code, Failure};
use crate::input::Input;
use crate::money::{Currency, Figure, Overflow, Quantity};
use crate::portfolio::{Holding, Portfolio, replacement_cost};
use crate::position::{self, Position, read_position};
use crate::reader::{Node, Reader, Spot};
use crate::regime::prepared::Prepared;
use crate::regime::{Regime, Rules};
use crate::run::Checked;

/// Figures of `us-harmonized` whose change is told.
const LINES: [&str; 7] = ["tree", "floor", "basis", "liquidity", "concentration", "peg", "apc"];

/// One change of the book or of what the law makes of it.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Add(Position),
    Remove { instrument: String, account: String, spot: Spot },
    Classify { instrument: String, entry: Entry },
}

/// Reads the steps; instruments that positions name are added to `named`. `None` means that a
/// mistake was noted.
pub(crate) fn read(reader: &mut Reader, node: &Node, named: &mut Vec<(String, Spot)>) -> Option<Vec<Change>> {
    let steps = reader.elements(node)?;
    let read: Vec<Option<Change>> = steps.iter().map(|step| read_step(reader, step, named)).collect();
    read.into_iter().collect()
}

fn read_step(reader: &mut Reader, node: &Node, named: &mut Vec<(String, Spot)>) -> Option<Change> {
    let fields = reader.fields(node, &["add", "remove", "classify"])?;
    match (fields.get("add"), fields.get("remove"), fields.get("classify")) {
        (Some(add), None, None) => read_position(reader, add, named).map(Change::Add),
        (None, Some(remove), None) => {
            let fields = reader.fields(remove, &["instrument", "account"])?;
            let reference = position::read_reference(reader, &fields);
            named.extend(reference.clone());
            let account = reader.need(&fields, "account").and_then(|node| reader.text(node));
            let (instrument, spot) = reference?;
            Some(Change::Remove { instrument, account: account?.to_owned(), spot })
        }
        (None, None, Some(classify)) => {
            let (instrument, entry) = classification::read_entry(reader, classify)?;
            Some(Change::Classify { instrument, entry })
        }
        _ => {
            reader.note(Code::BadField, &node.spot, "a step is one of add, remove and classify");
            None
        }
    }
}

/// Notes steps that cannot be taken: what is removed must be there, and figures that are one
/// account's allow no second.
pub(crate) fn check(reader: &mut Reader, input: &Input) {
    let mut positions = input.book.positions.clone();
    for change in &input.what_if {
        match change {
            Change::Remove { instrument, account, spot }
                if !positions.iter().any(is_of(instrument, account)) =>
            {
                let message = format!("account {account:?} holds no {instrument:?} at this step");
                reader.note(Code::BadField, spot, message);
            }
            Change::Add(position)
                if is_of_one_account(input)
                    && positions.iter().any(|other| other.account != position.account) =>
            {
                let message = "previous and charges are of one account; add positions to that account";
                reader.note(Code::BadField, &position.spot, message);
            }
            Change::Add(_) | Change::Remove { .. } | Change::Classify { .. } => {}
        }
        apply(&mut positions, change);
    }
}

/// Whether the input gives what only one account can have.
fn is_of_one_account(input: &Input) -> bool {
    let charged = input.book.charges.as_ref().is_some_and(|(charges, _)| !charges.is_zero());
    input.book.previous.is_some() || charged
}

fn is_of(instrument: &str, account: &str) -> impl Fn(&Position) -> bool {
    move |position| position.instrument == instrument && position.account == account
}

fn apply(positions: &mut Vec<Position>, change: &Change) {
    match change {
        Change::Add(position) => positions.push(position.clone()),
        Change::Remove { instrument, account, .. } => {
            positions.retain(|held| !is_of(instrument, account)(held))
        }
        Change::Classify { .. } => {}
    }
}

/// Money by name of figure.
type Figures = BTreeMap<&'static str, Figure>;

/// The money figures of an assessment.
pub(crate) fn figures(assessment: &Assessment) -> Figures {
    let money = assessment.figures.iter().filter_map(|(name, shown)| match shown {
        Shown::Money(figure) => Some((*name, *figure)),
        Shown::Ratio(_) | Shown::Silos(_) => None,
    });
    money.chain([("requirement", assessment.requirement)]).collect()
}

/// By rule book in the order asked for, by account.
pub(crate) type Stage = Vec<BTreeMap<String, Figures>>;

/// Takes every step from the figures of the book as it is, and prints each.
pub(crate) fn steps(checked: &Checked, mut before: Stage) -> Result<Vec<Json>, Failure> {
    let (regimes, currency) = (&checked.library.chosen, &checked.input.currency);
    let mut input = checked.input.clone();
    let mut printed = Vec::new();
    let mut rest = checked.input.what_if.as_slice();
    while !rest.is_empty() {
        let (taken, left) = rest.split_at(priced_together(rest));
        let mut positions = std::mem::take(&mut input.book.positions);
        let mut priced = input.clone();
        priced.book.positions = positions.clone();
        for change in taken {
            match change {
                Change::Add(position) => priced.book.positions.push(position.clone()),
                Change::Classify { instrument, entry } => {
                    priced.classification.append(instrument, entry.clone())
                }
                Change::Remove { .. } => {}
            }
        }
        let mut reader = Reader::default();
        let portfolio = Portfolio::join(&mut reader, &priced, &checked.library);
        reader.outcome()?;
        let prepared = regimes
            .iter()
            .map(|regime| Prepared::new(regime, &checked.library, &portfolio, &checked.circumstances));
        let prepared: Vec<Prepared> = prepared.collect::<Result<_, _>>()?;
        for change in taken {
            apply(&mut positions, change);
            let accounts = holdings_of(&portfolio, &priced, &positions)?;
            let mut after = before.clone();
            for (prepared, figures_of) in prepared.iter().zip(&mut after) {
                take(prepared, change, &accounts, figures_of)?;
            }
            printed.push(step_json(regimes, currency, change, (&before, &after))?);
            before = after;
        }
        input = Input { classification: priced.classification, ..input };
        input.book.positions = positions;
        rest = left;
    }
    Ok(printed)
}

/// What each account holds of contracts that are priced already.
fn holdings_of(
    portfolio: &Portfolio,
    input: &Input,
    positions: &[Position],
) -> Result<BTreeMap<String, Vec<Holding>>, Overflow> {
    let places = portfolio.contracts.iter().enumerate();
    let places: BTreeMap<&str, usize> =
        places.map(|(place, contract)| (contract.id.as_str(), place)).collect();
    let mut held: BTreeMap<String, BTreeMap<usize, (Quantity, Exact)>> = BTreeMap::new();
    for position in positions {
        let account = held.entry(position.account.clone()).or_default();
        // A position of nothing has no contract if no other has one.
        let Some(place) = places.get(position.instrument.as_str()) else { continue };
        let (quantity, cost) = account.entry(*place).or_default();
        *quantity = quantity.plus(Quantity::from_exact(&position.quantity)?)?;
        // What is wrong with an entry price was noted when the book was joined.
        *cost += replacement_cost(&mut Reader::default(), &portfolio.contracts[*place], input, position);
    }
    let holdings = |lots: BTreeMap<usize, (Quantity, Exact)>| {
        let open = lots.into_iter().filter(|(_, (quantity, cost))| !(quantity.is_zero() && cost.is_zero()));
        open.map(|(contract, (quantity, replacement))| Holding { contract, quantity, replacement }).collect()
    };
    Ok(held.into_iter().map(|(account, lots)| (account, holdings(lots))).collect())
}

/// How many steps need the same prices: one classification, or positions added and then positions
/// removed, so that the book with all added is one that the steps come to.
fn priced_together(steps: &[Change]) -> usize {
    if matches!(steps.first(), Some(Change::Classify { .. })) {
        return 1;
    }
    let adds = steps.iter().take_while(|change| matches!(change, Change::Add(_))).count();
    let removes = steps[adds..].iter().take_while(|change| matches!(change, Change::Remove { .. })).count();
    adds + removes
}

/// Assesses again what a change touches: one account, or all of them.
fn take(
    prepared: &Prepared,
    change: &Change,
    accounts: &BTreeMap<String, Vec<Holding>>,
    figures_of: &mut BTreeMap<String, Figures>,
) -> Result<(), Failure> {
    let touched = match change {
        Change::Add(position) => Some(&position.account),
        Change::Remove { account, .. } => Some(account),
        Change::Classify { .. } => None,
    };
    for (account, holdings) in
        accounts.iter().filter(|(account, _)| touched.is_none_or(|one| one == *account))
    {
        figures_of.insert(account.clone(), figures(&prepared.assess(account, holdings)?));
    }
    if let Some(gone) = touched.filter(|account| !accounts.contains_key(*account)) {
        figures_of.remove(gone);
    }
    Ok(())
}

fn step_json(
    regimes: &[Regime],
    currency: &Currency,
    change: &Change,
    (before, after): (&Stage, &Stage),
) -> Result<Json, Failure> {
    let total = |accounts: &BTreeMap<String, Figures>, name: &str| -> Result<BigInt, Failure> {
        let of_each = accounts.values().map(|figures| figures.get(name).copied().unwrap_or_default());
        Ok(currency.minor_up(&Figure::total(of_each)?.exact()))
    };
    let money = |minor: &BigInt| Json::text(currency.print_minor(minor));
    let mut told = Vec::new();
    for ((regime, before), after) in regimes.iter().zip(before).zip(after) {
        let (was, is) = (total(before, "requirement")?, total(after, "requirement")?);
        let mut members = vec![
            ("regime", Json::text(regime.id())),
            ("before", money(&was)),
            ("after", money(&is)),
            ("incremental", money(&(is - was))),
        ];
        if matches!(regime.rules(), Rules::Harmonized(_)) {
            let line = |name: &'static str| Ok((name, money(&(total(after, name)? - total(before, name)?))));
            let lines = LINES.into_iter().map(line).collect::<Result<Vec<_>, Failure>>()?;
            members.push(("lines", Json::object(lines)));
        }
        told.push(Json::object(members));
    }
    let (name, instrument) = match change {
        Change::Add(position) => ("add", &position.instrument),
        Change::Remove { instrument, .. } => ("remove", instrument),
        Change::Classify { instrument, .. } => ("classify", instrument),
    };
    Ok(Json::object([
        ("change", Json::text(name)),
        ("instrument", Json::text(instrument.as_str())),
        ("regimes", Json::array(told)),
    ]))
}
