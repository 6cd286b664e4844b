//! Movements of collateral between accounts.

use super::fields::{Fields, QuantityText, ReadText};
use crate::account::PropertyClass;
use crate::digest::Digest;
use crate::id::{AccountId, AssetId, CallId, MovementId};
use crate::time::Timestamp;
use crate::words::words;

words! {
    /// How a movement takes effect.
    pub enum MovementMode {
        /// At once, all or nothing.
        Immediate = "immediate",
        /// Reserved now; settled or voided later.
        TwoPhase = "two_phase",
    }
}

/// One debit–credit pair as written; the asset gives the amount its scale.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PostingText {
    /// Where it goes out.
    pub from: AccountId,
    /// Where it comes in.
    pub to: AccountId,
    /// The one asset of both.
    pub asset: AssetId,
    /// How much.
    pub amount: QuantityText,
}

impl PostingText {
    pub(super) fn read(fields: &mut Fields) -> Option<Self> {
        let from = fields.parsed("from");
        let to = fields.parsed("to");
        let asset = fields.parsed("asset");
        let amount = fields.parsed("amount");
        Some(Self { from: from?, to: to?, asset: asset?, amount: amount? })
    }
}

/// `movement.instruct`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MovementInstruct {
    /// The movement.
    pub movement: MovementId,
    /// How it takes effect.
    pub mode: MovementMode,
    /// One to eight, all or nothing.
    pub postings: Vec<PostingText>,
    /// From this instant on a pending movement can no longer settle.
    pub expires: Option<Timestamp>,
    /// The call it serves.
    pub call: Option<CallId>,
}

impl MovementInstruct {
    pub(super) fn read(fields: &mut Fields) -> Option<Self> {
        let movement = fields.parsed("movement");
        let mode = fields.parsed("mode");
        let postings = fields.each("postings", 1..=8, PostingText::read);
        let expires = fields.parsed_optional("expires");
        let call = fields.parsed_optional("call");
        Some(Self { movement: movement?, mode: mode?, postings: postings?, expires: expires?, call: call? })
    }
}

/// `movement.settle`: whole, or the part that has arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MovementSettle {
    /// The movement.
    pub movement: MovementId,
    /// How much of each posting, in their order; all that remains if it is not said.
    pub amounts: Option<Vec<QuantityText>>,
    /// The custodian's evidence.
    pub evidence: Digest,
}

impl MovementSettle {
    pub(super) fn read(fields: &mut Fields) -> Option<Self> {
        let movement = fields.parsed("movement");
        let amounts = fields.optional("amounts", "one quantity for each posting, in their order", |value| {
            value.as_array()?.iter().map(|amount| QuantityText::read_text(amount.as_str()?)).collect()
        });
        let evidence = fields.parsed("evidence");
        Some(Self { movement: movement?, amounts: amounts?, evidence: evidence? })
    }
}

/// `movement.reverse`: a new movement that undoes a settled one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MovementReverse {
    /// The new movement.
    pub movement: MovementId,
    /// The one it undoes.
    pub reverses: MovementId,
    /// Why.
    pub reason: String,
}

impl MovementReverse {
    pub(super) fn read(fields: &mut Fields) -> Option<Self> {
        let movement = fields.parsed("movement");
        let reverses = fields.parsed("reverses");
        let reason = fields.text("reason");
        Some(Self { movement: movement?, reverses: reverses?, reason: reason? })
    }
}

/// `movement.reclassify`: from one customer-property class to another, both named.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MovementReclassify {
    /// The movement.
    pub movement: MovementId,
    /// Its postings.
    pub postings: Vec<PostingText>,
    /// The class it leaves.
    pub from_class: PropertyClass,
    /// The class it joins.
    pub to_class: PropertyClass,
    /// Why.
    pub reason: String,
    /// The rule or agreement that allows it.
    pub basis: String,
}

impl MovementReclassify {
    pub(super) fn read(fields: &mut Fields) -> Option<Self> {
        let movement = fields.parsed("movement");
        let postings = fields.each("postings", 1..=8, PostingText::read);
        let from_class = fields.parsed("from_class");
        let to_class = fields.parsed("to_class");
        let reason = fields.text("reason");
        let basis = fields.text("basis");
        Some(Self {
            movement: movement?,
            postings: postings?,
            from_class: from_class?,
            to_class: to_class?,
            reason: reason?,
            basis: basis?,
        })
    }
}

/// `movement.void`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MovementVoid {
    /// The movement.
    pub movement: MovementId,
    /// Why.
    pub reason: String,
}

impl MovementVoid {
    pub(super) fn read(fields: &mut Fields) -> Option<Self> {
        let movement = fields.parsed("movement");
        let reason = fields.text("reason");
        Some(Self { movement: movement?, reason: reason? })
    }
}

impl ReadText for MovementMode {
    const HELP: &'static str = "immediate or two_phase";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}
