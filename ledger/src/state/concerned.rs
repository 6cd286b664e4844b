//! Whom a command concerns, as the state knows it.

use std::sync::Arc;

use super::State;
use crate::account::{Account, Book};
use crate::break_record::Break;
use crate::command::{AddressNamed, Body, Concern};
use crate::digest::Digest;
use crate::evidence::Reconciliation;
use crate::id::{AccountId, PartyId};

impl State {
    /// Whether a command is about an object of the party's own.
    #[must_use]
    pub fn concerns(&self, body: &Body, party: &PartyId) -> bool {
        body.concerns()
            .iter()
            .any(|concern| *concern == Concern::Everyone || self.concerned(concern).contains(party))
    }

    /// The parties that one thing concerns; of [`Concern::Everyone`] none is named.
    #[must_use]
    pub fn concerned(&self, concern: &Concern) -> Vec<PartyId> {
        match concern {
            Concern::Everyone => Vec::new(),
            Concern::Party(party) => vec![party.clone()],
            Concern::Recovery(party) => {
                let contact = self.party(party).and_then(|party| party.recovery.clone());
                [party.clone()].into_iter().chain(contact).collect()
            }
            Concern::Address(named) => self.owner_of(named).into_iter().collect(),
            Concern::Account(account) => self.holders(account),
            Concern::Movement(movement) => self.movement(movement).map_or_else(Vec::new, |movement| {
                let accounts = movement.postings.iter().flat_map(|posting| [&posting.from, &posting.to]);
                accounts.flat_map(|account| self.holders(account)).collect()
            }),
            Concern::Agreement(agreement) => {
                self.agreement(agreement).map_or_else(Vec::new, |agreement| agreement.parties.clone())
            }
            Concern::Override(id) => {
                self.one_override(id).map_or_else(Vec::new, |granted| self.holders(&granted.account))
            }
            Concern::Terms(digest) => self.parties_to_terms(digest),
            Concern::Call(call) => {
                self.call(call).map_or_else(Vec::new, |call| vec![call.secured.clone(), call.pledgor.clone()])
            }
            Concern::Held(id) => self.held_command(id).map_or_else(Vec::new, |held| {
                let deciders = held.needs.iter().flat_map(|need| &need.of);
                let deciders = deciders.map(|principal| principal.party.clone());
                [held.author.clone()].into_iter().chain(deciders).collect()
            }),
            Concern::Portfolio(portfolio) => {
                self.portfolio(portfolio).and_then(|portfolio| portfolio.owner.clone()).into_iter().collect()
            }
            Concern::Break(id) => {
                self.open_break(id).map_or_else(Vec::new, |found| self.break_parties(found))
            }
            Concern::Document(digest) => {
                self.document(digest).map_or_else(Vec::new, |entry| entry.readers.iter().cloned().collect())
            }
        }
    }

    /// The party whose own approval a command needs, whatever the policies say: a recovery, that of the
    /// contact named when the party was registered.
    #[must_use]
    pub fn must_approve(&self, body: &Body) -> Option<PartyId> {
        let Body::KeyRecover(recover) = body else { return None };
        self.party(&recover.party)?.recovery.clone()
    }

    /// Several owners may have written the same text: then it is left to each one's own records.
    fn owner_of(&self, named: &AddressNamed) -> Option<PartyId> {
        let mut owners = self.addresses_named(named).map(|address| &address.owner);
        let first = owners.next()?;
        owners.all(|owner| owner == first).then(|| first.clone())
    }

    /// Whom a break concerns: the custodian, and the owner of the account that it is in.
    ///
    /// An account at the custodian that is kept for several owners is nobody's own.
    #[must_use]
    pub fn break_parties(&self, found: &Break) -> Vec<PartyId> {
        let custodian = self.break_custodian(found).cloned();
        let mut owners = self.break_accounts(found).map(|account| &account.owner);
        let owner = owners.next().filter(|first| owners.all(|other| other == *first)).cloned();
        custodian.into_iter().chain(owner).collect()
    }

    /// The custodian whose statements a break comes from, if they are all of one.
    #[must_use]
    pub fn break_custodian(&self, found: &Break) -> Option<&PartyId> {
        self.compared_custodian(self.reconciliation(&found.reconciliation)?)
    }

    /// The custodian whose statements a reconciliation compared, if they are all of one.
    #[must_use]
    pub fn compared_custodian(&self, found_by: &Reconciliation) -> Option<&PartyId> {
        let compared = &found_by.statements;
        let mut custodians = compared.iter().map(|id| self.custody_statement(id).map(|one| &one.custodian));
        let first = custodians.next()??;
        custodians.all(|other| other == Some(first)).then_some(first)
    }

    /// The accounts that a break is in: those of its asset kept under its account at the custodian.
    pub fn break_accounts(&self, found: &Break) -> impl Iterator<Item = &Arc<Account>> {
        let place = self.break_custodian(found).zip(found.place.clone());
        self.accounts().filter(move |account| {
            place.as_ref().is_some_and(|(custodian, place)| {
                let joined = account.custodian_account.as_deref().unwrap_or(account.id.as_str());
                account.custodian == **custodian
                    && account.book != Book::External
                    && account.asset.as_str() == place.asset
                    && joined == place.account
            })
        })
    }

    fn holders(&self, account: &AccountId) -> Vec<PartyId> {
        self.account(account)
            .map_or_else(Vec::new, |account| vec![account.owner.clone(), account.custodian.clone()])
    }

    fn parties_to_terms(&self, digest: &Digest) -> Vec<PartyId> {
        let found = self.agreements().find(|agreement| {
            agreement.versions.iter().chain(&agreement.proposal).any(|version| version.digest == *digest)
        });
        found.map_or_else(Vec::new, |agreement| agreement.parties.clone())
    }
}
