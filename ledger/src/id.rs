//! Names that authors choose: one alphabet, compared byte by byte, one type for each kind of thing.
//!
//! Source: API specification, conventions. An id made by the server's clock or chance would break
//! replay, so none is.

use std::borrow::Borrow;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smol_str::SmolStr;

/// The text is not an id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an id is 1 to 64 of A-Z a-z 0-9 . _ : - and starts with a letter or digit")]
pub struct IdError;

fn check(text: &str) -> Result<(), IdError> {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let rest =
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'-'));
    if first && rest && text.len() <= 64 { Ok(()) } else { Err(IdError) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(SmolStr);

        impl $name {
            /// Reads an id.
            ///
            /// # Errors
            /// [`IdError`] outside `[A-Za-z0-9][A-Za-z0-9._:-]{0,63}`.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check(text)?;
                Ok(Self(SmolStr::new(text)))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        /// Of the same order, so that a map is asked for a text.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        /// Through the same door, from a text that stays where it is.
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                        f.write_str("an id")
                    }
                    fn visit_str<E: Error>(self, text: &str) -> Result<$name, E> {
                        $name::parse(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    )+};
}

ids! {
    /// A policy.
    PolicyId,
    /// A party: operator, client, custodian, auditor or witness.
    PartyId,
    /// An asset.
    AssetId,
    /// An account.
    AccountId,
    /// An agreement between two parties, whatever its version.
    AgreementId,
    /// A portfolio: the positions that one margin statement speaks of.
    PortfolioId,
    /// A set of prices.
    PriceSetId,
    /// A movement of collateral.
    MovementId,
    /// A margin statement.
    StatementId,
    /// A call.
    CallId,
    /// A custodian's statement.
    CustodyStatementId,
    /// A reconciliation of the ledger with custodians' statements.
    ReconciliationId,
    /// A break.
    BreakId,
    /// A rule book, and the pool of what is margined under it.
    RegimeId,
    /// An override of a rule.
    OverrideId,
    /// An observation of a chain.
    ObservationId,
    /// An auditor's attestation.
    AttestationId,
    /// A party's webhook.
    WebhookId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alphabet() {
        for good in ["a", "A9", "acme:btc:f", "CSA-1.2_x", &"x".repeat(64)] {
            assert_eq!(PartyId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-a", ":a", "a b", "é", "a/b", "a\n", &"x".repeat(65)] {
            assert_eq!(PartyId::parse(bad), Err(IdError), "{bad:?}");
        }
    }
}
