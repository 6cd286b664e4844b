//! An export: everything again from one file, with nothing of the ledger but what the caller knows.

use std::path::Path;

use super::claims::Claimed;
use super::directory::{check_quorum, log_key};
use super::notes::{self, Keeper, Signed};
use super::records::Replaying;
use super::report::{CheckId, Finding, Report};
use super::signatures::{self, Jobs};
use super::states::StatesAtSizes;
use super::tally::Tallies;
use super::tree::Tree;
use super::{Options, RESTORE_DOCUMENT};
use crate::digest::Digest;
use crate::export::{ExportError, ExportFile, Frame, FrameKind, split_record};
use crate::intake;
use crate::merkle::TreeHead;
use crate::note::VerifierKey;
use crate::record::Record;
use crate::state::State;
use crate::store::{StoreReader as _, StoredRecord};
use crate::time::Timestamp;

/// Why checks are not made here.
const ELSEWHERE: &str = "an export does not hold it";

/// Help for exports that end early or cannot be read.
const FETCH: &str = "export again, or fetch the rest: an export is whole or shows nothing";

/// Help for exports that were changed.
const CHANGED: &str = "these are not the bytes that were written: fetch the export again; this says that it \
                       changed, not who changed it";

/// Help for what a record must not be.
const KEEP: &str = "keep the export: no honest ledger writes this";

/// Verifies an export. Its frames are looked through first, then its records are taken up, with
/// signatures on all cores.
///
/// Memory: the state, a place for each document and each 256th record; for an export of a party 32 bytes
/// a record, to find a command id that is recorded twice.
#[must_use]
pub fn export(path: &Path, options: &Options) -> Report {
    let mut found = Tallies::default();
    found.skip(CheckId::Inclusion, "the whole tree is made again");
    found.skip(CheckId::CosignatureAge, "no age was asked for");
    found.skip(CheckId::OldConsistency, "no --old FILE was given");
    let mut states = StatesAtSizes::default();
    let mut frames = 0;
    let file = ExportFile::scan(path, &mut |frame| {
        frames += 1;
        if let Some((_, envelope)) = split_record(&frame.bytes) {
            states.note(envelope);
        }
    });
    let file = match file {
        Ok(file) => file,
        Err(error) => {
            tell(&error, &mut found);
            return Report {
                checks: found.finish("the export cannot be read to its end"),
                ..Report::default()
            };
        }
    };
    found.count(CheckId::Frames, frames + file.documents());
    found.count(CheckId::Documents, file.documents());
    let origin = file.header().ledger.clone();
    let keys = keys_of(&origin, &file, options, &mut found);
    let signed = judge_checkpoint(&file, &keys, &mut found);
    let old = read_old(options, &keys, &mut found);
    let (walked, judged) = signatures::beside(|jobs| {
        let walk =
            Walk { tree: Tree::default(), times: None, ids: Vec::new(), old: &old, signed: signed.as_ref() };
        walk.run(&file, states, options, jobs, &mut found)
    });
    found.merge(judged);
    let Walked { state, head, times } = walked;
    check_old_ahead(&old, head.size, &mut found);
    if file.is_full() {
        check_announced(&file, &state, &mut found);
    }
    let cosigned_by = match &options.policy {
        None if !file.is_full() => {
            found.skip(CheckId::Quorum, "no --policy was given");
            Vec::new()
        }
        Some(_) | None => {
            let claimed = Claimed { newest: signed.clone(), witnessed: signed.clone() };
            check_quorum(&state, &file, options, &claimed, &mut found)
        }
    };
    Report {
        origin: Some(origin),
        head: Some(head),
        checkpoint: signed.map(|signed| signed.digest()),
        cosigned_by,
        recorded_at: times,
        balance: None,
        checks: found.finish(ELSEWHERE),
    }
}

fn tell(error: &ExportError, found: &mut Tallies) {
    let finding = Finding { first_seq: error.seq(), ..Finding::new(error.to_string()) };
    match error {
        ExportError::Io { .. } | ExportError::Cut { .. } | ExportError::Malformed { .. } => {
            found.undecided(CheckId::Frames, finding.help(FETCH));
        }
        ExportError::Changed { expected, got, .. } => {
            found.fail(CheckId::Frames, finding.with(expected, got).help(CHANGED));
        }
    }
}

/// The log's keys: the one that record 0 names with those that the header says were announced, which is
/// compared with the replay; for a part of a ledger those that the caller knows.
fn keys_of(origin: &str, file: &ExportFile, options: &Options, found: &mut Tallies) -> Vec<VerifierKey> {
    if file.is_full() {
        let first = log_key(origin, file, options, found);
        let announced = file.header().log_vkeys.iter().filter_map(|vkey| VerifierKey::parse(vkey).ok());
        let announced = announced.filter(|key| key.name().as_str() == origin && Some(key) != first.as_ref());
        return first.iter().cloned().chain(announced.filter(|_| first.is_some())).collect();
    }
    let known = options.policy.into_iter().flat_map(crate::policy::Policy::logs).map(|log| &log.key);
    let known = options.vkey.into_iter().chain(known);
    let known: Vec<_> = known.filter(|key| key.name().as_str() == origin).cloned().collect();
    if known.is_empty() {
        let finding = Finding::new("a part of a ledger does not show whose it is");
        found.undecided(
            CheckId::LogSignature,
            finding.help("give --vkey, or --policy with a line for this log"),
        );
    }
    known
}

/// The keys that the header names are those of the log itself: record 0's, and those it announced since.
fn check_announced(file: &ExportFile, state: &State, found: &mut Tallies) {
    let Some(opened) = state.opened().filter(|_| state.length() == file.header().size) else { return };
    let own: Vec<_> = opened.log_keys.iter().map(|key| &key.vkey).chain([&opened.log_vkey]).collect();
    for vkey in file.header().log_vkeys.iter().filter(|vkey| !own.contains(vkey)) {
        let finding = Finding::new("the header names a log key that the log does not");
        found.fail(CheckId::CheckpointForm, finding.with("a key of record 0 or announced", vkey).help(KEEP));
    }
}

/// The export's checkpoint, which is of the ledger and size that the header says.
fn judge_checkpoint(file: &ExportFile, keys: &[VerifierKey], found: &mut Tallies) -> Option<Signed> {
    let header = file.header();
    let name = "the export's checkpoint";
    let signed = notes::judge(name, file.checkpoint().as_bytes(), Keeper::Other, keys, found)?;
    let key = keys.first()?;
    if key.name().as_str() != header.ledger {
        let finding = Finding::new("the checkpoint is of another ledger than the header says");
        found.fail(CheckId::CheckpointForm, finding.with(&header.ledger, key.name()).help(KEEP));
    }
    if signed.head.size != header.size {
        let finding = Finding::new("the checkpoint is of another size than the header says");
        found.fail(CheckId::CheckpointForm, finding.with(header.size, signed.head.size).help(KEEP));
    }
    if !keys.iter().any(|key| header.log_vkeys.contains(&key.to_string())) {
        let finding = Finding::new("the header does not name the log's key");
        found.fail(CheckId::CheckpointForm, finding.with(key, header.log_vkeys.join(" ")).help(KEEP));
    }
    Some(signed)
}

fn read_old(options: &Options, keys: &[VerifierKey], found: &mut Tallies) -> Vec<Signed> {
    if keys.is_empty() {
        return Vec::new();
    }
    let mut old = Vec::new();
    for (name, note) in options.old {
        found.count(CheckId::OldConsistency, 0);
        match notes::judge(name, note, Keeper::Other, keys, found) {
            Some(signed) => old.push(signed),
            None => found.undecided(CheckId::OldConsistency, Finding::new(format!("{name}: see above"))),
        }
    }
    old
}

fn check_old_ahead(old: &[Signed], size: u64, found: &mut Tallies) {
    for signed in old.iter().filter(|signed| signed.head.size > size) {
        let reason = format!("{} covers {} records, the export {size}", signed.name, signed.head.size);
        let finding = Finding::at(size, reason).help("export a newer size and compare again");
        found.undecided(CheckId::OldConsistency, finding);
    }
}

/// Through all records once.
struct Walk<'a> {
    tree: Tree,
    times: Option<(Timestamp, Timestamp)>,
    /// Command ids of a part of a ledger, where no replay finds one that stands twice.
    ids: Vec<[u8; 32]>,
    old: &'a [Signed],
    signed: Option<&'a Signed>,
}

struct Walked {
    state: State,
    head: TreeHead,
    times: Option<(Timestamp, Timestamp)>,
}

impl Walk<'_> {
    fn run(
        mut self,
        file: &ExportFile,
        states: StatesAtSizes,
        options: &Options,
        jobs: &mut Jobs,
        found: &mut Tallies,
    ) -> Walked {
        let origin = &file.header().ledger;
        let mut replaying = Replaying::of_export(origin, file, options.answer, states);
        if let Err(error) = self.walk(file, &mut replaying, options, jobs, found) {
            let finding = Finding::at(self.tree.size(), error).help(FETCH);
            found.undecided(CheckId::Frames, finding);
        }
        let size = self.tree.size();
        for id in [CheckId::LeafForm, CheckId::Sequence, CheckId::TimeOrder, CheckId::EnvelopeDigest] {
            found.count(id, size);
        }
        let head = self.tree.head();
        if let Some(signed) = self.signed.filter(|signed| signed.head.size == size) {
            signed.compare(&head, CheckId::EntriesRoot, found);
        } else {
            let finding = Finding::at(size, "no signed checkpoint of this size is at hand");
            found.undecided(CheckId::EntriesRoot, finding);
        }
        let state = if file.is_full() {
            replaying.finish(found)
        } else {
            self.find_twice(found);
            State::new(origin)
        };
        Walked { state, head, times: self.times }
    }

    fn walk(
        &mut self,
        file: &ExportFile,
        replaying: &mut Replaying,
        options: &Options,
        jobs: &mut Jobs,
        found: &mut Tallies,
    ) -> Result<(), String> {
        self.compare_old(found);
        for frame in file.frames_from(0).map_err(|error| error.to_string())? {
            let frame = frame.map_err(|error| error.to_string())?;
            self.step(file, &frame, replaying, jobs, found);
            if let Some(progress) = options.progress
                && self.tree.size().is_multiple_of(256)
            {
                progress(self.tree.size(), file.length());
            }
        }
        if let Some(progress) = options.progress {
            progress(self.tree.size(), file.length());
        }
        Ok(())
    }

    fn step(
        &mut self,
        file: &ExportFile,
        frame: &Frame,
        replaying: &mut Replaying,
        jobs: &mut Jobs,
        found: &mut Tallies,
    ) {
        let seq = self.tree.size();
        let (leaf, envelope) = match (frame.kind, split_record(&frame.bytes)) {
            (FrameKind::Leaf, _) | (_, None) => (&frame.bytes[..], None),
            (_, Some((leaf, envelope))) => (leaf.as_bytes(), Some(envelope)),
        };
        let record = std::str::from_utf8(leaf).ok().and_then(Record::parse);
        match (&record, envelope) {
            (None, _) => {
                found.fail(CheckId::LeafForm, Finding::at(seq, "the leaf is no record").help(KEEP));
                replaying.halt(seq);
            }
            (Some(record), envelope) => {
                self.take_record(seq, record, found);
                if let Some(envelope) = envelope {
                    take_envelope(seq, record, envelope, file, replaying, jobs, found);
                } else if file.is_full() {
                    let finding = Finding::at(seq, "a full export without this body").help(FETCH);
                    found.undecided(CheckId::Replay, finding);
                    replaying.halt(seq);
                }
            }
        }
        if !file.is_full() {
            self.ids.extend(record.map(|record| record.command_id.0));
        }
        self.tree.push(leaf);
        self.compare_old(found);
    }

    fn take_record(&mut self, seq: u64, record: &Record, found: &mut Tallies) {
        if record.seq != seq {
            let finding = Finding::at(seq, "the record names another place than it stands at");
            found.fail(CheckId::Sequence, finding.with(seq, record.seq).help(KEEP));
        }
        let at = record.recorded_at;
        let (first, last) = self.times.unwrap_or((at, at));
        if at < last {
            let finding = Finding::at(seq, "the recorded time falls");
            found.fail(CheckId::TimeOrder, finding.with(format!("{last} or later"), at).help(KEEP));
        }
        self.times = Some((first, at.max(last)));
    }

    fn compare_old(&self, found: &mut Tallies) {
        for signed in self.old.iter().filter(|signed| signed.head.size == self.tree.size()) {
            signed.compare(&self.tree.head(), CheckId::OldConsistency, found);
        }
    }

    fn find_twice(&mut self, found: &mut Tallies) {
        found.count(CheckId::CommandIdOnce, self.ids.len() as u64);
        self.ids.sort_unstable();
        if let Some(pair) = self.ids.windows(2).find(|pair| pair[0] == pair[1]) {
            let reason = format!("command {} is recorded twice", Digest(pair[0]));
            found.fail(CheckId::CommandIdOnce, Finding::new(reason).help(KEEP));
        }
        const PART: &str = "the export is of a part: the records of others are not in it";
        for id in [CheckId::Replay, CheckId::Invariants, CheckId::SignatureAtSeq, CheckId::Expiry] {
            found.skip(id, PART);
        }
        for id in
            [CheckId::Idempotency, CheckId::Approvals, CheckId::MarginRecomputed, CheckId::SealsRecomputed]
        {
            found.skip(id, PART);
        }
    }
}

/// Binds the envelope to its leaf and, where every body is at hand, takes the record up.
fn take_envelope(
    seq: u64,
    record: &Record,
    envelope: &[u8],
    file: &ExportFile,
    replaying: &mut Replaying,
    jobs: &mut Jobs,
    found: &mut Tallies,
) {
    let digest = Digest::of(envelope);
    if digest != record.envelope_sha256 {
        let finding = Finding::at(seq, "the leaf commits to another envelope");
        found.fail(CheckId::EnvelopeDigest, finding.with(record.envelope_sha256, digest).help(KEEP));
        replaying.halt(seq);
        return;
    }
    if file.is_full() {
        let stored = StoredRecord {
            recorded_at: record.recorded_at,
            command_id: record.command_id,
            envelope: envelope.into(),
            effects: [].into(),
        };
        replaying.step(seq, &stored, jobs, found);
        return;
    }
    for id in [CheckId::CommandId, CheckId::Canonical] {
        found.count(id, 1);
    }
    match intake::take_back(envelope) {
        Ok(recorded) if recorded.id == record.command_id => {
            let documents = recorded.command.body.documents().into_iter();
            for (_, digest) in documents.filter(|(_, digest)| file.document(digest).is_err()) {
                let finding = Finding::at(seq, format!("document {digest} cannot be read"));
                found.undecided(CheckId::Documents, finding.help(RESTORE_DOCUMENT));
            }
        }
        Ok(recorded) => {
            let finding = Finding::at(seq, "the command id is not SHA-256 of the signed bytes");
            found.fail(CheckId::CommandId, finding.with(recorded.id, record.command_id).help(KEEP));
        }
        Err(error) => {
            found.undecided(CheckId::Canonical, Finding::at(seq, error.to_string()).help(super::NEWER));
        }
    }
}
