//! The state as bytes: a cache that spares a replay, and nothing more.
//!
//! A snapshot that cannot be read, or that another version wrote, is as good as none.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::state::State;
use crate::store::StoredSnapshot;

/// Changes with the shape of [`State`]: an older snapshot is then not read.
const VERSION: u32 = 7;

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
    // The head first: what follows has the shape of another state, and its bytes may claim anything.
    let (head, _): ((u32, String), _) = postcard::take_from_bytes(&stored.bytes).ok()?;
    if head != (VERSION, env!("CARGO_PKG_VERSION").to_owned()) {
        return None;
    }
    let snapshot: Snapshot = postcard::from_bytes(&stored.bytes).ok()?;
    let usable = snapshot.state.origin() == origin && snapshot.state.length() == stored.length;
    usable.then_some((snapshot.state, snapshot.root))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The story: the state was read before its version was looked at. Maps reserve what the bytes claim
    /// to hold, so another version's snapshot could claim 42 terabytes and end the process at each start,
    /// where it should have been as good as none.
    #[test]
    fn the_state_of_another_version_is_not_read() {
        let origin = "ledger.example/s";
        let stored = store(&State::new(origin), Digest::of(b"root"));
        assert!(load(&stored, origin).is_some());
        for (version, program) in [(VERSION + 1, env!("CARGO_PKG_VERSION")), (VERSION, "0.0.0")] {
            let mut bytes = postcard::to_allocvec(&(version, program)).unwrap();
            bytes.extend([0xff; 2_000]);
            assert_eq!(load(&StoredSnapshot { length: 0, bytes }, origin), None);
        }
    }
}
