//! One request after the other: decide, remember durably, and only then answer.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::cosignature::Cosigner;
use ledger::witness::{Memory, Refusal, TrustedLog, decide, origin_hash};

use super::WitnessError;
use super::forks::Forks;
use super::settings::Settings;
use super::state_file::{StateFile, beside};
use crate::app::now;

/// Statuses that are counted.
const STATUSES: [u16; 8] = [200, 400, 403, 404, 409, 413, 422, 500];

/// What a request is answered.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn text(status: u16, body: String) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body }
    }
}

/// The witness.
pub(super) struct Desk {
    logs: Vec<TrustedLog>,
    cosigner: Cosigner,
    kept: Mutex<Kept>,
    forks: Forks,
    answers: Mutex<BTreeMap<u16, u64>>,
}

struct Kept {
    memory: Memory,
    file: StateFile,
}

impl Desk {
    pub(super) fn open(settings: Settings, is_first_start: bool) -> Result<Self, WitnessError> {
        let Settings { cosigner, state, logs } = settings;
        let (file, memory) = StateFile::open(&state, cosigner.verifier(), is_first_start)?;
        let folder = beside(&state, ".forks");
        let forks = Forks::open(folder.clone());
        let forks = forks.map_err(|source| WitnessError::File { path: folder, source })?;
        let answers = Mutex::new(STATUSES.map(|status| (status, 0)).into());
        Ok(Self { logs, cosigner, kept: Mutex::new(Kept { memory, file }), forks, answers })
    }

    /// Answers `POST /add-checkpoint`. It may wait for the disk.
    pub(super) fn add_checkpoint(&self, body: &[u8]) -> Answer {
        // One lock from the look at what was seen until it is durable that more was.
        let mut kept = lock(&self.kept);
        let secs = now().millis() / 1_000;
        let accepted = match decide(&self.logs, &self.cosigner, &kept.memory, body, secs) {
            Ok(accepted) => accepted,
            Err(refusal) => return self.refuse(&refusal, body),
        };
        let size = accepted.seen.head().size;
        let next = kept.memory.with(&accepted.origin, accepted.seen);
        if let Err(error) = kept.file.write(&next, self.cosigner.verifier()) {
            tracing::error!(%error, origin = accepted.origin, size, "the state could not be made durable: not signed");
            return Answer::text(500, "not signed: the witness could not remember it\n".to_owned());
        }
        // ═ COMMIT POINT ═ no signature leaves before it.
        kept.memory = next;
        tracing::info!(origin = accepted.origin, size, "cosigned");
        Answer::text(200, accepted.answer.to_string())
    }

    fn refuse(&self, refusal: &Refusal, body: &[u8]) -> Answer {
        tracing::info!(%refusal, bytes = body.len(), "not cosigned");
        if let Some(fork) = refusal.fork() {
            let origin =
                ledger::witness::AddCheckpoint::parse(body).map(|request| request.origin().to_owned());
            self.forks.keep(&origin.unwrap_or_default(), fork);
        }
        let status = match refusal {
            Refusal::Request(_) | Refusal::Checkpoint { .. } => 400,
            Refusal::UnknownLog { .. } => 404,
            Refusal::Signature(_) => 403,
            Refusal::Stale { seen, .. } => {
                return Answer { status: 409, content_type: "text/x.tlog.size", body: format!("{seen}\n") };
            }
            Refusal::Inconsistent { .. } => 422,
        };
        Answer::text(status, format!("{refusal}\n"))
    }

    /// What was last cosigned of the log with that hash.
    pub(super) fn checkpoint(&self, hash: &str) -> Option<String> {
        let log = self.logs.iter().find(|log| origin_hash(log.origin()) == hash)?;
        lock(&self.kept).memory.seen(log.origin()).map(|seen| seen.note().to_string())
    }

    pub(super) fn count(&self, status: u16) {
        *lock(&self.answers).entry(status).or_default() += 1;
    }

    /// The metrics, in the text form of Prometheus.
    pub(super) fn metrics(&self) -> String {
        let mut text = String::from("# TYPE pledger_witness_requests_total counter\n");
        for (status, count) in &*lock(&self.answers) {
            text.push_str(&format!("pledger_witness_requests_total{{status=\"{status}\"}} {count}\n"));
        }
        let (logs, last) = (self.logs.len(), lock(&self.kept).memory.last_time());
        for (name, kind, value) in [
            ("pledger_witness_forks_total", "counter", self.forks.count()),
            ("pledger_witness_logs", "gauge", logs.try_into().unwrap_or(u64::MAX)),
            ("pledger_witness_last_cosigned_timestamp_seconds", "gauge", last),
        ] {
            text.push_str(&format!("# TYPE {name} {kind}\n{name} {value}\n"));
        }
        text
    }
}

/// What is locked is replaced whole, so a thread that panicked elsewhere did it no harm.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
