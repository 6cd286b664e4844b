//! The allow-list of addresses, by what is written.

use std::sync::Arc;

use super::State;
use crate::address::Address;
use crate::chain::{Chain, spellings};
use crate::command::AddressNamed;
use crate::id::{AssetId, PartyId};

impl State {
    /// Every address, in the order of texts, removed ones too.
    pub fn addresses(&self) -> impl Iterator<Item = &Arc<Address>> {
        self.addresses.values().flatten()
    }

    /// The addresses that a text names, in any spelling that their chain gives them.
    pub fn addresses_written<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a Arc<Address>> {
        let found = spellings(text).into_iter().filter_map(|spelling| self.addresses.get(&spelling));
        found.flatten().filter(|address| address.chain.normal(text).as_ref() == Ok(&address.address))
    }

    /// The addresses that a command may mean.
    pub fn addresses_named<'a>(&'a self, named: &'a AddressNamed) -> impl Iterator<Item = &'a Arc<Address>> {
        fn fits<T: PartialEq>(wanted: Option<&T>, got: Option<&T>) -> bool {
            wanted.is_none() || wanted == got
        }
        self.addresses_written(named.address.as_str()).filter(|address| {
            fits(named.chain.as_ref(), Some(&address.chain))
                && fits(named.owner.as_ref(), Some(&address.owner))
                && fits(named.custodian.as_ref(), address.custodian.as_ref())
        })
    }

    /// The addresses that a text names and to which the owner's asset could go from a custodian, at
    /// whatever stage they are. An asset that names no chain goes to addresses on any.
    pub fn destinations<'a>(
        &'a self,
        text: &'a str,
        owner: &'a PartyId,
        custodian: &'a PartyId,
        asset: &AssetId,
    ) -> impl Iterator<Item = &'a Arc<Address>> {
        let chain = self.asset(asset).and_then(|asset| asset.traits.get("chain")).cloned();
        self.addresses_written(text).filter(move |address| {
            let reached = address.custodian.as_ref().is_none_or(|named| named == custodian);
            let carried =
                chain.as_ref().is_none_or(|chain| Chain::parse(chain).as_ref() == Ok(&address.chain));
            address.owner == *owner && reached && carried
        })
    }

    /// Whether a proof of control has used the number up.
    #[must_use]
    pub fn is_nonce_used(&self, nonce: &str) -> bool {
        self.nonces.contains(nonce)
    }

    pub(super) fn put_address(&mut self, address: &Arc<Address>) {
        if let Some(proof) = &address.proof {
            self.nonces.insert(proof.nonce.clone());
        }
        let named = self.addresses.entry(address.address.clone()).or_default();
        match named.iter_mut().find(|known| known.is_same(address)) {
            Some(known) => *known = Arc::clone(address),
            None => named.push(Arc::clone(address)),
        }
    }
}
