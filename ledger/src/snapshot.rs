//! The state as bytes: a cache that spares a replay, and nothing more.
//!
//! A snapshot that cannot be read, or that another version wrote, is as good as none.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::state::State;
use crate::store::StoredSnapshot;

/// Changes with the shape of [`State`]: an older snapshot is then not read.
const VERSION: u32 = 6;

#[derive(Serialize, Deserialize)]
struct Snapshot {
    version: u32,
    program: String,
    root: Digest,
    state: State,
}

/// The bytes to keep: the state, and the root of the log's tree at its length.
///
/// # Panics
/// Never: memory is the only thing that writing to memory can run out of.
#[must_use]
pub fn store(state: &State, root: Digest) -> StoredSnapshot {
    let program = env!("CARGO_PKG_VERSION").to_owned();
    let snapshot = Snapshot { version: VERSION, program, root, state: state.clone() };
    let bytes = postcard::to_allocvec(&snapshot).expect("a state always encodes");
    StoredSnapshot { length: state.length(), bytes }
}

/// The state and root that bytes hold, if they can be used for this ledger.
#[must_use]
pub fn load(stored: &StoredSnapshot, origin: &str) -> Option<(State, Digest)> {
    let snapshot: Snapshot = postcard::from_bytes(&stored.bytes).ok()?;
    let usable = snapshot.version == VERSION
        && snapshot.program == env!("CARGO_PKG_VERSION")
        && snapshot.state.origin() == origin
        && snapshot.state.length() == stored.length;
    usable.then_some((snapshot.state, snapshot.root))
}
