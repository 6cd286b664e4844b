//! What the handlers share: the sequencer's handle, the log's reader, sessions, held documents.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use ledger::apply::Documents;
use ledger::digest::Digest;
use ledger::intake::Signed;
use ledger::log::LogReader;
pub use ledger::opening::time_of_day as now;
use ledger::replay;
use ledger::sequencer::{Handle, Published, Request};
use ledger::store::{HeldDocuments, StoreError};

use crate::balance::NewestSeal;
use crate::cosigning::Cosigning;
use crate::problem::Problem;
use crate::reading::{Cursors, Turns};
use crate::sealing::SealFigures;
use crate::session::{Principal, Sessions};

/// One served ledger.
pub struct App {
    /// The way to the sequencer, and what it has published.
    pub ledger: Handle,
    /// The public log.
    pub log: LogReader,
    /// Uploaded documents that no command has named yet.
    pub held: Mutex<HeldDocuments>,
    /// Sessions.
    pub sessions: Sessions,
    /// The newest seal with its trees, for balance proofs.
    pub newest_seal: NewestSeal,
    /// How many seals were made and failed.
    pub seal_figures: SealFigures,
    /// Where lists go on.
    pub cursors: Cursors,
    /// Turns at reading what lies back.
    pub turns: Turns,
    /// What is known of its witnesses.
    pub cosigning: Arc<Cosigning>,
    /// The key that signs checkpoints.
    pub log_vkey: String,
    /// The origins a session may be signed for.
    pub audiences: Vec<String>,
}

impl App {
    /// What is published now.
    #[must_use]
    pub fn published(&self) -> Arc<Published> {
        self.ledger.published()
    }

    /// Resolves the documents a command names: fresh ones from those held, and the meaning of the one
    /// that changes state.
    ///
    /// # Errors
    /// [`StoreError`] if a durable document cannot be read back.
    pub fn resolve(&self, signed: Signed) -> Result<Request, StoreError> {
        let published = self.published();
        let mut documents = Documents::default();
        let mut bytes = Vec::new();
        for (_, digest) in signed.command.body.documents() {
            if published.state.document(&digest).is_some() || documents.fresh.contains_key(&digest) {
                continue;
            }
            if let Some(held) = self.held().get(&digest) {
                documents.fresh.insert(digest, u64::try_from(held.bytes.len()).unwrap_or(u64::MAX));
                bytes.push(held);
            }
        }
        documents.content =
            replay::content(&published.state, &signed.command.body, |digest| self.document(digest))?;
        Ok(Request { signed, documents, bytes })
    }

    /// The documents held until a command names them.
    pub fn held(&self) -> MutexGuard<'_, HeldDocuments> {
        // Each change is one call, so a panic elsewhere leaves the map whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A document's bytes, held or durable.
    fn document(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>, StoreError> {
        let held = self.held().get(digest);
        match held {
            Some(held) => Ok(Some(held.bytes)),
            None => self.ledger.store().document(digest),
        }
    }
}

/// The session's party; without one the request ends here.
pub struct Reader(pub Principal);

impl FromRequestParts<Arc<App>> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let token = bearer(parts).ok_or_else(|| {
            let help = "open a session: GET /v1/session/challenge, sign it, POST /v1/session";
            Problem::new(StatusCode::UNAUTHORIZED, "session_required", "this needs a session", help)
        })?;
        let state = &app.published().state;
        app.sessions.principal(token, state).map(Reader).ok_or_else(|| {
            let help = "open a new session";
            Problem::new(StatusCode::UNAUTHORIZED, "session_invalid", "the session is not open", help)
        })
    }
}

impl OptionalFromRequestParts<Arc<App>> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Option<Self>, Problem> {
        if bearer(parts).is_none() {
            return Ok(None);
        }
        <Self as FromRequestParts<Arc<App>>>::from_request_parts(parts, app).await.map(Some)
    }
}

/// The token of an `Authorization: Bearer` header.
#[must_use]
pub fn bearer(parts: &Parts) -> Option<&str> {
    parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}
