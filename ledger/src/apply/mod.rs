//! The only transition function: no clock, no I/O, no randomness, no floating point.
//!
//! [`apply`] is a ladder of refusals and then effects; live and recovery run the same one. Time is
//! the record's, documents come in parsed, and what time alone has changed (expired reservations)
//! is put in by [`advance`] before the command is judged.
//!
//! **Rules version 1.** A record replays under the rules of its own sequence; a fix of a rule is a
//! new version beside the old one.

mod account;
mod address;
mod agreement;
mod approval;
mod batch;
mod breaker;
mod breaks;
mod call;
mod collateral;
mod correction;
mod custody;
mod documents;
mod facts;
mod governance;
mod margin;
mod market;
mod movement;
mod overrides;
mod party;
mod policy;
mod postings;
mod registry;
mod seal;
mod velocity;
mod webhook;

use std::sync::Arc;

use policy::Decision;

pub use collateral::posted_value;
pub use documents::{Content, Documents, judged_body};
pub(crate) use facts::leaves_owner;

use crate::command::{Body, Command};
use crate::digest::Digest;
use crate::envelope::Purpose;
use crate::fault::{Fault, is_planted};
use crate::key::KeyId;
use crate::party::Party;
use crate::rejection::Rejection;
use crate::state::{Effects, State};
use crate::time::{EXPIRY_MAX_MS, Timestamp};

/// The rules that this program applies to new ledgers.
pub const RULES_VERSION: u64 = 1;

/// A command at its place in the log.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its sequence number.
    pub seq: u64,
    /// Its recorded time.
    pub recorded_at: Timestamp,
    /// Its id.
    pub command_id: Digest,
    /// The author's key that signed it.
    pub signer: KeyId,
    /// What is asked.
    pub command: &'a Command,
    /// The bytes that say so.
    pub payload: &'a [u8],
    /// The documents it names.
    pub documents: &'a Documents,
}

/// Judges a command and, if it holds, gives the state after it.
///
/// # Errors
/// The first [`Rejection`] that holds; the state is as it was.
pub fn transition(state: &State, entry: &Entry) -> Result<(State, Effects), Rejection> {
    let mut next = state.clone();
    let effects = advance(&mut next, entry)?;
    Ok((next, effects))
}

/// [`transition`] in place: what no other clone of the state shares is changed where it is, so that
/// who owns the only one copies nothing.
///
/// # Errors
/// The first [`Rejection`] that holds; the state is as it was.
pub fn advance(state: &mut State, entry: &Entry) -> Result<Effects, Rejection> {
    let overdue = state.movements_due(entry.recorded_at);
    if overdue.is_empty() {
        let asked = apply(state, entry)?;
        state.commit(entry, &asked);
        return Ok(asked);
    }
    let mut next = state.clone();
    let mut effects = Effects::default();
    for movement in overdue {
        if is_planted(Fault::ExpiryForgotten) {
            break;
        }
        for change in movement::expire(&next, &movement, entry.seq) {
            next.put(&change);
            effects.0.push(change);
        }
    }
    let asked = apply(&next, entry)?;
    next.commit(entry, &asked);
    effects.0.extend(asked.0);
    *state = next;
    Ok(effects)
}

/// Judges a command against a state in which nothing is overdue.
///
/// # Errors
/// The first [`Rejection`] that holds.
pub fn apply(state: &State, entry: &Entry) -> Result<Effects, Rejection> {
    check_ledger(state, entry)?;
    check_time(entry)?;
    check_idempotency(state, entry)?;
    let author = check_author(state, entry)?;
    check_role(entry.command, author.as_deref())?;
    documents::check(state, entry)?;

    let effects = judge(state, entry)?;
    if Body::purpose(entry.command.body.type_name()) == Purpose::Approval {
        // What needs approvals is the command, never what is said of it.
        return Ok(effects);
    }
    match policy::decide(state, entry, &effects)? {
        Decision::Allowed => Ok(effects),
        Decision::Held(needs) => Ok(approval::hold(state, entry, needs)),
    }
}

/// What a command would change, policies aside.
fn judge(state: &State, entry: &Entry) -> Result<Effects, Rejection> {
    let mut effects = expected(state, entry, apply_body(state, entry))?;
    effects.0.extend(documents::changes(state, entry, imbl::OrdSet::new()));
    Ok(effects)
}

/// Expectations stand between references and stages: the earlier refusal is the answer. That the
/// ledger is closed is a stage, whatever is asked.
fn expected(state: &State, entry: &Entry, outcome: Result<Effects, Rejection>) -> Result<Effects, Rejection> {
    let standing =
        check_expectations(state, entry.command).and_then(|()| governance::check_not_closed(state));
    match (outcome, standing) {
        (Ok(effects), Ok(())) => Ok(effects),
        (Err(refusal), Ok(())) | (Ok(_), Err(refusal)) => Err(refusal),
        (Err(refusal), Err(standing)) => Err(earlier(refusal, standing)),
    }
}

fn apply_body(state: &State, entry: &Entry) -> Result<Effects, Rejection> {
    let changes = match &entry.command.body {
        Body::LedgerOpen(open) => party::open(state, entry, open),
        Body::LedgerWitnessPolicy(set) => governance::set_witness_policy(state, entry, set),
        Body::LedgerLogKey(announce) => governance::announce_log_key(state, entry, announce),
        Body::LedgerRules(set) => governance::set_rules(state, entry, set),
        Body::LedgerConfirmClock(confirm) => governance::confirm_clock(state, entry, confirm),
        Body::LedgerClose(end) => governance::close(state, entry, end),
        Body::BreakerStep(step) => breaker::take_step(state, entry, step),
        Body::OverrideGrant(grant) => overrides::grant(state, entry, grant),
        Body::OverrideRevoke(revoke) => overrides::revoke(state, entry, revoke),
        Body::PartyRegister(register) => party::register(state, entry, register),
        Body::KeyAdd(add) => party::add_key(state, entry, add),
        Body::KeyRotate(rotate) => party::rotate_key(state, entry, rotate),
        Body::KeyRevoke(revoke) => party::revoke_key(state, entry, revoke),
        Body::PolicySet(set) => policy::set(state, entry, set),
        Body::ApprovalGive(say) => approval::give(state, entry, say),
        Body::ApprovalRefuse(say) => approval::refuse(state, entry, say),
        Body::ApprovalWithdraw(say) => approval::withdraw(state, entry, say),
        Body::KeyRecover(recover) => party::recover_key(state, entry, recover),
        Body::RegimeAdopt(adopt) => market::adopt_regime(entry, adopt),
        Body::AssetDefine(define) => registry::define_asset(state, entry, define),
        Body::PartySuspend(standing) => party::suspend(state, entry, standing),
        Body::PartyResume(standing) => party::resume(state, entry, standing),
        Body::AssetSuspend(suspend) => registry::suspend_asset(state, entry, suspend),
        Body::AccountOpen(open) => account::open(state, entry, open),
        Body::AccountClose(standing) => account::close(state, entry, standing),
        Body::AccountFreeze(standing) => account::freeze(state, entry, standing),
        Body::AccountUnfreeze(standing) => account::unfreeze(state, entry, standing),
        Body::AgreementPropose(propose) => agreement::propose(state, entry, propose),
        Body::AgreementAccept(accept) => agreement::accept(state, entry, accept),
        Body::AgreementReject(reject) => agreement::reject(state, entry, reject),
        Body::AgreementTerminate(terminate) => agreement::terminate(state, entry, terminate),
        Body::AddressAdd(add) => address::add(state, entry, add),
        Body::AddressProve(prove) => address::prove(state, entry, prove),
        Body::AddressAllow(allow) => address::allow(state, entry, allow),
        Body::AddressRemove(remove) => address::remove(state, entry, remove),
        Body::DocumentPut(put) => registry::put_document(state, entry, put),
        Body::DocumentErase(erase) => registry::erase_document(state, entry, erase),
        Body::PriceSet(set) => market::set_prices(state, entry, set),
        Body::PositionReport(report) => market::report_positions(state, entry, report),
        Body::MovementInstruct(instruct) => movement::instruct(state, entry, instruct),
        Body::MovementSettle(settle) => movement::settle(state, entry, settle),
        Body::MovementVoid(void) => movement::void(state, entry, void),
        Body::MovementBatch(batch) => batch::apply(state, entry, batch),
        Body::MovementReverse(reverse) => correction::reverse(state, entry, reverse),
        Body::MovementReclassify(reclassify) => correction::reclassify(state, entry, reclassify),
        Body::MarginState(stated) => margin::state_margin(state, entry, stated),
        Body::CallIssue(issue) => call::issue(state, entry, issue),
        Body::CallStep(call, step) => call::step(state, entry, call, step),
        Body::CustodyStatement(put) => custody::put_statement(state, entry, put),
        Body::Reconciliation(record) => custody::record_reconciliation(state, entry, record),
        Body::CustodyObserve(observe) => custody::observe(state, entry, observe),
        Body::BreakOpen(open) => breaks::open(state, entry, open),
        Body::BreakAssign(assign) => breaks::assign(state, entry, assign),
        Body::BreakExplain(explain) => breaks::explain(state, entry, explain),
        Body::BreakResolve(resolve) => breaks::resolve(state, entry, resolve),
        Body::BreakWriteOff(write_off) => breaks::write_off(state, entry, write_off),
        Body::SealPut(put) => seal::put(state, entry, put),
        Body::AttestationPut(put) => seal::attest(state, entry, put),
        Body::WebhookSet(set) => webhook::set(state, entry, set),
        Body::WebhookRemove(remove) => webhook::remove(state, entry, remove),
    }?;
    Ok(Effects(changes))
}

fn check_ledger(state: &State, entry: &Entry) -> Result<(), Rejection> {
    let got = &entry.command.ledger;
    if got == state.origin() {
        Ok(())
    } else {
        Err(Rejection::WrongLedger { expected: state.origin().to_owned(), got: got.clone() })
    }
}

/// Source: audit specification §1, replay rule 2.
fn check_time(entry: &Entry) -> Result<(), Rejection> {
    let (expires_at, recorded_at) = (entry.command.expires_at, entry.recorded_at);
    match expires_at.millis_since(recorded_at) {
        None | Some(0) if is_planted(Fault::ExpiredCommand) => Ok(()),
        None | Some(0) => Err(Rejection::Expired { expires_at, recorded_at }),
        Some(ahead) if ahead > EXPIRY_MAX_MS => Err(Rejection::ExpiresTooLate { expires_at, recorded_at }),
        Some(_) => Ok(()),
    }
}

/// Source: audit specification §1, replay rule 3.
fn check_idempotency(state: &State, entry: &Entry) -> Result<(), Rejection> {
    let Command { author, idempotency_key, .. } = entry.command;
    match state.key_holder(author, idempotency_key, entry.recorded_at) {
        Some(holder) if !is_planted(Fault::KeyReused) => {
            Err(Rejection::IdempotencyKeyReused { seq: holder.seq })
        }
        Some(_) | None => Ok(()),
    }
}

/// The author, whose key must be active at this sequence and registered for the use.
fn check_author(state: &State, entry: &Entry) -> Result<Option<Arc<Party>>, Rejection> {
    let keyid = entry.signer;
    if state.opened().is_none() {
        // Record 0 brings its own key.
        let own = entry.command.body.new_key().and_then(|new| new.public_key().ok()).map(|key| key.id());
        let opens = matches!(entry.command.body, Body::LedgerOpen(_)) && own == Some(keyid);
        return if opens { Ok(None) } else { Err(Rejection::KeyNotActive { keyid }) };
    }
    let author = state.party(&entry.command.author).ok_or(Rejection::KeyNotActive { keyid })?;
    let key = author.key(keyid).ok_or(Rejection::KeyNotActive { keyid })?;
    if !key.is_active_at(entry.seq, entry.recorded_at) && !is_planted(Fault::RevokedKey) {
        return Err(Rejection::KeyNotActive { keyid });
    }
    if author.suspended && !is_planted(Fault::SuspendedAuthor) {
        return Err(Rejection::AuthorSuspended { author: author.id.clone() });
    }
    let needed = entry.command.body.key_use();
    if key.uses.contains(&needed) {
        Ok(Some(Arc::clone(author)))
    } else {
        Err(Rejection::UseNotAllowed { keyid, needed })
    }
}

fn check_role(command: &Command, author: Option<&Party>) -> Result<(), Rejection> {
    let roles = command.body.roles();
    match author {
        None => Ok(()),
        Some(author) if roles.contains(&author.role) => Ok(()),
        Some(_) => Err(Rejection::for_roles(roles)),
    }
}

fn check_expectations(state: &State, command: &Command) -> Result<(), Rejection> {
    for expectation in &command.expect {
        let got = state.changed_seq(&expectation.of);
        if got != Some(expectation.seq) && !is_planted(Fault::ExpectationIgnored) {
            let of = expectation.of.clone();
            return Err(Rejection::ExpectationFailed { of, expected: expectation.seq, got });
        }
    }
    Ok(())
}

fn earlier(one: Rejection, other: Rejection) -> Rejection {
    let rank = |rejection: &Rejection| Rejection::CODES.iter().position(|code| *code == rejection.code());
    if rank(&one) <= rank(&other) { one } else { other }
}

/// All that holds, or of the refusals the one that stands first in the order of precedence, wherever it
/// was found.
fn all_or_first<T>(judged: impl IntoIterator<Item = Result<T, Rejection>>) -> Result<Vec<T>, Rejection> {
    let (mut good, mut first) = (Vec::new(), None);
    for one in judged {
        match (one, first.take()) {
            (Ok(one), refused) => {
                good.push(one);
                first = refused;
            }
            (Err(refusal), None) => first = Some(refusal),
            (Err(refusal), Some(before)) => first = Some(earlier(before, refusal)),
        }
    }
    first.map_or(Ok(good), Err)
}

/// Whether a check holds, whatever it gives if it does: to be judged beside others.
fn told<T>(outcome: &Result<T, Rejection>) -> Result<(), Rejection> {
    outcome.as_ref().map(|_| ()).map_err(Rejection::clone)
}

/// Refuses an id that was used, in any case.
fn check_free(state: &State, kind: &str, id: &str) -> Result<(), Rejection> {
    if state.is_taken(kind, id) { Err(Rejection::IdTaken { id: id.to_owned() }) } else { Ok(()) }
}
