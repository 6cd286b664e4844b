//! One tile with its inner nodes, so that a path inside it is looked up and not computed.

use crate::digest::Digest;
use crate::merkle::node_hash;
use crate::tiles::FULL;

/// Inner levels of a tile: a full one's root is 8 above its hashes.
pub(super) const HEIGHT: u32 = 8;

/// Hashes and inner nodes of a full tile: 256 + 128 + … + 1.
const NODES: usize = 511;

/// The first hashes of a tile, and every complete subtree over them.
///
/// Invariant: `width <= 256`; the nodes over the first `width` hashes are theirs.
#[derive(Clone)]
pub(super) struct TileNodes {
    width: u16,
    nodes: Box<[Digest; NODES]>,
}

impl Default for TileNodes {
    fn default() -> Self {
        Self { width: 0, nodes: Box::new([Digest([0; 32]); NODES]) }
    }
}

impl TileNodes {
    /// The tile whose bytes these are; `None` if they are no full tile's.
    pub(super) fn parse_full(bytes: &[u8]) -> Option<Self> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        if hashes.len() != usize::from(FULL) || !rest.is_empty() {
            return None;
        }
        let mut tile = Self::default();
        hashes.iter().for_each(|hash| tile.push(Digest(*hash)));
        Some(tile)
    }

    /// Adds a hash at the right.
    pub(super) fn push(&mut self, hash: Digest) {
        assert!(self.width < FULL, "a full tile takes no more hashes");
        self.nodes[usize::from(self.width)] = hash;
        self.width += 1;
        for level in 1..=self.width.trailing_zeros() {
            let place = usize::from(self.width >> level) - 1;
            let below = offset(level - 1) + 2 * place;
            self.nodes[offset(level) + place] = node_hash(&self.nodes[below], &self.nodes[below + 1]);
        }
    }

    /// Node `place` of inner level 0 (the hashes) to 8 (the root of a full tile), if its subtree is
    /// complete.
    pub(super) fn node(&self, level: u32, place: usize) -> Option<Digest> {
        (level <= HEIGHT && place < usize::from(self.width >> level))
            .then(|| self.nodes[offset(level) + place])
    }

    /// The root of a full tile.
    pub(super) fn root(&self) -> Option<Digest> {
        self.node(HEIGHT, 0)
    }

    /// The bytes of the tile cut at `width`; `None` if it is narrower.
    pub(super) fn bytes(&self, width: u16) -> Option<Vec<u8>> {
        let hashes = self.nodes.get(..usize::from(width)).filter(|_| width <= self.width)?;
        let mut bytes = Vec::with_capacity(32 * hashes.len());
        hashes.iter().for_each(|hash| bytes.extend_from_slice(hash.as_bytes()));
        Some(bytes)
    }
}

/// Where an inner level starts: 0, 256, 384, … 510.
fn offset(level: u32) -> usize {
    512 - (512 >> level)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{leaf_hash, root_of};

    #[test]
    fn every_inner_node_is_the_root_of_its_hashes() {
        let hashes: Vec<Digest> = (0_u16..256).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        let mut tile = TileNodes::default();
        for width in 1..=256 {
            tile.push(hashes[width - 1]);
            for level in 0..=8 {
                let span = 1 << level;
                for place in 0..=width / span {
                    let want =
                        hashes.get(place * span..(place + 1) * span).filter(|_| (place + 1) * span <= width);
                    let want = want.map(|hashes| root_of(hashes.iter().copied()));
                    assert_eq!(tile.node(level, place), want, "{width} {level} {place}");
                }
            }
        }
        assert_eq!(tile.node(9, 0), None);
        assert_eq!(tile.bytes(257), None);
        let bytes = tile.bytes(256).unwrap();
        assert_eq!(TileNodes::parse_full(&bytes).unwrap().root(), tile.root());
        assert!(TileNodes::parse_full(&bytes[1..]).is_none());
        assert!(TileNodes::parse_full(&[&bytes[..], &[0]].concat()).is_none());
        assert_eq!(tile.bytes(3).unwrap(), bytes[..96]);
    }
}
