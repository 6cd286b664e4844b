//! `/log/*`: the public log in the C2SP layout, for anyone.
//!
//! Source: audit specification §6.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use ledger::tiles::TilePath;

use super::{Shared, off_thread};
use crate::problem::Problem;

const FOREVER: &str = "public, max-age=31536000, immutable";

/// `GET /log/{path}`: the checkpoint, which is the newest witnessed one where the policy asks witnesses, a
/// tile or a bundle.
///
/// # Errors
/// `not_found` for other spellings and for what the newest checkpoint does not cover.
pub async fn get(State(app): Shared, Path(path): Path<String>) -> Result<Response, Problem> {
    if path == "checkpoint" {
        let checkpoint = app.log.shown().ok_or_else(Problem::not_found)?;
        return Ok(public(Body::from(checkpoint.to_string()), "text/plain; charset=utf-8", "no-cache"));
    }
    let tile = TilePath::parse(&path).ok_or_else(Problem::not_found)?;
    let bytes = off_thread(move || app.log.tile(tile)).await?.map_err(|error| {
        tracing::error!(%error, path, "a tile could not be read");
        Problem::internal()
    })?;
    let bytes = bytes.ok_or_else(Problem::not_found)?;
    Ok(public(Body::from(bytes), "application/octet-stream", FOREVER))
}

fn public(body: Body, content_type: &'static str, caching: &'static str) -> Response {
    let mut response = body.into_response();
    let headers: [(HeaderName, &str); 4] = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, caching),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
