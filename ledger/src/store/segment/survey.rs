//! Looking through a journal that may be damaged, for `verify`: what stands before the first damage
//! can be read, and the damage is told by record, part and kind. Changes nothing.
//!
//! Kinds keep a slip apart from a contradiction. A segment that is not there, or shorter than its
//! own header says, is *missing* bytes; so is a frame that a crash tore. Whole bytes that fail a
//! checksum, a chain value or a digest *contradict* what was written.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame::Check;
use super::layout::{SECTOR, SegmentHeader};
use super::map::FrameMap;
use super::mark::{self, Disagreement};
use super::read::{DocumentPlace, JournalReader, Walk};
use super::scan::scan_into;
use super::tail::{self, TornTail};
use super::{DIR, ordinal_of, path_of};
use crate::digest::Digest;
use crate::store::documents::{self, FileFault};
use crate::store::index::snapshot_of_copy;
use crate::store::medium::{Access, Medium};
use crate::store::{Batch, StoreError, StoreReader, StoredRecord, StoredSnapshot};

/// What a fault in a journal shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FaultKind {
    /// Bytes that are there are not those that were written.
    Contradiction,
    /// Bytes that were written are not there.
    Missing,
    /// Bytes that cannot be read, or cannot be told to be this ledger's.
    Unreadable,
}

/// Where in the journal a fault is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JournalPart {
    /// A segment or a frame in itself.
    Frames,
    /// What comes before or after: the end, and the mark of acknowledged frames.
    Chain,
}

/// Something wrong with the journal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JournalFault {
    /// Where.
    pub part: JournalPart,
    /// What it shows.
    pub kind: FaultKind,
    /// The first record that is touched.
    pub seq: u64,
    /// What did not hold, with file and offset.
    pub reason: String,
}

/// Something wrong with a document.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DocumentFault {
    /// The document.
    pub digest: Digest,
    /// First record of the frame that brought it.
    pub seq: u64,
    /// What it shows.
    pub kind: FaultKind,
    /// What did not hold.
    pub reason: String,
}

/// What a look through a journal found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Survey {
    /// Records that can be read: those before the first damage.
    pub length: u64,
    /// Frames they are in.
    pub frames: u64,
    /// Documents that their frames brought and that have their digests.
    pub documents: u64,
    /// Whether records follow that cannot be read.
    pub is_cut: bool,
    /// What is wrong with the journal.
    pub faults: Vec<JournalFault>,
    /// What is wrong with documents of readable frames.
    pub document_faults: Vec<DocumentFault>,
}

/// Looks through the journal of that origin.
///
/// Snapshots are looked for under `root`.
pub(crate) fn survey(medium: Arc<dyn Medium>, root: &Path, origin: Digest) -> (Arc<dyn StoreReader>, Survey) {
    let mut found = Survey::default();
    let mut map = FrameMap::new(origin);
    let missing = missing_bytes(&*medium, origin);
    if let Err(error) = scan_into(&medium, &mut map) {
        let (kind, reason) = missing.unwrap_or_else(|| (kind_of(&error), error.to_string()));
        found.stop(JournalPart::Frames, kind, map.end().length, reason);
    }
    let journal = JournalReader::new(Arc::clone(&medium), map);
    found.length = journal.end().length;
    if !found.is_cut {
        inspect_end(&journal, &mut found);
    }
    let documents = walk_frames(&*medium, &journal, &mut found);
    if !found.is_cut {
        compare_mark(&*medium, &journal, &mut found);
    }
    let until = found.length;
    let root = root.to_owned();
    (Arc::new(SurveyReader { root, journal, documents, until }), found)
}

impl Survey {
    fn stop(&mut self, part: JournalPart, kind: FaultKind, seq: u64, reason: String) {
        self.is_cut = true;
        self.length = seq;
        self.faults.push(JournalFault { part, kind, seq, reason });
    }
}

fn kind_of(error: &StoreError) -> FaultKind {
    match error {
        StoreError::Damaged { .. } => FaultKind::Contradiction,
        StoreError::Full | StoreError::NotTheEnd { .. } | StoreError::Io { .. } => FaultKind::Unreadable,
    }
}

/// Whole segments or ends of segments that are not there, and a journal that is another ledger's.
fn missing_bytes(medium: &dyn Medium, origin: Digest) -> Option<(FaultKind, String)> {
    let names = medium.list(DIR).ok()?;
    let ordinals: Vec<u32> = names.iter().filter_map(|name| ordinal_of(name)).collect();
    let gap = (0..).zip(&ordinals).find(|(want, ordinal)| want != *ordinal).map(|(want, _)| want);
    let gap = gap.or(ordinals.is_empty().then_some(0));
    for ordinal in ordinals.into_iter().take_while(|ordinal| gap.is_none_or(|gap| *ordinal < gap)) {
        let path = path_of(ordinal);
        let file = medium.open(&path, Access::Read).ok()?;
        let size = file.size().ok()?;
        let mut sector = [0; SECTOR];
        if size < SECTOR as u64 || file.read_at(0, &mut sector).is_err() {
            return Some((FaultKind::Missing, format!("{path} has only {size} bytes")));
        }
        let Ok(header) = SegmentHeader::decode(&sector) else { continue };
        if ordinal == 0 && header.origin != origin {
            let reason = format!("{path} is not of the ledger that ledger.toml names");
            return Some((FaultKind::Unreadable, reason));
        }
        if header.size != size {
            let reason = format!("{path} has {size} bytes, its header says {}", header.size);
            return Some((FaultKind::Missing, reason));
        }
    }
    gap.map(|gap| (FaultKind::Missing, format!("{} is not there", path_of(gap))))
}

fn inspect_end(journal: &JournalReader, found: &mut Survey) {
    match tail::inspect(journal) {
        Ok(None) => {}
        Ok(Some(TornTail { file, offset, bytes, first_seq, .. })) => {
            let reason = format!(
                "{file}, byte {offset}: {bytes} bytes after the last whole frame, as a crash leaves them"
            );
            let (part, kind) = (JournalPart::Chain, FaultKind::Missing);
            found.faults.push(JournalFault { part, kind, seq: first_seq, reason });
        }
        Err(error) => {
            let seq = journal.end().length;
            found.stop(JournalPart::Frames, kind_of(&error), seq, error.to_string());
        }
    }
    found.length = found.length.min(journal.end().length);
}

/// Checks every frame but for its documents, then those one by one; gives where they are.
fn walk_frames(
    medium: &dyn Medium,
    journal: &JournalReader,
    found: &mut Survey,
) -> HashMap<Digest, DocumentPlace> {
    let mut places = HashMap::new();
    let mut walk = journal.walk_to(0, found.length, Check::Chain);
    loop {
        let seq = walk.next_seq();
        match walk.next_surveyed() {
            None => return places,
            Some(Err(error)) => {
                found.stop(JournalPart::Frames, kind_of(&error), seq, error.to_string());
                return places;
            }
            Some(Ok(frame)) => {
                found.frames += 1;
                for (digest, place) in frame.documents {
                    match examine(medium, journal, &digest, place) {
                        Ok(()) => {
                            found.documents += 1;
                            places.insert(digest, place);
                        }
                        Err((kind, reason)) => {
                            let seq = frame.first_seq;
                            found.document_faults.push(DocumentFault { digest, seq, kind, reason });
                        }
                    }
                }
            }
        }
    }
}

fn examine(
    medium: &dyn Medium,
    journal: &JournalReader,
    digest: &Digest,
    place: DocumentPlace,
) -> Result<(), (FaultKind, String)> {
    match place {
        DocumentPlace::Frame { .. } => match journal.document_at(digest, place) {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err((FaultKind::Contradiction, "its bytes do not have its digest".to_owned())),
            Err(error) => Err((FaultKind::Unreadable, error.to_string())),
        },
        DocumentPlace::File { bytes } => {
            documents::examine(medium, digest, bytes).map_err(|fault| match fault {
                FileFault::Missing => (FaultKind::Missing, "its file is not there".to_owned()),
                FileFault::Short => (FaultKind::Missing, format!("its file has less than {bytes} bytes")),
                FileFault::Digest => {
                    (FaultKind::Contradiction, "its file's bytes do not have its digest".to_owned())
                }
                FileFault::Unreadable(error) => (FaultKind::Unreadable, error.to_string()),
            })
        }
    }
}

fn compare_mark(medium: &dyn Medium, journal: &JournalReader, found: &mut Survey) {
    let part = JournalPart::Chain;
    let held = journal.end().length;
    let (disagreement, unreadable) = match mark::disagreement(medium, journal) {
        Ok(compared) => compared,
        Err(error) => {
            let (kind, reason) = (FaultKind::Unreadable, error.to_string());
            found.faults.push(JournalFault { part, kind, seq: held, reason });
            return;
        }
    };
    match disagreement {
        None => {}
        Some(Disagreement::Ahead { length }) => {
            let (kind, reason) =
                (FaultKind::Missing, format!("{length} records were acknowledged, the journal holds {held}"));
            found.faults.push(JournalFault { part, kind, seq: held, reason });
        }
        Some(Disagreement::Other { length }) => {
            let reason = format!("the journal is not the one of which {length} records were acknowledged");
            let (kind, seq) = (FaultKind::Contradiction, length.saturating_sub(1));
            found.faults.push(JournalFault { part, kind, seq, reason });
        }
    }
    if unreadable > 0 {
        let (kind, reason) =
            (FaultKind::Unreadable, "journal/acknowledged: a sector of it cannot be read".to_owned());
        found.faults.push(JournalFault { part, kind, seq: held, reason });
    }
}

/// Reads what the survey found sound. Its batches carry no documents: they are asked for by digest,
/// and one that is not sound is not there.
struct SurveyReader {
    root: PathBuf,
    journal: JournalReader,
    documents: HashMap<Digest, DocumentPlace>,
    until: u64,
}

struct Records<'a>(Walk<'a>);

impl Iterator for Records<'_> {
    type Item = Result<Batch, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_records()
    }
}

impl StoreReader for SurveyReader {
    fn length(&self) -> u64 {
        self.until
    }

    fn batches(&self, seq: u64) -> Box<dyn Iterator<Item = Result<Batch, StoreError>> + '_> {
        Box::new(Records(self.journal.walk_to(seq, self.until, Check::Chain)))
    }

    fn record(&self, seq: u64) -> Result<Option<StoredRecord>, StoreError> {
        if seq < self.until { self.journal.record(seq) } else { Ok(None) }
    }

    fn document(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>, StoreError> {
        match self.documents.get(digest) {
            Some(place) => self.journal.document_at(digest, *place),
            None => Ok(None),
        }
    }

    /// Read from the first record on: nobody asks but for one record.
    fn seq_of_command(&self, command_id: &Digest) -> Result<Option<u64>, StoreError> {
        let mut walk = self.journal.walk_to(0, self.until, Check::Header);
        while let Some(frame) = walk.next_entries() {
            let frame = frame?;
            if let Some(place) = frame.command_ids.iter().position(|id| id == command_id) {
                return Ok(Some(frame.first_seq + place as u64));
            }
        }
        Ok(None)
    }

    /// Read from a copy of the index, which opening would change.
    fn snapshot(&self) -> Result<Option<StoredSnapshot>, StoreError> {
        let damaged = |reason| StoreError::Damaged { place: "index".to_owned(), reason };
        snapshot_of_copy(&self.root, &self.journal).map_err(damaged)
    }
}
