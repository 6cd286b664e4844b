//! The operator's own data: a closed directory, or a copy of one.

use std::path::Path;

use super::claims::{Claimed, Claims};
use super::files::LogFiles;
use super::notes::Signed;
use super::records::Replaying;
use super::report::{CheckId, Finding, Report};
use super::signatures::{self, Jobs};
use super::snapshots;
use super::tally::Tallies;
use super::tree::Tree;
use super::{FETCH_JOURNAL, Options, RESTORE_DOCUMENT, RESTORE_JOURNAL};
use crate::checkpoint::CheckpointError;
use crate::command::Body;
use crate::intake;
use crate::merkle::TreeHead;
use crate::note::{NoteError, VerifierKey};
use crate::policy::{Policy, Unmet};
use crate::record::Record;
use crate::state::State;
use crate::store::embedded::EmbeddedStore;
use crate::store::{FaultKind, JournalPart, StoreError, StoreReader, Survey};
use crate::time::Timestamp;

/// Said of a quorum that needs no witness.
const NOBODY_IS_ASKED: &str = "the policy asks nobody to cosign";

/// Why checks are not made here.
const ELSEWHERE: &str = "what came before stopped it";

/// Verifies the ledger of a directory that no process writes to, or of a copy.
///
/// No lock is taken, and nothing in the directory is changed. `ledger.toml` only says whose journal
/// it is; the index is not looked at but for its snapshots: it can be rebuilt.
#[must_use]
pub fn directory(dir: &Path, options: &Options) -> Report {
    let mut found = Tallies::default();
    found.skip(CheckId::Inclusion, "the whole tree is made again");
    found.skip(CheckId::CosignatureAge, "no age was asked for");
    found.skip(CheckId::OldConsistency, "no --old FILE was given");
    let (origin, reader, survey) = match EmbeddedStore::survey(dir) {
        Ok(surveyed) => surveyed,
        Err(error) => {
            found.undecided(CheckId::Frames, Finding::new(error.to_string()).help(FETCH_JOURNAL));
            return Report { checks: found.finish(ELSEWHERE), ..Report::default() };
        }
    };
    tell_survey(&survey, &mut found);
    let reader = reader.as_ref();
    let key = log_key(&origin, reader, options, &mut found);
    let log = LogFiles::new(dir.join("log"));
    let snapshot = if survey.is_cut {
        found.skip(CheckId::Snapshots, "the journal is not whole");
        None
    } else {
        snapshots::read(reader, &origin, &mut found)
    };
    let claims = Claims::gather(&log, key.as_ref(), options, &mut found);
    let (walked, judged) = signatures::beside(|jobs| {
        let walk = Walk { reader, log: &log, claims, snapshot, tree: Tree::default(), times: None };
        walk.run(&origin, options, jobs, &mut found)
    });
    found.merge(judged);
    let Walked { state, head, claims, times } = walked;
    compare_known(&state, key.as_ref(), options, &mut found);
    let Claimed { newest, witnessed } = claims.finish(&survey, head.size, &mut found);
    let judged = Claimed { newest: newest.clone(), witnessed };
    let cosigned_by = check_quorum(&state, reader, options, &judged, &mut found);
    Report {
        origin: Some(origin),
        head: Some(head),
        checkpoint: newest.map(|newest| newest.digest()),
        cosigned_by,
        recorded_at: times,
        balance: None,
        checks: found.finish(ELSEWHERE),
    }
}

fn tell_survey(survey: &Survey, found: &mut Tallies) {
    found.count(CheckId::Frames, survey.frames);
    found.count(CheckId::StoreChain, survey.frames);
    found.count(CheckId::Documents, 0);
    for fault in &survey.faults {
        let id = match fault.part {
            JournalPart::Frames => CheckId::Frames,
            JournalPart::Chain => CheckId::StoreChain,
        };
        let finding = Finding::at(fault.seq, fault.reason.clone());
        match fault.kind {
            FaultKind::Contradiction => found.fail(id, finding.help(RESTORE_JOURNAL)),
            FaultKind::Missing | FaultKind::Unreadable => found.undecided(id, finding.help(FETCH_JOURNAL)),
        }
    }
    for fault in &survey.document_faults {
        let reason = format!("document {}: {}", fault.digest, fault.reason);
        let finding = Finding::at(fault.seq, reason).help(RESTORE_DOCUMENT);
        match fault.kind {
            FaultKind::Contradiction => found.fail(CheckId::Documents, finding),
            FaultKind::Missing | FaultKind::Unreadable => found.undecided(CheckId::Documents, finding),
        }
    }
    if survey.is_cut {
        for id in [CheckId::StoreChain, CheckId::Replay, CheckId::EntriesRoot] {
            let finding = Finding::at(survey.length, "from here on no record can be read");
            found.undecided(id, finding.help(FETCH_JOURNAL));
        }
    }
}

/// The key that record 0 names, or where it cannot be read the one that the caller knows.
pub(super) fn log_key(
    origin: &str,
    reader: &dyn StoreReader,
    options: &Options,
    found: &mut Tallies,
) -> Option<VerifierKey> {
    let first = reader.record(0).ok().flatten();
    let signed = first.and_then(|stored| intake::take_back(&stored.envelope).ok());
    let recorded = signed.and_then(|signed| {
        let Body::LedgerOpen(open) = &signed.command.body else { return None };
        VerifierKey::parse(&open.log_vkey).ok()
    });
    let Some(recorded) = recorded else {
        if options.vkey.is_none() {
            let finding = Finding::at(0, "record 0 names no log key that can be read");
            found.undecided(CheckId::LogSignature, finding);
        }
        return options.vkey.cloned();
    };
    if recorded.name().as_str() != origin {
        let finding = Finding::at(0, "the log key's name is not the origin");
        found.fail(CheckId::LogSignature, finding.with(origin, recorded.name()));
    }
    Some(recorded)
}

/// A key known from elsewhere is record 0's, or one that the ledger announced.
fn compare_known(state: &State, recorded: Option<&VerifierKey>, options: &Options, found: &mut Tallies) {
    let (Some(known), Some(recorded)) = (options.vkey, recorded) else { return };
    let vkey = known.to_string();
    let announced = state.opened().map_or(&[][..], |opened| &opened.log_keys[..]);
    if known != recorded && announced.iter().all(|key| key.vkey != vkey) {
        let finding = Finding::at(0, "record 0 names another log key than --vkey").with(known, recorded);
        let help = "check --vkey: either it is another ledger's, or this is not the ledger you know";
        found.undecided(CheckId::LogSignature, finding.help(help));
    }
}

/// Through all records once: tree and files, replay, and signatures beside it.
struct Walk<'a> {
    reader: &'a dyn StoreReader,
    log: &'a LogFiles,
    claims: Claims,
    snapshot: Option<snapshots::Kept>,
    tree: Tree,
    times: Option<(Timestamp, Timestamp)>,
}

/// What the walk leaves.
struct Walked {
    state: State,
    head: TreeHead,
    claims: Claims,
    times: Option<(Timestamp, Timestamp)>,
}

impl Walk<'_> {
    fn run(mut self, origin: &str, options: &Options, jobs: &mut Jobs, found: &mut Tallies) -> Walked {
        let state = match self.walk(origin, options, jobs, found) {
            Ok(state) => state,
            Err(error) => {
                let finding = Finding::at(self.tree.size(), error.to_string()).help(FETCH_JOURNAL);
                found.undecided(CheckId::Replay, finding);
                State::new(origin)
            }
        };
        let static_size = self.claims.static_size();
        self.log.compare_edge(&self.tree, static_size, found);
        let size = self.tree.size();
        for id in [CheckId::LeafForm, CheckId::Sequence, CheckId::TimeOrder, CheckId::EnvelopeDigest] {
            found.count(id, size);
        }
        Walked { state, head: self.tree.head(), claims: self.claims, times: self.times }
    }

    fn walk(
        &mut self,
        origin: &str,
        options: &Options,
        jobs: &mut Jobs,
        found: &mut Tallies,
    ) -> Result<State, StoreError> {
        let reader = self.reader;
        let mut replaying = Replaying::start(origin, reader, options.answer)?;
        self.claims.compare(&self.tree, found);
        for batch in reader.batches(0) {
            for stored in batch?.records {
                let seq = self.tree.size();
                replaying.step(seq, &stored, jobs, found);
                self.claims.learn(replaying.state());
                self.take_time(seq, stored.recorded_at, found);
                for made in self.tree.push(&Record::of(seq, &stored).leaf()) {
                    self.log.compare_full(&made, found);
                }
                self.claims.compare(&self.tree, found);
                if let Some(kept) = self.snapshot.as_ref().filter(|kept| kept.length() == seq + 1) {
                    kept.compare(replaying.state(), &self.tree.head(), found);
                }
            }
            if let Some(progress) = options.progress {
                progress(self.tree.size(), reader.length());
            }
        }
        Ok(replaying.finish(found))
    }

    fn take_time(&mut self, seq: u64, at: Timestamp, found: &mut Tallies) {
        let (first, last) = self.times.unwrap_or((at, at));
        if at < last {
            let finding = Finding::at(seq, "the recorded time falls");
            found.fail(CheckId::TimeOrder, finding.with(format!("{last} or later"), at));
        }
        self.times = Some((first, at.max(last)));
    }
}

/// Who cosigned the newest witnessed checkpoint, by the policy asked for or the ledger's own.
pub(super) fn check_quorum(
    state: &State,
    reader: &dyn StoreReader,
    options: &Options,
    claimed: &Claimed,
    found: &mut Tallies,
) -> Vec<String> {
    let own = || {
        let document = reader.document(&state.opened()?.witness_policy).ok()??;
        Policy::parse(std::str::from_utf8(&document).ok()?).ok()
    };
    let policy = options.policy.cloned().or_else(own);
    let Some(policy) = policy else {
        found.undecided(CheckId::Quorum, Finding::new("no policy is at hand"));
        return Vec::new();
    };
    let asks = !policy.needs_no_witness();
    if !asks && options.policy.is_none() {
        // Such a policy cannot be put in force later, so it may name a log key that was rotated since.
        found.count(CheckId::Quorum, 0);
        found.remark(CheckId::Quorum, NOBODY_IS_ASKED);
        return Vec::new();
    }
    let Some(judged) = claimed.witnessed.as_ref().filter(|_| asks).or(claimed.newest.as_ref()) else {
        found.undecided(CheckId::Quorum, Finding::new("no checkpoint is at hand"));
        return Vec::new();
    };
    let cosigned_by = judge_quorum(&policy, judged, found);
    if asks && claimed.newest.as_ref().is_some_and(|newest| newest.head.size > judged.head.size) {
        found.remark(CheckId::Quorum, "the newest records are signed and not witnessed yet");
    }
    cosigned_by
}

/// Judges a checkpoint by a policy; gives who cosigned, and when.
pub(super) fn judge_quorum(policy: &Policy, newest: &Signed, found: &mut Tallies) -> Vec<String> {
    let show = |(name, time): (String, u64)| {
        let at = time.checked_mul(1_000).and_then(Timestamp::from_millis);
        at.map_or_else(|| name.clone(), |at| format!("{name} at {at}"))
    };
    match policy.check(&newest.note) {
        Ok(witnessed) => {
            found.count(CheckId::Quorum, witnessed.cosigned.len() as u64);
            if policy.needs_no_witness() {
                found.remark(CheckId::Quorum, NOBODY_IS_ASKED);
            }
            witnessed.cosigned.into_iter().map(show).collect()
        }
        Err(Unmet::Quorum { cosigned_by }) => {
            let reason = format!("{}: the quorum is not met", newest.name);
            let help = "wait until the witnesses have cosigned, or ask them what they last saw";
            found.undecided(CheckId::Quorum, Finding::new(reason).help(help));
            cosigned_by
        }
        Err(Unmet::Checkpoint(error)) => {
            let finding = Finding::new(format!("{}: {error}", newest.name));
            if matches!(error, CheckpointError::Note(NoteError::BadSignature { .. })) {
                found.fail(CheckId::Quorum, finding);
            } else {
                found.undecided(CheckId::Quorum, finding);
            }
            Vec::new()
        }
    }
}
