//! Addresses to which collateral may be sent: the allow-list.

use super::body::Ask;
use super::concern::Concern;
use super::fields::{Fields, ReadText};
use crate::chain::{Chain, is_address_text};
use crate::digest::Digest;
use crate::id::{AccountId, PartyId};
use crate::time::Timestamp;

/// An address as a person writes it, on a chain that is named elsewhere.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddressText(String);

impl AddressText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ReadText for AddressText {
    const HELP: &'static str = "an address as its chain writes it: 1 to 256 visible ASCII characters";
    fn read_text(text: &str) -> Option<Self> {
        is_address_text(text).then(|| Self(text.to_owned()))
    }
}

impl ReadText for Chain {
    const HELP: &'static str = "a chain: 1 to 64 visible ASCII characters, as bitcoin or ethereum";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text).ok()
    }
}

/// `address.add`: by the owner, or by the operator for any party.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddressAdd {
    /// The address, in the chain's normal form; with the memo or tag, where the chain asks for one.
    pub address: String,
    /// The chain.
    pub chain: Chain,
    /// Whose it is.
    pub owner: PartyId,
    /// The custodian it may be reached from; any, if none is named.
    pub custodian: Option<PartyId>,
}

impl Ask for AddressAdd {
    fn read(fields: &mut Fields) -> Option<Self> {
        let chain: Option<Chain> = fields.parsed("chain");
        let address = fields.required("address", "an address of the chain, its checksum right", |value| {
            // Without a chain nothing can be said of the address.
            let text = value.as_str().filter(|text| is_address_text(text))?;
            chain.as_ref().map_or_else(|| Some(text.to_owned()), |chain| chain.normal(text).ok())
        });
        let owner = fields.parsed("owner");
        let custodian = fields.parsed_optional("custodian");
        Some(Self { address: address?, chain: chain?, owner: owner?, custodian: custodian? })
    }

    fn concerns(&self) -> Vec<Concern> {
        [&self.owner].into_iter().chain(&self.custodian).cloned().map(Concern::Party).collect()
    }
}

/// Which address is meant: its text, in any spelling of its chain, and what tells it from others of the
/// same text, where there are such.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddressNamed {
    /// The address.
    pub address: AddressText,
    /// Its chain.
    pub chain: Option<Chain>,
    /// Its owner; for a client always itself.
    pub owner: Option<PartyId>,
    /// The custodian it may be reached from.
    pub custodian: Option<PartyId>,
}

impl AddressNamed {
    fn read(fields: &mut Fields) -> Option<Self> {
        let address = fields.parsed("address");
        let chain = fields.parsed_optional("chain");
        let owner = fields.parsed_optional("owner");
        let custodian = fields.parsed_optional("custodian");
        Some(Self { address: address?, chain: chain?, owner: owner?, custodian: custodian? })
    }

    fn concern(&self) -> Vec<Concern> {
        vec![Concern::Address(self.clone())]
    }
}

/// What was signed with the address's own key. Source: custody specification §4.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Challenge {
    /// This ledger's origin.
    pub ledger: String,
    /// The root of one of its checkpoints.
    pub root: Digest,
    /// That checkpoint's size.
    pub size: u64,
    /// The account that the address is bound to.
    pub account: AccountId,
    /// The address.
    pub address: AddressText,
    /// The height of a block of the chain.
    pub height: u64,
    /// That block's hash.
    pub block: String,
    /// The last instant at which it counts.
    pub expires: Timestamp,
    /// Hex of at least 8 bytes, for one use.
    pub nonce: String,
}

impl Challenge {
    fn read(fields: &mut Fields) -> Option<Self> {
        let ledger = fields.text("ledger");
        let root =
            fields.required("root", "64 lower-case hex digits", |value| Digest::parse_hex(value.as_str()?));
        let size = fields.parsed("size");
        let account = fields.parsed("account");
        let address = fields.parsed("address");
        let height = fields.parsed("height");
        let block = fields.required("block", "a block's hash: up to 64 bytes in hex", |value| {
            let text = value.as_str()?;
            is_hex(text.strip_prefix("0x").unwrap_or(text), 1..=64).then(|| text.to_owned())
        });
        let expires = fields.parsed("expires");
        let nonce = fields.required("nonce", "8 to 64 bytes in lower-case hex", |value| {
            value.as_str().filter(|text| is_hex(text, 8..=64)).map(str::to_owned)
        });
        Some(Self {
            ledger: ledger?,
            root: root?,
            size: size?,
            account: account?,
            address: address?,
            height: height?,
            block: block?,
            expires: expires?,
            nonce: nonce?,
        })
    }
}

fn is_hex(text: &str, bytes: std::ops::RangeInclusive<usize>) -> bool {
    data_encoding::HEXLOWER.decode(text.as_bytes()).is_ok_and(|decoded| bytes.contains(&decoded.len()))
}

/// `address.prove`: the owner's key on the chain has signed a challenge.
///
/// The state checks what it knows of the challenge; the signature is in the document, for everyone who
/// may read it to check. A later proof takes the place of an earlier one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddressProve {
    /// The address.
    pub named: AddressNamed,
    /// The document with the signature.
    pub proof: Digest,
    /// What was signed.
    pub challenge: Challenge,
}

impl Ask for AddressProve {
    fn read(fields: &mut Fields) -> Option<Self> {
        let named = AddressNamed::read(fields);
        let proof = fields.parsed("proof");
        let challenge = fields.nested("challenge", Challenge::read);
        Some(Self { named: named?, proof: proof?, challenge: challenge? })
    }

    fn concerns(&self) -> Vec<Concern> {
        self.named.concern()
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/proof", self.proof)]
    }
}

/// `address.allow`: a proved address may be used once it has cooled off. A second principal is needed,
/// and who added it does not count: the policy sees to both, and may ask for a test transfer and for a
/// longer rest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddressAllow {
    /// The address.
    pub named: AddressNamed,
    /// From when it may be used: at least 24 hours after the record.
    pub from: Timestamp,
}

impl Ask for AddressAllow {
    fn read(fields: &mut Fields) -> Option<Self> {
        let named = AddressNamed::read(fields);
        let from = fields.parsed("from");
        Some(Self { named: named?, from: from? })
    }

    fn concerns(&self) -> Vec<Concern> {
        self.named.concern()
    }
}

/// `address.remove`: from this record on nothing new is sent there; to be used again it is added again.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AddressRemove {
    /// The address.
    pub named: AddressNamed,
    /// Why.
    pub reason: String,
}

impl Ask for AddressRemove {
    fn read(fields: &mut Fields) -> Option<Self> {
        let named = AddressNamed::read(fields);
        let reason = fields.text("reason");
        Some(Self { named: named?, reason: reason? })
    }

    fn concerns(&self) -> Vec<Concern> {
        self.named.concern()
    }
}
