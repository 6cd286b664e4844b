//! One file for each kind of resource.

mod accounts;
pub mod addresses;
mod agreements;
mod approvals;
pub mod balance_proofs;
mod breaks;
mod calls;
pub mod commands;
mod custody;
pub mod documents;
pub mod exports;
pub mod histories;
pub mod ledger;
pub mod log;
mod margin;
pub mod metrics;
mod movements;
mod overrides;
pub mod parties;
pub mod pools;
pub mod records;
pub mod seals;
pub mod sessions;
pub mod webhooks;

use std::sync::Arc;

use ::ledger::json::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::problem::Problem;

/// How long a body may take to arrive.
const BODY_READ_MAX: std::time::Duration = std::time::Duration::from_secs(10);

/// A JSON answer.
#[must_use]
pub fn json(status: StatusCode, body: &Json) -> Response {
    let mut response = (status, Body::from(body.to_string())).into_response();
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

/// Reads a body of at most `limit` bytes, in time.
///
/// # Errors
/// 413 `code`, 408, or 400 if the connection broke.
pub async fn read_body(body: Body, limit: usize, code: &'static str) -> Result<Bytes, Problem> {
    let too_large = || {
        let detail = format!("the body has more than {limit} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, code, detail, "send less")
    };
    match tokio::time::timeout(BODY_READ_MAX, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => {
            let detail = "the body ended early: nothing was recorded";
            Err(Problem::new(StatusCode::BAD_REQUEST, "body_not_json", detail, "send it again"))
        }
        Err(_) => {
            let detail = "the body took too long: nothing was recorded";
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", detail, "send it again, faster"))
        }
    }
}

/// Members of text.
pub fn texts<'a, T: ToString + 'a>(
    members: impl IntoIterator<Item = (&'static str, T)>,
) -> Vec<(&'static str, Json)> {
    members.into_iter().map(|(name, text)| (name, Json::text(text.to_string()))).collect()
}

/// Adds a member if there is something to say.
pub fn maybe<T: ToString>(members: &mut Vec<(&'static str, Json)>, name: &'static str, value: Option<T>) {
    members.extend(value.map(|value| (name, Json::text(value.to_string()))));
}

/// Runs what may wait for the disk away from the threads that serve.
///
/// # Errors
/// 500 if the work itself failed.
pub async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "a handler's work panicked");
        Problem::internal()
    })
}

/// The app as handlers get it.
pub type Shared = axum::extract::State<Arc<crate::app::App>>;
