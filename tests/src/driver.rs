//! A ledger in memory: the real intake and the real transition, a clock that tests set, and records
//! kept as a store keeps them, so that they can be taken up again.

use std::collections::BTreeMap;
use std::sync::Arc;

use ledger::apply::{self, Documents, Entry};
use ledger::command::CommandError;
use ledger::digest::Digest;
use ledger::intake::{self, IntakeError};
use ledger::receipt;
use ledger::rejection::Rejection;
use ledger::replay;
use ledger::state::{Effects, State};
use ledger::store::{Batch, StoreError, StoreReader, StoredRecord, StoredSnapshot};
use ledger::time::Timestamp;

use crate::scribe::{Scribe, with_approval};
use crate::world;

/// Why a line was refused.
#[derive(Debug)]
pub enum Refused {
    /// Before the state was looked at.
    Intake(IntakeError),
    /// By the state.
    Rejected(Box<Rejection>),
}

impl Refused {
    /// The code of a rejection, or the kind of what intake refuses.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) => rejection.code(),
            Self::Intake(IntakeError::Command(CommandError::Schema(_))) => "body_schema",
            Self::Intake(IntakeError::Command(CommandError::TypeUnknown { .. })) => "type_unknown",
            Self::Intake(IntakeError::Command(CommandError::WeakKey)) => "weak_key",
            Self::Intake(IntakeError::SignatureInvalid { .. }) => "signature_invalid",
            Self::Intake(IntakeError::KeyUnknown { .. }) => "key_unknown",
            Self::Intake(
                IntakeError::Envelope(_)
                | IntakeError::PayloadTooLarge { .. }
                | IntakeError::PayloadTypeUnknown { .. }
                | IntakeError::SignatureCount { .. }
                | IntakeError::KeyidMismatch { .. }
                | IntakeError::Profile(_),
            ) => "intake",
        }
    }
}

/// Records and documents in memory.
#[derive(Default)]
pub struct Kept {
    /// The records, in order.
    pub records: Vec<StoredRecord>,
    /// The documents that records name.
    pub documents: BTreeMap<Digest, Arc<[u8]>>,
}

/// The ledger.
pub struct Driver {
    /// What it knows.
    pub state: State,
    /// What it recorded.
    pub kept: Kept,
    /// Who writes its commands.
    pub scribe: Scribe,
    /// What the clock shows.
    pub now: Timestamp,
    /// The effects of the last record.
    pub effects: Effects,
}

impl Driver {
    /// A ledger with record 0.
    ///
    /// # Panics
    /// If the ledger cannot be opened.
    #[must_use]
    pub fn open(sandbox: bool) -> Self {
        let now = Timestamp::parse("2026-01-05T09:00:00.000Z").expect("a time");
        let mut driver = Self {
            state: State::new(world::ORIGIN),
            kept: Kept::default(),
            scribe: Scribe::new(world::ORIGIN, "driver"),
            now,
            effects: Effects::default(),
        };
        let line = "pb ledger.open operator=pb legal_name=pb public_key=key:pb \
                    uses=approval,command,price,session log_vkey=none witness_policy=doc:policy";
        let mut asked = driver.scribe.read(line, now);
        if sandbox {
            asked.body.push(("sandbox".to_owned(), ledger::json::Json::Bool(true)));
        }
        let envelope = driver.scribe.sign(&asked, now);
        driver.send(envelope.to_string().as_bytes(), &asked.documents).expect("a ledger opens");
        driver
    }

    /// A ledger with the cast and stage of [`world`].
    #[must_use]
    pub fn with_world(sandbox: bool) -> Self {
        let mut driver = Self::open(sandbox);
        world::name_documents(&mut driver.scribe);
        driver.play(world::STAGE);
        driver
    }

    /// Plays lines that all hold.
    ///
    /// # Panics
    /// If one does not.
    pub fn play(&mut self, lines: &str) {
        for line in world::lines(lines) {
            if let Err(refused) = self.line(line) {
                panic!("{line}: {refused:?}");
            }
        }
    }

    /// Plays one line.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn line(&mut self, line: &str) -> Result<Digest, Refused> {
        let asked = self.scribe.read(line, self.now);
        let envelope = self.scribe.sign(&asked, self.now);
        let id = self.send(envelope.to_string().as_bytes(), &asked.documents)?;
        self.scribe.recorded(&asked, id);
        if let Some(approval) = with_approval(line, &id.to_string()) {
            self.line(&approval)?;
        }
        Ok(id)
    }

    /// Takes an envelope in and records it.
    ///
    /// # Errors
    /// [`Refused`]; then nothing has changed.
    ///
    /// # Panics
    /// If an invariant does not hold after the record.
    pub fn send(&mut self, envelope: &[u8], documents: &[Vec<u8>]) -> Result<Digest, Refused> {
        let signed = intake::take_in(envelope, &self.state).map_err(Refused::Intake)?;
        let held: BTreeMap<Digest, Arc<[u8]>> =
            documents.iter().map(|bytes| (Digest::of(bytes), bytes.as_slice().into())).collect();
        let mut resolved = Documents::default();
        for (_, digest) in signed.command.body.documents() {
            if let Some(bytes) = held.get(&digest).filter(|_| self.state.document(&digest).is_none()) {
                resolved.fresh.insert(digest, u64::try_from(bytes.len()).expect("documents are small"));
            }
        }
        let find = |digest: &Digest| -> Result<_, StoreError> {
            Ok(held.get(digest).or_else(|| self.kept.documents.get(digest)).cloned())
        };
        resolved.content =
            replay::content(&self.state, &signed.command.body, find).expect("memory is read back");
        let entry = Entry {
            seq: self.state.length(),
            recorded_at: self.now,
            command_id: signed.id,
            signer: signed.signer,
            command: &signed.command,
            payload: &signed.payload,
            documents: &resolved,
        };
        let (next, effects) = apply::transition(&self.state, &entry)
            .map_err(|rejection| Refused::Rejected(Box::new(rejection)))?;
        for digest in resolved.fresh.keys() {
            self.kept.documents.insert(*digest, Arc::clone(&held[digest]));
        }
        self.kept.records.push(StoredRecord {
            recorded_at: self.now,
            command_id: signed.id,
            envelope: signed.envelope.into(),
            effects: receipt::print_effects(&next, &effects).into_bytes().into(),
        });
        self.state = next;
        self.effects = effects;
        self.state.audit().expect("the invariants hold after each record");
        Ok(signed.id)
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// Past the year 9999.
    pub fn wait(&mut self, ms: u64) {
        self.now = self.now.plus_millis(ms).expect("tests end before the year 9999");
    }

    /// The state that the records alone give.
    ///
    /// # Panics
    /// If a record cannot be taken up again.
    #[must_use]
    pub fn replayed(&self) -> State {
        let mut state = State::new(world::ORIGIN);
        for stored in &self.kept.records {
            state = match replay::take_up(&state, stored, &self.kept) {
                Ok(taken) => taken.state,
                Err(error) => panic!("{error}"),
            };
        }
        state
    }
}

impl StoreReader for Kept {
    fn length(&self) -> u64 {
        u64::try_from(self.records.len()).expect("tests are short")
    }

    fn batches(&self, seq: u64) -> Box<dyn Iterator<Item = Result<Batch, StoreError>> + '_> {
        let first = usize::try_from(seq).expect("tests are short");
        let records = self.records.get(first..).unwrap_or_default().to_vec();
        let batch = Batch { first_seq: seq, documents: Vec::new(), records };
        Box::new((!batch.records.is_empty()).then_some(Ok(batch)).into_iter())
    }

    fn record(&self, seq: u64) -> Result<Option<StoredRecord>, StoreError> {
        Ok(usize::try_from(seq).ok().and_then(|seq| self.records.get(seq)).cloned())
    }

    fn document(&self, digest: &Digest) -> Result<Option<Arc<[u8]>>, StoreError> {
        Ok(self.documents.get(digest).cloned())
    }

    fn seq_of_command(&self, command_id: &Digest) -> Result<Option<u64>, StoreError> {
        let place = self.records.iter().position(|record| record.command_id == *command_id);
        Ok(place.and_then(|place| u64::try_from(place).ok()))
    }

    fn snapshot(&self) -> Result<Option<StoredSnapshot>, StoreError> {
        Ok(None)
    }
}
