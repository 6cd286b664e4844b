//! A client that keeps each checkpoint it acted on, and compares each new one with them.
//!
//! Source: audit specification §15. Unlike [`super::public`] it reads of the log only what the comparison
//! needs, a few tiles for each kept checkpoint. What contradicts a kept text is proof against the log
//! where two texts that it signed exclude each other, and is written as fork evidence where its form can
//! hold it; whatever else does not fit decides nothing, because the sender may have erred.

use std::cell::RefCell;
use std::collections::HashMap;

use super::public::Fetched;
use super::report::Verdict;
use crate::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::digest::Digest;
use crate::fork::{ForkEvidence, ForkKind};
use crate::merkle::{self, Subtree, TreeHead, verify_consistency};
use crate::note::{NoteError, VerifierKey};
use crate::policy::{Policy, Unmet};
use crate::proof::TlogProof;
use crate::tiles::{self, FULL, TileKind, TilePath};

/// Whose word counts.
#[derive(Clone, Debug)]
pub struct Trust<'a> {
    /// The log's keys; their name is its origin.
    pub keys: Vec<&'a VerifierKey>,
    /// Whose cosignatures are asked for.
    pub policy: Option<&'a Policy>,
}

impl Trust<'_> {
    /// The log's origin; empty if no key is known.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.keys.first().map_or("", |key| key.name().as_str())
    }
}

/// Texts that a client kept, each with a name for it.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Checkpoints.
    pub checkpoints: Vec<(String, String)>,
    /// Receipts.
    pub receipts: Vec<(String, String)>,
}

/// What a look at the log came to.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Good, bad or undecidable, as a verification.
    pub verdict: Verdict,
    /// What was found, a line each.
    pub told: Vec<String>,
    /// Proof that the log forked.
    pub evidence: Vec<ForkEvidence>,
    /// The checkpoint that may be acted on and kept: it fits every kept one, and contradicts no receipt.
    pub newest: Option<SignedCheckpoint>,
}

impl Watched {
    fn tell(&mut self, verdict: Verdict, told: String) {
        self.told.push(told);
        self.verdict = match (self.verdict, verdict) {
            (Verdict::Bad, _) | (_, Verdict::Bad) => Verdict::Bad,
            (Verdict::Undecidable, _) | (_, Verdict::Undecidable) => Verdict::Undecidable,
            (Verdict::Good, Verdict::Good) => Verdict::Good,
        };
    }
}

/// Looks at a log once: `fetch` gives what is served under `/log/`, `signed_at` the note that the log now
/// says it signed for a size.
pub fn watch(
    fetch: &dyn Fn(&str) -> Fetched,
    signed_at: &dyn Fn(u64) -> Option<String>,
    trust: &Trust,
    kept: &Kept,
) -> Watched {
    let mut watched =
        Watched { verdict: Verdict::Good, told: Vec::new(), evidence: Vec::new(), newest: None };
    let newest = match newest(fetch, trust) {
        Ok(newest) => newest,
        Err((verdict, reason)) => {
            watched.tell(verdict, reason);
            return watched;
        }
    };
    let look = Look { fetch, signed_at, trust, newest: &newest, tiles: RefCell::default() };
    for (name, note) in &kept.checkpoints {
        look.compare_checkpoint(name, note, &mut watched);
    }
    let is_consistent = watched.verdict == Verdict::Good;
    for (name, proof) in &kept.receipts {
        look.compare_receipt(name, proof, &mut watched);
    }
    if is_consistent && watched.verdict != Verdict::Bad {
        watched.newest = Some(newest);
    }
    watched
}

fn newest(fetch: &dyn Fn(&str) -> Fetched, trust: &Trust) -> Result<SignedCheckpoint, (Verdict, String)> {
    let undecided = |reason: String| (Verdict::Undecidable, reason);
    let note = match fetch("checkpoint") {
        Fetched::Bytes(note) => note,
        Fetched::Missing => return Err(undecided("the log shows no checkpoint".to_owned())),
        Fetched::Failed(reason) => return Err(undecided(reason)),
    };
    let note = String::from_utf8(note).map_err(|_| undecided("the checkpoint is no text".to_owned()))?;
    let opened = SignedCheckpoint::open(&note, trust.origin(), trust.keys.iter().copied());
    let checkpoint = opened.map_err(refused)?;
    match trust.policy.map(|policy| policy.check(&note)) {
        None | Some(Ok(_)) => Ok(checkpoint),
        Some(Err(unmet @ Unmet::Quorum { .. })) => {
            Err(undecided(format!("size {} is not to be acted on: {unmet}", checkpoint.head().size)))
        }
        Some(Err(Unmet::Checkpoint(error))) => Err(refused(error)),
    }
}

/// A line by a known key that it did not make is a forgery; whatever else is refused may be a slip.
fn refused(error: CheckpointError) -> (Verdict, String) {
    let is_forged = matches!(error, CheckpointError::Note(NoteError::BadSignature { .. }));
    let verdict = if is_forged { Verdict::Bad } else { Verdict::Undecidable };
    (verdict, format!("the checkpoint shown is refused: {error}"))
}

/// The log as it is shown now, beside what was kept of it.
struct Look<'a> {
    fetch: &'a dyn Fn(&str) -> Fetched,
    signed_at: &'a dyn Fn(u64) -> Option<String>,
    trust: &'a Trust<'a>,
    newest: &'a SignedCheckpoint,
    tiles: RefCell<HashMap<TilePath, Vec<u8>>>,
}

impl Look<'_> {
    fn compare_checkpoint(&self, name: &str, note: &str, watched: &mut Watched) {
        let opened = SignedCheckpoint::open(note, self.trust.origin(), self.trust.keys.iter().copied());
        let old = match opened {
            Ok(old) => old.head(),
            Err(error) => return watched.tell(Verdict::Undecidable, format!("{name}: {error}")),
        };
        let new = self.newest.head();
        if old.size > new.size {
            let told = format!(
                "{name}: the log signed {} records and now shows {}: it rolled back, or serves stale copies",
                old.size, new.size
            );
            return watched.tell(Verdict::Bad, told);
        }
        match self.root_then(old.size) {
            Some(root) if root == old.root => {
                watched.tell(Verdict::Good, format!("{name}: consistent with size {}", new.size));
            }
            Some(root) => {
                let told = format!(
                    "{name}: the log FORKED: of {} records it signed {} and now {root}",
                    old.size, old.root
                );
                watched.tell(Verdict::Bad, told);
                watched.evidence.extend(self.same_size(note, old));
            }
            None => {
                let told = format!("{name}: the tiles served do not show that size {} extends it", new.size);
                watched.tell(Verdict::Undecidable, told);
            }
        }
    }

    /// The root that the tree signed now had at an earlier size, proven by served tiles.
    fn root_then(&self, size: u64) -> Option<Digest> {
        let new = self.newest.head();
        if size == new.size {
            return Some(new.root);
        }
        let source = &mut |node: Subtree| self.node(node).ok_or(());
        let root = merkle::root_at(size, source).ok()?;
        let path = merkle::consistency_path(size, new.size, source).ok()?;
        verify_consistency(&TreeHead { size, root }, &new, &path).ok()?;
        Some(root)
    }

    /// Two notes of one size, if the log signs another of the kept one's size.
    fn same_size(&self, kept: &str, old: TreeHead) -> Option<ForkEvidence> {
        let other = if old.size == self.newest.head().size {
            self.newest.to_string()
        } else {
            (self.signed_at)(old.size)?
        };
        self.proven(ForkEvidence::new(ForkKind::SameSize, kept.to_owned(), other))
    }

    fn compare_receipt(&self, name: &str, text: &str, watched: &mut Watched) {
        let undecided = |reason: String| (Verdict::Undecidable, format!("{name}: {reason}"));
        let compared = TlogProof::parse(text)
            .and_then(|proof| {
                let receipt = proof.verify(self.trust.origin(), self.trust.keys.iter().copied())?;
                Ok((proof.index, receipt.record.leaf()))
            })
            .map_err(|error| undecided(error.to_string()))
            .and_then(|(index, leaf)| {
                let size = self.newest.head().size;
                if index >= size {
                    return Err(undecided(format!("record {index} is not covered by size {size} yet")));
                }
                let shown = self.prove(index);
                let shown =
                    shown.ok_or_else(|| undecided(format!("record {index} is not served as signed")))?;
                Ok((index, leaf, shown))
            });
        match compared {
            Err((verdict, told)) => watched.tell(verdict, told),
            Ok((index, leaf, shown)) if shown.extra.as_deref() == Some(&leaf[..]) => {
                watched.tell(Verdict::Good, format!("{name}: record {index} is in the log"));
            }
            Ok((index, _, shown)) => {
                watched.tell(Verdict::Bad, format!("{name}: the log FORKED: it signed two records {index}"));
                let evidence = ForkEvidence::new(ForkKind::SameIndex, text.to_owned(), shown.to_string());
                watched.evidence.extend(self.proven(evidence));
            }
        }
    }

    /// Only what holds is given out.
    fn proven(&self, evidence: ForkEvidence) -> Option<ForkEvidence> {
        let holds = evidence.verify(self.trust.origin(), self.trust.keys.iter().copied()).is_ok();
        holds.then_some(evidence)
    }

    /// The receipt of what the log now shows at an index.
    fn prove(&self, index: u64) -> Option<TlogProof> {
        let head = self.newest.head();
        let bundle = index / u64::from(FULL);
        let width = TileKind::Entries.width(bundle, head.size);
        let bytes = self.bytes(TilePath::new(TileKind::Entries, bundle, width)?)?;
        let leaves = tiles::entries(&bytes, width).ok()?;
        let leaf = leaves.get(usize::try_from(index % u64::from(FULL)).ok()?)?.to_vec();
        let path = merkle::inclusion_path(index, head.size, &mut |node| self.node(node).ok_or(())).ok()?;
        let checkpoint = self.newest.to_string();
        let proof = TlogProof { extra: Some(leaf.clone()), index, path, checkpoint };
        proof.shows(&leaf, &head).ok()?;
        Some(proof)
    }

    /// The hash of a complete subtree, from the tile that holds its hashes.
    fn node(&self, node: Subtree) -> Option<Digest> {
        let height = 8;
        let (level, inner) = (u8::try_from(node.level / height).ok()?, node.level % height);
        let first = node.index << inner;
        let index = first / u64::from(FULL);
        let width = TileKind::Hashes(level).width(index, self.newest.head().size);
        let tile = self.bytes(TilePath::new(TileKind::Hashes(level), index, width)?)?;
        let start = usize::try_from(first % u64::from(FULL)).ok()?;
        let (hashes, _) = tile.as_chunks::<32>();
        let hashes = hashes.get(start..start + (1 << inner))?;
        Some(merkle::root_of(hashes.iter().map(|hash| Digest(*hash))))
    }

    fn bytes(&self, path: TilePath) -> Option<Vec<u8>> {
        if let Some(bytes) = self.tiles.borrow().get(&path) {
            return Some(bytes.clone());
        }
        let Fetched::Bytes(bytes) = (self.fetch)(&path.to_string()) else { return None };
        self.tiles.borrow_mut().insert(path, bytes.clone());
        Some(bytes)
    }
}
