//! Margin statements: figures taken on record with what they follow from.
//!
//! `apply` checks that everything a statement names is on record and that its figures add up;
//! whether they follow from their documents is recomputed by `verify` and by whoever they hurt.

use std::sync::Arc;

use super::collateral::{self, exact};
use super::{Entry, check_free};
use crate::command::MarginState;
use crate::id::{PartyId, RegimeId};
use crate::market::{MarginStatement, Portfolio};
use crate::rejection::Rejection;
use crate::state::{Change, State};

pub(super) fn state_margin(
    state: &State,
    entry: &Entry,
    stated: &MarginState,
) -> Result<Vec<Change>, Rejection> {
    let portfolio = state.need_portfolio(&stated.portfolio, "/body/portfolio")?;
    let agreement = state.need_agreement(&stated.agreement, "/body/agreement")?;
    check_references(state, stated, portfolio)?;
    let author = &entry.command.author;
    if !agreement.parties.contains(author) {
        return Err(Rejection::NotAuthorised { who_may: "the parties of the agreement" });
    }
    let pledgor = pledgor(state, entry, portfolio, &agreement.parties)?;
    check_free(state, "margin statement", stated.statement.as_str())?;
    let version = agreement.in_force(entry.recorded_at).ok_or_else(|| Rejection::WrongState {
        state: "an agreement without a version in force".to_owned(),
        fits: "agreement.accept".to_owned(),
    })?;
    if collateral::discharge(state, agreement, &pledgor, entry.recorded_at).is_some() {
        return Err(Rejection::WrongState {
            state: format!("ended, and {pledgor} owes nothing more"),
            fits: "call.issue of a return".to_owned(),
        });
    }
    if stated.as_of > entry.recorded_at {
        return Err(Rejection::TooEarly { after: stated.as_of });
    }
    if stated.requirement.is_sign_negative() || stated.collateral_value.is_sign_negative() {
        return Err(Rejection::AmountOutOfRange {
            expected: "a requirement and a collateral value of zero or more".to_owned(),
            got: stated.requirement.min(stated.collateral_value).to_string(),
        });
    }
    check_regime(state, entry, stated, version.signed.terms().regime())?;
    check_sum(stated)?;
    let owner =
        Portfolio { owner: Some(pledgor.clone()), changed_seq: entry.seq, ..Portfolio::clone(portfolio) };
    let statement = statement(entry, stated, pledgor);
    let mut changes = vec![Change::Statement(Arc::new(statement))];
    if portfolio.owner.is_none() {
        changes.push(Change::Portfolio(Arc::new(owner)));
    }
    Ok(changes)
}

/// Exactly: a decimal of 28 digits rounds a difference silently.
fn check_sum(stated: &MarginState) -> Result<(), Rejection> {
    let sum = exact(stated.collateral_value) - exact(stated.requirement) - exact(stated.exposure);
    if sum == exact(stated.excess) {
        return Ok(());
    }
    let rounded =
        (|| stated.collateral_value.checked_sub(stated.requirement)?.checked_sub(stated.exposure))();
    let expected = rounded.ok_or_else(|| Rejection::AmountOverflow { what: "/body/excess".to_owned() })?;
    Err(Rejection::AmountsDoNotSum { expected: expected.to_string(), got: stated.excess.to_string() })
}

/// The documents are the ones on record for what they are said to be.
fn check_references(state: &State, stated: &MarginState, portfolio: &Portfolio) -> Result<(), Rejection> {
    let refuse =
        |pointer: &str, what: String| Err(Rejection::UnknownReference { pointer: pointer.to_owned(), what });
    if portfolio.digest != stated.positions {
        // Which they are, is for those to know who may read them.
        let what = format!("not the last positions reported for {}", portfolio.id);
        return refuse("/body/positions", what);
    }
    let Some(prices) = state.prices().filter(|prices| prices.digest == stated.prices) else {
        return refuse("/body/prices", format!("the prices in force are not of document {}", stated.prices));
    };
    // Collateral is counted at those prices, so it is counted after they were set.
    if stated.state_size <= prices.changed_seq {
        let what = format!("the prices were set by record {}", prices.changed_seq);
        return refuse("/body/state_size", what);
    }
    if stated.state_size > state.length() {
        return refuse("/body/state_size", format!("the ledger has {} records", state.length()));
    }
    Ok(())
}

/// Whose portfolio it is: its owner; before there is one, who it is of is for the operator to say, whose
/// other side it then is.
fn pledgor(
    state: &State,
    entry: &Entry,
    portfolio: &Portfolio,
    parties: &[PartyId],
) -> Result<PartyId, Rejection> {
    let author = &entry.command.author;
    let operates = state.opened().is_some_and(|opened| opened.operator == *author);
    let other_side = parties.iter().find(|party| operates && *party != author);
    let pledgor = portfolio.owner.as_ref().or(other_side).filter(|pledgor| parties.contains(pledgor));
    pledgor.cloned().ok_or_else(|| Rejection::UnknownReference {
        pointer: "/body/portfolio".to_owned(),
        what: format!("portfolio {} is not of a party of this agreement", portfolio.id),
    })
}

/// If the agreement's rule book was adopted, its bytes are the ones adopted.
fn check_regime(
    state: &State,
    entry: &Entry,
    stated: &MarginState,
    regime: Option<&str>,
) -> Result<(), Rejection> {
    let adopted =
        regime.and_then(|id| RegimeId::parse(id).ok()).and_then(|id| state.regime_at(&id, entry.recorded_at));
    match adopted {
        Some(adopted) if adopted.digest != stated.regime => Err(Rejection::EvidenceMismatch {
            expected: format!("rule book {} as adopted, {}", adopted.id, adopted.digest),
            got: stated.regime.to_string(),
        }),
        Some(_) | None => Ok(()),
    }
}

fn statement(entry: &Entry, stated: &MarginState, pledgor: PartyId) -> MarginStatement {
    MarginStatement {
        id: stated.statement.clone(),
        author: entry.command.author.clone(),
        portfolio: stated.portfolio.clone(),
        agreement: stated.agreement.clone(),
        pledgor,
        as_of: stated.as_of,
        state_size: stated.state_size,
        positions: stated.positions,
        prices: stated.prices,
        regime: stated.regime,
        engine: stated.engine.clone(),
        exposure: stated.exposure,
        requirement: stated.requirement,
        collateral_value: stated.collateral_value,
        excess: stated.excess,
        report: stated.report,
        recorded_at: entry.recorded_at,
        changed_seq: entry.seq,
    }
}
