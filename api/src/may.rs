//! Who may see what: one function for every read.
//!
//! ✓ all; *own* means the party is owner, other side of the agreement, or custodian of the account.
//! What one may not see looks like what is not there. Source: API specification §6.

use std::sync::Arc;

use ledger::account::Account;
use ledger::address::Address;
use ledger::agreement::Agreement;
use ledger::approval::{HeldCommand, Policy, Scope as PolicyScope};
use ledger::break_record::Break;
use ledger::call_record::CallRecord;
use ledger::command::{Command, Concern};
use ledger::digest::Digest;
use ledger::evidence::{CustodyStatement, Observation};
use ledger::id::{AccountId, MovementId, OverrideId, PartyId};
use ledger::json::{self, Json};
use ledger::market::{MarginStatement, Portfolio};
use ledger::movement::Movement;
use ledger::overrides::Override;
use ledger::party::{Party, Role, Scope};
use ledger::state::{DocumentEntry, DocumentPart, State};

use crate::scope::Within;
use crate::session::Principal;

/// Something that is read.
#[derive(Clone, Copy)]
pub enum Object<'a> {
    /// Reference data: assets, rule books.
    Reference,
    /// A party: its name and active keys.
    Party(&'a Party),
    /// A policy.
    Policy(&'a Policy),
    /// A command that waits for others.
    Held(&'a HeldCommand),
    /// An account.
    Account(&'a Account),
    /// An address on the allow-list.
    Address(&'a Address),
    /// An agreement.
    Agreement(&'a Agreement),
    /// A portfolio.
    Portfolio(&'a Portfolio),
    /// A margin statement.
    Statement(&'a MarginStatement),
    /// A movement.
    Movement(&'a Movement),
    /// A call.
    Call(&'a CallRecord),
    /// A custodian's statement.
    CustodyStatement(&'a CustodyStatement),
    /// A break.
    Break(&'a Break),
    /// An observation of a chain.
    Observation(&'a Observation),
    /// A seal without its lines.
    Seal,
    /// The line of a seal for a custodian, property class and asset.
    SealLine([&'a str; 3]),
    /// A reconciliation over these statements.
    Reconciliation(&'a [ledger::id::CustodyStatementId]),
    /// An override.
    Override(&'a Override),
    /// A document.
    Document(&'a Digest, &'a DocumentEntry),
    /// The body of a record.
    Record(&'a Command),
}

/// Whether the principal may read the object.
#[must_use]
pub fn may_read(principal: &Principal, object: Object, state: &State) -> bool {
    let salts = matches!(object, Object::Document(_, entry) if entry.part == DocumentPart::Salts);
    match principal.role {
        Role::Operator => return !salts,
        Role::Auditor => {
            return state.party(&principal.party).is_some_and(|auditor| match &auditor.scope {
                Scope::All => true,
                Scope::Only { parties, agreements } => {
                    Within { auditor: &auditor.id, parties, agreements, state }.holds(object)
                }
            });
        }
        Role::Witness => return matches!(object, Object::Reference),
        Role::Client | Role::Custodian => {}
    }
    let party = &principal.party;
    let custodian = principal.role == Role::Custodian;
    match object {
        Object::Reference => true,
        Object::Party(other) => {
            let recovers = other.recovery.as_ref() == Some(party);
            other.role == Role::Operator || recovers || deals_with(party, &other.id, state)
        }
        Object::Account(account) => account.owner == *party || account.custodian == *party,
        Object::Address(address) => address.owner == *party || address.custodian.as_ref() == Some(party),
        Object::Agreement(agreement) => !custodian && agreement.parties.contains(party),
        Object::Portfolio(portfolio) => {
            !custodian && (portfolio.owner.as_ref() == Some(party) || portfolio.author == *party)
        }
        Object::Statement(statement) => !custodian && statement.pledgor == *party,
        Object::Movement(movement) => moves_own(movement, party, state),
        Object::Call(call) => !custodian && (call.secured == *party || call.pledgor == *party),
        Object::CustodyStatement(statement) => statement.custodian == *party,
        Object::Reconciliation(statements) => {
            let own = |statement: &Arc<CustodyStatement>| statement.custodian == *party;
            let compared = statements.iter().map(|id| state.custody_statement(id));
            !statements.is_empty() && compared.into_iter().all(|found| found.is_some_and(own))
        }
        Object::Override(granted) => touches(granted, party, state),
        Object::Policy(policy) => match &policy.scope {
            PolicyScope::Everyone => true,
            PolicyScope::Party(owner) => owner == party,
        },
        Object::Held(held) => state.concerned(&Concern::Held(held.id)).contains(party),
        Object::Break(found) => {
            state.break_custodian(found) == Some(party) || state.break_parties(found).contains(party)
        }
        Object::Observation(observation) => observation.author == *party,
        Object::Seal => true,
        Object::SealLine([keeper, class, asset]) => {
            party.as_str() == keeper
                || state.accounts().any(|account| {
                    account.owner == *party
                        && account.custodian.as_str() == keeper
                        && account.class.as_str() == class
                        && account.asset.as_str() == asset
                })
        }
        Object::Document(digest, entry) => {
            !salts && (entry.readers.contains(party) || state.is_reference(digest))
        }
        Object::Record(command) => command.author == *party || state.concerns(&command.body, party),
    }
}

/// A record's effects, as its receipt tells them, without the accounts, movements and overrides of others.
///
/// Whose an account is and what a movement touches never changes, so neither does the answer.
#[must_use]
pub fn readable_effects(principal: &Principal, effects: &[u8], state: &State) -> Json {
    let effects = json::read(effects).unwrap_or_else(|error| {
        tracing::error!(%error, "a record's effects cannot be read");
        Json::array([])
    });
    let told = effects.as_array().unwrap_or_default().iter().filter(|effect| {
        let text = |name: &str| effect.get(name).and_then(Json::as_str).unwrap_or_default();
        match text("kind") {
            "account" => AccountId::parse(text("id"))
                .ok()
                .and_then(|id| state.account(&id))
                .is_some_and(|account| may_read(principal, Object::Account(account), state)),
            "movement" => MovementId::parse(text("id"))
                .ok()
                .and_then(|id| state.movement(&id))
                .is_some_and(|movement| may_read(principal, Object::Movement(movement), state)),
            "override" => OverrideId::parse(text("id"))
                .ok()
                .and_then(|id| state.one_override(&id))
                .is_some_and(|granted| may_read(principal, Object::Override(granted), state)),
            _ => true,
        }
    });
    Json::array(told.cloned())
}

/// Whether it is the party itself or a counterparty: the other side of an agreement, or across an
/// account. Who else is a client here is no client's business.
fn deals_with(party: &PartyId, other: &PartyId, state: &State) -> bool {
    party == other
        || state.agreements().any(|one| one.parties.contains(party) && one.parties.contains(other))
        || state.accounts().any(|one| {
            let ends = [&one.owner, &one.custodian];
            ends.contains(&party) && ends.contains(&other)
        })
}

/// Whether collateral of the party's, or in its keeping, may go out by an override.
fn touches(granted: &Override, party: &PartyId, state: &State) -> bool {
    state
        .account(&granted.account)
        .is_some_and(|account| account.owner == *party || account.custodian == *party)
}

fn moves_own(movement: &Movement, party: &PartyId, state: &State) -> bool {
    movement.postings.iter().flat_map(|posting| [&posting.from, &posting.to]).any(|id| {
        state.account(id).is_some_and(|account| account.owner == *party || account.custodian == *party)
    })
}
