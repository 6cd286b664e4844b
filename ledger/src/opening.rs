//! Opening a ledger: the newest snapshot, the records after it, and the tree over all of them.
//!
//! A snapshot is only a cache. If it, or the log's files under it, cannot be used, everything is made
//! again from the journal, by the same `apply` that ran live.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use crate::fault::{Carried, Fault, is_planted};
use crate::log::{LogConfig, LogError, LogOpening, LogReader, LogWriter};
use crate::log_keys;
use crate::merkle::TreeHead;
use crate::note::{KeyName, LogSigner, NoteError, VerifierKey};
use crate::record::Record;
use crate::replay::{self, ReadRecord, ReplayError};
use crate::sequencer::{Clock, Handle, Sequencer};
use crate::snapshot;
use crate::state::State;
use crate::store::{Store, StoreError, StoreReader};
use crate::tiles::FULL;
use crate::time::Timestamp;

/// Batches that may be read before they are taken up.
const BATCHES_AHEAD: usize = 8;

/// Why a ledger does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The origin cannot be the name of a key.
    #[error(transparent)]
    Origin(#[from] NoteError),
    /// A record cannot be taken up again.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// No log key at hand is one that the ledger names.
    #[error("the ledger names the log key {expected}, the key at hand is {got}")]
    LogKey {
        /// As recorded.
        expected: String,
        /// As configured.
        got: String,
    },
}

/// What an opening did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OpenReport {
    /// Records in the journal.
    pub records: u64,
    /// Records taken up again, because no snapshot had them.
    pub replayed: u64,
    /// Files of the log that were missing or differed, and were written again.
    pub log_files_written: u64,
}

/// An open ledger, not yet running.
pub struct OpenLedger {
    /// To be run on a thread of its own.
    pub sequencer: Sequencer,
    /// The callers' side.
    pub handle: Handle,
    /// The public log.
    pub log: LogReader,
    /// What the opening did.
    pub report: OpenReport,
}

/// Where the log is and who signs it, told apart from [`LogConfig`] because an opening may start twice.
pub struct LogKeys<'a> {
    /// The log's directory.
    pub directory: &'a std::path::Path,
    /// The seed of the key that signs checkpoints; its name is the origin.
    pub seed: &'a [u8; 32],
}

impl LogKeys<'_> {
    fn config(&self, origin: &str) -> Result<LogConfig, NoteError> {
        let name = KeyName::new(origin)?;
        Ok(LogConfig {
            directory: self.directory.to_owned(),
            signer: Arc::new(LogSigner::new(name, self.seed)),
            further_signers: Vec::new(),
            earlier_keys: Vec::new(),
        })
    }

    /// The key that verifies its checkpoints.
    ///
    /// # Errors
    /// If the origin is no key name.
    pub fn vkey(&self, origin: &str) -> Result<VerifierKey, NoteError> {
        Ok(self.config(origin)?.signer.verifier().clone())
    }
}

/// Asked of the state, the log and the documents before the first signature: whether it may be made.
pub type MaySign<'a> = &'a dyn Fn(&State, &LogReader, &dyn StoreReader) -> bool;

/// Opens a ledger over its store and log, asking nobody.
///
/// # Errors
/// [`OpenError`]. Nothing was signed.
pub fn open(
    origin: &str,
    store: Box<dyn Store>,
    keys: &LogKeys,
    clock: Box<dyn Clock>,
) -> Result<OpenLedger, OpenError> {
    open_asking(origin, store, keys, Rotation::default(), clock, &|_, _, _| true)
}

/// Log keys besides the one in use: while a key is rotated, and after.
#[derive(Clone, Debug, Default)]
pub struct Rotation {
    /// Seeds' keys at hand that sign once the ledger announced them, or still.
    pub further: Vec<Arc<LogSigner>>,
    /// The public side of keys that are gone: the last kept checkpoint may be one of theirs.
    pub earlier: Vec<VerifierKey>,
}

/// Opens a ledger over its store and log. If it may not sign, the log is halted before anything is
/// signed, and it can only be read.
///
/// # Errors
/// [`OpenError`]. Nothing was signed.
pub fn open_asking(
    origin: &str,
    store: Box<dyn Store>,
    keys: &LogKeys,
    rotation: Rotation,
    clock: Box<dyn Clock>,
    may_sign: MaySign,
) -> Result<OpenLedger, OpenError> {
    let reader = store.reader();
    let Rotation { further, earlier } = rotation;
    let config = LogConfig { further_signers: further, earlier_keys: earlier, ..keys.config(origin)? };
    let (mut state, mut log) = start(origin, reader.as_ref(), &config)?;
    let resumed = state.length();
    replay_rest(&mut state, &mut log, reader.as_ref())?;
    check_log_key(&state, &config)?;
    let log_files_written = log.files_written()?;
    let mut log: LogWriter = log.finish()?;
    if !may_sign(&state, &log.reader(), reader.as_ref()) {
        log.reader().halt_signing();
    }
    log_keys::take_up(&mut log, &state, reader.as_ref())?;
    if state.length() > 0 {
        log.publish()?;
    }
    let records = state.length();
    let report = OpenReport { records, replayed: records - resumed, log_files_written };
    let log_reader = log.reader();
    let (sequencer, handle) = Sequencer::new(state, store, log, clock);
    Ok(OpenLedger { sequencer, handle, log: log_reader, report })
}

/// Takes up what follows the state. Reading needs no state, so another thread does it ahead, in order.
fn replay_rest(state: &mut State, log: &mut LogOpening, reader: &dyn StoreReader) -> Result<(), OpenError> {
    let from = state.length();
    thread::scope(|scope| {
        let (ahead, batches) = sync_channel(BATCHES_AHEAD);
        let carried = Carried::here();
        scope.spawn(move || {
            carried.plant();
            read_ahead(reader, from, &ahead);
        });
        for batch in batches {
            let mut batch = batch?;
            if is_planted(Fault::LastRecordSkipped)
                && batch.last().is_some_and(|last| last.record.seq + 1 == reader.length())
            {
                batch.pop();
            }
            for read in &batch {
                replay::take_up(state, read, reader)?;
            }
            log.append(batch.iter().map(|read| read.record.leaf()))?;
        }
        Ok(())
    })
}

/// Reads the records from `from` on, batch by batch, until an error or until nobody wants them.
fn read_ahead(reader: &dyn StoreReader, from: u64, ahead: &SyncSender<Result<Vec<ReadRecord>, OpenError>>) {
    for batch in reader.batches(from) {
        let read = batch.map_err(OpenError::from).and_then(|batch| {
            let records = (batch.first_seq..).zip(&batch.records).skip_while(|(seq, _)| *seq < from);
            let read = records.map(|(seq, stored)| Ok(replay::read(seq, stored)?));
            read.collect()
        });
        let is_last = read.is_err();
        if ahead.send(read).is_err() || is_last {
            return;
        }
    }
}

/// The newest snapshot with the log resumed at it, or the beginning.
fn start(origin: &str, reader: &dyn StoreReader, log: &LogConfig) -> Result<(State, LogOpening), OpenError> {
    match resume(origin, reader, log) {
        Ok(Some(resumed)) => return Ok(resumed),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the snapshot cannot be used: replaying from record 0"),
    }
    Ok((State::new(origin), LogOpening::fresh(log.clone())?))
}

fn resume(
    origin: &str,
    reader: &dyn StoreReader,
    log: &LogConfig,
) -> Result<Option<(State, LogOpening)>, OpenError> {
    let Some(stored) = reader.snapshot()? else { return Ok(None) };
    let Some((state, root)) = snapshot::load(&stored, origin) else { return Ok(None) };
    if state.length() > reader.length() {
        return Ok(None);
    }
    let size = state.length();
    let whole = size - size % u64::from(FULL);
    let tail = (whole..size)
        .map(|seq| {
            let missing = || StoreError::Damaged {
                place: format!("record {seq}"),
                reason: "the journal does not hold it".to_owned(),
            };
            Ok(Record::of(seq, &reader.record(seq)?.ok_or_else(missing)?).leaf())
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    let log = LogOpening::resume(log.clone(), &TreeHead { size, root }, tail)?;
    Ok(Some((state, log)))
}

/// One of the keys at hand is record 0's, or one that was announced.
fn check_log_key(state: &State, log: &LogConfig) -> Result<(), OpenError> {
    let Some(opened) = state.opened() else { return Ok(()) };
    let known = || opened.log_keys.iter().map(|key| &key.vkey).chain([&opened.log_vkey]);
    let at_hand = [&log.signer].into_iter().chain(&log.further_signers);
    let mut at_hand = at_hand.map(|signer| signer.verifier().to_string());
    if at_hand.any(|vkey| known().any(|known| *known == vkey)) {
        return Ok(());
    }
    let expected = log_keys::in_force(opened, state.length()).to_owned();
    Err(OpenError::LogKey { expected, got: log.signer.verifier().to_string() })
}

/// The system's time of day; the epoch if it is set before that, or after the year 9999.
#[must_use]
pub fn time_of_day() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let ms = u64::try_from(since.as_millis()).ok();
    ms.and_then(Timestamp::from_millis).unwrap_or_else(Timestamp::epoch)
}

/// The system's clocks.
pub struct SystemClock {
    started: std::time::Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { started: std::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        time_of_day()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}
