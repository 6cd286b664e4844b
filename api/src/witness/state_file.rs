//! The file that a witness remembers in: replaced whole, and durable before each signature.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ledger::note::VerifierKey;
use ledger::witness::Memory;

use super::WitnessError;

/// The file, held by this process alone.
#[derive(Debug)]
pub(super) struct StateFile {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl StateFile {
    /// Takes the file, and gives what it remembers. A missing one is made by the first start alone.
    pub(super) fn open(
        path: &Path,
        own: &VerifierKey,
        is_first_start: bool,
    ) -> Result<(Self, Memory), WitnessError> {
        let file = Self { path: path.to_owned(), _lock: lock(path)? };
        let failed = |source| WitnessError::File { path: path.to_owned(), source };
        let there = || path.to_owned();
        match fs::read(path) {
            Ok(_) if is_first_start => Err(WitnessError::NotTheFirst { path: there() }),
            Ok(bytes) => {
                let memory = Memory::parse(&bytes, own);
                Ok((file, memory.map_err(|source| WitnessError::Memory { path: there(), source })?))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && is_first_start => {
                let memory = Memory::default();
                file.write(&memory, own).map_err(failed)?;
                Ok((file, memory))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(WitnessError::NoState { path: there() })
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Makes the memory durable, or fails: then the old one stands, or the new one, and never a mixture.
    pub(super) fn write(&self, memory: &Memory, own: &VerifierKey) -> io::Result<()> {
        let temporary = beside(&self.path, ".writing");
        let mut file = File::create(&temporary)?;
        file.write_all(memory.print(own).as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, &self.path)?;
        File::open(folder(&self.path))?.sync_all()
    }
}

/// Another file beside the state.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn lock(path: &Path) -> Result<File, WitnessError> {
    let path = beside(path, ".lock");
    let failed = |source| WitnessError::File { path: path.clone(), source };
    let file = OpenOptions::new().create(true).append(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(WitnessError::InUse { path }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}
