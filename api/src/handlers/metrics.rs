//! `GET /metrics`: figures for Prometheus, without a party or an account in any of them.

use std::fmt::Write as _;

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::Shared;
use crate::app::{App, now};

/// What this process counts.
pub async fn get(State(app): Shared) -> Response {
    let mut text = String::new();
    let mut tell = |name: &str, kind: &str, help: &str, value: u64| {
        let name = format!("pledger_{name}");
        let written = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        written.expect("a string takes any text");
    };
    tell("records_total", "counter", "Records that the log has signed for.", app.log.head().size);
    let waiting = app.ledger.queue_depth().try_into().unwrap_or(u64::MAX);
    tell("queue_depth", "gauge", "Commands that wait.", waiting);
    tell_seals(&app, &mut tell);
    tell_witnesses(&app, &mut tell);
    text.push_str(&answers(&app));
    let mut response = text.into_response();
    let prometheus = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, prometheus);
    response
}

fn tell_seals(app: &App, tell: &mut impl FnMut(&str, &str, &str, u64)) {
    let seals = &app.seal_figures;
    tell("seals_total", "counter", "Seals that this process made.", seals.made());
    let failed = "Seals that were due and could not be made.";
    tell("seal_failures_total", "counter", failed, seals.failed());
    let last = seals.last_made_ms();
    if last != 0 {
        let age = now().millis().saturating_sub(last) / 1_000;
        tell("seal_age_seconds", "gauge", "Since this process made its last seal.", age);
    }
}

fn tell_witnesses(app: &App, tell: &mut impl FnMut(&str, &str, &str, u64)) {
    let ahead = u64::from(app.cosigning.ahead().is_some());
    tell("witness_ahead", "gauge", "1 if a witness saw more than this ledger has.", ahead);
    let Some(lag) = app.cosigning.lag() else { return };
    tell("witnessed_size", "gauge", "Records under the newest witnessed checkpoint.", lag.size);
    if let Some(age) = lag.age_secs {
        tell("witnessed_age_seconds", "gauge", "Since a quorum of witnesses has cosigned.", age);
    }
}

/// What each witness answered, by status.
fn answers(app: &App) -> String {
    let answers = app.cosigning.answers();
    if answers.is_empty() {
        return String::new();
    }
    let name = "pledger_witness_answers_total";
    let mut text = format!("# HELP {name} Answers of witnesses.\n# TYPE {name} counter\n");
    for ((witness, status), count) in answers {
        let witness = witness.replace('\\', "\\\\").replace('"', "\\\"");
        text.push_str(&format!("{name}{{witness=\"{witness}\",status=\"{status}\"}} {count}\n"));
    }
    text
}
