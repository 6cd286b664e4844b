//! What a seal says of the state: the balances per custodian, property class and asset, and the sum
//! trees over them.
//!
//! Source: audit specification §11.

use std::collections::BTreeMap;

use super::State;
use crate::account::{Account, AccountStatus, Book};
use crate::seal::{Leaf, SaltKey, SealError, SealList, SealTrees};

/// The accounts of one tree, and what they hold in sum.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sealed {
    /// Accounts.
    pub count: u64,
    /// Smallest units; `None` from 2^128 on.
    pub sum: Option<u128>,
}

/// Custodian, property class and asset.
type TreeName<'a> = (&'a str, &'a str, &'a str);

impl State {
    /// How many accounts each tree of a seal has here, and what they hold in sum.
    #[must_use]
    pub fn sealed(&self) -> BTreeMap<TreeName<'_>, Sealed> {
        let mut trees: BTreeMap<TreeName, Sealed> = BTreeMap::new();
        for account in self.accounts().filter(|account| is_sealed(account)) {
            let start = Sealed { count: 0, sum: Some(0) };
            let tree = trees.entry(tree_of(account)).or_insert(start);
            tree.count += 1;
            tree.sum = tree.sum.and_then(|sum| sum.checked_add(account.settled));
        }
        trees
    }

    /// The lines of a seal of this state under its secret.
    ///
    /// # Errors
    /// [`SealError`] if a sum is too large, or by a chance of one in 2^256.
    pub fn seal_list(&self, secret: &[u8; 32]) -> Result<SealList, SealError> {
        self.seal_trees(secret)?.list()
    }

    /// The trees of a seal of this state under its secret.
    ///
    /// # Errors
    /// As [`State::seal_list`].
    pub fn seal_trees(&self, secret: &[u8; 32]) -> Result<SealTrees, SealError> {
        let salts = SaltKey::new(secret);
        let mut trees: BTreeMap<[&str; 3], Vec<Leaf>> = BTreeMap::new();
        for account in self.accounts().filter(|account| is_sealed(account)) {
            let id = account.id.as_str();
            let leaf = Leaf::new(id, account.book.as_str(), account.settled, salts.salt(id))?;
            let (custodian, class, asset) = tree_of(account);
            trees.entry([custodian, class, asset]).or_default().push(leaf);
        }
        SealTrees::over(trees)
    }
}

/// A closed account holds nothing for ever; `external` is nobody's balance. What is frozen is held.
fn is_sealed(account: &Account) -> bool {
    let open = match account.status {
        AccountStatus::Open | AccountStatus::Frozen => true,
        AccountStatus::Closed => false,
    };
    open && account.book != Book::External
}

fn tree_of(account: &Account) -> TreeName<'_> {
    (account.custodian.as_str(), account.class.as_str(), account.asset.as_str())
}
