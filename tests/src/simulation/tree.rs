//! The Merkle tree as RFC 6962 §2.1 writes it down: a recursion over all leaves, each time.

use ledger::digest::Digest;
use ledger::time::Timestamp;

use super::clients::Clients;

/// The hash of a list of leaves.
pub(super) fn tree_hash(leaves: &[Vec<u8>]) -> Digest {
    match leaves {
        [] => Digest::of(b""),
        [leaf] => Digest::of_parts(&[&[0], leaf]),
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Digest::of_parts(&[&[1], tree_hash(left).as_bytes(), tree_hash(right).as_bytes()])
        }
    }
}

/// The leaf of a record that clients know, line by line as the format says.
pub(super) fn leaf(clients: &Clients, seq: u64) -> Vec<u8> {
    let recorded = clients.recorded(seq);
    let sent = &clients.sent[recorded.sent];
    let at = Timestamp::from_millis(recorded.at).map_or_else(String::new, |at| at.to_string());
    let envelope = Digest::of(sent.envelope.as_bytes());
    format!("pledger/record/v1\n{seq}\n{at}\n{}\n{envelope}\n", sent.id).into_bytes()
}

/// The leaves of everything that clients know to be on record.
pub(super) fn leaves(clients: &Clients) -> Vec<Vec<u8>> {
    (0..clients.known()).map(|seq| leaf(clients, seq)).collect()
}
