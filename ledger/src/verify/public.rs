//! The public log alone, as any outsider can fetch it: no bodies, so no replay.

use super::Options;
use super::directory::judge_quorum;
use super::notes::{self, Keeper, Signed};
use super::report::{CheckId, Finding, Report};
use super::tally::Tallies;
use super::tree::{Found, Made, Tree};
use crate::digest::Digest;
use crate::merkle::{self, Subtree, TreeHead, leaf_hash};
use crate::note::VerifierKey;
use crate::policy::Policy;
use crate::record::Record;
use crate::tiles::{self, FULL, TileKind, TilePath};
use crate::time::Timestamp;

/// Why checks are not made here.
const ELSEWHERE: &str = "it needs bodies, which the public log does not show";

/// Help for what a server does not give.
const ASK_AGAIN: &str = "ask again later, or another copy of the log";

/// Help for what a server gives and must not.
const KEEP: &str = "keep what was fetched: the log served bytes that its own signed root does not cover";

/// Leaves whose inclusion is proven one by one, besides the rebuilt root.
const SAMPLES: u64 = 16;

/// What a server gave for a path under `/log/`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fetched {
    /// The bytes.
    Bytes(Vec<u8>),
    /// It says that there is nothing.
    Missing,
    /// No answer, or none that decides anything.
    Failed(String),
}

/// Verifies a public log; `fetch` gives what is served under `/log/`. The newest checkpoint's note is
/// given back if it was signed, to be kept for the next time.
///
/// Memory: 32 bytes a record, to find a command id that is recorded twice.
pub fn public(fetch: &dyn Fn(&str) -> Fetched, options: &Options) -> (Report, Option<String>) {
    let mut found = Tallies::default();
    found.skip(CheckId::OldConsistency, "no --old FILE was given");
    found.skip(CheckId::Quorum, "no --policy was given");
    let Some(newest) = newest(fetch, options, &mut found) else {
        return (Report { checks: found.finish(ELSEWHERE), ..Report::default() }, None);
    };
    let cosigned_by = match options.policy {
        Some(policy) => judge_quorum(policy, &newest, &mut found),
        None => Vec::new(),
    };
    found.skip(CheckId::CosignatureAge, "no age was asked for");
    let key = key_of(&newest, options);
    let mut outsider = Outsider {
        fetch,
        head: newest.head,
        old: read_old(options, key.as_ref(), &newest, &mut found),
        tree: Tree::default(),
        ids: Vec::new(),
        times: None,
    };
    if outsider.read_entries(options, &mut found) {
        outsider.finish(&mut found);
    }
    let report = Report {
        origin: key.map(|key| key.name().to_string()),
        head: Some(newest.head),
        checkpoint: Some(newest.digest()),
        cosigned_by,
        recorded_at: outsider.times,
        balance: None,
        checks: found.finish(ELSEWHERE),
    };
    (report, Some(newest.note))
}

fn keys<'a>(options: &Options<'a>) -> Vec<&'a VerifierKey> {
    let of_policy = options.policy.into_iter().flat_map(Policy::logs).map(|log| &log.key);
    options.vkey.into_iter().chain(of_policy).collect()
}

/// The known keys under that key's name: while a log key is rotated there are two.
fn of_one_log(options: &Options, key: &VerifierKey) -> Vec<VerifierKey> {
    keys(options).into_iter().filter(|known| known.name() == key.name()).cloned().collect()
}

/// The key that signed it: its name is the origin on the first line.
fn key_of(signed: &Signed, options: &Options) -> Option<VerifierKey> {
    let origin = signed.note.lines().next()?;
    keys(options).into_iter().find(|key| key.name().as_str() == origin).cloned()
}

fn newest(fetch: &dyn Fn(&str) -> Fetched, options: &Options, found: &mut Tallies) -> Option<Signed> {
    let undecided = |found: &mut Tallies, reason: String| {
        found.undecided(CheckId::CheckpointForm, Finding::new(reason).help(ASK_AGAIN));
        None
    };
    let note = match fetch("checkpoint") {
        Fetched::Bytes(note) => note,
        Fetched::Missing => return undecided(found, "the log has no checkpoint".to_owned()),
        Fetched::Failed(reason) => return undecided(found, reason),
    };
    let known = keys(options);
    let first = note.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let key = known.iter().find(|key| key.name().as_str().as_bytes() == first).or(known.first());
    match key {
        Some(key) => notes::judge("/log/checkpoint", &note, Keeper::Other, &of_one_log(options, key), found),
        None => {
            let finding = Finding::new("nobody's key is known").help("give --vkey or --policy");
            found.undecided(CheckId::LogSignature, finding);
            None
        }
    }
}

/// Checkpoints kept from earlier. One larger than what the log shows now proves that it went back.
fn read_old(
    options: &Options,
    key: Option<&VerifierKey>,
    newest: &Signed,
    found: &mut Tallies,
) -> Vec<Signed> {
    let Some(key) = key else { return Vec::new() };
    let mut old = Vec::new();
    for (name, note) in options.old {
        found.count(CheckId::OldConsistency, 0);
        match notes::judge(name, note, Keeper::Other, &of_one_log(options, key), found) {
            None => found.undecided(CheckId::OldConsistency, Finding::new(format!("{name}: see above"))),
            Some(signed) if signed.head.size > newest.head.size => {
                let reason =
                    format!("{name}: the log signed a larger tree before and now shows a smaller one");
                let finding = Finding::at(newest.head.size, reason).with(signed.head.size, newest.head.size);
                found.fail(
                    CheckId::OldConsistency,
                    finding.help("keep both: it rolled back, or serves stale copies"),
                );
            }
            Some(signed) => old.push(signed),
        }
    }
    old
}

/// Somebody who reads the whole log.
struct Outsider<'a> {
    fetch: &'a dyn Fn(&str) -> Fetched,
    head: TreeHead,
    old: Vec<Signed>,
    tree: Tree,
    ids: Vec<[u8; 32]>,
    times: Option<(Timestamp, Timestamp)>,
}

impl Outsider<'_> {
    /// Reads every bundle and grows the tree; `false` if it could not be read to its end.
    fn read_entries(&mut self, options: &Options, found: &mut Tallies) -> bool {
        self.compare_old(found);
        let full = u64::from(FULL);
        for index in 0..self.head.size.div_ceil(full) {
            let width = TileKind::Entries.width(index, self.head.size);
            let path = TilePath::new(TileKind::Entries, index, width).expect("a width of 1 to 256");
            let at = |reason: String| Finding::at(index * full, format!("{path}: {reason}"));
            let bundle = match (self.fetch)(&path.to_string()) {
                Fetched::Bytes(bundle) => bundle,
                Fetched::Missing => {
                    let finding = at("is not served, though the checkpoint covers it".to_owned());
                    found.undecided(CheckId::EntriesRoot, finding.help(ASK_AGAIN));
                    return false;
                }
                Fetched::Failed(reason) => {
                    found.undecided(CheckId::EntriesRoot, at(reason).help(ASK_AGAIN));
                    return false;
                }
            };
            match tiles::entries(&bundle, width) {
                Ok(leaves) => leaves.into_iter().for_each(|leaf| self.take(leaf, found)),
                Err(error) => {
                    found.fail(CheckId::LeafForm, at(error.to_string()).help(KEEP));
                    return false;
                }
            }
            if let Some(progress) = options.progress {
                progress(self.tree.size(), self.head.size);
            }
        }
        true
    }

    fn take(&mut self, leaf: &[u8], found: &mut Tallies) {
        let seq = self.tree.size();
        for id in [CheckId::LeafForm, CheckId::Sequence, CheckId::TimeOrder] {
            found.count(id, 1);
        }
        match std::str::from_utf8(leaf).ok().and_then(Record::parse) {
            Some(record) => self.take_record(seq, &record, found),
            None => found.fail(CheckId::LeafForm, Finding::at(seq, "the leaf is no record").help(KEEP)),
        }
        for made in self.tree.push(leaf) {
            self.compare_tile(&made, found);
        }
        self.compare_old(found);
    }

    fn take_record(&mut self, seq: u64, record: &Record, found: &mut Tallies) {
        if record.seq != seq {
            let finding = Finding::at(seq, "the record names another place than it stands at");
            found.fail(CheckId::Sequence, finding.with(seq, record.seq).help(KEEP));
        }
        let (first, last) = self.times.unwrap_or((record.recorded_at, record.recorded_at));
        if record.recorded_at < last {
            let finding = Finding::at(seq, "the recorded time falls");
            let finding = finding.with(format!("{last} or later"), record.recorded_at);
            found.fail(CheckId::TimeOrder, finding.help(KEEP));
        }
        self.times = Some((first, record.recorded_at.max(last)));
        self.ids.push(record.command_id.0);
    }

    fn compare_tile(&self, made: &Made, found: &mut Tallies) {
        // The bundle is where the leaves came from.
        if made.path.kind() == TileKind::Entries {
            found.count(CheckId::Tiles, 1);
            return;
        }
        let served = match (self.fetch)(&made.path.to_string()) {
            Fetched::Bytes(bytes) => Found::Bytes(bytes),
            Fetched::Missing => Found::Missing,
            Fetched::Failed(reason) => Found::Unreadable(reason),
        };
        made.compare(served, ASK_AGAIN, found);
    }

    fn compare_old(&self, found: &mut Tallies) {
        for signed in self.old.iter().filter(|signed| signed.head.size == self.tree.size()) {
            signed.compare(&self.tree.head(), CheckId::OldConsistency, found);
        }
    }

    fn finish(&mut self, found: &mut Tallies) {
        self.tree.partials().iter().for_each(|made| self.compare_tile(made, found));
        found.count(CheckId::EntriesRoot, 1);
        let rebuilt = self.tree.head();
        if rebuilt.root != self.head.root {
            let finding = Finding::new("the entries give another root than the log signed");
            found.fail(CheckId::EntriesRoot, finding.with(self.head.root, rebuilt.root).help(KEEP));
        }
        self.find_twice(found);
        self.prove_samples(found);
    }

    fn find_twice(&mut self, found: &mut Tallies) {
        found.count(CheckId::CommandIdOnce, self.ids.len() as u64);
        let mut sorted = self.ids.clone();
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0]) {
            let second = self.ids.iter().rposition(|id| *id == twice).unwrap_or_default();
            let reason = format!("command {} is recorded twice", Digest(twice));
            found.fail(CheckId::CommandIdOnce, Finding::at(second as u64, reason).help(KEEP));
        }
    }

    /// Proves some leaves by paths over the served tiles, as a receipt's holder would, and that
    /// another leaf has no such proof.
    fn prove_samples(&self, found: &mut Tallies) {
        found.count(CheckId::Inclusion, 0);
        let size = self.head.size;
        let step = size.div_ceil(SAMPLES).max(1);
        for index in (0..size).step_by(usize::try_from(step).unwrap_or(usize::MAX)) {
            let Some(proven) = self.prove(index) else {
                let finding = Finding::at(index, "the tiles for its proof are not served");
                found.undecided(CheckId::Inclusion, finding.help(ASK_AGAIN));
                return;
            };
            found.count(CheckId::Inclusion, 1);
            if !proven {
                let finding = Finding::at(index, "served tiles do not prove the leaf, or prove another");
                found.fail(CheckId::Inclusion, finding.help(KEEP));
            }
        }
    }

    fn prove(&self, index: u64) -> Option<bool> {
        let path = TilePath::full(TileKind::Entries, index / u64::from(FULL));
        let width = TileKind::Entries.width(path.index(), self.head.size);
        let bundle = self.bytes(TilePath::new(TileKind::Entries, path.index(), width)?)?;
        let leaves = tiles::entries(&bundle, width).ok()?;
        let leaf = leaf_hash(leaves.get(usize::try_from(index % u64::from(FULL)).ok()?)?);
        let path = merkle::inclusion_path(index, self.head.size, &mut |node| self.node(node).ok_or(()));
        let path = path.ok()?;
        let shows = |leaf: &Digest| merkle::verify_inclusion(leaf, index, &self.head, &path).is_ok();
        Some(shows(&leaf) && !shows(&leaf_hash(b"another leaf")))
    }

    /// The hash of a complete subtree, from the tile that holds its hashes.
    fn node(&self, node: Subtree) -> Option<Digest> {
        let height = 8;
        let (level, inner) = (u8::try_from(node.level / height).ok()?, node.level % height);
        let first = node.index << inner;
        let index = first / u64::from(FULL);
        let width = TileKind::Hashes(level).width(index, self.head.size);
        let tile = self.bytes(TilePath::new(TileKind::Hashes(level), index, width)?)?;
        let start = usize::try_from(first % u64::from(FULL)).ok()?;
        let (hashes, _) = tile.as_chunks::<32>();
        let hashes = hashes.get(start..start + (1 << inner))?;
        Some(merkle::root_of(hashes.iter().map(|hash| Digest(*hash))))
    }

    fn bytes(&self, path: TilePath) -> Option<Vec<u8>> {
        match (self.fetch)(&path.to_string()) {
            Fetched::Bytes(bytes) => Some(bytes),
            Fetched::Missing | Fetched::Failed(_) => None,
        }
    }
}
