//! Full tiles and bundles between two sizes, and making them durable.

use crate::tiles::{FULL, TileKind, TilePath};

use super::LogError;
use super::files::Files;
use super::writer::CHECKPOINTS;

/// Files that are written and not yet durable.
#[derive(Debug)]
pub struct Unsynced {
    files: Files,
    from: u64,
    to: u64,
}

impl Unsynced {
    pub(super) fn new(files: Files, from: u64, to: u64) -> Self {
        Self { files, from, to }
    }

    /// Syncs them, and gives the size up to which the log's full tiles are durable.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn sync(self) -> Result<u64, LogError> {
        let tiles = full_tiles(self.from, self.to).map(|path| path.to_string());
        self.files.sync(tiles.chain([CHECKPOINTS.to_owned()]))?;
        Ok(self.to)
    }
}

/// The bundles and tiles that became full between two sizes.
pub(super) fn full_tiles(from: u64, to: u64) -> impl Iterator<Item = TilePath> {
    let full = u64::from(FULL);
    let levels = (0..).map(TileKind::Hashes).take_while(move |kind| kind.count(to) >= full);
    std::iter::once(TileKind::Entries)
        .chain(levels)
        .flat_map(move |kind| (kind.count(from) / full..kind.count(to) / full).map(move |i| (kind, i)))
        .map(|(kind, index)| TilePath::full(kind, index))
}
