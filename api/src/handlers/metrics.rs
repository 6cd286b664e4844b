//! `GET /metrics`: figures for Prometheus, without a party or an account in any of them.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::Shared;
use crate::app::now;

/// What this process counts.
pub async fn get(State(app): Shared) -> Response {
    let seals = &app.seal_figures;
    let last = seals.last_made_ms();
    let age = if last == 0 { None } else { Some(now().millis().saturating_sub(last) / 1_000) };
    let mut text = String::new();
    let mut tell = |name: &str, kind: &str, help: &str, value: u64| {
        let written = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        written.expect("a string takes any text");
    };
    tell("pledger_records_total", "counter", "Records of the ledger.", app.published().state.length());
    tell("pledger_queue_depth", "gauge", "Commands that wait.", app.ledger.queue_depth() as u64);
    tell("pledger_seals_total", "counter", "Seals that this process made.", seals.made());
    let failed = "Seals that were due and could not be made.";
    tell("pledger_seal_failures_total", "counter", failed, seals.failed());
    if let Some(age) = age {
        tell("pledger_seal_age_seconds", "gauge", "Since this process made its last seal.", age);
    }
    let mut response = text.into_response();
    let prometheus = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, prometheus);
    response
}
