//! The tree made again from leaves, without the code that made it live, and compared with tiles and
//! bundles wherever they come from.

use super::report::{CheckId, Finding};
use super::tally::Tallies;
use crate::digest::Digest;
use crate::merkle::{Frontier, TreeHead, leaf_hash, root_of};
use crate::tiles::{self, FULL, TileKind, TilePath};

/// A tile or bundle as the leaves give it.
pub(crate) struct Made {
    pub(crate) path: TilePath,
    pub(crate) bytes: Vec<u8>,
}

/// A tile or bundle as it was found.
pub(super) enum Found {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// It is not there.
    Missing,
    /// It could not be read.
    Unreadable(String),
}

/// A growing tree that gives every tile and bundle once it is full.
#[derive(Default)]
pub(crate) struct Tree {
    frontier: Frontier,
    size: u64,
    /// The last tile of each level, not yet full.
    levels: Vec<Vec<Digest>>,
    bundle: Vec<u8>,
}

impl Tree {
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn head(&self) -> TreeHead {
        self.frontier.head()
    }

    /// Adds a leaf and gives what it completes. Leaves are records': far shorter than 64 KiB.
    pub(crate) fn push(&mut self, leaf: &[u8]) -> Vec<Made> {
        let mut hash = leaf_hash(leaf);
        self.frontier.push(hash);
        tiles::push_entry(&mut self.bundle, leaf).expect("a record's leaf is five short lines");
        let mut full = Vec::new();
        for level in 0_u8.. {
            if self.levels.len() == usize::from(level) {
                self.levels.push(Vec::new());
            }
            let tile = &mut self.levels[usize::from(level)];
            tile.push(hash);
            if tile.len() < usize::from(FULL) {
                break;
            }
            let index = TileKind::Hashes(level).count(self.size) / u64::from(FULL);
            let hashes = std::mem::take(tile);
            full.push(Made {
                path: TilePath::full(TileKind::Hashes(level), index),
                bytes: bytes_of(&hashes),
            });
            hash = root_of(hashes);
        }
        self.size += 1;
        if !full.is_empty() {
            let path = TilePath::full(TileKind::Entries, self.size / u64::from(FULL) - 1);
            full.push(Made { path, bytes: std::mem::take(&mut self.bundle) });
        }
        full
    }

    /// The partial tiles and the partial bundle at the end.
    pub(crate) fn partials(&self) -> Vec<Made> {
        let bytes = |path: TilePath| match path.kind() {
            TileKind::Hashes(level) => bytes_of(&self.levels[usize::from(level)]),
            TileKind::Entries => self.bundle.clone(),
        };
        TilePath::partials(self.size).into_iter().map(|path| Made { path, bytes: bytes(path) }).collect()
    }
}

fn bytes_of(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

impl Made {
    /// The same tile or bundle cut at a smaller width.
    pub(super) fn cut(&self, width: u16) -> Option<Self> {
        let path = TilePath::new(self.path.kind(), self.path.index(), width)?;
        let bytes = match self.path.kind() {
            TileKind::Hashes(_) => self.bytes.get(..32 * usize::from(width))?,
            TileKind::Entries => tiles::cut(&self.bytes, width).ok()?,
        };
        Some(Self { path, bytes: bytes.to_vec() })
    }

    /// Compares with what was found. `repair` says what to do where it is only missing or cut short.
    pub(super) fn compare(&self, found: Found, repair: &'static str, tallies: &mut Tallies) {
        let path = self.path;
        tallies.count(CheckId::Tiles, 1);
        let missing = |what: &str| Finding::new(format!("{path} {what}")).help(repair);
        match found {
            Found::Missing => tallies.undecided(CheckId::Tiles, missing("is not there")),
            Found::Unreadable(reason) => {
                tallies.undecided(CheckId::Tiles, missing(&format!("cannot be read: {reason}")));
            }
            Found::Bytes(bytes) if bytes == self.bytes => {}
            Found::Bytes(bytes) if self.bytes.starts_with(&bytes) => {
                tallies.undecided(CheckId::Tiles, missing("is cut short"));
            }
            Found::Bytes(bytes) => tallies.fail(CheckId::Tiles, self.difference(&bytes)),
        }
    }

    /// Where other bytes depart from these: the record and what stands there.
    fn difference(&self, found: &[u8]) -> Finding {
        let same = self.bytes.iter().zip(found).take_while(|(ours, theirs)| ours == theirs).count();
        let first = self.path.index() * u64::from(FULL);
        let reason = format!("{} is not what the records give", self.path);
        match self.path.kind() {
            TileKind::Hashes(level) => {
                let place = same / 32;
                let seq = (first + place as u64).checked_shl(8 * u32::from(level)).unwrap_or(u64::MAX);
                let show = |bytes: &[u8]| match bytes.chunks(32).nth(place) {
                    Some(hash) => data_encoding::HEXLOWER.encode(hash),
                    None => "nothing".to_owned(),
                };
                Finding::at(seq, reason).with(show(&self.bytes), show(found))
            }
            TileKind::Entries => {
                let ours = tiles::entries(&self.bytes, self.path.width()).unwrap_or_default();
                let mut end = 0;
                let place = ours.iter().take_while(|leaf| {
                    end += 2 + leaf.len();
                    end <= same
                });
                let place = place.count();
                let theirs = tiles::entries(found, self.path.width()).ok();
                let theirs = theirs.and_then(|leaves| leaves.get(place).map(|leaf| show_leaf(leaf)));
                let ours = ours.get(place).map_or_else(|| "nothing".to_owned(), |leaf| show_leaf(leaf));
                let theirs = theirs.unwrap_or_else(|| "no bundle of as many leaves".to_owned());
                Finding::at(first + place as u64, reason).with(ours, theirs)
            }
        }
    }
}

/// A leaf on one line.
fn show_leaf(leaf: &[u8]) -> String {
    String::from_utf8_lossy(leaf).trim_end().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::report::CheckResult;

    fn leaf(i: u64) -> Vec<u8> {
        format!("leaf {i}\n").into_bytes()
    }

    #[test]
    fn tiles_are_those_of_the_specification() {
        let (mut tree, mut made) = (Tree::default(), Vec::new());
        for i in 0..65_800 {
            made.extend(tree.push(&leaf(i)));
        }
        assert_eq!(tree.head().root, root_of((0..65_800).map(|i| leaf_hash(&leaf(i)))));
        made.extend(tree.partials());
        let names: Vec<String> = made.iter().map(|made| made.path.to_string()).collect();
        assert_eq!(names[..4], ["tile/0/000", "tile/entries/000", "tile/0/001", "tile/entries/001"]);
        assert_eq!(names[names.len() - 3..], ["tile/0/257.p/8", "tile/1/001.p/1", "tile/2/000.p/1"]);
        let hash_at = |name: &str, place: usize| {
            let tile = made.iter().find(|made| made.path.to_string() == name).unwrap();
            tile.bytes[32 * place..32 * place + 32].to_vec()
        };
        assert_eq!(hash_at("tile/0/257.p/8", 3), leaf_hash(&leaf(257 * 256 + 3)).0);
        assert_eq!(hash_at("tile/1/000", 9), root_of((2_304..2_560).map(|i| leaf_hash(&leaf(i)))).0);
        assert_eq!(hash_at("tile/2/000.p/1", 0), root_of((0..65_536).map(|i| leaf_hash(&leaf(i)))).0);
    }

    #[test]
    fn a_difference_names_the_record_and_what_is_missing_is_no_difference() {
        let mut tree = Tree::default();
        (0..300).for_each(|i| drop(tree.push(&leaf(i))));
        let partials = tree.partials();
        let judge = |made: &Made, bytes: Vec<u8>| {
            let mut tallies = Tallies::default();
            made.compare(Found::Bytes(bytes), "", &mut tallies);
            let check =
                tallies.finish("elsewhere").into_iter().find(|check| check.id == CheckId::Tiles).unwrap();
            (check.result, check.finding.and_then(|finding| finding.first_seq))
        };
        for made in &partials {
            assert_eq!(judge(made, made.bytes.clone()), (CheckResult::Pass, None));
            assert_eq!(judge(made, made.bytes[..20].to_vec()), (CheckResult::NotChecked, None));
            assert_eq!(judge(made, Vec::new()), (CheckResult::NotChecked, None));
            for at in 0..made.bytes.len() {
                let mut bytes = made.bytes.clone();
                bytes[at] ^= 1;
                let place = match made.path.kind() {
                    TileKind::Entries => at as u64 / 11,
                    TileKind::Hashes(_) => at as u64 / 32,
                };
                let level = if made.path.kind() == TileKind::Hashes(1) { 0 } else { 256 };
                assert_eq!(
                    judge(made, bytes),
                    (CheckResult::Fail, Some(level + place)),
                    "{} {at}",
                    made.path
                );
            }
            assert_eq!(judge(made, [&made.bytes[..], b"x"].concat()).0, CheckResult::Fail);
        }
        let bundle = &partials[0];
        assert_eq!(bundle.cut(3).unwrap().bytes, bundle.bytes[..33]);
        assert!(bundle.cut(45).is_none());
    }
}
