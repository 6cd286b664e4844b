//! Opening the ledger, registering parties, and their keys.

use super::body::Ask;
use super::concern::Concern;
use super::fields::{Fields, ReadText};
use crate::base64;
use crate::digest::Digest;
use crate::id::PartyId;
use crate::key::{KeyError, KeyId, PublicKey};
use crate::party::{KeyUse, Role};
use crate::profile::Tree;

/// A public key that a command brings, and what it may be used for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewKey {
    bytes: [u8; 32],
    /// Its uses, ascending; none in a rotation, where it takes over those of the old key.
    pub uses: Vec<KeyUse>,
}

impl NewKey {
    fn read(fields: &mut Fields) -> Option<Self> {
        let bytes = Self::read_bytes(fields);
        let uses: Vec<KeyUse> = fields.set("uses")?;
        if uses.contains(&KeyUse::Seal) && uses.len() > 1 {
            return fields.refuse("uses", "a key that signs seals signs nothing else");
        }
        Some(Self { bytes: bytes?, uses })
    }

    fn read_bytes(fields: &mut Fields) -> Option<[u8; 32]> {
        fields.required("public_key", "32 bytes in padded base64", |value| {
            let bytes = base64::decode(value.as_str()?)?;
            bytes.try_into().ok()
        })
    }

    /// The key.
    ///
    /// # Errors
    /// [`KeyError::Weak`].
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        PublicKey::from_bytes(&self.bytes)
    }
}

/// `ledger.open`: record 0.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LedgerOpen {
    /// The operator: the author itself.
    pub operator: PartyId,
    /// Its legal name.
    pub legal_name: String,
    /// Its first key, which signs this command.
    pub key: NewKey,
    /// The key that signs checkpoints, as a C2SP vkey.
    pub log_vkey: String,
    /// The witness policy document.
    pub witness_policy: Digest,
    /// The rules version it opens under; 1 if not named.
    pub rules: Option<u64>,
    /// Accepts prices and statements of the past.
    pub sandbox: bool,
}

impl Ask for LedgerOpen {
    fn read(fields: &mut Fields) -> Option<Self> {
        let operator = fields.parsed("operator");
        let legal_name = fields.text("legal_name");
        let key = NewKey::read(fields);
        let log_vkey = fields.text("log_vkey");
        let witness_policy = fields.parsed("witness_policy");
        let rules = fields.parsed_optional("rules");
        let sandbox = fields.optional("sandbox", "true, or leave it out", |value| {
            (*value == Tree::Bool(true)).then_some(true)
        });
        Some(Self {
            operator: operator?,
            legal_name: legal_name?,
            key: key?,
            log_vkey: log_vkey?,
            witness_policy: witness_policy?,
            rules: rules?,
            sandbox: sandbox?.unwrap_or(false),
        })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Everyone]
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/witness_policy", self.witness_policy)]
    }

    fn new_key(&self) -> Option<&NewKey> {
        Some(&self.key)
    }
}

/// What an auditor is to see, as written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ScopeNamed {
    /// `all`.
    All,
    /// Ids of parties and agreements.
    Only(Vec<String>),
}

impl ScopeNamed {
    fn read(value: &Tree) -> Option<Self> {
        if value.as_str() == Some("all") {
            return Some(Self::All);
        }
        let ids: Vec<_> =
            value.as_array()?.iter().map(|id| id.as_str().map(str::to_owned)).collect::<Option<_>>()?;
        let ascending = ids.windows(2).all(|pair| pair[0] < pair[1]);
        (ascending && (1..=64).contains(&ids.len())).then_some(Self::Only(ids))
    }
}

/// `party.register`: signed by the operator's key, then by the new party's own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PartyRegister {
    /// The new party.
    pub party: PartyId,
    /// Its role; never operator.
    pub role: Role,
    /// Its legal name.
    pub legal_name: String,
    /// Its legal entity identifier (ISO 17442).
    pub lei: Option<String>,
    /// Its first key.
    pub key: NewKey,
    /// What it may see; only an auditor has a scope, and without one it sees everything. An id that is
    /// both a party's and an agreement's means both.
    pub scope: Option<ScopeNamed>,
    /// The party that must agree before this one is ever given a key by recovery.
    pub recovery: Option<PartyId>,
}

impl Ask for PartyRegister {
    fn read(fields: &mut Fields) -> Option<Self> {
        let party = fields.parsed("party");
        let role = fields.required("role", "client, custodian, auditor or witness", |value| {
            Role::parse(value.as_str()?).filter(|role| *role != Role::Operator)
        });
        let legal_name = fields.text("legal_name");
        let lei = fields.optional("lei", "20 characters with good check digits (ISO 17442)", |value| {
            value.as_str().filter(|lei| crate::party::is_lei(lei)).map(str::to_owned)
        });
        let key = NewKey::read(fields);
        let help = "for an auditor: all, or 1 to 64 ids of parties and agreements, ascending without repeats";
        let scope = fields.optional("scope", help, |value| {
            ScopeNamed::read(value).filter(|_| role.is_none_or(|role| role == Role::Auditor))
        });
        let recovery = fields.parsed_optional("recovery");
        Some(Self {
            party: party?,
            role: role?,
            legal_name: legal_name?,
            lei: lei?,
            key: key?,
            scope: scope?,
            recovery: recovery?,
        })
    }

    fn concerns(&self) -> Vec<Concern> {
        [&self.party].into_iter().chain(&self.recovery).cloned().map(Concern::Party).collect()
    }

    fn new_key(&self) -> Option<&NewKey> {
        Some(&self.key)
    }
}

/// `key.add`: signed by a key of the party, then by the new one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyAdd {
    /// The party, if named; then it must be the author.
    pub party: Option<PartyId>,
    /// The new key.
    pub key: NewKey,
}

impl Ask for KeyAdd {
    fn read(fields: &mut Fields) -> Option<Self> {
        let party = fields.parsed_optional("party");
        let key = NewKey::read(fields);
        Some(Self { party: party?, key: key? })
    }

    fn concerns(&self) -> Vec<Concern> {
        Vec::new()
    }

    fn new_key(&self) -> Option<&NewKey> {
        Some(&self.key)
    }
}

/// `key.rotate`: a new key in the place of an old one, which signs nothing from then on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyRotate {
    /// The party, if named; then it must be the author.
    pub party: Option<PartyId>,
    /// The key that goes.
    pub old_key: KeyId,
    /// The key that comes; it takes over the old one's uses.
    pub key: NewKey,
}

impl Ask for KeyRotate {
    fn read(fields: &mut Fields) -> Option<Self> {
        let party = fields.parsed_optional("party");
        let old_key = fields.parsed("old_key");
        let bytes = NewKey::read_bytes(fields);
        Some(Self { party: party?, old_key: old_key?, key: NewKey { bytes: bytes?, uses: Vec::new() } })
    }

    fn concerns(&self) -> Vec<Concern> {
        Vec::new()
    }

    fn new_key(&self) -> Option<&NewKey> {
        Some(&self.key)
    }
}

/// `key.revoke`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyRevoke {
    /// The key that goes.
    pub keyid: KeyId,
    /// Why.
    pub reason: String,
    /// Records since then are marked, not undone.
    pub compromised_from: Option<crate::time::Timestamp>,
}

impl Ask for KeyRevoke {
    fn read(fields: &mut Fields) -> Option<Self> {
        let keyid = fields.parsed("keyid");
        let reason = fields.text("reason");
        let compromised_from = fields.parsed_optional("compromised_from");
        Some(Self { keyid: keyid?, reason: reason?, compromised_from: compromised_from? })
    }

    fn concerns(&self) -> Vec<Concern> {
        Vec::new()
    }
}

/// `key.recover`: a new key for a party that lost all of its own. It signs nothing until 48 hours after
/// the record, and any key that still stands may revoke it until then.
///
/// A quorum of the operator's is needed, and the recovery contact's own approval where the party has
/// one: [`crate::state::State::must_approve`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct KeyRecover {
    /// The party.
    pub party: PartyId,
    /// The key that comes.
    pub key: NewKey,
    /// The document that shows that the party asks for it.
    pub evidence: Digest,
}

impl Ask for KeyRecover {
    fn read(fields: &mut Fields) -> Option<Self> {
        let party = fields.parsed("party");
        let key = NewKey::read(fields);
        let evidence = fields.parsed("evidence");
        Some(Self { party: party?, key: key?, evidence: evidence? })
    }

    fn concerns(&self) -> Vec<Concern> {
        vec![Concern::Recovery(self.party.clone())]
    }

    fn documents(&self) -> Vec<(&'static str, Digest)> {
        vec![("/body/evidence", self.evidence)]
    }

    fn new_key(&self) -> Option<&NewKey> {
        Some(&self.key)
    }
}

impl ReadText for KeyUse {
    const HELP: &'static str = "approval, command, price, seal or session";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}

impl ReadText for KeyId {
    const HELP: &'static str = "ed25519: and 16 lower-case hex digits";
    fn read_text(text: &str) -> Option<Self> {
        Self::parse(text)
    }
}
