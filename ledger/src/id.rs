//! Names that authors choose: one alphabet, compared byte by byte, one type for each kind of thing.
//!
//! Source: API specification, conventions. An id made by the server's clock or chance would break
//! replay, so none is.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The text is not an id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an id is 1 to 64 of A-Z a-z 0-9 . _ : - and starts with a letter or digit")]
pub struct IdError;

fn check(text: &str) -> Result<(), IdError> {
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let rest = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte));
    if first && rest && text.len() <= 64 { Ok(()) } else { Err(IdError) }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads an id.
            ///
            /// # Errors
            /// [`IdError`] outside `[A-Za-z0-9][A-Za-z0-9._:-]{0,63}`.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check(text)?;
                Ok(Self(text.into()))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
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

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
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
