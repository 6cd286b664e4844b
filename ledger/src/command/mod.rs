//! What a signer asks for: a typed command, read strictly from a canonical payload.
//!
//! Reading never looks at state: a command that reads is well formed, not yet allowed.
//! Source: audit specification §1 (members), API specification §2 (types and bodies).

mod address;
mod agreement;
mod approval;
mod body;
mod breaker;
mod breaks;
mod call;
mod concern;
mod custody;
pub(crate) mod fields;
mod governance;
mod market;
mod movement;
mod overrides;
mod party;
mod registry;
mod seal;
mod standing;
mod webhook;

pub use address::{
    AddressAdd, AddressAllow, AddressNamed, AddressProve, AddressRemove, AddressText, Challenge,
};
pub use agreement::{AgreementAccept, AgreementPropose, AgreementReject, AgreementTerminate};
pub use approval::{ApprovalSay, PolicySet};
pub use body::{Body, Signers};
pub use breaker::BreakerStep;
pub use breaks::{BreakAssign, BreakExplain, BreakOpen, BreakResolve, BreakWriteOff};
pub use call::{CallIssue, CallStep, PledgedItem};
pub use concern::Concern;
pub use custody::{CustodyObserve, CustodyStatementPut, Provenance, ReconciliationRecord};
pub use fields::{FieldError, FieldFault, QuantityText};
pub use governance::{ClockConfirm, LedgerClose, LogKeyAnnounce, RulesSet, WitnessPolicySet};
pub use market::{MarginState, PositionReport, PriceSet, RegimeAdopt};
pub use movement::{
    AssetTotal, BATCH_POSTINGS_MAX, MovementBatch, MovementInstruct, MovementMode, MovementReclassify,
    MovementReverse, MovementSettle, MovementVoid, PostingText, read_batch,
};
pub use overrides::{OverrideGrant, OverrideRevoke};
pub use party::{KeyAdd, KeyRecover, KeyRevoke, KeyRotate, LedgerOpen, NewKey, PartyRegister, ScopeNamed};
pub use registry::{AccountOpen, AssetDefine, DocumentErase, DocumentPut};
pub use seal::{AttestationPut, SealPut};
pub use standing::{AccountStanding, AssetSuspend, PartyStanding};
pub use webhook::{EventName, WebhookRemove, WebhookSet};

use fields::Fields;
use smol_str::SmolStr;

use crate::id::PartyId;
use crate::profile::Tree;
use crate::time::Timestamp;

/// A well-formed command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Command {
    /// Who asks.
    pub author: PartyId,
    /// The ledger it is for: its origin.
    pub ledger: String,
    /// The author's own name for it.
    pub idempotency_key: IdempotencyKey,
    /// From this instant on it can no longer be recorded.
    pub expires_at: Timestamp,
    /// The business date, where it differs from the recorded one.
    pub effective_at: Option<Timestamp>,
    /// What it rests on: refused if one of these changed since.
    pub expect: Vec<Expectation>,
    /// A note for people.
    pub memo: Option<String>,
    /// What is asked.
    pub body: Body,
}

/// 22 to 64 of `A-Z a-z 0-9 _ -`: unique per author, unguessable.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize)]
pub struct IdempotencyKey(SmolStr);

impl IdempotencyKey {
    /// Reads a key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let alphabet = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        (alphabet && (22..=64).contains(&text.len())).then(|| Self(SmolStr::new(text)))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The command holds only if the object `of` last changed at `seq`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Expectation {
    /// The object's id.
    pub of: String,
    /// The record that changed it last.
    pub seq: u64,
}

/// Why a payload is no command.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CommandError {
    /// No such type, or not one this version knows.
    #[error("{given} is not a type that this version knows under this payload type")]
    TypeUnknown {
        /// The type as given.
        given: String,
    },
    /// Members are wrong, unknown or missing.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Schema(Vec<FieldError>),
    /// A public key of small order or not canonically encoded.
    #[error("the public key is of small order or not a canonical point: make a new one")]
    WeakKey,
}

impl Command {
    /// Reads a command from its payload's tree.
    ///
    /// # Errors
    /// [`CommandError`], the first kind that holds, with every wrong member named.
    pub fn read(tree: &Tree) -> Result<Self, CommandError> {
        if let Some(given) = tree.get("type").and_then(Tree::as_str)
            && !Body::knows(given)
        {
            return Err(CommandError::TypeUnknown { given: given.to_owned() });
        }
        let mut top = Fields::of(tree);
        let author = top.parsed("author");
        let ledger = top.text("ledger");
        let idempotency_key = top.required(
            "idempotency_key",
            "22 to 64 of A-Z a-z 0-9 _ -, at least 16 random bytes",
            |value| IdempotencyKey::parse(value.as_str()?),
        );
        let expires_at = top.parsed("expires_at");
        let effective_at = top.parsed_optional("effective_at");
        let type_name = top.text("type");
        let body_tree = top.required("body", "an object", Some);
        let head = (|| Some((author?, ledger?, idempotency_key?, expires_at?, effective_at?)))();
        let head = top.finish(head.zip(type_name.zip(body_tree))).map_err(CommandError::Schema)?;
        let ((author, ledger, idempotency_key, expires_at, effective_at), (type_name, body_tree)) = head;

        let mut fields = Fields::of_member(body_tree, "body");
        let memo = fields.text_optional("memo");
        let expect = read_expectations(body_tree, &mut fields);
        let body = Body::read(&type_name, &mut fields);
        let (memo, expect, body) =
            fields.finish((|| Some((memo?, expect?, body?)))()).map_err(CommandError::Schema)?;
        if body.new_key().is_some_and(|new| new.public_key().is_err()) {
            return Err(CommandError::WeakKey);
        }
        Ok(Self { author, ledger, idempotency_key, expires_at, effective_at, expect, memo, body })
    }
}

fn read_expectations(body: &Tree, fields: &mut Fields) -> Option<Vec<Expectation>> {
    if body.get("expect").is_none() {
        return Some(Vec::new());
    }
    fields.each("expect", 1..=64, |fields| {
        let (of, seq) = (fields.text("of"), fields.parsed("seq"));
        Some(Expectation { of: of?, seq: seq? })
    })
}
