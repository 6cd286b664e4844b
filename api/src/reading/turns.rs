//! Turns at work that reads much from disk, so that readers of the past never crowd out the rest.
//!
//! Source: API specification §5, limits.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::id::PartyId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// Short pieces of work at once; more wait for their turn.
const SHORT_MAX: usize = 4;
/// How many may wait.
const WAITING_MAX: usize = 64;
/// Long pieces of work at once; more are refused, and so is a second one of a party.
const LONG_MAX: usize = 4;

/// Who is at work.
pub struct Turns {
    short: Arc<Semaphore>,
    waiting: AtomicUsize,
    long: Arc<Mutex<BTreeSet<PartyId>>>,
}

/// A turn; it ends when dropped, so it goes where the work goes.
pub enum Turn {
    /// At work of a moment.
    Short(OwnedSemaphorePermit),
    /// At work of seconds.
    Long(LongTurn),
}

/// A party's one turn at long work.
pub struct LongTurn {
    all: Arc<Mutex<BTreeSet<PartyId>>>,
    party: PartyId,
}

impl Default for Turns {
    fn default() -> Self {
        Self {
            short: Arc::new(Semaphore::new(SHORT_MAX)),
            waiting: AtomicUsize::new(0),
            long: Arc::default(),
        }
    }
}

impl Turns {
    /// Waits for a turn at short work.
    ///
    /// # Errors
    /// `rate_limited` if too many wait already.
    pub async fn short(&self) -> Result<Turn, Problem> {
        let _place = Waiting::enter(&self.waiting).ok_or_else(busy)?;
        let permit = Arc::clone(&self.short).acquire_owned().await.map_err(|_| Problem::internal())?;
        Ok(Turn::Short(permit))
    }

    /// Takes a turn at long work.
    ///
    /// # Errors
    /// `rate_limited` if the party has one already, or too many have.
    pub fn long(&self, party: &PartyId) -> Result<Turn, Problem> {
        let mut all = lock(&self.long);
        if all.len() >= LONG_MAX || !all.insert(party.clone()) {
            return Err(busy());
        }
        Ok(Turn::Long(LongTurn { all: Arc::clone(&self.long), party: party.clone() }))
    }
}

impl Drop for LongTurn {
    fn drop(&mut self) {
        lock(&self.all).remove(&self.party);
    }
}

/// A place among those who wait, given back however the waiting ends.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Option<Self> {
        let place = Self(count);
        (count.fetch_add(1, Ordering::Relaxed) < WAITING_MAX).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn busy() -> Problem {
    let detail = "earlier states are being rebuilt: one at a time for a party, four in all";
    Problem::rate_limited(detail, 2)
}

/// Each change is one call, so a panic elsewhere leaves the set whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(name: &str) -> PartyId {
        PartyId::parse(name).expect("an id")
    }

    #[test]
    fn one_long_turn_a_party_and_four_in_all() {
        let turns = Turns::default();
        let code = |party: &PartyId| turns.long(party).err().map_or("ok", |problem| problem.code());
        let first = turns.long(&party("a"));
        assert_eq!((code(&party("a")), code(&party("b"))), ("rate_limited", "ok"));
        let others = ["b", "c", "d"].map(|name| turns.long(&party(name)));
        assert_eq!(code(&party("e")), "rate_limited");
        drop(first);
        assert_eq!((code(&party("b")), code(&party("a"))), ("rate_limited", "ok"));
        drop(others);
        assert_eq!(code(&party("b")), "ok");
    }

    #[tokio::test]
    async fn short_work_waits_but_not_without_bound() {
        let turns = Arc::new(Turns::default());
        let mut held = Vec::new();
        for _ in 0..SHORT_MAX {
            held.push(turns.short().await);
        }
        let waiting: Vec<_> = (0..WAITING_MAX)
            .map(|_| {
                let turns = Arc::clone(&turns);
                tokio::spawn(async move { turns.short().await.is_ok() })
            })
            .collect();
        while turns.waiting.load(Ordering::Relaxed) < WAITING_MAX {
            tokio::task::yield_now().await;
        }
        assert_eq!(turns.short().await.err().map(|problem| problem.code()), Some("rate_limited"));
        drop(held);
        for one in waiting {
            assert!(one.await.expect("it ran"), "each had its turn");
        }
        assert!(turns.short().await.is_ok());
    }
}
