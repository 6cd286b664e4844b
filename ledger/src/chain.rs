//! Chains, and how an address is written on each: one spelling, its checksum verified where there is one.
//!
//! Knows nothing of owners or of what may be sent where: see [`crate::address`].
//! Sources: BIP-13, BIP-173, BIP-350 (Bitcoin); EIP-55 (Ethereum and chains that share its accounts);
//! custody specification §4 (normal form).

use std::fmt;
use std::sync::Arc;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Serialize};
use sha3::{Digest as _, Keccak256};

use crate::digest::Digest;

/// The most characters of an address.
pub const ADDRESS_MAX: usize = 256;

/// The text is no address of the chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an address of that chain: its form or its checksum is wrong")]
pub struct AddressError;

/// The text is no name of a chain.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a chain is 1 to 64 visible ASCII characters")]
pub struct ChainError;

/// The name of a chain, in lower case: `bitcoin`, `ethereum`, or any other.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Chain(Arc<str>);

/// How a chain writes its addresses.
enum Writing {
    /// Base58check under two version bytes, or SegWit under a prefix.
    Bitcoin { versions: [u8; 2], prefix: &'static str },
    /// 20 bytes in hex, the case of the letters being the checksum.
    Ethereum,
    /// Any text: its case has a meaning that we do not know.
    Opaque,
}

impl Chain {
    /// Reads a chain's name, in any case.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn parse(text: &str) -> Result<Self, ChainError> {
        let shaped = (1..=64).contains(&text.len()) && is_visible(text);
        if shaped { Ok(Self(text.to_ascii_lowercase().into())) } else { Err(ChainError) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn writing(&self) -> Writing {
        match self.as_str() {
            "bitcoin" => Writing::Bitcoin { versions: [0x00, 0x05], prefix: "bc1" },
            "bitcoin-testnet" => Writing::Bitcoin { versions: [0x6f, 0xc4], prefix: "tb1" },
            "ethereum" | "arbitrum" | "base" | "optimism" | "polygon" => Writing::Ethereum,
            _ => Writing::Opaque,
        }
    }

    /// The address in the one spelling by which it is compared: SegWit in lower case, Ethereum's as
    /// EIP-55 has it, any other text as it is.
    ///
    /// A memo or tag that a chain asks for is part of the text: another memo is another address.
    ///
    /// ```
    /// use ledger::chain::Chain;
    /// let ethereum = Chain::parse("ethereum").unwrap();
    /// let written = ethereum.normal("0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359").unwrap();
    /// assert_eq!(written, "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359");
    /// assert!(ethereum.normal("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5D359").is_err());
    /// ```
    ///
    /// # Errors
    /// [`AddressError`] if form or checksum is wrong.
    pub fn normal(&self, text: &str) -> Result<String, AddressError> {
        if !is_address_text(text) {
            return Err(AddressError);
        }
        match self.writing() {
            Writing::Bitcoin { versions, prefix } => {
                segwit(text, prefix).or_else(|| base58check(text, versions)).ok_or(AddressError)
            }
            Writing::Ethereum => ethereum(text).ok_or(AddressError),
            Writing::Opaque => Ok(text.to_owned()),
        }
    }
}

/// Whether the text can be an address of some chain: 1 to 256 visible ASCII characters, so that no two
/// look the same to a person and differ to a machine.
#[must_use]
pub fn is_address_text(text: &str) -> bool {
    (1..=ADDRESS_MAX).contains(&text.len()) && is_visible(text)
}

/// Every normal form that the text can have on some chain.
pub(crate) fn spellings(text: &str) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    let checked = ethereum(&lower).unwrap_or_else(|| lower.clone());
    let mut spellings = vec![text.to_owned(), lower, checked];
    spellings.sort_unstable();
    spellings.dedup();
    spellings
}

/// Whether a person who compares the ends of two different addresses takes one for the other: the same
/// first and last four characters.
///
/// Case is passed over: an eye does. Source: custody specification §4.
#[must_use]
pub fn look_alike(one: &str, other: &str) -> bool {
    let ends = |text: &str| {
        let last = text.len().checked_sub(4)?;
        Some((text.get(..4)?.to_ascii_lowercase(), text.get(last..)?.to_ascii_lowercase()))
    };
    one != other && ends(one).is_some_and(|found| Some(found) == ends(other))
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn segwit(text: &str, prefix: &str) -> Option<String> {
    bech32::segwit::decode(text).ok()?;
    let lower = text.to_ascii_lowercase();
    lower.starts_with(prefix).then_some(lower)
}

fn base58check(text: &str, versions: [u8; 2]) -> Option<String> {
    let bytes = bs58::decode(text).into_vec().ok()?;
    let (payload, checksum) = bytes.split_last_chunk::<4>()?;
    let twice = Digest::of(Digest::of(payload).as_bytes());
    let good = payload.len() == 21
        && payload.first().is_some_and(|version| versions.contains(version))
        && twice.as_bytes().starts_with(checksum);
    good.then(|| text.to_owned())
}

/// Letters all of one case carry no checksum and are given theirs; mixed ones must be right.
fn ethereum(text: &str) -> Option<String> {
    let hex = text.strip_prefix("0x")?;
    let bytes = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok().filter(|bytes| bytes.len() == 20)?;
    let lower = HEXLOWER.encode(&bytes);
    let hash = HEXLOWER.encode(&Keccak256::digest(lower.as_bytes()));
    let checked: String = lower
        .chars()
        .zip(hash.chars())
        .map(|(letter, nibble)| if nibble >= '8' { letter.to_ascii_uppercase() } else { letter })
        .collect();
    let of_one_case = |changed: fn(&str) -> String| changed(hex) == hex;
    let unchecked = of_one_case(str::to_ascii_lowercase) || of_one_case(str::to_ascii_uppercase);
    (unchecked || checked == hex).then(|| format!("0x{checked}"))
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Chain {
    type Error = ChainError;
    fn try_from(text: String) -> Result<Self, ChainError> {
        Self::parse(&text)
    }
}

impl From<Chain> for String {
    fn from(chain: Chain) -> Self {
        chain.0.as_ref().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sources: BIP-173 and BIP-350 test vectors, EIP-55's own, and Bitcoin's first address.
    #[test]
    fn addresses_have_one_spelling_a_chain() {
        for (chain, text, want) in [
            (
                "bitcoin",
                "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
                Some("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
            ),
            ("Bitcoin", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", None), // checksum
            ("bitcoin", "bc1qW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4", None), // mixed case
            (
                "bitcoin",
                "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
                Some("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"),
            ),
            ("bitcoin", "bc1p38j9r5y49hruaue7wxjce0updqjuyyx0kh56v8s25huc6995vvpql3jow4", None), // bad character
            ("bitcoin", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", None), // another chain's
            (
                "bitcoin-testnet",
                "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx",
                Some("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"),
            ),
            ("bitcoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", Some("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa")),
            ("bitcoin", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb", None),
            ("bitcoin", "1a1zp1ep5qgefi2dmptftl5slmv7divfna", None), // case is part of it
            ("bitcoin-testnet", "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", None),
            (
                "ethereum",
                "0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED",
                Some("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
            ),
            (
                "base",
                "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
                Some("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"),
            ),
            ("ethereum", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD", None),
            ("ethereum", "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", None),
            ("ethereum", "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae", None),
            ("stellar", "GDQP2KPQ?memo=12", Some("GDQP2KPQ?memo=12")),
            ("stellar", "two words", None),
            ("stellar", "", None),
        ] {
            let got = Chain::parse(chain).unwrap().normal(text);
            assert_eq!(got.ok().as_deref(), want, "{chain} {text}");
        }
        assert!(Chain::parse("").is_err() && Chain::parse("a b").is_err());
        assert!(is_address_text(&"x".repeat(256)) && !is_address_text(&"x".repeat(257)));
    }

    #[test]
    fn ends_that_look_alike() {
        for (one, other, want) in [
            ("bc1qaaaa9999", "bc1qbbbb9999", true),
            ("0xABcd...1234", "0xab00...1234", true),
            ("0xabcd...1234", "0xabcd...1235", false),
            ("same", "same", false), // itself
            ("abc", "abd", false),   // too short to have ends
        ] {
            assert_eq!(look_alike(one, other), want, "{one} {other}");
        }
    }
}
