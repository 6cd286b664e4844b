//! Why the present state refuses a command that is well formed.
//!
//! Variants stand in the order of precedence: [`crate::apply::apply`] returns the first that holds.
//! Codes are API: stable, never reused. Source: API specification §3.

use rust_decimal::Decimal;

use crate::approval::HeldStatus;
use crate::breaker::Level;
use crate::decimal::DecimalError;
use crate::digest::Digest;
use crate::id::{AccountId, AssetId, PartyId, RegimeId};
use crate::key::KeyId;
use crate::party::{KeyUse, Role};
use crate::time::Timestamp;

macro_rules! rejections {
    ($($(#[$doc:meta])* $variant:ident { $($(#[$fdoc:meta])* $field:ident: $kind:ty),* $(,)? }
        = $code:literal, $message:literal;)+) => {
        /// A refusal by the present state. Nothing was recorded and nothing changed.
        #[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
        pub enum Rejection {
            $($(#[$doc])* #[error($message)] $variant { $($(#[$fdoc])* $field: $kind),* },)+
        }

        impl Rejection {
            /// The stable code.
            #[must_use]
            pub fn code(&self) -> &'static str {
                match self { $(Self::$variant { .. } => $code),+ }
            }

            /// Every code, in the order of precedence.
            pub const CODES: &[&str] = &[$($code),+];
        }
    };
}

rejections! {
    /// The command is for another ledger.
    WrongLedger {
        /// This ledger's origin, if it is open.
        expected: String,
        /// The command's.
        got: String,
    } = "wrong_ledger", "the command is for ledger {got}, this is {expected}";
    /// Its time is over.
    Expired {
        /// When it expired.
        expires_at: Timestamp,
        /// The time it would have been recorded at.
        recorded_at: Timestamp,
    } = "expired", "expired at {expires_at}, now {recorded_at}";
    /// More than seven days ahead.
    ExpiresTooLate {
        /// When it would expire.
        expires_at: Timestamp,
        /// The time it would have been recorded at.
        recorded_at: Timestamp,
    } = "expires_too_late", "expires_at {expires_at} is more than 7 days after {recorded_at}";
    /// The author used the key for other bytes that have not expired.
    IdempotencyKeyReused {
        /// The record that holds the key.
        seq: u64,
    } = "idempotency_key_reused", "record {seq} of this author holds the idempotency key with other bytes";
    /// The key is not the author's, or not at this sequence.
    KeyNotActive {
        /// The key.
        keyid: KeyId,
    } = "key_not_active", "key {keyid} is not active at this sequence";
    /// The author is suspended.
    AuthorSuspended {
        /// The author.
        author: PartyId,
    } = "author_suspended", "{author} is suspended: the operator resumes it";
    /// The key is registered for other purposes.
    UseNotAllowed {
        /// The key.
        keyid: KeyId,
        /// The use that was needed.
        needed: KeyUse,
    } = "use_not_allowed", "key {keyid} is not registered for the use `{needed}`";
    /// The author's role, or its side, may not ask this.
    NotAuthorised {
        /// Who may.
        who_may: &'static str,
    } = "not_authorised", "this command is for {who_may}";
    /// Something the command names is not there.
    UnknownReference {
        /// RFC 6901 pointer into the payload.
        pointer: String,
        /// What was looked for.
        what: String,
    } = "unknown_reference", "{pointer}: {what}";
    /// Who made a command is not among those who approve it.
    MakerMayNotApprove {
        /// The command.
        command: Digest,
    } = "maker_may_not_approve", "command {command} is your own: others approve it";
    /// The id was used before, or differs from a used one only by case.
    IdTaken {
        /// The id.
        id: String,
    } = "id_taken", "{id}: an id once used is never free again, and case alone does not make another";
    /// Something it rests on changed since.
    ExpectationFailed {
        /// The object.
        of: String,
        /// The sequence number expected.
        expected: u64,
        /// The record that changed it last, if there is such an object.
        got: Option<u64>,
    } = "expectation_failed", "{of} was expected to have changed last at {expected}";
    /// One's approval counts once.
    AlreadyApproved {
        /// The command.
        command: Digest,
        /// The record with the first approval.
        seq: u64,
    } = "already_approved", "command {command} has this principal's approval by record {seq}";
    /// It no longer waits.
    AlreadyDecided {
        /// The command.
        command: Digest,
        /// What became of it.
        status: HeldStatus,
        /// The record that decided it.
        seq: u64,
    } = "already_decided", "command {command} was {status} by record {seq}";
    /// The call is not a demand. Before its stage: calls specification §5.
    KindNotDue {
        /// Its kind.
        kind: &'static str,
    } = "kind_not_due", "a call of kind {kind} is not due: it can be acknowledged, retracted or superseded";
    /// Not possible at this stage.
    WrongState {
        /// The stage it is at.
        state: String,
        /// What fits that stage.
        fits: String,
    } = "wrong_state", "it is {state}; possible now: {fits}";
    /// After the time for it.
    TooLate {
        /// Until when it was possible.
        until: Timestamp,
    } = "too_late", "possible until {until}";
    /// Before the time for it.
    TooEarly {
        /// After when it is possible.
        after: Timestamp,
    } = "too_early", "possible after {after}";
    /// The account is closed for ever.
    AccountClosed {
        /// The account.
        account: AccountId,
    } = "account_closed", "account {account} is closed";
    /// Nothing is instructed to or from it.
    AccountFrozen {
        /// The account.
        account: AccountId,
    } = "account_frozen", "account {account} is frozen: the operator unfreezes it";
    /// Nothing is instructed in it.
    AssetSuspended {
        /// The asset.
        asset: AssetId,
    } = "asset_suspended", "asset {asset} is suspended";
    /// From and to, or the posting and its account, differ in asset.
    AssetMismatch {
        /// The account.
        account: AccountId,
        /// The asset it holds.
        holds: AssetId,
    } = "asset_mismatch", "account {account} holds {holds}";
    /// From and to differ in property class.
    ClassMismatch {
        /// Where it would go out.
        from: &'static str,
        /// Where it would come in.
        to: &'static str,
    } = "class_mismatch",
        "from class {from} to {to}: collateral changes class only by a command that names both";
    /// A quantity of zero moves nothing.
    AmountZero {
        /// RFC 6901 pointer into the payload.
        pointer: String,
    } = "amount_zero", "{pointer}: an amount of zero moves nothing";
    /// More decimals than the asset has.
    AmountPrecision {
        /// RFC 6901 pointer into the payload.
        pointer: String,
        /// The asset's decimals.
        decimals: u8,
    } = "amount_precision", "{pointer}: the asset has {decimals} decimals, nothing is rounded";
    /// Beyond 2^128 smallest units.
    AmountOverflow {
        /// What would overflow.
        what: String,
    } = "amount_overflow", "{what}: beyond 2^128 - 1 smallest units";
    /// Not the amount that the rules give, or outside its range.
    AmountOutOfRange {
        /// What the rules give.
        expected: String,
        /// What was given.
        got: String,
    } = "amount_out_of_range", "the amount is {got}, expected {expected}";
    /// Less is available than asked.
    InsufficientAvailable {
        /// The account.
        account: AccountId,
        /// What was asked.
        needed: String,
        /// Settled less reserved.
        available: String,
    } = "insufficient_available", "account {account} has {available} available, {needed} is needed";
    /// The items are worth less than they must be.
    InsufficientValue {
        /// What is needed.
        needed: Decimal,
        /// What they are worth.
        value: String,
    } = "insufficient_value", "worth {value}, {needed} is needed";
    /// What would remain does not cover the requirement.
    ReleaseUncovers {
        /// The margin statement that binds.
        statement: String,
        /// What it requires, unsettled losses included.
        required: String,
        /// What remaining held collateral is worth.
        remaining: String,
        /// The currency of both.
        currency: String,
    } = "release_uncovers",
        "statement {statement} requires {required} {currency}, what remains is worth {remaining}";
    /// No margin statement is fresh enough to release against.
    StatementStale {
        /// The last one, if any.
        statement: Option<String>,
    } = "statement_stale", "the last margin statement is not fresh: state margin first";
    /// An asset has no price.
    PriceMissing {
        /// The asset.
        asset: AssetId,
    } = "price_missing", "no price for {asset}: set prices first";
    /// A price is older than the agreement allows, or of a later time.
    PriceStale {
        /// What is stale.
        what: String,
        /// The instant it is of.
        as_of: Timestamp,
    } = "price_stale", "{what} is of {as_of}: set fresh prices first";
    /// A currency has no rate.
    FxMissing {
        /// The currency.
        currency: String,
    } = "fx_missing", "no rate for {currency}: set prices first";
    /// More would leave in a time than a policy's limit.
    VelocityExceeded {
        /// The policy and its limit.
        limit: String,
        /// Whose accounts.
        owner: PartyId,
        /// The most.
        most: String,
        /// What it would come to.
        would_be: String,
    } = "velocity_exceeded", "limit {limit}: {would_be} would have left {owner}, at most {most} may";
    /// Not one of the coded reasons.
    ReasonUnknown {
        /// The codes that are.
        known: String,
    } = "reason_unknown", "the reason is one of {known}";
    /// Only the custodian's evidence can do this.
    EvidenceMissing {
        /// What is needed.
        needed: &'static str,
    } = "evidence_missing", "{needed}";
    /// The evidence says something else.
    EvidenceMismatch {
        /// What it should say.
        expected: String,
        /// What it says.
        got: String,
    } = "evidence_mismatch", "expected {expected}, got {got}";
    /// The level of a pool's breaker does not let it through.
    BreakerOpen {
        /// The pool.
        pool: RegimeId,
        /// Its level.
        level: Level,
        /// What would let it through.
        until: String,
    } = "breaker_open", "pool {pool} is at level {level}: {until}";
    /// The document is not what the command says of it.
    DocumentDigest {
        /// The document.
        digest: Digest,
        /// What differs.
        reason: String,
    } = "document_digest", "document {digest}: {reason}";
    /// The parts of a figure do not add up.
    AmountsDoNotSum {
        /// What they add up to.
        expected: String,
        /// What was given.
        got: String,
    } = "amounts_do_not_sum", "expected {expected}, got {got}";
    /// A quorum that would not protect.
    QuorumUnsafe {
        /// What is wrong with it.
        reason: String,
    } = "quorum_unsafe", "{reason}";
    /// A policy lets nobody do this.
    PolicyRefused {
        /// The policy and the rule that decided.
        by: String,
    } = "policy_refused", "{by} refuses it";
    /// Nothing is sent to an address that is not on the owner's allow-list.
    DestinationNotAllowed {
        /// The address as given.
        destination: String,
        /// What is missing.
        why: String,
    } = "destination_not_allowed", "{destination}: {why}";
    /// The address is allowed and may not be used yet.
    DestinationCoolingOff {
        /// The address as given.
        destination: String,
        /// From when it may be used.
        from: Timestamp,
    } = "destination_cooling_off", "{destination} may be sent to from {from} on";
}

impl Rejection {
    /// A role or side that may not.
    #[must_use]
    pub fn for_roles(roles: &'static [Role]) -> Self {
        match roles {
            [Role::Operator] => Self::NotAuthorised { who_may: "the operator" },
            [Role::Custodian] => Self::NotAuthorised { who_may: "the custodian" },
            [Role::Operator, Role::Client] => Self::NotAuthorised { who_may: "the operator or a client" },
            [Role::Operator, Role::Custodian] => {
                Self::NotAuthorised { who_may: "the operator or a custodian" }
            }
            [] | [Role::Client | Role::Auditor | Role::Witness] | [_, _, ..] => {
                Self::NotAuthorised { who_may: "registered parties" }
            }
        }
    }

    /// An amount that does not fit its asset.
    #[must_use]
    pub fn of_amount(error: DecimalError, pointer: &str, decimals: u8) -> Self {
        match error {
            DecimalError::Precision => Self::AmountPrecision { pointer: pointer.to_owned(), decimals },
            DecimalError::TooLarge | DecimalError::Malformed | DecimalError::Negative => {
                Self::AmountOverflow { what: pointer.to_owned() }
            }
        }
    }
}
