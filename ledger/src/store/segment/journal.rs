//! The one writer of the journal.

use std::sync::Arc;

use super::frame::{Plan, encode};
use super::layout::{Kept, SECTOR, SegmentHeader};
use super::map::FrameMap;
use super::mark::{self, MarkReport, Marker};
use super::read::{Changes, DocumentPlace, FrameEntries, JournalReader, frame_bytes};
use super::scan::scan;
use super::spare::{self, Filling, Spare, Spares};
use super::tail::{self, TornTail};
use super::{DIR, WHAT_TO_DO, path_of};
use crate::digest::Digest;
use crate::fault::{Fault, is_planted};
use crate::store::documents;
use crate::store::medium::{Access, Medium, MediumFile, failed, is_full, write_whole};
use crate::store::{Batch, StoreError, StoredDocument};
use crate::time::Timestamp;

/// Where what was cut off is kept.
pub(crate) const QUARANTINE_DIR: &str = "quarantine";

/// How a journal is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JournalOptions {
    /// Size of a new segment in bytes; a larger frame gets a larger segment.
    pub(crate) segment_bytes: u32,
    /// Who fills the next segment.
    pub(crate) filling: Filling,
    /// Records known to be durable from elsewhere: a shorter journal is refused.
    pub(crate) least_length: u64,
}

/// What opening a journal found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TailReport {
    /// Durable records.
    pub length: u64,
    /// Chain value after them.
    pub chain: Digest,
    /// Segments.
    pub segments: u32,
    /// Frames.
    pub frames: u64,
    /// What a crash left of a frame that was never acknowledged.
    pub torn: Option<TornTail>,
    /// What the mark of acknowledged frames says.
    pub mark: MarkReport,
}

/// Appends frames. After a failure other than a want of room it refuses for ever.
pub(crate) struct Journal {
    reader: Arc<JournalReader>,
    spares: Spares,
    current: Box<dyn MediumFile>,
    segment_bytes: u32,
    buffer: Vec<u8>,
    broken: Option<String>,
}

/// Reads a journal as it is and changes nothing.
pub(crate) fn open_read_only(
    medium: Arc<dyn Medium>,
    origin: Digest,
) -> Result<(Arc<JournalReader>, TailReport), StoreError> {
    let (reader, report, _) = inspect(medium, origin, 0)?;
    Ok((reader, report))
}

fn inspect(
    medium: Arc<dyn Medium>,
    origin: Digest,
    least_length: u64,
) -> Result<(Arc<JournalReader>, TailReport, u64), StoreError> {
    let map = scan(&medium, origin)?;
    let reader = Arc::new(JournalReader::new(Arc::clone(&medium), map));
    let torn = tail::inspect(&reader)?;
    let (mark, turn) = mark::compare(&*medium, &reader)?;
    let end = reader.end();
    if end.length < least_length {
        return Err(StoreError::Damaged {
            place: format!("journal: ends before record {}", end.length),
            reason: format!("{least_length} records were known to be durable; {WHAT_TO_DO}"),
        });
    }
    let report = {
        let map = reader.map();
        let (segments, frames) = (map.segments(), map.frames());
        TailReport { length: end.length, chain: end.chain, segments, frames, torn, mark }
    };
    Ok((reader, report, turn))
}

impl Journal {
    /// Makes the first segment of an empty journal.
    pub(crate) fn create(medium: &dyn Medium, origin: Digest, segment_bytes: u32) -> Result<(), StoreError> {
        for dir in [DIR, documents::DIR, QUARANTINE_DIR] {
            medium.create_dir(dir).map_err(failed("making", dir))?;
        }
        mark::create(medium).map_err(full_or_failed("making the mark in", DIR))?;
        let spare = spare::fill(medium, u64::from(segment_bytes).max(SECTOR as u64));
        let spare = spare.map_err(full_or_failed("making a segment in", DIR))?;
        name_segment(medium, &spare, &FrameMap::new(origin))
    }

    /// Opens the journal to append to it. A torn tail is kept aside, then cut off.
    pub(crate) fn open(
        medium: &Arc<dyn Medium>,
        origin: Digest,
        options: JournalOptions,
    ) -> Result<(Self, Marker, TailReport), StoreError> {
        let (reader, mut report, turn) = inspect(Arc::clone(medium), origin, options.least_length)?;
        let path = path_of(reader.end().segment);
        let current = medium.open(&path, Access::Write).map_err(failed("opening", &path))?;
        if let Some(torn) = &mut report.torn {
            torn.kept_as = cut(&**medium, &*current, torn)?;
            let TornTail { file, offset, bytes, first_seq, .. } = &torn;
            tracing::warn!(file, offset, bytes, first_seq, "cut off a frame that was never acknowledged");
        }
        if report.mark.length < report.length {
            rewrite_last(&reader, &*current)?;
        }
        current.sync().map_err(failed("syncing", &path))?;
        medium.sync_dir(DIR).map_err(failed("syncing", DIR))?;
        let marker = Marker::open(&**medium, Arc::clone(&reader), turn, report.mark.length);
        let marker = marker.map_err(failed("opening the mark in", DIR))?;

        let names = medium.list(DIR).map_err(failed("listing", DIR))?;
        if names.iter().any(|name| name == spare::NAME) {
            medium.remove(&spare::path()).map_err(failed("removing", &spare::path()))?;
        }
        let spares = Spares::new(Arc::clone(medium), options.filling).map_err(failed("filling", DIR))?;
        spares.ask(u64::from(options.segment_bytes));
        let segment_bytes = options.segment_bytes;
        let journal = Self { reader, spares, current, segment_bytes, buffer: Vec::new(), broken: None };
        Ok((journal, marker, report))
    }

    pub(crate) fn reader(&self) -> Arc<JournalReader> {
        Arc::clone(&self.reader)
    }

    /// Appends the batch as one frame: one write, one sync.
    pub(crate) fn append(&mut self, batch: &Batch) -> Result<FrameEntries, StoreError> {
        if let Some(cause) = &self.broken {
            let context = "appending after an earlier failure; the process has to stop".into();
            return Err(StoreError::Io { context, source: std::io::Error::other(cause.clone()) });
        }
        let length = self.reader.end().length;
        if batch.first_seq != length {
            return Err(StoreError::NotTheEnd { expected: batch.first_seq, length });
        }
        let appended = self.write(batch);
        if let Err(error) = &appended
            && !matches!(error, StoreError::Full)
        {
            self.broken = Some(error.to_string());
        }
        appended
    }

    fn write(&mut self, batch: &Batch) -> Result<FrameEntries, StoreError> {
        let plan = Plan::of(batch);
        let end = self.reader.end();
        let size = self.reader.map().size(end.segment).expect("the end lies in a segment");
        if size - end.offset < plan.frame_bytes() as u64 {
            self.rotate(plan.frame_bytes())?;
        }
        let medium = self.reader.medium();
        for (document, entry) in batch.documents.iter().zip(plan.entries()) {
            match entry.kept {
                Kept::Inline => {}
                Kept::File => documents::write(&**medium, document)
                    .map_err(full_or_failed("writing a document in", documents::DIR))?,
            }
        }

        let end = self.reader.end();
        let path = path_of(end.segment);
        let chain = encode(batch, &plan, end.chain, &mut self.buffer);
        self.current.write_at(end.offset, &self.buffer).map_err(failed("writing", &path))?;
        // The one durability point: nobody sees the frame before it.
        if !is_planted(Fault::SyncSkipped) {
            self.current.sync().map_err(failed("syncing", &path))?;
        }

        let next = batch.first_seq + batch.records.len() as u64;
        self.reader.update(|map| map.push_frame(plan.frame_bytes(), next, chain));
        let command_ids = batch.records.iter().map(|record| record.command_id).collect();
        let documents = places(batch, &plan, end.segment, end.offset);
        let recorded_at = batch.records.first().map_or_else(Timestamp::epoch, |first| first.recorded_at);
        let effects = batch.records.iter().map(|record| Arc::clone(&record.effects)).collect();
        let changes = Changes::new(effects, || inline(batch, &plan));
        let first_seq = batch.first_seq;
        Ok(FrameEntries { first_seq, command_ids, documents, chain, recorded_at, changes })
    }

    /// Goes on in a new segment with room for the frame.
    fn rotate(&mut self, frame_bytes: usize) -> Result<(), StoreError> {
        let size = u64::from(self.segment_bytes).max((SECTOR + frame_bytes) as u64);
        let spare = self.spares.take(size).map_err(full_or_failed("making a segment in", DIR))?;
        name_segment(&**self.reader.medium(), &spare, &self.reader.map())?;
        self.reader.update(|map| map.push_segment(spare.size, SECTOR as u64));
        self.current = spare.file;
        self.spares.ask(u64::from(self.segment_bytes));
        Ok(())
    }
}

/// Turns a failure before anything was written to the journal into [`StoreError::Full`] if room is
/// what lacked.
fn full_or_failed(doing: &str, path: &str) -> impl FnOnce(std::io::Error) -> StoreError {
    let failed = failed(doing, path);
    move |error| if is_full(&error) { StoreError::Full } else { failed(error) }
}

/// Gives a spare its header and its name; both last when this returns.
fn name_segment(medium: &dyn Medium, spare: &Spare, map: &FrameMap) -> Result<(), StoreError> {
    let end = map.end();
    let ordinal = map.segments();
    let (first_seq, previous, size) = (end.length, end.chain, spare.size);
    let header = SegmentHeader { ordinal, origin: map.origin(), first_seq, size, previous };
    let path = path_of(ordinal);
    let named = spare.file.write_at(0, &header.encode()).and_then(|()| {
        spare.file.sync()?;
        medium.rename(&spare::path(), &path)?;
        if is_planted(Fault::SegmentNameUnsynced) {
            return Ok(());
        }
        medium.sync_dir(DIR)
    });
    named.map_err(failed("naming the new segment", &path))
}

fn inline(batch: &Batch, plan: &Plan) -> Vec<StoredDocument> {
    let kept = batch.documents.iter().zip(plan.entries());
    kept.filter(|(_, entry)| entry.kept == Kept::Inline).map(|(document, _)| document.clone()).collect()
}

fn places(batch: &Batch, plan: &Plan, segment: u32, offset: u64) -> Vec<(Digest, DocumentPlace)> {
    let mut at = offset + plan.documents_at() as u64;
    let placed = batch.documents.iter().zip(plan.entries()).map(|(StoredDocument { digest, .. }, entry)| {
        let place = match entry.kept {
            Kept::File => DocumentPlace::File { bytes: entry.bytes },
            Kept::Inline => {
                let offset = u32::try_from(at).expect("a segment is shorter than 4 GiB");
                let bytes = u32::try_from(entry.bytes).expect("an inline document is short");
                at += entry.bytes;
                DocumentPlace::Frame { segment, offset, bytes }
            }
        };
        (*digest, place)
    });
    placed.collect()
}

/// Keeps what is there of a torn frame aside, then puts zeros in its place. That it could not be
/// kept is said, but stops nothing: it was never acknowledged.
fn cut(medium: &dyn Medium, current: &dyn MediumFile, torn: &TornTail) -> Result<Option<String>, StoreError> {
    let mut bytes = vec![0; usize::try_from(torn.bytes).expect("a frame fits in memory")];
    current.read_at(torn.offset, &mut bytes).map_err(failed("reading", &torn.file))?;
    let file = torn.file.trim_start_matches(DIR).trim_start_matches('/');
    let name = format!("torn-{file}-{}-record-{}", torn.offset, torn.first_seq);
    let kept =
        medium.create_dir(QUARANTINE_DIR).and_then(|()| write_whole(medium, QUARANTINE_DIR, &name, &bytes));
    if let Err(error) = &kept {
        tracing::warn!(%error, name, "could not keep the torn frame aside");
    }
    bytes.fill(0);
    current.write_at(torn.offset, &bytes).map_err(failed("cutting the torn end of", &torn.file))?;
    Ok(kept.is_ok().then(|| format!("{QUARANTINE_DIR}/{name}")))
}

/// Writes the last frame once more, as it is. It may stand in memory only: after a sync that failed,
/// or a process that ended before its sync, reading gives what the disk need not hold.
fn rewrite_last(reader: &JournalReader, current: &dyn MediumFile) -> Result<(), StoreError> {
    let Some(at) = reader.map().last_of_last_segment() else { return Ok(()) };
    let mut window = reader.window(at.segment, 0)?;
    let bytes = frame_bytes(&mut window, at)?;
    current.write_at(at.offset, bytes).map_err(failed("writing again", &path_of(at.segment)))
}
