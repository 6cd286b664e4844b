//! Bytes of the fixed parts: segment header, frame header, document table.

use crate::digest::Digest;

/// What a disk writes whole or not at all, in bytes. Frames begin on sectors, so that writing one
/// never touches a sector that holds acknowledged bytes.
pub(crate) const SECTOR: usize = 512;

pub(crate) const FORMAT_VERSION: u32 = 1;
pub(crate) const FRAME_HEADER_BYTES: usize = 64;
pub(crate) const CHAIN_BYTES: usize = 32;
pub(crate) const DOCUMENT_ENTRY_BYTES: usize = 48;
/// Recorded time, command id, envelope's length and effects' length, before each envelope.
pub(crate) const RECORD_HEAD_BYTES: usize = 48;

const SEGMENT_MAGIC: &[u8; 8] = b"PLEDGERJ";
const FRAME_MAGIC: &[u8; 4] = b"PLFR";
const SEGMENT_CRC_AT: usize = SECTOR - 4;
const FRAME_CRC_AT: usize = FRAME_HEADER_BYTES - 4;

/// The first sector of a segment.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SegmentHeader {
    /// Place among the segments, from 0; the file's name.
    pub(crate) ordinal: u32,
    /// SHA-256 of the ledger's origin.
    pub(crate) origin: Digest,
    /// Sequence number of the first record that it can hold.
    pub(crate) first_seq: u64,
    /// The file's size in bytes.
    pub(crate) size: u64,
    /// Chain value of the last frame before it; the origin's hash if there is none.
    pub(crate) previous: Digest,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SECTOR] {
        let mut sector = [0; SECTOR];
        let mut fields = Vec::with_capacity(SECTOR);
        fields.extend_from_slice(SEGMENT_MAGIC);
        fields.extend_from_slice(&FORMAT_VERSION.to_be_bytes());
        fields.extend_from_slice(&self.ordinal.to_be_bytes());
        fields.extend_from_slice(self.origin.as_bytes());
        fields.extend_from_slice(&self.first_seq.to_be_bytes());
        fields.extend_from_slice(&self.size.to_be_bytes());
        fields.extend_from_slice(self.previous.as_bytes());
        sector[..fields.len()].copy_from_slice(&fields);
        seal(&mut sector, SEGMENT_CRC_AT);
        sector
    }

    /// `Err` says what does not hold.
    pub(crate) fn decode(sector: &[u8]) -> Result<Self, &'static str> {
        check_seal(sector, SEGMENT_CRC_AT).ok_or("the segment header's checksum does not hold")?;
        let mut fields = Fields(sector);
        if fields.take(SEGMENT_MAGIC.len()) != Some(SEGMENT_MAGIC) {
            return Err("not a segment of a journal");
        }
        if fields.u32() != Some(FORMAT_VERSION) {
            return Err("a format version that this program does not know");
        }
        let read = |fields: &mut Fields| {
            Some(Self {
                ordinal: fields.u32()?,
                origin: fields.digest()?,
                first_seq: fields.u64()?,
                size: fields.u64()?,
                previous: fields.digest()?,
            })
        };
        read(&mut fields).ok_or("the segment header is too short")
    }
}

/// The first bytes of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct FrameHeader {
    /// Bytes between header and chain value.
    pub(crate) payload_bytes: u32,
    /// Sequence number of the first record.
    pub(crate) first_seq: u64,
    /// Records, at least 1.
    pub(crate) records: u32,
    /// Entries of the document table.
    pub(crate) documents: u32,
    /// Sectors of the frame without any of the chain value that were written as zeros: what a torn
    /// write leaves unwritten is zeros beyond these.
    pub(crate) zero_sectors: u32,
    /// Chain value of the frame before.
    pub(crate) previous: Digest,
}

impl FrameHeader {
    pub(crate) fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut header = [0; FRAME_HEADER_BYTES];
        header[..4].copy_from_slice(FRAME_MAGIC);
        header[4..8].copy_from_slice(&self.payload_bytes.to_be_bytes());
        header[8..16].copy_from_slice(&self.first_seq.to_be_bytes());
        header[16..20].copy_from_slice(&self.records.to_be_bytes());
        header[20..24].copy_from_slice(&self.documents.to_be_bytes());
        header[24..28].copy_from_slice(&self.zero_sectors.to_be_bytes());
        header[28..FRAME_CRC_AT].copy_from_slice(self.previous.as_bytes());
        seal(&mut header, FRAME_CRC_AT);
        header
    }

    /// The header at the start of `bytes`, if its magic and checksum hold.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        check_seal(bytes, FRAME_CRC_AT)?;
        let mut fields = Fields(bytes);
        if fields.take(FRAME_MAGIC.len())? != FRAME_MAGIC {
            return None;
        }
        Some(Self {
            payload_bytes: fields.u32()?,
            first_seq: fields.u64()?,
            records: fields.u32()?,
            documents: fields.u32()?,
            zero_sectors: fields.u32()?,
            previous: fields.digest()?,
        })
    }

    /// From the frame's first byte to its chain value.
    pub(crate) fn chain_at(&self) -> usize {
        FRAME_HEADER_BYTES + self.payload_bytes as usize
    }

    /// Bytes of the frame on disk: whole sectors.
    pub(crate) fn frame_bytes(&self) -> usize {
        (self.chain_at() + CHAIN_BYTES).next_multiple_of(SECTOR)
    }

    /// Sequence number after the last record; `None` if there is no such number.
    pub(crate) fn next_seq(&self) -> Option<u64> {
        self.first_seq.checked_add(u64::from(self.records))
    }
}

/// Where a document's bytes are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kept {
    /// In the frame.
    Inline,
    /// In a file of its own.
    File,
}

/// One entry of a frame's document table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct DocumentEntry {
    pub(crate) digest: Digest,
    pub(crate) bytes: u64,
    pub(crate) kept: Kept,
}

impl DocumentEntry {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let kept: u64 = match self.kept {
            Kept::Inline => 0,
            Kept::File => 1,
        };
        out.extend_from_slice(self.digest.as_bytes());
        out.extend_from_slice(&self.bytes.to_be_bytes());
        out.extend_from_slice(&kept.to_be_bytes());
    }

    pub(crate) fn read(fields: &mut Fields) -> Option<Self> {
        let (digest, bytes) = (fields.digest()?, fields.u64()?);
        let kept = match fields.u64()? {
            0 => Kept::Inline,
            1 => Kept::File,
            2.. => return None,
        };
        Some(Self { digest, bytes, kept })
    }
}

/// Reads big-endian fields one after the other; `None` past the end.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    pub(crate) fn digest(&mut self) -> Option<Digest> {
        Some(Digest(self.take(32)?.try_into().ok()?))
    }
}

/// Writes the CRC-32C of what stands before `at` there.
pub(crate) fn seal(bytes: &mut [u8], at: usize) {
    let crc = crc32c::crc32c(&bytes[..at]);
    bytes[at..at + 4].copy_from_slice(&crc.to_be_bytes());
}

/// `Some` if the four bytes at `at` are the CRC-32C of what stands before.
pub(crate) fn check_seal(bytes: &[u8], at: usize) -> Option<()> {
    let (sealed, rest) = bytes.split_at_checked(at)?;
    (rest.get(..4)? == crc32c::crc32c(sealed).to_be_bytes()).then_some(())
}

/// Whether all bytes are zero.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; 4_096] = [0; 4_096];
    bytes.chunks(ZEROS.len()).all(|chunk| chunk == &ZEROS[..chunk.len()])
}
