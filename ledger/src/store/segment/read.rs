//! The readers' side of the journal: frames by sequence number, each checked as it is read.

use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use super::frame::{Check, Frame, RecordBytes};
use super::layout::{CHAIN_BYTES, FRAME_HEADER_BYTES, FrameHeader, Kept};
use super::map::{At, End, FrameMap};
use super::window::Window;
use super::{damaged, path_of};
use crate::digest::Digest;
use crate::store::documents;
use crate::store::medium::{Access, Medium, failed};
use crate::store::{Batch, StoreError, StoredDocument, StoredRecord};
use crate::time::Timestamp;
use crate::touched::{self, Touched};

/// Bytes read at a time when frames are read in order.
const WALK_STEP: usize = 1 << 20;

/// Bytes read at a time for one frame.
const PROBE_STEP: usize = 4 << 10;

/// Where a document's bytes are: what an index keeps of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum DocumentPlace {
    /// In a frame.
    Frame { segment: u32, offset: u32, bytes: u32 },
    /// In a file named by its digest.
    File { bytes: u64 },
}

/// What an index keeps of one frame.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct FrameEntries {
    pub(crate) first_seq: u64,
    pub(crate) command_ids: Vec<Digest>,
    pub(crate) documents: Vec<(Digest, DocumentPlace)>,
    /// The journal's chain value after the frame.
    pub(crate) chain: Digest,
    /// The recorded time of the first record.
    pub(crate) recorded_at: Timestamp,
    pub(crate) changes: Changes,
}

impl FrameEntries {
    /// Records up to and with the frame.
    pub(crate) fn length(&self) -> u64 {
        self.first_seq + self.command_ids.len() as u64
    }

    /// Each record with what it changed, in order.
    pub(crate) fn touched(&self) -> impl Iterator<Item = (u64, &Touched)> {
        (self.first_seq..).zip(self.changes.touched())
    }

    /// Lets go of what only an index of accounts and times needs.
    pub(crate) fn without_changes(mut self) -> Self {
        self.changes = Changes::default();
        self
    }
}

/// What the records of a frame changed, read only once somebody wants to know: the writer does not.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Changes {
    effects: Vec<Arc<[u8]>>,
    /// Documents of the frame, if the effects of one of its records only count its accounts.
    documents: Vec<StoredDocument>,
    read: OnceLock<Vec<Touched>>,
}

impl Changes {
    /// Of records with these effects, and the frame's documents, which are asked for if needed.
    pub(super) fn new(effects: Vec<Arc<[u8]>>, documents: impl FnOnce() -> Vec<StoredDocument>) -> Self {
        let counted = effects.iter().any(|effects| touched::is_counted(effects));
        let documents = if counted { documents() } else { Vec::new() };
        Self { effects, documents, read: OnceLock::new() }
    }

    /// Bytes held until they are let go.
    pub(crate) fn bytes(&self) -> usize {
        let documents = self.documents.iter().map(|document| document.bytes.len());
        self.effects.iter().map(|effects| effects.len()).chain(documents).sum()
    }

    fn touched(&self) -> &[Touched] {
        let document = |digest: &Digest| {
            self.documents.iter().find(|held| held.digest == *digest).map(|held| &*held.bytes)
        };
        self.read
            .get_or_init(|| self.effects.iter().map(|effects| Touched::read(effects, document)).collect())
    }
}

/// Reads what is durable; shared by all threads.
pub(crate) struct JournalReader {
    medium: Arc<dyn Medium>,
    map: RwLock<FrameMap>,
}

impl JournalReader {
    pub(crate) fn new(medium: Arc<dyn Medium>, map: FrameMap) -> Self {
        Self { medium, map: RwLock::new(map) }
    }

    /// Where the journal ends.
    pub(crate) fn end(&self) -> End {
        self.map().end()
    }

    /// SHA-256 of the ledger's origin: the chain value before the first frame.
    pub(crate) fn origin(&self) -> Digest {
        self.map().origin()
    }

    /// Tells readers what became durable. Only the writer calls this, after the sync.
    pub(super) fn update(&self, change: impl FnOnce(&mut FrameMap)) {
        // A reader cannot panic while it holds the lock and leave half a change: it makes none.
        change(&mut self.map.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn map(&self) -> RwLockReadGuard<'_, FrameMap> {
        self.map.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn medium(&self) -> &Arc<dyn Medium> {
        &self.medium
    }

    /// Frames from the one that holds `seq` on, to the end as it is now.
    pub(crate) fn walk(&self, seq: u64, check: Check) -> Walk<'_> {
        self.walk_to(seq, self.end().length, check)
    }

    /// Frames from the one that holds `seq` on, to the one before that of `until`.
    pub(crate) fn walk_to(&self, seq: u64, until: u64, check: Check) -> Walk<'_> {
        Walk { journal: self, next: seq, until, check, window: None, chain: None }
    }

    /// One record; `None` beyond the end.
    pub(crate) fn record(&self, seq: u64) -> Result<Option<StoredRecord>, StoreError> {
        self.probe(seq, Check::Chain, |record| record.stored())
    }

    /// Whether the record has that id. For asking whether an index is right, so nothing is hashed.
    pub(crate) fn is_command(&self, seq: u64, command_id: &Digest) -> Result<bool, StoreError> {
        let found = self.probe(seq, Check::Header, |record| Some(record.command_id))?;
        Ok(found == Some(*command_id))
    }

    fn probe<T>(
        &self,
        seq: u64,
        check: Check,
        take: impl FnOnce(RecordBytes) -> Option<T>,
    ) -> Result<Option<T>, StoreError> {
        let Some(at) = self.map().locate(seq) else { return Ok(None) };
        let mut window = self.window(at.segment, PROBE_STEP)?;
        let bytes = frame_bytes(&mut window, at)?;
        let frame = Frame::check(bytes, check).map_err(|reason| damaged_at(at, reason))?;
        let taken = frame.record(seq - at.first_seq).and_then(take);
        taken.map(Some).ok_or_else(|| damaged_at(at, "the frame's records are not what its header says"))
    }

    /// A document at a place that an index names. `None` if other bytes are there: the index is
    /// wrong, or the journal is damaged.
    pub(crate) fn document_at(
        &self,
        digest: &Digest,
        place: DocumentPlace,
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        let (segment, offset, bytes) = match place {
            DocumentPlace::File { .. } => return documents::read(&*self.medium, digest).map(Some),
            DocumentPlace::Frame { segment, offset, bytes } => (segment, offset, bytes),
        };
        if self.map().size(segment).is_none_or(|size| u64::from(offset) + u64::from(bytes) > size) {
            return Ok(None);
        }
        let mut window = self.window(segment, 0)?;
        let read = window.get(u64::from(offset), bytes as usize);
        let read = read.map_err(failed("reading", &path_of(segment)))?;
        Ok((Digest::of(read) == *digest).then(|| Arc::from(read)))
    }

    /// A document, looked for in every frame: for when an index is wrong.
    pub(crate) fn find_document(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>, StoreError> {
        let mut walk = self.walk(0, Check::Chain);
        while let Some(entries) = walk.next_entries() {
            if let Some((_, place)) = entries?.documents.iter().find(|(held, _)| held == digest) {
                return match self.document_at(digest, *place)? {
                    Some(bytes) => Ok(Some(bytes)),
                    None => Err(StoreError::Damaged {
                        place: format!("document {digest}"),
                        reason: format!("its bytes no longer have its digest; {}", super::WHAT_TO_DO),
                    }),
                };
            }
        }
        Ok(None)
    }

    /// The chain value after exactly `length` records, if a frame ends there.
    pub(crate) fn chain_after(&self, length: u64) -> Result<Option<Digest>, StoreError> {
        let covering = self.chain_covering(length)?;
        Ok(covering.filter(|(end, _)| *end == length).map(|(_, chain)| chain))
    }

    /// The records up to and with the frame that holds the last of `length` records, and the chain
    /// value after them; `None` beyond the end.
    pub(crate) fn chain_covering(&self, length: u64) -> Result<Option<(u64, Digest)>, StoreError> {
        let Some(last) = length.checked_sub(1) else {
            return Ok(Some((0, self.origin())));
        };
        let Some(at) = self.map().locate(last) else { return Ok(None) };
        let mut window = self.window(at.segment, PROBE_STEP)?;
        let header = header_at(&mut window, at)?;
        let next = header.next_seq().ok_or_else(|| damaged_at(at, "the frame holds no record"))?;
        let stored = window.get(at.offset + header.chain_at() as u64, CHAIN_BYTES);
        let stored = stored.map_err(failed("reading", &path_of(at.segment)))?.try_into();
        Ok(Some((next, Digest(stored.expect("the window gives as much as was asked")))))
    }

    pub(super) fn window(&self, segment: u32, step: usize) -> Result<Window, StoreError> {
        let path = path_of(segment);
        let file = self.medium.open(&path, Access::Read);
        file.and_then(|file| Window::new(file, step)).map_err(failed("opening", &path))
    }
}

fn damaged_at(at: At, reason: &str) -> StoreError {
    damaged(&path_of(at.segment), at.offset, at.first_seq, reason)
}

fn header_at(window: &mut Window, at: At) -> Result<FrameHeader, StoreError> {
    let path = path_of(at.segment);
    let head = window.get(at.offset, FRAME_HEADER_BYTES).map_err(failed("reading", &path))?;
    let header = FrameHeader::decode(head);
    let header = header.ok_or_else(|| damaged_at(at, "the frame header's checksum does not hold"))?;
    if header.first_seq != at.first_seq {
        return Err(damaged_at(at, "the frame holds other records"));
    }
    Ok(header)
}

/// A frame's bytes on disk.
pub(super) fn frame_bytes(window: &mut Window, at: At) -> Result<&[u8], StoreError> {
    let header = header_at(window, at)?;
    window.get(at.offset, header.frame_bytes()).map_err(failed("reading", &path_of(at.segment)))
}

/// Goes through the frames in order and checks that each follows the one before.
pub(crate) struct Walk<'a> {
    journal: &'a JournalReader,
    next: u64,
    until: u64,
    check: Check,
    window: Option<(u32, Window)>,
    chain: Option<Digest>,
}

impl Walk<'_> {
    /// What an index keeps of the next frame. After an error the walk is over.
    pub(crate) fn next_entries(&mut self) -> Option<Result<FrameEntries, StoreError>> {
        self.step(|at, frame| entries(at, frame).map_err(|reason| damaged_at(at, reason)))
    }

    /// The next frame's records without its documents.
    pub(crate) fn next_records(&mut self) -> Option<Result<Batch, StoreError>> {
        self.step(|at, frame| {
            let records = frame.records().map_err(|reason| damaged_at(at, reason))?;
            Ok(Batch { first_seq: frame.header.first_seq, documents: Vec::new(), records })
        })
    }

    /// [`Walk::next_entries`], once the records have been read too.
    pub(super) fn next_surveyed(&mut self) -> Option<Result<FrameEntries, StoreError>> {
        self.step(|at, frame| {
            frame.records().and_then(|_| entries(at, frame)).map_err(|reason| damaged_at(at, reason))
        })
    }

    /// The first record of the next frame.
    pub(super) fn next_seq(&self) -> u64 {
        self.next
    }

    /// The next frame's batch.
    fn next_batch(&mut self) -> Option<Result<Batch, StoreError>> {
        let medium = Arc::clone(&self.journal.medium);
        self.step(|at, frame| {
            let records = frame.records().map_err(|reason| damaged_at(at, reason))?;
            let documents = frame.documents.iter().map(|(entry, range)| match entry.kept {
                Kept::Inline => Ok(frame.inline(entry, range)),
                Kept::File => documents::read_stored(&*medium, &entry.digest),
            });
            let documents = documents.collect::<Result<_, _>>()?;
            Ok(Batch { first_seq: frame.header.first_seq, documents, records })
        })
    }

    fn step<T>(
        &mut self,
        take: impl FnOnce(At, &Frame) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        if self.next >= self.until {
            return None;
        }
        let taken = self.try_step(take);
        if taken.is_err() {
            self.next = self.until;
        }
        Some(taken)
    }

    fn try_step<T>(
        &mut self,
        take: impl FnOnce(At, &Frame) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let at = self.journal.map().locate(self.next).expect("what was durable stays so");
        let window = match &mut self.window {
            Some((segment, window)) if *segment == at.segment => window,
            other => {
                let window = self.journal.window(at.segment, WALK_STEP)?;
                &mut other.insert((at.segment, window)).1
            }
        };
        let bytes = frame_bytes(window, at)?;
        let frame = Frame::check(bytes, self.check).map_err(|reason| damaged_at(at, reason))?;
        if self.chain.is_some_and(|chain| chain != frame.header.previous) {
            return Err(damaged_at(at, "the frame does not follow the one before it"));
        }
        let next = frame.header.next_seq().filter(|next| *next > self.next);
        let next = next.ok_or_else(|| damaged_at(at, "the frame holds no record"))?;
        let taken = take(at, &frame)?;
        self.chain = Some(frame.chain);
        self.next = next;
        Ok(taken)
    }
}

impl Iterator for Walk<'_> {
    type Item = Result<Batch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch()
    }
}

fn entries(at: At, frame: &Frame) -> Result<FrameEntries, &'static str> {
    const BAD: &str = "the frame lies beyond 4 GiB";
    let records = frame.indexed()?;
    let recorded_at = records.first().and_then(|first| first.recorded_at).ok_or("a recorded time is none")?;
    let mut command_ids = Vec::with_capacity(records.len());
    let mut effects = Vec::with_capacity(records.len());
    for record in records {
        command_ids.push(record.command_id);
        effects.push(Arc::from(record.effects));
    }
    let changes = Changes::new(effects, || {
        let inline = frame.documents.iter().filter(|(entry, _)| entry.kept == Kept::Inline);
        inline.map(|(entry, range)| frame.inline(entry, range)).collect()
    });
    let documents = frame.documents.iter().map(|(entry, range)| {
        let place = match entry.kept {
            Kept::File => DocumentPlace::File { bytes: entry.bytes },
            Kept::Inline => DocumentPlace::Frame {
                segment: at.segment,
                offset: u32::try_from(at.offset + range.start as u64).map_err(|_| BAD)?,
                bytes: u32::try_from(range.len()).map_err(|_| BAD)?,
            },
        };
        Ok((entry.digest, place))
    });
    let documents = documents.collect::<Result<_, &'static str>>()?;
    let (first_seq, chain) = (frame.header.first_seq, frame.chain);
    Ok(FrameEntries { first_seq, command_ids, documents, chain, recorded_at, changes })
}
