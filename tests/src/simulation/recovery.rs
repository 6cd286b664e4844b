//! What follows a crash: the real opening, and everything that was acknowledged looked for.

use ledger::opening::OpenError;
use ledger::store::{StoreReader, StoredRecord};

use super::machine::Running;
use super::tree::{leaves, tree_hash};
use super::{Check, Found, Run};
use crate::model::Model;

impl Run {
    /// Opens the ledger; the power may fail while it opens, again and again.
    pub(super) fn recover(&mut self) -> Result<Running, Found> {
        while self.rng.percent(25) {
            self.machine.disk.fail_power_after(self.rng.below(12));
            let started = self.start();
            let is_down = self.machine.disk.is_down();
            drop(started);
            if is_down {
                self.tell("the power fails while it opens".to_owned());
                self.totals.one("power cuts while opening");
                self.machine.lose_power(&mut self.rng);
            }
            self.machine.disk.calm();
        }
        let running = self.start().map_err(|error| (Check::Opening, error.to_string()))?;
        self.totals.one("openings");
        self.totals.add("records taken up again", running.report.replayed);
        self.totals.add("snapshots used", u64::from(running.report.replayed < running.report.records));
        self.totals.add("torn tails", u64::from(running.tail.torn.is_some()));
        self.totals.add("log files written again", running.report.log_files_written);
        self.believe_from(&running);
        Ok(running)
    }

    fn start(&mut self) -> Result<Running, OpenError> {
        // Whoever keeps a checkpoint elsewhere knows how much there must be.
        let least_length = if self.rng.percent(50) { self.clients.known() } else { 0 };
        self.machine.start(least_length)
    }

    /// Compares what the ledger holds after a crash with what the outside knows.
    pub(super) fn reconcile(&mut self, running: &Running, doubtful: &[(usize, u64)]) -> Result<(), Found> {
        let records = records(running.handle.store().as_ref()).map_err(|what| (Check::Durability, what))?;
        self.find_acknowledged(&records)?;
        self.find_doubtful(&records, doubtful)?;
        self.find_documents(running)?;
        self.tell(format!("{} records are there", records.len()));

        let rebuilt = self.rebuilt()?;
        let state = &running.handle.published().state;
        rebuilt.compare(state).map_err(|what| (Check::State, format!("rebuilt from the records: {what}")))?;
        self.check_step(running)?;
        self.check_heads(running)?;
        if self.rng.percent(40) {
            self.check_copies()?;
        }
        Ok(())
    }

    /// Every record that the outside knows is there as it was sent, with the receipt's effects.
    pub(super) fn find_acknowledged(&self, records: &[StoredRecord]) -> Result<(), Found> {
        let known = self.clients.known();
        if (records.len() as u64) < known {
            let held = records.len();
            return Err((Check::Durability, format!("{known} records were acknowledged, {held} are there")));
        }
        for (seq, stored) in (0..known).zip(records) {
            let recorded = self.clients.recorded(seq);
            let sent = &self.clients.sent[recorded.sent];
            let effects = recorded.receipt.as_ref().map(|receipt| &receipt.effects);
            let same = stored.command_id == sent.id
                && stored.recorded_at.millis() == recorded.at
                && *stored.envelope == *sent.envelope.as_bytes()
                && effects.is_none_or(|effects| *effects == stored.effects);
            if !same {
                return Err((
                    Check::Durability,
                    format!("record {seq} is not what was acknowledged: {stored:?}"),
                ));
            }
        }
        Ok(())
    }

    /// Beyond them at most the one batch that was on its way is there, whole.
    fn find_doubtful(&mut self, records: &[StoredRecord], doubtful: &[(usize, u64)]) -> Result<(), Found> {
        let known = self.clients.recorded.len();
        let beyond = &records[known..];
        if !beyond.is_empty() && beyond.len() != doubtful.len() {
            let (found, asked) = (beyond.len(), doubtful.len());
            return Err((
                Check::Recorded,
                format!("{found} records beyond the acknowledged, {asked} were on their way"),
            ));
        }
        for (stored, (sent, at)) in beyond.iter().zip(doubtful) {
            let expected = &self.clients.sent[*sent];
            if (stored.command_id, stored.recorded_at.millis()) != (expected.id, *at) {
                let line = expected.ask.told();
                return Err((Check::Recorded, format!("instead of {line} is recorded: {stored:?}")));
            }
            self.model.record(&expected.ask, expected.id, *at);
            let effects = self.model.compare_effects(&stored.effects);
            effects.map_err(|what| (Check::Receipts, what))?;
            self.clients.note(*sent, *at, None);
            self.totals.one("in doubt and recorded");
        }
        Ok(())
    }

    fn find_documents(&self, running: &Running) -> Result<(), Found> {
        for digest in &self.clients.documents {
            let found = running.handle.store().document(digest);
            let held = found.map_err(|error| (Check::Documents, error.to_string()))?;
            if held.is_none_or(|bytes| ledger::digest::Digest::of(&bytes) != *digest) {
                return Err((Check::Documents, format!("document {digest} is not there")));
            }
        }
        Ok(())
    }

    /// The model of the records alone, from the first on.
    fn rebuilt(&self) -> Result<Model, Found> {
        let mut model = Model::default();
        for recorded in &self.clients.recorded {
            let ask = &self.clients.sent[recorded.sent].ask;
            if let Err(code) = model.judge(ask, recorded.at) {
                return Err((
                    Check::Recorded,
                    format!("{} is recorded and must be refused: {code}", ask.told()),
                ));
            }
            model.record(ask, self.clients.sent[recorded.sent].id, recorded.at);
        }
        Ok(model)
    }

    /// The log extends some of the trees that were published before, and its own proofs say so.
    fn check_heads(&mut self, running: &Running) -> Result<(), Found> {
        let leaves = leaves(&self.clients);
        let sizes: Vec<u64> = self.clients.heads.keys().copied().collect();
        for _ in 0..3 {
            let size = sizes[usize::try_from(self.rng.below(sizes.len() as u64)).expect("few")];
            let seen = self.clients.heads[&size];
            let part = &leaves[..usize::try_from(size).expect("few")];
            let root = running.log.root_at(size).map_err(|error| (Check::Tree, error.to_string()))?;
            if root != seen || tree_hash(part) != seen {
                return Err((
                    Check::Tree,
                    format!("of size {size} the root {seen} was published, now it is {root}"),
                ));
            }
        }
        Ok(())
    }
}

/// Everything that a store holds.
pub(super) fn records(reader: &dyn StoreReader) -> Result<Vec<StoredRecord>, String> {
    let mut records = Vec::new();
    for batch in reader.batches(0) {
        records.extend(batch.map_err(|error| error.to_string())?.records);
    }
    Ok(records)
}
