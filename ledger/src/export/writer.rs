//! Writing an export, frame by frame.

use std::collections::HashSet;
use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use super::{End, FIRST_LINE, FrameKind, Header};
use crate::command::Command;
use crate::digest::Digest;
use crate::intake::{self, IntakeError};
use crate::record::Record;
use crate::store::{StoreError, StoreReader};

/// Writes frames and counts them.
pub struct ExportWriter<W> {
    out: W,
    all: Sha256,
    documents: u64,
    records: u64,
}

impl<W: Write> ExportWriter<W> {
    /// Begins with the first line, the header and the policy.
    ///
    /// # Errors
    /// Those of writing.
    pub fn new(out: W, header: &Header, policy: &[u8]) -> io::Result<Self> {
        let mut writer = Self { out, all: Sha256::new(), documents: 0, records: 0 };
        writer.put(FIRST_LINE.as_bytes())?;
        writer.frame(FrameKind::Header, &[header.to_string().as_bytes()])?;
        writer.frame(FrameKind::Policy, &[policy])?;
        Ok(writer)
    }

    /// A document.
    ///
    /// # Errors
    /// Those of writing.
    pub fn document(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.documents += 1;
        self.frame(FrameKind::Document, &[bytes])
    }

    /// A record with its envelope.
    ///
    /// # Errors
    /// Those of writing.
    pub fn record(&mut self, record: &Record, envelope: &[u8]) -> io::Result<()> {
        self.records += 1;
        self.frame(FrameKind::Record, &[&record.leaf(), envelope])
    }

    /// A record without its envelope.
    ///
    /// # Errors
    /// Those of writing.
    pub fn leaf(&mut self, record: &Record) -> io::Result<()> {
        self.records += 1;
        self.frame(FrameKind::Leaf, &[&record.leaf()])
    }

    /// The checkpoint and the end; gives what the end says.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(mut self, checkpoint: &str) -> io::Result<End> {
        self.frame(FrameKind::Checkpoint, &[checkpoint.as_bytes()])?;
        let sha256 = Digest(self.all.clone().finalize().into());
        let end = End { documents: self.documents, records: self.records, sha256 };
        self.frame(FrameKind::End, &[end.to_string().as_bytes()])?;
        self.out.flush()?;
        Ok(end)
    }

    fn frame(&mut self, kind: FrameKind, parts: &[&[u8]]) -> io::Result<()> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        self.put(format!("{kind} {length} {}\n", Digest::of_parts(parts)).as_bytes())?;
        parts.iter().try_for_each(|part| self.put(part))?;
        self.put(b"\n")
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.all.update(bytes);
        self.out.write_all(bytes)
    }
}

/// Why an export was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The journal.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A recorded envelope that cannot be read.
    #[error("record {seq}: {error}")]
    Record {
        /// The record.
        seq: u64,
        /// What is wrong.
        error: IntakeError,
    },
    /// The journal ends before the checkpoint does.
    #[error("the checkpoint covers {size} records, at hand are {length}")]
    Short {
        /// Records that the checkpoint covers.
        size: u64,
        /// Records at hand.
        length: u64,
    },
    /// The export could not be written.
    #[error("the export could not be written: {0}")]
    Out(#[from] io::Error),
}

/// Where an export comes from, and how much of it goes in.
pub struct Source<'a> {
    /// Records and documents.
    pub store: &'a dyn StoreReader,
    /// What it is of.
    pub header: &'a Header,
    /// The witness policy in force.
    pub policy: &'a [u8],
    /// The checkpoint's note, of exactly the header's size.
    pub checkpoint: &'a str,
    /// Whose bodies go in; of the others the leaf alone.
    pub records: &'a dyn Fn(&Command) -> bool,
    /// Which documents go in.
    pub documents: &'a dyn Fn(&Digest) -> bool,
    /// Told how many records are done of how many.
    pub progress: Option<&'a dyn Fn(u64, u64)>,
}

/// Writes the export of a store. Memory: a digest for each document.
///
/// # Errors
/// [`WriteError`]; what was written until then has no end and is no export.
pub fn write(source: &Source, out: impl Write) -> Result<End, WriteError> {
    let size = source.header.size;
    let mut writer = ExportWriter::new(out, source.header, source.policy)?;
    let mut written = HashSet::from([Digest::of(source.policy)]);
    let mut next = 0;
    'records: for batch in source.store.batches(0) {
        let batch = batch?;
        for (seq, stored) in (batch.first_seq..).zip(&batch.records) {
            if seq >= size {
                break 'records;
            }
            let taken = intake::take_back(&stored.envelope);
            let command = taken.map_err(|error| WriteError::Record { seq, error })?.command;
            let record = Record::of(seq, stored);
            next = seq + 1;
            if !(source.records)(&command) {
                writer.leaf(&record)?;
                continue;
            }
            for (_, digest) in command.body.documents() {
                if !written.contains(&digest)
                    && (source.documents)(&digest)
                    && let Some(bytes) = source.store.document(&digest)?
                {
                    writer.document(&bytes)?;
                    written.insert(digest);
                }
            }
            writer.record(&record, &stored.envelope)?;
        }
        if let Some(progress) = source.progress {
            progress(next, size);
        }
    }
    if next < size {
        return Err(WriteError::Short { size, length: next });
    }
    Ok(writer.finish(source.checkpoint)?)
}
