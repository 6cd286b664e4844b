//! What stops and starts parties, accounts and assets: one object, and why.

use super::body::Ask;
use super::concern::Concern;
use super::fields::Fields;
use crate::id::{AccountId, AssetId, PartyId};

/// `party.suspend` and `party.resume`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PartyStanding {
    /// The party.
    pub party: PartyId,
    /// Why.
    pub reason: String,
}

impl Ask for PartyStanding {
    fn read(fields: &mut Fields) -> Option<Self> {
        let party = fields.parsed("party");
        let reason = fields.text("reason");
        Some(Self { party: party?, reason: reason? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Party(self.party.clone())]
    }
}

/// `account.close`, `account.freeze` and `account.unfreeze`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccountStanding {
    /// The account.
    pub account: AccountId,
    /// Why, if it is said.
    pub reason: Option<String>,
}

impl Ask for AccountStanding {
    fn read(fields: &mut Fields) -> Option<Self> {
        let account = fields.parsed("account");
        let reason = fields.text_optional("reason");
        Some(Self { account: account?, reason: reason? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Account(self.account.clone())]
    }
}

/// `asset.suspend`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AssetSuspend {
    /// The asset.
    pub asset: AssetId,
    /// Why.
    pub reason: String,
}

impl Ask for AssetSuspend {
    fn read(fields: &mut Fields) -> Option<Self> {
        let asset = fields.parsed("asset");
        let reason = fields.text("reason");
        Some(Self { asset: asset?, reason: reason? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Everyone]
    }
}
