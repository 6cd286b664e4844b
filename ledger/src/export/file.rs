//! An export in a file: looked through once, then read as a store is read.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frames::{Frame, Frames, split_record};
use super::{ExportError, FrameKind, Header, Scope};
use crate::digest::Digest;
use crate::record::Record;
use crate::store::{Batch, StoreError, StoreReader, StoredRecord, StoredSnapshot};

/// Records from one kept place to the next.
const STRIDE: u64 = 256;

/// Bytes read at once.
const BUFFER: usize = 1 << 20;

/// An export whose frames, digests and counts hold.
///
/// Memory: a place for each document and for each 256th record.
pub struct ExportFile {
    path: PathBuf,
    header: Header,
    policy: Arc<[u8]>,
    checkpoint: String,
    documents: HashMap<Digest, (u64, u64)>,
    places: Vec<u64>,
    records: u64,
}

/// Which frame may come next.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Part {
    Header,
    Policy,
    Records,
    End,
}

impl ExportFile {
    /// Looks through a file to its end. `look` is given each record's or leaf's frame, in order.
    ///
    /// # Errors
    /// [`ExportError`]: the first frame that does not hold.
    pub fn scan(path: &Path, look: &mut dyn FnMut(&Frame)) -> Result<Self, ExportError> {
        let file = File::open(path).map_err(|source| ExportError::Io { at: 0, source })?;
        let mut frames = Frames::new(BufReader::with_capacity(BUFFER, file))?;
        let (mut header, mut policy, mut checkpoint) = (None, None, None);
        let (mut documents, mut places, mut records) = (HashMap::new(), Vec::new(), 0_u64);
        let mut part = Part::Header;
        while let Some(frame) = frames.read_next()? {
            let malformed = |reason| ExportError::Malformed { at: frame.at, records, reason };
            part = match (part, frame.kind) {
                (Part::Header, FrameKind::Header) => {
                    let read = Header::parse(&frame.bytes);
                    header = Some(read.ok_or(malformed("the header says something else"))?);
                    Part::Policy
                }
                (Part::Policy, FrameKind::Policy) => {
                    policy = Some(frame);
                    Part::Records
                }
                (Part::Records, FrameKind::Document) => {
                    documents.insert(frame.digest, (frame.body_at, frame.bytes.len() as u64));
                    Part::Records
                }
                (Part::Records, FrameKind::Record | FrameKind::Leaf) => {
                    if records.is_multiple_of(STRIDE) {
                        places.push(frame.at);
                    }
                    records += 1;
                    look(&frame);
                    Part::Records
                }
                (Part::Records, FrameKind::Checkpoint) => {
                    let text = String::from_utf8(frame.bytes.clone());
                    checkpoint = Some(text.map_err(|_| malformed("the checkpoint is not UTF-8"))?);
                    Part::End
                }
                (Part::End, FrameKind::End) => break,
                _ => return Err(malformed("a frame that does not belong here")),
            };
        }
        let missing = |missing| ExportError::Cut { at: frames.at(), records, missing };
        let header = header.ok_or(missing("the header"))?;
        let policy = policy.ok_or(missing("the policy"))?;
        let checkpoint = checkpoint.ok_or(missing("the checkpoint"))?;
        if header.size != records {
            let (expected, got) = (header.size.to_string(), records.to_string());
            return Err(ExportError::Changed {
                at: 0,
                records,
                what: "the number of records",
                expected,
                got,
            });
        }
        documents.insert(policy.digest, (policy.body_at, policy.bytes.len() as u64));
        let policy = policy.bytes.into();
        Ok(Self { path: path.to_owned(), header, policy, checkpoint, documents, places, records })
    }

    /// What it is of.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The witness policy in force at its size.
    #[must_use]
    pub fn policy(&self) -> &[u8] {
        &self.policy
    }

    /// The checkpoint's note.
    #[must_use]
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }

    /// Documents in it, the policy counted in.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.documents.len() as u64
    }

    /// Whether every record has its body.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.header.scope == Scope::Full
    }

    /// The frames of records and leaves from a record on.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub(crate) fn frames_from(
        &self,
        seq: u64,
    ) -> Result<impl Iterator<Item = Result<Frame, StoreError>> + use<>, StoreError> {
        let place = usize::try_from(seq / STRIDE).ok().and_then(|place| self.places.get(place));
        let shown = self.path.display().to_string();
        let failed = |source| StoreError::Io { context: format!("reading {shown}"), source };
        let mut file = File::open(&self.path).map_err(&failed)?;
        let at = place.copied().unwrap_or(u64::MAX);
        file.seek(SeekFrom::Start(at.min(i64::MAX.unsigned_abs()))).map_err(&failed)?;
        let mut frames = Frames::checked(BufReader::with_capacity(BUFFER, file), at);
        let mut next = seq - seq % STRIDE;
        let end = if place.is_some() { self.records } else { 0 };
        Ok(std::iter::from_fn(move || {
            while next < end {
                let frame = match frames.read_next() {
                    Ok(Some(frame)) => frame,
                    Ok(None) => return None,
                    Err(error) => {
                        next = end;
                        let reason = error.to_string();
                        return Some(Err(StoreError::Damaged { place: shown.clone(), reason }));
                    }
                };
                match frame.kind {
                    FrameKind::Record | FrameKind::Leaf => {
                        next += 1;
                        if next > seq {
                            return Some(Ok(frame));
                        }
                    }
                    FrameKind::Header
                    | FrameKind::Policy
                    | FrameKind::Document
                    | FrameKind::Checkpoint
                    | FrameKind::End => {}
                }
            }
            None
        }))
    }

    fn damaged(&self, reason: &str) -> StoreError {
        StoreError::Damaged { place: self.path.display().to_string(), reason: reason.to_owned() }
    }
}

/// A record's frame as a store keeps it, without effects: an export does not hold them.
pub(crate) fn stored(frame: &Frame) -> Option<StoredRecord> {
    let (leaf, envelope) = split_record(&frame.bytes)?;
    let record = Record::parse(leaf)?;
    Some(StoredRecord {
        recorded_at: record.recorded_at,
        command_id: record.command_id,
        envelope: envelope.into(),
        effects: [].into(),
    })
}

/// What replay asks of it. Bodies outside the scope are not there.
impl StoreReader for ExportFile {
    fn length(&self) -> u64 {
        self.records
    }

    fn batches(&self, seq: u64) -> Box<dyn Iterator<Item = Result<Batch, StoreError>> + '_> {
        let mut frames = match self.frames_from(seq) {
            Ok(frames) => frames,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        let mut first_seq = seq;
        Box::new(std::iter::from_fn(move || {
            let frame = frames.next()?;
            Some(frame.and_then(|frame| {
                let record = stored(&frame).ok_or_else(|| self.damaged("a record without a body"))?;
                let batch = Batch { first_seq, documents: Vec::new(), records: vec![record] };
                first_seq += 1;
                Ok(batch)
            }))
        }))
    }

    fn record(&self, seq: u64) -> Result<Option<StoredRecord>, StoreError> {
        let frame = self.frames_from(seq)?.next().transpose()?;
        Ok(frame.as_ref().and_then(stored))
    }

    fn document(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>, StoreError> {
        let Some((at, length)) = self.documents.get(digest) else { return Ok(None) };
        let shown = self.path.display();
        let failed = |source| StoreError::Io { context: format!("reading {shown}"), source };
        let mut file = File::open(&self.path).map_err(failed)?;
        file.seek(SeekFrom::Start(*at)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(*length).read_to_end(&mut bytes).map_err(failed)?;
        if Digest::of(&bytes) == *digest {
            Ok(Some(bytes.into()))
        } else {
            Err(self.damaged("a document changed while it was read"))
        }
    }

    fn seq_of_command(&self, command_id: &Digest) -> Result<Option<u64>, StoreError> {
        for (seq, frame) in (0..).zip(self.frames_from(0)?) {
            if stored(&frame?).is_some_and(|stored| stored.command_id == *command_id) {
                return Ok(Some(seq));
            }
        }
        Ok(None)
    }

    fn snapshot(&self) -> Result<Option<StoredSnapshot>, StoreError> {
        Ok(None)
    }
}
