//! `GET /v1/export?scope=`: the ledger, or what a party may read of it, as one stream.

use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use ledger::export::Scope;
use tokio::sync::mpsc;

use super::Shared;
use crate::app::Reader as Asking;
use crate::exporting::{At, Reader, export};
use crate::problem::Problem;
use crate::reading::{Turn, state_after};

/// Chunks that wait for a slow reader.
const CHUNKS_AHEAD: usize = 8;

/// Bytes of a chunk.
const CHUNK: usize = 256 << 10;

/// Streams an export of the newest checkpoint's size.
///
/// # Errors
/// `query_invalid` for what is no scope; `not_found` for one that the reader may not have;
/// `rate_limited` while another of its party runs.
pub async fn get(State(app): Shared, Asking(principal): Asking, uri: Uri) -> Result<Response, Problem> {
    let scope = match uri.query() {
        None | Some("") => Some(Scope::Full),
        Some(query) => query.strip_prefix("scope=").and_then(Scope::parse),
    };
    let scope = scope.ok_or_else(|| Problem::query("give scope=full or scope=party:ID"))?;
    let reader = Reader::Party(principal.clone());
    if !reader.may_have(&scope, &app.published().state) {
        return Err(Problem::not_found());
    }
    let checkpoint = app.log.checkpoint().ok_or_else(Problem::not_found)?;
    let turn = app.turns.long(&principal.party)?;
    let state = state_after(&app, &principal, checkpoint.head().size).await?;
    let (sender, chunks) = mpsc::channel(CHUNKS_AHEAD);
    let store = Arc::clone(app.ledger.store());
    tokio::task::spawn_blocking(move || {
        let _turn: Turn = turn;
        let mut out = io::BufWriter::with_capacity(CHUNK, Chunks(sender.clone()));
        let note = checkpoint.to_string();
        let at = At { state: &state.state, store: store.as_ref(), checkpoint: &note };
        let written = export(&at, &scope, &reader, &mut out, None);
        if let Err(error) = written {
            tracing::warn!(%error, "an export ended early");
            // Its reader sees a broken stream, and not a whole one that is short.
            let _ = sender.blocking_send(Err(io::Error::other("the export ended early")));
        }
    });
    let mut response = Body::new(Stream(chunks)).into_response();
    for (name, value) in
        [(header::CONTENT_TYPE, "application/octet-stream"), (header::CONTENT_DISPOSITION, "attachment")]
    {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

type Chunk = io::Result<Bytes>;

/// The writing side: waits while the reader is slow, ends when it has gone.
struct Chunks(mpsc::Sender<Chunk>);

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The reading side.
struct Stream(mpsc::Receiver<Chunk>);

impl HttpBody for Stream {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}
