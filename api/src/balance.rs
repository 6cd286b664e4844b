//! Balance proofs: a seal with its trees made again, and the proof of one account in it.
//!
//! Source: audit specification §11.

use std::sync::{Arc, Mutex, PoisonError};

use ledger::account::Account;
use ledger::envelope::{Envelope, EnvelopeError};
use ledger::proof::TlogProof;
use ledger::seal::{BalanceProof, BalanceProofError, SealError, SealList, SealTrees};
use ledger::seal_record::Seal;
use ledger::state::State;
use ledger::store::{StoreError, StoreReader};

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum BalanceError {
    /// The journal.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A recorded envelope that cannot be read.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// A document or record of the seal that is not there, or not what it must be.
    #[error("{0}")]
    Missing(String),
    /// The trees.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The proof.
    #[error(transparent)]
    Proof(#[from] BalanceProofError),
}

impl BalanceError {
    /// Whether the account simply had no leaf then: it was opened later, closed before, or mirrors a
    /// custodian.
    #[must_use]
    pub fn is_not_sealed(&self) -> bool {
        matches!(
            self,
            Self::Proof(
                BalanceProofError::NoTree
                    | BalanceProofError::Seal(SealError::LeafUnknown | SealError::BadValue)
            )
        )
    }
}

/// A seal with all that its proofs are made from.
pub struct SealAtHand {
    seq: u64,
    payload: String,
    list: SealList,
    trees: SealTrees,
}

impl SealAtHand {
    /// Makes the trees of a seal again from the state that it speaks of.
    ///
    /// # Errors
    /// [`BalanceError`].
    pub fn make(at_size: &State, seal: &Seal, store: &dyn StoreReader) -> Result<Self, BalanceError> {
        let missing = |what: String| BalanceError::Missing(what);
        let secret = store.document(&seal.salts)?;
        let secret = secret.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_ref()).ok());
        let secret = secret.ok_or_else(|| missing(format!("document {} is not at hand", seal.salts)))?;
        Self::with(at_size.seal_trees(&secret)?, seal, store)
    }

    /// Of trees that are at hand since the seal was made.
    ///
    /// # Errors
    /// [`BalanceError`].
    pub fn with(trees: SealTrees, seal: &Seal, store: &dyn StoreReader) -> Result<Self, BalanceError> {
        let missing = |what: String| BalanceError::Missing(what);
        let list = store.document(&seal.list)?;
        let list = list.ok_or_else(|| missing(format!("document {} is not at hand", seal.list)))?;
        let list = SealList::read(&list).map_err(missing)?;
        let record = store.record(seal.seq)?;
        let record = record.ok_or_else(|| missing(format!("record {} is not at hand", seal.seq)))?;
        let payload = Envelope::parse(&record.envelope)?.payload;
        let payload = String::from_utf8(payload).map_err(|error| missing(error.to_string()))?;
        Ok(Self { seq: seal.seq, payload, list, trees })
    }

    /// The proof of an account's balance; `receipt` is that of the seal's record.
    ///
    /// # Errors
    /// [`BalanceError`].
    pub fn prove(&self, account: &Account, receipt: TlogProof) -> Result<BalanceProof, BalanceError> {
        let names = [account.custodian.as_str(), account.class.as_str(), account.asset.as_str()];
        let tree = self.trees.tree(names).ok_or(BalanceProofError::NoTree)?;
        let (id, book) = (account.id.as_str(), account.book.as_str());
        Ok(BalanceProof::make(id, book, tree, names, &self.list, self.payload.clone(), receipt)?)
    }
}

/// The newest seal that somebody asked for or that was made here: its trees are large, so one is kept.
#[derive(Default)]
pub struct NewestSeal(Mutex<Option<Arc<SealAtHand>>>);

impl NewestSeal {
    /// The seal of that record, if it is the one at hand.
    #[must_use]
    pub fn get(&self, seq: u64) -> Option<Arc<SealAtHand>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|kept| kept.seq == seq).map(Arc::clone)
    }

    /// Keeps a seal, unless a newer one is kept.
    pub fn keep(&self, seal: &Arc<SealAtHand>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_none_or(|kept| kept.seq < seal.seq) {
            *kept = Some(Arc::clone(seal));
        }
    }
}
