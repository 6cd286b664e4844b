//! Assets, accounts and documents.

use super::body::Ask;
use super::concern::Concern;
use super::fields::{Fields, ReadText};
use crate::account::{Book, PropertyClass};
use crate::asset::AssetKind;
use crate::chain::Chain;
use crate::digest::Digest;
use crate::id::{AccountId, AssetId, PartyId};
use crate::profile::Tree;
use crate::time::Timestamp;

/// `asset.define`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AssetDefine {
    /// The asset.
    pub asset: AssetId,
    /// What it is.
    pub kind: AssetKind,
    /// Digits after the point of its smallest unit, at most 30.
    pub decimals: u8,
    /// What else is said of it, by name; `ratings` under its own.
    pub traits: Vec<(&'static str, String)>,
    /// Ratings by agency.
    pub ratings: Vec<(String, String)>,
}

/// The optional members that are plain text.
const TRAITS: [&str; 11] = [
    "chain",
    "contract",
    "isin",
    "dti",
    "currency",
    "issuer",
    "issuer_group",
    "issuer_type",
    "issuer_country",
    "index",
    "income",
];

impl Ask for AssetDefine {
    fn read(fields: &mut Fields) -> Option<Self> {
        let asset = fields.parsed("asset");
        let kind = fields.parsed("kind");
        let decimals = fields.required("decimals", "a whole number from 0 to 30, as text", |value| {
            u64::read_text(value.as_str()?).and_then(|n| u8::try_from(n).ok()).filter(|n| *n <= 30)
        });
        let mut traits = Some(Vec::new());
        for name in TRAITS {
            let value = fields.optional(name, trait_help(name), |value| {
                value.as_str().filter(|text| fits_trait(name, text)).map(str::to_owned)
            });
            match value {
                Some(Some(text)) => traits.iter_mut().for_each(|traits| traits.push((name, text.clone()))),
                Some(None) => {}
                None => traits = None,
            }
        }
        let maturity = fields.optional("maturity", "a date as 2026-12-31", |value| {
            value.as_str().filter(|text| is_date(text)).map(str::to_owned)
        });
        let ratings = fields.optional("ratings", "an object of agency and rating", read_ratings);
        let mut traits = traits?;
        traits.extend(maturity?.map(|text| ("maturity", text)));
        Some(Self {
            asset: asset?,
            kind: kind?,
            decimals: decimals?,
            traits,
            ratings: ratings?.unwrap_or_default(),
        })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Everyone]
    }
}

fn read_ratings(value: &Tree) -> Option<Vec<(String, String)>> {
    let members = value.as_object()?;
    members.iter().map(|(agency, rating)| Some((agency.to_string(), rating.as_str()?.to_owned()))).collect()
}

fn trait_help(name: &str) -> &'static str {
    match name {
        "income" => "paid or accrues",
        "currency" => "three capital letters (ISO 4217)",
        "chain" => Chain::HELP,
        _ => "text",
    }
}

fn fits_trait(name: &str, text: &str) -> bool {
    match name {
        "income" => ["paid", "accrues"].contains(&text),
        "chain" => Chain::parse(text).is_ok(),
        "currency" => text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()),
        _ => !text.is_empty(),
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && Timestamp::parse(&format!("{text}T00:00:00.000Z")).is_some()
}

impl ReadText for AssetKind {
    const HELP: &'static str = "cash, security, stablecoin, crypto or token";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// `account.open`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccountOpen {
    /// The account.
    pub account: AccountId,
    /// Whose balance it is.
    pub owner: PartyId,
    /// The one asset it holds.
    pub asset: AssetId,
    /// Who keeps it.
    pub custodian: PartyId,
    /// Its book.
    pub book: Book,
    /// Its customer-property class.
    pub class: PropertyClass,
    /// Its number or address at the custodian, by which statements are joined.
    pub custodian_account: Option<String>,
}

impl Ask for AccountOpen {
    fn read(fields: &mut Fields) -> Option<Self> {
        let account = fields.parsed("account");
        let owner = fields.parsed("owner");
        let asset = fields.parsed("asset");
        let custodian = fields.parsed("custodian");
        let book = fields.parsed("book");
        let class = fields.parsed("class");
        let custodian_account = fields.optional("custodian_account", "text", |value| {
            value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        });
        Some(Self {
            account: account?,
            owner: owner?,
            asset: asset?,
            custodian: custodian?,
            book: book?,
            class: class?,
            custodian_account: custodian_account?,
        })
    }

    fn concerns(&self) -> Vec<Concern> {
        [&self.owner, &self.custodian].map(|party| Concern::Party(party.clone())).to_vec()
    }
}

impl ReadText for Book {
    const HELP: &'static str = "available, posted, received, reused, in_transit, reserved or external";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl ReadText for PropertyClass {
    const HELP: &'static str =
        "sec_15c3_3, cftc_4d_futures, cftc_30_7, cleared_swaps_4df, uncleared, cross_margin or proprietary";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

/// `document.put`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DocumentPut {
    /// The document.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// Its size in bytes.
    pub size: u64,
    /// What it is for.
    pub purpose: String,
    /// Who else may read it.
    pub readers: Vec<PartyId>,
}

impl Ask for DocumentPut {
    fn read(fields: &mut Fields) -> Option<Self> {
        let digest = fields.parsed("digest");
        let media_type = fields.text("media_type");
        let size = fields.parsed("size");
        let purpose = fields.text("purpose");
        let readers = fields.optional("readers", "an array of party ids", |value| {
            value.as_array()?.iter().map(|reader| PartyId::parse(reader.as_str()?).ok()).collect()
        });
        Some(Self {
            digest: digest?,
            media_type: media_type?,
            size: size?,
            purpose: purpose?,
            readers: readers?.unwrap_or_default(),
        })
    }

    fn concerns(&self) -> Vec<Concern> {
        self.readers.iter().cloned().map(Concern::Party).collect()
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/digest", self.digest)]
    }
}

/// `document.erase`: from this record on the document is served to nobody and cited by nothing new.
///
/// A second principal is needed. What the replay of later records needs is not erased.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DocumentErase {
    /// The document.
    pub digest: Digest,
    /// Why, for those who could read it.
    pub reason: String,
}

impl Ask for DocumentErase {
    fn read(fields: &mut Fields) -> Option<Self> {
        let digest = fields.parsed("digest");
        let reason = fields.required("reason", "text, not empty", |value| {
            value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
        });
        Some(Self { digest: digest?, reason: reason? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Document(self.digest)]
    }
}
