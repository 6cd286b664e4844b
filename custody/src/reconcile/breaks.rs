//! Breaks: where ledger and statement disagree, each under an id that outlives the day.

use std::fmt;

use ledger::digest::Digest;
use ledger::json::Json;

use crate::label::Label;
use crate::quantity::Quantity;

/// In which way ledger and statement disagree, in the order of their names.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum BreakType {
    /// One reference, two amounts. The amount is statement − ledger.
    AmountDiffers,
    /// Booked again under a reference already matched.
    DuplicateAtCustodian,
    /// Less held than movements explain.
    HoldingShortfall,
    /// More held than movements explain.
    HoldingSurplus,
    /// Settled in the ledger, unknown to the custodian.
    MissingAtCustodian,
    /// Booked by the custodian, unknown to the ledger.
    MissingInLedger,
    /// Held in the ledger, and no statement speaks of it: silence is not agreement.
    NoStatement,
    /// A statement of an account the ledger does not know.
    UnknownAccount,
    /// A balance in an asset the ledger does not know.
    UnknownAsset,
}

impl BreakType {
    /// The stable name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AmountDiffers => "amount_differs",
            Self::DuplicateAtCustodian => "duplicate_at_custodian",
            Self::HoldingShortfall => "holding_shortfall",
            Self::HoldingSurplus => "holding_surplus",
            Self::MissingAtCustodian => "missing_at_custodian",
            Self::MissingInLedger => "missing_in_ledger",
            Self::NoStatement => "no_statement",
            Self::UnknownAccount => "unknown_account",
            Self::UnknownAsset => "unknown_asset",
        }
    }
}

/// First 8 bytes of a SHA-256; `Display` is 16 hex digits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct BreakId([u8; 8]);

impl fmt::Display for BreakId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// A disagreement.
///
/// Invariant: the references are sorted, and the id follows from all but the amount. A break half
/// repaired is the same break, with its age and owner.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Break {
    id: BreakId,
    kind: BreakType,
    account: Label,
    asset: Label,
    amount: Quantity,
    refs: Vec<String>,
}

impl Break {
    pub(super) fn new(
        kind: BreakType,
        account: &Label,
        asset: &Label,
        amount: Quantity,
        mut refs: Vec<String>,
    ) -> Self {
        refs.sort();
        let name = kind.name();
        let text = format!("pledger/break/v1\n{name}\n{account}\n{asset}\n{}\n", refs.join(","));
        let digest = Digest::of(text.as_bytes());
        let id = BreakId(*digest.as_bytes().first_chunk().expect("8 of 32 bytes"));
        Self { id, kind, account: account.clone(), asset: asset.clone(), amount, refs }
    }

    /// The id, the same on every day the break persists.
    #[must_use]
    pub fn id(&self) -> BreakId {
        self.id
    }

    /// In which way both disagree.
    #[must_use]
    pub fn kind(&self) -> BreakType {
        self.kind
    }

    /// The account at the custodian.
    #[must_use]
    pub fn account(&self) -> &Label {
        &self.account
    }

    /// The asset.
    #[must_use]
    pub fn asset(&self) -> &Label {
        &self.asset
    }

    /// Statement − ledger, in units of the asset.
    #[must_use]
    pub fn amount(&self) -> &Quantity {
        &self.amount
    }

    /// Movements and statement lines it is about, sorted.
    #[must_use]
    pub fn refs(&self) -> &[String] {
        &self.refs
    }

    /// What breaks are sorted by.
    pub(super) fn order(&self) -> (&'static str, &Label, &Label, BreakId) {
        (self.kind.name(), &self.account, &self.asset, self.id)
    }

    pub(super) fn to_json(&self) -> Json {
        Json::object([
            ("id", Json::text(self.id.to_string())),
            ("type", Json::text(self.kind.name())),
            ("account", Json::text(self.account.as_str())),
            ("asset", Json::text(self.asset.as_str())),
            ("amount", Json::text(self.amount.to_string())),
            ("refs", Json::array(self.refs.iter().map(Json::text))),
        ])
    }
}
