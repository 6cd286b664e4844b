//! What the strategy table cannot take: contracts of different sizes on one underlying, and more
//! options than can be paired in reasonable time.

use std::collections::{BTreeMap, BTreeSet};

use ledger::decimal::Exact;

use crate::contract::Contract;
use crate::error::Code;
use crate::instrument::Kind;
use crate::position::Position;
use crate::reader::Reader;
use crate::regime::Library;

/// Options on one underlying that one account may hold.
pub(super) const LEGS_MAX: usize = 16;

/// Notes what cannot be paired. `held` finds the contract of a position that is still open.
///
/// Source: margin specification, section 3.1.
pub(crate) fn check_books<'a>(
    reader: &mut Reader,
    library: &Library,
    positions: &'a [Position],
    held: impl Fn(&Position) -> Option<&'a Contract>,
) {
    let mut books: BTreeMap<(&str, &str), (Exact, BTreeSet<&str>)> = BTreeMap::new();
    for position in positions {
        let option = held(position).filter(|contract| contract.kind == Kind::Option);
        let Some(contract) = option.filter(|contract| library.asks_strategy(contract.legal)) else {
            continue;
        };
        let size = &contract.multiplier * &contract.ratio;
        let key = (position.account.as_str(), contract.underlying.as_str());
        let (first, seen) = books.entry(key).or_insert_with(|| (size.clone(), BTreeSet::new()));
        if *first != size {
            let message = format!(
                "options on {:?} must all have one multiplier to be paired; book others apart",
                contract.underlying
            );
            reader.note(Code::MixedMultiplier, &position.spot, message);
        }
        seen.insert(&contract.id);
        if seen.len() > LEGS_MAX {
            let message = format!(
                "more than {LEGS_MAX} options on {:?} in one account; close some or book them apart",
                contract.underlying
            );
            reader.note(Code::TooManyLegs, &position.spot, message);
        }
    }
}
