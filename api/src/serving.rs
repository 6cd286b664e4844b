//! A ledger being served: the sequencer on its thread, the listener, and how both end.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use ledger::sequencer::Stopped;
use ledger::store::{HeldDocuments, HeldLimits};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::app::App;
use crate::balance::NewestSeal;
use crate::cosigning::settings::ServeSettings;
use crate::cosigning::{Cosigning, Follower, may_sign};
use crate::home::{HomeError, open_home_asking};
use crate::reading::{Cursors, Turns};
use crate::routes::router;
use crate::sealing::{self, SealFigures, Sealing};
use crate::server;
use crate::session::Sessions;

/// Why serving did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServingError {
    /// The directory.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The address.
    #[error("cannot listen: {0}")]
    Listen(io::Error),
    /// No record 0.
    #[error("the ledger is not open: run `pledger init` first")]
    NotOpen,
    /// The sequencer stopped: nothing may be appended any more. A restart replays.
    #[error("the ledger stopped: {0}")]
    Stopped(Stopped),
    /// The sequencer's thread panicked: one of our own assumptions was false.
    #[error("the ledger stopped: its thread panicked")]
    Panicked,
}

/// A server that has its socket and its ledger, and does not answer yet.
pub struct Serving {
    app: App,
    follower: Follower,
    listener: TcpListener,
    address: SocketAddr,
    ended: oneshot::Receiver<Result<(), ServingError>>,
    sealing: Option<Sealing>,
}

impl Serving {
    /// Opens the ledger of a directory and binds a loopback address.
    ///
    /// # Errors
    /// [`ServingError`].
    pub async fn open(dir: &Path, listen: SocketAddr, audiences: &[String]) -> Result<Self, ServingError> {
        Self::open_with(dir, listen, audiences, ServeSettings::default()).await
    }

    /// The same, configured. The witnesses of the policy in force are asked what they saw before anything
    /// is signed; if one of them knows more than this ledger, it is served to readers alone.
    ///
    /// # Errors
    /// [`ServingError`].
    pub async fn open_with(
        dir: &Path,
        listen: SocketAddr,
        audiences: &[String],
        settings: ServeSettings,
    ) -> Result<Self, ServingError> {
        let ServeSettings { witness } = settings;
        let ahead = RefCell::new(None);
        let opened = open_home_asking(dir, &|state, log, store| {
            *ahead.borrow_mut() = may_sign(state, log, store, &witness).err();
            ahead.borrow().is_none()
        })?;
        tracing::info!(report = ?opened.report, "ledger opened");
        let cosigning = Arc::new(Cosigning::new(opened.log.clone(), witness, dir.to_owned()));
        if let Some(reason) = ahead.take() {
            cosigning.halt(reason);
        }
        let follower = Follower::new(Arc::clone(&cosigning), opened.handle.clone());
        let log_vkey = match opened.handle.published().state.opened() {
            Some(opened) => opened.log_vkey.clone(),
            None => return Err(ServingError::NotOpen),
        };
        let listener = server::listen(listen).await.map_err(ServingError::Listen)?;
        let address = listener.local_addr().map_err(ServingError::Listen)?;
        let mut audiences = audiences.to_vec();
        audiences.push(format!("http://{address}"));
        let app = App {
            ledger: opened.handle,
            log: opened.log,
            held: Mutex::new(HeldDocuments::new(HeldLimits::default())),
            sessions: Sessions::default(),
            newest_seal: NewestSeal::default(),
            seal_figures: SealFigures::default(),
            cursors: Cursors::new().map_err(HomeError::Randomness)?,
            turns: Turns::default(),
            cosigning,
            log_vkey,
            audiences,
        };
        let (tell, ended) = oneshot::channel();
        let sequencer = opened.sequencer;
        thread::Builder::new()
            .name("sequencer".to_owned())
            .spawn(move || {
                let run = std::panic::AssertUnwindSafe(|| sequencer.run());
                let outcome = match std::panic::catch_unwind(run) {
                    Ok(outcome) => outcome.map_err(ServingError::Stopped),
                    Err(_) => Err(ServingError::Panicked),
                };
                // Whoever waited may have gone with the process.
                let _ = tell.send(outcome);
            })
            .map_err(ServingError::Listen)?;
        Ok(Self { app, follower, listener, address, ended, sealing: None })
    }

    /// Makes seals while it runs.
    #[must_use]
    pub fn sealing(self, sealing: Option<Sealing>) -> Self {
        Self { sealing, ..self }
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until `stop` resolves or the sequencer ends by itself; then lets the batch end, keeps a
    /// snapshot and closes.
    ///
    /// # Errors
    /// [`ServingError::Stopped`] if the sequencer ended first.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ServingError> {
        let Self { app, follower, listener, mut ended, sealing, .. } = self;
        let ledger = app.ledger.clone();
        let following = tokio::spawn(follower.run());
        let app = Arc::new(app);
        let sealing = sealing.map(|sealing| tokio::spawn(sealing::run(Arc::clone(&app), sealing)));
        let router = router(app);
        let mut failed = None;
        let until = async {
            tokio::select! {
                () = stop => {}
                outcome = &mut ended => failed = Some(outcome.unwrap_or(Err(ServingError::Panicked))),
            }
        };
        let served = server::serve(listener, router, until).await;
        following.abort();
        if let Some(sealing) = sealing {
            sealing.abort();
            // It ends as soon as it waits for anything; what it submitted is the sequencer's.
            let _ = sealing.await;
        }
        if let Some(outcome) = failed {
            return outcome;
        }
        // A request that still hangs must not keep the ledger from ending its batch and closing.
        ledger.stop().await;
        let outcome = ended.await.unwrap_or(Err(ServingError::Panicked));
        served.map_err(ServingError::Listen).and(outcome)
    }
}
