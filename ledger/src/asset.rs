//! Assets: what is held, and in which smallest unit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::AssetId;
use crate::valuation::{self, AgencyRating, Rating};
use crate::words::words;

words! {
    /// What an asset is, for eligibility and haircuts.
    pub enum AssetKind {
        /// Money at a bank.
        Cash = "cash",
        /// A share, bond, bill or fund unit.
        Security = "security",
        /// A token redeemable for money.
        Stablecoin = "stablecoin",
        /// A native coin.
        Crypto = "crypto",
        /// Any other token.
        Token = "token",
    }
}

/// An asset as the ledger knows it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Asset {
    /// Its id.
    pub id: AssetId,
    /// What it is.
    pub kind: AssetKind,
    /// Digits after the point of its smallest unit, at most 30.
    pub decimals: u8,
    /// Whether nothing is instructed in it any more.
    pub suspended: bool,
    /// What else is said of it (`currency`, `issuer`, `maturity`, `isin` …), by name.
    pub traits: BTreeMap<String, String>,
    /// Ratings by agency.
    pub ratings: BTreeMap<String, String>,
    /// The record that changed it last.
    pub changed_seq: u64,
}

impl Asset {
    /// What eligibility and haircuts depend on. A rating outside the known scales is none.
    #[must_use]
    pub fn facts(&self) -> valuation::Asset {
        let of = |name: &str| self.traits.get(name).cloned();
        let ratings = self.ratings.iter().filter_map(|(agency, rating)| {
            Some(AgencyRating { agency: agency.clone(), rating: Rating::parse(rating)? })
        });
        valuation::Asset {
            id: self.id.to_string(),
            kind: self.kind,
            decimals: self.decimals,
            currency: of("currency"),
            issuer: of("issuer"),
            issuer_group: of("issuer_group"),
            issuer_type: of("issuer_type"),
            issuer_country: of("issuer_country"),
            maturity: of("maturity").and_then(|date| date.parse().ok()),
            ratings: ratings.collect(),
            index: of("index"),
        }
    }
}
