//! The accept loop: our own, because a half-sent header must not hold a socket for ever.
//!
//! Source: API specification §5.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections at once.
const CONNECTIONS_MAX: usize = 10_000;
/// How long a request's head may take to arrive.
const HEADER_READ_MAX: Duration = Duration::from_secs(5);
/// Bytes read ahead on a connection: room for a head of the size the router allows, which judges it
/// to the byte.
const READ_AHEAD_MAX: usize = 64 << 10;
/// How long requests under way may take to end, once the server stops.
const STOP_MAX: Duration = Duration::from_secs(20);

/// Serves until `stop` resolves, then lets requests under way end.
///
/// # Errors
/// If the listener's address cannot be told.
pub async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) -> io::Result<()> {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut stop => break,
        };
        let Some((stream, place)) = accepted else { continue };
        // Answers are small and come in one piece: waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(router.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_READ_MAX)
            .max_buf_size(READ_AHEAD_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(STOP_MAX, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way when the server stopped");
    }
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            // Out of descriptors, or the peer has gone: a moment later there may be one.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

/// A listener on an address; plain HTTP is for loopback alone.
///
/// # Errors
/// If the address is not loopback, or cannot be bound.
pub async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        let what = format!("{address} is not a loopback address: plain HTTP is served on loopback only");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    TcpListener::bind(address).await
}
