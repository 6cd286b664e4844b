//! A witness's configuration file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ledger::cosignature::Cosigner;
use ledger::note::{KeyName, VerifierKey};
use ledger::witness::TrustedLog;
use serde::Deserialize;

use super::WitnessError;
use crate::home::read_key;

/// What a witness signs with, remembers in and trusts.
pub struct Settings {
    /// Its key, of type 04.
    pub cosigner: Cosigner,
    /// Where it remembers.
    pub state: PathBuf,
    /// The logs that its owner added.
    pub logs: Vec<TrustedLog>,
}

/// The file: TOML. Paths are relative to its folder.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: String,
    key: PathBuf,
    state: PathBuf,
    log: Vec<Log>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Log {
    origin: String,
    vkeys: Vec<String>,
}

impl Settings {
    /// Reads a configuration file and the key it names.
    ///
    /// # Errors
    /// [`WitnessError::File`], [`WitnessError::Settings`], [`WitnessError::Log`], [`WitnessError::Key`].
    pub fn read(path: &Path) -> Result<Self, WitnessError> {
        let failed = |source| WitnessError::File { path: path.to_owned(), source };
        let wrong = |reason: String| WitnessError::Settings { path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let file: File = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let name = KeyName::new(&file.name).map_err(|error| wrong(error.to_string()))?;
        let key = read_key(&folder.join(&file.key))?;
        let cosigner = Cosigner::new(name, &key.seed());
        let mut origins = BTreeSet::new();
        let mut logs = Vec::new();
        for log in file.log {
            if !origins.insert(log.origin.clone()) {
                return Err(wrong(format!("{} stands twice", log.origin)));
            }
            let keys = log.vkeys.iter().map(|vkey| {
                let key = VerifierKey::parse(vkey).map_err(|error| wrong(format!("{vkey}: {error}")))?;
                // A witness and a log never share a key.
                let is_own = key.public_bytes() == key_bytes(&cosigner);
                if is_own { Err(wrong(format!("{vkey} is the witness's own key"))) } else { Ok(key) }
            });
            logs.push(TrustedLog::new(&log.origin, keys.collect::<Result<_, _>>()?)?);
        }
        Ok(Self { cosigner, state: folder.join(file.state), logs })
    }
}

fn key_bytes(cosigner: &Cosigner) -> &[u8] {
    cosigner.verifier().public_bytes()
}
