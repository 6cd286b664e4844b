//! The life of a break: opened, given an owner, explained, and resolved or written off.
//!
//! Source: custody specification §2, *Working a break*.

use super::body::Ask;
use super::concern::Concern;
use super::fields::{Fields, QuantityText, ReadText};
use crate::digest::Digest;
use crate::id::{BreakId, MovementId, PartyId, ReconciliationId};
use crate::time::Timestamp;

/// `break.open`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BreakOpen {
    /// The break: 16 hex digits made from what differs, not from the amount.
    pub id: BreakId,
    /// The reconciliation that found it.
    pub reconciliation: ReconciliationId,
    /// Which line of the result it is.
    pub line: String,
    /// By how much, in units of the asset, with its sign given by the line's type.
    pub amount: QuantityText,
    /// Whether the amount is negative.
    pub negative: bool,
}

impl BreakOpen {
    /// The amount with its sign, as it was written.
    #[must_use]
    pub fn signed_amount(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{}", self.amount.as_str())
    }
}

impl Ask for BreakOpen {
    fn read(fields: &mut Fields) -> Option<Self> {
        let id = fields.parsed("break");
        let reconciliation = fields.parsed("reconciliation");
        let line = fields.text("line");
        let amount = fields.required("amount", "a signed quantity as -12.5", |value| {
            let text = value.as_str()?;
            let magnitude = text.strip_prefix('-').unwrap_or(text);
            crate::decimal::DecimalText::parse(text).ok()?;
            Some((QuantityText::read_text(magnitude)?, magnitude.len() != text.len()))
        });
        let (amount, negative) = amount?;
        Some(Self { id: id?, reconciliation: reconciliation?, line: line?, amount, negative })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Break(self.id.clone())]
    }
}

/// `break.assign`: gives it to who answers for it, the operator or the custodian concerned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BreakAssign {
    /// The break.
    pub id: BreakId,
    /// Its owner from now on.
    pub to: PartyId,
}

impl Ask for BreakAssign {
    fn read(fields: &mut Fields) -> Option<Self> {
        let id = fields.parsed("break");
        let to = fields.parsed("to");
        Some(Self { id: id?, to: to? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Break(self.id.clone()), Concern::Party(self.to.clone())]
    }
}

/// `break.explain`: says why both sides differ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BreakExplain {
    /// The break.
    pub id: BreakId,
    /// The reason, one of the codes of [`crate::break_record::BreakReason`]; read against them by
    /// `apply`, because another code is a refusal of its own.
    pub reason: String,
    /// When it is expected to be gone; once that has passed the explanation counts as none.
    pub expected_by: Option<Timestamp>,
}

impl Ask for BreakExplain {
    fn read(fields: &mut Fields) -> Option<Self> {
        let id = fields.parsed("break");
        let reason = fields.text("reason");
        let expected_by = fields.parsed_optional("expected_by");
        Some(Self { id: id?, reason: reason?, expected_by: expected_by? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Break(self.id.clone())]
    }
}

/// `break.resolve`: ends it with the evidence that both sides agree again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BreakResolve {
    /// The break.
    pub id: BreakId,
    /// The document that shows it: a later reconciliation, a corrected statement, a letter.
    pub evidence: Digest,
}

impl Ask for BreakResolve {
    fn read(fields: &mut Fields) -> Option<Self> {
        let id = fields.parsed("break");
        let evidence = fields.parsed("evidence");
        Some(Self { id: id?, evidence: evidence? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Break(self.id.clone())]
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/evidence", self.evidence)]
    }
}

/// `break.write_off`: ends it by an adjusting movement that has settled.
///
/// Each posting of the movement stands between an account of the break and one adjusting account: the
/// operator's own, of the book `reserved`. What they move in sum is exactly the break's amount, in its
/// asset, in its direction. A second principal is needed, and the maker does not count.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BreakWriteOff {
    /// The break.
    pub id: BreakId,
    /// The adjusting movement.
    pub movement: MovementId,
}

impl Ask for BreakWriteOff {
    fn read(fields: &mut Fields) -> Option<Self> {
        let id = fields.parsed("break");
        let movement = fields.parsed("movement");
        Some(Self { id: id?, movement: movement? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Break(self.id.clone()), Concern::Movement(self.movement.clone())]
    }
}
