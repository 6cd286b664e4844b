//! Documents: uploaded by digest, read by those entitled.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::digest::Digest;
use ledger::json::Json;
use ledger::store::StoredDocument;

use super::{Shared, off_thread, read_body};
use crate::app::{Reader, now};
use crate::may::{Object, may_read};
use crate::problem::Problem;

/// The largest document.
const DOCUMENT_MAX: usize = 64 << 20;

/// `PUT /v1/documents/{sha256}`: holds bytes until a command names them.
///
/// # Errors
/// `document_digest` if the bytes do not hash to the name, `document_too_large`, `overloaded`.
pub async fn put(
    State(app): Shared,
    Reader(_): Reader,
    Path(name): Path<String>,
    body: Body,
) -> Result<Response, Problem> {
    let named = Digest::parse_hex(&name).ok_or_else(Problem::not_found)?;
    let bytes = read_body(body, DOCUMENT_MAX, "document_too_large").await?;
    let size = bytes.len();
    let held = off_thread(move || {
        let digest = Digest::of(&bytes);
        (digest == named).then(|| {
            let mut held = app.held();
            held.sweep(now());
            held.hold(StoredDocument { digest, bytes: bytes.to_vec().into() }, now()).map(|()| digest)
        })
    });
    match held.await? {
        Some(Ok(digest)) => {
            let members =
                [("digest", digest.tagged()), ("size", size.to_string()), ("status", "held".into())];
            let body = Json::object(members.map(|(name, text)| (name, Json::text(text))));
            Ok(super::json(StatusCode::CREATED, &body))
        }
        Some(Err(_)) => {
            Err(Problem::unavailable("overloaded", "not held: too many documents wait for a command", 60))
        }
        None => Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "document_digest",
            "the bytes do not hash to the name",
            "name the document by the SHA-256 of its bytes",
        )),
    }
}

/// `GET /v1/documents/{sha256}`: a document that a recorded command names.
///
/// # Errors
/// `not_found`, also for what one may not read; for what was erased, with its reason to those entitled.
pub async fn get(
    State(app): Shared,
    Reader(principal): Reader,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let digest = Digest::parse_hex(&name).ok_or_else(Problem::not_found)?;
    let state = &app.published().state;
    let entry = state.document(&digest).ok_or_else(Problem::not_found)?;
    if !may_read(&principal, Object::Document(&digest, entry), state) {
        return Err(Problem::not_found());
    }
    if let Some(erased) = &entry.erased {
        return Err(Problem::erased(erased));
    }
    let store = std::sync::Arc::clone(app.ledger.store());
    let bytes = off_thread(move || store.document(&digest)).await?.map_err(|error| {
        tracing::error!(%error, %digest, "a document could not be read back");
        Problem::internal()
    })?;
    let bytes = bytes.ok_or_else(Problem::not_found)?;
    let mut response = Body::from(bytes.to_vec()).into_response();
    for (name, value) in [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment"),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}
