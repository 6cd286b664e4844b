//! Records, receipts and proofs.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::checkpoint::parse_decimal;
use ledger::digest::Digest;
use ledger::intake;
use ledger::json::{self, Json};
use ledger::receipt;
use ledger::record::Record;
use ledger::store::{StoreError, StoredRecord};

use super::commands::{prove, receipt_json};
use super::{Shared, off_thread, texts};
use crate::app::{App, Reader};
use crate::may::{Object, may_read, readable_effects};
use crate::problem::Problem;
use crate::session::Principal;

/// `GET /v1/records/{seq}`: the leaf for anyone, the body for those entitled.
///
/// # Errors
/// `seq_not_published`.
pub async fn get(
    State(app): Shared,
    reader: Option<Reader>,
    Path(seq): Path<String>,
) -> Result<Response, Problem> {
    let (seq, stored) = published(&app, &seq).await?;
    let record = Record::of(seq, &stored);
    let mut members = texts([
        ("seq", seq.to_string()),
        ("recorded_at", record.recorded_at.to_string()),
        ("command_id", record.command_id.to_string()),
        ("envelope_sha256", record.envelope_sha256.to_string()),
        ("leaf", record.to_string()),
    ]);
    if let Some(Reader(principal)) = reader
        && let Some(envelope) = entitled(&app, &principal, seq, &stored)?
    {
        members.push(("envelope", envelope));
        members.push(("effects", readable_effects(&principal, &stored.effects, &app.published().state)));
    }
    Ok(super::json(StatusCode::OK, &Json::object(members)))
}

/// The envelope as JSON, if the reader may see the body.
///
/// # Errors
/// `internal` if what is recorded cannot be read: damage is not a missing entitlement.
fn entitled(
    app: &App,
    principal: &Principal,
    seq: u64,
    stored: &StoredRecord,
) -> Result<Option<Json>, Problem> {
    let damaged = |error: String| {
        tracing::error!(error, seq, "a recorded envelope cannot be read");
        Problem::internal()
    };
    let signed = intake::take_back(&stored.envelope).map_err(|error| damaged(error.to_string()))?;
    let state = &app.published().state;
    if !may_read(principal, Object::Record(&signed.command), state) {
        return Ok(None);
    }
    json::read(&stored.envelope).map(Some).map_err(|error| damaged(error.to_string()))
}

/// `GET /v1/records/{seq}/proof`: the tlog-proof, under a witnessed checkpoint once one covers the record.
///
/// # Errors
/// `seq_not_published`.
pub async fn proof(State(app): Shared, Path(seq): Path<String>) -> Result<Response, Problem> {
    let (seq, stored) = published(&app, &seq).await?;
    let leaf = Record::of(seq, &stored).leaf();
    let proof = off_thread(move || prove(&app.log, seq, &leaf)).await?.map_err(|error| {
        tracing::error!(%error, seq, "the log could not prove a record");
        Problem::internal()
    })?;
    let mut response = Body::from(proof.proof.to_string()).into_response();
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    let name = format!("attachment; filename=\"{seq}.tlog-proof\"");
    if let Ok(name) = HeaderValue::from_str(&name) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

/// `GET /v1/receipts/{command_id}`.
///
/// # Errors
/// `not_found`, also for what one may not read.
pub async fn receipt(
    State(app): Shared,
    Reader(principal): Reader,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = Digest::parse_hex(&id).ok_or_else(Problem::not_found)?;
    let store = Arc::clone(app.ledger.store());
    let found = off_thread(move || -> Result<_, StoreError> {
        let Some(seq) = store.seq_of_command(&id)? else { return Ok(None) };
        Ok(store.record(seq)?.map(|stored| (seq, stored)))
    });
    let (seq, stored) = found.await?.map_err(broken)?.ok_or_else(Problem::not_found)?;
    if entitled(&app, &principal, seq, &stored)?.is_none() {
        return Err(Problem::not_found());
    }
    let receipt = receipt::Receipt { record: Record::of(seq, &stored), effects: stored.effects };
    Ok(super::json(StatusCode::OK, &receipt_json(&app, &principal, &receipt)))
}

async fn published(app: &Arc<App>, seq: &str) -> Result<(u64, StoredRecord), Problem> {
    let not_published = Problem::not_published;
    let seq = parse_decimal(seq).filter(|seq| *seq < app.log.head().size).ok_or_else(not_published)?;
    let store = Arc::clone(app.ledger.store());
    let stored = off_thread(move || store.record(seq)).await?.map_err(broken)?;
    Ok((seq, stored.ok_or_else(not_published)?))
}

fn broken(error: StoreError) -> Problem {
    tracing::error!(%error, "a record could not be read back");
    Problem::internal()
}
