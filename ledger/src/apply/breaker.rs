//! Circuit breakers: steps, and what a level does not let through.
//!
//! A pool is what is margined under one adopted rule book: the agreements whose version in force names
//! it. Its members are their pledgors, and a withdrawal of a member's excess is whatever goes out of
//! its `posted` (but to its own `posted` of the same class), leaves it for another owner, or leaves
//! the custodian. Signals are the operator's word, signed; the step from them is the ledger's.
//!
//! Source: margin specification §8.3.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::collateral::binding_statement;
use super::overrides::Waivers;
use super::{Entry, call};
use crate::account::Book;
use crate::agreement::{Agreement, AgreementVersion};
use crate::breaker::{BreakerState, Level, Signal, Step, step};
use crate::command::BreakerStep;
use crate::csa;
use crate::id::{PartyId, RegimeId};
use crate::movement::{Movement, Posting};
use crate::overrides::OverridableRule;
use crate::pool::{Hold, Pool};
use crate::rejection::Rejection;
use crate::state::{Change, State};
use crate::time::Timestamp;
use crate::valuation::Side;

pub(super) fn take_step(state: &State, entry: &Entry, asked: &BreakerStep) -> Result<Vec<Change>, Rejection> {
    let unknown = |what| Rejection::UnknownReference { pointer: "/body/pool".to_owned(), what };
    let regime = state
        .regime_at(&asked.pool, entry.recorded_at)
        .ok_or_else(|| unknown(format!("no rule book {} is in force", asked.pool)))?;
    let parameters = regime
        .breaker
        .as_ref()
        .ok_or_else(|| unknown(format!("rule book {} has no table breaker", asked.pool)))?;
    let before = state.pool(&asked.pool);
    let stood = before.map_or(BreakerState::OPEN, |pool| pool.state);
    let made = step(&stood, &asked.signals, parameters);
    check_same(&made, asked)?;
    let pool = Pool {
        id: asked.pool.clone(),
        regime: regime.digest,
        parameters: Arc::clone(parameters),
        stood,
        state: made.state,
        signals: asked.signals,
        reasons: made.reasons,
        cycle: before.map_or(1, |pool| pool.cycle + 1),
        recorded_at: entry.recorded_at,
        changed_seq: entry.seq,
    };
    let calls = match (stood.level, pool.level()) {
        (Level::Normal | Level::Guarded | Level::NoCredit, Level::Halt) => call::halt(state, entry, &pool.id),
        (Level::Halt, Level::Normal | Level::Guarded | Level::NoCredit) => {
            call::resume(state, entry, &pool.id)?
        }
        (Level::Halt, Level::Halt)
        | (
            Level::Normal | Level::Guarded | Level::NoCredit,
            Level::Normal | Level::Guarded | Level::NoCredit,
        ) => Vec::new(),
    };
    let mut changes = vec![Change::Pool(Arc::new(pool))];
    changes.extend(calls);
    Ok(changes)
}

/// The step that was signed is the one that the rules make.
fn check_same(made: &Step, asked: &BreakerStep) -> Result<(), Rejection> {
    let tell = |level: Level, factor: String, calm: String, reasons: &[Signal]| {
        let reasons: Vec<_> = reasons.iter().map(|reason| reason.as_str()).collect();
        format!("level {level}, theta_factor {factor}, calm {calm}, reasons [{}]", reasons.join(", "))
    };
    let BreakerState { level, theta_factor, calm } = made.state;
    let expected = tell(level, theta_factor.to_string(), calm.to_string(), &made.reasons);
    let got = tell(asked.level, asked.theta_factor.to_string(), asked.calm.to_string(), &asked.reasons);
    if expected == got { Ok(()) } else { Err(Rejection::AmountOutOfRange { expected, got }) }
}

/// The pool of an agreement's terms, if it is halted.
pub(super) fn halted_pool<'a>(state: &'a State, terms: &csa::Agreement) -> Option<&'a Arc<Pool>> {
    let id = RegimeId::parse(terms.regime()?).ok()?;
    state.pool(&id).filter(|pool| pool.level() == Level::Halt)
}

/// How postings would take effect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Timing {
    /// With the record.
    AtOnce,
    /// When the custodian settles them.
    Pending,
}

/// Refuses the withdrawals that the levels of their owners' pools refuse; gives what delays the others.
pub(super) fn guard(
    state: &State,
    entry: &Entry,
    postings: &[Posting],
    timing: Timing,
    waivers: &mut Waivers,
) -> Result<Vec<Hold>, Rejection> {
    let mut holds = Vec::new();
    let at = entry.recorded_at;
    for pool in state.pools().filter(|pool| pool.level() > Level::Normal) {
        let members: BTreeSet<_> = members(state, &pool.id, at).collect();
        let mut leaving = withdrawals(state, postings)?;
        leaving.retain(|owner, _| members.contains(owner));
        let leaving: Vec<_> = leaving.into_values().flatten().collect();
        if leaving.is_empty() {
            continue;
        }
        match judge(state, pool, timing, at) {
            Verdict::Through => {}
            Verdict::Later(hold) if !waivers.lift(OverridableRule::BreakerOpen, &leaving) => holds.push(hold),
            Verdict::Never(until) if !waivers.lift(OverridableRule::BreakerOpen, &leaving) => {
                return Err(open(pool, until));
            }
            Verdict::Later(_) | Verdict::Never(_) => {}
        }
    }
    Ok(holds)
}

/// What a level says to a withdrawal.
enum Verdict {
    Through,
    Later(Hold),
    /// With what would let it through.
    Never(String),
}

fn judge(state: &State, pool: &Pool, timing: Timing, at: Timestamp) -> Verdict {
    let delay = u64::from(pool.parameters.withdrawal_delay_cycles());
    match pool.level() {
        Level::Normal => Verdict::Through,
        Level::Halt => Verdict::Never("withdrawals are refused until the halt lifts".to_owned()),
        Level::NoCredit if is_short(state, &pool.id, at) => {
            Verdict::Never("withdrawals are refused while a margin statement shows a shortfall".to_owned())
        }
        Level::Guarded | Level::NoCredit if delay == 0 => Verdict::Through,
        Level::Guarded | Level::NoCredit => match timing {
            Timing::AtOnce => Verdict::Never(format!(
                "withdrawals are delayed by {delay} cycles: instruct it as two_phase, it may settle then"
            )),
            Timing::Pending => {
                Verdict::Later(Hold { pool: pool.id.clone(), until_cycle: pool.cycle + delay })
            }
        },
    }
}

/// Refuses the settlement of what was delayed, until its cycle and through a halt.
pub(super) fn check_holds(
    state: &State,
    movement: &Movement,
    parts: &[Posting],
    waivers: &mut Waivers,
) -> Result<(), Rejection> {
    let held = movement.holds.iter().find_map(|hold| {
        let pool = state.pool(&hold.pool)?;
        hold.holds(pool).then_some((pool, hold))
    });
    let Some((pool, hold)) = held else { return Ok(()) };
    let leaving: Vec<_> = withdrawals(state, parts)?.into_values().flatten().collect();
    if waivers.lift(OverridableRule::BreakerOpen, &leaving) {
        return Ok(());
    }
    let until = match pool.level() {
        Level::Halt => "it may settle when the halt has lifted".to_owned(),
        Level::Normal | Level::Guarded | Level::NoCredit => {
            format!("it may settle in cycle {}, this is {}", hold.until_cycle, pool.cycle)
        }
    };
    Err(open(pool, until))
}

fn open(pool: &Pool, until: String) -> Rejection {
    Rejection::BreakerOpen { pool: pool.id.clone(), level: pool.level(), until }
}

/// The postings that take something away from what its owner has here, by owner.
fn withdrawals<'a>(
    state: &'a State,
    postings: &'a [Posting],
) -> Result<BTreeMap<&'a PartyId, Vec<&'a Posting>>, Rejection> {
    let mut leaving: BTreeMap<&PartyId, Vec<&Posting>> = BTreeMap::new();
    for posting in postings {
        let from = state.need_account(&posting.from, "")?;
        let to = state.need_account(&posting.to, "")?;
        let released = from.book == Book::Posted && (to.book != Book::Posted || to.class != from.class);
        let gone = to.book == Book::External || to.owner != from.owner;
        if from.book != Book::External && (released || gone) {
            leaving.entry(&from.owner).or_default().push(posting);
        }
    }
    Ok(leaving)
}

/// The agreements of a pool, each with its version in force.
pub(super) fn agreements_of<'a>(
    state: &'a State,
    pool: &'a RegimeId,
    at: Timestamp,
) -> impl Iterator<Item = (&'a Arc<Agreement>, &'a AgreementVersion)> {
    let in_force = move |agreement: &'a Arc<Agreement>| {
        let version = agreement.in_force(at)?;
        (version.signed.terms().regime() == Some(pool.as_str())).then_some((agreement, version))
    };
    state.agreements().filter_map(in_force)
}

/// Those who give collateral under a version.
fn pledgors<'a>(
    agreement: &'a Agreement,
    version: &'a AgreementVersion,
) -> impl Iterator<Item = &'a PartyId> {
    let secured: &'static [Side] = version.signed.terms().secured_sides();
    secured.iter().map(|side| agreement.party(side.other()))
}

/// The parties whose withdrawals a pool's level judges.
fn members<'a>(state: &'a State, pool: &'a RegimeId, at: Timestamp) -> impl Iterator<Item = &'a PartyId> {
    agreements_of(state, pool, at).flat_map(|(agreement, version)| pledgors(agreement, version))
}

/// Whether a binding margin statement of a member shows less than is required.
///
/// Statements tell figures of a portfolio, not of each class; whoever is short at all is short in some
/// class, and who is short in one class only, its own statement does not tell.
fn is_short(state: &State, pool: &RegimeId, at: Timestamp) -> bool {
    agreements_of(state, pool, at).any(|(agreement, version)| {
        pledgors(agreement, version).any(|pledgor| {
            binding_statement(state, agreement, version, pledgor, at)
                .is_some_and(|statement| statement.excess < rust_decimal::Decimal::ZERO)
        })
    })
}
