//! Agreements: data that both parties sign.

use super::body::Ask;
use super::concern::Concern;
use super::fields::Fields;
use crate::digest::Digest;

/// `agreement.propose`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgreementPropose {
    /// The document with the terms.
    pub document: Digest,
}

impl Ask for AgreementPropose {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { document: fields.parsed("document")? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Terms(self.document)]
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/document", self.document)]
    }
}

/// `agreement.accept`: by the party that did not propose it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgreementAccept {
    /// The document with the terms.
    pub digest: Digest,
}

impl Ask for AgreementAccept {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { digest: fields.parsed("digest")? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Terms(self.digest)]
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

impl Ask for AgreementReject {
    fn read(fields: &mut Fields) -> Option<Self> {
        let digest = fields.parsed("digest");
        let reason = fields.text("reason");
        Some(Self { digest: digest?, reason: reason? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Terms(self.digest)]
    }
}
