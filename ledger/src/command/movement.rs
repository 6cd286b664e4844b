//! Movements of collateral between accounts.

use super::fields::{Fields, QuantityText, ReadText};
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

/// `movement.settle`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MovementSettle {
    /// The movement.
    pub movement: MovementId,
    /// The custodian's evidence.
    pub evidence: Digest,
}

impl MovementSettle {
    pub(super) fn read(fields: &mut Fields) -> Option<Self> {
        let movement = fields.parsed("movement");
        let evidence = fields.parsed("evidence");
        Some(Self { movement: movement?, evidence: evidence? })
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
