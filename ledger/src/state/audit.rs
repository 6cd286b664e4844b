//! The invariants over the whole state, for replay, verification and simulation.

use std::collections::BTreeMap;

use num_bigint::BigInt;

use super::State;
use crate::account::Book;

impl State {
    /// Checks every invariant that the state alone can show.
    ///
    /// # Errors
    /// The first that does not hold, with the object and the figures.
    pub fn audit(&self) -> Result<(), String> {
        let mut sums: BTreeMap<(&str, &str), BigInt> = BTreeMap::new();
        for account in self.accounts() {
            let key = (account.asset.as_str(), account.custodian.as_str());
            let settled = BigInt::from(account.settled);
            let sum = sums.entry(key).or_default();
            match account.book {
                Book::External => *sum -= settled,
                Book::Available
                | Book::Posted
                | Book::Received
                | Book::Reused
                | Book::InTransit
                | Book::Reserved => *sum += settled,
            }
            if account.book != Book::External && account.pending_out > account.settled {
                return Err(format!(
                    "account {}: {} reserved of {} settled",
                    account.id, account.pending_out, account.settled
                ));
            }
        }
        for granted in self.overrides() {
            let used: BigInt = granted.uses.iter().map(|used| BigInt::from(used.units)).sum();
            if used > BigInt::from(granted.limit) {
                return Err(format!("override {}: {used} used of {}", granted.id, granted.limit));
            }
        }
        match sums.into_iter().find(|(_, sum)| *sum != BigInt::ZERO) {
            Some(((asset, custodian), sum)) => {
                Err(format!("{asset} at {custodian}: accounts sum to {sum}, not zero"))
            }
            None => Ok(()),
        }
    }
}
