//! What the log signed of a tree, compared with the tree as it is made again.

use std::fs::{self, File};
use std::io::{self, BufReader};

use super::files::LogFiles;
use super::notes::{self, Keeper, KeptNotes, Signed};
use super::report::{CheckId, Finding};
use super::tally::Tallies;
use super::tree::Tree;
use super::{FETCH_JOURNAL, Options, REBUILD};
use crate::checkpoint::parse_decimal;
use crate::note::VerifierKey;
use crate::state::State;
use crate::store::Survey;

/// The file that file servers show.
const CHECKPOINT: &str = "log/checkpoint";

/// The file of the newest witnessed checkpoint.
const WITNESSED: &str = "log/witnessed";

/// What was signed of this tree. Each text is judged when the tree has its size: by then the keys that
/// may have signed it are known, also those that the log itself announced.
pub(super) struct Claims {
    keys: Vec<VerifierKey>,
    kept: Option<KeptNotes<BufReader<File>>>,
    /// The next of the kept notes.
    next: Option<Signed>,
    /// Single checkpoints, not judged yet.
    single: Vec<Single>,
    static_checkpoint: Option<Signed>,
    witnessed: Option<Signed>,
    newest: Option<Signed>,
    /// Judged, and of more than was at hand then.
    ahead: Vec<(Signed, CheckId)>,
}

/// A checkpoint in a file of its own.
struct Single {
    name: String,
    note: Vec<u8>,
    keeper: Keeper,
    id: CheckId,
    /// A key that its keeper knows from elsewhere.
    known: Option<VerifierKey>,
}

impl Single {
    /// The size on its second line: what it claims to be of.
    fn size(&self) -> Option<u64> {
        let line = self.note.split(|byte| *byte == b'\n').nth(1)?;
        parse_decimal(std::str::from_utf8(line).ok()?)
    }
}

/// The newest that the log signed, and the newest that a quorum may have cosigned.
pub(super) struct Claimed {
    pub(super) newest: Option<Signed>,
    pub(super) witnessed: Option<Signed>,
}

impl Claims {
    pub(super) fn gather(
        log: &LogFiles,
        key: Option<&VerifierKey>,
        options: &Options,
        found: &mut Tallies,
    ) -> Self {
        let mut claims = Self {
            keys: key.cloned().into_iter().collect(),
            kept: None,
            next: None,
            single: Vec::new(),
            static_checkpoint: None,
            witnessed: None,
            newest: None,
            ahead: Vec::new(),
        };
        let Some(key) = key else { return claims };
        let own = |name: &str, note| Single {
            name: name.to_owned(),
            note,
            keeper: Keeper::Ledger,
            id: CheckId::EntriesRoot,
            known: None,
        };
        match fs::read(log.path("checkpoint")) {
            Ok(note) => claims.single.push(own(CHECKPOINT, note)),
            Err(error) => undecided_file(CheckId::Tiles, CHECKPOINT, &error, found),
        }
        // There is none where nobody is asked to cosign.
        match fs::read(log.path("witnessed")) {
            Ok(note) => claims.single.push(own(WITNESSED, note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => undecided_file(CheckId::Quorum, WITNESSED, &error, found),
        }
        match File::open(log.path("checkpoints")) {
            Ok(file) => {
                claims.kept = Some(KeptNotes::new(BufReader::new(file), key.name().as_str()));
                claims.advance(found);
            }
            Err(error) => undecided_file(CheckId::LogSignature, "log/checkpoints", &error, found),
        }
        for (name, note) in options.old {
            found.count(CheckId::OldConsistency, 0);
            claims.single.push(Single {
                name: name.clone(),
                note: note.clone(),
                keeper: Keeper::Other,
                id: CheckId::OldConsistency,
                known: options.vkey.cloned(),
            });
        }
        claims
    }

    /// Takes up the keys that the log has announced by now.
    pub(super) fn learn(&mut self, state: &State) {
        let announced = state.opened().map_or(&[][..], |opened| &opened.log_keys[..]);
        if self.keys.is_empty() || announced.len() < self.keys.len() {
            return;
        }
        let new = &announced[self.keys.len() - 1..];
        self.keys.extend(new.iter().filter_map(|key| VerifierKey::parse(&key.vkey).ok()));
    }

    /// The size of the file that file servers show.
    pub(super) fn static_size(&self) -> Option<u64> {
        let waiting = self.single.iter().find(|single| single.name == CHECKPOINT).and_then(Single::size);
        self.static_checkpoint.as_ref().map(|signed| signed.head.size).or(waiting)
    }

    /// Goes on to the next kept note that is good.
    fn advance(&mut self, found: &mut Tallies) {
        let before = self.next.take();
        let least = before.as_ref().map_or(0, |signed| signed.head.size + 1);
        self.newest = before.or(self.newest.take());
        let Some(notes) = &mut self.kept else { return };
        loop {
            match notes.next() {
                Ok(None) => return,
                Err(error) => {
                    undecided_file(CheckId::LogSignature, "log/checkpoints", &error, found);
                    return;
                }
                Ok(Some(bytes)) => {
                    let Some(signed) = notes::judge_kept(&bytes, &self.keys, found) else { continue };
                    if signed.head.size >= least {
                        self.next = Some(signed);
                        return;
                    }
                    let reason = format!("{}: sizes rise from note to note", signed.name);
                    found.fail(CheckId::CheckpointForm, Finding::new(reason));
                }
            }
        }
    }

    /// Compares what was signed of exactly this tree.
    pub(super) fn compare(&mut self, tree: &Tree, found: &mut Tallies) {
        let size = tree.size();
        while let Some(next) = self.next.as_ref().filter(|next| next.head.size == size) {
            next.compare(&tree.head(), CheckId::EntriesRoot, found);
            self.advance(found);
        }
        while let Some(place) = self.single.iter().position(|single| single.size() == Some(size)) {
            let single = self.single.swap_remove(place);
            if let Some((signed, id)) = self.judge(&single, found) {
                signed.compare(&tree.head(), id, found);
            }
        }
    }

    fn judge(&mut self, single: &Single, found: &mut Tallies) -> Option<(Signed, CheckId)> {
        let known: Vec<VerifierKey> = single.known.iter().chain(&self.keys).cloned().collect();
        let Some(signed) = notes::judge(&single.name, &single.note, single.keeper, &known, found) else {
            if single.id == CheckId::OldConsistency {
                found.undecided(single.id, Finding::new(format!("{}: see above", single.name)));
            }
            return None;
        };
        match single.name.as_str() {
            CHECKPOINT if single.id == CheckId::EntriesRoot => self.static_checkpoint = Some(signed.clone()),
            WITNESSED if single.id == CheckId::EntriesRoot => self.witnessed = Some(signed.clone()),
            _ => {}
        }
        Some((signed, single.id))
    }

    /// What was signed of more than is at hand, and records that nobody signed; gives the newest notes.
    pub(super) fn finish(mut self, survey: &Survey, size: u64, found: &mut Tallies) -> Claimed {
        for single in std::mem::take(&mut self.single) {
            let judged = self.judge(&single, found);
            self.ahead.extend(judged);
        }
        self.ahead.extend(self.next.clone().map(|signed| (signed, CheckId::EntriesRoot)));
        for (signed, id) in self.ahead.iter().filter(|(signed, _)| signed.head.size > size) {
            let reason = format!("{} covers {} records, at hand are {size}", signed.name, signed.head.size);
            found.undecided(*id, Finding::at(size, reason).help(FETCH_JOURNAL));
        }
        while self.next.is_some() {
            self.advance(found);
        }
        if self.kept.is_some() {
            self.tell_missing_notes(found);
        }
        let known = [&self.newest, &self.static_checkpoint, &self.witnessed].into_iter().flatten();
        let newest = known.max_by_key(|signed| signed.head.size).cloned();
        let covered = newest.as_ref().map_or(0, |signed| signed.head.size);
        if covered < size && !survey.is_cut {
            let finding = Finding::at(covered, "no checkpoint at hand covers the records from here on");
            let help = "pledger serve signs one when it opens the ledger";
            found.undecided(CheckId::LogSignature, finding.help(help));
        }
        Claimed { newest, witnessed: self.witnessed }
    }

    /// A checkpoint is kept before it is published, so the file of those kept never ends earlier.
    fn tell_missing_notes(&self, found: &mut Tallies) {
        let size_of = |signed: &Option<Signed>| signed.as_ref().map_or(0, |signed| signed.head.size);
        let (kept, published) = (size_of(&self.newest), size_of(&self.static_checkpoint));
        if kept < published {
            let reason = format!("log/checkpoints ends at size {kept}, log/checkpoint is of {published}");
            found.undecided(CheckId::CheckpointForm, Finding::at(kept, reason).help(notes::RESTORE));
        }
    }
}

fn undecided_file(id: CheckId, name: &str, error: &io::Error, found: &mut Tallies) {
    found.undecided(id, Finding::new(format!("{name}: {error}")).help(REBUILD));
}
