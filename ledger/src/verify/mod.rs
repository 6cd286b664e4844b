//! Is it proven? Signatures, tree and replay checked again from nothing but the bytes at hand.
//!
//! Source: audit specification §12. Three results, never blurred: *good*, every check that was asked
//! for was made and holds; *bad*, something well formed contradicts something signed or computed;
//! *undecidable*, bytes are missing, cannot be read, or nobody known signed them. A slip (a file that
//! was not copied, a cut one) is never called a contradiction, nor a contradiction a slip: a whole
//! file whose bytes fail a checksum, a chain value or a digest was changed after it was written.
//!
//! The module knows nothing of margin or custodians' formats: whoever composes a verification gives
//! an [`Answerer`] for what is recorded of them. It writes nothing into what it verifies: the index is
//! looked at in a copy, because opening it would change it.
//!
//! Memory is bounded by the state: records are read in batches, tiles compared one at a time.

mod applied;
mod balance;
mod claims;
mod directory;
mod export;
mod files;
mod notes;
mod proof;
mod public;

mod records;
mod report;
mod signatures;
mod snapshots;
mod states;
mod tally;
mod tree;
mod watching;

use crate::note::VerifierKey;
use crate::policy::Policy;

pub(crate) use tree::{Made, Tree};

pub use directory::directory;
pub use export::export;
pub use proof::{ProofOptions, proof};

pub use public::{Fetched, public};
pub use records::{Answer, Answerer, Question, Stated};
pub use report::{Check, CheckId, CheckResult, FORMAT, Finding, ProvenBalance, Report, Verdict};
pub use watching::{Kept, Trust, Watched, watch};

/// What a verification rests on besides the ledger's own bytes.
#[derive(Default)]
pub struct Options<'a> {
    /// The log's key, known from elsewhere.
    pub vkey: Option<&'a VerifierKey>,
    /// Whose cosignatures are asked for.
    pub policy: Option<&'a Policy>,
    /// Checkpoints kept from earlier: name and note of each.
    pub old: &'a [(String, Vec<u8>)],
    /// Who knows margin and custodians' formats.
    pub answer: Option<&'a Answerer<'a>>,
    /// Told how many records are done of how many.
    pub progress: Option<&'a dyn Fn(u64, u64)>,
}

/// Help for records that only a newer program knows.
const NEWER: &str = "use the version of this program that recorded it, or a newer one";

/// Help for documents that are not at hand.
const RESTORE_DOCUMENT: &str = "restore the document from a copy: its name is its SHA-256";

/// Help for records that the rules refuse.
const NOT_OURS: &str = "no honest ledger records this: keep the directory as evidence, compare with a copy";

/// Help for damaged journals.
const RESTORE_JOURNAL: &str = "these are not the bytes that were written: restore the journal from a copy; \
                               this says that they changed, not who changed them";

/// Help for missing ends and segments.
const FETCH_JOURNAL: &str = "copy the whole directory again, or restore it from a backup";

/// Help for tiles that are missing or cut.
const REBUILD: &str = "the records give it: pledger serve writes it again when it opens the ledger";
