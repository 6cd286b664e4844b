//! A ledger's directory or full export read without a server: records, documents, the newest static checkpoint.
//!
//! Nothing is written and no lock is taken. What is read is believed only as far as the tree under the
//! checkpoint holds it; who signed the checkpoint is for whoever verifies what is made from it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ledger::checkpoint::Checkpoint;
use ledger::digest::Digest;
use ledger::export::ExportFile;
use ledger::merkle::{self, Subtree, TreeHead, leaf_hash};
use ledger::note::Note;
use ledger::past::{Past, Published};
use ledger::proof::TlogProof;
use ledger::record::Record;
use ledger::replay;
use ledger::state::State;
use ledger::store::StoreReader;
use ledger::store::embedded::EmbeddedStore;
use ledger::time::Timestamp;

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

    /// A full export as if it were a directory. What it says is for `pledger verify --export`.
    ///
    /// # Errors
    /// What cannot be read, for a person.
    pub fn of_export(file: &Path) -> Result<Self, String> {
        let shown = file.display();
        let export = ExportFile::scan(file, &mut |_| {}).map_err(|error| format!("{shown}: {error}"))?;
        if !export.is_full() {
            return Err(format!("{shown}: of scope {}: a full export is needed", export.header().scope));
        }
        let checkpoint = export.checkpoint().to_owned();
        let note = Note::parse(&checkpoint).map_err(|error| format!("{shown}: {error}"))?;
        let head = Checkpoint::parse(note.text()).map_err(|error| format!("{shown}: {error}"))?.head();
        let origin = export.header().ledger.clone();
        Ok(Self { origin, store: Arc::new(export), checkpoint, head })
    }

    /// The state after so many records.
    ///
    /// # Errors
    /// What cannot be replayed, for a person.
    pub fn state_at(&self, length: u64) -> Result<Arc<Published>, String> {
        let past = Past::new(State::new(&self.origin), Arc::clone(&self.store));
        past.rebuild(length).map_err(|error| error.to_string())
    }

    /// The states after so many records each, in one replay from the beginning.
    ///
    /// # Errors
    /// What cannot be replayed, for a person.
    pub fn states<const N: usize>(&self, lengths: [u64; N]) -> Result<[State; N], String> {
        let mut state = State::new(&self.origin);
        let mut reached = lengths.map(|_| state.clone());
        let last = lengths.into_iter().max().unwrap_or_default();
        for batch in self.store.batches(0) {
            let batch = batch.map_err(|error| error.to_string())?;
            for (seq, stored) in (batch.first_seq..last).zip(&batch.records) {
                let read = replay::read(seq, stored).map_err(|error| error.to_string())?;
                replay::apply_read(&mut state, &read, self.store.as_ref())
                    .map_err(|error| error.to_string())?;
                let here = lengths.iter().zip(&mut reached).filter(|(length, _)| **length == state.length());
                here.for_each(|(_, at)| *at = state.clone());
            }
        }
        if state.length() < last {
            return Err(format!("{last} records are asked for, at hand are {}", state.length()));
        }
        Ok(reached)
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
        let (mut leaves, mut records) = (Vec::new(), Vec::new());
        for batch in self.store.batches(0) {
            let batch = batch.map_err(|error| error.to_string())?;
            for (seq, stored) in (batch.first_seq..self.head.size).zip(&batch.records) {
                let record = Record::of(seq, stored);
                leaves.push(leaf_hash(&record.leaf()));
                records.push(record);
            }
        }
        let receipts = Receipts::over(leaves, records, self.checkpoint.clone());
        let root = merkle::root_of(receipts.levels[0].iter().copied());
        if root != self.head.root {
            let signed = self.head.root;
            return Err(format!(
                "the records give the root {root}, the checkpoint has {signed}: verify --dir"
            ));
        }
        Ok(receipts)
    }
}

/// The leaves under one checkpoint, and the complete subtrees over them.
pub struct Receipts {
    levels: Vec<Vec<Digest>>,
    records: Vec<Record>,
    checkpoint: String,
}

impl Receipts {
    fn over(leaves: Vec<Digest>, records: Vec<Record>, checkpoint: String) -> Self {
        let mut levels = vec![leaves];
        loop {
            let below = &levels[levels.len() - 1];
            let (pairs, _) = below.as_chunks::<2>();
            if pairs.is_empty() {
                return Self { levels, records, checkpoint };
            }
            let above = pairs.iter().map(|[left, right]| merkle::node_hash(left, right)).collect();
            levels.push(above);
        }
    }

    /// How many records were recorded before an instant.
    #[must_use]
    pub fn length_before(&self, at: Timestamp) -> u64 {
        self.records.partition_point(|record| record.recorded_at < at) as u64
    }

    /// When a record was recorded; empty for one that the checkpoint does not cover.
    #[must_use]
    pub fn recorded_at(&self, seq: u64) -> String {
        let record = usize::try_from(seq).ok().and_then(|seq| self.records.get(seq));
        record.map(|record| record.recorded_at.to_string()).unwrap_or_default()
    }

    /// The receipt of a record.
    ///
    /// # Panics
    /// If the checkpoint does not cover it.
    #[must_use]
    pub fn of(&self, seq: u64) -> TlogProof {
        let place = |at: u64| usize::try_from(at).expect("a place in memory");
        let mut node = |node: Subtree| -> Result<Digest, std::convert::Infallible> {
            Ok(self.levels[place(node.level.into())][place(node.index)])
        };
        let path = match merkle::inclusion_path(seq, self.levels[0].len() as u64, &mut node) {
            Ok(path) => path,
            Err(never) => match never {},
        };
        let leaf = self.records[place(seq)].leaf();
        TlogProof { extra: Some(leaf), index: seq, path, checkpoint: self.checkpoint.clone() }
    }
}
