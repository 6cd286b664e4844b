//! Records taken up again, one after the other, by the same `apply` as live.
//!
//! Where the rules refuse a record, the state after it is unknown: the replay ends there, says so,
//! and the tree goes on without it.

use std::sync::Arc;

use super::applied::applied;
use super::report::{CheckId, Finding};
use super::signatures::{Job, Jobs, Known};
use super::states::StatesAtSizes;
use super::tally::Tallies;
use crate::command::{Body, CommandError, CustodyStatementPut, MarginState, SealPut};
use crate::digest::Digest;
use crate::envelope::Purpose;
use crate::id::PartyId;
use crate::intake::{self, IntakeError};
use crate::rejection::Rejection;
use crate::replay::{self, ReadRecord, ReplayError};
use crate::state::State;
use crate::store::{StoreError, StoreReader, StoredRecord};
use crate::time::Timestamp;

/// Records between two looks at all invariants; `apply` keeps each of them at each record.
const AUDIT_EVERY: u64 = 4_096;

/// Checks that hold for each record that replays.
const REPLAYED: [CheckId; 3] = [CheckId::Replay, CheckId::Expiry, CheckId::Idempotency];

/// Something recorded whose meaning this crate does not know: whoever composes the verification
/// answers.
pub enum Question<'a> {
    /// Do a statement's figures follow from its documents?
    Margin(Stated<'a>),
    /// Is the document a statement in the format that it is said to have?
    Custody {
        /// What was recorded.
        put: &'a CustodyStatementPut,
        /// The document.
        document: &'a [u8],
    },
}

/// A margin statement with what its figures follow from.
pub struct Stated<'a> {
    /// What was stated.
    pub stated: &'a MarginState,
    /// Whose collateral it counts, as the ledger found.
    pub pledgor: &'a PartyId,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// The state after `state_size` records.
    pub state_at_size: &'a State,
    /// The ledger's documents.
    pub documents: &'a dyn Fn(&Digest) -> Option<Arc<[u8]>>,
}

/// An answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// It follows.
    Same,
    /// It does not.
    Differs {
        /// What differs.
        what: &'static str,
        /// As computed.
        expected: String,
        /// As recorded.
        got: String,
    },
    /// It cannot be said.
    Undecidable {
        /// Why not.
        reason: String,
    },
}

/// Who answers.
pub type Answerer<'a> = dyn Fn(&Question) -> Answer + 'a;

/// Whether each record's effects were kept beside it, to be compared.
#[derive(Clone, Copy)]
enum Effects {
    Kept,
    NotKept,
}

/// A replay on its way.
pub(super) struct Replaying<'a> {
    reader: &'a dyn StoreReader,
    answer: Option<&'a Answerer<'a>>,
    states: StatesAtSizes,
    effects: Effects,
    state: State,
    approvals: u64,
    /// The first record that was not taken up.
    stopped_at: Option<u64>,
}

impl<'a> Replaying<'a> {
    pub(super) fn start(
        origin: &str,
        reader: &'a dyn StoreReader,
        answer: Option<&'a Answerer<'a>>,
    ) -> Result<Self, StoreError> {
        Ok(Self::with(origin, reader, answer, StatesAtSizes::scan(reader)?, Effects::Kept))
    }

    /// Of an export, which keeps no effects; `states` are the sizes that its records name.
    pub(super) fn of_export(
        origin: &str,
        reader: &'a dyn StoreReader,
        answer: Option<&'a Answerer<'a>>,
        states: StatesAtSizes,
    ) -> Self {
        Self::with(origin, reader, answer, states, Effects::NotKept)
    }

    fn with(
        origin: &str,
        reader: &'a dyn StoreReader,
        answer: Option<&'a Answerer<'a>>,
        mut states: StatesAtSizes,
        effects: Effects,
    ) -> Self {
        let state = State::new(origin);
        states.reached(&state);
        Self { reader, answer, states, effects, state, approvals: 0, stopped_at: None }
    }

    /// The state after the records taken up so far.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Takes nothing up any more: the record of that number is not at hand, or is another.
    pub(super) fn halt(&mut self, seq: u64) {
        self.stopped_at.get_or_insert(seq);
    }

    /// Takes the next record up and hands its envelope to the signature checks.
    pub(super) fn step(&mut self, seq: u64, stored: &StoredRecord, jobs: &mut Jobs, found: &mut Tallies) {
        if self.stopped_at.is_some() {
            return;
        }
        let before = self.state.clone();
        let mut push = |known: Known| jobs.push(Job { seq, stored: stored.clone(), known });
        let read = match replay::read(seq, stored) {
            Ok(read) => read,
            Err(error) => {
                push(Known::Before(Box::new(before)));
                self.stop(seq, error, stored, found);
                return;
            }
        };
        let author = before.party(&read.command.author).cloned();
        match self.take_up(&read) {
            Ok(()) => {
                REPLAYED.into_iter().for_each(|id| found.count(id, 1));
                self.commit(seq, &read, found);
            }
            Err(error) => {
                self.state = before;
                self.stop(seq, error, stored, found);
            }
        }
        push(Known::Read(Box::new(read), author));
    }

    fn take_up(&mut self, read: &ReadRecord) -> Result<(), ReplayError> {
        match self.effects {
            Effects::Kept => replay::take_up(&mut self.state, read, self.reader),
            Effects::NotKept => replay::apply_read(&mut self.state, read, self.reader).map(drop),
        }
    }

    fn stop(&mut self, seq: u64, error: ReplayError, stored: &StoredRecord, found: &mut Tallies) {
        self.stopped_at = Some(seq);
        let documents = self.missing_document(stored);
        tell(seq, error, documents, found);
    }

    fn commit(&mut self, seq: u64, read: &ReadRecord, found: &mut Tallies) {
        self.states.reached(&self.state);
        let ReadRecord { record, command, .. } = read;
        found.count(CheckId::Documents, command.body.documents().len() as u64);
        let said = Body::purpose(command.body.type_name()) == Purpose::Approval;
        self.approvals += u64::from(said);
        found.count(CheckId::Approvals, u64::from(said));
        let body = applied(&self.state, self.reader, seq, &command.body, &record.command_id);
        if let Some(Body::MarginState(stated)) = &body {
            let answer = self.ask_margin(stated, record.recorded_at);
            tell_answer(CheckId::MarginRecomputed, seq, answer, found);
        }
        if let Some(Body::SealPut(put)) = &body {
            tell_answer(CheckId::SealsRecomputed, seq, self.ask_seal(put), found);
        }
        if let Some(Body::CustodyStatement(put)) = &body
            && let Some(answer) = self.ask_custody(put)
        {
            tell_answer(CheckId::Documents, seq, answer, found);
        }
        if self.state.length().is_multiple_of(AUDIT_EVERY) {
            self.audit(found);
        }
    }

    fn audit(&self, found: &mut Tallies) {
        found.count(CheckId::Invariants, 1);
        if let Err(broken) = self.state.audit() {
            let last = self.state.length().saturating_sub(1);
            found.fail(CheckId::Invariants, Finding::at(last, broken));
        }
    }

    fn ask_margin(&mut self, stated: &MarginState, recorded_at: Timestamp) -> Answer {
        let undecidable = |reason: String| Answer::Undecidable { reason };
        let Some(answer) = self.answer else {
            return undecidable("nobody here computes margin".to_owned());
        };
        let size = stated.state_size;
        let Some(state) = self.states.take(size) else {
            return undecidable(format!("the state after {size} records was not kept"));
        };
        let Some(statement) = self.state.statement(&stated.statement) else {
            return undecidable("the statement is not in the state".to_owned());
        };
        answer(&Question::Margin(Stated {
            stated,
            pledgor: &statement.pledgor,
            recorded_at,
            state_at_size: &state,
            documents: &|digest| self.reader.document(digest).ok().flatten(),
        }))
    }

    /// Makes the seal's lines again, from the state at its size and the secret of its salts.
    fn ask_seal(&mut self, put: &SealPut) -> Answer {
        let undecidable = |reason: String| Answer::Undecidable { reason };
        let Some(state) = self.states.take(put.size) else {
            return undecidable(format!("the state after {} records was not kept", put.size));
        };
        let as_of = state.recorded_at().map_or_else(|| "none".to_owned(), |at| at.to_string());
        if as_of != put.as_of.to_string() {
            return Answer::Differs { what: "the seal's as_of", expected: as_of, got: put.as_of.to_string() };
        }
        let secret = self.reader.document(&put.salts).ok().flatten();
        let Some(secret) = secret.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_ref()).ok()) else {
            return undecidable(format!("document {}, the secret of the salts, is not at hand", put.salts));
        };
        match state.seal_list(&secret) {
            Ok(list) if list.root() == put.root => Answer::Same,
            Ok(list) => Answer::Differs {
                what: "the seal's root",
                expected: list.root().to_string(),
                got: put.root.to_string(),
            },
            Err(error) => Answer::Differs {
                what: "the seal's root",
                expected: error.to_string(),
                got: put.root.to_string(),
            },
        }
    }

    fn ask_custody(&self, put: &CustodyStatementPut) -> Option<Answer> {
        let answer = self.answer?;
        let document = self.reader.document(&put.digest).ok().flatten()?;
        Some(answer(&Question::Custody { put, document: &document }))
    }

    /// A document that the record names and that is not at hand.
    fn missing_document(&self, stored: &StoredRecord) -> Option<Digest> {
        let signed = intake::take_back(&stored.envelope).ok()?;
        let body = &signed.command.body;
        let named = body.documents().into_iter().map(|(_, digest)| digest);
        let named = named.chain(replay::content_document(&self.state, body));
        named.into_iter().find(|digest| !matches!(self.reader.document(digest), Ok(Some(_))))
    }

    /// Ends the replay after the last record at hand.
    pub(super) fn finish(self, found: &mut Tallies) -> State {
        self.audit(found);
        let asked = [CheckId::Approvals, CheckId::MarginRecomputed, CheckId::SealsRecomputed];
        match self.stopped_at {
            None => {
                asked.into_iter().chain([CheckId::Overrides]).for_each(|id| found.count(id, 0));
                // The same bytes again would break one of these two rules: a recorded time never falls.
                found.count(CheckId::CommandIdOnce, self.state.length());
                found.remark(CheckId::CommandIdOnce, "follows from expiry and idempotency");
                if self.state.statements().next().is_none() {
                    found.remark(CheckId::MarginRecomputed, "no margin statement is recorded");
                }
                if self.approvals == 0 {
                    found.remark(CheckId::Approvals, "no approval is recorded");
                }
                if self.state.last_seal().is_none() {
                    found.remark(CheckId::SealsRecomputed, "no seal is recorded");
                }
                self.tell_overrides(found);
            }
            Some(seq) => {
                let rest =
                    [CheckId::CommandIdOnce, CheckId::Overrides, CheckId::SignatureAtSeq, CheckId::Replay];
                for id in asked.into_iter().chain(rest) {
                    found.undecided(id, Finding::at(seq, "from here on the state is unknown"));
                }
            }
        }
        self.state
    }

    /// Every use was judged by the replay; here they are counted, so that nobody overlooks them.
    fn tell_overrides(&self, found: &mut Tallies) {
        let granted = self.state.overrides().count();
        let used: usize = self.state.overrides().map(|granted| granted.uses.len()).sum();
        found.count(CheckId::Overrides, granted as u64);
        if granted == 0 {
            found.remark(CheckId::Overrides, "no override is recorded");
        } else {
            found.remark(CheckId::Overrides, &format!("used {used} times"));
        }
    }
}

fn tell_answer(id: CheckId, seq: u64, answer: Answer, found: &mut Tallies) {
    match answer {
        Answer::Same => found.count(id, 1),
        Answer::Differs { what, expected, got } => {
            let finding = Finding::at(seq, format!("{what} does not follow from the documents"));
            found.fail(id, finding.with(expected, got));
        }
        Answer::Undecidable { reason } => found.undecided(id, Finding::at(seq, reason)),
    }
}

/// Puts what stopped the replay under the rule that it breaks.
fn tell(seq: u64, error: ReplayError, missing: Option<Digest>, found: &mut Tallies) {
    if let (ReplayError::Rejected { .. }, Some(digest)) = (&error, missing) {
        let finding = Finding::at(seq, format!("document {digest} is not at hand"));
        found.undecided(CheckId::Documents, finding.help(super::RESTORE_DOCUMENT));
        return;
    }
    let finding = Finding::at(seq, error.to_string());
    match error {
        ReplayError::Store(_) => found.undecided(CheckId::Replay, finding),
        ReplayError::Unreadable { error: IntakeError::Command(CommandError::TypeUnknown { .. }), .. } => {
            found.undecided(CheckId::Replay, finding.help(super::NEWER));
        }
        ReplayError::Unreadable { .. } => found.fail(CheckId::Canonical, finding),
        // The walk over the leaves tells it.
        ReplayError::Differs { what: "the recorded time", .. } => {}
        ReplayError::Differs { what, expected, got, .. } => {
            let id = if what == "the command id" { CheckId::CommandId } else { CheckId::Replay };
            let finding = Finding::at(seq, format!("{what} differs from what the record gives"));
            found.fail(id, finding.with(expected, got));
        }
        ReplayError::Rejected { rejection, .. } => {
            if names_rules(&rejection) {
                found.undecided(CheckId::Replay, finding.help(super::NEWER));
            } else {
                found.fail(rule_of(&rejection), finding.help(super::NOT_OURS));
            }
        }
    }
}

/// Whether a rules version is refused because this program does not have it.
fn names_rules(rejection: &Rejection) -> bool {
    let Rejection::UnknownReference { pointer, .. } = rejection else { return false };
    ["/body/rules", "/body/version"].contains(&pointer.as_str())
}

/// The check that a refusal belongs to.
fn rule_of(rejection: &Rejection) -> CheckId {
    match rejection.code() {
        "expired" | "expires_too_late" => CheckId::Expiry,
        "idempotency_key_reused" => CheckId::Idempotency,
        "key_not_active" | "use_not_allowed" => CheckId::SignatureAtSeq,
        _ => CheckId::Replay,
    }
}
