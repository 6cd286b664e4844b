//! `pledger witness`: a C2SP tlog-witness. It cosigns what extends everything it has seen of a log, and
//! never anything else.
//!
//! The decision is `ledger::witness::decide`; here are the state file, the lock around both, and HTTP.
//! Source: audit specification §9.

mod desk;
mod forks;
mod pages;
pub mod settings;
mod state_file;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ledger::witness::{MemoryError, TrustedLogError};
use tokio::net::TcpListener;

use crate::home::HomeError;
use crate::server;
use desk::Desk;
use settings::Settings;

/// Why a witness does not start.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// The configuration.
    #[error("{path}: {reason}")]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A log in it.
    #[error(transparent)]
    Log(#[from] TrustedLogError),
    /// The key file.
    #[error(transparent)]
    Key(#[from] HomeError),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The state cannot be believed. Signing without it could vouch for a second history.
    #[error("{path}: {source}: restore it, or retire this key and start with a new one")]
    Memory {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: MemoryError,
    },
    /// There is no state, and nobody said that this is the first start.
    #[error(
        "{path} is not there: a witness that lost its state could vouch for a second history. Restore it; \
         only the first start of a new key makes it: --first-start"
    )]
    NoState {
        /// Where it should be.
        path: PathBuf,
    },
    /// There is one, and somebody said that this is the first start.
    #[error("{path} is there: --first-start is for a new key alone")]
    NotTheFirst {
        /// Where it is.
        path: PathBuf,
    },
    /// Another process has it.
    #[error("{path} is in use by another process")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The address.
    #[error("cannot listen: {0}")]
    Listen(io::Error),
}

/// A witness that has its socket and its state, and does not answer yet.
pub struct WitnessServer {
    desk: Arc<Desk>,
    listener: TcpListener,
    address: SocketAddr,
}

impl WitnessServer {
    /// Takes up the state and binds a loopback address.
    ///
    /// # Errors
    /// [`WitnessError`].
    pub async fn open(
        settings: Settings,
        listen: SocketAddr,
        is_first_start: bool,
    ) -> Result<Self, WitnessError> {
        let desk = Arc::new(Desk::open(settings, is_first_start)?);
        let listener = server::listen(listen).await.map_err(WitnessError::Listen)?;
        let address = listener.local_addr().map_err(WitnessError::Listen)?;
        Ok(Self { desk, listener, address })
    }

    /// Where it is reached.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until `stop` resolves.
    ///
    /// # Errors
    /// If the listener breaks.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        server::serve(self.listener, pages::router(self.desk), stop).await
    }
}
