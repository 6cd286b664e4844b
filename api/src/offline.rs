//! A ledger's directory read without a server: records, documents, the newest static checkpoint.
//!
//! Nothing is written and no lock is taken. What is read is believed only as far as the tree under the
//! checkpoint holds it; who signed the checkpoint is for whoever verifies what is made from it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ledger::checkpoint::Checkpoint;
use ledger::digest::Digest;
use ledger::merkle::{self, Subtree, TreeHead, leaf_hash};
use ledger::note::Note;
use ledger::past::{Past, Published};
use ledger::proof::TlogProof;
use ledger::record::Record;
use ledger::state::State;
use ledger::store::StoreReader;
use ledger::store::embedded::EmbeddedStore;

/// A directory, as it is when it is opened.
pub struct Offline {
    /// The ledger's origin.
    pub origin: String,
    /// Its records and documents.
    pub store: Arc<dyn StoreReader>,
    /// The newest static checkpoint's note.
    pub checkpoint: String,
    /// What the checkpoint says.
    pub head: TreeHead,
}

impl Offline {
    /// Opens the directory of a ledger that no process writes to, or a copy of one.
    ///
    /// # Errors
    /// What cannot be read, for a person.
    pub fn open(dir: &Path) -> Result<Self, String> {
        let (origin, store, survey) = EmbeddedStore::survey(dir).map_err(|error| error.to_string())?;
        let path = dir.join("log").join("checkpoint");
        let checkpoint = fs::read_to_string(&path).map_err(|error| {
            format!("{}: {error}: pledger serve writes it when it opens the ledger", path.display())
        })?;
        let note = Note::parse(&checkpoint).map_err(|error| format!("{}: {error}", path.display()))?;
        let head =
            Checkpoint::parse(note.text()).map_err(|error| format!("{}: {error}", path.display()))?.head();
        // Beyond the checkpoint a server may be writing.
        if let Some(fault) = survey.faults.iter().find(|fault| fault.seq < head.size) {
            let (shown, seq, reason) = (dir.display(), fault.seq, &fault.reason);
            return Err(format!("{shown}: at record {seq}: {reason}: pledger verify --dir says more"));
        }
        if head.size > store.length() {
            let length = store.length();
            return Err(format!("{} covers {} records, at hand are {length}", path.display(), head.size));
        }
        Ok(Self { origin, store, checkpoint, head })
    }

    /// The state after so many records.
    ///
    /// # Errors
    /// What cannot be replayed, for a person.
    pub fn state_at(&self, length: u64) -> Result<Arc<Published>, String> {
        let past = Past::new(State::new(&self.origin), Arc::clone(&self.store));
        past.rebuild(length).map_err(|error| error.to_string())
    }

    /// The receipt of a record under the static checkpoint. Reads every record: 32 bytes of memory each.
    ///
    /// # Errors
    /// What cannot be read, for a person.
    pub fn receipt(&self, seq: u64) -> Result<TlogProof, String> {
        Ok(self.receipts()?.of(seq))
    }

    /// What makes the receipts of any record under the static checkpoint.
    ///
    /// # Errors
    /// What cannot be read, for a person.
    pub fn receipts(&self) -> Result<Receipts, String> {
        let mut receipts =
            Receipts { leaves: Vec::new(), records: Vec::new(), checkpoint: self.checkpoint.clone() };
        for batch in self.store.batches(0) {
            let batch = batch.map_err(|error| error.to_string())?;
            for (seq, stored) in (batch.first_seq..self.head.size).zip(&batch.records) {
                let record = Record::of(seq, stored);
                receipts.leaves.push(leaf_hash(&record.leaf()));
                receipts.records.push(record);
            }
        }
        let root = merkle::root_of(receipts.leaves.iter().copied());
        if root != self.head.root {
            let signed = self.head.root;
            return Err(format!(
                "the records give the root {root}, the checkpoint has {signed}: verify --dir"
            ));
        }
        Ok(receipts)
    }
}

/// The leaves under one checkpoint.
pub struct Receipts {
    leaves: Vec<Digest>,
    records: Vec<Record>,
    checkpoint: String,
}

impl Receipts {
    /// The receipt of a record.
    ///
    /// # Panics
    /// If the checkpoint does not cover it.
    #[must_use]
    pub fn of(&self, seq: u64) -> TlogProof {
        let size = self.leaves.len() as u64;
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        let mut node = |node: Subtree| -> Result<Digest, std::convert::Infallible> {
            let range = place(node.index << node.level)..place((node.index + 1) << node.level);
            Ok(merkle::root_of(self.leaves[range].iter().copied()))
        };
        let path = match merkle::inclusion_path(seq, size, &mut node) {
            Ok(path) => path,
            Err(never) => match never {},
        };
        let leaf = self.records[place(seq)].leaf();
        TlogProof { extra: Some(leaf), index: seq, path, checkpoint: self.checkpoint.clone() }
    }
}
