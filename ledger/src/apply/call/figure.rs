//! What may be demanded: the credit support computation over the ledger as it stands, and the times.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::value;
use crate::agreement::{Agreement, AgreementVersion};
use crate::apply::{Entry, breaker, collateral};
use crate::call::{CallLeg, CallState};
use crate::call_record::{CallMargin, CallRecord};
use crate::command::CallIssue;
use crate::csa::{self, Action, ComputeError, Deadlines, Flavour, InFlight};
use crate::id::PartyId;
use crate::market::MarginStatement;
use crate::rejection::Rejection;
use crate::state::State;
use crate::valuation::{AssetKind, Item, ItemState, Side, Value};

/// What the agreement makes of statement and collateral.
pub(super) struct Figure {
    pub(super) amount: Value,
    pub(super) raw: Value,
    pub(super) mta: Value,
    pub(super) margin: CallMargin,
}

pub(super) fn figure(
    state: &State,
    entry: &Entry,
    agreement: &Agreement,
    version: &AgreementVersion,
    statement: &MarginStatement,
    issue: &CallIssue,
) -> Result<Figure, Rejection> {
    let terms = version.signed.terms();
    if let Some(discharge) = collateral::discharge(state, agreement, &statement.pledgor, entry.recorded_at) {
        return whole(state, entry, agreement, version, discharge, issue);
    }
    let all = leg(state, entry, agreement, version, statement, statement.requirement)?;
    let margin = match terms.flavour() {
        Flavour::Ny1994 | Flavour::Vm2016 => CallMargin::Variation,
        Flavour::Im2018 => CallMargin::Initial,
        Flavour::Crypto247 if statement.requirement.is_zero() => CallMargin::Variation,
        Flavour::Crypto247 => CallMargin::Initial,
    };
    // One figure covers both margins there; in a halt its variation part alone can be demanded too.
    let parts = terms.flavour() == Flavour::Crypto247 && margin == CallMargin::Initial;
    if parts && issue.leg == CallLeg::Delivery && breaker::halted_pool(state, terms).is_some() {
        let variation = leg(state, entry, agreement, version, statement, Decimal::ZERO)?;
        if let Ok(figure) = check_amount(variation, issue, CallMargin::Variation) {
            return Ok(figure);
        }
    }
    check_amount(all, issue, margin)
}

/// The amount asked is the one computed.
fn check_amount(leg: csa::Leg, issue: &CallIssue, margin: CallMargin) -> Result<Figure, Rejection> {
    // With more decimals than any figure has it is none.
    let given = Value::parse(&issue.amount.normalize().to_string()).ok();
    let (action, raw) = match issue.leg {
        CallLeg::Delivery => (Action::Call, leg.raw_delivery),
        CallLeg::Return => (Action::Return, leg.raw_return),
    };
    if leg.action == action && Some(&leg.amount) == given.as_ref() {
        return Ok(Figure { amount: leg.amount, raw, mta: leg.mta, margin });
    }
    let expected =
        if leg.action == action { leg.amount.to_string() } else { format!("no {action} ({})", leg.reason) };
    Err(Rejection::AmountOutOfRange { expected, got: issue.amount.to_string() })
}

/// What the secured party and the pledgor owe each other for a requirement.
fn leg(
    state: &State,
    entry: &Entry,
    agreement: &Agreement,
    version: &AgreementVersion,
    statement: &MarginStatement,
    requirement: Decimal,
) -> Result<csa::Leg, Rejection> {
    let computed = compute(state, entry, agreement, version, statement, requirement)?;
    let secured = agreement.side_of(&statement.pledgor).unwrap_or(Side::B).other();
    let leg = computed.legs.into_iter().find(|leg| leg.secured == secured);
    leg.ok_or(Rejection::NotAuthorised { who_may: "a secured party of the agreement" })
}

/// Once nothing is owed under an agreement that has ended, all that is posted is to be returned: neither
/// a threshold, an independent amount, a minimum nor rounding keeps any of it back.
fn whole(
    state: &State,
    entry: &Entry,
    agreement: &Agreement,
    version: &AgreementVersion,
    discharge: &MarginStatement,
    issue: &CallIssue,
) -> Result<Figure, Rejection> {
    let pledgor = &discharge.pledgor;
    let at = entry.recorded_at;
    let posted = collateral::posted_value(state, agreement, version, pledgor, Decimal::ZERO, at)?;
    let given = value(issue.amount);
    if posted == Value::zero() || posted != given {
        let expected =
            if posted == Value::zero() { "no return (covered)".to_owned() } else { posted.to_string() };
        return Err(Rejection::AmountOutOfRange { expected, got: given.to_string() });
    }
    Ok(Figure { amount: posted.clone(), raw: posted, mta: Value::zero(), margin: CallMargin::Initial })
}

/// The credit support computation of the ledger as it stands.
fn compute(
    state: &State,
    entry: &Entry,
    agreement: &Agreement,
    version: &AgreementVersion,
    statement: &MarginStatement,
    requirement: Decimal,
) -> Result<csa::Computation, Rejection> {
    let terms = version.signed.terms();
    let pledgor_side = agreement.side_of(&statement.pledgor).unwrap_or(Side::B);
    let secured = pledgor_side.other();
    let (items, agreed) = posted_and_agreed(state, agreement, terms, &statement.pledgor);
    // What is agreed and not yet named by item counts as if it had lowered the exposure.
    let owed = &value(statement.exposure) - &agreed;
    let mut figures = csa::Figures::default();
    let seen_from_a = match pledgor_side {
        Side::B => owed,
        Side::A => -&owed,
    };
    match terms.flavour() {
        Flavour::Crypto247 => {
            figures.exposure = Some(seen_from_a);
            *figures.requirement.get_mut(secured) = Some(value(requirement));
        }
        Flavour::Ny1994 | Flavour::Vm2016 => figures.exposure = Some(seen_from_a),
        Flavour::Im2018 => {
            let amount = &value(requirement) - &agreed;
            let margin = csa::MarginFigure { amount, ia: Some(Value::zero()) };
            *figures.margin.get_mut(secured) = Some(margin);
            let none = csa::MarginFigure { amount: Value::zero(), ia: Some(Value::zero()) };
            *figures.margin.get_mut(pledgor_side) = Some(none);
        }
    }
    let market = collateral::market(state, terms, entry.recorded_at);
    csa::compute(terms, &figures, &market, &items).map_err(|error| match error {
        ComputeError::Valuation(errors) => collateral::of_valuations(state, &errors),
        ComputeError::ExposureMissing
        | ComputeError::MarginMissing { .. }
        | ComputeError::RequirementNotAsked => {
            Rejection::AmountOverflow { what: format!("the computation: {error}") }
        }
    })
}

/// What is posted and on its way by item, and what is agreed but not yet pledged by value.
fn posted_and_agreed(
    state: &State,
    agreement: &Agreement,
    terms: &csa::Agreement,
    pledgor: &PartyId,
) -> (Vec<Item>, Value) {
    let side = agreement.side_of(pledgor).unwrap_or(Side::B);
    let mut items = Vec::new();
    for account in collateral::posted_accounts(state, pledgor) {
        items.push(collateral::item(state, account, account.available(), side));
    }
    let mut agreed = Value::zero();
    if terms.in_flight() == InFlight::SettledOnly {
        return (items, agreed);
    }
    let of_this = |call: &&Arc<CallRecord>| {
        call.agreement == agreement.id
            && call.pledgor == *pledgor
            && call.call.terms().leg == CallLeg::Delivery
    };
    for call in state.calls().filter(of_this) {
        match call.state() {
            CallState::Agreed => agreed = &agreed + call.amount(),
            CallState::Pledged | CallState::Accepted | CallState::InTransit => {
                items.extend(call.items.iter().enumerate().filter_map(|(place, reserved)| {
                    let account = state.account(&reserved.from)?;
                    let item = collateral::item(state, account, reserved.units, side);
                    let id = format!("{}/{place}", call.id);
                    Some(Item { id, state: ItemState::AgreedIn, ..item })
                }));
            }
            CallState::Issued
            | CallState::Acknowledged
            | CallState::Split
            | CallState::Disputed
            | CallState::Settled
            | CallState::Retracted
            | CallState::Superseded
            | CallState::Defaulted
            | CallState::Liquidating
            | CallState::ClosedOut => {}
        }
    }
    (items, agreed)
}

/// The times of the agreement's clock, counted from the record; without a clock, from `due` itself.
pub(super) fn deadlines(
    terms: &csa::Agreement,
    entry: &Entry,
    issue: &CallIssue,
) -> Result<Deadlines, Rejection> {
    let Some(clock) = terms.clock() else {
        let due_at = issue.due.max(entry.recorded_at);
        return Ok(Deadlines { demand_day: None, due_at, dispute_by: due_at, grace_end: due_at });
    };
    let calendars = csa::Calendars::new();
    let mut latest: Option<Deadlines> = None;
    for kind in AssetKind::ALL {
        match clock.deadlines(*kind, &calendars, entry.recorded_at) {
            Ok(found) => {
                let later = latest.as_ref().is_none_or(|latest| latest.due_at < found.due_at);
                latest = if later { Some(found) } else { latest };
            }
            Err(csa::ClockError::KindWithoutClock { .. }) => {}
            Err(error) => {
                return Err(Rejection::UnknownReference {
                    pointer: "/body/agreement".to_owned(),
                    what: format!("the agreement's clock: {error}"),
                });
            }
        }
    }
    latest.ok_or(Rejection::TooLate { until: entry.recorded_at })
}
