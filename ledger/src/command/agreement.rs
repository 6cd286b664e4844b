//! Agreements: data that both parties sign.

use super::body::Ask;
use super::concern::Concern;
use super::fields::Fields;
use crate::digest::Digest;
use crate::id::AgreementId;
use crate::time::Timestamp;

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

/// `agreement.terminate`: by either side. From `from` on no version follows; what is owed and what is
/// posted runs off under the last one.
///
/// Until the secured party itself states, after that instant, that nothing is required any more, calls
/// of both legs go on and the release guard holds; from then on nothing holds what is posted, and only
/// its return can be demanded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AgreementTerminate {
    /// The agreement.
    pub agreement: AgreementId,
    /// From when: not before the record, and earlier than any termination recorded before.
    pub from: Timestamp,
}

impl Ask for AgreementTerminate {
    fn read(fields: &mut Fields) -> Option<Self> {
        let agreement = fields.parsed("agreement");
        let from = fields.parsed("from");
        Some(Self { agreement: agreement?, from: from? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Agreement(self.agreement.clone())]
    }
}
