//! Reads one segment in few, large steps.

use std::io;

use super::layout::is_zero;
use crate::store::medium::MediumFile;

/// A piece of a segment in memory, moved on as reading goes on.
pub(crate) struct Window {
    file: Box<dyn MediumFile>,
    size: u64,
    start: u64,
    bytes: Vec<u8>,
    /// Bytes to read at least, if the file has them.
    step: usize,
}

impl Window {
    pub(crate) fn new(file: Box<dyn MediumFile>, step: usize) -> io::Result<Self> {
        Ok(Self { size: file.size()?, file, start: 0, bytes: Vec::new(), step })
    }

    /// The file's size in bytes when it was opened.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// `count` bytes from `offset` on.
    pub(crate) fn get(&mut self, offset: u64, count: usize) -> io::Result<&[u8]> {
        let held = self.start + self.bytes.len() as u64;
        let end = offset.checked_add(count as u64).filter(|end| *end <= self.size);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        if offset < self.start || end > held {
            let rest = usize::try_from(self.size - offset).unwrap_or(usize::MAX);
            self.bytes.resize(count.max(self.step).min(rest), 0);
            self.start = offset;
            if let Err(error) = self.file.read_at(offset, &mut self.bytes) {
                self.bytes.clear();
                return Err(error);
            }
        }
        let from = usize::try_from(offset - self.start).map_err(io::Error::other)?;
        Ok(&self.bytes[from..from + count])
    }

    /// The first byte from `offset` on that is not zero, and the one after the last.
    pub(crate) fn nonzero(&mut self, offset: u64) -> io::Result<Option<(u64, u64)>> {
        let (mut at, mut found) = (offset, None);
        while at < self.size {
            let count = usize::try_from(self.size - at).unwrap_or(usize::MAX).min(1 << 20);
            let chunk = self.get(at, count)?;
            if !is_zero(chunk) {
                let first = chunk.iter().position(|byte| *byte != 0).unwrap_or(0) as u64;
                let last = chunk.iter().rposition(|byte| *byte != 0).unwrap_or(0) as u64;
                found = Some((found.map_or(at + first, |(from, _)| from), at + last + 1));
            }
            at += count as u64;
        }
        Ok(found)
    }
}
