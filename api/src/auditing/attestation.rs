//! The auditor's cosignature: made only over an export that was proven good, replay included.

use std::path::Path;

use ledger::cosignature::Cosigner;
use ledger::digest::Digest;
use ledger::export::{ExportError, ExportFile};
use ledger::json::Json;
use ledger::key::SecretKey;
use ledger::note::{KeyName, Note, NoteError};
use ledger::time::Timestamp;
use ledger::verify::{CheckId, CheckResult, Options, Report, Verdict, export};

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum AttestingError {
    /// The auditor's name is no key's.
    #[error(transparent)]
    Name(#[from] NoteError),
    /// The verification did not give good, or not of everything: the report says why.
    #[error("nothing is signed: the verification gave {}, and an attestation is of a replay of everything", report.verdict())]
    NotGood {
        /// What it gave.
        report: Box<Report>,
    },
    /// The export could not be read again.
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// What an auditor says, ready for `attestation.put`.
#[derive(Clone, Debug)]
pub struct Attestation {
    /// The key that others know the auditor by.
    pub vkey: String,
    /// The body of the command.
    pub body: Json,
    /// The report that the body names: upload it with the command.
    pub report: Vec<u8>,
}

/// The name of an auditor's key.
///
/// # Errors
/// [`NoteError`] for a name with a space or a plus sign.
pub fn key_name(auditor: &str) -> Result<KeyName, NoteError> {
    KeyName::new(&format!("{auditor}/pledger-replay"))
}

/// Verifies the export and, only if that gave good with every body at hand, signs its checkpoint.
///
/// # Errors
/// [`AttestingError`]: then nothing was signed.
pub fn attest(
    file: &Path,
    auditor: &str,
    key: &SecretKey,
    id: &str,
    options: &Options,
    now: Timestamp,
) -> Result<Attestation, AttestingError> {
    let name = key_name(auditor)?;
    let report = export(file, options);
    let replayed = report.check(CheckId::Replay).is_some_and(|check| check.result == CheckResult::Pass);
    let Some(head) = report.head.filter(|_| replayed && report.verdict() == Verdict::Good) else {
        return Err(AttestingError::NotGood { report: Box::new(report) });
    };
    let scanned = ExportFile::scan(file, &mut |_| {})?;
    let note = Note::parse(scanned.checkpoint())?;
    let cosigner = Cosigner::new(name, &key.seed());
    let line = cosigner.cosign(note.text(), now.millis() / 1_000).to_string();
    let told = format!("{}\n", report.to_json()).into_bytes();
    let body = [
        ("attestation", id.to_owned()),
        ("line", line.trim_end().to_owned()),
        ("report", Digest::of(&told).tagged()),
        ("root", head.root.to_string()),
        ("size", head.size.to_string()),
        ("statement", statement(head.size)),
    ];
    let body = Json::object(body.map(|(name, text)| (name, Json::text(text))));
    Ok(Attestation { vkey: cosigner.verifier().to_string(), body, report: told })
}

/// What the line means, in at most 256 characters. Source: audit specification §17.
fn statement(size: u64) -> String {
    format!(
        "I replayed records 0 to {} of this origin, all bodies and documents, with pledger {}: every \
         signature was good at its sequence, every rule and invariant held, each seal and margin \
         statement came out the same, and this was the root.",
        size.saturating_sub(1),
        env!("CARGO_PKG_VERSION")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_statement_fits_a_command_at_any_size() {
        assert!(statement(u64::MAX).chars().count() <= 256, "{}", statement(u64::MAX).chars().count());
        assert!(statement(1).contains("records 0 to 0 "));
    }
}
