//! The witness's endpoints.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::desk::{Answer, Desk};

/// The largest request: 63 hashes and a checkpoint with its signatures have room.
const BODY_MAX: usize = 32 << 10;

/// How long a body may take to arrive.
const BODY_READ_MAX: Duration = Duration::from_secs(10);

pub(super) fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{hash}/checkpoint", get(checkpoint))
        .route("/healthz", get(async || respond(Answer::text(200, "alive\n".to_owned()))))
        .route("/metrics", get(metrics))
        .layer(DefaultBodyLimit::disable())
        .with_state(desk)
}

async fn add_checkpoint(State(desk): State<Arc<Desk>>, body: Body) -> Response {
    let counted = Arc::clone(&desk);
    let answer = match read(body).await {
        Ok(body) => {
            let work = tokio::task::spawn_blocking(move || desk.add_checkpoint(&body));
            work.await.unwrap_or_else(|error| {
                tracing::error!(%error, "a decision panicked");
                Answer::text(500, "not signed: the witness failed\n".to_owned())
            })
        }
        Err(refused) => refused,
    };
    counted.count(answer.status);
    respond(answer)
}

async fn read(body: Body) -> Result<Vec<u8>, Answer> {
    match tokio::time::timeout(BODY_READ_MAX, Limited::new(body, BODY_MAX).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes().to_vec()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err(Answer::text(413, format!("the request has more than {BODY_MAX} bytes\n")))
        }
        Ok(Err(_)) => Err(Answer::text(400, "the request ended early\n".to_owned())),
        Err(_) => Err(Answer::text(408, "the request took too long\n".to_owned())),
    }
}

async fn checkpoint(State(desk): State<Arc<Desk>>, Path(hash): Path<String>) -> Response {
    // It waits for the lock that a signature holds over the disk.
    let found = tokio::task::spawn_blocking(move || desk.checkpoint(&hash)).await;
    respond(match found {
        Ok(Some(note)) => Answer::text(200, note),
        Ok(None) => Answer::text(404, "nothing was cosigned under this name\n".to_owned()),
        Err(error) => {
            tracing::error!(%error, "a read panicked");
            Answer::text(500, "the witness failed\n".to_owned())
        }
    })
}

async fn metrics(State(desk): State<Arc<Desk>>) -> Response {
    let text = tokio::task::spawn_blocking(move || desk.metrics()).await;
    respond(Answer::text(200, text.unwrap_or_default()))
}

fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
