//! Every type of command this version knows, by name.

use super::address::{AddressAdd, AddressAllow, AddressProve, AddressRemove};
use super::agreement::{AgreementAccept, AgreementPropose, AgreementReject, AgreementTerminate};
use super::approval::{ApprovalSay, PolicySet};
use super::breaker::BreakerStep;
use super::breaks::{BreakAssign, BreakExplain, BreakOpen, BreakResolve, BreakWriteOff};
use super::call::{CallIssue, CallStep};
use super::concern::Concern;
use super::custody::{CustodyObserve, CustodyStatementPut, ReconciliationRecord};
use super::fields::Fields;
use super::governance::{ClockConfirm, LedgerClose, LogKeyAnnounce, RulesSet, WitnessPolicySet};
use super::market::{MarginState, PositionReport, PriceSet, RegimeAdopt};
use super::movement::{
    MovementBatch, MovementInstruct, MovementReclassify, MovementReverse, MovementSettle, MovementVoid,
};
use super::overrides::{OverrideGrant, OverrideRevoke};
use super::party::{KeyAdd, KeyRecover, KeyRevoke, KeyRotate, LedgerOpen, NewKey, PartyRegister};
use super::registry::{AccountOpen, AssetDefine, DocumentErase, DocumentPut};
use super::seal::{AttestationPut, SealPut};
use super::standing::{AccountStanding, AssetSuspend, PartyStanding};
use super::webhook::{WebhookRemove, WebhookSet};
use crate::digest::Digest;
use crate::envelope::Purpose;
use crate::id::CallId;
use crate::party::{KeyUse, Role};

/// What the body of a type can tell of itself.
pub(super) trait Ask: Sized {
    /// Reads it from the members of `body`.
    fn read(fields: &mut Fields) -> Option<Self>;

    /// What it is about besides its author's own.
    fn concerns(&self) -> Vec<Concern>;

    /// The documents it names, each with an RFC 6901 pointer to where.
    fn documents(&self) -> Vec<(&'static str, Digest)> {
        Vec::new()
    }

    /// The key that it brings.
    fn new_key(&self) -> Option<&NewKey> {
        None
    }
}

const OPERATOR: &[Role] = &[Role::Operator];
const AUDITOR: &[Role] = &[Role::Auditor];
const DEALERS: &[Role] = &[Role::Operator, Role::Client];
const KEEPERS: &[Role] = &[Role::Operator, Role::Custodian];
/// The side in the call decides, once the call is found.
const SIDES: &[Role] = &[Role::Operator, Role::Client, Role::Custodian];
const ANYONE: &[Role] = &[Role::Operator, Role::Client, Role::Custodian, Role::Auditor, Role::Witness];

macro_rules! bodies {
    ($($(#[$doc:meta])* $variant:ident($body:ty) = $name:literal by $roles:ident),+ $(,)?) => {
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

            /// Who may author the type. Source: API specification §2, column author.
            #[must_use]
            pub fn roles(&self) -> &'static [Role] {
                match self {
                    $(Self::$variant(_) => $roles,)+
                    Self::CallStep(..) => SIDES,
                }
            }

            /// Reads the body of a type that [`Body::knows`].
            pub(super) fn read(type_name: &str, fields: &mut Fields) -> Option<Self> {
                match type_name {
                    $($name => <$body>::read(fields).map(Self::$variant),)+
                    _ => CallStep::read(type_name, fields).map(|(call, step)| Self::CallStep(call, step)),
                }
            }

            /// What the command is about besides its author's own.
            #[must_use]
            pub fn concerns(&self) -> Vec<Concern> {
                match self {
                    $(Self::$variant(body) => body.concerns(),)+
                    Self::CallStep(call, _) => vec![Concern::Call(call.clone())],
                }
            }

            /// The documents the command names, each with an RFC 6901 pointer to where.
            #[must_use]
            pub fn documents(&self) -> Vec<(&'static str, Digest)> {
                match self {
                    $(Self::$variant(body) => body.documents(),)+
                    Self::CallStep(_, step) => step.documents(),
                }
            }

            /// The key that the command brings. Whether it signs too is for [`Signers`] to say.
            #[must_use]
            pub fn new_key(&self) -> Option<&NewKey> {
                match self {
                    $(Self::$variant(body) => body.new_key(),)+
                    Self::CallStep(..) => None,
                }
            }
        }
    };
}

bodies! {
    /// Opens the ledger: record 0.
    LedgerOpen(LedgerOpen) = "ledger.open" by OPERATOR,
    /// Puts another quorum of witnesses in force.
    LedgerWitnessPolicy(WitnessPolicySet) = "ledger.witness_policy" by OPERATOR,
    /// Announces the next log key.
    LedgerLogKey(LogKeyAnnounce) = "ledger.log_key" by OPERATOR,
    /// Sets the rules version of later records.
    LedgerRules(RulesSet) = "ledger.rules" by OPERATOR,
    /// Confirms the clock, which is believed again.
    LedgerConfirmClock(ClockConfirm) = "ledger.confirm_clock" by OPERATOR,
    /// Closes the ledger for ever.
    LedgerClose(LedgerClose) = "ledger.close" by OPERATOR,
    /// Takes a pool's circuit breaker through one cycle.
    BreakerStep(BreakerStep) = "breaker.step" by OPERATOR,
    /// Grants an exception to a rule.
    OverrideGrant(OverrideGrant) = "override.grant" by OPERATOR,
    /// Ends it early.
    OverrideRevoke(OverrideRevoke) = "override.revoke" by OPERATOR,
    /// Registers a party with its first key.
    PartyRegister(PartyRegister) = "party.register" by OPERATOR,
    /// Adds a key.
    KeyAdd(KeyAdd) = "key.add" by ANYONE,
    /// Puts a new key in the place of an old one.
    KeyRotate(KeyRotate) = "key.rotate" by ANYONE,
    /// Ends a key.
    KeyRevoke(KeyRevoke) = "key.revoke" by ANYONE,
    /// Gives a new key to a party that lost all of its own.
    KeyRecover(KeyRecover) = "key.recover" by OPERATOR,
    /// Stops a party from authoring anything.
    PartySuspend(PartyStanding) = "party.suspend" by OPERATOR,
    /// Lets it author again.
    PartyResume(PartyStanding) = "party.resume" by OPERATOR,
    /// Says which commands need whom besides their author.
    PolicySet(PolicySet) = "policy.set" by ANYONE,
    /// Approves a command that waits.
    ApprovalGive(ApprovalSay) = "approval.give" by ANYONE,
    /// Refuses it: that ends it.
    ApprovalRefuse(ApprovalSay) = "approval.refuse" by ANYONE,
    /// Takes an approval, or the command itself, back.
    ApprovalWithdraw(ApprovalSay) = "approval.withdraw" by ANYONE,
    /// Binds a rule book's name to its bytes.
    RegimeAdopt(RegimeAdopt) = "regime.adopt" by OPERATOR,
    /// Defines an asset.
    AssetDefine(AssetDefine) = "asset.define" by OPERATOR,
    /// Stops everything that would be instructed in an asset.
    AssetSuspend(AssetSuspend) = "asset.suspend" by OPERATOR,
    /// Opens an account.
    AccountOpen(AccountOpen) = "account.open" by OPERATOR,
    /// Closes an empty account for ever.
    AccountClose(AccountStanding) = "account.close" by OPERATOR,
    /// Stops everything that would be instructed to or from an account.
    AccountFreeze(AccountStanding) = "account.freeze" by KEEPERS,
    /// Lets it be instructed again.
    AccountUnfreeze(AccountStanding) = "account.unfreeze" by OPERATOR,
    /// Proposes a version of an agreement.
    AgreementPropose(AgreementPropose) = "agreement.propose" by DEALERS,
    /// Accepts it.
    AgreementAccept(AgreementAccept) = "agreement.accept" by DEALERS,
    /// Rejects it.
    AgreementReject(AgreementReject) = "agreement.reject" by DEALERS,
    /// Ends an agreement: what it secures runs off.
    AgreementTerminate(AgreementTerminate) = "agreement.terminate" by DEALERS,
    /// Names an address to which collateral may be sent one day.
    AddressAdd(AddressAdd) = "address.add" by DEALERS,
    /// Brings the proof that its owner controls it.
    AddressProve(AddressProve) = "address.prove" by DEALERS,
    /// Lets it be used once it has cooled off.
    AddressAllow(AddressAllow) = "address.allow" by DEALERS,
    /// Takes it off the list at once.
    AddressRemove(AddressRemove) = "address.remove" by DEALERS,
    /// Makes a document part of the record.
    DocumentPut(DocumentPut) = "document.put" by ANYONE,
    /// Stops a document from being served.
    DocumentErase(DocumentErase) = "document.erase" by OPERATOR,
    /// Sets prices.
    PriceSet(PriceSet) = "price.set" by OPERATOR,
    /// Reports positions.
    PositionReport(PositionReport) = "position.report" by DEALERS,
    /// Instructs a movement.
    MovementInstruct(MovementInstruct) = "movement.instruct" by DEALERS,
    /// Settles a pending movement.
    MovementSettle(MovementSettle) = "movement.settle" by KEEPERS,
    /// Voids a pending movement.
    MovementVoid(MovementVoid) = "movement.void" by DEALERS,
    /// Moves by a document of postings, all or nothing.
    MovementBatch(MovementBatch) = "movement.batch" by OPERATOR,
    /// Undoes a settled movement by a new one.
    MovementReverse(MovementReverse) = "movement.reverse" by OPERATOR,
    /// Moves from one property class to another, both named.
    MovementReclassify(MovementReclassify) = "movement.reclassify" by OPERATOR,
    /// States margin.
    MarginState(MarginState) = "margin.state" by DEALERS,
    /// Issues a call.
    CallIssue(CallIssue) = "call.issue" by DEALERS,
    /// Records a custodian's statement.
    CustodyStatement(CustodyStatementPut) = "custody.statement" by KEEPERS,
    /// Records a reconciliation.
    Reconciliation(ReconciliationRecord) = "recon.record" by KEEPERS,
    /// Records what was seen of a chain.
    CustodyObserve(CustodyObserve) = "custody.observe" by KEEPERS,
    /// Opens a break.
    BreakOpen(BreakOpen) = "break.open" by KEEPERS,
    /// Gives a break to who answers for it.
    BreakAssign(BreakAssign) = "break.assign" by KEEPERS,
    /// Explains a break.
    BreakExplain(BreakExplain) = "break.explain" by KEEPERS,
    /// Ends a break by evidence.
    BreakResolve(BreakResolve) = "break.resolve" by KEEPERS,
    /// Ends a break by an adjusting movement.
    BreakWriteOff(BreakWriteOff) = "break.write_off" by KEEPERS,
    /// Commits to every balance.
    SealPut(SealPut) = "seal.put" by OPERATOR,
    /// Puts an auditor's word on record.
    AttestationPut(AttestationPut) = "attestation.put" by AUDITOR,
    /// Makes or changes a party's webhook.
    WebhookSet(WebhookSet) = "webhook.set" by ANYONE,
    /// Ends a party's webhook.
    WebhookRemove(WebhookRemove) = "webhook.remove" by ANYONE,
}

impl Body {
    /// Whether this version knows the type.
    #[must_use]
    pub fn knows(type_name: &str) -> bool {
        Self::known_types().any(|known| known == type_name)
    }

    /// What its signature is for: an approval's serves for nothing else.
    #[must_use]
    pub fn purpose(type_name: &str) -> Purpose {
        if type_name.starts_with("approval.") { Purpose::Approval } else { Purpose::Command }
    }

    /// What the key must be registered for that signs it.
    #[must_use]
    pub fn key_use(&self) -> KeyUse {
        if matches!(self, Self::PriceSet(_)) {
            KeyUse::Price
        } else if matches!(self, Self::SealPut(_)) {
            KeyUse::Seal
        } else if Self::purpose(self.type_name()) == Purpose::Approval {
            KeyUse::Approval
        } else {
            KeyUse::Command
        }
    }

    /// Every type this version knows.
    pub fn known_types() -> impl Iterator<Item = &'static str> {
        Self::TYPES.iter().copied().chain(CallStep::TYPES)
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
    pub fn of(type_name: Option<&str>) -> Self {
        match type_name {
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
