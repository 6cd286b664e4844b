//! Agreements: data that both parties sign.

use super::fields::Fields;
use crate::digest::Digest;

/// `agreement.propose`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgreementPropose {
    /// The document with the terms.
    pub document: Digest,
}

impl AgreementPropose {
    pub(super) fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { document: fields.parsed("document")? })
    }
}

/// `agreement.accept`: by the party that did not propose it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgreementAccept {
    /// The document with the terms.
    pub digest: Digest,
}

impl AgreementAccept {
    pub(super) fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { digest: fields.parsed("digest")? })
    }
}

/// `agreement.reject`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgreementReject {
    /// The document with the terms.
    pub digest: Digest,
    /// Why.
    pub reason: String,
}

impl AgreementReject {
    pub(super) fn read(fields: &mut Fields) -> Option<Self> {
        let digest = fields.parsed("digest");
        let reason = fields.text("reason");
        Some(Self { digest: digest?, reason: reason? })
    }
}
