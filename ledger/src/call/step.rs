//! One command on one call: the only transition function of a call's life.
//!
//! No clock: `at` is the record's time, read against the times fixed when the call was issued.

use serde::{Deserialize, Serialize};

use super::command::{CallCommand, Verb};
use super::refusal::CallRefusal;
use super::state::{
    Actor, CallKind, CallLeg, CallState, DisputeReason, FailReason, Reading, RejectReason, RetractReason,
};
use crate::csa::{Multiple, RoundingMode};
use crate::time::Timestamp;
use crate::valuation::Value;

/// What is fixed about a call when it is issued.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CallTerms {
    /// The call's id; halves of a split add `.u` and `.d`.
    pub id: String,
    /// Which way collateral moves.
    pub leg: CallLeg,
    /// What it asks of its receiver.
    pub kind: CallKind,
    /// The figure before rounding, which a dispute is measured against.
    pub raw: Value,
    /// The minimum transfer amount that applied.
    pub mta: Value,
    /// What amounts are rounded to multiples of.
    pub multiple: Multiple,
    /// Which way they are rounded.
    pub mode: RoundingMode,
    /// When it is due.
    pub due_at: Timestamp,
    /// The last instant at which it may be disputed.
    pub dispute_by: Timestamp,
    /// After this, default may be declared.
    pub grace_end: Timestamp,
}

/// A call, or one half of a split one.
///
/// Invariant: what has settled is less than the amount, unless the call is settled; a split call's
/// halves sum to its amount.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Call {
    terms: CallTerms,
    state: CallState,
    amount: Value,
    pledged: Value,
    settled: Value,
    superseded_by: Option<String>,
}

/// What a command changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Step {
    /// The call as it is now.
    pub call: Call,
    /// The undisputed and the disputed half, if it was split.
    pub halves: Option<Box<[Call; 2]>>,
}

impl Call {
    /// A call as issued.
    #[must_use]
    pub fn issue(terms: CallTerms, amount: Value) -> Self {
        Self {
            terms,
            state: CallState::Issued,
            amount,
            pledged: Value::zero(),
            settled: Value::zero(),
            superseded_by: None,
        }
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.terms.id
    }

    /// What is fixed about it.
    #[must_use]
    pub fn terms(&self) -> &CallTerms {
        &self.terms
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> CallState {
        self.state
    }

    /// What it asks, less what settled before a transfer failed.
    #[must_use]
    pub fn amount(&self) -> &Value {
        &self.amount
    }

    /// What the items pledged are worth; zero before a pledge.
    #[must_use]
    pub fn pledged(&self) -> &Value {
        &self.pledged
    }

    /// What has arrived since the last instruction.
    #[must_use]
    pub fn settled(&self) -> &Value {
        &self.settled
    }

    /// The call that took its place.
    #[must_use]
    pub fn superseded_by(&self) -> Option<&str> {
        self.superseded_by.as_deref()
    }

    /// Whether nothing can happen to it any more.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        Verb::fitting(self.state).is_empty() && self.state != CallState::Split
    }

    /// What `at` means for it; `None` where nothing is owed, or default has been declared.
    #[must_use]
    pub fn reading(&self, at: Timestamp) -> Option<Reading> {
        let owed =
            Verb::DeclareDefault.from_states().contains(&self.state) && self.terms.kind == CallKind::Demand;
        owed.then_some(if at <= self.terms.due_at {
            Reading::Due
        } else if at <= self.terms.grace_end {
            Reading::InGrace
        } else {
            Reading::Overdue
        })
    }

    /// The same call on other terms.
    pub(super) fn with_terms(&self, terms: CallTerms) -> Self {
        Self { terms, ..self.clone() }
    }

    fn to(&self, state: CallState) -> Step {
        Step { call: Self { state, ..self.clone() }, halves: None }
    }

    /// Owed again: what settled stays settled, the rest is to be pledged anew.
    fn owed_again(&self) -> Step {
        let amount = &self.amount - &self.settled;
        let (pledged, settled) = (Value::zero(), Value::zero());
        Step {
            call: Self { state: CallState::Agreed, amount, pledged, settled, ..self.clone() },
            halves: None,
        }
    }
}

/// Applies a command to a call.
///
/// # Errors
/// [`CallRefusal`], the first that holds in the order of its variants. That the command and the call
/// exist is the caller's to know.
///
/// Source: specs/calls.md §5.
pub fn step(call: &Call, command: &CallCommand, by: Actor, at: Timestamp) -> Result<Step, CallRefusal> {
    let verb = command.verb();
    let (leg, kind) = (call.terms.leg, call.terms.kind);
    if by != verb.author(leg) {
        return Err(CallRefusal::NotAuthorised { verb, author: verb.author(leg) });
    }
    if !verb.fits_kind(kind) {
        return Err(CallRefusal::KindNotDue { kind });
    }
    if !verb.from_states().contains(&call.state) {
        return Err(CallRefusal::WrongState { state: call.state, fitting: Verb::fitting(call.state) });
    }
    if verb == Verb::Dispute && at > call.terms.dispute_by {
        return Err(CallRefusal::TooLate { dispute_by: call.terms.dispute_by });
    }
    if verb == Verb::DeclareDefault && at <= call.terms.grace_end {
        return Err(CallRefusal::TooEarly { grace_end: call.terms.grace_end });
    }
    transition(call, command)
}

/// The last rungs of the ladder, which depend on the body, and the change itself.
fn transition(call: &Call, command: &CallCommand) -> Result<Step, CallRefusal> {
    match command {
        // Fits no state, so the ladder has refused it.
        CallCommand::Issue => {
            Err(CallRefusal::WrongState { state: call.state, fitting: Verb::fitting(call.state) })
        }
        CallCommand::Acknowledge => Ok(call.to(CallState::Acknowledged)),
        CallCommand::Agree { amount } => {
            if amount.as_ref().is_some_and(|amount| *amount != call.amount) {
                return Err(out_of_range(&call.amount, &call.amount));
            }
            Ok(call.to(CallState::Agreed))
        }
        CallCommand::Dispute { amount, reason } => dispute(call, amount.as_ref(), reason.as_deref()),
        CallCommand::ResolveDispute { amount } => resolve(call, amount.as_ref()),
        CallCommand::Pledge { value } => pledge(call, value.as_ref()),
        CallCommand::AcceptPledge => Ok(call.to(CallState::Accepted)),
        CallCommand::RejectPledge { reason } => {
            coded(reason.as_deref(), |text| RejectReason::parse(text).is_some())?;
            Ok(call.owed_again())
        }
        CallCommand::Instruct => Ok(call.to(CallState::InTransit)),
        CallCommand::Settle { amount } => settle(call, amount.as_ref()),
        CallCommand::Fail { reason } => {
            coded(reason.as_deref(), |text| FailReason::parse(text).is_some())?;
            Ok(call.owed_again())
        }
        CallCommand::Retract { reason } => {
            coded(reason.as_deref(), |text| RetractReason::parse(text).is_some())?;
            Ok(call.to(CallState::Retracted))
        }
        CallCommand::Supersede { by } => {
            let by = by.clone().ok_or(CallRefusal::MissingField { field: "by" })?;
            let mut step = call.to(CallState::Superseded);
            step.call.superseded_by = Some(by);
            Ok(step)
        }
        CallCommand::DeclareDefault => Ok(call.to(CallState::Defaulted)),
        CallCommand::WaiveDefault => Ok(call.owed_again()),
        CallCommand::CloseoutStart | CallCommand::CloseoutStep => Ok(call.to(CallState::Liquidating)),
        CallCommand::CloseoutFinish => Ok(call.to(CallState::ClosedOut)),
    }
}

fn out_of_range(least: &Value, most: &Value) -> CallRefusal {
    CallRefusal::AmountOutOfRange { least: least.clone(), most: most.clone() }
}

/// A reason must be one of its list, and must be there.
fn coded(reason: Option<&str>, known: impl FnOnce(&str) -> bool) -> Result<(), CallRefusal> {
    match reason {
        Some(text) if known(text) => Ok(()),
        Some(text) => Err(CallRefusal::ReasonUnknown { reason: text.to_owned() }),
        None => Err(CallRefusal::MissingField { field: "reason" }),
    }
}

/// What nobody disputes is owed now; only the rest goes to procedure.
///
/// The comparison with the minimum transfer amount comes before rounding, as in the amount itself.
fn dispute(call: &Call, amount: Option<&Value>, reason: Option<&str>) -> Result<Step, CallRefusal> {
    let terms = &call.terms;
    if amount.is_some_and(|amount| !amount.is_positive() || *amount > terms.raw) {
        return Err(out_of_range(&Value::zero(), &terms.raw));
    }
    let reason_known = coded(reason, |text| DisputeReason::parse(text).is_some());
    if let Err(refusal @ CallRefusal::ReasonUnknown { .. }) = reason_known {
        return Err(refusal);
    }
    let amount = amount.ok_or(CallRefusal::MissingField { field: "amount" })?;
    reason_known?;
    let (undisputed, _) =
        crate::csa::due(&terms.raw, amount, &terms.mta, |left| terms.multiple.round(left, terms.mode));
    if undisputed >= call.amount {
        return Ok(call.to(CallState::Agreed));
    }
    if undisputed.is_zero() {
        return Ok(call.to(CallState::Disputed));
    }
    let disputed = &call.amount - &undisputed;
    let half = |suffix: &str, amount: Value, state| {
        let id = format!("{}.{suffix}", terms.id);
        Call { state, ..Call::issue(CallTerms { id, raw: amount.clone(), ..terms.clone() }, amount) }
    };
    let mut step = call.to(CallState::Split);
    step.halves =
        Some(Box::new([half("u", undisputed, CallState::Agreed), half("d", disputed, CallState::Disputed)]));
    Ok(step)
}

fn resolve(call: &Call, amount: Option<&Value>) -> Result<Step, CallRefusal> {
    let amount = amount.ok_or(CallRefusal::MissingField { field: "amount" })?;
    if *amount < Value::zero() || *amount > call.amount {
        return Err(out_of_range(&Value::zero(), &call.amount));
    }
    let mut step = call.to(if amount.is_zero() { CallState::Retracted } else { CallState::Agreed });
    step.call.amount = amount.clone();
    Ok(step)
}

fn pledge(call: &Call, value: Option<&Value>) -> Result<Step, CallRefusal> {
    let value = value.ok_or(CallRefusal::MissingField { field: "value" })?;
    if *value < call.amount {
        return Err(CallRefusal::InsufficientValue { value: value.clone(), needed: call.amount.clone() });
    }
    let mut step = call.to(CallState::Pledged);
    step.call.pledged = value.clone();
    Ok(step)
}

/// Settles in full or in part. More than was pledged cannot arrive; the call is whole once its amount
/// has, even if items worth more were pledged.
fn settle(call: &Call, amount: Option<&Value>) -> Result<Step, CallRefusal> {
    let amount = amount.ok_or(CallRefusal::MissingField { field: "amount" })?;
    let pending = &call.pledged - &call.settled;
    if !amount.is_positive() || *amount > pending {
        return Err(out_of_range(&Value::zero(), &pending));
    }
    let settled = &call.settled + amount;
    let mut step = call.to(if settled >= call.amount { CallState::Settled } else { CallState::InTransit });
    step.call.settled = settled;
    Ok(step)
}
