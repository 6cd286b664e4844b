//! The mark of acknowledged frames: the journal's length, kept beside the journal.
//!
//! The journal alone cannot say whether its last frame had been acknowledged. The mark can, for all
//! frames up to it: it is written after their sync, from time to time and when the store is closed.
//! A journal shorter than its mark, or with another chain value there, lost what was acknowledged.
//! A mark that is missing, torn or behind only knows less.
//!
//! `journal/acknowledged` has two sectors, written in turn, so that one always stands:
//!
//! | bytes | | |
//! |---|---|---|
//! | 0 | 8 | `PLEDGERA` |
//! | 8 | 8 | turn, from 1; sector = turn mod 2 |
//! | 16 | 32 | SHA-256 of the origin |
//! | 48 | 8 | length: records acknowledged |
//! | 56 | 32 | chain value after them |
//! | 88 | 420 | zeros |
//! | 508 | 4 | CRC-32C of bytes 0 to 507 |

use std::io;
use std::sync::Arc;

use super::layout::{Fields, SECTOR, check_seal, is_zero, seal};
use super::read::JournalReader;
use super::{DIR, WHAT_TO_DO};
use crate::digest::Digest;
use crate::store::StoreError;
use crate::store::medium::{Access, Medium, MediumFile, failed};

const MAGIC: &[u8; 8] = b"PLEDGERA";
const NAME: &str = "acknowledged";
const CRC_AT: usize = SECTOR - 4;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Mark {
    turn: u64,
    origin: Digest,
    length: u64,
    chain: Digest,
}

impl Mark {
    fn encode(&self) -> [u8; SECTOR] {
        let mut fields = Vec::with_capacity(SECTOR);
        fields.extend_from_slice(MAGIC);
        fields.extend_from_slice(&self.turn.to_be_bytes());
        fields.extend_from_slice(self.origin.as_bytes());
        fields.extend_from_slice(&self.length.to_be_bytes());
        fields.extend_from_slice(self.chain.as_bytes());
        let mut sector = [0; SECTOR];
        sector[..fields.len()].copy_from_slice(&fields);
        seal(&mut sector, CRC_AT);
        sector
    }

    fn decode(sector: &[u8]) -> Option<Self> {
        check_seal(sector, CRC_AT)?;
        let mut fields = Fields(sector);
        if fields.take(MAGIC.len())? != MAGIC {
            return None;
        }
        let (turn, origin) = (fields.u64()?, fields.digest()?);
        Some(Self { turn, origin, length: fields.u64()?, chain: fields.digest()? })
    }
}

/// What the mark said at opening.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MarkReport {
    /// Records known to have been acknowledged.
    pub length: u64,
    /// Sectors of the mark that hold neither a mark nor zeros: torn, or damaged.
    pub unreadable_sectors: u8,
}

/// Reads the mark and compares the journal with it.
pub(super) fn compare(medium: &dyn Medium, journal: &JournalReader) -> Result<(MarkReport, u64), StoreError> {
    let mut report = MarkReport { length: 0, unreadable_sectors: 0 };
    let mut turn = 0;
    for sector in read(medium)? {
        let Some(mark) = Mark::decode(&sector) else {
            report.unreadable_sectors += u8::from(!is_zero(&sector));
            continue;
        };
        let held = if mark.length <= journal.end().length { journal.chain_after(mark.length)? } else { None };
        if mark.origin != journal.map().origin() || held != Some(mark.chain) {
            let (length, marked) = (journal.end().length, mark.length);
            return Err(StoreError::Damaged {
                place: format!("journal: valid up to record {length}, acknowledged up to {marked}"),
                reason: format!("acknowledged records are lost or others than before; {WHAT_TO_DO}"),
            });
        }
        report.length = report.length.max(mark.length);
        turn = turn.max(mark.turn);
    }
    Ok((report, turn))
}

/// How a readable sector of the mark disagrees with the journal.
pub(super) enum Disagreement {
    /// Records were acknowledged that the journal does not hold.
    Ahead {
        /// How many were acknowledged.
        length: u64,
    },
    /// It is of another ledger, or other records were acknowledged.
    Other {
        /// How many were acknowledged.
        length: u64,
    },
}

/// The first disagreement of the mark with the journal, and how many sectors cannot be read.
pub(super) fn disagreement(
    medium: &dyn Medium,
    journal: &JournalReader,
) -> Result<(Option<Disagreement>, u8), StoreError> {
    let (mut found, mut unreadable) = (None, 0);
    for sector in read(medium)? {
        let Some(mark) = Mark::decode(&sector) else {
            unreadable += u8::from(!is_zero(&sector));
            continue;
        };
        let Mark { origin, length, chain, .. } = mark;
        if origin == journal.map().origin() && length > journal.end().length {
            found = found.or(Some(Disagreement::Ahead { length }));
        } else if origin != journal.map().origin() || journal.chain_after(length)? != Some(chain) {
            found = Some(Disagreement::Other { length });
        }
    }
    Ok((found, unreadable))
}

fn read(medium: &dyn Medium) -> Result<Vec<[u8; SECTOR]>, StoreError> {
    let path = format!("{DIR}/{NAME}");
    let file = match medium.open(&path, Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("opening", &path)(error)),
    };
    let whole = file.size().map_err(failed("reading", &path))? / SECTOR as u64;
    let mut sectors = Vec::new();
    for place in 0..whole.min(2) {
        let mut sector = [0; SECTOR];
        file.read_at(place * SECTOR as u64, &mut sector).map_err(failed("reading", &path))?;
        sectors.push(sector);
    }
    Ok(sectors)
}

/// Writes the mark; may live on another thread than the journal's writer.
pub(crate) struct Marker {
    file: Box<dyn MediumFile>,
    journal: Arc<JournalReader>,
    turn: u64,
    length: u64,
}

impl Marker {
    /// The mark goes on from `turn`.
    pub(super) fn open(
        medium: &dyn Medium,
        journal: Arc<JournalReader>,
        turn: u64,
        length: u64,
    ) -> io::Result<Self> {
        let path = format!("{DIR}/{NAME}");
        let file = match medium.open(&path, Access::Write) {
            Ok(file) if file.size()? == 2 * SECTOR as u64 => file,
            Ok(_) => new_file(medium, &path)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => new_file(medium, &path)?,
            Err(error) => return Err(error),
        };
        Ok(Self { file, journal, turn, length })
    }

    /// Marks everything acknowledged so far, if that is more than before.
    pub(crate) fn mark(&mut self) -> io::Result<()> {
        let end = self.journal.end();
        if end.length == self.length {
            return Ok(());
        }
        let origin = self.journal.map().origin();
        let mark = Mark { turn: self.turn + 1, origin, length: end.length, chain: end.chain };
        self.file.write_at(mark.turn % 2 * SECTOR as u64, &mark.encode())?;
        self.file.sync()?;
        self.turn = mark.turn;
        self.length = mark.length;
        Ok(())
    }
}

/// Makes a mark of nothing, so that opening on a full disk need not.
pub(super) fn create(medium: &dyn Medium) -> io::Result<()> {
    new_file(medium, &format!("{DIR}/{NAME}")).map(drop)
}

fn new_file(medium: &dyn Medium, path: &str) -> io::Result<Box<dyn MediumFile>> {
    let file = medium.create(path)?;
    file.write_at(0, &[0; 2 * SECTOR])?;
    file.sync()?;
    medium.sync_dir(DIR)?;
    Ok(file)
}
