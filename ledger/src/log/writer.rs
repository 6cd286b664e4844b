//! The writer's side: opening, appending, publishing.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::merkle::{self, TreeHead};
use crate::note::{KeyName, LogSigner, Note};
use crate::tiles::{FULL, TileKind, TilePath};

use super::edge::Edge;
use super::files::Files;
use super::kept::Kept;
use super::nodes::TileNodes;
use super::reader::{LogReader, Published, Tiles, damaged};
use super::shown::{Shown, WITNESSED};
use super::spool::Spool;
use super::unsynced::{Unsynced, full_tiles};
use super::{LogConfig, LogError};

/// The file of all published checkpoints.
pub(super) const CHECKPOINTS: &str = "checkpoints";

/// The file of the static checkpoint.
const CHECKPOINT: &str = "checkpoint";

/// A log being opened: it takes leaves, and shows and signs nothing yet.
pub struct LogOpening {
    tree: Tree,
    signers: Vec<Arc<LogSigner>>,
    origin: KeyName,
    kept: Kept,
    last: Option<SignedCheckpoint>,
    /// What the file `checkpoint` promises, if a key of this log signed it.
    promised: Option<SignedCheckpoint>,
    /// What the file `witnessed` promises, likewise.
    witnessed: Option<SignedCheckpoint>,
    synced: u64,
}

impl LogOpening {
    /// Starts from nothing: every leaf from 0 on is to be appended, and each file that they complete
    /// is compared and, if it differs, written again.
    ///
    /// # Errors
    /// [`LogError::Io`]; [`LogError::Damaged`] if the last kept checkpoint cannot be believed.
    pub fn fresh(config: LogConfig) -> Result<Self, LogError> {
        Self::start(config)
    }

    /// Starts from the files at a trusted head, for which [`LogWriter::sync`] had returned.
    ///
    /// `tail` gives the leaves from the last multiple of 256 up to the head's size; more are not asked for. The hashes that
    /// the root depends on are read and compared with it; of the other files, only presence and
    /// length are looked at.
    ///
    /// # Errors
    /// [`LogError::Damaged`] if a file is missing or wrong, or the root differs: open afresh.
    pub fn resume<L: AsRef<[u8]>>(
        config: LogConfig,
        head: &TreeHead,
        tail: impl IntoIterator<Item = L>,
    ) -> Result<Self, LogError> {
        let mut opening = Self::start(config)?;
        let whole = head.size - head.size % u64::from(FULL);
        opening.tree.edge = opening.tree.read_edge(whole)?;
        opening.tree.check_lengths(whole)?;
        let count = usize::try_from(head.size - whole).expect("below 256");
        opening.append(tail.into_iter().take(count))?;
        let found = opening.tree.edge.head();
        if found != *head {
            let reason = format!("{} leaves have root {}, not {}", found.size, found.root, head.root);
            return Err(LogError::Damaged { file: "tile".to_owned(), reason });
        }
        opening.synced = whole;
        Ok(opening)
    }

    fn start(config: LogConfig) -> Result<Self, LogError> {
        let LogConfig { directory, signer, further_signers, earlier_keys } = config;
        let files = Files::open(&directory)?;
        let origin = signer.verifier().name().clone();
        let mut signers = vec![signer];
        signers.extend(further_signers);
        let keys = signers.iter().map(|signer| signer.verifier().clone()).chain(earlier_keys);
        let keys: Vec<_> = keys.collect();
        let (kept, last) = Kept::open(files.path(CHECKPOINTS), &origin, &keys)?;
        let signed = |name| -> Result<_, LogError> {
            let note = files.read(name)?.and_then(|bytes| String::from_utf8(bytes).ok());
            Ok(note.and_then(|note| SignedCheckpoint::open(&note, origin.as_str(), &keys).ok()))
        };
        let (promised, witnessed) = (signed(CHECKPOINT)?, signed(WITNESSED)?);
        let tiles = Arc::new(Tiles::new(files));
        let spool = Spool::start(Arc::clone(&tiles))?;
        let tree = Tree { tiles, spool, edge: Edge::default(), stopped: false };
        Ok(Self { tree, signers, origin, kept, last, promised, witnessed, synced: 0 })
    }

    /// Leaves so far: the index that the next one gets.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tree.edge.size()
    }

    /// Files that were missing or differed; waits until they are written.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn files_written(&mut self) -> Result<u64, LogError> {
        self.tree.drain()
    }

    /// Appends the next leaves.
    ///
    /// # Errors
    /// [`LogError::Leaf`]; [`LogError::Io`] if a file of an earlier call could not be written. After
    /// either, [`LogError::Stopped`].
    pub fn append<L: AsRef<[u8]>>(&mut self, leaves: impl IntoIterator<Item = L>) -> Result<(), LogError> {
        self.tree.append(leaves)
    }

    /// Compares the tree with the last kept checkpoint, and with those that file servers and readers were
    /// shown, which are larger where kept ones were lost; then shows readers what the kept one covers.
    ///
    /// Nothing is signed: the caller first asks the witnesses what they have seen.
    ///
    /// # Errors
    /// [`LogError::HistoryMismatch`]; [`LogError::Damaged`] after a `resume` over damaged tiles.
    pub fn finish(self) -> Result<LogWriter, LogError> {
        let Self { mut tree, signers, origin, kept, last, promised, witnessed, synced } = self;
        tree.drain()?;
        for kept in [&last, &promised, &witnessed].into_iter().flatten().map(SignedCheckpoint::head) {
            let size = kept.size.min(tree.edge.size());
            let root = merkle::root_at(size, &mut |node| tree.tiles.node(&tree.edge, node))?;
            let rebuilt = TreeHead { size, root };
            if rebuilt != kept {
                return Err(LogError::HistoryMismatch { kept, rebuilt });
            }
        }
        let static_size = tree.static_size()?;
        let published = Published { checkpoint: last.map(Arc::new), edge: tree.edge.clone() };
        let reader = LogReader {
            tiles: Arc::clone(&tree.tiles),
            published: Arc::new(ArcSwap::from_pointee(published)),
            origin: origin.clone(),
            shown: Arc::new(Shown::new(witnessed)),
        };
        let signing = signers.clone();
        Ok(LogWriter { tree, signers, signing, origin, kept, reader, static_size, synced })
    }
}

/// The one writer of an open log.
pub struct LogWriter {
    tree: Tree,
    /// All keys at hand.
    signers: Vec<Arc<LogSigner>>,
    /// Those that sign now.
    signing: Vec<Arc<LogSigner>>,
    origin: KeyName,
    kept: Kept,
    reader: LogReader,
    static_size: u64,
    synced: u64,
}

impl LogWriter {
    /// Leaves appended: the index that the next one gets.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tree.edge.size()
    }

    /// Size and root of all that is appended, published or not; a snapshot of the state keeps it.
    #[must_use]
    pub fn head(&self) -> TreeHead {
        self.tree.edge.head()
    }

    /// A handle for readers.
    #[must_use]
    pub fn reader(&self) -> LogReader {
        self.reader.clone()
    }

    /// Appends the leaves of records that are durable. Readers see them after [`LogWriter::publish`].
    ///
    /// # Errors
    /// [`LogError::Leaf`]; [`LogError::Io`] if a file of an earlier call could not be written. After
    /// either, [`LogError::Stopped`].
    pub fn append<L: AsRef<[u8]>>(&mut self, leaves: impl IntoIterator<Item = L>) -> Result<(), LogError> {
        self.tree.append(leaves)
    }

    /// Says whose lines stand on the next checkpoints, in that order: vkeys, of which those at hand sign.
    ///
    /// # Errors
    /// [`LogError::NoLogKey`] if none is.
    pub fn sign_by(&mut self, vkeys: &[&str]) -> Result<(), LogError> {
        let at_hand =
            |vkey: &&&str| self.signers.iter().find(|signer| signer.verifier().to_string() == **vkey);
        let signing: Vec<_> = vkeys.iter().filter_map(|vkey| at_hand(&vkey).cloned()).collect();
        if signing.is_empty() {
            return Err(LogError::NoLogKey { vkeys: vkeys.join(", ") });
        }
        if signing.len() < vkeys.len() {
            tracing::error!(?vkeys, "a log key that should sign is not at hand: its line is missing");
        }
        self.signing = signing;
        Ok(())
    }

    /// Signs a checkpoint of all that is appended, keeps it, and shows it to readers. If nothing was
    /// appended since the newest one, that one is the answer and nothing is written; so it is once signing
    /// was halted ([`LogReader::halt_signing`]), whatever was appended.
    ///
    /// # Errors
    /// [`LogError::Halted`] if signing was and there is none; [`LogError::Io`] if it could not be kept, or a file
    /// of an earlier call not be written; readers then don't see it. After that, [`LogError::Stopped`].
    pub fn publish(&mut self) -> Result<Arc<SignedCheckpoint>, LogError> {
        self.tree.check_running()?;
        let newest = self.reader.checkpoint();
        if self.reader.is_signing_halted() {
            return newest.ok_or(LogError::Halted);
        }
        if let Some(newest) = newest.filter(|newest| newest.head().size == self.size()) {
            return Ok(newest);
        }
        let checkpoint = Arc::new(SignedCheckpoint::sign(
            self.origin.as_str(),
            self.signing.iter().map(Arc::as_ref),
            self.head(),
        )?);
        self.tree.stopping(|_| self.kept.append(&checkpoint))?;
        let edge = self.tree.edge.clone();
        self.reader.published.store(Arc::new(Published { checkpoint: Some(Arc::clone(&checkpoint)), edge }));
        Ok(checkpoint)
    }

    /// For plain file servers: the partial tiles of the checkpoint that the public is shown, then the file
    /// `checkpoint`.
    ///
    /// # Errors
    /// [`LogError::Io`]; the old file `checkpoint` may then still stand.
    pub fn sync_static(&mut self) -> Result<(), LogError> {
        match self.reader.shown() {
            Some(checkpoint) => self.sync_static_under(&checkpoint),
            None => Ok(()),
        }
    }

    /// The same for a checkpoint of this log that is not newer than the published one: where a
    /// policy asks for witnesses, the newest one that meets it.
    ///
    /// # Errors
    /// [`LogError::Io`]; [`LogError::NotCovered`], [`LogError::Damaged`].
    pub fn sync_static_under(&mut self, checkpoint: &SignedCheckpoint) -> Result<(), LogError> {
        self.tree.drain()?;
        let size = checkpoint.head().size;
        let published = self.reader.head().size;
        let files = &self.tree.tiles.files;
        for path in TilePath::partials(size) {
            let bytes = self.reader.tile(path)?.ok_or(LogError::NotCovered { asked: size, published })?;
            files.write(&path.to_string(), &bytes)?;
        }
        files.write(CHECKPOINT, checkpoint.to_string().as_bytes())?;
        for path in TilePath::partials(self.static_size) {
            if TilePath::full(path.kind(), path.index()).is_within(size) {
                files.remove_partials(path)?;
            }
        }
        self.static_size = size;
        Ok(())
    }

    /// Makes the files of every full tile and bundle so far, and all kept checkpoints, durable.
    ///
    /// The work grows with what was appended since the last time; another thread can do it by
    /// [`LogWriter::unsynced`].
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn sync(&mut self) -> Result<(), LogError> {
        let size = self.unsynced()?.sync()?;
        self.synced_to(size);
        Ok(())
    }

    /// What is left of [`LogWriter::sync`] once all files are written, for another thread.
    ///
    /// # Errors
    /// [`LogError::Io`] if one could not be written; then [`LogError::Stopped`].
    pub fn unsynced(&mut self) -> Result<Unsynced, LogError> {
        self.tree.drain()?;
        Ok(Unsynced::new(self.tree.tiles.files.clone(), self.synced, self.size()))
    }

    /// Notes that [`Unsynced::sync`] returned this size; the next one starts there.
    pub fn synced_to(&mut self, size: u64) {
        self.synced = self.synced.max(size.min(self.size()));
    }
}

/// The growing tree and its files.
struct Tree {
    tiles: Arc<Tiles>,
    spool: Spool,
    edge: Edge,
    stopped: bool,
}

impl Tree {
    fn append<L: AsRef<[u8]>>(&mut self, leaves: impl IntoIterator<Item = L>) -> Result<(), LogError> {
        self.check_running()?;
        self.stopping(|tree| leaves.into_iter().try_for_each(|leaf| tree.push(leaf.as_ref())))
    }

    /// Adds a leaf; every 256th completes files.
    fn push(&mut self, leaf: &[u8]) -> Result<(), LogError> {
        let Some(filled) = self.edge.push(leaf)? else { return Ok(()) };
        let (path, bundle) = filled.bundle;
        self.spool.write(path, bundle)?;
        for (path, tile) in filled.tiles {
            let bytes = tile.bytes(FULL).expect("the tile is full");
            self.tiles.keep(path, tile);
            self.spool.write(path, Arc::new(bytes))?;
        }
        Ok(())
    }

    /// Waits until all full tiles and bundles are in their files.
    fn drain(&mut self) -> Result<u64, LogError> {
        self.check_running()?;
        self.stopping(|tree| tree.spool.drain())
    }

    /// Does what must not be followed by anything if it fails.
    fn stopping<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T, LogError>) -> Result<T, LogError> {
        self.stopped = true;
        let done = act(self)?;
        self.stopped = false;
        Ok(done)
    }

    fn check_running(&mut self) -> Result<(), LogError> {
        if self.stopped {
            return Err(LogError::Stopped);
        }
        self.stopping(|tree| tree.spool.check())
    }

    /// The edge at a multiple of 256, from the full tiles on disk, level by level: a partial tile's
    /// hashes are the roots of the full tiles below it.
    fn read_edge(&self, size: u64) -> Result<Edge, LogError> {
        let mut upper = Vec::new();
        for level in 1.. {
            let kind = TileKind::Hashes(level);
            if kind.count(size) == 0 {
                break;
            }
            let start = kind.count(size) / u64::from(FULL) * u64::from(FULL);
            let mut partial = TileNodes::default();
            for index in start..kind.count(size) {
                let below = TilePath::full(TileKind::Hashes(level - 1), index);
                partial.push(self.tiles.read_full(below)?.root().expect("the tile is full"));
            }
            upper.push(partial);
        }
        Ok(Edge::from_upper(size, upper))
    }

    /// Every full file is there and as long as it must at least be.
    fn check_lengths(&self, size: u64) -> Result<(), LogError> {
        for path in full_tiles(0, size) {
            let length = self.tiles.files.length(&path.to_string())?;
            let fits = match path.kind() {
                TileKind::Hashes(_) => length == Some(u64::from(FULL) * 32),
                TileKind::Entries => length.is_some_and(|length| length >= u64::from(FULL) * 2),
            };
            if !fits {
                return Err(damaged(path, "the file is missing or too short"));
            }
        }
        Ok(())
    }

    /// The size of the static checkpoint that an earlier run left; 0 if it left none that can be
    /// read. It only says which partial tiles to clear away.
    fn static_size(&self) -> Result<u64, LogError> {
        let bytes = self.tiles.files.read(CHECKPOINT)?;
        let note = bytes.and_then(|bytes| Note::parse(&String::from_utf8(bytes).ok()?).ok());
        let checkpoint = note.and_then(|note| Checkpoint::parse(note.text()).ok());
        Ok(checkpoint.map_or(0, |checkpoint| checkpoint.head().size))
    }
}
