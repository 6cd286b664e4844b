//! Tiles: the tree and its leaves as files that never change, and the names of those files.
//!
//! Source: C2SP tlog-tiles; audit specification §6. A full tile holds 256 hashes; tile `n` of level
//! `l` holds the roots of the complete subtrees of 256^l leaves from the `256 n`-th on. An entry
//! bundle holds the leaves themselves, 256 in a full one. Nothing here reads a file.

use std::fmt;

/// Hashes in a full tile, leaves in a full bundle.
pub const FULL: u16 = 256;

/// Levels of tiles are 0 to 63.
const LEVEL_MAX: u8 = 63;

/// What a tile holds.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum TileKind {
    /// Hashes of the subtrees of 256^level leaves; the level is at most 63.
    Hashes(u8),
    /// The leaves.
    Entries,
}

impl TileKind {
    /// Hashes or leaves that a tree of `size` has at this level.
    #[must_use]
    pub fn count(self, size: u64) -> u64 {
        match self {
            Self::Hashes(level) => size.checked_shr(8 * u32::from(level)).unwrap_or(0),
            Self::Entries => size,
        }
    }

    /// Width of tile `index` in a tree of `size`: 0 if it has no such tile, else 1 to 256.
    #[must_use]
    pub fn width(self, index: u64, size: u64) -> u16 {
        let before = index.saturating_mul(u64::from(FULL));
        let here = self.count(size).saturating_sub(before).min(u64::from(FULL));
        u16::try_from(here).expect("at most 256")
    }
}

/// The name of a tile under the log's prefix.
///
/// Its `Display` is `tile/<L>/<N>` or `tile/entries/<N>`, with `.p/<W>` if it is partial; there is
/// no other spelling.
///
/// Invariant: level 0 to 63, width 1 to 256.
///
/// ```
/// use ledger::tiles::{TileKind, TilePath};
/// let path = TilePath::parse("tile/0/x001/x234/067.p/8").unwrap();
/// assert_eq!((path.kind(), path.index(), path.width()), (TileKind::Hashes(0), 1_234_067, 8));
/// assert_eq!(path.to_string(), "tile/0/x001/x234/067.p/8");
/// assert_eq!(TilePath::parse("tile/0/1234067"), None);
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct TilePath {
    kind: TileKind,
    index: u64,
    width: u16,
}

impl TilePath {
    /// `None` if the level is above 63, or the width not 1 to 256.
    #[must_use]
    pub fn new(kind: TileKind, index: u64, width: u16) -> Option<Self> {
        let level_fits = match kind {
            TileKind::Hashes(level) => level <= LEVEL_MAX,
            TileKind::Entries => true,
        };
        (level_fits && (1..=FULL).contains(&width)).then_some(Self { kind, index, width })
    }

    /// The full tile of that kind and index.
    ///
    /// # Panics
    /// If the level is above 63.
    #[must_use]
    pub fn full(kind: TileKind, index: u64) -> Self {
        Self::new(kind, index, FULL).expect("levels of a log's tiles are at most 7")
    }

    /// Reads the one spelling; anything else is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("tile/")?;
        let (kind, rest) = rest.split_once('/')?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            level => TileKind::Hashes(level.parse().ok()?),
        };
        let (groups, width) = match rest.split_once(".p/") {
            Some((groups, width)) => (groups, width.parse().ok().filter(|width| *width < FULL)?),
            None => (rest, FULL),
        };
        let mut index = 0_u64;
        for group in groups.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            let value: u64 = digits.parse().ok()?;
            index = index.checked_mul(1_000)?.checked_add(value)?;
        }
        // Leading zeros, signs and wrong groups don't print back as they came.
        Self::new(kind, index, width).filter(|path| path.to_string() == text)
    }

    /// What it holds.
    #[must_use]
    pub fn kind(self) -> TileKind {
        self.kind
    }

    /// Its place at its level, from 0.
    #[must_use]
    pub fn index(self) -> u64 {
        self.index
    }

    /// Hashes or leaves in it, 1 to 256.
    #[must_use]
    pub fn width(self) -> u16 {
        self.width
    }

    /// Whether a tree of `size` has all that it holds.
    #[must_use]
    pub fn is_within(self, size: u64) -> bool {
        self.width <= self.kind.width(self.index, size)
    }

    /// The partial tiles of a tree of `size`, the bundle first, then level by level.
    #[must_use]
    pub fn partials(size: u64) -> Vec<Self> {
        let levels = (0..=LEVEL_MAX).map(TileKind::Hashes).take_while(|kind| kind.count(size) > 0);
        std::iter::once(TileKind::Entries)
            .chain(levels)
            .filter_map(|kind| {
                let index = kind.count(size) / u64::from(FULL);
                Self::new(kind, index, kind.width(index, size))
            })
            .collect()
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}")?,
            TileKind::Entries => f.write_str("tile/entries")?,
        }
        let groups = std::iter::successors(Some(self.index), |rest| Some(rest / 1_000).filter(|r| *r > 0));
        let groups: Vec<u64> = groups.map(|rest| rest % 1_000).collect();
        for (place, group) in groups.iter().enumerate().rev() {
            let prefix = if place == 0 { "/" } else { "/x" };
            write!(f, "{prefix}{group:03}")?;
        }
        if self.width < FULL { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

/// Why bytes are no entry bundle, or a leaf fits in none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BundleError {
    /// A leaf is longer than its length field can say.
    #[error("a leaf of {length} bytes is longer than 65535")]
    LeafTooLong {
        /// The leaf's length in bytes.
        length: usize,
    },
    /// The bytes end within an entry.
    #[error("the bundle ends within an entry")]
    Truncated,
    /// More entries than the bundle's name says, or fewer.
    #[error("the bundle holds {found} entries, not {expected}")]
    Count {
        /// Entries that the name says.
        expected: usize,
        /// Entries that there are; counting ends one after too many.
        found: usize,
    },
}

/// Adds one entry to the bytes of a bundle: its length as big-endian `u16`, then the leaf.
///
/// # Errors
/// [`BundleError::LeafTooLong`]; the bundle is as it was.
pub fn push_entry(bundle: &mut Vec<u8>, leaf: &[u8]) -> Result<(), BundleError> {
    let length = u16::try_from(leaf.len()).map_err(|_| BundleError::LeafTooLong { length: leaf.len() })?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(leaf);
    Ok(())
}

/// The leaves of a bundle of exactly `width` entries.
///
/// # Errors
/// [`BundleError::Truncated`] and [`BundleError::Count`].
pub fn entries(bundle: &[u8], width: u16) -> Result<Vec<&[u8]>, BundleError> {
    let expected = usize::from(width);
    let mut leaves = Vec::with_capacity(expected);
    let mut rest = bundle;
    while !rest.is_empty() && leaves.len() <= expected {
        let leaf;
        (leaf, rest) = split_entry(rest)?;
        leaves.push(leaf);
    }
    if leaves.len() == expected {
        Ok(leaves)
    } else {
        Err(BundleError::Count { expected, found: leaves.len() })
    }
}

/// The first `width` entries of a bundle, as bytes of a narrower one.
///
/// # Errors
/// [`BundleError::Truncated`] if there are fewer.
pub fn cut(bundle: &[u8], width: u16) -> Result<&[u8], BundleError> {
    let mut rest = bundle;
    for _ in 0..width {
        rest = split_entry(rest)?.1;
    }
    Ok(&bundle[..bundle.len() - rest.len()])
}

fn split_entry(bytes: &[u8]) -> Result<(&[u8], &[u8]), BundleError> {
    let (length, rest) = bytes.split_first_chunk().ok_or(BundleError::Truncated)?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(BundleError::Truncated)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_have_one_spelling() {
        for (text, kind, index, width) in [
            ("tile/0/000", TileKind::Hashes(0), 0, 256),
            ("tile/0/999", TileKind::Hashes(0), 999, 256),
            ("tile/1/x001/000", TileKind::Hashes(1), 1_000, 256),
            ("tile/63/000.p/255", TileKind::Hashes(63), 0, 255),
            ("tile/entries/x036/x028/x797/x018/x963/967", TileKind::Entries, u64::MAX >> 9, 256),
        ] {
            let path = TilePath::new(kind, index, width).unwrap();
            assert_eq!(path.to_string(), text);
            assert_eq!(TilePath::parse(text), Some(path));
        }
        for bad in [
            "",
            "tile",
            "tile/0",
            "tile/0/",
            "/tile/0/000",
            "tile/00/000",
            "tile/+1/000",
            "tile/64/000",
            "tile/-1/000",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/00a",
            "tile/0/x000/000",
            "tile/0/x001",
            "tile/0/001/000",
            "tile/0/x001/x000",
            "tile/0/x1/000",
            "tile/0/x001//000",
            "tile/0/000/",
            "tile/0/000.p",
            "tile/0/000.p/",
            "tile/0/000.p/0",
            "tile/0/000.p/01",
            "tile/0/000.p/256",
            "tile/0/000.p/8/",
            "tile/0/000.p/8.p/8",
            "tile/Entries/000",
            "tile/data/000",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(TilePath::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn geometry() {
        for (kind, index, size, want) in [
            (TileKind::Entries, 0, 0, 0),
            (TileKind::Entries, 0, 1, 1),
            (TileKind::Hashes(0), 0, 256, 256),
            (TileKind::Hashes(0), 1, 256, 0),
            (TileKind::Hashes(0), 1, 257, 1),
            (TileKind::Hashes(1), 0, 255, 0),
            (TileKind::Hashes(1), 0, 256, 1),
            (TileKind::Hashes(2), 0, 65_535, 0),
            (TileKind::Hashes(2), 0, 65_536, 1),
            (TileKind::Hashes(8), 0, u64::MAX, 0),
            (TileKind::Entries, u64::MAX, u64::MAX, 0),
        ] {
            assert_eq!(kind.width(index, size), want, "{kind:?} {index} {size}");
        }
        let names = |size| TilePath::partials(size).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(0), [""; 0]);
        assert_eq!(names(256), ["tile/1/000.p/1"]);
        assert_eq!(names(257), ["tile/entries/001.p/1", "tile/0/001.p/1", "tile/1/000.p/1"]);
    }

    #[test]
    fn bundles_are_read_strictly() {
        let mut bundle = Vec::new();
        push_entry(&mut bundle, b"ab").unwrap();
        push_entry(&mut bundle, b"").unwrap();
        assert_eq!(bundle, b"\x00\x02ab\x00\x00");
        assert_eq!(entries(&bundle, 2), Ok(vec![&b"ab"[..], b""]));
        assert_eq!(entries(&bundle, 1), Err(BundleError::Count { expected: 1, found: 2 }));
        assert_eq!(entries(&bundle, 3), Err(BundleError::Count { expected: 3, found: 2 }));
        assert_eq!(entries(&bundle[..5], 2), Err(BundleError::Truncated));
        assert_eq!(cut(&bundle, 1), Ok(&bundle[..4]));
        assert_eq!(cut(&bundle, 3), Err(BundleError::Truncated));
        let long = vec![0; 65_536];
        assert_eq!(push_entry(&mut bundle, &long), Err(BundleError::LeafTooLong { length: 65_536 }));
        assert_eq!(bundle.len(), 6);
        push_entry(&mut bundle, &long[1..]).unwrap();
        assert_eq!(entries(&bundle, 3).unwrap()[2].len(), 65_535);
    }

    proptest! {
        #[test]
        fn parse_print_roundtrip(level in prop::option::of(0_u8..64), index in 0..u64::MAX, width in 1_u16..=256) {
            let path = TilePath::new(level.map_or(TileKind::Entries, TileKind::Hashes), index, width).unwrap();
            prop_assert_eq!(TilePath::parse(&path.to_string()), Some(path));
        }

        #[test]
        fn a_cut_bundle_holds_the_first_entries(
            leaves in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..=256),
            pick: prop::sample::Index,
        ) {
            let mut bundle = Vec::new();
            leaves.iter().for_each(|leaf| push_entry(&mut bundle, leaf).unwrap());
            let width = u16::try_from(pick.index(leaves.len()) + 1).unwrap();
            let narrow = entries(cut(&bundle, width).unwrap(), width).unwrap();
            prop_assert_eq!(narrow, &leaves[..usize::from(width)]);
        }
    }
}
