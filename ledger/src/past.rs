//! States as they were: what readers are given, and how an earlier one is made again.
//!
//! A state is a value of persistent maps, so keeping one costs what changed since. A ladder of them is
//! kept, never more than [`RUNGS_MAX`] and at even distances: as the ledger grows, every other rung
//! goes. An earlier state is the rung below it, or a snapshot, and the records in between, taken up
//! again. **Invariant:** only what was published is on the ladder, and nothing rests on it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::replay::{self, ReplayError};
use crate::snapshot;
use crate::state::State;
use crate::store::StoreReader;

/// The most states kept along the way.
const RUNGS_MAX: usize = 64;

/// The least records between two of them.
const STRIDE_MIN: u64 = 512;

/// States that were asked for and are kept, because pages of one list ask for the same one.
const ASKED_MAX: usize = 8;

/// Records from a rung that are taken up again without asking whether there is room for more work.
pub const NEAR_MAX: u64 = 4_096;

/// What readers see: always durable and published.
#[derive(Clone, Debug)]
pub struct Published {
    /// The state after the newest published record.
    pub state: State,
}

/// The newest published state, and the way to earlier ones.
pub struct Past {
    newest: ArcSwap<Published>,
    reader: Arc<dyn StoreReader>,
    ladder: Mutex<Ladder>,
}

struct Ladder {
    rungs: BTreeMap<u64, Arc<Published>>,
    stride: u64,
    /// The last asked for at the back.
    asked: VecDeque<Arc<Published>>,
}

/// What it takes to give an earlier state.
pub enum Way {
    /// It is at hand.
    Here(Arc<Published>),
    /// So many records have to be taken up again.
    Records(u64),
}

impl Past {
    /// Of a ledger that has just opened with this state.
    #[must_use]
    pub fn new(state: State, reader: Arc<dyn StoreReader>) -> Self {
        let newest = Arc::new(Published { state });
        let rungs = BTreeMap::from([(newest.state.length(), Arc::clone(&newest))]);
        let ladder = Ladder { rungs, stride: STRIDE_MIN, asked: VecDeque::new() };
        Self { newest: ArcSwap::new(newest), reader, ladder: Mutex::new(ladder) }
    }

    /// What is published now.
    #[must_use]
    pub fn newest(&self) -> Arc<Published> {
        self.newest.load_full()
    }

    /// Shows readers the next state. Only the sequencer calls this.
    pub(crate) fn publish(&self, state: &State) {
        let newest = Arc::new(Published { state: state.clone() });
        self.ladder().keep(&newest);
        self.newest.store(newest);
    }

    /// What it takes to give the state after `length` records, which are published.
    #[must_use]
    pub fn way_to(&self, length: u64) -> Way {
        let newest = self.newest();
        if newest.state.length() == length {
            return Way::Here(newest);
        }
        let ladder = self.ladder();
        match ladder.below(length) {
            Some(rung) if rung.state.length() == length => Way::Here(Arc::clone(rung)),
            Some(rung) => Way::Records(length - rung.state.length()),
            None => Way::Records(length),
        }
    }

    /// The state after `length` records, made again from the nearest one below. Reads from disk and
    /// takes as long as its records do.
    ///
    /// # Errors
    /// [`ReplayError`]; what was published is then not what is read back.
    pub fn rebuild(&self, length: u64) -> Result<Arc<Published>, ReplayError> {
        let newest = self.newest();
        let origin = newest.state.origin();
        let rung = self.ladder().below(length).map(|rung| rung.state.clone());
        let mut state = rung.unwrap_or_else(|| State::new(origin));
        if length - state.length() > NEAR_MAX
            && let Some(stored) = self.reader.snapshot_within(length)?
            && stored.length > state.length()
            && let Some((kept, _)) = snapshot::load(&stored, origin)
        {
            state = kept;
        }
        // An earlier state is no later than what is published, so its records are all there.
        'records: for batch in self.reader.batches(state.length()) {
            let batch = batch?;
            for (seq, stored) in (batch.first_seq..).zip(&batch.records) {
                if state.length() == length {
                    break 'records;
                }
                if seq < state.length() {
                    continue;
                }
                state = replay::take_up(&state, stored, self.reader.as_ref())?.state;
                if state.length().is_multiple_of(STRIDE_MIN) {
                    self.ladder().keep(&Arc::new(Published { state: state.clone() }));
                }
            }
        }
        let asked = Arc::new(Published { state });
        self.remember(&asked);
        Ok(asked)
    }

    /// Keeps a state at hand that will be asked for again.
    pub fn remember(&self, state: &Arc<Published>) {
        self.ladder().note_asked(state);
    }

    /// A panic elsewhere leaves the ladder whole: it only ever gains or loses whole states.
    fn ladder(&self) -> MutexGuard<'_, Ladder> {
        self.ladder.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ladder {
    /// The nearest state of at most `length` records.
    fn below(&self, length: u64) -> Option<&Arc<Published>> {
        let rung = self.rungs.range(..=length).next_back().map(|(_, rung)| rung);
        let asked = self.asked.iter().filter(|asked| asked.state.length() <= length);
        asked.chain(rung).max_by_key(|rung| rung.state.length())
    }

    /// Keeps the state if no other is near; makes room by letting every other one go.
    fn keep(&mut self, rung: &Arc<Published>) {
        self.keep_at(rung.state.length(), rung);
    }

    fn keep_at(&mut self, length: u64, rung: &Arc<Published>) {
        let near = length.saturating_sub(self.stride - 1)..length.saturating_add(self.stride);
        if self.rungs.range(near).next().is_some() {
            return;
        }
        self.rungs.insert(length, Arc::clone(rung));
        while self.rungs.len() > RUNGS_MAX {
            self.stride = self.stride.saturating_mul(2);
            let (stride, mut last) = (self.stride, None::<u64>);
            self.rungs.retain(|length, _| {
                let stays = last.is_none_or(|last| length - last >= stride);
                if stays {
                    last = Some(*length);
                }
                stays
            });
        }
    }

    fn note_asked(&mut self, rung: &Arc<Published>) {
        self.asked.retain(|asked| asked.state.length() != rung.state.length());
        self.asked.push_back(Arc::clone(rung));
        while self.asked.len() > ASKED_MAX {
            self.asked.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_stays_short_and_even() {
        let rung = |_: u64| Arc::new(Published { state: State::new("ledger.example/one") });
        let mut ladder = Ladder { rungs: BTreeMap::new(), stride: STRIDE_MIN, asked: VecDeque::new() };
        for length in 0..200_000 {
            ladder.keep_at(length, &rung(length));
            assert!(ladder.rungs.len() <= RUNGS_MAX);
        }
        let lengths: Vec<u64> = ladder.rungs.keys().copied().collect();
        assert_eq!(lengths[0], 0);
        assert!(lengths.windows(2).all(|pair| pair[1] - pair[0] == ladder.stride), "{lengths:?}");
        assert!(lengths.len() > RUNGS_MAX / 2 - 1, "{lengths:?}");
    }
}
