//! `POST /v1/commands`: the one write.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body as RequestBody;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use ledger::command::Body;
use ledger::digest::Digest;
use ledger::envelope::Purpose;
use ledger::id::PartyId;
use ledger::intake::{self, Signed};
use ledger::json::Json;
use ledger::log::{LogError, LogReader};
use ledger::proof::TlogProof;
use ledger::receipt::Receipt;
use ledger::sequencer::{Outcome, QueueError, Request};
use ledger::store::StoreError;
use ledger::time::Timestamp;
use serde::Deserialize;

use super::{Shared, off_thread, read_body};
use crate::app::App;
use crate::may::readable_effects;
use crate::problem::Problem;
use crate::session::Principal;

/// Envelopes are small: bulk goes into documents.
const BODY_MAX: usize = 16 << 10;

/// How far a command must have come before it is answered.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    #[serde(default, rename = "wait")]
    stage: Stage,
}

#[derive(Clone, Copy, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Durable,
    #[default]
    Published,
    Witnessed,
}

/// Takes a signed command.
///
/// # Errors
/// A [`Problem`] for each refusal of the API specification §3.
pub async fn post(
    State(app): Shared,
    headers: HeaderMap,
    wait: Result<Query<Wait>, axum::extract::rejection::QueryRejection>,
    body: RequestBody,
) -> Result<Response, Problem> {
    let Query(wait) = wait.map_err(|error| Problem::query(error.to_string()))?;
    let bytes = read_body(body, BODY_MAX, "body_too_large").await?;
    let published = app.published();
    let signed = intake::take_in(&bytes, &published.state).map_err(|error| Problem::from(&error))?;
    check_header(&headers, signed.command.idempotency_key.as_str())?;
    let author = signed.command.author.clone();
    check_witnesses(&app, &signed)?;
    check_awaiting(&app, &signed)?;
    let request = resolve(&app, signed).await?.map_err(|error| {
        tracing::error!(%error, "a document could not be read back");
        Problem::unavailable("storage_failed", "not recorded: a document could not be read", 10)
    })?;
    let fresh: Vec<_> = request.documents.fresh.keys().copied().collect();
    match app.ledger.submit(request).await {
        Ok(Outcome::Accepted(receipt)) => {
            // Durable with the record now: the copies that waited for it can go.
            release(&app, &fresh);
            await_stage(&app, wait.stage, receipt.record.seq).await;
            answer(&app, StatusCode::CREATED, &author, &receipt)
        }
        Ok(Outcome::Repeated(receipt)) => {
            await_stage(&app, wait.stage, receipt.record.seq).await;
            let mut response = answer(&app, StatusCode::OK, &author, &receipt)?;
            response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
            Ok(response)
        }
        Ok(Outcome::Rejected(rejection)) => Err(Problem::from(&rejection)),
        Ok(Outcome::StorageFull) => {
            Err(Problem::unavailable("storage_full", "not recorded: the disk is full", 60))
        }
        Ok(Outcome::ClockUnsound) => {
            let outcome = "not recorded: the server's clock has jumped; the operator checks it and signs \
                           ledger.confirm_clock";
            Err(Problem::unavailable("clock_unsound", outcome, 60))
        }
        Err(QueueError::Overloaded) => {
            Err(Problem::unavailable("overloaded", "not recorded: too many commands wait", 1))
        }
        Err(QueueError::Stopped) => {
            Err(Problem::unavailable("stopping", "unknown: send the same bytes again", 5))
        }
    }
}

fn release(app: &App, documents: &[Digest]) {
    let mut held = app.held();
    documents.iter().for_each(|digest| held.release(digest));
}

/// How long a caller who waits for witnesses waits at most; then it is answered the stage reached.
const WITNESSED_WAIT_MAX: Duration = Duration::from_secs(10);

/// Waits for witnesses where that was asked for. Every other stage is reached: a record is published before
/// it is answered.
async fn await_stage(app: &App, stage: Stage, seq: u64) {
    match stage {
        Stage::Witnessed if app.cosigning.lag().is_some() => {
            let mut sizes = app.cosigning.sizes();
            let covered = async { sizes.wait_for(|size| *size > seq).await.is_ok() };
            // Late or not, what was reached is told.
            let _ = tokio::time::timeout(WITNESSED_WAIT_MAX, covered).await;
        }
        Stage::Durable | Stage::Published | Stage::Witnessed => {}
    }
}

/// Nothing new is recorded while a witness knows more than this ledger, nor while witnesses have been
/// silent for too long. What was recorded before is still answered.
fn check_witnesses(app: &App, signed: &Signed) -> Result<(), Problem> {
    let refused = match (app.cosigning.ahead(), app.cosigning.lag()) {
        (Some(reason), _) => {
            let outcome = format!("not recorded: {reason}; the ledger was rolled back and can only be read");
            Problem::unavailable("witness_ahead", outcome, 600)
        }
        (None, Some(lag)) if lag.is_stopping => {
            let outcome = "not recorded: no quorum of witnesses has cosigned for too long";
            Problem::unavailable("witness_lag", outcome, 60)
        }
        (None, Some(_) | None) => return Ok(()),
    };
    match app.ledger.store().seq_of_command(&signed.id) {
        Ok(Some(_)) => Ok(()),
        Ok(None) | Err(_) => Err(refused),
    }
}

/// A document that must be read to be judged may be large: it is not read where requests are served.
async fn resolve(app: &Arc<App>, signed: Signed) -> Result<Result<Request, StoreError>, Problem> {
    let reads = matches!(signed.command.body, Body::ApprovalGive(_) | Body::BreakOpen(_));
    if signed.command.body.documents().is_empty() && !reads {
        return Ok(app.resolve(signed));
    }
    let app = Arc::clone(app);
    off_thread(move || app.resolve(signed)).await
}

/// Commands of one party that wait for others at once.
const AWAITING_MAX: usize = 1_000;

/// What a policy holds back stays in memory until it is decided or expires, so it is bounded.
///
/// What ends the waiting goes through, and so does what was recorded before.
fn check_awaiting(app: &App, signed: &Signed) -> Result<(), Problem> {
    let state = &app.published().state;
    let now = state.recorded_at().unwrap_or_else(Timestamp::epoch);
    let author = &signed.command.author;
    let decides = Body::purpose(signed.command.body.type_name()) == Purpose::Approval;
    if decides || state.awaiting(author, now) < AWAITING_MAX {
        return Ok(());
    }
    if matches!(app.ledger.store().seq_of_command(&signed.id), Ok(Some(_))) {
        return Ok(());
    }
    let detail = format!("{AWAITING_MAX} commands of {author} wait for approval already: not recorded");
    let help = "have them approved, refused or withdrawn, then send the same bytes again";
    Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail, help))
}

/// An `Idempotency-Key` header decides nothing, so it may only repeat what is signed.
fn check_header(headers: &HeaderMap, signed: &str) -> Result<(), Problem> {
    match headers.get("idempotency-key") {
        Some(value) if value.as_bytes() != signed.as_bytes() => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "idempotency_header_differs",
            "the Idempotency-Key header is not the signed key",
            "leave the header out, or send the signed key",
        )),
        Some(_) | None => Ok(()),
    }
}

/// The receipt, as its author may read it.
fn answer(
    app: &Arc<App>,
    status: StatusCode,
    author: &PartyId,
    receipt: &Receipt,
) -> Result<Response, Problem> {
    let role = app.published().state.party(author).map(|party| party.role).ok_or_else(Problem::internal)?;
    let author = Principal { party: author.clone(), role };
    Ok(super::json(status, &receipt_json(app, &author, receipt)))
}

/// A receipt, cut to what the reader may see, with how far the record has come, and the proof.
pub fn receipt_json(app: &App, reader: &Principal, receipt: &Receipt) -> Json {
    let record = &receipt.record;
    let effects = readable_effects(reader, &receipt.effects, &app.published().state);
    let mut members = vec![
        ("command_id", Json::text(record.command_id.to_string())),
        ("seq", Json::text(record.seq.to_string())),
        ("recorded_at", Json::text(record.recorded_at.to_string())),
        ("status", Json::text(receipt.status())),
        ("effects", effects),
        ("envelope_sha256", Json::text(record.envelope_sha256.to_string())),
    ];
    match prove(&app.log, record.seq, &record.leaf()) {
        Ok(Proven { proof, stage, size }) => {
            members.push(("stage", Json::text(stage)));
            members.push(("checkpoint_size", Json::text(size.to_string())));
            members.push(("proof", Json::text(proof.to_string())));
        }
        Err(error) => {
            // The record stands; its proof can be asked for again.
            tracing::error!(%error, seq = record.seq, "the log could not prove a record");
            members.push(("stage", Json::text("durable")));
        }
    }
    Json::object(members)
}

/// A record's proof, and how far the record has come.
pub struct Proven {
    /// The proof.
    pub proof: TlogProof,
    /// `witnessed` if it is under a checkpoint that a quorum cosigned, else `published`.
    pub stage: &'static str,
    /// The size of that checkpoint.
    pub size: u64,
}

/// Proves a record under the newest witnessed checkpoint if that covers it, else under the newest signed one.
///
/// # Errors
/// As [`LogReader::tlog_proof_under`].
pub fn prove(log: &LogReader, seq: u64, leaf: &[u8]) -> Result<Proven, LogError> {
    if let Some(witnessed) = log.witnessed().filter(|witnessed| witnessed.head().size > seq) {
        let (proof, size) = (log.tlog_proof_under(seq, leaf, &witnessed)?, witnessed.head().size);
        return Ok(Proven { proof, stage: "witnessed", size });
    }
    let newest = log.checkpoint().ok_or(LogError::NotCovered { asked: seq, published: 0 })?;
    let (proof, size) = (log.tlog_proof_under(seq, leaf, &newest)?, newest.head().size);
    Ok(Proven { proof, stage: "published", size })
}
