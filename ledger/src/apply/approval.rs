//! A command that a policy holds back, and what others say of it.
//!
//! The approval that completes the quorum applies the command at its own sequence, against the state
//! then: bytes, author, key, expectations and policy are judged anew, and if the command no longer
//! fits, that approval is refused with the command's own code and nothing changes.

use std::sync::Arc;

use super::policy::{self, Decision};
use super::{Entry, check_time, documents, judge};
use crate::approval::{Approval, HeldCommand, HeldStatus, Lineage, Need};
use crate::command::{ApprovalSay, Command};
use crate::digest::Digest;
use crate::envelope::{Purpose, pae};
use crate::fault::{Fault, is_planted};
use crate::profile;
use crate::rejection::Rejection;
use crate::state::{Change, Effects, State};

/// The record of a command that waits: its documents are named, nothing else changes.
pub(super) fn hold(state: &State, entry: &Entry, needs: Vec<Need>) -> Effects {
    let held = HeldCommand {
        id: entry.command_id,
        seq: entry.seq,
        author: entry.command.author.clone(),
        signer: entry.signer,
        type_name: entry.command.body.type_name().to_owned(),
        payload: Some(entry.payload.into()),
        expires_at: entry.command.expires_at,
        needs,
        approvals: Vec::new(),
        status: HeldStatus::Awaiting,
        reason: None,
        changed_seq: entry.seq,
    };
    let deciders = held.needs.iter().flat_map(|need| &need.of).map(|principal| principal.party.clone());
    let mut changes = documents::changes(state, entry, deciders.collect());
    changes.push(Change::Held(Arc::new(held)));
    Effects(changes)
}

/// `approval.give`.
pub(super) fn give(state: &State, entry: &Entry, say: &ApprovalSay) -> Result<Vec<Change>, Rejection> {
    let held = find(state, entry, say)?;
    let own = lineage(state, entry);
    if held.status != HeldStatus::Awaiting {
        return Err(decided(state, held, &own));
    }
    let command = held_command(held);
    let asked = Entry {
        command_id: held.id,
        signer: held.signer,
        command: &command,
        payload: held.payload.as_deref().unwrap_or_default(),
        ..*entry
    };
    let judged = judge_anew(state, &asked);
    let needs = match &judged {
        Ok((_, Decision::Allowed)) => Vec::new(),
        Ok((_, Decision::Held(needs))) => needs.clone(),
        Err(_) => held.needs.clone(),
    };
    let next = HeldCommand { needs, changed_seq: entry.seq, ..HeldCommand::clone(held) };
    check_decider(state, held, &next, &own)?;
    if let Some(first) = approval_of(state, held, &own).filter(|_| !is_planted(Fault::ApprovalTwice)) {
        return Err(Rejection::AlreadyApproved { command: held.id, seq: first.seq });
    }
    let mut next = next;
    next.approvals.push(Approval {
        party: entry.command.author.clone(),
        keyid: entry.signer,
        seq: entry.seq,
    });
    let standing = standing(state, &next);
    if !next.needs.iter().all(|need| need.is_met(&standing)) {
        return Ok(vec![Change::Held(Arc::new(next))]);
    }
    let (Effects(mut changes), _) = judged?;
    next.status = HeldStatus::Applied;
    next.payload = None;
    changes.push(Change::Held(Arc::new(next)));
    Ok(changes)
}

/// `approval.refuse`: one whose approval is asked ends it.
pub(super) fn refuse(state: &State, entry: &Entry, say: &ApprovalSay) -> Result<Vec<Change>, Rejection> {
    let held = find(state, entry, say)?;
    let own = lineage(state, entry);
    check_asked(state, held, &own)?;
    check_awaiting(held)?;
    Ok(ended(entry, held, say, HeldStatus::Refused))
}

/// `approval.withdraw`: one's own approval, or by the maker the whole command.
pub(super) fn withdraw(state: &State, entry: &Entry, say: &ApprovalSay) -> Result<Vec<Change>, Rejection> {
    let held = find(state, entry, say)?;
    let own = lineage(state, entry);
    let given = approval_of(state, held, &own);
    if given.is_none() && held.author != entry.command.author {
        return Err(Rejection::NotAuthorised { who_may: "its maker, or one who approved it" });
    }
    check_awaiting(held)?;
    if let Some(given) = given {
        let mut next = HeldCommand { changed_seq: entry.seq, ..HeldCommand::clone(held) };
        next.approvals.retain(|approval| approval != given);
        return Ok(vec![Change::Held(Arc::new(next))]);
    }
    Ok(ended(entry, held, say, HeldStatus::Withdrawn))
}

fn ended(entry: &Entry, held: &HeldCommand, say: &ApprovalSay, status: HeldStatus) -> Vec<Change> {
    let next = HeldCommand {
        status,
        reason: say.reason.clone(),
        payload: None,
        changed_seq: entry.seq,
        ..held.clone()
    };
    vec![Change::Held(Arc::new(next))]
}

/// The command, if the author of the approval may know of it and its time is not over.
fn find<'a>(state: &'a State, entry: &Entry, say: &ApprovalSay) -> Result<&'a Arc<HeldCommand>, Rejection> {
    let unknown = || Rejection::UnknownReference {
        pointer: "/body/command_id".to_owned(),
        what: format!("no command {} that waits for you", say.command_id),
    };
    let held = state.held_command(&say.command_id).ok_or_else(unknown)?;
    let author = &entry.command.author;
    let decides = held.needs.iter().flat_map(|need| &need.of).any(|one| one.party == *author);
    let may_come_to = policy_names(state, held, author);
    if held.author != *author && !decides && !may_come_to {
        return Err(unknown());
    }
    if held.status == HeldStatus::Awaiting && held.expires_at <= entry.recorded_at {
        let (expires_at, recorded_at) = (held.expires_at, entry.recorded_at);
        return Err(Rejection::Expired { expires_at, recorded_at });
    }
    Ok(held)
}

fn check_awaiting(held: &HeldCommand) -> Result<(), Rejection> {
    if held.status == HeldStatus::Awaiting {
        return Ok(());
    }
    let (command, status, seq) = (held.id, held.status, held.changed_seq);
    Err(Rejection::AlreadyDecided { command, status, seq })
}

/// Those who were asked last. Where nobody was any more, everybody may hear what became of it.
fn check_asked(state: &State, held: &HeldCommand, own: &Lineage) -> Result<(), Rejection> {
    if held.needs.is_empty() { Ok(()) } else { check_decider(state, held, held, own) }
}

/// Why an approval comes too late: whose it is, and whether it was given, is told before.
fn decided(state: &State, held: &HeldCommand, own: &Lineage) -> Rejection {
    let given = approval_of(state, held, own)
        .map_or(Ok(()), |first| Err(Rejection::AlreadyApproved { command: held.id, seq: first.seq }));
    let told = check_asked(state, held, own).and(given).and(check_awaiting(held));
    told.expect_err("it was decided")
}

/// Whether a policy now in force for the maker names the party: a group may have changed since.
fn policy_names(state: &State, held: &HeldCommand, party: &crate::id::PartyId) -> bool {
    use crate::approval::Scope;
    [Scope::Party(held.author.clone()), Scope::Everyone]
        .iter()
        .filter_map(|scope| state.policy_of(scope))
        .any(|policy| policy.document.principals().iter().any(|one| one.party == *party))
}

/// The key is of one whose approval is asked, now or when it was held; the maker's never is.
fn check_decider(
    state: &State,
    held: &HeldCommand,
    now: &HeldCommand,
    own: &Lineage,
) -> Result<(), Rejection> {
    let asks = if now.needs.is_empty() { held.asks(own) } else { now.asks(own) };
    if asks {
        return Ok(());
    }
    let maker = state.party(&held.author).map(|party| party.lineage(held.signer));
    if maker.is_some_and(|maker| maker.party == own.party) {
        return Err(Rejection::MakerMayNotApprove { command: held.id });
    }
    Err(Rejection::NotAuthorised { who_may: "those whom the policy asks" })
}

fn lineage(state: &State, entry: &Entry) -> Lineage {
    let author = &entry.command.author;
    state.party(author).map_or_else(
        || Lineage { party: author.clone(), keys: vec![entry.signer] },
        |party| party.lineage(entry.signer),
    )
}

/// The approval that one principal, or one key, gave already.
fn approval_of<'a>(state: &State, held: &'a HeldCommand, own: &Lineage) -> Option<&'a Approval> {
    let same = |approval: &&Approval| {
        let given = state.party(&approval.party).map(|party| party.lineage(approval.keyid));
        given.is_some_and(|given| {
            let one_key = given.keys.iter().any(|key| own.keys.contains(key));
            let principals = held.needs.iter().flat_map(|need| &need.of);
            one_key || principals.into_iter().any(|one| one.holds(&given) && one.holds(own))
        })
    };
    held.approvals.iter().find(same)
}

/// Approvals whose keys still stand, of parties that are not suspended.
fn standing(state: &State, held: &HeldCommand) -> Vec<Lineage> {
    let stands = |approval: &Approval| {
        let party = state.party(&approval.party).filter(|party| !party.suspended)?;
        party.stands(approval.keyid).then(|| party.lineage(approval.keyid))
    };
    held.approvals.iter().filter_map(stands).collect()
}

pub(super) fn held_command(held: &HeldCommand) -> Command {
    let payload = held.payload.as_deref().expect("a command that waits keeps its bytes");
    let id = Digest::of(&pae(Purpose::Command.payload_type(), payload));
    assert_eq!(id, held.id, "what is applied is what was signed");
    let tree = profile::read(payload).expect("it was read when it was recorded");
    Command::read(&tree).expect("it was read when it was recorded")
}

/// The key was active at the record that holds the command. One that was taken away since makes
/// nothing any more; one that another took the place of does.
fn check_maker(state: &State, asked: &Entry) -> Result<(), Rejection> {
    let keyid = asked.signer;
    let author = state.party(&asked.command.author).ok_or(Rejection::KeyNotActive { keyid })?;
    if !author.stands(keyid) {
        return Err(Rejection::KeyNotActive { keyid });
    }
    if author.suspended { Err(Rejection::AuthorSuspended { author: author.id.clone() }) } else { Ok(()) }
}

/// The command as if it came now: its time, its maker, its body, the policies.
fn judge_anew(state: &State, asked: &Entry) -> Result<(Effects, Decision), Rejection> {
    check_time(asked)?;
    check_maker(state, asked)?;
    documents::check(state, asked)?;
    let effects = judge(state, asked)?;
    let decision = policy::decide(state, asked, &effects)?;
    Ok((effects, decision))
}
