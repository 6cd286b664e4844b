//! A ledger's directory: its store, its log and the key that signs its checkpoints.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger::key::{KeyError, SecretKey};
use ledger::note::VerifierKey;
use ledger::note::{KeyName, LogSigner, NoteError};
use ledger::opening::{LogKeys, MaySign, OpenError, OpenLedger, Rotation, SystemClock, open_asking};
use ledger::store::StoreError;
use ledger::store::embedded::{EmbeddedOptions, EmbeddedStore};

use crate::app::now;
use crate::restoring::MARK;

/// Why a directory is not, or does not become, a ledger's.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A key file holds no key.
    #[error("{path}: {source}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
    /// A restore into it did not end good.
    #[error("{path}: this directory is not to be served: {}: restore into a new one", reason.lines().next().unwrap_or_default())]
    Unusable {
        /// The mark.
        path: PathBuf,
        /// Why it stands there.
        reason: String,
    },
    /// No randomness for a new key.
    #[error("the system gave no randomness: {0}")]
    Randomness(getrandom::Error),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger over it.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Where the key that signs checkpoints lies.
#[must_use]
pub fn log_key_path(dir: &Path) -> PathBuf {
    dir.join("keys").join("log.pem")
}

/// Makes the directory of a new ledger with its log key, and opens it.
///
/// # Errors
/// [`HomeError`]; a directory that is a ledger's already stays as it is.
pub fn create(dir: &Path, origin: &str, log_key: &SecretKey) -> Result<OpenLedger, HomeError> {
    EmbeddedStore::create(dir, origin, now())?;
    write_key(&log_key_path(dir), log_key)?;
    open_home(dir)
}

/// The key that verifies the checkpoints of a log key.
///
/// # Errors
/// If the origin cannot be the name of a key.
pub fn vkey(origin: &str, key: &SecretKey) -> Result<String, NoteError> {
    Ok(LogSigner::new(KeyName::new(origin)?, &key.seed()).verifier().to_string())
}

/// Opens the ledger of a directory, asking nobody.
///
/// # Errors
/// [`HomeError`].
pub fn open_home(dir: &Path) -> Result<OpenLedger, HomeError> {
    open_home_asking(dir, &|_, _, _| true)
}

/// Opens the ledger of a directory, asking before the first signature whether it may be made.
///
/// # Errors
/// [`HomeError`].
pub fn open_home_asking(dir: &Path, may_sign: MaySign) -> Result<OpenLedger, HomeError> {
    let mark = dir.join(MARK);
    if let Ok(reason) = fs::read_to_string(&mark) {
        return Err(HomeError::Unusable { path: mark, reason });
    }
    let origin = EmbeddedStore::origin(dir)?;
    let key = read_key(&log_key_path(dir))?;
    let (store, report) = EmbeddedStore::open(dir, &origin, EmbeddedOptions::default())?;
    tracing::info!(?report, "store opened");
    let log = dir.join("log");
    let keys = LogKeys { directory: &log, seed: &key.seed() };
    let clock = Box::new(SystemClock::default());
    Ok(open_asking(&origin, Box::new(store), &keys, rotation(dir, &origin)?, clock, may_sign)?)
}

/// The log keys beside `keys/log.pem`: secret ones in `keys/log-*.pem`, which sign when the ledger says so,
/// and in `keys/log-*.vkey` the public side of those that are gone.
fn rotation(dir: &Path, origin: &str) -> Result<Rotation, HomeError> {
    let folder = dir.join("keys");
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| HomeError::File { path, source }
    };
    let mut rotation = Rotation::default();
    let mut paths = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed(&folder))? {
        paths.push(entry.map_err(failed(&folder))?.path());
    }
    paths.sort_unstable();
    for path in paths {
        let is_further = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log-"));
        match path.extension().and_then(|ending| ending.to_str()).filter(|_| is_further) {
            Some("pem") => {
                let name = KeyName::new(origin).map_err(OpenError::from)?;
                rotation.further.push(Arc::new(LogSigner::new(name, &read_key(&path)?.seed())));
            }
            Some("vkey") => {
                let text = fs::read_to_string(&path).map_err(failed(&path))?;
                rotation.earlier.push(VerifierKey::parse(text.trim_end()).map_err(OpenError::from)?);
            }
            Some(_) | None => {}
        }
    }
    Ok(rotation)
}

/// Writes a key file that only its owner can read. An existing file is not touched.
///
/// # Errors
/// [`HomeError::File`].
pub fn write_key(path: &Path, key: &SecretKey) -> Result<(), HomeError> {
    let failed = |source| HomeError::File { path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(parent).map_err(failed)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    file.write_all(key.to_pem().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

/// Reads a key file.
///
/// # Errors
/// [`HomeError::File`], [`HomeError::Key`].
pub fn read_key(path: &Path) -> Result<SecretKey, HomeError> {
    let pem = fs::read_to_string(path).map_err(|source| HomeError::File { path: path.to_owned(), source })?;
    SecretKey::from_pem(&pem).map_err(|source| HomeError::Key { path: path.to_owned(), source })
}
