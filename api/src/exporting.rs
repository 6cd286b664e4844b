//! What goes into an export, and who may have it.
//!
//! Source: audit specification §14; API specification §6.

use std::io::Write;
use std::sync::Arc;

use ledger::command::Command;
use ledger::digest::Digest;
use ledger::export::{End, Header, Scope, Source, WriteError, write};
use ledger::party::{Role, Scope as AuditorScope};
use ledger::state::State;
use ledger::store::StoreReader;

use crate::app::now;
use crate::may::{Object, may_read};
use crate::session::Principal;

/// Why there is no export.
#[derive(Debug, thiserror::Error)]
pub enum ExportingError {
    /// The ledger has no record 0.
    #[error("the ledger is not open")]
    NotOpen,
    /// A document or party is not there.
    #[error("{0}")]
    Missing(String),
    /// Reading or writing.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// A ledger at the size of a checkpoint.
pub struct At<'a> {
    /// The state after exactly so many records.
    pub state: &'a State,
    /// Records and documents.
    pub store: &'a dyn StoreReader,
    /// The checkpoint's note.
    pub checkpoint: &'a str,
}

/// Whose eyes an export is for.
#[derive(Clone)]
pub enum Reader {
    /// The operator's own host: everything that the journal holds, so that it can be restored.
    Host,
    /// A party: what it may read.
    Party(Principal),
}

impl Reader {
    fn may(&self, object: Object, state: &State) -> bool {
        match self {
            Self::Host => true,
            Self::Party(principal) => may_read(principal, object, state),
        }
    }

    /// Whether an export of that scope is for these eyes: the whole for the host, the operator and an
    /// auditor of the whole; a party's own for itself.
    #[must_use]
    pub fn may_have(&self, scope: &Scope, state: &State) -> bool {
        let Self::Party(principal) = self else { return true };
        match (scope, principal.role) {
            (Scope::Full, Role::Operator) => true,
            (Scope::Full, Role::Auditor) => {
                state.party(&principal.party).is_some_and(|auditor| auditor.scope == AuditorScope::All)
            }
            (Scope::Full, Role::Client | Role::Custodian | Role::Witness) => false,
            (Scope::Party(party), Role::Client | Role::Custodian | Role::Auditor) => {
                *party == principal.party
            }
            (Scope::Party(_), Role::Operator) => true,
            (Scope::Party(_), Role::Witness) => false,
        }
    }
}

/// Writes an export of a scope for a reader, who [`Reader::may_have`] it.
///
/// A document that was erased goes into the host's own export alone.
///
/// # Errors
/// [`ExportingError`]; what was written until then is no export.
pub fn export(
    at: &At,
    scope: &Scope,
    reader: &Reader,
    out: impl Write,
    progress: Option<&dyn Fn(u64, u64)>,
) -> Result<End, ExportingError> {
    let state = at.state;
    let opened = state.opened().ok_or(ExportingError::NotOpen)?;
    let digest = opened.witness_policy;
    let missing = |digest: Digest| ExportingError::Missing(format!("document {digest} is not at hand"));
    let policy: Arc<[u8]> =
        at.store.document(&digest).map_err(WriteError::from)?.ok_or_else(|| missing(digest))?;
    let mut log_vkeys = vec![opened.log_vkey.clone()];
    log_vkeys.extend(opened.log_keys.iter().map(|key| key.vkey.clone()));
    let (created_at, ledger, size) = (now(), state.origin().to_owned(), state.length());
    let header = Header { created_at, ledger, log_vkeys, scope: scope.clone(), size };
    let eyes = match scope {
        Scope::Full => None,
        Scope::Party(party) => {
            let known = state.party(party);
            let known = known.ok_or_else(|| ExportingError::Missing(format!("there is no party {party}")))?;
            Some(Reader::Party(Principal { party: party.clone(), role: known.role }))
        }
    };
    let records = |command: &Command| match &eyes {
        None => true,
        Some(eyes) => eyes.may(Object::Record(command), state),
    };
    let documents = |digest: &Digest| {
        let Some(entry) = state.document(digest) else { return false };
        let object = Object::Document(digest, entry);
        let is_told = matches!(reader, Reader::Host) || entry.erased.is_none();
        is_told && reader.may(object, state) && eyes.as_ref().is_none_or(|eyes| eyes.may(object, state))
    };
    let source = Source {
        store: at.store,
        header: &header,
        policy: &policy,
        checkpoint: at.checkpoint,
        records: &records,
        documents: &documents,
        progress,
    };
    Ok(write(&source, out)?)
}
