//! The file `checkpoints`: every checkpoint that was ever published, oldest first.
//!
//! Each is the note as it was published, followed by an empty line, so that the file can be read by
//! people and by any program that reads notes. Sizes rise from note to note. What a crash tore off
//! the end is cut at open; it is published again, byte for byte, with the same size.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::note::{KeyName, Note, VerifierKey};

use super::LogError;

/// Bytes from the end within which the last note must be; a note of ours has some 300.
const TAIL: u64 = 64 << 10;

/// Bytes read at each step of a search: more than two notes.
const STEP: u64 = 16 << 10;

/// The writer's side.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    file: File,
}

impl Kept {
    /// Opens or makes the file, cuts off a torn tail and gives the last note, which one of the keys
    /// must have signed.
    pub(super) fn open(
        path: PathBuf,
        origin: &KeyName,
        keys: &[VerifierKey],
    ) -> Result<(Self, Option<SignedCheckpoint>), LogError> {
        let failed = LogError::io("open", &path);
        let file = OpenOptions::new().create(true).append(true).read(true).open(&path).map_err(failed)?;
        let length = file.metadata().map_err(LogError::io("look at", &path))?.len();
        let start = length.saturating_sub(TAIL);
        let bytes = read_at(&path, start, TAIL)?;
        let Some((end, note)) = last_note(&bytes) else {
            if start > 0 {
                let reason = "no note at its end".to_owned();
                return Err(LogError::Damaged { file: path.display().to_string(), reason });
            }
            file.set_len(0).map_err(LogError::io("cut", &path))?;
            return Ok((Self { path, file }, None));
        };
        if start + end < length {
            tracing::warn!(file = %path.display(), bytes = length - start - end, "cut off a torn checkpoint");
            file.set_len(start + end).map_err(LogError::io("cut", &path))?;
        }
        let last = SignedCheckpoint::open(&note.to_string(), origin.as_str(), keys);
        let last = last.map_err(|error: CheckpointError| LogError::Damaged {
            file: path.display().to_string(),
            reason: format!("its last note: {error}"),
        })?;
        Ok((Self { path, file }, Some(last)))
    }

    /// Adds a note.
    pub(super) fn append(&mut self, checkpoint: &SignedCheckpoint) -> Result<(), LogError> {
        let entry = format!("{checkpoint}\n");
        self.file.write_all(entry.as_bytes()).map_err(LogError::io("write", &self.path))
    }
}

/// The last whole note in the bytes, and where it ends with its empty line.
fn last_note(bytes: &[u8]) -> Option<(u64, Note)> {
    let mut ends: Vec<usize> = empty_lines(bytes).collect();
    // A note is a text, an empty line, signature lines, an empty line; the text starts after the
    // empty line of the note before it, or at the start of the file.
    while let Some(end) = ends.pop() {
        let starts = match ends[..] {
            [.., before, _middle] => Some(before + 2),
            [_middle] => Some(0),
            [] => None,
        };
        let note = starts.and_then(|start| Note::parse(std::str::from_utf8(&bytes[start..=end]).ok()?).ok());
        if let Some(note) = note {
            return Some((u64::try_from(end + 2).ok()?, note));
        }
    }
    None
}

/// Where the line before each empty line ends.
fn empty_lines(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes.windows(2).enumerate().filter(|(_, pair)| pair == b"\n\n").map(|(at, _)| at)
}

/// The note published for exactly that size, found by bisection.
pub(super) fn find(path: &Path, origin: &KeyName, size: u64) -> Result<Option<Note>, LogError> {
    let length = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LogError::io("look at", path)(error)),
    };
    let boundary = format!("\n\n{origin}\n");
    // A note starts at `low`, not larger than what is sought; no boundary at or after `high` is
    // followed by one that is not too large.
    let (mut low, mut high) = (0, length);
    while low < high {
        let middle = low + (high - low) / 2;
        let bytes = read_at(path, middle, STEP)?;
        let found = bytes.windows(boundary.len()).position(|window| window == boundary.as_bytes());
        let next = found.and_then(|at| Some((u64::try_from(at).ok()? + middle, size_of(&bytes[at + 2..])?)));
        match next {
            Some((at, found)) if at < high && found <= size => low = at + 2,
            Some(_) | None => high = middle,
        }
    }
    let bytes = read_at(path, low, STEP)?;
    if size_of(&bytes) != Some(size) {
        return Ok(None);
    }
    let end = empty_lines(&bytes).nth(1);
    let note = end.and_then(|end| Note::parse(std::str::from_utf8(&bytes[..=end]).ok()?).ok());
    let reason = "a note in it cannot be read".to_owned();
    note.map(Some).ok_or(LogError::Damaged { file: path.display().to_string(), reason })
}

/// The size on the second line.
fn size_of(note: &[u8]) -> Option<u64> {
    let line = note.split(|byte| *byte == b'\n').nth(1)?;
    crate::checkpoint::parse_decimal(std::str::from_utf8(line).ok()?)
}

fn read_at(path: &Path, offset: u64, length: u64) -> Result<Vec<u8>, LogError> {
    let read = || {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    read().map_err(LogError::io("read", path))
}
