//! The ledger itself, and whether the server is well.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use ledger::checkpoint::parse_decimal;
use ledger::json::Json;
use ledger::log_keys::in_force;
use ledger::state::Opened;
use serde::Deserialize;

use super::seals::attested;
use super::{Shared, json, maybe, off_thread, texts};
use crate::problem::Problem;

/// `GET /v1/ledger`: origin, key, size and root of the newest checkpoint.
///
/// A convenience: trust in a vkey comes by other channels.
///
/// # Errors
/// 500 if the policy's document cannot be read back.
pub async fn get(State(app): Shared) -> Result<Response, Problem> {
    let published = app.published();
    let state = &published.state;
    let head = app.log.head();
    let in_force = state.opened().map_or(app.log_vkey.as_str(), |opened| in_force(opened, head.size));
    let mut members = texts([
        ("origin", state.origin().to_owned()),
        ("vkey", in_force.to_owned()),
        ("size", head.size.to_string()),
        ("root", head.root.to_string()),
        ("version", env!("CARGO_PKG_VERSION").to_owned()),
    ]);
    let announced = state.opened().into_iter().flat_map(|opened| &opened.log_keys);
    let vkeys = [&app.log_vkey].into_iter().chain(announced.map(|key| &key.vkey));
    members.push(("vkeys", Json::array(vkeys.map(Json::text))));
    if let Some(opened) = state.opened() {
        let store = Arc::clone(app.ledger.store());
        let digest = opened.witness_policy;
        let document = off_thread(move || store.document(&digest)).await?.map_err(|error| {
            tracing::error!(%error, "the witness policy could not be read");
            Problem::internal()
        })?;
        let mut policy = texts([("digest", digest.tagged())]);
        let text = document.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
        maybe(&mut policy, "text", text);
        members.push(("witness_policy", Json::object(policy)));
        members.extend(terms(opened, state.length()));
    }
    let mut response = json(StatusCode::OK, &Json::object(members));
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    Ok(response)
}

/// What the ledger runs under, for its next record.
fn terms(opened: &Opened, next: u64) -> Vec<(&'static str, Json)> {
    let mut members =
        texts([("operator", opened.operator.to_string()), ("rules", opened.rules_at(next).to_string())]);
    let announced = opened.log_keys.iter().map(|key| {
        let size = key.from_size.to_string();
        Json::object(texts([("vkey", key.vkey.clone()), ("from_size", size), ("seq", key.seq.to_string())]))
    });
    members.push(("log_keys", Json::array(announced)));
    members.push(("sandbox", Json::Bool(opened.sandbox)));
    if let Some(confirmed) = &opened.clock_confirmed {
        let at = confirmed.recorded_at.to_string();
        let confirmed = texts([("seq", confirmed.seq.to_string()), ("recorded_at", at)]);
        members.push(("clock_confirmed", Json::object(confirmed)));
    }
    if let Some(closed) = &opened.closed {
        let mut end = texts([("seq", closed.seq.to_string()), ("reason", closed.reason.clone())]);
        maybe(&mut end, "successor", closed.successor.as_ref());
        members.push(("closed", Json::object(end)));
    }
    members
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
    if !app.ledger.is_clock_sound() {
        return Err(Problem::unavailable("clock_unsound", "the operator has to confirm the clock", 60));
    }
    if let Some(reason) = app.cosigning.ahead() {
        let detail = format!("{reason}: the ledger can only be read");
        return Err(Problem::unavailable("witness_ahead", detail, 600));
    }
    let mut members = texts([("status", "ready".to_owned())]);
    if let Some(lag) = app.cosigning.lag() {
        if lag.is_stopping {
            let detail = "no quorum of witnesses has cosigned for too long: commands are refused";
            return Err(Problem::unavailable("witness_lag", detail, 60));
        }
        let mut witnessed = texts([("size", lag.size.to_string())]);
        maybe(&mut witnessed, "age_secs", lag.age_secs);
        witnessed.push(("quorum", Json::text(if lag.is_lost { "lost" } else { "met" })));
        members.push(("witnessed", Json::object(witnessed)));
    }
    Ok(json(StatusCode::OK, &Json::object(members)))
}

/// `GET /metrics`: figures in the text form of Prometheus.
pub async fn metrics(State(app): Shared) -> Response {
    let mut text = String::new();
    let mut tell = |name: &str, kind: &str, value: u64| {
        text.push_str(&format!("# TYPE pledger_{name} {kind}\npledger_{name} {value}\n"));
    };
    tell("records_total", "counter", app.log.head().size);
    tell("queue_depth", "gauge", app.ledger.queue_depth().try_into().unwrap_or(u64::MAX));
    tell("witness_ahead", "gauge", u64::from(app.cosigning.ahead().is_some()));
    if let Some(lag) = app.cosigning.lag() {
        tell("witnessed_size", "gauge", lag.size);
        if let Some(age) = lag.age_secs {
            tell("witnessed_age_seconds", "gauge", age);
        }
    }
    let answers = app.cosigning.answers();
    if !answers.is_empty() {
        text.push_str("# TYPE pledger_witness_answers_total counter\n");
    }
    for ((witness, status), count) in answers {
        let witness = witness.replace('\\', "\\\\").replace('"', "\\\"");
        let labels = format!("witness=\"{witness}\",status=\"{status}\"");
        text.push_str(&format!("pledger_witness_answers_total{{{labels}}} {count}\n"));
    }
    let mut response = text.into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}
