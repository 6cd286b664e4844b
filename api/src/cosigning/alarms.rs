//! What a person has to look at: said in the log, and a refused request kept with its answer.

use std::fs;
use std::path::{Path, PathBuf};

use ledger::digest::Digest;
use ledger::witness::client::{Alarm, AlarmKind};

/// Files that are kept of one witness.
const KEPT_MAX: usize = 16;

/// Says an alarm.
pub(super) fn raise(dir: &Path, alarm: &Alarm, request: &str) {
    let Alarm { witness, kind } = alarm;
    tracing::error!(witness, alarm = %kind, "a witness alarm");
    match kind {
        AlarmKind::Refused { checkpoint, answer, .. } => {
            let place = folder(dir, witness).join(format!("{}.txt", checkpoint.head().size));
            let answer = String::from_utf8_lossy(answer);
            keep(&place, &format!("POST /add-checkpoint\n\n{request}\n\n422\n\n{answer}"));
        }
        AlarmKind::Configuration { .. }
        | AlarmKind::BadAnswer { .. }
        | AlarmKind::TimeOff { .. }
        | AlarmKind::TimeFell { .. }
        | AlarmKind::PolicyRefuses { .. } => {}
    }
}

/// A name in a policy may hold anything but spaces, so a file is not called by it.
fn folder(dir: &Path, witness: &str) -> PathBuf {
    let name = Digest::of(witness.as_bytes()).to_string();
    dir.join("witness-refusals").join(name.get(..16).unwrap_or_default())
}

fn keep(path: &Path, text: &str) {
    let Some(folder) = path.parent() else { return };
    let kept = fs::create_dir_all(folder).and_then(|()| {
        if path.exists() || fs::read_dir(folder)?.count() >= KEPT_MAX {
            return Ok(());
        }
        fs::write(path, text)
    });
    match kept {
        Ok(()) => tracing::error!(file = %path.display(), "request and answer are kept"),
        Err(error) => tracing::error!(%error, file = %path.display(), "request and answer could not be kept"),
    }
}
