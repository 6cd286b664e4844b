//! An account's history: each posting in or out at the record that reserved, moved or freed it, with the
//! settled balance after it.
//!
//! Records are found by the store's index and never trusted to be all: a history that is read to its
//! end has to arrive at the balance that the state holds. Amounts come from the state's movements, a
//! batch's from its document.

use std::collections::VecDeque;

use num_bigint::BigInt;

use crate::account::{Account, Book};
use crate::command;
use crate::decimal::DecimalText;
use crate::digest::Digest;
use crate::id::MovementId;
use crate::movement::{Movement, MovementStatus, MovementStep};
use crate::state::State;
use crate::store::{Along, StoreError, StoreReader};
use crate::time::Timestamp;
use crate::touched;

/// Records asked of the index at once.
const SEQS_AT_ONCE: usize = 256;

/// One posting in or out of the account, at one record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// The record.
    pub seq: u64,
    /// Which of the account's lines of that record, from 0.
    pub place: u64,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Its business date: that of the record's command, else of a settled movement as instructed, else
    /// the recorded time.
    pub effective_at: Timestamp,
    /// The movement.
    pub movement: MovementId,
    /// What became of the amount: only what is `settled` changes the settled balance.
    pub status: MovementStatus,
    /// In smallest units, negative if it goes out.
    pub amount: BigInt,
    /// The settled balance after it, signed: that of the book `external` is negative.
    pub settled: BigInt,
}

/// Where in a history one stands.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Mark {
    /// The next record.
    pub seq: u64,
    /// How many of the account's lines of that record were read.
    pub read: u64,
    /// The settled balance there.
    pub settled: BigInt,
}

/// Why a history cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// Bytes could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is recorded does not add up to the balance: a record was missed, or the journal is damaged.
    #[error("account {account}: its postings add up to {got}, its balance is {expected}, in smallest units")]
    Disagrees {
        /// The account.
        account: String,
        /// The state's balance.
        expected: BigInt,
        /// What the postings give.
        got: BigInt,
    },
    /// A record tells something that the state does not know.
    #[error("record {seq}: {what}")]
    Unreadable {
        /// The record.
        seq: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// More lines than are put in order of their business dates.
    #[error("more than {lines} postings")]
    TooLong {
        /// The most.
        lines: usize,
    },
}

/// An account's settled balance, signed.
#[must_use]
pub fn settled(account: &Account) -> BigInt {
    let units = BigInt::from(account.settled);
    if account.book == Book::External { -units } else { units }
}

/// The lines of an account in a state, from a mark on, in the order of their records.
pub struct Lines<'a> {
    reader: &'a dyn StoreReader,
    state: &'a State,
    account: &'a Account,
    mark: Mark,
    /// Records found and not read yet; beyond `found_to` the index has not been asked.
    seqs: VecDeque<u64>,
    found_to: u64,
    lines: VecDeque<Line>,
    is_over: bool,
}

impl<'a> Lines<'a> {
    /// The lines from that mark on.
    #[must_use]
    pub fn from(reader: &'a dyn StoreReader, state: &'a State, account: &'a Account, mark: Mark) -> Self {
        let found_to = mark.seq;
        let (seqs, lines) = (VecDeque::new(), VecDeque::new());
        Self { reader, state, account, mark, seqs, found_to, lines, is_over: false }
    }

    /// Where it stands: reading on from there gives what follows.
    #[must_use]
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    fn step(&mut self) -> Result<Option<Line>, HistoryError> {
        while self.lines.is_empty() {
            let Some(seq) = self.next_seq()? else { return self.end().map(|()| None) };
            let read = if seq == self.mark.seq { self.mark.read } else { 0 };
            let lines = lines_of(self.reader, self.state, self.account, seq)?;
            self.lines = lines.into_iter().filter(|line| line.place >= read).collect();
        }
        let Some(mut line) = self.lines.pop_front() else { return Ok(None) };
        let settled = &self.mark.settled + moved(&line);
        line.settled = settled.clone();
        self.mark = Mark { seq: line.seq, read: line.place + 1, settled };
        Ok(Some(line))
    }

    fn next_seq(&mut self) -> Result<Option<u64>, HistoryError> {
        if self.seqs.is_empty() && self.found_to < self.state.length() {
            let along = Along::UpFrom(self.found_to);
            self.seqs = self.reader.account_seqs(&self.account.id, along, SEQS_AT_ONCE)?.into();
            self.found_to = self.seqs.back().map_or(u64::MAX, |last| last.saturating_add(1));
        }
        Ok(self.seqs.pop_front().filter(|seq| *seq < self.state.length()))
    }

    fn end(&self) -> Result<(), HistoryError> {
        let (expected, got) = (settled(self.account), self.mark.settled.clone());
        if expected == got {
            return Ok(());
        }
        Err(HistoryError::Disagrees { account: self.account.id.to_string(), expected, got })
    }
}

impl Iterator for Lines<'_> {
    type Item = Result<Line, HistoryError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let step = self.step().transpose();
        self.is_over = !matches!(step, Some(Ok(_)));
        step
    }
}

/// What a line adds to the settled balance.
fn moved(line: &Line) -> BigInt {
    match line.status {
        MovementStatus::Settled => line.amount.clone(),
        MovementStatus::Pending | MovementStatus::Voided | MovementStatus::Expired => BigInt::ZERO,
    }
}

/// The settled balance after the first `length` records: from the last of them that told it, and the
/// lines since.
///
/// # Errors
/// [`HistoryError`].
pub fn settled_after(
    reader: &dyn StoreReader,
    state: &State,
    account: &Account,
    length: u64,
) -> Result<BigInt, HistoryError> {
    let decimals = state.asset(&account.asset).map_or(0, |asset| asset.decimals);
    let mut since = BigInt::ZERO;
    let mut next = length.checked_sub(1);
    while let Some(seq) = next {
        let seqs = reader.account_seqs(&account.id, Along::DownFrom(seq), SEQS_AT_ONCE)?;
        for seq in &seqs {
            let stored = record(reader, *seq)?;
            if let Some(told) = touched::settled(&stored.effects, &account.id) {
                let told = DecimalText::parse(&told).and_then(|told| told.scaled(decimals.into()));
                let told =
                    told.map_err(|_| HistoryError::Unreadable { seq: *seq, what: "a balance is none" })?;
                return Ok(told + since);
            }
            since += lines_of(reader, state, account, *seq)?.iter().map(moved).sum::<BigInt>();
        }
        next = seqs.last().and_then(|seq| seq.checked_sub(1));
    }
    Ok(since)
}

/// All lines in the order of their business dates, with the balance by that order.
///
/// # Errors
/// [`HistoryError`]; `TooLong` above `most` lines.
pub fn by_date(
    reader: &dyn StoreReader,
    state: &State,
    account: &Account,
    most: usize,
) -> Result<Vec<Line>, HistoryError> {
    let mut lines = Vec::new();
    for line in Lines::from(reader, state, account, Mark::default()) {
        if lines.len() == most {
            return Err(HistoryError::TooLong { lines: most });
        }
        lines.push(line?);
    }
    lines.sort_by_key(|line| (line.effective_at, line.seq, line.place));
    let mut settled = BigInt::ZERO;
    for line in &mut lines {
        settled += moved(line);
        line.settled = settled.clone();
    }
    Ok(lines)
}

fn record(reader: &dyn StoreReader, seq: u64) -> Result<crate::store::StoredRecord, HistoryError> {
    let missing = || StoreError::Damaged {
        place: format!("record {seq}"),
        reason: "the journal does not hold it".to_owned(),
    };
    Ok(reader.record(seq)?.ok_or_else(missing)?)
}

/// The account's lines of one record, without balances; none if it did not touch the account.
fn lines_of(
    reader: &dyn StoreReader,
    state: &State,
    account: &Account,
    seq: u64,
) -> Result<Vec<Line>, HistoryError> {
    let unreadable = |what| HistoryError::Unreadable { seq, what };
    let stored = record(reader, seq)?;
    let movements = touched::movements(&stored.effects).ok_or_else(|| unreadable("its effects are none"))?;
    let mut lines = Vec::new();
    for id in &movements {
        let movement = state.movement(id).ok_or_else(|| unreadable("it tells of an unknown movement"))?;
        // A movement that was only named, by its reversal, did not move.
        let Some(step) = movement.step(seq) else { continue };
        let amounts = match movement.batch {
            Some(document) => batch_amounts(reader, state, account, seq, &document)?,
            None => amounts(account, movement, step),
        };
        let effective_at = business_date(movement, step, stored.recorded_at);
        for amount in amounts {
            lines.push(Line {
                seq,
                place: lines.len() as u64,
                recorded_at: stored.recorded_at,
                effective_at,
                movement: id.clone(),
                status: step.status,
                amount,
                settled: BigInt::ZERO,
            });
        }
    }
    Ok(lines)
}

fn business_date(movement: &Movement, step: &MovementStep, recorded_at: Timestamp) -> Timestamp {
    let instructed = match step.status {
        MovementStatus::Settled | MovementStatus::Pending => movement.effective_at,
        MovementStatus::Voided | MovementStatus::Expired => None,
    };
    step.effective_at.or(instructed).unwrap_or(recorded_at)
}

fn amounts(account: &Account, movement: &Movement, step: &MovementStep) -> Vec<BigInt> {
    let mut amounts = Vec::new();
    for (posting, units) in movement.postings.iter().zip(&step.amounts).filter(|(_, units)| **units > 0) {
        if posting.from == account.id {
            amounts.push(-BigInt::from(*units));
        }
        if posting.to == account.id {
            amounts.push(BigInt::from(*units));
        }
    }
    amounts
}

/// Only lines of the document that name the account are read: most batches are other people's.
fn batch_amounts(
    reader: &dyn StoreReader,
    state: &State,
    account: &Account,
    seq: u64,
    document: &Digest,
) -> Result<Vec<BigInt>, HistoryError> {
    let unreadable = |what| HistoryError::Unreadable { seq, what };
    let bytes = reader.document(document)?.ok_or_else(|| unreadable("its document is not there"))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| unreadable("its document is no text"))?;
    let name = format!("\"{}\"", account.id);
    let own: String = text.split_inclusive('\n').filter(|line| line.contains(&name)).collect();
    if own.is_empty() {
        return Ok(Vec::new());
    }
    let postings = command::read_batch(own.as_bytes());
    let postings = postings.map_err(|_| unreadable("its document holds no postings"))?;
    let decimals = state.asset(&account.asset).map_or(0, |asset| asset.decimals);
    let mut amounts = Vec::new();
    for posting in postings {
        let units = posting.amount.units(decimals).map_err(|_| unreadable("an amount is none"))?;
        if posting.from == account.id {
            amounts.push(-BigInt::from(units));
        }
        if posting.to == account.id {
            amounts.push(BigInt::from(units));
        }
    }
    Ok(amounts)
}
