//! Before the first signature after a start: does anybody know more of this log than its own store?
//!
//! Source: audit specification §13. A store that was rolled back, signed again, would be a second history.

use crate::digest::Digest;
use crate::merkle::TreeHead;

/// What one witness said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Heard {
    /// It last cosigned this tree; the note was signed by a key of the log.
    Holds(TreeHead),
    /// It last saw this size, and did not show the tree.
    Saw(u64),
    /// It gave no answer that says anything: why.
    Nothing(String),
}

/// What follows from it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Finding {
    /// It knows nothing that we don't: the size it saw last.
    Behind(u64),
    /// It saw a larger tree: nothing may be signed.
    Ahead(u64),
    /// It cosigned another tree than ours of the same size: nothing may be signed.
    Differs(TreeHead),
    /// Nothing follows.
    Unknown(String),
}

/// Judges what was heard by the tree at hand; `root_at` gives its root at sizes up to `ours`, or `None`
/// where it cannot be told.
pub fn judge(heard: Heard, ours: u64, root_at: impl Fn(u64) -> Option<Digest>) -> Finding {
    match heard {
        Heard::Nothing(reason) => Finding::Unknown(reason),
        Heard::Saw(size) if size > ours => Finding::Ahead(size),
        Heard::Saw(size) => Finding::Behind(size),
        Heard::Holds(head) if head.size > ours => Finding::Ahead(head.size),
        Heard::Holds(head) => match root_at(head.size) {
            Some(root) if root == head.root => Finding::Behind(head.size),
            Some(_) => Finding::Differs(head),
            None => Finding::Unknown(format!("the tree of {} leaves cannot be read", head.size)),
        },
    }
}
