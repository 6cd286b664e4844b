//! The kept snapshot: a cache that must not say anything else than the records.

use super::report::{CheckId, Finding};
use super::tally::Tallies;
use crate::digest::Digest;
use crate::merkle::TreeHead;
use crate::snapshot;
use crate::state::State;
use crate::store::StoreReader;

/// The newest snapshot, waiting for the replay to come to its length.
pub(super) struct Kept {
    state: State,
    root: Digest,
}

/// Reads it. One that is missing, not whole, or another version's is none: nothing rests on it.
pub(super) fn read(reader: &dyn StoreReader, origin: &str, found: &mut Tallies) -> Option<Kept> {
    let reason = match reader.snapshot() {
        Ok(Some(stored)) => match snapshot::load(&stored, origin) {
            Some((state, root)) => return Some(Kept { state, root }),
            None => "the snapshot is another version's, which this one does not read".to_owned(),
        },
        Ok(None) => "no snapshot of this journal is kept".to_owned(),
        Err(error) => format!("no snapshot to look at: {error}"),
    };
    found.count(CheckId::Snapshots, 0);
    found.remark(CheckId::Snapshots, &reason);
    None
}

impl Kept {
    /// Records applied.
    pub(super) fn length(&self) -> u64 {
        self.state.length()
    }

    /// Compares it with the replayed state and the rebuilt tree, which is of its length.
    pub(super) fn compare(&self, state: &State, head: &TreeHead, found: &mut Tallies) {
        if self.length() != state.length() {
            found.skip(CheckId::Snapshots, "the replay stopped before it");
            return;
        }
        found.count(CheckId::Snapshots, 1);
        if self.state != *state || self.root != head.root {
            let last = state.length().saturating_sub(1);
            let finding = Finding::at(last, "the snapshot is not what the records give");
            let help = "delete the folder index: pledger serve rebuilds it from the journal";
            found.fail(CheckId::Snapshots, finding.with(head.root, self.root).help(help));
        }
    }
}
