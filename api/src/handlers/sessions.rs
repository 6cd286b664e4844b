//! Signing in and out.

use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use ledger::json::Json;

use super::{Shared, json, read_body};
use crate::app::{Reader, bearer, now};
use crate::problem::Problem;
use crate::session::SessionRefusal;

const BODY_MAX: usize = 16 << 10;

/// `GET /v1/session/challenge`.
///
/// # Errors
/// `overloaded` if too many challenges are out.
pub async fn challenge(State(app): Shared) -> Result<Response, Problem> {
    let challenge = app.sessions.challenge().map_err(refuse)?;
    Ok(json(StatusCode::OK, &Json::object([("challenge", Json::text(challenge))])))
}

/// `POST /v1/session`: a signed challenge for a token.
///
/// # Errors
/// `envelope_malformed`, `challenge_invalid`, `session_invalid`.
pub async fn open(State(app): Shared, body: Body) -> Result<Response, Problem> {
    let bytes = read_body(body, BODY_MAX, "body_too_large").await?;
    let state = &app.published().state;
    let token = app.sessions.open(&bytes, &app.audiences, state, now()).map_err(refuse)?;
    Ok(json(StatusCode::CREATED, &Json::object([("token", Json::text(token))])))
}

/// `DELETE /v1/session`.
pub async fn close(State(app): Shared, _: Reader, parts: Parts) -> Response {
    if let Some(token) = bearer(&parts) {
        app.sessions.close(token);
    }
    StatusCode::NO_CONTENT.into_response()
}

fn refuse(refusal: SessionRefusal) -> Problem {
    let help = "GET /v1/session/challenge, sign it for this audience, POST /v1/session";
    match refusal {
        SessionRefusal::Malformed => {
            let detail = "not an envelope with one signature over a session payload";
            Problem::new(StatusCode::BAD_REQUEST, "envelope_malformed", detail, help)
        }
        SessionRefusal::Challenge => {
            let detail = "the challenge was not given here, was used, or is older than a minute";
            Problem::new(StatusCode::UNAUTHORIZED, "challenge_invalid", detail, help)
        }
        SessionRefusal::Invalid => {
            let detail = "signed for another audience, ledger or time, or by no key that may open sessions";
            Problem::new(StatusCode::UNAUTHORIZED, "session_invalid", detail, help)
        }
        SessionRefusal::Full => Problem::unavailable("overloaded", "too many sessions are open", 60),
    }
}
