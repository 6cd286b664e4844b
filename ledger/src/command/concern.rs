//! What a command is about: so that whoever it concerns may read it.

use super::AddressNamed;
use crate::digest::Digest;
use crate::id::{AccountId, AgreementId, BreakId, CallId, MovementId, OverrideId, PartyId, PortfolioId};

/// One thing that a command is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Concern {
    /// All registered parties: reference data.
    Everyone,
    /// A party.
    Party(PartyId),
    /// A party and its recovery contact.
    Recovery(PartyId),
    /// An address: its owner.
    Address(AddressNamed),
    /// An account: its owner and its custodian.
    Account(AccountId),
    /// A movement: owners and custodians of its accounts.
    Movement(MovementId),
    /// An agreement: its two parties.
    Agreement(AgreementId),
    /// An agreement by the document of one of its versions.
    Terms(Digest),
    /// A call: its two sides.
    Call(CallId),
    /// A command that waits for others: its maker, and those who may decide it.
    Held(Digest),
    /// A portfolio: its owner.
    Portfolio(PortfolioId),
    /// An override: owner and custodian of its account.
    Override(OverrideId),
    /// A break: the custodian, and the owner of the account that it is in.
    Break(BreakId),
    /// A document: its readers.
    Document(Digest),
}

impl Concern {
    /// The accounts that postings touch.
    pub(crate) fn postings(postings: &[super::PostingText]) -> Vec<Self> {
        let ids = postings.iter().flat_map(|posting| [&posting.from, &posting.to]);
        ids.cloned().map(Self::Account).collect()
    }
}
