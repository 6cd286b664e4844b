//! What is posted: assets, the facts a schedule asks about, and the items held of them.

use jiff::civil::Date;

use super::{Rating, Side, Value};
pub use crate::account::PropertyClass;
pub use crate::asset::AssetKind;
use crate::decimal::Exact;
use crate::words::words;

words! {
    /// How far an item's way is.
    pub enum ItemState {
        /// Delivered and not on its way back.
        Held = "held",
        /// A delivery agreed and not settled.
        AgreedIn = "agreed_in",
        /// A return agreed and not settled.
        AgreedOut = "agreed_out",
        /// Named, not agreed.
        Proposed = "proposed",
        /// Pledged, not accepted.
        Pledged = "pledged",
        /// Refused by the secured party.
        Rejected = "rejected",
        /// Its delivery or identity is disputed.
        Disputed = "disputed",
    }
}

/// What one agency says of an asset's credit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgencyRating {
    /// The agency, such as `sp` or `moodys`.
    pub agency: String,
    /// The rating, whichever agency's notation it came in.
    pub rating: Rating,
}

/// The facts about an asset that eligibility and haircuts depend on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asset {
    /// The asset's id.
    pub id: String,
    /// What sort of thing it is.
    pub kind: AssetKind,
    /// Digits after the point of its smallest unit.
    pub decimals: u8,
    /// The currency it is owed in; native crypto has none.
    pub currency: Option<String>,
    /// Who owes it.
    pub issuer: Option<String>,
    /// The group the issuer belongs to.
    pub issuer_group: Option<String>,
    /// What the issuer is, such as `sovereign`.
    pub issuer_type: Option<String>,
    /// Where the issuer is.
    pub issuer_country: Option<String>,
    /// When it is redeemed.
    pub maturity: Option<Date>,
    /// What agencies say, one or more per agency.
    pub ratings: Vec<AgencyRating>,
    /// The index it is a constituent of.
    pub index: Option<String>,
}

impl Asset {
    /// An asset of which nothing but its kind is known.
    #[must_use]
    pub fn plain(id: impl Into<String>, kind: AssetKind, decimals: u8) -> Self {
        Self {
            id: id.into(),
            kind,
            decimals,
            currency: None,
            issuer: None,
            issuer_group: None,
            issuer_type: None,
            issuer_country: None,
            maturity: None,
            ratings: Vec::new(),
            index: None,
        }
    }

    /// Whose failure would make it worthless, for limits by issuer: the group, else the issuer, else
    /// the asset itself.
    #[must_use]
    pub fn issuer_key(&self) -> &str {
        self.issuer_group.as_ref().or(self.issuer.as_ref()).unwrap_or(&self.id)
    }
}

/// Something that one party has posted, or is about to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item {
    /// The item's id; limits take items in ascending byte order of it.
    pub id: String,
    /// The asset's id.
    pub asset: String,
    /// How much of the asset, in whole assets (not smallest units).
    pub amount: Exact,
    /// Who posted it.
    pub posted_by: Side,
    /// How far its way is.
    pub state: ItemState,
    /// The customer-property class it belongs to.
    pub class: PropertyClass,
    /// What of its value the other side disputes, in the base currency.
    pub disputed_value: Value,
}
