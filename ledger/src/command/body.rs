//! Every type of command this version knows, by name.

use super::agreement::{AgreementAccept, AgreementPropose, AgreementReject};
use super::call::{CallIssue, CallStep};
use super::custody::{BreakOpen, CustodyStatementPut, ReconciliationRecord};
use super::fields::Fields;
use super::market::{MarginState, PositionReport, PriceSet, RegimeAdopt};
use super::movement::{
    MovementBatch, MovementInstruct, MovementReclassify, MovementReverse, MovementSettle, MovementVoid,
};
use super::party::{KeyAdd, KeyRevoke, KeyRotate, LedgerOpen, NewKey, PartyRegister};
use super::registry::{AccountOpen, AssetDefine, DocumentPut};
use super::standing::{AccountStanding, AssetSuspend, PartyStanding};
use crate::digest::Digest;
use crate::id::CallId;
use crate::json::Json;

macro_rules! bodies {
    ($($(#[$doc:meta])* $variant:ident($body:ty) = $name:literal),+ $(,)?) => {
        /// What a command asks, by its type.
        #[derive(Clone, Debug, Eq, PartialEq)]
        pub enum Body {
            $($(#[$doc])* $variant($body),)+
            /// `call.…` and `transfer.…`: a step in the life of a call.
            CallStep(CallId, CallStep),
        }

        impl Body {
            const TYPES: &[&str] = &[$($name),+];

            /// The type's name.
            #[must_use]
            pub fn type_name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)+
                    Self::CallStep(_, step) => step.type_name(),
                }
            }

            /// Reads the body of a type that [`Body::knows`].
            pub(super) fn read(type_name: &str, fields: &mut Fields) -> Option<Self> {
                match type_name {
                    $($name => <$body>::read(fields).map(Self::$variant),)+
                    _ => CallStep::read(type_name, fields).map(|(call, step)| Self::CallStep(call, step)),
                }
            }
        }
    };
}

bodies! {
    /// Opens the ledger: record 0.
    LedgerOpen(LedgerOpen) = "ledger.open",
    /// Registers a party with its first key.
    PartyRegister(PartyRegister) = "party.register",
    /// Adds a key.
    KeyAdd(KeyAdd) = "key.add",
    /// Puts a new key in the place of an old one.
    KeyRotate(KeyRotate) = "key.rotate",
    /// Ends a key.
    KeyRevoke(KeyRevoke) = "key.revoke",
    /// Stops a party from authoring anything.
    PartySuspend(PartyStanding) = "party.suspend",
    /// Lets it author again.
    PartyResume(PartyStanding) = "party.resume",
    /// Binds a rule book's name to its bytes.
    RegimeAdopt(RegimeAdopt) = "regime.adopt",
    /// Defines an asset.
    AssetDefine(AssetDefine) = "asset.define",
    /// Stops everything that would be instructed in an asset.
    AssetSuspend(AssetSuspend) = "asset.suspend",
    /// Opens an account.
    AccountOpen(AccountOpen) = "account.open",
    /// Closes an empty account for ever.
    AccountClose(AccountStanding) = "account.close",
    /// Stops everything that would be instructed to or from an account.
    AccountFreeze(AccountStanding) = "account.freeze",
    /// Lets it be instructed again.
    AccountUnfreeze(AccountStanding) = "account.unfreeze",
    /// Proposes a version of an agreement.
    AgreementPropose(AgreementPropose) = "agreement.propose",
    /// Accepts it.
    AgreementAccept(AgreementAccept) = "agreement.accept",
    /// Rejects it.
    AgreementReject(AgreementReject) = "agreement.reject",
    /// Makes a document part of the record.
    DocumentPut(DocumentPut) = "document.put",
    /// Sets prices.
    PriceSet(PriceSet) = "price.set",
    /// Reports positions.
    PositionReport(PositionReport) = "position.report",
    /// Instructs a movement.
    MovementInstruct(MovementInstruct) = "movement.instruct",
    /// Settles a pending movement.
    MovementSettle(MovementSettle) = "movement.settle",
    /// Voids a pending movement.
    MovementVoid(MovementVoid) = "movement.void",
    /// Moves by a document of postings, all or nothing.
    MovementBatch(MovementBatch) = "movement.batch",
    /// Undoes a settled movement by a new one.
    MovementReverse(MovementReverse) = "movement.reverse",
    /// Moves from one property class to another, both named.
    MovementReclassify(MovementReclassify) = "movement.reclassify",
    /// States margin.
    MarginState(MarginState) = "margin.state",
    /// Issues a call.
    CallIssue(CallIssue) = "call.issue",
    /// Records a custodian's statement.
    CustodyStatement(CustodyStatementPut) = "custody.statement",
    /// Records a reconciliation.
    Reconciliation(ReconciliationRecord) = "recon.record",
    /// Opens a break.
    BreakOpen(BreakOpen) = "break.open",
}

impl Body {
    /// Whether this version knows the type.
    #[must_use]
    pub fn knows(type_name: &str) -> bool {
        Self::known_types().any(|known| known == type_name)
    }

    /// Every type this version knows.
    pub fn known_types() -> impl Iterator<Item = &'static str> {
        Self::TYPES.iter().copied().chain(CallStep::TYPES)
    }

    /// The documents the command names, each with an RFC 6901 pointer to where.
    #[must_use]
    pub fn documents(&self) -> Vec<(&'static str, Digest)> {
        match self {
            Self::LedgerOpen(open) => vec![("/body/witness_policy", open.witness_policy)],
            Self::RegimeAdopt(adopt) => vec![("/body/digest", adopt.digest)],
            Self::AgreementPropose(propose) => vec![("/body/document", propose.document)],
            Self::DocumentPut(put) => vec![("/body/digest", put.digest)],
            Self::PriceSet(set) => vec![("/body/digest", set.digest)],
            Self::PositionReport(report) => vec![("/body/digest", report.digest)],
            Self::MovementSettle(settle) => vec![("/body/evidence", settle.evidence)],
            Self::MovementBatch(batch) => vec![("/body/document", batch.document)],
            Self::MarginState(stated) => stated.digests().to_vec(),
            Self::CustodyStatement(put) => vec![("/body/digest", put.digest)],
            Self::Reconciliation(record) => vec![("/body/digest", record.digest)],
            Self::CallStep(
                _,
                CallStep::Settle { evidence, .. } | CallStep::Dispute { evidence: Some(evidence), .. },
            ) => {
                vec![("/body/evidence", *evidence)]
            }
            // An acceptance or rejection names what a proposal brought: the proposal is looked for.
            Self::AgreementAccept(_)
            | Self::AgreementReject(_)
            | Self::CallStep(..)
            | Self::PartyRegister(_)
            | Self::KeyAdd(_)
            | Self::KeyRotate(_)
            | Self::KeyRevoke(_)
            | Self::PartySuspend(_)
            | Self::PartyResume(_)
            | Self::AssetDefine(_)
            | Self::AssetSuspend(_)
            | Self::AccountOpen(_)
            | Self::AccountClose(_)
            | Self::AccountFreeze(_)
            | Self::AccountUnfreeze(_)
            | Self::MovementInstruct(_)
            | Self::MovementVoid(_)
            | Self::MovementReverse(_)
            | Self::MovementReclassify(_)
            | Self::CallIssue(_)
            | Self::BreakOpen(_) => Vec::new(),
        }
    }

    /// The key that the command brings and that must sign it too.
    #[must_use]
    pub fn new_key(&self) -> Option<&NewKey> {
        match self {
            Self::LedgerOpen(open) => Some(&open.key),
            Self::PartyRegister(register) => Some(&register.key),
            Self::KeyAdd(add) => Some(&add.key),
            Self::KeyRotate(rotate) => Some(&rotate.key),
            Self::KeyRevoke(_)
            | Self::RegimeAdopt(_)
            | Self::PartySuspend(_)
            | Self::PartyResume(_)
            | Self::AssetDefine(_)
            | Self::AssetSuspend(_)
            | Self::AccountOpen(_)
            | Self::AccountClose(_)
            | Self::AccountFreeze(_)
            | Self::AccountUnfreeze(_)
            | Self::AgreementPropose(_)
            | Self::AgreementAccept(_)
            | Self::AgreementReject(_)
            | Self::DocumentPut(_)
            | Self::PriceSet(_)
            | Self::PositionReport(_)
            | Self::MovementInstruct(_)
            | Self::MovementSettle(_)
            | Self::MovementVoid(_)
            | Self::MovementBatch(_)
            | Self::MovementReverse(_)
            | Self::MovementReclassify(_)
            | Self::MarginState(_)
            | Self::CallIssue(_)
            | Self::CallStep(..)
            | Self::CustodyStatement(_)
            | Self::Reconciliation(_)
            | Self::BreakOpen(_) => None,
        }
    }
}

/// How the signatures of an envelope are to be read, told from the payload before it has meaning.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signers {
    /// One, by a key of the author.
    Author,
    /// Two: by a key of the author, then by the key that the body brings.
    AuthorAndNewKey,
    /// One, by the key that the body brings: the first record's.
    NewKey,
}

impl Signers {
    /// What the type asks for.
    #[must_use]
    pub fn of(payload: &Json) -> Self {
        match payload.get("type").and_then(Json::as_str) {
            Some("ledger.open") => Self::NewKey,
            Some("party.register" | "key.add" | "key.rotate") => Self::AuthorAndNewKey,
            Some(_) | None => Self::Author,
        }
    }

    /// How many signatures that is.
    #[must_use]
    pub fn count(self) -> usize {
        match self {
            Self::Author | Self::NewKey => 1,
            Self::AuthorAndNewKey => 2,
        }
    }
}
