//! Accounts: one asset, one custodian, one book, one customer-property class.

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, AssetId, PartyId};
use crate::words::words;

words! {
    /// Which part of the owner's holdings an account is.
    pub enum Book {
        /// Free to use.
        Available = "available",
        /// Pledged to the secured party.
        Posted = "posted",
        /// Held by the secured party as pledgee.
        Received = "received",
        /// Re-used by the secured party.
        Reused = "reused",
        /// On its way between custodians.
        InTransit = "in_transit",
        /// Set aside.
        Reserved = "reserved",
        /// The mirror of what the custodian holds: the only book whose balance is negative.
        External = "external",
    }
}

words! {
    /// The customer-protection regime a balance belongs to.
    pub enum PropertyClass {
        /// SEC Rule 15c3-3: a broker-dealer's customer property.
        Sec15c33 = "sec_15c3_3",
        /// CEA § 4d(a): futures customers' segregated funds.
        Cftc4dFutures = "cftc_4d_futures",
        /// CFTC Rule 30.7: foreign futures customers' secured amount.
        Cftc307 = "cftc_30_7",
        /// CEA § 4d(f): cleared swaps customers' collateral.
        ClearedSwaps4df = "cleared_swaps_4df",
        /// Uncleared swaps' collateral.
        Uncleared = "uncleared",
        /// A cross-margin account's property.
        CrossMargin = "cross_margin",
        /// The firm's own.
        Proprietary = "proprietary",
    }
}

words! {
    /// What an account still takes.
    pub enum AccountStatus {
        /// Everything.
        Open = "open",
        /// Nothing is instructed to or from it; what was instructed before may settle.
        Frozen = "frozen",
        /// Nothing, for ever; its balance is zero.
        Closed = "closed",
    }
}

/// An account and its balance, in smallest units of its asset.
///
/// For the book `external` each figure stands for its negative: what the others hold in sum.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Whose balance it is.
    pub owner: PartyId,
    /// Its one asset.
    pub asset: AssetId,
    /// Who keeps it.
    pub custodian: PartyId,
    /// Its book.
    pub book: Book,
    /// Its customer-property class.
    pub class: PropertyClass,
    /// Its number or address at the custodian.
    pub custodian_account: Option<String>,
    /// What it still takes.
    pub status: AccountStatus,
    /// Settled balance.
    pub settled: u128,
    /// Instructed to come in, not settled.
    pub pending_in: u128,
    /// Instructed to go out, not settled: reserved.
    pub pending_out: u128,
    /// The record that changed it last.
    pub changed_seq: u64,
}

impl Account {
    /// What can still be instructed to go out: settled less what is reserved.
    #[must_use]
    pub fn available(&self) -> u128 {
        match self.book {
            // The mirror has no floor of its own: the custodian's evidence is its limit.
            Book::External => self.settled,
            Book::Available
            | Book::Posted
            | Book::Received
            | Book::Reused
            | Book::InTransit
            | Book::Reserved => self.settled.saturating_sub(self.pending_out),
        }
    }
}
