//! Opening the ledger, parties and their keys.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Entry, RULES_VERSION, check_free};
use crate::command::{
    KeyAdd, KeyRecover, KeyRevoke, KeyRotate, LedgerOpen, NewKey, PartyRegister, PartyStanding, ScopeNamed,
};
use crate::id::{AgreementId, PartyId};
use crate::key::KeyId;
use crate::party::{
    KeyRecovery, KeyUse, Party, PartyKey, RECOVERY_COOLING_OFF_MS, RecoveryStage, Role, Scope,
};
use crate::rejection::Rejection;
use crate::state::{Change, Opened, State};

pub(super) fn open(state: &State, entry: &Entry, open: &LedgerOpen) -> Result<Vec<Change>, Rejection> {
    if entry.command.author != open.operator {
        return Err(Rejection::NotAuthorised { who_may: "the operator that it names" });
    }
    let rules = open.rules.unwrap_or(RULES_VERSION);
    if rules != RULES_VERSION {
        return Err(Rejection::UnknownReference {
            pointer: "/body/rules".to_owned(),
            what: format!("rules version {rules} is not at hand, this program has {RULES_VERSION}"),
        });
    }
    if state.opened().is_some() {
        return Err(Rejection::WrongState {
            state: "open".to_owned(),
            fits: "every other command".to_owned(),
        });
    }
    let opened = Opened {
        operator: open.operator.clone(),
        log_vkey: open.log_vkey.clone(),
        log_keys: Vec::new(),
        witness_policy: open.witness_policy,
        rules,
        rules_changes: Vec::new(),
        clock_confirmed: None,
        closed: None,
        sandbox: open.sandbox,
    };
    let operator = Party {
        id: open.operator.clone(),
        role: Role::Operator,
        legal_name: open.legal_name.clone(),
        lei: None,
        suspended: false,
        recovery: None,
        scope: Scope::All,
        keys: vec![new_key(entry, &open.key)?],
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Opened(Arc::new(opened)), Change::Party(Arc::new(operator))])
}

pub(super) fn register(
    state: &State,
    entry: &Entry,
    register: &PartyRegister,
) -> Result<Vec<Change>, Rejection> {
    if let Some(contact) = &register.recovery {
        state.need_party(contact, "/body/recovery")?;
    }
    let scope = register.scope.as_ref().map_or(Ok(Scope::All), |named| scope(state, named))?;
    check_free(state, "party", register.party.as_str())?;
    let key = new_key(entry, &register.key)?;
    check_new(state, &key)?;
    let party = Party {
        id: register.party.clone(),
        role: register.role,
        legal_name: register.legal_name.clone(),
        lei: register.lei.clone(),
        suspended: false,
        recovery: register.recovery.clone(),
        scope,
        keys: vec![key],
        changed_seq: entry.seq,
    };
    Ok(vec![Change::Party(Arc::new(party))])
}

/// Each id is one of a party or of an agreement that is there; of both, it means both.
fn scope(state: &State, named: &ScopeNamed) -> Result<Scope, Rejection> {
    let ids = match named {
        ScopeNamed::All => return Ok(Scope::All),
        ScopeNamed::Only(ids) => ids,
    };
    let (mut parties, mut agreements) = (BTreeSet::new(), BTreeSet::new());
    for (place, id) in ids.iter().enumerate() {
        let party = PartyId::parse(id).ok().filter(|id| state.party(id).is_some());
        let agreement = AgreementId::parse(id).ok().filter(|id| state.agreement(id).is_some());
        if party.is_none() && agreement.is_none() {
            return Err(Rejection::UnknownReference {
                pointer: format!("/body/scope/{place}"),
                what: format!("no party and no agreement {id}"),
            });
        }
        parties.extend(party);
        agreements.extend(agreement);
    }
    Ok(Scope::Only { parties, agreements })
}

pub(super) fn add_key(state: &State, entry: &Entry, add: &KeyAdd) -> Result<Vec<Change>, Rejection> {
    let mut party = own_party(state, entry, add.party.as_ref())?;
    let key = new_key(entry, &add.key)?;
    check_new(state, &key)?;
    party.keys.push(key);
    Ok(vec![Change::Party(Arc::new(party))])
}

pub(super) fn rotate_key(state: &State, entry: &Entry, rotate: &KeyRotate) -> Result<Vec<Change>, Rejection> {
    let mut party = own_party(state, entry, rotate.party.as_ref())?;
    let mut key = new_key(entry, &rotate.key)?;
    if party.key(rotate.old_key).is_none() {
        return Err(no_key(rotate.old_key, "/body/old_key"));
    }
    check_new(state, &key)?;
    let old = revocable(&mut party, rotate.old_key, "/body/old_key")?;
    end(old, entry);
    key.uses = old.uses.clone();
    key.rotated_from = Some(rotate.old_key);
    party.keys.push(key);
    Ok(vec![Change::Party(Arc::new(party))])
}

/// By the party itself, or by the operator for any party.
pub(super) fn revoke_key(state: &State, entry: &Entry, revoke: &KeyRevoke) -> Result<Vec<Change>, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    let owners: Vec<_> = match author.role {
        Role::Operator => state.parties().filter(|party| party.key(revoke.keyid).is_some()).collect(),
        Role::Client | Role::Custodian | Role::Auditor | Role::Witness => {
            author.key(revoke.keyid).map(|_| author).into_iter().collect()
        }
    };
    let Some(owner) = owners.first() else {
        return Err(no_key(revoke.keyid, "/body/keyid"));
    };
    let mut party = Party { changed_seq: entry.seq, ..Party::clone(owner) };
    let commands = |key: &&PartyKey| key.revoked_seq.is_none() && key.uses.contains(&KeyUse::Command);
    let last_operator_key = party.role == Role::Operator
        && party.keys.iter().filter(commands).all(|key| key.public.id() == revoke.keyid);
    let key = revocable(&mut party, revoke.keyid, "/body/keyid")?;
    if last_operator_key {
        return Err(Rejection::WrongState {
            state: "the operator's last active key that commands".to_owned(),
            fits: "key.add or key.rotate first".to_owned(),
        });
    }
    end(key, entry);
    key.compromised_from = revoke.compromised_from;
    Ok(vec![Change::Party(Arc::new(party))])
}

/// The new key signs nothing until it has cooled off; until then a key of the party, or the operator,
/// stops it by revoking it.
pub(super) fn recover_key(
    state: &State,
    entry: &Entry,
    recover: &KeyRecover,
) -> Result<Vec<Change>, Rejection> {
    let mut party = Party::clone(state.need_party(&recover.party, "/body/party")?);
    let mut key = new_key(entry, &recover.key)?;
    check_new(state, &key)?;
    if party.role == Role::Operator {
        return Err(Rejection::WrongState {
            state: "the operator's, one of whose keys signed this".to_owned(),
            fits: "key.add".to_owned(),
        });
    }
    let waiting = party
        .recoveries()
        .find(|(_, recovery)| recovery.stage_at(entry.recorded_at) == RecoveryStage::Pending);
    if let Some((waiting, recovery)) = waiting {
        return Err(Rejection::WrongState {
            state: format!("in recovery by key {} from {} on", waiting.public.id(), recovery.active_from),
            fits: "key.revoke".to_owned(),
        });
    }
    let active_from = entry.recorded_at.plus_millis(RECOVERY_COOLING_OFF_MS);
    let active_from = active_from.ok_or(Rejection::TooLate { until: entry.recorded_at })?;
    key.recovery = Some(KeyRecovery { active_from, evidence: recover.evidence, stopped: false });
    party.keys.push(key);
    party.changed_seq = entry.seq;
    Ok(vec![Change::Party(Arc::new(party))])
}

/// From the next record on the key signs nothing; a recovery that was still cooling off ends with it.
fn end(key: &mut PartyKey, entry: &Entry) {
    key.revoked_seq = Some(entry.seq);
    if let Some(recovery) = &mut key.recovery {
        recovery.stopped = entry.recorded_at < recovery.active_from;
    }
}

fn new_key(entry: &Entry, new: &NewKey) -> Result<PartyKey, Rejection> {
    // A weak key never gets here: reading the command refuses it.
    let public = new.public_key().map_err(|_| Rejection::KeyNotActive { keyid: entry.signer })?;
    Ok(PartyKey {
        public,
        uses: new.uses.clone(),
        rotated_from: None,
        added_seq: entry.seq,
        revoked_seq: None,
        compromised_from: None,
        recovery: None,
    })
}

fn own_party(state: &State, entry: &Entry, named: Option<&PartyId>) -> Result<Party, Rejection> {
    let author = state.need_party(&entry.command.author, "/author")?;
    if named.is_some_and(|party| *party != author.id) {
        return Err(Rejection::NotAuthorised { who_may: "the party whose key it is" });
    }
    Ok(Party { changed_seq: entry.seq, ..Party::clone(author) })
}

/// A key belongs to one party, for ever: so whoever revokes it knows whose it is.
fn check_new(state: &State, key: &PartyKey) -> Result<(), Rejection> {
    let id = key.public.id();
    if state.parties().any(|party| party.key(id).is_some()) {
        return Err(Rejection::IdTaken { id: id.to_string() });
    }
    Ok(())
}

fn revocable<'a>(party: &'a mut Party, keyid: KeyId, pointer: &str) -> Result<&'a mut PartyKey, Rejection> {
    let key = party.keys.iter_mut().find(|key| key.public.id() == keyid);
    let key = key.ok_or_else(|| no_key(keyid, pointer))?;
    match key.revoked_seq {
        None => Ok(key),
        Some(seq) => Err(Rejection::WrongState {
            state: format!("revoked at record {seq}"),
            fits: "nothing: a revoked key never returns".to_owned(),
        }),
    }
}

fn no_key(keyid: KeyId, pointer: &str) -> Rejection {
    Rejection::UnknownReference { pointer: pointer.to_owned(), what: format!("no key {keyid}") }
}

pub(super) fn suspend(
    state: &State,
    entry: &Entry,
    standing: &PartyStanding,
) -> Result<Vec<Change>, Rejection> {
    set_suspended(state, entry, standing, true)
}

pub(super) fn resume(
    state: &State,
    entry: &Entry,
    standing: &PartyStanding,
) -> Result<Vec<Change>, Rejection> {
    set_suspended(state, entry, standing, false)
}

/// A suspended party authors nothing; what it has is not touched. The operator stays: somebody has to
/// resume the others.
fn set_suspended(
    state: &State,
    entry: &Entry,
    standing: &PartyStanding,
    suspended: bool,
) -> Result<Vec<Change>, Rejection> {
    let party = state.need_party(&standing.party, "/body/party")?;
    if party.role == Role::Operator || party.suspended == suspended {
        let standing = if party.suspended { "suspended" } else { "active" };
        let fits = match (party.role, party.suspended) {
            (Role::Operator, _) => "nothing: the operator is not suspended",
            (_, true) => "party.resume",
            (_, false) => "party.suspend",
        };
        return Err(Rejection::WrongState { state: standing.to_owned(), fits: fits.to_owned() });
    }
    let party = Party { suspended, changed_seq: entry.seq, ..Party::clone(party) };
    Ok(vec![Change::Party(Arc::new(party))])
}
