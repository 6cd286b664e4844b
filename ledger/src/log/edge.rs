//! The right edge: the partial tiles of every level and the partial bundle, all that a tree needs
//! to grow. Its memory is bounded by the tree's height, not its length.

use std::sync::Arc;

use crate::merkle::{self, Subtree, TreeHead, leaf_hash};
use crate::record::SEQ_MAX;
use crate::tiles::{self, BundleError, FULL, TileKind, TilePath};

use super::nodes::{HEIGHT, TileNodes};

/// A tree's right edge. Cloning shares the tiles; a later push copies those that it changes.
///
/// Invariant: level `l` holds the tile at index `count / 256` with `count % 256` hashes, where
/// `count` is `size / 256^l`; the bundle holds the last `size % 256` leaves.
#[derive(Clone, Default)]
pub(super) struct Edge {
    size: u64,
    levels: Vec<Arc<TileNodes>>,
    bundle: Arc<Vec<u8>>,
}

/// What the 256th leaf of a bundle completes.
pub(super) struct Filled {
    /// The bundle's path and bytes.
    pub(super) bundle: (TilePath, Arc<Vec<u8>>),
    /// The tiles that became full, level 0 first.
    pub(super) tiles: Vec<(TilePath, Arc<TileNodes>)>,
}

impl Edge {
    /// The edge of a tree whose size is a multiple of 256, from the hashes above level 0:
    /// `upper[l - 1]` is the partial tile of level `l`.
    pub(super) fn from_upper(size: u64, upper: Vec<TileNodes>) -> Self {
        let level0 = std::iter::once(TileNodes::default());
        let levels = level0.chain(upper).map(Arc::new).collect();
        Self { size, levels, bundle: Arc::default() }
    }

    /// Leaves.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Size and root.
    pub(super) fn head(&self) -> TreeHead {
        let mut node = |node: Subtree| {
            let (level, index, inner, place) = locate(node);
            let tile = self.tile(level, index).expect("the peaks of a tree are in its partial tiles");
            Ok::<_, std::convert::Infallible>(tile.node(inner, place).expect("a peak is complete"))
        };
        let Ok(root) = merkle::root_at(self.size, &mut node);
        TreeHead { size: self.size, root }
    }

    /// The partial tile of that level, if it is the one with that index.
    pub(super) fn tile(&self, level: u8, index: u64) -> Option<&Arc<TileNodes>> {
        let partial = TileKind::Hashes(level).count(self.size) / u64::from(FULL);
        self.levels.get(usize::from(level)).filter(|_| index == partial)
    }

    /// The partial bundle's bytes, if it is the one with that index.
    pub(super) fn bundle(&self, index: u64) -> Option<&[u8]> {
        (index == self.size / u64::from(FULL)).then_some(&self.bundle[..])
    }

    /// Adds a leaf.
    ///
    /// # Errors
    /// [`BundleError::LeafTooLong`]; the edge is as it was.
    pub(super) fn push(&mut self, leaf: &[u8]) -> Result<Option<Filled>, BundleError> {
        assert!(self.size < SEQ_MAX, "a log has fewer than 2^63 leaves");
        tiles::push_entry(Arc::make_mut(&mut self.bundle), leaf)?;
        let mut full = Vec::new();
        let mut hash = leaf_hash(leaf);
        for level in 0.. {
            if self.levels.len() == usize::from(level) {
                self.levels.push(Arc::default());
            }
            let tile = &mut self.levels[usize::from(level)];
            Arc::make_mut(tile).push(hash);
            let Some(root) = tile.root() else { break };
            let index = TileKind::Hashes(level).count(self.size) / u64::from(FULL);
            full.push((TilePath::full(TileKind::Hashes(level), index), std::mem::take(tile)));
            hash = root;
        }
        self.size += 1;
        if full.is_empty() {
            return Ok(None);
        }
        let room = self.bundle.len();
        let bundle = std::mem::replace(&mut self.bundle, Arc::new(Vec::with_capacity(room)));
        let path = TilePath::full(TileKind::Entries, self.size / u64::from(FULL) - 1);
        Ok(Some(Filled { bundle: (path, bundle), tiles: full }))
    }
}

/// Where the hash of a complete subtree is kept: tile level and index, inner level and place.
pub(super) fn locate(node: Subtree) -> (u8, u64, u32, usize) {
    let inner = node.level % HEIGHT;
    let span = HEIGHT - inner;
    let level = u8::try_from(node.level / HEIGHT).expect("levels of subtrees are below 64");
    let place = usize::try_from(node.index & ((1 << span) - 1)).expect("at most 255");
    (level, node.index >> span, inner, place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::Frontier;

    #[test]
    fn grows_like_the_plain_tree_and_fills_every_tile_once() {
        let (mut edge, mut plain) = (Edge::default(), Frontier::default());
        let mut names = Vec::new();
        for i in 0..66_000_u32 {
            let leaf = i.to_string();
            plain.push(leaf_hash(leaf.as_bytes()));
            if let Some(filled) = edge.push(leaf.as_bytes()).unwrap() {
                names.push(filled.bundle.0.to_string());
                names.extend(filled.tiles.iter().map(|(path, _)| path.to_string()));
            }
            if i % 97 == 0 || (65_500..65_600).contains(&i) {
                assert_eq!(edge.head(), plain.head());
            }
        }
        assert_eq!(names[..4], ["tile/entries/000", "tile/0/000", "tile/entries/001", "tile/0/001"]);
        assert_eq!(names[510..513], ["tile/entries/255", "tile/0/255", "tile/1/000"]);
        assert_eq!(names.len(), 257 + 257 + 1);
    }

    #[test]
    fn a_clone_does_not_grow() {
        let mut edge = Edge::default();
        edge.push(b"a").unwrap();
        let (old, head) = (edge.clone(), edge.head());
        edge.push(b"b").unwrap();
        assert_eq!((old.head(), old.bundle(0)), (head, Some(&b"\0\x01a"[..])));
        assert!(edge.push(&[0; 65_536]).is_err());
        assert_eq!(edge.bundle(0), Some(&b"\0\x01a\0\x01b"[..]));
        assert_eq!((edge.size(), edge.bundle(1)), (2, None));
    }
}
