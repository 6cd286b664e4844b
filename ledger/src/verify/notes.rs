//! Checkpoints that a ledger kept, and older ones that others kept, against the rebuilt tree.

use std::io::{self, BufRead};

use super::report::{CheckId, Finding};
use super::tally::Tallies;
use crate::checkpoint::{Checkpoint, parse_decimal, parse_hash};
use crate::digest::Digest;
use crate::merkle::TreeHead;
use crate::note::{Note, NoteError, SignatureLine, VerifierKey};

/// What to do about a checkpoint that is not what the log signed.
pub(super) const RESTORE: &str =
    "compare with the notes that witnesses and clients keep; restore the file from a copy";

/// What a text is said to be.
#[derive(Clone, Copy)]
pub(super) enum Keeper {
    /// The ledger itself: each of its notes was signed by its own key, in our form.
    Ledger,
    /// Someone else.
    Other,
}

/// A checkpoint that the log signed.
#[derive(Clone, Debug)]
pub(super) struct Signed {
    /// Where it was found.
    pub(super) name: String,
    pub(super) head: TreeHead,
    /// The note's text, for its digest and its cosignatures.
    pub(super) note: String,
}

/// Reads a note and checks its form, and a signature by one of the log's keys, whose name is the origin;
/// `None` once that is told, or where no key is known.
pub(super) fn judge(
    name: &str,
    bytes: &[u8],
    keeper: Keeper,
    keys: &[VerifierKey],
    found: &mut Tallies,
) -> Option<Signed> {
    let key = keys.first()?;
    found.count(CheckId::CheckpointForm, 1);
    let text = std::str::from_utf8(bytes).ok();
    let note = text.ok_or(NoteError::Malformed { reason: "not UTF-8" }).and_then(Note::parse);
    let note = match note {
        Ok(note) => note,
        Err(error) => {
            let finding = Finding::new(format!("{name}: {error}")).help(RESTORE);
            match keeper {
                Keeper::Ledger if !is_cut_short(bytes, key.name().as_str()) => {
                    found.fail(CheckId::CheckpointForm, finding);
                }
                Keeper::Ledger | Keeper::Other => found.undecided(CheckId::CheckpointForm, finding),
            }
            return None;
        }
    };
    found.count(CheckId::LogSignature, 1);
    let checkpoint = Checkpoint::parse(note.text());
    let last = checkpoint.as_ref().ok().and_then(|checkpoint| checkpoint.head().size.checked_sub(1));
    let at = |reason: String| Finding { first_seq: last, ..Finding::new(reason) }.help(RESTORE);
    if let Err(error) = note.verify(keys) {
        let finding =
            at(format!("{name}: {error}")).with(format!("a signature by {key}"), "none that is good");
        match (&error, keeper) {
            (NoteError::NoKnownSigner, Keeper::Other) => found.undecided(CheckId::LogSignature, finding),
            (NoteError::BadSignature { .. }, _)
            | (NoteError::NoKnownSigner, Keeper::Ledger)
            | (NoteError::Malformed { .. } | NoteError::Key { .. }, _) => {
                found.fail(CheckId::LogSignature, finding);
            }
        }
        return None;
    }
    let origin = key.name().as_str();
    match checkpoint {
        Err(error) => found.fail(CheckId::CheckpointForm, at(format!("{name}: {error}"))),
        Ok(checkpoint) if checkpoint.origin() != origin => {
            let finding = at(format!("{name} is of another log")).with(origin, checkpoint.origin());
            found.fail(CheckId::CheckpointForm, finding);
        }
        Ok(checkpoint) if matches!(keeper, Keeper::Ledger) && checkpoint.to_string() != note.text() => {
            found.fail(CheckId::CheckpointForm, at(format!("{name} has lines that a ledger does not write")));
        }
        Ok(checkpoint) => {
            return Some(Signed { name: name.to_owned(), head: checkpoint.head(), note: note.to_string() });
        }
    }
    None
}

/// Judges what [`KeptNotes`] gave: a note and the empty line after it.
pub(super) fn judge_kept(bytes: &[u8], keys: &[VerifierKey], found: &mut Tallies) -> Option<Signed> {
    let key = keys.first()?;
    let size = bytes.split(|byte| *byte == b'\n').nth(1).map(String::from_utf8_lossy);
    let name = format!("log/checkpoints, size {}", size.unwrap_or_default());
    let Some(note) = bytes.strip_suffix(b"\n").filter(|note| note.ends_with(b"\n")) else {
        found.count(CheckId::CheckpointForm, 1);
        let finding = Finding::new(format!("{name}: the note is not ended by an empty line")).help(RESTORE);
        if is_cut_short(bytes, key.name().as_str()) {
            found.undecided(CheckId::CheckpointForm, finding);
        } else {
            found.fail(CheckId::CheckpointForm, finding);
        }
        return None;
    };
    judge(&name, note, Keeper::Ledger, keys, found)
}

impl Signed {
    /// Digest of the whole note.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(self.note.as_bytes())
    }

    /// Compares with the rebuilt tree, which is of the same size.
    pub(super) fn compare(&self, rebuilt: &TreeHead, id: CheckId, found: &mut Tallies) {
        found.count(id, 1);
        if self.head.root != rebuilt.root {
            let size = self.head.size;
            let reason = format!("{}: the log signed another root for {size} records", self.name);
            let finding = Finding { first_seq: size.checked_sub(1), ..Finding::new(reason) };
            let finding = finding.with(self.head.root, rebuilt.root);
            found.fail(id, finding.help("keep both: two histories of one log are fork evidence"));
        }
    }
}

/// Whether the bytes are the beginning of a note, and nothing else: what a crash or a cut leaves.
fn is_cut_short(bytes: &[u8], origin: &str) -> bool {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (whole, rest) = bytes.split_at(end);
    let Ok(whole) = std::str::from_utf8(whole) else { return false };
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let fits = lines.iter().enumerate().all(|(place, line)| {
        let content = line.trim_end_matches('\n');
        match place {
            0 => content == origin,
            1 => parse_decimal(content).is_some(),
            2 => parse_hash(content).is_some(),
            3 => content.is_empty(),
            _ => SignatureLine::parse(line).is_ok(),
        }
    });
    let begins = match lines.len() {
        0 => origin.as_bytes().starts_with(rest),
        1 => rest.iter().all(u8::is_ascii_digit),
        2 => rest.len() <= 44 && rest.iter().all(u8::is_ascii_graphic),
        3 => rest.is_empty(),
        _ => begins_signature(rest),
    };
    fits && begins
}

/// Whether the bytes are the beginning of a signature line, its line feed left out.
fn begins_signature(rest: &[u8]) -> bool {
    let dash = "— ".as_bytes();
    let Some(line) = rest.strip_prefix(dash) else { return dash.starts_with(rest) };
    let blob = line.iter().position(|byte| *byte == b' ').map_or(&[][..], |space| &line[space + 1..]);
    let end = blob.iter().rposition(|byte| *byte != b'=').map_or(0, |at| at + 1);
    blob[..end].iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
}

/// The notes of the file `checkpoints`, one after the other, in memory of one note.
pub(super) struct KeptNotes<R> {
    lines: R,
    origin_line: Vec<u8>,
    next: Vec<u8>,
}

impl<R: BufRead> KeptNotes<R> {
    pub(super) fn new(lines: R, origin: &str) -> Self {
        Self { lines, origin_line: format!("{origin}\n").into_bytes(), next: Vec::new() }
    }

    /// The next note with the empty line after it, or whatever stands in its place.
    ///
    /// A note begins at the start, and where the origin follows an empty line.
    pub(super) fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut note = std::mem::take(&mut self.next);
        loop {
            let mut line = Vec::new();
            if self.lines.read_until(b'\n', &mut line)? == 0 {
                return Ok((!note.is_empty()).then_some(note));
            }
            // Only the file's last line can be without its line feed.
            if self.origin_line.starts_with(&line) && note.ends_with(b"\n\n") {
                self.next = line;
                return Ok(Some(note));
            }
            note.extend_from_slice(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::SignedCheckpoint;
    use crate::merkle::root_of;
    use crate::note::{KeyName, LogSigner};
    use crate::verify::report::CheckResult;

    const ORIGIN: &str = "ledger.example/n";

    fn kept(sizes: std::ops::Range<u64>) -> (LogSigner, Vec<u8>) {
        let signer = LogSigner::new(KeyName::new(ORIGIN).unwrap(), &[9; 32]);
        let file: String = sizes
            .map(|size| {
                let head = TreeHead { size, root: root_of([Digest::of(&size.to_be_bytes())]) };
                format!("{}\n", SignedCheckpoint::sign(ORIGIN, [&signer], head).unwrap())
            })
            .collect();
        (signer, file.into_bytes())
    }

    fn read(file: &[u8], key: &VerifierKey) -> (Vec<u64>, Vec<CheckResult>) {
        let (mut notes, mut found, mut sizes) = (KeptNotes::new(file, ORIGIN), Tallies::default(), vec![]);
        while let Some(bytes) = notes.next().unwrap() {
            let signed = judge_kept(&bytes, std::slice::from_ref(key), &mut found);
            sizes.extend(signed.map(|signed| signed.head.size));
        }
        let checks = found.finish("elsewhere");
        let of = |id| checks.iter().find(|check| check.id == id).unwrap().result;
        (sizes, vec![of(CheckId::CheckpointForm), of(CheckId::LogSignature)])
    }

    #[test]
    fn every_flipped_byte_is_a_contradiction_and_every_cut_is_not() {
        let (signer, file) = kept(1..4);
        let key = signer.verifier();
        assert_eq!(read(&file, key), (vec![1, 2, 3], vec![CheckResult::Pass; 2]));
        for at in 0..file.len() {
            for flip in [0x01, 0x20, 0x80] {
                let mut bytes = file.clone();
                bytes[at] ^= flip;
                let (_, results) = read(&bytes, key);
                assert!(results.contains(&CheckResult::Fail), "{at} {flip:#x} {results:?}");
            }
            let (sizes, results) = read(&file[..at], key);
            assert!(!results.contains(&CheckResult::Fail), "cut at {at}: {results:?}");
            assert!(sizes.len() < 3);
        }
    }
}
