//! What an auditor sees who was registered for a part: that of some parties, and under some agreements.
//!
//! Knows no other role: see [`crate::may`]. Source: API specification §6.

use std::collections::BTreeSet;

use ledger::approval::Scope as PolicyScope;
use ledger::command::{Body, Command, Concern};
use ledger::digest::Digest;
use ledger::id::{AccountId, AgreementId, CustodyStatementId, PartyId};
use ledger::market::Portfolio;
use ledger::movement::Movement;
use ledger::party::{Party, Role};
use ledger::state::{DocumentEntry, State};

use crate::may::Object;

/// A part of the ledger.
#[derive(Clone, Copy)]
pub(crate) struct Within<'a> {
    /// The auditor itself.
    pub(crate) auditor: &'a PartyId,
    /// The parties it was registered for.
    pub(crate) parties: &'a BTreeSet<PartyId>,
    /// The agreements it was registered for.
    pub(crate) agreements: &'a BTreeSet<AgreementId>,
    /// The state it reads.
    pub(crate) state: &'a State,
}

impl Within<'_> {
    /// Whether the object is in it.
    pub(crate) fn holds(self, object: Object) -> bool {
        match object {
            Object::Reference => true,
            Object::Party(party) => self.knows(party),
            Object::Account(account) => self.of(&account.owner) || self.of(&account.custodian),
            Object::Address(address) => {
                self.of(&address.owner) || address.custodian.as_ref().is_some_and(|party| self.of(party))
            }
            Object::Agreement(agreement) => self.under(&agreement.id),
            Object::Portfolio(portfolio) => self.tells(portfolio),
            Object::Statement(statement) => self.of(&statement.pledgor) || self.under(&statement.agreement),
            Object::Movement(movement) => self.moves(movement),
            Object::Call(call) => self.under(&call.agreement),
            Object::CustodyStatement(statement) => self.of(&statement.custodian),
            Object::Reconciliation(statements) => self.compares(statements),
            Object::Document(digest, entry) => self.reads(digest, entry),
            Object::Seal => true,
            Object::Break(found) => self.state.break_parties(found).iter().any(|party| self.of(party)),
            Object::Observation(observation) => self.of(&observation.author),
            Object::SealLine([keeper, class, asset]) => self.seals(keeper, class, asset),
            Object::Override(granted) => self.touches(&granted.account),
            Object::Policy(policy) => match &policy.scope {
                PolicyScope::Everyone => true,
                PolicyScope::Party(owner) => self.of(owner),
            },
            Object::Held(held) => {
                let concerned = self.state.concerned(&Concern::Held(held.id));
                concerned.iter().any(|party| self.of(party))
            }
            Object::Record(command) => self.records(command),
        }
    }

    fn of(self, party: &PartyId) -> bool {
        self.parties.contains(party) || party == self.auditor
    }

    /// An agreement that it was registered for, or of a party that it was.
    fn under(self, agreement: &AgreementId) -> bool {
        let parties =
            || self.state.agreement(agreement).is_some_and(|one| one.parties.iter().any(|id| self.of(id)));
        self.agreements.contains(agreement) || parties()
    }

    /// The parties themselves, the operator, and whoever is on the other side of what it sees.
    fn knows(self, party: &Party) -> bool {
        let deals =
            |one: &ledger::agreement::Agreement| one.parties.contains(&party.id) && self.under(&one.id);
        self.of(&party.id)
            || party.role == Role::Operator
            || self.state.agreements().any(|one| deals(one))
            || self.state.accounts().any(|one| {
                let ends = [&one.owner, &one.custodian];
                ends.contains(&&party.id) && ends.iter().any(|end| self.of(end))
            })
    }

    fn tells(self, portfolio: &Portfolio) -> bool {
        let stated = || {
            let of_it = self.state.statements().filter(|statement| statement.portfolio == portfolio.id);
            of_it.into_iter().any(|statement| self.agreements.contains(&statement.agreement))
        };
        self.of(&portfolio.author) || portfolio.owner.as_ref().is_some_and(|owner| self.of(owner)) || stated()
    }

    fn moves(self, movement: &Movement) -> bool {
        movement.postings.iter().any(|posting| self.touches(&posting.from) || self.touches(&posting.to))
    }

    fn touches(self, account: &AccountId) -> bool {
        let account = self.state.account(account);
        account.is_some_and(|account| self.of(&account.owner) || self.of(&account.custodian))
    }

    fn seals(self, keeper: &str, class: &str, asset: &str) -> bool {
        self.state.accounts().any(|account| {
            let line = [account.custodian.as_str(), account.class.as_str(), account.asset.as_str()];
            line == [keeper, class, asset] && (self.of(&account.owner) || self.of(&account.custodian))
        })
    }

    fn compares(self, statements: &[CustodyStatementId]) -> bool {
        let own = |id| self.state.custody_statement(id).is_some_and(|found| self.of(&found.custodian));
        !statements.is_empty() && statements.iter().all(own)
    }

    /// What a party in it may read, and what an agreement in it or a statement under one rests on.
    fn reads(self, digest: &Digest, entry: &DocumentEntry) -> bool {
        let terms = || {
            let agreements = self.agreements.iter().filter_map(|id| self.state.agreement(id));
            let mut versions = agreements.flat_map(|one| one.versions.iter().chain(&one.proposal));
            versions.any(|version| version.digest == *digest)
        };
        let basis = || {
            let mut under = self.state.statements().filter(|one| self.agreements.contains(&one.agreement));
            under.any(|one| [one.positions, one.prices, one.regime, one.report].contains(digest))
        };
        entry.readers.iter().any(|reader| self.of(reader))
            || self.state.is_reference(digest)
            || terms()
            || basis()
    }

    /// What a party in it signed or is concerned by, and what is about an agreement in it.
    fn records(self, command: &Command) -> bool {
        self.of(&command.author) || self.concerned(&command.body)
    }

    fn concerned(self, body: &Body) -> bool {
        body.concerns().iter().any(|concern| {
            let agreement = match concern {
                Concern::Everyone => return true,
                Concern::Agreement(agreement) => Some(agreement.clone()),
                Concern::Call(call) => self.state.call(call).map(|call| call.agreement.clone()),
                Concern::Terms(digest) => self.agreement_of(digest),
                Concern::Party(_)
                | Concern::Recovery(_)
                | Concern::Address(_)
                | Concern::Account(_)
                | Concern::Movement(_)
                | Concern::Held(_)
                | Concern::Override(_)
                | Concern::Break(_)
                | Concern::Document(_)
                | Concern::Portfolio(_) => None,
            };
            agreement.is_some_and(|agreement| self.under(&agreement))
                || self.state.concerned(concern).iter().any(|party| self.of(party))
        })
    }

    fn agreement_of(self, digest: &Digest) -> Option<AgreementId> {
        let has = |one: &ledger::agreement::Agreement| {
            one.versions.iter().chain(&one.proposal).any(|version| version.digest == *digest)
        };
        self.state.agreements().find(|one| has(one)).map(|one| one.id.clone())
    }
}
