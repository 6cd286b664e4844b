//! Frames, one after the other: lengths and digests are checked before a byte of one is used.

use std::io::{BufRead, Read as _};

use sha2::{Digest as _, Sha256};

use super::{DOCUMENT_BYTES_MAX, End, ExportError, FIRST_LINE, FRAME_BYTES_MAX, FrameKind};
use crate::checkpoint::parse_decimal;
use crate::digest::Digest;

/// The longest line before a frame: kind, 20 digits, 64 hex digits, spaces and line feed.
const LINE_MAX: u64 = 10 + 1 + 20 + 1 + 64 + 1;

/// One frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Frame {
    /// What it holds.
    pub kind: FrameKind,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// SHA-256 of them.
    pub digest: Digest,
    /// Where its line begins in the file.
    pub at: u64,
    /// Where its bytes begin in the file.
    pub body_at: u64,
}

/// Reads frames from a stream.
pub struct Frames<R> {
    reader: R,
    at: u64,
    records: u64,
    documents: u64,
    /// Over all bytes so far; `None` where somebody has checked them before.
    all: Option<Sha256>,
}

impl<R: BufRead> Frames<R> {
    /// Reads the first line; then every byte is checked.
    ///
    /// # Errors
    /// [`ExportError::Malformed`] if it is another file; [`ExportError::Cut`], [`ExportError::Io`].
    pub fn new(reader: R) -> Result<Self, ExportError> {
        let mut frames = Self { reader, at: 0, records: 0, documents: 0, all: Some(Sha256::new()) };
        let mut line = Vec::new();
        frames.read_line(&mut line, FIRST_LINE.len() as u64)?;
        if line != FIRST_LINE.as_bytes() {
            if FIRST_LINE.as_bytes().starts_with(&line) {
                frames.at = line.len() as u64;
                return Err(frames.cut("the first line"));
            }
            return Err(frames.malformed("no export of version 1, by its first line"));
        }
        frames.take(&line);
        Ok(frames)
    }

    /// Goes on at a frame's line whose bytes and those after it were checked before.
    #[must_use]
    pub fn checked(reader: R, at: u64) -> Self {
        Self { reader, at, records: 0, documents: 0, all: None }
    }

    /// The next frame; `None` after `end` and at the end of the file.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn read_next(&mut self) -> Result<Option<Frame>, ExportError> {
        let mut line = Vec::new();
        let at = self.at;
        self.read_line(&mut line, LINE_MAX)?;
        if line.is_empty() {
            return Err(self.cut("the end frame"));
        }
        let told = std::str::from_utf8(&line).ok().and_then(|line| line.strip_suffix('\n'));
        let Some((kind, length, digest)) = told.and_then(read_head) else {
            if line.last() != Some(&b'\n') && (line.len() as u64) < LINE_MAX {
                self.at += line.len() as u64;
                return Err(self.cut("the rest of a frame's line"));
            }
            return Err(self.malformed("no frame of version 1 by its line"));
        };
        let most = if kind == FrameKind::Document { DOCUMENT_BYTES_MAX } else { FRAME_BYTES_MAX };
        if length > most {
            return Err(self.malformed("a frame longer than its kind may be"));
        }
        let before = (kind == FrameKind::End).then(|| self.all.clone().map(Sha256::finalize)).flatten();
        self.take(&line);
        self.at += line.len() as u64;
        let body_at = self.at;
        let mut bytes = Vec::new();
        self.read_exact(&mut bytes, length + 1, "the rest of a frame")?;
        if bytes.pop() != Some(b'\n') {
            return Err(self.malformed("a frame is not ended by a line feed where its length says"));
        }
        if self.all.is_some() {
            let got = Digest::of(&bytes);
            if got != digest {
                return Err(self.changed("a frame's SHA-256", digest, got));
            }
        }
        self.take(&bytes);
        self.take(b"\n");
        self.at += length + 1;
        match kind {
            FrameKind::Document => self.documents += 1,
            FrameKind::Record | FrameKind::Leaf => self.records += 1,
            FrameKind::Header | FrameKind::Policy | FrameKind::Checkpoint => {}
            FrameKind::End => self.check_end(&bytes, before.map(|all| Digest(all.into())))?,
        }
        Ok(Some(Frame { kind, bytes, digest, at, body_at }))
    }

    /// Bytes read.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.at
    }

    fn check_end(&mut self, bytes: &[u8], all: Option<Digest>) -> Result<(), ExportError> {
        let end = End::parse(bytes).ok_or_else(|| self.malformed("the end frame says something else"))?;
        let counts = [("records", end.records, self.records), ("documents", end.documents, self.documents)];
        for (what, expected, got) in counts {
            if all.is_some() && expected != got {
                return Err(self.changed(what, expected, got));
            }
        }
        if let Some(got) = all.filter(|all| *all != end.sha256) {
            return Err(self.changed("SHA-256 of all before the end", end.sha256, got));
        }
        let at = self.at;
        let rest = self.reader.fill_buf().map_err(|source| ExportError::Io { at, source })?;
        if rest.is_empty() { Ok(()) } else { Err(self.malformed("bytes after the end frame")) }
    }

    fn take(&mut self, bytes: &[u8]) {
        if let Some(all) = &mut self.all {
            all.update(bytes);
        }
        if self.at == 0 && bytes == FIRST_LINE.as_bytes() {
            self.at = bytes.len() as u64;
        }
    }

    fn read_line(&mut self, line: &mut Vec<u8>, most: u64) -> Result<(), ExportError> {
        let at = self.at;
        let read = self.reader.by_ref().take(most).read_until(b'\n', line);
        read.map(drop).map_err(|source| ExportError::Io { at, source })
    }

    fn read_exact(
        &mut self,
        bytes: &mut Vec<u8>,
        length: u64,
        missing: &'static str,
    ) -> Result<(), ExportError> {
        let at = self.at;
        let read = self.reader.by_ref().take(length).read_to_end(bytes);
        let read = read.map_err(|source| ExportError::Io { at, source })?;
        if read as u64 == length {
            return Ok(());
        }
        self.at += read as u64;
        Err(self.cut(missing))
    }

    fn cut(&self, missing: &'static str) -> ExportError {
        ExportError::Cut { at: self.at, records: self.records, missing }
    }

    fn malformed(&self, reason: &'static str) -> ExportError {
        ExportError::Malformed { at: self.at, records: self.records, reason }
    }

    fn changed(&self, what: &'static str, expected: impl ToString, got: impl ToString) -> ExportError {
        let (expected, got) = (expected.to_string(), got.to_string());
        ExportError::Changed { at: self.at, records: self.records, what, expected, got }
    }
}

fn read_head(line: &str) -> Option<(FrameKind, u64, Digest)> {
    let mut words = line.split(' ');
    let kind = FrameKind::parse(words.next()?)?;
    let length = parse_decimal(words.next()?)?;
    let digest = Digest::parse_hex(words.next()?)?;
    words.next().is_none().then_some((kind, length, digest))
}

/// The leaf and the envelope of a record's frame; a leaf has five lines.
#[must_use]
pub fn split_record(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (end, _) = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(4)?;
    let (leaf, envelope) = bytes.split_at(end + 1);
    Some((std::str::from_utf8(leaf).ok()?, envelope))
}
