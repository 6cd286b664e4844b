//! sled behind a wall: no error and no panic of its passes, and nothing rests on its word.
//!
//! One tree holds, under a first byte: `c` command id → sequence number; `d` document → place;
//! `w` → the watermark, written in one batch with the entries it covers. A second tree holds
//! snapshots by length. sled 0.34.7 does not sync what it says it flushed, so after a power cut its
//! content is compared with the sum that the watermark carries ([`Shelf::is_whole`]).

use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::digest::Digest;
use crate::store::segment::{DocumentPlace, FrameEntries};

const CACHE_BYTES: u64 = 64 << 20;
const SNAPSHOTS_KEPT: usize = 2;
const WATERMARK_KEY: &[u8] = b"w";

/// How far the entries go, in which journal, and what they add up to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Watermark {
    pub(super) length: u64,
    pub(super) chain: Digest,
    /// Sum of the first 128 bits of each entry's SHA-256, modulo 2^128.
    sum: u128,
}

impl Watermark {
    /// Of no entries, in the journal of that origin.
    pub(super) fn start(origin: Digest) -> Self {
        Self { length: 0, chain: origin, sum: 0 }
    }

    fn encode(&self) -> Vec<u8> {
        [&self.length.to_be_bytes()[..], self.chain.as_bytes(), &self.sum.to_be_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (chain, rest) = rest.split_first_chunk()?;
        let sum = u128::from_be_bytes(rest.try_into().ok()?);
        Some(Self { length: u64::from_be_bytes(*length), chain: Digest(*chain), sum })
    }
}

/// An open sled database. The last clone closes it.
#[derive(Clone)]
pub(super) struct Shelf {
    /// `Some` until dropped: closing may panic, and so has to pass the wall, too.
    parts: Option<Parts>,
}

#[derive(Clone)]
struct Parts {
    _db: sled::Db,
    entries: sled::Tree,
    snapshots: sled::Tree,
}

impl Drop for Shelf {
    fn drop(&mut self) {
        let parts = self.parts.take();
        // Whatever it says, nothing rests on it.
        let _ = walled(|| {
            drop(parts);
            Ok(())
        });
    }
}

/// Why sled cannot be used, for a person.
pub(super) type Broken = String;

/// Runs what calls sled; its errors and panics come back as text.
fn walled<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, Broken> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(format!("panic: {}", text.unwrap_or_else(|| "no message".into())))
        }
    }
}

impl Shelf {
    /// Opens the database in `dir`, or makes it.
    pub(super) fn open(dir: &Path, origin: Digest) -> Result<(Self, Watermark), Broken> {
        remove_half_made(dir).map_err(|error| error.to_string())?;
        let shelf = walled(|| {
            let config = sled::Config::new().path(dir).cache_capacity(CACHE_BYTES);
            let db = config.mode(sled::Mode::HighThroughput).open()?;
            let (entries, snapshots) = (db.open_tree("entries")?, db.open_tree("snapshots")?);
            Ok(Self { parts: Some(Parts { _db: db, entries, snapshots }) })
        })?;
        let watermark = match walled(|| shelf.entries().get(WATERMARK_KEY))? {
            Some(bytes) => Watermark::decode(&bytes).ok_or("the watermark is none")?,
            None => Watermark::start(origin),
        };
        Ok((shelf, watermark))
    }

    fn parts(&self) -> &Parts {
        self.parts.as_ref().expect("only dropping takes the parts")
    }

    fn entries(&self) -> &sled::Tree {
        &self.parts().entries
    }

    fn snapshots(&self) -> &sled::Tree {
        &self.parts().snapshots
    }

    /// Writes the frames' entries with the new watermark, all or nothing.
    pub(super) fn write<'a>(
        &self,
        mut watermark: Watermark,
        frames: impl Iterator<Item = &'a FrameEntries>,
    ) -> Result<Watermark, Broken> {
        let mut batch = sled::Batch::default();
        let mut documents = HashSet::new();
        let mut put = |key: &[u8], value: &[u8]| {
            watermark.sum = watermark.sum.wrapping_add(weight(key, value));
            batch.insert(key, value);
        };
        for frame in frames {
            for (id, seq) in frame.command_ids.iter().zip(frame.first_seq..) {
                put(&key(b'c', id), &seq.to_be_bytes());
            }
            for (digest, place) in &frame.documents {
                // One that is there already stays, so that the sum counts it once.
                if documents.insert(*digest) && self.place_of_document(digest)?.is_none() {
                    put(&key(b'd', digest), &encode_place(*place));
                }
            }
            (watermark.length, watermark.chain) = (frame.length(), frame.chain);
        }
        batch.insert(WATERMARK_KEY, watermark.encode());
        walled(|| self.entries().apply_batch(batch))?;
        Ok(watermark)
    }

    /// Whether the entries add up to the watermark's sum. Reads them all.
    pub(super) fn is_whole(&self, watermark: &Watermark) -> Result<bool, Broken> {
        let mut sum = 0_u128;
        walled(|| {
            for entry in self.entries() {
                let (key, value) = entry?;
                if key != WATERMARK_KEY {
                    sum = sum.wrapping_add(weight(&key, &value));
                }
            }
            Ok(())
        })?;
        Ok(sum == watermark.sum)
    }

    pub(super) fn seq_of_command(&self, command_id: &Digest) -> Result<Option<u64>, Broken> {
        let Some(value) = walled(|| self.entries().get(key(b'c', command_id)))? else { return Ok(None) };
        let seq = (*value).try_into().map_err(|_| "an entry of a command is none")?;
        Ok(Some(u64::from_be_bytes(seq)))
    }

    pub(super) fn place_of_document(&self, digest: &Digest) -> Result<Option<DocumentPlace>, Broken> {
        let Some(value) = walled(|| self.entries().get(key(b'd', digest)))? else { return Ok(None) };
        Ok(Some(decode_place(&value).ok_or("an entry of a document is none")?))
    }

    /// Keeps a snapshot, and of the older ones only the newest.
    pub(super) fn put_snapshot(&self, length: u64, sealed: Vec<u8>) -> Result<(), Broken> {
        walled(|| {
            self.snapshots().insert(length.to_be_bytes(), sealed)?;
            for old in self.snapshots().iter().keys().rev().skip(SNAPSHOTS_KEPT) {
                self.snapshots().remove(old?)?;
            }
            Ok(())
        })
    }

    /// Whether it certainly holds none.
    pub(super) fn has_no_snapshot(&self) -> bool {
        walled(|| Ok(self.snapshots().is_empty())).unwrap_or(false)
    }

    /// The newest snapshot that `unseal` takes, and how many newer ones it did not.
    pub(super) fn snapshot<T>(
        &self,
        unseal: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<(Option<T>, usize), Broken> {
        let mut passed = 0;
        let newest_first = || {
            for entry in self.snapshots().iter().rev() {
                match unseal(&entry?.1) {
                    Some(snapshot) => return Ok(Some(snapshot)),
                    None => passed += 1,
                }
            }
            Ok(None)
        };
        let found = walled(newest_first)?;
        Ok((found, passed))
    }

    /// Hands everything to the operating system, and has it last.
    pub(super) fn close(self, dir: &Path) -> Result<(), Broken> {
        walled(|| self.entries().flush())?;
        drop(self);
        sync_tree(dir).map_err(|error| error.to_string())
    }
}

fn key(kind: u8, digest: &Digest) -> [u8; 33] {
    let mut key = [kind; 33];
    key[1..].copy_from_slice(digest.as_bytes());
    key
}

fn weight(key: &[u8], value: &[u8]) -> u128 {
    let digest = Sha256::new().chain_update(key).chain_update(value).finalize();
    u128::from_be_bytes(*digest.first_chunk().expect("a digest has 32 bytes"))
}

fn encode_place(place: DocumentPlace) -> Vec<u8> {
    match place {
        DocumentPlace::Frame { segment, offset, bytes } => {
            [segment, offset, bytes].map(u32::to_be_bytes).concat()
        }
        DocumentPlace::File { bytes } => bytes.to_be_bytes().to_vec(),
    }
}

fn decode_place(bytes: &[u8]) -> Option<DocumentPlace> {
    if let Ok(file) = bytes.try_into() {
        return Some(DocumentPlace::File { bytes: u64::from_be_bytes(file) });
    }
    let (fields, rest) = bytes.as_chunks();
    let [segment, offset, bytes] = fields else { return None };
    let [segment, offset, bytes] = [segment, offset, bytes].map(|field| u32::from_be_bytes(*field));
    rest.is_empty().then_some(DocumentPlace::Frame { segment, offset, bytes })
}

/// Removes `snap.*.generating`, which sled leaves at a crash and then may write into.
fn remove_half_made(dir: &Path) -> std::io::Result<()> {
    let Ok(entries) = fs::read_dir(dir) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "generating") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn sync_tree(dir: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        } else {
            fs::File::open(entry.path())?.sync_all()?;
        }
    }
    fs::File::open(dir)?.sync_all()
}
