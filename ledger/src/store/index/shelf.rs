//! sled behind a wall: no error and no panic of its passes, and nothing rests on its word.
//!
//! One tree holds, under a first byte: `c` command id → sequence number; `d` document → place;
//! `a` account, zero byte, sequence number of a record that changed it (one entry a record, however
//! many postings it has); `b` sequence number of a record that changed more accounts than its receipt
//! tells → their fingerprints, ascending, or nothing if any may be among them; `t` recorded time and
//! sequence number of a frame's first record; `w` → the watermark, written in one batch with the
//! entries it covers. A second tree holds snapshots by length. sled 0.34.7 does not sync what it says it flushed, so after a power cut its
//! content is compared with the sum that the watermark carries ([`Shelf::is_whole`]).

use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::digest::Digest;
use crate::store::Along;
use crate::store::segment::{DocumentPlace, FrameEntries};
use crate::time::Timestamp;
use crate::touched::{Touched, fingerprint};

const CACHE_BYTES: u64 = 64 << 20;
const SNAPSHOTS_KEPT: usize = 2;
const WATERMARK_KEY: &[u8] = b"w";

/// Which entries there are: an index of another kind is made again.
const KIND: u8 = 2;

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
        [&[KIND], &self.length.to_be_bytes()[..], self.chain.as_bytes(), &self.sum.to_be_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.strip_prefix(&[KIND])?.split_first_chunk()?;
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
            Some(bytes) => Watermark::decode(&bytes).ok_or("it is of another kind")?,
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
            put(&time_key(frame.recorded_at, frame.first_seq), &[]);
            for (seq, touched) in frame.touched() {
                match touched {
                    Touched::Accounts(ids) => ids.iter().for_each(|id| put(&account_key(id, seq), &[])),
                    Touched::Fingerprints(prints) => {
                        let prints: Vec<u8> = prints.iter().copied().flat_map(u32::to_be_bytes).collect();
                        put(&counted_key(seq), &prints);
                    }
                    Touched::Any => put(&counted_key(seq), &[]),
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

    /// The first `most` records along the way that may have changed the account.
    pub(super) fn account_seqs(&self, account: &str, along: Along, most: usize) -> Result<Vec<u64>, Broken> {
        let (first, last) = along.range().into_inner();
        let own = || self.entries().range(account_key(account, first)..=account_key(account, last)).keys();
        let keys: Vec<sled::IVec> = walled(|| match along {
            Along::UpFrom(_) => own().take(most).collect(),
            Along::DownFrom(_) => own().rev().take(most).collect(),
        })?;
        let own = keys.iter().map(|key| seq_of_key(key)).collect::<Option<Vec<_>>>();
        let mut seqs = own.ok_or("an entry of an account is none")?;
        // What lies beyond the last of enough is not asked for.
        let enough = seqs.last().copied().filter(|_| seqs.len() == most);
        let (first, last) = match along {
            Along::UpFrom(_) => (first, enough.unwrap_or(last)),
            Along::DownFrom(_) => (enough.unwrap_or(first), last),
        };
        let print = fingerprint(account);
        let is_of = |entry: &sled::Result<(sled::IVec, sled::IVec)>| {
            entry.as_ref().map_or(true, |(_, prints)| may_hold(prints, print))
        };
        let counted = || self.entries().range(counted_key(first)..=counted_key(last));
        let counted: Vec<(sled::IVec, sled::IVec)> = walled(|| match along {
            Along::UpFrom(_) => counted().filter(is_of).take(most).collect(),
            Along::DownFrom(_) => counted().rev().filter(is_of).take(most).collect(),
        })?;
        for (key, _) in counted {
            seqs.push(seq_of_key(&key).ok_or("an entry of a batch is none")?);
        }
        Ok(along.order(seqs, most))
    }

    /// The first record of the last frame that begins no later than `at`.
    pub(super) fn frame_at(&self, at: Timestamp) -> Result<Option<u64>, Broken> {
        let range = time_key(Timestamp::epoch(), 0)..=time_key(at, u64::MAX);
        let Some((key, _)) = walled(|| self.entries().range(range).next_back().transpose())? else {
            return Ok(None);
        };
        Ok(Some(seq_of_key(&key).ok_or("an entry of a time is none")?))
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

    /// The newest snapshot of at most `length` records that `unseal` takes, and how many newer ones of
    /// those it did not.
    pub(super) fn snapshot<T>(
        &self,
        length: u64,
        unseal: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<(Option<T>, usize), Broken> {
        let mut passed = 0;
        let newest_first = || {
            for entry in self.snapshots().range(..=length.to_be_bytes()).rev() {
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

fn account_key(account: &str, seq: u64) -> Vec<u8> {
    // No id holds a zero byte, so no account's entries lie among another's.
    [b"a", account.as_bytes(), &[0], &seq.to_be_bytes()].concat()
}

fn counted_key(seq: u64) -> Vec<u8> {
    [&b"b"[..], &seq.to_be_bytes()].concat()
}

fn time_key(at: Timestamp, seq: u64) -> Vec<u8> {
    [&b"t"[..], &at.millis().to_be_bytes(), &seq.to_be_bytes()].concat()
}

fn seq_of_key(key: &[u8]) -> Option<u64> {
    key.last_chunk().map(|seq| u64::from_be_bytes(*seq))
}

/// Whether the fingerprint is among these; among none it may be.
fn may_hold(prints: &[u8], print: u32) -> bool {
    let (prints, rest) = prints.as_chunks();
    let found = prints.binary_search_by(|one| u32::from_be_bytes(*one).cmp(&print)).is_ok();
    found || prints.is_empty() || !rest.is_empty()
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
