//! What a record brought about: its own command, or the one whose last approval it is.

use crate::approval::HeldStatus;
use crate::command::Body;
use crate::digest::Digest;
use crate::intake;
use crate::state::State;
use crate::store::{StoreReader, StoredRecord};

/// The command that the record at `seq` applied, if it applied one: not one that waits.
pub(super) fn applied(
    state: &State,
    reader: &dyn StoreReader,
    seq: u64,
    body: &Body,
    id: &Digest,
) -> Option<Body> {
    if let Body::ApprovalGive(say) = body {
        let held = state.held_command(&say.command_id)?;
        let completes = held.status == HeldStatus::Applied && held.changed_seq == seq;
        return completes.then(|| body_of(reader, held.seq)).flatten();
    }
    let waits = state.held_command(id).is_some_and(|held| held.seq == seq);
    (!waits).then(|| body.clone())
}

/// The command of a stored record, or the one that it says something about.
pub(super) fn meant(reader: &dyn StoreReader, stored: &StoredRecord) -> Option<Body> {
    let body = intake::take_back(&stored.envelope).ok()?.command.body;
    if let Body::ApprovalGive(say) = &body {
        return body_of(reader, reader.seq_of_command(&say.command_id).ok()??);
    }
    Some(body)
}

fn body_of(reader: &dyn StoreReader, seq: u64) -> Option<Body> {
    let stored = reader.record(seq).ok()??;
    Some(intake::take_back(&stored.envelope).ok()?.command.body)
}
