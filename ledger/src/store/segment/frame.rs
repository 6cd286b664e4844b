//! One batch as one frame: written in one piece, checked in one piece.

use std::ops::Range;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::layout::{
    CHAIN_BYTES, DOCUMENT_ENTRY_BYTES, DocumentEntry, FRAME_HEADER_BYTES, Fields, FrameHeader, Kept,
    RECORD_HEAD_BYTES, SECTOR, is_zero,
};
use crate::digest::Digest;
use crate::fault::{Fault, is_planted};
use crate::record::SEQ_MAX;
use crate::store::{Batch, StoredDocument, StoredRecord};
use crate::time::Timestamp;

/// A document up to this many bytes lives in its frame.
pub(crate) const INLINE_BYTES_MAX: usize = 8 << 20;

/// Documents of one frame that live in it, in bytes together; those beyond get files of their own.
const INLINE_TOTAL_BYTES_MAX: usize = 32 << 20;

const CHAIN_DOMAIN: &[u8] = b"pledger/journal/frame/v1\n";

/// How a batch will lie in its frame.
pub(crate) struct Plan {
    entries: Vec<DocumentEntry>,
    records: u32,
    payload_bytes: u32,
}

impl Plan {
    /// # Panics
    /// If the batch has no record, passes the last sequence number, or has 2³² bytes of records: the
    /// sequencer bounds its batches far below.
    pub(crate) fn of(batch: &Batch) -> Self {
        assert!(!batch.records.is_empty(), "a batch holds at least one record");
        let records = u32::try_from(batch.records.len()).expect("the sequencer bounds its batches");
        let last = batch.first_seq.checked_add(u64::from(records) - 1);
        assert!(last.is_some_and(|last| last <= SEQ_MAX), "sequence numbers end at 2^63 - 1");

        let mut inline_bytes = 0;
        let mut entries = Vec::with_capacity(batch.documents.len());
        for document in &batch.documents {
            let bytes = document.bytes.len();
            let inline = bytes <= INLINE_BYTES_MAX && inline_bytes + bytes <= INLINE_TOTAL_BYTES_MAX;
            inline_bytes += if inline { bytes } else { 0 };
            let kept = if inline { Kept::Inline } else { Kept::File };
            entries.push(DocumentEntry { digest: document.digest, bytes: bytes as u64, kept });
        }
        let record_bytes: usize =
            batch.records.iter().map(|r| RECORD_HEAD_BYTES + r.envelope.len() + r.effects.len()).sum();
        let payload = entries.len() * DOCUMENT_ENTRY_BYTES + inline_bytes + record_bytes;
        let payload_bytes = u32::try_from(payload).expect("the sequencer bounds its batches");
        Self { entries, records, payload_bytes }
    }

    /// Bytes of the frame on disk.
    pub(crate) fn frame_bytes(&self) -> usize {
        (FRAME_HEADER_BYTES + self.payload_bytes as usize + CHAIN_BYTES).next_multiple_of(SECTOR)
    }

    /// From the frame's first byte to its first document.
    pub(crate) fn documents_at(&self) -> usize {
        FRAME_HEADER_BYTES + self.entries.len() * DOCUMENT_ENTRY_BYTES
    }

    /// The document table.
    pub(crate) fn entries(&self) -> &[DocumentEntry] {
        &self.entries
    }
}

/// Writes the frame into `out`, which it clears first, and returns its chain value.
pub(crate) fn encode(batch: &Batch, plan: &Plan, previous: Digest, out: &mut Vec<u8>) -> Digest {
    out.clear();
    out.reserve(plan.frame_bytes());
    out.resize(FRAME_HEADER_BYTES, 0);
    for entry in &plan.entries {
        entry.write(out);
    }
    let table_end = out.len();
    for (document, entry) in batch.documents.iter().zip(&plan.entries) {
        debug_assert_eq!(Digest::of(&document.bytes), document.digest, "a document has its digest");
        match entry.kept {
            Kept::Inline => out.extend_from_slice(&document.bytes),
            Kept::File => {}
        }
    }
    let records_at = out.len();
    for record in &batch.records {
        let [envelope, effects] = [&record.envelope, &record.effects]
            .map(|part| u32::try_from(part.len()).expect("the plan's sum fits"));
        out.extend_from_slice(&record.recorded_at.millis().to_be_bytes());
        out.extend_from_slice(record.command_id.as_bytes());
        out.extend_from_slice(&envelope.to_be_bytes());
        out.extend_from_slice(&effects.to_be_bytes());
        out.extend_from_slice(&record.envelope);
        out.extend_from_slice(&record.effects);
    }
    let chain_at = out.len();
    out.resize(plan.frame_bytes(), 0);

    let mut header = FrameHeader {
        payload_bytes: plan.payload_bytes,
        first_seq: batch.first_seq,
        records: plan.records,
        documents: u32::try_from(plan.entries.len()).expect("fewer than the payload's bytes"),
        zero_sectors: 0,
        previous,
    };
    assert_eq!(chain_at, header.chain_at(), "the plan foresaw what was written");
    out[..FRAME_HEADER_BYTES].copy_from_slice(&header.encode());
    header.zero_sectors = zero_sectors(out, chain_at);
    out[..FRAME_HEADER_BYTES].copy_from_slice(&header.encode());

    let chain = chain_of(&out[..table_end], &out[records_at..chain_at]);
    out[chain_at..chain_at + CHAIN_BYTES].copy_from_slice(chain.as_bytes());
    chain
}

/// The chain value: over the header (which holds the previous one), the document table (which holds
/// the documents' digests) and the records.
fn chain_of(head_and_table: &[u8], records: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(CHAIN_DOMAIN);
    hasher.update(head_and_table);
    hasher.update(records);
    Digest(hasher.finalize().into())
}

/// Sectors of zeros among those that hold nothing of the chain value.
fn zero_sectors(frame: &[u8], chain_at: usize) -> u32 {
    let count = frame[..chain_at].chunks_exact(SECTOR).filter(|sector| is_zero(sector)).count();
    u32::try_from(count).expect("a frame has fewer than 2^32 bytes")
}

/// Whether the frame can be a write that stopped half-way: some sector is still the zeros that were
/// there before. A frame that fails its checks without such a sector was written whole, and damaged
/// since.
pub(crate) fn is_torn(header: &FrameHeader, frame: &[u8]) -> bool {
    let chain_at = header.chain_at();
    let chain_sectors = &frame[chain_at / SECTOR * SECTOR..];
    zero_sectors(frame, chain_at) > header.zero_sectors || chain_sectors.chunks(SECTOR).any(is_zero)
}

/// How much of a frame to check.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Check {
    /// Header alone: enough to look something up that is compared anyway.
    Header,
    /// Header, table and records: all but the bytes of documents.
    Chain,
    /// Every byte.
    Whole,
}

/// A frame whose chain value holds.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) header: FrameHeader,
    pub(crate) chain: Digest,
    /// The document table, with each inline document's place in the frame.
    pub(crate) documents: Vec<(DocumentEntry, Range<usize>)>,
    bytes: &'a [u8],
    records_at: usize,
}

impl<'a> Frame<'a> {
    /// Checks a frame's bytes on disk; `Err` says what does not hold.
    pub(crate) fn check(bytes: &'a [u8], check: Check) -> Result<Self, &'static str> {
        let header = FrameHeader::decode(bytes).ok_or("the frame header's checksum does not hold")?;
        if bytes.len() != header.frame_bytes() {
            return Err("the frame is cut short");
        }
        let chain_at = header.chain_at();
        let documents = table(&header, &bytes[..chain_at]).ok_or("the frame's document table is not one")?;
        let table_end = FRAME_HEADER_BYTES + documents.len() * DOCUMENT_ENTRY_BYTES;
        let records_at = documents.last().map_or(table_end, |(_, range)| range.end);
        let (stored, _) = bytes[chain_at..].split_first_chunk().ok_or("the frame is cut short")?;
        let frame = Self { header, chain: Digest(*stored), documents, bytes, records_at };
        match check {
            Check::Header => {}
            Check::Chain => frame.check_chain(table_end)?,
            Check::Whole => {
                frame.check_chain(table_end)?;
                frame.check_documents()?;
            }
        }
        Ok(frame)
    }

    fn check_chain(&self, table_end: usize) -> Result<(), &'static str> {
        let chain_at = self.header.chain_at();
        let chain = chain_of(&self.bytes[..table_end], &self.bytes[self.records_at..chain_at]);
        if chain != self.chain && !is_planted(Fault::DamageServed) {
            return Err("the frame's chain value does not hold");
        }
        if !is_zero(&self.bytes[chain_at + CHAIN_BYTES..]) {
            return Err("the frame's padding is not zero");
        }
        Ok(())
    }

    fn check_documents(&self) -> Result<(), &'static str> {
        let inline = self.documents.iter().filter(|(entry, _)| entry.kept == Kept::Inline);
        for (entry, range) in inline {
            if Digest::of(&self.bytes[range.clone()]) != entry.digest {
                return Err("a document in the frame does not have its digest");
            }
        }
        Ok(())
    }

    /// The frame's records, in order.
    pub(crate) fn records(&self) -> Result<Vec<StoredRecord>, &'static str> {
        self.collect_records(|record| record.stored())
    }

    /// What an index wants to know of the frame's records, in order.
    pub(crate) fn indexed(&self) -> Result<Vec<Indexed<'a>>, &'static str> {
        self.collect_records(|record| {
            let RecordBytes { recorded_at_ms, command_id, effects, .. } = record;
            Some(Indexed { command_id, recorded_at: Timestamp::from_millis(recorded_at_ms), effects })
        })
    }

    /// The record at that place in the frame.
    pub(crate) fn record(&self, place: u64) -> Option<RecordBytes<'a>> {
        let mut fields = self.record_fields();
        for _ in 0..place {
            RecordBytes::read(&mut fields)?;
        }
        RecordBytes::read(&mut fields)
    }

    fn record_fields(&self) -> Fields<'a> {
        Fields(&self.bytes[self.records_at..self.header.chain_at()])
    }

    fn collect_records<T>(
        &self,
        take: impl Fn(RecordBytes<'a>) -> Option<T>,
    ) -> Result<Vec<T>, &'static str> {
        const BAD: &str = "the frame's records are not what its header says";
        let mut fields = self.record_fields();
        let records = (0..self.header.records).map(|_| RecordBytes::read(&mut fields).and_then(&take));
        let records = records.collect::<Option<Vec<_>>>().ok_or(BAD)?;
        if fields.0.is_empty() { Ok(records) } else { Err(BAD) }
    }

    /// An inline document of [`Frame::documents`].
    pub(crate) fn inline(&self, entry: &DocumentEntry, range: &Range<usize>) -> StoredDocument {
        StoredDocument { digest: entry.digest, bytes: Arc::from(&self.bytes[range.clone()]) }
    }
}

/// What an index wants to know of a record.
pub(crate) struct Indexed<'a> {
    pub(crate) command_id: Digest,
    /// `None` if what stands there is no time.
    pub(crate) recorded_at: Option<Timestamp>,
    pub(crate) effects: &'a [u8],
}

/// A record where it lies.
pub(crate) struct RecordBytes<'a> {
    recorded_at_ms: u64,
    pub(crate) command_id: Digest,
    envelope: &'a [u8],
    effects: &'a [u8],
}

impl<'a> RecordBytes<'a> {
    fn read(fields: &mut Fields<'a>) -> Option<Self> {
        let (recorded_at_ms, command_id) = (fields.u64()?, fields.digest()?);
        let (envelope, effects) = (fields.u32()?, fields.u32()?);
        let (envelope, effects) = (fields.take(envelope as usize)?, fields.take(effects as usize)?);
        Some(Self { recorded_at_ms, command_id, envelope, effects })
    }

    /// A copy; `None` if the recorded time is none.
    pub(crate) fn stored(self) -> Option<StoredRecord> {
        let Self { recorded_at_ms, command_id, envelope, effects } = self;
        let recorded_at = Timestamp::from_millis(recorded_at_ms)?;
        Some(StoredRecord { recorded_at, command_id, envelope: envelope.into(), effects: effects.into() })
    }
}

fn table(header: &FrameHeader, before_chain: &[u8]) -> Option<Vec<(DocumentEntry, Range<usize>)>> {
    let mut fields = Fields(before_chain.get(FRAME_HEADER_BYTES..)?);
    let mut at = FRAME_HEADER_BYTES.checked_add(header.documents as usize * DOCUMENT_ENTRY_BYTES)?;
    if at > before_chain.len() {
        return None;
    }
    let mut documents = Vec::with_capacity(header.documents as usize);
    for _ in 0..header.documents {
        let entry = DocumentEntry::read(&mut fields)?;
        let bytes = match entry.kept {
            Kept::Inline => usize::try_from(entry.bytes).ok()?,
            Kept::File => 0,
        };
        let end = at.checked_add(bytes).filter(|end| *end <= before_chain.len())?;
        documents.push((entry, at..end));
        at = end;
    }
    Some(documents)
}
