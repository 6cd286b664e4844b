//! What a witness remembers: of each log, the largest tree that it cosigned.
//!
//! The bytes, of which a program writes a new file before each signature:
//!
//! ```text
//! pledger/witness-state/v1
//! vkey <the witness's own key>
//! log <last time, seconds> <length of the note>     one for each log, by origin,
//! <the note, with the log's lines and our own>      followed by its note
//! end <SHA-256 of all before this line, hex>
//! ```

use std::collections::BTreeMap;

use crate::checkpoint::{Checkpoint, parse_decimal};
use crate::digest::Digest;
use crate::merkle::TreeHead;
use crate::note::{Note, SIGNATURES_MAX, SignatureLine, VerifierKey};

const HEADER: &str = "pledger/witness-state/v1";

/// Why bytes are no memory of this witness. It must not start: what it forgot it might sign against.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum MemoryError {
    /// The bytes are damaged, or another version's.
    #[error("not a witness's state: {reason}")]
    Damaged {
        /// The first rule that does not hold.
        reason: &'static str,
    },
    /// They are another witness's.
    #[error("the state is that of {found}, not of {expected}")]
    OtherWitness {
        /// The key at hand.
        expected: String,
        /// The key in the state.
        found: String,
    },
}

/// The last checkpoint of a log that was cosigned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Seen {
    head: TreeHead,
    note: Note,
    time: u64,
}

impl Seen {
    /// # Panics
    /// Never with the text of a note that was read and a line on it: what more lines there are than a
    /// note takes are left out, ours being the last.
    pub(super) fn new(text: &str, head: TreeHead, mut lines: Vec<SignatureLine>, time: u64) -> Self {
        lines.drain(..lines.len().saturating_sub(SIGNATURES_MAX));
        let note = Note::new(text, lines).expect("the text is a note's, and it has our line");
        Self { head, note, time }
    }

    /// Size and root.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// The note, with the log's lines and ours.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// When it was cosigned, in seconds since 1970.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.time
    }
}

/// All that a witness remembers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Memory {
    seen: BTreeMap<String, Seen>,
}

impl Memory {
    /// What was seen of a log; `None` before its first checkpoint.
    #[must_use]
    pub fn seen(&self, origin: &str) -> Option<&Seen> {
        self.seen.get(origin)
    }

    /// The memory with that in it.
    #[must_use]
    pub fn with(&self, origin: &str, seen: Seen) -> Self {
        let mut next = self.clone();
        next.seen.insert(origin.to_owned(), seen);
        next
    }

    /// The latest time that was signed, of any log; 0 before the first.
    #[must_use]
    pub fn last_time(&self) -> u64 {
        self.seen.values().map(|seen| seen.time).max().unwrap_or(0)
    }

    /// The bytes that are kept.
    #[must_use]
    pub fn print(&self, own: &VerifierKey) -> String {
        let mut text = format!("{HEADER}\nvkey {own}\n");
        for seen in self.seen.values() {
            let note = seen.note.to_string();
            text.push_str(&format!("log {} {}\n{note}", seen.time, note.len()));
        }
        let end = end_line(&text);
        text + &end
    }

    /// Reads what was kept.
    ///
    /// # Errors
    /// [`MemoryError`].
    pub fn parse(bytes: &[u8], own: &VerifierKey) -> Result<Self, MemoryError> {
        let damaged = |reason| MemoryError::Damaged { reason };
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not UTF-8"))?;
        let ends = text.len().checked_sub(END_LENGTH).and_then(|at| text.split_at_checked(at));
        let (body, end) = ends.ok_or(damaged("it is cut short"))?;
        if end != end_line(body) {
            return Err(damaged("the digest on its last line is not that of the rest"));
        }
        let (header, rest) = body.split_once('\n').ok_or(damaged("it is cut short"))?;
        if header != HEADER {
            return Err(damaged("the first line is not pledger/witness-state/v1"));
        }
        let (vkey, mut rest) = rest.split_once('\n').ok_or(damaged("it is cut short"))?;
        let found = vkey.strip_prefix("vkey ").ok_or(damaged("the second line names no key"))?.to_owned();
        if found != own.to_string() {
            return Err(MemoryError::OtherWitness { expected: own.to_string(), found });
        }
        let mut memory = Self::default();
        while !rest.is_empty() {
            let (origin, seen, after) = read_log(rest).ok_or(damaged("a log's entry cannot be read"))?;
            memory.seen.insert(origin, seen);
            rest = after;
        }
        Ok(memory)
    }
}

/// Bytes of the last line.
const END_LENGTH: usize = "end ".len() + 64 + "\n".len();

fn end_line(body: &str) -> String {
    format!("end {}\n", Digest::of(body.as_bytes()))
}

fn read_log(text: &str) -> Option<(String, Seen, &str)> {
    let (line, rest) = text.split_once('\n')?;
    let (time, length) = line.strip_prefix("log ")?.split_once(' ')?;
    let (time, length) = (parse_decimal(time)?, usize::try_from(parse_decimal(length)?).ok()?);
    let (note, after) = rest.split_at_checked(length)?;
    let note = Note::parse(note).ok()?;
    let (origin, head) = Checkpoint::parse_lines(note.text()).ok()?;
    let origin = origin.to_owned();
    Some((origin, Seen { head, note, time }, after))
}
