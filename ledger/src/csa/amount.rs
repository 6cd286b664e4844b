//! The amount: from exposure and what is posted to what is due, in the order that decides.
//!
//! Every step is exact until the last, which rounds. The minimum transfer amount is compared before
//! rounding, because rounding must never create a call; and the part nobody disputes is due now.
//!
//! Source: specs/calls.md §2.

use super::agreement::{Agreement, Flavour, IaTreatment, ImApproach, Threshold};
use super::counting::{ItemResult, before_limits, counted_items, limit, posted, state_counts};
use super::explain::{ExplainNode, explain_leg};
use super::figures::Figures;
use crate::valuation::{Item, Market, Side, ValuationError, Value, value_items};
use crate::words::words;

words! {
    /// What a leg comes to.
    pub enum Action {
        /// The secured party may demand a delivery.
        Call = "call",
        /// The pledgor may demand a return.
        Return = "return",
        /// Nothing moves.
        None = "none",
    }
}

words! {
    /// Why a leg comes to that.
    pub enum Reason {
        /// What is posted is exactly what is asked.
        Covered = "covered",
        /// All of it is disputed.
        FullyDisputed = "fully_disputed",
        /// Less than the minimum transfer amount.
        BelowMta = "below_mta",
        /// What nobody disputes is less than the minimum transfer amount.
        UndisputedBelowMta = "undisputed_below_mta",
        /// Rounding leaves nothing.
        RoundsToZero = "rounds_to_zero",
        /// Due.
        Due = "due",
    }
}

/// One obligation: what one party may ask of the other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Leg {
    /// Who holds or may demand collateral.
    pub secured: Side,
    /// Who delivers it.
    pub pledgor: Side,
    /// What is asked before terms: exposure and requirement as seen from the secured party, or margin.
    pub requirement_basis: Value,
    /// The threshold that applied.
    pub threshold: Threshold,
    /// What should be covered.
    pub credit_support_amount: Value,
    /// What counts as covering it.
    pub posted_value: Value,
    /// What lacks.
    pub raw_delivery: Value,
    /// What is too much.
    pub raw_return: Value,
    /// What of this leg is disputed.
    pub disputed: Value,
    /// The minimum transfer amount that applied.
    pub mta: Value,
    /// What it comes to.
    pub action: Action,
    /// What is due.
    pub amount: Value,
    /// Why.
    pub reason: Reason,
}

/// An explained amount.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Computation {
    /// One leg, or two obligations that are never netted here.
    pub legs: Vec<Leg>,
    /// The items, in the order given.
    pub items: Vec<ItemResult>,
    /// Where each figure comes from; children before parents.
    pub explain: Vec<ExplainNode>,
}

/// Why an amount cannot be computed.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ComputeError {
    /// The agreement asks exposure and none is given.
    #[error("give the exposure")]
    ExposureMissing,
    /// The agreement asks margin of that side, or its `ia` under `greater_of`, and it is not given.
    #[error("give the margin that {secured} may ask")]
    MarginMissing {
        /// Who may ask it.
        secured: Side,
    },
    /// A requirement is given and the agreement is not `crypto_247`.
    #[error("leave the requirement out: only crypto_247 asks one")]
    RequirementNotAsked,
    /// Items have no value.
    #[error("{}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Valuation(Vec<ValuationError>),
}

/// What is due under an agreement, explained.
///
/// # Errors
/// [`ComputeError`]; valuation errors all at once, by precedence.
///
/// Source: specs/calls.md §2.
pub fn compute(
    agreement: &Agreement,
    figures: &Figures,
    market: &Market,
    items: &[Item],
) -> Result<Computation, ComputeError> {
    let asks_requirement = agreement.flavour == Flavour::Crypto247;
    if !asks_requirement && (figures.requirement.a.is_some() || figures.requirement.b.is_some()) {
        return Err(ComputeError::RequirementNotAsked);
    }
    let bases: Vec<(Side, Basis)> = agreement
        .secured_sides()
        .iter()
        .map(|secured| Ok((*secured, basis(agreement, figures, *secured)?)))
        .collect::<Result<_, ComputeError>>()?;
    let appraisals = value_items(&agreement.schedule, &agreement.groups, market, items)
        .map_err(ComputeError::Valuation)?;
    let mut results = before_limits(agreement, items, appraisals);
    let (mut legs, mut explain) = (Vec::new(), Vec::new());
    for (secured, basis) in &bases {
        let pledgor = secured.other();
        let counts = |item: &Item| item.posted_by == pledgor && state_counts(agreement.in_flight, item.state);
        let required = credit_support_amount(agreement, figures, *secured, basis);
        limit(agreement, market, items, &mut results, &required, counts)?;
        let leg = leg(agreement, figures, *secured, basis, required, posted(items, &results, counts));
        explain.extend(explain_leg(agreement, figures, &leg, &counted_items(items, &results, counts)));
        legs.push(leg);
    }
    Ok(Computation { legs, items: results, explain })
}

/// What one leg rests on.
pub(crate) enum Basis {
    /// Exposure seen from the secured party, with the requirement if one is given.
    Exposure(Value),
    /// Margin, and the independent amount beside it under `greater_of`.
    Margin { amount: Value, ia: Option<Value> },
}

fn basis(agreement: &Agreement, figures: &Figures, secured: Side) -> Result<Basis, ComputeError> {
    if agreement.flavour == Flavour::Im2018 {
        let missing = ComputeError::MarginMissing { secured };
        let margin = figures.margin.get(secured).as_ref().ok_or(missing.clone())?;
        let ia = match agreement.im_approach {
            ImApproach::GreaterOf => Some(margin.ia.clone().ok_or(missing)?),
            ImApproach::Distinct | ImApproach::Allocated => None,
        };
        return Ok(Basis::Margin { amount: margin.amount.clone(), ia });
    }
    let exposure = exposure_of(figures, secured).ok_or(ComputeError::ExposureMissing)?;
    Ok(Basis::Exposure(match figures.requirement.get(secured) {
        Some(requirement) => &exposure + requirement,
        None => exposure,
    }))
}

/// Exposure as seen from one side.
pub(crate) fn exposure_of(figures: &Figures, secured: Side) -> Option<Value> {
    let exposure = figures.exposure.as_ref()?;
    Some(match secured {
        Side::A => exposure.clone(),
        Side::B => -exposure,
    })
}

/// The threshold and delivery MTA of a pledgor in default are zero where the agreement says so.
fn zeroed(agreement: &Agreement, figures: &Figures, pledgor: Side) -> bool {
    agreement.zero_on_default && *figures.in_default.get(pledgor)
}

fn threshold(agreement: &Agreement, figures: &Figures, pledgor: Side) -> Threshold {
    if zeroed(agreement, figures, pledgor) {
        Threshold::Finite(Value::zero())
    } else {
        agreement.terms(pledgor).threshold.clone()
    }
}

/// What should be covered: step 3.
///
/// Source: 1994 ISDA CSA (NY law) ¶3 and 1995 CSA (English law) ¶2 for the threshold inside; the
/// 2018 IM documents for margin.
fn credit_support_amount(agreement: &Agreement, figures: &Figures, secured: Side, basis: &Basis) -> Value {
    let pledgor = secured.other();
    let over = |amount: &Value| match threshold(agreement, figures, pledgor) {
        Threshold::Finite(threshold) => (amount - &threshold).floored(),
        Threshold::Infinite => Value::zero(),
    };
    match basis {
        Basis::Margin { amount, ia } => {
            let margin = over(amount);
            ia.as_ref().map_or(margin.clone(), |ia| margin.max(ia.clone()))
        }
        Basis::Exposure(exposure) => {
            let add_on =
                &agreement.terms(pledgor).independent_amount - &agreement.terms(secured).independent_amount;
            match agreement.ia_treatment {
                IaTreatment::InsideThreshold => over(&(exposure + &add_on)),
                IaTreatment::OutsideThreshold => (&over(exposure) + &add_on).floored(),
            }
        }
    }
}

/// Steps 7 to 9.
fn leg(
    agreement: &Agreement,
    figures: &Figures,
    secured: Side,
    basis: &Basis,
    credit_support_amount: Value,
    posted_value: Value,
) -> Leg {
    let pledgor = secured.other();
    let raw_delivery = (&credit_support_amount - &posted_value).floored();
    let raw_return = (&posted_value - &credit_support_amount).floored();
    let returns = raw_return.is_positive();
    let (raw, mode) = if returns {
        (&raw_return, agreement.rounding.returns)
    } else {
        (&raw_delivery, agreement.rounding.delivery)
    };
    let mta = match (returns, zeroed(agreement, figures, pledgor)) {
        (true, _) => agreement.terms(secured).mta.clone(),
        (false, true) => Value::zero(),
        (false, false) => agreement.terms(pledgor).mta.clone(),
    };
    let disputed = match &figures.disputed {
        Some(disputed) if disputed.secured == secured => disputed.amount.clone(),
        Some(_) | None => Value::zero(),
    };
    let (amount, reason) =
        due(raw, &disputed, &mta, |undisputed| agreement.rounding.multiple.round(undisputed, mode));
    let action = match (reason == Reason::Due, returns) {
        (false, _) => Action::None,
        (true, true) => Action::Return,
        (true, false) => Action::Call,
    };
    Leg {
        secured,
        pledgor,
        requirement_basis: match basis {
            Basis::Exposure(exposure) => exposure.clone(),
            Basis::Margin { amount, .. } => amount.clone(),
        },
        threshold: threshold(agreement, figures, pledgor),
        credit_support_amount,
        posted_value,
        raw_delivery,
        raw_return,
        disputed,
        mta,
        action,
        amount,
        reason,
    }
}

/// What is due of `raw` now: dispute, then minimum transfer amount, then rounding.
///
/// Source: 1994 ISDA CSA (NY law) ¶3(a): equals or exceeds; the whole amount, never the excess.
pub(crate) fn due(
    raw: &Value,
    disputed: &Value,
    mta: &Value,
    round: impl FnOnce(&Value) -> Value,
) -> (Value, Reason) {
    if !raw.is_positive() {
        return (Value::zero(), Reason::Covered);
    }
    let undisputed = (raw - disputed).floored();
    if undisputed.is_zero() {
        return (Value::zero(), Reason::FullyDisputed);
    }
    if undisputed < *mta {
        let reason = if disputed.is_positive() { Reason::UndisputedBelowMta } else { Reason::BelowMta };
        return (Value::zero(), reason);
    }
    let amount = round(&undisputed);
    if amount.is_zero() { (amount, Reason::RoundsToZero) } else { (amount, Reason::Due) }
}
