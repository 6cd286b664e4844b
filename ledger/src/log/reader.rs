//! The readers' side: tiles, proofs and receipts within the newest published checkpoint.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use crate::checkpoint::SignedCheckpoint;
use crate::digest::Digest;
use crate::merkle::{self, Subtree, TreeHead, leaf_hash};
use crate::note::KeyName;
use crate::proof::TlogProof;
use crate::tiles::{self, FULL, TileKind, TilePath};

use super::edge::{Edge, locate};
use super::files::Files;
use super::nodes::TileNodes;
use super::shown::Shown;
use super::{LogError, kept};

/// Full tiles kept in memory, of 16 KiB each.
const CACHED_TILES: usize = 256;

/// What readers see: the checkpoint, and an edge of at least its size.
pub(super) struct Published {
    pub(super) checkpoint: Option<Arc<SignedCheckpoint>>,
    pub(super) edge: Edge,
}

impl Published {
    fn head(&self) -> TreeHead {
        self.checkpoint.as_ref().map_or(TreeHead::EMPTY, |checkpoint| checkpoint.head())
    }
}

/// A handle that sees what is published. Clones see the same.
#[derive(Clone)]
pub struct LogReader {
    pub(super) tiles: Arc<Tiles>,
    pub(super) published: Arc<ArcSwap<Published>>,
    pub(super) origin: KeyName,
    pub(super) shown: Arc<Shown>,
}

impl LogReader {
    /// Size and root of the newest published checkpoint; the empty tree before the first.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.published.load().head()
    }

    /// The newest published checkpoint; `None` before the first.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Arc<SignedCheckpoint>> {
        self.published.load().checkpoint.clone()
    }

    /// The note of the checkpoint that was published for exactly `size` leaves, if one was.
    ///
    /// # Errors
    /// [`LogError::Io`] and [`LogError::Damaged`].
    pub fn checkpoint_at(&self, size: u64) -> Result<Option<String>, LogError> {
        let note = kept::find(&self.tiles.files.path(super::writer::CHECKPOINTS), &self.origin, size)?;
        Ok(note.map(|note| note.to_string()))
    }

    /// A tile or bundle of any width that the published size covers, cut from a wider one if need
    /// be; `None` beyond it.
    ///
    /// # Errors
    /// [`LogError::Io`] and [`LogError::Damaged`].
    pub fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, LogError> {
        let published = self.published.load_full();
        if !path.is_within(published.head().size) {
            return Ok(None);
        }
        let bytes = match path.kind() {
            TileKind::Hashes(level) => {
                let tile = self.tiles.tile(&published.edge, level, path.index())?;
                tile.bytes(path.width()).expect("the edge is not behind the checkpoint")
            }
            TileKind::Entries => self.tiles.bundle(&published.edge, path.index(), path.width())?,
        };
        Ok(Some(bytes))
    }

    /// Root of the first `size` leaves.
    ///
    /// # Errors
    /// [`LogError::NotCovered`], [`LogError::Io`] and [`LogError::Damaged`].
    pub fn root_at(&self, size: u64) -> Result<Digest, LogError> {
        let published = self.covering(size)?;
        merkle::root_at(size, &mut |node| self.tiles.node(&published.edge, node))
    }

    /// Root of the first `size` leaves, also where no checkpoint covers them yet: of all that was there
    /// when the log was opened or last published.
    ///
    /// # Errors
    /// [`LogError::NotCovered`], [`LogError::Io`] and [`LogError::Damaged`].
    pub fn root_of_appended(&self, size: u64) -> Result<Digest, LogError> {
        let published = self.published.load_full();
        let appended = published.edge.size();
        if size > appended {
            return Err(LogError::NotCovered { asked: size, published: appended });
        }
        merkle::root_at(size, &mut |node| self.tiles.node(&published.edge, node))
    }

    /// The path that shows leaf `index` in the tree of `size` leaves.
    ///
    /// # Errors
    /// [`LogError::NotCovered`], also if `index >= size`; [`LogError::Io`], [`LogError::Damaged`].
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Digest>, LogError> {
        let published = self.covering(size)?;
        if index >= size {
            return Err(LogError::NotCovered { asked: index, published: size });
        }
        merkle::inclusion_path(index, size, &mut |node| self.tiles.node(&published.edge, node))
    }

    /// The path that shows the tree of `new` leaves to extend that of `old`.
    ///
    /// # Errors
    /// [`LogError::NotCovered`], also if `old > new`; [`LogError::Io`], [`LogError::Damaged`].
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Digest>, LogError> {
        let published = self.covering(new)?;
        if old > new {
            return Err(LogError::NotCovered { asked: old, published: new });
        }
        merkle::consistency_path(old, new, &mut |node| self.tiles.node(&published.edge, node))
    }

    /// The receipt for the record whose leaf is given, over the newest checkpoint.
    ///
    /// # Errors
    /// As [`LogReader::tlog_proof_under`].
    pub fn tlog_proof(&self, seq: u64, leaf: &[u8]) -> Result<TlogProof, LogError> {
        match self.checkpoint() {
            Some(checkpoint) => self.tlog_proof_under(seq, leaf, &checkpoint),
            None => Err(LogError::NotCovered { asked: seq, published: 0 }),
        }
    }

    /// The receipt over a checkpoint of this log that is not newer than the published one, for
    /// example one that witnesses have cosigned since.
    ///
    /// # Errors
    /// [`LogError::NotCovered`], [`LogError::NotTheLeaf`]; [`LogError::Io`], [`LogError::Damaged`].
    pub fn tlog_proof_under(
        &self,
        seq: u64,
        leaf: &[u8],
        checkpoint: &SignedCheckpoint,
    ) -> Result<TlogProof, LogError> {
        let path = self.inclusion(seq, checkpoint.head().size)?;
        let proof =
            TlogProof { extra: Some(leaf.to_vec()), index: seq, path, checkpoint: checkpoint.to_string() };
        // No receipt goes out that its holder would refuse.
        proof.shows(leaf, &checkpoint.head()).map_err(|_| LogError::NotTheLeaf { seq })?;
        Ok(proof)
    }

    fn covering(&self, size: u64) -> Result<Arc<Published>, LogError> {
        let published = self.published.load_full();
        let covered = published.head().size;
        if size > covered {
            return Err(LogError::NotCovered { asked: size, published: covered });
        }
        Ok(published)
    }
}

/// Full tiles from files and cache, each checked against the hash above it.
pub(super) struct Tiles {
    pub(super) files: Files,
    cache: Mutex<Cache>,
    /// Bytes of files that are being written.
    waiting: Mutex<HashMap<TilePath, Arc<Vec<u8>>>>,
}

impl Tiles {
    pub(super) fn new(files: Files) -> Self {
        Self { files, cache: Mutex::default(), waiting: Mutex::default() }
    }

    /// The hash of a complete subtree within the edge's tree.
    pub(super) fn node(&self, edge: &Edge, node: Subtree) -> Result<Digest, LogError> {
        let (level, index, inner, place) = locate(node);
        let tile = self.tile(edge, level, index)?;
        Ok(tile.node(inner, place).expect("only complete subtrees of the tree are asked for"))
    }

    /// A tile of the edge's tree: the partial one, or a full one.
    fn tile(&self, edge: &Edge, level: u8, index: u64) -> Result<Arc<TileNodes>, LogError> {
        if let Some(tile) = edge.tile(level, index) {
            return Ok(Arc::clone(tile));
        }
        let path = TilePath::full(TileKind::Hashes(level), index);
        assert!(path.is_within(edge.size()), "{path} is not in a tree of {}", edge.size());
        if let Some(tile) = lock(&self.cache).tiles.get(&path) {
            return Ok(Arc::clone(tile));
        }
        let above = self.tile(edge, level + 1, index / u64::from(FULL))?;
        let place = usize::try_from(index % u64::from(FULL)).expect("below 256");
        let tile = Arc::new(self.read_full(path)?);
        if tile.root() != above.node(0, place) {
            return Err(damaged(path, "its root is not the hash above it"));
        }
        self.keep(path, Arc::clone(&tile));
        Ok(tile)
    }

    /// A full tile as its file has it, not checked against anything.
    pub(super) fn read_full(&self, path: TilePath) -> Result<TileNodes, LogError> {
        let bytes = self.read(path)?;
        TileNodes::parse_full(&bytes).ok_or(damaged(path, "it is not 256 hashes long"))
    }

    fn read(&self, path: TilePath) -> Result<Vec<u8>, LogError> {
        if let Some(bytes) = lock(&self.waiting).get(&path) {
            return Ok(bytes.to_vec());
        }
        self.files.read(&path.to_string())?.ok_or(damaged(path, "the file is gone"))
    }

    /// Serves these bytes until [`Tiles::file_is_written`].
    pub(super) fn await_file(&self, path: TilePath, bytes: Arc<Vec<u8>>) {
        lock(&self.waiting).insert(path, bytes);
    }

    pub(super) fn file_is_written(&self, path: TilePath) {
        lock(&self.waiting).remove(&path);
    }

    /// The first `width` leaves of a bundle.
    fn bundle(&self, edge: &Edge, index: u64, width: u16) -> Result<Vec<u8>, LogError> {
        if let Some(bundle) = edge.bundle(index) {
            return Ok(tiles::cut(bundle, width)?.to_vec());
        }
        let path = TilePath::full(TileKind::Entries, index);
        let mut bytes = self.read(path)?;
        let hashes = self.tile(edge, 0, index)?;
        let leaves = tiles::entries(&bytes, FULL).map_err(|error| damaged(path, &error.to_string()))?;
        for (place, leaf) in leaves.iter().enumerate() {
            if hashes.node(0, place) != Some(leaf_hash(leaf)) {
                return Err(damaged(path, &format!("leaf {place} of it is not the tree's")));
            }
        }
        bytes.truncate(tiles::cut(&bytes, width)?.len());
        Ok(bytes)
    }

    /// Remembers a tile that is known to be right.
    pub(super) fn keep(&self, path: TilePath, tile: Arc<TileNodes>) {
        let mut cache = lock(&self.cache);
        if cache.tiles.insert(path, tile).is_none() {
            cache.order.push_back(path);
        }
        if cache.order.len() > CACHED_TILES
            && let Some(oldest) = cache.order.pop_front()
        {
            cache.tiles.remove(&oldest);
        }
    }
}

/// What is locked here are maps that are whole between any two calls, so a thread that panicked
/// elsewhere did them no harm.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The tiles that were loaded last, first in, first out.
#[derive(Default)]
struct Cache {
    tiles: HashMap<TilePath, Arc<TileNodes>>,
    order: VecDeque<TilePath>,
}

pub(super) fn damaged(path: TilePath, reason: &str) -> LogError {
    LogError::Damaged { file: path.to_string(), reason: reason.to_owned() }
}
