//! The ledger itself, and whether the server is well.

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use ledger::checkpoint::parse_decimal;
use ledger::json::Json;
use serde::Deserialize;

use super::seals::attested;
use super::{Shared, json, maybe, off_thread, texts};
use crate::problem::Problem;

/// `GET /v1/ledger`: origin, key, size and root of the newest checkpoint.
///
/// A convenience: trust in a vkey comes by other channels.
pub async fn get(State(app): Shared) -> Response {
    let state = &app.published().state;
    let head = app.log.head();
    let mut members = texts([
        ("origin", state.origin().to_owned()),
        ("vkey", app.log_vkey.clone()),
        ("size", head.size.to_string()),
        ("root", head.root.to_string()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ]);
    members.push(("vkeys", Json::array([Json::text(&app.log_vkey)])));
    if let Some(opened) = state.opened() {
        let mut policy = texts([("digest", opened.witness_policy.tagged())]);
        maybe(&mut policy, "text", app.witness_policy.as_ref());
        members.push(("operator", Json::text(opened.operator.as_str())));
        members.push(("witness_policy", Json::object(policy)));
        members.push(("sandbox", Json::Bool(opened.sandbox)));
    }
    let mut response = json(StatusCode::OK, &Json::object(members));
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// `GET /v1/checkpoints/{size}`, or `signed` for the newest; a kept one with auditors' lines.
///
/// # Errors
/// `not_found` for a size that had no checkpoint.
pub async fn checkpoint(State(app): Shared, Path(size): Path<String>) -> Result<Response, Problem> {
    let note = if size == "signed" {
        app.log.checkpoint().map(|checkpoint| checkpoint.to_string())
    } else {
        let size = parse_decimal(&size).ok_or_else(Problem::not_found)?;
        let log = std::sync::Arc::clone(&app);
        let kept = off_thread(move || log.log.checkpoint_at(size)).await?.map_err(|error| {
            tracing::error!(%error, size, "a kept checkpoint could not be read");
            Problem::internal()
        })?;
        kept.map(|note| attested(&app.published().state, size, note))
    };
    let mut response = note.ok_or_else(Problem::not_found)?.into_response();
    for (name, value) in
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")]
    {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

/// Two sizes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    from: String,
    to: String,
}

/// `GET /v1/consistency?from=&to=`: the RFC 6962 proof between two published sizes.
///
/// # Errors
/// `query_invalid` for what is no pair of published sizes.
pub async fn consistency(
    State(app): Shared,
    sizes: Result<Query<Sizes>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Query(sizes) = sizes.map_err(|error| Problem::query(error.to_string()))?;
    let pair = parse_decimal(&sizes.from).zip(parse_decimal(&sizes.to));
    let (from, to) = pair.ok_or_else(|| Problem::query("from and to are sizes"))?;
    let proof = off_thread(move || app.log.consistency(from, to)).await?;
    let proof = proof.map_err(|error| Problem::query(error.to_string()))?;
    let hashes = proof.iter().map(|hash| Json::text(BASE64.encode(hash.as_bytes())));
    let mut members = texts([("from", from), ("to", to)]);
    members.push(("hashes", Json::array(hashes)));
    Ok(json(StatusCode::OK, &Json::object(members)))
}

/// `GET /healthz`: alive.
pub async fn healthz() -> Response {
    json(StatusCode::OK, &Json::object([("status", Json::text("alive"))]))
}

/// `GET /readyz`: takes commands.
///
/// # Errors
/// 503 while it does not.
pub async fn readyz(State(app): Shared) -> Result<Response, Problem> {
    if app.ledger.is_stopped() {
        return Err(Problem::unavailable("stopping", "the ledger takes no commands", 5));
    }
    Ok(json(StatusCode::OK, &Json::object([("status", Json::text("ready"))])))
}
