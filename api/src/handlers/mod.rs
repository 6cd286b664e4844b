//! One file for each kind of resource.

pub mod accounts;
pub mod agreements;
pub mod approvals;
pub mod calls;
pub mod commands;
pub mod custody;
pub mod documents;
pub mod ledger;
pub mod log;
pub mod margin;
pub mod movements;
pub mod parties;
pub mod records;
pub mod sessions;

use std::sync::Arc;

use ::ledger::json::Json;
use ::ledger::state::State;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::may::{Object, may_read};
use crate::problem::Problem;
use crate::session::Principal;

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

/// A JSON answer read from a state, saying which.
#[must_use]
pub fn read(state: &State, members: impl IntoIterator<Item = (&'static str, Json)>) -> Response {
    let mut all = rests_on(state);
    all.extend(members);
    json(StatusCode::OK, &Json::object(all))
}

/// All objects of a kind that the reader may see.
#[must_use]
pub fn list(state: &State, items: impl IntoIterator<Item = Json>) -> Response {
    read(state, [("items", Json::array(items))])
}

/// Every object of a kind that the reader may see.
pub fn list_own<'a, T: 'a>(
    state: &'a State,
    reader: &Principal,
    all: impl Iterator<Item = &'a Arc<T>>,
    object: impl Fn(&'a T) -> Object<'a>,
    print: impl Fn(&'a T) -> Json,
) -> Response {
    list(state, all.filter(|one| may_read(reader, object(one), state)).map(|one| print(one)))
}

/// One object under its name, if it is there and the reader may see it.
///
/// # Errors
/// `not_found`; what one may not read looks the same.
pub fn read_own<'a, T: 'a>(
    state: &'a State,
    reader: &Principal,
    found: Option<&'a Arc<T>>,
    object: impl Fn(&'a T) -> Object<'a>,
    (name, print): (&'static str, impl Fn(&'a T) -> Json),
) -> Result<Response, Problem> {
    let found = found.filter(|one| may_read(reader, object(one), state)).ok_or_else(Problem::not_found)?;
    Ok(read(state, [(name, print(found))]))
}

/// What an answer rests on: the newest record of the state it was read from, and the prices there.
fn rests_on(state: &State) -> Vec<(&'static str, Json)> {
    let mut members = Vec::new();
    if let (Some(seq), Some(at)) = (state.length().checked_sub(1), state.recorded_at()) {
        members.push(("as_of_seq", Json::text(seq.to_string())));
        members.push(("recorded_at", Json::text(at.to_string())));
    }
    if let Some(prices) = state.prices() {
        members.push(("prices_as_of", Json::text(prices.as_of.to_string())));
    }
    members
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
