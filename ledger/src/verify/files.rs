//! The files of a log's directory, compared with what the records give. Nothing is written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::REBUILD;
use super::report::{CheckId, Finding};
use super::tally::Tallies;
use super::tree::{Found, Made, Tree};
use crate::tiles::TilePath;

/// A log's directory.
pub(super) struct LogFiles {
    root: PathBuf,
}

impl LogFiles {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A tile that just became full: its file, and what is left of its partial widths.
    pub(super) fn compare_full(&self, made: &Made, found: &mut Tallies) {
        made.compare(self.read(made.path), REBUILD, found);
        self.compare_partials(made, found);
    }

    /// The last, partial tiles: every width that is there, and those that the static checkpoint of
    /// that size needs.
    pub(super) fn compare_edge(&self, tree: &Tree, static_size: Option<u64>, found: &mut Tallies) {
        tree.partials().iter().for_each(|made| self.compare_partials(made, found));
        for path in static_size.map(TilePath::partials).unwrap_or_default() {
            let full = TilePath::full(path.kind(), path.index());
            let is_there = [path, full].iter().any(|path| self.path(&path.to_string()).exists());
            if path.is_within(tree.size()) && !is_there {
                let finding = Finding::new(format!("{path} is not there, and the file checkpoint needs it"));
                found.undecided(CheckId::Tiles, finding.help(REBUILD));
            }
        }
        if let Some(beyond) = first_beyond(&self.root, &self.path("tile"), tree.size()) {
            let finding = Finding::at(tree.size(), format!("{beyond} covers records that are not at hand"));
            found.undecided(CheckId::Tiles, finding.help(super::FETCH_JOURNAL));
        }
    }

    fn compare_partials(&self, made: &Made, found: &mut Tallies) {
        let full = TilePath::full(made.path.kind(), made.path.index());
        let Ok(entries) = fs::read_dir(self.path(&format!("{full}.p"))) else { return };
        let names = entries.filter_map(Result::ok).map(|entry| entry.file_name());
        let paths = names.filter_map(|name| TilePath::parse(&format!("{full}.p/{}", name.to_str()?)));
        for path in paths {
            if let Some(made) = made.cut(path.width()) {
                made.compare(self.read(path), REBUILD, found);
            }
        }
    }

    fn read(&self, path: TilePath) -> Found {
        match fs::read(self.path(&path.to_string())) {
            Ok(bytes) => Found::Bytes(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Missing,
            Err(error) => Found::Unreadable(error.to_string()),
        }
    }
}

/// A tile or bundle that a tree of that size does not have. Names that are no tile's are not the
/// log's, and are passed over.
fn first_beyond(root: &Path, dir: &Path, size: u64) -> Option<TilePath> {
    fs::read_dir(dir).ok()?.filter_map(Result::ok).find_map(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return first_beyond(root, &path, size);
        }
        let tile = TilePath::parse(path.strip_prefix(root).ok()?.to_str()?)?;
        (!tile.is_within(size)).then_some(tile)
    })
}
