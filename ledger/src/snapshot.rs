//! The state as bytes: a cache that spares a replay, and nothing more.
//!
//! A snapshot that cannot be read, or that another version wrote, is as good as none. Movements grow
//! with the ledger's age, all else with its business, so they come in parts that are read side by side.
//!
//! | bytes | |
//! |---|---|
//! | 8 | length of the head |
//! | | the head: version, program, root, the state without its movements |
//! | 8 | length of the next part, for each part |
//! | | the part: up to 8,192 movements in the order of ids |

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::movement::Movement;
use crate::state::State;
use crate::store::StoredSnapshot;

/// Changes with the shape of [`State`]: an older snapshot is then not read.
const VERSION: u32 = 9;

const MOVEMENTS_TOGETHER: usize = 8_192;

#[derive(Serialize, Deserialize)]
struct Head {
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
    let mut rest = state.clone();
    let movements = rest.take_movements();
    let head = Head { version: VERSION, program: env!("CARGO_PKG_VERSION").to_owned(), root, state: rest };
    let mut bytes = Vec::new();
    put(&mut bytes, &head);
    let mut movements = movements.values().peekable();
    while movements.peek().is_some() {
        let part: Vec<&Arc<Movement>> = movements.by_ref().take(MOVEMENTS_TOGETHER).collect();
        put(&mut bytes, &part);
    }
    StoredSnapshot { length: state.length(), bytes }
}

/// Writes a part's length and the part.
fn put(bytes: &mut Vec<u8>, part: &impl Serialize) {
    let part = postcard::to_allocvec(part).expect("a state always encodes");
    bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
    bytes.extend_from_slice(&part);
}

/// The state and root that bytes hold, if they can be used for this ledger.
#[must_use]
pub fn load(stored: &StoredSnapshot, origin: &str) -> Option<(State, Digest)> {
    let parts = parts(&stored.bytes)?;
    let (head, parts) = parts.split_first()?;
    // What it is first: what follows has the shape of another state, and its bytes may claim anything.
    let (of, _): ((u32, String), _) = postcard::take_from_bytes(head).ok()?;
    if of != (VERSION, env!("CARGO_PKG_VERSION").to_owned()) {
        return None;
    }
    let head: Head = postcard::from_bytes(head).ok()?;
    if head.state.origin() != origin || head.state.length() != stored.length {
        return None;
    }
    let Head { root, mut state, .. } = head;
    for movements in read_all(parts) {
        state.put_movements(movements?);
    }
    Some((state, root))
}

fn parts(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
        let (part, rest) = rest.split_at_checked(length)?;
        parts.push(part);
        bytes = rest;
    }
    Some(parts)
}

type Part = Option<Vec<Arc<Movement>>>;

/// Reads the parts on as many threads as there are cores; in order, each read or `None`.
fn read_all(parts: &[&[u8]]) -> Vec<Part> {
    let next = AtomicUsize::new(0);
    let read_some = || {
        let mut read: Vec<(usize, Part)> = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(part) = parts.get(place) else { return read };
            read.push((place, postcard::from_bytes(part).ok()));
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut read = thread::scope(|scope| {
        let others: Vec<_> = (1..cores.min(parts.len())).map(|_| scope.spawn(read_some)).collect();
        let mut read = read_some();
        for other in others {
            read.extend(other.join().expect("reading bytes does not panic"));
        }
        read
    });
    read.sort_unstable_by_key(|(place, _)| *place);
    read.into_iter().map(|(_, part)| part).collect()
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
